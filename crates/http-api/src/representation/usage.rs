//! What keys used of a plan: of each key a pair a day, what it used and what was left of the period.

use super::{Form, ObjectWriter};
use gatepost_application::usage::ShownUsage;
use gatepost_domain::usage::DayShown;

/// Usage, and where it stands among other pages.
pub struct UsageDocument {
    /// What is shown.
    pub usage: ShownUsage,
    /// The position of the next page.
    pub position: Option<String>,
    /// The link to this page.
    pub href: String,
    /// The link to the first page, where there may be several.
    pub first: Option<String>,
}

pub(super) fn write(out: &mut Vec<u8>, form: Form, document: &UsageDocument) {
    let UsageDocument { usage, position, href, first } = document;
    ObjectWriter::write(out, form, |object| {
        object.links(|links| {
            links.to("self", href);
            if let Some(first) = first {
                links.to("first", first);
            }
            if let (Some(first), Some(position)) = (first, position) {
                links.to("next", &format!("{first}&position={position}"));
            }
        });
        object.text("endDate", &usage.days.last().to_string());
        object.optional_text("position", position.as_ref());
        object.text("startDate", &usage.days.first().to_string());
        object.text("usagePlanId", usage.plan.as_str());
        let keys = usage.keys.iter().map(|(key, days)| (key.as_str(), days.as_slice()));
        object.list_map("values", keys, |day, out| write_day(out, *day));
    });
}

/// `[used,remaining]`. Without a quota nothing is left to tell, which -1 stands for: 0 would read as used up.
fn write_day(out: &mut Vec<u8>, day: DayShown) {
    let remaining = day.remaining.map_or(-1, |left| i64::try_from(left).unwrap_or(i64::MAX));
    serde_json::to_writer(out, &(day.used, remaining)).expect("a Vec takes everything");
}

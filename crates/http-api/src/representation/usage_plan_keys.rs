//! A page of the keys of a usage plan.

use super::{Form, ListingPage, ObjectWriter, usage_plan_key};
use gatepost_application::api_keys::ShownApiKey;

/// `plan` is the plan's id as a segment of a path.
pub(super) fn write(out: &mut Vec<u8>, form: Form, plan: &str, page: &ListingPage<ShownApiKey>) {
    let path = format!("/usageplans/{plan}/keys");
    ObjectWriter::write(out, form, |object| {
        object.links(|links| {
            links.to("self", &path);
            page.links(links, &path);
            links.each("item", &page.items, |shown| usage_plan_key::href(plan, shown));
        });
        object.items(&page.items, |shown, out, form| usage_plan_key::write(out, form, plan, shown));
        object.optional_text("position", page.next.as_ref());
    });
}

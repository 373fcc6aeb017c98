//! A key of a usage plan.

use super::{Form, ObjectWriter};
use gatepost_application::api_keys::ShownApiKey;

/// A key as it is shown within a plan. `plan` is the plan's id as a segment of a path.
pub(super) fn write(out: &mut Vec<u8>, form: Form, plan: &str, shown: &ShownApiKey) {
    let ShownApiKey { key, value } = shown;
    ObjectWriter::write(out, form, |object| {
        object.links(|links| links.to("self", &href(plan, shown)));
        object.text("id", key.id.as_str());
        object.optional_text("name", key.name.as_ref());
        object.text("type", "API_KEY");
        if let Some(value) = value {
            object.text("value", value.reveal());
        }
    });
}

pub(super) fn href(plan: &str, shown: &ShownApiKey) -> String {
    format!("/usageplans/{plan}/keys/{}", shown.key.id)
}

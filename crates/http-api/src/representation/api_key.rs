//! A key.

use super::{Form, LinksWriter, ObjectWriter};
use gatepost_application::api_keys::ShownApiKey;

/// Whether tags are shown when there are none, which AWS does in some answers and not in others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagsShown {
    /// As `{}`, on reading and changing one resource.
    Always,
    /// Only when there are any, on creating and listing.
    WhenAny,
}

pub(super) fn write(out: &mut Vec<u8>, form: Form, shown: &ShownApiKey, tags: TagsShown) {
    ObjectWriter::write(out, form, |object| {
        object.links(|links| {
            curies(links);
            own_links(links, shown);
        });
        members(object, shown, tags);
    });
}

/// A key within a listing, which has the curies already.
pub(super) fn write_item(out: &mut Vec<u8>, form: Form, shown: &ShownApiKey) {
    ObjectWriter::write(out, form, |object| {
        object.links(|links| own_links(links, shown));
        members(object, shown, TagsShown::WhenAny);
    });
}

pub(super) fn curies(links: &mut LinksWriter<'_>) {
    links.curies(&[("apikey", "restapi-apikey-{rel}.html")]);
}

fn own_links(links: &mut LinksWriter<'_>, shown: &ShownApiKey) {
    let href = format!("/apikeys/{}", shown.key.id);
    links.to("self", &href);
    links.to("apikey:delete", &href);
    links.to("apikey:update", &href);
}

fn members(object: &mut ObjectWriter<'_>, shown: &ShownApiKey, tags: TagsShown) {
    let key = &shown.key;
    object.date("createdDate", key.created);
    object.optional_text("customerId", key.customer_id.as_ref());
    object.optional_text("description", key.description.as_ref());
    object.flag("enabled", key.enabled);
    object.text("id", key.id.as_str());
    if !key.labels.is_empty() {
        object.texts("labels", &key.labels);
    }
    object.date("lastUpdatedDate", key.updated);
    object.optional_text("name", key.name.as_ref());
    object.texts("stageKeys", &key.stage_keys);
    if tags == TagsShown::Always || !key.tags.is_empty() {
        object.map("tags", key.tags.iter());
    }
    if let Some(value) = &shown.value {
        object.text("value", value.reveal());
    }
}

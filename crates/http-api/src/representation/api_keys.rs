//! A page of keys.

use super::{Form, ObjectWriter, api_key};
use gatepost_application::api_keys::ShownApiKey;

/// A page of keys and its place in the listing.
pub struct ApiKeyPage {
    /// The keys.
    pub items: Vec<ShownApiKey>,
    /// The position of the next page.
    pub next: Option<String>,
    /// The query that a link to another page repeats: everything but the position, percent-encoded.
    pub query: String,
    /// Whether this page was asked for by position, so that there is a first one elsewhere.
    pub is_later_page: bool,
}

pub(super) fn write(out: &mut Vec<u8>, form: Form, page: &ApiKeyPage) {
    ObjectWriter::write(out, form, |object| {
        object.links(|links| {
            api_key::curies(links);
            links.to("self", "/apikeys");
            links.template("apikey:by-key", "/apikeys/{api_Key}");
            links.to("apikey:create", "/apikeys");
            links.template("apikey:delete", "/apikeys/{api_Key}");
            if page.is_later_page {
                links.to("first", &format!("/apikeys?{}", page.query));
            }
            if let Some(position) = &page.next {
                links.to("next", &format!("/apikeys?{}&position={position}", page.query));
            }
            links.each("item", &page.items, |shown| format!("/apikeys/{}", shown.key.id));
        });
        object.items(&page.items, |shown, out, form| api_key::write_item(out, form, shown));
        object.optional_text("position", page.next.as_ref());
    });
}

//! A page of keys.

use super::{Form, ListingPage, ObjectWriter, api_key};
use gatepost_application::api_keys::ShownApiKey;

pub(super) fn write(out: &mut Vec<u8>, form: Form, page: &ListingPage<ShownApiKey>) {
    ObjectWriter::write(out, form, |object| {
        object.links(|links| {
            api_key::curies(links);
            links.to("self", "/apikeys");
            links.template("apikey:by-key", "/apikeys/{api_Key}");
            links.to("apikey:create", "/apikeys");
            links.template("apikey:delete", "/apikeys/{api_Key}");
            page.links(links, "/apikeys");
            links.each("item", &page.items, |shown| format!("/apikeys/{}", shown.key.id));
        });
        object.items(&page.items, |shown, out, form| api_key::write_item(out, form, shown));
        object.optional_text("position", page.next.as_ref());
    });
}

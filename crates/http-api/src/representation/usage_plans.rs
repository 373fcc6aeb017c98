//! A page of usage plans.

use super::usage_plan::{self, ShownUsagePlan};
use super::{Form, ListingPage, ObjectWriter};

pub(super) fn write(out: &mut Vec<u8>, form: Form, page: &ListingPage<ShownUsagePlan>) {
    ObjectWriter::write(out, form, |object| {
        object.links(|links| {
            usage_plan::curies(links);
            links.to("self", "/usageplans");
            links.template("usageplan:by-id", "/usageplans/{usageplanId}");
            links.to("usageplan:create", "/usageplans");
            page.links(links, "/usageplans");
            links.each("item", &page.items, |shown| format!("/usageplans/{}", shown.plan.id));
        });
        object.items(&page.items, |shown, out, form| usage_plan::write_item(out, form, shown));
        object.optional_text("position", page.next.as_ref());
    });
}

//! A usage plan.

use super::{Form, LinksWriter, ObjectWriter, TagsShown};
use gatepost_domain::usage::Day;
use gatepost_domain::usage_plans::{ApiStage, Quota, Throttle, UsagePlan};

/// How many days the link to a plan's usage goes back, as in AWS's samples.
const USAGE_DAYS: i32 = 30;

/// A plan as it is shown on a day, which is baked into the link to its usage.
pub struct ShownUsagePlan {
    /// The plan.
    pub plan: UsagePlan,
    /// The present day.
    pub today: Day,
}

pub(super) fn write(out: &mut Vec<u8>, form: Form, shown: &ShownUsagePlan, tags: TagsShown) {
    ObjectWriter::write(out, form, |object| {
        object.links(|links| {
            curies(links);
            own_links(links, shown);
        });
        members(object, &shown.plan, tags);
    });
}

/// A plan within a listing, which has the curies already.
pub(super) fn write_item(out: &mut Vec<u8>, form: Form, shown: &ShownUsagePlan) {
    ObjectWriter::write(out, form, |object| {
        object.links(|links| own_links(links, shown));
        members(object, &shown.plan, TagsShown::WhenAny);
    });
}

pub(super) fn curies(links: &mut LinksWriter<'_>) {
    links.curies(&[
        ("usage", "restapi-usage-{rel}.html"),
        ("usageplan", "restapi-usageplan-{rel}.html"),
        ("usageplankey", "restapi-usageplankey-{rel}.html"),
    ]);
}

fn own_links(links: &mut LinksWriter<'_>, shown: &ShownUsagePlan) {
    let ShownUsagePlan { plan, today } = shown;
    let href = format!("/usageplans/{}", plan.id);
    let keys = format!("{href}/keys");
    links.to("self", &href);
    let since = today.plus(-USAGE_DAYS);
    links.to("usage:get", &format!("{href}/usage?startDate={since}&endDate={today}"));
    links.to("usageplan:delete", &href);
    links.to("usageplan:update", &href);
    links.to("usageplan:usageplankeys", &keys);
    links.to("usageplankey:create", &keys);
}

fn members(object: &mut ObjectWriter<'_>, plan: &UsagePlan, tags: TagsShown) {
    let stages: Vec<&ApiStage> = plan.stages.iter().collect();
    object.objects("apiStages", &stages, |object, stage| api_stage(object, stage));
    object.optional_text("description", plan.description.as_ref());
    object.text("id", plan.id.as_str());
    object.text("name", plan.name.as_str());
    object.optional_text("productCode", plan.product_code.as_ref());
    if let Some(asked) = plan.quotas.current() {
        object.object("quota", |object| quota(object, asked));
    }
    if tags == TagsShown::Always || !plan.tags.is_empty() {
        object.map("tags", plan.tags.iter());
    }
    if let Some(limits) = plan.throttle {
        object.object("throttle", |object| throttle(object, limits));
    }
}

fn api_stage(object: &mut ObjectWriter<'_>, stage: &ApiStage) {
    object.text("apiId", stage.id.api());
    object.text("stage", stage.id.stage());
    if !stage.throttle.is_empty() {
        let methods = stage.throttle.iter().map(|(method, limits)| (method.as_str(), *limits));
        object.object_map("throttle", methods, throttle);
    }
}

fn throttle(object: &mut ObjectWriter<'_>, limits: Throttle) {
    if let Some(burst) = limits.burst {
        object.integer("burstLimit", burst);
    }
    if let Some(rate) = limits.rate {
        object.decimal("rateLimit", rate.per_second());
    }
}

fn quota(object: &mut ObjectWriter<'_>, quota: Quota) {
    object.integer("limit", quota.limit());
    object.integer("offset", quota.offset().into());
    object.text("period", &quota.period().to_string());
}

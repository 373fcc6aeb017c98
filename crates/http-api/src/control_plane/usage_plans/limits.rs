//! Throttles and quotas, as bodies have them.

use crate::input::InputError;
use crate::input::json::Members;
use gatepost_application::usage_plans::{QuotaAsked, ThrottleAsked};
use gatepost_domain::usage_plans::{InvalidUsagePlanPatch, MethodPath, Throttle};
use std::collections::BTreeMap;

/// `{"rateLimit":10.5,"burstLimit":20}`
pub(super) fn throttle(mut members: Members) -> Result<ThrottleAsked, InputError> {
    let asked = ThrottleAsked { rate: members.number("rateLimit")?, burst: members.integer("burstLimit")? };
    members.finish()?;
    Ok(asked)
}

/// `{"limit":1000,"offset":0,"period":"MONTH"}`
pub(super) fn quota(mut members: Members) -> Result<QuotaAsked, InputError> {
    let asked = QuotaAsked {
        limit: members.integer("limit")?,
        offset: members.integer("offset")?,
        period: members.text("period")?,
    };
    members.finish()?;
    Ok(asked)
}

/// The throttles of methods, `{"/pets/GET":{"rateLimit":1.0,"burstLimit":1}}`, by the methods' names.
pub(super) fn methods(throttles: Vec<(String, Members)>) -> Result<Vec<(String, ThrottleAsked)>, InputError> {
    throttles.into_iter().map(|(method, members)| Ok((method, throttle(members)?))).collect()
}

/// The same from the text that a patch operation has as its value; the empty text is none, as everywhere in patches.
pub(super) fn methods_of_text(text: &str) -> Result<BTreeMap<MethodPath, Throttle>, InvalidUsagePlanPatch> {
    let sent = Members::parse(text.as_bytes()).and_then(Members::into_objects).and_then(methods);
    let sent = sent.map_err(|_| InvalidUsagePlanPatch::Methods)?;
    let method = |(method, ThrottleAsked { rate, burst }): (String, ThrottleAsked)| {
        Ok((MethodPath::parse(&method)?, Throttle::new(rate, burst)?))
    };
    sent.into_iter().map(method).collect()
}

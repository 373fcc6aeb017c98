//! How documents look: plain JSON as the AWS SDKs ask for it, or HAL for everybody else.
//!
//! | | plain | HAL |
//! |---|---|---|
//! | asked by | `application/json` anywhere in `Accept` | everything else, or no `Accept` |
//! | dates | epoch seconds | ISO 8601, UTC |
//! | list of one | a list | its element |
//! | empty list or map | `[]`, `{}` | left out |
//! | links | none | `_links`; items of a listing under `_embedded` |
//!
//! A [`Document`] says once what it holds, through [`ObjectWriter`], which writes the one or the other. A new kind of
//! document is a variant and a file that describes it; its handler never learns which form was asked for.

mod account;
mod api_key;
mod api_key_ids;
mod api_keys;
mod listing_page;
mod tags;
mod usage;
mod usage_plan;
mod usage_plan_key;
mod usage_plan_keys;
mod usage_plans;
mod writer;

pub use api_key::TagsShown;
pub use listing_page::ListingPage;
pub use usage::UsageDocument;
pub use usage_plan::ShownUsagePlan;
pub use writer::{LinksWriter, ObjectWriter};

use crate::wire::answer_body::AnswerBody;
use gatepost_application::Account;
use gatepost_application::api_keys::{ImportedApiKeys, ShownApiKey};
use gatepost_domain::Tags;
use http::HeaderMap;
use http::header::ACCEPT;

/// Which representation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// JSON as in the service model.
    Plain,
    /// JSON with links, as in the reference documents.
    Hal,
}

/// What an operation answers.
pub enum Document {
    /// Nothing.
    Empty,
    /// A key.
    ApiKey(ShownApiKey, TagsShown),
    /// A page of keys.
    ApiKeys(ListingPage<ShownApiKey>),
    /// What an import did.
    ApiKeyIds(ImportedApiKeys),
    /// A plan.
    UsagePlan(ShownUsagePlan, TagsShown),
    /// A page of plans.
    UsagePlans(ListingPage<ShownUsagePlan>),
    /// A key of the plan with this id, as a segment of a path.
    UsagePlanKey(String, ShownApiKey),
    /// A page of the keys of the plan with this id, as a segment of a path.
    UsagePlanKeys(String, ListingPage<ShownApiKey>),
    /// What keys used of a plan.
    Usage(UsageDocument),
    /// The tags of the resource with this ARN.
    Tags(String, Tags),
    /// An account.
    Account(Account),
}

impl Form {
    /// The form that a request asks for.
    #[must_use]
    pub fn asked_by(headers: &HeaderMap) -> Self {
        // What the SDKs send.
        if headers.get(ACCEPT).is_some_and(|accept| accept == "application/json") {
            return Self::Plain;
        }
        let mut ranges =
            headers.get_all(ACCEPT).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
        let plain = |range: &[u8]| {
            let kind = range.split(|byte| *byte == b';').next().unwrap_or_default();
            kind.trim_ascii().eq_ignore_ascii_case(b"application/json")
        };
        if ranges.any(plain) { Self::Plain } else { Self::Hal }
    }
}

impl Document {
    /// The id of the one thing that it is about.
    pub(crate) fn id(&self) -> Option<&str> {
        match self {
            Self::ApiKey(shown, _) | Self::UsagePlanKey(_, shown) => Some(shown.key.id.as_str()),
            Self::UsagePlan(shown, _) => Some(shown.plan.id.as_str()),
            Self::Empty
            | Self::ApiKeys(_)
            | Self::ApiKeyIds(_)
            | Self::UsagePlans(_)
            | Self::UsagePlanKeys(..)
            | Self::Usage(_)
            | Self::Tags(..)
            | Self::Account(_) => None,
        }
    }

    /// The document in a form.
    #[must_use]
    pub fn render(self, form: Form) -> AnswerBody {
        let mut out = Vec::with_capacity(256);
        match self {
            Self::Empty => return AnswerBody::Empty,
            Self::ApiKey(shown, tags) => api_key::write(&mut out, form, &shown, tags),
            Self::ApiKeys(page) => api_keys::write(&mut out, form, &page),
            Self::ApiKeyIds(imported) => return api_key_ids::render(imported, form),
            Self::UsagePlan(shown, tags) => usage_plan::write(&mut out, form, &shown, tags),
            Self::UsagePlans(page) => usage_plans::write(&mut out, form, &page),
            Self::UsagePlanKey(plan, shown) => usage_plan_key::write(&mut out, form, &plan, &shown),
            Self::UsagePlanKeys(plan, page) => usage_plan_keys::write(&mut out, form, &plan, &page),
            Self::Usage(document) => usage::write(&mut out, form, &document),
            Self::Tags(arn, held) => tags::write(&mut out, form, &arn, &held),
            Self::Account(account) => account::write(&mut out, form, &account),
        }
        out.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn application_json_anywhere_in_accept_means_plain() {
        let asked = |accept: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in accept {
                headers.append(ACCEPT, value.parse().unwrap());
            }
            Form::asked_by(&headers)
        };
        for plain in
            [&["application/json"][..], &["text/html, Application/JSON;q=0.5"], &["*/*", "application/json"]]
        {
            assert_eq!(asked(plain), Form::Plain, "{plain:?}");
        }
        for hal in [&[][..], &["*/*"], &["application/hal+json"], &["application/jsonx"], &["application/*"]]
        {
            assert_eq!(asked(hal), Form::Hal, "{hal:?}");
        }
    }
}

//! Permissions of a credential: a policy document in IAM's JSON form, read once and asked at every request.
//!
//! ```
//! use gatepost_policy::{Action, Policy, Resource, Verdict};
//!
//! let policy = Policy::parse(
//!     r#"{
//!         "Version": "2012-10-17",
//!         "Statement": [
//!             {"Effect": "Allow", "Action": "apigateway:*", "Resource": "arn:aws:apigateway:*::/apikeys*"},
//!             {"Effect": "Deny", "Action": "apigateway:DELETE", "Resource": "*"}
//!         ]
//!     }"#,
//! )?;
//! let key = Resource::new("eu-west-1", "/apikeys/0604dt7kow")?;
//! assert_eq!(policy.verdict(Action::Get, &key), Verdict::Allowed);
//! assert_eq!(policy.verdict(Action::Delete, &key), Verdict::DeniedExplicitly);
//! assert_eq!(policy.verdict(Action::RevealValue, &key), Verdict::DeniedByDefault);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it guarantees
//!
//! - What is not allowed is denied, and a denial wins over every allowance, in whatever order they are written
//!   (IAM User Guide, "Policy evaluation logic").
//! - What is not evaluated is refused when the document is read, with its name: a `Condition` passed over in
//!   silence would grant what its author forbade. So are misspelt members, members given twice, and patterns that
//!   are no action or no ARN, which in a `Deny` would forbid nothing.
//! - Patterns and resources may be hostile: a pattern reads a resource once, from one end to the other, however both
//!   were chosen: see [`Policy::verdict`].
//!
//! # The vocabulary
//!
//! An [`Action`] is asked for on a [`Resource`], the ARN of the path that the request names. The five verbs are
//! AWS's (Service Authorization Reference, "Actions, resources, and condition keys for Amazon API Gateway
//! Management"); two actions are Gatepost's own, because on AWS the verbs cannot tell these requests apart:
//!
//! | action | what asks for it | resource |
//! |---|---|---|
//! | `apigateway:GET` `POST` `PUT` `PATCH` `DELETE` | every request, by its method | the request's path |
//! | `gatepost:RevealValue` | in addition, an answer that carries the value of a key that was there before | the request's path: `/apikeys/ID` for one key, `/apikeys` for a list, `/usageplans/PLAN/keys` and `/usageplans/PLAN/keys/ID` for keys of a plan, where who may not is answered without values |
//! | `gatepost:ImportKeys` | in addition to `apigateway:POST`, an import (`POST /apikeys?mode=import`) | `/apikeys` |
//!
//! As on AWS, a list is its own resource: who may `GET` `/apikeys` sees every key in it, whatever is said of
//! `/apikeys/ID`.
//!
//! Tags are asked for by `/tags/` and the ARN of their key or plan. Callers can write that ARN with any region, so a
//! request about tags is denied, too, by what denies `apigateway:GET` (of UntagResource and TagResource:
//! `apigateway:PATCH`) on the key or plan itself.
//!
//! # The documents
//!
//! The form is that of the IAM User Guide's "IAM JSON policy elements reference" and "Grammar of the IAM JSON policy
//! language", for policies that belong to an identity:
//!
//! | element | here |
//! |---|---|
//! | `Version` | absent, `2012-10-17` or `2008-10-17`; they mean the same, as policy variables are refused in each |
//! | `Id`, `Sid` | strings; nothing is made of them |
//! | `Statement` | an object or a list of at least one |
//! | `Effect` | `Allow` or `Deny`, in this case |
//! | `Action`, `Resource` | a string or a list of at least one; `*` is any text, `?` any one character |
//! | `NotAction`, `NotResource`, `Condition`, `Principal`, `NotPrincipal`, `${...}` | refused |
//!
//! Resources have no partition, region or account of their own here: callers choose the region that they sign for, and a
//! denial that another choice gets around would deny nothing. Those fields of a pattern count as `*`.
//!
//! Actions match in any case of letters, resources only in theirs. Actions of other services may be listed and match
//! nothing. `*` and `?` match `/` and `:` too; IAM says so of a `*` that ends a segment of an ARN ("IAM JSON policy
//! elements: Resource"), here it holds of each. A document has at most [`Policy::MOST_CHARACTERS`] characters.
//!
//! # To add an action
//!
//! A variant of [`Action`] and its line in the list there; the compiler asks for its name. Policies that are kept are
//! read anew, and `*` covers it from then on.

mod action;
mod document;
mod error;
mod glob;
mod policy;
mod ready_made;
mod resource;

pub use action::Action;
pub use error::InvalidPolicy;
pub use policy::{Policy, Verdict};
pub use ready_made::ReadyMade;
pub use resource::{InvalidResource, Resource};

//! Usage plans and the keys in them: the tables `usage_plan` and `usage_plan_key`, and what may be done to them.
//!
//! The SQL is in `queries/usage_plans` and `queries/usage_plan_keys`, a file for each statement. Who locks what, and in
//! which order:
//!
//! - Putting keys into plans: the keys, in the order of their digests, as imports do; then the plans asked for and those
//!   that the keys are in, shared, in the order of their ids; only then is it looked whether the keys may.
//! - Taking a key out of a plan, or deleting it: the key. What is in the way of a delete, a trigger clears.
//! - Giving stages to a plan: the account's lock for that, then the plan; only then are other plans compared with it.
//! - Deleting a plan: the plan. What its keys leave behind is seen by nobody, and cleared by `prune`.
//!
//! So each check sees all that was done before its locks were had, and nobody can do more until it is committed.

mod attach;
mod keys;
mod prune;
mod reader;
mod row;
mod stages;
mod writer;

pub(crate) use attach::{Attaching, attach, detach, store_imported};
pub(crate) use prune::prune;
pub(crate) use stages::{added_stages, give_stages};
pub(crate) use writer::{delete, insert, update};

//! `/apikeys` and what can be done to it.

mod create;
mod delete;
mod get;
mod import;
mod list;
mod update;

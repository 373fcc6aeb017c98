//! Credentials: made, listed, switched and deleted by an operator, and looked up by every signed request.

mod change;
mod create;
mod list;
mod table;

pub use create::{FirstCredential, NewCredential, PreparedCredential};
pub use table::{CredentialTable, Root, Signer, TRUSTED};

//! What PostgreSQL says, as what a caller can do about it.
//!
//! Errors stay the driver's own inside this crate; where a call answers, [`storage_error`] tells those that pass by
//! themselves from those that do not.

use gatepost_storage::StorageError;
use sqlx::Error;
use sqlx::error::DatabaseError;
use std::io;
use std::sync::Arc;

/// Something that must be unique was there.
pub(crate) const UNIQUE_VIOLATION: &str = "23505";
/// A lock was not had in time.
pub(crate) const LOCK_NOT_AVAILABLE: &str = "55P03";
/// A table is not there.
pub(crate) const UNDEFINED_TABLE: &str = "42P01";
/// What a pooler answers to settings in the first message.
pub(crate) const PROTOCOL_VIOLATION: &str = "08P01";

const READ_ONLY_TRANSACTION: &str = "25006";
const IDLE_IN_TRANSACTION_TIMEOUT: &str = "25P03";
const QUERY_CANCELED: &str = "57014";
const SERIALIZATION_FAILURE: &str = "40001";
const DEADLOCK_DETECTED: &str = "40P01";
/// A server in recovery, asked for its position.
const NOT_IN_PREREQUISITE_STATE: &str = "55000";
const LOCK_FILE_OR_IO: &str = "58030";
const TRANSACTION_TIMEOUT: &str = "25P04";

/// The first two characters of a code are its class.
const CONNECTION_EXCEPTION: &str = "08";
const INVALID_AUTHORIZATION: &str = "28";
const INSUFFICIENT_RESOURCES: &str = "53";
/// Shutdown, crash, recovery, a database that was dropped; the cancelled statement above has this class too.
const OPERATOR_INTERVENTION: &str = "57";

/// The constraint that a key's id is unique by.
pub(crate) const API_KEY_ID: &str = "api_key_id";

pub(crate) fn storage_error(error: Error) -> StorageError {
    if passes(&error) { StorageError::Unavailable(error.into()) } else { StorageError::Backend(error.into()) }
}

/// The same of an error that several calls share.
pub(crate) fn shared(error: &Arc<Error>) -> StorageError {
    let source = Arc::clone(error).into();
    if passes(error) { StorageError::Unavailable(source) } else { StorageError::Backend(source) }
}

/// Whether it passes by itself.
pub(crate) fn passes(error: &Error) -> bool {
    match error {
        Error::Database(database) => passes_by_itself(&code(&**database)),
        Error::Io(_)
        | Error::Tls(_)
        | Error::Protocol(_)
        | Error::PoolTimedOut
        | Error::PoolClosed
        | Error::WorkerCrashed
        | Error::BeginFailed => true,
        // The driver's enum may grow; what is left here are defects of ours.
        _ => false,
    }
}

fn passes_by_itself(code: &str) -> bool {
    let class = code.get(..2).unwrap_or_default();
    [CONNECTION_EXCEPTION, INVALID_AUTHORIZATION, INSUFFICIENT_RESOURCES, OPERATOR_INTERVENTION]
        .contains(&class)
        || [
            READ_ONLY_TRANSACTION,
            IDLE_IN_TRANSACTION_TIMEOUT,
            TRANSACTION_TIMEOUT,
            LOCK_NOT_AVAILABLE,
            NOT_IN_PREREQUISITE_STATE,
            SERIALIZATION_FAILURE,
            DEADLOCK_DETECTED,
            LOCK_FILE_OR_IO,
        ]
        .contains(&code)
}

/// Whether a statement lost against another one and may simply be sent again.
pub(crate) fn lost_a_race(error: &Error) -> bool {
    is_code(error, DEADLOCK_DETECTED) || is_code(error, SERIALIZATION_FAILURE)
}

/// Whether the connection can be used no more after this error.
pub(crate) fn ends_connection(error: &Error) -> bool {
    match error {
        Error::Database(database) => {
            let code = code(&**database);
            code != QUERY_CANCELED
                && (code.starts_with(OPERATOR_INTERVENTION) || code.starts_with(CONNECTION_EXCEPTION))
                || code == IDLE_IN_TRANSACTION_TIMEOUT
                || code == TRANSACTION_TIMEOUT
                // A session keeps what it was told at its start; a new one asks anew.
                || code == READ_ONLY_TRANSACTION
        }
        Error::ColumnDecode { .. } | Error::Decode(_) | Error::Encode(_) => false,
        _ => true,
    }
}

pub(crate) fn is_code(error: &Error, wanted: &str) -> bool {
    error.as_database_error().is_some_and(|database| code(database) == wanted)
}

/// Whether this constraint was violated.
pub(crate) fn violates(error: &Error, constraint: &str) -> bool {
    is_code(error, UNIQUE_VIOLATION)
        && error.as_database_error().is_some_and(|database| database.constraint() == Some(constraint))
}

/// The error of a call that did not end in time.
pub(crate) fn late() -> Error {
    Error::Io(io::Error::new(io::ErrorKind::TimedOut, "postgresql did not answer in time"))
}

fn code(error: &dyn DatabaseError) -> String {
    error.code().map(Into::into).unwrap_or_default()
}

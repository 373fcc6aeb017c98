//! Retries: an SDK that lost an answer sends the same request again, under the same invocation id.
//!
//! What CreateApiKey, CreateUsagePlan and ImportApiKeys did is remembered for five minutes at least, under a
//! [`RetryToken`] over the operation, the invocation id and the body. A retry is recognised by its token and gets
//! what the first request did, not a second key or plan. Two requests that differ in anything are two requests.

use crate::{Spool, SpoolError};
use gatepost_storage::RetryToken;
use sha2::{Digest as _, Sha256};

/// A token for a request whose body is at hand. `operation` holds whatever else of the request decides what it does.
#[must_use]
pub fn retry_token(operation: &str, invocation_id: &[u8], body: &[u8]) -> RetryToken {
    let mut hash = begin(operation, invocation_id);
    hash.update(body);
    RetryToken(hash.finalize().into())
}

/// A token for a request whose body was spooled. It reads the whole spool.
pub(crate) fn spooled_retry_token(
    operation: &str,
    invocation_id: &[u8],
    body: &Spool,
) -> Result<RetryToken, SpoolError> {
    let mut hash = begin(operation, invocation_id);
    let (mut sealed, mut plain) = (Vec::new(), Vec::new());
    for number in 0.. {
        body.read_chunk(number, &mut sealed, &mut plain)?;
        if plain.is_empty() {
            break;
        }
        hash.update(&plain);
    }
    Ok(RetryToken(hash.finalize().into()))
}

/// Each part after its length, so that no part can look like the beginning of the next.
fn begin(operation: &str, invocation_id: &[u8]) -> Sha256 {
    let mut hash = Sha256::new();
    for part in [operation.as_bytes(), invocation_id] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_that_differ_in_anything_have_different_tokens() {
        let token = retry_token("CreateApiKey", b"id", b"body");
        assert_eq!(token, retry_token("CreateApiKey", b"id", b"body"));
        for other in [
            retry_token("ImportApiKeys", b"id", b"body"),
            retry_token("CreateApiKey", b"idb", b"ody"),
            retry_token("CreateApiKeyi", b"d", b"body"),
            retry_token("CreateApiKey", b"id", b"bodz"),
            retry_token("CreateApiKey", b"id", b""),
        ] {
            assert_ne!(token, other);
        }
    }
}

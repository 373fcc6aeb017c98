//! An `Authorization` header of any bytes is read without a panic, and what is read of it says the same again.
//!
//! The input is the header's value.
#![no_main]

use gatepost_sigv4::authorization::Authorization;
use gatepost_sigv4::signed_headers::SignedHeaders;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|value: &[u8]| {
    match Authorization::parse(value, true) {
        Ok(read) => {
            let Authorization { algorithm, credential, signed_headers, signature } = read;
            for part in [algorithm, credential, signed_headers, signature] {
                assert!(!part.is_empty() && !part.contains([' ', '\t', ',']));
            }
            let again = format!(
                "{algorithm} Signature={signature},SignedHeaders={signed_headers}, Credential={credential}"
            );
            assert_eq!(Authorization::parse(again.as_bytes(), true), Ok(read));
            if let Ok(list) = SignedHeaders::parse(signed_headers) {
                let names: Vec<&str> = list.names().collect();
                assert!(names.is_sorted() && names.iter().all(|name| list.contains(name)));
                assert_eq!(names.join(";"), signed_headers);
            }
        }
        Err(refusal) => assert!(!refusal.to_string().is_empty()),
    }
    assert!(Authorization::parse(value, false).is_err());
});

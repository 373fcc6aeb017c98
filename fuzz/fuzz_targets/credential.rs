//! A credential of any text is read without a panic, and its parts are the text again.
#![no_main]

use gatepost_sigv4::credential::Credential;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match Credential::parse(text) {
        Ok(read) => {
            let again = format!("{}/{}", read.access_key_id(), read.scope());
            assert_eq!((again.as_str(), read.as_str()), (text, text));
            let start = format!("{}/{}/{}/", read.day(), read.region(), read.service());
            let end = read.scope().strip_prefix(&start).expect("the scope begins with its parts");
            assert!(!end.is_empty() && !end.contains('/'));
        }
        Err(refusal) => assert!(!refusal.to_string().is_empty()),
    }
});

//! A query of any text is looked through for a presigned URL's parameters without a panic, and what is found there is found
//! again when it is written the usual way.
#![no_main]

use gatepost_sigv4::presigned::Presigned;
use libfuzzer_sys::fuzz_target;

fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

fuzz_target!(|query: &str| {
    let parsed = Presigned::parse(query);
    match &parsed {
        Ok(read) => {
            assert!(Presigned::is_in(query));
            let mut again = format!(
                "X-Amz-Algorithm={}&X-Amz-Credential={}&X-Amz-Signature={}&X-Amz-SignedHeaders={}&X-Amz-Date={}",
                encode(&read.algorithm),
                encode(&read.credential),
                encode(&read.signature),
                encode(&read.signed_headers),
                encode(&read.date)
            );
            if let Some(expires) = read.expires {
                assert!(expires <= 604_800);
                again += &format!("&X-Amz-Expires={expires}");
            }
            if read.has_security_token {
                again += "&%58-Amz-Security-Token=";
            }
            assert_eq!(Presigned::parse(&again).as_ref(), Ok(read));
            assert!(Presigned::parse(&format!("{query}&X-Amz-Date=1")).is_err());
        }
        Err(refusal) => assert!(!refusal.to_string().is_empty()),
    }
});

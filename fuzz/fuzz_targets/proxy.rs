//! The first bytes of a connection are a PROXY header or not, whatever they are and however many have come; and the
//! requests behind it end at the same place however they are cut.
#![no_main]

use gatepost_http_api::wire::framing::Framing;
use gatepost_http_api::wire::proxy::{MAX_PROXY_BYTES, ProxyHeader, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let verdict = parse(bytes);
    // What was decided on fewer bytes stays decided.
    let decided = (0..=bytes.len().min(MAX_PROXY_BYTES)).map(|cut| parse(&bytes[..cut]));
    let first = decided.into_iter().find(|early| *early != Ok(ProxyHeader::Partial));
    assert!(first.is_none_or(|early| early == verdict));

    let start = match verdict {
        Ok(ProxyHeader::Whole { length, .. }) => {
            assert!(length <= bytes.len() && length <= MAX_PROXY_BYTES);
            length
        }
        Ok(ProxyHeader::Absent | ProxyHeader::Partial) | Err(_) => 0,
    };
    let requests = &bytes[start..];
    let whole = Framing::default().follow(requests).map_err(|found| found.within);
    let mut cut = Framing::default();
    let parted = requests.chunks(3).try_for_each(|part| cut.follow(part)).map_err(|found| found.within);
    assert_eq!(whole, parted);
});

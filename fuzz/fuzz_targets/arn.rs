//! Any text is an ARN of a key or plan, or none; one that is has a path of its own kind, and its id is all that counts.
#![no_main]

use gatepost_domain::ResourceArn;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(resource) = ResourceArn::parse(text) else { return };
    let path = resource.path();
    assert!(text.ends_with(&path) && path.matches('/').count() == 2, "{path}");
    assert_eq!(ResourceArn::parse(&format!("arn:aws:apigateway:us-east-1::{path}")), Ok(resource));
});

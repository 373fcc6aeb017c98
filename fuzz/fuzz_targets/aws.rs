//! A file of any bytes, said to be from AWS, is read without a panic, and what is read does not depend on how it is cut.
//!
//! The first byte of the input says how long the parts are; the rest is the file.
#![no_main]

use gatepost_application::transfer::WholeSeconds;
use gatepost_application::transfer::aws::{self, AwsItem};
use gatepost_domain::Timestamp;
use libfuzzer_sys::fuzz_target;
use std::io::{self, Read};

struct Parts<'a>(&'a [u8], usize);

impl Read for Parts<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = self.1.min(buffer.len());
        self.0.read(&mut buffer[..most])
    }
}

/// What becomes of every item, and why the reading ended.
fn items(file: &[u8], length: usize) -> (Vec<String>, Option<String>) {
    let (mut items, mut dates) = (Vec::new(), WholeSeconds::default());
    let end = aws::read(Parts(file, length), &mut |item| {
        items.push(match item {
            AwsItem::Key(key) => match key.key(&mut dates) {
                Ok(one) => {
                    assert!((20..=128).contains(&one.value.reveal().chars().count()));
                    format!("{:?} {}", one.key, one.value.reveal())
                }
                Err(why) => why.to_string(),
            },
            AwsItem::Plan(plan) => match plan.id() {
                Some(id) => format!("{:?}", plan.plan(id, Timestamp::from_micros(0))),
                None => "a plan without an id".to_owned(),
            },
            AwsItem::PlanKey(id) => format!("{id:?}"),
        });
        true
    });
    (items, end.err().map(|why| why.to_string()))
}

fuzz_target!(|data: &[u8]| {
    let Some((length, file)) = data.split_first() else { return };
    assert_eq!(items(file, usize::from(*length).max(1)), items(file, file.len().max(1)));
});

//! Every key value that a test used, and the search for them in what a server left behind.
//!
//! A value counts as found when it appears as it is, percent-encoded, or inside base64 text (both alphabets, at each
//! of the three positions a value can have in a group of four characters).

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use serde_json::Value;

/// Shorter texts would be found by chance.
const SHORTEST: usize = 8;

/// A value nobody has used before: 40 letters and digits.
pub fn fresh_value() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let random = RandomState::new();
    let alphabet: Vec<char> = ('a'..='z').chain('A'..='Z').chain('0'..='9').collect();
    let nth = COUNTER.fetch_add(1, Ordering::Relaxed);
    (0..40_u64)
        .map(|place| alphabet[(random.hash_one((nth, place)) % alphabet.len() as u64) as usize])
        .collect()
}

/// The values that one server was told.
#[derive(Default)]
pub struct Secrets {
    values: Mutex<Vec<String>>,
}

impl Secrets {
    /// Remembers a value; it must not be seen outside an answer from now on.
    pub fn note(&self, value: &str) {
        if value.len() >= SHORTEST {
            self.values.lock().expect("no panic while noting").push(value.to_owned());
        }
    }

    /// Remembers every `value` member of an API key in a body. A patch operation has such a member too, but its
    /// value is a property that answers show.
    pub fn note_in(&self, body: &Value) {
        let keys =
            [Some(body)].into_iter().chain([body.get("item"), body["_embedded"].get("item")]).flatten();
        for key in keys.flat_map(|one| one.as_array().map_or(std::slice::from_ref(one), Vec::as_slice)) {
            if let Some(value) = key["value"].as_str() {
                self.note(value);
            }
        }
    }

    /// The first form of a noted value inside `haystack`, described without repeating it.
    pub fn find_in(&self, haystack: &[u8]) -> Option<String> {
        let values = self.values.lock().expect("no panic while noting");
        let mut needles: HashMap<[u8; SHORTEST], Vec<(Vec<u8>, &'static str)>> = HashMap::new();
        for (form, needle) in values.iter().flat_map(|value| forms(value.as_bytes())) {
            let start = *needle.first_chunk().expect("a form is not shorter than its value");
            needles.entry(start).or_default().push((needle, form));
        }
        haystack.windows(SHORTEST).enumerate().find_map(|(at, window)| {
            let start: &[u8; SHORTEST] = window.first_chunk().expect("the window's own length");
            let (_, form) =
                needles.get(start)?.iter().find(|(needle, _)| haystack[at..].starts_with(needle))?;
            Some(format!("a key's value, {form}, at byte {at}"))
        })
    }
}

/// How a value may look when something wrote it down.
fn forms(value: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let encoded = percent_encode(value, NON_ALPHANUMERIC).to_string().into_bytes();
    let throughout = value.iter().flat_map(|byte| format!("%{byte:02X}").into_bytes()).collect();
    let mut forms = vec![
        ("as it is", value.to_vec()),
        ("percent-encoded", encoded),
        ("percent-encoded throughout", throughout),
    ];
    for before in 0..3 {
        let padded = [&[0_u8; 2][..before], value].concat();
        for (form, engine) in [("in base64", &STANDARD_NO_PAD), ("in base64url", &URL_SAFE_NO_PAD)] {
            let text = engine.encode(&padded).into_bytes();
            // Characters that also hold bits of a neighbour are not the value's own.
            let first = (before * 8).div_ceil(6);
            let last = padded.len() * 8 / 6;
            forms.push((form, text[first..last].to_vec()));
        }
    }
    forms
}

//! A log line as JSON, straight from the event into bytes.
//!
//! `{"timestamp":"2026-11-23T00:15:23.123456Z","level":"INFO","target":"…","message":"…",…fields}`: numbers and bools
//! stay what they are, everything else is a string. Nothing is built in between: the bytes go into a scratch buffer of
//! the thread, and the second part of the timestamp is formatted once per second and thread.

use std::cell::Cell;
use std::error::Error;
use std::fmt::{self, Debug, Display, Write as _};
use std::io::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::sink::{self, Sink};
use crate::names;

/// Formats events as JSON lines and puts them into a [`Sink`].
pub(super) struct JsonLayer {
    sink: Sink,
    clock: fn() -> SystemTime,
}

impl JsonLayer {
    pub(super) fn new(sink: Sink, clock: fn() -> SystemTime) -> Self {
        JsonLayer { sink, clock }
    }
}

impl<S: Subscriber> Layer<S> for JsonLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        // Taken out, not borrowed: a value's own Display may log, and then finds an empty scratch.
        let mut scratch = SCRATCH.try_with(Cell::take).unwrap_or_default();
        scratch.line.clear();
        scratch.open((self.clock)(), metadata.level(), metadata.target());
        event.record(&mut Fields(&mut scratch.line));
        scratch.line.extend_from_slice(b"}\n");
        self.sink.push(&scratch.line, sink::is_urgent(*metadata.level()));
        if scratch.line.capacity() <= KEPT {
            // Refused only while the thread ends.
            let _ = SCRATCH.try_with(|kept| kept.set(scratch));
        }
    }
}

/// Appends the line that says how many lines were dropped.
pub(super) fn dropped_line(out: &mut Vec<u8>, now: SystemTime, dropped: u64) {
    let mut scratch = Scratch::default();
    scratch.open(now, &Level::WARN, names::LOG_TARGET);
    let mut fields = Fields(&mut scratch.line);
    fields.name("message").text(sink::DROPPED_MESSAGE);
    fields.name(names::DROPPED).unsigned(dropped);
    scratch.line.extend_from_slice(b"}\n");
    out.append(&mut scratch.line);
}

/// A scratch buffer that one monstrous line made larger than this is given back.
const KEPT: usize = 64 << 10;

thread_local! {
    static SCRATCH: Cell<Scratch> = Cell::new(Scratch::default());
}

/// What a thread keeps between two lines.
#[derive(Default)]
struct Scratch {
    line: Vec<u8>,
    /// The last second formatted, and how it reads: `2026-11-23T00:15:23.`
    second: Option<u64>,
    prefix: [u8; 20],
}

impl Scratch {
    fn open(&mut self, now: SystemTime, level: &Level, target: &str) {
        // A clock before 1970 is broken; its lines say 1970.
        let now = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        if self.second != Some(now.as_secs()) {
            self.second = Some(now.as_secs());
            self.prefix = second_prefix(now.as_secs());
        }
        let line = &mut self.line;
        line.extend_from_slice(b"{\"timestamp\":\"");
        line.extend_from_slice(&self.prefix);
        let mut micros = now.subsec_micros();
        let mut digits = [b'0'; 6];
        for digit in digits.iter_mut().rev() {
            *digit += (micros % 10) as u8;
            micros /= 10;
        }
        line.extend_from_slice(&digits);
        line.extend_from_slice(b"Z\",\"level\":\"");
        line.extend_from_slice(level.as_str().as_bytes());
        line.extend_from_slice(b"\",\"target\":\"");
        escape(line, target);
        line.push(b'"');
    }
}

/// The event's fields, each as `,"name":value`.
struct Fields<'a>(&'a mut Vec<u8>);

impl Fields<'_> {
    fn name(&mut self, name: &str) -> &mut Self {
        self.0.extend_from_slice(b",\"");
        escape(self.0, name);
        self.0.extend_from_slice(b"\":");
        self
    }

    fn text(&mut self, text: &str) {
        self.0.push(b'"');
        escape(self.0, text);
        self.0.push(b'"');
    }

    fn display(&mut self, value: fmt::Arguments<'_>) {
        self.0.push(b'"');
        // Fails only when the value's own formatting does; what it wrote until then stands.
        let _ = Escaping(self.0).write_fmt(value);
        self.0.push(b'"');
    }

    fn number(&mut self, value: impl Display) {
        write!(self.0, "{value}").expect("a Vec takes every write");
    }

    fn unsigned(&mut self, mut value: u64) {
        let mut digits = [0; 20];
        let mut first = digits.len();
        loop {
            first -= 1;
            digits[first] = b'0' + (value % 10) as u8;
            value /= 10;
            if value == 0 {
                break;
            }
        }
        self.0.extend_from_slice(&digits[first..]);
    }
}

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.name(field.name());
        if value.is_finite() {
            self.number(format_args!("{value:?}"));
        } else {
            // JSON has no such number.
            self.0.extend_from_slice(b"null");
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.name(field.name());
        if value < 0 {
            self.0.push(b'-');
        }
        self.unsigned(value.unsigned_abs());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.name(field.name()).unsigned(value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.name(field.name()).number(value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.name(field.name()).number(value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.name(field.name()).0.extend_from_slice(if value { b"true" } else { b"false" });
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.name(field.name()).text(value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.name(field.name()).display(format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.name(field.name()).display(format_args!("{value:?}"));
    }
}

/// Escapes what is formatted through it.
struct Escaping<'a>(&'a mut Vec<u8>);

impl fmt::Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(self.0, text);
        Ok(())
    }

    /// Padding comes character by character.
    fn write_char(&mut self, character: char) -> fmt::Result {
        match u8::try_from(character) {
            Ok(byte) if byte.is_ascii() && !needs_escape(byte) => self.0.push(byte),
            Ok(_) | Err(_) => escape(self.0, character.encode_utf8(&mut [0; 4])),
        }
        Ok(())
    }
}

fn needs_escape(byte: u8) -> bool {
    (byte < b' ') | (byte == b'"') | (byte == b'\\')
}

fn escape(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    // Nearly every text passes here. Eight bytes without a branch between them are looked at together.
    let (eights, rest) = bytes.as_chunks::<8>();
    let found = |some: &[u8]| some.iter().fold(false, |found, &byte| found | needs_escape(byte));
    if !eights.iter().any(|eight| found(eight)) && !found(rest) {
        out.extend_from_slice(bytes);
        return;
    }
    let mut copied = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if !needs_escape(byte) {
            continue;
        }
        out.extend_from_slice(&bytes[copied..at]);
        copied = at + 1;
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => write!(out, "\\u{byte:04x}").expect("a Vec takes every write"),
        }
    }
    out.extend_from_slice(&bytes[copied..]);
}

/// `2026-11-23T00:15:23.` of a count of seconds since 1970, for the years until 9999.
fn second_prefix(seconds: u64) -> [u8; 20] {
    const LAST: u64 = 253_402_300_799;
    let seconds = seconds.min(LAST);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Years are counted from March, so that the leap day is a year's last; 400 of them are 146,097 days.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = if month < 10 { (year, month + 3) } else { (year + 1, month - 9) };
    let mut prefix = [0; 20];
    write!(
        &mut prefix[..],
        "{:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.",
        era * 400 + year,
        second / 3_600,
        second / 60 % 60,
        second % 60
    )
    .expect("until 9999 it is 20 bytes");
    prefix
}

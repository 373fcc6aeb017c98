//! Log lines to stderr, for people or for machines, without holding up a request.
//!
//! [`init_logging`] once, at the start of the program; the [`LogGuard`] it returns lives as long as the program. The
//! filter is `RUST_LOG`'s syntax, `info` when there is none. Both formats share one way out (`sink`): a line costs its
//! caller a copy into a buffer; WARN and ERROR are written before the call returns; a stuck stderr costs lines, which
//! are counted, never requests.
//!
//! JSON lines come from a layer of our own (`json`): the stock formatter takes a noticeable part of a
//! request of 10 µs. It writes events only: log a request's whole context in its one event rather than open a span,
//! which costs more than the event.

mod json;
mod sink;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{IsTerminal, Write};
use std::panic::{self, PanicHookInfo};
use std::time::SystemTime;

use tracing::field::display;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, filter, fmt, registry};

use crate::names;
use json::JsonLayer;
use sink::Sink;

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text for a person, in colours on a terminal.
    Pretty,
    /// One JSON object per line.
    Json,
}

/// Why logging could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The filter's text is not understood.
    #[error("RUST_LOG is not a log filter")]
    Filter(#[from] filter::ParseError),
    /// The thread that writes the lines could not be started.
    #[error("the log's thread cannot be started")]
    Thread(#[source] std::io::Error),
    /// Logging was started before.
    #[error("logging is already started")]
    AlreadyStarted(#[from] TryInitError),
}

/// Keeps the log running; when dropped, what is still buffered is written (for at most a second) and logging ends.
#[must_use = "logging ends when this is dropped"]
pub struct LogGuard(#[expect(dead_code, reason = "held for its Drop")] sink::SinkGuard);

/// Starts logging to stderr.
///
/// `filter` is the text of `RUST_LOG`, `None` or empty for `info`. `clock` gives the JSON lines their timestamps.
pub fn init_logging(
    format: LogFormat,
    filter: Option<&str>,
    clock: fn() -> SystemTime,
) -> Result<LogGuard, LoggingError> {
    let filter = EnvFilter::try_new(filter.filter(|text| !text.is_empty()).unwrap_or("info"))?;
    let stderr = std::io::stderr();
    let colours = stderr.is_terminal();
    let (sink, guard) = match format {
        LogFormat::Pretty => Sink::start(stderr, report_in_words),
        LogFormat::Json => Sink::start(stderr, move |out, dropped| json::dropped_line(out, clock(), dropped)),
    }
    .map_err(LoggingError::Thread)?;
    let registry = registry().with(filter);
    match format {
        LogFormat::Pretty => registry.with(fmt::layer().with_ansi(colours).with_writer(sink)).try_init()?,
        LogFormat::Json => registry.with(JsonLayer::new(sink, clock)).try_init()?,
    }
    Ok(LogGuard(guard))
}

/// Makes every panic an ERROR event instead of text in the middle of the log. Call it after [`init_logging`].
pub fn log_panics() {
    panic::set_hook(Box::new(log_panic));
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let backtrace = Backtrace::capture();
    let stack = (backtrace.status() == BacktraceStatus::Captured).then(|| display(&backtrace));
    tracing::error!(
        target: names::PANIC_TARGET,
        {
            { names::LOCATION } = panic.location().map(display),
            { names::THREAD } = std::thread::current().name(),
            { names::BACKTRACE } = stack,
        },
        "panicked: {}",
        panic.payload_as_str().unwrap_or("no message")
    );
}

fn report_in_words(out: &mut Vec<u8>, dropped: u64) {
    writeln!(out, "WARN {}: {} {}={dropped}", names::LOG_TARGET, sink::DROPPED_MESSAGE, names::DROPPED)
        .expect("a Vec takes every write");
}

#[cfg(test)]
mod tests;

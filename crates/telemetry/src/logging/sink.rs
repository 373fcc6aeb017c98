//! The way out of every log line: one shared buffer, one thread that writes it.
//!
//! Promises:
//! - a line is written whole, lines of one thread in order, at most [`INTERVAL`] later or as soon as [`BATCH`] bytes wait;
//! - an urgent line (WARN, ERROR) is written before [`Sink::push`] returns, unless the writer is stuck;
//! - a stuck writer never holds up a caller for more than [`PATIENCE`], and only the first one; beyond [`LIMIT`]
//!   waiting bytes, lines are dropped and counted, and the count is written once the writer moves again;
//! - an idle log wakes nobody.

use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// The longest a line waits for company.
const INTERVAL: Duration = Duration::from_millis(20);
/// So many bytes are worth a write at once.
const BATCH: usize = 64 << 10;
/// The most that waits for a stuck writer.
pub(super) const LIMIT: usize = 4 << 20;
/// How long an urgent line's caller waits for a writer that does not move.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long the end of the program waits for it.
const LAST_PATIENCE: Duration = Duration::from_secs(1);
/// A pause before a non-blocking stderr is tried again.
const RETRY: Duration = Duration::from_millis(5);

/// What is said, with the number, when lines were dropped.
pub(super) const DROPPED_MESSAGE: &str = "log lines were dropped because stderr did not take them";

/// Whether lines of this level are written before the logging call returns.
pub(super) fn is_urgent(level: Level) -> bool {
    level <= Level::WARN
}

/// Where finished lines are put. Clones share one buffer.
#[derive(Clone)]
pub(super) struct Sink(Arc<Shared>);

/// Ends the sink's thread when dropped, after it has written what waits.
pub(super) struct SinkGuard {
    sink: Sink,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    /// Told when the thread has something to do.
    work: Condvar,
    /// Told when the thread has done it.
    progress: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    dropped: u64,
    /// Bytes ever put in, and of those, bytes the writer is done with: an urgent line waits for one to reach the other.
    accepted: u64,
    written: u64,
    urgent: bool,
    /// An urgent line waited in vain, and the writer has not moved since.
    stuck: bool,
    closing: bool,
    closed: bool,
}

impl Sink {
    /// Starts the thread. `report` writes the line that tells how many lines were dropped.
    pub(super) fn start(
        writer: impl Write + Send + 'static,
        report: impl Fn(&mut Vec<u8>, u64) + Send + 'static,
    ) -> io::Result<(Self, SinkGuard)> {
        let sink = Sink(Arc::new(Shared {
            state: Mutex::default(),
            work: Condvar::new(),
            progress: Condvar::new(),
        }));
        let shared = Arc::clone(&sink.0);
        let thread =
            thread::Builder::new().name("log".to_owned()).spawn(move || shared.write_all(writer, &report))?;
        Ok((sink.clone(), SinkGuard { sink, thread: Some(thread) }))
    }

    /// Puts one line, or several, each with its newline.
    pub(super) fn push(&self, line: &[u8], urgent: bool) {
        let mut state = self.0.state();
        if state.closed {
            return;
        }
        let before = state.waiting.len();
        let after = before + line.len();
        if after > LIMIT {
            state.dropped += 1;
            return;
        }
        state.waiting.extend_from_slice(line);
        state.accepted += line.len() as u64;
        if urgent {
            state.urgent = true;
            self.0.work.notify_one();
            if !state.stuck {
                self.0.wait_for_writer(state, PATIENCE);
            }
        } else if before == 0 || (before < BATCH && after >= BATCH) {
            drop(state);
            self.0.work.notify_one();
        }
    }
}

impl Shared {
    /// No code panics while it holds the lock, and a log that stops because something did is of no use.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until everything put in so far is written.
    fn wait_for_writer(&self, state: MutexGuard<'_, State>, patience: Duration) {
        let goal = state.accepted;
        let waited = self.progress.wait_timeout_while(state, patience, |state| state.written < goal);
        let (mut state, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        state.stuck |= waited.timed_out();
    }

    /// The thread's life: sleep until there is a line, give others [`INTERVAL`] to join it, write them all.
    fn write_all(&self, mut writer: impl Write, report: &dyn Fn(&mut Vec<u8>, u64)) {
        let mut batch = Vec::new();
        loop {
            let state = self.state();
            let state = self.work.wait_while(state, |state| state.waiting.is_empty() && !state.closing);
            let state = state.unwrap_or_else(PoisonError::into_inner);
            let state = self.work.wait_timeout_while(state, INTERVAL, |state| {
                state.waiting.len() < BATCH && !state.urgent && !state.closing
            });
            let (mut state, _) = state.unwrap_or_else(PoisonError::into_inner);
            if state.waiting.is_empty() {
                state.closed = true;
                self.progress.notify_all();
                return;
            }
            std::mem::swap(&mut batch, &mut state.waiting);
            state.urgent = false;
            drop(state);

            let lines = batch.len() as u64;
            write_patiently(&mut writer, &batch);
            batch.clear();
            // A burst must not keep its memory for ever.
            batch.shrink_to(2 * BATCH);

            let mut state = self.state();
            state.written += lines;
            state.stuck = false;
            if state.dropped > 0 {
                // In front of the lines that came in after the dropped ones would be more exact, and not worth a copy.
                let dropped = std::mem::take(&mut state.dropped);
                let before = state.waiting.len();
                report(&mut state.waiting, dropped);
                state.accepted += (state.waiting.len() - before) as u64;
            }
            drop(state);
            self.progress.notify_all();
        }
    }
}

impl Drop for SinkGuard {
    fn drop(&mut self) {
        let mut state = self.sink.0.state();
        state.closing = true;
        self.sink.0.work.notify_one();
        let waited = self.sink.0.progress.wait_timeout_while(state, LAST_PATIENCE, |state| !state.closed);
        let closed = waited.unwrap_or_else(PoisonError::into_inner).0.closed;
        if let Some(thread) = self.thread.take()
            && closed
        {
            // A panic of the thread has nowhere left to be told.
            let _ = thread.join();
        }
    }
}

/// Writes everything, also to a stderr that someone else made non-blocking. A broken one gets the next batch, not this.
fn write_patiently(writer: &mut impl Write, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match writer.write(bytes) {
            Ok(0) => return,
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => pause(),
            Err(_) => return,
        }
    }
    let _ = writer.flush();
}

#[expect(clippy::disallowed_methods, reason = "the log's thread is its own and no runtime's worker")]
fn pause() {
    thread::sleep(RETRY);
}

/// One line of the pretty format on its way into the sink.
pub(super) struct PrettyLine<'a> {
    sink: &'a Sink,
    urgent: bool,
}

impl Write for PrettyLine<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.sink.push(line, self.urgent);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Sink {
    type Writer = PrettyLine<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        PrettyLine { sink: self, urgent: false }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Self::Writer {
        PrettyLine { sink: self, urgent: is_urgent(*metadata.level()) }
    }
}

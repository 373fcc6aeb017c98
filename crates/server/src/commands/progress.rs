//! How far a command has come: a bar on a terminal, nothing elsewhere.

use std::io::{IsTerminal, Write, stderr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

const EVERY: Duration = Duration::from_millis(100);
const WIDTH: u64 = 30;
/// Back to the start of the line, and clear it.
const CLEAR: &str = "\r\x1b[K";

/// Counts rows; whoever moves them adds to it.
pub(crate) struct Progress {
    rows: AtomicU64,
    /// Of so many units of work (bytes or keys), so many are done. Zero: it is not known.
    total: AtomicU64,
    done: AtomicU64,
    started: Instant,
    on_terminal: bool,
}

/// A bar that is drawn until this is dropped.
pub(crate) struct Bar {
    task: Option<JoinHandle<()>>,
}

impl Progress {
    #[expect(clippy::disallowed_methods, reason = "how long a command of an operator takes is real time")]
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            rows: AtomicU64::new(0),
            total: AtomicU64::new(0),
            done: AtomicU64::new(0),
            started: Instant::now(),
            on_terminal: stderr().is_terminal(),
        })
    }

    pub(crate) fn add(&self, rows: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }

    pub(crate) fn set_rows(&self, rows: u64) {
        self.rows.store(rows, Ordering::Relaxed);
    }

    pub(crate) fn set_total(&self, total: u64) {
        self.total.store(total, Ordering::Relaxed);
    }

    pub(crate) fn set_done(&self, done: u64) {
        self.done.store(done, Ordering::Relaxed);
    }

    pub(crate) fn add_done(&self, done: u64) {
        self.done.fetch_add(done, Ordering::Relaxed);
    }

    /// Draws until the bar is dropped.
    pub(crate) fn draw(self: &Arc<Self>, what: &'static str) -> Bar {
        let progress = Arc::clone(self);
        let task = self.on_terminal.then(|| {
            tokio::spawn(async move {
                let mut ticks = tokio::time::interval(EVERY);
                loop {
                    ticks.tick().await;
                    show(&format!("{CLEAR}{}", progress.line(what)));
                }
            })
        });
        Bar { task }
    }

    /// Says something about a row, above the bar.
    pub(crate) fn tell(&self, line: &str) {
        let clear = if self.on_terminal { CLEAR } else { "" };
        show(&format!("{clear}{line}\n"));
    }

    /// So many rows a second, since the start.
    #[expect(clippy::disallowed_methods, reason = "how long a command of an operator takes is real time")]
    pub(crate) fn rate(&self, rows: u64) -> u64 {
        let millis = self.started.elapsed().as_millis().max(1);
        u64::try_from(u128::from(rows) * 1_000 / millis).unwrap_or(u64::MAX)
    }

    fn line(&self, what: &str) -> String {
        let rows = self.rows.load(Ordering::Relaxed);
        let total = self.total.load(Ordering::Relaxed);
        let done = self.done.load(Ordering::Relaxed).min(total);
        let bar = match (total, (done * WIDTH).checked_div(total)) {
            (_, None) => String::new(),
            (total, Some(full)) => {
                let (full, rest) = (full as usize, (WIDTH - full) as usize);
                format!(" [{}{}] {:>3} %", "=".repeat(full), " ".repeat(rest), done * 100 / total)
            }
        };
        format!("{what}{bar} {rows} rows, {}/s", self.rate(rows))
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            show(CLEAR);
        }
    }
}

fn show(text: &str) {
    let mut err = stderr().lock();
    // Nobody to tell is no reason to stop.
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_shows_how_much_is_done_where_that_is_known() {
        let progress = Progress::new();
        progress.set_rows(1_500);
        assert!(progress.line("importing").starts_with("importing 1500 rows, "));
        progress.set_total(200);
        progress.set_done(50);
        progress.add_done(50);
        let bar = format!("importing [{}{}]  50 % 1500 rows, ", "=".repeat(15), " ".repeat(15));
        assert!(progress.line("importing").starts_with(&bar), "{}", progress.line("importing"));
        progress.set_done(999);
        assert!(progress.line("importing").contains("] 100 % "));
    }
}

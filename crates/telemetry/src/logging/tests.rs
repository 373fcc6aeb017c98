use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};
use tracing::subscriber::with_default;
use tracing::{error, info, warn};

use super::*;

fn fixed_clock() -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(1_795_392_923_123_456)
}

/// A writer that several hands can look into.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn lines(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A writer that passes on each write.
struct Told(Sender<Vec<u8>>);

impl Write for Told {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(bytes.to_vec()).map(|()| bytes.len()).map_err(io::Error::other)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A writer that takes nothing until it is told to.
struct Stuck {
    release: Receiver<()>,
    then: Captured,
}

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Fails once the sender is gone: released for good.
        let _ = self.release.recv();
        self.then.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn stuck() -> (Sender<()>, Captured, Stuck) {
    let (sender, release) = channel();
    let then = Captured::default();
    (sender, then.clone(), Stuck { release, then })
}

fn start(writer: impl Write + Send + 'static) -> (Sink, sink::SinkGuard) {
    Sink::start(writer, |out, dropped| json::dropped_line(out, fixed_clock(), dropped)).unwrap()
}

/// The JSON lines that `log` leaves behind.
fn lines_of(log: impl FnOnce()) -> Vec<Value> {
    let captured = Captured::default();
    let (sink, guard) = start(captured.clone());
    with_default(registry().with(JsonLayer::new(sink, fixed_clock)), log);
    drop(guard);
    captured.lines()
}

#[test]
fn a_json_line_has_time_level_target_message_and_fields_of_their_own_type() {
    let captured = Captured::default();
    let (sink, guard) = start(captured.clone());
    with_default(registry().with(JsonLayer::new(sink, fixed_clock)), || {
        info!(
            target: names::REQUEST_TARGET,
            {
            { names::OPERATION } = "GetApiKey",
            { names::STATUS } = 200,
            below = -7,
            ratio = 0.5,
            huge = f64::MAX,
            nothing = f64::NAN,
            good = true,
            missing = None::<&str>,
            shown = %format_args!("a/{}", 1),
            debugged = ?Some("x"),
            wide = u128::MAX,
            },
            "answered {}",
            1
        );
    });
    drop(guard);
    let start = r#"{"timestamp":"2026-11-23T00:15:23.123456Z","level":"INFO","target":"gatepost::request","message":"#;
    assert!(captured.text().starts_with(start), "{}", captured.text());
    assert!(captured.text().ends_with("}\n"));
    assert!(captured.text().contains(&format!(r#""wide":{}"#, u128::MAX)));
    let mut line = captured.lines().remove(0);
    line.as_object_mut().unwrap().remove("wide");
    assert_eq!(
        line,
        json!({
            "timestamp": "2026-11-23T00:15:23.123456Z", "level": "INFO", "target": "gatepost::request",
            "message": "answered 1", "operation": "GetApiKey", "status": 200, "below": -7, "ratio": 0.5,
            "huge": f64::MAX, "nothing": null, "good": true, "shown": "a/1", "debugged": "Some(\"x\")",
        })
    );
}

#[test]
fn every_character_survives_json_escaping() {
    let every_low: String = (0..0x80u8).map(char::from).collect();
    let text = format!("{every_low}\u{80}\u{2028}ü€😀\u{10ffff}\"\\");
    let lines = lines_of(|| {
        info!(plain = text, shown = %text, "{text}");
        info!(nested = ?"\"\n", edge = "\\", empty = "");
    });
    assert_eq!(lines[0]["plain"], text);
    assert_eq!(lines[0]["shown"], text);
    assert_eq!(lines[0]["message"], text);
    assert_eq!(lines[1]["nested"], r#""\"\n""#);
    assert_eq!((&lines[1]["edge"], &lines[1]["empty"]), (&json!("\\"), &json!("")));
}

#[test]
fn timestamps_follow_the_calendar() {
    for (seconds, expected) in [
        (0, "1970-01-01T00:00:00."),
        (951_782_399, "2000-02-28T23:59:59."),
        (951_782_400, "2000-02-29T00:00:00."),
        (951_868_800, "2000-03-01T00:00:00."),
        (1_735_689_599, "2024-12-31T23:59:59."),
        (4_107_542_400, "2100-03-01T00:00:00."),
        (253_402_300_799, "9999-12-31T23:59:59."),
        (u64::MAX, "9999-12-31T23:59:59."),
    ] {
        let mut out = Vec::new();
        json::dropped_line(&mut out, UNIX_EPOCH + Duration::from_secs(seconds.min(1 << 60)), 1);
        let line = String::from_utf8(out).unwrap();
        assert!(line.contains(&format!(r#""timestamp":"{expected}000000Z""#)), "{line}");
    }
}

#[test]
fn a_value_that_logs_while_it_is_formatted_does_not_spoil_the_line() {
    struct Chatty;
    impl std::fmt::Display for Chatty {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            info!("inner");
            f.write_str("outer")
        }
    }
    // tracing itself mutes the inner event; what matters is that nothing panics and the outer line is whole.
    let lines = lines_of(|| info!(value = %Chatty, "said"));
    assert_eq!(lines.last().unwrap()["value"], "outer");
}

#[test]
fn warnings_and_errors_are_written_before_the_call_returns() {
    let captured = Captured::default();
    let (sink, guard) = start(captured.clone());
    with_default(registry().with(JsonLayer::new(sink, fixed_clock)), || {
        info!("first");
        warn!("second");
        assert_eq!(captured.lines().len(), 2, "an earlier line goes out before the warning");
        error!("third");
        assert_eq!(captured.lines().len(), 3);
    });
    drop(guard);
}

#[test]
fn a_line_that_is_not_urgent_is_written_within_a_moment() {
    let (sender, written) = channel();
    let (sink, _guard) = start(Told(sender));
    sink.push(b"{}\n", false);
    assert_eq!(written.recv_timeout(Duration::from_secs(10)).unwrap(), b"{}\n");
}

#[test]
fn a_stuck_writer_costs_lines_that_are_counted_and_never_the_caller() {
    let (release, captured, writer) = stuck();
    let (sink, guard) = start(writer);
    let line = [&[b'x'; 1023][..], b"\n"].concat();
    let fitting = sink::LIMIT / line.len();
    // The thread may have taken a part of it before it got stuck, so more may fit, but never twice as much.
    for _ in 0..3 * fitting {
        sink.push(&line, false);
    }
    sink.push(&line, true);
    drop(release);
    drop(guard);
    let text = captured.text();
    let written = text.lines().filter(|line| line.starts_with('x')).count();
    let reports: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0]["level"], "WARN");
    assert_eq!(reports[0]["message"], sink::DROPPED_MESSAGE);
    assert_eq!(reports[0]["dropped"], json!(3 * fitting + 1 - written));
    assert!((fitting..=2 * fitting).contains(&written), "{written}");
}

#[test]
fn a_warning_waits_for_a_stuck_writer_only_a_moment() {
    let (release, captured, writer) = stuck();
    let (sink, guard) = start(writer);
    // Without the bound this would hang; with a wait for each it would take minutes.
    for _ in 0..5_000 {
        sink.push(b"{}\n", true);
    }
    assert!(captured.text().is_empty());
    drop(release);
    drop(guard);
    assert_eq!(captured.lines().len(), 5_000);
}

#[test]
fn a_writer_that_never_moves_does_not_keep_the_program_from_ending() {
    let (release, _, writer) = stuck();
    let (sink, guard) = start(writer);
    sink.push(b"{}\n", false);
    drop(guard);
    drop(release);
}

#[test]
fn pretty_lines_take_the_same_way_out() {
    let captured = Captured::default();
    let (sink, guard) = start(captured.clone());
    let layer = fmt::layer().with_ansi(false).with_writer(sink);
    with_default(registry().with(layer), || {
        warn!(target: "somewhere", number = 7, "hello");
        assert!(captured.text().contains("WARN somewhere: hello number=7\n"), "{}", captured.text());
    });
    drop(guard);
    let mut out = Vec::new();
    report_in_words(&mut out, 3);
    let report = "WARN gatepost::log: log lines were dropped because stderr did not take them dropped=3\n";
    assert_eq!(String::from_utf8(out).unwrap(), report);
}

#[test]
fn a_broken_filter_is_refused() {
    let result = init_logging(LogFormat::Json, Some("gatepost=loud"), fixed_clock);
    assert!(matches!(result, Err(LoggingError::Filter(_))));
}

#[test]
fn a_panic_is_an_error_event_with_its_place_and_message() {
    let lines = lines_of(|| {
        let before = panic::take_hook();
        log_panics();
        let outcome = panic::catch_unwind(|| panic!("lost {}", "count"));
        panic::set_hook(before);
        assert!(outcome.is_err());
    });
    let line = &lines[0];
    assert_eq!((&line["level"], &line["target"]), (&json!("ERROR"), &json!(names::PANIC_TARGET)));
    assert_eq!(line["message"], "panicked: lost count");
    assert!(line["location"].as_str().unwrap().contains("logging/tests.rs:"), "{line}");
}

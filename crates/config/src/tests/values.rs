use super::*;
use crate::table::{Kind, Places, setting};
use std::num::NonZeroU32;
use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

#[test]
fn refusals_name_the_setting_the_value_the_place_and_what_is_allowed() {
    let cases: &[(&str, &str, &str)] = &[
        ("key-min-length", "12", "12 from SOURCE is out of range: 20 to 128"),
        ("key-min-length", "129", "129 from SOURCE is out of range: 20 to 128"),
        (
            "key-min-length",
            "99999999999999999999999",
            "99999999999999999999999 from SOURCE is out of range: 20 to 128",
        ),
        ("key-min-length", "+30", "+30 from SOURCE is not a whole number: 20 to 128"),
        ("max-keys-per-account", "0", "0 from SOURCE is out of range: 1 to 1000000000000"),
        ("max-plans-per-account", "0", "0 from SOURCE is out of range: 1 to 10000"),
        ("max-plans-per-account", "10001", "10001 from SOURCE is out of range: 1 to 10000"),
        ("max-plans-per-key", "0", "0 from SOURCE is out of range: 1 to 1000"),
        ("max-plans-per-key", "1001", "1001 from SOURCE is out of range: 1 to 1000"),
        ("max-connections", "many", "many from SOURCE is not a whole number: 1 to 1000000"),
        ("control-rate", "0", "0 from SOURCE is out of range: 0.001 to 1000000"),
        ("control-rate", "-1", "-1 from SOURCE is out of range: 0.001 to 1000000"),
        ("control-rate", "NaN", "NaN from SOURCE is not a number: 0.001 to 1000000"),
        ("control-rate", "inf", "inf from SOURCE is not a number: 0.001 to 1000000"),
        ("control-burst", "3", "3 from SOURCE means nothing without control-rate: set control-rate too"),
        (
            "max-import-bytes",
            "0",
            "0 from SOURCE is out of range: 1 to 1024GiB, in bytes or with KiB, MiB or GiB",
        ),
        (
            "max-import-bytes",
            "1MB",
            "1MB from SOURCE is not a size: 1 to 1024GiB, in bytes or with KiB, MiB or GiB",
        ),
        (
            "max-spool-bytes",
            "99999999999GiB",
            "99999999999GiB from SOURCE is out of range: 1 to 4096GiB, in bytes or with KiB, MiB or GiB",
        ),
        ("header-timeout", "10", "10 from SOURCE is not a duration: 1ms to 1h, with ms, s, m or h"),
        ("header-timeout", "0s", "0s from SOURCE is out of range: 1ms to 1h, with ms, s, m or h"),
        ("body-timeout", "61m", "61m from SOURCE is out of range: 1ms to 1h, with ms, s, m or h"),
        ("drain-delay", "1.5s", "1.5s from SOURCE is not a duration: 0s to 1h, with ms, s, m or h"),
        ("auth-off-anywhere", "yes", "yes from SOURCE is neither true nor false: true or false"),
        ("auth", "basic", "basic from SOURCE is not supported: sigv4 or off"),
        ("default-account", "123", "123 from SOURCE is not an account id: exactly twelve digits"),
        ("log", "xml", "xml from SOURCE is not supported: pretty or json"),
        ("log", "a\nb", "a\\nb from SOURCE is not supported: pretty or json"),
        (
            "admin-listen",
            "example.com:80",
            "example.com:80 from SOURCE is not an address to listen on: \
             IP:PORT, such as 127.0.0.1:8080, [::1]:8080 or localhost:8080",
        ),
        (
            "data-listen",
            "unix",
            "unix from SOURCE is not an address to listen on: \
             IP:PORT, such as 127.0.0.1:8080, [::1]:8080 or localhost:8080, or unix:PATH",
        ),
        ("data-listen", "unix:", "unix: from SOURCE has no path: unix:PATH"),
        (
            "control-listen",
            "0.0.0.0",
            "0.0.0.0 from SOURCE is not an address to listen on: \
             IP:PORT, such as 127.0.0.1:8080, [::1]:8080 or localhost:8080",
        ),
        (
            "storage",
            "mysql://u:hunter2@db/x",
            "*** from SOURCE is no storage that there is: \
             memory:, sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE",
        ),
        (
            "storage",
            "postgres:u:hunter2@db/x",
            "postgres:*** from SOURCE is no storage that there is: \
             memory:, sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE",
        ),
        (
            "storage",
            "sqlite://gatepost.db",
            "sqlite://gatepost.db from SOURCE names no database file: \
             sqlite:gatepost.db, sqlite:/var/lib/gatepost/gatepost.db or memory:",
        ),
        (
            "storage",
            "sqlite::memory:",
            "sqlite::memory: from SOURCE names no database file: \
             sqlite:gatepost.db, sqlite:/var/lib/gatepost/gatepost.db or memory:",
        ),
        (
            "storage-listen",
            "sqlite:x.db",
            "sqlite:x.db from SOURCE is no address of PostgreSQL: postgres://USER:PASSWORD@HOST/DATABASE",
        ),
        ("storage-connections", "1", "1 from SOURCE is out of range: 2 to 500"),
        ("no-migrate", "maybe", "maybe from SOURCE is neither true nor false: true or false"),
        ("config", "/no/file", "/no/file from SOURCE cannot be read: No such file or directory (os error 2)"),
        (
            "storage-file",
            "/no/file",
            "/no/file from SOURCE cannot be read: No such file or directory (os error 2)",
        ),
        (
            "master-key-file",
            "/no/file",
            "/no/file from SOURCE cannot be read: No such file or directory (os error 2)",
        ),
    ];
    for (name, value, expected) in cases {
        let setting = setting(name);
        let expected = |source: &str| format!("{name}: {}", expected.replace("SOURCE", source));
        let by_flag = match setting.kind {
            Kind::Switch => start(&[&format!("--{name}={value}")]),
            _ => start(&[&format!("--{name}"), value]),
        };
        assert_eq!(by_flag.refusal(), expected(&format!("--{name}")));
        let variable = setting.variable();
        assert_eq!(start(&[]).env(&variable, *value).refusal(), expected(&variable));
        if setting.kind == Kind::Text && setting.places == Places::Everywhere {
            let text = format!("{name} = \"{}\"", value.escape_debug());
            assert_eq!(start(&[]).toml(&text).refusal(), expected("DIR/GATEPOST_CONFIG"));
        }
    }
    let long = "x".repeat(5_000);
    assert!(start(&["--log", &long]).refusal().len() < 200);
    assert_eq!(start(&["--log="]).refusal(), "log: '' from --log is not supported: pretty or json");
    let bytes = OsString::from_vec(vec![b'p', 0xff]);
    let line = start(&[]).env("GATEPOST_LOG", bytes).refusal();
    assert_eq!(line, "log: p\u{fffd} from GATEPOST_LOG is not UTF-8: text");
}

#[test]
fn a_number_in_the_file_is_checked_like_one_of_a_flag() {
    let line = start(&[]).toml("key-min-length = 12").refusal();
    assert_eq!(line, "key-min-length: 12 from DIR/GATEPOST_CONFIG is out of range: 20 to 128");
    let line = start(&[]).toml("key-min-length = \"30\"").refusal();
    assert_eq!(line, "key-min-length: 30 from DIR/GATEPOST_CONFIG has the wrong type: a whole number");
    let line = start(&[]).toml("default-account = 123456789012").refusal();
    assert_eq!(line, "default-account: 123456789012 from DIR/GATEPOST_CONFIG has the wrong type: a string");
    // Also where a higher layer gives a value that is right.
    let line = start(&["--log", "json"]).toml("log = 7").refusal();
    assert_eq!(line, "log: 7 from DIR/GATEPOST_CONFIG has the wrong type: a string");
    let settings =
        start(&[]).toml("max-import-bytes = 4096\ncontrol-rate = 3\nauth-off-anywhere = true").settings();
    assert_eq!((settings.limits.max_import_bytes, settings.limits.max_spool_bytes), (4_096, 16_384));
    assert_eq!(
        settings.limits.control_rate,
        Some(ControlRate { rate: 3.0, burst: NonZeroU32::new(3).unwrap() })
    );
    assert!(settings.auth.off_anywhere);
}

#[test]
fn sizes_and_durations_have_units() {
    for (text, bytes) in [("1", 1), ("4096", 4_096), ("3KiB", 3 << 10), ("5MiB", 5 << 20), ("2GiB", 2 << 30)]
    {
        assert_eq!(start(&["--max-import-bytes", text]).settings().limits.max_import_bytes, bytes);
    }
    for (text, millis) in [("0s", 0), ("500ms", 500), ("10s", 10_000), ("10m", 600_000), ("1h", 3_600_000)] {
        let drain = start(&["--drain-timeout", text]).settings().shutdown.drain_timeout;
        assert_eq!(drain, Duration::from_millis(millis));
    }
}

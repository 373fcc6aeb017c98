use super::*;
use crate::layers::DEFAULTS;
use crate::table::{Kind, Places, SETTINGS, Secrecy};
use gatepost_domain::api_keys::MinValueLength;
use std::num::NonZeroU32;
use std::time::Duration;

#[test]
fn the_defaults_are_those_of_the_outer_interface() {
    let settings = start(&[]).settings();
    let listeners = &settings.listeners;
    assert_eq!(listeners.control.to_string(), "127.0.0.1:8080");
    assert_eq!(listeners.data, DataListen::Tcp("127.0.0.1:8081".parse().unwrap()));
    assert_eq!(listeners.admin.to_string(), "127.0.0.1:8082");
    assert_eq!((&listeners.tls, &listeners.trusted_proxies[..]), (&None, &[][..]));
    assert_eq!(sqlite(&settings), Some("gatepost.db"));
    assert_eq!((settings.storage.migrate, settings.storage.connections), (true, 16));
    assert!(settings.storage.listen.is_none());
    assert_eq!((settings.auth.mode, settings.auth.off_anywhere), (AuthMode::SigV4, false));
    assert_eq!(settings.auth.default_account.to_string(), "000000000000");
    assert!(settings.auth.root.is_none() && settings.audit.is_none());
    let MasterKeySource::Beside { path } = settings.custody.master_key else { panic!("not beside") };
    assert_eq!(path, PathBuf::from("gatepost.key"));
    let seconds = Duration::from_secs;
    assert_eq!(
        settings.limits,
        Limits {
            key_min_length: MinValueLength::default(),
            max_keys_per_account: None,
            max_plans_per_account: 300,
            max_plans_per_key: 10,
            control_rate: None,
            max_import_bytes: 256 << 20,
            max_spool_bytes: 1 << 30,
            max_connections: 10_000,
            header_timeout: seconds(60),
            body_timeout: seconds(10),
        }
    );
    assert_eq!(settings.shutdown, Shutdown { drain_delay: Duration::ZERO, drain_timeout: seconds(30) });
    assert_eq!(settings.logging.format, LogFormat::Json);
    let on_terminal = Start { terminal: true, ..start(&[]) };
    assert_eq!(on_terminal.settings().logging.format, LogFormat::Pretty);
}

#[test]
fn the_defaults_file_explains_every_setting_and_its_examples_hold() {
    let lines: Vec<&str> = DEFAULTS.lines().collect();
    for setting in SETTINGS {
        if setting.places != Places::Everywhere {
            assert!(DEFAULTS.contains(&setting.variable()), "{} is missing", setting.name);
            continue;
        }
        let own = format!("{} = ", setting.name);
        let at = lines.iter().position(|line| line.strip_prefix("# ").unwrap_or(line).starts_with(&own));
        let at = at.unwrap_or_else(|| panic!("{} is missing", setting.name));
        assert!(
            lines[at - 1].starts_with("# ") && !lines[at - 1].contains(" = "),
            "{} has no comment",
            setting.name
        );
    }
    // What is commented out as an example is accepted when it is not.
    let examples: Vec<&str> = lines
        .iter()
        .filter_map(|line| line.strip_prefix("# ").filter(|line| line.contains(" = ")))
        .filter(|line| !line.contains("-file = "))
        .collect();
    assert!(examples.len() > 3);
    let settings = start(&[]).toml(&examples.join("\n")).settings();
    assert_eq!(
        settings.limits.control_rate,
        Some(ControlRate { rate: 10.0, burst: NonZeroU32::new(40).unwrap() })
    );
}

#[test]
fn every_setting_is_read_and_refused_by_name_when_it_is_wrong() {
    for setting in SETTINGS {
        // Not an address, number, size, duration, word, account or existing file, and no printable secret.
        let wrong = "/no such thing\u{7f}";
        let line = match setting.name {
            // Its content is for whoever keeps the ring to judge.
            "master-key" => continue,
            _ => start(&[]).env(&setting.variable(), wrong).refusal(),
        };
        assert!(line.starts_with(&format!("{}: ", setting.name)), "{line}");
        assert!(line.contains(&setting.variable()), "{line}");
    }
}

#[test]
fn a_wrong_type_in_the_file_is_refused_for_every_setting() {
    for setting in SETTINGS.iter().filter(|setting| setting.places == Places::Everywhere) {
        let line = start(&[]).toml(&format!("{} = [1]", setting.name)).refusal();
        let value = if setting.name.starts_with("storage") && setting.secrecy == Secrecy::Url {
            "***"
        } else {
            "an array"
        };
        let expected = format!("{}: {value} from DIR/GATEPOST_CONFIG has the wrong type: ", setting.name);
        assert!(line.starts_with(&expected), "{line}");
        let value = if setting.kind == Kind::Switch { "'true'" } else { "true" };
        let line = start(&[]).toml(&format!("{} = {value}", setting.name)).refusal();
        assert!(line.contains(" has the wrong type: "), "{line}");
    }
}

#[test]
fn check_config_shows_every_effective_value_with_its_source_and_no_secret() {
    let start = start(&["check-config", "--control-rate", "2.5"])
        .toml("key-min-length = 40\nmax-import-bytes = '1MiB'")
        .env("GATEPOST_DRAIN_DELAY", "5s")
        .env("GATEPOST_MASTER_KEY", "hunter2")
        .env("GATEPOST_ROOT_ACCESS_KEY_ID", "AKIAhunter2")
        .env("GATEPOST_ROOT_SECRET_ACCESS_KEY", "hunter2");
    let rendered = start.settings().render();
    assert_eq!(rendered.lines().count(), SETTINGS.len());
    assert!(!rendered.contains("hunter2"), "{rendered}");
    let lines: Vec<String> =
        rendered.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let config = start.path("GATEPOST_CONFIG").display().to_string();
    for line in [
        "control-listen 127.0.0.1:8080 (default)",
        "storage sqlite:gatepost.db (default)",
        "no-migrate false (default)",
        &format!("key-min-length 40 ({config})"),
        "max-keys-per-account none (default)",
        "max-plans-per-account 300 (default)",
        "max-plans-per-key 10 (default)",
        "control-rate 2.5 (--control-rate)",
        "control-burst 3 (control-rate rounded up)",
        "max-spool-bytes 4MiB (4 times max-import-bytes)",
        "drain-delay 5s (GATEPOST_DRAIN_DELAY)",
        "master-key *** (GATEPOST_MASTER_KEY)",
        "root-access-key-id *** (GATEPOST_ROOT_ACCESS_KEY_ID)",
        "root-secret-access-key *** (GATEPOST_ROOT_SECRET_ACCESS_KEY)",
        "log json (stderr is no terminal)",
    ] {
        assert!(lines.iter().any(|shown| shown == line), "no {line:?} in\n{rendered}");
    }
}

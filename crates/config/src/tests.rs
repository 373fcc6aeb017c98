//! Settings as a start of the program finds them. A file for each file of the crate whose rules are tested.

use gatepost_domain::AccountId;
use gatepost_domain::api_keys::MinValueLength;
use gatepost_domain::credentials::AccessKeyId;
use gatepost_domain::usage_plans::UsagePlanId;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// A start of the program with its own flags, variables and files.
struct Start {
    args: Vec<String>,
    env: Vec<(String, OsString)>,
    files: TempDir,
    terminal: bool,
}

fn start(args: &[&str]) -> Start {
    let args = args.iter().map(|arg| (*arg).to_owned()).collect();
    Start { args, env: Vec::new(), files: TempDir::new().unwrap(), terminal: false }
}

impl Start {
    fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }

    /// Writes a file and gives its path to a variable.
    fn file(self, variable: &str, text: &str) -> Self {
        let path = self.path(variable);
        fs::write(&path, text).unwrap();
        self.env(variable, path)
    }

    fn toml(self, text: &str) -> Self {
        self.file("GATEPOST_CONFIG", text)
    }

    fn path(&self, variable: &str) -> PathBuf {
        self.files.path().join(variable)
    }

    fn load(&self) -> Result<Invocation, ConfigError> {
        let args = ["gatepost"].into_iter().chain(self.args.iter().map(String::as_str)).map(OsString::from);
        let env =
            |name: &str| self.env.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        load(args, env, self.terminal)
    }

    fn settings(&self) -> Settings {
        match self.load() {
            Ok(invocation) => invocation.settings,
            Err(error) => panic!("{error}"),
        }
    }

    /// The one line of the refusal, with the test's own folder as `DIR`.
    fn refusal(&self) -> String {
        let error = self.load().err().expect("these settings should be refused");
        assert!(!matches!(error, ConfigError::Help(_)));
        let line = error.to_string().replace(self.files.path().to_str().unwrap(), "DIR");
        assert_eq!(line.lines().count(), 1, "{line}");
        line
    }
}

/// The database file, where that is where keys are kept.
fn sqlite(settings: &Settings) -> Option<&str> {
    match &settings.storage.choice {
        StorageChoice::Sqlite { path } => path.to_str(),
        StorageChoice::Memory | StorageChoice::Postgres { .. } => None,
    }
}

fn port(settings: &Settings) -> u16 {
    settings.listeners.admin.port()
}

#[test]
fn flag_beats_environment_beats_file_beats_default() {
    assert_eq!(port(&start(&[]).settings()), 8082);
    let file = |args: &[&str]| start(args).toml("admin-listen = '127.0.0.1:1'");
    assert_eq!(port(&file(&[]).settings()), 1);
    let variable = |args: &[&str]| file(args).env("GATEPOST_ADMIN_LISTEN", "127.0.0.1:2");
    assert_eq!(port(&variable(&[]).settings()), 2);
    for args in [&["--admin-listen", "127.0.0.1:3"][..], &["serve", "--admin-listen=127.0.0.1:3"]] {
        assert_eq!(port(&variable(args).settings()), 3);
    }
}

#[test]
fn the_config_flag_beats_the_config_variable() {
    let other = start(&[]).toml("admin-listen = '127.0.0.1:5'");
    let path = other.path("GATEPOST_CONFIG");
    let start = start(&["--config", path.to_str().unwrap()]).env("GATEPOST_CONFIG", "/does/not/exist");
    assert_eq!(port(&start.settings()), 5);
}

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
        let setting = table::setting(name);
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
fn an_unknown_key_and_a_key_that_is_no_files_business_are_refused() {
    for (toml, line) in [
        ("colour = 1", "colour: unknown key in DIR/GATEPOST_CONFIG: gatepost --help lists the settings"),
        (
            "key_min_length = 30",
            "key_min_length: unknown key in DIR/GATEPOST_CONFIG: gatepost --help lists the settings",
        ),
        (
            "[limits]\nlog = 'json'",
            "limits: unknown key in DIR/GATEPOST_CONFIG: gatepost --help lists the settings",
        ),
        (
            "config = 'other.toml'",
            "config: cannot be set in DIR/GATEPOST_CONFIG: only by --config or GATEPOST_CONFIG",
        ),
        (
            "master-key = 'hunter2'",
            "master-key: cannot be set in DIR/GATEPOST_CONFIG: only by GATEPOST_MASTER_KEY",
        ),
    ] {
        assert_eq!(start(&[]).toml(toml).refusal(), line);
    }
}

#[test]
fn a_file_that_is_not_toml_is_refused_with_the_line_but_not_its_text() {
    let line = start(&[]).toml("log = 'json'\n\nstorage = postgres://u:hunter2@db\n").refusal();
    assert!(line.starts_with("config: DIR/GATEPOST_CONFIG is not valid TOML: line 3: "), "{line}");
    assert!(!line.contains("hunter2"), "{line}");
    let line = start(&[]).toml("log = 'json'\nlog = 'json'").refusal();
    assert!(line.starts_with("config: DIR/GATEPOST_CONFIG is not valid TOML: line 2: "), "{line}");
}

#[test]
fn a_command_line_that_is_not_understood_gets_one_line() {
    for (args, expected) in [
        (&["--colour"][..], "--colour: unknown flag: gatepost --help lists what there is"),
        (&["serve", "--colour=hunter2"], "--colour: unknown flag: gatepost --help lists what there is"),
        (&["--master-key=hunter2"], "--master-key: unknown flag: gatepost --help lists what there is"),
        (&["dance"], "command line: unknown subcommand: gatepost --help lists what there is"),
        (
            &["serve", "hunter2"],
            "command line: a word that belongs to no flag: gatepost --help lists what there is",
        ),
        (&["--log"], "--log: needs a value: gatepost --help lists what there is"),
        (
            &["--log", "json", "--log", "json"],
            "--log: given more than once: gatepost --help lists what there is",
        ),
    ] {
        assert_eq!(start(args).refusal(), expected, "{args:?}");
    }
}

#[test]
fn subcommands_are_told_apart_and_serve_is_the_default() {
    for (args, command) in [
        (&[][..], Command::Serve),
        (&["--log", "json"], Command::Serve),
        (&["serve"], Command::Serve),
        (&["migrate"], Command::Migrate),
        (&["check-config"], Command::CheckConfig),
        (&["--log", "json", "healthcheck"], Command::Healthcheck),
    ] {
        let Ok(invocation) = start(args).load() else { panic!("{args:?} is refused") };
        assert_eq!(invocation.command, command);
    }
    let disable = start(&["--log", "pretty", "credentials", "disable", "GPAKEXAMPLE"]).load();
    let Ok(disable) = disable else { panic!("it is refused") };
    let id = AccessKeyId::parse("GPAKEXAMPLE").unwrap();
    assert_eq!(disable.command, Command::Credentials(Credentials::Switch { id, enabled: false }));
    assert_eq!(disable.settings.logging.format, LogFormat::Pretty);
    let within = start(&["credentials", "list", "--log", "pretty", "--account", "000000000007"]).load();
    let Ok(within) = within else { panic!("it is refused") };
    let account = AccountId::parse("000000000007").ok();
    assert_eq!(within.command, Command::Credentials(Credentials::List { account }));
    assert_eq!(within.settings.logging.format, LogFormat::Pretty);
    let pretty = start(&["--log", "pretty", "check-config"]).settings();
    assert_eq!(pretty.logging.format, LogFormat::Pretty, "flags before the subcommand count too");
}

#[test]
fn help_shows_every_setting_with_its_variable_and_default() {
    let Err(ConfigError::Help(help)) = start(&["--help"]).load() else { panic!("no help") };
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for setting in SETTINGS {
        assert!(help.contains(&setting.variable()), "{} is missing", setting.name);
        assert!(help.contains(&setting.flag()) || setting.places == Places::Environment);
    }
    for (name, _) in commands::COMMANDS {
        assert!(help.contains(name), "{name} is missing");
    }
    assert!(help.contains("20 to 128 [default: 30] [env: GATEPOST_KEY_MIN_LENGTH]"), "{help}");
    let Err(ConfigError::Help(version)) = start(&["--version"]).load() else { panic!("no version") };
    assert_eq!(version, format!("gatepost {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn variables_of_others_are_no_settings_and_empty_ones_are_not_set() {
    let settings = start(&[])
        .env("GATEPOST_SERVICE_HOST", "10.0.0.1")
        .env("GATEPOST_PORT", "tcp://10.0.0.1:80")
        .env("GATEPOST_LOG", "")
        .env("GATEPOST_MASTER_KEY", "")
        .settings();
    assert!(matches!(settings.custody.master_key, MasterKeySource::Beside { .. }));
}

#[test]
fn addresses_may_be_v6_localhost_a_unix_socket_or_without_a_port_of_their_own() {
    let settings = start(&[
        "--control-listen",
        "[::1]:0",
        "--data-listen",
        "unix:/run/g.sock",
        "--admin-listen",
        "localhost:9",
    ])
    .settings();
    assert_eq!(settings.listeners.control.to_string(), "[::1]:0");
    assert_eq!(settings.listeners.data, DataListen::Unix(PathBuf::from("/run/g.sock")));
    assert_eq!(settings.listeners.admin.to_string(), "127.0.0.1:9");
    let data = start(&["--data-listen", "0.0.0.0:0"]).settings().listeners.data;
    assert_eq!(data, DataListen::Tcp("0.0.0.0:0".parse().unwrap()));
}

#[test]
fn tls_needs_certificate_and_key_and_names_what_is_missing() {
    let both = ["--tls-cert=a.crt", "--tls-key=a.key"];
    let files = |client_ca: Option<&str>| TlsFiles {
        cert: "a.crt".into(),
        key: "a.key".into(),
        client_ca: client_ca.map(PathBuf::from),
    };
    assert_eq!(start(&both).settings().listeners.tls, Some(files(None)));
    let with_clients = start(&both).env("GATEPOST_TLS_CLIENT_CA", "ca.crt");
    assert_eq!(with_clients.settings().listeners.tls, Some(files(Some("ca.crt"))));
    for (args, line) in [
        (&both[..1], "tls-cert: a.crt from --tls-cert is of no use without tls-key: set tls-key too"),
        (&both[1..], "tls-key: a.key from --tls-key is of no use without tls-cert: set tls-cert too"),
        (
            &["--tls-client-ca=ca.crt"],
            "tls-client-ca: ca.crt from --tls-client-ca is of no use without tls-cert and tls-key: set tls-cert and \
             tls-key too",
        ),
        (
            &["--tls-client-ca=ca.crt", "--tls-key=a.key"],
            "tls-key: a.key from --tls-key is of no use without tls-cert: set tls-cert too",
        ),
        (&["--tls-cert=", "--tls-key=k"], "tls-cert: '' from --tls-cert has no path: the path of a PEM file"),
    ] {
        assert_eq!(start(args).refusal(), line);
    }
}

#[test]
fn trusted_proxies_are_addresses_and_networks() {
    let read = |text: &str| start(&[]).env("GATEPOST_TRUSTED_PROXIES", text);
    let shown = |text: &str| {
        let networks = read(text).settings().listeners.trusted_proxies;
        networks.iter().map(|one| format!("{}/{}", one.address, one.prefix)).collect::<Vec<_>>().join(" ")
    };
    for (text, networks) in [
        ("192.0.2.7", "192.0.2.7/32"),
        ("2001:db8::7", "2001:db8::7/128"),
        ("10.0.0.0/8,::1 , 192.0.2.4/30", "10.0.0.0/8 ::1/128 192.0.2.4/30"),
        ("0.0.0.0/0,::/0", "0.0.0.0/0 ::/0"),
        ("255.255.255.255/32", "255.255.255.255/32"),
    ] {
        assert_eq!(shown(text), networks);
    }
    for (text, problem) in [
        ("localhost", "is no address"),
        ("10.0.0.0/8,", "is no address"),
        (",", "is no address"),
        ("10.0.0", "is no address"),
        ("10.0.0.01", "is no address"),
        ("10.0.0.1:80", "is no address"),
        ("[::1]", "is no address"),
        ("fe80::1%eth0", "is no address"),
        ("10.0.0.0-10.0.0.9", "is no address"),
        ("10.0.0.0 /8", "is no address"),
        ("10.*", "is no address"),
        ("::ffff:10.0.0.1", "IPv6's clothes"),
        ("10.0.0.0/33", "a prefix"),
        ("::/129", "a prefix"),
        ("10.0.0.0/", "a prefix"),
        ("10.0.0.0/-1", "a prefix"),
        ("10.0.0.0/+8", "a prefix"),
        ("10.0.0.0/255.0.0.0", "a prefix"),
        ("10.0.0.0/8/8", "a prefix"),
        ("10.1.2.3/8", "behind its prefix"),
        ("0.0.0.1/0", "behind its prefix"),
        ("2001:db8::1/32", "behind its prefix"),
    ] {
        let line = read(text).refusal();
        assert!(line.starts_with("trusted-proxies: ") && line.contains(problem), "{text}: {line}");
    }
}

#[test]
fn auth_off_reaches_the_network_only_when_asked_by_name() {
    for address in ["127.0.0.2:1", "[::1]:1", "[::ffff:127.0.0.1]:1", "localhost:1"] {
        start(&["--auth=off", "--control-listen", address]).settings();
    }
    for address in ["0.0.0.0:1", "[::]:1", "10.1.2.3:1", "[::ffff:10.1.2.3]:1"] {
        assert_eq!(
            start(&["--auth=off", "--control-listen", address]).refusal(),
            format!(
                "control-listen: {address} from --control-listen can be reached by other machines while auth is off: \
                 listen on 127.0.0.1, or set auth-off-anywhere when something in front authenticates"
            )
        );
        assert!(
            !start(&["--control-listen", address]).settings().auth.off_anywhere,
            "who signs may come from anywhere"
        );
        let open = start(&["--auth=off", "--control-listen", address, "--auth-off-anywhere"]);
        assert!(open.settings().auth.off_anywhere);
        open.env("GATEPOST_LOG", "json").settings();
    }
    let taken_back = start(&["--auth=off", "--control-listen", "0.0.0.0:1", "--auth-off-anywhere=false"])
        .env("GATEPOST_AUTH_OFF_ANYWHERE", "1");
    assert!(taken_back.refusal().starts_with("control-listen: "));
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

#[test]
fn the_burst_is_the_rate_rounded_up_when_not_set() {
    for (args, rate, burst) in [
        (&["--control-rate", "0.5"][..], 0.5, 1),
        (&["--control-rate", "2.1"], 2.1, 3),
        (&["--control-rate", "10", "--control-burst", "40"], 10.0, 40),
    ] {
        assert_eq!(
            start(args).settings().limits.control_rate,
            Some(ControlRate { rate, burst: NonZeroU32::new(burst).unwrap() })
        );
    }
}

#[test]
fn storage_comes_from_a_flag_or_a_file_but_not_from_both() {
    let settings = start(&["--storage", "memory:"]).settings();
    assert!(matches!(settings.storage.choice, StorageChoice::Memory));
    assert!(matches!(settings.custody.master_key, MasterKeySource::Made));
    let settings = start(&[]).file("GATEPOST_STORAGE_FILE", "sqlite:/srv/keys.sqlite\n").settings();
    assert_eq!(sqlite(&settings), Some("/srv/keys.sqlite"));
    let line = start(&["--storage", "memory:"]).file("GATEPOST_STORAGE_FILE", "memory:").refusal();
    assert_eq!(line, "storage: --storage and GATEPOST_STORAGE_FILE are both given: give only one of them");
    let line = start(&["--storage-file", "x"]).toml("storage = 'memory:'").refusal();
    assert_eq!(
        line,
        "storage: storage in DIR/GATEPOST_CONFIG and --storage-file are both given: give only one of them"
    );
    let line = start(&[]).file("GATEPOST_STORAGE_FILE", "mysql://u:hunter2@db/x\n").refusal();
    assert_eq!(
        line,
        "storage: *** from DIR/GATEPOST_STORAGE_FILE is no storage that there is: \
         memory:, sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE"
    );
    let line = start(&[]).file("GATEPOST_STORAGE_FILE", "\n").refusal();
    let expected =
        "DIR/GATEPOST_STORAGE_FILE from GATEPOST_STORAGE_FILE is an empty file: a file that holds the value";
    assert_eq!(line, format!("storage-file: {expected}"));
}

#[test]
fn the_master_key_comes_from_a_file_or_the_environment_but_not_from_both() {
    let from_file = start(&[]).file("GATEPOST_MASTER_KEY_FILE", "1:hunter2\n");
    let MasterKeySource::File { path, text } = from_file.settings().custody.master_key else {
        panic!("not the file")
    };
    assert_eq!((path, text.expose()), (from_file.path("GATEPOST_MASTER_KEY_FILE"), "1:hunter2\n"));
    let from_environment = start(&[]).env("GATEPOST_MASTER_KEY", "hunter2").settings().custody.master_key;
    let MasterKeySource::Environment { text } = from_environment else { panic!("not the variable") };
    assert_eq!(text.expose(), "hunter2");
    let line = from_file.env("GATEPOST_MASTER_KEY", "hunter2").refusal();
    let expected = "GATEPOST_MASTER_KEY_FILE and GATEPOST_MASTER_KEY are both given: give only one of them";
    assert_eq!(line, format!("master-key: {expected}"));
}

#[test]
fn a_database_file_has_its_master_key_beside_it() {
    for (storage, key) in [
        ("sqlite:gatepost.db", "gatepost.key"),
        ("sqlite:/srv/a/keys", "/srv/a/keys.key"),
        ("sqlite:odd.key", "odd.key.key"),
    ] {
        let settings = start(&["--storage", storage]).settings();
        let MasterKeySource::Beside { path } = settings.custody.master_key else { panic!("{storage}") };
        assert_eq!(path, PathBuf::from(key));
    }
}

#[test]
fn postgres_needs_a_master_key_wherever_values_are_opened_or_sealed() {
    const URL: &str = "--storage=postgres://u:hunter2@db/x";
    for args in
        [&[URL][..], &["check-config", URL], &["import", "f", URL], &["export", "--export-key-file=k", URL]]
    {
        let line = start(args).refusal();
        assert!(line.starts_with("master-key-file: PostgreSQL storage needs a master key"), "{line}");
        assert!(line.contains("(printf 1:; head -c32 /dev/urandom | base64) > FILE"), "{line}");
        assert!(!line.contains("hunter2"), "{line}");
        let given = start(args).env("GATEPOST_MASTER_KEY", "k").settings();
        let StorageChoice::Postgres { url } = given.storage.choice else { panic!("not PostgreSQL") };
        assert_eq!(url.expose(), "postgres://u:hunter2@db/x");
    }
    for args in
        [&["migrate", URL][..], &["healthcheck", URL], &["import", "f", URL, "--endpoint=http://localhost"]]
    {
        assert!(matches!(start(args).settings().custody.master_key, MasterKeySource::Missing));
    }
}

#[test]
fn an_address_is_shown_without_its_password_whatever_it_looks_like() {
    for (url, shown) in [
        ("memory:", "memory:"),
        ("sqlite:/srv/gatepost.db", "sqlite:/srv/gatepost.db"),
        ("postgres://db.internal:5432/x", "postgres://db.internal:5432/x"),
        ("postgres://u@db/x", "postgres://u@db/x"),
        ("postgresql://u:hunter2@[::1]:5432/x", "postgresql://u:***@[::1]:5432/x"),
        ("postgres://u:hunter2@a:1,b:2/x?sslmode=require", "postgres://u:***@a:1,b:2/x?***"),
        ("postgres://u:hun@ter2@db/x", "postgres://u:***@db/x"),
        ("postgres://u:hunter2/?@db/x", "postgres://u:***@db/x"),
        ("postgres://u:hunter2", "postgres://***"),
        ("postgres://u:hunter2/x", "postgres://***"),
        ("postgres://db/x?user=u&password=hunter2", "postgres://db/x?***"),
        ("postgres://db/x?password=hunter2@1", "postgres://***"),
        ("postgres://db/x?password=1@hunter2", "postgres://***"),
        ("postgres:u:hunter2@db", "postgres:***"),
        ("hunter2", "***"),
        ("hunter2://u@db/x", "***"),
    ] {
        assert_eq!(table::setting("storage").shown(url), shown, "{url}");
        assert_eq!(table::setting("storage-listen").shown(url), shown, "{url}");
    }
    let start = start(&["check-config", "--storage-listen=postgres://u:hunter2@direct/x"])
        .file("GATEPOST_STORAGE_FILE", "postgres://u:hunter2@pooler/x")
        .env("GATEPOST_MASTER_KEY", "k");
    let rendered = start.settings().render();
    assert!(!rendered.contains("hunter2"), "{rendered}");
    assert!(
        rendered.contains("postgres://u:***@pooler/x") && rendered.contains("(storage-file)"),
        "{rendered}"
    );
    assert!(rendered.contains("postgres://u:***@direct/x"), "{rendered}");
}

fn command(args: &[&str]) -> Command {
    match start(args).load() {
        Ok(invocation) => invocation.command,
        Err(error) => panic!("{args:?}: {error}"),
    }
}

#[test]
fn export_seals_unless_it_is_told_to_reveal() {
    let plain = Export {
        format: ExportFormat::Sealed { key_file: "k".into() },
        output: None,
        account: None,
        endpoint: None,
    };
    assert_eq!(command(&["export", "--export-key-file", "k"]), Command::Export(plain.clone()));
    let csv = &["export", "--format=csv", "--reveal-values", "--output", "f", "--log=json"];
    let csv = |more: &[&str]| command(&[&csv[..], more].concat());
    let Command::Export(Export { account, .. }) = csv(&["--account=000000000042"]) else {
        panic!("not an export")
    };
    assert_eq!(account.unwrap().to_string(), "000000000042");
    let csv = csv(&["--endpoint", "http://[::1]:81/"]);
    let Command::Export(Export { format, output, endpoint, .. }) = csv else { panic!("not an export") };
    assert_eq!((format, output), (ExportFormat::Csv, Some("f".into())));
    let endpoint = endpoint.unwrap();
    assert_eq!((endpoint.host(), endpoint.port(), endpoint.to_string().as_str()), ("::1", 81, "[::1]:81"));
    for (args, refusal) in [
        (&["export"][..], "--export-key-file: a sealed export needs the file of the key that seals it"),
        (&["export", "--format=csv"], "--format: a CSV file holds the values of all keys in the clear"),
        (&["export", "--format=xml", "--export-key-file=k"], "--format: sealed or csv"),
        (&["export", "--export-key-file=k", "--reveal-values"], "--reveal-values: a sealed export shows"),
        (&["export", "--format=csv", "--export-key-file=k"], "--export-key-file: a CSV file is not sealed"),
    ] {
        let line = start(args).refusal();
        assert!(line.starts_with(refusal), "{line}");
    }
}

#[test]
fn import_takes_one_file_and_an_endpoint_in_plain_http() {
    let import = command(&["import", "keys.csv", "--fail-on-warnings", "--dry-run"]);
    let expected = Import {
        source: ImportSource::File("keys.csv".into()),
        key_file: None,
        account: None,
        endpoint: None,
        fail_on_warnings: true,
        dry_run: true,
    };
    assert_eq!(import, Command::Import(expected));
    let import = command(&["import", "-", "--endpoint=http://localhost"]);
    let Command::Import(Import { endpoint: Some(endpoint), .. }) = import else { panic!("no endpoint") };
    assert_eq!((endpoint.host(), endpoint.port()), ("localhost", 80));
    for (args, refusal) in [
        (&["import"][..], "import: which file?"),
        (&["import", "f", "--account=1"], "--account: an account id has exactly twelve decimal digits"),
        (
            &["import", "f", "--account=000000000042", "--endpoint=http://x"],
            "--account: the server behind --endpoint decides",
        ),
        (&["import", "f", "--endpoint=https://x"], "--endpoint: https is not spoken yet"),
        (&["import", "f", "--endpoint=localhost:1"], "--endpoint: not an address of a server"),
        (&["import", "f", "--endpoint=http://u:p@x"], "--endpoint: not an address of a server"),
        (&["import", "f", "--endpoint=http://x/y"], "--endpoint: not an address of a server"),
        (&["import", "f", "g"], "command line: a word that belongs to no flag"),
        (&["serve", "--dry-run"], "--dry-run: unknown flag"),
    ] {
        let line = start(args).refusal();
        assert!(line.starts_with(refusal), "{line}");
    }
}

#[test]
fn import_from_aws_takes_files_and_plans_before_files() {
    let words =
        ["import", "--from-aws", "keys.json", "u1=of plan.json", "./a=b", "--dry-run", "x y=z", "u2=a=b"];
    let Command::Import(import) = command(&words) else { panic!("no import") };
    let file = |plan: Option<&str>, path: &str| AwsFile {
        path: path.into(),
        plan: plan.map(|id| UsagePlanId::parse(id).unwrap()),
    };
    assert_eq!(
        import.source,
        ImportSource::Aws(vec![
            file(None, "keys.json"),
            file(Some("u1"), "of plan.json"),
            file(None, "./a=b"),
            file(None, "x y=z"),
            file(Some("u2"), "a=b"),
        ])
    );
    assert!(import.dry_run);
    for (more, refusal) in [
        (&[][..], "--from-aws: which files?"),
        (&["f", "--export-key-file=k"], "--export-key-file: what AWS prints is not sealed"),
        (&["f", "--fail-on-warnings"], "--fail-on-warnings: is for CSV files"),
        (&["f", "--endpoint=http://localhost"], "--endpoint: the API cannot be told the ids and dates"),
    ] {
        let line = start(&[&["import", "--from-aws"], more].concat()).refusal();
        assert!(line.starts_with(refusal), "{line}");
    }
}

#[test]
fn a_root_credential_is_whole_or_absent() {
    const ID: &str = "GATEPOST_ROOT_ACCESS_KEY_ID";
    const SECRET: &str = "GATEPOST_ROOT_SECRET_ACCESS_KEY";
    const ID_FILE: &str = "GATEPOST_ROOT_ACCESS_KEY_ID_FILE";
    const SECRET_FILE: &str = "GATEPOST_ROOT_SECRET_ACCESS_KEY_FILE";
    for start in [
        start(&[]).env(ID, "AKIA1").env(SECRET, "hunter/2"),
        start(&[]).file(ID_FILE, "AKIA1\n").file(SECRET_FILE, "hunter/2\n"),
        start(&[]).env(ID, "AKIA1").file(SECRET_FILE, "hunter/2"),
    ] {
        let root = start.settings().auth.root.expect("both are given");
        assert_eq!((root.access_key_id.as_str(), root.secret_access_key.expose()), ("AKIA1", "hunter/2"));
    }
    for (start, expected) in [
        (
            start(&[]).env(ID, "AKIA1"),
            "root-access-key-id: *** from GATEPOST_ROOT_ACCESS_KEY_ID is only half of a root credential: \
             set GATEPOST_ROOT_SECRET_ACCESS_KEY or GATEPOST_ROOT_SECRET_ACCESS_KEY_FILE too",
        ),
        (
            start(&[]).file(SECRET_FILE, "hunter2"),
            "root-secret-access-key-file: DIR/GATEPOST_ROOT_SECRET_ACCESS_KEY_FILE from \
             GATEPOST_ROOT_SECRET_ACCESS_KEY_FILE is only half of a root credential: \
             set GATEPOST_ROOT_ACCESS_KEY_ID or GATEPOST_ROOT_ACCESS_KEY_ID_FILE too",
        ),
        (
            start(&[]).env(ID, "AKIA1").env(SECRET, "hunter2").file(SECRET_FILE, "hunter2"),
            "root-secret-access-key: GATEPOST_ROOT_SECRET_ACCESS_KEY and GATEPOST_ROOT_SECRET_ACCESS_KEY_FILE \
             are both given: give only one of them",
        ),
        // The two swapped: the secret stands where the id belongs.
        (
            start(&[]).env(ID, "hunter/2").env(SECRET, "AKIA1"),
            "root-access-key-id: *** from GATEPOST_ROOT_ACCESS_KEY_ID is not an access key id: \
             1 to 128 letters, digits or underscores",
        ),
        (
            start(&[]).env(ID, "AKIA1").env(SECRET, "hunter 2"),
            "root-secret-access-key: *** from GATEPOST_ROOT_SECRET_ACCESS_KEY is not a secret access key: \
             printable ASCII characters without spaces",
        ),
    ] {
        assert_eq!(start.refusal(), expected);
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

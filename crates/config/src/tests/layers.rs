use super::*;

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

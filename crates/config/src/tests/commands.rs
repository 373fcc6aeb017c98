use super::*;
use crate::commands::COMMANDS;
use crate::table::{Places, SETTINGS};
use gatepost_domain::AccountId;
use gatepost_domain::credentials::AccessKeyId;
use gatepost_domain::usage_plans::UsagePlanId;

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
    for (name, _) in COMMANDS {
        assert!(help.contains(name), "{name} is missing");
    }
    assert!(help.contains("20 to 128 [default: 30] [env: GATEPOST_KEY_MIN_LENGTH]"), "{help}");
    let Err(ConfigError::Help(version)) = start(&["--version"]).load() else { panic!("no version") };
    assert_eq!(version, format!("gatepost {}\n", env!("CARGO_PKG_VERSION")));
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

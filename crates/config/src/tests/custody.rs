use super::*;

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

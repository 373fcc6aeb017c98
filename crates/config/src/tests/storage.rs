use super::*;
use crate::table::setting;

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
        assert_eq!(setting("storage").shown(url), shown, "{url}");
        assert_eq!(setting("storage-listen").shown(url), shown, "{url}");
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

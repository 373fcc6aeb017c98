use super::*;

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

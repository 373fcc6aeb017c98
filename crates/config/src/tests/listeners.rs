use super::*;

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

use proptest::prelude::*;

use super::*;

fn v2(command: u8, family: u8, said: &[u8]) -> Vec<u8> {
    let length = u16::try_from(said.len()).unwrap().to_be_bytes();
    [&V2_SIGNATURE[..], &[command, family], &length, said].concat()
}

fn client(address: &str) -> Source {
    Source::Client(address.parse().unwrap())
}

fn source(bytes: &[u8]) -> Source {
    match parse(bytes) {
        Ok(ProxyHeader::Whole { length, source }) => {
            assert_eq!(length, bytes.len());
            source
        }
        other => panic!("{other:?} of {}", bytes.escape_ascii()),
    }
}

const V4: [u8; 12] = [192, 0, 2, 7, 10, 0, 0, 1, 0x12, 0x67, 0, 80];

fn v6() -> Vec<u8> {
    let address = |text: &str| text.parse::<Ipv6Addr>().unwrap().octets();
    [&address("2001:db8::7")[..], &address("2001:db8::1"), &[0x12, 0x67, 0, 80]].concat()
}

#[test]
fn version_1_tells_the_source() {
    for (line, expected) in [
        ("PROXY TCP4 192.0.2.7 10.0.0.1 4711 80\r\n", client("192.0.2.7")),
        ("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", client("255.255.255.255")),
        ("PROXY TCP4 192.0.2.7 10.0.0.1 0 0\r\n", client("192.0.2.7")),
        ("PROXY TCP6 2001:db8::7 2001:db8::1 4711 80\r\n", client("2001:db8::7")),
        ("PROXY TCP6 ::ffff:192.0.2.7 ::1 4711 80\r\n", client("::ffff:192.0.2.7")),
        ("PROXY UNKNOWN\r\n", Source::Unknown),
        ("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", Source::Unknown),
    ] {
        assert_eq!(source(line.as_bytes()), expected, "{line}");
    }
}

#[test]
fn version_2_tells_the_source() {
    let with_fields = [&V4[..], &[0x04, 0, 2, 0, 0, 0xEA, 0, 0]].concat();
    let unix = [0; 216];
    for (bytes, expected) in [
        (v2(0x21, 0x11, &V4), client("192.0.2.7")),
        (v2(0x21, 0x11, &with_fields), client("192.0.2.7")),
        (v2(0x21, 0x21, &v6()), client("2001:db8::7")),
        (v2(0x21, 0x31, &unix), Source::Unknown),
        (v2(0x21, 0x00, &[]), Source::Unknown),
        (v2(0x20, 0x00, &[]), Source::Proxy),
        (v2(0x20, 0x11, &V4), Source::Proxy),
        (v2(0x20, 0xFF, b"anything"), Source::Proxy),
    ] {
        assert_eq!(source(&bytes), expected, "{}", bytes.escape_ascii());
    }
}

#[test]
fn what_begins_like_a_header_and_is_none_is_malformed() {
    for line in [
        "PROXY \r\n",
        "PROXY TCP4\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 4711 80\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 4711\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 4711 80 \r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 4711 80 90\r\n",
        "PROXY TCP4  192.0.2.7 10.0.0.1 4711 80\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 +4711 80\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 04711 80\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 65536 80\r\n",
        "PROXY TCP4 192.0.2.07 10.0.0.1 4711 80\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0 4711 80\r\n",
        "PROXY TCP4 2001:db8::7 2001:db8::1 4711 80\r\n",
        "PROXY TCP6 192.0.2.7 10.0.0.1 4711 80\r\n",
        "PROXY TCP6 fe80::1%eth0 ::1 4711 80\r\n",
        "PROXY UDP4 192.0.2.7 10.0.0.1 4711 80\r\n",
        "PROXY tcp4 192.0.2.7 10.0.0.1 4711 80\r\n",
        "PROXY UNKNOWNS\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 4711 8\u{e9}\r\n",
    ] {
        assert!(parse(line.as_bytes()).is_err(), "{line}");
    }
    let too_long = format!("PROXY UNKNOWN {}", "x".repeat(200));
    assert!(parse(too_long.as_bytes()).is_err());
    let cut_field = [&V4[..], &[0x04, 0, 3, 0, 0]].concat();
    let cut_kind = [&V4[..], &[0x04]].concat();
    for bytes in [
        v2(0x11, 0x11, &V4),
        v2(0x22, 0x11, &V4),
        v2(0x21, 0x12, &V4),
        v2(0x21, 0x22, &v6()),
        v2(0x21, 0x01, &V4),
        v2(0x21, 0x41, &V4),
        v2(0x21, 0x11, &V4[..11]),
        v2(0x21, 0x21, &v6()[..35]),
        v2(0x21, 0x31, &[0; 215]),
        v2(0x21, 0x11, &cut_field),
        v2(0x21, 0x11, &cut_kind),
        v2(0x20, 0x00, &[0; MAX_PROXY_BYTES]),
    ] {
        assert!(parse(&bytes).is_err(), "{}", bytes.escape_ascii());
    }
}

#[test]
fn other_beginnings_are_no_headers() {
    for bytes in
        [&b"GET / HTTP/1.1\r\n"[..], b"PRI * HTTP/2.0\r\n", b"PROPFIND", b"\r\nGET", b"\x16\x03\x01", b"\0"]
    {
        assert_eq!(parse(bytes), Ok(ProxyHeader::Absent), "{}", bytes.escape_ascii());
    }
    assert_eq!(parse(b""), Ok(ProxyHeader::Partial));
}

#[test]
fn every_beginning_of_a_header_asks_for_more_and_what_follows_is_not_looked_at() {
    for whole in [
        b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 80\r\n".to_vec(),
        v2(0x21, 0x11, &V4),
        v2(0x21, 0x21, &v6()),
        v2(0x20, 0x00, &[]),
    ] {
        for cut in 0..whole.len() {
            assert_eq!(parse(&whole[..cut]), Ok(ProxyHeader::Partial), "{cut} of {}", whole.escape_ascii());
        }
        let more = [&whole[..], b"GET / HTTP/1.1\r\n"].concat();
        assert_eq!(parse(&more), parse(&whole));
    }
}

proptest! {
    /// More bytes never change what was decided, nothing is read past the bound, and nothing panics.
    #[test]
    fn what_is_decided_stays_so(
        version in 0..2,
        rest in prop::collection::vec(any::<u8>(), 0..300),
        cut in any::<prop::sample::Index>(),
    ) {
        let signature = if version == 0 { V1_SIGNATURE } else { &V2_SIGNATURE[..] };
        let bytes = [signature, &rest].concat();
        let early = parse(&bytes[..cut.index(bytes.len() + 1)]);
        if early != Ok(ProxyHeader::Partial) {
            prop_assert_eq!(early, parse(&bytes));
        }
        if let Ok(ProxyHeader::Whole { length, .. }) = early {
            prop_assert!(length <= bytes.len() && length <= MAX_PROXY_BYTES);
        }
    }
}

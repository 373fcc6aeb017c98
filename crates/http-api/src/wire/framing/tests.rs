use proptest::prelude::*;

use super::*;

/// What becomes of a connection's bytes: how many requests are over, or where it is refused.
fn follow(bytes: &[u8]) -> Result<Place, Ambiguous> {
    let mut framing = Framing::default();
    framing.follow(bytes).map(|()| framing.place)
}

fn post(headers: &str, rest: &str) -> Vec<u8> {
    format!("POST / HTTP/1.1\r\nhost: x\r\n{headers}\r\n{rest}").into_bytes()
}

#[test]
fn requests_that_have_one_reading_pass_and_end_where_they_say() {
    for bytes in [
        post("", ""),
        post("", "GET / HTTP/1.1\r\nhost: x\r\n\r\n"),
        post("", "\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
        post("content-length: 0\r\n", ""),
        post("Content-Length:5\r\n", "ab\r\nc"),
        post("CONTENT-LENGTH: \t5 \t\r\n", "\n\n\n\0\r"),
        post("content-length: 005\r\n", "abcde"),
        post("content-type: a\r\ncontent-lengths: 7\r\ntrailer: b\r\nte: trailers\r\n", ""),
        post("x: content-length: 5\r\nx: a\tb\r\nconnection:\r\n", ""),
        post("transfer-encoding: chunked\r\n", "0\r\n\r\n"),
        post("Transfer-Encoding:\tChunked \r\n", "3\r\na\nb\r\nA\r\n0123456789\r\n000\r\n\r\n"),
        post(
            "transfer-encoding: chunked\r\n",
            "3;a=b;c=\"d\"\r\nabc\r\n3 \t;x\r\nabc\r\n0;y\r\na: b\r\nc: d\r\n\r\n",
        ),
    ] {
        let shown = bytes.escape_ascii();
        assert!(matches!(follow(&bytes), Ok(Place::Head)), "{shown}: {:?}", follow(&bytes));
        let next = [&bytes[..], b"GET / HTTP/1.1\r\nx: y\r\nz: \0\r\n"].concat();
        let sound = next.len() - b"z: \0\r\n".len();
        assert_eq!(follow(&next).err(), Some(Ambiguous { sound, within: Within::Head }), "{shown}");
    }
    for (bytes, is_there) in [
        (post("content-length: 18446744073709551615\r\n", "abc"), u64::MAX - 3),
        (post("transfer-encoding: chunked\r\n", "ffffffffffffffff\r\nabc"), u64::MAX - 3),
    ] {
        let left = match follow(&bytes) {
            Ok(Place::Body(left) | Place::Chunk(left)) => left,
            other => panic!("{other:?}"),
        };
        assert_eq!(left, is_there);
    }
}

#[test]
fn heads_that_may_be_read_in_two_ways_are_refused() {
    for (what, headers) in [
        ("two lengths", "content-length: 1\r\ncontent-length: 2\r\n"),
        ("the same length twice", "content-length: 1\r\ncontent-length: 1\r\n"),
        ("a list of lengths", "content-length: 1, 1\r\n"),
        ("a length and chunks", "content-length: 1\r\ntransfer-encoding: chunked\r\n"),
        ("chunks and a length", "transfer-encoding: chunked\r\ncontent-length: 1\r\n"),
        ("chunks and no length at all", "transfer-encoding: chunked\r\ncontent-length:\r\n"),
        ("a coding before the chunks", "transfer-encoding: gzip, chunked\r\n"),
        ("a coding behind the chunks", "transfer-encoding: chunked, gzip\r\n"),
        ("chunked twice", "transfer-encoding: chunked, chunked\r\n"),
        ("chunked in two headers", "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n"),
        ("a coding and then chunked", "transfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n"),
        ("another coding", "transfer-encoding: gzip\r\n"),
        ("identity", "transfer-encoding: identity\r\n"),
        ("no coding", "transfer-encoding:\r\n"),
        ("a coding with a parameter", "transfer-encoding: chunked;q=1\r\n"),
        ("a quoted coding", "transfer-encoding: \"chunked\"\r\n"),
        ("a coding behind a vertical tab", "transfer-encoding: \x0bchunked\r\n"),
        ("a coding like chunked", "transfer-encoding: xchunked\r\n"),
        ("a signed length", "content-length: +1\r\n"),
        ("a negative length", "content-length: -1\r\n"),
        ("a length with a blank", "content-length: 1 0\r\n"),
        ("a hexadecimal length", "content-length: 0x1\r\n"),
        ("an empty length", "content-length: \r\n"),
        ("a length beyond all bounds", "content-length: 18446744073709551616\r\n"),
        ("a length in two lines", "content-length:\r\n 1\r\n"),
        ("a folded header", "a: b\r\n c\r\n"),
        ("a header folded by a tab", "a: b\r\n\tc: d\r\n"),
        ("a bare LF behind a header", "a: b\nc: d\r\n"),
        ("a bare LF at the end", "a: b\r\n\n"),
        ("a bare CR in a value", "a: b\rc: d\r\n"),
        ("a bare CR before the end", "a: b\r\r\n"),
        ("NUL", "a: b\0\r\n"),
    ] {
        let before = b"POST / HTTP/1.1\r\nhost: x\r\n".len();
        let found = follow(&post(headers, "")).expect_err(what);
        assert!(found.within == Within::Head && found.sound >= before, "{what}: {found:?}");
    }
    for line in [
        "GET / HTTP/1.1\n",
        "GET /\r HTTP/1.1\r\n",
        "GET /\0 HTTP/1.1\r\n",
        "\n",
        "\r\r\n",
        "GET / HTTP/1.1\r\n x: y\r\n",
    ] {
        assert!(follow(line.as_bytes()).is_err(), "{line:?}");
    }
}

#[test]
fn bodies_that_may_be_read_in_two_ways_are_refused() {
    let long = "x".repeat(MOST_CHUNK_LINE);
    for (what, rest) in [
        ("no length", "\r\nabc\r\n"),
        ("a length that is none", "g\r\nabc\r\n"),
        ("a signed length", "+3\r\nabc\r\n"),
        ("a prefixed length", "0x3\r\nabc\r\n"),
        ("a blank before the length", " 3\r\nabc\r\n"),
        ("a blank behind the length", "3 \r\nabc\r\n"),
        ("two lengths", "3 3\r\nabc\r\n"),
        ("a length beyond all bounds", "10000000000000000\r\n"),
        ("a length with many zeros", "00000000000000003\r\nabc\r\n"),
        ("a bare LF behind the length", "3\nabc\r\n"),
        ("a bare CR behind the length", "3\rabc\r\n"),
        ("a bare LF in an extension", "3;a\nabc\r\n0\r\n\r\n"),
        ("a bare CR in an extension", "3;a\rb\r\nabc\r\n"),
        ("NUL in an extension", "3;a\0\r\nabc\r\n"),
        ("a long extension", &format!("3;{long}\r\nabc\r\n")),
        ("a chunk that is too long", "3\r\nabcd\r\n"),
        ("a chunk that is too short", "3\r\nab\r\n0\r\n\r\n"),
        ("a chunk that ends with LF", "3\r\nabc\n0\r\n\r\n"),
        ("a bare LF in a trailer", "0\r\na: b\n\r\n"),
        ("a bare LF at the end", "0\r\n\n"),
        ("NUL in a trailer", "0\r\na: \0\r\n\r\n"),
    ] {
        let head = post("transfer-encoding: chunked\r\n", "");
        let found = follow(&[&head[..], rest.as_bytes()].concat()).expect_err(what);
        assert!(found.within == Within::Body && found.sound >= head.len(), "{what}: {found:?}");
    }
}

/// A request as SDKs sign it.
const SIGNED: &[u8] = b"GET /apikeys/gt748qoyk2?includeValue=true HTTP/1.1\r\nhost: localhost:8080\r\n\
    accept: application/json\r\nuser-agent: aws-sdk-rust/1.3 os/linux\r\nx-amz-date: 20261123T080000Z\r\n\
    authorization: AWS4-HMAC-SHA256 Credential=GPAKEXAMPLE/20261123/us-east-1/apigateway/aws4_request, \
    SignedHeaders=accept;host;x-amz-date, Signature=\
    5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7\r\nconnection: keep-alive\r\n\r\n";

#[test]
fn a_whole_head_with_nothing_odd_is_not_followed_line_by_line() {
    let next = [SIGNED, b"GET / HTTP/1.1\r\n"].concat();
    assert!(matches!(plain_head(&next), Some((length, Place::Head)) if length == SIGNED.len()));
    let with_body = post("content-length: 3\r\n", "");
    assert!(matches!(plain_head(&with_body), Some((length, Place::Body(3))) if length == with_body.len()));
    for cut in 0..SIGNED.len() {
        assert!(plain_head(&SIGNED[..cut]).is_none(), "{cut}");
    }
    // Wherever something odd stands in it.
    for at in 0..SIGNED.len() {
        for odd in [b'\0', b'\r'] {
            let bytes = [&SIGNED[..at], &[odd], &SIGNED[at..]].concat();
            assert!(plain_head(&bytes).is_none() && follow(&bytes).is_err(), "{}", bytes.escape_ascii());
        }
    }
}

#[test]
fn a_line_that_never_ends_is_not_kept() {
    let mut framing = Framing::default();
    let mut kept = 0;
    while framing.follow(&[b'x'; 1000]).is_ok() {
        kept += 1000;
    }
    assert!((super::super::connection::MAX_HEAD_BYTES..=MOST_HEAD_LINE).contains(&kept), "{kept}");
}

proptest! {
    /// However the bytes are cut, the same is refused, at the same place or in the part that holds it.
    #[test]
    fn the_verdict_does_not_depend_on_how_the_bytes_are_cut(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "GET / HTTP/1.1\r\n", "content-length: 3\r\n", "transfer-encoding: chunked\r\n", "a: b\r\n", "\r\n", "\r",
            "\n", "abc", "3\r\n", "0\r\n", ";x", "\0", " ", "c",
        ]), 0..12),
        cut in 1_usize..9,
    ) {
        let bytes = pieces.concat().into_bytes();
        let whole = follow(&bytes);
        let mut framing = Framing::default();
        let parted = bytes.chunks(cut).enumerate().find_map(|(nth, part)| {
            framing.follow(part).err().map(|found| (nth * cut + found.sound, found.within))
        });
        match (whole, parted) {
            (Ok(place), None) => prop_assert_eq!(format!("{place:?}"), format!("{:?}", framing.place)),
            (Err(found), Some((sound, within))) => {
                prop_assert_eq!(found.within, within);
                prop_assert!(sound >= found.sound);
            }
            (whole, parted) => prop_assert!(false, "{whole:?} is not {parted:?}"),
        }
    }
}

//! What an import did. Its ids may be millions, so they are streamed out of their spool.

use super::{Form, ObjectWriter, api_key};
use crate::wire::answer_body::AnswerBody;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use gatepost_application::api_keys::ImportedApiKeys;
use std::io;

pub(super) fn render(imported: ImportedApiKeys, form: Form) -> AnswerBody {
    let ImportedApiKeys { ids, count, warnings } = imported;
    let mut before = Vec::with_capacity(512);
    let mut after = Vec::new();
    ObjectWriter::write(&mut before, form, |object| {
        object.links(|links| {
            api_key::curies(links);
            links.template("apikey:by-key", "/apikeys/{api_Key}?include_value=false");
            links.to("apikey:create", "/apikeys");
            links.template("apikey:delete", "/apikeys/{api_Key}");
        });
    });
    // The object stays open for ids and warnings.
    before.pop();
    ObjectWriter::write(&mut after, form, |object| object.texts("warnings", &warnings));
    let after = if after == b"{}" { b"}".to_vec() } else { [b",", &after[1..]].concat() };
    let (name, end): (&[u8], &[u8]) = match (form, count) {
        (Form::Plain, _) => (b"\"ids\":[", b"]"),
        (Form::Hal, 0) => (b"", b""),
        (Form::Hal, 1) => (b",\"ids\":", b""),
        (Form::Hal, _) => (b",\"ids\":[", b"]"),
    };
    before.extend_from_slice(name);
    let end = [end, &after].concat();
    let mut quoting = Quoting { first: true, open: false };
    if let Some(lines) = ids.in_memory() {
        return [before, quoting.quoted(lines).into(), end].concat().into();
    }
    let ids = ids.into_stream().map_ok(move |chunk| quoting.quoted(&chunk));
    let whole = stream::iter([Ok::<_, io::Error>(Bytes::from(before))])
        .chain(ids)
        .chain(stream::iter([Ok(Bytes::from(end))]));
    AnswerBody::stream(whole)
}

/// Turns lines into JSON strings with commas between them, wherever the chunks are cut.
struct Quoting {
    first: bool,
    open: bool,
}

impl Quoting {
    fn quoted(&mut self, lines: &[u8]) -> Bytes {
        let mut out = Vec::with_capacity(lines.len() / 4 * 5 + 2);
        for byte in lines {
            match (byte, self.open) {
                (b'\n', _) => {
                    out.push(b'"');
                    self.open = false;
                }
                (byte, true) => out.push(*byte),
                (byte, false) => {
                    out.extend_from_slice(if self.first { b"\"" } else { b",\"" });
                    out.push(*byte);
                    (self.first, self.open) = (false, true);
                }
            }
        }
        out.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_quoted_wherever_they_are_cut() {
        let lines = b"gt748qoyk2\n58v93i1885\nx5k3eopvub\n";
        for cut in 1..lines.len() {
            let mut quoting = Quoting { first: true, open: false };
            let parts: Vec<_> = lines.chunks(cut).map(|part| quoting.quoted(part)).collect();
            assert_eq!(parts.concat(), br#""gt748qoyk2","58v93i1885","x5k3eopvub""#);
        }
    }
}

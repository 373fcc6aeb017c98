//! Writes JSON objects in either form, straight into the answer's buffer.

use super::Form;
use gatepost_domain::Timestamp;
use std::io::Write;

/// An object that is being written.
pub struct ObjectWriter<'o> {
    out: &'o mut Vec<u8>,
    form: Form,
    empty: bool,
}

/// The links of an object that is being written.
pub struct LinksWriter<'o> {
    object: ObjectWriter<'o>,
}

impl ObjectWriter<'_> {
    /// Appends one object.
    pub fn write(out: &mut Vec<u8>, form: Form, members: impl FnOnce(&mut ObjectWriter<'_>)) {
        out.push(b'{');
        members(&mut ObjectWriter { out, form, empty: true });
        out.push(b'}');
    }

    /// A text.
    pub fn text(&mut self, name: &'static str, value: &str) {
        self.name(name);
        write_text(self.out, value);
    }

    /// A text, if there is one.
    pub fn optional_text(&mut self, name: &'static str, value: Option<&impl AsRef<str>>) {
        if let Some(value) = value {
            self.text(name, value.as_ref());
        }
    }

    /// True or false.
    pub fn flag(&mut self, name: &'static str, value: bool) {
        self.name(name);
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    /// A whole number.
    pub fn integer(&mut self, name: &'static str, value: u32) {
        self.name(name);
        write!(self.out, "{value}").expect("a Vec takes everything");
    }

    /// The shortest number that reads back as this one; a whole one has `.0` in plain JSON, as AWS prints it.
    pub fn decimal(&mut self, name: &'static str, value: f64) {
        self.name(name);
        match self.form {
            Form::Plain => write!(self.out, "{value:?}"),
            Form::Hal => write!(self.out, "{value}"),
        }
        .expect("a Vec takes everything");
    }

    /// A moment: epoch seconds, or ISO 8601.
    pub fn date(&mut self, name: &'static str, value: Timestamp) {
        self.name(name);
        match self.form {
            // serde_json has no formatter in between, which costs more than the digits.
            Form::Plain => serde_json::to_writer(&mut *self.out, &value.seconds()).map_err(Into::into),
            Form::Hal => write!(self.out, "\"{value}\""),
        }
        .expect("a Vec takes everything");
    }

    /// A member that is there to be null.
    pub fn null(&mut self, name: &'static str) {
        self.name(name);
        self.out.extend_from_slice(b"null");
    }

    /// A list of texts.
    pub fn texts(&mut self, name: &'static str, values: &[impl AsRef<str>]) {
        self.list(name, values, |value, out, _| write_text(out, value.as_ref()));
    }

    /// A map of texts.
    pub fn map<'v>(&mut self, name: &'static str, pairs: impl Iterator<Item = (&'v str, &'v str)>) {
        let mut pairs = pairs.peekable();
        if pairs.peek().is_none() && self.form == Form::Hal {
            return;
        }
        self.name(name);
        Self::write(self.out, self.form, |map| pairs.for_each(|(key, value)| map.pair(key, value)));
    }

    /// An object of lists, none of them empty, whose names clients chose; a list of one is collapsed here too.
    pub fn list_map<'v, T: 'v>(
        &mut self,
        name: &'static str,
        pairs: impl Iterator<Item = (&'v str, &'v [T])>,
        write: impl Fn(&T, &mut Vec<u8>),
    ) {
        self.object(name, |map| {
            for (key, items) in pairs {
                map.key(key);
                map.elements(items, |item, out, _| write(item, out));
            }
        });
    }

    /// An object; an empty one is left out of HAL, as an empty list is.
    pub fn object(&mut self, name: &'static str, members: impl FnOnce(&mut ObjectWriter<'_>)) {
        let mut object = Vec::new();
        Self::write(&mut object, self.form, members);
        if self.form == Form::Plain || object != b"{}" {
            self.name(name);
            self.out.extend_from_slice(&object);
        }
    }

    /// A list of objects.
    pub fn objects<T>(&mut self, name: &'static str, items: &[T], write: impl Fn(&mut ObjectWriter<'_>, &T)) {
        self.list(name, items, |item, out, form| Self::write(out, form, |object| write(object, item)));
    }

    /// An object of objects, whose names clients chose.
    pub fn object_map<'v, T>(
        &mut self,
        name: &'static str,
        pairs: impl Iterator<Item = (&'v str, T)>,
        write: impl Fn(&mut ObjectWriter<'_>, T),
    ) {
        self.object(name, |map| {
            for (key, item) in pairs {
                map.key(key);
                Self::write(map.out, map.form, |object| write(object, item));
            }
        });
    }

    /// The links of this object, which only HAL shows. They come first.
    pub fn links(&mut self, links: impl FnOnce(&mut LinksWriter<'_>)) {
        if self.form == Form::Hal {
            self.name("_links");
            Self::write(self.out, self.form, |object| {
                links(&mut LinksWriter {
                    object: ObjectWriter { out: object.out, form: object.form, empty: true },
                });
            });
        }
    }

    /// The items of a listing: `item`, or `_embedded.item`. They follow the links.
    pub fn items<T>(&mut self, items: &[T], write: impl Fn(&T, &mut Vec<u8>, Form)) {
        match self.form {
            Form::Plain => self.list("item", items, write),
            Form::Hal if items.is_empty() => {}
            Form::Hal => {
                self.name("_embedded");
                Self::write(self.out, self.form, |embedded| embedded.list("item", items, write));
            }
        }
    }

    fn list<T>(&mut self, name: &'static str, items: &[T], write: impl Fn(&T, &mut Vec<u8>, Form)) {
        if self.form == Form::Plain || !items.is_empty() {
            self.name(name);
            self.elements(items, write);
        }
    }

    /// The items of a list whose name is written.
    fn elements<T>(&mut self, items: &[T], write: impl Fn(&T, &mut Vec<u8>, Form)) {
        match (self.form, items) {
            (Form::Hal, [one]) => write(one, self.out, self.form),
            (Form::Plain | Form::Hal, items) => {
                self.out.push(b'[');
                for (place, item) in items.iter().enumerate() {
                    if place > 0 {
                        self.out.push(b',');
                    }
                    write(item, self.out, self.form);
                }
                self.out.push(b']');
            }
        }
    }

    /// A member of a map, whose key may need escapes.
    fn pair(&mut self, key: &str, value: &str) {
        self.key(key);
        write_text(self.out, value);
    }

    fn key(&mut self, key: &str) {
        self.part();
        write_text(self.out, key);
        self.out.push(b':');
    }

    /// A name of ours, which needs no escape.
    fn name(&mut self, name: &'static str) {
        self.part();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    /// Parts a member from the one before.
    fn part(&mut self) {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
    }
}

impl LinksWriter<'_> {
    /// The curies of the documentation of this object's links: names and pages. One is not in a list.
    pub fn curies(&mut self, curies: &[(&'static str, &str)]) {
        const BASE: &str = "https://docs.aws.amazon.com/apigateway/latest/developerguide/";
        self.object.objects("curies", curies, |curie, (name, page)| {
            curie.text("href", &format!("{BASE}{page}"));
            curie.text("name", name);
            curie.flag("templated", true);
        });
    }

    /// A link.
    pub fn to(&mut self, name: &'static str, href: &str) {
        self.object.name(name);
        ObjectWriter::write(self.object.out, Form::Hal, |link| link.text("href", href));
    }

    /// A link with a variable in it.
    pub fn template(&mut self, name: &'static str, href: &str) {
        self.object.name(name);
        ObjectWriter::write(self.object.out, Form::Hal, |link| {
            link.text("href", href);
            link.flag("templated", true);
        });
    }

    /// A link to each of several.
    pub fn each<T>(&mut self, name: &'static str, items: &[T], href: impl Fn(&T) -> String) {
        self.object.list(name, items, |item, out, form| {
            ObjectWriter::write(out, form, |link| link.text("href", &href(item)));
        });
    }
}

/// A JSON string. Most texts need no escape, and are copied.
pub(super) fn write_text(out: &mut Vec<u8>, text: &str) {
    // Every byte is looked at, even behind one that needs an escape: so the compiler can look at many at once.
    let escapes = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    if !text.bytes().fold(false, |found, byte| found | escapes(byte)) {
        out.reserve(text.len() + 2);
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        serde_json::to_writer(out, text).expect("a Vec takes everything, and a str is a JSON string");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(form: Form) -> serde_json::Value {
        let mut out = Vec::new();
        ObjectWriter::write(&mut out, form, |object| {
            object.links(|links| links.each("item", &["a", "b"], |id| format!("/x/{id}")));
            object.items(&[1], |_, out, form| ObjectWriter::write(out, form, |item| item.flag("on", true)));
            object.date("date", Timestamp::from_micros(1_465_424_516_900_000));
            object.texts("none", &[""; 0]);
            object.texts("one", &["x\"\n"]);
            object.texts("two", &["x", "y"]);
            object.map("map", [].into_iter());
            object.integer("integer", 5);
            object.object("object", |_| {});
            object.object_map("maps", [("/a\"", 1), ("/b", 2)].into_iter(), |map, n| map.integer("n", n));
            object.list_map("lists", [("a", &[1, 2][..]), ("b\"", &[3])].into_iter(), |item, out| {
                write!(out, "{item}").unwrap();
            });
            object.list_map("no-lists", [("", &[1][..]); 0].into_iter(), |_, _| unreachable!());
        });
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn plain_json_has_numbers_for_dates_and_keeps_lists() {
        let wanted = serde_json::json!({
            "item": [{"on": true}], "date": 1_465_424_516, "none": [], "one": ["x\"\n"], "two": ["x", "y"], "map": {},
            "integer": 5, "object": {}, "maps": {"/a\"": {"n": 1}, "/b": {"n": 2}},
            "lists": {"a": [1, 2], "b\"": [3]}, "no-lists": {},
        });
        assert_eq!(written(Form::Plain), wanted);
    }

    #[test]
    fn hal_has_links_and_embedded_items_and_collapses_lists_of_one() {
        let wanted = serde_json::json!({
            "_links": {"item": [{"href": "/x/a"}, {"href": "/x/b"}]}, "_embedded": {"item": {"on": true}},
            "date": "2016-06-08T22:21:56Z", "one": "x\"\n", "two": ["x", "y"],
            "integer": 5, "maps": {"/a\"": {"n": 1}, "/b": {"n": 2}}, "lists": {"a": [1, 2], "b\"": 3},
        });
        assert_eq!(written(Form::Hal), wanted);
    }

    fn decimal(form: Form, value: f64) -> String {
        let mut out = Vec::new();
        ObjectWriter::write(&mut out, form, |object| object.decimal("r", value));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_whole_decimal_has_a_point_in_plain_json_only() {
        assert_eq!(decimal(Form::Plain, 500.0), r#"{"r":500.0}"#);
        assert_eq!(decimal(Form::Hal, 100.0), r#"{"r":100}"#);
        assert_eq!(decimal(Form::Plain, 0.1), r#"{"r":0.1}"#);
    }

    proptest! {
        #[test]
        fn a_decimal_reads_back_as_itself(value in 0.0..1e9, tiny in 0.0..1e-300) {
            for value in [value, tiny] {
                for form in [Form::Plain, Form::Hal] {
                    let read: serde_json::Value = serde_json::from_str(&decimal(form, value)).unwrap();
                    prop_assert_eq!(read["r"].as_f64(), Some(value));
                }
            }
        }
    }
}

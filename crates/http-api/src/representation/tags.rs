//! The tags of a resource.

use super::{Form, ObjectWriter};
use gatepost_domain::Tags;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// As SDKs encode a segment of a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(super) fn write(out: &mut Vec<u8>, form: Form, arn: &str, tags: &Tags) {
    ObjectWriter::write(out, form, |object| {
        object.links(|links| {
            let href = format!("/tags/{}", utf8_percent_encode(arn, SEGMENT));
            links.curies(&[("tags", "restapi-tags-{rel}.html")]);
            links.to("tags:tag", &href);
            links.template("tags:untag", &format!("{href}{{?tagKeys}}"));
        });
        object.map("tags", tags.iter());
    });
}

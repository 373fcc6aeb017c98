//! An account.

use super::{Form, ObjectWriter};
use gatepost_application::Account;

pub(super) fn write(out: &mut Vec<u8>, form: Form, account: &Account) {
    ObjectWriter::write(out, form, |object| {
        object.links(|links| {
            links.curies(&[("account", "account-apigateway-{rel}.html")]);
            links.to("self", "/account");
            links.to("account:update", "/account");
        });
        object.text("apiKeyVersion", account.api_key_version);
        object.texts("features", account.features);
        object.object("throttleSettings", |throttle| {
            throttle.integer("burstLimit", account.burst_limit);
            throttle.decimal("rateLimit", account.rate_limit);
        });
    });
}

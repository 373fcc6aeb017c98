//! A position is read back by the listing that wrote it, and nothing else is a position, forged or from elsewhere.
//!
//! The input is three lines: a name prefix, a customer, and a text that claims to be a position.
#![no_main]

use gatepost_custody::{Custody, KeyRing, Random, TokenKey};
use gatepost_domain::api_keys::{ApiKeyFilter, ApiKeyId, ApiKeyPosition, CustomerId};
use gatepost_domain::usage::{Day, UsageDays};
use gatepost_domain::{AccountId, Timestamp};
use gatepost_http_api::position::{InvalidPosition, Positions};
use libfuzzer_sys::fuzz_target;
use std::sync::{Arc, LazyLock};

/// Always the same bytes, so that a position in the corpus stays one.
struct Fives;

impl Random for Fives {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(5);
    }
}

static KEY: LazyLock<TokenKey> = LazyLock::new(|| {
    let secret = Custody::new_installation(&KeyRing::generate(&Fives), &Fives);
    Custody::open(KeyRing::generate(&Fives), Arc::new(Fives), &secret).expect("the same ring").token_key()
});

fuzz_target!(|text: &str| {
    let mut lines = text.splitn(3, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (prefix, customer, claimed) = (line(), line(), line());
    let Ok(customer_id) = CustomerId::parse(customer) else { return };
    let filter = ApiKeyFilter { name_prefix: (!prefix.is_empty()).then(|| prefix.into()), customer_id };
    let account = AccountId::from_number(1).expect("an account");
    let positions = Positions::of_api_keys(&KEY, account, &filter);

    let position = ApiKeyPosition {
        created: Timestamp::from_micros(text.len() as i64),
        id: ApiKeyId::parse("gt748qoyk2").expect("an id"),
    };
    let genuine = positions.write(&position);
    assert_eq!(positions.read(&genuine), Ok(position));
    // All positions here share a nonce, which a real server never does; still none but the genuine one opens.
    if claimed != genuine {
        assert_eq!(positions.read(claimed), Err(InvalidPosition));
    }

    let longer = ApiKeyFilter { name_prefix: Some(format!("{prefix}x").into()), ..filter.clone() };
    let elsewhere = [
        Positions::of_api_keys(&KEY, account, &longer),
        Positions::of_api_keys(&KEY, AccountId::from_number(2).expect("an account"), &filter),
        Positions::of_usage_plan_keys(&KEY, account, prefix, Some(customer)),
        Positions::of_usage(
            &KEY,
            account,
            prefix,
            UsageDays::only(Day::of(Timestamp::from_micros(0))),
            Some(customer),
        ),
    ];
    for other in elsewhere {
        assert_eq!(other.read(&genuine), Err(InvalidPosition));
    }
});

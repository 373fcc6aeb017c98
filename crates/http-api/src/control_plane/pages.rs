//! Which page of a listing a query asks for.

use crate::error::ApiError;
use crate::input::InputError;
use crate::input::query::Query;
use crate::position::{Place, Positions};
use crate::representation::ListingPage;
use gatepost_domain::{Page, PageLimit, PageRequest};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// The `limit` of a query.
pub(super) fn limit(query: &Query<'_>) -> Result<PageLimit, InputError> {
    let Some(text) = query.one("limit")? else {
        return Ok(PageLimit::DEFAULT);
    };
    let digits = text.strip_prefix(['-', '+']).unwrap_or(&text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InputError::WrongType { name: "limit".to_owned(), wanted: "an integer" });
    }
    // What does not fit any number is out of range like every other.
    Ok(text.parse().map_or(PageLimit::DEFAULT, PageLimit::or_default))
}

/// A parameter of a query, where the empty text is as if it were absent.
pub(super) fn filter(query: &Query<'_>, name: &str) -> Result<Option<String>, InputError> {
    Ok(query.one(name)?.filter(|text| !text.is_empty()).map(|text| text.into_owned()))
}

/// One page of a listing.
pub(super) struct Asked<'a, P> {
    query: &'a Query<'a>,
    limit: PageLimit,
    positions: Positions<'a, P>,
    is_later: bool,
}

impl<'a, P: Place> Asked<'a, P> {
    /// The page that a query asks for, and the request for it.
    pub(super) fn of(
        query: &'a Query<'a>,
        limit: PageLimit,
        positions: Positions<'a, P>,
    ) -> Result<(Self, PageRequest<P>), ApiError> {
        let after = filter(query, "position")?.map(|text| positions.read(&text)).transpose()?;
        Ok((Self { query, limit, positions, is_later: after.is_some() }, PageRequest { after, limit }))
    }

    /// The page as it is shown; links to other pages repeat these parameters of the query.
    pub(super) fn shown<T>(&self, page: Page<T, P>, repeated: &[&str]) -> Result<ListingPage<T>, InputError> {
        let mut query = format!("limit={}", self.limit.get());
        for name in repeated {
            if let Some(value) = self.query.one(name)? {
                query.push_str(&format!("&{name}={}", utf8_percent_encode(&value, NON_ALPHANUMERIC)));
            }
        }
        Ok(ListingPage {
            next: page.next.map(|position| self.positions.write(&position)),
            items: page.items,
            query,
            is_later_page: self.is_later,
        })
    }
}

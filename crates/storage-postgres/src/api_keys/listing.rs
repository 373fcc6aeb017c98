//! Listings: which index a page comes from.
//!
//! | filter | index | cost of a page |
//! |---|---|---|
//! | none | age, backwards | its items |
//! | customer | customer, backwards | its items |
//! | name | age, backwards, a few pages' worth of keys; if that makes no full page: | those |
//! | | name, all matches, while there are at most [`EXAMINED`] | its matches |
//! | name, of more keys than that | age, backwards, at most [`EXAMINED`] keys | those |
//! | both | customer, backwards, at most [`EXAMINED`] keys; if that was not all, name as above | those |
//!
//! A position bounds every statement as a pair, `(created, id) < (…)`, so that page 20,000 begins where page 1 would.

use super::row::{self, column, number, position, signed};
use crate::error::storage_error;
use crate::pool::Statement;
use crate::source::Source;
use gatepost_domain::api_keys::{ApiKeyFilter, ApiKeyPosition};
use gatepost_domain::{AccountId, Page, PageRequest};
use gatepost_storage::{StorageError, StoredApiKey};
use sqlx::query;

/// So many keys are looked at for one page of a filtered listing.
pub(crate) const EXAMINED: i64 = 10_000;
/// Of a prefix that every fourth key has, a page is had at once.
const FEW_PAGES: i64 = 4;
/// So many characters of a name are in its index.
const INDEXED: usize = 128;

type Listing = Page<StoredApiKey, ApiKeyPosition>;

/// The first columns of a key's rows; the column after them belongs to the statement.
const AFTER_KEY: usize = 12;

/// What every listing asks for.
#[derive(Clone, Copy)]
pub(crate) struct Seek<'p> {
    account: AccountId,
    created: i64,
    id: &'p str,
    limit: usize,
}

impl<'p> Seek<'p> {
    pub(crate) fn new(account: AccountId, page: &'p PageRequest<ApiKeyPosition>) -> Self {
        // No key is as young as the end of time.
        let (created, id) =
            page.after.as_ref().map_or((i64::MAX, ""), |after| (after.created.micros(), after.id.as_str()));
        Self { account, created, id, limit: page.limit.get() }
    }

    /// A statement whose first four arguments are these; it asks for one key more than the page holds.
    pub(crate) fn bind<'q>(&'q self, sql: &'static str) -> Statement<'q> {
        query(sql)
            .bind(number(self.account))
            .bind(self.created)
            .bind(self.id)
            .bind(signed(self.limit as u64 + 1))
    }
}

pub(super) async fn list<S: Source>(
    source: &S,
    account: AccountId,
    filter: &ApiKeyFilter,
    page: &PageRequest<ApiKeyPosition>,
) -> Result<Listing, StorageError> {
    let seek = Seek::new(account, page);
    let customer = filter.customer_id.as_ref().map(|customer| customer.as_str());
    let list = match (filter.name_prefix.as_deref(), customer) {
        (None, None) => seek.bind(include_str!("../../queries/api_keys/list.sql")),
        (None, Some(customer)) => {
            seek.bind(include_str!("../../queries/api_keys/list_of_customer.sql")).bind(customer)
        }
        // No name has it, and the database cannot be asked for it.
        (Some(prefix), _) if prefix.contains('\0') => return Ok(Page { items: Vec::new(), next: None }),
        (Some(prefix), None) => return list_named(source, &seek, prefix).await,
        (Some(prefix), Some(customer)) => return list_both(source, &seek, prefix, customer).await,
    };
    let rows = source.fetch(list).await.map_err(storage_error)?;
    let keys = rows.iter().map(|row| row::key(account, row)).collect::<Result<_, _>>()?;
    Ok(full(keys, seek.limit))
}

async fn list_named<S: Source>(source: &S, seek: &Seek<'_>, prefix: &str) -> Result<Listing, StorageError> {
    let walk = include_str!("../../queries/api_keys/walk_named.sql");
    let few = FEW_PAGES * signed(seek.limit as u64 + 1);
    let (page, has_more) = walked(source, seek, seek.bind(walk).bind(prefix).bind(few)).await?;
    if has_more {
        return Ok(page);
    }
    if let Some(page) = gather(source, seek, prefix, None).await? {
        return Ok(page);
    }
    let (page, _) = walked(source, seek, seek.bind(walk).bind(prefix).bind(EXAMINED)).await?;
    Ok(page)
}

async fn list_both<S: Source>(
    source: &S,
    seek: &Seek<'_>,
    prefix: &str,
    customer: &str,
) -> Result<Listing, StorageError> {
    let walk = include_str!("../../queries/api_keys/walk_customer_named.sql");
    let walk = seek.bind(walk).bind(prefix).bind(EXAMINED).bind(customer);
    let (page, has_more) = walked(source, seek, walk).await?;
    // A full page, or all there is: otherwise the names may come to more.
    if page.next.is_none() || has_more {
        return Ok(page);
    }
    Ok(gather(source, seek, prefix, Some(customer)).await?.unwrap_or(page))
}

/// The page out of all keys with a prefix; `None` when there are too many of them.
async fn gather<S: Source>(
    source: &S,
    seek: &Seek<'_>,
    prefix: &str,
    customer: Option<&str>,
) -> Result<Option<Listing>, StorageError> {
    let (from, to) = bounds(prefix);
    let named = include_str!("../../queries/api_keys/list_named.sql");
    let gather = seek.bind(named).bind(from).bind(to).bind(prefix).bind(EXAMINED + 1).bind(customer);
    let rows = source.fetch(gather).await.map_err(storage_error)?;
    let mut keys = Vec::with_capacity(rows.len());
    for row in &rows {
        let looked_at: i64 = column(row, AFTER_KEY)?;
        if looked_at > EXAMINED {
            return Ok(None);
        }
        if column::<Option<&str>>(row, 0)?.is_some() {
            keys.push(row::key(seek.account, row)?);
        }
    }
    Ok(Some(full(keys, seek.limit)))
}

/// A page of those that were looked at, or where that ended; and whether more than the page was found.
pub(crate) async fn walked<S: Source>(
    source: &S,
    seek: &Seek<'_>,
    walk: Statement<'_>,
) -> Result<(Listing, bool), StorageError> {
    let rows = source.fetch(walk).await.map_err(storage_error)?;
    let mut keys = Vec::with_capacity(rows.len());
    let mut end = None;
    for row in &rows {
        let key = row::key(seek.account, row)?;
        if column(row, AFTER_KEY)? { keys.push(key) } else { end = Some(position(&key)) }
    }
    let mut page = full(keys, seek.limit);
    let has_more = page.next.is_some();
    page.next = page.next.or(end);
    Ok((page, has_more))
}

/// A page of keys, one more than fit where there is one.
pub(crate) fn full(mut keys: Vec<StoredApiKey>, limit: usize) -> Listing {
    let more = keys.len() > limit;
    keys.truncate(limit);
    let next = keys.last().filter(|_| more).map(position);
    Page { items: keys, next }
}

/// What the indexed beginnings of names with this prefix lie between; the upper bound is not among them.
fn bounds(prefix: &str) -> (String, String) {
    let from: String = prefix.chars().take(INDEXED).collect();
    let mut to: Vec<char> = from.chars().collect();
    while let Some(last) = to.pop() {
        if last < char::MAX {
            // Between the two parts of the characters lies what is none.
            to.push(char::from_u32(u32::from(last) + 1).unwrap_or('\u{e000}'));
            return (from, to.into_iter().collect());
        }
    }
    (from, char::MAX.to_string().repeat(INDEXED + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_lies_between_itself_and_the_next_text_of_its_length() {
        let to = |prefix: &str| bounds(prefix).1;
        assert_eq!(to("abc"), "abd");
        assert_eq!(to("a\u{10ffff}"), "b");
        assert_eq!(to("\u{d7ff}"), "\u{e000}");
        assert!(to("").starts_with('\u{10ffff}') && to("\u{10ffff}").len() > 4 * INDEXED);
    }

    #[test]
    fn of_a_long_prefix_the_indexed_beginning_is_searched() {
        let (from, to) = bounds(&"ä".repeat(200));
        assert_eq!(from, "ä".repeat(INDEXED));
        assert_eq!(to, format!("{}å", "ä".repeat(INDEXED - 1)));
    }
}

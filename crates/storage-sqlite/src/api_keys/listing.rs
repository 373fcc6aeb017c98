//! Listings: which index a page comes from. Each statement names its index, so that no statistics change the plan.
//!
//! | filter | index | cost of a page |
//! |---|---|---|
//! | none | age, backwards | its items |
//! | customer | customer, backwards | its items |
//! | name | name, all matches, while there are at most [`EXAMINED`]; age first where they lie close | its matches |
//! | name, of more keys than that | age, backwards, at most [`EXAMINED`] keys | those |
//! | both | customer, backwards, at most [`EXAMINED`] keys; if that was not all, name as above | those |

use super::reader::count;
use super::row::{id, number, stored};
use crate::error::failed;
use gatepost_domain::api_keys::{ApiKeyFilter, ApiKeyPosition};
use gatepost_domain::{AccountId, Page, PageRequest, Timestamp};
use gatepost_storage::{StorageError, StoredApiKey};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Row, Sqlite, SqliteConnection};

/// So many keys are looked at for one page of a filtered listing.
pub(crate) const EXAMINED: usize = 10_000;

pub(crate) type Listing = Page<StoredApiKey, ApiKeyPosition>;

/// [`list`], all of its statements in one view.
pub(crate) async fn list_in_one_view(
    conn: &mut SqliteConnection,
    account: AccountId,
    filter: &ApiKeyFilter,
    page: &PageRequest<ApiKeyPosition>,
) -> Result<Listing, StorageError> {
    if filter.name_prefix.is_none() {
        return list(conn, account, filter, page).await;
    }
    sqlx::query("BEGIN").execute(&mut *conn).await.map_err(failed)?;
    let listing = list(conn, account, filter, page).await?;
    sqlx::query("COMMIT").execute(conn).await.map_err(failed)?;
    Ok(listing)
}

pub(crate) async fn list(
    conn: &mut SqliteConnection,
    account: AccountId,
    filter: &ApiKeyFilter,
    page: &PageRequest<ApiKeyPosition>,
) -> Result<Listing, StorageError> {
    let customer = filter.customer_id.as_ref().map(|customer| customer.as_str());
    let seek = Seek::new(account, page);
    let found = match (filter.name_prefix.as_deref().map(Names::new), customer) {
        (None, None) => {
            let query = seek.bind(sqlx::query(include_str!("../../queries/api_key/list.sql")));
            Found { rows: query.fetch_all(conn).await.map_err(failed)?, stopped_at: None }
        }
        (None, Some(customer)) => {
            let query = seek.bind(sqlx::query(include_str!("../../queries/api_key/list_customer.sql")));
            Found { rows: query.bind(customer).fetch_all(conn).await.map_err(failed)?, stopped_at: None }
        }
        (Some(names), None) => seek.list_named(conn, &names).await?,
        (Some(names), Some(customer)) => seek.list_named_of(conn, &names, customer).await?,
    };
    found.page(page.limit.get())
}

/// Rows in order, one more than asked for where there is one.
pub(crate) struct Found {
    pub(crate) rows: Vec<SqliteRow>,
    /// The last key that was looked at, where there may be more behind it.
    pub(crate) stopped_at: Option<ApiKeyPosition>,
}

impl Found {
    pub(crate) fn page(self, limit: usize) -> Result<Listing, StorageError> {
        let items: Vec<StoredApiKey> = self.rows.iter().take(limit).map(stored).collect::<Result<_, _>>()?;
        let more = self.rows.len() > limit;
        let next = if more { items.last().map(|last| last.key.position()) } else { self.stopped_at };
        Ok(Page { items, next })
    }
}

/// Names with a prefix, as a range of texts.
pub(crate) struct Names<'p> {
    from: &'p str,
    /// The least text above all of them; `None` when there is none.
    to: Option<String>,
}

impl<'p> Names<'p> {
    pub(crate) fn new(prefix: &'p str) -> Self {
        let mut to = prefix.to_owned();
        while let Some(last) = to.pop() {
            // SQLite compares bytes, and those of UTF-8 sort as characters do.
            let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32);
            if let Some(next) = next {
                to.push(next);
                return Self { from: prefix, to: Some(to) };
            }
        }
        Self { from: prefix, to: None }
    }

    pub(crate) fn bind<'q>(&self, query: Statement<'q>) -> Statement<'q> {
        let query = query.bind(self.from.to_owned());
        match &self.to {
            Some(to) => query.bind(to.clone()),
            // Every blob is above every text.
            None => query.bind(Vec::<u8>::new()),
        }
    }
}

pub(crate) type Statement<'q> = Query<'q, Sqlite, SqliteArguments>;

pub(crate) struct Seek<'p> {
    account: AccountId,
    /// Strictly below this.
    created: i64,
    id: &'p str,
    wanted: usize,
}

impl<'p> Seek<'p> {
    pub(crate) fn new(account: AccountId, page: &'p PageRequest<ApiKeyPosition>) -> Self {
        let wanted = page.limit.get() + 1;
        match &page.after {
            Some(after) => Self { account, created: after.created.micros(), id: after.id.as_str(), wanted },
            // No id has a character as high as this.
            None => Self { account, created: i64::MAX, id: "~", wanted },
        }
    }

    /// The first four parameters of every statement here.
    pub(crate) fn bind<'q>(&self, query: Statement<'q>) -> Statement<'q> {
        self.bind_with(query, self.wanted)
    }

    pub(crate) fn bind_with<'q>(&self, query: Statement<'q>, fourth: usize) -> Statement<'q> {
        query.bind(number(self.account)).bind(self.created).bind(self.id.to_owned()).bind(fourth as i64)
    }

    async fn list_named(
        &self,
        conn: &mut SqliteConnection,
        names: &Names<'_>,
    ) -> Result<Found, StorageError> {
        let Some(matches) = self.count_named(conn, names).await? else {
            return self.walk(conn, names, EXAMINED).await;
        };
        // Where matches lie close in age, a walk comes to a full page sooner than all of them are gathered.
        if matches > self.wanted
            && self.wanted as u64 * count(conn, self.account).await? < (matches * matches) as u64
        {
            let walked = self.walk(conn, names, matches).await?;
            if walked.stopped_at.is_none() {
                return Ok(walked);
            }
        }
        self.gather(conn, names, None).await
    }

    async fn list_named_of(
        &self,
        conn: &mut SqliteConnection,
        names: &Names<'_>,
        customer: &str,
    ) -> Result<Found, StorageError> {
        let walked = self.walk_customer(conn, names, customer).await?;
        if walked.stopped_at.is_none() || self.count_named(conn, names).await?.is_none() {
            return Ok(walked);
        }
        self.gather(conn, names, Some(customer)).await
    }

    /// How many keys have such a name; `None` when there are too many of them.
    pub(crate) async fn count_named(
        &self,
        conn: &mut SqliteConnection,
        names: &Names<'_>,
    ) -> Result<Option<usize>, StorageError> {
        let query =
            sqlx::query(include_str!("../../queries/api_key/count_named.sql")).bind(number(self.account));
        let row = names.bind(query).bind(EXAMINED as i64 + 1).fetch_one(conn).await.map_err(failed)?;
        let matches: i64 = row.try_get(0).map_err(failed)?;
        Ok(usize::try_from(matches).ok().filter(|matches| *matches <= EXAMINED))
    }

    async fn gather(
        &self,
        conn: &mut SqliteConnection,
        names: &Names<'_>,
        customer: Option<&str>,
    ) -> Result<Found, StorageError> {
        let query = self.bind(sqlx::query(include_str!("../../queries/api_key/gather_named.sql")));
        let rows = names.bind(query).bind(customer).fetch_all(conn).await.map_err(failed)?;
        Ok(Found { rows, stopped_at: None })
    }

    async fn walk(
        &self,
        conn: &mut SqliteConnection,
        names: &Names<'_>,
        most: usize,
    ) -> Result<Found, StorageError> {
        let query = names.bind(self.bind(sqlx::query(include_str!("../../queries/api_key/walk.sql"))));
        let rows = query.bind(most as i64).fetch_all(&mut *conn).await.map_err(failed)?;
        let end = self.bind_with(sqlx::query(include_str!("../../queries/api_key/walk_end.sql")), most);
        self.walked(conn, rows, end).await
    }

    async fn walk_customer(
        &self,
        conn: &mut SqliteConnection,
        names: &Names<'_>,
        customer: &str,
    ) -> Result<Found, StorageError> {
        let query = sqlx::query(include_str!("../../queries/api_key/walk_customer.sql"));
        let query = names.bind(self.bind(query)).bind(EXAMINED as i64).bind(customer);
        let rows = query.fetch_all(&mut *conn).await.map_err(failed)?;
        let end = sqlx::query(include_str!("../../queries/api_key/walk_customer_end.sql"));
        self.walked(conn, rows, self.bind_with(end, EXAMINED).bind(customer)).await
    }

    /// What a walk found; where that is no full page, the statement says which key it looked at last.
    pub(crate) async fn walked(
        &self,
        conn: &mut SqliteConnection,
        rows: Vec<SqliteRow>,
        end: Statement<'_>,
    ) -> Result<Found, StorageError> {
        if rows.len() == self.wanted {
            return Ok(Found { rows, stopped_at: None });
        }
        let end = end.fetch_optional(conn).await.map_err(failed)?;
        Ok(Found { rows, stopped_at: end.as_ref().map(position).transpose()? })
    }
}

fn position(row: &SqliteRow) -> Result<ApiKeyPosition, StorageError> {
    let created = row.try_get(0).map_err(failed)?;
    let id = id("api_key", row.try_get(1).map_err(failed)?)?;
    Ok(ApiKeyPosition { created: Timestamp::from_micros(created), id })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_prefix_is_the_least_text_above_it() {
        for (prefix, end) in [
            ("a", Some("b")),
            ("", None),
            ("a\u{10ffff}", Some("b")),
            ("\u{10ffff}", None),
            ("\u{d7ff}", Some("\u{e000}")),
            ("a\0", Some("a\u{1}")),
        ] {
            assert_eq!(Names::new(prefix).to.as_deref(), end, "{prefix:?}");
        }
    }
}

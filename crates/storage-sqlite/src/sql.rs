//! Statements over a number of rows.
//!
//! Such a statement is written in its file for one row, between two marks; [`rows`] repeats what is between them.
//! Several statements may stand in one text: they are sent, and waited for, once. Their parameters are numbered
//! through.

use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{Arguments, AssertSqlSafe, Encode, SqlStr, Sqlite, Type};

const MARK: &str = "/*row*/";

/// The statement for so many rows, at least one.
pub(crate) fn rows(sql: &str, count: usize) -> String {
    let mut parts = sql.splitn(3, MARK);
    let (Some(before), Some(row), Some(after)) = (parts.next(), parts.next(), parts.next()) else {
        return sql.to_owned();
    };
    let mut out = String::with_capacity(sql.len() + count * (row.len() + 1));
    out.push_str(before);
    for number in 0..count {
        if number > 0 {
            out.push(',');
        }
        out.push_str(row);
    }
    out.push_str(after);
    out
}

/// Parameters in the order in which they stand in the text.
#[derive(Default)]
pub(crate) struct Values(SqliteArguments);

impl Values {
    pub(crate) fn add<'v, T: Encode<'v, Sqlite> + Type<Sqlite>>(&mut self, value: T) {
        self.0.add(value).expect("numbers, texts and bytes can always be encoded");
    }

    /// Runs the text to its end and answers how many rows its statements wrote.
    pub(crate) async fn execute(self, sql: String, conn: &mut SqliteConnection) -> Result<u64, sqlx::Error> {
        let done = sqlx::query_with(safe(sql), self.0).execute(conn).await?;
        Ok(done.rows_affected())
    }

    pub(crate) async fn fetch_all(
        self,
        sql: String,
        conn: &mut SqliteConnection,
    ) -> Result<Vec<sqlx::sqlite::SqliteRow>, sqlx::Error> {
        sqlx::query_with(safe(sql), self.0).fetch_all(conn).await
    }
}

/// Every text that comes here is put together from our own files; what callers say is in the parameters.
pub(crate) fn safe(sql: String) -> SqlStr {
    sqlx::SqlSafeStr::into_sql_str(AssertSqlSafe(sql))
}

/// A list of bytes as one parameter: a JSON array of hexadecimal texts.
pub(crate) fn hex_list<'b>(list: impl Iterator<Item = &'b [u8]>) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = String::from("[");
    for bytes in list {
        if out.len() > 1 {
            out.push(',');
        }
        out.push('"');
        for byte in bytes {
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        out.push('"');
    }
    out.push(']');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_repeated_between_its_marks() {
        assert_eq!(rows("a VALUES /*row*/(?, ?)/*row*/ b", 3), "a VALUES (?, ?),(?, ?),(?, ?) b");
        assert_eq!(rows("no marks", 3), "no marks");
    }

    #[test]
    fn bytes_are_listed_as_hexadecimal_texts() {
        assert_eq!(hex_list([[0x0a, 0xf0].as_slice(), &[]].into_iter()), r#"["0af0",""]"#);
    }
}

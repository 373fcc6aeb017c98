//! The bare inserts: rows that a Gatepost has stored, put once more into the same table with the same indexes.
//!
//! 500 rows a statement, 10,000 a transaction, write-ahead log with `synchronous=FULL`, by the SQLite that Gatepost is
//! built with and the sizes of cache and log that it sets. Reading the rows is not measured.

use std::ffi::OsString;
use std::io::{Write, stdout};
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteRow, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row, TypeInfo, ValueRef, query, query_scalar};

use crate::failure::{Context, Failure};
use crate::machine::{Cores, Machine};

/// The first argument that makes this executable the bare inserts.
pub(crate) const NAME: &str = "sqlite-inserts";

const STATEMENT: usize = 500;
const TRANSACTION: i64 = 10_000;

/// Copies `rows` keys from one database into a new one, and tells how long the inserts took.
pub(crate) fn run(
    machine: &Machine,
    cores: Cores,
    from: &Path,
    into: &Path,
    rows: u64,
) -> Result<Duration, Failure> {
    let program = std::env::current_exe().context("this executable cannot be found")?;
    let mut command = machine.command(cores, &program);
    command.arg(NAME).args([from, into]).stdin(Stdio::null()).stderr(Stdio::inherit());
    let told = command.output().context(NAME)?;
    let told = String::from_utf8_lossy(&told.stdout);
    let (inserted, micros) =
        told.trim().split_once(' ').ok_or_else(|| Failure::new("the bare inserts did not end well"))?;
    if inserted.parse() != Ok(rows) {
        return Err(Failure::new(format!("{rows} rows were to be inserted, and {inserted} were")));
    }
    Ok(Duration::from_micros(micros.parse().context("the time of the bare inserts")?))
}

/// The contestant's side: arguments are the two databases. It prints rows and microseconds.
pub(crate) fn serve(arguments: &[OsString]) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let copied = match (arguments, runtime) {
        ([from, into], Ok(runtime)) => runtime.block_on(copy(Path::new(from), Path::new(into))),
        (_, Err(error)) => Err(error.into()),
        (_, Ok(_)) => Err(Failure::new("two databases are needed")),
    };
    match copied.and_then(|(rows, time)| Ok(writeln!(stdout(), "{rows} {}", time.as_micros())?)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            crate::say(&format!("{NAME}: {failure}"));
            ExitCode::FAILURE
        }
    }
}

async fn copy(from: &Path, into: &Path) -> Result<(u64, Duration), Failure> {
    let from = SqliteConnectOptions::new().filename(from).read_only(true);
    let mut from = from.connect().await.context("the database of Gatepost")?;
    let into = SqliteConnectOptions::new()
        .filename(into)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("cache_size", "-24000")
        .pragma("wal_autocheckpoint", "4000");
    let mut into = into.connect().await.context("the new database")?;
    let schema = "SELECT sql FROM sqlite_master WHERE tbl_name = 'api_key' AND type IN ('table', 'index') AND sql IS NOT NULL \
         ORDER BY type DESC";
    let schema: Vec<String> = query_scalar(schema).fetch_all(&mut from).await.context("the schema")?;
    for statement in schema {
        query(AssertSqlSafe(statement)).execute(&mut into).await.context("the schema")?;
    }
    let (mut after, mut rows, mut time) = (0_i64, 0, Duration::ZERO);
    loop {
        let next = "SELECT rowid, * FROM api_key WHERE rowid > ? ORDER BY rowid LIMIT ?";
        let next = query(next).bind(after).bind(TRANSACTION).fetch_all(&mut from).await.context("rows")?;
        let Some(last) = next.last() else { break };
        after = last.try_get(0).context("rows")?;
        rows += next.len() as u64;
        let cells = next.iter().map(cells).collect::<Result<Vec<_>, _>>().context("rows")?;
        let start = Instant::now();
        insert(&mut into, cells).await.context("an insert")?;
        time += start.elapsed();
    }
    into.close().await.context("the new database")?;
    Ok((rows, time))
}

async fn insert(into: &mut SqliteConnection, mut rows: Vec<Vec<Cell>>) -> Result<(), sqlx::Error> {
    let mut transaction = into.begin().await?;
    while !rows.is_empty() {
        let later = rows.split_off(rows.len().min(STATEMENT));
        let places = format!("({})", vec!["?"; rows[0].len()].join(","));
        let sql = format!("INSERT INTO api_key VALUES {}", vec![places; rows.len()].join(","));
        let statement = query(AssertSqlSafe(sql));
        let statement = rows.into_iter().flatten().fold(statement, |statement, cell| match cell {
            Cell::Null => statement.bind(None::<i64>),
            Cell::Integer(number) => statement.bind(number),
            Cell::Text(text) => statement.bind(text),
            Cell::Blob(bytes) => statement.bind(bytes),
        });
        statement.execute(&mut *transaction).await?;
        rows = later;
    }
    transaction.commit().await
}

/// One value of a row, whatever its column.
enum Cell {
    Null,
    Integer(i64),
    Text(String),
    Blob(Vec<u8>),
}

/// A row without its rowid, which comes first.
fn cells(row: &SqliteRow) -> Result<Vec<Cell>, sqlx::Error> {
    let cell = |column: usize| {
        let value = row.try_get_raw(column)?;
        if value.is_null() {
            return Ok(Cell::Null);
        }
        match value.type_info().name() {
            "TEXT" => row.try_get(column).map(Cell::Text),
            "BLOB" => row.try_get(column).map(Cell::Blob),
            _integer => row.try_get(column).map(Cell::Integer),
        }
    };
    (1..row.len()).map(cell).collect()
}

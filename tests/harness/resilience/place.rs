//! Where keys are kept: a database and the key file that belongs to it, and servers on them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection as _};
use tempfile::TempDir;

use super::{Run, block_on};
use crate::database::Database;
use crate::server::{Server, ServerOptions};

const MASTER_KEY: &str = "1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";
const QUIET_WITHIN: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(5);

/// The databases there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    Sqlite,
    /// A database on a server.
    Postgres,
}

/// An installation.
pub struct Place {
    folder: TempDir,
    storage: Storage,
}

enum Storage {
    Sqlite(PathBuf),
    /// Its address, and the database where it is ours to drop.
    Postgres(String, #[expect(dead_code, reason = "dropping it drops the database")] Option<Database>),
}

impl Place {
    /// A new one; PostgreSQL's is on the server that all tests share.
    ///
    /// # Panics
    /// When there is no PostgreSQL.
    pub fn new(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite => {
                let place = Self::with(Storage::Sqlite(PathBuf::new()));
                let path = place.folder.path().join("gatepost.db");
                Self { storage: Storage::Sqlite(path), ..place }
            }
            Kind::Postgres => {
                let database = block_on(Database::fresh());
                Self::with(Storage::Postgres(database.url().to_owned(), Some(database)))
            }
        }
    }

    /// One in a database of PostgreSQL's.
    pub fn at(url: &str) -> Self {
        Self::with(Storage::Postgres(url.to_owned(), None))
    }

    /// One in a file in a folder of the caller's; its key is elsewhere.
    pub fn in_folder(folder: &Path) -> Self {
        Self::with(Storage::Sqlite(folder.join("gatepost.db")))
    }

    fn with(storage: Storage) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("key"), MASTER_KEY).expect("a file in a folder of ours");
        Self { folder, storage }
    }

    /// The address of PostgreSQL's database.
    ///
    /// # Panics
    /// When it is a file.
    pub fn url(&self) -> &str {
        match &self.storage {
            Storage::Postgres(url, _) => url,
            Storage::Sqlite(path) => panic!("{} is a file", path.display()),
        }
    }

    /// The arguments that lead a server here.
    pub fn arguments(&self) -> [String; 2] {
        let storage = match &self.storage {
            Storage::Sqlite(path) => format!("--storage=sqlite:{}", path.display()),
            Storage::Postgres(url, _) => format!("--storage={url}"),
        };
        [storage, format!("--master-key-file={}", self.folder.path().join("key").display())]
    }

    /// A server here.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(&self, run: &Run) -> Server {
        self.start_with(run, &[])
    }

    /// A server here, with other arguments too.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_with(&self, run: &Run, more: &[&str]) -> Server {
        let [storage, key] = self.arguments();
        Server::start(&ServerOptions::new(&run.binary).args(&[&storage, &key]).args(more))
    }

    /// Sends statements to the database, past Gatepost.
    ///
    /// # Panics
    /// When they fail.
    pub fn sql(&self, statements: &str) {
        let statements = sqlx::raw_sql(AssertSqlSafe(statements.to_owned()));
        block_on(async {
            match &self.storage {
                Storage::Sqlite(path) => statements
                    .execute(&mut open(path).await)
                    .await
                    .expect("SQL of the test's")
                    .rows_affected(),
                Storage::Postgres(url, _) => {
                    let mut connection = PgConnection::connect(url).await.expect("PostgreSQL answers");
                    statements.execute(&mut connection).await.expect("SQL of the test's").rows_affected()
                }
            }
        });
    }

    /// Keeps everybody from the table of keys (PostgreSQL) or from writing (SQLite) for so long.
    ///
    /// # Panics
    /// When the lock is not had.
    pub fn lock_for(&self, span: Duration) {
        self.while_locked(|| std::thread::sleep(span));
    }

    /// The same until something is done.
    ///
    /// # Panics
    /// When the lock is not had.
    pub fn while_locked<T>(&self, act: impl FnOnce() -> T) -> T {
        block_on(async {
            match &self.storage {
                Storage::Sqlite(path) => {
                    let mut connection = open(path).await;
                    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut connection).await.expect("the write lock");
                    let done = act();
                    sqlx::raw_sql("ROLLBACK").execute(&mut connection).await.expect("the end of a lock");
                    done
                }
                Storage::Postgres(url, _) => {
                    let mut connection = PgConnection::connect(url).await.expect("PostgreSQL answers");
                    let lock = sqlx::raw_sql("BEGIN; LOCK TABLE api_key IN ACCESS EXCLUSIVE MODE");
                    lock.execute(&mut connection).await.expect("the table's lock");
                    let done = act();
                    sqlx::raw_sql("ROLLBACK").execute(&mut connection).await.expect("the end of a lock");
                    done
                }
            }
        })
    }

    /// Waits until PostgreSQL has ended what killed servers had asked for.
    ///
    /// # Panics
    /// When it does not.
    pub fn wait_for_quiet(&self) {
        const LEFT: &str = "SELECT count(*) FROM pg_stat_activity
                            WHERE datname = current_database() AND application_name = 'gatepost'";
        let Storage::Postgres(url, _) = &self.storage else { return };
        block_on(async {
            let mut connection = PgConnection::connect(url).await.expect("PostgreSQL answers");
            let deadline = Instant::now() + QUIET_WITHIN;
            while sqlx::query_scalar::<_, i64>(LEFT).fetch_one(&mut connection).await.expect("a count") > 0 {
                assert!(Instant::now() < deadline, "PostgreSQL goes on with what a dead server asked for");
                tokio::time::sleep(POLL).await;
            }
        });
    }

    /// Checks a file's structure.
    ///
    /// # Panics
    /// When SQLite finds it broken.
    pub fn check_structure(&self) {
        let Storage::Sqlite(path) = &self.storage else { return };
        let found: String = block_on(async {
            let check = sqlx::query_scalar("PRAGMA integrity_check");
            check.fetch_one(&mut open(path).await).await.expect("a file that can be read")
        });
        assert_eq!(found, "ok");
    }
}

async fn open(path: &Path) -> SqliteConnection {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).busy_timeout(QUIET_WITHIN);
    SqliteConnection::connect_with(&options).await.expect("the database opens")
}

/// Ends a server in the middle of whatever it does.
///
/// # Panics
/// When it does not end.
pub fn kill9(mut server: Server) {
    server.signal("KILL");
    server.wait();
}

//! PostgreSQL for tests: one server for the whole test binary, one database for each test.
//!
//! [`Database::fresh`] is empty; [`Database::migrated`] is a copy of a template that was migrated once. A database is
//! gone when its value is dropped. A test that kills, stops or reconfigures PostgreSQL starts a [`PostgresServer`] of
//! its own.
//!
//! The shared server is, in this order, the one of `TEST_DATABASE_URL`, a container, or the machine's own programs;
//! stderr says which. `GATEPOST_TEST_POSTGRES=container` or `=binaries` allows that one only. The container's image
//! is `GATEPOST_TEST_POSTGRES_IMAGE` and `_TAG`; `.ci/images` makes one where no registry is reached.
//!
//! A static is never dropped, and a test may be killed. So what a server leaves is removed by a small shell that
//! waits for the end of this process (`guard`), and databases on a server of yours by the next run that uses it.

mod binaries;
mod container;
mod guard;
mod server;

use std::env;
use std::io::{self, Write as _};
use std::str::FromStr as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, mpsc};
use std::time::Duration;

use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::OnceCell;

pub use server::PostgresServer;
pub(crate) use server::free_port;
use server::{Durability, with_database};

const PREFIX: &str = "gatepost_test";

/// Every test has a runtime of its own, which ends with it; what outlives a test runs here.
static KEEPER: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime for the test databases")
});

static SHARED: OnceCell<Result<Shared, String>> = OnceCell::const_new();
static TEMPLATE: OnceCell<String> = OnceCell::const_new();

/// A database of one test on the shared server. Dropping it drops it, whoever is still connected.
pub struct Database {
    name: String,
    url: String,
}

impl Database {
    /// An empty database.
    ///
    /// # Panics
    /// When there is no PostgreSQL; the message says how to get one.
    pub async fn fresh() -> Self {
        Self::copy_of("template0").await
    }

    /// A database that `migrate` was applied to. It is called once in a test binary, with the URL of the template
    /// that every database of this kind is copied from.
    ///
    /// # Panics
    /// When `migrate` panics, or there is no PostgreSQL; the message says how to get one.
    pub async fn migrated<F>(migrate: impl FnOnce(String) -> F) -> Self
    where
        F: Future<Output = ()>,
    {
        let template = TEMPLATE
            .get_or_init(|| async {
                let shared = shared().await;
                let name = format!("{PREFIX}_{}_template", shared.run);
                // It exists when an earlier test's `migrate` failed.
                shared.run_sql(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
                shared.run_sql(format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")).await;
                migrate(with_database(&shared.admin_url, &name)).await;
                // What is copied must have nobody connected.
                shared.run_sql(format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await;
                shared
                    .run_sql(format!(
                        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'"
                    ))
                    .await;
                name
            })
            .await;
        Self::copy_of(template).await
    }

    async fn copy_of(template: &str) -> Self {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let shared = shared().await;
        let name = format!("{PREFIX}_{}_{}", shared.run, COUNTER.fetch_add(1, Ordering::Relaxed));
        shared.run_sql(format!("CREATE DATABASE {name} TEMPLATE {template} ENCODING 'UTF8'")).await;
        Self { url: with_database(&shared.admin_url, &name), name }
    }

    /// Where the database is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The database that the server has of itself, for what concerns the whole server.
    pub fn admin_url(&self) -> &str {
        let shared = SHARED.get().and_then(|shared| shared.as_ref().ok());
        &shared.expect("a database has a server").admin_url
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let (sender, receiver) = mpsc::channel();
        KEEPER.spawn(async move { sender.send(shared().await.try_sql(statement).await) });
        let outcome = receiver.recv_timeout(Duration::from_secs(20));
        if !matches!(outcome, Ok(Ok(()))) {
            say(&format!("test database {} was not dropped: {outcome:?}", self.name));
        }
    }
}

struct Shared {
    admin: PgPool,
    admin_url: String,
    run: String,
    /// Kept while the process lives; `None` for a server that is not ours.
    _server: Option<PostgresServer>,
}

impl Shared {
    async fn start() -> Result<Self, String> {
        let wanted = env::var("GATEPOST_TEST_POSTGRES").ok();
        let (containers, binaries) = match wanted.as_deref() {
            None => {
                if let Ok(url) = env::var("TEST_DATABASE_URL") {
                    return Self::on(url, "TEST_DATABASE_URL", None).await;
                }
                (true, true)
            }
            Some("container") => (true, false),
            Some("binaries") => (false, true),
            Some(other) => {
                return Err(format!("GATEPOST_TEST_POSTGRES={other} is neither container nor binaries"));
            }
        };
        let mut refused = Vec::new();
        if containers {
            match PostgresServer::in_container(Durability::None).await {
                Ok((server, origin)) => return Self::on(server.url("postgres"), &origin, Some(server)).await,
                Err(reason) => refused.push(format!("container: {reason}")),
            }
        }
        if binaries {
            match PostgresServer::from_binaries(Durability::None, &env::temp_dir()).await {
                Ok((server, origin)) => return Self::on(server.url("postgres"), &origin, Some(server)).await,
                Err(reason) => refused.push(format!("programs: {reason}")),
            }
        }
        Err(format!(
            "no PostgreSQL for the tests ({}). Any of these gives them one: \
             TEST_DATABASE_URL=postgres://user:password@host/database with the right to create databases; \
             a Docker engine with an image (`eval \"$(bash .ci/images)\"` makes both); \
             PostgreSQL's server programs (Debian: apt-get install postgresql)",
            refused.join("; ")
        ))
    }

    async fn on(admin_url: String, origin: &str, server: Option<PostgresServer>) -> Result<Self, String> {
        let run: String = random_word().chars().take(12).collect();
        let failed = |error: sqlx::Error| format!("PostgreSQL of {origin}: {error}");
        let options = PgConnectOptions::from_str(&admin_url).map_err(failed)?;
        // Never closed while this process lives: its name tells other runs that our databases are in use.
        let admin = PgPoolOptions::new()
            .min_connections(1)
            .max_connections(4)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options.application_name(&format!("{PREFIX}_{run}")))
            .await
            .map_err(failed)?;
        let version: String =
            sqlx::query_scalar("SHOW server_version").fetch_one(&admin).await.map_err(failed)?;
        say(&format!("tests use PostgreSQL {version} of {origin}"));
        let shared = Self { admin, admin_url, run, _server: server };
        shared.sweep().await.map_err(failed)?;
        Ok(shared)
    }

    /// Drops the databases of runs that are over: of those that were killed, and the templates of all.
    async fn sweep(&self) -> Result<(), sqlx::Error> {
        let left: Vec<String> = sqlx::query_scalar(
            r"SELECT d.datname FROM pg_database d
              WHERE d.datname LIKE 'gatepost\_test\_%' AND pg_get_userbyid(d.datdba) = current_user
                AND NOT EXISTS (SELECT FROM pg_stat_activity a
                                WHERE a.application_name = 'gatepost_test_' || split_part(d.datname, '_', 3))",
        )
        .fetch_all(&self.admin)
        .await?;
        for name in left {
            self.try_sql(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
        }
        Ok(())
    }

    async fn try_sql(&self, statement: String) -> Result<(), sqlx::Error> {
        let admin = self.admin.clone();
        let done = async move { sqlx::raw_sql(AssertSqlSafe(statement)).execute(&admin).await };
        KEEPER.spawn(done).await.expect("a statement does not panic").map(|_| ())
    }

    async fn run_sql(&self, statement: String) {
        let outcome = self.try_sql(statement.clone()).await;
        outcome.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}

async fn shared() -> &'static Shared {
    let shared = SHARED
        .get_or_init(|| async {
            KEEPER.spawn(Shared::start()).await.expect("starting a server does not panic")
        })
        .await;
    shared.as_ref().unwrap_or_else(|reason| panic!("{reason}"))
}

/// Past the capture of the test runner, because it concerns no single test.
fn say(line: &str) {
    // Nobody reads stderr: nobody misses the line.
    let _ = writeln!(io::stderr(), "{line}");
}

fn random_word() -> String {
    crate::secrets::fresh_value().to_lowercase()
}

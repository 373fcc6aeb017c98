//! A PostgreSQL server that a test may kill.

use std::collections::HashSet;
use std::env;
use std::net::TcpListener;
use std::path::Path;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _};
use tokio::time::{sleep, timeout};

use super::binaries::Binaries;
use super::container::Container;
use super::{random_word, say};

/// Nothing of the shared server is wanted after a crash, and every test opens a pool.
pub(super) const SHARED_OPTIONS: &[&str] = &["-c", "fsync=off", "-c", "max_connections=300"];
const READY_WITHIN: Duration = Duration::from_secs(60);
const REPEATED_WITHIN: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);

/// Whether what was committed must outlive a crash.
#[derive(Clone, Copy)]
pub(super) enum Durability {
    None,
    Full,
}

/// A server of one test, with PostgreSQL's own settings: what it acknowledged is durable. It keeps its address when
/// it is started again, and nothing is left of it when it is dropped or the process ends.
pub struct PostgresServer {
    kind: Kind,
    password: String,
    port: u16,
}

enum Kind {
    Binaries(Binaries),
    Container(Container),
}

impl PostgresServer {
    /// Starts a server from the machine's programs, or in a container where there are none.
    ///
    /// # Panics
    /// When neither works.
    pub async fn start_own() -> Self {
        let without = match Self::from_binaries(Durability::Full, &env::temp_dir()).await {
            Ok((server, _)) => return server,
            Err(reason) => reason,
        };
        match Self::in_container(Durability::Full).await {
            Ok((server, origin)) => {
                say(&format!("a test uses {origin}, and not the machine's programs: {without}"));
                server
            }
            Err(reason) => panic!("no PostgreSQL to start: programs: {without}; container: {reason}"),
        }
    }

    /// Starts a server from the machine's programs whose files are in a folder of the caller's, for example on a
    /// file system that is nearly full. The folder must let other users through.
    ///
    /// # Panics
    /// When there are no programs, or they fail.
    pub async fn start_own_in(folder: &Path) -> Self {
        let started = Self::from_binaries(Durability::Full, folder).await;
        started.unwrap_or_else(|reason| panic!("no PostgreSQL to start: {reason}")).0
    }

    /// Starts a server in a container.
    ///
    /// # Panics
    /// When there is no Docker engine or no image.
    pub async fn start_own_in_container() -> Self {
        let started = Self::in_container(Durability::Full).await;
        started.unwrap_or_else(|reason| panic!("no PostgreSQL to start: {reason}")).0
    }

    pub(super) async fn from_binaries(
        durability: Durability,
        parent: &Path,
    ) -> Result<(Self, String), String> {
        let (password, port) = (random_word(), free_port());
        let binaries = Binaries::init(durability, &password, port, parent)?;
        let origin = format!("initdb and postgres in {}", binaries.programs.display());
        let mut server = Self { kind: Kind::Binaries(binaries), password, port };
        server.try_start().await?;
        Ok((server, origin))
    }

    pub(super) async fn in_container(durability: Durability) -> Result<(Self, String), String> {
        let (password, port) = (random_word(), free_port());
        let container = Container::start(durability, &password, port).await?;
        let origin = format!("a container of image {}", container.image);
        let mut server = Self { kind: Kind::Container(container), password, port };
        server.ready().await?;
        Ok((server, origin))
    }

    /// Where a database of this server is. `postgres` is there from the start.
    pub fn url(&self, database: &str) -> String {
        let host = match &self.kind {
            Kind::Binaries(_) => "127.0.0.1",
            Kind::Container(container) => &container.host,
        };
        format!("postgres://postgres:{}@{host}:{}/{database}", self.password, self.port)
    }

    /// Ends the server and its backends with SIGKILL, in the middle of whatever they do.
    pub fn kill9(&mut self) {
        match &mut self.kind {
            Kind::Binaries(binaries) => binaries.kill9(),
            Kind::Container(container) => container.kill9(),
        }
    }

    /// Ends the server in good order: clients are cut off, and their transactions undone.
    pub fn stop(&mut self) {
        match &mut self.kind {
            Kind::Binaries(binaries) => binaries.stop(),
            Kind::Container(container) => container.stop(),
        }
    }

    /// Starts the server again and waits until it answers.
    ///
    /// # Panics
    /// When it does not; the message holds what it wrote last.
    pub async fn start(&mut self) {
        if let Kind::Container(container) = &self.kind {
            container.restart();
        }
        if let Err(reason) = self.try_start().await {
            panic!("PostgreSQL does not start again: {reason}");
        }
    }

    /// Changes a setting for all new connections, and for old ones from their next statement. One that PostgreSQL
    /// reads only at its start holds from the next [`start`](Self::start).
    ///
    /// # Panics
    /// When the server refuses the setting, or does not run.
    pub async fn set(&self, parameter: &str, value: &str) {
        let before = self.settings_read_at().await;
        let quoted = value.replace('\'', "''");
        let statement = format!("ALTER SYSTEM SET {parameter} = '{quoted}'");
        let mut connection = self.connect().await;
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut connection)
            .await
            .expect("a setting of PostgreSQL's");
        sqlx::raw_sql("SELECT pg_reload_conf()")
            .execute(&mut connection)
            .await
            .expect("the administrator may");
        // The signal is answered before the settings are read.
        while self.settings_read_at().await == before {
            sleep(POLL).await;
        }
    }

    /// A new connection is told of the settings that the server itself has read.
    async fn settings_read_at(&self) -> String {
        let question = "SELECT pg_conf_load_time()::text";
        let mut connection = self.connect().await;
        sqlx::query_scalar(question).fetch_one(&mut connection).await.expect("a function of PostgreSQL's")
    }

    async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url("postgres")).await.expect("the server runs")
    }

    /// Starts the machine's programs as often as it takes: a backend of a killed server that is still there makes
    /// the next server give up.
    async fn try_start(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + REPEATED_WITHIN;
        loop {
            if let Kind::Binaries(binaries) = &mut self.kind
                && !binaries.runs()
            {
                binaries.start().map_err(|error| error.to_string())?;
            }
            match self.ready().await {
                Ok(()) => return Ok(()),
                Err(reason) if Instant::now() > deadline => return Err(reason),
                Err(_) => sleep(POLL).await,
            }
        }
    }

    /// Waits until the server answers, its process ends, or patience does.
    async fn ready(&mut self) -> Result<(), String> {
        let url = self.url("postgres");
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            let reason = match timeout(READY_WITHIN, PgConnection::connect(&url)).await {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(error)) => error.to_string(),
                Err(elapsed) => elapsed.to_string(),
            };
            if let Kind::Binaries(binaries) = &mut self.kind
                && !binaries.runs()
            {
                return Err(binaries.log());
            }
            if Instant::now() > deadline {
                return Err(reason);
            }
            sleep(POLL).await;
        }
    }
}

/// The same server, another database.
pub(super) fn with_database(url: &str, database: &str) -> String {
    let (place, parameters) = url.split_once('?').map_or((url, None), |(place, rest)| (place, Some(rest)));
    let authority = place.find("://").map_or(0, |at| at + 3);
    let path = place[authority..].find('/').map_or(place.len(), |at| authority + at);
    let parameters = parameters.map(|rest| format!("?{rest}")).unwrap_or_default();
    format!("{}/{database}{parameters}", &place[..path])
}

/// A port that is free and stays so while its server is down: below those that the system gives to clients, and
/// given once in this process.
pub(crate) fn free_port() -> u16 {
    static GIVEN: LazyLock<Mutex<HashSet<u16>>> = LazyLock::new(Mutex::default);
    loop {
        let random = random_word().bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31) + u32::from(byte));
        let port = 12_000 + (random % 20_000) as u16;
        let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() && given.insert(port) {
            return port;
        }
    }
}

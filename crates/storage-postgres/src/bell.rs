//! The bell that wakes the feeds: a hint that there may be news, never the news itself.
//!
//! A commit of this process rings it here, and through PostgreSQL for the other replicas: on a connection of its own,
//! at most once in [`APART`], never in a writing transaction, where a notification would make all commits wait for
//! each other. Where no direct connection is to be had, nobody is told, and feeds ask more often.

use crate::error::late;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::{AssertSqlSafe, Executor as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

/// Notifications of one replica lie so far apart.
const APART: Duration = Duration::from_millis(5);
/// What is sent is answered within this, or the connection is dead.
const ANSWERED: Duration = Duration::from_secs(2);
/// A connection that was silent for so long is asked whether it is still there: one whose peer vanished stays silent.
const SILENT: Duration = Duration::from_secs(1);
/// So long nothing is tried after a connection was lost.
const PAUSE: Duration = Duration::from_secs(1);
const CHANNEL: &str = "gatepost_change";

/// See the module.
pub(crate) struct Bell {
    /// Somebody here has committed.
    own: Notify,
    heard: watch::Sender<()>,
    is_connected: AtomicBool,
}

impl Bell {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            own: Notify::new(),
            heard: watch::Sender::new(()),
            is_connected: AtomicBool::new(false),
        })
    }

    /// Tells every feed that something was committed here.
    pub(crate) fn ring(&self) {
        self.heard.send_replace(());
        self.own.notify_one();
    }

    pub(crate) fn listen(&self) -> watch::Receiver<()> {
        self.heard.subscribe()
    }

    /// Whether other replicas' rings are heard now.
    pub(crate) fn is_connected(&self) -> bool {
        self.is_connected.load(Ordering::Relaxed)
    }

    /// Carries rings between this process and PostgreSQL until the guard is dropped.
    pub(crate) fn connect(self: &Arc<Self>, options: PgConnectOptions) -> Rope {
        let bell = Arc::clone(self);
        let task = tokio::spawn(async move {
            loop {
                // Why it ended does not matter: feeds ask by themselves.
                let _ = bell.carry(options.clone()).await;
                bell.is_connected.store(false, Ordering::Relaxed);
                sleep(PAUSE).await;
            }
        });
        Rope(task.abort_handle())
    }

    async fn carry(&self, options: PgConnectOptions) -> Result<(), sqlx::Error> {
        let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(options);
        let connecting = async {
            let mut listener = PgListener::connect_with(&pool).await?;
            listener.eager_reconnect(false);
            listener.listen(CHANNEL).await?;
            Ok::<_, sqlx::Error>(listener)
        };
        let mut listener = answered(connecting).await?;
        self.is_connected.store(true, Ordering::Relaxed);
        loop {
            tokio::select! {
                heard = listener.try_recv() => {
                    if heard?.is_none() {
                        return Ok(());
                    }
                    self.heard.send_replace(());
                }
                () = self.own.notified() => {
                    let notify = AssertSqlSafe(format!("NOTIFY {CHANNEL}"));
                    answered((&mut listener).execute(sqlx::raw_sql(notify))).await?;
                    sleep(APART).await;
                }
                () = sleep(SILENT) => {
                    answered((&mut listener).execute("SELECT")).await?;
                }
            }
        }
    }
}

async fn answered<T>(asking: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    timeout(ANSWERED, asking).await.unwrap_or_else(|_| Err(late()))
}

/// Ends the carrying when dropped.
pub(crate) struct Rope(AbortHandle);

impl Drop for Rope {
    fn drop(&mut self) {
        self.0.abort();
    }
}

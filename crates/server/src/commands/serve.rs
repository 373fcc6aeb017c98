//! `gatepost serve`: listens, says that it is ready, serves until it is told to stop, and drains.

use crate::compose::{self, Files, Gatepost, Runtimes, StartError};
use crate::sources::system_now;
use crate::unix_socket::UnixSocket;
use gatepost_config::Settings;
use gatepost_http_api::wire::connection::ShutdownPhase;
use gatepost_telemetry::logging::{self, LogFormat};
use std::io::{self, Write, stdout};
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long the storage may take to close.
const CLOSING: Duration = Duration::from_secs(5);

#[expect(clippy::print_stderr, reason = "a failed start is told in one line, whatever the log is set to")]
pub(crate) fn run(settings: &Settings) -> ExitCode {
    match serve(settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gatepost: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(settings: &Settings) -> Result<(), StartError> {
    let format = match settings.logging.format {
        gatepost_config::LogFormat::Json => LogFormat::Json,
        gatepost_config::LogFormat::Pretty => LogFormat::Pretty,
    };
    let filter = std::env::var("RUST_LOG").ok();
    let _log = logging::init_logging(format, filter.as_deref(), system_now)
        .map_err(|error| StartError::Other(error.into()))?;
    logging::log_panics();
    let runtimes = Runtimes::new()?;
    runtimes.control.block_on(async {
        // Before anything is begun that a signal's default would leave half done.
        let mut signals = Signals::new()?;
        let gatepost = compose::start(settings, &runtimes).await?;
        announce(&gatepost)?;
        signals.wait(&gatepost.files).await;
        drain(gatepost, settings, &mut signals).await;
        Ok(())
    })
}

/// The one line on stdout, which scripts wait for.
fn announce(gatepost: &Gatepost) -> io::Result<()> {
    let Gatepost { control, data, admin, .. } = gatepost;
    let mut out = stdout().lock();
    writeln!(out, "gatepost ready control={control} data={data} admin=http://{admin}")?;
    out.flush()
}

/// Readiness goes first, then, when balancers have had time to see it, the listeners; running requests finish. A
/// second signal ends the waiting. The storage goes last.
async fn drain(mut gatepost: Gatepost, settings: &Settings, signals: &mut Signals) {
    tracing::info!("draining");
    gatepost.readiness.drain();
    gatepost.phase.send_replace(ShutdownPhase::Draining);
    let end = async {
        tokio::time::sleep(settings.shutdown.drain_delay).await;
        gatepost.phase.send_replace(ShutdownPhase::Stopped);
        if let Some(socket) = &gatepost.socket {
            socket.remove();
        }
        let (mut finished, mut cut) = (0, 0);
        for listener in &mut gatepost.listeners {
            if let Ok(drained) = listener.await {
                finished += drained.finished;
                cut += drained.cut;
            }
        }
        tracing::info!(finished, cut, "drained");
    };
    let is_cut = tokio::select! {
        () = end => false,
        () = signals.wait(&gatepost.files) => true,
    };
    if is_cut {
        tracing::warn!("told to stop twice: running requests are cut off");
        gatepost.phase.send_replace(ShutdownPhase::Stopped);
        gatepost.socket.iter().for_each(UnixSocket::remove);
        for listener in &gatepost.listeners {
            listener.abort();
        }
    }
    gatepost.background.stop().await;
    if tokio::time::timeout(CLOSING, gatepost.backend.close()).await.is_err() {
        tracing::warn!("the storage does not close; what was acknowledged is in it");
    }
}

/// The signals that ask for the end, and the one that asks for files to be read again.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits until the end is asked for.
    async fn wait(&mut self, files: &Files) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hang_up.recv() => files.reload(),
            }
        }
    }
}

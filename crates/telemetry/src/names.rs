//! The only place where a metric, a label or a field of a log line is spelled.
//!
//! Dashboards and alerts depend on these texts: changing one changes Gatepost's outer interface. A `tracing` macro
//! takes them as `target: names::REQUEST_TARGET, { { names::STATUS } = 200, … }, "text"`. The values of a label come
//! from a fixed set (operations, statuses, listeners): never an id, a path or anything else a client chooses.

/// Counter of answered requests, by [`PLANE`], [`OPERATION`] and [`STATUS`].
pub const REQUESTS_TOTAL: &str = "gatepost_requests_total";
/// Histogram of the time from a request's head until its answer is ready to be sent, by [`PLANE`] and
/// [`OPERATION`].
pub const REQUEST_DURATION_SECONDS: &str = "gatepost_request_duration_seconds";
/// Gauge of requests being worked on, by [`PLANE`].
pub const REQUESTS_IN_FLIGHT: &str = "gatepost_requests_in_flight";
/// Counter of import rows, by [`OUTCOME`].
pub const IMPORT_ROWS_TOTAL: &str = "gatepost_import_rows_total";
/// Gauge of open connections, by [`LISTENER`].
pub const CONNECTIONS: &str = "gatepost_connections";
/// Counter of connections that ended before HTTP began, by [`LISTENER`] and [`STEP`].
pub const CONNECTIONS_FAILED_TOTAL: &str = "gatepost_connections_failed_total";

/// Label: `control` or `data`.
pub const PLANE: &str = "plane";
/// Label: `control`, `data` or `admin`.
pub const LISTENER: &str = "listener";
/// Label: [`PROXY`] or [`TLS`].
pub const STEP: &str = "step";
/// Value of [`STEP`]: a trusted proxy sent a malformed PROXY header, or half of one.
pub const PROXY: &str = "proxy";
/// Value of [`STEP`]: the TLS handshake.
pub const TLS: &str = "tls";
/// Label: [`IMPORTED`] or [`SKIPPED`].
pub const OUTCOME: &str = "outcome";
/// Value of [`OUTCOME`]: the row's key was made or changed.
pub const IMPORTED: &str = "imported";
/// Value of [`OUTCOME`]: the row changed nothing, and the answer warned of it.
pub const SKIPPED: &str = "skipped";

/// Label and field: the operation's name as AWS spells it.
pub const OPERATION: &str = "operation";
/// Label and field: the HTTP status answered.
pub const STATUS: &str = "status";
/// Field: the time until the request's answer was ready to be sent, in whole microseconds.
pub const DURATION_US: &str = "duration_us";
/// Field: the account a request acts for.
pub const ACCOUNT: &str = "account";
/// Field: the address that a request came from, as far as it is believed; `unix` for a Unix socket.
pub const PEER: &str = "peer";
/// Field: the id answered in `x-amzn-RequestId`.
pub const REQUEST_ID: &str = "request_id";
/// Field: the error code answered, when a request is refused.
pub const ERROR: &str = "error";
/// Field: our own message of why it failed, never shown to the client.
pub const CAUSE: &str = "cause";
/// Field: the source file, line and column of a panic.
pub const LOCATION: &str = "location";
/// Field: the thread that panicked.
pub const THREAD: &str = "thread";
/// Field: the stack of a panic, where `RUST_BACKTRACE` asks for it.
pub const BACKTRACE: &str = "backtrace";
/// Field: how many log lines were dropped because stderr did not take them.
pub const DROPPED: &str = "dropped";

/// Target of the one event that each request logs.
pub const REQUEST_TARGET: &str = "gatepost::request";
/// Target of the event that a panic logs.
pub const PANIC_TARGET: &str = "gatepost::panic";
/// Target of what the log says about itself.
pub const LOG_TARGET: &str = "gatepost::log";

//! What Gatepost counts, for Prometheus.
//!
//! `server` calls [`Metrics::install`] once, before it makes any counter, answers `/metrics` with
//! [`Metrics::render`] and calls [`Metrics::upkeep`] every few seconds. Counters are made once and kept: recording then
//! costs a few nanoseconds. A counter made before a recorder is installed counts nothing, for ever, and does no harm:
//! that is what unit tests of other crates use.
//!
//! To add a metric: its name in [`names`], its description in `describe`, a struct here that holds its handle.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, SetRecorderError, Unit, counter, gauge, histogram};
use metrics_exporter_prometheus::{
    BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};

use crate::names;

/// Upper bounds of the latency histogram, in seconds: 100 µs to 10 s, closer where answers from memory are.
const DURATION_BUCKETS: [f64; 16] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The statuses that the API answers; another one is counted too, only less cheaply.
const STATUSES: [(u16, &str); 15] = [
    (200, "200"),
    (201, "201"),
    (202, "202"),
    (204, "204"),
    (400, "400"),
    (401, "401"),
    (403, "403"),
    (404, "404"),
    (408, "408"),
    (409, "409"),
    (413, "413"),
    (429, "429"),
    (431, "431"),
    (500, "500"),
    (503, "503"),
];

/// Why metrics could not be installed.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// The exporter refused its settings.
    #[error("the metrics exporter cannot be built")]
    Build(#[from] BuildError),
    /// Metrics were installed before.
    #[error("metrics are already installed")]
    AlreadyInstalled(#[from] Box<SetRecorderError<PrometheusRecorder>>),
}

/// The installed recorder.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Installs the recorder of this process.
    pub fn install() -> Result<Self, MetricsError> {
        let recorder = recorder()?;
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).map_err(Box::new)?;
        describe();
        Ok(Metrics(handle))
    }

    /// Every metric in Prometheus's text format (`text/plain; version=0.0.4`).
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Puts recorded durations into their buckets. Until then each takes 8 bytes, so call it every 5 s or so.
    pub fn upkeep(&self) {
        self.0.run_upkeep();
    }
}

/// The requests of one plane.
pub struct RequestMetrics {
    plane: &'static str,
    in_flight: Gauge,
    operations: Vec<OperationMetrics>,
}

struct OperationMetrics {
    name: &'static str,
    by_status: [Counter; STATUSES.len()],
    duration: Histogram,
}

impl RequestMetrics {
    /// Makes the counters of a plane, all of them 0, so that a rate over the first error is not lost.
    pub fn new(plane: &'static str, operations: &[&'static str]) -> Self {
        RequestMetrics {
            plane,
            in_flight: gauge!(names::REQUESTS_IN_FLIGHT, names::PLANE => plane),
            operations: operations.iter().map(|name| OperationMetrics::new(plane, name)).collect(),
        }
    }

    /// Counts a request as in flight while the result lives.
    pub fn started(&self) -> InFlight {
        InFlight::new(self.in_flight.clone())
    }

    /// Counts an answer. `operation_index` is the operation's place in the list given to [`RequestMetrics::new`].
    pub fn finished(&self, operation_index: usize, status: u16, duration: Duration) {
        debug_assert!(operation_index < self.operations.len(), "unknown operation {operation_index}");
        let Some(operation) = self.operations.get(operation_index) else { return };
        match STATUSES.iter().position(|(known, _)| *known == status) {
            Some(index) => operation.by_status[index].increment(1),
            None => requests(self.plane, operation.name, status.to_string()).increment(1),
        }
        operation.duration.record(duration);
    }
}

impl OperationMetrics {
    fn new(plane: &'static str, name: &'static str) -> Self {
        OperationMetrics {
            name,
            by_status: STATUSES.map(|(_, status)| requests(plane, name, status)),
            duration: histogram!(
                names::REQUEST_DURATION_SECONDS, names::PLANE => plane, names::OPERATION => name
            ),
        }
    }
}

fn requests(
    plane: &'static str,
    operation: &'static str,
    status: impl Into<metrics::SharedString>,
) -> Counter {
    counter!(
        names::REQUESTS_TOTAL,
        names::PLANE => plane, names::OPERATION => operation, names::STATUS => status.into()
    )
}

/// One request or connection, counted by a gauge while this lives.
pub struct InFlight(Gauge);

impl InFlight {
    fn new(gauge: Gauge) -> Self {
        gauge.increment(1);
        InFlight(gauge)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

/// The rows of imports.
pub struct ImportMetrics {
    imported: Counter,
    skipped: Counter,
}

impl ImportMetrics {
    /// Makes the counters.
    #[expect(clippy::new_without_default, reason = "it registers counters; a default looks free")]
    pub fn new() -> Self {
        ImportMetrics {
            imported: counter!(names::IMPORT_ROWS_TOTAL, names::OUTCOME => names::IMPORTED),
            skipped: counter!(names::IMPORT_ROWS_TOTAL, names::OUTCOME => names::SKIPPED),
        }
    }

    /// Counts rows whose key was made or changed.
    pub fn imported(&self, rows: u64) {
        self.imported.increment(rows);
    }

    /// Counts rows that changed nothing.
    pub fn skipped(&self, rows: u64) {
        self.skipped.increment(rows);
    }
}

/// The connections of one listener.
pub struct Connections {
    open: Gauge,
    failed_in_proxy: Counter,
    failed_in_tls: Counter,
}

impl Connections {
    /// Makes the gauge and the counters of a listener.
    pub fn new(listener: &'static str) -> Self {
        let failed = |step| counter!(names::CONNECTIONS_FAILED_TOTAL, names::LISTENER => listener, names::STEP => step);
        Connections {
            open: gauge!(names::CONNECTIONS, names::LISTENER => listener),
            failed_in_proxy: failed(names::PROXY),
            failed_in_tls: failed(names::TLS),
        }
    }

    /// Counts a connection as open while the result lives.
    pub fn opened(&self) -> InFlight {
        InFlight::new(self.open.clone())
    }

    /// Counts a connection whose PROXY header could not be read.
    pub fn failed_in_proxy(&self) {
        self.failed_in_proxy.increment(1);
    }

    /// Counts a connection whose TLS handshake failed.
    pub fn failed_in_tls(&self) {
        self.failed_in_tls.increment(1);
    }
}

fn recorder() -> Result<PrometheusRecorder, BuildError> {
    let duration = Matcher::Full(names::REQUEST_DURATION_SECONDS.to_owned());
    Ok(PrometheusBuilder::new().set_buckets_for_metric(duration, &DURATION_BUCKETS)?.build_recorder())
}

fn describe() {
    metrics::describe_counter!(names::REQUESTS_TOTAL, "Requests answered, by plane, operation and status.");
    metrics::describe_histogram!(
        names::REQUEST_DURATION_SECONDS,
        Unit::Seconds,
        "Time from a request's head until its answer is ready to be sent."
    );
    metrics::describe_gauge!(names::REQUESTS_IN_FLIGHT, "Requests being worked on.");
    metrics::describe_counter!(
        names::IMPORT_ROWS_TOTAL,
        "Rows of imports, by outcome: imported or skipped with a warning."
    );
    metrics::describe_gauge!(names::CONNECTIONS, "Open connections, by listener.");
    metrics::describe_counter!(
        names::CONNECTIONS_FAILED_TOTAL,
        "Connections that ended before HTTP began, by listener and step: proxy or tls."
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is rendered after `record` has run against a recorder of its own, while what it returned still lives.
    fn rendered<T>(record: impl FnOnce() -> T) -> String {
        let recorder = recorder().unwrap();
        let metrics = Metrics(recorder.handle());
        let _held = metrics::with_local_recorder(&recorder, || {
            describe();
            record()
        });
        metrics.upkeep();
        metrics.render()
    }

    fn has(text: &str, line: &str) {
        assert!(text.lines().any(|candidate| candidate == line), "no line {line:?} in\n{text}");
    }

    #[test]
    fn requests_are_counted_by_plane_operation_and_status() {
        let text = rendered(|| {
            let requests = RequestMetrics::new("control", &["GetApiKeys", "GetApiKey"]);
            let running = requests.started();
            drop(requests.started());
            requests.finished(1, 200, Duration::from_micros(200));
            requests.finished(1, 200, Duration::from_secs(20));
            requests.finished(0, 418, Duration::ZERO);
            running
        });
        has(&text, r#"gatepost_requests_total{plane="control",operation="GetApiKey",status="200"} 2"#);
        has(&text, r#"gatepost_requests_total{plane="control",operation="GetApiKeys",status="418"} 1"#);
        has(&text, r#"gatepost_requests_total{plane="control",operation="GetApiKeys",status="503"} 0"#);
        has(&text, r#"gatepost_requests_in_flight{plane="control"} 1"#);
        let bucket = |le: &str, count: u32| {
            let labels = format!(r#"plane="control",operation="GetApiKey",le="{le}""#);
            has(&text, &format!("gatepost_request_duration_seconds_bucket{{{labels}}} {count}"));
        };
        bucket("0.0001", 0);
        bucket("0.00025", 1);
        bucket("10", 1);
        bucket("+Inf", 2);
    }

    #[test]
    fn import_rows_and_connections_are_counted_and_every_metric_is_described() {
        let text = rendered(|| {
            RequestMetrics::new("data", &["Authorize"]).finished(0, 200, Duration::ZERO);
            let import = ImportMetrics::new();
            import.imported(3);
            import.skipped(2);
            let connections = Connections::new("admin");
            drop(connections.opened());
            connections.failed_in_tls();
            (connections.opened(), connections.opened())
        });
        has(&text, r#"gatepost_import_rows_total{outcome="imported"} 3"#);
        has(&text, r#"gatepost_import_rows_total{outcome="skipped"} 2"#);
        has(&text, r#"gatepost_connections{listener="admin"} 2"#);
        has(&text, r#"gatepost_connections_failed_total{listener="admin",step="tls"} 1"#);
        has(&text, r#"gatepost_connections_failed_total{listener="admin",step="proxy"} 0"#);
        for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
            let name = line.split(' ').next().unwrap();
            assert!(text.contains(&format!("# HELP {name} ")), "{name} is not described");
        }
        assert_eq!(text.matches("# TYPE ").count(), 6);
    }

    #[test]
    fn without_a_recorder_counters_do_nothing() {
        let requests = RequestMetrics::new("control", &["GetApiKey"]);
        let running = requests.started();
        requests.finished(0, 200, Duration::from_millis(1));
        requests.finished(0, 599, Duration::from_millis(1));
        drop(running);
        ImportMetrics::new().imported(1);
        let connections = Connections::new("control");
        connections.failed_in_proxy();
        drop(connections.opened());
    }

    #[test]
    fn metrics_are_installed_once() {
        assert!(Metrics::install().is_ok());
        assert!(matches!(Metrics::install(), Err(MetricsError::AlreadyInstalled(_))));
    }
}

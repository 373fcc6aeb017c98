//! Listing a million keys: a page far down against the first one, and filters that match few keys.
//!
//! Each row compares two requests on one connection, in alternating runs; both are the same request again and again,
//! so the median wait of a run is the page's cost and the noise of the machine falls on both alike.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::contestants::Contestant;
use crate::contestants::gatepost::{self, Logging};
use crate::failure::{Context, Failure};
use crate::groups::durable::Store;
use crate::groups::{Attempt, Bench, repeated};
use crate::load::connection::Connection;
use crate::load::csv::{self, Columns, RARE, RARE_PREFIX};
use crate::machine::{Cores, Watch, fine_cpu_time};
use crate::report::{Report, Row, Spread, Target, micros};

/// Keys on an ordinary page, and on the pages that are walked over.
const PAGE: u64 = 25;
const STRIDE: u64 = 500;

/// The page that is compared with the first, counted from 1.
const FAR_PAGE: u64 = 20_000;

/// Requests of one kind before those of the other kind follow.
const RUN: usize = 100;

/// Runs of each kind.
const RUNS: usize = 40;

/// A server with many keys, and what its rows are called.
struct Listed<'bench> {
    bench: &'bench Bench,
    group: &'static str,
    prefix: String,
    server: Contestant,
    /// Missing for memory.
    store: Option<&'bench Store<'bench>>,
}

pub(super) fn run(bench: &Bench, report: &mut Report) -> Result<(), Failure> {
    let server = gatepost::start(&bench.machine, Logging::Default, &bench.file("listing.log"))?;
    Listed { bench, group: "listing", prefix: String::new(), server, store: None }.measure(report)
}

/// The same on what lasts; PostgreSQL shares the server's core, and its processor time counts as the server's.
pub(super) fn durable(bench: &Bench, report: &mut Report) -> Result<(), Failure> {
    let group = "durable-listing";
    let sqlite = Store::sqlite(bench, group, Cores::Server);
    let postgres = Store::postgres(bench, group, Cores::Server, report)?;
    for store in [Some(&sqlite), postgres.as_ref()].into_iter().flatten() {
        let (prefix, server) = (format!("{}: ", store.name()), store.fresh()?);
        Listed { bench, group, prefix, server, store: Some(store) }.measure(report)?;
    }
    Ok(())
}

impl Listed<'_> {
    fn measure(&self, report: &mut Report) -> Result<(), Failure> {
        let (bench, server) = (self.bench, &self.server);
        let (file, rows) = (bench.file("listing.csv"), bench.size.rows);
        csv::write(&file, rows, Columns::WithDescription, 6)?;
        let ids = gatepost::import(server, &file, rows, "")?.ids;
        let mut connection = Connection::open(server.address())?;
        for id in ids.iter().step_by(ids.len() / RARE as usize).take(RARE as usize) {
            let body =
                r#"{"patchOperations":[{"op":"replace","path":"/customerId","value":"rare-customer"}]}"#;
            connection
                .exchange(&gatepost::request(server, "PATCH", &format!("/apikeys/{id}"), body))?
                .expect(200)?;
        }
        drop(ids);
        if let Some(store) = self.store {
            store.settle()?;
        }

        // In a short run there are fewer pages: the one in the middle stands for the far one.
        let far_page = FAR_PAGE.min(rows / PAGE / 2);
        let position = walk(server, &mut connection, (far_page - 1) * PAGE)?;
        let first = list(server, &format!("limit={PAGE}"));
        let far = list(server, &format!("limit={PAGE}&position={}", encode(&position)));
        let unfiltered = list(server, &format!("limit={RARE}"));
        let by_name = list(server, &format!("limit={RARE}&name={RARE_PREFIX}"));
        let by_customer = list(server, &format!("limit={RARE}&customerId=rare-customer"));
        expect_items(&mut connection, &far, PAGE, Ends::No)?;
        expect_items(&mut connection, &by_name, RARE, Ends::Yes)?;
        expect_items(&mut connection, &by_customer, RARE, Ends::Yes)?;

        let comparisons = [
            (format!("page {far_page} over page 1"), [&far, &first], 1.3),
            (
                format!("name prefix that matches {RARE} of {rows} keys over a page of {RARE}"),
                [&by_name, &unfiltered],
                3.0,
            ),
            (
                format!("customerId that matches {RARE} of {rows} keys over a page of {RARE}"),
                [&by_customer, &unfiltered],
                3.0,
            ),
        ];
        for (what, requests, bound) in comparisons {
            let pairs = repeated(bench, || {
                let watch = self.watch()?;
                Attempt::watched(&watch, self.compare(requests)?)
            })?
            .unwrap_or_default();
            for (measure, value) in [("wait", 0), ("server CPU", 1)] {
                // A thread that ended during a run took its processor time with it.
                let pairs: Vec<_> =
                    pairs.iter().filter(|pair| pair.iter().all(|costs| costs[value] > 0.0)).collect();
                let column = |at: usize| -> Vec<f64> { pairs.iter().map(|pair| pair[at][value]).collect() };
                let row = Row {
                    what: format!("{}{what}: {measure}", self.prefix),
                    samples: pairs.iter().map(|[dear, cheap]| dear[value] / cheap[value]).collect(),
                    unit: "×",
                    target: Target::AtMost(bound),
                    beside: format!(
                        "{}, {}",
                        micros(&format!("{measure}:"), &column(0)),
                        micros("over", &column(1))
                    ),
                };
                report.add(self.group, row);
            }
        }
        Ok(())
    }

    /// The processes that work for the answers.
    fn processes(&self) -> Result<Vec<u32>, Failure> {
        match self.store {
            Some(store) => store.processes(&self.server),
            None => Ok(vec![self.server.pid()]),
        }
    }

    fn watch(&self) -> Result<Watch<'_>, Failure> {
        match self.store {
            Some(_) => Watch::all_of_ours(&self.bench.machine),
            None => Watch::start(&self.bench.machine, self.server.pid()),
        }
    }

    /// Alternating runs of two requests.
    fn compare(&self, [dear, cheap]: [&Vec<u8>; 2]) -> Result<Vec<[Costs; 2]>, Failure> {
        let mut connection = Connection::open(self.server.address())?;
        let processes = self.processes()?;
        let mut pair =
            || Ok([repeat(&processes, &mut connection, dear)?, repeat(&processes, &mut connection, cheap)?]);
        let _warm = pair()?;
        (0..RUNS).map(|_| pair()).collect()
    }
}

fn list(server: &Contestant, query: &str) -> Vec<u8> {
    gatepost::request(server, "GET", &format!("/apikeys?{query}"), "")
}

/// Walks over the newest `keys` keys and tells the position behind them.
///
/// A position is bound to the filters and not to the limit, so the way goes in long strides and ends in short ones.
fn walk(server: &Contestant, connection: &mut Connection, keys: u64) -> Result<String, Failure> {
    let mut position = None::<String>;
    let mut left = keys;
    while left > 0 {
        let limit = left.min(STRIDE);
        let after = position.map_or_else(String::new, |position| format!("&position={}", encode(&position)));
        let answer = connection.exchange(&list(server, &format!("limit={limit}{after}")))?;
        answer.expect(200)?;
        let body: Value = serde_json::from_slice(answer.body).context("a page")?;
        let next = body["position"].as_str().ok_or_else(|| Failure::new("the listing ended too early"))?;
        position = Some(next.to_owned());
        left -= limit;
    }
    position.ok_or_else(|| Failure::new("there is no way to the first page"))
}

/// Whether a page must be the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    Yes,
    No,
}

fn expect_items(
    connection: &mut Connection,
    request: &[u8],
    expected: u64,
    ends: Ends,
) -> Result<(), Failure> {
    let answer = connection.exchange(request)?;
    answer.expect(200)?;
    let body: Value = serde_json::from_slice(answer.body).context("a page")?;
    let items = body["item"].as_array().map_or(0, Vec::len) as u64;
    let last = body["position"].is_null();
    if items == expected && last == (ends == Ends::Yes) {
        return Ok(());
    }
    Err(Failure::new(format!("a page of {expected} keys was expected; it has {items}, and last is {last}")))
}

/// One run of the same request: the median wait and the server's processor time for one of them, in microseconds.
type Costs = [f64; 2];

fn repeat(processes: &[u32], connection: &mut Connection, request: &[u8]) -> Result<Costs, Failure> {
    let before = fine_cpu_time(processes)?;
    let mut waits = Vec::with_capacity(RUN);
    for _ in 0..RUN {
        let start = Instant::now();
        connection.exchange(request)?.expect(200)?;
        waits.push(in_micros(start.elapsed()));
    }
    let cpu = fine_cpu_time(processes)?.saturating_sub(before);
    let median = Spread::of(&waits).expect("a run is not empty").median;
    Ok([median, in_micros(cpu) / RUN as f64])
}

fn in_micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// Percent-encodes what is not unreserved in a query.
fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            reserved => format!("%{reserved:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_survives_a_query_string() {
        assert_eq!(encode("aZ9-_=+/"), "aZ9-_%3D%2B%2F");
    }
}

//! Whether creating and reading a key costs more where a million are kept than where a thousand are.
//!
//! Reads take random ids, so that a large server cannot answer from the processor's caches alone. Keys that a burst
//! creates are deleted after it, unmeasured: the number of resident keys stays what the row says.

use std::time::Duration;

use crate::contestants::Contestant;
use crate::contestants::gatepost::{self, Logging};
use crate::failure::Failure;
use crate::groups::{Bench, Loaded, load, valid_round};
use crate::load::closed::{CONNECTIONS, Creations, Done, Prepared, run_out};
use crate::load::connection::Connection;
use crate::load::csv::{self, Columns, Random};
use crate::machine::fine_cpu_time;
use crate::report::{Report, Row, Target, micros};

/// Keys in the small server.
const FEW: u64 = 1_000;

/// At most so many different keys are read.
const SAMPLED: usize = 100_000;

/// Keys a burst creates before they are deleted again.
const BURST: u64 = 500;

/// One server and the requests that read its keys.
struct Side {
    server: Contestant,
    gets: Vec<Vec<u8>>,
    at: usize,
}

pub(super) fn run(bench: &Bench, report: &mut Report) -> Result<(), Failure> {
    let mut sides = [side(bench, "few", FEW)?, side(bench, "many", bench.size.rows)?];
    let mut gets = Vec::new();
    let mut creates = Vec::new();
    for round in 0..bench.size.rounds {
        gets.extend(valid_round(bench, || both(&mut sides, round, |side| side.read(bench.size.round)))?);
        creates.extend(valid_round(bench, || both(&mut sides, round, |side| side.create(bench.size.round)))?);
    }
    for (name, rounds) in [("get", gets), ("create", creates)] {
        let cpu = |at: usize| -> Vec<f64> {
            rounds.iter().map(|round: &[Loaded; 2]| round[at].cpu_micros()).collect()
        };
        let rates = |at: usize| -> Vec<f64> {
            rounds.iter().map(|round: &[Loaded; 2]| round[at].per_second()).collect()
        };
        let ratios = |over: &[f64], under: &[f64]| -> Vec<f64> {
            over.iter().zip(under).map(|(a, b)| a / b).collect()
        };
        report.add(
            "scaling",
            Row {
                what: format!("{name}: time per request at {} keys over that at {FEW}", bench.size.rows),
                samples: ratios(&rates(0), &rates(1)),
                unit: "×",
                target: Target::AtMost(1.3),
                beside: format!("{}, {}", micros("many", &cpu(1)), micros("few", &cpu(0))),
            },
        );
        report.add(
            "scaling",
            Row {
                what: format!("{name}: server CPU per request, the same ratio"),
                samples: ratios(&cpu(1), &cpu(0)),
                unit: "×",
                target: Target::AtMost(1.3),
                beside: String::new(),
            },
        );
    }
    Ok(())
}

fn side(bench: &Bench, name: &str, keys: u64) -> Result<Side, Failure> {
    let file = bench.file(&format!("scaling-{name}.csv"));
    csv::write(&file, keys, Columns::WithDescription, 4)?;
    let server =
        gatepost::start(&bench.machine, Logging::Default, &bench.file(&format!("scaling-{name}.log")))?;
    let mut ids = gatepost::import(&server, &file, keys, "")?.ids;
    let mut random = Random(5);
    let sampled = SAMPLED.min(ids.len());
    for at in 0..sampled {
        let other = at + random.next() as usize % (ids.len() - at);
        ids.swap(at, other);
    }
    let gets = ids[..sampled].iter().map(|id| gatepost::get(&server, id)).collect();
    Ok(Side { server, gets, at: 0 })
}

/// One measurement on both sides, the first one changing from round to round.
fn both(
    sides: &mut [Side; 2],
    round: usize,
    measure: impl Fn(&mut Side) -> Result<Loaded, Failure>,
) -> Result<[Loaded; 2], Failure> {
    let [few, many] = sides;
    if round.is_multiple_of(2) {
        Ok([measure(few)?, measure(many)?])
    } else {
        let many = measure(many)?;
        Ok([measure(few)?, many])
    }
}

impl Side {
    fn read(&mut self, time: Duration) -> Result<Loaded, Failure> {
        let mut script = Prepared { requests: &self.gets, at: self.at, again: true, expected: 200 };
        let loaded = load(&self.server, &mut script, time);
        self.at = script.at;
        loaded
    }

    /// Bursts until they have taken `time`, the deletions not counted.
    fn create(&mut self, time: Duration) -> Result<Loaded, Failure> {
        let mut connections = Connection::open_many(self.server.address(), CONNECTIONS)?;
        let body = r#"{"name":"made-by-a-burst","enabled":true}"#;
        let request = gatepost::request(&self.server, "POST", "/apikeys", body);
        let mut total = Loaded {
            done: Done { requests: 0, wall: Duration::ZERO },
            cpu: Duration::ZERO,
            all: 0,
            logged: 0.0,
        };
        while total.done.wall < time {
            let bodies = Some(Vec::with_capacity(BURST as usize));
            let mut script = Creations { request: request.clone(), left: BURST, bodies };
            let before = fine_cpu_time(&[self.server.pid()])?;
            let done = run_out(&mut connections, &mut script)?;
            total.cpu += fine_cpu_time(&[self.server.pid()])?.saturating_sub(before);
            total.done.requests += done.requests;
            total.all += done.requests;
            total.done.wall += done.wall;
            let mut deletes = Vec::with_capacity(BURST as usize);
            for body in script.bodies.into_iter().flatten() {
                let target = format!("/apikeys/{}", gatepost::id(&body)?);
                deletes.push(gatepost::request(&self.server, "DELETE", &target, ""));
            }
            let mut script = Prepared { requests: &deletes, at: 0, again: false, expected: 202 };
            run_out(&mut connections, &mut script)?;
            self.server.empty_log()?;
        }
        Ok(total)
    }
}

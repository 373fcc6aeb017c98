//! Single calls on SQLite: durable CreateApiKey, which commits come in groups, and GetApiKey.
//!
//! The disk decides how many commits there are; so it is measured between the rounds.

use crate::contestants::gatepost;
use crate::failure::Failure;
use crate::groups::durable::Store;
use crate::groups::{Attempt, Bench, Loaded, load, repeated};
use crate::load::closed::{CONNECTIONS, Creations, Same};
use crate::load::csv::{self, Columns};
use crate::machine::{Cores, Watch};
use crate::report::{Report, Row, Target, micros};

const GROUP: &str = "sqlite";

/// Keys that are there before.
const KEYS: u64 = 10_000;

struct Round {
    create: Loaded,
    get: Loaded,
    syncs: f64,
}

pub(super) fn run(bench: &Bench, report: &mut Report) -> Result<(), Failure> {
    let store = Store::sqlite(bench, GROUP, Cores::Server);
    let file = bench.file("sqlite.csv");
    csv::write(&file, KEYS, Columns::WithDescription, 8)?;
    let server = store.fresh()?;
    let id = gatepost::import(&server, &file, KEYS, "")?.ids.swap_remove(0);
    let read = gatepost::get(&server, &id);
    let create =
        gatepost::request(&server, "POST", "/apikeys", r#"{"name":"made-by-a-load","enabled":true}"#);

    let mut rounds = Vec::new();
    for _ in 0..bench.size.rounds {
        rounds.extend(repeated(bench, || {
            let watch = Watch::all_of_ours(&bench.machine)?;
            let syncs = store.syncs_per_second()?;
            let mut creations = Creations { request: create.clone(), left: u64::MAX, bodies: None };
            let create = load(&server, &mut creations, bench.size.round)?;
            let get = load(&server, &mut Same(&read), bench.size.round)?;
            Attempt::watched(&watch, Round { create, get, syncs })
        })?);
    }
    let mut add = |what: &str, target: Target, of: fn(&Round) -> &Loaded| {
        let cpu: Vec<f64> = rounds.iter().map(|round| of(round).cpu_micros()).collect();
        let samples = rounds.iter().map(|round| of(round).per_second()).collect();
        let beside = micros("per request", &cpu);
        report.add(GROUP, Row { what: what.to_owned(), samples, unit: "/s", target, beside });
    };
    let what = format!("durable CreateApiKey/s at {CONNECTIONS} connections");
    add(&what, Target::AtLeast(5_000.0), |round| &round.create);
    add(&format!("GetApiKey/s at {CONNECTIONS} connections"), Target::None, |round| &round.get);
    store.report_syncs(rounds.iter().map(|round| round.syncs).collect(), report);
    Ok(())
}

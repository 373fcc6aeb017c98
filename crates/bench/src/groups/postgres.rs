//! Single calls on PostgreSQL against `pgbench`, which does the same to the same table without a service around it.
//!
//! PostgreSQL and its client, Gatepost or pgbench, share the contestants' core; what asks Gatepost over HTTP has the other
//! one, as it has for the other groups, and pgbench has nobody to ask it. Both clients have 8 connections.

use std::path::Path;
use std::time::Duration;

use crate::contestants::Contestant;
use crate::contestants::gatepost;
use crate::contestants::postgres::Postgres;
use crate::failure::{Context, Failure};
use crate::groups::durable::{DATABASE, Store};
use crate::groups::{Attempt, Bench, load_over, repeated};
use crate::load::closed::{CONNECTIONS, Creations, Same, Script};
use crate::load::csv::{self, Columns};
use crate::machine::{Cores, Watch, family_time};
use crate::report::{Report, Row, Target, middle};

const GROUP: &str = "postgres";

/// Connections to PostgreSQL, of Gatepost and of pgbench.
const TO_POSTGRES: usize = 8;

/// Keys that are there before.
const KEYS: u64 = 10_000;

/// One primary-key select.
const SELECT: &str = "SELECT * FROM api_key WHERE account = :account AND id = :id;\n";

/// One row of the size that Gatepost writes, in no order of the two unique indexes.
const INSERT: &str = r"\set id random(17592186044416, 281474976710655)
\set a random(1, 9223372036854775806)
\set b random(1, 9223372036854775806)
\set c random(1, 9223372036854775806)
\set d random(1, 9223372036854775806)
INSERT INTO api_key (account, created, updated, version, enabled, id, digest, sealed, name)
SELECT :account, now, now, 1, true, to_hex(:id::bigint), int8send(:a) || int8send(:b) || int8send(:c) || int8send(:d),
       decode(:sealed, 'hex'), 'made-by-a-load'
FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now) AS clock;
";

/// What one loop came to: calls per second, and microseconds of a call in Gatepost and in PostgreSQL.
struct Side {
    per_second: f64,
    in_gatepost: f64,
    in_postgres: f64,
}

/// Gatepost at many and at few HTTP connections, and pgbench.
type Round = [Side; 3];

pub(super) fn run(bench: &Bench, report: &mut Report) -> Result<(), Failure> {
    let Some(store) = Store::postgres(bench, GROUP, Cores::Server, report)? else { return Ok(()) };
    let postgres = store.postgres.as_ref().expect("the store is on PostgreSQL");
    let file = bench.file("postgres.csv");
    csv::write(&file, KEYS, Columns::WithDescription, 9)?;
    let server = store.fresh_with(TO_POSTGRES)?;
    gatepost::import(&server, &file, KEYS, "")?;
    let body = r#"{"name":"made-by-a-load","enabled":true}"#;
    let id = gatepost::create(&server, body)?;
    let of_key =
        |what: &str| postgres.psql(DATABASE, &format!("SELECT {what} FROM api_key WHERE id = '{id}'"));
    let variables = [
        ("account", of_key("account")?),
        ("sealed", "5a".repeat(of_key("octet_length(sealed)")?.parse().context("the size of a seal")?)),
        ("id", id.clone()),
    ];
    let pair = Pair { server: &server, postgres, variables: &variables, time: bench.size.round * 3 };
    let (select, insert) = (store.file("select.sql"), store.file("insert.sql"));
    std::fs::write(&select, SELECT)?;
    std::fs::write(&insert, INSERT)?;
    let read = gatepost::get(&server, &id);
    let request = gatepost::request(&server, "POST", "/apikeys", body);
    store.settle()?;

    let (mut gets, mut creates, mut syncs) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..bench.size.rounds.div_ceil(3) {
        gets.extend(repeated(bench, || {
            let watch = Watch::all_of_ours(&bench.machine)?;
            Attempt::watched(&watch, pair.round(round, &select, &mut Same(&read))?)
        })?);
        store.flush()?;
        syncs.push(store.syncs_per_second()?);
        creates.extend(repeated(bench, || {
            let watch = Watch::all_of_ours(&bench.machine)?;
            let mut creations = Creations { request: request.clone(), left: u64::MAX, bodies: None };
            Attempt::watched(&watch, pair.round(round, &insert, &mut creations)?)
        })?);
        store.flush()?;
    }
    add(report, "GetApiKey", "primary-key selects", &gets);
    add(report, "CreateApiKey", "single-row inserts", &creates);
    store.report_syncs(syncs, report);
    Ok(())
}

struct Pair<'run> {
    server: &'run Contestant,
    postgres: &'run Postgres,
    variables: &'run [(&'run str, String)],
    time: Duration,
}

impl Pair<'_> {
    /// Everybody's loop, who comes first changing from round to round.
    fn round(&self, round: usize, script: &Path, calls: &mut impl Script) -> Result<Round, Failure> {
        let mut sides = [None, None, None];
        for turn in 0..3 {
            let at = (turn + round) % 3;
            sides[at] = Some(match at {
                0 => self.over_http(CONNECTIONS, calls)?,
                1 => self.over_http(TO_POSTGRES, calls)?,
                _pgbench => self.pgbench(script)?,
            });
        }
        Ok(sides.map(|side| side.expect("each of the three had its turn")))
    }

    fn over_http(&self, connections: usize, calls: &mut impl Script) -> Result<Side, Failure> {
        let before = family_time(self.postgres.pid())?;
        let loaded = load_over(connections, self.server, calls, self.time)?;
        let spent = family_time(self.postgres.pid())?.saturating_sub(before);
        Ok(Side {
            per_second: loaded.per_second(),
            in_gatepost: loaded.cpu_micros(),
            in_postgres: spent.as_secs_f64() * 1e6 / loaded.all as f64,
        })
    }

    fn pgbench(&self, script: &Path) -> Result<Side, Failure> {
        let before = family_time(self.postgres.pid())?;
        let per_second = self.postgres.pgbench(DATABASE, script, self.variables, TO_POSTGRES, self.time)?;
        let spent = family_time(self.postgres.pid())?.saturating_sub(before);
        let calls = per_second * self.time.as_secs().max(1) as f64;
        Ok(Side { per_second, in_gatepost: 0.0, in_postgres: spent.as_secs_f64() * 1e6 / calls })
    }
}

fn add(report: &mut Report, call: &str, peer: &str, rounds: &[Round]) {
    let column =
        |at: usize, of: fn(&Side) -> f64| -> Vec<f64> { rounds.iter().map(|round| of(&round[at])).collect() };
    for (at, target) in [(0, Target::AtLeast(0.5)), (1, Target::None)] {
        let http = [CONNECTIONS, TO_POSTGRES][at];
        let beside = format!(
            "{}/s over {}/s; of a call {} µs in Gatepost and {} µs in PostgreSQL, of pgbench's {} µs in PostgreSQL",
            middle(&column(at, |side| side.per_second)),
            middle(&column(2, |side| side.per_second)),
            middle(&column(at, |side| side.in_gatepost)),
            middle(&column(at, |side| side.in_postgres)),
            middle(&column(2, |side| side.in_postgres)),
        );
        let what = format!(
            "{call} from {http} HTTP connections, part of pgbench's prepared {peer}, {TO_POSTGRES} connections to \
             PostgreSQL each"
        );
        let samples = rounds.iter().map(|round| round[at].per_second / round[2].per_second).collect();
        report.add(GROUP, Row { what, samples, unit: "×", target, beside });
    }
}

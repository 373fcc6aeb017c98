//! A million rows over HTTP into storage that lasts, against the least that the same rows cost in the same tables.
//!
//! PostgreSQL, Gatepost and the peer's client have both cores here, as the work of an import is spread over programs and
//! threads, and sending a file takes hardly any of it. The peers get the rows that the import has made: `psql \copy`
//! into a table like the product's with all its indexes, or bare inserts into the same schema of SQLite.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::contestants::gatepost::{self, Imported};
use crate::contestants::postgres::Postgres;
use crate::contestants::{Contestant, sqlite_inserts};
use crate::failure::Failure;
use crate::groups::durable::{DATABASE, Store};
use crate::groups::import::{MEBIBYTE, RATE, import_watched};
use crate::groups::{Attempt, Bench, repeated};
use crate::load::connection::Connection;
use crate::load::csv::{self, Columns};
use crate::load::open::{self, Sample};
use crate::machine::{Cores, Watch, cpu_time, family_time, peak_resident, resident};
use crate::report::{Report, Row, Target, middle};

/// UpdateApiKey requests per second beside the import, and GetApiKey's beside them.
const UPDATES: u32 = 50;

/// What an import is held against.
struct Peer {
    name: &'static str,
    import: Target,
    again: Target,
}

pub(super) fn sqlite(bench: &Bench, report: &mut Report) -> Result<(), Failure> {
    let store = Store::sqlite(bench, "sqlite-import", Cores::Both);
    let name = "bare inserts, 500 rows a statement, 10,000 a transaction";
    run(&store, &Peer { name, import: Target::AtMost(2.0), again: Target::None }, report)
}

pub(super) fn postgres(bench: &Bench, report: &mut Report) -> Result<(), Failure> {
    let Some(store) = Store::postgres(bench, "postgres-import", Cores::Both, report)? else { return Ok(()) };
    let name = r"psql \copy of the finished rows";
    run(&store, &Peer { name, import: Target::AtMost(1.6), again: Target::AtMost(3.0) }, report)
}

fn run(store: &Store<'_>, peer: &Peer, report: &mut Report) -> Result<(), Failure> {
    let bench = store.bench;
    let (file, rows) = (bench.file("durable-import.csv"), bench.size.rows);
    let bytes = csv::write(&file, rows, Columns::WithDescription, 2)?;
    let size = format!("{rows} rows, {:.0} MB", bytes as f64 / 1e6);
    let (mut timed, mut read, mut syncs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.size.imports {
        syncs.push(store.syncs_per_second()?);
        timed.extend(repeated(bench, || time_import(store, &file))?);
        read.extend(repeated(bench, || import_beside_others(store, &file))?);
    }

    let column = |of: fn(&Timed) -> f64| -> Vec<f64> { timed.iter().map(of).collect() };
    let ratio = |of: fn(&Timed) -> f64| -> Vec<f64> { timed.iter().map(|one| of(one) / one.peer).collect() };
    let mut add = |what: String, samples: Vec<f64>, unit: &'static str, target: Target, beside: String| {
        report.add(store.group, Row { what, samples, unit, target, beside });
    };
    let (seconds, others) = (middle(&column(|one| one.seconds)), middle(&column(|one| one.peer)));
    let gatepost = middle(&column(|one| one.gatepost_micros));
    let beside = match store.postgres {
        Some(_) => {
            let postgres = middle(&column(|one| one.postgres_micros));
            format!(
                "{seconds} s over {others} s; per row {gatepost} µs in Gatepost and {postgres} µs in PostgreSQL"
            )
        }
        None => format!("{seconds} s over {others} s; per row {gatepost} µs"),
    };
    add(format!("import of {size}, over {}", peer.name), ratio(|one| one.seconds), "×", peer.import, beside);
    let beside = format!("{} s over {others} s", middle(&column(|one| one.again)));
    add(
        format!("the same {size} once more, over {}", peer.name),
        ratio(|one| one.again),
        "×",
        peer.again,
        beside,
    );
    let beside = format!(
        "idle {} MiB, peak {} MiB, and {} MiB after the same once more",
        middle(&column(|one| one.idle)),
        middle(&column(|one| one.peak)),
        middle(&column(|one| one.peak_again))
    );
    let what = "resident memory of the server at its peak during the import, above idle".to_owned();
    add(what, column(|one| one.peak - one.idle), " MiB", Target::AtMost(64.0), beside);

    let took = middle(&read.iter().map(|one| one.import_seconds).collect::<Vec<_>>());
    let calls = [("GetApiKey", RATE, 20.0), ("UpdateApiKey", UPDATES, 250.0)];
    for (at, (call, rate, most)) in calls.into_iter().enumerate() {
        let samples = read.iter().map(|one| one.percentiles[at]).collect();
        let longest: Vec<f64> = read.iter().map(|one| one.longest[at]).collect();
        let beside = format!("longest {} ms; the import took {took} s", middle(&longest));
        let what = format!("99th percentile of {call} at {rate}/s during an import");
        add(what, samples, " ms", Target::AtMost(most), beside);
    }
    store.report_syncs(syncs, report);
    Ok(())
}

/// An import into a fresh server, the same once more, and the peer's; times in seconds, memory in MiB.
struct Timed {
    seconds: f64,
    again: f64,
    peer: f64,
    gatepost_micros: f64,
    postgres_micros: f64,
    idle: f64,
    peak: f64,
    peak_again: f64,
}

fn time_import(store: &Store<'_>, file: &Path) -> Result<Attempt<Timed>, Failure> {
    let (server, rows) = (store.fresh()?, store.bench.size.rows);
    let in_mebibytes = |bytes: u64| bytes as f64 / MEBIBYTE;
    let per_row = |time: Duration| time.as_secs_f64() * 1e6 / rows as f64;
    let postgres_time = || store.postgres.as_ref().map_or(Ok(Duration::ZERO), |one| family_time(one.pid()));
    let watch = Watch::all_of_ours(&store.bench.machine)?;
    let idle = resident(server.pid())?;
    let before = (cpu_time(server.pid())?, postgres_time()?);
    let (imported, most) = import_watched(&server, file, rows)?;
    let spent = (cpu_time(server.pid())? - before.0, postgres_time()?.saturating_sub(before.1));
    let peak = most.max(peak_resident(server.pid())?);

    store.settle()?;
    let peer = match &store.postgres {
        Some(postgres) => copy(store, postgres)?,
        None => {
            let into = store.file("bare.db");
            sqlite_inserts::run(&store.bench.machine, store.cores, &store.database(), &into, rows)?
        }
    };
    store.flush()?;
    let again = gatepost::import(&server, file, rows, "")?;
    let value = Timed {
        seconds: imported.wall.as_secs_f64(),
        again: again.wall.as_secs_f64(),
        peer: peer.as_secs_f64(),
        gatepost_micros: per_row(spent.0),
        postgres_micros: per_row(spent.1),
        idle: in_mebibytes(idle),
        peak: in_mebibytes(peak),
        peak_again: in_mebibytes(peak_resident(server.pid())?),
    };
    Attempt::watched(&watch, value)
}

/// Copies what was imported into a table that is its like, indexes and fill factor included.
fn copy(store: &Store<'_>, postgres: &Postgres) -> Result<Duration, Failure> {
    let rows = store.file("rows.copy");
    let psql = |command: &str| postgres.psql(DATABASE, command);
    psql(&format!(r"\copy api_key TO '{}'", rows.display()))?;
    let options =
        psql("SELECT array_to_string(reloptions, ', ') FROM pg_class WHERE oid = 'api_key'::regclass")?;
    psql(&format!("CREATE TABLE finished (LIKE api_key INCLUDING ALL) WITH ({options})"))?;
    store.flush()?;
    let start = Instant::now();
    psql(&format!(r"\copy finished FROM '{}'", rows.display()))?;
    let wall = start.elapsed();
    let whole = psql("SELECT (SELECT count(*) FROM finished) = (SELECT count(*) FROM api_key)")?;
    if whole != "t" {
        return Err(Failure::new(r"\copy did not copy everything"));
    }
    psql("DROP TABLE finished")?;
    std::fs::remove_file(rows)?;
    Ok(wall)
}

/// How long others waited whose requests were due during an import, in milliseconds: GetApiKey and UpdateApiKey.
struct Read {
    percentiles: [f64; 2],
    longest: [f64; 2],
    import_seconds: f64,
}

fn import_beside_others(store: &Store<'_>, file: &Path) -> Result<Attempt<Read>, Failure> {
    let (server, rows) = (store.fresh()?, store.bench.size.rows);
    let [gets, updates] = requests_of_others(&server)?;
    let done = AtomicBool::new(false);
    let watch = Watch::all_of_ours(&store.bench.machine)?;
    let (imported, mut waits) = std::thread::scope(|scope| {
        let readers = scope.spawn(|| open::run(server.address(), &gets, RATE, &done));
        let writers = scope.spawn(|| open::run(server.address(), &updates, UPDATES, &done));
        std::thread::sleep(Duration::from_millis(500));
        let start = Instant::now();
        let imported = gatepost::import(&server, file, rows, "");
        done.store(true, Ordering::Relaxed);
        let read = readers.join().map_err(|_| Failure::new("the readers panicked"))??;
        let written = writers.join().map_err(|_| Failure::new("the writers panicked"))??;
        let imported = imported?;
        let waits = [read, written].map(|samples| during(&imported, start, &samples));
        Ok::<_, Failure>((imported, waits))
    })?;
    let (mut percentiles, mut longest) = ([0.0; 2], [0.0; 2]);
    for (at, waits) in waits.iter_mut().enumerate() {
        let percentile = open::percentile(waits, 0.99).ok_or_else(|| Failure::new("nobody had a turn"))?;
        percentiles[at] = percentile.as_secs_f64() * 1e3;
        longest[at] = waits.last().map_or(0.0, |wait| wait.as_secs_f64() * 1e3);
    }
    let import_seconds = imported.wall.as_secs_f64();
    Attempt::watched(&watch, Read { percentiles, longest, import_seconds })
}

/// Reads of one key, and updates of so many that none is under way twice.
fn requests_of_others(server: &Contestant) -> Result<[Vec<Vec<u8>>; 2], Failure> {
    let body = r#"{"name":"used-by-others","enabled":true}"#;
    let ids =
        (0..open::CONNECTIONS).map(|_| gatepost::create(server, body)).collect::<Result<Vec<_>, _>>()?;
    let update = |id: &String, description: &str| {
        let body = format!(
            r#"{{"patchOperations":[{{"op":"replace","path":"/description","value":"{description}"}}]}}"#
        );
        gatepost::request(server, "PATCH", &format!("/apikeys/{id}"), &body)
    };
    let changes = ["one way", "or another"].into_iter();
    let updates: Vec<_> = changes.flat_map(|to| ids.iter().map(move |id| update(id, to))).collect();
    let mut connection = Connection::open(server.address())?;
    for request in &updates {
        connection.exchange(request)?.expect(200)?;
    }
    Ok([vec![gatepost::get(server, &ids[0])], updates])
}

fn during(imported: &Imported, start: Instant, samples: &[Sample]) -> Vec<Duration> {
    let during = start..start + imported.wall;
    samples.iter().filter(|(due, _)| during.contains(due)).map(|(_, wait)| *wait).collect()
}

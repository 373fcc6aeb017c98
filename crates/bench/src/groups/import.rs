//! A million rows of CSV into a fresh server: how long, how much memory, and how long others wait meanwhile.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::contestants::Contestant;
use crate::contestants::gatepost::{self, Imported, Logging};
use crate::failure::Failure;
use crate::groups::{Attempt, Bench, repeated};
use crate::load::csv::{self, Columns};
use crate::load::open;
use crate::machine::{Watch, cpu_time, peak_resident, resident};
use crate::report::{Report, Row, Spread, Target, micros};

pub(super) const MEBIBYTE: f64 = 1024.0 * 1024.0;

/// GetApiKey requests per second beside the import.
pub(super) const RATE: u32 = 200;

pub(super) fn run(bench: &Bench, report: &mut Report) -> Result<(), Failure> {
    let (file, rows) = (bench.file("import.csv"), bench.size.rows);
    let bytes = csv::write(&file, rows, Columns::WithDescription, 2)?;
    let size = format!("{rows} rows, {:.0} MB", bytes as f64 / 1e6);

    let mut timed = Vec::new();
    for _ in 0..bench.size.imports {
        timed.extend(repeated(bench, || time_import(bench, &file))?);
    }
    let column = |value: fn(&Timed) -> f64| -> Vec<f64> { timed.iter().map(value).collect() };
    // Remarks on a row without samples are zeros; the row itself is void.
    let median = |samples: Vec<f64>| Spread::of(&samples).map_or(0.0, |spread| spread.median);
    let per_row = micros("per row", &column(|one| one.cpu_micros_per_row));
    report.add(
        "import",
        row(format!("import of {size}"), column(|one| one.seconds), " s", Target::Under(2.5), per_row),
    );
    let remark = format!(
        "empty {:.1} MiB, peak {:.1} MiB, after {:.1} MiB",
        median(column(|one| one.empty)),
        median(column(|one| one.peak)),
        median(column(|one| one.after))
    );
    let above = column(|one| one.peak - one.after);
    let what =
        format!("resident memory at its peak above that {} s after the import", bench.size.settle.as_secs());
    report.add("import", row(what, above, " MiB", Target::AtMost(64.0), remark));

    let mut read = Vec::new();
    for _ in 0..bench.size.imports {
        read.extend(repeated(bench, || import_beside_readers(bench, &file))?);
    }
    let column = |value: fn(&Read) -> f64| -> Vec<f64> { read.iter().map(value).collect() };
    let remark = format!(
        "longest {:.1} ms; the import took {:.2} s",
        median(column(|one| one.longest_millis)),
        median(column(|one| one.import_seconds))
    );
    let what = format!("99th percentile of GetApiKey at {RATE}/s during an import");
    report.add("import", row(what, column(|one| one.percentile_millis), " ms", Target::AtMost(20.0), remark));

    let again = timed.iter().filter_map(|one| one.again_seconds).collect();
    report.add("import", row(format!("the same {size} once more"), again, " s", Target::None, String::new()));
    let mut strict = Vec::new();
    for _ in 0..bench.size.imports {
        strict.extend(repeated(bench, || {
            let server = fresh(bench)?;
            let watch = Watch::start(&bench.machine, server.pid())?;
            let imported = gatepost::import(&server, &file, rows, "&failonwarnings=true")?;
            Attempt::watched(&watch, imported.wall.as_secs_f64())
        })?);
    }
    report.add(
        "import",
        row(format!("{size}, failonwarnings=true"), strict, " s", Target::None, String::new()),
    );
    Ok(())
}

fn row(what: String, samples: Vec<f64>, unit: &'static str, target: Target, beside: String) -> Row {
    Row { what, samples, unit, target, beside }
}

fn fresh(bench: &Bench) -> Result<Contestant, Failure> {
    gatepost::start(&bench.machine, Logging::Default, &bench.file("import.log"))
}

/// An import into a fresh server; memory in MiB.
struct Timed {
    seconds: f64,
    cpu_micros_per_row: f64,
    empty: f64,
    peak: f64,
    after: f64,
    again_seconds: Option<f64>,
}

fn time_import(bench: &Bench, file: &Path) -> Result<Attempt<Timed>, Failure> {
    let (server, rows) = (fresh(bench)?, bench.size.rows);
    let watch = Watch::start(&bench.machine, server.pid())?;
    let (before, empty) = (cpu_time(server.pid())?, resident(server.pid())?);
    let (imported, most) = import_watched(&server, file, rows)?;
    let cpu = cpu_time(server.pid())? - before;
    let void = watch.disturbance()?;
    std::thread::sleep(bench.size.settle);
    // The kernel's own peak also sees what fell between two samples.
    let peak = most.max(peak_resident(server.pid())?);
    let after = resident(server.pid())?;
    let again = repeated(bench, || {
        let watch = Watch::start(&bench.machine, server.pid())?;
        let again = gatepost::import(&server, file, rows, "")?;
        Attempt::watched(&watch, again.wall.as_secs_f64())
    })?;
    let value = Timed {
        seconds: imported.wall.as_secs_f64(),
        cpu_micros_per_row: cpu.as_secs_f64() * 1e6 / rows as f64,
        empty: empty as f64 / MEBIBYTE,
        peak: peak as f64 / MEBIBYTE,
        after: after as f64 / MEBIBYTE,
        again_seconds: again,
    };
    Ok(Attempt { value, void })
}

/// Imports and samples the server's resident memory every 10 ms; the answer holds the largest sample.
pub(super) fn import_watched(
    server: &Contestant,
    file: &Path,
    rows: u64,
) -> Result<(Imported, u64), Failure> {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let sampler = scope.spawn(|| {
            let mut most = 0;
            while !done.load(Ordering::Relaxed) {
                most = most.max(resident(server.pid())?);
                std::thread::sleep(Duration::from_millis(10));
            }
            Ok::<_, Failure>(most)
        });
        let imported = gatepost::import(server, file, rows, "");
        done.store(true, Ordering::Relaxed);
        let most = sampler.join().map_err(|_| Failure::new("the memory sampler panicked"))??;
        Ok((imported?, most))
    })
}

/// How long readers waited whose requests were due during an import.
struct Read {
    percentile_millis: f64,
    longest_millis: f64,
    import_seconds: f64,
}

fn import_beside_readers(bench: &Bench, file: &Path) -> Result<Attempt<Read>, Failure> {
    let server = fresh(bench)?;
    let id = gatepost::create(&server, r#"{"name":"read-by-others","enabled":true}"#)?;
    let requests = [gatepost::get(&server, &id)];
    let done = AtomicBool::new(false);
    let watch = Watch::start(&bench.machine, server.pid())?;
    let (imported, mut waits) = std::thread::scope(|scope| {
        let readers = scope.spawn(|| open::run(server.address(), &requests, RATE, &done));
        std::thread::sleep(Duration::from_millis(500));
        let start = Instant::now();
        let imported = gatepost::import(&server, file, bench.size.rows, "");
        done.store(true, Ordering::Relaxed);
        let samples = readers.join().map_err(|_| Failure::new("the readers panicked"))??;
        let imported = imported?;
        let during = start..start + imported.wall;
        let waits: Vec<_> =
            samples.into_iter().filter(|(due, _)| during.contains(due)).map(|(_, wait)| wait).collect();
        Ok::<_, Failure>((imported, waits))
    })?;
    let percentile =
        open::percentile(&mut waits, 0.99).ok_or_else(|| Failure::new("no reader had its turn"))?;
    let longest = waits.last().copied().unwrap_or_default();
    Attempt::watched(
        &watch,
        Read {
            percentile_millis: percentile.as_secs_f64() * 1e3,
            longest_millis: longest.as_secs_f64() * 1e3,
            import_seconds: imported.wall.as_secs_f64(),
        },
    )
}

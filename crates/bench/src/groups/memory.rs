//! What one stored key takes of resident memory.

use crate::contestants::gatepost::{self, Logging};
use crate::failure::Failure;
use crate::groups::Bench;
use crate::load::csv::{self, Columns};
use crate::machine::resident;
use crate::report::{Report, Row, Target};

pub(super) fn run(bench: &Bench, report: &mut Report) -> Result<(), Failure> {
    let (file, rows) = (bench.file("memory.csv"), bench.size.rows);
    csv::write(&file, rows, Columns::NameAndKey, 3)?;
    let mut samples = Vec::new();
    for _ in 0..bench.size.imports {
        let server = gatepost::start(&bench.machine, Logging::Default, &bench.file("memory.log"))?;
        let empty = resident(server.pid())?;
        gatepost::import(&server, &file, rows, "")?;
        std::thread::sleep(bench.size.settle);
        samples.push(resident(server.pid())?.saturating_sub(empty) as f64 / rows as f64);
    }
    report.add(
        "memory",
        Row {
            what: format!("resident memory per key, {rows} keys (value 40, name 16 bytes)"),
            samples,
            unit: " bytes",
            target: Target::AtMost(400.0),
            beside: String::new(),
        },
    );
    Ok(())
}

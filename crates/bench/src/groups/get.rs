//! GetApiKey from memory against a raw hyper server that answers the same bytes.

use std::time::Duration;

use crate::contestants::gatepost::{self, Logging};
use crate::contestants::{Contestant, raw_hyper};
use crate::failure::Failure;
use crate::groups::{Bench, load, valid_round};
use crate::load::closed::Same;
use crate::load::connection::Connection;
use crate::load::csv::{self, Columns};
use crate::report::{Report, Row, Target, micros};

/// Keys beside the one that is asked for.
const KEYS: u64 = 10_000;
/// The one that is.
const PROBE: &str = r#"{"name":"key-of-the-probe","enabled":true,"description":"ten bytes!"}"#;

/// A server and the id of the key that it is asked for.
type Contender = (Contestant, String);

const NAMES: [&str; 4] = [
    "Gatepost, default JSON request log to a file",
    "Gatepost, request log filtered out",
    "Gatepost, signatures verified, default log",
    "raw hyper",
];
/// The place of the last one.
const FLOOR: usize = 3;

pub(super) fn run(bench: &Bench, report: &mut Report) -> Result<(), Failure> {
    let servers = contenders(bench)?;
    let mut rounds = Vec::new();
    for round in 0..bench.size.rounds {
        let valid = valid_round(bench, || {
            let mut loops = [None; 4];
            // Who comes first changes from round to round.
            for turn in 0..4 {
                let at = (turn + round) % 4;
                let (server, id) = &servers[at];
                // Signed anew: a signature is good for five minutes.
                let request = gatepost::get(server, id);
                loops[at] = Some(load(server, &mut Same(&request), bench.size.round)?);
            }
            Ok(loops.map(|one| one.expect("each of the four had its turn")))
        })?;
        rounds.extend(valid);
    }
    for (at, name) in NAMES.into_iter().enumerate() {
        let cpu: Vec<f64> = rounds.iter().map(|round| round[at].cpu_micros()).collect();
        let fewest = rounds.iter().map(|round| round[at].logged).reduce(f64::min).unwrap_or_default();
        report.add(
            "get",
            Row {
                what: format!("GetApiKey/s, {name}"),
                samples: rounds.iter().map(|round| round[at].per_second()).collect(),
                unit: "/s",
                target: Target::None,
                beside: format!(
                    "{}; at least {fewest:.2} log lines per request",
                    micros("per request", &cpu)
                ),
            },
        );
    }
    for (at, name, bound) in [
        (0, "with the default log", 0.60),
        (1, "request log filtered out", 0.75),
        (2, "signatures verified, with the default log", 0.45),
    ] {
        let cpu = |at: usize| -> Vec<f64> { rounds.iter().map(|round| round[at].cpu_micros()).collect() };
        report.add(
            "get",
            Row {
                what: format!("GetApiKey, part of raw hyper's requests/s, {name}"),
                samples: rounds
                    .iter()
                    .map(|round| round[at].per_second() / round[FLOOR].per_second())
                    .collect(),
                unit: "×",
                target: Target::AtLeast(bound),
                beside: format!("{}, {}", micros("Gatepost", &cpu(at)), micros("raw hyper", &cpu(FLOOR))),
            },
        );
    }
    Ok(())
}

/// Gatepost with its default log, without lines per request, and with signatures; and the floor.
fn contenders(bench: &Bench) -> Result<[Contender; 4], Failure> {
    let file = bench.file("get.csv");
    csv::write(&file, KEYS, Columns::WithDescription, 1)?;
    let start = |logging, name| -> Result<Contender, Failure> {
        let server = gatepost::start(&bench.machine, logging, &bench.file(name))?;
        gatepost::import(&server, &file, KEYS, "")?;
        let id = gatepost::create(&server, PROBE)?;
        Ok((server, id))
    };
    let default = start(Logging::Default, "get-default.log")?;
    let quiet = start(Logging::NoRequests, "get-quiet.log")?;
    check_log(&default, Logging::Default)?;
    check_log(&quiet, Logging::NoRequests)?;
    let signed = gatepost::start_signed(&bench.machine, &bench.file("get-signed.log"))?;
    for _ in 0..KEYS {
        gatepost::create(&signed, PROBE)?;
    }
    let id = gatepost::create(&signed, PROBE)?;
    check_refusal(&signed, &id)?;
    let signed = (signed, id);
    check_log(&signed, Logging::Default)?;

    let (server, id) = &default;
    let mut probe = Connection::open(server.address())?;
    let answer = probe.exchange(&gatepost::get(server, id))?;
    answer.expect(200)?;
    let length = answer.head.len() + answer.body.len();
    let floor =
        raw_hyper::start(&bench.machine, answer.head, answer.body.len(), &bench.file("get-floor.log"))?;
    // The floor reads what it is asked and ignores it.
    let id = "abcdefghij".to_owned();
    let mut probe = Connection::open(floor.address())?;
    let answer = probe.exchange(&gatepost::get(&floor, &id))?;
    answer.expect(200)?;
    let floor_length = answer.head.len() + answer.body.len();
    if floor_length != length {
        return Err(Failure::new(format!("the floor answers {floor_length} bytes and Gatepost {length}")));
    }
    Ok([default, quiet, signed, (floor, id)])
}

/// A server that verifies refuses what was changed after it was signed.
fn check_refusal(server: &Contestant, id: &str) -> Result<(), Failure> {
    let mut request = gatepost::get(server, id);
    let at = request.windows(9).position(|window| window == b"/apikeys/").unwrap_or_default() + 9;
    request[at] ^= 1;
    Connection::open(server.address())?.exchange(&request)?.expect(403)
}

/// A server logs what its row of the report says, or the row would be wrong.
fn check_log((server, id): &Contender, logging: Logging) -> Result<(), Failure> {
    const ASKED: u64 = 1_000;
    server.empty_log()?;
    let request = gatepost::get(server, id);
    let mut connection = Connection::open(server.address())?;
    for _ in 0..ASKED {
        connection.exchange(&request)?.expect(200)?;
    }
    std::thread::sleep(Duration::from_secs(1));
    let lines = server.logged_lines()?;
    match logging {
        Logging::Default if lines < ASKED => {
            Err(Failure::new(format!("{ASKED} requests left {lines} lines in the default log")))
        }
        Logging::NoRequests if lines >= ASKED => {
            Err(Failure::new(format!("{ASKED} requests left {lines} lines in a log without requests")))
        }
        Logging::Default | Logging::NoRequests => Ok(()),
    }
}

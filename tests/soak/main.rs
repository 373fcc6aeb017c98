//! The long form of the suite's `resilience`: `soak [SCENARIO]... [--rounds N] [--seed S] [--hold SECONDS]`.
//!
//! It starts the product that was built beside it:
//! `cargo build --release -p integration-tests && target/release/soak`.
//!
//! Without a name it runs every scenario. It prints the seed first, then what each scenario counted; a broken promise
//! is a panic, and the exit code says so.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the program's only output")]

use std::env;
use std::panic::catch_unwind;
use std::process::ExitCode;
use std::time::Duration;

use integration_tests::resilience::place::Kind::{Postgres, Sqlite};
use integration_tests::resilience::{Counts, Run, concurrency, faults, histories, kills};

/// How long a request may take: the product's own bound is half a second less.
const PATIENCE: Duration = Duration::from_secs(5);
/// What a lock lasts that requests must not wait for.
const HOLD: Duration = Duration::from_secs(10);

struct Scenario {
    name: &'static str,
    rounds: usize,
    /// `None`: it cannot be run here.
    run: fn(&Run) -> Option<Counts>,
}

const SCENARIOS: &[Scenario] = &[
    Scenario { name: "kill-sqlite", rounds: 1_000, run: |run| Some(kills::of_gatepost(run, Sqlite)) },
    Scenario { name: "kill-on-postgres", rounds: 1_000, run: |run| Some(kills::of_gatepost(run, Postgres)) },
    Scenario { name: "kill-postgres", rounds: 200, run: |run| Some(kills::of_postgres(run)) },
    Scenario { name: "restart-postgres", rounds: 20, run: |run| Some(faults::postgres_restarts(run)) },
    Scenario { name: "cut-connections", rounds: 2_000, run: |run| Some(faults::cut_connections(run)) },
    Scenario { name: "stalled", rounds: 1, run: |run| Some(faults::stalled(run)) },
    Scenario { name: "read-only-sessions", rounds: 1, run: |run| Some(faults::read_only(run)) },
    Scenario { name: "read-only-server", rounds: 1, run: |run| Some(faults::read_only_server(run)) },
    Scenario { name: "lock-sqlite", rounds: 1, run: |run| Some(faults::held_lock(run, Sqlite)) },
    Scenario { name: "lock-postgres", rounds: 1, run: |run| Some(faults::held_lock(run, Postgres)) },
    Scenario { name: "full-disk-sqlite", rounds: 1, run: |run| faults::full_disk(run, Sqlite) },
    Scenario { name: "full-disk-postgres", rounds: 1, run: |run| faults::full_disk(run, Postgres) },
    Scenario { name: "paused-replica", rounds: 1, run: |run| Some(faults::paused_replica(run)) },
    Scenario { name: "creates", rounds: 1_000, run: |run| Some(concurrency::creates_of_one_value(run)) },
    Scenario { name: "imports", rounds: 200, run: |run| Some(concurrency::imports_of_one_file(run)) },
    Scenario { name: "patches", rounds: 1_000, run: |run| Some(concurrency::patches_of_one_key(run)) },
    Scenario {
        name: "delete-against-patch",
        rounds: 1_000,
        run: |run| Some(concurrency::delete_against_patch(run)),
    },
    Scenario { name: "histories-sqlite", rounds: 300, run: |run| Some(histories::linearizable(run, Sqlite)) },
    Scenario {
        name: "histories-postgres",
        rounds: 300,
        run: |run| Some(histories::linearizable(run, Postgres)),
    },
];

#[derive(Default)]
struct Arguments {
    names: Vec<String>,
    rounds: Option<usize>,
    seed: Option<u64>,
    hold: Option<u64>,
}

impl Arguments {
    fn read() -> Result<Self, String> {
        let mut arguments = Self::default();
        let mut given = env::args().skip(1);
        while let Some(argument) = given.next() {
            let mut number = || {
                let text = given.next().ok_or_else(|| format!("{argument} takes a number"))?;
                text.parse::<u64>().map_err(|error| format!("{argument} {text}: {error}"))
            };
            match argument.as_str() {
                "--rounds" => arguments.rounds = Some(usize::try_from(number()?).unwrap_or(usize::MAX)),
                "--seed" => arguments.seed = Some(number()?),
                "--hold" => arguments.hold = Some(number()?),
                name if SCENARIOS.iter().any(|scenario| scenario.name == name) => {
                    arguments.names.push(name.to_owned());
                }
                other => {
                    let names: Vec<&str> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
                    return Err(format!("there is no scenario {other}; there are {}", names.join(", ")));
                }
            }
        }
        Ok(arguments)
    }
}

fn main() -> ExitCode {
    let arguments = match Arguments::read() {
        Ok(arguments) => arguments,
        Err(problem) => {
            eprintln!("soak: {problem}");
            return ExitCode::FAILURE;
        }
    };
    let place = env::current_exe().expect("a program knows where it is");
    let binary = place.with_file_name("gatepost-under-test");
    if !binary.exists() {
        eprintln!("soak: build what it starts first: cargo build --release -p integration-tests");
        return ExitCode::FAILURE;
    }
    let binary = binary.display().to_string();
    // Some number that is another one each time; it is printed, so that it can be given.
    let seed = arguments.seed.unwrap_or_else(|| u64::from(std::process::id()));
    println!("seed {seed}");
    let mut failed = false;
    for scenario in SCENARIOS {
        if !arguments.names.is_empty() && !arguments.names.iter().any(|name| name == scenario.name) {
            continue;
        }
        let run = Run {
            binary: binary.clone(),
            seed,
            rounds: arguments.rounds.unwrap_or(scenario.rounds),
            hold: arguments.hold.map_or(HOLD, Duration::from_secs),
            patience: PATIENCE,
        };
        match catch_unwind(|| (scenario.run)(&run)) {
            Ok(Some(counts)) => println!("{}: {counts}", scenario.name),
            Ok(None) => {
                println!("{}: skipped, because this process may not mount a file system", scenario.name);
            }
            Err(_) => {
                println!("{}: FAILED", scenario.name);
                failed = true;
            }
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

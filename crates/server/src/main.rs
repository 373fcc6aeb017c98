//! The `gatepost` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    gatepost_server::main()
}

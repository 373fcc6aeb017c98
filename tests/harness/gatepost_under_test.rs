//! The product, built by the same cargo call as the tests that start it.

fn main() -> std::process::ExitCode {
    gatepost_server::main()
}

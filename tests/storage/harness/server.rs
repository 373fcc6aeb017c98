use std::env;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use integration_tests::database::{Database, PostgresServer};
use sqlx::{Connection as _, PgConnection};
use tokio::time::sleep;

async fn run(server: &PostgresServer, statements: &'static str) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(&server.url("postgres")).await?;
    sqlx::raw_sql(statements).execute(&mut connection).await.map(|_| ())
}

async fn count(server: &PostgresServer) -> i64 {
    let mut connection = PgConnection::connect(&server.url("postgres")).await.unwrap();
    sqlx::query_scalar("SELECT count(*) FROM note").fetch_one(&mut connection).await.unwrap()
}

async fn keeps_what_it_acknowledged(mut server: PostgresServer) {
    run(&server, "CREATE TABLE note ()").await.unwrap();
    for kill in [true, true, false] {
        run(&server, "INSERT INTO note DEFAULT VALUES").await.unwrap();
        if kill {
            server.kill9();
        } else {
            server.stop();
        }
        assert!(run(&server, "SELECT").await.is_err());
        server.start().await;
    }
    assert_eq!(count(&server).await, 3);
}

#[tokio::test]
async fn a_server_that_is_killed_or_stopped_keeps_what_it_acknowledged() {
    keeps_what_it_acknowledged(PostgresServer::start_own().await).await;
}

/// Where containers are required, that is, in the gate.
#[tokio::test]
async fn so_does_a_server_in_a_container() {
    if env::var("GATEPOST_TEST_POSTGRES").is_ok_and(|wanted| wanted == "container") {
        keeps_what_it_acknowledged(PostgresServer::start_own_in_container().await).await;
    }
}

#[tokio::test]
async fn a_setting_holds_for_the_next_connection() {
    let server = PostgresServer::start_own().await;
    server.set("default_transaction_read_only", "on").await;
    let refused = run(&server, "CREATE TABLE note ()").await.unwrap_err();
    assert_eq!(refused.as_database_error().unwrap().code().unwrap(), "25006");
    server.set("default_transaction_read_only", "off").await;
    run(&server, "CREATE TABLE note ()").await.unwrap();
}

/// Not a test: what the next ones start and kill.
#[tokio::test]
#[ignore = "waits until it is killed"]
async fn hold_a_database_and_a_server() {
    let (shared, own) = (Database::fresh().await, PostgresServer::start_own().await);
    println!("held: {} {} {}", shared.url(), shared.admin_url(), own.url("postgres"));
    sleep(Duration::from_secs(600)).await;
}

/// A process with a database and a server of its own, and the URLs of its database, its shared and its own server.
fn holder(database_url: Option<&str>) -> (Child, [String; 3]) {
    let mut process = again("harness::server::hold_a_database_and_a_server", database_url)
        .args(["--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let held = lines.map_while(Result::ok).find_map(|line| {
        let urls = line.split_once("held: ")?.1.split(' ').map(str::to_owned);
        urls.collect::<Vec<_>>().try_into().ok()
    });
    (process, held.unwrap())
}

/// This binary again, for one test.
fn again(test: &str, database_url: Option<&str>) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", test]).env_remove("TEST_DATABASE_URL");
    if let Some(url) = database_url {
        command.env("TEST_DATABASE_URL", url).env_remove("GATEPOST_TEST_POSTGRES");
    }
    command
}

fn kill(mut process: Child) {
    process.kill().unwrap();
    process.wait().unwrap();
}

#[tokio::test]
async fn servers_end_with_the_process_that_started_them_even_if_it_is_killed() {
    let (process, [_, shared, own]) = holder(None);
    kill(process);
    for url in [shared, own] {
        let deadline = Instant::now() + Duration::from_secs(60);
        while PgConnection::connect(&url).await.is_ok() {
            assert!(Instant::now() < deadline, "a server outlives its process: {url}");
            sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test]
async fn on_a_server_of_yours_the_next_run_drops_what_a_killed_one_left_and_nothing_else() {
    let server = PostgresServer::start_own().await;
    let yours = server.url("postgres");
    let next_run = || {
        let test = "harness::database::fresh_databases_are_empty_and_share_nothing";
        let output = again(test, Some(&yours)).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    };
    let (process, [database, ..]) = holder(Some(&yours));
    next_run();
    PgConnection::connect(&database).await.unwrap();
    kill(process);
    let deadline = Instant::now() + Duration::from_secs(60);
    // PostgreSQL takes a moment to notice that a client is gone.
    while PgConnection::connect(&database).await.is_ok() {
        assert!(Instant::now() < deadline, "the database is still there");
        next_run();
    }
}

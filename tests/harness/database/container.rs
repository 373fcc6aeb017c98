//! PostgreSQL in a container.

use std::env;
use std::future::pending;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use testcontainers_modules::postgres::Postgres;
use testcontainers_modules::testcontainers::bollard::models::{HostConfig, PortBinding};
use testcontainers_modules::testcontainers::core::IntoContainerPort as _;
use testcontainers_modules::testcontainers::runners::AsyncRunner as _;
use testcontainers_modules::testcontainers::{ContainerRequest, ImageExt as _};
use tokio::net::TcpStream;

use super::guard::Guard;
use super::server::{Durability, SHARED_OPTIONS};
use super::{KEEPER, random_word};

const STANDIN: (&str, &str) = ("gatepost/postgres-standin", "15");
const PULLED_WITHIN: Duration = Duration::from_secs(120);
const STARTED_WITHIN: Duration = Duration::from_secs(60);

/// A container that is removed, with its volume, when this is dropped or the process ends.
pub(super) struct Container {
    name: String,
    pub(super) image: String,
    pub(super) host: String,
    _guard: Guard,
}

impl Container {
    pub(super) async fn start(durability: Durability, password: &str, port: u16) -> Result<Self, String> {
        let (image, tag) = image()?;
        let name = format!("gatepost-test-{}", &random_word()[..12]);
        let guard = Guard::new(r#"docker rm --force --volumes "$1""#, &[&name]).map_err(|e| e.to_string())?;
        let postgres = Postgres::default().with_password(password);
        let request = match durability {
            Durability::None => postgres.with_cmd(SHARED_OPTIONS.iter().copied()),
            Durability::Full => ContainerRequest::from(postgres.with_fsync_enabled()),
        };
        let addresses = local_addresses();
        let published = addresses.clone();
        let request = request
            .with_name(&image)
            .with_tag(&tag)
            .with_container_name(&name)
            .with_label("gatepost.tests", std::process::id().to_string())
            // The same again after a restart, which a port of Docker's choice is not.
            .with_mapped_port(port, 5432.tcp())
            .with_host_config_modifier(move |host| publish_on(&published, host))
            .with_startup_timeout(STARTED_WITHIN);
        let starting = async move {
            let container = request.start().await.map_err(|error| error.to_string())?;
            let host = match addresses.as_slice() {
                [] => container.get_host().await.map_err(|error| error.to_string())?.to_string(),
                local => first_that_answers(local, port).await,
            };
            // To drop it would remove the container a second time, and wants a runtime to do it in.
            KEEPER.spawn(async move {
                let _container = container;
                pending::<()>().await;
            });
            Ok::<_, String>(host)
        };
        let host = KEEPER.spawn(starting).await.map_err(|error| error.to_string())??;
        Ok(Self { name, image: format!("{image}:{tag}"), host, _guard: guard })
    }

    pub(super) fn kill9(&self) {
        self.docker(&["kill", "--signal", "KILL"]);
    }

    pub(super) fn stop(&self) {
        self.docker(&["stop"]);
    }

    pub(super) fn restart(&self) {
        self.docker(&["start"]);
    }

    fn docker(&self, command: &[&str]) {
        run(Command::new("docker").args(command).arg(&self.name)).expect("docker does what it is told");
    }
}

/// The addresses of this machine to publish a port on, or none when the engine is on another machine.
///
/// A process in a container reaches the ports of an engine inside that container on the loopback, and those of the
/// engine that runs the container itself on the bridge's gateway. Nothing tells the two apart but a connection.
fn local_addresses() -> Vec<String> {
    if env::var("DOCKER_HOST").is_ok_and(|host| !host.starts_with("unix:")) {
        return Vec::new();
    }
    let mut addresses = vec!["127.0.0.1".to_owned()];
    if Path::new("/.dockerenv").exists() {
        let format = "{{range .IPAM.Config}}{{println .Gateway}}{{end}}";
        let gateways = run(Command::new("docker").args(["network", "inspect", "bridge", "--format", format]));
        // Until its second start an engine does not name the gateway.
        addresses.extend(gateways.iter().flat_map(|lines| lines.lines()).map(str::to_owned).next());
    }
    addresses
}

/// Not for the whole network.
fn publish_on(addresses: &[String], host: &mut HostConfig) {
    if addresses.is_empty() {
        return;
    }
    for bindings in host.port_bindings.iter_mut().flat_map(|ports| ports.values_mut()).flatten() {
        *bindings = bindings
            .iter()
            .flat_map(|binding| {
                addresses
                    .iter()
                    .map(|address| PortBinding { host_ip: Some(address.clone()), ..binding.clone() })
            })
            .collect();
    }
}

async fn first_that_answers(addresses: &[String], port: u16) -> String {
    for address in addresses {
        if TcpStream::connect((address.as_str(), port)).await.is_ok() {
            return address.clone();
        }
    }
    addresses[0].clone()
}

/// The image to start: what is configured, or the stand-in if that is what this machine has.
fn image() -> Result<(String, String), String> {
    run(Command::new("docker").args(["version", "--format", "{{.Server.Version}}"]))
        .map_err(|error| format!("no Docker engine answers ({error})"))?;
    let named = env::var("GATEPOST_TEST_POSTGRES_IMAGE").ok();
    let tag = env::var("GATEPOST_TEST_POSTGRES_TAG").ok();
    let configured = named.is_some() || tag.is_some();
    let wanted =
        (named.unwrap_or_else(|| "postgres".to_owned()), tag.unwrap_or_else(|| "17-alpine".to_owned()));
    let standin = (STANDIN.0.to_owned(), STANDIN.1.to_owned());
    if is_here(&wanted) {
        return Ok(wanted);
    }
    // It was built because no registry answered: asking again takes time.
    if !configured && is_here(&standin) {
        return Ok(standin);
    }
    match pull(&wanted) {
        Ok(()) => Ok(wanted),
        Err(_) if is_here(&standin) => Ok(standin),
        Err(reason) => Err(format!("image {}:{} is not here and not pulled: {reason}", wanted.0, wanted.1)),
    }
}

fn is_here((name, tag): &(String, String)) -> bool {
    run(Command::new("docker").args(["image", "inspect", &format!("{name}:{tag}")])).is_ok()
}

fn pull((name, tag): &(String, String)) -> Result<(), String> {
    let image = format!("{name}:{tag}");
    super::say(&format!("tests pull image {image}"));
    let mut pull = Command::new("docker")
        .args(["pull", "--quiet", &image])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| error.to_string())?;
    let deadline = Instant::now() + PULLED_WITHIN;
    loop {
        match pull.try_wait().map_err(|error| error.to_string())? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(format!("docker pull: {status}")),
            None if Instant::now() > deadline => {
                let _ = pull.kill();
                let _ = pull.wait();
                return Err(format!("docker pull took more than {PULLED_WITHIN:?}"));
            }
            None => sleep(Duration::from_millis(100)),
        }
    }
}

/// Runs a command; its last line on stderr is the error.
fn run(command: &mut Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no message").to_owned())
}

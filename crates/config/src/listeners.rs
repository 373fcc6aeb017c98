//! Where to listen.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use crate::ConfigError;
use crate::layers::Layers;
use crate::values::{self, Wrong};

/// The three listeners, and what is common to those of the control and data plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listeners {
    /// The AWS-compatible API.
    pub control: SocketAddr,
    /// What gateways ask.
    pub data: DataListen,
    /// Health and metrics.
    pub admin: SocketAddr,
    /// TLS on the TCP listeners of control and data plane.
    pub tls: Option<TlsFiles>,
    /// The networks whose word about their clients is believed.
    pub trusted_proxies: Vec<Network>,
}

/// Where the data plane listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataListen {
    /// An address; port 0 takes a free one.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

/// The files that TLS is spoken with. Whoever listens reads them, at the start and whenever they have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate and those between it and its CA.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Who must have signed the certificates of clients; without it they need none.
    pub client_ca: Option<PathBuf>,
}

/// An address, or all that share its leading bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// The address; its other bits are 0.
    pub address: IpAddr,
    /// How many leading bits count.
    pub prefix: u8,
}

impl Listeners {
    pub(crate) fn read(layers: &Layers) -> Result<Self, ConfigError> {
        Ok(Listeners {
            control: layers.value("control-listen", values::listen)?,
            data: layers.value("data-listen", data_listen)?,
            admin: layers.value("admin-listen", values::listen)?,
            tls: TlsFiles::read(layers)?,
            trusted_proxies: layers.optional("trusted-proxies", networks)?.unwrap_or_default(),
        })
    }
}

fn data_listen(text: &str) -> Result<DataListen, Wrong> {
    match text.strip_prefix("unix:") {
        Some("") => Err(Wrong { problem: "has no path", allowed: "unix:PATH".to_owned() }),
        Some(path) => Ok(DataListen::Unix(PathBuf::from(path))),
        None => values::listen(text)
            .map(DataListen::Tcp)
            .map_err(|wrong| Wrong { allowed: format!("{}, or unix:PATH", wrong.allowed), ..wrong }),
    }
}

const CERT: &str = "tls-cert";
const KEY: &str = "tls-key";
const CLIENT_CA: &str = "tls-client-ca";

impl TlsFiles {
    fn read(layers: &Layers) -> Result<Option<Self>, ConfigError> {
        let path = |name| layers.optional(name, file);
        let alone = |name: &str, problem, missing: &str| {
            let given = layers.given(name).expect("it was just read");
            Err(given.refused(name, Wrong { problem, allowed: format!("set {missing} too") }))
        };
        match (path(CERT)?, path(KEY)?, path(CLIENT_CA)?) {
            (Some(cert), Some(key), client_ca) => Ok(Some(Self { cert, key, client_ca })),
            (Some(_), None, _) => alone(CERT, "is of no use without tls-key", KEY),
            (None, Some(_), _) => alone(KEY, "is of no use without tls-cert", CERT),
            (None, None, Some(_)) => {
                alone(CLIENT_CA, "is of no use without tls-cert and tls-key", "tls-cert and tls-key")
            }
            (None, None, None) => Ok(None),
        }
    }
}

fn file(text: &str) -> Result<PathBuf, Wrong> {
    match text {
        "" => Err(Wrong { problem: "has no path", allowed: "the path of a PEM file".to_owned() }),
        path => Ok(PathBuf::from(path)),
    }
}

fn networks(text: &str) -> Result<Vec<Network>, Wrong> {
    text.split(',').map(|one| network(one.trim_matches(' '))).collect()
}

/// `192.0.2.7`, `10.0.0.0/8`, `2001:db8::/32`.
fn network(text: &str) -> Result<Network, Wrong> {
    let refused = |problem| {
        let allowed =
            "addresses and networks such as 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32, with commas between them";
        Wrong { problem, allowed: allowed.to_owned() }
    };
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| refused("has something that is no address"))?;
    if address.to_canonical() != address {
        return Err(refused("has an IPv4 address in IPv6's clothes, which no peer is told by"));
    }
    let (bits, length) = match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    let prefix = match prefix {
        None => length,
        Some(prefix) => values::whole(0..=u64::from(length))(prefix)
            .ok()
            .and_then(|prefix| u8::try_from(prefix).ok())
            .ok_or_else(|| refused("has a prefix that is longer than its address, or no number"))?,
    };
    // Whoever writes 10.1.2.3/8 means something else than what it says.
    if bits.checked_shl(u32::from(prefix)).unwrap_or(0) != 0 {
        return Err(refused("has a network with bits set behind its prefix"));
    }
    Ok(Network { address, prefix })
}

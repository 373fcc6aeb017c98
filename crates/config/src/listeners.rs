//! Where to listen.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::ConfigError;
use crate::layers::Layers;
use crate::values::{self, Wrong};

/// The three listeners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listeners {
    /// The AWS-compatible API.
    pub control: SocketAddr,
    /// What gateways ask.
    pub data: DataListen,
    /// Health and metrics.
    pub admin: SocketAddr,
}

/// Where the data plane listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataListen {
    /// An address; port 0 takes a free one.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl Listeners {
    pub(crate) fn read(layers: &Layers) -> Result<Self, ConfigError> {
        Ok(Listeners {
            control: layers.value("control-listen", values::listen)?,
            data: layers.value("data-listen", data_listen)?,
            admin: layers.value("admin-listen", values::listen)?,
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

//! What is refused as too short, too large, too many or too slow.

use std::num::NonZeroU32;
use std::time::Duration;

use gatepost_domain::api_keys::MinValueLength;

use crate::ConfigError;
use crate::layers::Layers;
use crate::values::{self, GIB, Wrong, size_text};

/// The limits.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// The shortest key value that Create and Import accept.
    pub key_min_length: MinValueLength,
    /// The most keys that an account may have.
    pub max_keys_per_account: Option<u64>,
    /// The most usage plans that an account may have.
    pub max_plans_per_account: u64,
    /// The most usage plans that a key may be in.
    pub max_plans_per_key: usize,
    /// How fast one account may call the control plane of this replica.
    pub control_rate: Option<ControlRate>,
    /// The largest body of an import.
    pub max_import_bytes: u64,
    /// The most that all imports under way may hold together: their files and the ids of their answers.
    pub max_spool_bytes: u64,
    /// The most connections that one listener keeps open.
    pub max_connections: u64,
    /// The time within which a request's head must arrive, and the longest idle time of a kept-alive connection.
    pub header_timeout: Duration,
    /// The longest silence within a request's body.
    pub body_timeout: Duration,
}

/// A token bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ControlRate {
    /// Requests per second: at least 0.001.
    pub rate: f64,
    /// How many may come at once: at least 1.
    pub burst: NonZeroU32,
}

const LARGEST: u64 = 1024 * GIB;
const TIMEOUTS: std::ops::RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(3_600);

impl Limits {
    pub(crate) fn read(layers: &mut Layers) -> Result<Self, ConfigError> {
        let max_import_bytes = layers.value("max-import-bytes", values::size(1..=LARGEST))?;
        let max_spool_bytes = match layers.optional("max-spool-bytes", values::size(1..=4 * LARGEST))? {
            Some(bytes) => bytes,
            None => {
                let bytes = 4 * max_import_bytes;
                layers.derive("max-spool-bytes", size_text(bytes), "4 times max-import-bytes");
                bytes
            }
        };
        Ok(Limits {
            key_min_length: layers.value("key-min-length", |text| {
                let characters = values::whole(20..=128)(text)?;
                Ok(MinValueLength::new(characters as usize).expect("the ranges are the same"))
            })?,
            max_keys_per_account: layers
                .optional("max-keys-per-account", values::whole(1..=1_000_000_000_000))?,
            max_plans_per_account: layers.value("max-plans-per-account", values::whole(1..=10_000))?,
            max_plans_per_key: layers
                .value("max-plans-per-key", |text| Ok(values::whole(1..=1_000)(text)? as usize))?,
            control_rate: ControlRate::read(layers)?,
            max_import_bytes,
            max_spool_bytes,
            max_connections: layers.value("max-connections", values::whole(1..=1_000_000))?,
            header_timeout: layers.value("header-timeout", values::duration(TIMEOUTS))?,
            body_timeout: layers.value("body-timeout", values::duration(TIMEOUTS))?,
        })
    }
}

impl ControlRate {
    fn read(layers: &mut Layers) -> Result<Option<Self>, ConfigError> {
        // The bounds keep both the time between two requests and the burst well within their types.
        let rate = layers.optional("control-rate", values::decimal(0.001..=1_000_000.0))?;
        let burst = layers.optional("control-burst", |text| {
            values::whole(1..=1_000_000)(text)
                .map(|burst| u32::try_from(burst).ok().and_then(NonZeroU32::new).expect("the range fits"))
        })?;
        match (rate, burst) {
            (None, None) => Ok(None),
            (Some(rate), Some(burst)) => Ok(Some(ControlRate { rate, burst })),
            (Some(rate), None) => {
                let burst =
                    NonZeroU32::new(rate.ceil() as u32).expect("a rate above 0 rounds up to 1 or more");
                layers.derive("control-burst", burst.to_string(), "control-rate rounded up");
                Ok(Some(ControlRate { rate, burst }))
            }
            (None, Some(_)) => {
                let given = layers.given("control-burst").expect("it was just read");
                let allowed = "set control-rate too".to_owned();
                Err(given.refused(
                    "control-burst",
                    Wrong { problem: "means nothing without control-rate", allowed },
                ))
            }
        }
    }
}

//! How serving ends.

use std::time::Duration;

use crate::ConfigError;
use crate::layers::Layers;
use crate::values;

/// What happens between a signal to end and the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shutdown {
    /// How long listeners still accept, while readiness says 503.
    pub drain_delay: Duration,
    /// How long running requests may take to finish after that.
    pub drain_timeout: Duration,
}

impl Shutdown {
    pub(crate) fn read(layers: &Layers) -> Result<Self, ConfigError> {
        let range = Duration::ZERO..=Duration::from_secs(3_600);
        Ok(Shutdown {
            drain_delay: layers.value("drain-delay", values::duration(range.clone()))?,
            drain_timeout: layers.value("drain-timeout", values::duration(range))?,
        })
    }
}

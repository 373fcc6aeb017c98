//! AWS's CSV, as ImportApiKeys reads it.

use super::{AccountSink, TransferredKey};
use gatepost_domain::usage_plans::{UsagePlan, UsagePlanId};
use gatepost_storage::KeptUsage;
use std::io::{self, Write};

/// Writes keys as rows, values in the clear. Ids, dates, customers, stages, labels and tags have no column, plans
/// only their ids, usage none.
pub struct CsvWriter<W>(W);

impl<W: Write> CsvWriter<W> {
    /// Writes the header.
    pub fn new(mut out: W) -> io::Result<Self> {
        out.write_all(b"name,key,description,enabled,usageplanIds\n")?;
        Ok(Self(out))
    }

    /// Gives the output back.
    pub fn finish(mut self) -> io::Result<W> {
        self.0.flush()?;
        Ok(self.0)
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/+".contains(&byte);
        if text.bytes().all(plain) {
            return self.0.write_all(text.as_bytes());
        }
        write!(self.0, "\"{}\"", text.replace('"', "\"\""))
    }
}

impl<W: Write + Send> AccountSink for CsvWriter<W> {
    fn plan(&mut self, _: &UsagePlan) -> io::Result<()> {
        Ok(())
    }

    fn key(&mut self, TransferredKey { key, value, plans }: &TransferredKey) -> io::Result<()> {
        self.text(key.name.as_ref().map_or("", |name| name.as_str()))?;
        self.0.write_all(b",")?;
        self.text(value.reveal())?;
        self.0.write_all(b",")?;
        self.text(key.description.as_ref().map_or("", |text| text.as_str()))?;
        write!(self.0, ",{},", key.enabled)?;
        self.text(&plans.iter().map(UsagePlanId::as_str).collect::<Vec<_>>().join(","))?;
        self.0.write_all(b"\n")
    }

    fn usage(&mut self, _: &[KeptUsage]) -> io::Result<()> {
        Ok(())
    }
}

//! The second reading of an import file: rows made ready to be stored, batch by batch.

use super::csv::Source;
use super::rows::{FileProblem, Row, RowReader, RowRules};
use super::scan::RowSet;
use crate::{AppError, Application, Caller, CpuPool, Spool};
use futures_util::{Stream, TryStreamExt, stream};
use gatepost_custody::AccountCustody;
use gatepost_domain::{Clock, Ids, Timestamp};
use gatepost_storage::ImportedApiKey;
use std::io;
use std::sync::Arc;

/// What the texts of a batch may take, but for its last row: rows with long descriptions make small batches.
const MOST_BATCH_BYTES: usize = 1024 * 1024;

/// What rows of one import are made ready with.
pub(super) struct Batches {
    file: Arc<Spool>,
    replaced: Arc<RowSet>,
    rules: RowRules,
    rows_each: usize,
    clock: Arc<dyn Clock>,
    sealer: Arc<Sealer>,
}

/// Turns rows into what storage keeps.
struct Sealer {
    custody: AccountCustody,
    ids: Arc<dyn Ids>,
}

/// A spool as the source of a file's bytes.
pub(super) struct SpoolSource {
    spool: Arc<Spool>,
    chunk: u64,
    sealed: Vec<u8>,
}

/// How far the reading has come. It travels from job to job, so that no thread is held between them.
struct Reading {
    rows: Option<RowReader<SpoolSource>>,
    file: Arc<Spool>,
    replaced: Arc<RowSet>,
    rules: RowRules,
    rows_each: usize,
    clock: Arc<dyn Clock>,
    last: Timestamp,
}

/// Rows as the file says them, with the first one's time. Each row after it is a microsecond later, so that
/// listings keep the file's order.
struct RawBatch {
    rows: Vec<(u64, Row)>,
    first_at: Timestamp,
}

impl Batches {
    pub(super) fn new(
        application: &Application,
        caller: Caller,
        file: Arc<Spool>,
        replaced: Arc<RowSet>,
        rules: RowRules,
    ) -> Self {
        let custody = application.custody.account(caller.account);
        Self {
            file,
            replaced,
            rules,
            rows_each: application.storage.import_rows_per_unit(),
            clock: Arc::clone(&application.clock),
            sealer: Arc::new(Sealer { custody, ids: Arc::clone(&application.ids) }),
        }
    }

    /// The file's rows in their order, sealed on as many threads as the pool has.
    pub(super) fn prepared(
        &self,
        cpu: &CpuPool,
    ) -> impl Stream<Item = Result<Vec<ImportedApiKey>, AppError>> + Send {
        let reading = Reading {
            rows: None,
            file: Arc::clone(&self.file),
            replaced: Arc::clone(&self.replaced),
            rules: self.rules.clone(),
            rows_each: self.rows_each,
            clock: Arc::clone(&self.clock),
            last: Timestamp::from_micros(i64::MIN),
        };
        let (reader, sealers) = (cpu.clone(), cpu.clone());
        let raw = stream::try_unfold(reading, move |reading| {
            let reader = reader.clone();
            async move { reader.run(move || reading.next_batch()).await.map_err(AppError::from) }
        });
        let sealer = Arc::clone(&self.sealer);
        raw.map_ok(move |batch| {
            let (sealer, sealers) = (Arc::clone(&sealer), sealers.clone());
            async move { Ok(sealers.run(move || sealer.seal_batch(batch)).await) }
        })
        .try_buffered(cpu.width())
    }

    /// The same row under an id that may be free.
    pub(super) fn with_new_id(&self, mut row: ImportedApiKey) -> Result<ImportedApiKey, AppError> {
        let value = self.sealer.custody.open(&row.id, &row.sealed).map_err(AppError::internal)?;
        row.id = self.sealer.ids.api_key_id();
        row.sealed = self.sealer.custody.seal(&row.id, &value);
        Ok(row)
    }
}

impl Sealer {
    fn seal_batch(&self, batch: RawBatch) -> Vec<ImportedApiKey> {
        let ids = self.ids.api_key_ids(batch.rows.len());
        let seal = |(micros, ((row, Row { value, fields, plans }), id))| ImportedApiKey {
            row,
            digest: self.custody.digest(&value),
            sealed: self.custody.seal(&id, &value),
            id,
            fields,
            plans,
            at: batch.first_at.plus_micros(micros),
        };
        (0..).zip(batch.rows.into_iter().zip(ids)).map(seal).collect()
    }
}

impl Reading {
    fn next_batch(mut self) -> Result<Option<(RawBatch, Self)>, FileProblem> {
        let rows = match &mut self.rows {
            Some(rows) => rows,
            None => {
                let source = SpoolSource::new(Arc::clone(&self.file));
                self.rows.insert(RowReader::open(source, self.rules.clone())?)
            }
        };
        let (mut batch, mut bytes) = (Vec::with_capacity(self.rows_each), 0);
        while batch.len() < self.rows_each && bytes < MOST_BATCH_BYTES {
            if self.replaced.contains(rows.row() + 1) {
                rows.skip_row()?;
                continue;
            }
            match rows.next_row(|cells, rules| cells.row(rules))? {
                Some((number, Ok(row))) => {
                    bytes += row.bytes();
                    batch.push((number, row));
                }
                Some((_, Err(_))) => {}
                None => break,
            }
        }
        if batch.is_empty() {
            return Ok(None);
        }
        let first_at = self.clock.now().max(self.last.plus_micros(1));
        self.last = first_at.plus_micros(batch.len() as i64 - 1);
        Ok(Some((RawBatch { rows: batch, first_at }, self)))
    }
}

impl SpoolSource {
    pub(super) fn new(spool: Arc<Spool>) -> Self {
        Self { spool, chunk: 0, sealed: Vec::new() }
    }
}

impl Source for SpoolSource {
    fn fill(&mut self, buffer: &mut Vec<u8>) -> io::Result<()> {
        self.spool.read_chunk(self.chunk, &mut self.sealed, buffer)?;
        self.chunk += 1;
        Ok(())
    }
}

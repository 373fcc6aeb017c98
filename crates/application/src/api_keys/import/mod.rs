//! ImportApiKeys: a CSV file of keys, of any size, in bounded memory.
//!
//! The file lies in a spool when this begins, so nothing waits for the client while storage works.
//! 1. The account's turn to import; one at a time.
//! 2. First reading (`scan`): every row that cannot be stored is known, and which rows a later row of the file
//!    replaces. With failonwarnings any warning ends it here, before storage was touched. Where the file has a column
//!    for usage plans, the ids of the account's plans were read before; a row that names another one is skipped.
//! 3. Where the account's number of keys is bounded: would this import pass it? Then it is refused whole.
//! 4. Second reading: rows are parsed, digested and sealed in batches on the CPU pool (`prepare`), and stored in
//!    their order: with failonwarnings in one unit of work, otherwise in a unit for each batch, so that others get in
//!    between. Ids go to a spool of their own as they come. Storage puts keys into their rows' plans in the same unit;
//!    where a key may not be in one, the row is stored without it, and that is a warning: with failonwarnings the unit
//!    is dropped.

mod csv;
mod prepare;
mod rows;
mod scan;
mod warnings;

use crate::plans_of_account::PlansOfAccount;
use crate::retry::spooled_retry_token;
use crate::{AppError, Application, Caller, ErrorKind, Limits, Spool, SpoolError, SpoolWriter};
use futures_util::TryStreamExt;
use gatepost_storage::{ImportedApiKey, RetryToken, RowOutcome, Writer};
use prepare::{Batches, SpoolSource};
use scan::Scan;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use warnings::Warnings;

pub use csv::{CsvReader, Fields, MOST_BYTES, MOST_FIELDS, Record, Source};
pub use rows::{Cells, FileProblem, Row, RowProblem, RowReader, RowRules};

/// How long a second import of one account waits for the first.
const PATIENCE: Duration = Duration::from_secs(4);
/// What a fresh id takes in the spool of ids.
const FRESH_ID_LINE: u64 = 11;
/// How often rows get new ids when theirs are taken; a second time is not chance.
const ID_ATTEMPTS: usize = 4;

/// A file of keys to be imported.
pub struct ImportApiKeys {
    /// The file.
    pub file: Spool,
    /// Whether any warning makes the import a failure that changes nothing.
    pub fail_on_warnings: bool,
    /// The name under which the caller sends this request and its retries.
    pub invocation_id: Option<Box<[u8]>>,
}

/// What an import did.
pub struct ImportedApiKeys {
    /// The ids of the stored keys in the order of their rows, each followed by a line break.
    pub ids: Spool,
    /// How many ids there are.
    pub count: u64,
    /// What is wrong with the rows that were skipped, and with the plans of those that were stored without them.
    pub warnings: Vec<String>,
}

impl Application {
    /// Stores the keys of a file, overwriting those whose values are there already.
    pub async fn import_api_keys(
        &self,
        caller: Caller,
        input: ImportApiKeys,
    ) -> Result<ImportedApiKeys, AppError> {
        let turn = self.storage.import_turn(caller.account, PATIENCE).await?;
        let _turn = turn.ok_or_else(AppError::concurrent_modification)?;
        let file = Arc::new(input.file);
        let token = self.import_token(&file, input.fail_on_warnings, input.invocation_id).await?;
        let plans = self.plans_of_file(caller, &file).await?;
        let rules = RowRules::new(self.limits.shortest_value).with_plans(plans.ids());
        let Scan { rows, replaced, warnings } = self.scan(&file, &rules, input.fail_on_warnings).await?;
        if input.fail_on_warnings && warnings.count() > 0 {
            return Err(refused_whole(warnings));
        }
        let batches = Batches::new(self, caller, file, Arc::new(replaced), rules);
        if let Some(token) = &token
            && self.storage.reader().recall(caller.account, token).await?.is_some()
        {
            let (ids, count, refused) = self.first_import_again(caller, &batches, rows, &plans).await?;
            return Ok(ImportedApiKeys { ids, count, warnings: warnings.and(refused).into_texts() });
        }
        drop(plans);
        self.check_room(caller, &batches, rows).await?;
        // Whatever else fills the spools from here on, this import can end.
        let ids = self.spools.open_with_room(rows * FRESH_ID_LINE)?;
        let refused = Warnings::default();
        let import = Import { application: self, caller, batches: &batches, token, ids, count: 0, refused };
        let (ids, count, refused) =
            if input.fail_on_warnings { import.in_one_unit().await? } else { import.in_units().await? };
        if let Err(error) = self.storage.settle_after_import().await {
            tracing::warn!(?error, "the storage was not settled after an import");
        }
        self.import_metrics.imported(count);
        self.import_metrics.skipped(warnings.count());
        Ok(ImportedApiKeys { ids, count, warnings: warnings.and(refused).into_texts() })
    }

    /// The account's plans, where the file can name any.
    async fn plans_of_file(&self, caller: Caller, file: &Arc<Spool>) -> Result<PlansOfAccount, AppError> {
        let (file, rules) = (Arc::clone(file), RowRules::new(self.limits.shortest_value));
        let opened =
            self.cpu.run(move || RowReader::open(SpoolSource::new(file), rules).map(|rows| rows.has_plans()));
        if !opened.await? {
            return Ok(PlansOfAccount::default());
        }
        Ok(PlansOfAccount::read(self.storage.reader(), caller.account).await?)
    }

    async fn import_token(
        &self,
        file: &Arc<Spool>,
        fail_on_warnings: bool,
        invocation_id: Option<Box<[u8]>>,
    ) -> Result<Option<RetryToken>, AppError> {
        let Some(invocation_id) = invocation_id else { return Ok(None) };
        let file = Arc::clone(file);
        let operation = if fail_on_warnings { "ImportApiKeys failonwarnings" } else { "ImportApiKeys" };
        let token = self.cpu.run(move || spooled_retry_token(operation, &invocation_id, &file));
        Ok(Some(token.await?))
    }

    /// What the first request with the same file answered, less the keys that were deleted since; of plans, what is
    /// in the way now of those that their keys are not in.
    async fn first_import_again(
        &self,
        caller: Caller,
        batches: &Batches,
        rows: u64,
        plans: &PlansOfAccount,
    ) -> Result<(Spool, u64, Warnings), AppError> {
        let (reader, mut count, mut refused) = (self.storage.reader(), 0, Warnings::default());
        let mut ids = self.spools.open_with_room(rows * FRESH_ID_LINE)?;
        let mut prepared = pin!(batches.prepared(&self.cpu));
        while let Some(batch) = prepared.try_next().await? {
            let digests: Vec<_> = batch.iter().map(|row| row.digest).collect();
            let found = reader.find_ids_by_digest(caller.account, &digests).await?;
            let kept: Vec<_> = batch.iter().zip(found).filter_map(|(row, id)| Some((row, id?))).collect();
            let mut lines = String::with_capacity(kept.len() * 11);
            for (_, id) in &kept {
                lines.push_str(id.as_str());
                lines.push('\n');
                count += 1;
            }
            ids.write(lines.as_bytes()).await?;
            let planned: Vec<_> = kept.into_iter().filter(|(row, _)| !row.plans.is_empty()).collect();
            if planned.is_empty() {
                continue;
            }
            let keys: Vec<_> = planned.iter().map(|(_, id)| id.clone()).collect();
            let present = reader.find_plans_of_keys(caller.account, &keys).await?;
            for ((row, id), present) in planned.into_iter().zip(present) {
                for plan in &row.plans {
                    let outcome = plans.judge(&present, plan, self.limits.most_plans_per_key);
                    refused.attached(row.row, &id, plan, &outcome);
                }
            }
        }
        Ok((ids.finish().await?, count, refused))
    }

    async fn scan(
        &self,
        file: &Arc<Spool>,
        rules: &RowRules,
        fail_on_warnings: bool,
    ) -> Result<Scan, AppError> {
        let (file, rules) = (Arc::clone(file), rules.clone());
        let mut key = [0; 16];
        self.custody.random().fill(&mut key);
        let scan = self.cpu.run(move || {
            let open = || SpoolSource::new(Arc::clone(&file));
            scan::scan(open, file.len(), &rules, &key, fail_on_warnings)
        });
        Ok(scan.await?)
    }

    /// Refuses an import that would pass the account's bound, before it stores anything.
    async fn check_room(&self, caller: Caller, batches: &Batches, rows: u64) -> Result<(), AppError> {
        let Some(most) = self.limits.most_keys else {
            return Ok(());
        };
        let reader = self.storage.reader();
        let present = reader.count_api_keys(caller.account).await?;
        if present + rows <= most {
            return Ok(());
        }
        let mut new = 0;
        let mut prepared = pin!(batches.prepared(&self.cpu));
        while let Some(batch) = prepared.try_next().await? {
            let digests: Vec<_> = batch.iter().map(|row| row.digest).collect();
            let known = reader.find_ids_by_digest(caller.account, &digests).await?;
            new += known.iter().filter(|id| id.is_none()).count() as u64;
        }
        if present + new > most { Err(AppError::too_many_keys()) } else { Ok(()) }
    }
}

/// An import that is storing rows.
struct Import<'a> {
    application: &'a Application,
    caller: Caller,
    batches: &'a Batches,
    token: Option<RetryToken>,
    ids: SpoolWriter,
    count: u64,
    refused: Warnings,
}

impl Import<'_> {
    async fn in_one_unit(mut self) -> Result<(Spool, u64, Warnings), AppError> {
        let mut prepared = pin!(self.batches.prepared(&self.application.cpu));
        let mut unit = self.application.storage.begin().await?;
        while let Some(batch) = prepared.try_next().await? {
            self.store(&mut *unit, batch).await?;
            if self.refused.is_full() {
                break;
            }
        }
        if self.refused.count() > 0 {
            return Err(refused_whole(self.refused));
        }
        if let Some(token) = &self.token {
            unit.remember_import(self.caller.account, token).await?;
        }
        // What can still fail must fail before the commit.
        let ids = self.ids.finish().await?;
        unit.commit().await?;
        Ok((ids, self.count, self.refused))
    }

    async fn in_units(mut self) -> Result<(Spool, u64, Warnings), AppError> {
        let mut prepared = pin!(self.batches.prepared(&self.application.cpu));
        while let Some(batch) = prepared.try_next().await? {
            let mut writer = self.application.storage.writer();
            self.store(&mut *writer, batch).await?;
        }
        let ids = self.ids.finish().await?;
        if let Some(token) = &self.token {
            self.application.storage.writer().remember_import(self.caller.account, token).await?;
        }
        Ok((ids, self.count, self.refused))
    }

    /// Stores a batch, and notes the ids in the order of its rows and which plans they could not be put into.
    async fn store(&mut self, writer: &mut dyn Writer, rows: Vec<ImportedApiKey>) -> Result<(), AppError> {
        let account = self.caller.account;
        let numbers: Vec<u64> = rows.iter().map(|row| row.row).collect();
        let Limits { most_keys: most, most_plans_per_key: most_plans, .. } = self.application.limits;
        let mut outcomes = writer.import_api_keys(account, rows, most, most_plans).await?;
        for _ in 0..ID_ATTEMPTS {
            let (places, again) = self.with_other_ids(&outcomes)?;
            if places.is_empty() {
                break;
            }
            let retried = writer.import_api_keys(account, again, most, most_plans).await?;
            for (place, outcome) in places.into_iter().zip(retried) {
                outcomes[place] = outcome;
            }
        }
        let mut ids = String::with_capacity(outcomes.len() * 11);
        for (number, outcome) in numbers.into_iter().zip(&outcomes) {
            let RowOutcome::Stored { id, refused } = outcome else {
                return Err(AppError::internal("fresh ids of imported keys keep being taken"));
            };
            ids.push_str(id.as_str());
            ids.push('\n');
            for (plan, why) in refused {
                self.refused.attached(number, id, plan, why);
            }
        }
        self.count += outcomes.len() as u64;
        Ok(self.ids.write(ids.as_bytes()).await?)
    }

    /// The rows whose ids are taken, under new ones, and their places among the outcomes.
    fn with_other_ids(&self, outcomes: &[RowOutcome]) -> Result<(Vec<usize>, Vec<ImportedApiKey>), AppError> {
        let (mut places, mut rows) = (Vec::new(), Vec::new());
        for (place, outcome) in outcomes.iter().enumerate() {
            if let RowOutcome::IdTaken(row) = outcome {
                places.push(place);
                rows.push(self.batches.with_new_id((**row).clone())?);
            }
        }
        Ok((places, rows))
    }
}

/// An import that may not warn, and would.
fn refused_whole(warnings: Warnings) -> AppError {
    AppError::new(ErrorKind::BadRequest, warnings.into_texts().join("\n"))
}

impl From<FileProblem> for AppError {
    fn from(problem: FileProblem) -> Self {
        match problem {
            FileProblem::MissingColumn(_) | FileProblem::RepeatedColumn(_) => {
                Self::new(ErrorKind::BadRequest, problem.to_string())
            }
            FileProblem::Io(_) => Self::internal(problem),
        }
    }
}

impl From<SpoolError> for AppError {
    fn from(error: SpoolError) -> Self {
        match error {
            SpoolError::Full { .. } => Self::unavailable(error),
            SpoolError::File(ref file) if file.kind() == io::ErrorKind::StorageFull => {
                Self::unavailable(error)
            }
            SpoolError::File(_) => Self::internal(error),
        }
    }
}

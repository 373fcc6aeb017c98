//! Where a command reads from.

use super::progress::Progress;
use gatepost_application::api_keys::import::Source;
use gatepost_custody::EXPORT_MAGIC;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom, stdin};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is read at once.
pub(super) const CHUNK: usize = 64 * 1024;

/// A file or stdin, read from its start although its first bytes were looked at.
pub(super) struct Input {
    path: PathBuf,
    file: Option<File>,
    first: Cursor<Vec<u8>>,
    pub(super) is_export: bool,
    progress: Arc<Progress>,
}

impl Input {
    pub(super) fn open(path: &Path, progress: &Arc<Progress>) -> io::Result<Self> {
        let is_stdin = path.as_os_str() == "-";
        let mut file = if is_stdin { None } else { Some(File::open(path)?) };
        let mut first = Vec::new();
        let most = EXPORT_MAGIC.len() as u64;
        match &mut file {
            Some(file) => {
                let about = file.metadata()?;
                if about.is_file() {
                    progress.set_total(about.len());
                }
                file.take(most).read_to_end(&mut first)?
            }
            None => stdin().lock().take(most).read_to_end(&mut first)?,
        };
        let is_export = first == EXPORT_MAGIC;
        Ok(Self {
            path: path.to_owned(),
            file,
            first: Cursor::new(first),
            is_export,
            progress: Arc::clone(progress),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn can_rewind(&self) -> bool {
        let is_file = |file: &File| file.metadata().is_ok_and(|about| about.is_file());
        self.file.as_ref().is_some_and(is_file)
    }

    /// The same file once more, from its start; none of what can be read only once.
    pub(super) fn again(&self) -> io::Result<Option<Self>> {
        if self.can_rewind() { Self::open(&self.path, &self.progress).map(Some) } else { Ok(None) }
    }

    pub(super) fn rewind(&mut self) -> io::Result<()> {
        self.progress.set_done(0);
        self.first = Cursor::default();
        match &mut self.file {
            Some(file) => file.seek(SeekFrom::Start(0)).map(|_| ()),
            None => Ok(()),
        }
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut read = self.first.read(buffer)?;
        if read == 0 {
            read = match &mut self.file {
                Some(file) => file.read(buffer)?,
                None => stdin().read(buffer)?,
            };
        }
        self.progress.add_done(read as u64);
        Ok(read)
    }
}

/// An input as the source of a CSV file's bytes.
pub(super) struct Chunks(pub(super) Input);

impl Source for Chunks {
    fn fill(&mut self, buffer: &mut Vec<u8>) -> io::Result<()> {
        buffer.resize(CHUNK, 0);
        let read = self.0.read(buffer)?;
        buffer.truncate(read);
        Ok(())
    }
}

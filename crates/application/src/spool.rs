//! Bytes of one request that may be too many for memory.
//!
//! A spool takes bytes first ([`SpoolWriter`]) and gives them back afterwards, as often as needed ([`Spool`]). Up to
//! 1 MiB stays in memory; what is longer goes to an unnamed temporary file in encrypted chunks of 64 KiB, under a key
//! that only this spool holds. The file has no name from the start, so even `kill -9` leaves nothing behind.
//! All spools together keep within one budget, and those of one owner within its share of it.

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use gatepost_custody::{Custody, SPOOL_CHUNK, SpoolCipher};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::JoinHandle;

/// What stays in memory.
const IN_MEMORY: usize = 1024 * 1024;
/// What is written at once; a whole number of chunks.
const WRITE: usize = 4 * SPOOL_CHUNK;

/// Bytes that could not be spooled or read back.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// All spools together hold as much as they may.
    #[error("spools hold the most they may, together or of one owner ({most} bytes)")]
    Full {
        /// The budget.
        most: u64,
    },
    /// The temporary file failed.
    #[error("the spool's temporary file failed")]
    File(#[from] io::Error),
}

/// The budget that all spools share.
#[derive(Clone)]
pub struct Spools {
    custody: Arc<Custody>,
    used: Arc<AtomicU64>,
    most: u64,
    owners: Arc<Owners>,
}

/// What each owner's spools hold.
struct Owners {
    share: u64,
    used: Mutex<HashMap<Box<str>, u64>>,
}

/// A spool that takes bytes.
pub struct SpoolWriter {
    spools: Spools,
    share: Share,
    has_room: bool,
    pending: Vec<u8>,
    len: u64,
    disk: Option<Disk>,
}

/// A spool that gives its bytes back, chunk by chunk.
pub struct Spool {
    content: Content,
    len: u64,
    _share: Share,
}

enum Content {
    Memory(Vec<u8>),
    Disk { file: File, cipher: Box<SpoolCipher> },
}

/// A file that a thread is writing to.
struct Disk(JoinHandle<io::Result<Box<Sealing>>>);

struct Sealing {
    file: File,
    cipher: SpoolCipher,
    chunks: u64,
    sealed: Vec<u8>,
}

/// What one spool takes from the budget; given back when dropped.
struct Share {
    used: Arc<AtomicU64>,
    bytes: u64,
    owner: Option<(Arc<Owners>, Box<str>)>,
}

impl Spools {
    /// Spools of together at most so many bytes, in memory and on disk, of which one owner's hold no more than `share`.
    #[must_use]
    pub fn new(custody: Arc<Custody>, most: u64, share: u64) -> Self {
        let owners = Arc::new(Owners { share, used: Mutex::default() });
        Self { custody, used: Arc::default(), most, owners }
    }

    /// A new, empty spool of nobody's.
    #[must_use]
    pub fn open(&self) -> SpoolWriter {
        self.writer(false)
    }

    /// A new, empty spool of this owner's.
    #[must_use]
    pub fn open_for(&self, owner: &str) -> SpoolWriter {
        let mut writer = self.writer(false);
        writer.share.owner = Some((Arc::clone(&self.owners), owner.into()));
        writer
    }

    /// A new, empty spool that is never too full: room for `bytes` is taken now, or refused, and what goes beyond is
    /// counted but not refused. For what must not fail half-way.
    pub fn open_with_room(&self, bytes: u64) -> Result<SpoolWriter, SpoolError> {
        let mut writer = self.writer(true);
        writer.share.grow(bytes, self.most)?;
        Ok(writer)
    }

    fn writer(&self, has_room: bool) -> SpoolWriter {
        let share = Share { used: Arc::clone(&self.used), bytes: 0, owner: None };
        SpoolWriter { spools: self.clone(), share, has_room, pending: Vec::new(), len: 0, disk: None }
    }
}

impl SpoolWriter {
    /// Takes bytes.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        let len = self.len + bytes.len() as u64;
        let most = if self.has_room { u64::MAX } else { self.spools.most };
        self.share.grow(len.saturating_sub(self.share.bytes), most)?;
        self.len = len;
        self.pending.extend_from_slice(bytes);
        let most_pending = if self.disk.is_some() { WRITE } else { IN_MEMORY };
        if self.pending.len() > most_pending {
            let rest = self.pending.len() % SPOOL_CHUNK;
            let whole = self.pending.len() - rest;
            let tail = self.pending[whole..].to_vec();
            self.pending.truncate(whole);
            self.spill(tail).await?;
        }
        Ok(())
    }

    /// Ends the writing.
    pub async fn finish(mut self) -> Result<Spool, SpoolError> {
        if self.disk.is_some() && !self.pending.is_empty() {
            self.spill(Vec::new()).await?;
        }
        let content = match self.disk {
            None => Content::Memory(self.pending),
            Some(disk) => {
                let Sealing { file, cipher, .. } = *disk.idle().await?;
                Content::Disk { file, cipher: Box::new(cipher) }
            }
        };
        Ok(Spool { content, len: self.len, _share: self.share })
    }

    /// Hands what is pending to a thread that seals and writes it, and goes on with `next` meanwhile.
    async fn spill(&mut self, next: Vec<u8>) -> Result<(), SpoolError> {
        let mut sealing = match self.disk.take() {
            Some(disk) => disk.idle().await?,
            None => Box::new(Sealing {
                file: tempfile::tempfile()?,
                cipher: SpoolCipher::new(self.spools.custody.random()),
                chunks: 0,
                sealed: Vec::new(),
            }),
        };
        let pending = std::mem::replace(&mut self.pending, next);
        self.disk = Some(Disk(tokio::task::spawn_blocking(move || {
            sealing.write(&pending)?;
            Ok(sealing)
        })));
        Ok(())
    }
}

impl Disk {
    async fn idle(self) -> io::Result<Box<Sealing>> {
        self.0.await.map_err(io::Error::other)?
    }
}

impl Sealing {
    fn write(&mut self, plain: &[u8]) -> io::Result<()> {
        self.sealed.clear();
        for chunk in plain.chunks(SPOOL_CHUNK) {
            self.cipher.seal(self.chunks, chunk, &mut self.sealed);
            self.chunks += 1;
        }
        self.file.write_all(&self.sealed)
    }
}

impl Spool {
    /// How many bytes it holds.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Replaces the content of `plain` by chunk `number`; it stays empty past the last one. `sealed` is a buffer
    /// that the caller keeps between calls.
    pub fn read_chunk(&self, number: u64, sealed: &mut Vec<u8>, plain: &mut Vec<u8>) -> io::Result<()> {
        plain.clear();
        let start = number * SPOOL_CHUNK as u64;
        let len = SPOOL_CHUNK.min(usize::try_from(self.len.saturating_sub(start)).unwrap_or(SPOOL_CHUNK));
        if len == 0 {
            return Ok(());
        }
        match &self.content {
            Content::Memory(bytes) => {
                let start = usize::try_from(start).map_err(io::Error::other)?;
                plain.extend_from_slice(&bytes[start..start + len]);
                Ok(())
            }
            Content::Disk { file, cipher } => {
                sealed.resize(SpoolCipher::sealed_len(len), 0);
                file.read_exact_at(sealed, number * SpoolCipher::sealed_len(SPOOL_CHUNK) as u64)?;
                cipher.open(number, sealed, plain).map_err(io::Error::other)
            }
        }
    }

    /// All bytes, where they are few enough to be in memory.
    #[must_use]
    pub fn in_memory(&self) -> Option<&[u8]> {
        match &self.content {
            Content::Memory(bytes) => Some(bytes),
            Content::Disk { .. } => None,
        }
    }

    /// The bytes from the start, in chunks.
    pub fn into_stream(self) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let spool = Arc::new(self);
        stream::try_unfold((spool, 0), |(spool, number)| async move {
            let reading = Arc::clone(&spool);
            let read = move || {
                let mut plain = Vec::new();
                reading.read_chunk(number, &mut Vec::new(), &mut plain).map(|()| plain)
            };
            // What is in memory needs no thread.
            let plain = match &spool.content {
                Content::Memory(_) => read()?,
                Content::Disk { .. } => {
                    tokio::task::spawn_blocking(read).await.map_err(io::Error::other)??
                }
            };
            Ok((!plain.is_empty()).then(|| (Bytes::from(plain), (spool, number + 1))))
        })
    }
}

impl Share {
    fn grow(&mut self, bytes: u64, most: u64) -> Result<(), SpoolError> {
        if let Some((owners, owner)) = &self.owner {
            owners.grow(owner, bytes)?;
        }
        let grown = |used: u64| used.checked_add(bytes).filter(|used| *used <= most);
        if self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown).is_err() {
            if let Some((owners, owner)) = &self.owner {
                owners.shrink(owner, bytes);
            }
            return Err(SpoolError::Full { most });
        }
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.used.fetch_sub(self.bytes, Ordering::Relaxed);
        if let Some((owners, owner)) = &self.owner {
            owners.shrink(owner, self.bytes);
        }
    }
}

impl Owners {
    fn grow(&self, owner: &str, bytes: u64) -> Result<(), SpoolError> {
        let mut used = self.used();
        let before = used.get(owner).copied().unwrap_or_default();
        let grown = before.checked_add(bytes).filter(|grown| *grown <= self.share);
        let grown = grown.ok_or(SpoolError::Full { most: self.share })?;
        used.insert(owner.into(), grown);
        Ok(())
    }

    fn shrink(&self, owner: &str, bytes: u64) {
        let mut used = self.used();
        if let Some(held) = used.get_mut(owner) {
            *held -= bytes;
            if *held == 0 {
                used.remove(owner);
            }
        }
    }

    fn used(&self) -> MutexGuard<'_, HashMap<Box<str>, u64>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::TryStreamExt;
    use gatepost_custody::{KeyRing, Random};

    struct Sevens;

    impl Random for Sevens {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    fn spools(most: u64) -> Spools {
        let ring = || KeyRing::generate(&Sevens);
        let secret = Custody::new_installation(&ring(), &Sevens);
        Spools::new(Arc::new(Custody::open(ring(), Arc::new(Sevens), &secret).unwrap()), most, most / 2)
    }

    async fn spooled(spools: &Spools, bytes: &[u8], cut: usize) -> Spool {
        let mut writer = spools.open();
        for part in bytes.chunks(cut) {
            writer.write(part).await.unwrap();
        }
        writer.finish().await.unwrap()
    }

    #[tokio::test]
    async fn bytes_come_back_whatever_their_number_and_however_they_were_cut() {
        let bytes: Vec<u8> = (0..3 * IN_MEMORY + 17).map(|n| (n % 251) as u8).collect();
        for len in [0, 1, SPOOL_CHUNK, IN_MEMORY, IN_MEMORY + 1, 3 * IN_MEMORY, bytes.len()] {
            for cut in [1_000, 65_536, 700_001] {
                let spool = spooled(&spools(u64::MAX), &bytes[..len], cut).await;
                assert_eq!(spool.len(), len as u64);
                let back = spool.into_stream().try_fold(Vec::new(), |mut all, part| async move {
                    all.extend_from_slice(&part);
                    Ok(all)
                });
                assert!(back.await.unwrap() == bytes[..len], "{len} bytes in cuts of {cut}");
            }
        }
    }

    #[tokio::test]
    async fn what_is_on_disk_cannot_be_read_there() {
        let secret = b"y9tXe4GwrU65cug8QyQKE8pRwIzUFznda7iO73Gn,".repeat(40_000);
        let spool = spooled(&spools(u64::MAX), &secret, 4_096).await;
        let Content::Disk { file, .. } = &spool.content else { panic!("1.6 MB stayed in memory") };
        let mut raw = vec![0; usize::try_from(file.metadata().unwrap().len()).unwrap()];
        file.read_exact_at(&mut raw, 0).unwrap();
        assert!(!raw.windows(16).any(|window| window == &secret[..16]));
    }

    #[tokio::test]
    async fn an_owner_keeps_within_its_share_and_gives_it_back() {
        let spools = spools(100);
        let mut first = spools.open_for("one");
        assert!(first.write(&[0; 30]).await.is_ok());
        assert!(matches!(spools.open_for("one").write(&[0; 21]).await, Err(SpoolError::Full { most: 50 })));
        assert!(spools.open_for("one").write(&[0; 20]).await.is_ok(), "what was refused took nothing");
        let mut other = spools.open_for("another");
        assert!(other.write(&[0; 50]).await.is_ok());
        drop(first);
        assert!(spools.open_for("one").write(&[0; 50]).await.is_ok());
        assert!(matches!(spools.open().write(&[0; 51]).await, Err(SpoolError::Full { most: 100 })));
        assert!(matches!(spools.open_for("third").write(&[0; 51]).await, Err(SpoolError::Full { most: 50 })));
    }

    #[tokio::test]
    async fn all_spools_share_one_budget_and_give_their_part_back() {
        let spools = spools(100);
        let first = spooled(&spools, &[0; 60], 60).await;
        let mut second = spools.open();
        assert!(matches!(second.write(&[0; 60]).await, Err(SpoolError::Full { most: 100 })));
        assert!(second.write(&[0; 40]).await.is_ok(), "what was refused took nothing");
        drop((first, second));
        assert!(spools.open().write(&[0; 100]).await.is_ok());
    }

    #[tokio::test]
    async fn a_spool_with_room_is_refused_at_once_or_never() {
        let spools = spools(100);
        assert!(matches!(spools.open_with_room(101), Err(SpoolError::Full { most: 100 })));
        let mut roomy = spools.open_with_room(60).unwrap();
        assert!(matches!(spools.open().write(&[0; 41]).await, Err(SpoolError::Full { .. })));
        roomy.write(&[0; 150]).await.unwrap();
        assert!(matches!(spools.open().write(&[0; 1]).await, Err(SpoolError::Full { .. })));
        drop(roomy);
        assert!(spools.open().write(&[0; 100]).await.is_ok());
    }
}

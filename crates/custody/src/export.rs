//! A stream of secrets that leaves the installation: sealed under a key of its own, in order, and whole.
//!
//! A file is a head and chunks. The head: [`EXPORT_MAGIC`], the format, the version of the key, 32 random bytes, and
//! 16 bytes that only the same key makes from those, so that a wrong key is told from a damaged file. Each chunk: its
//! length, then up to 64 KiB under AES-256-GCM with a key derived for this file alone; the nonce is the chunk's
//! number, and number, head and whether the chunk is the last are authenticated with it. So no chunk can be altered,
//! dropped, moved, doubled or taken from another file, and an end that is missing is seen.

use crate::aead::{Cipher, Key, NONCE, TAG, derive};
use crate::{KeyRing, Random};
use std::io::{self, ErrorKind, Read, Write};
use zeroize::Zeroizing;

/// What every export begins with.
pub const EXPORT_MAGIC: &[u8; 16] = b"gatepost export\n";

const FORMAT: u8 = 1;
const SALT: usize = 32;
const CHECK: usize = 16;
const HEAD: usize = EXPORT_MAGIC.len() + 1 + 4 + SALT + CHECK;
const CHUNK: usize = 64 * 1024;
/// The bit of a chunk's length that marks the last one.
const LAST: u32 = 1 << 31;

/// An export that does not open.
#[derive(Debug, thiserror::Error)]
pub enum CannotReadExport {
    /// The file is something else.
    #[error("it is not an export of gatepost")]
    NotAnExport,
    /// A later release wrote it.
    #[error("it has format {0}, which this release cannot read: use a newer one")]
    Format(u8),
    /// The key file lacks the key.
    #[error("it was sealed with another export key: give the key file that it was written with")]
    WrongKey,
    /// Something is not what was written there.
    #[error(
        "it was altered after it was written, at or before byte {0}: nothing from there on can be trusted"
    )]
    Altered(u64),
    /// The file ends too early.
    #[error("its end is missing, after byte {0}: copy it anew")]
    Truncated(u64),
    /// The file cannot be read.
    #[error("it cannot be read")]
    Io(#[from] io::Error),
}

/// Seals a stream; without [`ExportWriter::finish`] what it wrote is a truncated export.
pub struct ExportWriter<W> {
    out: W,
    seal: Seal,
    plain: Zeroizing<Vec<u8>>,
    sealed: Vec<u8>,
}

/// Opens such a stream, chunk by chunk.
pub struct ExportReader<R> {
    input: R,
    seal: Seal,
    sealed: Vec<u8>,
    at: u64,
    ended: bool,
}

/// What both sides have in common.
struct Seal {
    cipher: Cipher,
    /// What is authenticated with each chunk: the head, then number and end.
    bound_to: Vec<u8>,
    number: u64,
}

impl Seal {
    fn new(key: &[u8; 32], head: &[u8; HEAD], salt: &[u8]) -> Self {
        Self {
            cipher: Cipher::new(&for_file(key, b"gatepost export", salt)),
            bound_to: head.to_vec(),
            number: 0,
        }
    }

    /// The nonce of the next chunk and what it is bound to.
    fn next(&mut self, is_last: bool) -> ([u8; NONCE], &[u8]) {
        let number = self.number;
        self.number += 1;
        self.bound_to.truncate(HEAD);
        self.bound_to.extend_from_slice(&number.to_be_bytes());
        self.bound_to.push(u8::from(is_last));
        let mut nonce = [0; NONCE];
        nonce[4..].copy_from_slice(&number.to_be_bytes());
        (nonce, &self.bound_to)
    }
}

impl<W: Write> ExportWriter<W> {
    /// Writes the head; the newest key of the ring seals.
    pub fn new(ring: &KeyRing, random: &dyn Random, mut out: W) -> io::Result<Self> {
        let (version, key) = ring.newest();
        let mut salt = [0; SALT];
        random.fill(&mut salt);
        let head = head(version, key, &salt);
        out.write_all(&head)?;
        let plain = Zeroizing::new(Vec::with_capacity(CHUNK));
        Ok(Self { out, seal: Seal::new(key, &head, &salt), plain, sealed: Vec::new() })
    }

    /// Seals some bytes.
    pub fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            // The last chunk is only known at the end, so a full one waits for what comes.
            if self.plain.len() == CHUNK {
                self.chunk(false)?;
            }
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK - self.plain.len()));
            self.plain.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    /// Marks the end, and gives the output back.
    pub fn finish(mut self) -> io::Result<W> {
        self.chunk(true)?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn chunk(&mut self, is_last: bool) -> io::Result<()> {
        let length = NONCE + self.plain.len() + TAG;
        let mark = if is_last { LAST } else { 0 };
        self.sealed.clear();
        self.sealed.extend_from_slice(&(mark | length as u32).to_be_bytes());
        let cipher = self.seal.cipher.clone();
        let (nonce, bound_to) = self.seal.next(is_last);
        cipher.seal_with_nonce(nonce, bound_to, &self.plain, &mut self.sealed);
        self.plain.clear();
        self.out.write_all(&self.sealed)
    }
}

impl<R: Read> ExportReader<R> {
    /// Reads the head.
    pub fn new(ring: &KeyRing, mut input: R) -> Result<Self, CannotReadExport> {
        let mut head = [0; HEAD];
        let read = read_up_to(&mut input, &mut head)?;
        if !head[..read].starts_with(EXPORT_MAGIC) {
            return Err(CannotReadExport::NotAnExport);
        }
        if read < HEAD {
            return Err(CannotReadExport::Truncated(read as u64));
        }
        let [format, rest @ ..] = &head[EXPORT_MAGIC.len()..] else { unreachable!("the head is longer") };
        if *format != FORMAT {
            return Err(CannotReadExport::Format(*format));
        }
        let (version, rest) = rest.split_first_chunk().expect("the head is that long");
        let (salt, _) = rest.split_first_chunk().expect("the head is that long");
        let version = u32::from_be_bytes(*version);
        let key = ring.version(version).ok_or(CannotReadExport::WrongKey)?;
        // Not a secret: whoever has the file can read both sides.
        if self::head(version, key, salt) != head {
            return Err(CannotReadExport::WrongKey);
        }
        let seal = Seal::new(key, &head, salt);
        Ok(Self { input, seal, sealed: Vec::new(), at: HEAD as u64, ended: false })
    }

    /// Replaces `plain` by the next chunk; false at the end, when nothing is missing.
    pub fn read_chunk(&mut self, plain: &mut Vec<u8>) -> Result<bool, CannotReadExport> {
        plain.clear();
        if self.ended {
            return Ok(false);
        }
        let mut length = [0; 4];
        self.fill(&mut length)?;
        let length = u32::from_be_bytes(length);
        let is_last = length & LAST != 0;
        let length = (length & !LAST) as usize;
        if !(NONCE + TAG..=NONCE + CHUNK + TAG).contains(&length) {
            return Err(CannotReadExport::Altered(self.at));
        }
        let mut sealed = std::mem::take(&mut self.sealed);
        sealed.resize(length, 0);
        self.fill(&mut sealed)?;
        let cipher = self.seal.cipher.clone();
        let (nonce, bound_to) = self.seal.next(is_last);
        if !sealed.starts_with(&nonce) || cipher.open_into(bound_to, &sealed, plain).is_err() {
            return Err(CannotReadExport::Altered(self.at));
        }
        self.sealed = sealed;
        self.ended = is_last;
        if is_last && read_up_to(&mut self.input, &mut [0])? != 0 {
            return Err(CannotReadExport::Altered(self.at));
        }
        Ok(true)
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), CannotReadExport> {
        let read = read_up_to(&mut self.input, buffer)?;
        self.at += read as u64;
        if read == buffer.len() { Ok(()) } else { Err(CannotReadExport::Truncated(self.at)) }
    }
}

fn head(version: u32, key: &[u8; 32], salt: &[u8; SALT]) -> [u8; HEAD] {
    let check = for_file(key, b"gatepost export check", salt);
    let parts = [&EXPORT_MAGIC[..], &[FORMAT], &version.to_be_bytes(), salt, &check[..CHECK]];
    parts.concat().try_into().expect("the parts are as long as the head")
}

fn for_file(key: &[u8; 32], purpose: &[u8], salt: &[u8]) -> Key {
    derive(key, &[purpose, b" ", salt].concat())
}

fn read_up_to(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU8, Ordering};

    struct Counting(AtomicU8);

    impl Random for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0.fetch_add(1, Ordering::Relaxed));
        }
    }

    fn random() -> Counting {
        Counting(AtomicU8::new(1))
    }

    fn written(ring: &KeyRing, plain: &[u8], cut: usize) -> Vec<u8> {
        let mut writer = ExportWriter::new(ring, &random(), Vec::new()).unwrap();
        plain.chunks(cut).for_each(|part| writer.write(part).unwrap());
        writer.finish().unwrap()
    }

    fn read(ring: &KeyRing, file: &[u8]) -> Result<Vec<u8>, CannotReadExport> {
        let mut reader = ExportReader::new(ring, file)?;
        let (mut all, mut chunk) = (Vec::new(), Vec::new());
        while reader.read_chunk(&mut chunk)? {
            all.extend_from_slice(&chunk);
        }
        assert!(!reader.read_chunk(&mut chunk)?, "the end stays the end");
        Ok(all)
    }

    fn ring() -> KeyRing {
        KeyRing::generate(&random())
    }

    /// Where the chunks of a file are.
    fn chunks(file: &[u8]) -> Vec<std::ops::Range<usize>> {
        let (mut chunks, mut at) = (Vec::new(), HEAD);
        while at < file.len() {
            let length = u32::from_be_bytes(file[at..at + 4].try_into().unwrap()) & !LAST;
            chunks.push(at..at + 4 + length as usize);
            at += 4 + length as usize;
        }
        chunks
    }

    fn bytes(len: usize) -> Vec<u8> {
        (0..len).map(|n| (n % 251) as u8).collect()
    }

    #[test]
    fn bytes_come_back_whatever_their_number_and_however_they_were_cut() {
        for len in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 7] {
            for cut in [777, CHUNK, 5 * CHUNK] {
                let plain = bytes(len);
                let file = written(&ring(), &plain, cut);
                assert_eq!(read(&ring(), &file).unwrap(), plain);
                assert_eq!(chunks(&file).len(), len.div_ceil(CHUNK).max(1));
                let mark = b"\x64\x65\x66\x67\x68\x69\x6a\x6b";
                assert!(len < 200 || !file.windows(8).any(|window| window == mark), "it is in the clear");
            }
        }
    }

    #[test]
    fn a_file_that_ends_anywhere_too_early_is_truncated() {
        let file = written(&ring(), &bytes(2 * CHUNK + 5), 1_000);
        let ends = chunks(&file).into_iter().flat_map(|chunk| [chunk.start, chunk.start + 2, chunk.end - 1]);
        for end in ends.chain([EXPORT_MAGIC.len(), HEAD - 1]) {
            let refused = read(&ring(), &file[..end]);
            assert!(matches!(refused, Err(CannotReadExport::Truncated(at)) if at == end as u64), "{end}");
        }
    }

    #[test]
    fn no_chunk_can_be_altered_dropped_moved_doubled_or_added() {
        let ring = ring();
        let file = written(&ring, &bytes(3 * CHUNK + 5), 1_000);
        let altered = |file: &[u8]| matches!(read(&ring, file), Err(CannotReadExport::Altered(_)));
        for chunk in chunks(&file) {
            for at in [chunk.start, chunk.start + 1, chunk.start + 4, chunk.start + 30, chunk.end - 1] {
                let mut wrong = file.clone();
                wrong[at] ^= 0x80;
                assert!(altered(&wrong), "byte {at}");
            }
        }
        let parts: Vec<&[u8]> = chunks(&file).into_iter().map(|chunk| &file[chunk]).collect();
        let of = |order: &[usize]| {
            order.iter().fold(file[..HEAD].to_vec(), |all, nth| [&all[..], parts[*nth]].concat())
        };
        assert!(!altered(&of(&[0, 1, 2, 3])), "the order it has");
        for order in [&[1, 0, 2, 3][..], &[0, 2, 3], &[0, 1, 1, 2, 3], &[0, 1, 2, 3, 3], &[3], &[0, 3]] {
            assert!(altered(&of(order)), "{order:?}");
        }
        assert!(altered(&[&file[..], b"\n"].concat()));
        // The same key and number, but of another file.
        let mut writer = ExportWriter::new(&ring, &Counting(AtomicU8::new(9)), Vec::new()).unwrap();
        writer.write(&bytes(3 * CHUNK + 5)).unwrap();
        let other = writer.finish().unwrap();
        let first = chunks(&other).remove(0);
        assert!(altered(&[&file[..HEAD], &other[first], parts[1], parts[2], parts[3]].concat()));
    }

    #[test]
    fn a_wrong_key_another_file_and_a_later_format_are_told_apart() {
        const OLD: &str = "1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";
        const NEW: &str = "2:Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=\n";
        let ring = |text: &str| KeyRing::parse(text).unwrap();
        let file = written(&ring(OLD), b"keys", 10);
        assert_eq!(read(&ring(&format!("{OLD}{NEW}")), &file).unwrap(), b"keys", "a ring opens older files");
        assert!(matches!(read(&ring(NEW), &file), Err(CannotReadExport::WrongKey)));
        let other = format!("1{}", &NEW[1..]);
        assert!(matches!(read(&ring(&other), &file), Err(CannotReadExport::WrongKey)));
        assert!(matches!(read(&ring(OLD), b"name,key\n"), Err(CannotReadExport::NotAnExport)));
        let mut later = file.clone();
        later[EXPORT_MAGIC.len()] = 2;
        assert!(matches!(read(&ring(OLD), &later), Err(CannotReadExport::Format(2))));
    }
}

//! Key files: made once, readable by their owner only, and never half there.

use crate::sources::SystemRandom;
use gatepost_custody::KeyRing;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use zeroize::Zeroizing;

pub(crate) fn read(path: &Path) -> io::Result<Zeroizing<String>> {
    std::fs::read_to_string(path).map(Zeroizing::new)
}

/// Makes a key file, unless another process does so first, and gives the text that is there in the end.
pub(crate) fn make(path: &Path) -> io::Result<Zeroizing<String>> {
    let folder = folder_of(path);
    // 0600 from the start; under its name only when every byte is on the disk.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(KeyRing::new_file(&SystemRandom).as_bytes())?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_) => File::open(folder)?.sync_all()?,
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error.error),
    }
    read(path)
}

/// The folder in which a file is.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

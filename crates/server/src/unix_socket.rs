//! The Unix socket of the data listener: made in place of one that a killed server left, and removed at the end, but never
//! anything else that has its name.

use std::fs::{remove_file, symlink_metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use tokio::net::UnixListener;

/// A socket of ours in the file system.
pub(crate) struct UnixSocket {
    path: PathBuf,
    identity: Identity,
}

/// Device, inode and time of making, because numbers of inodes are given again: a server that was started since may have
/// another socket there.
type Identity = (u64, u64, i64, i64);

impl UnixSocket {
    /// Listens at a path. Needs the runtime that is to accept.
    pub(crate) fn bind(path: &Path) -> io::Result<(UnixListener, Self)> {
        let listener = match UnixListener::bind(path) {
            Err(error) if error.kind() == ErrorKind::AddrInUse && is_left_behind(path) => {
                remove_file(path)?;
                UnixListener::bind(path)?
            }
            bound => bound?,
        };
        let identity = identity(path)?;
        Ok((listener, Self { path: path.to_owned(), identity }))
    }

    /// Removes it, if it is still there.
    pub(crate) fn remove(&self) {
        if identity(&self.path).is_ok_and(|now| now == self.identity)
            && let Err(error) = remove_file(&self.path)
        {
            tracing::warn!(
                path = %self.path.display(),
                error = &error as &dyn std::error::Error,
                "the socket is not removed"
            );
        }
    }
}

/// Whether a killed server left a socket that nobody answers. To connect to a file of another kind is refused too.
fn is_left_behind(path: &Path) -> bool {
    symlink_metadata(path).is_ok_and(|about| about.file_type().is_socket())
        && UnixStream::connect(path).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

fn identity(path: &Path) -> io::Result<Identity> {
    symlink_metadata(path).map(|about| (about.dev(), about.ino(), about.ctime(), about.ctime_nsec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_killed_server_left_is_replaced_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let (left, file) = (folder.path().join("left"), folder.path().join("file"));
        drop(UnixListener::bind(&left).unwrap());
        let (_listener, socket) = UnixSocket::bind(&left).unwrap();
        assert!(UnixSocket::bind(&left).is_err(), "somebody answers there");
        socket.remove();
        assert!(!left.exists());
        socket.remove();
        std::fs::write(&file, "a database").unwrap();
        assert!(UnixSocket::bind(&file).is_err());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "a database");
    }

    #[tokio::test]
    async fn the_socket_of_a_later_server_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let (listener, former) = UnixSocket::bind(&path).unwrap();
        drop(listener);
        let (_listener, _later) = UnixSocket::bind(&path).unwrap();
        former.remove();
        assert!(path.exists());
    }
}

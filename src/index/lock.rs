//! Locking: only one run at a time writes an index.

use crate::error::{Error, ErrorKind};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The exclusive right to write an index, held until dropped. The system releases it when the
/// process ends for any reason (flock(2)). Readers need no lock: files of an index are replaced as
/// a whole.
#[derive(Debug)]
pub struct IndexLock {
    path: PathBuf,
    file: File,
    /// Whether the previous holder removed the file after it was opened here.
    is_removed: bool,
}

impl IndexLock {
    /// Takes the lock of the index at `index`. If another run has it, waits if `waits` is set, and
    /// calls `keep_going` meanwhile.
    ///
    /// # Errors
    /// When another run has the lock, the directory is not writable, or `keep_going` fails.
    pub fn acquire(
        index: &Path,
        waits: bool,
        keep_going: impl Fn() -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let path = lock_path(index);
        let failed = |error| Error::io("lock", index, error);
        loop {
            let mut options = OpenOptions::new();
            let file = options.write(true).create(true).truncate(false).open(&path);
            let file = file.map_err(|error| Error::io("create", index, error))?;
            if try_lock(&file).map_err(failed)? {
                let mut lock = Self {
                    path: path.clone(),
                    file,
                    is_removed: false,
                };
                // If this fails, the lock is released.
                lock.is_removed = lock.file.metadata().map_err(failed)?.nlink() == 0;
                if !lock.is_removed {
                    return Ok(lock);
                }
            } else if waits {
                std::thread::sleep(PAUSE);
            } else {
                let path = index.to_owned();
                return Err(ErrorKind::IndexInUse { path }.into());
            }
            keep_going()?;
        }
    }
}

impl Drop for IndexLock {
    fn drop(&mut self) {
        // Removed while locked: another process that opened the file before sees that its name is
        // gone.
        if !self.is_removed {
            std::fs::remove_file(&self.path).unwrap_or(());
        }
    }
}

/// Locks a file unless another run has it.
fn try_lock(file: &File) -> io::Result<bool> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// `.pcap_flows-NAME.lock`, next to the index.
fn lock_path(index: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".pcap_flows-");
    name.push(index.file_name().unwrap_or_default());
    name.push(".lock");
    index.with_file_name(name)
}

const PAUSE: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn only_one_holds_it_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let index = folder.path().join("day.idx");
        let (inside, most) = (AtomicU32::new(0), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..25 {
                        let lock = IndexLock::acquire(&index, true, || Ok(())).unwrap();
                        most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        std::thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(lock);
                    }
                });
            }
        });
        assert_eq!(most.into_inner(), 1);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn who_does_not_wait_fails() {
        let folder = tempfile::tempdir().unwrap();
        let index = folder.path().join("day.idx");
        let lock = IndexLock::acquire(&index, false, || Ok(())).unwrap();
        let second = IndexLock::acquire(&index, false, || Ok(()));
        let kind = second.as_ref().map_err(|it| it.kind());
        assert!(matches!(kind, Err(ErrorKind::IndexInUse { .. })));
        drop(lock);
        IndexLock::acquire(&index, false, || Ok(())).unwrap();
    }
}

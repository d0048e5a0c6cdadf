//! Files of HTTP bodies, named by their SHA-256.

use super::json::hex;
use crate::app::http::{BodyStore, StoredBody};
use crate::error::Error;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tempfile::TempPath;

/// A directory of bodies.
#[derive(Clone, Debug)]
pub(super) struct BodyFolder(Arc<Folder>);

#[derive(Debug)]
struct Folder {
    path: PathBuf,
    error: Mutex<Option<Error>>,
}

impl BodyFolder {
    /// Creates the directory, if needed.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        fs::create_dir_all(path).map_err(|error| Error::io("create", path, error))?;
        Ok(Self(Arc::new(Folder {
            path: path.to_owned(),
            error: Mutex::new(None),
        })))
    }

    /// Reports the first error.
    pub(super) fn check(&self) -> Result<(), Error> {
        let mut error = self.0.error.lock().unwrap_or_else(PoisonError::into_inner);
        error.take().map_or(Ok(()), Err)
    }
}

impl BodyStore for BodyFolder {
    fn start(&self) -> Box<dyn StoredBody> {
        Box::new(BodyFile {
            folder: Arc::clone(&self.0),
            buffer: Vec::new(),
            file: None,
            has_failed: false,
        })
    }
}

impl Folder {
    fn fail(&self, error: io::Error) {
        let mut first = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert_with(|| Error::io("write", &self.path, error));
    }

    /// A new file, which is closed between writes: many bodies are open at once.
    fn temporary(&self) -> io::Result<TempPath> {
        let file = tempfile::Builder::new()
            .prefix(".pcap_flows-")
            .suffix(".part")
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(&self.path)?;
        Ok(file.into_temp_path())
    }
}

/// A body being written.
#[derive(Debug)]
struct BodyFile {
    folder: Arc<Folder>,
    buffer: Vec<u8>,
    file: Option<TempPath>,
    has_failed: bool,
}

impl BodyFile {
    fn flush(&mut self) -> io::Result<()> {
        let path = match &mut self.file {
            Some(path) => path,
            none => none.insert(self.folder.temporary()?),
        };
        let mut file = OpenOptions::new().append(true).open(path)?;
        file.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    fn persist(&mut self, sha256: &[u8; 32]) -> io::Result<()> {
        let path = self.folder.path.join(hex(sha256));
        // The name tells the content: it is already there.
        if path.symlink_metadata().is_ok_and(|it| it.is_file()) {
            return Ok(());
        }
        self.flush()?;
        match self.file.take() {
            Some(file) => file.persist(path).map_err(|error| error.error),
            None => Ok(()),
        }
    }

    fn try_to(&mut self, write: impl FnOnce(&mut Self) -> io::Result<()>) -> bool {
        if !self.has_failed
            && let Err(error) = write(self)
        {
            self.has_failed = true;
            self.folder.fail(error);
        }
        !self.has_failed
    }
}

impl StoredBody for BodyFile {
    fn add(&mut self, bytes: &[u8]) {
        if self.has_failed {
            return;
        }
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER_LEN {
            self.try_to(Self::flush);
        }
    }

    fn finish(mut self: Box<Self>, sha256: &[u8; 32]) -> bool {
        self.try_to(|it| it.persist(sha256))
    }
}

/// Bytes of a body kept in memory before they are written.
const BUFFER_LEN: usize = 16 * 1024;

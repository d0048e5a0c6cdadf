//! Whether a capture is still the one that was indexed.

use crate::error::{Error, ErrorKind};
use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};
use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What tells a file from others, and from what it becomes when it is changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Size in bytes.
    pub size: u64,
    /// Time of the last change, in nanoseconds since 1970.
    pub modified_ns: i64,
    /// SHA-1 of the first 4096 bytes, in hexadecimal digits.
    pub head: String,
}

impl Identity {
    /// That of a file as it is now.
    ///
    /// # Errors
    /// When it is not there, cannot be read, or is no regular file.
    pub fn of(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::io("open", path, source);
        let metadata = path.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(ErrorKind::NotIndexable {
                path: path.to_owned(),
            }
            .into());
        }
        let file = File::open(path).map_err(failed)?;
        let mut head = Vec::new();
        file.take(HEAD_LEN).read_to_end(&mut head).map_err(failed)?;
        let seconds = metadata.mtime().saturating_mul(1_000_000_000);
        Ok(Self {
            size: metadata.size(),
            modified_ns: seconds.saturating_add(metadata.mtime_nsec()),
            head: digest(&[&head]),
        })
    }
}

/// SHA-1 of some bytes, in hexadecimal digits.
pub(super) fn digest(bytes: &[&[u8]]) -> String {
    let mut hash = Sha1::new();
    for bytes in bytes {
        hash.update(bytes);
    }
    hash.finalize()
        .iter()
        .fold(String::new(), |mut text, byte| {
            // A string takes all there is.
            write!(text, "{byte:02x}").unwrap_or(());
            text
        })
}

/// Checks that a capture is the one that was indexed. One that was moved on purpose may have
/// another time of change: copying sets it.
///
/// # Errors
/// When it is not, with what is different.
pub fn check(path: &Path, known: &Identity, was_moved: bool) -> Result<(), Error> {
    let changed = |what| {
        Error::from(ErrorKind::CaptureChanged {
            path: path.to_owned(),
            what,
        })
    };
    let found = match Identity::of(path) {
        Ok(found) => found,
        Err(error) => {
            return Err(match error.kind() {
                ErrorKind::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                    changed(
                        "it is not there; say where it is now with --relocate OLD=NEW".to_owned(),
                    )
                }
                _ => error,
            });
        }
    };
    let (now, then) = (found.size, known.size);
    if now < then {
        return Err(changed(format!(
            "it was cut: it has {now} bytes, and had {then}; index it again"
        )));
    }
    if found.head != known.head {
        return Err(changed(
            "it was replaced: it starts with other bytes; index it again".to_owned(),
        ));
    }
    if now > then {
        return Err(changed(format!(
            "it has grown: it has {now} bytes, and had {then}; index it again"
        )));
    }
    if found.modified_ns != known.modified_ns && !was_moved {
        return Err(changed(
            "it was changed; if only its time was, say so with --relocate FILE=FILE".to_owned(),
        ));
    }
    Ok(())
}

const HEAD_LEN: u64 = 4096;

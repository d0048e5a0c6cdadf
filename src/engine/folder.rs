//! The captures in a folder.

use crate::capture::FirstLook;
use crate::error::{Error, ErrorKind};
use std::io;
use std::path::{Path, PathBuf};

/// What of a folder is not read.
#[derive(Debug, Default)]
pub struct LeftOut {
    /// The folder.
    pub folder: PathBuf,
    /// Files that are no captures, and whatever is no file.
    pub others: u64,
    /// The first of them.
    pub first_other: Option<PathBuf>,
    /// Files and folders that cannot be read.
    pub unreadable: u64,
    /// The first of them, and why.
    pub first_unreadable: Option<Error>,
    /// Folders that are not looked into.
    pub folders: u64,
}

impl LeftOut {
    /// Whether anything is left out.
    pub const fn is_any(&self) -> bool {
        self.others > 0 || self.unreadable > 0 || self.folders > 0
    }
}

/// The captures in a folder, in the order of their names; also those in folders inside, if
/// `recursive` says so. Links to folders are not followed.
///
/// # Errors
/// When the folder cannot be read.
pub(super) fn captures_in(
    folder: &Path,
    recursive: bool,
) -> Result<(Vec<(PathBuf, FirstLook)>, LeftOut), Error> {
    let mut left_out = LeftOut {
        folder: folder.to_owned(),
        ..LeftOut::default()
    };
    let mut captures = Vec::new();
    let mut waiting = entries(folder)?;
    // From the end: the first name is taken first, and what is in a folder next.
    while let Some((path, kind)) = waiting.pop() {
        match kind {
            Kind::Folder if recursive => match entries(&path) {
                Ok(entries) => waiting.extend(entries),
                Err(error) => left_out.add_unreadable(error),
            },
            Kind::Folder => left_out.folders += 1,
            Kind::File => match FirstLook::at(&path) {
                Ok(look) => captures.push((path, look)),
                Err(error) if matches!(error.kind(), ErrorKind::NotACapture { .. }) => {
                    left_out.add_other(path);
                }
                Err(error) => left_out.add_unreadable(error),
            },
            Kind::Other => left_out.add_other(path),
        }
    }
    Ok((captures, left_out))
}

impl LeftOut {
    fn add_other(&mut self, path: PathBuf) {
        self.others += 1;
        self.first_other.get_or_insert(path);
    }

    fn add_unreadable(&mut self, error: Error) {
        self.unreadable += 1;
        self.first_unreadable.get_or_insert(error);
    }
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    File,
    Folder,
    Other,
}

/// What is in a folder, the last name first.
fn entries(folder: &Path) -> Result<Vec<(PathBuf, Kind)>, Error> {
    let failed = |error| Error::io("read", folder, error);
    let mut entries = Vec::new();
    for entry in folder.read_dir().map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        let kind = kind(&entry).map_err(failed)?;
        entries.push((path, kind));
    }
    entries.sort_unstable_by(|a, b| b.0.cmp(&a.0));
    Ok(entries)
}

fn kind(entry: &std::fs::DirEntry) -> io::Result<Kind> {
    let file_type = entry.file_type()?;
    Ok(if file_type.is_dir() {
        Kind::Folder
    } else if file_type.is_symlink() {
        // A link that leads nowhere is told when its file is opened.
        match entry.path().metadata() {
            Ok(it) if it.is_dir() => Kind::Other,
            Ok(it) if !it.is_file() => Kind::Other,
            Ok(_) | Err(_) => Kind::File,
        }
    } else if file_type.is_file() {
        Kind::File
    } else {
        Kind::Other
    })
}

//! Inputs of a run, before they are opened.

use crate::capture::{Format, Input, Merge};
use crate::error::Error;
use std::io::Read;
use std::path::{Path, PathBuf};

/// An input of a run.
pub enum Source {
    /// A file, a pipe or a device, by its path.
    Path(PathBuf),
    /// A byte stream, and its name in messages.
    Reader(String, Box<dyn Read + Send>),
    /// An input that is open already.
    Input(Input),
    /// Captures that are read as one, by time.
    Merged(Merge),
}

impl Source {
    /// Its name in messages.
    pub(super) fn name(&self) -> PathBuf {
        match self {
            Self::Path(path) => path.clone(),
            Self::Reader(name, _) => PathBuf::from(name),
            Self::Input(input) => input.path().as_ref().clone(),
            Self::Merged(_) => PathBuf::from(Merge::NAME),
        }
    }

    /// The path that it is read from, where it has one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Path(path) => Some(path),
            Self::Reader(..) | Self::Merged(_) => None,
            Self::Input(input) => Some(input.path()),
        }
    }

    /// The paths that it is read from: several, where captures are merged.
    pub fn paths(&self) -> Vec<PathBuf> {
        match self {
            Self::Merged(merge) => merge.files().map(Path::to_owned).collect(),
            other => other.path().map(Path::to_owned).into_iter().collect(),
        }
    }

    /// The formats of the captures that it is read from, in order.
    pub fn formats(&mut self) -> Vec<Option<Format>> {
        match self {
            Self::Merged(merge) => merge.formats().collect(),
            other => vec![other.probe()],
        }
    }

    /// The format of a regular file; `None` where it cannot be known before reading.
    pub fn probe(&mut self) -> Option<Format> {
        let start = match self {
            Self::Path(path) if path.metadata().ok()?.is_file() => {
                Input::open(path).ok()?.start(&|| true)
            }
            Self::Input(input) if input.excerpt_map().is_some() => input.start(&|| true),
            Self::Path(_) | Self::Input(_) | Self::Reader(..) | Self::Merged(_) => return None,
        };
        start.ok().map(|it| it.format)
    }

    /// Opens it, to read `max_packets` packets at most.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(super) fn open(self, max_packets: u64) -> Result<Input, Error> {
        match self {
            Self::Path(path) => Input::open(&path),
            Self::Reader(name, reader) => Input::from_reader(&name, reader),
            Self::Input(input) => Ok(input),
            Self::Merged(merge) => merge.into_input(max_packets),
        }
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Path(path) => f.debug_tuple("Path").field(path).finish(),
            Self::Reader(name, _) => f.debug_tuple("Reader").field(name).finish(),
            Self::Input(input) => f.debug_tuple("Input").field(input).finish(),
            Self::Merged(merge) => f.debug_tuple("Merged").field(merge).finish(),
        }
    }
}

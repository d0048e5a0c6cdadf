//! Output of records.

use super::options::Target;
use super::record::Kind;
use crate::error::Error;
use crate::output::{OutputFile, STDOUT};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Open outputs of records.
pub(super) enum Output<'a> {
    Stdout {
        out: &'a mut (dyn Write + Send),
        /// Whether the reader closed it early.
        is_cut: bool,
    },
    File(OutputFile),
    Folder {
        path: PathBuf,
        files: BTreeMap<Kind, OutputFile>,
        inputs: Vec<PathBuf>,
    },
}

impl std::fmt::Debug for Output<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Output")
    }
}

impl<'a> Output<'a> {
    pub(super) fn open(
        target: &Target,
        inputs: &[PathBuf],
        stdout: &'a mut (dyn Write + Send),
    ) -> Result<Self, Error> {
        Ok(match target {
            Target::Stdout => Self::Stdout {
                out: stdout,
                is_cut: false,
            },
            Target::File(path) => Self::File(create(path, inputs)?),
            Target::Folder(path) => {
                fs::create_dir_all(path).map_err(|error| Error::io("create", path, error))?;
                Self::Folder {
                    path: path.clone(),
                    files: BTreeMap::new(),
                    inputs: inputs.to_vec(),
                }
            }
        })
    }

    /// Writes the line of a record.
    pub(super) fn write(&mut self, kind: Kind, line: &[u8]) -> Result<(), Error> {
        match self {
            Self::Stdout { is_cut: true, .. } => Ok(()),
            Self::Stdout { out, is_cut } => match out.write_all(line) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    *is_cut = true;
                    Ok(())
                }
                written => written.map_err(stdout_error),
            },
            Self::File(file) => file.write_all(line).map_err(|error| file.error(error)),
            Self::Folder {
                path,
                files,
                inputs,
            } => {
                let file = match files.entry(kind) {
                    std::collections::btree_map::Entry::Occupied(open) => open.into_mut(),
                    std::collections::btree_map::Entry::Vacant(none) => {
                        let name = format!("{}.jsonl", kind.name());
                        none.insert(create(&path.join(name), inputs)?)
                    }
                };
                file.write_all(line).map_err(|error| file.error(error))
            }
        }
    }

    /// Flushes what was written so far.
    pub(super) fn flush(&mut self) -> Result<(), Error> {
        match self {
            Self::Stdout { out, is_cut: false } => match out.flush() {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                flushed => flushed.map_err(stdout_error),
            },
            _ => Ok(()),
        }
    }

    /// Whether the reader has closed standard output.
    pub(super) const fn is_cut(&self) -> bool {
        matches!(self, Self::Stdout { is_cut: true, .. })
    }

    /// Renames files to their final names.
    pub(super) fn finish(self) -> Result<(), Error> {
        match self {
            Self::Stdout { .. } => Ok(()),
            Self::File(file) => file.finish(),
            Self::Folder { files, .. } => files.into_values().try_for_each(OutputFile::finish),
        }
    }
}

fn create(path: &Path, inputs: &[PathBuf]) -> Result<OutputFile, Error> {
    OutputFile::create(path, inputs.iter().map(PathBuf::as_path))
}

fn stdout_error(error: io::Error) -> Error {
    Error::io("write", STDOUT.as_ref(), error)
}

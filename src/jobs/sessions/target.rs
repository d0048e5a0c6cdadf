//! Outputs of records.

use super::columnar::Columns;
use super::csv;
use super::options::{RecordFormat, Target};
use super::record::Kind;
use crate::error::Error;
use crate::output::{OutputFile, STDOUT};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Open outputs of records.
pub(super) struct Output<'a> {
    format: RecordFormat,
    place: Place<'a>,
    is_stdout: bool,
    /// Whether the reader of standard output closed it early.
    is_cut: bool,
}

enum Place<'a> {
    /// One output for all records.
    Single(File<'a>),
    Folder {
        path: PathBuf,
        files: BTreeMap<Kind, File<'static>>,
        inputs: Vec<PathBuf>,
    },
}

/// An output in a format.
struct File<'a> {
    path: PathBuf,
    content: Content<'a>,
}

enum Content<'a> {
    /// JSON or CSV.
    Lines(Sink<'a>),
    Columns(Box<Columns<Sink<'a>>>),
}

/// Where bytes are written.
enum Sink<'a> {
    /// Standard output's own buffer is written at each line feed.
    Stdout(BufWriter<&'a mut (dyn Write + Send)>),
    File(OutputFile),
}

impl std::fmt::Debug for Output<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Output")
    }
}

impl<'a> Output<'a> {
    /// Opens a target. `kind` is the type of all records, if there is only one.
    pub(super) fn open(
        target: &Target,
        format: RecordFormat,
        kind: Option<Kind>,
        inputs: &[PathBuf],
        stdout: &'a mut (dyn Write + Send),
    ) -> Result<Self, Error> {
        let place = match target {
            Target::Stdout => {
                let sink = Sink::Stdout(BufWriter::with_capacity(BUFFER_LEN, stdout));
                Place::Single(File::new(STDOUT.into(), format, kind, sink)?)
            }
            Target::File(path) => {
                let sink = Sink::File(create(path, inputs)?);
                Place::Single(File::new(path.clone(), format, kind, sink)?)
            }
            Target::Folder(path) => {
                fs::create_dir_all(path).map_err(|error| Error::io("create", path, error))?;
                Place::Folder {
                    path: path.clone(),
                    files: BTreeMap::new(),
                    inputs: inputs.to_vec(),
                }
            }
        };
        Ok(Self {
            format,
            place,
            is_stdout: *target == Target::Stdout,
            is_cut: false,
        })
    }

    /// Writes the line of a record.
    pub(super) fn write(&mut self, kind: Kind, line: &[u8]) -> Result<(), Error> {
        if self.is_cut {
            return Ok(());
        }
        let written = match &mut self.place {
            Place::Single(file) => file.add(line),
            Place::Folder {
                path,
                files,
                inputs,
            } => {
                let file = match files.entry(kind) {
                    Entry::Occupied(open) => open.into_mut(),
                    Entry::Vacant(none) => {
                        let name = format!("{}.{}", kind.name(), self.format.extension());
                        let path = path.join(name);
                        let sink = Sink::File(create(&path, inputs)?);
                        none.insert(File::new(path, self.format, Some(kind), sink)?)
                    }
                };
                file.add(line)
            }
        };
        self.note(written)
    }

    /// Flushes what was written so far.
    pub(super) fn flush(&mut self) -> Result<(), Error> {
        match &mut self.place {
            Place::Single(file) if !self.is_cut => {
                let flushed = file.flush();
                self.note(flushed)
            }
            _ => Ok(()),
        }
    }

    /// A reader of standard output may leave early.
    fn note(&mut self, written: Result<(), Error>) -> Result<(), Error> {
        match written {
            Err(error) if self.is_stdout && error.is_broken_pipe() => {
                self.is_cut = true;
                Ok(())
            }
            other => other,
        }
    }

    /// Renames files to their final names. Returns whether the reader of standard output closed it
    /// early.
    pub(super) fn finish(self) -> Result<bool, Error> {
        let finished = match self.place {
            _ if self.is_cut => return Ok(true),
            Place::Single(file) => file.finish(),
            Place::Folder { files, .. } => files.into_values().try_for_each(File::finish),
        };
        match finished {
            Err(error) if self.is_stdout && error.is_broken_pipe() => Ok(true),
            finished => finished.map(|()| false),
        }
    }
}

impl<'a> File<'a> {
    fn new(
        path: PathBuf,
        format: RecordFormat,
        kind: Option<Kind>,
        mut sink: Sink<'a>,
    ) -> Result<Self, Error> {
        let failed = |error| Error::io("write", &path, error);
        let content = match (format, kind) {
            (RecordFormat::Parquet, Some(kind)) => {
                let columns = Columns::new(kind, sink).map_err(failed)?;
                Content::Columns(Box::new(columns))
            }
            (RecordFormat::Csv, Some(kind)) => {
                sink.write_all(&csv::header(kind)).map_err(failed)?;
                Content::Lines(sink)
            }
            _ => Content::Lines(sink),
        };
        Ok(Self { path, content })
    }

    fn add(&mut self, line: &[u8]) -> Result<(), Error> {
        let added = match &mut self.content {
            Content::Lines(sink) => sink.write_all(line),
            Content::Columns(columns) => columns.add(line),
        };
        added.map_err(|error| Error::io("write", &self.path, error))
    }

    fn flush(&mut self) -> Result<(), Error> {
        let flushed = match &mut self.content {
            Content::Lines(Sink::Stdout(out)) => out.flush(),
            _ => Ok(()),
        };
        flushed.map_err(|error| Error::io("write", &self.path, error))
    }

    fn finish(self) -> Result<(), Error> {
        let Self { path, content } = self;
        let failed = |error| Error::io("write", &path, error);
        let sink = match content {
            Content::Lines(sink) => sink,
            Content::Columns(columns) => columns.finish().map_err(failed)?,
        };
        match sink {
            Sink::Stdout(mut out) => out.flush().map_err(failed),
            Sink::File(file) => file.finish(),
        }
    }
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(out) => out.write(bytes),
            Self::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.flush(),
            Self::File(file) => file.flush(),
        }
    }
}

fn create(path: &Path, inputs: &[PathBuf]) -> Result<OutputFile, Error> {
    OutputFile::create(path, inputs.iter().map(PathBuf::as_path))
}

/// Bytes kept before they are written to standard output.
const BUFFER_LEN: usize = 64 * 1024;

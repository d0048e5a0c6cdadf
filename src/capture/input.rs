//! Where captures come from: files, pipes, standard input.

use super::compressed::Compression;
use super::direct::{Direct, OpenedToRead};
use super::excerpt::{Excerpt, ExcerptMap};
use super::format::{Format, ProbeError, Start};
use super::mmap::MappedFile;
use super::part_report::PartReport;
use super::stream::{Open, Stream};
use crate::error::{Error, ErrorKind};
use crossbeam_channel::Receiver;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A capture to be read, from its first byte to its last.
///
/// Regular files are mapped; everything else, what is compressed included, is a stream, read ahead
/// and unpacked by a thread. The other modules do not know which of them it is.
#[derive(Debug)]
pub struct Input {
    path: Arc<PathBuf>,
    source: Source,
    /// Where reports of the captures come from that this one is merged from.
    parts: Option<Receiver<Vec<PartReport>>>,
}

#[derive(Debug)]
enum Source {
    Mapped(MappedFile),
    Stream(Stream),
    Direct(Direct),
    Excerpt(Excerpt),
}

/// A run of an input's bytes.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// Offset of the first of them in the input.
    pub offset: u64,
    /// Whether the input ends with the last of them.
    pub at_end: bool,
}

impl<'a> View<'a> {
    /// At most `most` bytes of what a stream has from an offset on, and whether that is all.
    fn of_stream((bytes, ended): (&'a [u8], bool), offset: u64, most: usize) -> Self {
        Self {
            bytes: bytes.get(..most).unwrap_or(bytes),
            offset,
            at_end: ended && bytes.len() <= most,
        }
    }
}

impl Input {
    fn new(path: &Path, source: Source) -> Self {
        Self {
            path: Arc::new(path.to_owned()),
            source,
            parts: None,
        }
    }

    /// Opens a file: a regular one to be mapped, a pipe or device to be read.
    ///
    /// # Errors
    /// When the file cannot be opened, or is a directory.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::io("open", path, source);
        let metadata = path.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        let open_stream = |open: Box<Open>| Stream::new(open, STREAM_BUFFER_LEN).map_err(failed);
        let source = if metadata.is_file() {
            let file = File::open(path).map_err(failed)?;
            if is_compressed(&file).map_err(failed)? {
                Source::Stream(open_stream(Box::new(|| Ok(Box::new(file))))?)
            } else {
                Source::Mapped(MappedFile::new(file).map_err(failed)?)
            }
        } else {
            let owned = path.to_owned();
            Source::Stream(open_stream(Box::new(move || {
                let file = File::open(owned)?;
                widen_pipe(&file);
                Ok(Box::new(file))
            }))?)
        };
        Ok(Self::new(path, source))
    }

    /// Reads a byte stream. `name` is its name in messages.
    ///
    /// # Errors
    /// When no thread can be started to read it.
    pub fn from_reader(name: &str, reader: Box<dyn Read + Send>) -> Result<Self, Error> {
        Self::from_reader_with_buffer(name, reader, STREAM_BUFFER_LEN)
    }

    /// Like [`Input::from_reader`] with buffers of another size: for tests.
    ///
    /// # Errors
    /// When no thread can be started to read it.
    pub fn from_reader_with_buffer(
        name: &str,
        reader: Box<dyn Read + Send>,
        buffer_len: usize,
    ) -> Result<Self, Error> {
        let path = PathBuf::from(name);
        let stream = Stream::new(Box::new(|| Ok(reader)), buffer_len)
            .map_err(|error| Error::io("read", &path, error))?;
        Ok(Self::new(&path, Source::Stream(stream)))
    }

    /// Opens a file to be read by the thread that asks for its bytes, about `step` of them at a time.
    /// A regular file is open only while some of it is read.
    ///
    /// # Errors
    /// When the file cannot be opened, or is a directory.
    pub(super) fn open_directly(path: &Path, step: usize) -> Result<Self, Error> {
        let failed = |source| Error::io("open", path, source);
        let metadata = path.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        let reader: Box<dyn Read + Send> = if metadata.is_file() {
            Box::new(OpenedToRead::new(path).map_err(failed)?)
        } else {
            let file = File::open(path).map_err(failed)?;
            widen_pipe(&file);
            Box::new(file)
        };
        Ok(Self::directly_from(path, reader, step))
    }

    /// The same with a byte stream. `path` is its name in messages.
    pub(super) fn directly_from(path: &Path, reader: Box<dyn Read + Send>, step: usize) -> Self {
        Self::new(path, Source::Direct(Direct::new(reader, step)))
    }

    /// Reads captures that are merged by `reader`, which says how each was read when it ends.
    ///
    /// # Errors
    /// When no thread can be started to read it.
    pub(super) fn from_merged(
        name: &str,
        reader: Box<dyn Read + Send>,
        parts: Receiver<Vec<PartReport>>,
    ) -> Result<Self, Error> {
        let mut input = Self::from_reader(name, reader)?;
        input.parts = Some(parts);
        Ok(input)
    }

    /// How the captures were read that this one is merged from; none for any other input. To be called
    /// when all that was asked for was read, and once.
    pub fn take_parts(&mut self) -> Vec<PartReport> {
        let parts = self.parts.take();
        // The thread that reads them says it, or has gone.
        parts.and_then(|it| it.recv().ok()).unwrap_or_default()
    }

    /// Reads an excerpt of the capture with this name.
    pub fn from_excerpt(path: &Path, excerpt: Excerpt) -> Self {
        Self::new(path, Source::Excerpt(excerpt))
    }

    /// Where the input's bytes are in the capture, if it is an excerpt.
    pub const fn excerpt_map(&self) -> Option<&Arc<ExcerptMap>> {
        match &self.source {
            Source::Excerpt(excerpt) => Some(excerpt.map()),
            Source::Mapped(_) | Source::Stream(_) | Source::Direct(_) => None,
        }
    }

    /// Where a file ends now, or cannot be read, if that is before the end that it had when it was
    /// opened: bytes that were read after that offset are not those of the file.
    pub fn lost(&self) -> Option<u64> {
        match &self.source {
            Source::Mapped(file) => file.lost(),
            Source::Excerpt(excerpt) => excerpt.lost(),
            Source::Stream(_) | Source::Direct(_) => None,
        }
    }

    /// Fails if [`Input::lost`] has an offset: to be called before bytes that were read are used.
    ///
    /// # Errors
    /// When bytes were lost: with the file, and where.
    pub fn check_lost(&self) -> Result<(), Error> {
        match self.lost() {
            None => Ok(()),
            Some(offset) => {
                let path = self.path.as_ref().clone();
                Err(ErrorKind::Lost { path, offset }.into())
            }
        }
    }

    /// The input's name in messages.
    pub const fn path(&self) -> &Arc<PathBuf> {
        &self.path
    }

    /// Size in bytes, where it is known before reading.
    pub fn len(&self) -> Option<u64> {
        match &self.source {
            Source::Mapped(file) => Some(file.len()),
            Source::Excerpt(excerpt) => Some(excerpt.len()),
            Source::Stream(_) | Source::Direct(_) => None,
        }
    }

    /// Whether the input is known to be empty.
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }

    /// How the capture starts: to be called before anything else is read.
    ///
    /// # Errors
    /// As [`Input::view`], and when the input is no capture.
    pub fn start(&mut self, keep_waiting: &dyn Fn() -> bool) -> Result<Start, Error> {
        if let Source::Excerpt(excerpt) = &self.source {
            return Ok(excerpt.capture_start().clone().of_excerpt());
        }
        let path = Arc::clone(&self.path);
        let head = self.view(0, Format::PROBE_LEN, Format::PROBE_LEN, keep_waiting)?;
        let len = Format::probe_len(head.bytes);
        let head = self.view(0, len, len, keep_waiting)?;
        let len = head.bytes.len();
        let start = Start::of(head.bytes).map_err(|why| not_a_capture(&path, why, len))?;
        let is_merged = self.parts.is_some();
        Ok(if is_merged { start.of_excerpt() } else { start })
    }

    /// The bytes from `from` on: at least `min_len`, unless the input ends before, and about
    /// `target_len`. A stream cannot go back: `from` never decreases.
    ///
    /// `keep_waiting` is called from time to time while a stream sends nothing.
    ///
    /// # Errors
    /// When reading fails, or `keep_waiting` says no (then the source's kind is `Interrupted`).
    pub fn view(
        &mut self,
        from: u64,
        min_len: usize,
        target_len: usize,
        keep_waiting: &dyn Fn() -> bool,
    ) -> Result<View<'_>, Error> {
        let most = target_len.max(min_len);
        let failed = |source| Error::io("read", &self.path, source);
        match &mut self.source {
            Source::Mapped(file) => {
                let len = file.len();
                let bytes = file.view(from, most).map_err(failed)?;
                let at_end = from.saturating_add(bytes.len() as u64) >= len;
                Ok(View {
                    bytes,
                    offset: from,
                    at_end,
                })
            }
            Source::Excerpt(excerpt) => {
                let len = excerpt.len();
                let bytes = excerpt.view(from, min_len, most).map_err(failed)?;
                let at_end = from.saturating_add(bytes.len() as u64) >= len;
                Ok(View {
                    bytes,
                    offset: from,
                    at_end,
                })
            }
            Source::Stream(stream) => {
                let read = stream.view(from, min_len.max(1), keep_waiting);
                Ok(View::of_stream(read.map_err(failed)?, from, most))
            }
            Source::Direct(direct) => {
                let read = direct.view(from, min_len.max(1));
                Ok(View::of_stream(read.map_err(failed)?, from, most))
            }
        }
    }
}

/// The error of an input that does not start as a capture; `len` is how many bytes of it were
/// read.
fn not_a_capture(path: &Path, why: ProbeError, len: usize) -> Error {
    let what = match why {
        ProbeError::Unknown(what) => what,
        ProbeError::Short => format!("it ends after {len} bytes, inside its file header"),
    };
    ErrorKind::NotACapture {
        path: path.to_owned(),
        what,
    }
    .into()
}

/// Length of a capture in bytes, where it is known before reading: that of a regular file that is
/// not compressed.
pub fn known_len(path: &Path) -> Option<u64> {
    let is_file = path.metadata().is_ok_and(|it| it.is_file());
    // Opening a pipe would wait for its writer.
    let file = is_file.then(|| File::open(path).ok()).flatten()?;
    match is_compressed(&file) {
        Ok(false) => file.metadata().ok().map(|it| it.len()),
        Ok(true) | Err(_) => None,
    }
}

/// Whether a file starts as compressed ones do.
fn is_compressed(file: &File) -> io::Result<bool> {
    let mut head = Vec::new();
    let most = Compression::MAGIC_LEN as u64;
    let mut file = file;
    file.take(most).read_to_end(&mut head)?;
    file.rewind()?;
    Ok(Compression::of_input(&head).is_some())
}

/// Requests a larger buffer for a pipe, so that its two ends wait for each other less often. The
/// system may refuse, and anything but a pipe stays as it is.
pub fn widen_pipe(pipe: impl AsFd) {
    if let Ok(len) = rustix::pipe::fcntl_getpipe_size(&pipe)
        && len < PIPE_LEN
    {
        rustix::pipe::fcntl_setpipe_size(&pipe, PIPE_LEN).unwrap_or(0);
    }
}

/// What users may request (proc_sys_fs(5), pipe-max-size).
const PIPE_LEN: usize = 1024 * 1024;
/// Streams come in windows of this size: the workers wait for each other at the end of each, so
/// that smaller ones cost more; larger ones keep more memory, and show later what has come.
const STREAM_BUFFER_LEN: usize = 16 * 1024 * 1024;

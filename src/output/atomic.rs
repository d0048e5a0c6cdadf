//! Output files that are complete under their final name, or not there.

use crate::error::{Error, ErrorKind};
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use tempfile::TempPath;

/// An output that is being written.
///
/// A regular file is written under a temporary name in the same directory and renamed by
/// [`OutputFile::finish`]; dropped before, it leaves nothing behind. `-` is standard output;
/// devices and pipes are written to as they are. Links are not followed: the file takes their
/// place; only those that the system has in `/dev` and `/proc` lead on.
#[derive(Debug)]
pub struct OutputFile {
    path: PathBuf,
    target: Target,
}

#[derive(Debug)]
enum Target {
    Temporary(BufWriter<File>, TempPath),
    Direct(BufWriter<File>),
    Stdout(BufWriter<io::Stdout>),
}

impl OutputFile {
    /// Starts to write. `inputs` are the files that the run reads: none of them may be the output.
    ///
    /// # Errors
    /// When the output is an input, or nothing can be written there.
    pub fn create<'a>(
        path: &Path,
        inputs: impl IntoIterator<Item = &'a Path>,
    ) -> Result<Self, Error> {
        let target = if path == Path::new("-") {
            Target::Stdout(BufWriter::with_capacity(BUFFER_LEN, io::stdout()))
        } else {
            Self::open(path, inputs)?
        };
        Ok(Self {
            path: path.to_owned(),
            target,
        })
    }

    fn open<'a>(path: &Path, inputs: impl IntoIterator<Item = &'a Path>) -> Result<Target, Error> {
        let failed = |source| Error::io("create", path, source);
        if let Ok(existing) = path.metadata() {
            if existing.is_dir() {
                return Err(failed(io::ErrorKind::IsADirectory.into()));
            }
            let is_same = |input: &Path| input.metadata().is_ok_and(|it| is_same(&it, &existing));
            let is_input = existing.is_file() && inputs.into_iter().any(is_same);
            if is_input {
                return Err(ErrorKind::OutputIsInput {
                    path: path.to_owned(),
                }
                .into());
            }
            // A link at the output's name is replaced, wherever it leads.
            let kind = metadata_of_name(path).map_err(failed)?.file_type();
            if kind.is_fifo() || kind.is_char_device() || is_descriptor(path) {
                let follow = match is_of_system(path) {
                    true => 0,
                    false => libc::O_NOFOLLOW,
                };
                let mut options = OpenOptions::new();
                let file = options.write(true).custom_flags(follow).open(path);
                let file = file.map_err(failed)?;
                return Ok(Target::Direct(BufWriter::with_capacity(BUFFER_LEN, file)));
            }
        }
        // The library's error tells the temporary name, which means nothing to anybody.
        let mut reason = None;
        let file = tempfile::Builder::new()
            .prefix(".pcap_flows-")
            .suffix(".part")
            .make_in(directory_of(path), |path| {
                let file = OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o666)
                    .open(path);
                file.inspect_err(|error| reason = error.raw_os_error())
            })
            .map_err(|error| failed(reason.map_or(error, io::Error::from_raw_os_error)))?;
        {
            let (file, name) = file.into_parts();
            Ok(Target::Temporary(
                BufWriter::with_capacity(BUFFER_LEN, file),
                name,
            ))
        }
    }

    /// Where the output goes.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes written so far to a regular file.
    ///
    /// # Errors
    /// When the last of them cannot be written, or the output is no regular file.
    pub(crate) fn len(&mut self) -> io::Result<u64> {
        match &mut self.target {
            Target::Temporary(out, _) => {
                out.flush()?;
                Ok(out.get_ref().metadata()?.len())
            }
            Target::Direct(_) | Target::Stdout(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// An error of writing to this output.
    pub fn error(&self, source: io::Error) -> Error {
        write_error(&self.path, source)
    }

    /// Completes the output and puts it under its name.
    ///
    /// # Errors
    /// When the last bytes cannot be written, or the file not be renamed; then it is not there.
    pub fn finish(self) -> Result<(), Error> {
        let Self { path, target } = self;
        let failed = |source| write_error(&path, source);
        match target {
            Target::Stdout(mut out) => out.flush().map_err(failed),
            Target::Direct(mut out) => out.flush().map_err(failed),
            Target::Temporary(out, name) => {
                drop(
                    out.into_inner()
                        .map_err(|error| failed(error.into_error()))?,
                );
                name.persist(&path).map_err(|error| failed(error.error))?;
                Ok(())
            }
        }
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.target {
            Target::Temporary(out, _) => out.write(bytes),
            Target::Direct(out) => out.write(bytes),
            Target::Stdout(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.target {
            Target::Temporary(out, _) => out.flush(),
            Target::Direct(out) => out.flush(),
            Target::Stdout(out) => out.flush(),
        }
    }
}

fn write_error(path: &Path, source: io::Error) -> Error {
    let name = if path == Path::new("-") {
        Path::new(STDOUT)
    } else {
        path
    };
    Error::io("write", name, source)
}

/// Whether a path names one of the process's own descriptors (`/dev/stdout`, `/dev/fd/63`):
/// whatever is behind it is written to, and its name is never given to another file.
fn is_descriptor(path: &Path) -> bool {
    let is_of_process = |path: &Path| path.starts_with("/proc");
    match folder_of(path) {
        Some(folder) if folder == Path::new("/dev") => {
            path.read_link().is_ok_and(|it| is_of_process(&it))
        }
        Some(folder) => is_of_process(&folder),
        None => false,
    }
}

/// What an output's name stands for: a link for itself, as it will be replaced, unless it is one of
/// the system's own in `/dev` and `/proc`.
///
/// # Errors
/// When there is nothing of that name, or it cannot be looked at.
pub fn metadata_of_name(path: &Path) -> io::Result<Metadata> {
    if is_of_system(path) {
        path.metadata()
    } else {
        path.symlink_metadata()
    }
}

/// Whether a path stands where only the system makes names: what it leads to is meant.
fn is_of_system(path: &Path) -> bool {
    folder_of(path).is_some_and(|it| it == Path::new("/dev") || it.starts_with("/proc"))
}

/// The directory that a name is in, without links.
fn folder_of(path: &Path) -> Option<PathBuf> {
    directory_of(path).canonicalize().ok()
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Whether both names are those of one file.
pub(crate) fn is_same_file(a: &Path, b: &Path) -> bool {
    match (a.metadata(), b.metadata()) {
        (Ok(a), Ok(b)) => is_same(&a, &b),
        _ => false,
    }
}

fn is_same(a: &Metadata, b: &Metadata) -> bool {
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

/// What standard output is called in messages.
pub(crate) const STDOUT: &str = "standard output";
const BUFFER_LEN: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn nothing_is_there_before_it_is_finished() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        let mut out = OutputFile::create(&path, []).unwrap();
        out.write_all(b"half").unwrap();
        assert!(!path.exists());
        drop(out);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);

        let mut out = OutputFile::create(&path, []).unwrap();
        out.write_all(b"whole").unwrap();
        out.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_input_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("in"), dir.path().join("link"));
        fs::write(&path, b"capture").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        for output in [&path, &link] {
            let error = OutputFile::create(output, [path.as_path()]).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::OutputIsInput { .. }));
        }
        assert_eq!(fs::read(&path).unwrap(), b"capture");
    }

    #[test]
    fn devices_are_written_to_as_they_are() {
        let mut out = OutputFile::create(Path::new("/dev/null"), []).unwrap();
        out.write_all(b"gone").unwrap();
        out.finish().unwrap();
        assert!(
            Path::new("/dev/null")
                .metadata()
                .unwrap()
                .file_type()
                .is_char_device()
        );
    }

    #[test]
    fn names_of_the_system_are_known_by_their_directory() {
        let here = std::env::current_dir().unwrap().canonicalize().ok();
        assert_eq!(folder_of(Path::new("stdout")), here);
        let of_system = ["/dev/stdout", "/dev/null", "/dev/fd/1", "/proc/self/fd/1"];
        for path in of_system.map(Path::new) {
            assert!(is_of_system(path), "{}", path.display());
        }
        for path in ["/dev/stdout", "/dev/fd/1"].map(Path::new) {
            assert!(is_descriptor(path), "{}", path.display());
        }
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("/dev/stdout", &link).unwrap();
        assert!(!is_of_system(&link) && !is_descriptor(&link));
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let error = OutputFile::create(Path::new("/nowhere/at/all"), []).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot create /nowhere/at/all: No such file or directory (os error 2)"
        );
    }
}

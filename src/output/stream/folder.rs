//! A directory of files that are complete under their names, or not there.
//!
//! Files are written in a hidden directory beside their place, one open at a time, and renamed
//! when they are complete. Dropped before, they leave nothing behind.

use crate::error::{Error, ErrorKind};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A place for many files.
#[derive(Debug)]
pub struct Folder {
    directory: PathBuf,
    prefix: OsString,
    temporary: Option<TempDir>,
    /// Directories that were made for it, the outermost first.
    made: Vec<PathBuf>,
    /// Device and number of files that must not be replaced.
    inputs: Vec<(u64, u64)>,
}

/// A file that is being written: a stream of a shard, and which part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileId {
    /// Ordinal of the shard.
    pub shard: usize,
    /// Ordinal of the stream in the shard.
    pub stream: u32,
    /// Ordinal of the part of the stream, from 0.
    pub part: u32,
}

impl Folder {
    /// A directory, which is made if it is missing (`out/`, or one that exists), or a prefix for
    /// names (`out/port80_`). `inputs` are never replaced.
    ///
    /// # Errors
    /// When nothing can be written there.
    pub fn create<'a>(
        output: &Path,
        inputs: impl IntoIterator<Item = &'a Path>,
    ) -> Result<Self, Error> {
        let text = output.as_os_str().as_encoded_bytes();
        let (directory, prefix) = if text.ends_with(b"/") || output.is_dir() {
            (output, OsString::new())
        } else {
            let parent = output.parent().filter(|it| !it.as_os_str().is_empty());
            let prefix = output.file_name().unwrap_or_default();
            (parent.unwrap_or(Path::new(".")), prefix.to_owned())
        };
        let missing = directory
            .ancestors()
            .take_while(|it| !it.as_os_str().is_empty() && !it.exists());
        let mut made: Vec<PathBuf> = missing.map(Path::to_owned).collect();
        made.reverse();
        let failed = |source| Error::io("create", directory, source);
        fs::create_dir_all(directory).map_err(failed)?;
        let mut folder = Self {
            directory: directory.to_owned(),
            prefix,
            temporary: None,
            made,
            inputs: inputs
                .into_iter()
                .filter_map(|path| path.metadata().ok())
                .map(|it| (it.dev(), it.ino()))
                .collect(),
        };
        // The library's error tells the temporary name, which means nothing to anybody.
        let failed = |error: io::Error| {
            let code = error.raw_os_error().or_else(|| {
                let inner = error.get_ref()?.source()?.downcast_ref::<io::Error>()?;
                inner.raw_os_error()
            });
            let error = code.map_or(error, io::Error::from_raw_os_error);
            Error::io("write to", directory, error)
        };
        folder.temporary = Some(new_temporary(directory).map_err(failed)?);
        Ok(folder)
    }

    /// Opens a file to be written to at its end.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn append(&self, file: FileId) -> io::Result<File> {
        let path = self.temporary_path(file);
        OpenOptions::new().append(true).create(true).open(path)
    }

    /// Opens a file that was written to, to read and change what is there.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(&self, file: FileId) -> io::Result<File> {
        let path = self.temporary_path(file);
        OpenOptions::new().read(true).write(true).open(path)
    }

    /// The path that a file with this name will have.
    pub fn path_of(&self, name: &str) -> PathBuf {
        let mut file_name = self.prefix.clone();
        file_name.push(name);
        // As people write it: no "./" in front.
        if self.directory == Path::new(".") {
            PathBuf::from(file_name)
        } else {
            self.directory.join(file_name)
        }
    }

    /// Puts a complete file under its name, in place of what was there.
    ///
    /// # Errors
    /// When that cannot be done, or would replace an input.
    pub fn publish(&self, file: FileId, name: &str) -> Result<(), Error> {
        let path = self.path_of(name);
        let is_input = !self.inputs.is_empty()
            && path
                .metadata()
                .is_ok_and(|it| self.inputs.contains(&(it.dev(), it.ino())));
        if is_input {
            return Err(ErrorKind::OutputIsInput { path }.into());
        }
        fs::rename(self.temporary_path(file), &path)
            .map_err(|error| Error::io("create", &path, error))
    }

    /// Removes all files that were not put under their names.
    pub fn forget_unfinished(&mut self) {
        drop(self.temporary.take());
    }

    fn temporary_path(&self, file: FileId) -> PathBuf {
        let FileId {
            shard,
            stream,
            part,
        } = file;
        let directory = self
            .temporary
            .as_ref()
            .map_or(Path::new("."), TempDir::path);
        directory.join(format!("{shard}-{stream}-{part}"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(self.temporary.take());
        // Those that hold nothing go, too; the innermost first.
        for directory in self.made.iter().rev() {
            if fs::remove_dir(directory).is_err() {
                break;
            }
        }
    }
}

fn new_temporary(directory: &Path) -> io::Result<TempDir> {
    tempfile::Builder::new()
        .prefix(".pcap_flows-")
        .suffix(".part")
        .tempdir_in(directory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const FILE: FileId = FileId {
        shard: 1,
        stream: 2,
        part: 0,
    };

    #[test]
    fn files_appear_when_they_are_complete() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("a/b/port80_");
        let folder = Folder::create(&out, []).unwrap();
        folder.append(FILE).unwrap().write_all(b"one ").unwrap();
        folder.append(FILE).unwrap().write_all(b"two").unwrap();
        folder.publish(FILE, "name").unwrap();
        drop(folder);
        let names: Vec<_> = fs::read_dir(dir.path().join("a/b")).unwrap().collect();
        assert_eq!(names.len(), 1);
        assert_eq!(
            fs::read(dir.path().join("a/b/port80_name")).unwrap(),
            b"one two"
        );
    }

    #[test]
    fn nothing_is_left_of_what_was_not_completed() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::create(&dir.path().join("a/b/"), []).unwrap();
        folder.append(FILE).unwrap().write_all(b"half").unwrap();
        drop(folder);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn inputs_are_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let input = dir.path().join("capture");
        fs::write(&input, b"packets").unwrap();
        let folder = Folder::create(dir.path(), [input.as_path()]).unwrap();
        folder.append(FILE).unwrap();
        let error = folder.publish(FILE, "capture").unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::OutputIsInput { .. }));
        assert_eq!(fs::read(&input).unwrap(), b"packets");
    }

    #[test]
    fn a_place_that_cannot_be_is_named() {
        let error = Folder::create(Path::new("/dev/null/out/"), []).unwrap_err();
        assert!(
            error.to_string().starts_with("cannot create /dev/null/out"),
            "{error}"
        );
    }
}

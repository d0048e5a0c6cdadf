//! A directory of files that are complete under their names, or not there.
//!
//! Files are written in a hidden directory, each one open only while it is written to. Where the
//! directory is new, the hidden one takes its place at the end: renaming hundreds of thousands of
//! files costs as much as writing them. In one that exists, each file is renamed. Dropped before,
//! they leave nothing behind.

use crate::error::{Error, ErrorKind};
use hashbrown::HashMap;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::hash::RandomState;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use tempfile::TempDir;

/// A place for many files.
#[derive(Debug)]
pub struct Folder {
    directory: PathBuf,
    prefix: OsString,
    temporary: Option<TempDir>,
    /// The directory was made for this: the hidden one takes its place.
    is_new: bool,
    /// Directories that were made for it, the outermost first.
    made: Vec<PathBuf>,
    /// The directory itself: names are short then, and quickly found.
    handle: Option<OwnedFd>,
    /// Names in the directory that must not be replaced.
    inputs: Vec<OsString>,
    /// Names that were given to files.
    published: Mutex<HashMap<Box<str>, FileId, RandomState>>,
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
        let parent_of = |path: &'_ Path| match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let (directory, prefix) = if text.ends_with(b"/") || output.is_dir() {
            (output.to_owned(), OsString::new())
        } else {
            let prefix = output.file_name().unwrap_or_default();
            (parent_of(output), prefix.to_owned())
        };
        let is_new = prefix.is_empty() && fs::symlink_metadata(&directory).is_err();
        let place = if is_new {
            parent_of(&directory)
        } else {
            directory.clone()
        };
        let missing = directory
            .ancestors()
            .take_while(|it| !it.as_os_str().is_empty() && !it.exists());
        let mut made: Vec<PathBuf> = missing.map(Path::to_owned).collect();
        made.reverse();
        fs::create_dir_all(&directory).map_err(|error| Error::io("create", &directory, error))?;
        let handle = match is_new {
            true => None,
            false => Some(
                File::open(&directory)
                    .map_err(|error| Error::io("open", &directory, error))?
                    .into(),
            ),
        };
        let mut folder = Self {
            inputs: names_in(&directory, inputs),
            directory,
            prefix,
            temporary: None,
            is_new,
            made,
            handle,
            published: Mutex::default(),
        };
        // The library's error tells the temporary name, which means nothing to anybody.
        let failed = |error: io::Error| {
            let code = error.raw_os_error().or_else(|| {
                let inner = error.get_ref()?.source()?.downcast_ref::<io::Error>()?;
                inner.raw_os_error()
            });
            let error = code.map_or(error, io::Error::from_raw_os_error);
            Error::io("write to", &folder.directory, error)
        };
        folder.temporary = Some(new_temporary(&place).map_err(failed)?);
        Ok(folder)
    }

    /// Whether the directory is new: its files have their names from the start.
    pub const fn is_new(&self) -> bool {
        self.is_new
    }

    /// Opens a file to be written to at its end; `is_first` if nothing was written to it yet.
    ///
    /// # Errors
    /// When it cannot be opened, or another stream's file has its name.
    pub fn append(&self, file: FileId, name: &str, is_first: bool) -> io::Result<File> {
        OpenOptions::new()
            .append(true)
            .create_new(is_first)
            .open(self.temporary_path(file, name))
    }

    /// Opens a file that was written to, to read and change what is there.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(&self, file: FileId, name: &str) -> io::Result<File> {
        let path = self.temporary_path(file, name);
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

    /// Where another file with this path is to be written, if it stands in this directory and the
    /// directory is new.
    pub fn place_of(&self, path: &Path) -> Option<PathBuf> {
        let parent = path.parent().filter(|it| !it.as_os_str().is_empty())?;
        // Compared by components: a slash at the end does not matter.
        let is_inside = self.is_new && parent.components().eq(self.directory.components());
        let temporary = self.temporary.as_ref().filter(|_| is_inside)?;
        Some(temporary.path().join(path.file_name()?))
    }

    /// Puts a complete file under its name, in place of what was there; once is enough.
    ///
    /// # Errors
    /// When that cannot be done, would replace an input, or another stream's file.
    pub fn publish(&self, file: FileId, name: &str) -> Result<(), Error> {
        if self.is_new {
            return Ok(());
        }
        let mut file_name = self.prefix.clone();
        file_name.push(name);
        if self.inputs.contains(&file_name) {
            let path = self.path_of(name);
            return Err(ErrorKind::OutputIsInput { path }.into());
        }
        let failed = |error| Error::io("create", &self.path_of(name), error);
        let mut published = self
            .published
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match published.get(name) {
            Some(known) if *known == file => return Ok(()),
            Some(_) => return Err(failed(rustix::io::Errno::EXIST.into())),
            None => {}
        }
        let from = self.temporary_path(file, name);
        let renamed = match &self.handle {
            Some(handle) => rustix::fs::renameat(rustix::fs::CWD, from, handle, file_name),
            None => rustix::fs::rename(from, self.path_of(name)),
        };
        renamed.map_err(|error| failed(error.into()))?;
        published.insert(name.into(), file);
        Ok(())
    }

    /// Removes a file that is not wanted after all, under its name or before it has it.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn discard(&self, file: FileId, name: &str) -> io::Result<()> {
        let mut published = self
            .published
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if published.get(name) == Some(&file) {
            published.remove(name);
            return fs::remove_file(self.path_of(name));
        }
        fs::remove_file(self.temporary_path(file, name))
    }

    /// All files are complete: removes what is temporary.
    ///
    /// # Errors
    /// When a new directory cannot be put under its name.
    pub fn complete(&mut self) -> Result<(), Error> {
        let Some(temporary) = self.temporary.take() else {
            return Ok(());
        };
        if self.is_new {
            // Where something stands in it by now, this fails.
            match fs::rename(temporary.path(), &self.directory) {
                // It has another name now: nothing is left to be removed.
                Ok(()) => drop(temporary.keep()),
                Err(_) => self.move_files(temporary.path())?,
            }
        }
        self.made.clear();
        Ok(())
    }

    /// Moves files that have their names already, one by one.
    fn move_files(&self, from: &Path) -> Result<(), Error> {
        let failed = |error| Error::io("write to", &self.directory, error);
        for entry in fs::read_dir(from).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let path = self.directory.join(entry.file_name());
            fs::rename(entry.path(), &path).map_err(|error| Error::io("create", &path, error))?;
        }
        Ok(())
    }

    /// Removes all files that are not under their names.
    pub fn forget(&mut self) {
        drop(self.temporary.take());
    }

    fn temporary_path(&self, file: FileId, name: &str) -> PathBuf {
        let FileId {
            shard,
            stream,
            part,
        } = file;
        let temporary = self.temporary.as_ref();
        let directory = temporary.map_or_else(|| Path::new("."), TempDir::path);
        if self.is_new {
            directory.join(name)
        } else {
            directory.join(format!("{shard}-{stream}-{part}"))
        }
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

/// Which of some files stand in a directory, by their names there.
fn names_in<'a>(directory: &Path, files: impl IntoIterator<Item = &'a Path>) -> Vec<OsString> {
    let Ok(directory) = directory.canonicalize() else {
        return Vec::new();
    };
    let is_there = |path: &&Path| {
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        parent.canonicalize().is_ok_and(|it| it == directory)
    };
    let files = files.into_iter().filter(is_there);
    files
        .filter_map(|path| Some(path.file_name()?.to_owned()))
        .collect()
}

fn new_temporary(directory: &Path) -> io::Result<TempDir> {
    tempfile::Builder::new()
        .prefix(".pcap_flows-")
        .suffix(".part")
        // As far as the user's umask allows it: the directory may be one to stay.
        .permissions(Permissions::from_mode(0o777))
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

    fn write(folder: &Folder, file: FileId, name: &str, text: &str) {
        let is_first = folder.open(file, name).is_err();
        let mut out = folder.append(file, name, is_first).unwrap();
        out.write_all(text.as_bytes()).unwrap();
    }

    fn names(dir: &Path) -> Vec<OsString> {
        let entries = fs::read_dir(dir).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    }

    #[test]
    fn files_appear_when_they_are_complete() {
        let dir = tempfile::tempdir().unwrap();
        for (output, shown) in [("a/b/port80_", "a/b/port80_name"), ("new/", "new/name")] {
            let mut folder = Folder::create(&dir.path().join(output), []).unwrap();
            write(&folder, FILE, "name", "one ");
            write(&folder, FILE, "name", "two");
            folder.publish(FILE, "name").unwrap();
            folder.complete().unwrap();
            drop(folder);
            let shown = dir.path().join(shown);
            assert_eq!(fs::read(&shown).unwrap(), b"one two");
            assert_eq!(names(shown.parent().unwrap()).len(), 1);
        }
    }

    #[test]
    fn a_file_that_was_there_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("name"), b"old and longer").unwrap();
        let mut folder = Folder::create(dir.path(), []).unwrap();
        write(&folder, FILE, "name", "new");
        folder.publish(FILE, "name").unwrap();
        folder.complete().unwrap();
        assert_eq!(fs::read(dir.path().join("name")).unwrap(), b"new");
    }

    #[test]
    fn nothing_is_left_of_what_was_not_completed() {
        let dir = tempfile::tempdir().unwrap();
        for output in ["a/b/", "a/b/prefix_"] {
            let folder = Folder::create(&dir.path().join(output), []).unwrap();
            write(&folder, FILE, "name", "half");
            drop(folder);
            assert_eq!(names(dir.path()), [""; 0]);
        }
    }

    #[test]
    fn two_streams_never_share_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let other = FileId { stream: 3, ..FILE };
        let folder = Folder::create(&dir.path().join("new/"), []).unwrap();
        folder.append(FILE, "name", true).unwrap();
        folder.append(other, "name", true).unwrap_err();
        let folder = Folder::create(dir.path(), []).unwrap();
        write(&folder, FILE, "name", "one");
        write(&folder, other, "name", "two");
        folder.publish(FILE, "name").unwrap();
        folder.publish(other, "name").unwrap_err();
        assert_eq!(fs::read(dir.path().join("name")).unwrap(), b"one");
    }

    #[test]
    fn inputs_are_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let input = dir.path().join("capture");
        fs::write(&input, b"packets").unwrap();
        let folder = Folder::create(dir.path(), [input.as_path()]).unwrap();
        write(&folder, FILE, "capture", "stream");
        let error = folder.publish(FILE, "capture").unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::OutputIsInput { .. }));
        assert_eq!(fs::read(&input).unwrap(), b"packets");
    }

    #[test]
    fn a_place_that_cannot_be_is_named() {
        let error = Folder::create(Path::new("/dev/null/out/"), []).unwrap_err();
        assert!(error.to_string().contains("/dev/null/out"), "{error}");
    }
}

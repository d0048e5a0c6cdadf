//! Streams as the files of one tar archive: as many as there are, through one descriptor.

use crate::capture::Nanos;
use crate::error::Error;
use crate::number::{memory_usize, not_negative};
use crate::output::OutputFile;
use std::io::{self, IoSlice, Read, Write};
use std::path::{Path, PathBuf};

/// A tar archive that is being written.
pub struct Archive<W: Write> {
    builder: tar::Builder<W>,
    /// Its name in messages.
    path: PathBuf,
    /// Bytes that the open entry still lacks, and those that fill its last block.
    left: u64,
    padding: usize,
}

impl<W: Write + std::fmt::Debug> std::fmt::Debug for Archive<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Archive")
            .field("out", self.builder.get_ref())
            .finish_non_exhaustive()
    }
}

impl<W: Write> Archive<W> {
    /// Writes an archive to `out`, which `path` stands for in messages.
    pub fn new(out: W, path: &Path) -> Self {
        Self {
            builder: tar::Builder::new(out),
            path: path.to_owned(),
            left: 0,
            padding: 0,
        }
    }

    /// Starts an entry of `len` bytes, which are to follow.
    ///
    /// # Errors
    /// When writing fails, or the entry before has not got all of its bytes.
    pub fn entry(&mut self, name: &str, len: u64, modified: Nanos) -> Result<(), Error> {
        let mut header = tar::Header::new_gnu();
        header.set_size(len);
        header.set_mode(0o644);
        let seconds = modified.0.div_euclid(1_000_000_000);
        header.set_mtime(not_negative(seconds));
        self.end_entry()?;
        // The library writes the header, and the long name where there is one; the bytes follow.
        self.builder
            .append_data(&mut header, name, io::empty())
            .map_err(|error| self.error(error))?;
        self.left = len;
        self.padding = memory_usize(len.wrapping_neg() % BLOCK_LEN);
        Ok(())
    }

    /// Writes bytes of the open entry.
    ///
    /// # Errors
    /// When writing fails.
    pub fn write(&mut self, bytes: &[IoSlice<'_>]) -> Result<(), Error> {
        for slice in bytes {
            self.builder
                .get_mut()
                .write_all(slice)
                .map_err(|error| self.error(error))?;
            self.left = self.left.saturating_sub(slice.len() as u64);
        }
        Ok(())
    }

    /// Copies bytes to the open entry.
    ///
    /// # Errors
    /// When reading or writing fails.
    pub fn copy(&mut self, mut from: impl Read) -> Result<(), Error> {
        let copied =
            io::copy(&mut from, self.builder.get_mut()).map_err(|error| self.error(error))?;
        self.left = self.left.saturating_sub(copied);
        Ok(())
    }

    /// Appends entries that were made elsewhere: see [`Archive::into_entries`].
    ///
    /// # Errors
    /// When writing fails.
    pub fn append_entries(&mut self, entries: &[u8]) -> Result<(), Error> {
        self.end_entry()?;
        self.builder
            .get_mut()
            .write_all(entries)
            .map_err(|error| self.error(error))
    }

    fn error(&self, error: io::Error) -> Error {
        Error::io("write", &self.path, error)
    }

    fn end_entry(&mut self) -> Result<(), Error> {
        if self.left > 0 {
            let lacks = format!("an entry lacks {} bytes", self.left);
            return Err(self.error(io::Error::other(lacks)));
        }
        let padding = std::mem::take(&mut self.padding);
        let zeros = [0; 512];
        let zeros = zeros.get(..padding).unwrap_or_default();
        self.builder
            .get_mut()
            .write_all(zeros)
            .map_err(|error| self.error(error))
    }
}

impl Archive<Vec<u8>> {
    /// The entries, without the end of an archive.
    ///
    /// # Errors
    /// When the last entry has not got all of its bytes.
    pub fn into_entries(mut self) -> Result<Vec<u8>, Error> {
        self.end_entry()?;
        let len = self.builder.get_ref().len();
        let Self { builder, path, .. } = self;
        let mut entries = builder
            .into_inner()
            .map_err(|error| Error::io("write", &path, error))?;
        entries.truncate(len);
        Ok(entries)
    }
}

impl Archive<OutputFile> {
    /// Completes the archive and puts it under its name.
    ///
    /// # Errors
    /// When the last of it cannot be written; then it is not there.
    pub fn finish(mut self) -> Result<(), Error> {
        self.end_entry()?;
        let Self { builder, path, .. } = self;
        let out = builder.into_inner();
        out.map_err(|error| Error::io("write", &path, error))?
            .finish()
    }
}

/// Entries start at multiples of this.
const BLOCK_LEN: u64 = 512;

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    #[test]
    fn entries_come_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.tar");
        let long = "x".repeat(150);
        let mut archive = Archive::new(OutputFile::create(&path, []).unwrap(), &path);
        archive.entry("empty", 0, Nanos(0)).unwrap();
        archive.entry("short", 5, Nanos(7_000_000_000)).unwrap();
        archive
            .write(&[IoSlice::new(b"he"), IoSlice::new(b"l")])
            .unwrap();
        archive.copy(&b"lo"[..]).unwrap();
        archive.entry(&long, 512, Nanos(-5)).unwrap();
        archive.write(&[IoSlice::new(&[7; 512])]).unwrap();
        let mut part = Archive::new(Vec::new(), &path);
        part.entry("elsewhere", 3, Nanos(0)).unwrap();
        part.write(&[IoSlice::new(b"abc")]).unwrap();
        archive
            .append_entries(&part.into_entries().unwrap())
            .unwrap();
        archive.finish().unwrap();

        let mut read = tar::Archive::new(File::open(&path).unwrap());
        let mut found = Vec::new();
        for entry in read.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            let name = entry.path().unwrap().display().to_string();
            found.push((name, content, entry.header().mtime().unwrap()));
        }
        assert_eq!(
            found,
            [
                ("empty".to_owned(), vec![], 0),
                ("short".to_owned(), b"hello".to_vec(), 7),
                (long, vec![7; 512], 0),
                ("elsewhere".to_owned(), b"abc".to_vec(), 0),
            ]
        );
    }

    #[test]
    fn an_entry_without_all_of_its_bytes_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.tar");
        let mut archive = Archive::new(OutputFile::create(&path, []).unwrap(), &path);
        archive.entry("short", 5, Nanos(0)).unwrap();
        archive.finish().unwrap_err();
        assert!(!path.exists());
    }
}

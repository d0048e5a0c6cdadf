//! Streams as the files of one tar archive: as many as there are, through one descriptor.

use crate::capture::Nanos;
use crate::error::Error;
use crate::output::OutputFile;
use std::io::{self, IoSlice, Read, Write};

/// A tar archive that is being written.
pub struct Archive {
    builder: tar::Builder<OutputFile>,
    /// Bytes that the open entry still lacks, and those that fill its last block.
    left: u64,
    padding: usize,
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Archive")
            .field("out", self.builder.get_ref())
            .finish_non_exhaustive()
    }
}

impl Archive {
    /// Writes an archive to `out`.
    pub fn new(out: OutputFile) -> Self {
        Self {
            builder: tar::Builder::new(out),
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
        header.set_mtime(u64::try_from(seconds).unwrap_or(0));
        // The library writes the header, and the long name where there is one; the bytes follow.
        let written = self
            .end_entry()
            .and_then(|()| self.builder.append_data(&mut header, name, io::empty()));
        written.map_err(|error| self.error(error))?;
        self.left = len;
        self.padding = usize::try_from(len.wrapping_neg() % BLOCK_LEN).unwrap_or(0);
        Ok(())
    }

    /// Writes bytes of the open entry.
    ///
    /// # Errors
    /// When writing fails.
    pub fn write(&mut self, bytes: &[IoSlice<'_>]) -> Result<(), Error> {
        for slice in bytes {
            let written = self.builder.get_mut().write_all(slice);
            written.map_err(|error| self.error(error))?;
            self.left = self.left.saturating_sub(slice.len() as u64);
        }
        Ok(())
    }

    /// Copies bytes to the open entry.
    ///
    /// # Errors
    /// When reading or writing fails.
    pub fn copy(&mut self, mut from: impl Read) -> Result<(), Error> {
        let copied = io::copy(&mut from, self.builder.get_mut());
        let copied = copied.map_err(|error| self.error(error))?;
        self.left = self.left.saturating_sub(copied);
        Ok(())
    }

    /// Completes the archive and puts it under its name.
    ///
    /// # Errors
    /// When the last of it cannot be written; then it is not there.
    pub fn finish(mut self) -> Result<(), Error> {
        let ended = self.end_entry().and_then(|()| self.builder.finish());
        ended.map_err(|error| self.error(error))?;
        match self.builder.into_inner() {
            Ok(out) => out.finish(),
            Err(error) => Err(Error::io("write", "the archive".as_ref(), error)),
        }
    }

    fn end_entry(&mut self) -> io::Result<()> {
        if self.left > 0 {
            return Err(io::Error::other(format!(
                "an entry lacks {} bytes",
                self.left
            )));
        }
        let padding = std::mem::take(&mut self.padding);
        let zeros = [0; 512];
        self.builder
            .get_mut()
            .write_all(zeros.get(..padding).unwrap_or_default())
    }

    fn error(&self, error: io::Error) -> Error {
        self.builder.get_ref().error(error)
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
        let mut archive = Archive::new(OutputFile::create(&path, []).unwrap());
        archive.entry("empty", 0, Nanos(0)).unwrap();
        archive.entry("short", 5, Nanos(7_000_000_000)).unwrap();
        archive
            .write(&[IoSlice::new(b"he"), IoSlice::new(b"l")])
            .unwrap();
        archive.copy(&b"lo"[..]).unwrap();
        archive.entry(&long, 512, Nanos(-5)).unwrap();
        archive.write(&[IoSlice::new(&[7; 512])]).unwrap();
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
            ]
        );
    }

    #[test]
    fn an_entry_without_all_of_its_bytes_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.tar");
        let mut archive = Archive::new(OutputFile::create(&path, []).unwrap());
        archive.entry("short", 5, Nanos(0)).unwrap();
        archive.finish().unwrap_err();
        assert!(!path.exists());
    }
}

//! Single records of a capture, by their offsets.

use super::erf;
use super::format::Format;
use super::input::{View, known_len};
use super::mmap::MappedFile;
use super::reader::{Capture, Found, Record};
use super::split::is_sure_record;
use crate::error::{Error, ErrorKind};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Reads single records of a capture file, at offsets that were saved when it was read.
///
/// In pcap and snoop files, one look at the place tells a record as a rule; the capture is walked
/// from its start where that leaves doubt, and in pcapng, where only the blocks in front tell how
/// a packet is to be read. So nothing that is no record is taken for one, unless a packet holds
/// a capture of its own and the offset leads there. Of pcap files that were joined to one, all
/// must be of the first one's format.
///
/// In ascending order, the offsets of one pcapng file take one walk over it.
#[derive(Debug)]
pub struct Carver {
    path: PathBuf,
    file: MappedFile,
    header: Vec<u8>,
    format: Format,
    walked: Option<Capture>,
}

impl Carver {
    /// Opens a capture file.
    ///
    /// # Errors
    /// When it cannot be read, is no capture, or cannot be read from any place: what is
    /// compressed, and pipes.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let failed = |source| Error::io("carve from", path, source);
        let file = File::open(path).map_err(failed)?;
        if known_len(path).is_none() {
            return Err(failed(io::ErrorKind::NotSeekable.into()));
        }
        let file = MappedFile::new(file).map_err(failed)?;
        let (header, format) = Capture::open(path)?.into_start();
        Ok(Self {
            path: path.to_owned(),
            file,
            header,
            format,
            walked: None,
        })
    }

    /// The record that starts at `offset`, in bytes from the file's start.
    ///
    /// # Errors
    /// When no record starts there, when reading fails, and when the file was found to have been cut.
    pub fn record_at(&mut self, offset: u64) -> Result<Record<'_>, Error> {
        if let Some(offset) = self.file.lost() {
            let path = self.path.clone();
            return Err(ErrorKind::Lost { path, offset }.into());
        }
        if offset >= self.file.len() {
            Err(not_a_record(&self.path, offset))
        } else if self.is_sure(offset)? {
            self.sure_record(offset)
        } else {
            self.walked_record(offset)
        }
    }

    /// Whether one look at the place tells that a record stands there.
    fn is_sure(&mut self, offset: u64) -> Result<bool, Error> {
        let is_pcap = matches!(self.format, Format::Pcap(_));
        if !is_pcap || offset < self.header.len() as u64 {
            return Ok(false);
        }
        let len = self.file.len();
        let bytes = look(&mut self.file, &self.path, offset)?;
        let at_end = offset + bytes.len() as u64 >= len;
        Ok(is_sure_record(bytes, 0, &self.format, at_end))
    }

    fn sure_record(&mut self, offset: u64) -> Result<Record<'_>, Error> {
        let bytes = look(&mut self.file, &self.path, offset)?;
        let Some(record) = self.format.record_at(bytes, 0) else {
            return Err(not_a_record(&self.path, offset));
        };
        let view = View {
            bytes,
            offset,
            at_end: false,
        };
        let record = erf::unwrapped(record);
        Ok(Found::new(&record, offset).record(view, &self.header, &self.format))
    }

    /// The record that a walk from the capture's start comes to at `offset`.
    fn walked_record(&mut self, offset: u64) -> Result<Record<'_>, Error> {
        let walked = match self.walked.take() {
            Some(walked) if walked.position() <= offset => walked,
            _ => Capture::open(&self.path)?,
        };
        let walked = self.walked.insert(walked);
        let found = loop {
            match walked.advance()? {
                Some(found) if found.offset < offset => {}
                Some(found) if found.offset == offset => break found,
                _ => return Err(not_a_record(&self.path, offset)),
            }
        };
        walked.record(&found)
    }
}

/// What stands at a place, as far as records are looked at.
fn look<'a>(file: &'a mut MappedFile, path: &Path, offset: u64) -> Result<&'a [u8], Error> {
    file.at(offset, LOOK_LEN)
        .map_err(|source| Error::io("carve from", path, source))
}

fn not_a_record(path: &Path, offset: u64) -> Error {
    let path = path.to_owned();
    ErrorKind::NotARecord { path, offset }.into()
}

/// More than the longest chain of records that is sure.
const LOOK_LEN: usize = 2 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn testdata(folder: &str) -> Vec<PathBuf> {
        let files = std::fs::read_dir(Path::new("testdata").join(folder)).unwrap();
        let mut files: Vec<PathBuf> = files.map(|it| it.unwrap().path()).collect();
        files.sort();
        files
    }

    fn records(path: &Path) -> BTreeMap<u64, Vec<u8>> {
        let mut records = BTreeMap::new();
        let Ok(mut capture) = Capture::open(path) else {
            return records;
        };
        while let Some(record) = capture.next_record().unwrap() {
            records.insert(record.offset, [record.header, record.bytes].concat());
        }
        records
    }

    /// Records with odd headers, and those beside damage, too.
    #[test]
    fn each_record_is_found_at_its_offset() {
        for folder in ["recorded", "generated/formats", "generated/damage"] {
            for path in testdata(folder) {
                let expected = records(&path);
                if expected.is_empty() {
                    continue;
                }
                let mut carver = Carver::open(&path).unwrap();
                for (&offset, bytes) in expected.iter().chain(expected.iter().rev().step_by(7)) {
                    let record = carver.record_at(offset).unwrap();
                    assert_eq!(record.offset, offset);
                    let found = [record.header, record.bytes].concat();
                    assert!(found == *bytes, "{} at {offset}", path.display());
                }
            }
        }
    }

    #[test]
    fn no_record_is_found_anywhere_else() {
        for name in [
            "us-be.pcap",
            "snaplen-40.pcap",
            "plain-le.pcapng",
            "time-1970.pcap",
        ] {
            let path = Path::new("testdata/generated/formats").join(name);
            let expected = records(&path);
            let len = path.metadata().unwrap().len();
            let mut carver = Carver::open(&path).unwrap();
            let elsewhere = (0..len + 3).chain([u64::MAX]);
            for offset in elsewhere.filter(|it| !expected.contains_key(it)) {
                let error = carver.record_at(offset).unwrap_err();
                assert!(
                    matches!(error.kind(), ErrorKind::NotARecord { offset: at, .. } if *at == offset),
                    "{error}"
                );
            }
        }
    }

    #[test]
    fn what_cannot_be_carved_from() {
        let folder = tempfile::tempdir().unwrap();
        let packed = folder.path().join("x.pcap.gz");
        std::fs::write(&packed, [0x1f, 0x8b, 8, 0]).unwrap();
        let error = Carver::open(&packed).unwrap_err().to_string();
        assert!(error.starts_with("cannot carve from "), "{error}");
        assert!(Carver::open(Path::new("testdata/README.md")).is_err());
        assert!(Carver::open(folder.path().join("none")).is_err());
    }
}

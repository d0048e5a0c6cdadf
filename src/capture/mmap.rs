//! Capture files in memory, mapped a window at a time.
//!
//! Mapping by window keeps the resident size of a run at one
//! window, whatever the size of the capture.
#![expect(unsafe_code, reason = "mapping a file is unsafe; see MappedFile::view")]

use memmap2::{Advice, Mmap, MmapOptions};
use std::fs::File;
use std::io;

/// A regular file of which a part is mapped.
#[derive(Debug)]
pub(super) struct MappedFile {
    file: File,
    len: u64,
    map: Option<(u64, Mmap)>,
}

impl MappedFile {
    /// Takes over a file; it is read up to the size that it has now.
    pub(super) fn new(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self {
            file,
            len,
            map: None,
        })
    }

    /// Size of the file in bytes.
    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    /// The file's bytes from `start` on: at least `len` of them, unless the file ends before. For
    /// many short reads, in order: much more than that is mapped at a time.
    pub(super) fn at(&mut self, start: u64, len: usize) -> io::Result<&[u8]> {
        let end = self.len.min(start.saturating_add(len as u64));
        let holds = |(at, map): &&(u64, Mmap)| *at <= start && at + map.len() as u64 >= end;
        let held = self.map.as_ref().filter(holds);
        let (from, most) = match held {
            Some((at, map)) => (*at, map.len()),
            None => (start, len.max(MAPPED_AHEAD)),
        };
        let skipped = usize::try_from(start - from).map_err(io::Error::other)?;
        let bytes = self.view(from, most)?;
        Ok(bytes.get(skipped..).unwrap_or_default())
    }

    /// The file's bytes from `start` on, `len` of them unless the file ends before.
    pub(super) fn view(&mut self, start: u64, len: usize) -> io::Result<&[u8]> {
        let end = self.len.min(start.saturating_add(len as u64));
        if start >= end {
            return Ok(&[]);
        }
        let len = usize::try_from(end - start).map_err(io::Error::other)?;
        let holds =
            |(at, map): &(u64, Mmap)| *at <= start && at.saturating_add(map.len() as u64) >= end;
        let (held, old) = match self.map.take() {
            Some(map) if holds(&map) => (Some(map), None),
            old => (None, old),
        };
        let (at, map) = match held {
            Some(held) => held,
            None => {
                if let Some((_, old)) = old {
                    unmap(old);
                }
                // SAFETY: the mapping is private and read-only, and lives as long as the slices
                // that are handed out of it. What no program can rule out is another process that
                // truncates the file while it is mapped; reading the lost pages then raises
                // SIGBUS. The same is true of every program that maps its input.
                let map = unsafe { MmapOptions::new().offset(start).len(len).map(&self.file) }?;
                // Only a hint: reading works without it.
                drop(map.advise(Advice::Sequential));
                (start, map)
            }
        };
        let skipped = usize::try_from(start - at).map_err(io::Error::other)?;
        let (_, map) = self.map.insert((at, map));
        map.get(skipped..skipped + len)
            .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

/// Taking back a window's pages costs about a tenth of what reading it does: where there are other
/// workers, one of them does it, while this one goes on.
fn unmap(map: Mmap) {
    if rayon::current_num_threads() > 1 && rayon::current_thread_index().is_some() {
        rayon::spawn(|| drop(map));
    }
}

/// What is mapped where little is asked for.
const MAPPED_AHEAD: usize = 16 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn views_of_a_file() {
        let mut file = tempfile::tempfile().unwrap();
        let content: Vec<u8> = (0..=255).cycle().take(10_000).collect();
        file.write_all(&content).unwrap();
        let mut mapped = MappedFile::new(file).unwrap();
        assert_eq!(mapped.len(), 10_000);
        for (start, len) in [
            (0, 10),
            (4097, 5000),
            (9_999, 1),
            (9_000, 5_000),
            (10_000, 1),
        ] {
            let end = content.len().min(start + len);
            assert_eq!(
                mapped.view(start as u64, len).unwrap(),
                &content[start..end]
            );
        }
        assert!(mapped.view(u64::MAX, 10).unwrap().is_empty());
    }

    #[test]
    fn an_empty_file_has_an_empty_view() {
        let mut mapped = MappedFile::new(tempfile::tempfile().unwrap()).unwrap();
        assert!(mapped.view(0, 100).unwrap().is_empty());
    }
}

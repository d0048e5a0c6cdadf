//! Capture files in memory, mapped a window at a time.
//!
//! Mapping by window keeps the resident size of a run at one
//! window, whatever the size of the capture.
#![expect(unsafe_code, reason = "mapping a file is unsafe; see MappedFile::view")]

use super::lost::{Watch, ensure_survival};
use memmap2::{Advice, Mmap, MmapOptions};
use std::fs::File;
use std::io;

/// A regular file of which a part is mapped.
#[derive(Debug)]
pub(super) struct MappedFile {
    file: File,
    len: u64,
    map: Option<(u64, Mapped)>,
    /// Where bytes of earlier mappings were lost.
    lost: Option<u64>,
}

/// A mapping. The watch goes first.
#[derive(Debug)]
struct Mapped {
    watch: Watch,
    map: Mmap,
}

impl MappedFile {
    /// Takes over a file; it is read up to the size that it has now. If it is truncated, that is an
    /// error, not a signal that ends the process.
    pub(super) fn new(file: File) -> io::Result<Self> {
        ensure_survival()?;
        let len = file.metadata()?.len();
        Ok(Self {
            file,
            len,
            map: None,
            lost: None,
        })
    }

    /// Size of the file in bytes.
    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    /// Where the file ends now, or cannot be read, if that is before the end that it had.
    pub(super) fn lost(&self) -> Option<u64> {
        let watched = self
            .map
            .as_ref()
            .and_then(|(at, mapped)| Some(at + mapped.watch.lost()?));
        // What was cut off inside of a page reads as zeros, without a signal.
        let len = self.file.metadata().map_or(self.len, |it| it.len());
        let cut = (len < self.len).then_some(len);
        [self.lost, watched, cut].into_iter().flatten().min()
    }

    /// The file's bytes from `start` on: at least `len` of them, unless the file ends before. For
    /// many short reads, in order: much more than that is mapped at a time.
    pub(super) fn at(&mut self, start: u64, len: usize) -> io::Result<&[u8]> {
        let end = self.len.min(start.saturating_add(len as u64));
        let holds = |(at, it): &&(u64, Mapped)| *at <= start && at + it.map.len() as u64 >= end;
        let held = self.map.as_ref().filter(holds);
        let (from, most) = match held {
            Some((at, it)) => (*at, it.map.len()),
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
        let holds = |(at, it): &(u64, Mapped)| {
            *at <= start && at.saturating_add(it.map.len() as u64) >= end
        };
        let (held, old) = match self.map.take() {
            Some(map) if holds(&map) => (Some(map), None),
            old => (None, old),
        };
        let (at, map) = match held {
            Some(held) => held,
            None => {
                if let Some((at, old)) = old {
                    let lost = old.watch.lost().map(|lost| at + lost);
                    self.lost = self.lost.into_iter().chain(lost).min();
                    unmap(old);
                }
                // SAFETY: the mapping is private and read-only, and lives as long as the slices
                // that are handed out of it. What no program can rule out is another process that
                // truncates the file while it is mapped; what that does: see `lost`.
                let map = unsafe { MmapOptions::new().offset(start).len(len).map(&self.file) }?;
                // Only a hint: reading works without it.
                drop(map.advise(Advice::Sequential));
                let watch = Watch::new(&map);
                (start, Mapped { watch, map })
            }
        };
        let skipped = usize::try_from(start - at).map_err(io::Error::other)?;
        let (_, mapped) = self.map.insert((at, map));
        mapped
            .map
            .get(skipped..skipped + len)
            .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

/// Taking back a window's pages costs about a tenth of what reading it does: where there are other
/// workers, one of them does it, while this one goes on.
fn unmap(map: Mapped) {
    if rayon::current_num_threads() > 1 && rayon::current_thread_index().is_some() {
        rayon::spawn(|| drop(map));
    }
}

/// Bytes mapped where little is requested.
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
    fn what_is_cut_off_while_it_is_mapped_reads_as_zeros_and_is_told() {
        crate::capture::survive_lost_pages().unwrap();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[7; 100_000]).unwrap();
        let mut mapped = MappedFile::new(file.try_clone().unwrap()).unwrap();
        assert_eq!(mapped.view(10, 90_000).unwrap().len(), 90_000);
        assert_eq!(mapped.lost(), None);
        file.set_len(50_000).unwrap();
        let bytes = mapped.view(10, 90_000).unwrap();
        assert_eq!((bytes[49_000], bytes[80_000], bytes[70_000]), (7, 0, 0));
        assert_eq!(mapped.lost(), Some(50_000));
        // It stays known when the mapping is gone, and the file as long as before.
        file.set_len(100_000).unwrap();
        assert_eq!(mapped.view(95_000, 5_000).unwrap()[0], 0);
        let lost = mapped.lost().unwrap();
        assert!((50_000..80_000).contains(&lost), "{lost}");
    }

    #[test]
    fn an_empty_file_has_an_empty_view() {
        let mut mapped = MappedFile::new(tempfile::tempfile().unwrap()).unwrap();
        assert!(mapped.view(0, 100).unwrap().is_empty());
    }
}

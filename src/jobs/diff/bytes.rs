//! Rereading of captured bytes.
//!
//! Regular files are reread in place. Inputs that cannot be read twice (pipes, compressed and
//! merged captures) are copied to an unnamed temporary file as they are read, which disappears with
//! the process.

use crate::capture::Position;
use crate::diff::{Both, Frames, Packet, Point};
use crate::engine::{InputStart, Window};
use crate::error::Error;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

/// A position in the inputs of a side, packed into one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PackedPlace(pub(super) u64);

impl PackedPlace {
    pub(super) const fn new(at: Position) -> Self {
        Self((at.input as u64) << OFFSET_BITS | at.offset & OFFSET)
    }

    fn input(self) -> usize {
        usize::try_from(self.0 >> OFFSET_BITS).unwrap_or(usize::MAX)
    }

    /// The offset in its input, in bytes.
    pub(super) const fn offset(self) -> u64 {
        self.0 & OFFSET
    }
}

/// 256 TiB in each of 65,536 captures.
const OFFSET_BITS: u32 = 48;
const OFFSET: u64 = (1 << OFFSET_BITS) - 1;

/// Access to the bytes of a side's packets.
#[derive(Debug, Default)]
pub(super) struct Bytes {
    inputs: Vec<Again>,
}

#[derive(Debug)]
struct Again {
    path: PathBuf,
    file: File,
    /// Position of the input's first byte in the temporary file; `None` if the input itself is
    /// reread.
    spooled: Option<u64>,
}

impl Bytes {
    /// Begins an input.
    pub(super) fn input(&mut self, input: &InputStart<'_>) -> Result<(), Error> {
        let path = input.path.to_owned();
        let is_again = input.file_len.is_some() && input.excerpt_map.is_none();
        let again = if is_again {
            let file = File::open(&path).map_err(|error| Error::io("open", &path, error))?;
            Again {
                path,
                file,
                spooled: None,
            }
        } else {
            let failed =
                |error| Error::io("create a temporary file in", &std::env::temp_dir(), error);
            Again {
                file: tempfile::tempfile().map_err(failed)?,
                path,
                spooled: Some(0),
            }
        };
        self.inputs.push(again);
        Ok(())
    }

    /// Keeps the bytes of a window if its input cannot be reread.
    pub(super) fn window(&mut self, window: &Window<'_>) -> Result<(), Error> {
        let Some(input) = self.inputs.get_mut(window.base.input) else {
            return Ok(());
        };
        let Some(spooled) = &mut input.spooled else {
            return Ok(());
        };
        // Skipped damage, and bytes before the first record, remain a hole.
        let failed = |error| Error::io("write a temporary file for", &input.path, error);
        input
            .file
            .write_all_at(window.bytes, window.base.offset)
            .map_err(failed)?;
        *spooled = window.base.offset + window.bytes.len() as u64;
        input.file.flush().map_err(failed)
    }

    fn read(&self, packet: &Packet) -> Vec<u8> {
        let place = PackedPlace(packet.place);
        let mut bytes = vec![0; packet.data_len as usize];
        let Some(input) = self.inputs.get(place.input()) else {
            return Vec::new();
        };
        match input.file.read_exact_at(&mut bytes, place.offset()) {
            Ok(()) => bytes,
            Err(_) => Vec::new(),
        }
    }
}

/// The bytes of both sides.
impl Frames for Both<Bytes> {
    fn read(&self, point: Point, packet: &Packet) -> Vec<u8> {
        self.get(point).read(packet)
    }
}

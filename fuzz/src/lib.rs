//! What fuzz targets share.

use pcap_flows::capture::{Damage, DamageKind};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tempfile::TempDir;

/// Hands out its bytes in pieces of changing length, as a pipe may.
#[derive(Debug)]
pub struct Trickle {
    bytes: Vec<u8>,
    position: usize,
    most: usize,
    turn: usize,
}

impl Trickle {
    /// Pieces have `most` bytes at most.
    pub fn new(bytes: &[u8], most: usize) -> Self {
        Self {
            bytes: bytes.to_vec(),
            position: 0,
            most: most.max(1),
            turn: 0,
        }
    }
}

impl Read for Trickle {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.turn += 1;
        let piece = self.turn.wrapping_mul(7919) % self.most + 1;
        let rest = &self.bytes[self.position..];
        let len = piece.min(room.len()).min(rest.len());
        room[..len].copy_from_slice(&rest[..len]);
        self.position += len;
        Ok(len)
    }
}

/// A damage without the name of its file.
pub type Wound = (u64, u64, DamageKind, u64, bool);

/// What a damage is, wherever it was found.
pub fn wound(damage: &Damage) -> Wound {
    let Damage {
        offset,
        packet,
        kind,
        skipped,
        resumed,
        ..
    } = damage;
    (*offset, *packet, *kind, *skipped, *resumed)
}

/// Whether these bytes start as what is compressed does. How much of it comes in front of damage
/// inside depends on the room that a decompressor is given: such bytes have a target of their own.
pub fn is_packed(bytes: &[u8]) -> bool {
    let magics: [&[u8]; 6] = [
        b"\x1f\x8b",
        b"\x28\xb5\x2f\xfd",
        b"\x04\x22\x4d\x18",
        b"\x02\x21\x4c\x18",
        b"\xfd7zXZ",
        b"BZh",
    ];
    let is_skippable = matches!(bytes, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]);
    is_skippable || magics.iter().any(|magic| bytes.starts_with(magic))
}

/// A directory of this process, in memory where there is such a place.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let shared = Path::new("/dev/shm");
        if shared.is_dir() {
            tempfile::tempdir_in(shared).unwrap()
        } else {
            tempfile::tempdir().unwrap()
        }
    });
    folder.path()
}

/// A file with these bytes, in place of what had the name before.
pub fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder().join(name);
    // Another file each time: what is mapped of the last one must not change.
    drop(fs::remove_file(&path));
    fs::write(&path, bytes).unwrap();
    path
}

/// A change of something that is valid: this byte at a place, as far as it is there.
pub type Edit = (u16, u8);

/// Something valid with changes, and without its end where `len` says so.
pub fn edited(valid: &[u8], edits: &[Edit], len: Option<u16>) -> Vec<u8> {
    let mut bytes = valid.to_vec();
    let all = bytes.len();
    for &(place, value) in edits {
        if let Some(byte) = bytes.get_mut(usize::from(place) % all.max(1)) {
            *byte = value;
        }
    }
    bytes.truncate(len.map_or(all, usize::from));
    bytes
}

/// A small capture of the project's.
pub const HTTP: &[u8] = include_bytes!("../../testdata/recorded/http.pcap");

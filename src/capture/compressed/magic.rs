//! Formats of compression, known by their first bytes.

/// A format of compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::capture) enum Compression {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// <https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md>
    Lz4,
    /// <https://tukaani.org/xz/xz-file-format.txt>
    Xz,
    /// <https://sourceware.org/bzip2/>
    Bzip2,
}

impl Compression {
    /// Bytes that are enough to know one by.
    pub(in crate::capture) const MAGIC_LEN: usize = 6;

    /// The compression of what starts with `head`.
    pub(in crate::capture) fn of(head: &[u8]) -> Option<Self> {
        let magics: [(&[u8], Self); 6] = [
            (b"\x1f\x8b\x08", Self::Gzip),
            (b"\x28\xb5\x2f\xfd", Self::Zstd),
            (b"\x04\x22\x4d\x18", Self::Lz4),
            (b"\x02\x21\x4c\x18", Self::Lz4),
            (b"\xfd7zXZ\0", Self::Xz),
            (b"BZh", Self::Bzip2),
        ];
        let found = magics.iter().find(|(magic, _)| head.starts_with(magic));
        found.map(|(_, compression)| *compression)
    }

    /// The compression of an input that starts with `head`. pzstd starts with a frame to be skipped.
    pub(in crate::capture) fn of_input(head: &[u8]) -> Option<Self> {
        Self::of(head).or_else(|| is_skippable(head).then_some(Self::Zstd))
    }

    /// Its name.
    pub(in crate::capture) const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
        }
    }
}

/// Whether a frame of zstd or lz4 that is to be skipped starts with `head` (RFC 8878, section 3.1.2).
pub(super) const fn is_skippable(head: &[u8]) -> bool {
    matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

//! One packet as a capture holds it, and how reading stops.

use super::linktype::LinkType;
use super::timestamp::Nanos;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// A packet's record, borrowed from the bytes that are being walked.
#[derive(Clone, Copy, Debug)]
pub struct PacketRecord<'a> {
    /// Where the record (with its header) starts in the walked bytes.
    pub start: usize,
    /// Length of the whole record in bytes, with header and padding.
    pub len: usize,
    /// When the packet was captured; 0 where the capture does not say (pcapng simple packets).
    pub time: Nanos,
    /// Where the captured bytes start in the walked bytes.
    pub data_start: usize,
    /// The captured bytes.
    pub data: &'a [u8],
    /// Length of the packet on the wire, in bytes.
    pub wire_len: u32,
    /// How the captured bytes start; `None` where a pcapng packet names an interface that the
    /// capture does not describe.
    pub link_type: Option<LinkType>,
}

/// Why a walk over records stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The next record starts at or after the end of the range that was to be walked.
    End,
    /// The next record is not complete; it needs at least this many bytes.
    Partial {
        /// Bytes from the record's start, as far as is known yet.
        needed: usize,
    },
    /// What stands here cannot be a record.
    Damaged(DamageKind),
}

/// The kind of damage at a place of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DamageKind {
    /// A record claims more captured bytes than any packet has.
    ImpossibleLength {
        /// The captured length that the record claims.
        claimed: u32,
        /// The longest that is believed.
        limit: u32,
    },
    /// The capture ends inside a record.
    CutShort {
        /// Bytes that the record needs.
        needed: u64,
        /// Bytes that are left.
        left: u64,
    },
    /// A pcapng block's length is too small or too large.
    BlockLength {
        /// The length that the block claims.
        claimed: u32,
    },
    /// A pcapng block's two lengths differ.
    TrailingLength {
        /// The length in front.
        leading: u32,
        /// The length behind.
        trailing: u32,
    },
    /// A pcapng packet block claims more captured bytes than the block holds.
    BlockOverflow {
        /// The captured length that the block claims.
        claimed: u32,
        /// What the block has room for.
        room: u32,
    },
    /// A pcapng section header without a byte order magic.
    ByteOrderMagic {
        /// The bytes in its place.
        found: u32,
    },
    /// A pcapng section of a version that is not 1.
    SectionVersion {
        /// Major version.
        major: u16,
        /// Minor version.
        minor: u16,
    },
    /// An interface description that is too short.
    InterfaceDescription,
    /// An ERF record is shorter than its header.
    RecordLength {
        /// The length that the record claims.
        claimed: u32,
    },
    /// Zero bytes: space that was set aside for a capture and not written, or lost.
    Zeros,
}

impl fmt::Display for DamageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ImpossibleLength { claimed, limit } => {
                write!(
                    f,
                    "captured length {claimed} is more than any packet has (limit {limit})"
                )
            }
            Self::CutShort { needed, left } => {
                write!(
                    f,
                    "the capture is cut short: {needed} bytes needed, {left} left"
                )
            }
            Self::BlockLength { claimed } => write!(f, "block length {claimed} cannot be"),
            Self::TrailingLength { leading, trailing } => {
                write!(f, "block length {leading} in front, {trailing} behind")
            }
            Self::BlockOverflow { claimed, room } => {
                write!(
                    f,
                    "captured length {claimed} in a block with room for {room}"
                )
            }
            Self::ByteOrderMagic { found } => {
                write!(f, "section header with byte order magic {found:#010x}")
            }
            Self::SectionVersion { major, minor } => {
                write!(
                    f,
                    "section of pcapng version {major}.{minor}, which is not read"
                )
            }
            Self::InterfaceDescription => f.write_str("interface description is too short"),
            Self::RecordLength { claimed } => write!(f, "record length {claimed} cannot be"),
            Self::Zeros => f.write_str("zero bytes where a record should be"),
        }
    }
}

/// Something wrong in an input that did not keep the rest from being read.
#[derive(Clone, Debug)]
pub struct Damage {
    /// The input.
    pub path: Arc<PathBuf>,
    /// Offset of the damaged record in the input, in bytes.
    pub offset: u64,
    /// Ordinal of the damaged record among the input's packets, from 1.
    pub packet: u64,
    /// The kind of damage.
    pub kind: DamageKind,
    /// Bytes that were skipped until reading went on, or until the end of the input.
    pub skipped: u64,
    /// Whether reading went on after the damage.
    pub resumed: bool,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            offset,
            packet,
            kind,
            skipped,
            ..
        } = self;
        write!(
            f,
            "{}: packet {packet} at byte {offset}: {kind}; ",
            self.path.display()
        )?;
        if self.resumed {
            write!(
                f,
                "skipped {skipped} bytes and went on at byte {}",
                offset + skipped
            )
        } else {
            write!(
                f,
                "everything before it was read, the last {skipped} bytes were not"
            )
        }
    }
}

//! Finding places where a record starts, in the middle of a capture.
//!
//! A place is a *candidate* when a chain of plausible record headers starts there. That is a
//! guess: a check of 12 consecutive headers was seen to settle on a false boundary in a capture
//! of 84-byte packets. Chunks that start at candidates are therefore proved (the chunk before
//! must end exactly there), and walked again where the proof fails.

use super::bytes::ByteOrder;
use super::erf;
use super::format::Format;
use super::joined::{Joined, may_hold_header};
use super::pcap::PcapFormat;
use super::pcapng::{block, block_bounds};
use super::record::Stop;
use super::zeros;
use std::ops::Range;

/// A place to start a chunk at, in `from..to`; `None` where no candidate is found.
///
/// Wrong answers cost time, never correctness.
pub fn find_boundary(bytes: &[u8], from: usize, to: usize, format: &Format) -> Option<usize> {
    let to = to.min(from.saturating_add(CANDIDATES_TRIED));
    (from..to).find(|&at| {
        let chain = Chain::follow(bytes, at, format.into(), BOUNDARY_CHAIN, None);
        chain.links >= BOUNDARY_CHAIN || (chain.links > 0 && chain.end == End::OfBytes)
    })
}

/// What a search for the end of damage found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resync {
    /// A record starts here.
    Found(usize),
    /// No record starts before this place, and nothing after it can be said without more bytes.
    Undecided(usize),
    /// No record starts up to the end of the input.
    Nothing,
}

/// The first place from `from` on where reading can go on after damage.
///
/// The answer depends on the input alone, not on how much of it `bytes` holds: where more bytes
/// could change it, it is [`Resync::Undecided`]. `at_end` tells that the input ends with `bytes`.
/// `near` is the time of the last good record, in seconds since 1970: records from about then are
/// believed sooner than others, which a packet's payload may hold.
pub fn find_resync(
    bytes: &[u8],
    from: usize,
    format: &Format,
    at_end: bool,
    near: Option<u32>,
) -> Resync {
    let mut at = from;
    while at < bytes.len() {
        // Gigabytes of zeros are passed at once: no record is all zero.
        let head = bytes.get(at..=at + LONGEST_HEADER);
        if head.is_some_and(|it| it.iter().all(|byte| *byte == 0)) {
            at += zeros::count(bytes.get(at..).unwrap_or_default()) - LONGEST_HEADER;
        }
        // A block's two lengths say as much as a time that is near.
        let is_sure = near.is_some() || matches!(format, Format::Pcapng(_));
        let first = if is_sure { NEAR_CHAIN } else { FAR_CHAIN };
        let mut found = believe(bytes, at, format, at_end, near, first);
        if matches!(found, Belief::No) {
            found = believe(bytes, at, format, at_end, None, FAR_CHAIN);
        }
        if matches!(found, Belief::No) {
            found = believe_header(bytes, at, at_end);
        }
        match found {
            Belief::Yes => return Resync::Found(at),
            Belief::Open => return Resync::Undecided(at),
            Belief::No => {}
        }
        at += 1;
    }
    if at_end {
        Resync::Nothing
    } else {
        Resync::Undecided(bytes.len())
    }
}

/// Whether what stands at `at` looks like a record, as far as can be seen: one that the end of
/// the input cut short, and not damage.
pub fn looks_like_record(bytes: &[u8], at: usize, format: &Format, near: Option<u32>) -> bool {
    let mut last_seconds = near;
    let link = Reading::from(format).link(bytes, at, &mut last_seconds);
    !matches!(link, Link::Broken)
}

/// Whether a record surely stands at `at`, for all that can be told without what is in front of it:
/// with others behind it, or with the end of the input. Odd but right records may be doubted.
pub(super) fn is_sure_record(bytes: &[u8], at: usize, format: &Format, at_end: bool) -> bool {
    let chain = Chain::follow(bytes, at, format.into(), FAR_CHAIN, None);
    match chain.end {
        End::Long => true,
        End::OfBytes => at_end && chain.links > 0,
        End::Partial | End::Broken => false,
    }
}

enum Belief {
    Yes,
    No,
    /// More bytes are needed to tell.
    Open,
}

/// Whether a chain of `wanted` records from `at` on is there, or fewer up to the end of the input.
fn believe(
    bytes: &[u8],
    at: usize,
    format: &Format,
    at_end: bool,
    near: Option<u32>,
    wanted: usize,
) -> Belief {
    let chain = Chain::follow(bytes, at, format.into(), wanted, near);
    // Near the end, fewer links do: all that there are, and one at least that is near in time.
    let few = if near.is_some() { 1 } else { 3 };
    chain.belief(few, at_end)
}

/// Whether another capture starts at `at`: its header stands there, with records or blocks behind it.
fn believe_header(bytes: &[u8], at: usize, at_end: bool) -> Belief {
    match Joined::at(bytes, at) {
        Ok(None) => Belief::No,
        Ok(Some(header)) => {
            let (reading, start, few) = Reading::behind(&header, at);
            Chain::follow(bytes, start, reading, FAR_CHAIN, None).belief(few, at_end)
        }
        Err(Stop::Partial { needed }) if !at_end && needed <= MOST_BLOCK_LEN => Belief::Open,
        Err(_) => Belief::No,
    }
}

/// Where another capture starts inside a record that the input's end cuts short: its records or
/// blocks must end exactly with the input, as a packet may hold a capture, too.
pub(super) fn find_joined_in_cut(bytes: &[u8]) -> Option<usize> {
    find_header(bytes, bytes.len(), |reading, start, few| {
        let chain = Chain::follow_past(bytes, start, reading, bytes.len(), usize::MAX, None);
        chain.end == End::OfBytes && chain.links >= few
    })
}

/// Where another capture starts inside the first `len` bytes: those that a record claims, which is
/// followed by something that is none. The other capture must go on behind them, so that what a packet
/// holds is not taken for it.
///
/// `bytes` must have some megabytes more, unless the input ends before.
pub(super) fn find_joined_in_record(bytes: &[u8], len: usize, at_end: bool) -> Option<usize> {
    find_header(bytes, len, |reading, start, few| {
        let chain = Chain::follow_past(bytes, start, reading, len, FAR_CHAIN, None);
        chain.at > len && matches!(chain.belief(few, at_end), Belief::Yes)
    })
}

/// The first header in `bytes[1..end]` of which `is_one` says that it is one.
fn find_header(
    bytes: &[u8],
    end: usize,
    is_one: impl Fn(Reading, usize, usize) -> bool,
) -> Option<usize> {
    let headers = (1..end).filter_map(|at| Some((at, Joined::at(bytes, at).ok()??)));
    let mut found = headers.take(HEADERS_TRIED).filter(|(at, header)| {
        let (reading, start, few) = Reading::behind(header, *at);
        is_one(reading, start, few)
    });
    found.next().map(|(at, _)| at)
}

/// What stands behind a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Successor {
    /// A record as far as can be told, another capture's header, or the input's end.
    Plausible,
    /// It cannot be told without this many bytes behind the record.
    Unseen(usize),
    /// Neither: the record may be one that was cut short, with something else joined to it.
    None,
}

/// What stands behind the record at `record`, which is of this format. Blocks of pcapng prove themselves
/// by their two lengths, so that nothing is asked of what is behind them.
///
/// Odd records are doubted only where the record in front of them holds what may be a header.
pub(crate) fn successor(
    bytes: &[u8],
    record: Range<usize>,
    format: &Format,
    at_end: bool,
) -> Successor {
    let (header_len, is_odd) = match format {
        Format::Pcap(format) => {
            let is_odd = format.is_odd(bytes, record.end);
            (format.record_header_len(), is_odd)
        }
        Format::Erf => (erf::HEADER_LEN, erf::is_odd(bytes, record.end)),
        Format::Pcapng(_) => return Successor::Plausible,
    };
    let left = bytes.len().saturating_sub(record.end);
    let is_whole = left >= header_len;
    if (left == 0 && at_end) || (is_whole && !is_odd) {
        return Successor::Plausible;
    }
    match Joined::at(bytes, record.end) {
        Ok(Some(_)) => Successor::Plausible,
        Err(Stop::Partial { needed }) if !at_end => Successor::Unseen(needed),
        _ if !is_whole && !at_end => Successor::Unseen(header_len),
        _ if may_hold_header(bytes, record.start + 1, record.end) => Successor::None,
        _ => Successor::Plausible,
    }
}

/// How a chain of plausible records ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It has as many links as were asked for.
    Long,
    /// Its last record ends exactly with the bytes.
    OfBytes,
    /// Its next record is plausible as far as it can be seen, but not complete.
    Partial,
    /// Its next record is not plausible.
    Broken,
}

struct Chain {
    links: usize,
    end: End,
    /// Where it ends.
    at: usize,
}

impl Chain {
    /// Whether it is believed: it is long, or has `few` links at least up to the input's end.
    const fn belief(&self, few: usize, at_end: bool) -> Belief {
        match self.end {
            End::Long => Belief::Yes,
            End::OfBytes | End::Partial if !at_end => Belief::Open,
            End::OfBytes if self.links >= few => Belief::Yes,
            End::Partial if self.links > few => Belief::Yes,
            End::OfBytes | End::Partial | End::Broken => Belief::No,
        }
    }

    fn follow(
        bytes: &[u8],
        start: usize,
        reading: Reading,
        wanted: usize,
        near: Option<u32>,
    ) -> Self {
        Self::follow_past(bytes, start, reading, start, wanted, near)
    }

    /// Follows records from `start` on, also into captures that are joined to the first one's end. Those
    /// that are `wanted` start behind `past`.
    fn follow_past(
        bytes: &[u8],
        start: usize,
        mut reading: Reading,
        past: usize,
        wanted: usize,
        near: Option<u32>,
    ) -> Self {
        let mut at = start;
        let (mut links, mut links_past) = (0, 0);
        let mut last_seconds = near;
        let end = loop {
            if links_past == wanted {
                break End::Long;
            }
            if at == bytes.len() {
                break End::OfBytes;
            }
            match reading.link(bytes, at, &mut last_seconds) {
                Link::Plausible { len } if bytes.len() - at >= len => {
                    links_past += usize::from(at >= past);
                    at += len;
                }
                Link::Plausible { .. } | Link::Unseen => break End::Partial,
                Link::Broken if links > 0 && reading.enter_joined(bytes, &mut at) => {
                    last_seconds = None;
                    continue;
                }
                Link::Broken => break End::Broken,
            }
            links += 1;
        };
        Self { links, end, at }
    }
}

/// What is needed of a format to follow its records.
#[derive(Clone, Copy, Debug)]
enum Reading {
    Pcap(PcapFormat),
    Pcapng(ByteOrder),
    Erf,
}

impl From<&Format> for Reading {
    fn from(format: &Format) -> Self {
        match format {
            Format::Pcap(format) => Self::Pcap(*format),
            Format::Pcapng(section) => Self::Pcapng(section.order),
            Format::Erf => Self::Erf,
        }
    }
}

impl Reading {
    /// How what is behind a header is read, where that starts, and how many links of a chain that
    /// the input's end ends are enough.
    const fn behind(header: &Joined, at: usize) -> (Self, usize, usize) {
        match *header {
            Joined::Pcap(format, len) => (Self::Pcap(format), at + len, 1),
            // The header itself, an interface, and a packet.
            Joined::Section(order) => (Self::Pcapng(order), at, 3),
        }
    }

    /// Goes on behind the header of another capture, if one stands at `at`.
    fn enter_joined(&mut self, bytes: &[u8], at: &mut usize) -> bool {
        match Joined::at(bytes, *at) {
            // Sections of pcapng are links themselves.
            Ok(Some(Joined::Section(_))) if matches!(self, Self::Pcapng(_)) => false,
            Ok(Some(header)) => {
                (*self, *at, _) = Self::behind(&header, *at);
                true
            }
            Ok(None) | Err(_) => false,
        }
    }

    fn link(&mut self, bytes: &[u8], at: usize, last_seconds: &mut Option<u32>) -> Link {
        match self {
            Self::Pcap(format) => pcap_link(bytes, at, format, last_seconds),
            Self::Pcapng(order) => pcapng_link(bytes, at, order),
            Self::Erf => erf_link(bytes, at, last_seconds),
        }
    }
}

enum Link {
    /// A record of this length seems to stand here.
    Plausible { len: usize },
    /// Too few bytes are left to tell.
    Unseen,
    /// No record stands here.
    Broken,
}

/// The snaplen in the file header cannot be trusted, so that only the limit of all captures is
/// asked for. Empty records do occur, but zeros are too common in packets to be believed.
fn pcap_link(bytes: &[u8], at: usize, format: &PcapFormat, last_seconds: &mut Option<u32>) -> Link {
    let (Some((seconds, fraction)), Some((captured, wire_len))) =
        (format.time_fields(bytes, at), format.lengths(bytes, at))
    else {
        return Link::Unseen;
    };
    let per_second = 1_000_000_000 / format.unit_ns();
    let is_near = last_seconds.is_none_or(|last| last.abs_diff(seconds) <= MAX_STEP_S);
    *last_seconds = Some(seconds);
    let plausible = captured > 0
        && captured <= PLAUSIBLE_CAPTURED
        && wire_len >= captured
        && wire_len <= PLAUSIBLE_WIRE
        && fraction < per_second
        && is_near;
    if plausible {
        match format.record_len(bytes, at, captured) {
            Some(len) => Link::Plausible { len },
            None => Link::Broken,
        }
    } else {
        Link::Broken
    }
}

/// Records without a packet are too short to be believed.
fn erf_link(bytes: &[u8], at: usize, last_seconds: &mut Option<u32>) -> Link {
    let Some(header) = erf::Header::read(bytes, at) else {
        return Link::Unseen;
    };
    let is_near = last_seconds.is_none_or(|last| last.abs_diff(header.seconds) <= MAX_STEP_S);
    let plausible =
        header.is_plausible() && (header.is_padding() || header.wire_len > 0 && is_near);
    if !header.is_padding() {
        *last_seconds = Some(header.seconds);
    }
    if plausible {
        Link::Plausible { len: header.len }
    } else {
        Link::Broken
    }
}

/// `section` is the byte order of the section, which may change here.
fn pcapng_link(bytes: &[u8], at: usize, section: &mut ByteOrder) -> Link {
    let orders = match *section {
        ByteOrder::Little => [ByteOrder::Little, ByteOrder::Big],
        ByteOrder::Big => [ByteOrder::Big, ByteOrder::Little],
    };
    let [own, other] = orders;
    let Some(kind) = own.u32(bytes, at) else {
        return Link::Unseen;
    };
    // A section may start here, and may be of the other byte order.
    let order = match own.u32(bytes, at + 8) {
        _ if kind != block::SECTION_HEADER => own,
        Some(0x4d3c_2b1a) => other,
        Some(_) => own,
        None => return Link::Unseen,
    };
    let known = matches!(
        kind,
        block::SECTION_HEADER
            | block::INTERFACE
            | block::OBSOLETE_PACKET
            | block::SIMPLE_PACKET
            | block::NAME_RESOLUTION
            | block::INTERFACE_STATISTICS
            | block::ENHANCED_PACKET
            | block::DECRYPTION_SECRETS
            | block::CUSTOM
            | block::CUSTOM_NO_COPY
    );
    if !known {
        return Link::Broken;
    }
    let Some(claimed) = order.u32(bytes, at + 4) else {
        return Link::Unseen;
    };
    if claimed as usize > MOST_BLOCK_LEN {
        return Link::Broken;
    }
    match block_bounds(bytes, at, order) {
        Ok((_, len)) => {
            *section = order;
            Link::Plausible { len }
        }
        Err(Stop::Partial { .. }) => Link::Unseen,
        Err(_) => Link::Broken,
    }
}

/// No header of a record or block is longer, in bytes.
const LONGEST_HEADER: usize = 32;
/// Links of a chain that make its start a boundary.
const BOUNDARY_CHAIN: usize = 12;
/// Links that make its start the end of damage: near the last good record in time, and not.
const NEAR_CHAIN: usize = 3;
const FAR_CHAIN: usize = 6;
/// A boundary is looked for in this many places at most; longer records make chunks grow.
const CANDIDATES_TRIED: usize = 512 * 1024;
/// As many headers in a record that is cut short are followed.
const HEADERS_TRIED: usize = 64;
/// Longer packets than these exist, but not where a guess should believe in them.
const PLAUSIBLE_CAPTURED: u32 = 256 * 1024;
const PLAUSIBLE_WIRE: u32 = 1024 * 1024;
const MOST_BLOCK_LEN: usize = 512 * 1024;
/// Neighbours in a capture are at most a day apart.
const MAX_STEP_S: u32 = 86_400;

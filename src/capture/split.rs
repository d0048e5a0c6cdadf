//! Finding places where a record starts, in the middle of a capture.
//!
//! A place is a *candidate* when a chain of plausible record headers starts there. That is a
//! guess: a check of 12 consecutive headers was seen to settle on a false boundary in a capture
//! of 84-byte packets. Chunks that start at candidates are therefore proved (the chunk before
//! must end exactly there), and walked again where the proof fails.

use super::bytes::ByteOrder;
use super::erf;
use super::format::Format;
use super::pcap::PcapFormat;
use super::pcapng::{block, block_bounds};
use super::zeros;

/// A place to start a chunk at, in `from..to`; `None` where no candidate is found.
///
/// Wrong answers cost time, never correctness.
pub fn find_boundary(bytes: &[u8], from: usize, to: usize, format: &Format) -> Option<usize> {
    let to = to.min(from.saturating_add(CANDIDATES_TRIED));
    (from..to).find(|&at| {
        let chain = Chain::follow(bytes, at, format, BOUNDARY_CHAIN, None);
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
        let found = match believe(bytes, at, format, at_end, near, first) {
            Belief::No => believe(bytes, at, format, at_end, None, FAR_CHAIN),
            other => other,
        };
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
    !matches!(link(bytes, at, format, &mut last_seconds), Link::Broken)
}

/// Whether a record surely stands at `at`, for all that can be told without what is in front of it:
/// with others behind it, or with the end of the input. Odd but right records may be doubted.
pub(super) fn is_sure_record(bytes: &[u8], at: usize, format: &Format, at_end: bool) -> bool {
    let chain = Chain::follow(bytes, at, format, FAR_CHAIN, None);
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
    let chain = Chain::follow(bytes, at, format, wanted, near);
    // Near the end, fewer links do: all that there are, and one at least that is near in time.
    let few = if near.is_some() { 1 } else { 3 };
    match chain.end {
        End::Long => Belief::Yes,
        End::OfBytes | End::Partial if !at_end => Belief::Open,
        End::OfBytes if chain.links >= few => Belief::Yes,
        End::Partial if chain.links > few => Belief::Yes,
        End::OfBytes | End::Partial | End::Broken => Belief::No,
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
}

impl Chain {
    fn follow(
        bytes: &[u8],
        start: usize,
        format: &Format,
        wanted: usize,
        near: Option<u32>,
    ) -> Self {
        let mut at = start;
        let mut links = 0;
        let mut last_seconds = near;
        let end = loop {
            if links == wanted {
                break End::Long;
            }
            if at == bytes.len() {
                break End::OfBytes;
            }
            match link(bytes, at, format, &mut last_seconds) {
                Link::Plausible { len } if bytes.len() - at >= len => at += len,
                Link::Plausible { .. } | Link::Unseen => break End::Partial,
                Link::Broken => break End::Broken,
            }
            links += 1;
        };
        Self { links, end }
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

fn link(bytes: &[u8], at: usize, format: &Format, last_seconds: &mut Option<u32>) -> Link {
    match format {
        Format::Pcap(pcap) => pcap_link(bytes, at, pcap, last_seconds),
        Format::Pcapng(section) => pcapng_link(bytes, at, section.order),
        Format::Erf => erf_link(bytes, at, last_seconds),
    }
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

fn pcapng_link(bytes: &[u8], at: usize, order: ByteOrder) -> Link {
    let orders = match order {
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
    if claimed > 2 * PLAUSIBLE_CAPTURED {
        return Link::Broken;
    }
    match block_bounds(bytes, at, order) {
        Ok((_, len)) => Link::Plausible { len },
        Err(super::Stop::Partial { .. }) => Link::Unseen,
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
/// Longer packets than these exist, but not where a guess should believe in them.
const PLAUSIBLE_CAPTURED: u32 = 256 * 1024;
const PLAUSIBLE_WIRE: u32 = 1024 * 1024;
/// Neighbours in a capture are at most a day apart.
const MAX_STEP_S: u32 = 86_400;

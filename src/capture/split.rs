//! Finding places where a record starts, in the middle of a capture.
//!
//! A place is a *candidate* when a chain of plausible record headers starts there. That is a
//! guess: a check of 12 consecutive headers was seen to settle on a false boundary in a capture
//! of 84-byte packets. Chunks that start at candidates are therefore proved (the chunk before
//! must end exactly there), and walked again where the proof fails.

use super::bytes::ByteOrder;
use super::format::Format;
use super::pcap::PcapFormat;
use super::pcapng::{block, block_bounds};

/// A place to start a chunk at, in `from..to`; `None` where no candidate is found.
///
/// Wrong answers cost time, never correctness.
pub fn find_boundary(bytes: &[u8], from: usize, to: usize, format: &Format) -> Option<usize> {
    let to = to.min(from.saturating_add(CANDIDATES_TRIED));
    (from..to).find(|&at| {
        let chain = Chain::follow(bytes, at, format, BOUNDARY_CHAIN);
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
/// After a record that seems to be cut short by the input's end, `min_links` should be greater
/// than one: a packet may hold something that looks like a record, seldom several in a row.
pub fn find_resync(
    bytes: &[u8],
    from: usize,
    format: &Format,
    at_end: bool,
    min_links: usize,
) -> Resync {
    for at in from..bytes.len() {
        let chain = Chain::follow(bytes, at, format, RESYNC_CHAIN);
        match chain.end {
            End::Long => return Resync::Found(at),
            End::OfBytes if !at_end => return Resync::Undecided(at),
            // The last records of an input: one that ends exactly with it, or several of which
            // the last is cut short.
            End::OfBytes if chain.links >= min_links => return Resync::Found(at),
            End::Partial if !at_end => return Resync::Undecided(at),
            End::Partial if chain.links > 2 => return Resync::Found(at),
            _ => {}
        }
    }
    if at_end {
        Resync::Nothing
    } else {
        Resync::Undecided(bytes.len())
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
    fn follow(bytes: &[u8], start: usize, format: &Format, wanted: usize) -> Self {
        let mut at = start;
        let mut links = 0;
        let mut last_seconds = None;
        let end = loop {
            if links == wanted {
                break End::Long;
            }
            if at == bytes.len() {
                break End::OfBytes;
            }
            let link = match format {
                Format::Pcap(pcap) => pcap_link(bytes, at, pcap, &mut last_seconds),
                Format::Pcapng(section) => pcapng_link(bytes, at, section.order),
            };
            match link {
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
        Some(0x4d3c_2b1a) if kind == block::SECTION_HEADER => other,
        _ => own,
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

/// Links of a chain that make its start a boundary, and the end of damage.
const BOUNDARY_CHAIN: usize = 12;
const RESYNC_CHAIN: usize = 6;
/// A boundary is looked for in this many places at most; longer records make chunks grow.
const CANDIDATES_TRIED: usize = 512 * 1024;
/// Longer packets than these exist, but not where a guess should believe in them.
const PLAUSIBLE_CAPTURED: u32 = 256 * 1024;
const PLAUSIBLE_WIRE: u32 = 1024 * 1024;
/// Neighbours in a capture are at most a day apart.
const MAX_STEP_S: u32 = 86_400;

//! Generic routing encapsulation, and what vendors made of it.

use crate::decode::NotFlow;
use crate::decode::frame::{Frame, Layer, Step};
use crate::decode::tunnels::{Tunnel, TunnelKind};

/// RFC 2784 and RFC 2890; version 1 is PPTP's (RFC 2637).
pub(super) fn read(frame: &mut Frame<'_, '_>) -> Step {
    let (flags, kind) = (frame.u16(0)?, frame.u16(2)?);
    frame.skip(4);
    if flags & (CHECKSUM | ROUTING) != 0 {
        frame.skip(4);
    }
    let mut key = None;
    if flags & KEY != 0 {
        key = Some(frame.u32(0)?);
        frame.skip(4);
    }
    if flags & SEQUENCE != 0 {
        frame.skip(4);
    }
    let version = flags & VERSION;
    if version == 1 && flags & ACKNOWLEDGMENT != 0 {
        frame.skip(4);
    }
    if flags & ROUTING != 0 {
        source_routes(frame)?;
    }
    let is_original = version == 0 && flags & (CHECKSUM | ROUTING | SEQUENCE) == 0;
    match kind {
        0x880b if version == 1 => {
            // The upper half of the key is a length.
            let call = key.map(|key| key & 0xffff);
            named(frame, TunnelKind::Pptp, call, Layer::Ppp)
        }
        0x880b => named(frame, TunnelKind::Gre, key, Layer::Ppp),
        0x6558 => bridged(frame, key, is_original),
        0x6559 => named(frame, TunnelKind::Gre, key, Layer::FrameRelay),
        // MikroTik: the key is a length, and the tunnel in little endian.
        0x6400 => {
            let [_, _, low, high] = key.unwrap_or(0).to_be_bytes();
            let tunnel = key.map(|_| u16::from_le_bytes([low, high]).into());
            named(frame, TunnelKind::Eoip, tunnel, Layer::Ethernet)
        }
        // ERSPAN type I has no header of its own, type II eight bytes; GRE's sequence number
        // distinguishes them (draft-foschiano-erspan-03).
        0x88be if flags & SEQUENCE == 0 => named(frame, TunnelKind::Erspan, None, Layer::Ethernet),
        0x88be => erspan(frame, 8),
        // Type III: twelve bytes, and eight more if its last bit says so.
        0x22eb if frame.byte(11)? & 1 != 0 => erspan(frame, 20),
        0x22eb => erspan(frame, 12),
        0x883e => web_cache(frame, key),
        0x8200..=0x837f => named(frame, TunnelKind::Aruba, key, Layer::Wifi { padded: false }),
        kind => named(frame, TunnelKind::Gre, key, Layer::EtherType(kind)),
    }
}

fn named(frame: &mut Frame<'_, '_>, kind: TunnelKind, id: Option<u32>, layer: Layer) -> Step {
    frame.tunnels.push(Tunnel {
        kind,
        id,
        continues: false,
    });
    Ok(layer)
}

/// RFC 1701: source routes up to one without length.
fn source_routes(frame: &mut Frame<'_, '_>) -> Result<(), NotFlow> {
    loop {
        let (family, len) = (frame.u16(0)?, usize::from(frame.byte(3)?));
        frame.skip(4 + len);
        if family == 0 && len == 0 {
            return Ok(());
        }
    }
}

/// Transparent bridging. NVGRE (RFC 7637, section 3.2) is the same with a key that consists of a
/// virtual subnet and eight bits of entropy. Subnets up to 0xfff are reserved: a key with one of these and
/// entropy is a number of its own, as in Linux' gretap.
fn bridged(frame: &mut Frame<'_, '_>, key: Option<u32>, is_original: bool) -> Step {
    let (kind, id) = match key {
        Some(key) if is_original && (key >> 8 > 0xfff || (key & 0xff == 0 && key != 0)) => {
            (TunnelKind::Nvgre, Some(key >> 8))
        }
        key => (TunnelKind::Gre, key),
    };
    named(frame, kind, id, Layer::Ethernet)
}

/// The session is in the lower ten bits of the header's second word (types II and III).
fn erspan(frame: &mut Frame<'_, '_>, len: usize) -> Step {
    let session = u32::from(frame.u16(2)? & 0x03ff);
    frame.skip(len);
    named(frame, TunnelKind::Erspan, Some(session), Layer::Ethernet)
}

/// Version 2 has four bytes before the packet (draft-mclaggan-wccp-v2rev1, section 4.5.2), which
/// nothing but the packet's first byte shows.
fn web_cache(frame: &mut Frame<'_, '_>, key: Option<u32>) -> Step {
    if !matches!(frame.byte(0)? >> 4, 4 | 6) {
        frame.skip(4);
    }
    named(frame, TunnelKind::Wccp, key, Layer::Ip)
}

const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
const ACKNOWLEDGMENT: u16 = 0x0080;
const VERSION: u16 = 0x0007;

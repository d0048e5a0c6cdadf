//! Tunnels over UDP: known by their ports, those that are usual or those that the user names.

use super::{NOT_A_TUNNEL, gre};
use crate::capture::LinkType;
use crate::decode::frame::{Frame, Layer, Step};
use crate::decode::headers::UDP_HEADER_LEN;
use crate::decode::tunnels::{Tunnel, TunnelKind};
use crate::decode::{NotFlow, protocol};

/// A tunnel over UDP.
struct Row {
    kind: TunnelKind,
    /// The ports that it usually has.
    ports: &'static [u16],
    /// Whether its packets have the port at either end; others have it as their destination alone.
    either: bool,
    /// Reads the header, which starts where the frame is.
    read: for<'f, 'a, 'k> fn(&'f mut Frame<'a, 'k>) -> Step,
}

const fn row(
    kind: TunnelKind,
    ports: &'static [u16],
    either: bool,
    read: for<'f, 'a, 'k> fn(&'f mut Frame<'a, 'k>) -> Step,
) -> Row {
    Row {
        kind,
        ports,
        either,
        read,
    }
}

/// All of them, in the order in which they are listed.
static ROWS: &[Row] = &[
    // 8472 is Linux' older default.
    row(TunnelKind::Vxlan, &[4789, 8472], false, vxlan),
    row(TunnelKind::VxlanGpe, &[4790], false, vxlan_gpe),
    row(TunnelKind::Geneve, &[6081], false, geneve),
    // 3386 is that of version 0.
    row(TunnelKind::Gtp, &[2152, 3386], true, gtp),
    row(TunnelKind::Teredo, &[3544], true, teredo),
    row(TunnelKind::L2tp, &[1701], true, l2tp),
    row(TunnelKind::Mpls, &[6635], false, |_| Ok(Layer::Mpls)),
    row(TunnelKind::Gre, &[4754], false, gre::read),
    row(TunnelKind::Gue, &[6080], false, gue),
    row(TunnelKind::Lisp, &[4341], true, lisp),
    row(TunnelKind::Tzsp, &[37008], true, tzsp),
    row(TunnelKind::Peekremote, &[5000], true, peekremote),
    row(TunnelKind::Capwap, &[5247], true, capwap),
    row(TunnelKind::Ayiya, &[5072], true, ayiya),
    row(TunnelKind::Amt, &[2268], true, amt),
    row(TunnelKind::Jmirror, &[30030], true, jmirror),
    row(TunnelKind::MobileIp, &[434], true, mobile_ip),
    row(TunnelKind::IpInUdp, &[], true, ip_in_udp),
];

/// The kinds that a port can be named for.
pub(super) fn kinds() -> impl Iterator<Item = TunnelKind> {
    ROWS.iter().map(|row| row.kind)
}

/// Whether a port is a usual one of a tunnel.
#[inline(always)]
pub(super) fn is_usual(port: u16) -> bool {
    let word = USUAL.get(usize::from(port >> 6)).copied().unwrap_or(0);
    word >> (port & 63) & 1 != 0
}

/// A bit for each port: every packet's are looked up where tunnels are entered.
static USUAL: [u64; 1024] = {
    let mut bits = [0; 1024];
    let mut index = 0;
    while index < ROWS.len() {
        let ports = ROWS[index].ports;
        let mut number = 0;
        while number < ports.len() {
            bits[(ports[number] >> 6) as usize] |= 1 << (ports[number] & 63);
            number += 1;
        }
        index += 1;
    }
    bits
};

/// Enters the tunnel that the ports are of: the destination before the source, and at each end the
/// user's names before usual ports.
pub(super) fn read(
    frame: &mut Frame<'_, '_>,
    (src, dst): (u16, u16),
    name_of: impl Fn(u16) -> Option<TunnelKind>,
) -> Step {
    let named = |port| {
        let kind = name_of(port)?;
        ROWS.iter().find(|row| row.kind == kind)
    };
    let usual = |port| ROWS.iter().find(|row| row.ports.contains(&port));
    let row = named(dst)
        .or_else(|| usual(dst))
        .or_else(|| named(src))
        .or_else(|| usual(src).filter(|row| row.either));
    let Row { read, .. } = row.ok_or(NOT_A_TUNNEL)?;
    frame.skip(UDP_HEADER_LEN);
    read(frame)
}

fn named(frame: &mut Frame<'_, '_>, tunnel: Tunnel, layer: Layer) -> Step {
    frame.tunnels.push(tunnel);
    Ok(layer)
}

/// The upper 24 bits of a word: network identifiers.
fn upper_24(frame: &Frame<'_, '_>, ahead: usize) -> Result<u32, NotFlow> {
    Ok(frame.u32(ahead)? >> 8)
}

/// RFC 7348, section 5.
fn vxlan(frame: &mut Frame<'_, '_>) -> Step {
    let tunnel = Tunnel::with(TunnelKind::Vxlan, upper_24(frame, 4)?);
    frame.skip(8);
    named(frame, tunnel, Layer::Ethernet)
}

/// draft-ietf-nvo3-vxlan-gpe: the last byte of the first word names what follows.
fn vxlan_gpe(frame: &mut Frame<'_, '_>) -> Step {
    let next = frame.byte(3)?;
    let tunnel = Tunnel::with(TunnelKind::VxlanGpe, upper_24(frame, 4)?);
    frame.skip(8);
    named(frame, tunnel, next_protocol(next)?)
}

/// The protocol numbers that VXLAN-GPE, LISP (RFC 9305) and NSH have in common.
fn next_protocol(next: u8) -> Step {
    match next {
        1 | 2 => Ok(Layer::Ip),
        3 => Ok(Layer::Ethernet),
        4 => Ok(Layer::Nsh),
        5 => Ok(Layer::Mpls),
        _ => Err(NOT_A_TUNNEL),
    }
}

/// RFC 8926, section 3.4.
fn geneve(frame: &mut Frame<'_, '_>) -> Step {
    let options = usize::from(frame.byte(0)? & 0x3f) * 4;
    let kind = frame.u16(2)?;
    let tunnel = Tunnel::with(TunnelKind::Geneve, upper_24(frame, 4)?);
    frame.skip(8 + options);
    let layer = match kind {
        0x6558 => Layer::Ethernet,
        kind => Layer::EtherType(kind),
    };
    named(frame, tunnel, layer)
}

/// 3GPP TS 29.281, section 5: only G-PDUs carry packets; extension headers form a chain.
fn gtp(frame: &mut Frame<'_, '_>) -> Step {
    const G_PDU: u8 = 255;
    let (flags, kind) = (frame.byte(0)?, frame.byte(1)?);
    if kind != G_PDU {
        return Err(NOT_A_TUNNEL);
    }
    let id = match flags & 0xf0 {
        0x30 => {
            let id = frame.u32(4)?;
            frame.skip(8);
            if flags & 0x07 != 0 {
                gtp_extensions(frame)?;
            }
            id
        }
        // GSM 09.60, section 6: version 0 has 20 bytes; after the flow label a tunnel identifier
        // of 8.
        0x10 => {
            let id = frame.u32(16)?;
            frame.skip(20);
            id
        }
        _ => return Err(NOT_A_TUNNEL),
    };
    let tunnel = Tunnel::with(TunnelKind::Gtp, id);
    named(frame, tunnel, session_data(frame)?)
}

fn gtp_extensions(frame: &mut Frame<'_, '_>) -> Result<(), NotFlow> {
    let mut next = frame.byte(3)?;
    frame.skip(4);
    while next != 0 {
        let len = usize::from(frame.byte(0)?).max(1) * 4;
        next = frame.byte(len - 1)?;
        frame.skip(len);
    }
    Ok(())
}

/// Nothing says of which type a session is: IP, Ethernet (3GPP TS 23.501, section 5.6.10.2) or
/// PPP. A MAC address may start as IP does, so lengths decide.
fn session_data(frame: &Frame<'_, '_>) -> Step {
    if frame.is_exactly_ip() {
        Ok(Layer::Ip)
    } else if frame.u16(0)? == 0xff03 {
        Ok(Layer::Ppp)
    } else if frame.is_ethernet(0) {
        Ok(Layer::Ethernet)
    } else {
        Ok(Layer::Ip)
    }
}

/// RFC 4380, section 5.1.1: authentication and origin may precede the IPv6 packet.
fn teredo(frame: &mut Frame<'_, '_>) -> Step {
    if frame.u16(0)? == 0x0001 {
        let (client, authentication) = (frame.byte(2)?, frame.byte(3)?);
        frame.skip(13 + usize::from(client) + usize::from(authentication));
    }
    if frame.u16(0)? == 0x0000 {
        frame.skip(8);
    }
    if frame.byte(0)? >> 4 != 6 {
        return Err(NOT_A_TUNNEL);
    }
    named(frame, Tunnel::of(TunnelKind::Teredo), Layer::Ip)
}

/// RFC 2661, section 3.1: data messages carry PPP.
fn l2tp(frame: &mut Frame<'_, '_>) -> Step {
    const CONTROL: u16 = 0x8000;
    const LENGTH: u16 = 0x4000;
    const SEQUENCE: u16 = 0x0800;
    const OFFSET: u16 = 0x0200;
    let flags = frame.u16(0)?;
    let is_version_2 = flags & 0x000f == 2;
    if !is_version_2 || flags & CONTROL != 0 {
        return Err(NOT_A_TUNNEL);
    }
    frame.skip(if flags & LENGTH != 0 { 4 } else { 2 });
    let (tunnel, session) = (frame.u16(0)?, frame.u16(2)?);
    frame.skip(if flags & SEQUENCE != 0 { 8 } else { 4 });
    if flags & OFFSET != 0 {
        let padding = frame.u16(0)?;
        frame.skip(2 + usize::from(padding));
    }
    let kind = TunnelKind::L2tp;
    frame.tunnels.push(Tunnel::with(kind, tunnel.into()));
    named(frame, Tunnel::further(kind, session.into()), Layer::Ppp)
}

/// draft-ietf-intarea-gue-09: version 1 is IP at once; version 0 names an IP protocol.
fn gue(frame: &mut Frame<'_, '_>) -> Step {
    const CONTROL: u8 = 0x20;
    frame.tunnels.push(Tunnel::of(TunnelKind::Gue));
    let first = frame.byte(0)?;
    match (first >> 6, frame.byte(1)?) {
        (1, _) if frame.is_ip() => Ok(Layer::Ip),
        (0, next) if first & CONTROL == 0 => {
            frame.skip(4 + usize::from(first & 0x1f) * 4);
            match next {
                protocol::IPV4 | protocol::IPV6 => Ok(Layer::Ip),
                protocol::MPLS => Ok(Layer::Mpls),
                protocol::ETHERNET => Ok(Layer::Ethernet),
                protocol::GRE => gre::read(frame),
                _ => Err(NOT_A_TUNNEL),
            }
        }
        _ => Err(NOT_A_TUNNEL),
    }
}

/// RFC 9300, section 5: an IP packet, or with the flag P (RFC 9305) what the fourth byte names.
fn lisp(frame: &mut Frame<'_, '_>) -> Step {
    const INSTANCE: u8 = 0x08;
    const PROTOCOL: u8 = 0x04;
    let (flags, next) = (frame.byte(0)?, frame.byte(3)?);
    let instance = upper_24(frame, 4)?;
    frame.skip(8);
    let tunnel = Tunnel {
        kind: TunnelKind::Lisp,
        id: (flags & INSTANCE != 0).then_some(instance),
        continues: false,
    };
    if flags & PROTOCOL != 0 {
        return named(frame, tunnel, next_protocol(next)?);
    }
    // The header has nothing that other datagrams of this port would not have.
    if !frame.is_ip() {
        return Err(NOT_A_TUNNEL);
    }
    named(frame, tunnel, Layer::Ip)
}

/// TaZmen Sniffer Protocol (<https://en.wikipedia.org/wiki/TZSP>): version, type, encapsulation,
/// then tags up to the one that ends them.
fn tzsp(frame: &mut Frame<'_, '_>) -> Step {
    const PADDING: u8 = 0;
    const END: u8 = 1;
    let (version, kind, encapsulation) = (frame.byte(0)?, frame.byte(1)?, frame.u16(2)?);
    // Other types carry no frames: configuration, messages that keep a port open.
    if version != 1 || kind > 1 {
        return Err(NOT_A_TUNNEL);
    }
    // Not the numbers of capture files, although some are the same.
    let layer = match encapsulation {
        1 => Layer::Ethernet,
        2 => Layer::Link(LinkType::IEEE802_5),
        4 => Layer::Ppp,
        5 => Layer::Link(LinkType::FDDI),
        7 => Layer::Ip,
        18 => Layer::Wifi { padded: false },
        119 => Layer::Link(LinkType::IEEE802_11_PRISM),
        127 => Layer::Link(LinkType::IEEE802_11_AVS),
        _ => return Err(NOT_A_TUNNEL),
    };
    frame.skip(4);
    loop {
        match frame.byte(0)? {
            END => break,
            PADDING => frame.skip(1),
            _ => {
                let len = usize::from(frame.byte(1)?);
                frame.skip(2 + len);
            }
        }
    }
    frame.skip(1);
    named(frame, Tunnel::of(TunnelKind::Tzsp), layer)
}

/// As Wireshark reads it: magic number, version, length of the header, more of the radio.
fn peekremote(frame: &mut Frame<'_, '_>) -> Step {
    const MAGIC: u32 = 0x00ff_abcd;
    if frame.u32(0)? != MAGIC {
        return Err(NOT_A_TUNNEL);
    }
    let len = usize::from(frame.u16(7)?);
    frame.skip(len.max(9));
    let layer = Layer::Wifi { padded: false };
    named(frame, Tunnel::of(TunnelKind::Peekremote), layer)
}

/// RFC 5415, section 4.3: 802.3 frames, or those of 802.11 (binding 1, RFC 5416, section 2.5).
fn capwap(frame: &mut Frame<'_, '_>) -> Step {
    const IS_NATIVE: u8 = 0x01;
    const IS_FRAGMENT: u8 = 0x80;
    let (preamble, words, kind, flags) = (
        frame.byte(0)?,
        frame.byte(1)? >> 3,
        frame.byte(2)?,
        frame.byte(3)?,
    );
    let binding = kind >> 1 & 0x1f;
    if preamble != 0 || flags & IS_FRAGMENT != 0 {
        return Err(NOT_A_TUNNEL);
    }
    frame.skip(usize::from(words) * 4);
    let layer = match (kind & IS_NATIVE != 0, binding) {
        (false, _) => Layer::Ethernet,
        (true, 1) => Layer::Wifi { padded: false },
        (true, _) => return Err(NOT_A_TUNNEL),
    };
    named(frame, Tunnel::of(TunnelKind::Capwap), layer)
}

/// draft-massar-v6ops-ayiya-02, section 3: identity and signature have variable lengths.
fn ayiya(frame: &mut Frame<'_, '_>) -> Step {
    const FORWARD: u8 = 1;
    let (identity, signature) = (frame.byte(0)? >> 4, frame.byte(1)? >> 4);
    let (operation, next) = (frame.byte(2)? & 0x0f, frame.byte(3)?);
    if operation != FORWARD || !matches!(next, protocol::IPV4 | protocol::IPV6) {
        return Err(NOT_A_TUNNEL);
    }
    frame.skip(8 + (1 << identity) + usize::from(signature) * 4);
    named(frame, Tunnel::of(TunnelKind::Ayiya), Layer::Ip)
}

/// RFC 7450, section 5: queries and updates carry group membership, data messages the rest.
fn amt(frame: &mut Frame<'_, '_>) -> Step {
    const QUERY: u8 = 4;
    const UPDATE: u8 = 5;
    const DATA: u8 = 6;
    // The version is in the upper half: 0.
    let len = match frame.byte(0)? {
        QUERY | UPDATE => 12,
        DATA => 2,
        _ => return Err(NOT_A_TUNNEL),
    };
    frame.skip(len);
    if !frame.is_ip() {
        return Err(NOT_A_TUNNEL);
    }
    named(frame, Tunnel::of(TunnelKind::Amt), Layer::Ip)
}

/// What Juniper's routers mirror for lawful interception: two numbers before the packet.
fn jmirror(frame: &mut Frame<'_, '_>) -> Step {
    let session = frame.u32(4)?;
    frame.skip(8);
    if !frame.is_ip() {
        return Err(NOT_A_TUNNEL);
    }
    named(frame, Tunnel::with(TunnelKind::Jmirror, session), Layer::Ip)
}

/// RFC 3519, section 3.3: tunnel data among the messages of Mobile IP.
fn mobile_ip(frame: &mut Frame<'_, '_>) -> Step {
    const TUNNEL_DATA: u8 = 4;
    let (kind, next) = (frame.byte(0)?, frame.byte(1)?);
    if kind != TUNNEL_DATA {
        return Err(NOT_A_TUNNEL);
    }
    frame.skip(4);
    frame.tunnels.push(Tunnel::of(TunnelKind::MobileIp));
    match next {
        protocol::IPV4 => Ok(Layer::Ip),
        protocol::GRE => gre::read(frame),
        _ => Err(NOT_A_TUNNEL),
    }
}

fn ip_in_udp(frame: &mut Frame<'_, '_>) -> Step {
    if !frame.is_ip() {
        return Err(NOT_A_TUNNEL);
    }
    named(frame, Tunnel::of(TunnelKind::IpInUdp), Layer::Ip)
}

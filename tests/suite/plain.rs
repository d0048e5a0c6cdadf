//! The fast path for plain packets says of any frame what the general walk says.

use crate::common::effort::cases;
use pcap_flows::capture::LinkType;
use pcap_flows::decode::{
    DecodeOptions, Headers, LinkKey, NotFlow, TrailerOptions, TunnelPorts, decode,
};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::fmt;

/// What keeps a packet from the fast path and changes nothing else: a trailer is looked for where
/// no frame can have one.
const GENERAL: DecodeOptions = DecodeOptions {
    decap: false,
    tunnel_ports: TunnelPorts::NONE,
    trailer: Some(TrailerOptions { offset: usize::MAX }),
};

/// As above; what is in a tunnel is found, too.
const INNERMOST: DecodeOptions = DecodeOptions {
    decap: true,
    tunnel_ports: TunnelPorts::NONE,
    trailer: None,
};

/// A frame as bytes, and in a failed test what `text2pcap` reads.
#[derive(Clone)]
pub(crate) struct Frame(pub(crate) Vec<u8>);

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What a length field says.
#[derive(Clone, Copy, Debug)]
enum Length {
    Right,
    /// Too small or too large by so much.
    Off(i16),
    Any(u16),
}

impl Length {
    fn of(self, right: usize) -> [u8; 2] {
        let right = u16::try_from(right).unwrap();
        match self {
            Self::Right => right,
            Self::Off(more) => right.saturating_add_signed(more),
            Self::Any(value) => value,
        }
        .to_be_bytes()
    }
}

/// Mostly what is right, and what is at the edge of being right.
fn any_length() -> impl Strategy<Value = Length> {
    prop_oneof![
        12 => Just(Length::Right),
        3 => (-40_i16..40).prop_map(Length::Off),
        1 => (0_u16..64).prop_map(Length::Any),
        1 => any::<u16>().prop_map(Length::Any),
    ]
}

fn any_protocol() -> impl Strategy<Value = u8> {
    prop_oneof![
        12 => select(vec![6_u8, 17]),
        2 => select(vec![0_u8, 1, 4, 41, 43, 44, 47, 50, 51, 58, 59, 60, 132, 136]),
        1 => any::<u8>(),
    ]
}

/// Bytes that matter little, from a number: quicker made than one by one.
fn filler(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        state.to_be_bytes()[0]
    };
    (0..len).map(|_| next()).collect()
}

/// RFC 791: options, fragments, lengths that lie.
fn any_ipv4() -> impl Strategy<Value = Vec<u8>> {
    let header_words = prop_oneof![10 => Just(5_u8), 1 => 0_u8..16];
    let fragment = prop_oneof![
        10 => select(vec![0_u16, 0x4000, 0x8000, 0xc000]),
        1 => select(vec![0x2000_u16, 0x0001, 0x3fff]),
        1 => any::<u16>(),
    ];
    let parts = (
        header_words,
        fragment,
        any_length(),
        any_protocol(),
        0_usize..60,
    );
    (parts, any::<u64>()).prop_map(|((words, fragment, length, protocol, len), seed)| {
        let options_len = usize::from(words).saturating_sub(5) * 4;
        let mut packet = filler(seed, 20 + options_len + len);
        packet[0] = 0x40 | words;
        let total_len = length.of(packet.len());
        packet[2..4].copy_from_slice(&total_len);
        packet[6..8].copy_from_slice(&fragment.to_be_bytes());
        packet[9] = protocol;
        packet
    })
}

/// RFC 8200: extension headers of eight bytes, some of them fragment headers.
fn any_ipv6() -> impl Strategy<Value = Vec<u8>> {
    let extensions = prop_oneof![
        6 => Just(Vec::new()),
        1 => prop::collection::vec(select(vec![0_u8, 43, 44, 60]), 1..4),
    ];
    let parts = (extensions, any_length(), any_protocol(), 0_usize..60);
    (parts, any::<u64>()).prop_map(|((extensions, length, protocol, len), seed)| {
        let mut packet = filler(seed, 40 + 8 * extensions.len() + len);
        packet[0] = 0x60 | packet[0] & 0x0f;
        let payload_len = length.of(packet.len() - 40);
        packet[4..6].copy_from_slice(&payload_len);
        let mut next_at = 6;
        for (index, kind) in extensions.into_iter().enumerate() {
            packet[next_at] = kind;
            next_at = 40 + 8 * index;
            // Of a fragment header this is a reserved byte.
            packet[next_at + 1] = 0;
        }
        packet[next_at] = protocol;
        packet
    })
}

/// Ethernet, with up to three tags, and what is wrong with some frames: the version of IP, a type
/// that is another's, flipped bits, an end that is missing or too much.
pub(crate) fn any_frame() -> impl Strategy<Value = Frame> {
    let tag = (
        select(vec![0x8100_u16, 0x8100, 0x88a8, 0x9100]),
        any::<u16>(),
    );
    let tags = prop_oneof![
        3 => Just(Vec::new()),
        3 => Just(0x8100).prop_flat_map(|kind| any::<u16>().prop_map(move |id| vec![(kind, id)])),
        2 => prop::collection::vec(tag, 1..4),
    ];
    let ip = prop_oneof![
        any_ipv4().prop_map(|packet| (0x0800_u16, packet)),
        any_ipv6().prop_map(|packet| (0x86dd_u16, packet)),
    ];
    let other_type = prop_oneof![
        2 => select(vec![0x0800_u16, 0x86dd, 0x0806, 0x8847, 0x8864, 0x0020]),
        1 => any::<u16>(),
    ];
    // The first bytes of Inter-Switch Link's multicast address are Ethernet's too, nearly always.
    let is_isl = prop::bool::weighted(0.05);
    let link = (any::<u64>(), is_isl, tags);
    let faults = (
        prop::option::weighted(0.1, other_type),
        prop::option::weighted(0.2, prop::collection::vec((any::<Index>(), 0_u8..8), 1..4)),
        prop::option::weighted(0.2, any::<Index>()),
        prop_oneof![2 => Just(0_usize), 1 => 0_usize..30],
    );
    (link, ip, faults).prop_map(|((seed, is_isl, tags), (kind, packet), faults)| {
        let (other_type, flips, cut, padding) = faults;
        let mut frame = filler(seed, 12);
        if is_isl {
            frame[0] = 1 | frame[0] & 2;
            frame[1..5].copy_from_slice(&[0, 0x0c, 0, 0]);
        }
        for (kind, id) in tags {
            frame.extend(kind.to_be_bytes());
            frame.extend(id.to_be_bytes());
        }
        frame.extend(other_type.unwrap_or(kind).to_be_bytes());
        frame.extend(packet);
        frame.resize(frame.len() + padding, 0);
        for (at, bit) in flips.into_iter().flatten() {
            let at = at.index(frame.len());
            frame[at] ^= 1 << bit;
        }
        if let Some(cut) = cut {
            frame.truncate(cut.index(frame.len() + 1));
        }
        Frame(frame)
    })
}

type Answer<'a> = (Result<Headers<'a>, NotFlow>, LinkKey);

fn answer<'a>(data: &'a [u8], options: &DecodeOptions) -> Answer<'a> {
    let mut link = LinkKey::default();
    let headers = decode(LinkType::ETHERNET, data, options, &mut link);
    (headers, link)
}

/// Both ways say the same of some bytes.
fn agrees(data: &[u8]) -> Result<(), TestCaseError> {
    let (fast, general) = (
        answer(data, &DecodeOptions::default()),
        answer(data, &GENERAL),
    );
    let is_tunnel_candidate = matches!(&general.0, Ok(headers) if headers.protocol != TCP);
    prop_assert_eq!(&fast, &general, "{:?}", Frame(data.to_vec()));
    // There are no tunnels over TCP, and none in what is not IP.
    if is_tunnel_candidate {
        return Ok(());
    }
    let innermost = answer(data, &INNERMOST);
    prop_assert_eq!(&fast, &innermost, "{:?}", Frame(data.to_vec()));
    Ok(())
}

/// Whether the fast path should have read this, as far as its answer tells.
fn looks_plain(data: &[u8]) -> bool {
    let (headers, link) = answer(data, &GENERAL);
    headers.is_ok_and(|it| {
        let header_len = if it.network_key().is_ipv6() { 40 } else { 20 };
        link.vlans().len() <= 2
            && it.transport == 14 + 4 * link.vlans().len() + header_len
            && it.fragment.is_none()
            && matches!(it.protocol, TCP | UDP)
            && it.end >= it.transport + 14
    })
}

proptest! {
    #![proptest_config(cases(25_000))]

    #[test]
    fn plain_packets_are_read_as_all_others(frame in any_frame()) {
        agrees(&frame.0)?;
    }
}

proptest! {
    #![proptest_config(cases(1_000))]

    /// Wherever the snaplen cuts, and whatever bit is wrong in the headers.
    #[test]
    fn each_cut_and_each_flip_is_read_in_the_same_way(frame in any_frame()) {
        let mut data = frame.0;
        for len in 0..data.len() {
            agrees(&data[..len])?;
        }
        for bit in 0..8 * data.len().min(HEADERS_LEN) {
            data[bit / 8] ^= 1 << (bit % 8);
            agrees(&data)?;
            data[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

/// Otherwise the tests above say nothing.
#[test]
fn chance_makes_plain_packets_and_others() {
    let mut runner = TestRunner::deterministic();
    let frames = any_frame();
    let plain = (0..1000)
        .filter(|_| looks_plain(&frames.new_tree(&mut runner).unwrap().current().0))
        .count();
    assert!((250..750).contains(&plain), "{plain} of 1000");
}

const TCP: u8 = 6;
const UDP: u8 = 17;
/// Ethernet, a tag, IPv6, TCP's flags.
const HEADERS_LEN: usize = 14 + 4 + 40 + 14;

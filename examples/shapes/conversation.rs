//! What a conversation sends, packet by packet.

use crate::link::{ETHERNET_LEN, IPV4_LEN, IPV6_LEN, Link, Payload, TCP_LEN, Transport, UDP_LEN};
use crate::options::Shares;
use crate::shape::Profile;
use std::ops::Range;
use testkit::transport::{ACK, FIN, PSH, RST, SYN};
use testkit::{Random, low16, low32};

/// An open conversation.
pub(crate) struct Conversation {
    /// Next one in the list of the slot.
    pub(crate) next: usize,
    profile: Profile,
    stage: Stage,
    /// Frames still to send.
    pub(crate) left: u64,
    /// Sent so far; a fragmented one counts once.
    pub(crate) datagram_count: u64,
    pub(crate) pause_ns: u64,
    pub(crate) id: u64,
    /// Client and server. IPv6 addresses are made from these, too.
    pub(crate) hosts: [u32; 2],
    pub(crate) ports: [u16; 2],
    /// Next sequence number of client and server.
    pub(crate) sequence: [u32; 2],
    pub(crate) seen: [bool; 2],
    /// Who sends the data, or did so last.
    sender: Direction,
    acknowledge: bool,
    pub(crate) ip_id: u16,
    pub(crate) wrapping: Wrapping,
    pub(crate) second_fragment: Option<Fragment>,
}

#[derive(Default)]
pub(crate) struct Wrapping {
    pub(crate) mac_pair: u32,
    pub(crate) ipv6: bool,
    pub(crate) vxlan: bool,
    pub(crate) fragments: bool,
    pub(crate) tag_count: u8,
    pub(crate) vlan: u16,
}

/// The later fragments of a datagram whose first one was sent.
pub(crate) struct Fragment {
    pub(crate) direction: Direction,
    pub(crate) protocol: u8,
    pub(crate) id: u32,
    /// In the datagram.
    pub(crate) offset: u16,
    pub(crate) filler: Range<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    ToServer,
    ToClient,
}

/// Where a TCP connection is.
#[derive(Clone, Copy)]
enum Stage {
    Syn,
    SynAck,
    Ack,
    Request,
    Data,
    OtherFin,
    LastAck,
}

/// When a conversation sends its next packet.
pub(crate) enum Pace {
    AtOnce,
    Soon,
    Pause,
}

impl Conversation {
    /// Gives the conversation a 5-tuple that no other `id` gets.
    ///
    /// - Ordinary ones: 64 to a client; the client's address and port together are the id.
    /// - Scans and pings: the address of the server contains the id.
    pub(crate) fn new(profile: Profile, id: u64, size: u64, random: &mut Random) -> Self {
        let client_number = id >> 6;
        let client = 0x0a00_0000 | low32(client_number & 0x00ff_ffff);
        let first_port = Random::new(client_number).next_u64();
        let client_port = 0xf000 | low16(first_port.wrapping_add((id & 63) * 0x2d3) & 0x0fff);
        // Small numbers are taken more often: some servers are popular.
        let server_number = random.below(1 << 14) >> random.below(15);
        let server = 0x2d00_0000 | low32(Random::new(server_number).next_u64() & 0x00ff_ffff);
        // Port numbers that no protocol uses: a reader should not look for sense in the contents.
        let high_port = 0x3000 | low16(random.below(0x400));
        let (hosts, ports) = match profile {
            Profile::SilentScan | Profile::RefusedScan => {
                let scanner = low32(random.below(32));
                let port = SCANNED_PORTS[usize::from(low16(random.below(8)))];
                (
                    [0xc612_0000 | scanner, 0x7000_0000 | low32(id)],
                    [0xc000 | low16(id), port],
                )
            }
            Profile::Echo => ([client, 0x6000_0000 | low32(id)], [0, 0]),
            Profile::Dns => (
                [client, 0x2d35_3500 | low32(server_number & 7)],
                [client_port, 53],
            ),
            Profile::Transfer | Profile::TinyTcp if random.below(4) > 0 => {
                ([client, server], [client_port, HTTPS])
            }
            _ => ([client, server], [client_port, high_port]),
        };
        // Round trips and thinking. Conversations that are long for the capture get less in `open`.
        let pause_ns = match profile {
            Profile::TinyUdp | Profile::TinyTcp => 1 << random.between(19, 24),
            Profile::Transfer if size > 150 => 1 << random.between(18, 24),
            _ => 1 << random.between(21, 28),
        };
        Self {
            next: NOBODY,
            profile,
            stage: if profile == Profile::TinyTcp {
                Stage::Data
            } else {
                Stage::Syn
            },
            left: size,
            datagram_count: 0,
            pause_ns,
            id,
            hosts,
            ports,
            sequence: [low32(random.next_u64()), low32(random.next_u64())],
            seen: [false; 2],
            sender: if random.below(8) == 0 {
                Direction::ToServer
            } else {
                Direction::ToClient
            },
            acknowledge: false,
            ip_id: low16(random.next_u64()),
            wrapping: Wrapping::default(),
            second_fragment: None,
        }
    }

    pub(crate) fn wrap(&mut self, shares: &Shares, mac_pairs: u64, random: &mut Random) {
        let tagged = random.below(100) < shares.vlan;
        let twice = random.below(8) == 0;
        self.wrapping = Wrapping {
            mac_pair: low32(Random::new(u64::from(self.hosts[0])).below(mac_pairs)),
            ipv6: random.below(100) < shares.ipv6,
            vxlan: random.below(100) < shares.vxlan,
            fragments: random.below(100) < shares.fragments,
            tag_count: u8::from(tagged) + u8::from(tagged && twice),
            vlan: 100 + low16(random.below(64)),
        };
    }

    /// Sends one frame.
    pub(crate) fn send_next(&mut self, link: &mut Link) -> Pace {
        if let Some(rest) = self.second_fragment.take() {
            link.send_second_fragment(self, rest);
            return Pace::Soon;
        }
        let pace = match self.profile {
            Profile::SilentScan | Profile::RefusedScan => self.send_scan(link),
            Profile::Dns => self.send_dns(link),
            Profile::Echo => {
                let reply = self.datagram_count % 2 == 1;
                let direction = if reply {
                    Direction::ToClient
                } else {
                    Direction::ToServer
                };
                link.send(self, direction, Transport::Echo, Payload::filler(56));
                Pace::Pause
            }
            Profile::Transfer | Profile::Interactive => self.send_tcp(link),
            Profile::TinyTcp => {
                let direction = self.either_way(link);
                let len = self.payload_of_frame(TINY_FRAME, TCP_LEN);
                self.send_segment(link, direction, PSH | ACK, len);
                Pace::Pause
            }
            Profile::TinyUdp => {
                let direction = self.either_way(link);
                let len = self.payload_of_frame(TINY_FRAME, UDP_LEN);
                link.send(self, direction, Transport::Udp, Payload::filler(len));
                Pace::Pause
            }
            Profile::Voice => {
                let direction = self.either_way(link);
                let len = 22 + low16(link.random.below(37));
                link.send(self, direction, Transport::Udp, Payload::filler(len));
                Pace::Pause
            }
            Profile::Video => {
                let report = self.datagram_count == 0 || link.random.below(8) == 0;
                let (direction, len) = if report {
                    (Direction::ToServer, 30)
                } else {
                    (
                        Direction::ToClient,
                        self.payload_of_frame(MEDIUM_FRAME, UDP_LEN),
                    )
                };
                link.send(self, direction, Transport::Udp, Payload::filler(len));
                if link.random.below(4) == 0 {
                    Pace::AtOnce
                } else {
                    Pace::Pause
                }
            }
        };
        if self.second_fragment.is_none() {
            pace
        } else if link.random.below(2) == 0 {
            Pace::AtOnce
        } else {
            Pace::Soon
        }
    }

    fn send_scan(&mut self, link: &mut Link) -> Pace {
        if self.datagram_count == 0 {
            self.send_segment(link, Direction::ToServer, SYN, 0);
        } else {
            self.send_segment(link, Direction::ToClient, RST | ACK, 0);
        }
        Pace::Pause
    }

    fn send_dns(&mut self, link: &mut Link) -> Pace {
        let mut message = [0; DNS_LEN];
        message[..DNS_QUERY.len()].copy_from_slice(DNS_QUERY);
        message[..2].copy_from_slice(&low16(self.id.wrapping_mul(0x9e37)).to_be_bytes());
        for (nibble, byte) in message[13..21].iter_mut().enumerate() {
            let digit = self.id >> (28 - 4 * nibble) & 15;
            *byte = HEX[usize::from(low16(digit))];
        }
        let (direction, len) = if self.datagram_count == 0 {
            (Direction::ToServer, DNS_QUERY.len())
        } else {
            message[2..4].copy_from_slice(&[0x81, 0x80]);
            let answer_count = self.id % 4 + 1;
            message[6..8].copy_from_slice(&low16(answer_count).to_be_bytes());
            let mut len = DNS_QUERY.len();
            for number in 0..answer_count {
                message[len..len + 12].copy_from_slice(DNS_ANSWER);
                let address = 0x2d00_0000 | low32((self.id + number) & 0x00ff_ffff);
                message[len + 12..len + 16].copy_from_slice(&address.to_be_bytes());
                len += 16;
            }
            (Direction::ToClient, len)
        };
        let payload = Payload {
            lead: &message[..len],
            filler_len: 0,
        };
        link.send(self, direction, Transport::Udp, payload);
        Pace::Pause
    }

    /// Handshake, data until three frames are left, FIN from both sides; a RST if there are too few
    /// frames for that.
    fn send_tcp(&mut self, link: &mut Link) -> Pace {
        use Direction::{ToClient, ToServer};
        match self.stage {
            Stage::Syn => {
                self.stage = Stage::SynAck;
                self.send_segment(link, ToServer, SYN, 0);
                Pace::Pause
            }
            Stage::SynAck => {
                self.stage = Stage::Ack;
                self.send_segment(link, ToClient, SYN | ACK, 0);
                Pace::Pause
            }
            Stage::Ack => {
                self.stage = Stage::Request;
                self.send_segment(link, ToServer, ACK, 0);
                Pace::AtOnce
            }
            Stage::Request | Stage::Data if self.left == 1 => {
                self.send_segment(link, ToServer, RST | ACK, 0);
                Pace::Pause
            }
            Stage::Request | Stage::Data if self.left == 3 => {
                self.stage = Stage::OtherFin;
                self.send_segment(link, self.sender, FIN | ACK, 0);
                Pace::Pause
            }
            Stage::Request => {
                self.stage = Stage::Data;
                let len = 100 + low16(link.random.below(400));
                self.send_segment(link, ToServer, PSH | ACK, len);
                Pace::Pause
            }
            Stage::Data if self.profile == Profile::Interactive && !self.acknowledge => {
                self.sender = self.either_way(link);
                self.acknowledge = link.random.below(8) < 5;
                let len = link.small_payload();
                self.send_segment(link, self.sender, PSH | ACK, len);
                Pace::Pause
            }
            Stage::Data if self.acknowledge => {
                self.acknowledge = false;
                self.send_segment(link, self.sender.other(), ACK, 0);
                Pace::Pause
            }
            Stage::Data => {
                let bits = link.random.next_u64();
                let full = bits & 0xffff < link.full_chance;
                let medium = bits >> 16 & 0xff < 100;
                self.acknowledge = bits >> 24 & 0xffff < link.ack_chance;
                let (flags, len) = if full {
                    (ACK, self.payload_of_frame(FULL_FRAME, TCP_LEN))
                } else if medium {
                    (PSH | ACK, self.payload_of_frame(MEDIUM_FRAME, TCP_LEN))
                } else {
                    (PSH | ACK, link.small_payload())
                };
                self.send_segment(link, self.sender, flags, len);
                if self.acknowledge {
                    Pace::Pause
                } else {
                    Pace::AtOnce
                }
            }
            Stage::OtherFin => {
                self.stage = Stage::LastAck;
                self.send_segment(link, self.sender.other(), FIN | ACK, 0);
                Pace::Pause
            }
            Stage::LastAck => {
                self.send_segment(link, self.sender, ACK, 0);
                Pace::Pause
            }
        }
    }

    /// Sends a TCP segment; on the port of HTTPS it holds one TLS record of application data.
    fn send_segment(&mut self, link: &mut Link, direction: Direction, flags: u8, len: u16) {
        let transport = Transport::Tcp { flags };
        if len >= 8 && self.ports[1] == HTTPS {
            let [high, low] = (len - 5).to_be_bytes();
            let lead = &[23, 3, 3, high, low, 0x5a];
            link.send(
                self,
                direction,
                transport,
                Payload {
                    lead,
                    filler_len: len - 6,
                },
            );
        } else {
            link.send(self, direction, transport, Payload::filler(len));
        }
        let counted = u32::from(len) + u32::from(flags & (SYN | FIN) != 0);
        let sequence = &mut self.sequence[direction.source()];
        *sequence = sequence.wrapping_add(counted);
    }

    /// The client speaks first, then the server, then either of them.
    fn either_way(&self, link: &mut Link) -> Direction {
        match self.datagram_count {
            0 => Direction::ToServer,
            1 => Direction::ToClient,
            _ if !self.seen[1] || link.random.below(2) == 0 => Direction::ToClient,
            _ => Direction::ToServer,
        }
    }

    /// Payload that makes a frame without tags and tunnels that long.
    fn payload_of_frame(&self, frame_len: u16, transport_len: u16) -> u16 {
        frame_len - ETHERNET_LEN - self.ip_len() - transport_len
    }

    pub(crate) fn ip_len(&self) -> u16 {
        if self.wrapping.ipv6 {
            IPV6_LEN
        } else {
            IPV4_LEN
        }
    }

    /// Frames that must remain after a datagram: the end of a connection, or the first answer,
    /// which makes the second flow.
    pub(crate) fn reserved(&self) -> u64 {
        match self.profile {
            Profile::Transfer | Profile::Interactive => 3,
            _ => u64::from(!self.seen[1]),
        }
    }
}

impl Direction {
    fn other(self) -> Self {
        match self {
            Self::ToServer => Self::ToClient,
            Self::ToClient => Self::ToServer,
        }
    }

    /// Index of the sending side in pairs of client and server.
    pub(crate) fn source(self) -> usize {
        match self {
            Self::ToServer => 0,
            Self::ToClient => 1,
        }
    }

    /// `pair` as source and destination.
    pub(crate) fn orient<T: Copy>(self, pair: [T; 2]) -> [T; 2] {
        [pair[self.source()], pair[1 - self.source()]]
    }
}

/// The end of a list.
pub(crate) const NOBODY: usize = usize::MAX;

const SCANNED_PORTS: [u16; 8] = [22, 23, 80, 445, 1433, 3389, 5900, 8080];
const HTTPS: u16 = 443;

const FULL_FRAME: u16 = 1514;
const MEDIUM_FRAME: u16 = 576;
const TINY_FRAME: u16 = 84;

/// Header, one question for the A record of `h00000000.example.com`.
const DNS_QUERY: &[u8; 38] =
    b"\0\0\x01\0\0\x01\0\0\0\0\0\0\x08--------\x07example\x03com\0\0\x01\0\x01";
/// A record of the name at offset 12, for 300 s, with an address of 4 bytes to follow.
const DNS_ANSWER: &[u8; 12] = b"\xc0\x0c\0\x01\0\x01\0\0\x01\x2c\0\x04";
const DNS_LEN: usize = DNS_QUERY.len() + 4 * 16;
const HEX: &[u8; 16] = b"0123456789abcdef";

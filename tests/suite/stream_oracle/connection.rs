//! Connections that chance makes, and what happens to their packets.

use super::packet::Packet;
use proptest::prelude::*;
use proptest::sample::Index;
use testkit::conversation::{ACK, CLIENT, Ends, FIN, PSH, RST, SYN, Segment, content};

/// Where connections are, seen from their clients: some share their hosts, some only the ports.
pub(super) const PLACES: [Ends; 4] = [
    CLIENT,
    CLIENT.with_port(40_001),
    CLIENT.with_ipv6(),
    Ends {
        hosts: (9, 3),
        ports: (80, 80),
        ..CLIENT
    },
];

/// What may happen to packets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weather {
    /// All SYNs are captured.
    pub(super) has_syns: bool,
    /// They are captured first.
    pub(super) is_orderly: bool,
    /// Other packets may be missing.
    pub(super) loses: bool,
    /// Bytes that come again may be others.
    pub(super) lies: bool,
    /// Packets are not captured to their ends.
    pub(super) cuts: bool,
    /// Bytes come once.
    pub(super) is_sparse: bool,
    /// Fragments of a packet overtake each other, and other packets.
    pub(super) shuffles_fragments: bool,
}

impl Weather {
    /// Everything is captured, though in any order.
    pub(super) const FAIR: Self = Self {
        has_syns: false,
        is_orderly: false,
        loses: false,
        lies: false,
        cuts: false,
        is_sparse: false,
        shuffles_fragments: false,
    };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Open,
    Fin,
    Rst,
}

/// What one side of a connection sends.
#[derive(Clone, Debug)]
pub(super) struct Side {
    isn: u32,
    has_syn: bool,
    /// The SYN brings the first bytes.
    syn_carries: bool,
    /// What the SYN says of the window.
    window_scale: Option<u8>,
    len: usize,
    /// Where the stream is cut into segments.
    cuts: Vec<Index>,
    /// Stretches that are sent once more.
    again: Vec<(Index, Index)>,
    /// Packets without payload.
    acks: usize,
    ending: Ending,
    /// The FIN comes with the last bytes.
    fin_carries: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Connection {
    /// Which of [`PLACES`].
    pub(super) place: usize,
    /// Of the client, and of the server.
    pub(super) sides: [Side; 2],
    /// The SYNs are captured first.
    is_orderly: bool,
    /// All packets are captured in the order in which they are sent.
    is_calm: bool,
    /// Acknowledgment numbers are any.
    acknowledges_anything: bool,
    /// What happens to the packets, in turn.
    touches: Vec<Touch>,
}

/// What happens to a packet.
#[derive(Clone, Debug)]
pub(super) struct Touch {
    /// Packets are captured in the order of these numbers.
    pub(super) order: u16,
    /// It is captured once more, with this number.
    again: Option<u16>,
    is_lost: bool,
    acknowledged: u32,
    pub(super) tap: Tap,
    pub(super) shape: Shape,
    /// Some bytes are others, if this is not 0.
    pub(super) lie: u8,
    /// How much of its end was not captured.
    pub(super) cut: Option<Index>,
}

/// Past which tap a packet went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tap {
    Usual,
    OtherMacs,
}

impl Tap {
    pub(super) fn of(self, ends: Ends) -> Ends {
        // Answers to one of the clients take a VLAN of their own.
        let is_tagged = ends.ports == PLACES[1].reversed().ports;
        let ends = Ends {
            vlan: is_tagged.then_some(100),
            ..ends
        };
        match self {
            Self::Usual => ends,
            Self::OtherMacs => Ends { tap: 7, ..ends },
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Plain,
    /// To the least length of Ethernet frames.
    Padded,
    /// IP's header leaves the length open.
    OpenLength,
    /// In fragments of so many bytes, which come so many packets late.
    Fragments(usize, Vec<usize>),
}

pub(super) fn any_touch(weather: Weather) -> impl Strategy<Value = Touch> {
    let tap = prop_oneof![
        6 => Just(Tap::Usual),
        2 => Just(Tap::OtherMacs),
    ];
    let late = if weather.shuffles_fragments {
        0..4
    } else {
        0..1_usize
    };
    let fragments = (1_usize..20, prop::collection::vec(late, 1..4))
        .prop_map(|(words, late)| Shape::Fragments(words * 8, late));
    let shape = prop_oneof![
        6 => Just(Shape::Plain),
        1 => Just(Shape::Padded),
        1 => Just(Shape::OpenLength),
        1 => fragments,
    ];
    let bytes = (
        prop::bool::weighted(0.2),
        prop::option::weighted(0.4, any::<Index>()),
        0..4_u8,
    );
    let again = prop::option::weighted(0.2, any::<u16>());
    (any::<u16>(), again, any::<u32>(), tap, shape, bytes).prop_map(
        move |(order, again, acknowledged, tap, shape, (is_lost, cut, lie))| Touch {
            order,
            again: again.filter(|_| !weather.is_sparse),
            is_lost: is_lost && weather.loses,
            acknowledged,
            tap,
            shape: if weather.cuts { Shape::Plain } else { shape },
            lie: if weather.lies { lie } else { 0 },
            cut: cut.filter(|_| weather.cuts),
        },
    )
}

fn any_side(weather: Weather) -> impl Strategy<Value = Side> {
    // Sequence numbers that wrap soon are as good as others.
    let isn = prop_oneof![any::<u32>(), u32::MAX - 3000..=u32::MAX];
    let len = prop_oneof![20 => 0..40_usize, 19 => 0..3000_usize, 1 => 0..150_000_usize];
    let ending = prop_oneof![
        3 => Just(Ending::Fin),
        2 => Just(Ending::Open),
        1 => Just(Ending::Rst),
    ];
    let most_again = if weather.is_sparse { 1 } else { 5 };
    let syn = (
        prop::bool::weighted(0.8),
        prop::bool::weighted(0.2),
        prop::option::of(1_u8..10),
    );
    let segments = (
        prop::collection::vec(any::<Index>(), 0..8),
        prop::collection::vec(any::<(Index, Index)>(), 0..most_again),
        0..3_usize,
    );
    (isn, syn, len, segments, ending, any::<bool>()).prop_map(
        |(isn, syn, len, (cuts, again, acks), ending, fin_carries)| Side {
            isn,
            has_syn: syn.0,
            syn_carries: syn.1,
            window_scale: syn.2,
            len,
            cuts,
            again,
            acks,
            ending,
            fin_carries,
        },
    )
}

pub(super) fn any_connection(weather: Weather) -> impl Strategy<Value = Connection> {
    let sides = [any_side(weather), any_side(weather)];
    let touches = prop::collection::vec(any_touch(weather), 1..16);
    (0..PLACES.len(), sides, any::<[bool; 3]>(), touches).prop_map(
        |(place, sides, [is_orderly, is_calm, acknowledges_anything], touches)| Connection {
            place,
            sides,
            is_orderly,
            is_calm,
            acknowledges_anything,
            touches,
        },
    )
}

impl Side {
    pub(super) fn content(&self) -> Vec<u8> {
        content(u64::from(self.isn), self.len)
    }

    /// The sequence number of a place in the stream.
    fn sequence(&self, place: usize) -> u32 {
        let place = u32::try_from(place).unwrap();
        self.isn.wrapping_add(1).wrapping_add(place)
    }

    const fn is_silent(&self) -> bool {
        let sends = self.has_syn || self.len > 0 || self.acks > 0;
        !sends && matches!(self.ending, Ending::Open)
    }

    /// The stretches that segments bring, in order; then those that come again.
    fn stretches(&self) -> Vec<(usize, usize)> {
        let place = |index: &Index| index.index(self.len + 1);
        let mut bounds: Vec<usize> = self.cuts.iter().map(place).collect();
        bounds.extend([0, self.len]);
        bounds.sort_unstable();
        let stretches = bounds.windows(2).map(|pair| (pair[0], pair[1]));
        let again = self.again.iter().map(|(a, b)| (place(a), place(b)));
        let again = again.map(|(a, b)| (a.min(b), a.max(b)));
        stretches
            .chain(again)
            .filter(|(start, end)| start < end)
            .collect()
    }

    /// What is sent: flags, and the stretch of the stream that comes with them. The SYN is first.
    fn sent(&self, is_server: bool) -> Vec<(u8, (usize, usize))> {
        let mut sent = Vec::new();
        let mut stretches = self.stretches();
        if self.has_syn {
            let carries = self.syn_carries && !stretches.is_empty();
            let stretch = if carries { stretches.remove(0) } else { (0, 0) };
            sent.push((if is_server { SYN | ACK } else { SYN }, stretch));
        }
        for (start, end) in stretches {
            let is_last = self.ending == Ending::Fin && self.fin_carries && end == self.len;
            let flags = if is_last { FIN | ACK } else { PSH | ACK };
            sent.push((flags, (start, end)));
        }
        sent.extend((0..self.acks).map(|_| (ACK, (self.len, self.len))));
        let has_fin = sent.iter().any(|(flags, _)| flags & FIN != 0);
        match self.ending {
            Ending::Fin if !has_fin => sent.push((FIN | ACK, (self.len, self.len))),
            Ending::Rst => sent.push((RST | ACK, (self.len, self.len))),
            _ => {}
        }
        sent
    }
}

impl Connection {
    /// Changes what could not be told apart from the connections `before` it at the same place:
    /// it starts with a SYN, and that has another number.
    pub(super) fn settle(&mut self, before: &[&Self], weather: Weather) {
        let [client, server] = &mut self.sides;
        client.has_syn |= weather.has_syns;
        server.has_syn |= weather.has_syns;
        self.is_orderly |= weather.is_orderly;
        if !before.is_empty() {
            self.is_orderly = true;
            client.has_syn |= !server.has_syn;
        }
        client.has_syn |= client.is_silent() && server.is_silent();
        let all_have_syns = self.has_syns() && before.iter().all(|it| it.has_syns());
        // Without a SYN, only what is far away belongs to another connection; where numbers are near,
        // acknowledgments tell connections apart.
        let acknowledges_anything =
            self.acknowledges_anything || before.iter().any(|it| it.acknowledges_anything);
        let is_told_apart = all_have_syns && !acknowledges_anything;
        let distance = if is_told_apart { 0 } else { 128 << 20 };
        // Of numbers that were sent microseconds ago nothing tells which connection they are of; hosts
        // keep initial numbers apart from them (RFC 9293, section 3.4.1).
        let distance = |a: usize, b: usize| distance.max(u32::try_from(a.max(b) + 2).unwrap());
        for (number, side) in self.sides.iter_mut().enumerate() {
            let len = side.len;
            let is_near = |isn: u32| {
                before.iter().any(|it| {
                    let other = &it.sides[number];
                    let apart = isn.wrapping_sub(other.isn).min(other.isn.wrapping_sub(isn));
                    apart <= distance(len, other.len)
                })
            };
            while is_near(side.isn) {
                side.isn = side.isn.wrapping_add(150_000_000);
            }
            // Without a SYN in front, the start of a stream is only looked for so long.
            if !(side.has_syn && self.is_orderly) {
                side.len = side.len.min(30_000);
            }
        }
        // A SYN that comes late is only believed where it fits what the other side says.
        self.acknowledges_anything &= self.has_syns() && self.is_orderly;
    }

    fn has_syns(&self) -> bool {
        self.sides.iter().all(|side| side.has_syn)
    }

    /// What is captured of it, with numbers that tell in which order.
    pub(super) fn packets(&self, number: usize) -> Vec<(u32, Packet)> {
        let mut packets = Vec::new();
        let mut touches = self.touches.iter().cycle();
        for (index, side) in self.sides.iter().enumerate() {
            let peer = &self.sides[1 - index];
            let content = side.content();
            for (flags, (start, end)) in side.sent(index == 1) {
                let mut touch = touches.next().unwrap().clone();
                let is_syn = flags & SYN != 0;
                // What tells where a connection starts is never late.
                if is_syn && matches!(touch.shape, Shape::Fragments(..)) {
                    touch.shape = Shape::Plain;
                }
                let acknowledgment = match flags {
                    SYN => 0,
                    _ if is_syn => peer.sequence(0),
                    _ if self.acknowledges_anything => touch.acknowledged,
                    _ => peer.sequence(touch.acknowledged as usize % (peer.len + 2)),
                };
                let ends = PLACES[self.place];
                let lie = |place: usize| if place % 3 == 1 { 0 } else { touch.lie };
                let packet = Packet {
                    connection: number,
                    side: index,
                    offset: start,
                    segment: Segment {
                        ends: if index == 0 { ends } else { ends.reversed() },
                        sequence: side.sequence(start).wrapping_sub(u32::from(is_syn)),
                        acknowledgment,
                        flags,
                        window: touch.order,
                        payload: (start..end).map(|at| content[at] ^ lie(at)).collect(),
                    },
                    window_scale: side.window_scale.filter(|_| is_syn),
                    touch,
                };
                let sent = u32::try_from(packets.len()).unwrap();
                let order = match u32::from(packet.touch.order) {
                    order if is_syn && self.is_orderly => order % 2,
                    _ if self.is_calm => 2 + sent * 1000,
                    order => 2 + order,
                };
                let again = packet
                    .touch
                    .again
                    .map(|again| (2 + u32::from(again), packet.clone()));
                if is_syn || !packet.touch.is_lost {
                    packets.push((order, packet));
                }
                packets.extend(again);
            }
        }
        packets
    }
}

//! The capture that is written.

use crate::Options;
use crate::connection::{Connection, Packet};
use crate::shape::Contents;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use testkit::checksum::{fold, sum_words};
use testkit::ethernet::{self, Ethernet};
use testkit::ip::{Checksum, DO_NOT_FRAGMENT, IPV4_LEN, Ipv4};
use testkit::pcap::{Pcap, START_S};
use testkit::transport::{
    ACK, SYN, SYN_OPTIONS, TCP, TCP_CHECKSUM, TCP_LEN, Tcp, pseudo_header_sum,
};
use testkit::{Random, low16, low32};

/// What has been written.
#[derive(Default)]
pub(crate) struct Totals {
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    pub(crate) connections: u64,
    pub(crate) streams: u64,
    /// Bytes of all streams; those of repeated segments count once.
    pub(crate) payload: u64,
    /// With data, without the repetitions.
    pub(crate) segments: u64,
    pub(crate) repeated: u64,
    pub(crate) late: u64,
    /// Connections at the same time.
    pub(crate) most_open: usize,
}

impl fmt::Display for Totals {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            packets,
            bytes,
            connections,
            streams,
            payload,
            segments,
            repeated,
            late,
            most_open,
        } = self;
        write!(
            formatter,
            "packets={packets} bytes={bytes} connections={connections} streams={streams} \
             payload={payload} segments={segments} repeated={repeated} late={late} \
             most_open={most_open}"
        )
    }
}

pub(crate) fn write_capture(options: &Options, output: impl Write) -> io::Result<Totals> {
    let Options {
        shape,
        seed,
        connection_count,
        ..
    } = *options;
    let mut random = Random::new(seed);
    let mut capture = Capture::new(&mut random, output)?;
    let seed = random.next_u64();
    // The connection that is due first sends its next packet. Numbers order equal times.
    let mut open = BTreeMap::new();
    let mut next_start = START_NS;
    loop {
        let totals = &mut capture.totals;
        while totals.connections < connection_count
            && open
                .first_key_value()
                .is_none_or(|((due, _), _)| *due >= next_start)
        {
            let id = totals.connections;
            let connection = Connection::new(shape, id, connection_count, seed);
            totals.connections += 1;
            totals.streams += match shape.contents {
                Contents::Bulk { .. } => 1,
                Contents::Exchanges { .. } => 2,
            };
            open.insert((next_start, id), connection);
            next_start += random.below(2 * shape.interval_ns);
        }
        totals.most_open = totals.most_open.max(open.len());
        let Some(((due, id), mut connection)) = open.pop_first() else {
            break;
        };
        if let Some(packet) = connection.packets.pop_front() {
            capture.send(&mut connection, packet, due)?;
        }
        if !connection.packets.is_empty() || connection.plan(shape.disorder, &mut capture.totals) {
            let soon = connection.packets.front().is_some_and(|it| it.soon);
            let pause_ns = shape.pause_ns / if soon { 64 } else { 1 };
            let pause_ns = pause_ns / 2 + connection.random.below(pause_ns);
            open.insert((due + pause_ns, id), connection);
        }
    }
    capture.output.flush()?;
    Ok(capture.totals)
}

struct Capture<W> {
    output: W,
    totals: Totals,
    clock_ns: u64,
    /// [`FILLER_LEN`] bytes, then as many of them again as a segment has.
    filler: Vec<u8>,
}

impl<W: Write> Capture<W> {
    fn new(random: &mut Random, mut output: W) -> io::Result<Self> {
        let mut filler = random.bytes(FILLER_BYTES);
        filler.extend_from_within(..usize::from(low16(SEGMENT_LEN)));
        let header = Pcap::NANOS.file_header();
        output.write_all(&header)?;
        Ok(Self {
            output,
            totals: Totals {
                bytes: header.len() as u64,
                ..Totals::default()
            },
            clock_ns: 0,
            filler,
        })
    }

    fn send(&mut self, connection: &mut Connection, packet: Packet, due_ns: u64) -> io::Result<()> {
        let Packet {
            from,
            flags,
            sequence,
            acknowledged,
            len,
            ..
        } = packet;
        let to = 1 - from;
        let options: &[u8] = if flags & SYN == 0 { &[] } else { &SYN_OPTIONS };
        let tcp_len = TCP_LEN + options.len();
        let payload_len = usize::from(len);
        let frame_len = ethernet::LEN + IPV4_LEN + tcp_len + payload_len;
        let wire_len = low32(frame_len as u64);
        self.clock_ns = due_ns.max(self.clock_ns + 1);

        // Record, Ethernet, IP, TCP. 82 bytes with the options of a SYN.
        let mut head = Vec::with_capacity(96);
        let time = (
            low32(self.clock_ns / 1_000_000_000),
            low32(self.clock_ns % 1_000_000_000),
        );
        Pcap::NANOS.put_record_header(time, wire_len, frame_len, &mut head);
        let ethernet = Ethernet {
            src: MACS[from],
            dst: MACS[to],
            tags: &[],
            ether_type: ethernet::IPV4,
        };
        ethernet.put(&mut head);
        connection.ip_id[from] = connection.ip_id[from].wrapping_add(1);
        let [src, dst] = [from, to].map(|side| connection.hosts[side]);
        let ip = Ipv4 {
            id: connection.ip_id[from],
            fragment: DO_NOT_FRAGMENT,
            checksum: Checksum::Valid,
            ..Ipv4::new(src.into(), dst.into(), TCP)
        };
        ip.put(tcp_len + payload_len, &mut head);

        let start_of_tcp = head.len();
        let tcp = Tcp {
            ports: (connection.ports[from], connection.ports[to]),
            sequence: connection.first_sequence[from].wrapping_add(sequence),
            acknowledgment: if flags & ACK == 0 {
                0
            } else {
                connection.first_sequence[to].wrapping_add(acknowledged)
            },
            flags,
            window: WINDOW,
            options,
        };
        tcp.put(&mut head);
        let start = (connection.filler_start[from] + u64::from(sequence.max(1) - 1)) % FILLER_LEN;
        let start = usize::try_from(start).unwrap_or(0);
        let payload = &self.filler[start..start + payload_len];
        let len = low32((tcp_len + payload_len) as u64);
        let sum = pseudo_header_sum(&src.to_be_bytes(), &dst.to_be_bytes(), TCP, len)
            + sum_words(&head[start_of_tcp..])
            + sum_words(payload);
        let at = start_of_tcp + TCP_CHECKSUM;
        head[at..at + 2].copy_from_slice(&fold(sum).to_be_bytes());

        self.output.write_all(&head)?;
        self.output.write_all(payload)?;
        self.totals.packets += 1;
        self.totals.bytes += 16 + frame_len as u64;
        Ok(())
    }
}

const START_NS: u64 = START_S as u64 * 1_000_000_000;
/// 16 to a client address, of which there are 2²⁴.
pub(crate) const MAX_CONNECTIONS: u64 = 1 << 28;
const FILLER_BYTES: usize = 1 << 20;
pub(crate) const FILLER_LEN: u64 = FILLER_BYTES as u64;
pub(crate) const SEGMENT_LEN: u64 = 1460;
const MACS: [[u8; 6]; 2] = [[2, 0, 0x5e, 0, 0, 1], [2, 0, 0x5e, 0, 0, 2]];
const WINDOW: u16 = 64_240;

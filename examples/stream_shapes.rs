//! Writes large synthetic captures of TCP connections, for benchmarks of extracting streams.
//!
//! ```text
//! cargo run --release --example stream_shapes -- streams-bulk bulk.pcap [--seed N] [--scale X]
//! ```
//!
//! This file needs nothing but `std`: `rustc -O --edition 2024` compiles it alone.
//!
//! | shape | file | connections | streams | what it is like |
//! |---|---|---|---|---|
//! | `streams-bulk` | 1.0 GB | 483 | 483 | full segments one way, an ACK for two of them |
//! | `streams-many` | 400 MB | 100,000 | 200,000 | one to three short requests and answers |
//!
//! A stream is a direction that carries data. Connections are interleaved packet by packet: nearly
//! all of `streams-bulk` are open at a time, and some 2,400 of `streams-many`. The scale is that of
//! the number of connections; what each is like stays.
//!
//! # Guarantees
//!
//! - Classic pcap, nanoseconds, little-endian, Ethernet, IPv4; timestamps rise strictly; no frame
//!   is cut. None is padded to 60 bytes: there are programs that take padding for data, and would
//!   not do the same work.
//! - Each connection has addresses and ports of its own, and goes from SYN to the last ACK.
//!   Sequence numbers start anywhere and may wrap. Checksums are right.
//! - Nothing is lost. In `streams-bulk`, one segment in 1000 comes twice, and one in 1000 behind
//!   its successor; `streams-many` is in order.
//! - Byte `i` of a stream is byte `(start + i) % 2²⁰` of a filler, with a start of its own that is
//!   drawn: a repeated segment repeats its bytes.
//! - Equal options and seed give equal bytes, on every platform.
//!
//! The last line on standard error says what was written. Exit codes: 0 written, 1 writing failed,
//! 2 wrong usage.

#![expect(
    clippy::print_stderr,
    reason = "errors and the closing line belong on standard error"
)]

use std::collections::{BTreeMap, VecDeque};
use std::env;
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

const USAGE: &str =
    "usage: stream_shapes <streams-bulk|streams-many> <FILE> [--seed N] [--scale X]";

fn main() -> ExitCode {
    let Some(options) = parse_args(env::args_os().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let written = File::create(&options.path)
        .and_then(|file| write_capture(&options, BufWriter::with_capacity(1 << 20, file)));
    match written {
        Ok(totals) => {
            eprintln!("{totals}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("stream_shapes: {}: {error}", options.path.display());
            ExitCode::from(1)
        }
    }
}

struct Options {
    shape: &'static Shape,
    path: OsString,
    seed: u64,
    connection_count: u64,
}

fn parse_args(mut args: impl Iterator<Item = OsString>) -> Option<Options> {
    let mut positional = Vec::new();
    let mut seed = 1;
    let mut scale = 1.0;
    while let Some(arg) = args.next() {
        match arg.to_str() {
            Some("--seed") => seed = args.next()?.to_str()?.parse().ok()?,
            Some("--scale") => scale = args.next()?.to_str()?.parse().ok()?,
            Some(name) if name.starts_with("--") => return None,
            _ => positional.push(arg),
        }
    }
    let [shape, path] = <[OsString; 2]>::try_from(positional).ok()?;
    let shape = match shape.to_str()? {
        "streams-bulk" => &BULK,
        "streams-many" => &MANY,
        _ => return None,
    };
    Some(Options {
        shape,
        path,
        seed,
        connection_count: scaled(shape.connection_count, scale)?,
    })
}

/// At least 1; `None` for what is too much to have addresses, or no number at all.
fn scaled(count: u32, scale: f64) -> Option<u64> {
    let count = (f64::from(count) * scale).round().max(1.0);
    // Formatting rounds nothing here, and needs no cast.
    let count = format!("{count:.0}").parse().ok()?;
    (scale > 0.0 && count <= MAX_CONNECTIONS).then_some(count)
}

// ----------------------------------------------------------------------------------------------
// Shapes
// ----------------------------------------------------------------------------------------------

struct Shape {
    connection_count: u32,
    /// Average time from one connection's begin to the next one's.
    interval_ns: u64,
    /// Average time between two packets of a connection.
    pause_ns: u64,
    contents: Contents,
    /// Segments that come twice, in 1000; equally many are late.
    disorder: u64,
}

enum Contents {
    /// One transfer, of 0.5 to 1.5 times as many bytes.
    Bulk { bytes: u64 },
    /// One to three requests and answers, of between so many bytes.
    Exchanges {
        request: (u64, u64),
        answer: (u64, u64),
    },
}

const BULK: Shape = Shape {
    connection_count: 483,
    interval_ns: 2_000_000,
    pause_ns: 5_000_000,
    contents: Contents::Bulk { bytes: 1_930_000 },
    disorder: 1,
};

const MANY: Shape = Shape {
    connection_count: 100_000,
    interval_ns: 1_000_000,
    pause_ns: 220_000_000,
    contents: Contents::Exchanges {
        request: (100, 500),
        answer: (200, 2380),
    },
    disorder: 0,
};

// ----------------------------------------------------------------------------------------------
// Connection
// ----------------------------------------------------------------------------------------------

const CLIENT: usize = 0;
const SERVER: usize = 1;

/// An open connection. Arrays hold what belongs to the client, then to the server.
struct Connection {
    random: Random,
    hosts: [u32; 2],
    ports: [u16; 2],
    ip_id: [u16; 2],
    first_sequence: [u32; 2],
    /// Where in the filler the streams begin.
    filler_start: [u64; 2],
    /// How far each has got: SYN, bytes and FIN count as in sequence numbers.
    sent: [u32; 2],
    /// Who sends how many bytes, in this order.
    transfers: VecDeque<(usize, u64)>,
    /// Segments that still come before the next acknowledgement.
    patience: u64,
    closed: bool,
    /// The next packets, in the order in which they are seen.
    packets: VecDeque<Packet>,
}

/// Sequence numbers count from the first one.
#[derive(Clone, Copy)]
struct Packet {
    from: usize,
    flags: u8,
    sequence: u32,
    acknowledged: u32,
    len: u16,
    /// Comes right behind the one before.
    soon: bool,
}

impl Connection {
    fn new(shape: &Shape, id: u64, count: u64, seed: u64) -> Self {
        let mut random = Random(seed ^ id << 24);
        let transfers = match shape.contents {
            // Not drawn: with few connections, the size of the file would depend on the seed.
            Contents::Bulk { bytes } => {
                let sender = usize::from(random.below(2) == 0);
                [(sender, bytes / 2 + bytes * (2 * id + 1) / (2 * count))].into()
            }
            Contents::Exchanges { request, answer } => (0..random.between((1, 3)))
                .flat_map(|_| [(CLIENT, request), (SERVER, answer)])
                .map(|(side, bounds)| (side, random.between(bounds)))
                .collect(),
        };
        let mut connection = Self {
            // 16 connections to a client; its address and port together are the id.
            hosts: [
                0x0a00_0000 | low32((id >> 4).wrapping_mul(0x9e_3779) & 0x00ff_ffff),
                0x2d00_0000 | low32(random.below(1000) * 0x4001),
            ],
            // Server ports that no protocol uses: nobody should look for sense in the contents.
            ports: [
                0xc000 | low16((id & 15) * 0x2d3 + (id >> 4 & 0xff)),
                0x3000 | low16(random.below(0x400)),
            ],
            ip_id: [low16(random.next()), low16(random.next())],
            first_sequence: [low32(random.next()), low32(random.next())],
            filler_start: [random.below(FILLER_LEN), random.below(FILLER_LEN)],
            sent: [0; 2],
            transfers,
            patience: random.between((1, 3)),
            closed: false,
            packets: VecDeque::new(),
            random,
        };
        connection.control(CLIENT, SYN);
        connection.control(SERVER, SYN | ACK);
        connection.control(CLIENT, ACK);
        connection
    }

    /// Adds a packet without data.
    fn control(&mut self, from: usize, flags: u8) {
        self.packets.push_back(Packet {
            from,
            flags,
            sequence: self.sent[from],
            acknowledged: self.sent[1 - from],
            len: 0,
            soon: false,
        });
        self.sent[from] += u32::from(flags & (SYN | FIN) != 0);
    }

    /// Adds what comes next to the packets; false says that nothing does.
    fn plan(&mut self, disorder: u64, totals: &mut Totals) -> bool {
        let Some(transfer) = self.transfers.front_mut() else {
            if !self.closed {
                let first = usize::from(self.random.below(2) == 0);
                self.control(first, FIN | ACK);
                self.control(1 - first, FIN | ACK);
                self.control(first, ACK);
            }
            return !std::mem::replace(&mut self.closed, true);
        };
        let from = transfer.0;
        let chance = self.random.below(1000);
        let late = (disorder..2 * disorder).contains(&chance) && transfer.1 > SEGMENT_LEN;
        let repeated = chance < disorder;
        let mut segments = [None; 2];
        for segment in &mut segments[..=usize::from(late)] {
            let len = transfer.1.min(SEGMENT_LEN);
            transfer.1 -= len;
            *segment = Some(Packet {
                from,
                flags: if transfer.1 == 0 { PSH | ACK } else { ACK },
                sequence: self.sent[from],
                acknowledged: self.sent[1 - from],
                len: low16(len),
                soon: false,
            });
            self.sent[from] += low32(len);
            totals.payload += len;
            totals.segments += 1;
        }
        let over = transfer.1 == 0;
        let [Some(first), second] = segments else {
            return false;
        };
        if let Some(second) = second {
            self.packets.push_back(second);
            totals.late += 1;
        }
        self.packets.push_back(Packet {
            soon: late,
            ..first
        });
        if repeated {
            self.packets.push_back(first);
            totals.repeated += 1;
        }

        self.patience = self.patience.saturating_sub(1 + u64::from(late));
        if over {
            self.transfers.pop_front();
        }
        // An answer acknowledges as well, and so does a FIN.
        if self.patience == 0 && !over {
            self.control(1 - from, ACK);
            self.patience = self.random.between((1, 3));
        }
        true
    }
}

// ----------------------------------------------------------------------------------------------
// Capture
// ----------------------------------------------------------------------------------------------

/// What has been written.
#[derive(Default)]
struct Totals {
    packets: u64,
    bytes: u64,
    connections: u64,
    streams: u64,
    /// Bytes of all streams; those of repeated segments count once.
    payload: u64,
    /// With data, without the repetitions.
    segments: u64,
    repeated: u64,
    late: u64,
    /// Connections at the same time.
    most_open: usize,
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

fn write_capture(options: &Options, output: impl Write) -> io::Result<Totals> {
    let Options {
        shape,
        seed,
        connection_count,
        ..
    } = *options;
    let mut random = Random(seed);
    let mut capture = Capture::new(&mut random, output)?;
    let seed = random.next();
    // Whoever is due first sends its next packet. Numbers tell equal times apart.
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
        let mut filler: Vec<u8> = (0..FILLER_LEN / 8)
            .flat_map(|_| random.next().to_le_bytes())
            .collect();
        filler.extend_from_within(..usize::from(low16(SEGMENT_LEN)));
        let mut header = [0; 24];
        header[0..4].copy_from_slice(&0xa1b2_3c4d_u32.to_le_bytes());
        header[4..8].copy_from_slice(&[2, 0, 4, 0]);
        header[16..20].copy_from_slice(&262_144_u32.to_le_bytes());
        header[20] = 1;
        output.write_all(&header)?;
        Ok(Self {
            output,
            totals: Totals {
                bytes: 24,
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
        let tcp_len = 20 + low16(u64::try_from(options.len()).unwrap_or(0));
        let ip_len = 20 + tcp_len + len;
        let frame_len = 14 + u32::from(ip_len);
        self.clock_ns = due_ns.max(self.clock_ns + 1);

        // Record, Ethernet, IP, TCP. 82 bytes with the options of a SYN.
        let mut head = Vec::with_capacity(96);
        head.extend(low32(self.clock_ns / 1_000_000_000).to_le_bytes());
        head.extend(low32(self.clock_ns % 1_000_000_000).to_le_bytes());
        head.extend(frame_len.to_le_bytes());
        head.extend(frame_len.to_le_bytes());
        head.extend(MACS[to]);
        head.extend(MACS[from]);
        head.extend([0x08, 0x00]);

        connection.ip_id[from] = connection.ip_id[from].wrapping_add(1);
        head.extend([0x45, 0]);
        head.extend(ip_len.to_be_bytes());
        head.extend(connection.ip_id[from].to_be_bytes());
        head.extend([0x40, 0, 64, TCP, 0, 0]);
        head.extend(connection.hosts[from].to_be_bytes());
        head.extend(connection.hosts[to].to_be_bytes());
        let ip = 16 + 14;
        let checksum = checksum(sum_words(&head[ip..]));
        head[ip + 10..ip + 12].copy_from_slice(&checksum.to_be_bytes());

        let tcp = ip + 20;
        head.extend(connection.ports[from].to_be_bytes());
        head.extend(connection.ports[to].to_be_bytes());
        head.extend(
            connection.first_sequence[from]
                .wrapping_add(sequence)
                .to_be_bytes(),
        );
        let acknowledgement = if flags & ACK == 0 {
            0
        } else {
            connection.first_sequence[to].wrapping_add(acknowledged)
        };
        head.extend(acknowledgement.to_be_bytes());
        head.extend([low8(tcp_len / 4 * 16), flags]);
        head.extend(WINDOW.to_be_bytes());
        head.extend([0; 4]);
        head.extend(options);
        let start = (connection.filler_start[from] + u64::from(sequence.max(1) - 1)) % FILLER_LEN;
        let start = usize::try_from(start).unwrap_or(0);
        let payload = &self.filler[start..start + usize::from(len)];
        let sum = sum_words(&head[tcp - 8..])
            + u64::from(TCP)
            + u64::from(tcp_len + len)
            + sum_words(payload);
        let checksum = self::checksum(sum);
        head[tcp + 16..tcp + 18].copy_from_slice(&checksum.to_be_bytes());

        self.output.write_all(&head)?;
        self.output.write_all(payload)?;
        self.totals.packets += 1;
        self.totals.bytes += 16 + u64::from(frame_len);
        Ok(())
    }
}

/// Sum of big-endian 16-bit words; an odd byte at the end counts as if a zero followed.
fn sum_words(bytes: &[u8]) -> u64 {
    let words = bytes.chunks_exact(2);
    let odd = words.remainder().first().map_or(0, |&byte| u64::from(byte));
    let sum: u32 = words
        .map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])))
        .sum();
    u64::from(sum) + (odd << 8)
}

/// The internet checksum for a sum of words (RFC 1071).
fn checksum(sum: u64) -> u16 {
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    !low16(sum)
}

/// 2023-11-14 22:13:20 UTC.
const START_NS: u64 = 1_700_000_000_000_000_000;
/// 16 to a client address, of which there are 2²⁴.
const MAX_CONNECTIONS: u64 = 1 << 28;
const FILLER_LEN: u64 = 1 << 20;
const SEGMENT_LEN: u64 = 1460;
const MACS: [[u8; 6]; 2] = [[2, 0, 0x5e, 0, 0, 1], [2, 0, 0x5e, 0, 0, 2]];
const TCP: u8 = 6;
const WINDOW: u16 = 64_240;
/// Maximum segment size 1460; selective acknowledgements permitted.
const SYN_OPTIONS: [u8; 8] = [2, 4, 0x05, 0xb4, 1, 1, 4, 2];

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;

// ----------------------------------------------------------------------------------------------
// Numbers
// ----------------------------------------------------------------------------------------------

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `bound`, which is at least 1 and at most 2³².
    fn below(&mut self, bound: u64) -> u64 {
        ((self.next() >> 32) * bound) >> 32
    }

    /// A number from the first to the second one.
    fn between(&mut self, (least, most): (u64, u64)) -> u64 {
        least + self.below(most - least + 1)
    }
}

fn low32(value: u64) -> u32 {
    u32::try_from(value & 0xffff_ffff).unwrap_or(0)
}

fn low16(value: u64) -> u16 {
    u16::try_from(value & 0xffff).unwrap_or(0)
}

fn low8(value: u16) -> u8 {
    u8::try_from(value & 0xff).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capture(args: &str) -> (Vec<u8>, Totals) {
        let args = format!("{args} file");
        let options = parse_args(args.split_whitespace().map(OsString::from)).expect("right usage");
        let mut bytes = Vec::new();
        let totals = write_capture(&options, &mut bytes).expect("a Vec takes all");
        (bytes, totals)
    }

    /// The IP packets; asserts that records are whole and timestamps rise.
    fn packets(capture: &[u8]) -> Vec<&[u8]> {
        let mut packets = Vec::new();
        let mut last = (0, 0);
        let mut rest = &capture[24..];
        while let Some((header, body)) = rest.split_first_chunk::<16>() {
            let word = |at| u32::from_le_bytes(header[at..at + 4].try_into().expect("four bytes"));
            assert!(last < (word(0), word(4)) && word(4) < 1_000_000_000);
            last = (word(0), word(4));
            assert_eq!(word(8), word(12));
            let (frame, next) = body.split_at(usize::try_from(word(8)).expect("a length"));
            let len = usize::from(u16::from_be_bytes([frame[16], frame[17]]));
            assert_eq!(frame.len(), 14 + len);
            packets.push(&frame[14..]);
            rest = next;
        }
        assert!(rest.is_empty());
        packets
    }

    /// The bytes of each stream by addresses and ports, and how often a segment was seen late or
    /// again; asserts that nothing is missing between SYN and FIN.
    fn streams(packets: &[&[u8]]) -> (BTreeMap<Vec<u8>, Vec<u8>>, u64, u64) {
        struct Stream {
            next: u32,
            waiting: BTreeMap<u32, Vec<u8>>,
            bytes: Vec<u8>,
            ended: bool,
        }
        let mut streams = BTreeMap::new();
        let (mut late, mut repeated) = (0, 0);
        for packet in packets {
            let key = packet[12..24].to_vec();
            let word = |at| u32::from_be_bytes(packet[at..at + 4].try_into().expect("four"));
            let (sequence, flags) = (word(24), packet[33]);
            if flags & SYN != 0 {
                let stream = Stream {
                    next: sequence.wrapping_add(1),
                    waiting: BTreeMap::new(),
                    bytes: Vec::new(),
                    ended: false,
                };
                assert!(streams.insert(key, stream).is_none(), "one SYN each");
                continue;
            }
            let stream = streams.get_mut(&key).expect("a SYN first");
            let payload = &packet[20 + usize::from(packet[32] >> 4) * 4..];
            let distance = sequence.wrapping_sub(stream.next);
            if distance == 0 {
                stream.bytes.extend_from_slice(payload);
                stream.next = sequence.wrapping_add(low32(payload.len().try_into().expect("u64")));
                while let Some(payload) = stream.waiting.remove(&stream.next) {
                    let len = low32(payload.len().try_into().expect("u64"));
                    stream.next = stream.next.wrapping_add(len);
                    stream.bytes.extend(payload);
                    late += 1;
                }
            } else if distance < 1 << 31 {
                stream.waiting.insert(sequence, payload.to_vec());
            } else if !payload.is_empty() {
                assert!(stream.bytes.ends_with(payload), "the same bytes again");
                repeated += 1;
            }
            if flags & FIN != 0 {
                stream.next = stream.next.wrapping_add(1);
                stream.ended = true;
            }
        }
        let bytes = streams.into_iter().map(|(key, stream)| {
            assert!(stream.ended && stream.waiting.is_empty());
            (key, stream.bytes)
        });
        (bytes.collect(), late, repeated)
    }

    #[test]
    fn printed_totals_are_what_is_in_the_file() {
        for args in ["streams-bulk --scale 0.01", "streams-many --scale 0.01"] {
            let (bytes, totals) = capture(args);
            let packets = packets(&bytes);
            let (streams, late, repeated) = streams(&packets);
            let with_data = || streams.values().filter(|bytes| !bytes.is_empty());
            let count = |number: usize| u64::try_from(number).expect("u64");
            assert_eq!(count(bytes.len()), totals.bytes, "{args}");
            assert_eq!(count(packets.len()), totals.packets, "{args}");
            assert_eq!(count(streams.len()), 2 * totals.connections, "{args}");
            assert_eq!(count(with_data().count()), totals.streams, "{args}");
            let payload = with_data().map(|bytes| count(bytes.len())).sum::<u64>();
            assert_eq!(payload, totals.payload, "{args}");
            assert_eq!((late, repeated), (totals.late, totals.repeated), "{args}");
        }
    }

    #[test]
    fn checksums_are_right() {
        for args in ["streams-bulk --scale 0.002", "streams-many --scale 0.002"] {
            for packet in packets(&capture(args).0) {
                assert_eq!(checksum(sum_words(&packet[..20])), 0);
                let tcp_len = u64::try_from(packet.len() - 20).expect("u64");
                assert_eq!(checksum(sum_words(&packet[12..]) + 6 + tcp_len), 0);
            }
        }
    }

    #[test]
    fn seed_decides_every_byte() {
        let first = capture("streams-many --scale 0.001 --seed 7").0;
        assert!(first == capture("streams-many --scale 0.001 --seed 7").0);
        assert!(first != capture("streams-many --scale 0.001 --seed 8").0);
    }

    #[test]
    fn scale_is_a_number_above_zero() {
        for (scale, count) in [("1", 483), ("0.01", 5), ("0.0001", 1), ("2", 966)] {
            let args = format!("streams-bulk {scale} --scale {scale}");
            let options = parse_args(args.split_whitespace().map(OsString::from));
            assert_eq!(options.map(|it| it.connection_count), Some(count));
        }
        for wrong in ["0", "-1", "nan", "inf", "1e9", "x"] {
            let args = format!("streams-bulk file --scale {wrong}");
            assert!(parse_args(args.split_whitespace().map(OsString::from)).is_none());
        }
    }
}

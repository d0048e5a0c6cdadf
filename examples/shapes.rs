//! Writes large synthetic captures for benchmarks, fast and repeatable.
//!
//! ```text
//! cargo run --release --example shapes -- mix /tmp/mix.pcap [--seed N] [--scale X] [--packets N]
//! ```
//!
//! The file name `-` means standard output. This file needs nothing but `std`, so it also compiles
//! alone: `rustc -O --edition 2024 examples/shapes.rs`.
//!
//! # Shapes
//!
//! | shape | packets | file | flows | what it is like |
//! |---|---|---|---|---|
//! | `mix` | 9.7 M | 2.06 GB | 1.39 M | an internet link: many tiny flows, few very heavy ones |
//! | `small` | 20 M | 2.0 GB | 4.09 M | every frame has 84 bytes: most packets and flows a byte |
//! | `bulk` | 3 M | 2.78 GB | 4,000 | full TCP segments one way, acknowledgements back |
//!
//! In `mix`, conversations are SYN scans (refused, or not answered at all), DNS lookups, pings,
//! web-like TCP connections, and 0.2 % heavy ones (transfers, interactive sessions, voice, video)
//! whose sizes follow a Pareto law and which carry more than half of the packets: some 150 flows
//! have 10,000 to 50,000 each. Some 5,000 flows are open at a time. Most frames have up to 100
//! bytes, 576 or 1514. One packet in 200 is ARP. `small` has no ARP, and its TCP connections are
//! seen from the middle: a handshake has no frames of 84 bytes.
//!
//! # Guarantees
//!
//! - Classic pcap, nanoseconds, little-endian, Ethernet, snaplen 262144; timestamps rise strictly;
//!   no frame is cut.
//! - The number of packets is exactly what was asked for. Bytes and flows are within 1 % of the
//!   table times the scale, from scale 0.02 on. The options that wrap packets change the bytes.
//! - Each conversation has a 5-tuple of its own in the whole file, so the flows that are printed at
//!   the end are exact, and equally many by MACs, VLANs and 5-tuple, by 5-tuple alone, and by the
//!   outermost or the innermost IP header. ICMP has ports 0. A non-first fragment counts for the
//!   flow of its first one, which it follows within a millisecond.
//! - Frames are valid: checksums of IPv4, TCP, UDP and ICMP are right, so are sequence numbers and
//!   flags from SYN to FIN; DNS messages and TLS records parse. Other contents are pseudo-random.
//! - Equal options and seed give equal bytes, on every platform (no arithmetic depends on it).
//! - Memory grows with the conversations that are open at a time, not with the size of the file.
//!
//! The last line on standard error is `packets=N bytes=N flows=N not_ip=N`. Exit codes: 0 written
//! (or the reader closed the pipe), 1 writing failed, 2 wrong usage.
//!
//! # How it works
//!
//! Sizes are not drawn but taken from the quantiles of each class (`Plan`), so totals are known
//! beforehand. Open conversations wait in a ring of time slots (`Generator`); whoever is due
//! sends its next packet (`Conversation`) onto the `Link`, which writes headers and copies
//! contents from a filler whose running checksums are known. On one core of a 2.3 GHz Xeon, without
//! the file system: `mix` 0.85 s, `small` 1.4 s, `bulk` 0.28 s; all in 8 MB of memory.

#![expect(
    clippy::print_stderr,
    reason = "errors and the closing line belong on standard error"
)]

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let options = match parse_args(env::args_os().skip(1)) {
        Ok(Request::Write(options)) => options,
        Ok(Request::Help) => {
            return match io::stdout().write_all(USAGE.as_bytes()) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => failure(Some(OsStr::new("standard output")), &error),
            };
        }
        Err(message) => {
            eprintln!("shapes: {message}\n(shapes --help shows the options)");
            return ExitCode::from(2);
        }
    };
    match write_capture(&options) {
        Ok(totals) => {
            eprintln!("{totals}");
            ExitCode::SUCCESS
        }
        Err(error) => failure(options.path.as_deref(), &error),
    }
}

/// A closed pipe is how a reader says that it has enough; anything else is reported.
fn failure(path: Option<&OsStr>, error: &io::Error) -> ExitCode {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return ExitCode::SUCCESS;
    }
    let name = path.unwrap_or_else(|| OsStr::new("standard output"));
    eprintln!("shapes: {}: {error}", name.display());
    ExitCode::from(1)
}

fn write_capture(options: &Options) -> io::Result<Totals> {
    match &options.path {
        Some(path) => Generator::new(options, File::create(path)?).run(),
        None => Generator::new(options, io::stdout().lock()).run(),
    }
}

// ----------------------------------------------------------------------------------------------
// Options
// ----------------------------------------------------------------------------------------------

const USAGE: &str = "\
usage: shapes <mix|small|bulk> <FILE|-> [options]

  --seed N             another capture of the same shape (default 1)
  --scale X            so many times the shape's packets and flows, e.g. 0.05 (default 1)
  --packets N          exactly so many packets, flows in proportion (instead of --scale)
  --ipv6 PERCENT       conversations over IPv6 (default 0)
  --vlan PERCENT       conversations with an 802.1Q tag, one in eight of them with two (default 0)
  --vxlan PERCENT      conversations inside VXLAN over IPv4 (default 0)
  --fragments PERCENT  conversations whose packets come as two IP fragments each (default 0)
  --macs N             pairs of host MAC addresses (default 16)
";

struct Options {
    shape: &'static Shape,
    /// `None` is standard output.
    path: Option<OsString>,
    seed: u64,
    packet_count: u64,
    shares: Shares,
    mac_pairs: u64,
}

/// How many conversations in a hundred are wrapped in what.
#[derive(Default)]
struct Shares {
    ipv6: u64,
    vlan: u64,
    vxlan: u64,
    fragments: u64,
}

enum Request {
    Help,
    Write(Options),
}

fn parse_args(args: impl Iterator<Item = OsString>) -> Result<Request, String> {
    let mut args = args;
    let mut positional = Vec::new();
    let mut seed = 1;
    let mut scale = None;
    let mut packets = None;
    let mut shares = Shares::default();
    let mut mac_pairs = 16;
    while let Some(arg) = args.next() {
        let name = match arg.to_str() {
            Some("-h" | "--help") => return Ok(Request::Help),
            Some(name) if name.starts_with("--") => name,
            _ => {
                positional.push(arg);
                continue;
            }
        };
        let (name, attached) = match name.split_once('=') {
            Some((name, value)) => (name, Some(OsString::from(value))),
            None => (name, None),
        };
        let mut value = || {
            let value = attached.clone().or_else(|| args.next());
            let value = value.ok_or_else(|| format!("{name} needs a value"))?;
            value
                .into_string()
                .map_err(|value| format!("{name}: '{}' is not text", value.display()))
        };
        match name {
            "--seed" => seed = parse_number(name, &value()?, 0..=u64::MAX)?,
            "--scale" => scale = Some(parse_millionths(name, &value()?)?),
            "--packets" => packets = Some(parse_number(name, &value()?, 0..=MAX_PACKETS)?),
            "--ipv6" => shares.ipv6 = parse_number(name, &value()?, 0..=100)?,
            "--vlan" => shares.vlan = parse_number(name, &value()?, 0..=100)?,
            "--vxlan" => shares.vxlan = parse_number(name, &value()?, 0..=100)?,
            "--fragments" => shares.fragments = parse_number(name, &value()?, 0..=100)?,
            "--macs" => mac_pairs = parse_number(name, &value()?, 1..=1 << 24)?,
            _ => return Err(format!("unknown option '{name}'")),
        }
    }
    let Ok([shape, path]) = <[OsString; 2]>::try_from(positional) else {
        return Err("a shape (mix, small or bulk) and a file name (or -) are needed".to_owned());
    };
    let shape = match shape.to_str() {
        Some("mix") => &MIX,
        Some("small") => &SMALL,
        Some("bulk") => &BULK,
        _ => {
            return Err(format!(
                "'{}' is not a shape: take mix, small or bulk",
                shape.display()
            ));
        }
    };
    let packet_count = match (scale, packets) {
        (Some(_), Some(_)) => return Err("give --scale or --packets, not both".to_owned()),
        (None, Some(packets)) => packets,
        (Some(millionths), None) => {
            let packets = u128::from(shape.packet_count) * u128::from(millionths) / 1_000_000;
            match u64::try_from(packets) {
                Ok(packets) if packets <= MAX_PACKETS => packets,
                _ => return Err(format!("--scale asks for more than {MAX_PACKETS} packets")),
            }
        }
        (None, None) => shape.packet_count,
    };
    let path = if path == "-" {
        if io::stdout().is_terminal() {
            return Err("standard output is a terminal: send it to a file or a pipe".to_owned());
        }
        None
    } else {
        Some(path)
    };
    Ok(Request::Write(Options {
        shape,
        path,
        seed,
        packet_count,
        shares,
        mac_pairs,
    }))
}

fn parse_number(
    name: &str,
    text: &str,
    allowed: std::ops::RangeInclusive<u64>,
) -> Result<u64, String> {
    match text.replace('_', "").parse() {
        Ok(number) if allowed.contains(&number) => Ok(number),
        _ => {
            let (least, most) = (allowed.start(), allowed.end());
            Err(format!(
                "{name}: '{text}' is not a whole number from {least} to {most}"
            ))
        }
    }
}

/// Reads `0.05` as 50,000 millionths: a decimal number without rounding.
fn parse_millionths(name: &str, text: &str) -> Result<u64, String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{fraction:0<6}");
    let plain = fraction.len() <= 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
    match digits.parse() {
        Ok(millionths) if plain && millionths > 0 => Ok(millionths),
        _ => Err(format!(
            "{name}: '{text}' is not a number above 0 with at most six decimals"
        )),
    }
}

/// Keeps the number of conversations below 2²⁷, which is what the address plan can tell apart.
const MAX_PACKETS: u64 = 1_000_000_000;

// ----------------------------------------------------------------------------------------------
// Shapes
// ----------------------------------------------------------------------------------------------

/// What a capture consists of, at scale 1.
struct Shape {
    packet_count: u64,
    conversation_count: u64,
    /// Packets that are not IP, in a thousand.
    not_ip_permille: u64,
    /// Average distance of two packets on the link.
    spacing_ns: u64,
    /// Heavy conversations begin in so many percent of the capture: they need time to end.
    heavy_start_percent: u64,
    /// Acknowledgements for 65,536 data segments of a transfer.
    ack_chance: u64,
    /// Full-size segments among 65,536 data segments of a transfer.
    full_chance: u64,
    /// Where set, the share of full-size segments is steered so that the file has this many bytes.
    steered_bytes: Option<u64>,
    /// The heavy classes come last.
    classes: &'static [Class],
}

struct Class {
    profile: Profile,
    /// Of 100,000 conversations.
    share: u64,
    sizes: Sizes,
}

/// Packets per conversation, as a distribution to take quantiles of.
enum Sizes {
    Even {
        from: u32,
        to: u32,
    },
    Pareto {
        alpha: Alpha,
        from: u32,
        to: u32,
    },
    /// Pareto too, the largest at most `spread` times the smallest, multiplied by what makes the
    /// sum over all classes come out right. A class with few members spreads less, so that no
    /// single one dominates a short capture.
    Heavy {
        alpha: Alpha,
        spread: u32,
    },
}

/// Exponents that need no power function, whose last bit differs from platform to platform.
#[derive(Clone, Copy)]
enum Alpha {
    Half,
    One,
    Two,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Profile {
    /// A SYN that nobody answers: the only conversation of one flow instead of two.
    SilentScan,
    RefusedScan,
    Dns,
    Echo,
    Transfer,
    Interactive,
    Voice,
    Video,
    TinyUdp,
    TinyTcp,
}

const MIX: Shape = Shape {
    packet_count: 9_700_000,
    conversation_count: 808_140,
    not_ip_permille: 5,
    spacing_ns: 6_000,
    heavy_start_percent: 60,
    ack_chance: 32_768,
    full_chance: 26_000,
    steered_bytes: Some(2_060_000_000),
    classes: &[
        class(Profile::SilentScan, 28_000, even(1, 1)),
        class(Profile::RefusedScan, 10_000, even(2, 2)),
        class(Profile::Dns, 30_000, even(2, 2)),
        class(Profile::Echo, 2_000, even(2, 8)),
        class(Profile::Voice, 4_000, even(2, 8)),
        class(Profile::Transfer, 25_800, pareto(Alpha::Two, 7, 150)),
        class(Profile::Transfer, 60, heavy(Alpha::Half, 400)),
        class(Profile::Interactive, 60, heavy(Alpha::Half, 400)),
        class(Profile::Voice, 60, heavy(Alpha::Half, 400)),
        class(Profile::Video, 20, heavy(Alpha::Half, 400)),
    ],
};

const SMALL: Shape = Shape {
    packet_count: 20_000_000,
    conversation_count: 2_045_000,
    not_ip_permille: 0,
    spacing_ns: 1_000,
    heavy_start_percent: 60,
    ack_chance: 0,
    full_chance: 0,
    steered_bytes: None,
    classes: &[
        class(Profile::TinyUdp, 69_500, pareto(Alpha::Two, 4, 200)),
        class(Profile::TinyTcp, 30_000, pareto(Alpha::Two, 4, 200)),
        class(Profile::TinyUdp, 500, heavy(Alpha::One, 100)),
    ],
};

const BULK: Shape = Shape {
    packet_count: 3_000_000,
    conversation_count: 2_000,
    not_ip_permille: 0,
    spacing_ns: 7_400,
    heavy_start_percent: 90,
    ack_chance: 46_000,
    full_chance: 65_536,
    steered_bytes: None,
    classes: &[class(Profile::Transfer, 100_000, heavy(Alpha::One, 100))],
};

const fn class(profile: Profile, share: u64, sizes: Sizes) -> Class {
    Class {
        profile,
        share,
        sizes,
    }
}

const fn even(from: u32, to: u32) -> Sizes {
    Sizes::Even { from, to }
}

const fn pareto(alpha: Alpha, from: u32, to: u32) -> Sizes {
    Sizes::Pareto { alpha, from, to }
}

const fn heavy(alpha: Alpha, spread: u32) -> Sizes {
    Sizes::Heavy { alpha, spread }
}

// ----------------------------------------------------------------------------------------------
// Plan
// ----------------------------------------------------------------------------------------------

/// What each conversation of a capture is, computed when asked for and kept nowhere.
///
/// Conversations have ranks, in the order of classes, then of quantiles. The sum of all sizes and
/// of `not_ip_count` is the number of packets asked for.
struct Plan {
    classes: Vec<PlannedClass>,
    conversation_count: u64,
    /// Rank of the first heavy conversation.
    heavy_start: u64,
    /// Multiplies the sizes of heavy conversations.
    heavy_factor: f64,
    /// Packets that the factor leaves over, because sizes are rounded down. Shared out evenly.
    heavy_rest: u64,
    not_ip_count: u64,
}

struct PlannedClass {
    class: &'static Class,
    start: u64,
    count: u64,
}

impl Plan {
    fn new(shape: &'static Shape, packet_count: u64) -> Self {
        let not_ip_count = packet_count * shape.not_ip_permille / 1000;
        let ip_count = packet_count - not_ip_count;
        let share = |count: u64, of: u64, total: u64| {
            let scaled = u128::from(count) * u128::from(of) / u128::from(total);
            u64::try_from(scaled).unwrap_or(u64::MAX)
        };
        let conversation_count = share(shape.conversation_count, packet_count, shape.packet_count)
            .clamp(1, ip_count.max(1));
        let conversation_count = conversation_count.min(ip_count);
        let mut classes = Vec::new();
        let mut share_before = 0;
        for class in shape.classes {
            let start = share(conversation_count, share_before, 100_000);
            share_before += class.share;
            let end = share(conversation_count, share_before, 100_000);
            classes.push(PlannedClass {
                class,
                start,
                count: end - start,
            });
        }
        let is_heavy = |planned: &&PlannedClass| matches!(planned.class.sizes, Sizes::Heavy { .. });
        let mut plan = Self {
            heavy_start: classes
                .iter()
                .find(is_heavy)
                .map_or(conversation_count, |first| first.start),
            classes,
            conversation_count,
            heavy_factor: 0.0,
            heavy_rest: 0,
            not_ip_count,
        };
        plan.fit_heavy(ip_count);
        plan
    }

    /// Finds the factor by bisection: the sum of sizes rises with it.
    fn fit_heavy(&mut self, ip_count: u64) {
        let light: u64 = (0..self.heavy_start)
            .map(|rank| self.conversation(rank).1)
            .sum();
        let wanted = ip_count.saturating_sub(light);
        let heavy = |plan: &Self| -> u64 {
            (plan.heavy_start..plan.conversation_count)
                .map(|rank| plan.conversation(rank).1)
                .sum()
        };
        let (mut low, mut high) = (0.0, 1e9);
        for _ in 0..64 {
            self.heavy_factor = (low + high) / 2.0;
            if heavy(self) <= wanted {
                low = self.heavy_factor;
            } else {
                high = self.heavy_factor;
            }
        }
        self.heavy_factor = low;
        self.heavy_rest = wanted.saturating_sub(heavy(self));
    }

    /// What the conversation of this rank does, and in how many packets.
    fn conversation(&self, rank: u64) -> (Profile, u64) {
        // Classes partition the ranks, so the last one that starts at or before `rank` holds it, if
        // empty ones are passed over.
        let mut found = &self.classes[0];
        for planned in &self.classes {
            if planned.start <= rank && planned.count > 0 {
                found = planned;
            }
        }
        let quantile = (to_f64(rank - found.start) + 0.5) / to_f64(found.count);
        let size = match found.class.sizes {
            Sizes::Even { from, to } => {
                from + floor_u32(quantile * (f64::from(to - from) + 1.0)).min(to - from)
            }
            Sizes::Pareto { alpha, from, to } => {
                let spread = f64::from(to) / f64::from(from);
                floor_u32(f64::from(from) * alpha.quantile(quantile, spread))
            }
            Sizes::Heavy { alpha, spread } => {
                let spread = to_f64(found.count).clamp(4.0, f64::from(spread));
                let size = self.heavy_factor * alpha.quantile(quantile, spread);
                let heavy_count = self.conversation_count - self.heavy_start;
                let one_more = rank - self.heavy_start < self.heavy_rest % heavy_count;
                let size = u64::from(floor_u32(size)).max(1);
                let size = size + self.heavy_rest / heavy_count + u64::from(one_more);
                return (found.class.profile, size);
            }
        };
        (found.class.profile, u64::from(size))
    }
}

impl Alpha {
    /// Quantile of a Pareto law on `1..spread` with this exponent.
    fn quantile(self, quantile: f64, spread: f64) -> f64 {
        let between = |end: f64| 1.0 + (end - 1.0) * quantile;
        match self {
            Self::Half => {
                let root = between(1.0 / spread.sqrt());
                1.0 / (root * root)
            }
            Self::One => 1.0 / between(1.0 / spread),
            Self::Two => 1.0 / between(1.0 / (spread * spread)).sqrt(),
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rounding down, with saturation at both ends, is what is meant"
)]
fn floor_u32(value: f64) -> u32 {
    value as u32
}

/// Exact up to 2⁵³, which no ordinal here reaches.
fn to_f64(value: u64) -> f64 {
    value as f64
}

// ----------------------------------------------------------------------------------------------
// Generator
// ----------------------------------------------------------------------------------------------

/// Opens conversations as the plan says and lets whoever is due send its next packet.
///
/// Time goes in slots of [`SLOT_NS`]. `ring[slot % SLOT_COUNT]` heads a list, linked through
/// [`Conversation::next`], of the open conversations that are due in that slot. Adding and taking
/// are a few instructions, however many are open; the price is that nobody can wait longer than the
/// ring is long.
struct Generator<W> {
    shape: &'static Shape,
    plan: Plan,
    ids: Permutation,
    light_ranks: Permutation,
    heavy_ranks: Permutation,
    shares: Shares,
    mac_pairs: u64,
    seed: u64,
    /// Slots during which conversations begin.
    slot_span: u64,
    ring: Vec<usize>,
    conversations: Vec<Conversation>,
    free: Vec<usize>,
    link: Link,
    output: W,
}

/// What has been written.
struct Totals {
    packets: u64,
    bytes: u64,
    flows: u64,
    not_ip: u64,
}

impl fmt::Display for Totals {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            packets,
            bytes,
            flows,
            not_ip,
        } = self;
        write!(
            formatter,
            "packets={packets} bytes={bytes} flows={flows} not_ip={not_ip}"
        )
    }
}

impl<W: Write> Generator<W> {
    fn new(options: &Options, output: W) -> Self {
        let Options {
            shape,
            packet_count,
            seed,
            mac_pairs,
            ..
        } = *options;
        let plan = Plan::new(shape, packet_count);
        let heavy_count = plan.conversation_count - plan.heavy_start;
        let mut random = Random(seed);
        Self {
            shape,
            ids: Permutation::new(plan.conversation_count, &mut random),
            light_ranks: Permutation::new(plan.heavy_start, &mut random),
            heavy_ranks: Permutation::new(heavy_count, &mut random),
            shares: Shares { ..options.shares },
            mac_pairs,
            seed: random.next(),
            slot_span: (packet_count * shape.spacing_ns / SLOT_NS).max(1),
            ring: vec![NOBODY; SLOT_COUNT],
            conversations: Vec::new(),
            free: Vec::new(),
            link: Link::new(shape, packet_count, random),
            plan,
            output,
        }
    }

    fn run(mut self) -> io::Result<Totals> {
        let mut opened = 0;
        let mut heavy_opened = 0;
        let mut open = 0_usize;
        let mut slot = 0;
        let count = self.plan.conversation_count;
        let heavy_count = count - self.plan.heavy_start;
        let heavy_span = self.slot_span * self.shape.heavy_start_percent / 100;
        while opened < count || open > 0 {
            while opened < count && opened * self.slot_span <= slot * count {
                let heavy = heavy_opened < heavy_count
                    && (heavy_opened * heavy_span <= slot * heavy_count
                        || opened - heavy_opened == self.plan.heavy_start);
                let rank = if heavy {
                    heavy_opened += 1;
                    self.plan.heavy_start + self.heavy_ranks.image(heavy_opened - 1)
                } else {
                    self.light_ranks.image(opened - heavy_opened)
                };
                self.open(self.ids.image(opened), rank, slot);
                opened += 1;
                open += 1;
            }
            self.link.begin_slot(slot);
            let mut index = std::mem::replace(&mut self.ring[ring_index(slot)], NOBODY);
            while index != NOBODY {
                let next = self.conversations[index].next;
                if self.take_turn(index, slot) {
                    self.free.push(index);
                    open -= 1;
                }
                index = next;
            }
            self.link.send_arp_up_to(self.plan.not_ip_count);
            self.write_out(WRITE_LEN)?;
            slot += 1;
        }
        while self.link.totals.not_ip < self.plan.not_ip_count {
            self.link.send_arp();
        }
        self.write_out(1)?;
        self.output.flush()?;
        Ok(self.link.totals)
    }

    fn write_out(&mut self, at_least: usize) -> io::Result<()> {
        let Link {
            written, totals, ..
        } = &mut self.link;
        if written.len() >= at_least {
            self.output.write_all(written)?;
            totals.bytes += u64::try_from(written.len()).unwrap_or(0);
            written.clear();
        }
        Ok(())
    }

    fn open(&mut self, id: u64, rank: u64, slot: u64) {
        let (profile, size) = self.plan.conversation(rank);
        let mut random = Random(self.seed ^ id << 24);
        let mut conversation = Conversation::new(profile, id, size, &mut random);
        conversation.wrap(&self.shares, self.mac_pairs, &mut random);

        // Nobody lives longer than a part of what is left of the capture: all end before it does.
        let left_ns =
            (self.slot_span - slot.min(self.slot_span)).max(self.slot_span / 20) * SLOT_NS;
        let life_ns = left_ns / 100 * random.between(30, 95);
        conversation.pause_ns = conversation.pause_ns.min(life_ns / size);

        let delay = random.below(OPENING_SLOTS);
        let index = match self.free.pop() {
            Some(index) => {
                self.conversations[index] = conversation;
                index
            }
            None => {
                self.conversations.push(conversation);
                self.conversations.len() - 1
            }
        };
        self.enqueue(index, slot + delay);
    }

    /// Sends what the conversation has to send now; true says that it is over.
    fn take_turn(&mut self, index: usize, slot: u64) -> bool {
        let conversation = &mut self.conversations[index];
        loop {
            let pace = conversation.send_next(&mut self.link);
            if conversation.left == 0 {
                return true;
            }
            let slots = match pace {
                Pace::AtOnce => continue,
                Pace::Soon => 1,
                Pace::Pause => {
                    let pause_ns = conversation.pause_ns / 2
                        + self.link.random.below(conversation.pause_ns.max(1));
                    (pause_ns / SLOT_NS).clamp(1, LONGEST_WAIT)
                }
            };
            self.enqueue(index, slot + slots);
            return false;
        }
    }

    fn enqueue(&mut self, index: usize, slot: u64) {
        let head = &mut self.ring[ring_index(slot)];
        self.conversations[index].next = *head;
        *head = index;
    }
}

fn ring_index(slot: u64) -> usize {
    usize::from(low16(slot))
}

const SLOT_NS: u64 = 1 << 16;
/// As many as [`low16`] tells apart. 4.3 s.
const SLOT_COUNT: usize = 1 << 16;
const LONGEST_WAIT: u64 = (1 << 16) - 1;
/// Conversations begin somewhere in the next 50 ms, which makes their distances uneven.
const OPENING_SLOTS: u64 = 768;
const NOBODY: usize = usize::MAX;
const WRITE_LEN: usize = 4 << 20;

// ----------------------------------------------------------------------------------------------
// Conversation
// ----------------------------------------------------------------------------------------------

/// An open conversation.
struct Conversation {
    /// Next one in the list of the slot.
    next: usize,
    profile: Profile,
    stage: Stage,
    /// Frames still to send.
    left: u64,
    /// Sent so far; a fragmented one counts once.
    datagram_count: u64,
    pause_ns: u64,
    id: u64,
    /// Client and server. IPv6 addresses are made from these, too.
    hosts: [u32; 2],
    ports: [u16; 2],
    /// Next sequence number of client and server.
    sequence: [u32; 2],
    seen: [bool; 2],
    /// Who sends the data, or did so last.
    sender: Direction,
    acknowledge: bool,
    ip_id: u16,
    wrapping: Wrapping,
    second_fragment: Option<Fragment>,
}

#[derive(Default)]
struct Wrapping {
    mac_pair: u32,
    ipv6: bool,
    vxlan: bool,
    fragments: bool,
    tag_count: u8,
    vlan: u16,
}

/// What is left of a datagram whose first fragment was sent.
struct Fragment {
    direction: Direction,
    protocol: u8,
    id: u32,
    /// In the datagram.
    offset: u16,
    filler_start: usize,
    filler_len: u16,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
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
enum Pace {
    AtOnce,
    Soon,
    Pause,
}

impl Conversation {
    /// Gives the conversation a 5-tuple that no other `id` gets.
    ///
    /// - Ordinary ones: 64 to a client; the client's address and port together are the id.
    /// - Scans and pings: the address of the server contains the id.
    fn new(profile: Profile, id: u64, size: u64, random: &mut Random) -> Self {
        let client_number = id >> 6;
        let client = 0x0a00_0000 | low32(client_number & 0x00ff_ffff);
        let first_port = Random(client_number).next();
        let client_port = 0xf000 | low16(first_port.wrapping_add((id & 63) * 0x2d3) & 0x0fff);
        // Small numbers are taken more often: some servers are popular.
        let server_number = random.below(1 << 14) >> random.below(15);
        let server = 0x2d00_0000 | low32(Random(server_number).next() & 0x00ff_ffff);
        // Port numbers that no protocol uses: nobody should look for sense in the contents.
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
            sequence: [low32(random.next()), low32(random.next())],
            seen: [false; 2],
            sender: if random.below(8) == 0 {
                Direction::ToServer
            } else {
                Direction::ToClient
            },
            acknowledge: false,
            ip_id: low16(random.next()),
            wrapping: Wrapping::default(),
            second_fragment: None,
        }
    }

    fn wrap(&mut self, shares: &Shares, mac_pairs: u64, random: &mut Random) {
        let tagged = random.below(100) < shares.vlan;
        let twice = random.below(8) == 0;
        self.wrapping = Wrapping {
            mac_pair: low32(Random(u64::from(self.hosts[0])).below(mac_pairs)),
            ipv6: random.below(100) < shares.ipv6,
            vxlan: random.below(100) < shares.vxlan,
            fragments: random.below(100) < shares.fragments,
            tag_count: u8::from(tagged) + u8::from(tagged && twice),
            vlan: 100 + low16(random.below(64)),
        };
    }

    /// Sends one frame.
    fn send_next(&mut self, link: &mut Link) -> Pace {
        if let Some(rest) = self.second_fragment.take() {
            link.send_second_fragment(self, &rest);
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
                let bits = link.random.next();
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

    /// The client speaks first, then the server, then whoever.
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

    fn ip_len(&self) -> u16 {
        if self.wrapping.ipv6 {
            IPV6_LEN
        } else {
            IPV4_LEN
        }
    }

    /// Frames that must remain after a datagram: the end of a connection, or the first answer,
    /// which makes the second flow.
    fn reserved(&self) -> u64 {
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
    fn source(self) -> usize {
        match self {
            Self::ToServer => 0,
            Self::ToClient => 1,
        }
    }

    /// `pair` as source and destination.
    fn orient<T: Copy>(self, pair: [T; 2]) -> [T; 2] {
        [pair[self.source()], pair[1 - self.source()]]
    }
}

const SCANNED_PORTS: [u16; 8] = [22, 23, 80, 445, 1433, 3389, 5900, 8080];
const HTTPS: u16 = 443;

const FULL_FRAME: u16 = 1514;
const MEDIUM_FRAME: u16 = 576;
const TINY_FRAME: u16 = 84;

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;

/// Header, one question for the A record of `h00000000.example.com`.
const DNS_QUERY: &[u8; 38] =
    b"\0\0\x01\0\0\x01\0\0\0\0\0\0\x08--------\x07example\x03com\0\0\x01\0\x01";
/// A record of the name at offset 12, for 300 s, with an address of 4 bytes to follow.
const DNS_ANSWER: &[u8; 12] = b"\xc0\x0c\0\x01\0\x01\0\0\x01\x2c\0\x04";
const DNS_LEN: usize = DNS_QUERY.len() + 4 * 16;
const HEX: &[u8; 16] = b"0123456789abcdef";

// ----------------------------------------------------------------------------------------------
// Link
// ----------------------------------------------------------------------------------------------

/// The link that is captured: puts headers around what conversations send, keeps clock and counts.
struct Link {
    random: Random,
    /// Records not yet handed to the output.
    written: Vec<u8>,
    totals: Totals,
    packet_count: u64,
    clock_ns: u64,
    /// On average, a packet comes that long after the one before in the same slot.
    step_ns: u64,
    full_chance: u64,
    ack_chance: u64,
    steering: Option<Steering>,
    /// Names fragmented datagrams.
    datagram_id: u32,
    filler: Vec<u8>,
    /// `filler_sums[i]` is the sum of the first `i` 16-bit words of the filler.
    filler_sums: Vec<u32>,
}

/// Keeps the bytes at what they should be after so many packets.
struct Steering {
    wanted_bytes: u64,
    /// Of records without tags, tunnels and fragments.
    plain_bytes: u64,
    middle_chance: u64,
}

enum Transport {
    Tcp { flags: u8 },
    Udp,
    Echo,
}

/// `lead`, an even number of bytes unless alone, then pseudo-random ones.
struct Payload<'a> {
    lead: &'a [u8],
    filler_len: u16,
}

/// How an IP packet belongs to a fragmented datagram.
struct Cut {
    id: u32,
    offset: u16,
    more: bool,
}

impl Payload<'_> {
    /// So many bytes, at least 4 or none, that no protocol mistakes for its own.
    fn filler(len: u16) -> Self {
        match len.checked_sub(4) {
            Some(filler_len) => Self {
                lead: b"fill",
                filler_len,
            },
            None => Self {
                lead: &[],
                filler_len: 0,
            },
        }
    }
}

impl Link {
    fn new(shape: &Shape, packet_count: u64, mut random: Random) -> Self {
        let filler: Vec<u8> = (0..FILLER_LEN / 8)
            .flat_map(|_| random.next().to_le_bytes())
            .collect();
        let mut filler_sums = vec![0];
        let mut sum = 0;
        for word in filler.chunks_exact(2) {
            sum += u32::from(word[0]) << 8 | u32::from(word[1]);
            filler_sums.push(sum);
        }
        let mut written = Vec::with_capacity(WRITE_LEN + (1 << 20));
        written.extend_from_slice(&0xa1b2_3c4d_u32.to_le_bytes());
        written.extend_from_slice(&2_u16.to_le_bytes());
        written.extend_from_slice(&4_u16.to_le_bytes());
        written.extend_from_slice(&[0; 8]);
        written.extend_from_slice(&262_144_u32.to_le_bytes());
        written.extend_from_slice(&1_u32.to_le_bytes());
        let steering = shape.steered_bytes.map(|bytes| Steering {
            wanted_bytes: bytes / 1000 * packet_count / (shape.packet_count / 1000),
            plain_bytes: 0,
            middle_chance: shape.full_chance,
        });
        Self {
            random,
            written,
            totals: Totals {
                packets: 0,
                bytes: 0,
                flows: 0,
                not_ip: 0,
            },
            packet_count,
            clock_ns: START_NS,
            step_ns: shape.spacing_ns / 2,
            full_chance: shape.full_chance,
            ack_chance: shape.ack_chance,
            steering,
            datagram_id: 0,
            filler,
            filler_sums,
        }
    }

    fn begin_slot(&mut self, slot: u64) {
        self.clock_ns = self.clock_ns.max(START_NS + slot * SLOT_NS);
        if let Some(Steering {
            wanted_bytes,
            plain_bytes,
            middle_chance,
        }) = self.steering
        {
            // One 256th of the whole file behind what is due, all segments are full; ahead, none.
            let due = u128::from(wanted_bytes) * u128::from(self.totals.packets)
                / u128::from(self.packet_count.max(1));
            let due = u64::try_from(due).unwrap_or(u64::MAX);
            let unit = (wanted_bytes >> 8 >> 16).max(1);
            self.full_chance = (middle_chance + due.saturating_sub(plain_bytes) / unit)
                .saturating_sub(plain_bytes.saturating_sub(due) / unit)
                .min(1 << 16);
        }
    }

    /// Makes a TCP frame over IPv4 64 to 100 bytes long.
    fn small_payload(&mut self) -> u16 {
        10 + low16(self.random.below(37))
    }

    /// Sends a datagram, or its first fragment if the conversation has them and frames enough.
    fn send(
        &mut self,
        conversation: &mut Conversation,
        direction: Direction,
        transport: Transport,
        payload: Payload<'_>,
    ) {
        let filler_start = 2 * usize::from(low16(self.random.below(FILLER_STARTS)));
        let (header, header_len, protocol) =
            self.transport_header(conversation, direction, &transport, &payload, filler_start);
        let header = &header[..header_len];
        conversation.datagram_count += 1;
        let whole_len = header_len + payload.lead.len() + usize::from(payload.filler_len);
        if let Some(steering) = &mut self.steering {
            let frame_len = usize::from(ETHERNET_LEN + IPV4_LEN) + whole_len;
            steering.plain_bytes +=
                u64::try_from(frame_len.max(LEAST_FRAME) + RECORD_LEN).unwrap_or(0);
        }
        let filler_len = usize::from(payload.filler_len);
        let split = conversation.wrapping.fragments
            && filler_len >= 16
            && conversation.left >= 2 + conversation.reserved();
        if !split {
            let filler = filler_start..filler_start + filler_len;
            self.send_ip(
                conversation,
                direction,
                protocol,
                None,
                [header, payload.lead],
                filler,
            );
            return;
        }
        // Fragments are cut at multiples of 8 bytes; all that is not filler stays in the first.
        let fixed_len = header_len + payload.lead.len();
        let first_len = ((whole_len / 2) & !7).max(fixed_len.next_multiple_of(8));
        let first_filler = first_len - fixed_len;
        self.datagram_id = self.datagram_id.wrapping_add(1);
        let rest = Fragment {
            direction,
            protocol,
            id: self.datagram_id,
            offset: u16::try_from(first_len).unwrap_or(0),
            filler_start: filler_start + first_filler,
            filler_len: u16::try_from(filler_len - first_filler).unwrap_or(0),
        };
        let cut = Cut {
            id: rest.id,
            offset: 0,
            more: true,
        };
        let filler = filler_start..rest.filler_start;
        self.send_ip(
            conversation,
            direction,
            protocol,
            Some(cut),
            [header, payload.lead],
            filler,
        );
        conversation.second_fragment = Some(rest);
    }

    fn send_second_fragment(&mut self, conversation: &mut Conversation, rest: &Fragment) {
        let cut = Cut {
            id: rest.id,
            offset: rest.offset,
            more: false,
        };
        let filler = rest.filler_start..rest.filler_start + usize::from(rest.filler_len);
        self.send_ip(
            conversation,
            rest.direction,
            rest.protocol,
            Some(cut),
            [&[], &[]],
            filler,
        );
    }

    /// Transport header with its checksum, the length of it, and the number of the protocol.
    fn transport_header(
        &self,
        conversation: &Conversation,
        direction: Direction,
        transport: &Transport,
        payload: &Payload<'_>,
        filler_start: usize,
    ) -> ([u8; TRANSPORT_MAX], usize, u8) {
        let mut header = [0; TRANSPORT_MAX];
        let [source_port, destination_port] = direction.orient(conversation.ports);
        header[0..2].copy_from_slice(&source_port.to_be_bytes());
        header[2..4].copy_from_slice(&destination_port.to_be_bytes());
        let ipv6 = conversation.wrapping.ipv6;
        let payload_len = payload.lead.len() + usize::from(payload.filler_len);
        let (header_len, protocol, checksum_at) = match *transport {
            Transport::Tcp { flags } => {
                let [sequence, acknowledged] = direction.orient(conversation.sequence);
                header[4..8].copy_from_slice(&sequence.to_be_bytes());
                if flags & ACK != 0 {
                    header[8..12].copy_from_slice(&acknowledged.to_be_bytes());
                }
                header[13] = flags;
                header[14..16].copy_from_slice(&TCP_WINDOW.to_be_bytes());
                let mut len = usize::from(TCP_LEN);
                if flags & SYN != 0 {
                    header[len..TRANSPORT_MAX].copy_from_slice(&SYN_OPTIONS);
                    len = TRANSPORT_MAX;
                }
                header[12] = if len == TRANSPORT_MAX { 0x70 } else { 0x50 };
                (len, 6, 16)
            }
            Transport::Udp => {
                let len = u16::try_from(payload_len).unwrap_or(0) + UDP_LEN;
                header[4..6].copy_from_slice(&len.to_be_bytes());
                (usize::from(UDP_LEN), 17, 6)
            }
            Transport::Echo => {
                header[0] = match (ipv6, direction) {
                    (false, Direction::ToServer) => 8,
                    (false, Direction::ToClient) => 0,
                    (true, Direction::ToServer) => 128,
                    (true, Direction::ToClient) => 129,
                };
                header[4..6].copy_from_slice(&low16(conversation.id).to_be_bytes());
                header[6..8].copy_from_slice(&low16(conversation.datagram_count / 2).to_be_bytes());
                (8, if ipv6 { 58 } else { 1 }, 2)
            }
        };
        let mut sum = sum_words(&header[..header_len])
            + sum_words(payload.lead)
            + self.sum_filler(filler_start, usize::from(payload.filler_len));
        if protocol != 1 {
            let len = u32::try_from(header_len + payload_len).unwrap_or(0);
            let [source, destination] = conversation.hosts;
            sum += u32::from(protocol) + len;
            sum += if ipv6 {
                sum_words(&ipv6_address(source)) + sum_words(&ipv6_address(destination))
            } else {
                sum_words(&source.to_be_bytes()) + sum_words(&destination.to_be_bytes())
            };
        }
        // A UDP checksum of 0 would mean that there is none.
        let checksum = match fold(sum) {
            0 if protocol == 17 => 0xffff,
            checksum => checksum,
        };
        header[checksum_at..checksum_at + 2].copy_from_slice(&checksum.to_be_bytes());
        (header, header_len, protocol)
    }

    /// Sum of words of a run of filler that starts at an even place. With adding up the bytes,
    /// `bulk` took 0.60 s instead of 0.28 s, and `mix` 1.06 s instead of 0.85 s.
    fn sum_filler(&self, start: usize, len: usize) -> u32 {
        let sum = self.filler_sums[(start + len) / 2] - self.filler_sums[start / 2];
        if len % 2 == 1 {
            sum + (u32::from(self.filler[start + len - 1]) << 8)
        } else {
            sum
        }
    }

    /// Writes one record: Ethernet, tags, tunnel, IP, `parts`, filler.
    fn send_ip(
        &mut self,
        conversation: &mut Conversation,
        direction: Direction,
        protocol: u8,
        cut: Option<Cut>,
        parts: [&[u8]; 2],
        filler: std::ops::Range<usize>,
    ) {
        self.count_flow(conversation, direction);
        let hosts = direction.orient(conversation.hosts);
        let Wrapping {
            mac_pair,
            ipv6,
            vxlan,
            tag_count,
            vlan,
            ..
        } = conversation.wrapping;
        let id = conversation.id;
        let content_len = parts[0].len() + parts[1].len() + filler.len();
        let cut_len = if ipv6 && cut.is_some() { 8 } else { 0 };
        let packet_len = usize::from(conversation.ip_len()) + cut_len + content_len;
        let tunnel_len = if vxlan { TUNNEL_LEN } else { 0 };
        let frame_len =
            usize::from(ETHERNET_LEN) + 4 * usize::from(tag_count) + tunnel_len + packet_len;
        let padding = LEAST_FRAME.saturating_sub(frame_len);
        self.begin_record(frame_len + padding);

        let ether_type = if ipv6 { ETHER_IPV6 } else { ETHER_IPV4 };
        let outer_type = if vxlan { ETHER_IPV4 } else { ether_type };
        self.put_macs(mac_pair, 0x02, direction);
        if tag_count == 2 {
            self.put(&ETHER_SERVICE_TAG.to_be_bytes());
            self.put(&(SERVICE_VLAN + vlan % 4).to_be_bytes());
        }
        if tag_count > 0 {
            self.put(&ETHER_TAG.to_be_bytes());
            self.put(&vlan.to_be_bytes());
        }
        self.put(&outer_type.to_be_bytes());
        if vxlan {
            // The client's end and the source port are the id: as many outer flows as inner ones.
            let ends = [
                0xac10_0000 | low32(id >> 14),
                0xac18_0000 | low32(id & 0xff),
            ];
            let tunneled_len = tunnel_len - usize::from(IPV4_LEN) + packet_len;
            let tunneled_len = u16::try_from(tunneled_len).unwrap_or(0);
            self.put(&ipv4_header(
                direction.orient(ends),
                tunneled_len,
                17,
                low16(id),
                DO_NOT_FRAGMENT,
            ));
            self.put(&(0xc000 | low16(id & 0x3fff)).to_be_bytes());
            self.put(&VXLAN_PORT.to_be_bytes());
            self.put(&tunneled_len.to_be_bytes());
            self.put(&[0, 0, 8, 0, 0, 0]);
            self.put(&((0x1000 + u32::from(vlan)) << 8).to_be_bytes());
            self.put_macs(mac_pair, 0x0a, direction);
            self.put(&ether_type.to_be_bytes());
        }
        if ipv6 {
            let payload_len = u16::try_from(cut_len + content_len).unwrap_or(0);
            self.put(&[0x60, 0, 0, 0]);
            self.put(&payload_len.to_be_bytes());
            self.put(&[if cut.is_some() { 44 } else { protocol }, 64]);
            self.put(&ipv6_address(hosts[0]));
            self.put(&ipv6_address(hosts[1]));
            if let Some(cut) = cut {
                self.put(&[protocol, 0]);
                self.put(&(cut.offset | u16::from(cut.more)).to_be_bytes());
                self.put(&cut.id.to_be_bytes());
            }
        } else {
            let payload_len = u16::try_from(content_len).unwrap_or(0);
            let (ip_id, flags_and_offset) = match cut {
                Some(cut) => (
                    low16(cut.id.into()),
                    u16::from(cut.more) << 13 | cut.offset >> 3,
                ),
                None => {
                    conversation.ip_id = conversation.ip_id.wrapping_add(1);
                    (conversation.ip_id, DO_NOT_FRAGMENT)
                }
            };
            self.put(&ipv4_header(
                hosts,
                payload_len,
                protocol,
                ip_id,
                flags_and_offset,
            ));
        }
        self.put(parts[0]);
        self.put(parts[1]);
        self.written.extend_from_slice(&self.filler[filler]);
        self.put(&[0; LEAST_FRAME][..padding]);
    }

    fn count_flow(&mut self, conversation: &mut Conversation, direction: Direction) {
        conversation.left -= 1;
        let seen = &mut conversation.seen[direction.source()];
        self.totals.flows += u64::from(!*seen);
        *seen = true;
    }

    /// Sends ARP requests until they are the wanted share of what was sent so far.
    fn send_arp_up_to(&mut self, not_ip_count: u64) {
        while self.totals.not_ip < not_ip_count
            && self.totals.not_ip * self.packet_count < self.totals.packets * not_ip_count
        {
            self.send_arp();
        }
    }

    fn send_arp(&mut self) {
        self.totals.not_ip += 1;
        if let Some(steering) = &mut self.steering {
            steering.plain_bytes += u64::try_from(LEAST_FRAME + RECORD_LEN).unwrap_or(0);
        }
        self.begin_record(LEAST_FRAME);
        let asking = [2, 0, 0x5e, 0, 0, 1];
        let number = low16(self.random.next());
        let mut frame = [0; LEAST_FRAME];
        frame[0..6].fill(0xff);
        frame[6..12].copy_from_slice(&asking);
        frame[12..22].copy_from_slice(&[8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
        frame[22..28].copy_from_slice(&asking);
        frame[28..32].copy_from_slice(&[10, 0, 0, 1]);
        frame[38..40].copy_from_slice(&[10, 0]);
        frame[40..42].copy_from_slice(&number.to_be_bytes());
        self.put(&frame);
    }

    fn begin_record(&mut self, frame_len: usize) {
        self.totals.packets += 1;
        self.clock_ns += 1 + self.random.below(2 * self.step_ns);
        let seconds = low32(self.clock_ns / 1_000_000_000);
        let nanoseconds = low32(self.clock_ns % 1_000_000_000);
        let len = u32::try_from(frame_len).unwrap_or(0).to_le_bytes();
        let mut header = [0; RECORD_LEN];
        header[0..4].copy_from_slice(&seconds.to_le_bytes());
        header[4..8].copy_from_slice(&nanoseconds.to_le_bytes());
        header[8..12].copy_from_slice(&len);
        header[12..16].copy_from_slice(&len);
        self.put(&header);
    }

    fn put_macs(&mut self, pair: u32, first_byte: u8, direction: Direction) {
        let [_, a, b, c] = pair.to_be_bytes();
        let client = [first_byte, 0, 0x5e, a, b, c];
        let server = [first_byte | 0x04, 0, 0x5e, a, b, c];
        let [source, destination] = direction.orient([client, server]);
        self.put(&destination);
        self.put(&source);
    }

    fn put(&mut self, bytes: &[u8]) {
        self.written.extend_from_slice(bytes);
    }
}

/// Header of 20 bytes with its checksum.
fn ipv4_header(
    hosts: [u32; 2],
    payload_len: u16,
    protocol: u8,
    id: u16,
    flags_and_offset: u16,
) -> [u8; IPV4_LEN as usize] {
    let mut header = [0; IPV4_LEN as usize];
    header[0] = 0x45;
    header[2..4].copy_from_slice(&(IPV4_LEN + payload_len).to_be_bytes());
    header[4..6].copy_from_slice(&id.to_be_bytes());
    header[6..8].copy_from_slice(&flags_and_offset.to_be_bytes());
    header[8] = 64;
    header[9] = protocol;
    header[12..16].copy_from_slice(&hosts[0].to_be_bytes());
    header[16..20].copy_from_slice(&hosts[1].to_be_bytes());
    let checksum = fold(sum_words(&header));
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
    header
}

/// The host's address in 2001:db8::/32, which contains its IPv4 address.
fn ipv6_address(host: u32) -> [u8; 16] {
    let mut address = [0; 16];
    let network = 0x2001_0db8_0000_0000 | u64::from(host >> 24);
    let interface = u64::from(host.wrapping_mul(0x9e37_79b1)) << 32 | u64::from(host);
    address[..8].copy_from_slice(&network.to_be_bytes());
    address[8..].copy_from_slice(&interface.to_be_bytes());
    address
}

/// Sum of big-endian 16-bit words; an odd byte at the end counts as if a zero followed.
fn sum_words(bytes: &[u8]) -> u32 {
    let words = bytes.chunks_exact(2);
    let odd = words
        .remainder()
        .first()
        .map_or(0, |&byte| u32::from(byte) << 8);
    words
        .map(|word| u32::from(word[0]) << 8 | u32::from(word[1]))
        .sum::<u32>()
        + odd
}

/// The internet checksum for a sum of words (RFC 1071).
fn fold(sum: u32) -> u16 {
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    !low16(sum.into())
}

/// 2023-11-14 22:13:20 UTC.
const START_NS: u64 = 1_700_000_000_000_000_000;

const RECORD_LEN: usize = 16;
const ETHERNET_LEN: u16 = 14;
const LEAST_FRAME: usize = 60;
const ETHER_IPV4: u16 = 0x0800;
const ETHER_IPV6: u16 = 0x86dd;
const ETHER_TAG: u16 = 0x8100;
const ETHER_SERVICE_TAG: u16 = 0x88a8;
const SERVICE_VLAN: u16 = 2000;

const IPV4_LEN: u16 = 20;
const IPV6_LEN: u16 = 40;
const DO_NOT_FRAGMENT: u16 = 0x4000;

const TCP_LEN: u16 = 20;
const UDP_LEN: u16 = 8;
/// TCP with the options of a SYN.
const TRANSPORT_MAX: usize = 28;
/// Maximum segment size 1460; selective acknowledgements permitted.
const SYN_OPTIONS: [u8; 8] = [2, 4, 0x05, 0xb4, 1, 1, 4, 2];
const TCP_WINDOW: u16 = 64_240;

const VXLAN_PORT: u16 = 4789;
/// IPv4, UDP, VXLAN, Ethernet.
const TUNNEL_LEN: usize = 20 + 8 + 8 + 14;

/// Sums of its words fit into 32 bits.
const FILLER_LEN: u64 = 1 << 15;
/// Even places from which on there are at least 2 KiB of filler.
const FILLER_STARTS: u64 = (FILLER_LEN - 2048) / 2;

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

    fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }
}

/// Rearranges the numbers below `len`, each one into another one, without a table.
///
/// Each step maps the numbers of so many bits one to one; an image that is too large is mapped
/// again until it fits.
struct Permutation {
    len: u64,
    mask: u64,
    shift: u32,
    factors: [u64; 3],
}

impl Permutation {
    fn new(len: u64, random: &mut Random) -> Self {
        let bits = (u64::BITS - len.leading_zeros()).max(2);
        let factors = [random.next() | 1, random.next() | 1, random.next() | 1];
        Self {
            len,
            mask: (1 << bits) - 1,
            shift: bits.div_ceil(2),
            factors,
        }
    }

    /// `number` is below `len`.
    fn image(&self, number: u64) -> u64 {
        let mut image = number;
        loop {
            for factor in self.factors {
                image = image.wrapping_mul(factor).wrapping_add(factor >> 32) & self.mask;
                image ^= image >> self.shift;
            }
            if image < self.len {
                return image;
            }
        }
    }
}

fn low32(value: u64) -> u32 {
    u32::try_from(value & 0xffff_ffff).unwrap_or(0)
}

fn low16(value: u64) -> u16 {
    u16::try_from(value & 0xffff).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn capture(args: &str) -> (Vec<u8>, Totals) {
        let args = args.split_whitespace().map(OsString::from);
        let Ok(Request::Write(options)) = parse_args(args) else {
            panic!("the options are right");
        };
        let mut bytes = Vec::new();
        let totals = Generator::new(&options, &mut bytes)
            .run()
            .expect("a Vec takes all");
        (bytes, totals)
    }

    /// Frames of a capture; asserts that its records are whole and its timestamps rise.
    fn frames(capture: &[u8]) -> Vec<&[u8]> {
        let mut frames = Vec::new();
        let mut last = (0, 0);
        let mut rest = &capture[24..];
        while let Some((header, body)) = rest.split_first_chunk::<16>() {
            let words: Vec<u32> = header
                .chunks_exact(4)
                .map(|word| u32::from_le_bytes(word.try_into().expect("four bytes")))
                .collect();
            assert!(last < (words[0], words[1]) && words[1] < 1_000_000_000);
            last = (words[0], words[1]);
            assert_eq!(words[2], words[3]);
            let (frame, next) = body.split_at(usize::try_from(words[2]).expect("a length"));
            frames.push(frame);
            rest = next;
        }
        assert!(rest.is_empty());
        frames
    }

    #[test]
    fn printed_totals_are_what_is_in_the_file() {
        for shape in ["mix", "small", "bulk"] {
            let (bytes, totals) = capture(&format!("{shape} file --packets 50000"));
            let frames = frames(&bytes);
            let ip = || frames.iter().filter(|frame| frame[12..14] == [8, 0]);
            let flows: BTreeSet<_> = ip()
                .map(|frame| {
                    assert_eq!(fold(sum_words(&frame[14..34])), 0, "header checksum");
                    let ports = if frame[23] == 1 { &[] } else { &frame[34..38] };
                    (&frame[..12], frame[23], &frame[26..34], ports)
                })
                .collect();
            assert_eq!(frames.len(), 50_000);
            assert_eq!(totals.packets, 50_000);
            assert_eq!(usize::try_from(totals.bytes).ok(), Some(bytes.len()));
            assert_eq!(usize::try_from(totals.flows).ok(), Some(flows.len()));
            assert_eq!(
                usize::try_from(totals.not_ip).ok(),
                Some(frames.len() - ip().count())
            );
        }
    }

    #[test]
    fn any_number_of_packets_comes_out_exactly() {
        for shape in ["mix", "small", "bulk"] {
            for count in (0..40).chain([333, 1000, 4321]) {
                for wrapped in ["", "--ipv6 50 --vlan 50 --vxlan 50 --fragments 50"] {
                    let args = format!("{shape} file --packets {count} {wrapped}");
                    let (bytes, totals) = capture(&args);
                    assert_eq!(totals.packets, count, "{args}");
                    assert_eq!(u64::try_from(frames(&bytes).len()), Ok(count), "{args}");
                }
            }
        }
    }

    #[test]
    fn seed_decides_every_byte() {
        let wrapped = "--ipv6 20 --vlan 20 --vxlan 20 --fragments 20";
        let first = capture(&format!("mix file --packets 5000 --seed 7 {wrapped}")).0;
        assert!(first == capture(&format!("mix file --packets 5000 --seed 7 {wrapped}")).0);
        assert!(first != capture(&format!("mix file --packets 5000 --seed 8 {wrapped}")).0);
    }

    #[test]
    fn wrapping_does_not_change_how_many_flows_there_are() {
        let flows = |wrapped: &str| {
            capture(&format!("mix file --packets 20000 {wrapped}"))
                .1
                .flows
        };
        let plain = flows("");
        for wrapped in ["--ipv6 100", "--vlan 100", "--vxlan 100", "--fragments 100"] {
            assert_eq!(flows(wrapped), plain, "{wrapped}");
        }
    }

    #[test]
    fn running_sums_agree_with_adding_up() {
        let link = Link::new(&MIX, 1, Random(1));
        for start in (0..20_000).step_by(1234) {
            for len in [0, 1, 2, 7, 1460] {
                let plain = sum_words(&link.filler[start..start + len]);
                assert_eq!(
                    link.sum_filler(start, len),
                    plain,
                    "{len} bytes from {start}"
                );
            }
        }
    }

    #[test]
    fn permutation_takes_each_number_once() {
        for len in [1, 2, 3, 64, 1000] {
            let permutation = Permutation::new(len, &mut Random(len));
            let images: BTreeSet<u64> = (0..len).map(|number| permutation.image(number)).collect();
            assert!(images.into_iter().eq(0..len));
        }
    }

    #[test]
    fn scale_is_read_without_rounding() {
        assert_eq!(parse_millionths("--scale", "0.05"), Ok(50_000));
        assert_eq!(parse_millionths("--scale", "12"), Ok(12_000_000));
        for wrong in ["", "0", "-1", "1e3", "0.0000001", "1.2.3", "+1"] {
            assert!(parse_millionths("--scale", wrong).is_err(), "{wrong}");
        }
    }
}

//! How fast threads can walk the record headers of a capture, and do nothing else: the limit that
//! `scripts/benchmark` compares flow lists with.
//!
//! ```text
//! cargo run --release --example header_walk -- CAPTURE THREADS [--ahead line|hint]
//! ```
//!
//! CAPTURE is classic pcap, little-endian, and should be in the page cache. It is mapped and cut
//! into as many pieces as there are threads. Each of them reads captured length and length on the
//! wire of its records, adds up the latter, and goes on. What it asks memory for on the way:
//!
//! - `--ahead line`: every cache line up to 4096 bytes ahead, as the program itself does;
//! - `--ahead hint`: the one line 1024 bytes ahead: the limit that the program's goals refer to.
//!
//! The line on standard output is `N packets, N bytes, N s`; the time is that of mapping and
//! walking. Exit codes: 0 walked, 1 could not be walked, 2 wrong usage.
#![expect(unsafe_code, reason = "mapping a file and prefetching are unsafe")]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "figures and errors are all that it has to say"
)]

use memmap2::Mmap;
use pcap_flows::capture::{ByteOrder, Format, ProbeError, Variant, find_boundary};
use pcap_flows::engine::Stopwatch;
use rayon::ThreadPoolBuilder;
use rayon::prelude::*;
use std::env;
use std::error::Error;
use std::fs::File;
use std::ops::Range;
use std::process::ExitCode;

const USAGE: &str = "usage: header_walk CAPTURE THREADS [--ahead line|hint]";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let Some(options) = parse_args(&args) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match walk_file(&options) {
        Ok((total, seconds)) => {
            println!(
                "{} packets, {} bytes, {seconds:.4} s",
                total.packets, total.wire_bytes
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("header_walk: {}: {error}", options.path);
            ExitCode::from(1)
        }
    }
}

struct Options {
    path: String,
    threads: usize,
    ahead: Ahead,
}

/// What memory is asked for ahead of a walk.
#[derive(Clone, Copy)]
enum Ahead {
    Line,
    Hint,
}

fn parse_args(args: &[String]) -> Option<Options> {
    let (positional, ahead) = match args {
        [positional @ .., name, value] if name == "--ahead" => (positional, value.as_str()),
        _ => (args, "line"),
    };
    let [path, threads] = positional else {
        return None;
    };
    Some(Options {
        path: path.clone(),
        threads: threads.parse().ok().filter(|&threads| threads > 0)?,
        ahead: match ahead {
            "line" => Ahead::Line,
            "hint" => Ahead::Hint,
            _ => return None,
        },
    })
}

/// What was walked over, and the seconds that it took.
fn walk_file(options: &Options) -> Result<(Total, f64), Box<dyn Error>> {
    let file = File::open(&options.path)?;
    let begin = Stopwatch::start();
    // SAFETY: the mapping is only read, and every length in it is checked before it is followed.
    // A file that is truncated meanwhile ends this process: nothing but a measurement is lost.
    let bytes = unsafe { Mmap::map(&file) }?;
    let pieces = cut(&bytes, options.threads)?;
    let pool = ThreadPoolBuilder::new()
        .num_threads(options.threads)
        .build()?;
    let total = pool.install(|| {
        pieces
            .into_par_iter()
            .with_max_len(1)
            .map(|piece| walk(&bytes, piece, options.ahead))
            .try_reduce(Total::default, |left, right| Ok(left.and(&right)))
    })?;
    Ok((total, begin.elapsed().as_secs_f64()))
}

#[derive(Default)]
struct Total {
    packets: u64,
    wire_bytes: u64,
}

impl Total {
    const fn and(&self, other: &Self) -> Self {
        Self {
            packets: self.packets + other.packets,
            wire_bytes: self.wire_bytes + other.wire_bytes,
        }
    }
}

/// Ranges of records, about equally long.
fn cut(bytes: &[u8], count: usize) -> Result<Vec<Range<usize>>, Box<dyn Error>> {
    let (format, first) = Format::probe(bytes).map_err(|error| match error {
        ProbeError::Short => "it is too short for a capture".to_owned(),
        ProbeError::Unknown(what) => what,
    })?;
    let is_plain = matches!(&format, Format::Pcap(pcap)
        if pcap.order == ByteOrder::Little
            && matches!(pcap.variant, Variant::Micros | Variant::Nanos)
            && !pcap.swapped_lengths);
    if !is_plain {
        return Err("it is not a classic pcap file in little-endian byte order".into());
    }
    let mut starts = vec![first];
    for number in 1..count {
        let near = first + (bytes.len() - first) / count * number;
        starts.extend(find_boundary(bytes, near, bytes.len(), &format));
    }
    // Where one record is longer than a piece, two pieces have the same start.
    starts.dedup();
    let ends = starts.iter().skip(1).copied().chain([bytes.len()]);
    Ok(starts
        .iter()
        .copied()
        .zip(ends)
        .map(|(start, end)| start..end)
        .collect())
}

/// Fails where a record ends outside of the piece: its end was guessed, or the file is damaged.
fn walk(bytes: &[u8], piece: Range<usize>, ahead: Ahead) -> Result<Total, String> {
    match ahead {
        Ahead::Line => {
            let mut asked = piece.start;
            walk_asking(bytes, piece, |at| {
                // Behind a long record: what was skipped is not needed.
                asked = asked.max(at);
                while asked < at + LINES_AHEAD {
                    ask_for(bytes, asked);
                    asked += LINE;
                }
            })
        }
        Ahead::Hint => walk_asking(bytes, piece, |at| ask_for(bytes, at + HINT_AHEAD)),
    }
}

#[inline(always)]
fn walk_asking(
    bytes: &[u8],
    piece: Range<usize>,
    mut ask: impl FnMut(usize),
) -> Result<Total, String> {
    let mut total = Total::default();
    let mut at = piece.start;
    let records = &bytes[..piece.end];
    while let Some(header) = records.get(at..at + RECORD_LEN) {
        ask(at);
        total.wire_bytes += u64::from(length(header, WIRE_LEN));
        total.packets += 1;
        at += RECORD_LEN + length(header, CAPTURED_LEN) as usize;
    }
    if at == piece.end {
        Ok(total)
    } else {
        Err(format!("no record ends at byte {}", piece.end))
    }
}

#[inline(always)]
fn length(header: &[u8], place: usize) -> u32 {
    header[place..]
        .first_chunk()
        .map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

/// Asks for the cache line `at` bytes from the first one, also where the capture has ended: to look
/// whether it has is measurable.
#[inline(always)]
fn ask_for(bytes: &[u8], at: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let place = bytes.as_ptr().wrapping_add(at);
        // SAFETY: prefetching is a hint: it reads nothing and cannot fault, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(place.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (bytes, at);
}

const RECORD_LEN: usize = 16;
const CAPTURED_LEN: usize = 8;
const WIRE_LEN: usize = 12;
const LINES_AHEAD: usize = 4096;
const HINT_AHEAD: usize = 1024;
/// Bytes that come together from memory.
const LINE: usize = 64;

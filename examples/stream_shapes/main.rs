//! Writes large synthetic captures of TCP connections, for benchmarks of extracting streams.
//!
//! ```text
//! cargo run --release --example stream_shapes -- streams-bulk bulk.pcap [--seed N] [--scale X]
//! ```
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

mod capture;
mod connection;
mod shape;
#[cfg(test)]
mod tests;

use capture::{MAX_CONNECTIONS, write_capture};
use shape::{BULK, MANY, Shape};
use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::BufWriter;
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

//! Writes large synthetic captures for benchmarks, fast and repeatable.
//!
//! ```text
//! cargo run --release --example shapes -- mix /tmp/mix.pcap [--seed N] [--scale X] [--packets N]
//! ```
//!
//! The file name `-` means standard output.
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
//! beforehand. Open conversations wait in a ring of time slots (`Generator`); those that are due
//! send their next packets (`Conversation`) onto the `Link`, which writes headers and copies
//! contents from a filler whose running checksums are known. On one core of a 2.3 GHz Xeon, without
//! the file system: `mix` 0.85 s, `small` 1.4 s, `bulk` 0.28 s; all in 8 MB of memory.

#![expect(
    clippy::print_stderr,
    reason = "errors and the closing line belong on standard error"
)]

mod conversation;
mod generator;
mod link;
mod options;
mod permutation;
mod plan;
mod shape;
#[cfg(test)]
mod tests;

use generator::{Generator, Totals};
use options::{Options, Request, USAGE, parse_args};
use std::env;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
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

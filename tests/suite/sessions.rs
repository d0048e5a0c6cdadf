//! The command `sessions`: records, which are the same for all ways of reading, and how they are
//! shown.

mod outputs;
mod records;
mod same;
mod servers;

use crate::common::program::{Ended, Program};
use std::ffi::OsStr;
use testkit::conversation::{CLIENT, Ends, Segment, Trace};

/// The speaker of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Client,
    Server,
}

use Who::{Client, Server};

/// Segments of a connection that carries a script, in pieces of at most `piece` bytes. Each
/// acknowledges everything before it.
fn connection(ends: Ends, script: &[(Who, &[u8])], piece: usize) -> Vec<Segment> {
    let mut next = [1000_u32, 5000];
    let back = ends.reversed();
    let mut segments = vec![ends.syn(next[0]), back.syn_ack(next[1], next[0])];
    next = next.map(|it| it + 1);
    for (who, bytes) in script {
        let (own, other, ends) = match who {
            Client => (0, 1, ends),
            Server => (1, 0, back),
        };
        for part in bytes.chunks(piece) {
            let mut segment = ends.data(next[own], part);
            segment.acknowledgment = next[other];
            next[own] += u32::try_from(part.len()).unwrap();
            segments.push(segment);
        }
    }
    for (own, other, ends) in [(0, 1, ends), (1, 0, back)] {
        let mut fin = ends.fin(next[own]);
        fin.acknowledgment = next[other];
        segments.push(fin);
    }
    segments
}

fn capture(segments: &[Segment]) -> Vec<u8> {
    Trace::of(segments.iter().map(Segment::frame)).file()
}

/// Runs the command on a capture from a pipe.
fn sessions<A: AsRef<OsStr>>(capture: &[u8], args: impl IntoIterator<Item = A>) -> Ended {
    Program::new()
        .args(["sessions", "-"])
        .args(args)
        .input(capture, 1 << 16)
        .run()
}

/// The records of an undamaged capture.
fn records(capture: &[u8], args: &[&str]) -> Vec<serde_json::Value> {
    let ended = sessions(capture, args).exits(0);
    let lines = ended.text().lines();
    lines.map(|it| serde_json::from_str(it).unwrap()).collect()
}

const PAGE: [(Who, &[u8]); 4] = [
    (
        Client,
        b"GET /1 HTTP/1.1\r\nHost: www.example.org\r\nAuthorization: Basic bWU6c2VjcmV0\r\n\r\n",
    ),
    (Server, b"HTTP/1.1 401 No\r\nContent-Length: 5\r\n\r\nwrong"),
    (
        Client,
        b"GET http://me:secret@x/2 HTTP/1.1\r\nAuthorization: Basic bWU6c2VjcmV1\r\n\r\n",
    ),
    (
        Server,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nright\r\n0\r\n\r\n",
    ),
];

//! Many streams with few descriptors.

use crate::common::entries;
use crate::common::program::Program;
use crate::common::streams::{
    QUIET, assert_same, files_in, files_of_archive, manifest_rows, slashed,
};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use testkit::conversation::{CLIENT, Ends, Trace, content, segments};

const CONNECTIONS: u32 = 20_000;

/// An extraction of all TCP streams that may have 64 files open.
fn extraction(output: &Path) -> Program {
    let program = Program::with_limit("-n 64")
        .args(QUIET)
        .args(["--extract-tcp-all", "-o"]);
    program.args([output])
}

fn ends(number: u32) -> Ends {
    let [_, _, high, low] = number.to_be_bytes();
    Ends {
        hosts: (high / 64 + 1, 200),
        ports: (u16::from_be_bytes([high, low]) % (64 * 256) + 1024, 80),
        ..CLIENT
    }
}

fn question(number: u32) -> String {
    format!("question {number}, and its end")
}

fn answer(number: u32) -> String {
    format!("answer {number}")
}

/// Connections that are all open at once: each sends something three times.
fn many() -> Trace {
    let mut trace = Trace::default();
    let all = || 0..CONNECTIONS;
    all().for_each(|it| trace.add(ends(it).syn(1000)));
    for part in 0..2 {
        for number in all() {
            let question = question(number);
            let (start, end) = question.split_at(9);
            match part {
                0 => trace.add(ends(number).data(1001, start)),
                _ => trace.add(ends(number).data(1010, end)),
            }
        }
    }
    all().for_each(|it| trace.add(ends(it).reversed().data(7, answer(it))));
    trace
}

/// Asserts that all streams are there, and only these.
#[track_caller]
fn assert_all(mut find: impl FnMut(&str) -> Option<Vec<u8>>, count: usize) {
    for number in 0..CONNECTIONS {
        let (client, server) = (ends(number), ends(number).reversed());
        let found = [client, server].map(|ends| find(&ends.name("tcp")));
        let expected = [question(number), answer(number)].map(|it| Some(it.into_bytes()));
        assert_eq!(found, expected, "{number}");
    }
    assert_eq!(count, 2 * CONNECTIONS as usize);
}

#[test]
fn to_a_directory() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("capture.pcap");
    fs::write(&capture, many().file()).unwrap();
    let (output, manifest) = (folder.path().join("out"), folder.path().join("list.csv"));
    let program = extraction(&slashed(&output)).args([&capture]);
    let program = program.args(["--window-bytes", "1000000"]);
    let program = program.args(["--manifest".as_ref(), manifest.as_os_str()]);
    program.run().exits(0);
    let mut files = files_in(&output);
    let count = files.len();
    assert_all(|name| files.remove(name), count);
    assert_eq!(manifest_rows(&manifest, &output).len(), count);
}

#[test]
fn to_an_archive() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("capture.pcap");
    let bytes = many().file();
    fs::write(&capture, &bytes).unwrap();
    let output = folder.path().join("out.tar");
    for program in [
        extraction(&output).args([&capture]),
        extraction(&output).args(["-"]).input(&bytes, 65_536),
    ] {
        program.run().exits(0);
        let entries = files_of_archive(&output);
        let count = entries.len();
        let mut files: BTreeMap<_, _> = entries.into_iter().collect();
        assert_all(|name| files.remove(name), count);
    }
}

/// What waits cannot be read again.
#[test]
fn from_a_pipe_to_a_directory() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let program = extraction(&slashed(&output)).args(["--stdin"]);
    program.input(&many().file(), 65_536).run().exits(0);
    let mut files = files_in(&output);
    let count = files.len();
    assert_all(|name| files.remove(name), count);
}

/// Each worker writes a file of its own: not all of them at once, where few may be open.
#[test]
fn with_more_workers_than_descriptors() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("capture.pcap");
    let content = content(1, 40_000);
    let count = 400_u16;
    let traces = (0..count).map(|number| {
        let ends = CLIENT.with_port(10_000 + number);
        Trace::of(segments(ends, 1, &content, 20_000))
    });
    let traces: Vec<Trace> = traces.collect();
    fs::write(&capture, Trace::mixed(&traces).file()).unwrap();
    for threads in ["1", "300"] {
        let output = folder.path().join(threads);
        let program = Program::with_limit("-n 12").args(QUIET);
        let program = program.args(["--extract-tcp-all", "--window-bytes", "4000000", "-o"]);
        let program = program.args([&slashed(&output), &capture]);
        program.args(["--threads", threads]).run().exits(0);
        let files = files_in(&output);
        assert_eq!(files.len(), usize::from(count));
        assert!(files.values().all(|file| *file == content));
    }
}

/// More captures than descriptors: what waits in each of them is read again at the end.
#[test]
fn from_many_captures() {
    let folder = tempfile::tempdir().unwrap();
    let content = content(1, 200_000);
    let mut pieces = segments(CLIENT, 1001, &content, 1000);
    pieces.reverse();
    let mut trace = Trace::of([CLIENT.syn(1000)]);
    pieces.into_iter().for_each(|it| trace.add(it));
    let parts = trace.cut(2).into_iter().enumerate().map(|(number, part)| {
        let path = folder.path().join(format!("{number}.pcap"));
        fs::write(&path, part.file()).unwrap();
        path
    });
    let paths: Vec<_> = parts.collect();
    assert!(paths.len() > 100);
    let output = folder.path().join("out.tar");
    extraction(&output).args(&paths).run().exits(0);
    let entries = files_of_archive(&output);
    assert_eq!(entries.len(), 1);
    assert_same(&entries[0].1, &content, "from many captures");
}

/// A stream, and what is to be in front of a gap and behind it.
type Parts = (Ends, [Vec<u8>; 2]);

/// Streams from a pipe that wait for the end, and are more than may be kept in memory: two
/// buffers of the pipe's reader. Of each, a segment in the middle was cut.
fn large() -> (Vec<Parts>, Trace) {
    const LEN: usize = 30_000;
    const COUNT: usize = 500;
    let content = content(1, LEN);
    let mut streams = Vec::new();
    let mut traces = Vec::new();
    for number in 0..5_u8 {
        let ends = CLIENT.with_port(50_000 + u16::from(number));
        let mut content = content.clone();
        content.fill_with(|| number);
        let mut trace = Trace::of([ends.syn(0)]);
        let mut parts = [Vec::new(), Vec::new()];
        for at in 0..COUNT {
            content[0] = u8::try_from(at % 251).unwrap();
            let start = 1 + u32::try_from(at * LEN).unwrap();
            let is_cut = at == 100;
            trace.add_cut(
                ends.data(start, &content),
                if is_cut { 1054 } else { usize::MAX },
            );
            let captured = if is_cut { &content[..1000] } else { &content };
            parts[usize::from(at > 100)].extend_from_slice(captured);
        }
        streams.push((ends, parts));
        traces.push(trace);
    }
    (streams, Trace::mixed(&traces))
}

#[test]
fn more_than_memory_holds() {
    let folder = tempfile::tempdir().unwrap();
    let (streams, trace) = large();
    let bytes = trace.file();
    assert!(bytes.len() > 70 << 20);
    let output = folder.path().join("out.tar");
    for gaps in ["skip", "split"] {
        let program = extraction(&output).args(["-", "--gaps", gaps]);
        let program = program
            .args(["--reassembly-memory", "1M"])
            .input(&bytes, 1 << 20);
        program.run().exits(0);
        assert_eq!(entries(folder.path()), ["out.tar"]);
        let mut files: BTreeMap<_, _> = files_of_archive(&output).into_iter().collect();
        for (ends, [first, second]) in &streams {
            let name = ends.name("tcp");
            let found = files.remove(&name).unwrap();
            if gaps == "split" {
                assert_same(&found, first, &name);
                let rest = files.remove(&format!("{name}.gap1")).unwrap();
                assert_same(&rest, second, &name);
            } else {
                assert_same(&found, &[&first[..], second].concat(), &name);
            }
        }
        assert!(files.is_empty(), "{:?}", files.keys());
    }
    // One of them to standard output.
    let (ends, parts) = &streams[3];
    let program = extraction("-".as_ref()).args(["-", "--reassembly-memory", "1M"]);
    let port = ends.ports.0.to_string();
    let program = program.args(["--filter", &format!("port {port}")]);
    let ended = program.input(&bytes, 1 << 20).run().exits(0);
    assert_same(&ended.stdout, &parts.concat(), "on standard output");
}

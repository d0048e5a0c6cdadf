//! The same streams and the same manifest, whatever the number of threads, the sizes of windows
//! and chunks, from files or a pipe, to a directory or an archive.

use crate::common::program::{Program, Row};
use crate::common::streams::{QUIET, files_in, files_of_archive, manifest_rows, slashed};
use crate::common::{Complaints, testdata};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use testkit::Random;
use testkit::conversation::{
    ACK, CLIENT, Ends, FIN, SYN, Trace, content, padded, segments, without_length,
};

/// Something of everything that streams meet, each between ports of its own.
fn traces(version: fn(Ends) -> Ends) -> Vec<Trace> {
    let makers: [fn(Ends) -> Trace; 12] = [
        clean, swapped, cut, again, conflicts, reused, moved, middle, fragmented, offloaded,
        datagrams, endless,
    ];
    let of_port = |(maker, port): (&fn(Ends) -> Trace, u16)| maker(version(CLIENT.with_port(port)));
    makers.iter().zip(40_000..).map(of_port).collect()
}

/// All of them over IPv4 and over IPv6, at the same time.
pub(crate) fn mixed() -> Trace {
    let traces = [traces(|it| it), traces(Ends::with_ipv6)].concat();
    Trace::mixed(&traces)
}

/// A question and an answer, from SYN to FIN.
fn clean(ends: Ends) -> Trace {
    let server = ends.reversed();
    let mut trace = Trace::of([ends.syn(1000), server.syn_ack(0xffff_fff0, 1000)]);
    trace.add(padded(ends.data(1001, "question").frame()));
    let answer = content(1, 30_000);
    segments(server, 0xffff_fff1, &answer, 1460)
        .into_iter()
        .for_each(|it| trace.add(it));
    trace.add(ends.fin(1009));
    trace.add(server.fin(0xffff_fff1_u32.wrapping_add(30_000)));
    trace
}

fn swapped(ends: Ends) -> Trace {
    let mut pieces = segments(ends, 0xffff_f000, &content(2, 60_000), 1400);
    Random::new(5).shuffle(&mut pieces[3..40]);
    let mut trace = Trace::of([ends.syn(0xffff_efff)]);
    pieces.into_iter().for_each(|it| trace.add(it));
    trace
}

/// Cut by a snaplen, and with losses.
fn cut(ends: Ends) -> Trace {
    let mut trace = Trace::of([ends.syn(0)]);
    let pieces = segments(ends, 1, &content(3, 60_000), 1000).into_iter();
    for (number, piece) in pieces.enumerate().filter(|(number, _)| number % 5 != 0) {
        trace.add_cut(piece, if number % 3 == 0 { 300 } else { 65_535 });
    }
    trace.add(ends.fin(70_001));
    trace
}

/// Each segment twice, and all of it once more.
fn again(ends: Ends) -> Trace {
    let pieces = segments(ends, 1, &content(4, 20_000), 900);
    let trace = Trace::of(pieces);
    Trace::chained([trace.doubled(), trace])
}

/// Other content for bytes that are held back, delivered, and written.
fn conflicts(ends: Ends) -> Trace {
    let mut chance = Random::new(6);
    let mut trace = Trace::of([ends.syn(0)]);
    for number in 0..40 {
        let start = u32::try_from(chance.below(60_000)).unwrap();
        let len = usize::try_from(2 + chance.below(20_000)).unwrap();
        trace.add(ends.data(start + 1, content(number, len)));
    }
    trace
}

/// Several connections on the same ports, with late segments.
fn reused(ends: Ends) -> Trace {
    let mut trace = Trace::default();
    for start in [1000_u32, 3_000_000_000, 70_000_000] {
        trace.add(ends.syn(start));
        trace.add(ends.data(start, "early").with_flags(SYN));
        trace.add(ends.data(start.wrapping_add(11), content(start.into(), 3000)));
        trace.add(ends.syn(start));
        trace.add(ends.fin(start.wrapping_add(3011)));
    }
    trace.add(ends.data(3_000_000_006, "five!"));
    trace.add(ends.reversed().rst(9));
    trace
}

/// Seen at two taps.
fn moved(ends: Ends) -> Trace {
    let other = Ends {
        vlan: Some(12),
        tap: 3,
        ..ends
    };
    let content = content(7, 9000);
    Trace::mixed(&[
        Trace::of(segments(ends, 1, &content, 800)),
        Trace::of(segments(other, 1, &content, 1000)),
    ])
}

fn middle(ends: Ends) -> Trace {
    let mut pieces = segments(ends, 0x8000_0000, &content(8, 100_000), 1300);
    pieces.swap(0, 2);
    Trace::of(pieces)
}

fn fragmented(ends: Ends) -> Trace {
    let mut trace = Trace::of([ends.syn(0)]);
    let pieces = segments(ends, 1, &content(9, 12_000), 3000).into_iter();
    for (piece, id) in pieces.zip(1..) {
        let mut fragments = piece.fragments(id, 1000);
        Random::new(id.into()).shuffle(&mut fragments);
        fragments.into_iter().for_each(|it| trace.add(it));
    }
    for (id, len) in [(50, 5000), (51, 3000)] {
        let fragments = ends.datagram_fragments(id, &content(id.into(), len), 1200);
        fragments.into_iter().rev().for_each(|it| trace.add(it));
    }
    trace
}

fn offloaded(ends: Ends) -> Trace {
    let mut pieces = segments(ends, 1, &content(10, 400_000), 90_000);
    pieces.swap(1, 3);
    let frames = pieces.into_iter().map(|it| without_length(it.frame()));
    Trace::of(frames)
}

fn datagrams(ends: Ends) -> Trace {
    let mut trace = Trace::default();
    for number in 0..20_u8 {
        let (seed, at) = (u64::from(number), usize::from(number));
        trace.add_cut(ends.datagram(content(seed, 400)), 350 + 9 * at);
        trace.add(ends.reversed().datagram(content(seed, 30 * at)));
    }
    trace
}

/// A first gap that is never filled.
fn endless(ends: Ends) -> Trace {
    let mut trace = Trace::of([ends.syn(0), ends.data(10, "x").with_flags(FIN | ACK)]);
    segments(ends, 2, &content(11, 6_000), 64)
        .into_iter()
        .for_each(|it| trace.add(it));
    trace
}

/// How a run is made.
#[derive(Clone, Copy, Debug)]
struct Way {
    threads: &'static str,
    window: Option<&'static str>,
    chunk: Option<&'static str>,
    /// Which of the inputs comes through a pipe.
    pipe: Option<usize>,
    is_archive: bool,
}

const PLAIN: Way = Way {
    threads: "1",
    window: None,
    chunk: None,
    pipe: None,
    is_archive: false,
};

fn ways() -> Vec<Way> {
    let mut ways = Vec::new();
    for threads in ["1", "2", "3"] {
        for (window, chunk) in [
            // A window of one packet is one chunk.
            (Some("1"), None),
            (Some("1000"), Some("1")),
            (Some("1000"), None),
            (None, Some("1")),
            (None, None),
        ] {
            for is_archive in [false, true] {
                for is_pipe in [false, true] {
                    let pipe = is_pipe.then_some(ways.len() / 2 % 3);
                    ways.push(Way {
                        threads,
                        window,
                        chunk,
                        pipe,
                        is_archive,
                    });
                }
            }
        }
    }
    ways
}

/// All that a run wrote, and what it said at the end.
#[derive(Debug, PartialEq)]
struct Answer {
    files: BTreeMap<String, Vec<u8>>,
    manifest: Vec<Row>,
    said: Vec<String>,
}

fn answer(inputs: &[PathBuf], options: &[&str], way: Way) -> Answer {
    let folder = tempfile::tempdir().unwrap();
    let (directory, archive) = (folder.path().join("out"), folder.path().join("out.tar"));
    let manifest = folder.path().join("list.csv");
    let output = if way.is_archive {
        archive.clone()
    } else {
        slashed(&directory)
    };
    // A pipe keeps its place, whatever the times: so must files, to be compared with.
    let mut program = Program::new().args(QUIET).args(options);
    program = program.args(["--as-given"]);
    program = program.args(["--threads", way.threads]);
    program = program.args(way.window.map(|it| format!("--window-bytes={it}")));
    program = program.args(way.chunk.map(|it| format!("--chunk-bytes={it}")));
    program = program.args(["-o".as_ref(), output.as_os_str()]);
    program = program.args(["--manifest".as_ref(), manifest.as_os_str()]);
    for (number, input) in inputs.iter().enumerate() {
        if way.pipe == Some(number) {
            program = program.args(["-"]).input(&fs::read(input).unwrap(), 4096);
        } else {
            program = program.args([input]);
        }
    }
    let ended = program.run().exits(0).prints_nothing();
    let files = if way.is_archive {
        let entries = files_of_archive(&archive);
        let count = entries.len();
        let files: BTreeMap<_, _> = entries.into_iter().collect();
        assert_eq!(files.len(), count, "no name twice\n{ended}");
        files
    } else {
        files_in(&directory)
    };
    let said = ended.stderr.lines();
    let said = said.map(|line| {
        inputs.iter().fold(line.to_owned(), |line, input| {
            line.replace(&input.display().to_string(), "standard input")
        })
    });
    Answer {
        files,
        manifest: manifest_rows(&manifest, &directory),
        said: said.collect(),
    }
}

impl Answer {
    fn compare(&self, other: &Self, label: &str, wrong: &mut Complaints) {
        let names = |answer: &Self| answer.files.keys().cloned().collect::<Vec<_>>();
        wrong.compare(format!("{label}: names"), names(other), names(self));
        for (name, file) in &self.files {
            if other.files.get(name).is_some_and(|it| it != file) {
                wrong.add(format!("{label}: {name} is another one"));
            }
        }
        let rows = self.manifest.iter().zip(&other.manifest);
        for (here, there) in rows.filter(|(here, there)| here != there) {
            wrong.compare(label, there, here);
        }
        wrong.compare(label, other.manifest.len(), self.manifest.len());
        wrong.compare(label, &other.said, &self.said);
    }
}

/// The traces mixed, recorded traffic, and some of them again, one behind the other.
fn inputs(folder: &Path) -> Vec<PathBuf> {
    let (first, chained) = (folder.join("mixed.pcap"), folder.join("chained.pcap"));
    fs::write(&first, mixed().file()).unwrap();
    fs::write(&chained, Trace::chained(traces(|it| it)).file()).unwrap();
    vec![first, testdata("recorded/lossy-client.pcap"), chained]
}

/// Runs in all ways, or in some of them, and compares with the plainest.
fn compare(options: &[&str], skip: usize, step: usize) {
    let folder = tempfile::tempdir().unwrap();
    let inputs = inputs(folder.path());
    let expected = answer(&inputs, options, PLAIN);
    assert!(expected.files.len() > 10 && expected.manifest.len() > 20);
    let mut wrong = Complaints::default();
    for way in ways().into_iter().skip(skip).step_by(step) {
        let label = format!("{options:?}, {way:?}");
        expected.compare(&answer(&inputs, options, way), &label, &mut wrong);
    }
    wrong.none();
}

const ALL: [&str; 2] = ["--extract-tcp-all", "--extract-udp-all"];

#[test]
fn plain_streams_in_all_ways_from_files() {
    compare(&ALL, 0, 2);
}

#[test]
fn plain_streams_in_all_ways_from_pipes() {
    compare(&ALL, 1, 2);
}

#[test]
fn streams_with_headers_and_parts() {
    let options = ["--gaps", "split", "--overlap", "last"];
    let headers = ["--tcpheader=extended", "--udpheader"];
    compare(&[&ALL[..], &options, &headers].concat(), 0, 7);
}

#[test]
fn streams_with_zeros_of_conversations() {
    let names = ["--name-template", "{flow_id}-{src_ip}.{src_port}.{ext}"];
    let options = ["--gaps", "zero", "--bidirectional", "--overlap", "last"];
    compare(&[&ALL[..], &options, &names].concat(), 1, 7);
}

#[test]
fn packets_of_streams() {
    compare(&[&ALL[..], &["--output-pcap"]].concat(), 2, 7);
}

#[test]
fn streams_by_flow_id_behind_a_filter() {
    let ids = [
        "--extract-tcp",
        "1-30",
        "--extract-udp-port",
        "40010",
        "40011",
    ];
    let filter = ["--filter", "not port 40003", "--flow-size-min", "5"];
    compare(&[&ids[..], &filter].concat(), 3, 7);
}

/// The captures cut into pieces anywhere, as a file that is written in turns.
#[test]
fn one_capture_or_many() {
    let folder = tempfile::tempdir().unwrap();
    let trace = mixed();
    let whole = folder.path().join("whole.pcap");
    fs::write(&whole, trace.file()).unwrap();
    let expected = answer(&[whole], &ALL, PLAIN);
    let mut wrong = Complaints::default();
    for count in [1, 100, 333] {
        let bytes = crate::common::reading::parse(&trace.file());
        let file = trace.file();
        let parts = bytes.packets.chunks(count).enumerate().take(150);
        // At most so many files; the rest is the last of them.
        let mut paths = Vec::new();
        let mut end = 0;
        for (number, packets) in parts {
            let path = folder.path().join(format!("{count}-{number}.pcap"));
            end = packets.last().unwrap().place.end;
            let part = [&bytes.header, &file[packets[0].place.start..end]].concat();
            fs::write(&path, part).unwrap();
            paths.push(path);
        }
        let path = folder.path().join(format!("{count}-last.pcap"));
        fs::write(&path, [&bytes.header, &file[end..]].concat()).unwrap();
        paths.push(path);
        let found = answer(
            &paths,
            &ALL,
            Way {
                threads: "2",
                ..PLAIN
            },
        );
        let label = format!("{} files", paths.len());
        let found = Answer {
            said: expected.said.clone(),
            ..found
        };
        expected.compare(&found, &label, &mut wrong);
    }
    wrong.none();
}

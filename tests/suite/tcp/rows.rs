//! Rows: all packets are in one, connections are those of streams, the same for any way of reading.

use super::{table, tcp};
use crate::common::program::{Ended, Program, Row, number};
use crate::common::streams::extracted;
use crate::common::{Complaints, captures, testdata};
use crate::index::same::WAYS;
use parquet::file::reader::{FileReader, SerializedFileReader};
use std::collections::BTreeSet;
use std::fs::{self, File};
use testkit::conversation::{ACK, CLIENT, Ends, RST, Segment, Trace};

const RECORDED: [&str; 4] = [
    "http.pcap",
    "lossy-client.pcap",
    "lossy-server.pcap",
    "bulk-clean.pcap",
];

#[test]
fn whatever_the_threads_windows_and_inputs() {
    let mut wrong = Complaints::default();
    for (turn, capture) in captures().into_iter().filter(|it| !it.refused).enumerate() {
        let args = ["--format", "csv", "--decap", "--keep-duplicates"];
        let expected = tcp(&capture.path(), args);
        let way = WAYS[turn % WAYS.len()];
        let found = tcp(&capture.path(), args.iter().chain(way));
        if found.stdout != expected.stdout {
            wrong.add(format!("{}, {way:?}", capture.name));
        }
        let piped = Program::new().args(["tcp", "--stdin"]).args(args);
        let piped = piped.input(&capture.read(), 777).run();
        if piped.stdout != expected.stdout {
            wrong.add(format!("{}, from a pipe", capture.name));
        }
    }
    wrong.none();
}

/// The number of packets that a notice reports as in no row; 0 without the notice.
fn reported(ended: &Ended, notice: &str) -> i64 {
    let line = ended.stderr.lines().find(|it| it.contains(notice));
    let number = line.and_then(|it| it.split(' ').nth(1));
    number.map_or(0, |it| it.parse().unwrap())
}

#[test]
fn every_tcp_packet_is_in_one_row_or_reported() {
    let mut wrong = Complaints::default();
    for capture in captures().into_iter().filter(|it| !it.refused) {
        let list = Program::new().args([capture.path()]);
        let list = list.args(["--format", "csv"]).run().rows();
        let of_tcp = list.iter().filter(|row| row["protocol"] == "tcp");
        let expected: i64 = of_tcp.map(|row| number(row, "packets")).sum();
        let ended = tcp(&capture.path(), ["--format", "csv"]);
        let rows = ended.rows();
        let packets = |row| number(row, "client_packets") + number(row, "server_packets");
        let in_rows: i64 = rows.iter().map(packets).sum();
        let others = reported(&ended, "are in no connection") + reported(&ended, "are fragments");
        if in_rows + others != expected {
            wrong.add(format!(
                "{}: {in_rows} + {others} of {expected}",
                capture.name
            ));
        }
        let starts: Vec<i64> = rows.iter().map(|row| number(row, "first_packet")).collect();
        if !starts.is_sorted() {
            wrong.add(format!(
                "{}: not in the order of first packets",
                capture.name
            ));
        }
    }
    wrong.none();
}

/// Packets in no row are reported.
#[test]
fn fragments_that_complete_nothing_are_counted() {
    let mut trace = Trace::default();
    trace.add(CLIENT.syn(1000));
    let fragments = CLIENT
        .data(1001, "a request of some length")
        .fragments(7, 16);
    let missing = fragments.len() - 1;
    fragments.into_iter().skip(1).for_each(|it| trace.add(it));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.pcap");
    fs::write(&path, trace.file()).unwrap();
    let ended = tcp(&path, ["--format", "csv"]).exits(0);
    let said = format!("{missing} TCP packets are fragments that complete no datagram");
    assert_eq!(ended.says(&said).rows()[0]["client_packets"], "1");
}

/// `connection`, FlowIDs and unique bytes are those of the manifest.
#[test]
fn connections_are_those_of_streams() {
    for name in RECORDED {
        let capture = testdata(&format!("recorded/{name}"));
        let program = Program::new().args([&capture]).args(["--extract-tcp-all"]);
        let manifest = extracted(program).manifest;
        let streams = manifest.iter().map(|row| {
            let ends = ["src_ip", "src_port", "dst_ip", "dst_port"].map(|it| row[it].clone());
            (
                ends,
                row["connection"].clone(),
                row["flow_id"].clone(),
                row["bytes"].clone(),
            )
        });
        let mut found = BTreeSet::new();
        for row in table(&capture, &[]) {
            let end = |side: &str| {
                [
                    row[&format!("{side}_ip")].clone(),
                    row[&format!("{side}_port")].clone(),
                ]
            };
            for (from, to, flow) in [
                ("client", "server", "flow_id"),
                ("server", "client", "reverse_flow_id"),
            ] {
                let ([a, b], [c, d]) = (end(from), end(to));
                let bytes = row[&format!("{from}_unique_bytes")].clone();
                found.insert((
                    [a, b, c, d],
                    row["connection"].clone(),
                    row[flow].clone(),
                    bytes,
                ));
            }
        }
        assert_eq!(streams.collect::<BTreeSet<_>>(), found, "{name}");
    }
}

/// One path, two taps, losses between them: which side of the tap a segment was lost on.
#[test]
fn both_ends_of_a_lossy_path() {
    let columns = [
        "client_port",
        "server_lost_downstream",
        "server_lost_upstream",
        "server_zero_windows",
        "client_zero_windows",
    ];
    let figures = |name: &str| -> Vec<Vec<i64>> {
        let rows = table(&testdata(&format!("recorded/{name}")), &[]);
        rows.iter()
            .map(|row| columns.iter().map(|column| number(row, column)).collect())
            .collect()
    };
    let at_server = figures("lossy-server.pcap");
    assert_eq!(
        at_server,
        [
            [41021, 5, 0, 0, 0],
            [41022, 2, 0, 0, 0],
            [42021, 4, 0, 0, 0]
        ]
    );
    let at_client = figures("lossy-client.pcap");
    assert_eq!(
        at_client,
        [
            [41021, 4, 8, 0, 0],
            [41022, 3, 3, 0, 0],
            [42021, 1, 2, 0, 0]
        ]
    );
}

/// What is part of another connection after all is in its row: a SYN that nobody answers, the same
/// packets in two networks.
#[test]
fn segments_that_waited() {
    let server = CLIENT.reversed();
    let mut trace = Trace::default();
    trace.add(CLIENT.syn(1000));
    trace.add(server.syn_ack(9000, 1000));
    trace.add(CLIENT.data(1001, []).with_flags(ACK));
    trace.add(CLIENT.data(1001, "request"));
    // Stray.
    trace.add(CLIENT.syn(7_000_000));
    trace.add(server.data(9001, "response"));
    let rows = of_trace(&trace);
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (&*rows[0]["client_packets"], &*rows[0]["client_syns"]),
        ("4", "2")
    );
    assert_eq!((&*rows[0]["last_packet"], &*rows[0]["turns"]), ("6", "1"));
}

fn of_trace(trace: &Trace) -> Vec<Row> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.pcap");
    fs::write(&path, trace.file()).unwrap();
    table(&path, &[])
}

fn refusal(asked: u32) -> Segment {
    let mut reset = CLIENT.reversed().rst(0).with_flags(RST | ACK);
    reset.acknowledgment = asked + 1;
    reset
}

/// A client tries again what was refused, with the same number: one connection, whether it is
/// answered then or not.
#[test]
fn a_refused_syn_that_is_repeated() {
    let server = CLIENT.reversed();
    let mut trace = Trace::default();
    for _ in 0..3 {
        trace.add(CLIENT.syn(1000));
        trace.add(refusal(1000));
        trace.pause_ms(500);
    }
    let rows = of_trace(&trace);
    assert_eq!(
        (rows.len(), &*rows[0]["state"], &*rows[0]["server_rsts"]),
        (1, "REJ", "3")
    );

    // An old connection is in the way: its acknowledgment is answered with a reset.
    let mut trace = Trace::default();
    trace.add(CLIENT.syn(1000));
    let mut old = server.data(700_000_000, []).with_flags(ACK);
    old.acknowledgment = 900_000_000;
    trace.add(old);
    trace.add(CLIENT.rst(900_000_000));
    trace.pause_ms(1000);
    trace.add(CLIENT.syn(1000));
    trace.add(server.syn_ack(5000, 1000));
    trace.add(CLIENT.data(1001, "request"));
    trace.add(server.data(5001, "response"));
    let rows = of_trace(&trace);
    assert_eq!(
        (rows.len(), &*rows[0]["state"], &*rows[0]["turns"]),
        (1, "S1", "1")
    );
}

/// Of a conversation's copy in another network, only the client's side was captured.
#[test]
fn half_of_a_copy_in_another_network() {
    let (server, copy) = (
        CLIENT.reversed(),
        Ends {
            vlan: Some(50),
            ..CLIENT
        },
    );
    let to_server = |sequence, payload: &str| Segment {
        acknowledgment: 5001,
        ..CLIENT.data(sequence, payload)
    };
    let beside = |segment: Segment, ends| Segment { ends, ..segment };
    let acknowledgment = to_server(1001, "").with_flags(ACK);
    for has_both in [false, true] {
        let mut trace = Trace::default();
        trace.add(CLIENT.syn(1000));
        trace.add(copy.syn(1000));
        trace.add(server.syn_ack(5000, 1000));
        if has_both {
            trace.add(copy.reversed().syn_ack(5000, 1000));
        }
        trace.add(acknowledgment.clone());
        trace.add(beside(acknowledgment.clone(), copy));
        trace.add(to_server(1001, "request"));
        let rows = of_trace(&trace);
        assert_eq!(
            (rows.len(), &*rows[0]["client_packets"]),
            (1, "5"),
            "{has_both}"
        );
    }
}

/// Each attempt that is refused is answered by its own reset.
#[test]
fn ports_that_are_refused_again() {
    let mut trace = Trace::default();
    for number in [1000, 5000, 900_000] {
        trace.add(CLIENT.syn(number));
        trace.add(refusal(number));
    }
    let rows = of_trace(&trace);
    let expected = ["REJ", "Sr", "1"];
    let found = rows
        .iter()
        .map(|row| ["state", "history", "server_rsts"].map(|it| &*row[it]));
    assert_eq!(found.collect::<Vec<_>>(), [expected; 3]);
}

/// int64, int32, and timestamps in microseconds: what every reader takes.
#[test]
fn types_of_a_parquet_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tcp.parquet");
    let capture = testdata("recorded/http.pcap");
    let args = ["--format", "parquet", "-o", path.to_str().unwrap()];
    tcp(&capture, args).exits(0).prints_nothing();
    let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    let metadata = reader.metadata().file_metadata();
    let rows = table(&capture, &[]);
    assert_eq!(usize::try_from(metadata.num_rows()).unwrap(), rows.len());
    let types = metadata.schema().get_fields().iter().map(|field| {
        let logical = field
            .get_basic_info()
            .logical_type_ref()
            .map(|it| format!("{it:?}"));
        (
            field.name().to_owned(),
            field.get_physical_type().to_string(),
            logical.unwrap_or_default(),
        )
    });
    let types: Vec<_> = types.collect();
    let of = |name: &str| types.iter().find(|it| it.0 == name).unwrap();
    assert_eq!(of("first_ns").1, "INT64");
    assert_eq!(of("first_ns").2, "");
    assert!(
        of("first").2.contains("Timestamp") && of("first").2.contains("MICROS"),
        "{:?}",
        of("first")
    );
    assert_eq!(
        (&*of("client_port").1, &*of("client_bytes").1),
        ("INT32", "INT64")
    );
    assert!(
        types
            .iter()
            .all(|it| it.1 != "INT96" && !it.2.contains("is_signed: false")),
        "{types:?}"
    );
}

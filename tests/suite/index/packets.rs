//! Packets by an index: the same capture as without, byte for byte.

use crate::common::indexed::Indexed;
use crate::common::program::Program;
use crate::common::{Capture, Complaints, captures, testdata};
use crate::streams::same::mixed;
use std::fs;
use std::path::PathBuf;
use testkit::conversation::CLIENT;
use testkit::pcap::ByteOrder;
use testkit::pcapng::{interface, packet, section};

/// What is asked of any capture. Some of it matches nothing in most of them.
const SELECTIONS: [&[&str]; 20] = [
    &[],
    &["--extract", "1"],
    &["--extract", "2-4,7"],
    &["--extract", "2", "--extract", "1"],
    &["--extract", "100000"],
    &["--extract-ip", "0.0.0.0/0"],
    &["--extract-ip", "::/0"],
    &["--extract-ip", "10.77.0.1", "--extract-port", "53", "53"],
    &["--extract-port", "1", "1023"],
    &["--extract-port", "80", "80", "--extract", "1"],
    &["--extract-ip", "203.0.113.77"],
    &["--filter", "tcp"],
    &["--filter", "not tcp"],
    &["--filter", "src port 80 or udp"],
    &["--filter", "vlan"],
    &["--filter", "not port 80", "--extract", "1-3"],
    &["--filter", "ip6", "--extract-port", "0", "1000"],
    &["--exclude-ip", "10.77.0.1"],
    &["--exclude-ip", "10.77.0.0/16", "--extract-ip", "0.0.0.0/0"],
    &["--flow-flush", "--extract", "1-2"],
];
const SETTINGS: [&[&str]; 5] = [
    &["--bidirectional"],
    &["--flow-5tuple"],
    &["--decap"],
    &["--idle-timeout", "0.001"],
    &["--bidirectional", "--flow-5tuple", "--decap", "--metamako"],
];

fn readable() -> impl Iterator<Item = (usize, Capture)> {
    captures().into_iter().filter(|it| !it.refused).enumerate()
}

/// Everything there is, of each capture, and some of its flows.
#[test]
fn of_every_capture() {
    let mut wrong = Complaints::default();
    for (number, capture) in readable() {
        let indexed = Indexed::of(&[capture.path()], &[]);
        let turn = SELECTIONS[number % SELECTIONS.len()];
        for selection in [SELECTIONS[0], SELECTIONS[2], turn] {
            indexed.compare_outputs("out", selection, &mut wrong);
        }
    }
    wrong.none();
}

/// The capture's first block tells the byte order, but is damaged: packets behind it are read, and
/// found again.
#[test]
fn of_a_section_whose_header_is_damaged() {
    let mut wrong = Complaints::default();
    let folder = tempfile::tempdir().unwrap();
    for (name, order) in [("le", ByteOrder::Little), ("be", ByteOrder::Big)] {
        let interface = interface(order, 1, None, None);
        let mut capture = section(order);
        *capture.last_mut().unwrap() ^= 0x55;
        capture.extend(&interface);
        for (number, ends) in (1..).zip([CLIENT, CLIENT.with_port(50_000), CLIENT]) {
            let frame = ends.data(5, b"some bytes").frame();
            let len = u32::try_from(frame.len()).unwrap();
            capture.extend(packet(order, false, 0, number, len, &frame));
        }
        let path = folder.path().join(format!("{name}.pcapng"));
        fs::write(&path, capture).unwrap();
        let indexed = Indexed::of(&[&path], &[]);
        for selection in [&[][..], &["--extract", "1"], &["--extract", "2"]] {
            indexed.compare_outputs("out", selection, &mut wrong);
        }
        let streams = ["--extract-tcp", "1"];
        indexed.compare_outputs("out/", &streams, &mut wrong);
        let extracted = indexed.by_index().args(["--extract", "1", "-o", "-"]);
        let packets = extracted.run().stdout;
        let text = b"some bytes";
        let found = packets.windows(text.len()).filter(|it| *it == text);
        wrong.compare(name, found.count(), 2);
        // What is written is a capture: it starts with a section header.
        let again = Program::new().args(["-", "--format", "csv"]);
        let rows = again.input(&packets, 4096).run().exits(0).rows();
        wrong.compare(format!("{name}, read again"), rows.len(), 1);
    }
    wrong.none();
}

#[test]
fn of_all_kinds_of_flows() {
    let mut wrong = Complaints::default();
    for (number, capture) in readable() {
        let is_recorded = capture.name.contains("recorded");
        for (way, settings) in SETTINGS.iter().enumerate() {
            if is_recorded || way == number % SETTINGS.len() {
                let indexed = Indexed::of(&[capture.path()], settings);
                let turn = SELECTIONS[(number / SETTINGS.len()) % SELECTIONS.len()];
                for selection in [SELECTIONS[1], turn] {
                    indexed.compare_outputs("out", selection, &mut wrong);
                }
            }
        }
    }
    wrong.none();
}

/// Captures that have something of what is asked for, alone and one behind the other.
fn some() -> Vec<Vec<PathBuf>> {
    let names = [
        "recorded/http.pcap",
        "recorded/dns.pcap",
        "recorded/icmp.pcap",
        "recorded/ipv6.pcapng",
        "generated/ethernet/qinq.pcap",
        "generated/formats/sections.pcapng",
        "generated/formats/resolutions-be.pcapng",
        "generated/damage/garbage-middle.pcap",
        "generated/damage/interface-missing.pcapng",
    ];
    let mut some: Vec<Vec<PathBuf>> = names.iter().map(|it| vec![testdata(it)]).collect();
    let pick = |range: std::ops::Range<usize>| names[range].iter().map(|it| testdata(it)).collect();
    // The same format all through, and several.
    some.extend([pick(0..3), pick(3..6), pick(0..9)]);
    some
}

#[test]
fn by_every_selection() {
    let mut wrong = Complaints::default();
    for captures in some() {
        for settings in [&[][..], &["--bidirectional"]] {
            let indexed = Indexed::of(&captures, settings);
            for selection in SELECTIONS {
                indexed.compare_outputs("out", selection, &mut wrong);
            }
        }
    }
    wrong.none();
}

#[test]
fn to_standard_output_and_in_other_formats() {
    let mut wrong = Complaints::default();
    for captures in some() {
        let indexed = Indexed::of(&captures, &[]);
        for selection in [SELECTIONS[0], SELECTIONS[2], SELECTIONS[12]] {
            indexed.compare_outputs("-", selection, &mut wrong);
            for format in ["pcap", "pcapng"] {
                let options = [selection, &["--output-format", format]].concat();
                indexed.compare_outputs("out", &options, &mut wrong);
            }
        }
    }
    wrong.none();
}

/// Fragments, packets that are cut, everything in between each other.
#[test]
fn of_a_wild_mixture() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mixed.pcap");
    fs::write(&path, mixed().file()).unwrap();
    let mut wrong = Complaints::default();
    for settings in [&[][..], SETTINGS[0], SETTINGS[3]] {
        let indexed = Indexed::of(&[&path], settings);
        for selection in SELECTIONS {
            indexed.compare_outputs("out", selection, &mut wrong);
        }
        for id in 1..40 {
            indexed.compare_outputs("out", &["--extract", &id.to_string()], &mut wrong);
        }
    }
    wrong.none();
}

const CONDITIONS: [&str; 7] = [
    "packets > 3",
    "protocol = 'tcp' and bytes > 1000",
    "src_port = 80 or dst_ip = 10.77.0.2",
    "handshake and retransmissions = 0",
    "server_name is not null",
    "fragments > 0",
    "bytes < 0",
];

/// What is extracted, and what lists the same flows.
const RESTRICTIONS: [(&[&str], &[&str]); 3] = [
    (&[], &[]),
    (&["--filter", "tcp"], &["--filter", "tcp"]),
    (
        &["--extract-ip", "10.77.0.0/24"],
        &["--filter", "net 10.77.0.0/24"],
    ),
];

/// With an index, conditions select what is extracted: the packets of the flows that a list with
/// the condition shows.
#[test]
fn by_conditions() {
    let mut wrong = Complaints::default();
    let mut flows = 0;
    for captures in some() {
        let indexed = Indexed::of(&captures, &[]);
        for condition in CONDITIONS {
            for (options, list_options) in RESTRICTIONS {
                let list = indexed
                    .by_index()
                    .args(["--format", "csv", "--where", condition]);
                let rows = list.args(list_options).run().exits(indexed.code).rows();
                let ids: Vec<&str> = rows.iter().map(|it| it["flow_id"].as_str()).collect();
                flows += ids.len();
                let found = indexed
                    .by_index()
                    .args(["--where", condition])
                    .args(options);
                let found = extracted(&indexed, found);
                let expected = if ids.is_empty() {
                    let nothing = ["--extract-ip", "203.0.113.77"];
                    extracted(&indexed, indexed.by_captures().args(nothing))
                } else {
                    extracted(
                        &indexed,
                        indexed.by_captures().args(["--extract", &ids.join(",")]),
                    )
                };
                if found != expected {
                    let captures = &indexed.captures;
                    wrong.add(format!(
                        "{captures:?}, {condition}, {options:?}: not those of {ids:?}"
                    ));
                }
            }
        }
    }
    assert!(flows > 50, "conditions match something");
    wrong.none();
}

fn extracted(indexed: &Indexed, program: Program) -> Vec<u8> {
    let output = indexed.folder.path().join("out");
    let program = program.args(["--disable-display", "-o"]).args([&output]);
    program.run().exits(indexed.code).prints_nothing();
    fs::read(&output).unwrap()
}

/// A condition takes away from what is asked for, though nothing be left, whatever else is asked.
#[test]
fn what_a_condition_leaves() {
    let http = testdata("recorded/http.pcap");
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.pcap");
    let streams = folder.path().join("streams/");
    let run = |program: Program, options: &[&str]| {
        let program = program
            .args(options)
            .args(["-o".as_ref(), output.as_os_str()]);
        program.run().exits(0).prints_nothing();
        fs::read(&output).unwrap()
    };
    let plain = |options: &[&str]| {
        run(
            Program::new().args([&http]).args(["--disable-display"]),
            options,
        )
    };
    let nothing = plain(&["--extract-ip", "203.0.113.77"]);

    let indexed = Indexed::of(&[&http], &[]);
    let by_index = || Program::new().args(["--index"]).args([&indexed.index]);
    // Flow 1 goes to port 80.
    let none = ["--where", "src_port = 80", "--extract", "1"];
    assert!(run(by_index(), &none) == nothing);
    let also = by_index()
        .args(["--extract-tcp-all", "--output-tcp"])
        .args([&streams]);
    assert!(run(also, &none) == nothing);
    let some = [
        "--where",
        "dst_port = 80 and packets > 6",
        "--extract",
        "1-5",
    ];
    assert!(run(by_index(), &some) == plain(&["--extract", "1,3"]));
    assert!(run(by_index(), &some[..2]) == plain(&["--extract", "1,3"]));

    // A filter that tells packets of one conversation apart.
    let indexed = Indexed::of(&[&http], &["--bidirectional"]);
    let by_index = || Program::new().args(["--index"]).args([&indexed.index]);
    let filter = ["--filter", "src port 80"];
    let where_first = [&filter[..], &["--where", "src_port = 41001"]].concat();
    let first = [&filter[..], &["--bidirectional", "--extract", "1"]].concat();
    assert!(run(by_index(), &where_first) == plain(&first));
    assert!(plain(&first) != nothing);
    let where_none = [&filter[..], &["--where", "src_port = 1"]].concat();
    assert!(run(by_index(), &where_none) == nothing);
}

/// A capture that could not be read has no packets, and keeps its place among the captures.
#[test]
fn captures_that_could_not_be_read_are_counted_in_places() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    fs::write(&text, "this is no capture, but it was given as one").unwrap();
    let (dns, http) = (
        testdata("recorded/dns.pcap"),
        testdata("recorded/http.pcap"),
    );
    let mut wrong = Complaints::default();
    for captures in [
        [&text, &dns, &http],
        [&dns, &text, &http],
        [&dns, &http, &text],
    ] {
        let indexed = Indexed::of(&captures, &[]);
        assert_eq!(indexed.code, 3);
        let extracted = folder.path().join("out.pcap");
        let by_index = indexed.by_index().args(["--extract", "1", "-o"]);
        by_index.args([&extracted]).run().exits(3);
        let expected = folder.path().join("expected.pcap");
        let program = Program::new().args(["--progress", "never", "--extract", "1", "-o"]);
        program.args([&expected, &dns, &http]).run().exits(0);
        if fs::read(&extracted).unwrap() != fs::read(&expected).unwrap() {
            wrong.add(format!("{captures:?}"));
        }
    }
    wrong.none();
}

//! Lists by an index: those of the captures, byte for byte.

use crate::common::indexed::Indexed;
use crate::common::{Capture, Complaints, captures, testdata};

/// What makes other flows of the same packets.
const SETTINGS: [&[&str]; 6] = [
    &["--bidirectional"],
    &["--flow-5tuple"],
    &["--decap"],
    &["--idle-timeout", "0.001"],
    &[
        "--bidirectional",
        "--flow-5tuple",
        "--decap",
        "--active-timeout",
        "0.01",
    ],
    &["--metamako"],
];
const FORMATS: [&str; 4] = ["text", "table", "json", "parquet"];

fn readable() -> impl Iterator<Item = Capture> {
    captures().into_iter().filter(|it| !it.refused)
}

/// Each capture, in all formats.
#[test]
fn of_every_capture() {
    let mut wrong = Complaints::default();
    for (number, capture) in readable().enumerate() {
        let indexed = Indexed::of(&[capture.path()], &[]);
        assert_eq!(indexed.code, if capture.damaged { 3 } else { 0 });
        for format in ["csv", FORMATS[number % FORMATS.len()]] {
            indexed.compare_lists(&["--format", format], &mut wrong);
        }
    }
    wrong.none();
}

/// Each capture, with one of the ways to tell flows apart; recorded ones with all.
#[test]
fn of_all_kinds_of_flows() {
    let mut wrong = Complaints::default();
    for (number, capture) in readable().enumerate() {
        let is_recorded = capture.name.contains("recorded");
        for (way, settings) in SETTINGS.iter().enumerate() {
            if is_recorded || way == number % SETTINGS.len() {
                let indexed = Indexed::of(&[capture.path()], settings);
                let format = ["csv", "parquet"][number % 2];
                indexed.compare_lists(&["--format", format], &mut wrong);
            }
        }
    }
    wrong.none();
}

/// Whatever else is said of the list.
#[test]
fn with_all_options_of_lists() {
    let names = [
        "recorded/dns.pcap",
        "recorded/ipv6.pcapng",
        "recorded/lossy-client.pcap",
        "generated/ethernet/qinq.pcap",
        "generated/ip/protocols.pcap",
        "generated/damage/garbage-middle.pcap",
    ];
    let options: [&[&str]; 18] = [
        &["--sort", "bytes"],
        &["--sort", "packets", "--top", "3"],
        &["--sort", "duration"],
        &["--sort", "first", "--format", "csv"],
        &["--top", "2", "--format", "json"],
        &["--top", "0"],
        &["--flow-packet-min", "3"],
        &["--flow-packet-min", "3", "--format", "arrow"],
        &["--filter", "tcp"],
        &[
            "--filter",
            "net 10.77.0.0/24 and not port 80",
            "--format",
            "csv",
        ],
        &["--filter", "host 192.0.2.200"],
        &["--exclude-ip", "10.77.0.1", "--format", "csv"],
        &["--where", "packets > 3 and protocol = 'tcp'"],
        &[
            "--where",
            "src_ip = 10.0.0.0/8 or vlan != ''",
            "--format",
            "csv",
        ],
        &["--where", "duration > 1ms", "--format", "parquet"],
        &["--where", "bytes < 0"],
        &["--where", "dst_port = 53", "--filter", "udp", "--top", "2"],
        &["--disable-display"],
    ];
    let mut wrong = Complaints::default();
    for settings in [&[][..], &["--bidirectional"]] {
        let captures = names.map(testdata);
        let all = Indexed::of(&captures, settings);
        let each = captures.iter().map(|it| Indexed::of(&[it], settings));
        for indexed in each.chain([all]) {
            for options in options {
                indexed.compare_lists(options, &mut wrong);
            }
        }
    }
    wrong.none();
}

/// Rows do not tell which packets of a flow pass a filter on what they have no column for, or that
/// differs within a conversation.
#[test]
fn with_filters_that_tell_packets_of_a_flow_apart() {
    let mut wrong = Complaints::default();
    let cases: [(&str, &[&str], &str); 3] = [
        ("recorded/http.pcap", &["--bidirectional"], "src port 80"),
        (
            "recorded/http.pcap",
            &["--flow-5tuple"],
            "ether src host 02:00:00:00:00:01",
        ),
        (
            "generated/ethernet/vlan.pcap",
            &["--flow-5tuple"],
            "vlan 100",
        ),
    ];
    for (name, settings, filter) in cases {
        let indexed = Indexed::of(&[testdata(name)], settings);
        for options in [
            &[][..],
            &["--where", "bytes > 1000"],
            &["--where", "packets < 13"],
        ] {
            for format in ["text", "csv", "parquet"] {
                let options = [&["--filter", filter, "--format", format], options].concat();
                indexed.compare_lists(&options, &mut wrong);
            }
        }
    }
    wrong.none();
}

//! The same addresses in two networks are two flows; ids that are of one direction are not.

use super::{list, told};
use crate::common::indexed::make;
use crate::common::program::{Row, run};
use crate::common::streams::streams_of_files;
use std::path::Path;
use testkit::frames::{ethernet, ipv4, tcp};
use testkit::pcap::Pcap;
use testkit::transport::ACK;
use testkit::tunnel::{
    BRIDGED, geneve, gtp, inner_frame, inner_packet, lisp, mpls, outer, over_gre, over_udp, vxlan,
};

/// What answers [`inner_packet`].
fn answer() -> Vec<u8> {
    ipv4((2, 1), 6, (0, 0), &tcp((80, 40000), ACK, 20))
}

fn answer_frame() -> Vec<u8> {
    ethernet((2, 1), &[], 0x0800, &answer())
}

fn column<'r>(rows: &'r [Row], name: &str) -> Vec<&'r str> {
    rows.iter().map(|row| row[name].as_str()).collect()
}

fn by_key(key: u32, protocol: u16, payload: &[u8]) -> Vec<u8> {
    over_gre(0x2000, protocol, &[&key.to_be_bytes(), payload])
}

/// A frame of the tunnel in the other direction: addresses of Ethernet and IPv4 exchanged.
fn reversed(mut frame: Vec<u8>) -> Vec<u8> {
    frame[..12].rotate_left(6);
    frame[26..34].rotate_left(4);
    frame
}

/// A packet in a network.
type Wrap = fn(u32, &[u8], &[u8]) -> Vec<u8>;

/// Each tunnel whose id names a network: `wrap` gets it, a packet, and this as a frame.
const NETWORKS: &[(&str, Wrap)] = &[
    ("vxlan", |id, _, frame| over_udp(4789, &vxlan(id, frame))),
    ("geneve", |id, packet, _| {
        over_udp(6081, &geneve(id, 0x0800, packet))
    }),
    ("nvgre", |id, _, frame| {
        by_key(id << 8 | 0x77, BRIDGED, frame)
    }),
    ("gre", |id, packet, _| by_key(id, 0x0800, packet)),
    ("lisp", |id, packet, _| {
        over_udp(4341, &lisp(0x08, 0, id, packet))
    }),
];

#[test]
fn the_same_addresses_in_two_networks() {
    let packets = [(inner_packet(), inner_frame()), (answer(), answer_frame())];
    for (name, wrap) in NETWORKS {
        // Two conversations, overlapping.
        let frames: Vec<Vec<u8>> = [(5001, 0), (5002, 0), (5001, 1), (5002, 1), (5001, 0)]
            .into_iter()
            .map(|(id, number)| {
                let frame = wrap(id, &packets[number].0, &packets[number].1);
                if number == 0 { frame } else { reversed(frame) }
            })
            .collect();
        let rows = list(&frames, &[]);
        assert_eq!(column(&rows, "packets"), ["2", "1", "1", "1"], "{name}");
        assert_eq!(column(&rows, "tunnel"), [*name; 4]);
        assert_eq!(
            column(&rows, "tunnel_id"),
            ["5001", "5002", "5001", "5002"],
            "{name}"
        );
        let rows = list(&frames, &["--bidirectional"]);
        assert_eq!(column(&rows, "packets"), ["3", "2"], "{name}");
        assert_eq!(column(&rows, "tunnel_id"), ["5001", "5002"], "{name}");
        // By the 5-tuple there is one; the network shown is the first packet's.
        for (options, packets) in [
            (&["--flow-5tuple"][..], &["3", "2"][..]),
            (&["--flow-5tuple", "--bidirectional"], &["5"]),
        ] {
            let rows = list(&frames, options);
            assert_eq!(column(&rows, "packets"), packets, "{name}");
            assert_eq!(rows[0]["tunnel_id"], "5001", "{name}");
        }
    }
}

/// One network, although ids or tunnels around it differ.
#[test]
fn what_names_no_network() {
    let (packet, frame) = (inner_packet(), inner_frame());
    for (what, frames) in [
        (
            "GTP endpoints",
            [1, 2].map(|id| over_udp(2152, &gtp(id, &packet))),
        ),
        (
            "labels",
            [16, 17].map(|id| ethernet((101, 102), &[], 0x8847, &mpls(&[id, 3], &packet))),
        ),
        (
            "entropy of NVGRE",
            [1, 2].map(|entropy| by_key(5001 << 8 | entropy, BRIDGED, &frame)),
        ),
        (
            "lengths and calls of PPTP",
            [[9, 1], [8, 2]].map(|[len, call]| {
                over_gre(0x2001, 0x880b, &[&[0, len, 0, call], &[0x21], &packet])
            }),
        ),
        (
            "source ports of VXLAN",
            [4000, 4001].map(|src| {
                let datagram = testkit::transport::Udp { ports: (src, 4789) };
                outer(17, &datagram.datagram(&vxlan(7, &frame)))
            }),
        ),
    ] {
        let rows = list(&frames, &[]);
        assert_eq!(column(&rows, "packets"), ["2"], "{what}");
        // The first packet's.
        let first = list(&frames[..1], &[]);
        assert_eq!(told(&rows[0]), told(&first[0]), "{what}");
    }
}

/// An outer network tells as much as an inner one.
#[test]
fn networks_in_networks() {
    let packet = inner_packet();
    let inside = |key| by_key(key, 0x0800, &packet);
    let frames = [(1, 1), (1, 2), (2, 1), (2, 2)]
        .map(|(network, key)| over_udp(4789, &vxlan(network, &inside(key))));
    let rows = list(&frames, &[]);
    assert_eq!(column(&rows, "tunnel"), ["vxlan/gre"; 4]);
    assert_eq!(column(&rows, "tunnel_id"), ["1/1", "1/2", "2/1", "2/2"]);
    // Also around a tunnel without one.
    let frames = [1, 2].map(|network| over_udp(4789, &vxlan(network, &outer(4, &packet))));
    assert_eq!(column(&list(&frames, &[]), "tunnel_id"), ["1/-", "2/-"]);
}

/// Instances of provider backbone bridges, whose frames are entered in any case.
#[test]
fn services_of_a_backbone() {
    let frames = [5, 6].map(|id| {
        let payload = [&[0, 0, 0, id], &inner_frame()[..]].concat();
        ethernet((101, 102), &[], 0x88e7, &payload)
    });
    let rows = list(&frames, &[]);
    assert_eq!(column(&rows, "tunnel"), ["pbb"; 2]);
    assert_eq!(column(&rows, "tunnel_id"), ["5", "6"]);
}

/// More labels than are kept do not push a network out.
#[test]
fn a_network_under_many_labels() {
    let labels: Vec<u32> = (16..26).collect();
    let frames = [1, 2].map(|id| {
        let datagram = testkit::transport::Udp { ports: (5, 4789) };
        let datagram = datagram.datagram(&vxlan(id, &inner_frame()));
        let packet = ipv4((101, 102), 17, (0, 0), &datagram);
        ethernet((101, 102), &[], 0x8847, &mpls(&labels, &packet))
    });
    let rows = list(&frames, &[]);
    assert_eq!(column(&rows, "tunnel_id"), ["16.17/1", "16.17/2"]);
}

/// Fragments of datagrams that differ by nothing but their networks.
#[test]
fn fragments_belong_to_their_networks() {
    let fragment = |first: bool, port: u16| {
        let payload = testkit::transport::Udp { ports: (port, 53) }.datagram(&[7; 24]);
        let (field, part) = if first {
            (0x2000, &payload[..16])
        } else {
            (2, &payload[16..])
        };
        ethernet((1, 2), &[], 0x0800, &ipv4((1, 2), 17, (9, field), part))
    };
    let within = |id, frame: Vec<u8>| over_udp(4789, &vxlan(id, &frame));
    let frames = [
        within(1, fragment(true, 1000)),
        within(2, fragment(true, 2000)),
        within(1, fragment(false, 1000)),
        within(2, fragment(false, 2000)),
    ];
    let rows = list(&frames, &[]);
    assert_eq!(column(&rows, "src_port"), ["1000", "2000"]);
    assert_eq!(column(&rows, "packets"), ["2", "2"]);
    // Put together, each has its own payload.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fragments.pcap");
    std::fs::write(&path, Pcap::COMMON.file(frames)).unwrap();
    let found = streams_of_files(&[&path], &["--decap", "--extract-udp-all"]);
    let lens: Vec<usize> = found.files.values().map(Vec::len).collect();
    assert_eq!(lens, [24, 24], "{:?}", found.files.keys());
}

fn capture(folder: &Path) -> String {
    let frames: Vec<Vec<u8>> = NETWORKS
        .iter()
        .flat_map(|(_, wrap)| [5001, 5002].map(|id| wrap(id, &inner_packet(), &inner_frame())))
        .chain([over_udp(2152, &gtp(9, &inner_packet())), inner_frame()])
        .collect();
    let path = folder.join("networks.pcap");
    std::fs::write(&path, Pcap::COMMON.file(frames)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Columns in each format, and in conditions.
#[test]
fn columns_of_all_formats() {
    let folder = tempfile::tempdir().unwrap();
    let path = capture(folder.path());
    let json = run([path.as_str(), "--decap", "--format", "json"]).exits(0);
    let first: serde_json::Value =
        serde_json::from_str(json.text().lines().next().unwrap()).unwrap();
    assert_eq!(
        (&first["tunnel"], &first["tunnel_id"]),
        (&"vxlan".into(), &"5001".into())
    );
    let text = run([path.as_str(), "--decap"]).exits(0);
    assert!(text.text().contains(" | Tunnel geneve 5002"), "{text}");
    let csv = run([path.as_str(), "--format", "csv"]).exits(0);
    assert!(!csv.text().contains("tunnel"), "{csv}");
    for (condition, rows) in [
        ("tunnel = 'vxlan'", 2),
        ("tunnel_id = '5002'", 5),
        ("tunnel = ''", 1),
        ("tunnel like '%gre' and tunnel_id = '5001'", 2),
    ] {
        let args = ["--decap", "--format", "csv", "--where", condition, &path];
        assert_eq!(run(args).exits(0).rows().len(), rows, "{condition}");
    }
    for format in ["parquet", "arrow"] {
        let output = folder.path().join(format);
        let output = output.to_str().unwrap();
        run([path.as_str(), "--decap", "--format", format, "-o", output]).exits(0);
        let bytes = std::fs::read(output).unwrap();
        let has = |text: &[u8]| bytes.windows(text.len()).any(|it| it == text);
        assert!(has(b"tunnel_id") && has(b"nvgre"), "{format}");
    }
}

/// An index has the columns, finds the packets of one network, and goes on with its flows.
#[test]
fn an_index_knows_networks() {
    let folder = tempfile::tempdir().unwrap();
    let path = capture(folder.path());
    let index = folder.path().join("index");
    for options in [
        &["--decap"][..],
        &["--decap", "--bidirectional"],
        &["--decap", "--flow-5tuple"],
    ] {
        make(&index, &[&path], options);
        let index = index.to_str().unwrap();
        let listed = run(["--index", index, "--format", "csv"]).exits(0);
        let args = [&[path.as_str(), "--format", "csv"], options].concat();
        assert_eq!(listed.text(), run(args).exits(0).text(), "{options:?}");
        let more = folder.path().join("more.pcap");
        std::fs::copy(&path, &more).unwrap();
        run(["index", "--append", index, more.to_str().unwrap()]).exits(0);
        let listed = run(["--index", index, "--format", "csv"]).exits(0);
        let args = [
            &[path.as_str(), more.to_str().unwrap(), "--format", "csv"],
            options,
        ]
        .concat();
        assert_eq!(listed.text(), run(args).exits(0).text(), "{options:?}");
        let output = folder.path().join("out.pcap");
        let output = output.to_str().unwrap();
        run([
            "--index",
            index,
            "--where",
            "tunnel_id = '5002'",
            "-o",
            output,
        ])
        .exits(0);
        let found = run([output, "--format", "csv", "--decap"]).exits(0).rows();
        let expected: &[&str] = match options.contains(&"--flow-5tuple") {
            true => &[],
            false => &["5002"; 5],
        };
        assert_eq!(column(&found, "tunnel_id"), expected, "{options:?}");
        std::fs::remove_file(more).unwrap();
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let file = file.unwrap().path();
            if file
                .file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with("index")
            {
                std::fs::remove_file(file).unwrap();
            }
        }
    }
}

/// The second opinion tells networks apart, too.
#[test]
fn networks_are_verified() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vxlan.pcap");
    let frames = [5, 6, 5].map(|id| over_udp(4789, &vxlan(id, &inner_frame())));
    std::fs::write(&path, Pcap::COMMON.file(frames)).unwrap();
    let path = path.to_str().unwrap();
    for options in [&["--decap"][..], &["--decap", "--flow-5tuple"]] {
        let args = [&[path, "--verify", "--format", "csv"], options].concat();
        run(args).exits(0);
    }
}

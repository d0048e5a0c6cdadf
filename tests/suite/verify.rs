//! Read a second time in the simplest way, captures say what the run says.

use crate::common::effort::cases;
use crate::common::frames::any_frame;
use crate::common::program::{Program, run as program};
use crate::common::{Complaints, captures, testdata};
use crate::plain;
use pcap_flows::decode::{DecodeOptions, TrailerOptions};
use pcap_flows::engine::{Config, Duplicates, Progress, Restriction, Source, Tuning, run};
use pcap_flows::flow::Timeouts;
use pcap_flows::jobs::verify::{Unjudged, Verified, verify};
use pcap_flows::select::Filter;
use proptest::prelude::*;
use proptest::sample::select;
use std::fs;
use std::path::PathBuf;
use testkit::frames;
use testkit::pcap::Pcap;

/// A run of captures, and what the simplest way says of it; `None` where none of them is read.
fn verified(captures: &[PathBuf], config: &Config) -> Option<Verified> {
    let sources = captures.iter().cloned().map(Source::Path).collect();
    let progress = Progress::default();
    let outcome = run(config, sources, &mut (), &progress).ok()?;
    assert!(outcome.balance.is_even());
    Some(verify(config, captures, &outcome, &progress).unwrap())
}

/// The same, and all that differs is a complaint.
fn complain(captures: &[PathBuf], config: &Config, wrong: &mut Complaints) -> bool {
    let Some(verified) = verified(captures, config) else {
        return false;
    };
    if !verified.is_same() {
        let differences = verified.differences.join("\n  ");
        wrong.add(format!("{captures:?} with {config:?}:\n  {differences}"));
    }
    true
}

fn filter(text: &str) -> Restriction {
    Restriction {
        filter: Filter::parse(text).unwrap(),
        excluded: Vec::new(),
    }
}

/// Pieces so small that most records are cut by some boundary.
fn small() -> Tuning {
    Tuning {
        threads: 2,
        window_len: 3000,
        chunk_len: 400,
        shards: 5,
        ..Tuning::default()
    }
}

fn decap() -> DecodeOptions {
    DecodeOptions {
        decap: true,
        ..DecodeOptions::default()
    }
}

fn trailer(offset: usize) -> DecodeOptions {
    DecodeOptions {
        trailer: Some(TrailerOptions { offset }),
        ..DecodeOptions::default()
    }
}

/// Each option that decides what is counted, and some of them together.
fn configs() -> Vec<Config> {
    let common = || Config {
        tuning: small(),
        ..Config::default()
    };
    let timeouts = Timeouts {
        idle_ns: Some(200_000_000),
        active_ns: Some(1_000_000_000),
    };
    let excluded = Restriction {
        excluded: vec![
            "10.77.0.1".parse().unwrap(),
            "2001:db8::/32".parse().unwrap(),
        ],
        ..filter("not udp")
    };
    let keys = [
        (false, false, excluded),
        (true, false, filter("vlan or src port 80")),
        (false, true, filter("not ether host 02:00:00:00:00:01")),
        (true, true, filter("not vlan 100")),
    ];
    let mut configs = Vec::new();
    for (five_tuple, conversations, restriction) in keys {
        let key = || Config {
            five_tuple,
            conversations,
            ..common()
        };
        configs.push(key());
        configs.push(Config {
            restriction,
            ..key()
        });
        configs.push(Config { timeouts, ..key() });
        for decode in [decap(), trailer(0)] {
            configs.push(Config { decode, ..key() });
        }
    }
    for window_ns in [1, 10_000_000, u64::MAX] {
        configs.push(Config {
            duplicates: Some(Duplicates { window_ns }),
            decode: decap(),
            restriction: filter("not port 443"),
            ..common()
        });
    }
    configs.push(Config {
        decode: trailer(4),
        ..common()
    });
    for max_packets in [Some(0), Some(1), Some(17)] {
        configs.push(Config {
            max_packets,
            ..common()
        });
    }
    configs.push(Config::default());
    configs
}

#[test]
fn all_of_testdata_is_confirmed() {
    let mut wrong = Complaints::default();
    let mut read = 0;
    for capture in captures() {
        // The few large ones take their time.
        let configs = if capture.packets > 2000 {
            vec![Config::default()]
        } else {
            configs()
        };
        for config in &configs {
            read += usize::from(complain(&[capture.path()], config, &mut wrong));
        }
    }
    assert!(read > 3000, "{read}");
    wrong.none();
}

#[test]
fn captures_that_are_one_are_confirmed() {
    let names = [
        "recorded/http.pcap",
        "generated/damage/garbage-middle.pcap",
        "generated/damage/empty.pcap",
        "generated/ip/ipv4-fragments-interleaved.pcap",
        "generated/formats/sections.pcapng",
        "recorded/http.pcap",
    ];
    let paths: Vec<PathBuf> = names.iter().map(|name| testdata(name)).collect();
    let mut wrong = Complaints::default();
    for max_packets in [None, Some(66), Some(70), Some(150)] {
        for conversations in [false, true] {
            let config = Config {
                conversations,
                max_packets,
                tuning: small(),
                ..Config::default()
            };
            assert!(complain(&paths, &config, &mut wrong));
        }
    }
    wrong.none();
}

/// What is written of most packets is judged, and what is not has a name.
#[test]
fn what_cannot_be_judged_is_told() {
    let of = |name: &str, decode| {
        let config = Config {
            decode,
            ..Config::default()
        };
        verified(&[testdata(name)], &config).unwrap().unjudged
    };
    let none = DecodeOptions::default;
    for name in [
        "recorded/http.pcap",
        "generated/linktypes/sll2-vlan.pcap",
        "generated/linktypes/null-be.pcap",
        "generated/ethernet/vlan-three.pcap",
        "generated/ip/ipv6-fragments-extensions.pcap",
    ] {
        assert_eq!(of(name, none()), [], "{name}");
    }
    let mpls = of("generated/ethernet/mpls.pcap", none());
    assert!(
        matches!(mpls[..], [(Unjudged::EtherType(0x8847), 1..)]),
        "{mpls:?}"
    );
    let fddi = of("generated/linktypes/fddi.pcap", none());
    assert!(
        matches!(fddi[..], [(Unjudged::LinkType(_), 1..)]),
        "{fddi:?}"
    );
    let cut = of("generated/formats/snaplen-40.pcap", none());
    assert!(
        cut.iter().any(|(why, _)| *why == Unjudged::Transport),
        "{cut:?}"
    );
    assert_eq!(of("generated/tunnels/vxlan.pcap", decap()), []);
    assert_eq!(of("generated/tunnels/ipip-in-ipip.pcap", decap()), []);
    let gre = of("generated/tunnels/gre.pcap", decap());
    assert!(matches!(gre[..], [(Unjudged::Tunnel, 1..)]), "{gre:?}");
    let metamako = of("generated/ethernet/metamako.pcap", trailer(0));
    assert!(
        metamako.iter().any(|(why, _)| *why == Unjudged::Trailer),
        "{metamako:?}"
    );
}

/// The table of first fragments is bounded, and both ways forget the same ones.
#[test]
fn the_same_first_fragments_are_forgotten() {
    let fragment = |source: u32, id: u16, is_first: bool, port: u8| {
        let field = if is_first { 0x2000 } else { 0x0001 };
        let udp = frames::udp((u16::from(port), 9), 0);
        let mut packet = frames::ipv4((1, 2), 17, (id, field), &udp);
        packet[12..16].copy_from_slice(&source.to_be_bytes());
        packet
    };
    let mut packets = vec![
        fragment(0, 0, true, 1),
        fragment(1, 1, true, 1),
        // This is the newer one of two with the same id.
        fragment(0, 0, true, 2),
    ];
    // Many datagrams between few hosts, up to 256 Ki less one.
    for number in 3..256 * 1024 - 1_u32 {
        let [_, source, high, low] = number.to_be_bytes();
        let id = u16::from_be_bytes([high, low]);
        packets.push(fragment(10 + u32::from(source), id, true, 1));
    }
    let known = fragment(1, 1, false, 0);
    packets.push(known.clone());
    packets.extend((0..3).map(|id| fragment(20, id, true, 1)));
    packets.extend([fragment(0, 0, false, 0), known]);
    let raw = Pcap {
        link_type: 101,
        ..Pcap::COMMON
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("capture");
    fs::write(&path, raw.file(packets)).unwrap();
    let verified = verified(&[path], &Config::default()).unwrap();
    assert_eq!(verified.differences, Vec::<String>::new());
    // Sources 0 (twice), 1, 10 to 13, 20, and 1 again, when it was forgotten.
    assert_eq!(verified.flows, 9);
}

/// A packet that chance made, of a link type that suits it.
fn any_packet(link_type: u16) -> impl Strategy<Value = Vec<u8>> {
    let frame = prop_oneof![
        6 => any_frame(),
        2 => plain::any_frame().prop_map(|frame| frame.0),
        1 => prop::collection::vec(any::<u8>(), 0..100),
    ];
    let wrapped = (frame, 0_u8..32, any::<u8>()).prop_map(|(frame, tunnel, noise)| {
        let hosts = (noise % 4, noise % 3);
        let inner = frame.get(14..).unwrap_or_default();
        let ethernet = |kind, packet: &[u8]| frames::ethernet(hosts, &[], kind, packet);
        let udp = |port, payload: &[u8]| {
            let mut datagram = frames::udp((noise.into(), port), payload.len());
            datagram.truncate(8);
            frames::ipv4(hosts, 17, (0, 0), &[&datagram, payload].concat())
        };
        match tunnel {
            0 => ethernet(0x0800, &frames::ipv4(hosts, 4, (0, 0), inner)),
            1 => ethernet(0x86dd, &frames::ipv6(hosts, 41, inner)),
            2 => ethernet(0x0800, &udp(4789, &[&[8; 8], frame.as_slice()].concat())),
            3 => ethernet(0x0800, &udp(4790, &frame)),
            4 => ethernet(0x0800, &frames::ipv4(hosts, 47, (0, 0), &frame)),
            // LLC, as a frame with a length.
            5 => ethernet(
                0x0100,
                &[&[0xaa, 0xaa, 3, 0, 0, noise % 2, 8, 0], inner].concat(),
            ),
            6 => ethernet(u16::from(noise), &frame),
            _ => frame,
        }
    });
    (wrapped, any::<u8>()).prop_map(move |(frame, noise)| {
        let kind = frame.get(12..14).unwrap_or_default();
        let packet = frame.get(14..).unwrap_or_default();
        let (hardware, len) = (noise % 3, if noise % 5 == 0 { 0 } else { 6 });
        match link_type {
            1 => frame,
            0 => [
                &[[2, 0, 0, 0], [0, 0, 0, 30], [noise; 4]][usize::from(noise) % 3],
                packet,
            ]
            .concat(),
            108 => [&[0, 0, 0, if noise % 4 == 0 { noise } else { 24 }], packet].concat(),
            113 => [
                &[0, 4, 0, hardware, 0, len, 2, 0, 0, 0, 0, noise % 4, 0, 0],
                kind,
                packet,
            ]
            .concat(),
            276 => [
                kind,
                &[
                    0,
                    0,
                    0,
                    0,
                    0,
                    1,
                    0,
                    hardware,
                    4,
                    len,
                    2,
                    0,
                    0,
                    0,
                    0,
                    noise % 4,
                    0,
                    0,
                ],
                packet,
            ]
            .concat(),
            _ => packet.to_vec(),
        }
    })
}

fn any_config() -> impl Strategy<Value = Config> {
    let filters = select(vec![
        "",
        "",
        "tcp",
        "vlan",
        "not vlan 100",
        "src port 80",
        "port 53 or ip6",
        "ether host 02:00:00:00:00:01",
        "ether src host 02:00:00:00:00:02",
        "net 10.0.0.0/30 and not src host 10.0.0.2",
    ]);
    let limit = || {
        prop_oneof![
            1_u64..100_000_000_000_000,
            (1_u64..10).prop_map(|it| it * SECOND)
        ]
    };
    let timeout = || prop::option::weighted(0.3, limit());
    let decode = select(vec![
        DecodeOptions::default(),
        DecodeOptions::default(),
        decap(),
        trailer(0),
    ]);
    let switches = (any::<bool>(), any::<bool>(), any::<bool>());
    let most = prop::option::weighted(0.2, 0_u64..60);
    (switches, filters, timeout(), timeout(), decode, most).prop_map(
        |((five_tuple, conversations, excludes), text, idle_ns, active_ns, decode, max_packets)| {
            let mut restriction = filter(text);
            if excludes {
                restriction.excluded.push("10.0.0.4".parse().unwrap());
            }
            Config {
                five_tuple,
                conversations,
                decode,
                restriction,
                timeouts: Timeouts { idle_ns, active_ns },
                max_packets,
                tuning: small(),
                ..Config::default()
            }
        },
    )
}

/// A capture of packets that chance made, at times that go back and forth.
fn any_capture() -> impl Strategy<Value = Vec<u8>> {
    let link_type = select(vec![1_u16, 1, 1, 1, 101, 12, 0, 108, 113, 276, 9, 228]);
    // Seconds apart that limits are made of, or anything.
    let times = select(vec![(32_u32, 1_u32), (50_000, 1_000_000)]);
    (link_type, times).prop_flat_map(|(link_type, (seconds, micros))| {
        let time = (0..seconds, 0..micros);
        let packets = prop::collection::vec((time, any_packet(link_type)), 0..80);
        packets.prop_map(move |packets| {
            let pcap = Pcap {
                link_type,
                ..Pcap::COMMON
            };
            let records = packets.iter().flat_map(|(time, data)| {
                let time = (1_600_000_000 + time.0, time.1);
                pcap.record(time, u32::try_from(data.len()).unwrap() + 4, data)
            });
            pcap.file_header().into_iter().chain(records).collect()
        })
    })
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn what_chance_makes_is_confirmed(capture in any_capture(), config in any_config()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("capture");
        fs::write(&path, capture).unwrap();
        let mut wrong = Complaints::default();
        prop_assert!(complain(&[path], &config, &mut wrong));
        wrong.into_result().map_err(TestCaseError::fail)?;
    }
}

const SECOND: u64 = 1_000_000_000;

#[test]
fn the_program_says_so_in_one_line() {
    let http = testdata("recorded/http.pcap");
    let ended = program([http.to_str().unwrap(), "--verify", "--disable-display"]).exits(0);
    ended.says("verified: 66 packets, 6 flows, the same when read in the simplest way");
    let damaged = testdata("generated/damage/garbage-middle.pcap");
    let ended = program([damaged.to_str().unwrap(), "--verify", "--disable-display"]).exits(3);
    ended.says("verified: 24 packets, 12 flows, the same when read in the simplest way");
}

#[test]
fn what_is_read_only_once_cannot_be_verified() {
    let http = fs::read(testdata("recorded/http.pcap")).unwrap();
    for args in [
        ["-", "--verify"],
        ["--stdin", "--verify"],
        ["/dev/stdin", "--verify"],
    ] {
        let ended = Program::new().args(args).input(&http, 4096).run();
        ended.exits(2).prints_nothing().says("--verify");
    }
    let ended = program(["--index", "none.idx", "--verify"]);
    ended.exits(2).says("--verify");
}

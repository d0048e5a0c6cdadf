//! The formats of what is extracted: that of the input, another one, or one for several inputs.

use crate::common::extraction::{extract, read, records, try_extract};
use crate::common::program::{Row, run};
use crate::common::reading::{Packet, Parsed, first_difference, parse};
use crate::common::{Complaints, captures};
use std::fs;
use std::path::Path;

const IPV6: &str = "testdata/recorded/ipv6.pcapng";
const US: &str = "testdata/generated/formats/us-le.pcap";
const NS: &str = "testdata/generated/formats/ns-le.pcap";

/// pcapng stays pcapng: all of its sections, interfaces, names and secrets, also of packets that
/// were not selected.
#[test]
fn pcapng_stays_pcapng() {
    let (mut all, mut selected) = (0, 0);
    for capture in captures()
        .iter()
        .filter(|it| it.is_pcapng() && !it.damaged && !it.refused)
    {
        let name = capture.name.as_str();
        let input = read(name);
        let output = parse(&extract(&[name, "--filter", "udp"]));
        assert!(output.is_whole, "{name}");
        // Section, interface, names, secrets; a section's length is no longer known.
        let kept = |parsed: &Parsed| -> Vec<(u32, Vec<u8>)> {
            let blocks = parsed
                .blocks
                .iter()
                .filter(|it| matches!(it.0, 0x0a0d_0d0a | 1 | 4 | 10));
            let mut kept: Vec<_> = blocks.cloned().collect();
            for (kind, bytes) in &mut kept {
                if *kind == 0x0a0d_0d0a {
                    bytes[16..24].fill(0xff);
                }
            }
            kept
        };
        assert_eq!(kept(&output), kept(&input), "{name}");
        let lengths = output.blocks.iter().filter(|it| it.0 == 0x0a0d_0d0a);
        assert!(
            lengths.clone().all(|(_, bytes)| bytes[16..24] == [0xff; 8]),
            "{name}"
        );
        let known = records(&input.packets);
        let found = records(&output.packets);
        assert!(found.iter().all(|it| known.contains(it)), "{name}");
        (all, selected) = (all + known.len(), selected + found.len());
    }
    assert!(selected > 100 && selected < all, "{selected} of {all}");
}

/// Conversions keep times, lengths, link types and bytes.
#[test]
fn conversions_keep_what_packets_are() {
    let mut wrong = Complaints::default();
    for capture in captures() {
        let bytes = capture.read();
        let input = parse(&bytes);
        if capture.damaged || capture.refused || !input.is_whole {
            continue;
        }
        let mut link_types: Vec<u16> = input.packets.iter().map(|it| it.link_type).collect();
        link_types.dedup();
        for format in ["pcap", "pcapng"] {
            if format == "pcap" && link_types.len() > 1 {
                continue;
            }
            let output = extract(&[&capture.name, "--output-format", format]);
            let is_pcapng = output.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]);
            wrong.compare(
                format!("{}: pcapng", capture.name),
                is_pcapng,
                format == "pcapng",
            );
            let output = parse(&output);
            wrong.compare(
                format!("{} as {format}: whole", capture.name),
                output.is_whole,
                true,
            );
            let mut expected = input.packets.clone();
            if !is_pcapng {
                // Simple packets have no time, which pcap cannot say: it is 0 there.
                let zero = |packet: &mut Packet| packet.time_ns = packet.time_ns.or(Some(0));
                expected.iter_mut().for_each(zero);
            }
            if let Some(text) = first_difference(&output.packets, &expected) {
                wrong.add(format!("{} as {format}: {text}", capture.name));
            }
        }
    }
    wrong.none();
}

/// Several inputs, one output that loses nothing.
#[test]
fn mixed_inputs() {
    // Microseconds and nanoseconds become nanoseconds, whichever comes first.
    for names in [[US, NS], [NS, US]] {
        let output = extract(&as_given(&names));
        assert!(
            output.starts_with(&[0x4d, 0x3c, 0xb2, 0xa1]),
            "{names:?}: {:x?}",
            &output[..4]
        );
        assert_same_content(&parse(&output), &names);
    }
    // Byte orders and record headers give way to those of the first.
    let names = [
        "us-le.pcap",
        "us-be.pcap",
        "kuznetzov-be.pcap",
        "ixia-software-le.pcap",
    ];
    let names = names.map(|name| format!("testdata/generated/formats/{name}"));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let output = extract(&as_given(&names));
    assert!(output.starts_with(&[0xd4, 0xc3, 0xb2, 0xa1]));
    assert_same_content(&parse(&output), &names);
    // pcap and pcapng become pcapng, and so do different link types.
    let raw = "testdata/generated/linktypes/raw.pcap";
    for names in [[US, IPV6], [IPV6, US], [US, raw], [raw, NS]] {
        let output = extract(&as_given(&names));
        assert!(output.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]), "{names:?}");
        assert_same_content(&parse(&output), &names);
    }
}

/// A format that is asked for loses nothing either: where any input has nanoseconds, so has pcap.
#[test]
fn mixed_inputs_as_pcap() {
    for names in [
        vec![US, NS],
        vec![NS, US],
        vec![US, IPV6],
        vec![IPV6, US],
        vec![US, US],
    ] {
        let output = extract(&as_given(
            &[&names[..], &["--output-format", "pcap"]].concat(),
        ));
        assert_same_content(&parse(&output), &names);
    }
}

/// Inputs in the order in which they are named here.
fn as_given<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [args, &["--as-given"]].concat()
}

#[track_caller]
fn assert_same_content(output: &Parsed, names: &[&str]) {
    assert!(output.is_whole, "{names:?}");
    let expected: Vec<Packet> = names.iter().flat_map(|name| read(name).packets).collect();
    assert_eq!(
        first_difference(&output.packets, &expected),
        None,
        "{names:?}"
    );
}

#[test]
fn mixed_link_types_do_not_fit_into_pcap() {
    let raw = "testdata/generated/linktypes/raw.pcap";
    let link_types = "testdata/generated/formats/link-types.pcapng";
    for names in [vec![US, raw], vec![link_types]] {
        let (ended, bytes) = try_extract(&as_given(
            &[&names[..], &["--output-format", "pcap"]].concat(),
        ));
        let ended = ended.exits(1).says("a pcap file has one link type");
        assert!(bytes.is_none(), "{ended}");
        ended
            .says("ETHERNET (1)")
            .says("RAW (101)")
            .says("--output-format pcapng");
    }
    // What is selected counts, not what is there.
    let args = [
        US,
        raw,
        "--output-format",
        "pcap",
        "--filter",
        "ether host 02:00:00:00:00:01",
    ];
    assert_eq!(parse(&extract(&as_given(&args))).packets.len(), 24);
}

/// What is extracted can be read again, and is the same flows.
#[test]
fn what_was_extracted_is_the_same_flows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("again");
    for capture in captures().iter().filter(|it| !it.refused && !it.damaged) {
        for format in [None, Some("pcapng")] {
            let mut args = vec![capture.name.as_str()];
            args.extend(format.iter().flat_map(|format| ["--output-format", format]));
            fs::write(&path, extract(&args)).unwrap();
            let list = |path: &Path| -> Vec<Row> {
                run([path.as_os_str(), "--format".as_ref(), "csv".as_ref()])
                    .exits(0)
                    .rows()
            };
            assert_eq!(
                list(&path),
                list(&capture.path()),
                "{} {format:?}",
                capture.name
            );
        }
    }
}

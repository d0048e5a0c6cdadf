//! Captures are what the head of this example promises.

use crate::generator::{Generator, Totals};
use crate::link::Link;
use crate::options::{Request, parse_args, parse_millionths};
use crate::permutation::Permutation;
use crate::shape::MIX;
use std::collections::BTreeSet;
use std::ffi::OsString;
use testkit::Random;
use testkit::checksum::{fold, sum_words};

fn capture(args: &str) -> (Vec<u8>, Totals) {
    let args = args.split_whitespace().map(OsString::from);
    let Ok(Request::Write(options)) = parse_args(args) else {
        panic!("the options are right");
    };
    let mut bytes = Vec::new();
    let totals = Generator::new(&options, &mut bytes)
        .run()
        .expect("a Vec takes all");
    (bytes, totals)
}

/// Frames of a capture; asserts that its records are whole and its timestamps rise.
fn frames(capture: &[u8]) -> Vec<&[u8]> {
    let mut frames = Vec::new();
    let mut last = (0, 0);
    let mut rest = &capture[24..];
    while let Some((header, body)) = rest.split_first_chunk::<16>() {
        let words: Vec<u32> = header
            .chunks_exact(4)
            .map(|word| u32::from_le_bytes(word.try_into().expect("four bytes")))
            .collect();
        assert!(last < (words[0], words[1]) && words[1] < 1_000_000_000);
        last = (words[0], words[1]);
        assert_eq!(words[2], words[3]);
        let (frame, next) = body.split_at(usize::try_from(words[2]).expect("a length"));
        frames.push(frame);
        rest = next;
    }
    assert!(rest.is_empty());
    frames
}

#[test]
fn printed_totals_are_what_is_in_the_file() {
    for shape in ["mix", "small", "bulk"] {
        let (bytes, totals) = capture(&format!("{shape} file --packets 50000"));
        let frames = frames(&bytes);
        let ip = || frames.iter().filter(|frame| frame[12..14] == [8, 0]);
        let flows: BTreeSet<_> = ip()
            .map(|frame| {
                assert_eq!(fold(sum_words(&frame[14..34])), 0, "header checksum");
                let ports = if frame[23] == 1 { &[] } else { &frame[34..38] };
                (&frame[..12], frame[23], &frame[26..34], ports)
            })
            .collect();
        assert_eq!(frames.len(), 50_000);
        assert_eq!(totals.packets, 50_000);
        assert_eq!(usize::try_from(totals.bytes).ok(), Some(bytes.len()));
        assert_eq!(usize::try_from(totals.flows).ok(), Some(flows.len()));
        assert_eq!(
            usize::try_from(totals.not_ip).ok(),
            Some(frames.len() - ip().count())
        );
    }
}

#[test]
fn any_number_of_packets_comes_out_exactly() {
    for shape in ["mix", "small", "bulk"] {
        for count in (0..40).chain([333, 1000, 4321]) {
            for wrapped in ["", "--ipv6 50 --vlan 50 --vxlan 50 --fragments 50"] {
                let args = format!("{shape} file --packets {count} {wrapped}");
                let (bytes, totals) = capture(&args);
                assert_eq!(totals.packets, count, "{args}");
                assert_eq!(u64::try_from(frames(&bytes).len()), Ok(count), "{args}");
            }
        }
    }
}

#[test]
fn seed_decides_every_byte() {
    let wrapped = "--ipv6 20 --vlan 20 --vxlan 20 --fragments 20";
    let first = capture(&format!("mix file --packets 5000 --seed 7 {wrapped}")).0;
    assert!(first == capture(&format!("mix file --packets 5000 --seed 7 {wrapped}")).0);
    assert!(first != capture(&format!("mix file --packets 5000 --seed 8 {wrapped}")).0);
}

#[test]
fn wrapping_does_not_change_how_many_flows_there_are() {
    let flows = |wrapped: &str| {
        capture(&format!("mix file --packets 20000 {wrapped}"))
            .1
            .flows
    };
    let plain = flows("");
    for wrapped in ["--ipv6 100", "--vlan 100", "--vxlan 100", "--fragments 100"] {
        assert_eq!(flows(wrapped), plain, "{wrapped}");
    }
}

#[test]
fn running_sums_agree_with_adding_up() {
    let link = Link::new(&MIX, 1, Random::new(1));
    for start in (0..20_000).step_by(1234) {
        for len in [0, 1, 2, 7, 1460] {
            let plain = sum_words(&link.filler[start..start + len]);
            assert_eq!(
                link.sum_filler(start, len),
                plain,
                "{len} bytes from {start}"
            );
        }
    }
}

#[test]
fn permutation_takes_each_number_once() {
    for len in [1, 2, 3, 64, 1000] {
        let permutation = Permutation::new(len, &mut Random::new(len));
        let images: BTreeSet<u64> = (0..len).map(|number| permutation.image(number)).collect();
        assert!(images.into_iter().eq(0..len));
    }
}

#[test]
fn scale_is_read_without_rounding() {
    assert_eq!(parse_millionths("--scale", "0.05"), Ok(50_000));
    assert_eq!(parse_millionths("--scale", "12"), Ok(12_000_000));
    for wrong in ["", "0", "-1", "1e3", "0.0000001", "1.2.3", "+1"] {
        assert!(parse_millionths("--scale", wrong).is_err(), "{wrong}");
    }
}

//! Finding records one after the other: the limit of all that comes after.

use crate::inputs::{Capture, IPV4, UDP, ethernet, key, packet};
use criterion::{Criterion, Throughput};
use pcap_flows::capture::{Format, Stop, Walk};
use std::hint::black_box;

pub(crate) fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("walk");
    for (size, payload_len, count) in [("small", 42, 200_000), ("full", 1472, 20_000)] {
        let frame = ethernet(&[], IPV4, &packet(&key(1, UDP), &vec![0; payload_len]));
        let frames = || std::iter::repeat_n(frame.clone(), count);
        for (format, capture) in [
            ("pcap", Capture::pcap(frames())),
            ("pcapng", Capture::pcapng(frames())),
        ] {
            let expected = (capture.packets(), capture.packets() * frame.len() as u64);
            assert_eq!(walk(&capture.bytes), expected);
            group.throughput(Throughput::Elements(capture.packets()));
            group.bench_function(format!("{format}/{size}"), |bencher| {
                bencher.iter(|| walk(black_box(&capture.bytes)));
            });
        }
    }
    group.finish();
}

/// Packets and captured bytes.
fn walk(bytes: &[u8]) -> (u64, u64) {
    let (format, first) = Format::probe(bytes).expect("it is a capture");
    let mut walk = Walk::new(bytes, first..bytes.len(), format);
    let (mut packets, mut captured) = (0, 0);
    loop {
        match walk.next() {
            Ok(record) => {
                packets += 1;
                captured += record.data.len() as u64;
            }
            Err(stop) => {
                assert_eq!(stop, Stop::End);
                return (packets, captured);
            }
        }
    }
}

//! Finding a record in the middle: where chunks start, and where reading goes on after damage.

use crate::inputs::{Capture, IPV4, Random, START_S, UDP, ethernet, key, packet};
use criterion::{Criterion, Throughput};
use pcap_flows::capture::{Format, Resync, Walk, find_boundary, find_resync};
use std::hint::black_box;

pub(crate) fn benches(criterion: &mut Criterion) {
    boundary(criterion);
    resync(criterion);
}

/// Packets of all lengths whose payload looks like anything, as pcap and as pcapng.
fn captures() -> [(&'static str, Capture); 2] {
    let mut random = Random::new(2);
    let frames: Vec<Vec<u8>> = (0..2000)
        .map(|flow| {
            let payload_len = random.index(1400);
            let payload = random.bytes(payload_len);
            ethernet(&[], IPV4, &packet(&key(flow, UDP), &payload))
        })
        .collect();
    [
        ("pcap", Capture::pcap(frames.clone())),
        ("pcapng", Capture::pcapng(frames)),
    ]
}

/// The format as it is between the packets: that of pcapng knows the interface by then.
fn format_of(capture: &Capture) -> Format {
    let (format, first) = Format::probe(&capture.bytes).expect("it is a capture");
    let mut walk = Walk::new(&capture.bytes, first..capture.bytes.len(), format);
    walk.next().expect("there is a packet");
    walk.format().clone()
}

fn boundary(criterion: &mut Criterion) {
    const PLACES: usize = 64;
    let mut group = criterion.benchmark_group("boundary");
    group.throughput(Throughput::Elements(PLACES as u64));
    for (name, capture) in captures() {
        let (bytes, format) = (&capture.bytes, format_of(&capture));
        let mut random = Random::new(3);
        let places: Vec<usize> = (0..PLACES).map(|_| random.index(bytes.len() / 2)).collect();
        let find = |from: usize| find_boundary(bytes, from, bytes.len(), &format);
        for &from in &places {
            let next = capture.starts.partition_point(|start| *start < from);
            assert_eq!(find(from), Some(capture.starts[next]));
        }
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let found = places.iter().map(|&from| find(black_box(from)));
                found.flatten().sum::<usize>()
            });
        });
    }
    group.finish();
}

/// In bytes of damage, each of which must be looked at.
fn resync(criterion: &mut Criterion) {
    const DAMAGED: usize = 64 * 1024;
    let mut group = criterion.benchmark_group("resync");
    group.throughput(Throughput::Bytes(DAMAGED as u64));
    let noise = Random::new(4).bytes(DAMAGED);
    let zeros = vec![0; DAMAGED];
    for (name, capture) in captures() {
        let format = format_of(&capture);
        let from = capture.starts[100];
        let next = capture
            .starts
            .partition_point(|start| *start < from + DAMAGED);
        let expected = Resync::Found(capture.starts[next]);
        for (kind, damage, near) in [
            ("noise", &noise, Some(START_S)),
            ("noise_at_any_time", &noise, None),
            ("zeros", &zeros, Some(START_S)),
        ] {
            let mut bytes = capture.bytes.to_vec();
            bytes[from..from + DAMAGED].copy_from_slice(damage);
            let find = || find_resync(black_box(&bytes), from, &format, true, near);
            assert_eq!(find(), expected);
            group.bench_function(format!("{name}/{kind}"), |bencher| bencher.iter(find));
        }
    }
    group.finish();
}

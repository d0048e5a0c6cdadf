//! Headers to flows, and flows to a list.
//!
//! The tables are reached through a whole run only, so that is what is measured: reading a stream
//! (which copies it to fresh memory), walking, decoding, and the tables. What of it is not the
//! tables' is told by `table/no_flow`, a run that finds none, and `table/walk_and_decode`, which is
//! no run. Captures differ in nothing but the flows that their packets belong to.

use crate::inputs::{Capture, IPV4, IPV6, Random, UDP, ethernet, key, key_v6, packet};
use criterion::{BatchSize, Criterion, SamplingMode, Throughput};
use pcap_flows::capture::{Format, Walk};
use pcap_flows::decode::{DecodeOptions, LinkKey, decode};
use pcap_flows::engine::{Config, Outcome, Progress, Source, Tuning, Workers, run};
use pcap_flows::flow::HashKey;
use pcap_flows::output::table::{self, Order, Sort, TableOptions, Window};
use pcap_flows::{Error, ErrorKind};
use std::hint::black_box;
use std::io::{self, Cursor, Write};

const PACKETS: u32 = 200_000;
/// More than fit into a core's caches: 64 bytes each, and the table.
const MANY_FLOWS: u32 = 50_000;

pub(crate) fn benches(criterion: &mut Criterion) {
    tables(criterion);
    lists(criterion);
}

fn tables(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("table");
    group.throughput(Throughput::Elements(PACKETS.into()));
    group.sampling_mode(SamplingMode::Flat);

    let few = Capture::pcap((0..PACKETS).map(|n| frame(n % 100)));
    assert_eq!(decoded(&few.bytes), PACKETS);
    group.bench_function("walk_and_decode", |bencher| {
        bencher.iter(|| decoded(black_box(&few.bytes)));
    });

    let mut random = Random::new(5);
    let new_v6 = (0..PACKETS).map(|n| {
        let packet = packet(&key_v6(n, UDP), &[0; 42]);
        ethernet(&[], IPV6, &packet)
    });
    let mut in_turn: Vec<u32> = (0..PACKETS).map(|n| n % MANY_FLOWS).collect();
    random.shuffle(&mut in_turn);
    let many = Capture::pcap(in_turn.into_iter().map(frame));
    let arp = ethernet(&[], 0x0806, &[0; 70]);
    let arp = Capture::pcap((0..PACKETS).map(|_| arp.clone()));
    assert_eq!(arp.bytes.len(), few.bytes.len());
    let cases = [
        ("no_flow", arp, 0),
        ("few_flows", few, 100),
        ("many_flows_at_random", many, MANY_FLOWS),
        // Appending to shards, taking the flows up, giving ids.
        (
            "each_packet_a_new_flow",
            Capture::pcap((0..PACKETS).map(frame)),
            PACKETS,
        ),
        (
            "each_packet_a_new_flow_ipv6",
            Capture::pcap(new_v6),
            PACKETS,
        ),
    ];
    for (name, capture, flows) in cases {
        let outcome = flows_of(source(&capture));
        assert_eq!(outcome.balance.packets, u64::from(PACKETS));
        assert_eq!(outcome.flows.len(), u64::from(flows));
        let counted: u64 = outcome.flows.iter().map(|flow| flow.packets).sum();
        assert_eq!(counted, u64::from(if flows == 0 { 0 } else { PACKETS }));
        drop(outcome);
        group.bench_function(name, |bencher| {
            // Freeing the tables is not measured.
            bencher.iter_batched(|| source(&capture), flows_of, BatchSize::PerIteration);
        });
    }
    group.finish();
}

fn frame(flow: u32) -> Vec<u8> {
    ethernet(&[], IPV4, &packet(&key(flow, UDP), &[0; 42]))
}

fn source(capture: &Capture) -> Vec<Source> {
    let reader = Cursor::new(capture.bytes.clone());
    vec![Source::Reader("memory".to_owned(), Box::new(reader))]
}

fn flows_of(sources: Vec<Source>) -> Outcome {
    let tuning = Tuning {
        threads: 1,
        hash_key: Some(HashKey::fixed(1)),
        ..Tuning::default()
    };
    let config = Config {
        tuning,
        ..Config::default()
    };
    run(&config, sources, &mut (), &Progress::default()).expect("the capture is whole")
}

/// How many packets can be decoded.
fn decoded(bytes: &[u8]) -> u32 {
    let (format, first) = Format::probe(bytes).expect("it is a capture");
    let mut walk = Walk::new(bytes, first..bytes.len(), format);
    let options = DecodeOptions::default();
    let mut count = 0;
    while let Ok(record) = walk.next() {
        let mut link = LinkKey::default();
        let link_type = record.link_type.unwrap_or_default();
        let headers = decode(link_type, record.data, &options, &mut link);
        count += u32::from(headers.is_ok_and(|it| it.src_port > 0));
        black_box(link.macs().is_some());
    }
    count
}

/// Flows with different numbers of packets, in an order that is none.
fn lists(criterion: &mut Criterion) {
    let mut random = Random::new(6);
    let chosen: Vec<u32> = (0..PACKETS)
        .map(|n| {
            if n < MANY_FLOWS {
                n
            } else {
                u32::try_from(random.below(MANY_FLOWS.into())).expect("it is below one")
            }
        })
        .collect();
    let capture = Capture::pcap(chosen.into_iter().map(frame));
    let outcome = flows_of(source(&capture));
    assert_eq!(outcome.flows.len(), u64::from(MANY_FLOWS));

    let workers = Workers::new(&Tuning::default()).expect("threads can be started");
    // One row at the end, so that all are sorted and (nearly) none is written.
    let mut group = criterion.benchmark_group("sort");
    group.throughput(Throughput::Elements(MANY_FLOWS.into()));
    for (name, sort) in [
        ("packets", Sort::Packets),
        ("first", Sort::First),
        ("duration", Sort::Duration),
    ] {
        let options = TableOptions {
            order: Order {
                sort,
                window: Window::Last(1),
                ..Order::default()
            },
            ..TableOptions::default()
        };
        assert_eq!(lines(&outcome, &options), 1);
        group.bench_function(name, |bencher| {
            bencher.iter(|| list(&workers, &outcome, &options));
        });
    }
    group.finish();

    // By id, which is no sorting.
    let mut group = criterion.benchmark_group("format");
    group.throughput(Throughput::Elements(MANY_FLOWS.into()));
    for (name, format, header_lines) in [
        ("text", table::Format::Text, 0),
        ("csv", table::Format::Csv, 1),
        ("json", table::Format::Json, 0),
    ] {
        let options = TableOptions {
            format,
            order: Order {
                sort: Sort::Id,
                ..Order::default()
            },
            ..TableOptions::default()
        };
        let expected = MANY_FLOWS as usize + header_lines;
        assert_eq!(lines(&outcome, &options), expected);
        group.bench_function(name, |bencher| {
            bencher.iter(|| list(&workers, &outcome, &options));
        });
    }
    group.finish();
}

fn list(workers: &Workers, outcome: &Outcome, options: &TableOptions) {
    let written = workers.install(|| write(outcome, options, &mut io::sink()));
    written.expect("a sink takes all");
}

fn lines(outcome: &Outcome, options: &TableOptions) -> usize {
    let mut text = Vec::new();
    write(outcome, options, &mut text).expect("memory takes all");
    text.iter().filter(|byte| **byte == b'\n').count()
}

fn write(
    outcome: &Outcome,
    options: &TableOptions,
    out: &mut (dyn Write + Send),
) -> Result<(), Error> {
    let failed = |_| ErrorKind::Interrupted.into();
    table::write(&outcome.flows, options, out, &failed, &|| Ok(()))
}

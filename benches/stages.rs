//! Time of each stage on its own, on one thread, in nanoseconds for each packet.
//!
//! `cargo bench -- CAPTURE…`; without a capture, on a small one of testdata, so that a run as a
//! test shows that the right answers come out. Captures of realistic size are made by
//! `cargo run --release --example shapes`.
#![expect(clippy::print_stdout, reason = "a benchmark tells its figures")]

use pcap_flows::capture::{Format, PacketRecord, Walk, find_boundary};
use pcap_flows::decode::{DecodeOptions, LinkKey, decode};
use pcap_flows::engine::{Config, Progress, Source, Stopwatch, Tuning, run};
use std::hint::black_box;
use std::path::Path;

fn main() {
    let captures: Vec<String> = std::env::args()
        .skip(1)
        .filter(|it| !it.starts_with("--"))
        .collect();
    if captures.is_empty() {
        measure(Path::new("testdata/recorded/http.pcap"), Some(66));
    }
    for capture in &captures {
        measure(Path::new(capture), None);
    }
}

/// Measures all stages on one capture; `packets` is the right answer, where it is known.
fn measure(path: &Path, packets: Option<u64>) {
    let bytes = std::fs::read(path).expect("the capture can be read");
    let (format, first) = Format::probe(&bytes).expect("it is a capture");
    let records = |each: &mut dyn FnMut(&PacketRecord<'_>)| {
        let mut walk = Walk::new(&bytes, first..bytes.len(), format.clone());
        let mut count = 0_u64;
        while let Ok(record) = walk.next() {
            count += 1;
            each(&record);
        }
        count
    };
    let count = records(&mut |_| {});
    assert!(
        packets.is_none_or(|right| right == count),
        "{count} packets"
    );
    println!("{}: {count} packets, {} bytes", path.display(), bytes.len());

    let walk = time(count, || {
        records(&mut |record| {
            black_box(record.wire_len);
        })
    });
    let decoding = time(count, || {
        let options = DecodeOptions::default();
        records(&mut |record| {
            let mut link = LinkKey::default();
            let headers = record
                .link_type
                .map(|it| decode(it, record.data, &options, &mut link));
            black_box((headers.is_some_and(|it| it.is_ok()), link));
        })
    });
    let boundary = time(1, || {
        find_boundary(&bytes, bytes.len() / 2, bytes.len(), &format)
    });
    println!("  header walk        {walk:8.1} ns/packet: the limit");
    println!("  walk and decode    {decoding:8.1} ns/packet");
    println!("  boundary search    {boundary:8.1} ns");
    for threads in [1, 2] {
        let config = Config {
            tuning: Tuning {
                threads,
                ..Tuning::default()
            },
            ..Config::default()
        };
        let whole = time(count, || {
            let sources = vec![Source::Path(path.to_owned())];
            let outcome = run(&config, sources, &mut (), &Progress::default());
            assert_eq!(outcome.expect("it can be read").balance.packets, count);
        });
        println!(
            "  flow list, {threads} thr.  {whole:8.1} ns/packet, {:.2} × the walk",
            whole / walk
        );
    }
}

/// The shortest of some runs, in nanoseconds for each of `items`.
fn time<T>(items: u64, mut work: impl FnMut() -> T) -> f64 {
    (0..RUNS)
        .map(|_| {
            let stopwatch = Stopwatch::start();
            black_box(work());
            stopwatch.elapsed().as_secs_f64() * 1e9 / items.max(1) as f64
        })
        .fold(f64::INFINITY, f64::min)
}

const RUNS: usize = 5;

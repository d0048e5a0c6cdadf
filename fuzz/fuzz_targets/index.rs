//! Indexes: whatever their files hold, questions have an answer or an error.

#![no_main]

use fuzzing::{Edit, HTTP, edited, file, folder};
use libfuzzer_sys::fuzz_target;
use pcap_flows::engine::Progress;
use pcap_flows::index::Index;
use pcap_flows::jobs::index::{IndexJob, index};
use pcap_flows::select::condition::Condition;
use std::fs;
use std::sync::OnceLock;

const FLOWS: &str = "day.idx";
const PACKETS: &str = "day.idx.packets-1";

/// The two files of an index.
fn indexed() -> &'static [Vec<u8>; 2] {
    static INDEX: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
    INDEX.get_or_init(|| {
        let job = IndexJob {
            config: pcap_flows::engine::Config::default(),
            captures: vec![file("http.pcap", HTTP)],
            output: folder().join(FLOWS),
            append: false,
            waits: false,
            measures_tcp: false,
            relocated: Vec::new(),
            stats: None,
        };
        index(job, &Progress::default()).unwrap();
        [FLOWS, PACKETS].map(|name| fs::read(folder().join(name)).unwrap())
    })
}

/// The library that reads Parquet panics on some files; that is caught, and no reason to end. What
/// is not caught still ends the process.
fn ignore_what_is_caught() {
    std::panic::set_hook(Box::new(|_| {}));
}

fuzz_target!(init: ignore_what_is_caught(), |input: ([Vec<Edit>; 2], Option<u16>, Option<&[u8]>)| {
    let ([flows, packets], len, raw) = input;
    let [valid_flows, valid_packets] = indexed();
    let bytes = raw.map_or_else(|| edited(valid_flows, &flows, len), <[u8]>::to_vec);
    let path = file(FLOWS, &bytes);
    file(PACKETS, &edited(valid_packets, &packets, None));
    let Ok(index) = Index::open(&path) else { return };
    let columns = Index::columns();
    let condition = Condition::parse("packets > 1 and server_name like '%a%'", &columns).unwrap();
    drop(index.matching(&condition));
    drop(index.fragmented());
    drop(index.summaries());
    drop(index.offsets(&[1, 3]));
    if let Ok(flows) = index.flows() {
        let keys: Vec<_> = flows.iter().take(2).map(|flow| flow.key.network).collect();
        drop(index.between(&keys));
        drop(index.some_flows(&[1, 2]));
    }
});

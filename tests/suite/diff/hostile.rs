//! Comparisons of captures with random byte changes end with a defined exit code.

use super::diff;
use crate::common::{Complaints, testdata};
use std::fs;
use testkit::Random;

#[test]
fn changed_captures_are_compared_or_refused() {
    let mut wrong = Complaints::default();
    let folder = tempfile::tempdir().unwrap();
    let pairs = [
        ("recorded/lossy-client.pcap", "recorded/lossy-server.pcap"),
        ("recorded/http.pcap", "recorded/http.pcap"),
        ("recorded/dns.pcap", "recorded/dns.pcap"),
    ];
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let (a, b) = pairs[random.index(pairs.len())];
        let paths = [a, b].map(|name| {
            let mut bytes = fs::read(testdata(name)).unwrap();
            let count = [0, 1, 10, 300][random.index(4)];
            for _ in 0..count {
                let at = 24 + random.index(bytes.len() - 24);
                bytes[at] = random.byte();
            }
            let path = folder
                .path()
                .join(name.replace('/', "-") + ["1", "2"][random.index(2)]);
            fs::write(&path, bytes).unwrap();
            path
        });
        let [a, b] = &paths;
        let packets = folder.path().join("packets.csv");
        let ended = diff(a, b, ["--packets", packets.to_str().unwrap()]);
        let code = ended.status.code();
        if !matches!(code, Some(0 | 1 | 3 | 4)) || ended.stderr.contains("panicked") {
            wrong.add(format!("seed {seed}: {ended}"));
        }
    }
    wrong.none();
}

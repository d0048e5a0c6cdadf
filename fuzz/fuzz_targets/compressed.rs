//! Compressed files: what is read at any place is what is read from the start on.

#![no_main]

use fuzzing::file;
use libfuzzer_sys::fuzz_target;
use pcap_flows::capture::Content;

/// Enough to go through many members, and little enough for a bomb.
const MOST: usize = 1 << 20;

fuzz_target!(|input: (u16, u16, u8, &[u8])| {
    let (first, second, len, bytes) = input;
    let path = file("content", bytes);
    let Ok(Some(mut content)) = Content::open(&path) else {
        return;
    };
    let mut all = vec![0; MOST];
    let mut read = 0;
    while read < MOST {
        let end = MOST.min(read + 1000);
        match content.read_at(read as u64, &mut all[read..end]) {
            Ok(0) | Err(_) => break,
            Ok(count) => read += count,
        }
    }
    let all = &all[..read];
    let mut content = Content::open(&path).unwrap().unwrap();
    for place in [first, second, first] {
        let (start, len) = (usize::from(place), usize::from(len) + 1);
        if start + len > all.len() {
            continue;
        }
        let mut some = vec![0; len];
        let count = content.read_at(start as u64, &mut some).unwrap();
        assert_eq!(some[..count], all[start..start + count]);
        assert_eq!(count, len, "there is more in front of the end");
    }
});

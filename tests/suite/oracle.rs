//! Anything that chance invents is read as a plain loop reads it, whatever the windows and chunks;
//! and damage, wherever it is, is met in the same way by all of them.

mod damage;
mod flows;
mod written;

use crate::common::answer::{Feed, Way};
use crate::common::effort::cases;
use damage::{any_wounds, wound};
use pcap_flows::capture::{self, Format, Resync, Section, Stop, Walk, find_resync};
use proptest::prelude::*;
use proptest::sample::Index;
use std::path::Path;
use std::sync::Arc;
use testkit::pcap::ByteOrder;
use testkit::pcapng::section;
use written::{Made, any_capture};

/// The sizes and numbers that no result depends on.
#[derive(Clone, Debug)]
struct Sizes {
    threads: usize,
    window_len: usize,
    chunk_len: usize,
    shards: usize,
    seed: u64,
    piece_len: usize,
}

fn any_sizes() -> impl Strategy<Value = Sizes> {
    (
        1_usize..4,
        1_usize..6000,
        1_usize..2000,
        1_usize..9,
        any::<u64>(),
        1_usize..3000,
    )
        .prop_map(
            |(threads, window_len, chunk_len, shards, seed, piece_len)| Sizes {
                threads,
                window_len,
                chunk_len,
                shards,
                seed,
                piece_len,
            },
        )
}

impl Sizes {
    /// The same sizes for a file and for a stream.
    fn ways(&self, path: &Path, bytes: &[u8]) -> [Way; 2] {
        let stream = Feed::Stream {
            name: path.to_owned(),
            bytes: bytes.to_vec(),
            buffer_len: self.window_len,
            piece_len: self.piece_len,
        };
        [Feed::Files(vec![path.to_owned()]), stream].map(|feed| Way {
            feed,
            threads: self.threads,
            window_len: Some(self.window_len),
            chunk_len: Some(self.chunk_len),
            shards: Some(self.shards),
            hash_seed: Some(self.seed),
        })
    }
}

proptest! {
    #![proptest_config(cases(1000))]

    /// What was written is read back: each packet, its time, its lengths, its place.
    #[test]
    fn records_are_read_back(written in any_capture()) {
        let (format, first) = Format::probe(&written.bytes).unwrap();
        let mut walk = Walk::new(&written.bytes, first..written.bytes.len(), format);
        let mut found = Vec::new();
        let mut starts = Vec::new();
        let stop = loop {
            match walk.next() {
                Ok(record) => {
                    starts.push(record.start);
                    let link_type = record.link_type.unwrap().0;
                    let time_ns = i128::from(record.time.0);
                    found.push((time_ns, record.wire_len, link_type, record.data.to_vec()));
                }
                Err(stop) => break stop,
            }
        };
        prop_assert_eq!(stop, Stop::End);
        prop_assert_eq!(walk.position(), written.bytes.len());
        let within_64_bits = |ns: i128| ns.clamp(i64::MIN.into(), i64::MAX.into());
        let expected: Vec<Made> = written
            .packets
            .into_iter()
            .map(|(ns, wire_len, link_type, data)| (within_64_bits(ns), wire_len, link_type, data))
            .collect();
        prop_assert_eq!(found, expected);
        prop_assert_eq!(starts, written.starts);
    }

    /// Where reading goes on after damage does not depend on how much of the input can be seen.
    #[test]
    fn the_end_of_damage_does_not_depend_on_the_view(
        written in any_capture(),
        wounds in any_wounds(),
        from in any::<Index>(),
        seen in prop::collection::vec(any::<Index>(), 8),
        near in prop::option::of(any::<u32>()),
    ) {
        let (format, first) = Format::probe(&written.bytes).unwrap();
        let bytes = wound(&written.bytes, first, &wounds);
        let from = from.index(bytes.len() + 1);
        let whole = find_resync(&bytes, from, &format, true, near);
        for end in seen {
            let end = from + end.index(bytes.len() - from + 1);
            match find_resync(&bytes[..end], from, &format, false, near) {
                // What can be seen decides.
                found @ Resync::Found(_) => prop_assert_eq!(found, whole),
                // The search goes on from here, with the same end.
                Resync::Undecided(place) => {
                    prop_assert!((from..=end).contains(&place));
                    let rest = find_resync(&bytes, place, &format, true, near);
                    prop_assert_eq!(rest, whole);
                }
                Resync::Nothing => prop_assert!(false, "the input goes on"),
            }
        }
    }
}

/// The type of a section header reads the same in both byte orders, its length does not; which of
/// them it is tells the twelfth byte, which the view may not have.
#[test]
fn a_section_of_the_other_byte_order_is_found_wherever_the_view_ends() {
    for (own, other) in [
        (capture::ByteOrder::Little, ByteOrder::Big),
        (capture::ByteOrder::Big, ByteOrder::Little),
    ] {
        let format = Format::Pcapng(Arc::new(Section::new(own)));
        let bytes = [vec![0xee; 16], section(other).repeat(3)].concat();
        assert_eq!(
            find_resync(&bytes, 0, &format, true, None),
            Resync::Found(16)
        );
        for end in 0..bytes.len() {
            let found = find_resync(&bytes[..end], 0, &format, false, None);
            assert!(
                matches!(found, Resync::Undecided(0..=16)),
                "{found:?} of {end} bytes"
            );
        }
    }
}

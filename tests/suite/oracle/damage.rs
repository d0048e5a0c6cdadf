//! Damage, wherever it is, is met in the same way by all ways to read.

use super::written::any_capture;
use super::{Sizes, any_sizes};
use crate::common::answer::{Question, Way, answer};
use crate::common::effort::cases;
use crate::common::{Complaints, captures};
use proptest::prelude::*;
use proptest::sample::Index;
use std::fs;

/// Something that happens to a capture's bytes.
#[derive(Clone, Debug)]
pub(super) enum Wound {
    /// A byte becomes another one.
    Flip(Index, u8),
    /// It ends early.
    Cut(Index),
    /// Bytes are lost.
    Lose(Index, usize),
    /// Foreign bytes come in.
    Insert(Index, Vec<u8>),
    /// A part of it comes again elsewhere.
    Repeat(Index, Index, usize),
    /// A length that cannot be.
    Length(Index, u32),
}

pub(super) fn any_wounds() -> impl Strategy<Value = Vec<Wound>> {
    let at = any::<Index>;
    let lengths = prop::sample::select(vec![0_u32, 8, 27, 0xffff, 0x7fff_ffff, u32::MAX]);
    let wound = prop_oneof![
        3 => (at(), 1_u8..).prop_map(|(at, by)| Wound::Flip(at, by)),
        1 => at().prop_map(Wound::Cut),
        1 => (at(), 1_usize..100).prop_map(|(at, len)| Wound::Lose(at, len)),
        1 => (at(), prop::collection::vec(any::<u8>(), 1..100))
            .prop_map(|(at, bytes)| Wound::Insert(at, bytes)),
        1 => (at(), at(), 1_usize..400).prop_map(|(to, from, len)| Wound::Repeat(to, from, len)),
        2 => (at(), lengths).prop_map(|(at, value)| Wound::Length(at, value)),
    ];
    prop::collection::vec(wound, 1..4)
}

/// The wounded capture; its first `spared` bytes stay as they are.
pub(super) fn wound(bytes: &[u8], spared: usize, wounds: &[Wound]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for wound in wounds {
        let spared = spared.min(bytes.len());
        let place = |at: &Index| spared + at.index(bytes.len() - spared + 1);
        match wound {
            Wound::Flip(at, by) => {
                let at = place(at);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= by;
                }
            }
            Wound::Cut(at) => bytes.truncate(place(at)),
            Wound::Lose(at, len) => {
                let at = place(at);
                bytes.drain(at..(at + len).min(bytes.len()));
            }
            Wound::Insert(at, new) => {
                let at = place(at);
                bytes.splice(at..at, new.iter().copied());
            }
            Wound::Repeat(to, from, len) => {
                let (to, from) = (place(to), place(from));
                let again = bytes[from..(from + len).min(bytes.len())].to_vec();
                bytes.splice(to..to, again);
            }
            Wound::Length(at, value) => {
                let at = place(at);
                for (byte, new) in bytes.iter_mut().skip(at).zip(value.to_le_bytes()) {
                    *byte = new;
                }
            }
        }
    }
    bytes
}

/// Whatever the bytes are: no panic, an end, an even balance, and the same answer in all ways.
fn same_in_all_ways(
    bytes: &[u8],
    max_packets: Option<u64>,
    sizes: &Sizes,
) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("capture");
    fs::write(&path, bytes).unwrap();
    let question = Question {
        max_packets,
        ..Question::default()
    };
    let expected = answer(&question, &Way::plain(&path));
    prop_assert!(expected.balance.is_even());
    let skipped: u64 = expected
        .damages
        .iter()
        .map(|(_, _, _, skipped, _)| skipped)
        .sum();
    prop_assert!(skipped <= bytes.len() as u64);
    let mut wrong = Complaints::default();
    for way in sizes.ways(&path, bytes) {
        expected.compare(&answer(&question, &way), &way.to_string(), &mut wrong);
    }
    wrong.into_result().map_err(TestCaseError::fail)
}

proptest! {
    #![proptest_config(cases(400))]

    /// Captures that chance made, and then broke.
    #[test]
    fn damage_is_met_in_the_same_way(
        written in any_capture(),
        wounds in any_wounds(),
        max_packets in prop::option::weighted(0.3, 0_u64..60),
        sizes in any_sizes(),
    ) {
        same_in_all_ways(&wound(&written.bytes, 0, &wounds), max_packets, &sizes)?;
    }

    /// Captures of testdata/, broken.
    #[test]
    fn damage_to_known_captures_is_met_in_the_same_way(
        capture in any::<Index>(),
        wounds in any_wounds(),
        max_packets in prop::option::weighted(0.3, 0_u64..60),
        sizes in any_sizes(),
    ) {
        let captures = captures();
        let bytes = capture.get(&captures).read();
        // The few large ones would take most of the time.
        let bytes = &bytes[..bytes.len().min(20_000)];
        same_in_all_ways(&wound(bytes, 0, &wounds), max_packets, &sizes)?;
    }

    /// Two captures one behind the other: as one if the second's header can be read, as damage if
    /// not; and always the same.
    #[test]
    fn captures_behind_each_other_are_met_in_the_same_way(
        first in any_capture(),
        second in any_capture(),
        max_packets in prop::option::weighted(0.3, 0_u64..60),
        sizes in any_sizes(),
    ) {
        let bytes = [first.bytes, second.bytes].concat();
        same_in_all_ways(&bytes, max_packets, &sizes)?;
    }
}

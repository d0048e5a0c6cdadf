//! Streams come back as they were sent, whatever happens to their packets on the way.
//!
//! Chance makes a [`Plan`]: connections, and which of their packets were captured in which order.
//! It is written as a capture, and what is in that is told byte by byte.

mod connection;
mod datagrams;
mod expected;
mod extraction;
mod packet;
mod plan;

use crate::common::effort::cases;
use connection::Weather;
use extraction::{
    Asked, Feed, PLAIN, Way, any_asked, any_gaps, any_headers, any_overlap, any_way, extract,
};
use pcap_flows::tcp::Overlap;
use plan::{Plan, any_plan};
use proptest::prelude::*;

/// What is found is what is expected.
fn agrees(plan: &Plan, asked: &Asked, way: Way) -> Result<(), TestCaseError> {
    let expected = plan.expected(asked.overlap);
    extract(&plan.file(), asked, way)?.check(&expected, asked)
}

/// What is found is what was sent.
fn comes_back(plan: &Plan, asked: &Asked, way: Way) -> Result<(), TestCaseError> {
    for stream in plan.expected(Overlap::First) {
        let sent: Vec<Option<u8>> = stream.sent.iter().copied().map(Some).collect();
        prop_assert_eq!(stream.bytes, sent, "all of it was captured");
    }
    agrees(plan, asked, way)
}

/// Some packets were not captured, though all SYNs were.
const LOSSY: Weather = Weather {
    has_syns: true,
    loses: true,
    ..Weather::FAIR
};

proptest! {
    #![proptest_config(cases(500))]

    /// Any streams, cut, permuted, repeated and overlapped, come back exactly.
    #[test]
    fn all_streams_come_back(
        plan in any_plan(Weather::FAIR),
        headers in any_headers(),
        flags in any::<[bool; 2]>(),
        way in any_way(),
    ) {
        let [conversations, five_tuple] = flags;
        let asked = Asked { headers, conversations, five_tuple, ..Asked::default() };
        comes_back(&plan, &asked, way)?;
    }

    /// What was not captured is missing, and nothing else is.
    #[test]
    fn gaps_are_what_is_missing(
        plan in any_plan(LOSSY),
        gaps in any_gaps(),
        headers in any_headers(),
        way in any_way(),
    ) {
        agrees(&plan, &Asked { gaps, headers, ..Asked::default() }, way)?;
    }

    /// Where segments do not agree, the first byte counts, or the last; and it is told how many
    /// segments brought another one.
    #[test]
    fn the_first_or_the_last_byte_counts(
        plan in any_plan(Weather { is_orderly: true, lies: true, ..LOSSY }),
        overlap in any_overlap(),
        headers in any_headers(),
        way in any_way(),
    ) {
        agrees(&plan, &Asked { overlap, headers, ..Asked::default() }, way)?;
    }
}

/// Packets that are not captured to their ends, each byte in only one of them.
const CUT: Weather = Weather {
    cuts: true,
    is_sparse: true,
    ..LOSSY
};

proptest! {
    #![proptest_config(cases(200))]

    /// What the snaplen cuts off is missing.
    #[test]
    fn cut_packets_leave_gaps(plan in any_plan(CUT), gaps in any_gaps(), way in any_way()) {
        agrees(&plan, &Asked { gaps, ..Asked::default() }, way)?;
    }

    /// What the snaplen cuts off is not missing where it came before.
    #[test]
    fn a_whole_packet_before_a_cut_one_leaves_no_gap(plan in any_plan(CUT), way in any_way()) {
        agrees(&plan.repaired(true), &Asked::default(), way)?;
    }

    /// Fragments overtake each other, and other packets.
    #[test]
    fn fragments_come_in_any_order(
        plan in any_plan(Weather { shuffles_fragments: true, ..Weather::FAIR }),
        way in any_way(),
    ) {
        comes_back(&plan, &Asked::default(), way)?;
    }
}

proptest! {
    #![proptest_config(cases(100))]

    /// Neither threads nor windows change anything, nor where a capture comes from.
    #[test]
    fn all_ways_are_the_same(
        plan in any_plan(Weather { loses: true, lies: true, ..Weather::FAIR }),
        asked in any_asked(),
    ) {
        let capture = plan.file();
        let plain = extract(&capture, &asked, PLAIN)?;
        let ways = [
            Way { threads: 3, window_len: Some(1), ..PLAIN },
            Way { window_len: Some(1), output: "old/", ..PLAIN },
            Way { threads: 3, window_len: Some(700), ..PLAIN },
            Way { feed: Feed::Reader, ..PLAIN },
            Way { feed: Feed::Buffers(100), threads: 3, output: "old/", ..PLAIN },
            Way { feed: Feed::Buffers(700), ..PLAIN },
            Way { output: "all.tar", ..PLAIN },
            Way { feed: Feed::Buffers(700), output: "all.tar", ..PLAIN },
        ];
        for way in ways {
            prop_assert_eq!(&extract(&capture, &asked, way)?, &plain, "{:?}", way);
        }
    }
}

//! Segments, and the connections that they belong to.

use super::*;
use crate::tcp::testing::{Bytes, Collected};
use crate::tcp::{Progress, Reassembler};

fn stream(syn: Option<u32>, payload: Option<(u32, &str)>) -> Reassembler<Bytes> {
    let mut stream = Reassembler::default();
    let mut sink = Collected::default();
    if let Some(sequence) = syn {
        stream.syn(sequence, &mut sink);
    }
    if let Some((sequence, text)) = payload {
        stream.segment(sequence, Bytes::from(text), Default::default(), &mut sink);
    }
    stream
}

fn segment(sequence: u32, flags: u16) -> Segment {
    Segment {
        sequence,
        flags,
        ..Segment::default()
    }
}

fn answer(sequence: u32, acknowledgment: u32) -> Segment {
    Segment {
        acknowledgment,
        ..segment(sequence, Segment::SYN | Segment::ACK)
    }
}

fn data(sequence: u32, acknowledgment: u32) -> Segment {
    Segment {
        acknowledgment,
        ..segment(sequence, Segment::ACK)
    }
}

const NOTHING: Candidate<'_, Reassembler<Bytes>> = Candidate::UNKNOWN;
const SECOND: i64 = 1_000_000_000;

fn syn<E: Extent>(candidates: &[Candidate<'_, E>], sequence: u32) -> Choice {
    choose(candidates, &segment(sequence, Segment::SYN), 0)
}

#[test]
fn a_syn_starts_a_connection_only_with_a_new_number() {
    let (current, previous) = (
        stream(Some(1000), Some((1001, "data"))),
        stream(Some(50), None),
    );
    let candidates = [Candidate::alone(&current), Candidate::alone(&previous)];
    assert_eq!(syn(&candidates, 1000), Choice::Existing(0), "sent again");
    assert_eq!(syn(&candidates, 50), Choice::Existing(1), "long overdue");
    assert_eq!(syn(&candidates, 77_777), Choice::Unanswered(0));
    let closed = candidates.map(|it| Candidate {
        closed: Closed::Both,
        ..it
    });
    assert_eq!(syn(&closed, 77_777), Choice::Next);
}

#[test]
fn a_syn_with_the_same_number_is_another_one_after_the_end() {
    let own = stream(Some(1000), Some((1001, "data")));
    let after = |pause, closed| {
        let candidate = Candidate {
            pause,
            closed,
            ..Candidate::alone(&own)
        };
        syn(&[candidate], 1000)
    };
    assert_eq!(
        after(SECOND / 1000, Closed::Both),
        Choice::Existing(0),
        "a copy"
    );
    assert_eq!(after(SECOND / 10, Closed::Both), Choice::Next);
    assert_eq!(
        after(10 * SECOND, Closed::No),
        Choice::Existing(0),
        "sent again"
    );
    assert_eq!(after(600 * SECOND, Closed::No), Choice::Next, "restarted");
    let silent = stream(Some(1000), None);
    let silent = Candidate {
        pause: 64 * SECOND,
        ..Candidate::alone(&silent)
    };
    assert_eq!(syn(&[silent], 1000), Choice::Existing(0), "nobody answers");
}

#[test]
fn a_syn_after_its_data_is_no_new_connection() {
    let current = stream(None, Some((1001, "data")));
    let candidates = [Candidate::alone(&current)];
    assert_eq!(syn(&candidates, 1000), Choice::Existing(0));
    assert_eq!(
        syn(&candidates, 2000),
        Choice::Unanswered(0),
        "after the data"
    );
    assert_eq!(
        syn(&candidates, 1000_u32.wrapping_sub(2_000_000)),
        Choice::Unanswered(0),
        "far before it"
    );
}

#[test]
fn what_comes_late_belongs_to_the_connection_before() {
    let previous = stream(Some(1000), Some((1001, "data")));
    let current = stream(Some(3_000_000_000), None);
    let candidates = [Candidate::alone(&current), Candidate::alone(&previous)];
    let late = choose(&candidates, &data(1001, 0), 4);
    assert_eq!(late, Choice::Existing(1));
    let fin = choose(&candidates, &segment(1005, Segment::FIN), 0);
    assert_eq!(fin, Choice::Existing(1));
    let far = choose(&candidates, &data(900_000_000, 0), 4);
    assert_eq!(far, Choice::Existing(0));
    let first = choose(&candidates, &data(3_000_000_001, 0), 4);
    assert_eq!(first, Choice::Existing(0));
}

#[test]
fn an_answer_belongs_to_the_syn_that_it_acknowledges() {
    let clients = [stream(Some(0), None), stream(Some(9_000_000), None)];
    let candidates = [&clients[1], &clients[0]].map(|it| Candidate {
        peer: Some(it),
        ..NOTHING
    });
    let place = |acknowledgment| choose(&candidates, &answer(900, acknowledgment), 0);
    assert_eq!(place(1), Choice::Existing(1));
    assert_eq!(place(9_000_001), Choice::Existing(0));
    assert_eq!(place(100), Choice::Existing(1), "with data in the SYN");
    assert_eq!(place(150_000_001), Choice::Next);
}

#[test]
fn a_syn_after_segments_of_an_older_connection() {
    let mut current = stream(None, None);
    current.empty(1);
    let client = stream(Some(76), None);
    let mut candidate = Candidate::alone(&current);
    assert_eq!(syn(&[candidate], 150_000_000), Choice::Next);
    assert_eq!(syn(&[candidate], 0), Choice::Existing(0), "overtaken");
    // A reset has any number, but the answer that follows says what it answers.
    candidate.peer = Some(&client);
    let answer = choose(&[candidate], &answer(150_000_000, 77), 0);
    assert_eq!(answer, Choice::Existing(0));
}

#[test]
fn a_syn_that_fits_what_the_other_side_acknowledges() {
    let place = |acknowledged| {
        let candidate = Candidate {
            acknowledged,
            ..NOTHING
        };
        syn(&[candidate], 1000)
    };
    assert_eq!(place(None), Choice::Existing(0));
    assert_eq!(place(Some(1001)), Choice::Existing(0));
    assert_eq!(place(Some(3_000_000)), Choice::Next);
}

#[test]
fn an_unanswered_syn_takes_nothing_from_the_established_connection() {
    let own = stream(Some(1000), Some((1001, "data")));
    let peer = stream(Some(500_000), Some((500_001, "answer")));
    for distance in [1_u32, 2, 1000, 100_000, 50_000_000, 1 << 30, u32::MAX / 2] {
        let stray = stream(Some(1004_u32.wrapping_add(distance)), None);
        let candidates = [
            Candidate {
                peer: Some(&peer),
                ..Candidate::alone(&own)
            },
            Candidate {
                standing: Standing::Unanswered,
                ..Candidate::alone(&stray)
            },
        ];
        let place = |segment| choose(&candidates, &segment, 10);
        assert_eq!(
            place(data(1005, 500_007)),
            Choice::Existing(0),
            "{distance}"
        );
        assert_eq!(
            place(data(1001, 500_001)),
            Choice::Existing(0),
            "{distance}"
        );
        let other = data(1005_u32.wrapping_add(distance), 2_000_000_000);
        if distance > 1 {
            assert_eq!(place(other), Choice::Existing(1), "{distance}");
        }
    }
}

#[test]
fn numbers_that_do_not_continue_a_closed_connection_are_another_one() {
    let own = stream(Some(1000), Some((1001, "data")));
    let peer = stream(Some(500_000), Some((500_001, "answer")));
    let place = |segment, pause, closed| {
        let candidate = Candidate {
            peer: Some(&peer),
            pause,
            closed,
            ..Candidate::alone(&own)
        };
        choose(&[candidate], &segment, 10)
    };
    let both = Closed::Both;
    for sequence in [100_000, 1_000_000_000, 3_000_000_000, 900] {
        let segment = data(sequence, 700_000_000);
        assert_eq!(
            place(segment, 600 * SECOND, both),
            Choice::Next,
            "{sequence}"
        );
        assert_eq!(
            place(segment, SECOND / 10, both),
            Choice::Existing(0),
            "{sequence}"
        );
        assert_eq!(
            place(segment, SECOND, Closed::No),
            Choice::Existing(0),
            "{sequence}"
        );
    }
    let again = data(1001, 500_007);
    assert_eq!(place(again, 10 * SECOND, both), Choice::Existing(0));
    assert_eq!(
        place(again, 600 * SECOND, both),
        Choice::Next,
        "the same numbers"
    );
    let far = data(1_000_000_000, 700_000_000);
    assert_eq!(place(far, 600 * SECOND, Closed::No), Choice::Next);
    let far = data(1_000_000_000, 500_007);
    assert_eq!(
        place(far, 600 * SECOND, Closed::No),
        Choice::Existing(0),
        "a gap"
    );
}

#[test]
fn networks_are_told_apart_and_joined() {
    let own = stream(Some(1000), Some((1001, "data")));
    let peer = stream(Some(500_000), Some((500_001, "answer")));
    let elsewhere = |network| Candidate {
        peer: Some(&peer),
        network,
        ..Candidate::alone(&own)
    };
    let place = |network, segment| choose(&[elsewhere(network)], &segment, 10);
    let other = Network::Other;
    assert_eq!(
        place(other, data(1005, 500_007)),
        Choice::Existing(0),
        "continues"
    );
    assert_eq!(place(other, data(1031, 500_031)), Choice::Next);
    assert_eq!(
        place(other, data(1001, 500_001)),
        Choice::Existing(0),
        "a repetition"
    );
    assert_eq!(
        place(Network::Differs, data(1001, 500_001)),
        Choice::Next,
        "other bytes"
    );
    assert_eq!(
        place(Network::Copied, data(1001, 500_001)),
        Choice::Existing(0)
    );
    assert_eq!(syn(&[elsewhere(other)], 1000), Choice::Twin(0));
    assert_eq!(syn(&[elsewhere(other)], 1030), Choice::Next);
    let asymmetric = Candidate {
        own: None,
        ..elsewhere(other)
    };
    let choice = choose(&[asymmetric], &data(77, 500_007), 10);
    assert_eq!(choice, Choice::Existing(0), "each direction has its own");
}

/// A progress and a reassembler say the same of which connection a SYN belongs to.
#[test]
fn a_progress_knows_connections_as_a_reassembler_does() {
    let mut progress = Progress::default();
    let place = |progress: &Progress, sequence| syn(&[Candidate::alone(progress)], sequence);
    let (current, stray) = (Choice::Existing(0), Choice::Unanswered(0));
    assert_eq!(place(&progress, 5), current, "the first");
    progress.advance(&segment(1000, Segment::SYN), 0);
    assert_eq!(place(&progress, 1000), current);
    assert_eq!(place(&progress, 1001), stray);
    progress.advance(&segment(1001, Segment::ACK), 500);
    assert_eq!(place(&progress, 1000), current, "again");
    assert_eq!(place(&progress, 1500), stray);

    let mut midstream = Progress::default();
    midstream.advance(&segment(1001, Segment::ACK), 500);
    assert_eq!(place(&midstream, 1000), current, "late");
    assert_eq!(place(&midstream, 1001), stray);

    let resumed = Progress::resumed(1501, true, 500);
    assert_eq!(place(&resumed, 1000), current, "again");
    assert_eq!(place(&resumed, 9000), stray);
    let resumed = Progress::resumed(1001, true, 0);
    assert_eq!(place(&resumed, 1000), current, "again");
    let resumed = Progress::resumed(1501, false, 500);
    assert_eq!(place(&resumed, 1000), current, "late");
    assert_eq!(place(&resumed, 1500), stray);
}

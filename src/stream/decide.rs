//! Directions are decided on: by their keys when they open, by FlowIDs at the end of the window in
//! which their flows start. What FlowIDs refuse is forgotten.

use super::direction::{Direction, NONE};
use super::handler::Handler;
use super::track::Tracker;
use super::wanted::Verdict;
use crate::decode::ChecksumCounts;

impl<H: Handler> Tracker<H> {
    /// FlowIDs are final: decides on the directions that waited for theirs. `id_of` gives the
    /// FlowID of a flow; `are_all_known` says that all flows that are requested have started.
    pub(super) fn decide(&mut self, id_of: impl Fn(u32) -> u64, are_all_known: bool) {
        for number in std::mem::take(&mut self.undecided) {
            self.decide_on(number, &id_of);
        }
        // A flow that is yet to start may be between the same endpoints: what came before it
        // counts in its stream.
        if !are_all_known {
            return;
        }
        let is_wanted = self.pairs_of_wanted_flows(&id_of);
        let candidates = std::mem::take(&mut self.candidates).into_iter();
        let refused: Vec<u32> = candidates
            .filter(|&number| is_wanted.get(number as usize) == Some(&false))
            .collect();
        if !refused.is_empty() {
            self.forget(&refused);
        }
        self.first_flow = self.flows.len();
    }

    /// Decides on a direction, if its FlowID does.
    fn decide_on(&mut self, number: u32, id_of: impl Fn(u32) -> u64) {
        let Some(direction) = self.directions.get_mut(number as usize) else {
            return;
        };
        if direction.info.verdict != Verdict::ById {
            return;
        }
        let pair = self.pairs.get(direction.info.pair);
        let wanted = pair.and_then(|pair| self.selected.of(pair.key.protocol));
        if wanted.is_some_and(|it| it.ids.contains(id_of(direction.info.flow))) {
            direction.info.verdict = Verdict::Wanted;
        } else {
            direction.info.verdict = Verdict::Refused;
            self.handler.refused(&mut direction.state);
        }
    }

    /// For each pair, whether one of the flows that started since pairs were forgotten last is
    /// requested by its FlowID: any direction between its endpoints may be that of the flow, one
    /// that is yet to start among them.
    fn pairs_of_wanted_flows(&self, id_of: impl Fn(u32) -> u64) -> Vec<bool> {
        let mut is_wanted = vec![false; self.pairs.len()];
        let flows = self.flows.iter().zip(0..).skip(self.first_flow);
        for (&direction, flow) in flows.filter(|(direction, _)| **direction != NONE) {
            let pair = direction >> 1;
            if self.is_requested(pair, flow, &id_of)
                && let Some(place) = is_wanted.get_mut(pair as usize)
            {
                *place = true;
            }
        }
        is_wanted
    }

    /// Whether a flow between a pair of endpoints is requested by its FlowID.
    fn is_requested(&self, pair: u32, flow: u32, id_of: impl Fn(u32) -> u64) -> bool {
        let protocol = self.pairs.get(pair).map(|it| it.key.protocol);
        let wanted = protocol.and_then(|protocol| self.selected.of(protocol));
        wanted.is_some_and(|it| it.ids.contains(id_of(flow)))
    }

    /// Packets of wanted flows whose TCP or UDP header was not captured, or cannot be one.
    pub(crate) fn cut_headers(&self, id_of: impl Fn(u32) -> u64) -> u64 {
        let counts = self.cut_headers.iter();
        let wanted = counts.filter(|((pair, flow), _)| self.is_wanted(*pair, *flow, &id_of));
        wanted.map(|(_, packets)| packets).sum()
    }

    /// Checksums of the packets of wanted flows, where wrong ones are left out.
    pub(crate) fn checksums(&self, id_of: impl Fn(u32) -> u64) -> ChecksumCounts {
        let mut sum = ChecksumCounts::default();
        for ((counts, &direction), flow) in self.checksums.iter().zip(&self.flows).zip(0..) {
            if direction != NONE && self.is_wanted(direction >> 1, flow, &id_of) {
                sum.add(counts);
            }
        }
        sum
    }

    fn is_wanted(&self, pair: u32, flow: u32, id_of: impl Fn(u32) -> u64) -> bool {
        let verdict = self.pairs.get(pair).map(|it| it.verdict);
        verdict == Some(Verdict::Wanted) || self.is_requested(pair, flow, &id_of)
    }

    /// Forgets pairs that were made since pairs were forgotten last, with all of their directions.
    fn forget(&mut self, refused: &[u32]) {
        let mut is_refused = vec![false; self.pairs.len()];
        for number in refused {
            if let Some(place) = is_refused.get_mut(*number as usize) {
                *place = true;
            }
            self.pairs.remove(*number);
        }
        let is_refused = |pair: u32| is_refused.get(pair as usize) == Some(&true);
        for direction in self.flows.iter_mut().skip(self.first_flow) {
            if *direction != NONE && is_refused(*direction >> 1) {
                *direction = NONE;
            }
        }
        for (direction, number) in self.directions.iter_mut().zip(0..) {
            if is_refused(direction.info.pair) {
                *direction = Direction::nothing(H::State::default());
                self.free.push(number);
            }
        }
        self.cut_headers.retain(|(pair, _), _| !is_refused(*pair));
    }
}

//! The connection that a segment belongs to.
//!
//! Ports are used again, in the same network and, at the same time, in others. [`choose`] weighs
//! the connections between two endpoints against a segment, and says which one it belongs to. The
//! evidence is, in this order: the number of a SYN and the acknowledgment of its answer; whether
//! sequence and acknowledgment number continue what was sent; the network; and, once both sides
//! have closed, time.
//!
//! - A SYN with the number of a connection is that connection's, sent or captured again. If the
//!   connection is over, or has been silent for a minute after data, it starts another one.
//! - A SYN with another number starts a connection when it is answered. Until then what continues
//!   the established connection goes there, whatever number the SYN has.
//! - A segment without SYN whose numbers do not continue a connection that is over starts another
//!   one, if a second has passed. If the connection is not over, numbers of both sides must be far
//!   off, and a minute must have passed: else it is the same connection, with a gap.
//! - An answer belongs to the connection whose other side sent what it acknowledges.

use super::progress::{Extent, Sent};
use super::segment::Segment;

/// A connection that a segment may belong to, seen from the segment's direction.
#[derive(Debug)]
pub struct Candidate<'a, E> {
    /// Its direction of the connection.
    pub own: Option<&'a E>,
    /// The other direction.
    pub peer: Option<&'a E>,
    /// The last acknowledgment number that the other direction sent.
    pub acknowledged: Option<u32>,
    /// Time since the last packet of the connection in ns; 0 if clocks run back.
    pub pause: i64,
    /// How much of it is closed.
    pub closed: Closed,
    /// Whether it was seen in the segment's network.
    pub network: Network,
    /// Another one was established after it.
    pub is_superseded: bool,
    /// The direction that a SYN has started, and no answer has confirmed.
    pub standing: Standing,
}

impl<E> Copy for Candidate<'_, E> {}

impl<E> Clone for Candidate<'_, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<'a, E> Candidate<'a, E> {
    /// One of which nothing is known.
    pub(super) const UNKNOWN: Self = Self {
        own: None,
        peer: None,
        acknowledged: None,
        pause: 0,
        closed: Closed::No,
        network: Network::Same,
        is_superseded: false,
        standing: Standing::Settled,
    };

    /// A direction by itself, of which nothing else is known.
    pub const fn alone(own: &'a E) -> Self {
        Self {
            own: Some(own),
            ..Self::UNKNOWN
        }
    }
}

/// How much of a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// Neither side, or only the other one.
    No,
    /// The segment's side has sent a FIN.
    Own,
    /// Both sides have sent a FIN, or it was reset.
    Both,
}

/// Where a connection was seen, compared with where a segment was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// In the same network.
    Same,
    /// In another one.
    Other,
    /// In another one, where the very same segment was captured.
    Copied,
    /// In another one, where this segment's bytes were others.
    Differs,
}

/// Whether a connection exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Settled,
    /// It has only a SYN, beside an established connection.
    Unanswered,
    /// Its SYN has the number of a connection in another network, and no data have shown yet
    /// whether it is a copy of it.
    Twin,
}

/// The connection that a segment belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// One of the candidates.
    Existing(usize),
    /// One of the candidates, whose SYN has been replaced by this one.
    Renewed(usize),
    /// One that it starts.
    Next,
    /// One that it starts if it is answered; else it was a stray segment of this candidate.
    Unanswered(usize),
    /// One that it starts, if its data differ from those of this candidate in another network.
    Twin(usize),
}

/// Chooses the connection of a segment with `payload` bytes on the wire. The first candidate is
/// the one that the segment before belonged to; others follow, the newest first.
pub fn choose<E: Extent>(
    candidates: &[Candidate<'_, E>],
    segment: &Segment,
    payload: u32,
) -> Choice {
    if segment.has(Segment::SYN) {
        return of_syn(candidates, segment);
    }
    let is_contested = candidates
        .iter()
        .any(|it| it.standing == Standing::Unanswered);
    let mut best = (Fit::None, 0);
    let mut choice = Choice::Next;
    for (place, candidate) in candidates.iter().enumerate() {
        let fit = candidate.fit(segment, payload, is_contested);
        let rank = (fit, candidate.nearness());
        if fit > Fit::None && rank > best {
            (best, choice) = (rank, Choice::Existing(place));
        }
    }
    choice
}

#[cold]
fn of_syn<E: Extent>(candidates: &[Candidate<'_, E>], segment: &Segment) -> Choice {
    let find = |accepts: &dyn Fn(&Candidate<'_, E>) -> bool| candidates.iter().position(accepts);
    let is_same = |it: &Candidate<'_, E>| it.is_here();
    let has_number = |it: &Candidate<'_, E>| it.initial() == Some(segment.sequence);
    if let Some(place) = find(&|it| is_same(it) && has_number(it) && !it.is_outlived()) {
        return Choice::Existing(place);
    }
    if segment.has(Segment::ACK)
        && let Some(choice) = of_answer(candidates, segment)
    {
        return choice;
    }
    if let Some(place) = find(&|it| is_same(it) && it.accepts_late(segment.sequence)) {
        return Choice::Existing(place);
    }
    if let Some(place) = find(&|it| !is_same(it) && has_number(it) && !it.is_outlived()) {
        return Choice::Twin(place);
    }
    if let Some(place) = awaiting(candidates, segment) {
        return Choice::Existing(place);
    }
    match find(&|it| is_same(it) && it.is_alive()) {
        Some(place) => Choice::Unanswered(place),
        None => Choice::Next,
    }
}

/// The connection that waits for a SYN: the one whose other side has acknowledged the least after
/// it, else the current one.
fn awaiting<E: Extent>(candidates: &[Candidate<'_, E>], segment: &Segment) -> Option<usize> {
    let first = segment.payload_sequence();
    let waiting = candidates.iter().enumerate();
    let waiting = waiting.filter(|(_, it)| it.awaits_first(segment));
    let acknowledged = waiting.filter_map(|(place, it)| {
        let ahead = it.acknowledged?.wrapping_sub(first);
        Some((ahead, place)).filter(|(ahead, _)| *ahead <= NEAR)
    });
    let current = candidates.first().filter(|it| it.awaits_first(segment));
    let nearest = acknowledged.min().map(|(_, place)| place);
    nearest.or_else(|| current.map(|_| 0))
}

/// A SYN with an acknowledgment: that of the SYN it answers.
fn of_answer<E: Extent>(candidates: &[Candidate<'_, E>], segment: &Segment) -> Option<Choice> {
    let mut best = (false, false);
    let mut choice = None;
    for (place, candidate) in candidates.iter().enumerate() {
        let Some(asked) = candidate.peer.and_then(E::initial_sequence) else {
            continue;
        };
        let asked = asked.wrapping_add(1);
        let is_exact = segment.acknowledgment == asked;
        let is_new = candidate.initial().is_none() && !candidate.own.is_some_and(E::has_payload);
        let is_forgotten = is_exact && !candidate.own.is_some_and(E::has_payload);
        if !is_near(segment.acknowledgment, asked)
            || !(is_new || is_forgotten)
            || candidate.is_outlived()
        {
            continue;
        }
        let rank = (is_exact, candidate.is_here());
        if choice.is_none() || rank > best {
            best = rank;
            choice = Some(if is_new {
                Choice::Existing(place)
            } else {
                // A server that forgot its answer gives another one to the same SYN.
                Choice::Renewed(place)
            });
        }
    }
    choice
}

/// How well a segment without SYN fits a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// It is of another one.
    None,
    /// It can be of this one, if there is no other.
    Weak,
    /// Its number is near, but what it acknowledges is not.
    Loose,
    /// It answers or continues an unanswered SYN.
    Answer,
    /// Its numbers are near.
    Near,
    /// Its numbers continue or repeat what was sent.
    Exact,
}

impl<E: Extent> Candidate<'_, E> {
    /// Whether a segment is surely one of its, as it is the current one.
    pub fn continues_exactly(&self, segment: &Segment, payload: u32) -> bool {
        !segment.has(Segment::SYN)
            && self.network == Network::Same
            && self.fit(segment, payload, false) == Fit::Exact
    }

    fn initial(&self) -> Option<u32> {
        self.own.and_then(E::initial_sequence)
    }

    /// Whether it was seen in the segment's network, or has its bytes.
    fn is_here(&self) -> bool {
        matches!(self.network, Network::Same | Network::Copied)
    }

    /// How near the segment's network is to its own.
    const fn nearness(&self) -> u8 {
        match self.network {
            Network::Same => 2,
            Network::Copied => 1,
            Network::Other | Network::Differs => 0,
        }
    }

    /// Whether a SYN with its number is that of another connection.
    fn is_outlived(&self) -> bool {
        let has_payload = |it: Option<&E>| it.is_some_and(E::has_payload);
        let has_payload = has_payload(self.own) || has_payload(self.peer);
        match self.closed {
            // A client tries again what was refused.
            Closed::Both if self.was_refused() => self.pause >= LONG_PAUSE,
            Closed::Both => self.pause > COPIED_WITHIN,
            Closed::No | Closed::Own => has_payload && self.pause >= LONG_PAUSE,
        }
    }

    /// Whether a SYN was refused: its sender has sent no payload, the other side neither SYN nor
    /// payload.
    fn was_refused(&self) -> bool {
        let is_silent = |it: &E| it.initial_sequence().is_none() && !it.has_payload();
        let tries = |it: &E| it.initial_sequence().is_some() && !it.has_payload();
        let both = self.own.zip(self.peer);
        both.is_some_and(|(own, peer)| {
            (tries(own) && is_silent(peer)) || (tries(peer) && is_silent(own))
        })
    }

    /// Whether a SYN beside it may be a stray one.
    fn is_alive(&self) -> bool {
        let is_started = self.initial().is_some() || self.own.is_some_and(E::has_payload);
        is_started
            && self.standing == Standing::Settled
            && self.closed == Closed::No
            && self.pause < LONG_PAUSE
    }

    /// Whether a SYN is that of its direction, whose first segments overtook it.
    fn accepts_late(&self, sequence: u32) -> bool {
        self.own.is_some_and(|own| own.accepts_late_syn(sequence))
    }

    /// Whether a SYN is that of its direction, from which nothing that counts has come yet: there
    /// may be segments without payload, and what the other side acknowledged.
    fn awaits_first(&self, segment: &Segment) -> bool {
        let is_started = self.initial().is_some() || self.own.is_some_and(E::has_payload);
        let asked = self.peer.and_then(E::initial_sequence);
        let first = segment.payload_sequence();
        let seen = [self.own.and_then(E::only_empty), self.acknowledged];
        let mut seen = seen.into_iter().flatten();
        let is_closed = self.closed == Closed::Both;
        if is_started
            || (segment.has(Segment::ACK) && asked.is_some())
            || (is_closed && (self.pause > COPIED_WITHIN || seen.clone().next().is_none()))
        {
            return false;
        }
        match self.standing {
            Standing::Unanswered => self.acknowledged == Some(first),
            Standing::Settled | Standing::Twin => seen.all(|it| is_near(it, first)),
        }
    }

    /// Whether the other direction has sent what a segment acknowledges; `None` if that cannot be
    /// said.
    fn acknowledges(&self, segment: &Segment) -> Option<bool> {
        let peer = self.peer?;
        let sent = peer.sent().filter(|_| segment.has(Segment::ACK))?;
        Some(sent.holds(segment.acknowledgment, before_start(peer), NEAR))
    }

    fn fit(&self, segment: &Segment, payload: u32, is_contested: bool) -> Fit {
        if self.standing == Standing::Unanswered {
            return self.fit_of_unanswered(segment);
        }
        let acknowledges = self.acknowledges(segment);
        let own = self.own.and_then(|own| Some((own, own.sent()?)));
        let Some((own, sent)) = own else {
            return self.fit_by_acknowledgment(segment, acknowledges);
        };
        let past = sent.past(segment.sequence);
        // The FIN counts one.
        let fin = u32::from(self.closed != Closed::No);
        let is_inside = sent.holds(segment.sequence, 1, fin);
        let brings = payload > 0 || segment.has(Segment::FIN);
        match self.network {
            Network::Copied => return Fit::Exact,
            Network::Other | Network::Differs => {
                return self.fit_elsewhere(segment, past, is_inside);
            }
            Network::Same => {}
        }
        if self.closed != Closed::No || self.is_superseded {
            let is_due = !brings || self.pause < LATEST;
            return match (is_inside && acknowledges != Some(false), is_due) {
                // Where the next one has such numbers, too, they are rather of that.
                (true, true) => Fit::Near,
                _ if is_inside && self.pause < PAUSE => Fit::Loose,
                _ if segment.has(Segment::RST) || self.pause < PAUSE => Fit::Weak,
                _ => Fit::None,
            };
        }
        let is_near = past < FAR && (is_inside || self.is_not_before(own, sent, past));
        let is_certain = !is_contested || acknowledges == Some(true);
        match (is_inside, is_near, acknowledges) {
            (true, _, None | Some(true)) => Fit::Exact,
            (false, true, None | Some(true)) if is_certain => Fit::Near,
            (true, _, Some(false)) | (false, true, _) => Fit::Loose,
            (false, false, Some(false)) if self.pause >= LONG_PAUSE => Fit::None,
            _ => Fit::Weak,
        }
    }

    /// A segment in a network where the connection was not seen yet: it must continue what was
    /// sent, or come close where it acknowledges what the other side has just sent.
    fn fit_elsewhere(&self, segment: &Segment, past: i64, is_inside: bool) -> Fit {
        let sent = self.peer.and_then(E::sent);
        let acknowledges = sent
            .filter(|_| segment.has(Segment::ACK))
            .map(|sent| sent.holds(segment.acknowledgment, 1, 1));
        let is_close = is_inside || (0..i64::from(NEAR)).contains(&past);
        match acknowledges {
            _ if past == 0 => Fit::Near,
            Some(true) if is_close && self.network != Network::Differs => Fit::Near,
            _ => Fit::None,
        }
    }

    /// Whether a distance from the end is not before the start, where that is known.
    fn is_not_before(&self, own: &E, sent: Sent, past: i64) -> bool {
        let most_before = if own.initial_sequence().is_some() {
            i64::try_from(sent.len)
                .unwrap_or(i64::MAX)
                .saturating_add(1)
        } else {
            FAR
        };
        past.saturating_neg() <= most_before
    }

    /// Nothing came from the segment's side yet: by what the other side has sent and acknowledged.
    fn fit_by_acknowledgment(&self, segment: &Segment, acknowledges: Option<bool>) -> Fit {
        let is_expected = match self.acknowledged {
            Some(expected) => {
                i64::from(segment.sequence.wrapping_sub(expected).cast_signed()).abs() < FAR
            }
            None => true,
        };
        match acknowledges {
            // Where the next connection fits as well, it is rather of that.
            Some(true) if is_expected && self.closed == Closed::Both => Fit::Loose,
            Some(true) if is_expected => Fit::Near,
            Some(false) if self.closed == Closed::Both || self.pause >= LONG_PAUSE => Fit::None,
            _ => Fit::Weak,
        }
    }

    /// A SYN that was not answered: by what continues or acknowledges it.
    fn fit_of_unanswered(&self, segment: &Segment) -> Fit {
        let first = |it: Option<&E>| {
            it.and_then(E::initial_sequence)
                .map(|it| it.wrapping_add(1))
        };
        let is_after = |first: u32, number: u32| number.wrapping_sub(first) <= NEAR;
        let continues = first(self.own).is_some_and(|it| is_after(it, segment.sequence));
        let answers = segment.has(Segment::ACK)
            && first(self.peer).is_some_and(|it| is_after(it, segment.acknowledgment));
        // Each direction may have a network of its own.
        if answers || (continues && self.network == Network::Same) {
            Fit::Answer
        } else {
            Fit::None
        }
    }
}

/// What may be acknowledged before the first byte that was captured.
fn before_start(extent: &impl Extent) -> u32 {
    match extent.initial_sequence() {
        Some(_) => 1,
        None => NEAR,
    }
}

fn is_near(a: u32, b: u32) -> bool {
    let distance = a.wrapping_sub(b);
    distance.min(distance.wrapping_neg()) <= NEAR
}

/// A direction may have acknowledged this much beyond what was captured.
const NEAR: u32 = 1024 * 1024;
/// Segments of a connection are closer together than this, as a rule.
const FAR: i64 = 64 * 1024 * 1024;
/// A packet that was captured twice comes within this time, in ns.
const COPIED_WITHIN: i64 = 10_000_000;
/// After this time, in ns, other numbers on the ports of a closed connection are another one.
const PAUSE: i64 = 1_000_000_000;
/// After this time, in ns, nothing of a closed connection is sent again: twice the lifetime of a
/// segment (RFC 9293, section 3.4.2).
const LATEST: i64 = 240_000_000_000;
/// After this time, in ns, a connection that was not closed may have been replaced.
const LONG_PAUSE: i64 = 60_000_000_000;

#[cfg(test)]
mod tests;

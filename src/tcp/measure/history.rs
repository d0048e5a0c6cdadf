//! Zeek's words for a connection (<https://docs.zeek.org/en/master/scripts/base/protocols/conn/main.zeek.html>).

use super::ends::{Side, Sides};

/// Zeek's `conn_state`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// A SYN, no answer.
    S0,
    /// Established, not ended.
    S1,
    /// Established and ended by both sides.
    SF,
    /// The SYN was answered with a reset.
    Rej,
    /// Established, and ended by the client alone.
    S2,
    /// Established, and ended by the server alone.
    S3,
    /// Established, and reset by the client.
    RstO,
    /// Reset by the server.
    RstR,
    /// A SYN and a reset of the client, no answer.
    RstOS0,
    /// A SYN-ACK and a reset of the server, no SYN.
    RstRH,
    /// A SYN and a FIN of the client, no answer.
    SH,
    /// A SYN-ACK and a FIN of the server, no SYN.
    ShR,
    /// None of these: captured from its middle on.
    #[default]
    Other,
}

impl State {
    /// As Zeek writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::S0 => "S0",
            Self::S1 => "S1",
            Self::SF => "SF",
            Self::Rej => "REJ",
            Self::S2 => "S2",
            Self::S3 => "S3",
            Self::RstO => "RSTO",
            Self::RstR => "RSTR",
            Self::RstOS0 => "RSTOS0",
            Self::RstRH => "RSTRH",
            Self::SH => "SH",
            Self::ShR => "SHR",
            Self::Other => "OTH",
        }
    }
}

/// How far one side has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum End {
    #[default]
    Inactive,
    SynSent,
    SynAckSent,
    /// Something else than a SYN came first.
    Partial,
    Established,
    Closed,
    Reset,
}

/// The state of both ends, that of the client first.
pub(super) fn state(client: End, server: End, has_payload: bool) -> State {
    let is_inactive = |end| matches!(end, End::Inactive | End::Partial);
    match (client, server) {
        (End::SynSent | End::SynAckSent, End::Reset) => State::Rej,
        (End::Reset, End::Reset) if !has_payload => State::Rej,
        (_, End::Reset) if is_inactive(client) => State::RstRH,
        (_, End::Reset) => State::RstR,
        (End::Reset, _) if is_inactive(server) => State::RstOS0,
        (End::Reset, _) => State::RstO,
        (End::Closed, End::Closed) => State::SF,
        (End::Closed, _) if is_inactive(server) => State::SH,
        (End::Closed, _) => State::S2,
        (_, End::Closed) if is_inactive(client) => State::ShR,
        (_, End::Closed) => State::S3,
        (End::SynSent, End::Inactive) => State::S0,
        (End::Established, End::Established) => State::S1,
        _ => State::Other,
    }
}

/// Zeek's `history`: what came, each letter when it came first, those of the side that opened in capitals;
/// retransmissions, gaps and zero windows again at the tenth, the hundredth and so on.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    /// At most [`MOST_LETTERS`], with the side of each in the top bit.
    letters: Vec<u8>,
    seen: Sides<u16>,
}

impl History {
    const ORDER: &[u8] = b"SHADFRTGWQI";

    /// Notes something that is listed once.
    #[inline]
    pub(super) fn note(&mut self, side: Side, letter: u8) {
        let place = Self::ORDER.iter().position(|it| *it == letter);
        let bit = 1 << place.unwrap_or(0);
        let seen = self.seen.get_mut(side);
        if *seen & bit == 0 {
            *seen |= bit;
            self.push(side, letter);
        }
    }

    /// Notes something that is listed again when it has come ten times as often.
    pub(super) fn count(&mut self, side: Side, letter: u8, times: u64) {
        if times
            .checked_ilog10()
            .is_some_and(|power| times == 10_u64.pow(power))
        {
            self.push(side, letter);
        }
    }

    fn push(&mut self, side: Side, letter: u8) {
        if self.letters.len() < MOST_LETTERS {
            self.letters.push(letter | mark(side));
        }
    }

    /// The text, seen from the client.
    pub(super) fn text(&self, client: Side) -> String {
        let of_client = mark(client);
        let letters = self.letters.iter().map(|it| {
            let letter = char::from(it & 0x7f);
            if it & 0x80 == of_client {
                letter
            } else {
                letter.to_ascii_lowercase()
            }
        });
        letters.collect()
    }
}

/// The bit that says which side a letter is of.
const fn mark(side: Side) -> u8 {
    match side {
        Side::First => 0,
        Side::Second => 0x80,
    }
}

const MOST_LETTERS: usize = 64;

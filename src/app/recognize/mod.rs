//! Protocol recognition by the first bytes of a connection. Ports only decide where the bytes are
//! ambiguous.

mod binary;
mod matching;
mod opening;
mod signature;
mod text;

pub use opening::{Opening, Protocol};

use matching::Match;

/// Result of recognition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recognized {
    /// No known protocol.
    Unknown,
    /// More bytes are needed.
    NotYet,
    /// This protocol, with this side as the client.
    As(Protocol, usize),
}

/// Recognizes the protocol of a connection.
pub fn recognize(opening: &Opening<'_>) -> Recognized {
    let mut is_open = false;
    for signature in &signature::ALL {
        for client in sides(opening) {
            match signature.matches(opening, client) {
                Match::Yes => return Recognized::As(signature.protocol, client),
                Match::Maybe => is_open = true,
                Match::No => {}
            }
        }
    }
    if is_open {
        Recognized::NotYet
    } else {
        Recognized::Unknown
    }
}

/// The sides that may be the client. If both may, the side with the higher port comes first.
fn sides(opening: &Opening<'_>) -> impl Iterator<Item = usize> + use<> {
    let [first, second] = opening.ports;
    let order = match opening.client {
        Some(0) => [Some(0), None],
        Some(_) => [Some(1), None],
        None if second > first => [Some(1), Some(0)],
        None => [Some(0), Some(1)],
    };
    order.into_iter().flatten()
}

#[cfg(test)]
mod tests;

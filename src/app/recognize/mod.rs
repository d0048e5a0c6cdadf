//! Which protocol a connection speaks, by its first bytes. Ports only decide where these leave it
//! open.

mod binary;
mod matching;
mod opening;
mod signature;
mod text;

pub use opening::{Opening, Protocol};

use matching::Match;

/// What the first bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recognized {
    /// Nothing known.
    Unknown,
    /// More bytes are needed.
    NotYet,
    /// This protocol, and which side is the client.
    As(Protocol, usize),
}

/// Recognizes what a connection speaks.
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

/// The sides that may be the client; where both may, that with the greater port comes first.
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

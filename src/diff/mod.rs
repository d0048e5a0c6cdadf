//! Two captures of the same traffic compared: which packets of one are which of the other, and what
//! became of the rest.
//!
//! Nothing here reads a file or asks a clock. A [`Side`] has the packets of each capture, reduced to
//! what they are recognised by ([`Packet`]); [`Frames`] gives the bytes of those that must be looked
//! at once more. [`compare`] does this:
//!
//! 1. Conversations are paired: those between the same endpoints, then by marks that address
//!    translation leaves alone (`pairing`), with sequence numbers that may be moved (`shift`).
//! 2. Packets that are recognised without doubt tell on which side of the path each address is
//!    (`sides`), and how both clocks go (`clock`).
//! 3. The packets of each pair of conversations are paired, each direction by itself (`lane`): those
//!    that are equal, of several the ones whose times fit best (`assign`); those of which one capture
//!    has less; bytes that are in other segments (`streams`, `cuts`); those that were changed
//!    (`changed`). Fragments follow (`parts`).
//! 4. Classes follow from the links between packets and from what is around them (`judge`), then what
//!    was reordered (`order`) and late (`delays`).
//!
//! Results depend neither on the number of threads nor on hashes: lists are in capture order, and
//! of equal choices the first is taken.

mod assign;
mod changed;
mod class;
mod clock;
mod comparison;
mod contents;
mod cuts;
mod delays;
mod expect;
mod frames;
mod judge;
mod lane;
mod matching;
mod options;
mod order;
mod packet;
mod pairing;
mod parts;
mod shift;
mod side;
mod sides;
mod streams;

pub use class::{Changes, Class, Extent, Link, Way};
pub use clock::Clock;
pub use comparison::{Comparison, Delays, Fate};
pub use contents::{changes, detail};
pub use frames::{Frame, Frames, Pair};
pub use judge::compare;
pub use options::{Options, Scope};
pub use packet::{LinkTypes, Packet, icmp_conversation};
pub use pairing::Paired;
pub use side::{Both, Conversation, Point, Side};

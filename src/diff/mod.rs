//! Comparison of two captures of the same traffic: which packets correspond, and what happened to
//! the rest.
//!
//! Nothing here reads files or clocks. A [`Side`] has the packets of a capture, reduced to what
//! identifies them ([`Packet`]). [`Frames`] rereads the bytes of those that need a closer look.
//! [`compare`] works in four steps:
//!
//! 1. Conversations are paired: first by equal endpoints, then by marks that address translation
//!    leaves alone (`pairing`), with sequence numbers that may be shifted (`shift`).
//! 2. Packets recognized without doubt reveal the side of each address (`sides`) and the relation
//!    of the clocks (`clock`).
//! 3. The packets of each pair of conversations are paired, each direction by itself (`lane`):
//!    equal ones, where several candidates are assigned by time (`assign`); truncated ones; bytes
//!    in different segments (`streams`, `cuts`); changed ones (`changed`). Fragments follow
//!    (`parts`).
//! 4. Classes follow from the links between packets and from their surroundings (`judge`), then
//!    packets are marked as reordered (`order`) and late (`delays`).
//!
//! Results depend neither on the number of threads nor on hashes: lists are in capture order, and
//! among equal choices the first is taken.

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

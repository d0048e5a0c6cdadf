//! Compressed captures in any of the common formats, which are known by their magic.
//!
//! All of these formats allow several complete members, one after the other (as `cat`, `pigz`,
//! `bgzip`, `pzstd` and `xz` with several files write them), so that one mechanism does for all:
//! the bytes of a member, then those of the next. Memory is bounded by the formats' own windows,
//! however much a member claims to hold.
//!
//! Where the headers of members give their lengths (BGZF, zstd), several are unpacked at a time
//! ([`ahead`]), and readers of any place skip parts ([`content`]).

mod ahead;
mod batch;
mod bounds;
mod content;
mod magic;
mod member;
mod packed;
#[cfg(test)]
mod tests;
mod unpacker;

pub use content::Content;
pub(super) use magic::Compression;
pub(super) use unpacker::{unpacked, unpacked_in_turn};

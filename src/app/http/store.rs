//! Storage of whole bodies, by the program that uses the parser.

use std::fmt::Debug;

/// Stores decoded bodies.
pub trait BodyStore: Debug + Send + Sync {
    /// A new body. It has at least one byte.
    fn start(&self) -> Box<dyn StoredBody>;
}

/// A body being stored. Dropped before it is finished, it is incomplete.
pub trait StoredBody: Debug + Send {
    /// Adds the next bytes.
    fn add(&mut self, bytes: &[u8]);

    /// Completes the body, whose SHA-256 is given. Returns whether it is stored.
    fn finish(self: Box<Self>, sha256: &[u8; 32]) -> bool;
}

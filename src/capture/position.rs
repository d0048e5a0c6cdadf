//! Places in the inputs of a run.

/// A byte in the inputs of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Ordinal of the input, from 0.
    pub input: usize,
    /// Offset in the input (of a compressed one, in its content), in bytes.
    pub offset: u64,
}

//! Runs of payload.

/// A run of payload, wherever its bytes are. There is no empty one.
#[expect(clippy::len_without_is_empty, reason = "no piece is empty")]
pub trait Piece: Clone {
    /// How many bytes, more than zero.
    fn len(&self) -> u32;
    /// Some of its bytes.
    fn part(&self, from: u32, to: u32) -> Self;
    /// Bytes that were sent but not captured.
    fn lost(len: u32) -> Self;
    /// Whether it stands for bytes that were not captured.
    fn is_lost(&self) -> bool;
    /// Notes that it came before its turn.
    fn set_waited(&mut self);
}

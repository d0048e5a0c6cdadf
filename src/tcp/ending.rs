//! What a direction misses, and how it ended.

/// A stretch of a stream that was not captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Where it starts in the stream as the application sent it, in bytes.
    pub offset: u64,
    /// How many bytes are missing.
    pub len: u64,
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// The sender closed it; `fin`.
    Fin,
    /// The connection was reset; `rst`.
    Rst,
    /// It did not end in the capture; `open`.
    Open,
}

impl StreamEnd {
    /// As the manifest has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fin => "fin",
            Self::Rst => "rst",
            Self::Open => "open",
        }
    }
}

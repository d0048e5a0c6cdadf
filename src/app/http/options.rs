//! What of messages is kept.

/// What of messages is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpOptions {
    /// The most bytes of a body that are kept, without transfer and content coding.
    pub body_limit: usize,
    /// Whether bodies are hashed.
    pub hash: bool,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            body_limit: 16 * 1024,
            hash: false,
        }
    }
}

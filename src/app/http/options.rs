//! Options of the HTTP parser.

/// Limits on kept message content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpOptions {
    /// Bytes kept of a decoded body.
    pub body_limit: usize,
    /// Whether to hash bodies.
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

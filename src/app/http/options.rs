//! Options of the HTTP parser.

use super::store::BodyStore;
use std::sync::Arc;

/// What is kept of bodies.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// Bytes kept of a decoded body.
    pub body_limit: usize,
    /// Whether to hash bodies.
    pub hash: bool,
    /// Where whole bodies are stored.
    pub store: Option<Arc<dyn BodyStore>>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            body_limit: 16 * 1024,
            hash: false,
            store: None,
        }
    }
}

//! HTTP/1.0 and 1.1 (RFC 9112): requests with their responses.

mod body;
mod chunked;
mod coding;
mod half;
mod head;
mod login;
mod parser;

pub use body::Body;
pub use head::{Headers, Request, Response};
pub(crate) use head::{starts_request, starts_response};
pub use parser::HttpParser;

/// A request, and the response to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Http {
    /// Its ordinal on the connection, from 1.
    pub depth: u64,
    /// What was requested; `None` where that was not captured.
    pub request: Option<Request>,
    /// The final response; `None` where there is none, or it was not captured.
    pub response: Option<Response>,
    /// Status codes of responses before the final one.
    pub info_status: Vec<u16>,
}

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

#[cfg(test)]
mod tests;

//! HTTP/1.0 and 1.1 (RFC 9112): requests with their responses.

mod body;
mod chunked;
mod coding;
mod exchanges;
mod half;
mod head;
mod login;
mod options;
mod parser;
pub(in crate::app) mod record;
mod store;

pub(crate) use head::{starts_request, starts_response};
pub use options::HttpOptions;
pub use parser::HttpParser;
pub use record::{Body, Headers, Http, Request, Response};
pub use store::{BodyStore, StoredBody};

#[cfg(test)]
mod tests;

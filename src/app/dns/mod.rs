//! DNS messages (RFC 1035), including multicast DNS (RFC 6762) and LLMNR (RFC 4795).

mod message;
mod queries;
mod rdata;
pub(in crate::app) mod record;
mod stream;

pub use message::{is_plausible, message};
pub use queries::Queries;
pub use record::{Dns, Edns, Header, Kind, Question, Record};
pub use stream::DnsStream;

#[cfg(test)]
mod tests;

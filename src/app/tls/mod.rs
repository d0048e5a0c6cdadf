//! Handshakes of TLS (RFC 8446, RFC 5246), as far as they are not encrypted.

mod bytes;
mod certificate;
mod fingerprint;
mod hello;
mod messages;
mod parser;

pub use certificate::Certificate;
pub use fingerprint::Carrier;
pub use hello::{ClientHello, ServerHello};
pub use parser::TlsParser;

pub(crate) use bytes::Bytes;

/// A handshake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// What the client offers; `None` where that was not captured.
    pub client: Option<ClientHello>,
    /// What the server chooses.
    pub server: Option<ServerHello>,
    /// The server asked for another hello first.
    pub hello_retry: bool,
    /// The first alert that was not encrypted.
    pub alert: Option<u8>,
    /// The server's certificates, its own first.
    pub certificates: Vec<Certificate>,
}

impl Tls {
    /// Whether the handshake continues an earlier session: with a key that the client offered, or
    /// under the session id that it named.
    pub fn is_resumed(&self) -> bool {
        let Some(server) = &self.server else {
            return false;
        };
        let client = self.client.as_ref();
        let id = client
            .map(|it| it.session_id.as_slice())
            .unwrap_or_default();
        let is_same_id = !id.is_empty() && id == server.session_id && self.certificates.is_empty();
        server.has_key || is_same_id && server.version() < 0x0304
    }
}

#[cfg(test)]
mod tests;

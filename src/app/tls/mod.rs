//! TLS handshakes (RFC 8446, RFC 5246), where they are not encrypted.

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

/// A TLS handshake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// The client's hello; `None` if it was not captured.
    pub client: Option<ClientHello>,
    /// The server's hello.
    pub server: Option<ServerHello>,
    /// Whether the server first requested another hello.
    pub hello_retry: bool,
    /// The first unencrypted alert.
    pub alert: Option<u8>,
    /// The server's certificate chain, its own certificate first.
    pub certificates: Vec<Certificate>,
}

impl Tls {
    /// Whether the handshake resumes a session, by a key offered by the client, or by its session
    /// ID.
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

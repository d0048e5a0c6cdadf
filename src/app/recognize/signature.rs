//! Signatures, and which sides they require.

use super::matching::Match;
use super::opening::{Opening, Protocol};
use super::{binary, text};

/// Signature of a protocol.
pub(super) struct Signature {
    pub(super) protocol: Protocol,
    /// Matches bytes of the client.
    client: fn(&[u8]) -> Match,
    server: fn(&[u8]) -> Match,
    needs: Needs,
    /// Ports on which one side suffices.
    ports: &'static [u16],
}

/// The side whose bytes decide.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// Either side.
    Either,
    /// The client.
    Client,
    /// The server; the client if the server's bytes are missing.
    Server,
    /// Both sides; either one on a usual port.
    Both,
}

impl Signature {
    /// Whether the connection matches, with `client` as the client's side.
    pub(super) fn matches(&self, opening: &Opening<'_>, client: usize) -> Match {
        let side = |at: usize| opening.bytes.get(at).copied().unwrap_or_default();
        let port = opening.ports.get(1 - client.min(1)).copied();
        let is_usual = port.is_some_and(|it| self.ports.contains(&it));
        let client_says = match side(client) {
            [] => Match::Maybe,
            bytes => (self.client)(bytes),
        };
        let server_says = match side(1 - client.min(1)) {
            [] => Match::Maybe,
            bytes => (self.server)(bytes),
        };
        match (self.needs, client_says, server_says) {
            (Needs::Either, Match::Yes, _) | (Needs::Either, _, Match::Yes) => Match::Yes,
            (Needs::Client, Match::Yes, _) | (Needs::Server, _, Match::Yes) => Match::Yes,
            (Needs::Both, Match::Yes, Match::Yes) => Match::Yes,
            (_, Match::No, _) | (_, _, Match::No) => Match::No,
            (Needs::Server | Needs::Both, Match::Yes, _) | (Needs::Both, _, Match::Yes)
                if is_usual =>
            {
                Match::Yes
            }
            _ => Match::Maybe,
        }
    }
}

/// All signatures, in the order in which they are tried.
pub(super) const ALL: [Signature; 14] = [
    either(Protocol::Http, text::http_request, text::http_response),
    either(Protocol::Tls, binary::client_hello, binary::server_hello),
    either(Protocol::Ssh, text::ssh, text::ssh_server),
    of(
        Protocol::Rdp,
        binary::rdp_request,
        binary::rdp_response,
        Needs::Client,
        &[],
    ),
    of(
        Protocol::Mysql,
        binary::mysql_client,
        binary::mysql_server,
        Needs::Server,
        &[3306],
    ),
    of(
        Protocol::Pgsql,
        binary::pgsql_client,
        binary::pgsql_server,
        Needs::Client,
        &[],
    ),
    of(
        Protocol::Smtp,
        text::smtp_client,
        text::smtp_server,
        Needs::Both,
        &[25, 465, 587],
    ),
    of(
        Protocol::Ftp,
        text::ftp_client,
        text::ftp_server,
        Needs::Both,
        &[21],
    ),
    of(
        Protocol::Pop3,
        text::pop3_client,
        text::pop3_server,
        Needs::Both,
        &[110],
    ),
    of(
        Protocol::Imap,
        text::imap_client,
        text::imap_server,
        Needs::Server,
        &[143],
    ),
    of(
        Protocol::Redis,
        text::redis_client,
        text::redis_server,
        Needs::Both,
        &[6379],
    ),
    either(
        Protocol::Mongodb,
        binary::mongodb_request,
        binary::mongodb_reply,
    ),
    of(
        Protocol::Socks,
        binary::socks_client,
        binary::socks_server,
        Needs::Both,
        &[],
    ),
    of(Protocol::Dns, binary::dns, binary::dns, Needs::Both, &[53]),
];

const fn either(
    protocol: Protocol,
    client: fn(&[u8]) -> Match,
    server: fn(&[u8]) -> Match,
) -> Signature {
    of(protocol, client, server, Needs::Either, &[])
}

const fn of(
    protocol: Protocol,
    client: fn(&[u8]) -> Match,
    server: fn(&[u8]) -> Match,
    needs: Needs,
    ports: &'static [u16],
) -> Signature {
    Signature {
        protocol,
        client,
        server,
        needs,
        ports,
    }
}

//! Records with their connections.

use crate::app::{Content, Found};
use crate::flow::NetworkKey;

/// Record types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Http,
    Dns,
    Login,
    Tls,
    Ssh,
    Rdp,
    Smtp,
    Ftp,
}

impl Kind {
    pub(super) const ALL: [Self; 8] = [
        Self::Http,
        Self::Dns,
        Self::Login,
        Self::Tls,
        Self::Ssh,
        Self::Rdp,
        Self::Smtp,
        Self::Ftp,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Dns => "dns",
            Self::Login => "login",
            Self::Tls => "tls",
            Self::Ssh => "ssh",
            Self::Rdp => "rdp",
            Self::Smtp => "smtp",
            Self::Ftp => "ftp",
        }
    }

    pub(super) const fn of(content: &Content) -> Self {
        match content {
            Content::Http(_) => Self::Http,
            Content::Dns(_) => Self::Dns,
            Content::Tls(_) => Self::Tls,
            Content::Ssh(_) => Self::Ssh,
            Content::Rdp(_) => Self::Rdp,
            Content::Login(_) => Self::Login,
            Content::Mail(_) => Self::Smtp,
            Content::Transfer(_) => Self::Ftp,
        }
    }
}

/// Transport of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Transport {
    #[default]
    Tcp,
    Udp,
    Quic,
}

impl Transport {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Quic => "quic",
        }
    }
}

/// A record with its connection.
#[derive(Debug)]
pub(super) struct Entry {
    /// The packet that completed the record, or ended the wait for more of it.
    pub(super) completed: u64,
    /// Flows of the shard, from the source to the destination and back, if already seen.
    pub(super) flows: [Option<u32>; 2],
    /// Addresses and ports. The source is the client or the sender.
    pub(super) network: NetworkKey,
    pub(super) transport: Transport,
    /// For TLS after STARTTLS, the service that was upgraded.
    pub(super) within: Option<&'static str>,
    pub(super) found: Found,
}

impl Entry {
    pub(super) const fn kind(&self) -> Kind {
        Kind::of(&self.found.content)
    }
}

//! Records, before it is known whose they are.

use super::dns::record::Dns;
use super::http::record::Http;
use super::login::Login;
use super::mail::Mail;
pub use super::moment::{Moment, Span};
use super::rdp::record::Rdp;
use super::ssh::record::Ssh;
use super::tls::Tls;
use super::transfer::Transfer;

/// A record.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Its packets.
    pub span: Span,
    /// Why it is less than whole.
    pub notes: Notes,
    /// What was said.
    pub content: Content,
}

/// What was said.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Content {
    /// An HTTP request with its response.
    Http(Box<Http>),
    /// A DNS message.
    Dns(Box<Dns>),
    /// A handshake of TLS.
    Tls(Box<Tls>),
    /// A handshake of SSH.
    Ssh(Box<Ssh>),
    /// A connection request of RDP.
    Rdp(Box<Rdp>),
    /// An attempt to log in.
    Login(Box<Login>),
    /// A message sent by SMTP.
    Mail(Box<Mail>),
    /// An FTP command with a data connection.
    Transfer(Box<Transfer>),
}

/// A reason for which a record is less than whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Note {
    /// Bytes of it were not captured.
    Gap = 1 << 0,
    /// The connection had begun before the capture.
    Midstream = 1 << 1,
    /// An answer whose request was not captured.
    NoRequest = 1 << 2,
    /// A request whose answer was not captured.
    NoResponse = 1 << 3,
    /// The connection, or the capture, ended within it.
    Truncated = 1 << 4,
    /// Its body is longer than what is kept of it.
    BodyTruncated = 1 << 5,
    /// A limit of the parser was reached.
    Limit = 1 << 6,
    /// It is not as its protocol says.
    Malformed = 1 << 7,
    /// Bytes of it were captured twice, and differ.
    Conflict = 1 << 8,
    /// The first one after a gap at which the parser found its place again.
    Resync = 1 << 9,
}

impl Note {
    /// All, in the order in which they are written.
    pub const ALL: [Self; 10] = [
        Self::Gap,
        Self::Midstream,
        Self::NoRequest,
        Self::NoResponse,
        Self::Truncated,
        Self::BodyTruncated,
        Self::Limit,
        Self::Malformed,
        Self::Conflict,
        Self::Resync,
    ];

    /// Its name in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gap => "gap",
            Self::Midstream => "midstream",
            Self::NoRequest => "no_request",
            Self::NoResponse => "no_response",
            Self::Truncated => "truncated",
            Self::BodyTruncated => "body_truncated",
            Self::Limit => "limit",
            Self::Malformed => "malformed",
            Self::Conflict => "conflict",
            Self::Resync => "resync",
        }
    }
}

/// Reasons for which a record is less than whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notes(u16);

impl Notes {
    /// None of them.
    pub const fn none() -> Self {
        Self(0)
    }

    /// These and one more.
    #[must_use]
    pub const fn with(self, note: Note) -> Self {
        Self(self.0 | note as u16)
    }

    /// Adds one.
    pub const fn add(&mut self, note: Note) {
        *self = self.with(note);
    }

    /// Whether it is one of them.
    pub const fn has(self, note: Note) -> bool {
        self.0 & note as u16 != 0
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Them, in the order in which they are written.
    pub fn iter(self) -> impl Iterator<Item = Note> {
        Note::ALL.into_iter().filter(move |it| self.has(*it))
    }
}

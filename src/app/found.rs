//! Records found by parsers, not yet assigned to a connection.

use super::dns::record::Dns;
use super::http::record::Http;
use super::login::Login;
use super::mail::Mail;
pub use super::moment::{Moment, Span};
use super::rdp::record::Rdp;
use super::ssh::record::Ssh;
use super::tls::Tls;
use super::transfer::Transfer;

/// A record found by a parser.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The packets of the record.
    pub span: Span,
    /// Reasons why the record is incomplete.
    pub notes: Notes,
    /// The protocol's part of the record.
    pub content: Content,
}

/// The protocol's part of a record.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Content {
    /// An HTTP request with its response.
    Http(Box<Http>),
    /// A DNS message.
    Dns(Box<Dns>),
    /// A TLS handshake.
    Tls(Box<Tls>),
    /// An SSH handshake.
    Ssh(Box<Ssh>),
    /// An RDP connection request.
    Rdp(Box<Rdp>),
    /// A login attempt.
    Login(Box<Login>),
    /// A mail sent by SMTP.
    Mail(Box<Mail>),
    /// An FTP command with a data connection.
    Transfer(Box<Transfer>),
}

/// A reason why a record is incomplete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Note {
    /// Bytes of the record were not captured.
    Gap = 1 << 0,
    /// The connection began before the capture.
    Midstream = 1 << 1,
    /// A response whose request was not captured.
    NoRequest = 1 << 2,
    /// A request whose response was not captured.
    NoResponse = 1 << 3,
    /// The connection or the capture ended within the record.
    Truncated = 1 << 4,
    /// Only part of the body is kept.
    BodyTruncated = 1 << 5,
    /// The record hit a limit of the parser.
    Limit = 1 << 6,
    /// The protocol was violated.
    Malformed = 1 << 7,
    /// Bytes of the record were captured twice, with different values.
    Conflict = 1 << 8,
    /// The first record after a gap at which the parser resynchronized.
    Resync = 1 << 9,
}

impl Note {
    /// All notes, in output order.
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

    /// The name used in records.
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

/// A set of notes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notes(u16);

impl Notes {
    /// The empty set.
    pub const fn none() -> Self {
        Self(0)
    }

    /// The set with one note added.
    #[must_use]
    pub const fn with(self, note: Note) -> Self {
        Self(self.0 | note as u16)
    }

    /// Adds a note.
    pub const fn add(&mut self, note: Note) {
        *self = self.with(note);
    }

    /// Whether the set contains a note.
    pub const fn has(self, note: Note) -> bool {
        self.0 & note as u16 != 0
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The notes, in output order.
    pub fn iter(self) -> impl Iterator<Item = Note> {
        Note::ALL.into_iter().filter(move |it| self.has(*it))
    }
}

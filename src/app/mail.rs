//! The record of a message sent by SMTP.

/// A message that was sent, or whose sending was refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mail {
    /// What the client calls itself.
    pub helo: Option<Vec<u8>>,
    /// The sender's address; empty of a message that must not be answered.
    pub from: Option<Vec<u8>>,
    /// The addresses of the recipients, refused ones too.
    pub to: Vec<Vec<u8>>,
    /// The subject, decoded (RFC 2047).
    pub subject: Option<Vec<u8>>,
    /// The Message-ID field.
    pub message_id: Option<Vec<u8>>,
    /// The Date field.
    pub date: Option<Vec<u8>>,
    /// The length of header and body in bytes, without what SMTP adds; `None` if neither was sent.
    pub size: Option<u64>,
    /// The server's code for the message, or for the command that ended it: `250`, `553`.
    pub code: Option<String>,
    /// The server's words.
    pub message: Option<Vec<u8>>,
}

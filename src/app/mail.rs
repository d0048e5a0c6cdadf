//! Records of mails sent by SMTP.

/// A mail that was sent or refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mail {
    /// The client's name in its greeting.
    pub helo: Option<Vec<u8>>,
    /// The sender's address; empty for a bounce.
    pub from: Option<Vec<u8>>,
    /// The recipients' addresses, including refused ones.
    pub to: Vec<Vec<u8>>,
    /// The subject, decoded (RFC 2047).
    pub subject: Option<Vec<u8>>,
    /// The Message-ID field.
    pub message_id: Option<Vec<u8>>,
    /// The Date field.
    pub date: Option<Vec<u8>>,
    /// Length of header and body in bytes, without dot stuffing; `None` if neither was sent.
    pub size: Option<u64>,
    /// The server's code for the mail, or for the command that ended it: `250`, `553`.
    pub code: Option<String>,
    /// The text of the server's reply.
    pub message: Option<Vec<u8>>,
}

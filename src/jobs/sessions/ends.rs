//! Begin and end of conversations.

/// Role of a side, according to the SYNs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Role {
    /// The SYN was not captured.
    #[default]
    Unknown,
    Client,
    Server,
}

/// State of a conversation after a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    Not,
    /// Both sides have closed.
    Closed,
    /// No record can follow.
    Over,
    /// The protocol is not supported.
    Unknown,
}

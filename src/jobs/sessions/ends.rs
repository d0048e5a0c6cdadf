//! How conversations begin and end.

/// What SYNs say of a side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Role {
    /// It was not captured.
    #[default]
    Unknown,
    Client,
    Server,
}

/// Whether a conversation is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    Not,
    /// Both sides have said so.
    Closed,
    /// No record can follow.
    Over,
    /// It speaks nothing that is read.
    Unknown,
}

//! The record of a transaction.

/// A request, and the response to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Http {
    /// Its ordinal on the connection, from 1.
    pub depth: u64,
    /// What was requested; `None` where that was not captured.
    pub request: Option<Request>,
    /// The final response; `None` where there is none, or it was not captured.
    pub response: Option<Response>,
    /// Status codes of responses before the final one.
    pub info_status: Vec<u16>,
}

/// Fields of a head, in order: names in lower case, and values without spaces around them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(pub Vec<(Vec<u8>, Vec<u8>)>);

impl Headers {
    /// The values of the fields with a name, which is given in lower case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let same = self.0.iter().filter(move |(own, _)| own == name.as_bytes());
        same.map(|(_, value)| value.as_slice())
    }

    /// The value of the first field with a name, which is given in lower case.
    pub fn first<'a>(&'a self, name: &'a str) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    /// The items of comma-separated lists in all fields with a name.
    pub fn items<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let items = self.all(name).flat_map(|it| it.split(|&byte| byte == b','));
        items.map(<[u8]>::trim_ascii).filter(|it| !it.is_empty())
    }
}

/// A request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Its method.
    pub method: Vec<u8>,
    /// Its target, as it was sent.
    pub uri: Vec<u8>,
    /// `1.1`.
    pub version: Vec<u8>,
    /// Its fields.
    pub headers: Headers,
    /// Its content.
    pub body: Body,
}

/// A response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// `1.1`.
    pub version: Vec<u8>,
    /// Three digits.
    pub status: u16,
    /// What follows the status.
    pub reason: Vec<u8>,
    /// Its fields.
    pub headers: Headers,
    /// Its content.
    pub body: Body,
}

/// The content of a message, without transfer and content coding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    /// How it begins.
    pub kept: Vec<u8>,
    /// The length of the whole.
    pub bytes: u64,
    /// The hash of the whole, if that was asked for, and all of it was captured.
    pub sha256: Option<[u8; 32]>,
    /// Its content codings, as the message names them.
    pub coding: Option<Vec<u8>>,
}

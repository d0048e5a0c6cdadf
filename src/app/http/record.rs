//! Records of HTTP exchanges.

/// A request and its response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Http {
    /// Ordinal on the connection, from 1.
    pub depth: u64,
    /// The request; `None` if it was not captured.
    pub request: Option<Request>,
    /// The final response; `None` if there is none, or it was not captured.
    pub response: Option<Response>,
    /// Status codes of interim responses.
    pub info_status: Vec<u16>,
}

/// Fields of a head, in order: lowercase names, and values without surrounding spaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(pub Vec<(Vec<u8>, Vec<u8>)>);

impl Headers {
    /// The values of all fields of a name, given in lower case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let same = self.0.iter().filter(move |(own, _)| own == name.as_bytes());
        same.map(|(_, value)| value.as_slice())
    }

    /// The value of the first field of a name, given in lower case.
    pub fn first<'a>(&'a self, name: &'a str) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    /// The list items of all fields of a name, given in lower case.
    pub fn items<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let items = self.all(name).flat_map(|it| it.split(|&byte| byte == b','));
        items.map(<[u8]>::trim_ascii).filter(|it| !it.is_empty())
    }
}

/// A request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: Vec<u8>,
    /// The target, as sent.
    pub uri: Vec<u8>,
    /// The version: `1.1`.
    pub version: Vec<u8>,
    /// The fields.
    pub headers: Headers,
    /// The body.
    pub body: Body,
}

/// A response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The version: `1.1`.
    pub version: Vec<u8>,
    /// The status code.
    pub status: u16,
    /// The reason phrase.
    pub reason: Vec<u8>,
    /// The fields.
    pub headers: Headers,
    /// The body.
    pub body: Body,
}

/// A message body, without transfer and content coding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    /// The start of the body, up to the limit.
    pub kept: Vec<u8>,
    /// Length of the whole body, in bytes.
    pub bytes: u64,
    /// Hash of the whole body, if requested and entirely captured.
    pub sha256: Option<[u8; 32]>,
    /// Whether the whole body is stored.
    pub is_stored: bool,
    /// The content codings, as named by the message.
    pub coding: Option<Vec<u8>>,
}

//! Client and server hellos.

use super::Bytes;

/// A ClientHello (RFC 8446, section 4.1.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientHello {
    /// The version field of older protocol versions.
    pub legacy_version: u16,
    /// The session to resume.
    pub session_id: Vec<u8>,
    /// Cipher suites.
    pub ciphers: Vec<u16>,
    /// Extension types, in order.
    pub extensions: Vec<u16>,
    /// The requested server name (RFC 6066).
    pub server_name: Option<Vec<u8>>,
    /// Offered application protocols (RFC 7301).
    pub alpn: Vec<Vec<u8>>,
    /// Supported versions, if listed.
    pub versions: Vec<u16>,
    /// Key exchange groups.
    pub groups: Vec<u16>,
    /// Point formats (RFC 8422).
    pub point_formats: Vec<u8>,
    /// Signature algorithms.
    pub signatures: Vec<u16>,
    /// Whether the hello is in SSL 2 format.
    pub is_old: bool,
}

/// A ServerHello (section 4.1.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerHello {
    /// The version field of older protocol versions.
    pub legacy_version: u16,
    /// The resumed session, or the one named by the client.
    pub session_id: Vec<u8>,
    /// The cipher suite.
    pub cipher: u16,
    /// Extension types, in order.
    pub extensions: Vec<u16>,
    /// The version, if given by an extension.
    pub selected_version: Option<u16>,
    /// The selected application protocol.
    pub alpn: Option<Vec<u8>>,
    /// Whether a key of an earlier session is used.
    pub has_key: bool,
    /// Whether this is a HelloRetryRequest.
    pub is_retry: bool,
}

impl ServerHello {
    /// The negotiated version.
    pub fn version(&self) -> u16 {
        self.selected_version.unwrap_or(self.legacy_version)
    }

    /// Parses the body of a message.
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(body);
        let legacy_version = bytes.u16()?;
        let random = bytes.take(32)?;
        let mut hello = Self {
            legacy_version,
            session_id: bytes.short()?.to_vec(),
            cipher: bytes.u16()?,
            is_retry: random == RETRY,
            ..Self::default()
        };
        bytes.u8()?;
        let mut extensions = Bytes(bytes.long().unwrap_or_default());
        while let Some((kind, data)) = extension(&mut extensions) {
            hello.extensions.push(kind);
            let mut data = Bytes(data);
            match kind {
                ALPN => hello.alpn = names(&mut data).into_iter().next(),
                VERSIONS => hello.selected_version = data.u16(),
                PRE_SHARED_KEY => hello.has_key = true,
                _ => {}
            }
        }
        Some(hello)
    }
}

impl ClientHello {
    /// Parses the body of a message.
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(body);
        let legacy_version = bytes.u16()?;
        bytes.take(32)?;
        let mut hello = Self {
            legacy_version,
            session_id: bytes.short()?.to_vec(),
            ciphers: Bytes(bytes.long()?).numbers(),
            ..Self::default()
        };
        bytes.short()?;
        let mut extensions = Bytes(bytes.long().unwrap_or_default());
        while let Some((kind, data)) = extension(&mut extensions) {
            hello.extensions.push(kind);
            hello.extend(kind, Bytes(data));
        }
        Some(hello)
    }

    fn extend(&mut self, kind: u16, mut data: Bytes<'_>) {
        match kind {
            SERVER_NAME => self.server_name = server_name(data),
            ALPN => self.alpn = names(&mut data),
            VERSIONS => self.versions = Bytes(data.short().unwrap_or_default()).numbers(),
            GROUPS => self.groups = Bytes(data.long().unwrap_or_default()).numbers(),
            POINT_FORMATS => self.point_formats = data.short().unwrap_or_default().to_vec(),
            SIGNATURES => self.signatures = Bytes(data.long().unwrap_or_default()).numbers(),
            _ => {}
        }
    }

    /// Parses a hello in SSL 2 format (RFC 5246, appendix E.2), without its length.
    pub(crate) fn parse_old(body: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(body);
        if bytes.u8()? != 1 {
            return None;
        }
        let legacy_version = bytes.u16()?;
        let ciphers = usize::from(bytes.u16()?);
        bytes.take(4)?;
        let ciphers = bytes.take(ciphers)?.as_chunks::<3>().0.iter();
        let ciphers = ciphers.filter(|it| it.first() == Some(&0));
        Some(Self {
            legacy_version,
            ciphers: ciphers
                .map(|[_, high, low]| u16::from_be_bytes([*high, *low]))
                .collect(),
            is_old: true,
            ..Self::default()
        })
    }
}

fn extension<'a>(bytes: &mut Bytes<'a>) -> Option<(u16, &'a [u8])> {
    Some((bytes.u16()?, bytes.long()?))
}

fn server_name(mut data: Bytes<'_>) -> Option<Vec<u8>> {
    let mut names = Bytes(data.long()?);
    loop {
        let (kind, name) = (names.u8()?, names.long()?);
        if kind == 0 {
            return Some(name.to_vec());
        }
    }
}

/// Protocol names.
fn names(data: &mut Bytes<'_>) -> Vec<Vec<u8>> {
    let mut list = Bytes(data.long().unwrap_or_default());
    let mut names = Vec::new();
    while let Some(name) = list.short() {
        names.push(name.to_vec());
    }
    names
}

/// Extension types (<https://www.iana.org/assignments/tls-extensiontype-values>).
pub(super) const SERVER_NAME: u16 = 0;
const GROUPS: u16 = 10;
const POINT_FORMATS: u16 = 11;
const SIGNATURES: u16 = 13;
pub(super) const ALPN: u16 = 16;
const PRE_SHARED_KEY: u16 = 41;
const VERSIONS: u16 = 43;
/// The random value of a HelloRetryRequest (RFC 8446, section 4.1.3).
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

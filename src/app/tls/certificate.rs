//! Server certificates (RFC 5280).

use super::Bytes;
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// A certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificate {
    /// Hash of the whole certificate.
    pub sha256: [u8; 32],
    /// The subject; `None` if the certificate cannot be parsed.
    pub subject: Option<String>,
    /// The issuer.
    pub issuer: Option<String>,
    /// Start and end of validity, in seconds since 1970.
    pub validity: Option<[i64; 2]>,
    /// The subject alternative names.
    pub names: Vec<String>,
}

impl Certificate {
    fn parse(der: &[u8]) -> Self {
        let unread = Self {
            sha256: Sha256::digest(der).into(),
            ..Self::default()
        };
        let Ok((_, read)) = X509Certificate::from_der(der) else {
            return unread;
        };
        let validity = read.validity();
        let names = read.subject_alternative_name().ok().flatten();
        let names = names.map(|it| it.value.general_names.as_slice());
        Self {
            subject: Some(read.subject().to_string()),
            issuer: Some(read.issuer().to_string()),
            validity: Some([
                validity.not_before.timestamp(),
                validity.not_after.timestamp(),
            ]),
            names: names.unwrap_or_default().iter().filter_map(name).collect(),
            ..unread
        }
    }
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) | GeneralName::RFC822Name(name) | GeneralName::URI(name) => {
            Some((*name).to_owned())
        }
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => Some(std::net::IpAddr::from(*bytes.first_chunk::<4>()?).to_string()),
            16 => Some(std::net::IpAddr::from(*bytes.first_chunk::<16>()?).to_string()),
            _ => None,
        },
        _ => None,
    }
}

/// The certificates of a message (RFC 5246, section 7.4.2).
pub(super) fn certificates(body: &[u8]) -> Vec<Certificate> {
    let mut bytes = Bytes(body);
    let mut found = Vec::new();
    bytes.u24();
    while let Some(der) = bytes.u24().and_then(|len| bytes.take(len)) {
        found.push(Certificate::parse(der));
        if found.len() >= MOST {
            break;
        }
    }
    found
}

const MOST: usize = 32;

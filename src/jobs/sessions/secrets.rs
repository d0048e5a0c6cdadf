//! Hiding of secrets.

use super::json::hex;
use super::options::Secrecy;
use crate::error::Error;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::borrow::Cow;
use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// Hides secrets, and counts the hidden ones.
#[derive(Debug)]
pub(super) struct Secrets {
    secrecy: Secrecy,
    key: Vec<u8>,
}

/// Number of secrets hidden so far.
pub(super) type Hidden = Cell<u64>;

impl Secrets {
    /// Creates the policy. For hashing, it uses the key in a file, or a random key.
    pub(super) fn new(secrecy: Secrecy, key_file: Option<&Path>) -> Result<Self, Error> {
        let failed = |path: &Path, error| Error::io("read", path, error);
        let key = match key_file {
            _ if secrecy != Secrecy::Hash => Vec::new(),
            Some(path) => match fs::read(path).map_err(|error| failed(path, error))? {
                key if key.is_empty() => {
                    return Err(failed(path, io::Error::other("it is empty, and so no key")));
                }
                key => key,
            },
            None => {
                let path = Path::new("/dev/urandom");
                let mut key = vec![0; 32];
                let read = File::open(path).and_then(|mut file| file.read_exact(&mut key));
                read.map_err(|error| failed(path, error))?;
                key
            }
        };
        Ok(Self { secrecy, key })
    }

    /// The text to show for a secret; `None` to leave it out.
    pub(super) fn shown<'s>(&self, secret: &'s [u8], hidden: &Hidden) -> Option<Cow<'s, [u8]>> {
        match self.secrecy {
            Secrecy::Show => Some(Cow::Borrowed(secret)),
            Secrecy::Hide => {
                hidden.set(hidden.get() + 1);
                None
            }
            Secrecy::Hash => {
                let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
                mac.update(secret);
                let digest = mac.finalize().into_bytes();
                let short = hex(digest.get(..8).unwrap_or_default());
                Some(Cow::Owned(format!("hmac:{short}").into_bytes()))
            }
        }
    }

    /// Whether secrets are shown in clear text.
    pub(super) fn shows(&self) -> bool {
        self.secrecy == Secrecy::Show
    }

    /// The value of an HTTP field. Only the scheme of credentials is kept.
    pub(super) fn field<'v>(&self, name: &[u8], value: &'v [u8], hidden: &Hidden) -> Cow<'v, [u8]> {
        let is_secret = matches!(name, b"authorization" | b"proxy-authorization");
        if !is_secret || self.shows() {
            return Cow::Borrowed(value);
        }
        let scheme = value.split(|byte| *byte == b' ').next().unwrap_or_default();
        let credentials = value.get(scheme.len()..).unwrap_or_default().trim_ascii();
        // Without a scheme, everything is credentials.
        let (scheme, credentials) = if credentials.is_empty() {
            (&[] as &[u8], value)
        } else {
            (scheme, credentials)
        };
        let mut text = scheme.to_vec();
        if let Some(shown) = self.shown(credentials, hidden) {
            text.push(b' ');
            text.extend_from_slice(&shown);
        }
        Cow::Owned(text)
    }

    /// A URI without its user and password.
    pub(super) fn uri<'v>(&self, uri: &'v [u8], hidden: &Hidden) -> Cow<'v, [u8]> {
        if self.shows() {
            return Cow::Borrowed(uri);
        }
        let Some(start) = uri.windows(3).position(|it| it == b"://").map(|it| it + 3) else {
            return Cow::Borrowed(uri);
        };
        let (scheme, rest) = uri.split_at(start);
        let end = rest
            .iter()
            .position(|it| b"/?#".contains(it))
            .unwrap_or(rest.len());
        let authority = rest.get(..end).unwrap_or_default();
        let Some(at) = authority.iter().rposition(|it| *it == b'@') else {
            return Cow::Borrowed(uri);
        };
        let mut text = scheme.to_vec();
        if let Some(shown) = self.shown(authority.get(..at).unwrap_or_default(), hidden) {
            text.extend_from_slice(&shown);
            text.push(b'@');
        }
        text.extend_from_slice(rest.get(at + 1..).unwrap_or_default());
        Cow::Owned(text)
    }
}

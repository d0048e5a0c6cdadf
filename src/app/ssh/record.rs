//! SSH records.

use crate::app::digest::hex;
use md5::{Digest, Md5};

/// An SSH handshake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ssh {
    /// The client's version: `SSH-2.0-OpenSSH_9.2`.
    pub client: Option<Vec<u8>>,
    /// The server's version.
    pub server: Option<Vec<u8>>,
    /// The client's offer.
    pub client_offer: Option<Offer>,
    /// The server's offer.
    pub server_offer: Option<Offer>,
}

/// The algorithms offered by a side, as comma-separated lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer(pub [Vec<u8>; 8]);

/// Indexes of the lists (section 7.1): key exchange, host keys, then ciphers, MACs and compression
/// from client to server and back.
const KEX: usize = 0;
const HOST_KEY: usize = 1;
const TO_SERVER: [usize; 4] = [KEX, 2, 4, 6];
const TO_CLIENT: [usize; 4] = [KEX, 3, 5, 7];

impl Ssh {
    /// The fingerprint of the client's offer (<https://github.com/salesforce/hassh>).
    pub fn hassh(&self) -> Option<String> {
        Some(self.client_offer.as_ref()?.print(TO_SERVER))
    }

    /// The fingerprint of the server's offer.
    pub fn hassh_server(&self) -> Option<String> {
        Some(self.server_offer.as_ref()?.print(TO_CLIENT))
    }

    /// The negotiated key exchange algorithm.
    pub fn kex(&self) -> Option<&[u8]> {
        self.chosen(KEX)
    }

    /// The negotiated host key algorithm.
    pub fn host_key(&self) -> Option<&[u8]> {
        self.chosen(HOST_KEY)
    }

    /// The first item of the client's list that is also in the server's.
    fn chosen(&self, list: usize) -> Option<&[u8]> {
        let (client, server) = (self.client_offer.as_ref()?, self.server_offer.as_ref()?);
        let (client, server) = (client.0.get(list)?, server.0.get(list)?);

        let mut offered = client.split(|it| *it == b',');
        offered.find(|name| server.split(|it| *it == b',').any(|it| it == *name))
    }
}

impl Offer {
    pub(super) fn parse(mut payload: &[u8]) -> Option<Self> {
        // Message type and cookie.
        payload = payload.strip_prefix(&[KEXINIT])?.get(16..)?;
        let mut offer = Self::default();
        for list in &mut offer.0 {
            let (len, rest) = payload.split_first_chunk()?;
            let (names, rest) = rest.split_at_checked(u32::from_be_bytes(*len) as usize)?;
            *list = names.to_vec();
            payload = rest;
        }
        Some(offer)
    }

    fn print(&self, lists: [usize; 4]) -> String {
        let lists = lists.map(|at| self.0.get(at).map(Vec::as_slice).unwrap_or_default());
        hex(&Md5::digest(lists.join(&b";"[..])))
    }
}

/// Type of a message with an offer (RFC 4253, section 12).
pub(super) const KEXINIT: u8 = 20;

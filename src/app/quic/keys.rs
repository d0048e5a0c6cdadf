//! Keys of Initial packets, derived from the connection ID that the client chose for the server
//! (RFC 9001, section 5.2).

use super::packet::{DRAFT_27, DRAFT_28, DRAFT_29, DRAFT_32, Header, VERSION_2};
use aes_gcm::aead::{Aead, Payload};
use aes_gcm::aes::Aes128;
use aes_gcm::aes::cipher::BlockCipherEncrypt;
use aes_gcm::{Aes128Gcm, KeyInit};
use hkdf::Hkdf;
use sha2::Sha256;

/// The keys of the client and the server.
pub(super) struct Keys([SideKeys; 2]);

struct SideKeys {
    payload: Aes128Gcm,
    iv: [u8; 12],
    header: Aes128,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

impl Keys {
    pub(super) fn new(version: u32, id: &[u8]) -> Option<Self> {
        let (salt, prefix) = match version {
            VERSION_2 => (SALT_2, "quicv2"),
            DRAFT_27..=DRAFT_28 => (SALT_DRAFT_23, "quic"),
            DRAFT_29..=DRAFT_32 => (SALT_DRAFT_29, "quic"),
            _ => (SALT_1, "quic"),
        };
        let secret = Hkdf::<Sha256>::new(Some(&salt), id);
        let client = SideKeys::new(&secret, "client in", prefix)?;
        let server = SideKeys::new(&secret, "server in", prefix)?;
        Some(Self([client, server]))
    }

    /// Decrypts an Initial packet of the client, 0, or the server, 1. `None` if it does not belong
    /// to this connection.
    pub(super) fn open(&self, side: usize, packet: &[u8], header: &Header<'_>) -> Option<Vec<u8>> {
        self.0.get(side)?.open(packet, header)
    }
}

impl SideKeys {
    fn new(secret: &Hkdf<Sha256>, label: &str, prefix: &str) -> Option<Self> {
        let own: [u8; 32] = expand(secret, label)?;
        let own = Hkdf::<Sha256>::from_prk(&own).ok()?;
        let key: [u8; 16] = expand(&own, &format!("{prefix} key"))?;
        let header: [u8; 16] = expand(&own, &format!("{prefix} hp"))?;
        Some(Self {
            payload: Aes128Gcm::new(&key.into()),
            iv: expand(&own, &format!("{prefix} iv"))?,
            header: Aes128::new(&header.into()),
        })
    }

    /// Removes header protection (section 5.4), and decrypts the payload (section 5.3).
    fn open(&self, packet: &[u8], header: &Header<'_>) -> Option<Vec<u8>> {
        let at = header.number_at;
        let sample: [u8; 16] = *packet.get(at + 4..)?.first_chunk()?;
        let mut mask = sample.into();
        self.header.encrypt_block(&mut mask);
        let mask: [u8; 16] = mask.into();
        let [flags, mask @ ..] = mask;
        let first = packet.first()? ^ flags & 0x0f;
        let number_len = usize::from(first & 3) + 1;
        let mut opened = packet.get(..at + number_len)?.to_vec();
        if let Some(byte) = opened.first_mut() {
            *byte = first;
        }
        let number = opened.get_mut(at..)?;
        for (byte, mask) in number.iter_mut().zip(mask) {
            *byte ^= mask;
        }
        let mut nonce = self.iv;
        let low = nonce.iter_mut().rev();
        for (byte, number) in low.zip(number.iter().rev()) {
            *byte ^= number;
        }
        let payload = Payload {
            msg: packet.get(at + number_len..)?,
            aad: &opened,
        };
        self.payload.decrypt(&nonce.into(), payload).ok()
    }
}

/// HKDF-Expand-Label (RFC 8446, section 7.1), with an empty context.
fn expand<const LEN: usize>(secret: &Hkdf<Sha256>, label: &str) -> Option<[u8; LEN]> {
    let len = u16::try_from(LEN).ok()?.to_be_bytes();
    let label = format!("tls13 {label}");
    let label_len = u8::try_from(label.len()).ok()?;
    let info = [&len[..], &[label_len], label.as_bytes(), &[0]].concat();
    let mut out = [0; LEN];
    secret.expand(&info, &mut out).ok()?;
    Some(out)
}

const SALT_1: [u8; 20] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad,
    0xcc, 0xbb, 0x7f, 0x0a,
];
const SALT_2: [u8; 20] = [
    0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb,
    0xf9, 0xbd, 0x2e, 0xd9,
];
const SALT_DRAFT_29: [u8; 20] = [
    0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0,
    0x43, 0x90, 0xa8, 0x99,
];
const SALT_DRAFT_23: [u8; 20] = [
    0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7, 0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65,
    0xbe, 0xf5, 0x02, 0xf9,
];

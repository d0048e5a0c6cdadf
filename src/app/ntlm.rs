//! NTLM messages, whichever protocol carries them ([MS-NLMP], section 2.2).

use super::fields::Fields;
use super::login::{Login, Secret};
use crate::capture::ByteOrder;

/// Adds the server's challenge (message 2), or the user, domain and proof (message 3), to a login.
/// Returns whether the message was the proof.
pub(super) fn message(message: &[u8], login: &mut Login) -> bool {
    let mut fields = Fields(message);
    if fields.take(SIGNATURE.len()) != Some(SIGNATURE) {
        return false;
    }
    match fields.u32_le() {
        Some(2) => {
            login.challenge = message.get(CHALLENGE..CHALLENGE + 8).map(<[u8]>::to_vec);
            false
        }
        Some(3) => {
            let is_wide = LE.u32(message, FLAGS).is_some_and(|it| it & UNICODE != 0);
            login.user = field(message, USER).map(|it| text(it, is_wide));
            let domain = field(message, DOMAIN).filter(|it| !it.is_empty());
            login.domain = domain.map(|it| text(it, is_wide));
            let proof = field(message, NT_RESPONSE).filter(|it| !it.is_empty());
            login.secret = proof.map(|it| Secret::Digest(it.to_vec()));
            true
        }
        _ => false,
    }
}

/// The bytes to which the length and offset at `at` refer.
fn field(message: &[u8], at: usize) -> Option<&[u8]> {
    let len = usize::from(LE.u16(message, at)?);
    let offset = usize::try_from(LE.u32(message, at + 4)?).ok()?;
    message.get(offset..)?.get(..len)
}

/// UTF-16 as UTF-8; other text unchanged.
fn text(bytes: &[u8], is_wide: bool) -> Vec<u8> {
    if !is_wide {
        return bytes.to_vec();
    }
    let (units, _) = bytes.as_chunks::<2>();
    let units = units.iter().map(|it| u16::from_le_bytes(*it));
    let chars = char::decode_utf16(units).map(|it| it.unwrap_or(char::REPLACEMENT_CHARACTER));
    chars.collect::<String>().into_bytes()
}

const LE: ByteOrder = ByteOrder::Little;

const SIGNATURE: &[u8] = b"NTLMSSP\0";

/// Positions of fields in messages 2 and 3.
const CHALLENGE: usize = 24;
const NT_RESPONSE: usize = 20;
const DOMAIN: usize = 28;
const USER: usize = 36;
const FLAGS: usize = 60;

const UNICODE: u32 = 1;

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::app::login::Service;

    /// Message 3 for a user in a domain.
    pub(in crate::app) fn proof(user: &str, domain: &str, response: &[u8]) -> Vec<u8> {
        let wide =
            |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
        let parts = [&[][..], response, &wide(domain), &wide(user), &[], &[]];
        let mut bytes = [SIGNATURE, &[3, 0, 0, 0]].concat();
        let mut offset = 64;
        for part in parts {
            let len = u16::try_from(part.len()).unwrap();
            bytes.extend([len.to_le_bytes(), len.to_le_bytes()].concat());
            bytes.extend(u32::from(offset).to_le_bytes());
            offset += len;
        }
        bytes.extend(UNICODE.to_le_bytes());
        bytes.extend(parts.concat());
        bytes
    }

    pub(in crate::app) fn challenge(bytes: &[u8; 8]) -> Vec<u8> {
        [SIGNATURE, &[2, 0, 0, 0], &[0; 12], bytes, &[0; 16]].concat()
    }

    #[test]
    fn a_conversation() {
        let mut login = Login::new(Service::Smtp);
        assert!(!message(&challenge(b"12345678"), &mut login));
        assert!(message(&proof("jack", "OFFICE", &[9; 24]), &mut login));
        assert_eq!(login.challenge.as_deref(), Some(&b"12345678"[..]));
        assert_eq!(login.user.as_deref(), Some(&b"jack"[..]));
        assert_eq!(login.domain.as_deref(), Some(&b"OFFICE"[..]));
        assert_eq!(login.secret, Some(Secret::Digest(vec![9; 24])));
    }

    #[test]
    fn truncated_messages() {
        let whole = proof("jack", "OFFICE", &[9; 24]);
        for end in 0..whole.len() {
            let mut login = Login::new(Service::Smtp);
            message(&whole[..end], &mut login);
        }
    }
}

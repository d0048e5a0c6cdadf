//! Messages of a server during a login.

use crate::app::fields::Fields;

/// A server's first message.
#[derive(Debug, Default)]
pub(super) struct Greeting {
    pub(super) capabilities: u32,
    /// 8 bytes (before 4.1), or 20.
    pub(super) challenge: Vec<u8>,
}

/// The server's reply to a login.
pub(super) enum Answer {
    Ok,
    Error {
        code: u16,
        message: Vec<u8>,
    },
    /// The client must use another plugin.
    Switch {
        plugin: String,
        challenge: Option<Vec<u8>>,
    },
    /// The plugin continues.
    More,
}

/// Parses a greeting of protocol 9 or 10. `None` for an error.
pub(super) fn greeting(payload: &[u8]) -> Option<Greeting> {
    let mut fields = Fields(payload);
    let protocol = fields.u8()?;
    fields.until_nul()?;
    fields.take(THREAD_LEN)?;
    if protocol == 9 {
        let challenge = fields.until_nul().unwrap_or(fields.0);
        return Some(Greeting {
            capabilities: 0,
            challenge: challenge.to_vec(),
        });
    }
    if protocol != 10 {
        return None;
    }
    let mut challenge = fields.take(CHALLENGE_START_LEN)?.to_vec();
    let capabilities = rest_of_greeting(&mut fields, &mut challenge).unwrap_or_default();
    Some(Greeting {
        capabilities,
        challenge,
    })
}

/// Parses what follows the first part of the challenge. Older servers send less.
fn rest_of_greeting(fields: &mut Fields<'_>, challenge: &mut Vec<u8>) -> Option<u32> {
    fields.u8()?;
    let low = u32::from(fields.u16_le()?);
    let charset_and_status = 3;
    let Some(()) = fields.take(charset_and_status).map(|_| ()) else {
        return Some(low);
    };
    let high = u32::from(fields.u16_le()?);
    let reserved_and_length = 11;
    fields.take(reserved_and_length)?;
    let rest = fields.0.get(..CHALLENGE_REST_LEN).unwrap_or_default();
    challenge.extend_from_slice(rest);
    Some(high << 16 | low)
}

/// Parses a reply to a login. `None` if it is not one.
pub(super) fn answer(payload: &[u8]) -> Option<Answer> {
    let (kind, rest) = payload.split_first()?;
    Some(match kind {
        0x00 => Answer::Ok,
        0x01 => Answer::More,
        0xfe => switch(rest),
        0xff => error(rest)?,
        _ => return None,
    })
}

fn switch(payload: &[u8]) -> Answer {
    let mut fields = Fields(payload);
    match fields.until_nul() {
        // Without a name: the method used before 4.1.
        None => Answer::Switch {
            plugin: super::OLD_PASSWORD.to_owned(),
            challenge: None,
        },
        Some(name) => Answer::Switch {
            plugin: String::from_utf8_lossy(name).into_owned(),
            challenge: Some(fields.0.strip_suffix(&[0]).unwrap_or(fields.0).to_vec()),
        },
    }
}

/// The code, and the text after the optional `#` and five-character SQL state.
fn error(payload: &[u8]) -> Option<Answer> {
    let mut fields = Fields(payload);
    let code = fields.u16_le()?;
    if fields.0.first() == Some(&b'#') {
        fields.take(1 + 5)?;
    }
    let message = fields.0.strip_suffix(&[0]).unwrap_or(fields.0);
    Some(Answer::Error {
        code,
        message: message.to_vec(),
    })
}

const THREAD_LEN: usize = 4;
const CHALLENGE_START_LEN: usize = 8;
const CHALLENGE_REST_LEN: usize = 12;

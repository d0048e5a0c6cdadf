//! The untyped first messages of a client, and errors.

use crate::app::fields::Fields;
use crate::app::messages::Measure;

/// A client's first message.
pub(super) enum Startup {
    /// A request for encryption (SSLRequest, GSSENCRequest).
    Encryption,
    /// A request to cancel another connection's query.
    Cancel,
    Login {
        user: Option<Vec<u8>>,
        database: Option<Vec<u8>>,
    },
}

/// Parses a startup message. `None` if it is not one.
pub(super) fn startup(message: &[u8]) -> Option<Startup> {
    let mut fields = Fields(message);
    let len = fields.u32_be()?;
    let code = fields.u32_be()?;
    Some(match (code, len) {
        (SSL_REQUEST | GSSENC_REQUEST, 8) => Startup::Encryption,
        (CANCEL_REQUEST, _) => Startup::Cancel,
        _ if code >> 16 == VERSION => login(fields),
        _ => return None,
    })
}

/// Parses NUL-terminated names and values.
fn login(mut fields: Fields<'_>) -> Startup {
    let (mut user, mut database) = (None, None);
    while let Some(name) = fields.until_nul() {
        if name.is_empty() {
            break;
        }
        let Some(value) = fields.until_nul() else {
            break;
        };
        match name {
            b"user" => user = Some(value.to_vec()),
            b"database" => database = Some(value.to_vec()),
            _ => {}
        }
    }
    Startup::Login { user, database }
}

pub(super) fn measure(seen: &[u8]) -> Measure {
    match Fields(seen).u32_be() {
        Some(len) => Measure::Known {
            len: u64::from(len).max(HEAD_LEN),
            keep: KEPT_LEN,
        },
        None => Measure::Needs(4),
    }
}

/// An error: SQL state and text.
#[derive(Default)]
pub(super) struct Failure {
    pub(super) code: Option<String>,
    pub(super) message: Option<Vec<u8>>,
}

pub(super) fn error(payload: &[u8]) -> Failure {
    let mut failure = Failure::default();
    let mut fields = Fields(payload);
    while let Some(kind) = fields.u8().filter(|it| *it != 0) {
        let Some(value) = fields.until_nul() else {
            break;
        };
        match kind {
            b'C' => failure.code = Some(String::from_utf8_lossy(value).into_owned()),
            b'M' => failure.message = Some(value.to_vec()),
            _ => {}
        }
    }
    failure
}

const SSL_REQUEST: u32 = 0x04d2_162f;
const GSSENC_REQUEST: u32 = 0x04d2_1630;
const CANCEL_REQUEST: u32 = 0x04d2_162e;

/// The major protocol version.
const VERSION: u32 = 3;

/// Length and code.
const HEAD_LEN: u64 = 8;

/// Servers reject longer messages.
const KEPT_LEN: usize = 10_000;

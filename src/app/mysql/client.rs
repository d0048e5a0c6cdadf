//! Messages by which a client logs in.

use crate::app::fields::Fields;

/// A client's first message.
pub(super) enum First {
    /// A request for TLS.
    Tls,
    Login(Response),
}

pub(super) struct Response {
    pub(super) capabilities: u32,
    pub(super) user: Vec<u8>,
    pub(super) proof: Vec<u8>,
    pub(super) database: Option<Vec<u8>>,
    /// The plugin, as named, or as implied by the capabilities.
    pub(super) plugin: Option<String>,
    /// Whether the message ends within the proof or another field.
    pub(super) is_malformed: bool,
}

/// SSLRequest, HandshakeResponse41, or HandshakeResponse320.
pub(super) fn first(payload: &[u8]) -> Option<First> {
    let mut fields = Fields(payload);
    let low = u32::from(fields.u16_le()?);
    let has_41 = low & PROTOCOL_41 != 0;
    let head_len = if has_41 { HEAD_41_LEN } else { HEAD_320_LEN };
    if low & SSL != 0 && payload.len() == head_len {
        return Some(First::Tls);
    }
    let response = if has_41 {
        response_41(payload)
    } else {
        response_320(payload, low)
    };
    response.map(First::Login)
}

fn response_41(payload: &[u8]) -> Option<Response> {
    let mut fields = Fields(payload);
    let capabilities = fields.u32_le()?;
    fields.take(HEAD_41_LEN - 4)?;
    let user = fields.until_nul()?.to_vec();
    let proof = proof_41(&mut fields, capabilities);
    let database = if proof.is_some() && capabilities & CONNECT_WITH_DB != 0 {
        fields.until_nul()
    } else {
        None
    };
    let plugin = match proof {
        Some(_) => plugin(&mut fields, capabilities),
        None => implied(capabilities),
    };
    Some(Response {
        capabilities,
        user,
        is_malformed: proof.is_none(),
        proof: proof.unwrap_or_default().to_vec(),
        database: text(database),
        plugin,
    })
}

/// HandshakeResponse320, before version 4.1. A proof followed by a database ends with NUL;
/// otherwise it extends to the end.
fn response_320(payload: &[u8], capabilities: u32) -> Option<Response> {
    let mut fields = Fields(payload);
    fields.take(HEAD_320_LEN)?;
    let user = fields.until_nul().unwrap_or(fields.0);
    let proof = fields.until_nul();
    let (proof, database) = match proof {
        Some(proof) => (proof, fields.until_nul().or(Some(fields.0))),
        None if user.len() == payload.len() - HEAD_320_LEN => (&[][..], None),
        None => (fields.0, None),
    };
    Some(Response {
        capabilities,
        user: user.to_vec(),
        proof: proof.to_vec(),
        database: text(database),
        plugin: Some(super::OLD_PASSWORD.to_owned()),
        is_malformed: false,
    })
}

/// The body of COM_CHANGE_USER.
pub(super) fn change_user(payload: &[u8], capabilities: u32) -> Option<Response> {
    let mut fields = Fields(payload);
    let user = fields.until_nul()?.to_vec();
    let proof = proof_41(&mut fields, capabilities & !LENENC_PROOF)?.to_vec();
    let database = fields.until_nul();
    let has_more = fields.take(CHARSET_LEN).is_some();
    let named = has_more.then(|| plugin(&mut fields, capabilities));
    Some(Response {
        capabilities,
        user,
        proof,
        database: text(database),
        plugin: named.unwrap_or_else(|| implied(capabilities)),
        is_malformed: false,
    })
}

fn proof_41<'a>(fields: &mut Fields<'a>, capabilities: u32) -> Option<&'a [u8]> {
    if capabilities & LENENC_PROOF != 0 {
        let len = match fields.u8()? {
            len @ ..=0xfa => usize::from(len),
            0xfc => usize::from(fields.u16_le()?),
            _ => return None,
        };
        fields.take(len)
    } else if capabilities & SECURE_CONNECTION != 0 {
        let len = fields.u8()?;
        fields.take(len.into())
    } else {
        // Old clients end the message without a NUL.
        let rest = fields.0;
        fields.until_nul().or_else(|| fields.take(rest.len()))
    }
}

fn plugin(fields: &mut Fields<'_>, capabilities: u32) -> Option<String> {
    if capabilities & PLUGIN_AUTH == 0 {
        return implied(capabilities);
    }
    let name = fields.until_nul().unwrap_or(fields.0);
    match name {
        [] => implied(capabilities),
        name => Some(String::from_utf8_lossy(name).into_owned()),
    }
}

fn implied(capabilities: u32) -> Option<String> {
    let name = if capabilities & SECURE_CONNECTION != 0 {
        "mysql_native_password"
    } else {
        super::OLD_PASSWORD
    };
    Some(name.to_owned())
}

fn text(bytes: Option<&[u8]>) -> Option<Vec<u8>> {
    bytes.filter(|it| !it.is_empty()).map(<[u8]>::to_vec)
}

/// Capabilities of compression by zlib and by zstd.
pub(super) const COMPRESSION: u32 = 0x20 | 0x0400_0000;

const CONNECT_WITH_DB: u32 = 0x8;
const PROTOCOL_41: u32 = 0x200;
const SSL: u32 = 0x800;
const SECURE_CONNECTION: u32 = 0x8000;
const PLUGIN_AUTH: u32 = 0x0008_0000;
const LENENC_PROOF: u32 = 0x0020_0000;

/// Capabilities, maximum packet size, character set, and 23 reserved bytes.
const HEAD_41_LEN: usize = 32;

/// 16-bit capabilities and a 3-byte maximum packet size.
const HEAD_320_LEN: usize = 5;

const CHARSET_LEN: usize = 2;

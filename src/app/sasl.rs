//! SASL (RFC 4422) exchanges in base64.

use super::attempts::Attempt;
use super::found::Moment;
use super::login::{Login, Secret, Service};
use super::{ntlm, scram};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// A SASL login, from the command that begins it to the final reply.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) attempt: Attempt,
    sasl: Sasl,
    /// Whether the server waits for the client's next message.
    is_awaited: bool,
}

impl Exchange {
    /// Begins an exchange. `arg` has the mechanism, and optionally the client's first message.
    pub(super) fn new(service: Service, arg: &[u8], first: Moment) -> Self {
        let mut words = arg.split(|it| *it == b' ').filter(|it| !it.is_empty());
        let mut attempt = Attempt::new(service, first);
        let mut sasl = Sasl::new(words.next().unwrap_or_default(), &mut attempt.login);
        if let Some(response) = words.next() {
            sasl.client(response, &mut attempt.login);
        }
        Self {
            attempt,
            sasl,
            is_awaited: false,
        }
    }

    /// Takes a line of the client, and returns whether it belongs to the exchange. If the server
    /// was not captured, that is a guess.
    pub(super) fn client(&mut self, line: &[u8]) -> bool {
        let is_ours = self.is_awaited || is_base64(line) && !UNLIKELY.contains(&line);
        if is_ours {
            self.is_awaited = false;
            self.sasl.client(line, &mut self.attempt.login);
        }
        is_ours
    }

    /// Takes a server challenge.
    pub(super) fn server(&mut self, text: &[u8]) {
        self.is_awaited = true;
        self.sasl.server(text, &mut self.attempt.login);
    }

    pub(super) const fn has_user(&self) -> bool {
        self.attempt.login.user.is_some()
    }
}

/// Commands that are also valid base64.
const UNLIKELY: [&[u8]; 6] = [b"QUIT", b"RSET", b"DATA", b"NOOP", b"CAPA", b"STAT"];

/// State of an exchange.
#[derive(Debug)]
struct Sasl {
    mechanism: Mechanism,
    /// Messages sent by the client.
    sent: u32,
}

#[derive(Clone, Copy, Debug)]
enum Mechanism {
    /// RFC 4616.
    Plain,
    /// draft-murchison-sasl-login.
    Login,
    /// RFC 2195.
    CramMd5,
    /// XOAUTH2, and OAUTHBEARER (RFC 7628).
    Bearer,
    /// RFC 5802.
    Scram,
    Ntlm,
    Other,
}

impl Sasl {
    /// Begins an exchange. The name of the mechanism goes to the login.
    fn new(name: &[u8], login: &mut Login) -> Self {
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        let mechanism = match name.as_str() {
            "plain" => Mechanism::Plain,
            "login" => Mechanism::Login,
            "cram-md5" => Mechanism::CramMd5,
            "xoauth2" | "oauthbearer" => Mechanism::Bearer,
            "ntlm" => Mechanism::Ntlm,
            name if name.starts_with("scram-") => Mechanism::Scram,
            _ => Mechanism::Other,
        };
        login.mechanism = (!name.is_empty()).then_some(name);
        Self { mechanism, sent: 0 }
    }

    /// Takes a base64 message of the client; `=` is an empty one.
    fn client(&mut self, text: &[u8], login: &mut Login) {
        let Some(message) = decode(text) else {
            return;
        };
        self.sent = self.sent.saturating_add(1);
        match self.mechanism {
            Mechanism::Plain => plain(&message, login),
            Mechanism::Login if self.sent == 1 => login.user = Some(message),
            Mechanism::Login if self.sent == 2 => login.secret = Some(Secret::Password(message)),
            Mechanism::CramMd5 => cram_md5(&message, login),
            Mechanism::Bearer if self.sent == 1 => bearer(&message, login),
            Mechanism::Scram if self.sent == 1 => scram::client_first(&message, login),
            Mechanism::Scram => {
                scram::client_final(&message, login);
            }
            Mechanism::Ntlm => {
                ntlm::message(&message, login);
            }
            Mechanism::Login | Mechanism::Bearer | Mechanism::Other => {}
        }
    }

    /// Takes a base64 message of the server.
    fn server(&mut self, text: &[u8], login: &mut Login) {
        let Some(message) = decode(text) else {
            return;
        };
        match self.mechanism {
            Mechanism::CramMd5 => login.challenge = Some(message),
            Mechanism::Scram if self.sent == 1 => scram::server_first(&message, login),
            Mechanism::Ntlm => {
                ntlm::message(&message, login);
            }
            _ => {}
        }
    }
}

/// The authorization identity, NUL, the user, NUL, the password.
fn plain(message: &[u8], login: &mut Login) {
    let mut parts = message.splitn(3, |it| *it == 0);
    let (Some(acted_for), Some(user), Some(password)) = (parts.next(), parts.next(), parts.next())
    else {
        return;
    };
    let user = if user.is_empty() { acted_for } else { user };
    login.user = Some(user.to_vec());
    login.secret = Some(Secret::Password(password.to_vec()));
}

/// The user, a space, and a digest in hexadecimal digits.
fn cram_md5(message: &[u8], login: &mut Login) {
    let Some(space) = message.iter().rposition(|it| *it == b' ') else {
        return;
    };
    let (user, digest) = message.split_at(space);
    login.user = Some(user.to_vec());
    login.secret = Some(digest_of_hex(digest.get(1..).unwrap_or_default()));
}

/// Fields terminated by 0x01: `user=…`, or `n,a=…,` for OAUTHBEARER, and `auth=Bearer …`.
fn bearer(message: &[u8], login: &mut Login) {
    for field in message.split(|it| *it == 1) {
        if let Some(user) = field.strip_prefix(b"user=") {
            login.user = Some(user.to_vec());
        } else if let Some(token) = field.strip_prefix(b"auth=") {
            let token = token.strip_prefix(b"Bearer ").unwrap_or(token);
            login.secret = Some(Secret::Password(token.to_vec()));
        } else if let Some(user) = field
            .split(|it| *it == b',')
            .find_map(|it| it.strip_prefix(b"a="))
        {
            login.user = Some(user.to_vec());
        }
    }
}

/// A proof sent in hexadecimal digits.
pub(super) fn digest_of_hex(text: &[u8]) -> Secret {
    let digit = |it: u8| {
        char::from(it)
            .to_digit(16)
            .and_then(|it| u8::try_from(it).ok())
    };
    let (pairs, rest) = text.as_chunks::<2>();
    let bytes: Option<Vec<u8>> = pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect();
    match bytes {
        Some(bytes) if rest.is_empty() => Secret::Digest(bytes),
        _ => Secret::Message(text.to_vec()),
    }
}

fn decode(text: &[u8]) -> Option<Vec<u8>> {
    match text.trim_ascii() {
        b"=" => Some(Vec::new()),
        text => {
            let mut bytes = vec![0; text.len() / 4 * 3 + 3];
            let len = BASE64.decode_slice(text, &mut bytes).ok()?;
            bytes.truncate(len);
            Some(bytes)
        }
    }
}

/// Whether a line may be a base64 message.
fn is_base64(text: &[u8]) -> bool {
    let is_digit = |it: &u8| it.is_ascii_alphanumeric() || b"+/=".contains(it);
    text.trim_ascii().iter().all(is_digit)
}

/// Lenient, because servers are.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::testing::{base64, line};

    fn exchange(mechanism: &str, messages: &[(bool, &[u8])]) -> Login {
        let mut login = Login::new(Service::Imap);
        let mut sasl = Sasl::new(mechanism.as_bytes(), &mut login);
        for (is_client, message) in messages {
            let text = base64(message);
            if *is_client {
                sasl.client(&text, &mut login);
            } else {
                sasl.server(&text, &mut login);
            }
        }
        login
    }

    #[test]
    fn mechanisms() {
        let login = exchange("PLAIN", &[(true, b"\0tim\0tan\0staan")]);
        assert_eq!(line(&login), r"tim tan\x00staan plain unknown -");
        let login = exchange("PLAIN", &[(true, b"tim\0\0x")]);
        assert_eq!(line(&login), "tim x plain unknown -");
        let login = exchange(
            "LOGIN",
            &[(false, b"Username:"), (true, b"tim"), (true, b"x")],
        );
        assert_eq!(line(&login), "tim x login unknown -");
        let login = exchange("CRAM-MD5", &[(false, b"<1@x>"), (true, b"tim b913")]);
        assert_eq!(line(&login), r"tim \xb9\x13 cram-md5 unknown -");
        assert_eq!(login.challenge.as_deref(), Some(&b"<1@x>"[..]));
        let login = exchange("XOAUTH2", &[(true, b"user=tim\x01auth=Bearer t0k\x01\x01")]);
        assert_eq!(line(&login), "tim t0k xoauth2 unknown -");
        let message = b"n,a=tim,\x01host=x\x01auth=Bearer t0k\x01\x01";
        let login = exchange("OAUTHBEARER", &[(true, message), (true, b"\x01")]);
        assert_eq!(line(&login), "tim t0k oauthbearer unknown -");
        let conversation: [(bool, &[u8]); 3] = [
            (true, b"n,,n=tim,r=a"),
            (false, b"r=ab,s=,i=1"),
            (true, b"c=biws,r=ab,p=x"),
        ];
        let login = exchange("SCRAM-SHA-1", &conversation);
        assert_eq!(line(&login), "tim c=biws,r=ab,p=x scram-sha-1 unknown -");
        let login = exchange("GSSAPI", &[(true, b"tim")]);
        assert_eq!(line(&login), "- - gssapi unknown -");
    }

    #[test]
    fn what_is_no_base64_is_left_out() {
        let mut login = Login::new(Service::Imap);
        let mut sasl = Sasl::new(b"LOGIN", &mut login);
        sasl.client(b"!", &mut login);
        sasl.client(b"dGlt", &mut login);
        sasl.client(b"eA", &mut login);
        assert_eq!(line(&login), "tim x login unknown -");
    }

    #[test]
    fn proofs_in_hexadecimal_digits() {
        assert_eq!(digest_of_hex(b"B9f0"), Secret::Digest(vec![0xb9, 0xf0]));
        for text in [&b"b9f"[..], b"xx", b"+1"] {
            assert_eq!(digest_of_hex(text), Secret::Message(text.to_vec()));
        }
    }
}

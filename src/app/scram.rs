//! SCRAM (RFC 5802) messages, whichever protocol carries them.

use super::login::{Login, Secret};

/// Takes the client's first message: the user, and the start of the challenge.
pub(super) fn client_first(message: &[u8], login: &mut Login) {
    // Channel binding and authorization identity, each followed by a comma.
    let mut parts = message.splitn(3, |it| *it == b',');
    let Some(bare) = parts.nth(2) else {
        return;
    };
    let user = bare
        .split(|it| *it == b',')
        .find_map(|it| it.strip_prefix(b"n="));
    if let Some(user) = user.filter(|it| !it.is_empty()) {
        login.user = Some(unescaped(user));
    }
    login.challenge = Some(bare.to_vec());
}

/// Takes the server's first message: salt, iterations, nonce.
pub(super) fn server_first(message: &[u8], login: &mut Login) {
    let challenge = login.challenge.get_or_insert_default();
    if !challenge.is_empty() {
        challenge.push(b',');
    }
    challenge.extend_from_slice(message);
}

/// Takes the client's proof. Returns whether the message has one.
pub(super) fn client_final(message: &[u8], login: &mut Login) -> bool {
    let is_proof = message
        .split(|it| *it == b',')
        .any(|it| it.starts_with(b"p="));
    let is_proof = is_proof && message.starts_with(b"c=");
    if is_proof {
        login.secret = Some(Secret::Message(message.to_vec()));
    }
    is_proof
}

/// A name with `=2C` and `=3D` decoded.
fn unescaped(name: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((&byte, after)) = rest.split_first() {
        let (byte, after) = match (byte, after) {
            (b'=', [b'2', b'C' | b'c', after @ ..]) => (b',', after),
            (b'=', [b'3', b'D' | b'd', after @ ..]) => (b'=', after),
            _ => (byte, after),
        };
        out.push(byte);
        rest = after;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::login::Service;

    #[test]
    fn a_conversation() {
        let mut login = Login::new(Service::Mongodb);
        client_first(b"n,,n=a=2Cb=3D,r=abc", &mut login);
        server_first(b"r=abcdef,s=c2FsdA==,i=4096", &mut login);
        assert!(!client_final(b"r=abcdef,s=", &mut login));
        assert!(client_final(b"c=biws,r=abcdef,p=cHJvb2Y=", &mut login));
        assert_eq!(login.user.as_deref(), Some(&b"a,b="[..]));
        let challenge = b"n=a=2Cb=3D,r=abc,r=abcdef,s=c2FsdA==,i=4096";
        assert_eq!(login.challenge.as_deref(), Some(&challenge[..]));
        let proof = b"c=biws,r=abcdef,p=cHJvb2Y=".to_vec();
        assert_eq!(login.secret, Some(Secret::Message(proof)));
    }

    #[test]
    fn what_is_no_message_changes_nothing() {
        let mut login = Login::new(Service::Pgsql);
        for message in [&b""[..], b",", b"n=user", b"p="] {
            client_first(message, &mut login);
            assert!(!client_final(message, &mut login));
        }
        assert_eq!(login, Login::new(Service::Pgsql));
    }
}

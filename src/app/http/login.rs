//! HTTP logins: Basic, Digest (RFC 7616) and NTLM.

use super::record::Http;
use crate::app::login::{Login, Outcome, Secret, Service};
use crate::app::{ntlm, sasl};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The logins of a connection.
#[derive(Debug, Default)]
pub(super) struct Logins {
    /// The server's last NTLM challenge.
    challenge: Option<Vec<u8>>,
    /// Reported logins. A repetition is not another attempt.
    reported: Vec<(Option<Vec<u8>>, Option<Secret>, Outcome)>,
    attempts: u32,
}

impl Logins {
    /// Logins of an exchange.
    pub(super) fn of(&mut self, http: &Http) -> Vec<Login> {
        let mut logins = Vec::new();
        for name in ["authorization", "proxy-authorization"] {
            let request = http.request.as_ref();
            let values = request.into_iter().flat_map(|it| it.headers.all(name));
            logins.extend(values.filter_map(|it| self.login(it, http)));
        }
        let response = http.response.as_ref();
        for name in ["www-authenticate", "proxy-authenticate"] {
            let values = response.into_iter().flat_map(|it| it.headers.all(name));
            for value in values {
                self.challenged(value);
            }
        }
        logins
    }

    fn login(&mut self, value: &[u8], http: &Http) -> Option<Login> {
        let mut login = Login::new(Service::Http);
        let (scheme, rest) = scheme(value);
        match scheme.as_str() {
            "basic" => basic(&STANDARD.decode(rest).ok()?, &mut login),
            "digest" => digest(rest, &mut login),
            "ntlm" | "negotiate" => {
                if !ntlm::message(&STANDARD.decode(rest).ok()?, &mut login) {
                    return None;
                }
                login.challenge = self.challenge.take();
            }
            _ => return None,
        }
        login.mechanism = Some(if scheme == "negotiate" {
            "ntlm".to_owned()
        } else {
            scheme
        });
        answered(http, &mut login);
        self.is_new(&login).then(|| {
            self.attempts += 1;
            login.attempt = self.attempts;
            login
        })
    }

    fn challenged(&mut self, value: &[u8]) {
        let (scheme, rest) = scheme(value);
        if matches!(scheme.as_str(), "ntlm" | "negotiate")
            && let Ok(message) = STANDARD.decode(rest)
        {
            let mut login = Login::new(Service::Http);
            ntlm::message(&message, &mut login);
            self.challenge = login.challenge;
        }
    }

    fn is_new(&mut self, login: &Login) -> bool {
        let key = (login.user.clone(), login.secret.clone(), login.outcome);
        if self.reported.contains(&key) {
            return false;
        }
        if self.reported.len() >= MOST_REPORTED {
            self.reported.remove(0);
        }
        self.reported.push(key);
        true
    }
}

/// Sets the outcome of a login from the status.
fn answered(http: &Http, login: &mut Login) {
    let Some(response) = &http.response else {
        return;
    };
    login.outcome = match response.status {
        401 | 407 => Outcome::Failure,
        status if status < 400 => Outcome::Success,
        _ => Outcome::Unknown,
    };
    login.code = Some(response.status.to_string());
    login.message = Some(response.reason.clone());
}

/// Splits off the scheme, in lower case.
fn scheme(value: &[u8]) -> (String, &[u8]) {
    let len = value.iter().take_while(|it| **it != b' ').count();
    let (scheme, rest) = value.split_at(len);
    let scheme = String::from_utf8_lossy(scheme).to_ascii_lowercase();
    (scheme, rest.trim_ascii())
}

fn basic(text: &[u8], login: &mut Login) {
    let colon = text.iter().position(|it| *it == b':');
    let (user, password) = text.split_at(colon.unwrap_or(text.len()));
    login.user = Some(user.to_vec());
    let password = password.get(1..).unwrap_or_default();
    login.secret = Some(Secret::Password(password.to_vec()));
}

fn digest(rest: &[u8], login: &mut Login) {
    login.user = parameter(rest, b"username");
    login.challenge = parameter(rest, b"nonce");
    login.secret = parameter(rest, b"response").map(|it| sasl::digest_of_hex(&it));
}

/// The value of a parameter, quoted or not.
fn parameter(mut rest: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    while !rest.is_empty() {
        let equals = rest.iter().position(|it| *it == b'=')?;
        let own = rest.get(..equals)?.trim_ascii();
        let own = own.strip_prefix(b",").unwrap_or(own).trim_ascii();
        rest = rest.get(equals + 1..)?.trim_ascii_start();
        let value = match rest.strip_prefix(b"\"") {
            Some(quoted) => {
                let end = quoted.iter().position(|it| *it == b'"')?;
                rest = quoted.get(end + 1..)?;
                quoted.get(..end)?
            }
            None => {
                let end = rest.iter().position(|it| *it == b',').unwrap_or(rest.len());
                let (value, behind) = rest.split_at(end);
                rest = behind;
                value.trim_ascii()
            }
        };
        if own.eq_ignore_ascii_case(name) {
            return Some(value.to_vec());
        }
    }
    None
}

/// Logins remembered per connection.
const MOST_REPORTED: usize = 64;

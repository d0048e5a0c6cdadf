//! Login records.

/// A login attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The protocol.
    pub service: Service,
    /// The user, as sent, except that escapes of MongoDB and SCRAM are decoded.
    pub user: Option<Vec<u8>>,
    /// The user's domain (NTLM).
    pub domain: Option<Vec<u8>>,
    /// The password or proof.
    pub secret: Option<Secret>,
    /// The challenge that the proof answers: a salt or a nonce. For SCRAM, the start of its
    /// AuthMessage (RFC 5802, section 3): the client's first message without its header, a comma,
    /// and the server's first message.
    pub challenge: Option<Vec<u8>>,
    /// The mechanism: `plain`, `mysql_native_password`; `tls` for an encrypted login.
    pub mechanism: Option<String>,
    /// The requested database.
    pub database: Option<Vec<u8>>,
    /// The outcome.
    pub outcome: Outcome,
    /// The server's code: `230`, `1045`, `28P01`, `WRONGPASS`, `-ERR`, `NO`. `0` for success in
    /// protocols without a code for it.
    pub code: Option<String>,
    /// The text of the server's reply.
    pub message: Option<Vec<u8>>,
    /// Ordinal on the connection, from 1.
    pub attempt: u32,
}

impl Login {
    /// Creates an attempt with an unknown outcome and no other content.
    pub const fn new(service: Service) -> Self {
        Self {
            service,
            user: None,
            domain: None,
            secret: None,
            challenge: None,
            mechanism: None,
            database: None,
            outcome: Outcome::Unknown,
            code: None,
            message: None,
            attempt: 0,
        }
    }

    /// The outcome as a number: 1 for success, 2 for a wrong user or password, 3 for another
    /// failure, -1 if unknown or encrypted.
    pub fn crack_result(&self) -> i8 {
        match self.outcome {
            Outcome::Success => 1,
            Outcome::Failure if self.is_refused() => 2,
            Outcome::Failure => 3,
            Outcome::Unknown | Outcome::Encrypted => -1,
        }
    }

    /// Whether the code means a wrong user or password.
    fn is_refused(&self) -> bool {
        let code = self.code.as_deref().unwrap_or_default();
        let codes: &[&str] = match self.service {
            // Not 1044: the password was right, but the database is closed to the user.
            Service::Mysql => &["1045", "1698"],
            Service::Pgsql => &["28P01", "28000"],
            Service::Smtp => &["535"],
            Service::Ftp => &["530"],
            Service::Redis => return code == "WRONGPASS" || self.is_invalid_password(),
            Service::Mongodb => &["18"],
            // These protocols have no finer codes.
            Service::Pop3 => &["-ERR"],
            Service::Imap => &["NO"],
            Service::Http => &["401", "407"],
        };
        codes.contains(&code)
    }

    /// Redis before 6.0 has no code for wrong passwords.
    fn is_invalid_password(&self) -> bool {
        let message = self.message.as_deref().unwrap_or_default();
        message.starts_with(b"ERR invalid password")
    }
}

/// A protocol with logins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Service {
    /// MySQL and MariaDB.
    Mysql,
    /// PostgreSQL.
    Pgsql,
    /// SMTP and LMTP.
    Smtp,
    /// FTP.
    Ftp,
    /// Redis.
    Redis,
    /// MongoDB.
    Mongodb,
    /// POP3.
    Pop3,
    /// IMAP.
    Imap,
    /// HTTP.
    Http,
}

impl Service {
    /// The name used in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mysql => "mysql",
            Self::Pgsql => "pgsql",
            Self::Smtp => "smtp",
            Self::Ftp => "ftp",
            Self::Redis => "redis",
            Self::Mongodb => "mongodb",
            Self::Pop3 => "pop3",
            Self::Imap => "imap",
            Self::Http => "http",
        }
    }
}

/// Outcome of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Accepted.
    Success,
    /// Refused.
    Failure,
    /// Unanswered or abandoned.
    Unknown,
    /// Encryption began before a user was seen.
    Encrypted,
}

impl Outcome {
    /// The name used in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Unknown => "unknown",
            Self::Encrypted => "encrypted",
        }
    }
}

/// Proof of identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// A password or token.
    Password(Vec<u8>),
    /// A binary answer to a challenge, shown in records as `hex:…`.
    Digest(Vec<u8>),
    /// A textual answer to a challenge: `md5…`, `c=…,r=…,p=…`.
    Message(Vec<u8>),
}

impl Secret {
    /// The kind used in records.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Password(_) => "password",
            Self::Digest(_) | Self::Message(_) => "proof",
        }
    }

    /// The bytes of the password or proof.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Password(bytes) | Self::Digest(bytes) | Self::Message(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(service: Service, outcome: Outcome, code: &str, message: &str) -> i8 {
        let login = Login {
            outcome,
            code: Some(code.to_owned()),
            message: Some(message.into()),
            ..Login::new(service)
        };
        login.crack_result()
    }

    #[test]
    fn wrong_passwords_are_told_from_other_failures() {
        let failed = |service, code, message| ended(service, Outcome::Failure, code, message);
        assert_eq!(failed(Service::Mysql, "1045", ""), 2);
        assert_eq!(failed(Service::Mysql, "1044", ""), 3);
        assert_eq!(failed(Service::Mysql, "1049", ""), 3);
        assert_eq!(failed(Service::Redis, "WRONGPASS", ""), 2);
        assert_eq!(failed(Service::Redis, "ERR", "ERR invalid password"), 2);
        assert_eq!(failed(Service::Redis, "ERR", "ERR no password is set"), 3);
        assert_eq!(failed(Service::Imap, "BAD", ""), 3);
        assert_eq!(ended(Service::Ftp, Outcome::Success, "230", ""), 1);
        assert_eq!(ended(Service::Ftp, Outcome::Unknown, "", ""), -1);
        assert_eq!(ended(Service::Ftp, Outcome::Encrypted, "", ""), -1);
    }
}

//! The record of a login.

/// An attempt to log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// What was logged in to.
    pub service: Service,
    /// The user, as sent; MongoDB's and SCRAM's without their escapes.
    pub user: Option<Vec<u8>>,
    /// The domain of the user (NTLM).
    pub domain: Option<Vec<u8>>,
    /// What proves who the user is.
    pub secret: Option<Secret>,
    /// What the proof answers: a salt, a nonce. Of SCRAM the start of its AuthMessage (RFC 5802,
    /// section 3): the client's first message without the header, a comma, the server's first.
    pub challenge: Option<Vec<u8>>,
    /// How the secret is proved: `plain`, `mysql_native_password`; `tls` of an encrypted login.
    pub mechanism: Option<String>,
    /// The database that was requested with it.
    pub database: Option<Vec<u8>>,
    /// What became of it.
    pub outcome: Outcome,
    /// The server's code: `230`, `1045`, `28P01`, `WRONGPASS`, `-ERR`, `NO`. `0` of a success where
    /// the protocol has no code for it.
    pub code: Option<String>,
    /// The server's words.
    pub message: Option<Vec<u8>>,
    /// 1 for the first attempt of the connection, 2 for the second one …
    pub attempt: u32,
}

impl Login {
    /// An attempt whose outcome is not known yet, and nothing else of it.
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

    /// The outcome as a number: 1 success, 2 a wrong user or password, 3 another failure, -1
    /// unknown or encrypted.
    pub fn crack_result(&self) -> i8 {
        match self.outcome {
            Outcome::Success => 1,
            Outcome::Failure if self.is_refused() => 2,
            Outcome::Failure => 3,
            Outcome::Unknown | Outcome::Encrypted => -1,
        }
    }

    /// Whether the code says that user or password is wrong.
    fn is_refused(&self) -> bool {
        let code = self.code.as_deref().unwrap_or_default();
        let codes: &[&str] = match self.service {
            Service::Mysql => &["1044", "1045", "1698"],
            Service::Pgsql => &["28P01", "28000"],
            Service::Smtp => &["535"],
            Service::Ftp => &["530"],
            Service::Redis => return code == "WRONGPASS" || self.is_invalid_password(),
            Service::Mongodb => &["18"],
            // Their answers to a login have no finer codes.
            Service::Pop3 => &["-ERR"],
            Service::Imap => &["NO"],
            Service::Http => &["401", "407"],
        };
        codes.contains(&code)
    }

    /// Redis before 6.0 has no code for it.
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
    /// Its name in records.
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

/// What became of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was accepted.
    Success,
    /// It was refused.
    Failure,
    /// It was not answered, or given up.
    Unknown,
    /// Encryption began before a user was seen.
    Encrypted,
}

impl Outcome {
    /// Its name in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Unknown => "unknown",
            Self::Encrypted => "encrypted",
        }
    }
}

/// What proves who a user is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// A password or a token, as text.
    Password(Vec<u8>),
    /// The answer to a challenge, as bytes: records show them as `hex:…`.
    Digest(Vec<u8>),
    /// The answer to a challenge, as the text of which the protocol has it: `md5…`, `c=…,r=…,p=…`.
    Message(Vec<u8>),
}

impl Secret {
    /// Its kind in records.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Password(_) => "password",
            Self::Digest(_) | Self::Message(_) => "proof",
        }
    }

    /// Its bytes.
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

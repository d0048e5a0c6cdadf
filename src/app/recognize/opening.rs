//! Input of protocol recognition.

/// A protocol that can be recognized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Protocol {
    /// HTTP/1.
    Http,
    /// TLS over TCP.
    Tls,
    /// Secure Shell.
    Ssh,
    /// Remote Desktop Protocol.
    Rdp,
    /// DNS over TCP.
    Dns,
    /// MySQL and MariaDB.
    Mysql,
    /// PostgreSQL.
    Pgsql,
    /// Redis.
    Redis,
    /// MongoDB.
    Mongodb,
    /// FTP control connection.
    Ftp,
    /// A SOCKS proxy, through which another protocol is spoken.
    Socks,
    /// SMTP or LMTP.
    Smtp,
    /// POP3.
    Pop3,
    /// IMAP.
    Imap,
}

/// The start of a connection, with one item for each endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Opening<'a> {
    /// The first bytes of each endpoint.
    pub bytes: [&'a [u8]; 2],
    /// The ports.
    pub ports: [u16; 2],
    /// The endpoint that connected, if that was captured.
    pub client: Option<usize>,
}

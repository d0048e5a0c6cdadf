//! What is to be recognized.

/// A protocol that can be recognized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Protocol {
    /// HTTP/1.
    Http,
    /// TLS, over TCP.
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
    /// File transfer protocol: its control connection.
    Ftp,
    /// A proxy, by which another protocol is spoken.
    Socks,
    /// Mail transfer.
    Smtp,
    /// Post office protocol.
    Pop3,
    /// Internet message access protocol.
    Imap,
}

/// What is known of the sides of a connection: first those of one endpoint, then of the other.
#[derive(Clone, Copy, Debug)]
pub struct Opening<'a> {
    /// The first bytes of each.
    pub bytes: [&'a [u8]; 2],
    /// Their ports.
    pub ports: [u16; 2],
    /// Which of them connected, if that was captured.
    pub client: Option<usize>,
}

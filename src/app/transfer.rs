//! Records of FTP commands with a data connection.

use std::net::IpAddr;

/// An FTP command with a data connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The user of the control connection.
    pub user: Option<Vec<u8>>,
    /// `RETR`, `STOR`, `LIST` …
    pub command: &'static str,
    /// The argument.
    pub arg: Option<Vec<u8>>,
    /// The code of the last reply: `226`, `550`.
    pub code: Option<String>,
    /// The text of the last reply.
    pub message: Option<Vec<u8>>,
    /// The listening end of the data connection.
    pub data: Option<DataEndpoint>,
}

/// The listening end of a data connection (RFC 959, section 3.3; RFC 2428).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataEndpoint {
    /// The address; `None` for the server's (EPSV).
    pub address: Option<IpAddr>,
    /// The port.
    pub port: u16,
    /// Whether the server (PASV, EPSV) or the client (PORT, EPRT) listens.
    pub is_passive: bool,
}

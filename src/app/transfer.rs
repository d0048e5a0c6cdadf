//! The record of an FTP command with a data connection.

use std::net::IpAddr;

/// A command with a data connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The user of the control connection.
    pub user: Option<Vec<u8>>,
    /// `RETR`, `STOR`, `LIST` …
    pub command: &'static str,
    /// Its argument.
    pub arg: Option<Vec<u8>>,
    /// The last code the server answered with: `226`, `550`.
    pub code: Option<String>,
    /// The server's words.
    pub message: Option<Vec<u8>>,
    /// Where the data go.
    pub data: Option<DataEndpoint>,
}

/// The end of a data connection that listens (RFC 959, section 3.3; RFC 2428).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataEndpoint {
    /// Its address; `None` for that of the server (EPSV).
    pub address: Option<IpAddr>,
    /// Its port.
    pub port: u16,
    /// Whether the server listens (PASV, EPSV), not the client (PORT, EPRT).
    pub is_passive: bool,
}

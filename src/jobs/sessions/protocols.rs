//! Names of protocols.

use crate::app::recognize::Protocol;

/// The name used in records.
pub(super) fn name(protocol: Protocol) -> &'static str {
    let known = PROTOCOLS.iter().find(|it| it.1 == protocol);
    known.map_or("", |it| it.0)
}

/// The names of protocols.
pub(super) const PROTOCOLS: [(&str, Protocol); 14] = [
    ("http", Protocol::Http),
    ("tls", Protocol::Tls),
    ("ssh", Protocol::Ssh),
    ("rdp", Protocol::Rdp),
    ("dns", Protocol::Dns),
    ("socks", Protocol::Socks),
    ("mysql", Protocol::Mysql),
    ("pgsql", Protocol::Pgsql),
    ("redis", Protocol::Redis),
    ("mongodb", Protocol::Mongodb),
    ("ftp", Protocol::Ftp),
    ("smtp", Protocol::Smtp),
    ("pop3", Protocol::Pop3),
    ("imap", Protocol::Imap),
];

//! The parsers of protocols.

use super::rules::Rules;
use crate::app::dns::DnsStream;
use crate::app::http::HttpParser;
use crate::app::rdp::RdpParser;
use crate::app::recognize::Protocol;
use crate::app::socks::SocksParser;
use crate::app::ssh::SshParser;
use crate::app::tls::TlsParser;
use crate::app::{Ftp, Imap, Mongodb, Mysql, Parser, Pgsql, Pop3, Redis, Smtp};

/// Creates the parser of a protocol, if it is to be parsed.
pub(super) fn parser(
    protocol: Protocol,
    rules: &Rules,
    is_midstream: bool,
) -> Option<Box<dyn Parser>> {
    if protocol != Protocol::Socks && !rules.services.reads(protocol) {
        return None;
    }
    Some(match protocol {
        Protocol::Http => Box::new(HttpParser::new(rules.http.clone(), is_midstream)),
        Protocol::Dns => Box::new(DnsStream::default()),
        Protocol::Tls => Box::new(TlsParser::default()),
        Protocol::Socks => Box::new(SocksParser::default()),
        Protocol::Ssh => Box::new(SshParser::default()),
        Protocol::Rdp => Box::new(RdpParser::default()),
        Protocol::Mysql => Box::new(Mysql::new()),
        Protocol::Pgsql => Box::new(Pgsql::new()),
        Protocol::Redis => Box::new(Redis::new()),
        Protocol::Mongodb => Box::new(Mongodb::new()),
        Protocol::Ftp => Box::new(Ftp::new()),
        Protocol::Smtp => Box::new(Smtp::new()),
        Protocol::Pop3 => Box::new(Pop3::new()),
        Protocol::Imap => Box::new(Imap::new()),
    })
}

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

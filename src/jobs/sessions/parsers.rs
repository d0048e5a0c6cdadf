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

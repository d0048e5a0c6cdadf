//! Conversations in pieces and with gaps: no parser panics, or reports more than it was fed.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use pcap_flows::app::dns::{DnsStream, Kind, message};
use pcap_flows::app::http::{HttpOptions, HttpParser};
use pcap_flows::app::quic::Quic;
use pcap_flows::app::rdp::RdpParser;
use pcap_flows::app::recognize::{Opening, recognize};
use pcap_flows::app::socks::SocksParser;
use pcap_flows::app::ssh::SshParser;
use pcap_flows::app::tls::TlsParser;
use pcap_flows::app::{
    Ftp, Imap, Moment, Mongodb, Mysql, Next, Parser, Pgsql, Pop3, Redis, Side, Smtp,
};

#[derive(Arbitrary, Debug)]
struct Conversation<'a> {
    parser: u8,
    parts: Vec<(bool, Part<'a>)>,
}

#[derive(Arbitrary, Debug)]
enum Part<'a> {
    Bytes(&'a [u8]),
    Gap(u16),
    Closed,
}

fn parser(number: u8) -> Box<dyn Parser> {
    let options = HttpOptions {
        hash: true,
        ..HttpOptions::default()
    };
    match number % 14 {
        0 => Box::new(HttpParser::new(options, false)),
        1 => Box::new(DnsStream::default()),
        2 => Box::new(TlsParser::default()),
        3 => Box::new(SshParser::default()),
        4 => Box::new(RdpParser::default()),
        5 => Box::new(SocksParser::default()),
        6 => Box::new(Mysql::new()),
        7 => Box::new(Pgsql::new()),
        8 => Box::new(Redis::new()),
        9 => Box::new(Mongodb::new()),
        10 => Box::new(Ftp::new()),
        11 => Box::new(Smtp::new()),
        12 => Box::new(Pop3::new()),
        _ => Box::new(Imap::new()),
    }
}

fuzz_target!(|conversation: Conversation<'_>| {
    let mut parser = parser(conversation.parser);
    let mut found = Vec::new();
    let mut bytes = 0;
    for (packet, (is_server, part)) in (1..).zip(&conversation.parts) {
        let side = if *is_server {
            Side::Server
        } else {
            Side::Client
        };
        let at = Moment {
            packet,
            ..Moment::default()
        };
        let next = match part {
            Part::Bytes(data) => {
                bytes += data.len();
                let skippable = parser.skippable(side);
                if skippable >= data.len() as u64 && packet % 2 == 0 {
                    parser.skipped(side, data.len() as u64, at, &mut found)
                } else {
                    parser.data(side, data, at, &mut found)
                }
            }
            Part::Gap(missing) => parser.gap(side, u64::from(*missing) + 1, at, &mut found),
            Part::Closed => {
                parser.closed(side, at, &mut found);
                Next::Continue
            }
        };
        if next != Next::Continue {
            break;
        }
    }
    parser.end(&mut found);
    // A request, a login, and what ended them.
    assert!(found.len() <= 4 * (bytes + conversation.parts.len()));

    let mut quic = Quic::default();
    for (is_server, part) in &conversation.parts {
        if let Part::Bytes(data) = part {
            message(data, Kind::Mdns, *is_server);
            quic.datagram(usize::from(*is_server), data, Moment::default(), &mut found);
            recognize(&Opening {
                bytes: [data, &[]],
                ports: [40_000, 53],
                client: None,
            });
        }
    }
});

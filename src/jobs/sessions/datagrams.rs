//! Datagrams between two endpoints: DNS, and QUIC handshakes.

use super::ends::Ends;
use super::options::Services;
use crate::app::dns::{Kind, Queries, is_plausible, message};
use crate::app::quic::{Datagram, Quic};
use crate::app::{Content, Found, Moment, Span};

/// State of the datagrams between two endpoints.
#[derive(Debug)]
pub(super) struct Datagrams {
    /// The kind of DNS, by its usual port.
    dns: Option<Kind>,
    reads_dns: bool,
    queries: Queries,
    /// QUIC handshakes, unless the ports belong to DNS.
    quic: Option<Quic>,
    /// The client of the last handshake.
    quic_client: Option<usize>,
    /// Numbers of recognized datagrams and of others.
    known: u64,
    strangers: u32,
}

impl Datagrams {
    /// `is_dns` says that it is DNS, whatever the ports.
    pub(super) fn new(ports: [u16; 2], services: &Services, is_dns: bool) -> Self {
        let kind = |port: u16| match port {
            53 => Some(Kind::Dns),
            5353 => Some(Kind::Mdns),
            5355 => Some(Kind::Llmnr),
            _ => None,
        };
        // NetBIOS names share the format of DNS (RFC 1002).
        let is_netbios = ports.contains(&137);
        Self {
            dns: ports
                .into_iter()
                .find_map(kind)
                .or_else(|| is_dns.then_some(Kind::Dns)),
            reads_dns: services.dns && !is_netbios,
            queries: Queries::default(),
            quic: (services.quic && !ports.contains(&53)).then(Quic::default),
            quic_client: None,
            known: 0,
            strangers: 0,
        }
    }

    pub(super) const fn is_recognized(&self) -> bool {
        self.known > 0
    }

    /// The client of a QUIC handshake, if there is one.
    pub(super) const fn quic_client(&self) -> Option<usize> {
        self.quic_client
    }

    pub(super) fn read(
        &mut self,
        place: usize,
        bytes: &[u8],
        is_cut: bool,
        at: Moment,
        found: &mut Vec<Found>,
    ) -> Ends {
        match self.quic(place, bytes, at, found) {
            Datagram::Done => return Ends::Over,
            Datagram::Handshake => return Ends::Not,
            Datagram::Stranger => {}
        }
        if self.reads_dns && self.dns(bytes, is_cut, at, found) {
            self.known += 1;
            self.quic = None;
            return Ends::Not;
        }
        self.strangers += 1;
        // A handshake may continue after other, encrypted packets.
        let most = match self.quic_client {
            Some(_) => MOST_AFTER_HELLO,
            None => MOST_STRANGERS,
        };
        if self.strangers < most {
            return Ends::Not;
        }
        match (self.known, self.quic_client) {
            (0, _) => Ends::Unknown,
            (_, Some(_)) => {
                self.end(found);
                Ends::Over
            }
            _ => Ends::Not,
        }
    }

    fn quic(&mut self, place: usize, bytes: &[u8], at: Moment, found: &mut Vec<Found>) -> Datagram {
        let Some(quic) = &mut self.quic else {
            return Datagram::Stranger;
        };
        let seen = quic.datagram(place, bytes, at, found);
        if seen == Datagram::Handshake && self.quic_client.is_none() {
            self.known += 1;
            self.quic_client = quic.client();
        }
        seen
    }

    /// Reads a DNS message, if it is one.
    fn dns(&mut self, bytes: &[u8], is_cut: bool, at: Moment, found: &mut Vec<Found>) -> bool {
        if self.dns.is_none() && (is_cut || !is_plausible(bytes, true)) {
            return false;
        }
        let kind = self.dns.unwrap_or_default();
        let Some((mut dns, notes, rest)) = message(bytes, kind, is_cut) else {
            return false;
        };
        let is_certain = rest == 0 && notes.is_empty() && !dns.questions.is_empty();
        if self.dns.is_none() && !is_certain {
            return false;
        }
        self.queries.pair(&mut dns, at);
        found.push(Found {
            span: Span {
                first: at,
                last: at,
            },
            notes,
            content: Content::Dns(Box::new(dns)),
        });
        true
    }

    /// Ends the conversation.
    pub(super) fn end(&mut self, found: &mut Vec<Found>) {
        if let Some(quic) = &mut self.quic {
            quic.end(found);
        }
    }
}

/// Unrecognized datagrams after which the rest is ignored.
const MOST_STRANGERS: u32 = 4;
const MOST_AFTER_HELLO: u32 = 64;

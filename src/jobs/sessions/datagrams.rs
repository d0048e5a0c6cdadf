//! Datagrams between two endpoints: DNS.

use super::conversation::Ends;
use super::options::Services;
use crate::app::dns::{Kind, Queries, is_plausible, message};
use crate::app::{Content, Found, Moment, Span};

/// What datagrams between two endpoints are.
#[derive(Debug)]
pub(super) struct Datagrams {
    /// By a port that is usual for it.
    dns: Option<Kind>,
    reads_dns: bool,
    queries: Queries,
    /// Datagrams that were read, and others.
    known: u64,
    strangers: u32,
}

impl Datagrams {
    pub(super) fn new(ports: [u16; 2], services: &Services) -> Self {
        let kind = |port: u16| match port {
            53 => Some(Kind::Dns),
            5353 => Some(Kind::Mdns),
            5355 => Some(Kind::Llmnr),
            _ => None,
        };
        // NetBIOS names have the format of DNS, too (RFC 1002).
        let is_netbios = ports.contains(&137);
        Self {
            dns: ports.into_iter().find_map(kind),
            reads_dns: services.dns && !is_netbios,
            queries: Queries::default(),
            known: 0,
            strangers: 0,
        }
    }

    pub(super) const fn is_recognized(&self) -> bool {
        self.known > 0
    }

    pub(super) fn read(
        &mut self,
        _: usize,
        bytes: &[u8],
        is_cut: bool,
        at: Moment,
        found: &mut Vec<Found>,
    ) -> Ends {
        if self.reads_dns && self.dns(bytes, is_cut, at, found) {
            self.known += 1;
            return Ends::Not;
        }
        self.strangers += 1;
        if self.known == 0 && self.strangers >= MOST_STRANGERS {
            return Ends::Unknown;
        }
        Ends::Not
    }

    /// Reads a message, if it is one.
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

    pub(super) fn end(&mut self, _: &mut Vec<Found>) {}
}

/// Datagrams that are nothing known, before the rest is not looked at.
const MOST_STRANGERS: u32 = 4;

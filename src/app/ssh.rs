//! Handshakes of SSH: versions and offers of both sides (RFC 4253, sections 4.2 and 7.1).

use super::digest::hex;
use super::found::{Content, Found, Moment, Note, Notes, Span};
use super::parser::{Next, Parser, Side};
use md5::{Digest, Md5};

/// A handshake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ssh {
    /// The client's version: `SSH-2.0-OpenSSH_9.2`.
    pub client: Option<Vec<u8>>,
    /// The server's.
    pub server: Option<Vec<u8>>,
    /// What both offer.
    pub client_offer: Option<Offer>,
    /// See above.
    pub server_offer: Option<Offer>,
}

/// The algorithms that a side offers: lists with commas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer(pub [Vec<u8>; 8]);

/// Which list is where (section 7.1): key exchange, host keys, then ciphers, MACs and compression
/// from the client to the server, and back.
const KEX: usize = 0;
const HOST_KEY: usize = 1;
const TO_SERVER: [usize; 4] = [KEX, 2, 4, 6];
const TO_CLIENT: [usize; 4] = [KEX, 3, 5, 7];

impl Ssh {
    /// The fingerprint of the client's offer (<https://github.com/salesforce/hassh>).
    pub fn hassh(&self) -> Option<String> {
        Some(self.client_offer.as_ref()?.print(TO_SERVER))
    }

    /// The fingerprint of the server's offer.
    pub fn hassh_server(&self) -> Option<String> {
        Some(self.server_offer.as_ref()?.print(TO_CLIENT))
    }

    /// The algorithm of key exchange that both take.
    pub fn kex(&self) -> Option<&[u8]> {
        self.chosen(KEX)
    }

    /// The algorithm of host keys that both take.
    pub fn host_key(&self) -> Option<&[u8]> {
        self.chosen(HOST_KEY)
    }

    /// The first of the client's list that the server has.
    fn chosen(&self, list: usize) -> Option<&[u8]> {
        let (client, server) = (self.client_offer.as_ref()?, self.server_offer.as_ref()?);
        let (client, server) = (client.0.get(list)?, server.0.get(list)?);

        let mut offered = client.split(|it| *it == b',');
        offered.find(|name| server.split(|it| *it == b',').any(|it| it == *name))
    }
}

impl Offer {
    fn parse(mut payload: &[u8]) -> Option<Self> {
        // The type of the message, and its cookie.
        payload = payload.strip_prefix(&[KEXINIT])?.get(16..)?;
        let mut offer = Self::default();
        for list in &mut offer.0 {
            let (len, rest) = payload.split_first_chunk()?;
            let (names, rest) = rest.split_at_checked(u32::from_be_bytes(*len) as usize)?;
            *list = names.to_vec();
            payload = rest;
        }
        Some(offer)
    }

    fn print(&self, lists: [usize; 4]) -> String {
        let lists = lists.map(|at| self.0.get(at).map(Vec::as_slice).unwrap_or_default());
        hex(&Md5::digest(lists.join(&b";"[..])))
    }
}

/// Reads a handshake; what follows it is encrypted, and not read.
#[derive(Debug, Default)]
pub struct SshParser {
    ssh: Ssh,
    client: Half,
    server: Half,
    span: Option<Span>,
    notes: Notes,
}

#[derive(Debug, Default)]
struct Half {
    pending: Vec<u8>,
    has_version: bool,
    is_over: bool,
}

/// What a side says.
enum Said {
    Version(Vec<u8>),
    Offer(Option<Offer>),
}

impl Half {
    /// The next thing that is complete.
    fn next(&mut self) -> Option<Said> {
        while !self.has_version {
            let end = self.pending.iter().position(|it| *it == b'\n')?;
            let line: Vec<u8> = self.pending.drain(..=end).collect();
            if line.starts_with(b"SSH-") {
                self.has_version = true;
                return Some(Said::Version(line.trim_ascii_end().to_vec()));
            }
        }
        let (len, rest) = self.pending.split_first_chunk()?;
        let len = u32::from_be_bytes(*len) as usize;
        if len > MOST_OF_PACKET {
            return Some(Said::Offer(None));
        }
        let packet = rest.get(..len)?;
        let payload = packet.split_first().and_then(|(padding, rest)| {
            let len = rest.len().checked_sub(usize::from(*padding))?;
            rest.get(..len)
        });
        let offer = Offer::parse(payload.unwrap_or_default());
        Some(Said::Offer(offer))
    }
}

impl SshParser {
    fn half(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    fn said(&mut self, side: Side, said: Said) {
        match (side, said) {
            (Side::Client, Said::Version(version)) => self.ssh.client = Some(version),
            (Side::Server, Said::Version(version)) => self.ssh.server = Some(version),
            (side, Said::Offer(offer)) => {
                // That of SSH 1 looks otherwise.
                self.half(side).is_over = true;
                match side {
                    Side::Client => self.ssh.client_offer = offer,
                    Side::Server => self.ssh.server_offer = offer,
                }
            }
        }
    }

    fn report(&mut self, found: &mut Vec<Found>) {
        let ssh = std::mem::take(&mut self.ssh);
        let Some(span) = self.span.filter(|_| ssh != Ssh::default()) else {
            return;
        };
        self.span = None;
        found.push(Found {
            span,
            notes: self.notes,
            content: Content::Ssh(Box::new(ssh)),
        });
    }
}

impl Parser for SshParser {
    fn data(&mut self, side: Side, bytes: &[u8], at: Moment, found: &mut Vec<Found>) -> Next {
        let half = self.half(side);
        if half.is_over {
            return Next::Continue;
        }
        half.pending.extend_from_slice(bytes);
        let span = self.span.get_or_insert(Span {
            first: at,
            last: at,
        });
        span.last = span.last.max(at);
        while !self.half(side).is_over {
            let Some(said) = self.half(side).next() else {
                break;
            };
            self.said(side, said);
        }
        let half = self.half(side);
        if half.pending.len() > MOST_PENDING {
            half.is_over = true;
            self.notes.add(Note::Limit);
        }
        if self.client.is_over && self.server.is_over {
            self.report(found);
            return Next::Stop;
        }
        Next::Continue
    }

    fn gap(&mut self, side: Side, _: u64, _: Moment, _: &mut Vec<Found>) -> Next {
        self.notes.add(Note::Gap);
        self.half(side).is_over = true;
        Next::Continue
    }

    fn end(&mut self, found: &mut Vec<Found>) {
        self.report(found);
    }
}

const KEXINIT: u8 = 20;
/// RFC 4253, section 6.1.
const MOST_OF_PACKET: usize = 35_000;
const MOST_PENDING: usize = 64 * 1024;

#[cfg(test)]
mod tests;

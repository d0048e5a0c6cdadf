//! QUIC handshakes: the Initial packets, which any observer can decrypt (RFC 9001, section 5.2; RFC
//! 9369; drafts 27 to 34).

mod crypto;
mod keys;
mod packet;

use crate::app::found::{Content, Found, Moment, Note, Notes, Span};
use crate::app::tls::{ClientHello, ServerHello, Tls};
use crypto::Crypto;
use keys::Keys;
use packet::{Header, Kind, header};

/// Parser of the datagrams between two endpoints, until both hellos of a handshake are known.
#[derive(Debug, Default)]
pub struct Quic {
    connection: Option<Connection>,
}

/// A connection whose first packet was decrypted.
#[derive(Debug)]
struct Connection {
    keys: Keys,
    /// The client's endpoint, 0 or 1.
    client: usize,
    crypto: [Crypto; 2],
    tls: Tls,
    span: Span,
    notes: Notes,
    packets: u32,
}

/// Content of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datagram {
    /// Not QUIC, or not decryptable.
    Stranger,
    /// Part of a handshake.
    Handshake,
    /// Nothing more can be found.
    Done,
}

impl Quic {
    /// The client's endpoint, if a handshake was found.
    pub fn client(&self) -> Option<usize> {
        self.connection.as_ref().map(|it| it.client)
    }

    /// Reads the packets of a datagram from endpoint `place`.
    pub fn datagram(
        &mut self,
        place: usize,
        bytes: &[u8],
        at: Moment,
        found: &mut Vec<Found>,
    ) -> Datagram {
        let mut rest = bytes;
        let mut seen = Datagram::Stranger;
        while let Some(header) = header(rest) {
            let (packet, behind) = rest.split_at(header.len.min(rest.len()));
            rest = behind;
            match self.packet(place, packet, &header, at) {
                Datagram::Stranger => {}
                other => seen = other,
            }
            if header.kind == Kind::Other || rest.is_empty() {
                break;
            }
        }
        if seen == Datagram::Done {
            self.end(found);
        }
        seen
    }

    fn packet(&mut self, place: usize, packet: &[u8], header: &Header<'_>, at: Moment) -> Datagram {
        if header.kind == Kind::Retry {
            return self.retry(place, header);
        }
        if header.kind != Kind::Initial {
            return Datagram::Stranger;
        }
        let side = self
            .connection
            .as_ref()
            .map(|it| usize::from(it.client != place));
        let known = self.connection.as_ref().zip(side);
        let payload = known.and_then(|(it, side)| it.keys.open(side, packet, header));
        let payload = match payload {
            Some(payload) => payload,
            None if self.connection.is_none() => {
                let Some(keys) = Keys::new(header.version, header.destination) else {
                    return Datagram::Stranger;
                };
                let Some(payload) = keys.open(0, packet, header) else {
                    return Datagram::Stranger;
                };
                self.connection = Some(Connection::new(keys, place, at));
                payload
            }
            None => return Datagram::Stranger,
        };
        match &mut self.connection {
            Some(connection) => connection.initial(place, &payload, at),
            None => Datagram::Stranger,
        }
    }

    /// Handles a Retry: the client begins again with keys from another connection ID (RFC 9001,
    /// section 5.2).
    fn retry(&mut self, place: usize, header: &Header<'_>) -> Datagram {
        match &mut self.connection {
            Some(connection) if connection.client != place => {
                if let Some(keys) = Keys::new(header.version, header.source) {
                    connection.keys = keys;
                }
                connection.crypto = <[Crypto; 2]>::default();
                Datagram::Handshake
            }
            _ => Datagram::Stranger,
        }
    }

    /// Ends the connection.
    pub fn end(&mut self, found: &mut Vec<Found>) {
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        if connection.tls.client.is_none() {
            return;
        }
        if connection.tls.server.is_none() {
            connection.notes.add(Note::NoResponse);
        }
        found.push(Found {
            span: connection.span,
            notes: connection.notes,
            content: Content::Tls(Box::new(connection.tls)),
        });
    }
}

impl Connection {
    fn new(keys: Keys, client: usize, at: Moment) -> Self {
        Self {
            keys,
            client,
            crypto: <[Crypto; 2]>::default(),
            tls: Tls::default(),
            span: Span {
                first: at,
                last: at,
            },
            notes: Notes::default(),
            packets: 0,
        }
    }

    /// Reads the frames of a packet.
    fn initial(&mut self, place: usize, payload: &[u8], at: Moment) -> Datagram {
        self.packets += 1;
        self.span.last = self.span.last.max(at);
        let side = usize::from(place != self.client);
        let Some(crypto) = self.crypto.get_mut(side) else {
            return Datagram::Stranger;
        };
        crypto.frames(payload);
        let message = crypto.message();
        if let Some((kind, body)) = message {
            match (side, kind) {
                (0, 1) if self.tls.client.is_none() => self.tls.client = ClientHello::parse(body),
                (1, 2) => self.tls.server = ServerHello::parse(body),
                _ => {}
            }
        }
        let is_retry = self.tls.server.as_ref().is_some_and(|it| it.is_retry);
        self.tls.hello_retry |= is_retry;
        let is_whole = self.tls.client.is_some() && self.tls.server.is_some();
        if is_whole || self.packets >= MOST_PACKETS {
            Datagram::Done
        } else {
            Datagram::Handshake
        }
    }
}

/// Initial packets read per connection.
const MOST_PACKETS: u32 = 16;

#[cfg(test)]
mod tests;

//! The record of a message.

use crate::app::moment::Moment;

/// A message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dns {
    /// By its port.
    pub kind: Kind,
    /// Its header.
    pub header: Header,
    /// What is asked.
    pub questions: Vec<Question>,
    /// The records of its sections: answer, authority, additional.
    pub sections: [Vec<Record>; 3],
    /// Its OPT record, read (RFC 6891).
    pub edns: Option<Edns>,
    /// Of a response, when the query came.
    pub query: Option<Moment>,
}

/// Which of the protocols that share the format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// DNS.
    #[default]
    Dns,
    /// Multicast DNS.
    Mdns,
    /// Link-local multicast name resolution.
    Llmnr,
}

/// The header of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The id, by which a response is matched with its query.
    pub id: u16,
    /// The bits of flags, opcode and response code.
    pub flags: u16,
    /// The upper bits of the response code, as EDNS has them.
    pub extended_rcode: u8,
    /// How many questions and records of the sections there should be.
    pub counts: [u16; 4],
}

impl Header {
    /// Whether it is a response.
    pub const fn is_response(self) -> bool {
        self.flags & 0x8000 != 0
    }

    /// What kind of query it is.
    pub const fn opcode(self) -> u8 {
        (self.flags >> 11 & 15) as u8
    }

    /// The response code, with the upper bits of EDNS.
    pub const fn rcode(self) -> u16 {
        (self.extended_rcode as u16) << 4 | self.flags & 15
    }
}

/// A question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// The name, in presentation format, with a dot at its end.
    pub name: String,
    /// The type of records.
    pub rtype: u16,
    /// Their class, in multicast DNS without its top bit.
    pub class: u16,
    /// That bit: a unicast response is requested.
    pub flush: bool,
}

/// A record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Its name, in presentation format, with a dot at its end.
    pub name: String,
    /// Its type.
    pub rtype: u16,
    /// Its class, in multicast DNS without its top bit.
    pub class: u16,
    /// That bit: other records that are cached are to be forgotten.
    pub flush: bool,
    /// How long it may be cached, in seconds.
    pub ttl: u32,
    /// Its data, in presentation format.
    pub data: String,
}

/// An OPT record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edns {
    /// The version.
    pub version: u8,
    /// The longest datagram that its sender takes, in bytes.
    pub udp_size: u16,
    /// Whether DNSSEC is understood.
    pub dnssec_ok: bool,
    /// Options: codes with their data.
    pub options: Vec<(u16, Vec<u8>)>,
}

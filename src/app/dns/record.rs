//! Records of DNS messages.

use crate::app::moment::Moment;

/// A DNS message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dns {
    /// The protocol, by port.
    pub kind: Kind,
    /// The header.
    pub header: Header,
    /// The questions.
    pub questions: Vec<Question>,
    /// The records of the answer, authority and additional sections.
    pub sections: [Vec<Record>; 3],
    /// The parsed OPT record (RFC 6891).
    pub edns: Option<Edns>,
    /// For a response, the time of its query.
    pub query: Option<Moment>,
}

/// The protocols that share the message format.
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

/// A message header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The id, which matches a response with its query.
    pub id: u16,
    /// Flags, opcode and response code.
    pub flags: u16,
    /// The upper bits of the response code, from EDNS.
    pub extended_rcode: u8,
    /// The stated numbers of questions and of records per section.
    pub counts: [u16; 4],
}

impl Header {
    /// Whether the message is a response.
    pub const fn is_response(self) -> bool {
        self.flags & 0x8000 != 0
    }

    /// The opcode.
    pub const fn opcode(self) -> u8 {
        (self.flags >> 11 & 15) as u8
    }

    /// The response code, including the upper bits from EDNS.
    pub const fn rcode(self) -> u16 {
        (self.extended_rcode as u16) << 4 | self.flags & 15
    }
}

/// A question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// The name, in presentation format with its final dot.
    pub name: String,
    /// The record type.
    pub rtype: u16,
    /// The class, without its top bit in multicast DNS.
    pub class: u16,
    /// The top bit of the class in multicast DNS: a unicast response is requested.
    pub flush: bool,
}

/// A resource record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The name, in presentation format with its final dot.
    pub name: String,
    /// The type.
    pub rtype: u16,
    /// The class, without its top bit in multicast DNS.
    pub class: u16,
    /// The top bit of the class in multicast DNS: other cached records are to be flushed.
    pub flush: bool,
    /// Time to live, in seconds.
    pub ttl: u32,
    /// The data, in presentation format.
    pub data: String,
}

/// An OPT record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edns {
    /// The EDNS version.
    pub version: u8,
    /// The largest UDP payload that the sender accepts, in bytes.
    pub udp_size: u16,
    /// Whether the sender understands DNSSEC.
    pub dnssec_ok: bool,
    /// Options: codes and data.
    pub options: Vec<(u16, Vec<u8>)>,
}

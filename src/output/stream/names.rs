//! Names of the files that streams are written to.
//!
//! Names are made of numbers, addresses and what the user wrote, never of a packet's payload: no
//! capture can make one that leaves the directory of the output.

use crate::capture::Nanos;
use crate::decode::IpProtocol;
use crate::flow::FlowKey;
use std::fmt::{self, Write};
use std::net::IpAddr;
use std::str::FromStr;

/// What a name can be made of.
#[derive(Clone, Copy, Debug)]
pub struct StreamLabel<'a> {
    /// The flow's key, source being the sender of the stream's bytes.
    pub key: &'a FlowKey,
    /// The flow's number in the run.
    pub flow_id: u64,
    /// From 1, in order, for connections on the same addresses and ports.
    pub connection: u32,
    /// When the stream's first packet was captured.
    pub first: Nanos,
}

/// How files of streams are named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum NameStyle {
    /// `10.5.9.102.63280-17.253.2.226.80.tcp`: no file system refuses these. IPv6 addresses have
    /// `_` for `:`. A second connection's is `10.5.9.102.63280-17.253.2.226.80.tcp.2`.
    #[default]
    Portable,
    /// pcap_flow's names, with blanks, colons and `>`, to stand behind a prefix:
    /// `_00:10:18:72:00:3c->e0:3f:49:6a:af:a1_117. 27.153. 29-> 10.  5.  9.102_    80-> 62374`.
    Fmadio,
    /// What the user wrote.
    Template(NameTemplate),
}

impl NameStyle {
    /// The name of a stream's file. `extension` says what is in the file (`tcp`, `udp`,
    /// `tcp.pcap`); a later connection's number stands behind its first component, so that what
    /// tells the format stays last.
    pub fn name(&self, stream: &StreamLabel<'_>, extension: &str) -> String {
        let mut name = String::new();
        let written = match self {
            Self::Portable => portable(&mut name, stream, extension),
            Self::Fmadio => fmadio(&mut name, stream, extension),
            Self::Template(template) => template.write(&mut name, stream, extension),
        };
        debug_assert!(written.is_ok(), "a string takes all text");
        name
    }
}

fn portable(name: &mut String, stream: &StreamLabel<'_>, extension: &str) -> fmt::Result {
    let network = &stream.key.network;
    let (src, dst) = (network.src, network.dst);
    address(name, src)?;
    write!(name, ".{}-", network.src_port)?;
    address(name, dst)?;
    write!(name, ".{}.", network.dst_port)?;
    numbered(name, extension, stream.connection)
}

fn fmadio(name: &mut String, stream: &StreamLabel<'_>, extension: &str) -> fmt::Result {
    let FlowKey { link, network, .. } = stream.key;
    let (src_mac, dst_mac) = link.macs().unwrap_or_default();
    write!(name, "_{src_mac}->{dst_mac}_")?;
    padded_address(name, network.src)?;
    name.push_str("->");
    padded_address(name, network.dst)?;
    write!(name, "_{:6}->{:6}", network.src_port, network.dst_port)?;
    later(name, stream.connection)?;
    if extension.ends_with("pcap") {
        name.push_str(".pcap");
    }
    Ok(())
}

/// As C's `%3i.%3i.%3i.%3i` has it. pcap_flow knows no IPv6, so there is nothing to follow there.
fn padded_address(name: &mut String, address: IpAddr) -> fmt::Result {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            write!(name, "{a:3}.{b:3}.{c:3}.{d:3}")
        }
        IpAddr::V6(address) => write!(name, "{address}"),
    }
}

/// Colons are forbidden on some file systems, and taken for a host's name by some programs.
fn address(name: &mut String, address: IpAddr) -> fmt::Result {
    match address {
        IpAddr::V4(address) => write!(name, "{address}"),
        IpAddr::V6(address) => {
            name.push_str(&address.to_string().replace(':', "_"));
            Ok(())
        }
    }
}

/// The extension, a later connection's number behind its first component.
fn numbered(name: &mut String, extension: &str, connection: u32) -> fmt::Result {
    match extension.split_once('.') {
        None => {
            name.push_str(extension);
            later(name, connection)
        }
        Some((first, rest)) => {
            name.push_str(first);
            later(name, connection)?;
            write!(name, ".{rest}")
        }
    }
}

/// The number of a later connection; the first has none.
fn later(name: &mut String, connection: u32) -> fmt::Result {
    if connection > 1 {
        write!(name, ".{connection}")?;
    }
    Ok(())
}

/// A name with placeholders in braces, as in `{flow_id}-{src_ip}.{src_port}.{ext}`.
///
/// | placeholder | stands for |
/// |---|---|
/// | `{src_ip}` `{dst_ip}` | addresses, IPv6 with `_` for `:` |
/// | `{src_port}` `{dst_port}` | ports |
/// | `{protocol}` | `tcp`, `udp`, or the protocol's number |
/// | `{flow_id}` | the flow's number |
/// | `{connection}` | from 1, for connections on the same addresses and ports |
/// | `{vlan}` | VLAN ids, outermost first, as in `100.200`; nothing for an untagged flow |
/// | `{src_mac}` `{dst_mac}` | MAC addresses with `-` for `:`, zeros where there are none |
/// | `{first_ns}` | time of the first packet, nanoseconds since 1970 UTC |
/// | `{ext}` | the extension |
///
/// `{{` and `}}` are braces. Without `{connection}`, later connections get `.2`, `.3` and so on at
/// the end, or in the extension if that is the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameTemplate {
    pieces: Vec<Piece>,
}

impl NameTemplate {
    fn write(&self, name: &mut String, stream: &StreamLabel<'_>, ext: &str) -> fmt::Result {
        let (ends_in_ext, others) = match self.pieces.split_last() {
            Some((Piece::Field(Field::Ext), others)) => (true, others),
            _ => (false, self.pieces.as_slice()),
        };
        for piece in others {
            match piece {
                Piece::Text(text) => name.push_str(text),
                Piece::Field(field) => field.write(name, stream, ext)?,
            }
        }
        let connection = if self.has(Field::Connection) {
            1
        } else {
            stream.connection
        };
        if ends_in_ext {
            numbered(name, ext, connection)
        } else {
            later(name, connection)
        }
    }

    fn has(&self, field: Field) -> bool {
        self.pieces.contains(&Piece::Field(field))
    }

    /// Whether a TCP and a UDP stream between the same ports have different names.
    pub fn tells_protocols_apart(&self) -> bool {
        self.has(Field::FlowId) || self.has(Field::Protocol) || self.has(Field::Ext)
    }

    /// Whether both directions of a conversation have different names, also where they have one
    /// FlowID.
    pub fn tells_directions_apart(&self) -> bool {
        self.has(Field::SrcIp) && self.has(Field::SrcPort)
    }

    /// Whether enough of what makes a stream is in the name.
    fn tells_apart(&self) -> bool {
        const ENDS: [Field; 4] = [Field::SrcIp, Field::SrcPort, Field::DstIp, Field::DstPort];
        self.has(Field::FlowId) || ENDS.iter().all(|&field| self.has(field))
    }

    /// Two placeholders that run together: 1 and 12 would read as 11 and 2 do.
    fn run_together(&self) -> Option<(Field, Field)> {
        let mut open = None;
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) if text.bytes().all(|it| it.is_ascii_hexdigit()) => {}
                Piece::Text(_) | Piece::Field(Field::Ext | Field::Protocol) => open = None,
                Piece::Field(field) => {
                    if let Some(before) = open.replace(*field) {
                        return Some((before, *field));
                    }
                }
            }
        }
        None
    }
}

impl FromStr for NameTemplate {
    type Err = NameTemplateError;

    fn from_str(template: &str) -> Result<Self, NameTemplateError> {
        match template {
            "" => return Err(NameTemplateError::Empty),
            "." | ".." => return Err(NameTemplateError::Directory),
            _ if template.contains('/') => return Err(NameTemplateError::Slash),
            _ if template.contains('\0') => return Err(NameTemplateError::Nul),
            _ => {}
        }
        let template = Self {
            pieces: pieces(template)?,
        };
        if !template.tells_apart() {
            return Err(NameTemplateError::Ambiguous);
        }
        if let Some((first, second)) = template.run_together() {
            return Err(NameTemplateError::RunTogether {
                first: first.name(),
                second: second.name(),
            });
        }
        Ok(template)
    }
}

/// Why a text is not a template for names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameTemplateError {
    /// There is no text.
    #[error("the name is empty: write one such as '{{flow_id}}.{{ext}}'")]
    Empty,
    /// The name is that of a directory.
    #[error("'.' and '..' are directories: write a name such as '{{flow_id}}.{{ext}}'")]
    Directory,
    /// The name would be in another directory.
    #[error("a name cannot have a '/' in it: the directory is set by the output's own option")]
    Slash,
    /// No file system takes such a name.
    #[error("a name cannot have a NUL in it")]
    Nul,
    /// There is no such placeholder.
    #[error(
        "unknown placeholder '{{{name}}}': write one of {}",
        known_placeholders()
    )]
    UnknownPlaceholder {
        /// What stands between the braces.
        name: String,
    },
    /// A placeholder does not end.
    #[error("no '}}' ends '{{{rest}': write one, or '{{{{' for a brace")]
    UnclosedBrace {
        /// What stands behind the brace.
        rest: String,
    },
    /// A placeholder does not start.
    #[error("a '}}' has no '{{' before it: write one, or '}}}}' for a brace")]
    UnopenedBrace,
    /// Streams would get the same name.
    #[error(
        "the name does not tell streams apart: it needs {{flow_id}}, or all of {{src_ip}}, \
         {{src_port}}, {{dst_ip}} and {{dst_port}}"
    )]
    Ambiguous,
    /// Two numbers would read as one.
    #[error(
        "{{{first}}} and {{{second}}} run together, so that the name does not tell streams apart: \
         write something such as '-' between them"
    )]
    RunTogether {
        /// The first placeholder's name.
        first: &'static str,
        /// The second one's.
        second: &'static str,
    },
}

/// A template's text, taken apart.
fn pieces(template: &str) -> Result<Vec<Piece>, NameTemplateError> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, brace, behind)) = next_brace(rest) {
        text.push_str(before);
        // A doubled brace is one of text.
        if let Some(behind) = behind.strip_prefix(brace) {
            text.push(brace);
            rest = behind;
            continue;
        }
        if brace == '}' {
            return Err(NameTemplateError::UnopenedBrace);
        }
        let Some((name, behind)) = behind.split_once('}') else {
            let rest = behind.escape_debug().to_string();
            return Err(NameTemplateError::UnclosedBrace { rest });
        };
        let Some(field) = Field::named(name) else {
            let name = name.escape_debug().to_string();
            return Err(NameTemplateError::UnknownPlaceholder { name });
        };
        if !text.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut text)));
        }
        pieces.push(Piece::Field(field));
        rest = behind;
    }
    text.push_str(rest);
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    Ok(pieces)
}

/// The first brace, and what stands before and behind it.
fn next_brace(text: &str) -> Option<(&str, char, &str)> {
    let brace = text.chars().find(|it| matches!(it, '{' | '}'))?;
    let (before, behind) = text.split_once(brace)?;
    Some((before, brace, behind))
}

fn known_placeholders() -> String {
    FIELDS
        .map(|(name, _)| format!("{{{name}}}"))
        .as_slice()
        .join(" ")
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Field(Field),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    SrcIp,
    SrcPort,
    DstIp,
    DstPort,
    Protocol,
    FlowId,
    Connection,
    Vlan,
    SrcMac,
    DstMac,
    FirstNs,
    Ext,
}

const FIELDS: [(&str, Field); 12] = [
    ("src_ip", Field::SrcIp),
    ("src_port", Field::SrcPort),
    ("dst_ip", Field::DstIp),
    ("dst_port", Field::DstPort),
    ("protocol", Field::Protocol),
    ("flow_id", Field::FlowId),
    ("connection", Field::Connection),
    ("vlan", Field::Vlan),
    ("src_mac", Field::SrcMac),
    ("dst_mac", Field::DstMac),
    ("first_ns", Field::FirstNs),
    ("ext", Field::Ext),
];

impl Field {
    fn named(name: &str) -> Option<Self> {
        FIELDS.iter().find(|it| it.0 == name).map(|it| it.1)
    }

    fn name(self) -> &'static str {
        FIELDS.iter().find(|it| it.1 == self).map_or("", |it| it.0)
    }

    fn write(self, name: &mut String, stream: &StreamLabel<'_>, ext: &str) -> fmt::Result {
        let FlowKey { link, network, .. } = stream.key;
        let (src_mac, dst_mac) = link.macs().unwrap_or_default();
        match self {
            Self::SrcIp => address(name, network.src),
            Self::SrcPort => write!(name, "{}", network.src_port),
            Self::DstIp => address(name, network.dst),
            Self::DstPort => write!(name, "{}", network.dst_port),
            Self::Protocol => write!(name, "{}", IpProtocol(network.protocol)),
            Self::FlowId => write!(name, "{}", stream.flow_id),
            Self::Connection => write!(name, "{}", stream.connection),
            Self::Vlan => write!(name, "{}", link.vlans()),
            Self::SrcMac => name.write_str(&src_mac.to_string().replace(':', "-")),
            Self::DstMac => name.write_str(&dst_mac.to_string().replace(':', "-")),
            Self::FirstNs => write!(name, "{}", stream.first.0),
            Self::Ext => name.write_str(ext),
        }
    }
}

#[cfg(test)]
mod tests;

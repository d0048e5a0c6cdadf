//! Writing pcapng.

use super::copy::{copy, write};
use crate::capture::{
    ByteOrder, Format, LinkType, PacketRecord, PcapFormat, SideBlock, SideBlockKind,
    interface_block, new_section_header, put_enhanced_packet,
};
use crate::error::Error;
use crate::number::len_u32;
use crate::output::atomic::OutputFile;

/// Writes a pcapng file: sections of pcapng inputs as they are, a section of its own for each
/// other input.
#[derive(Debug, Default)]
pub(super) struct PcapngWriter {
    /// The byte order of a pcapng input that has not brought its section header yet.
    awaited: Option<ByteOrder>,
    /// Link types that have an interface in the section of an ERF input, whose records each have
    /// their own.
    interfaces: Vec<LinkType>,
}

impl PcapngWriter {
    /// An input starts. pcapng inputs bring their own section headers.
    pub(super) fn input(&mut self, out: &mut OutputFile, format: &Format) -> Result<(), Error> {
        match format {
            Format::Pcap(format) => write(out, &section_of(format)).map(|_| ()),
            Format::Pcapng(section) => {
                self.awaited = Some(section.order);
                Ok(())
            }
            Format::Erf => {
                self.interfaces.clear();
                write(out, &new_section_header(Packets::OF_ERF.order)).map(|_| ())
            }
        }
    }

    /// Where an input's section header is damaged, one takes its place: interfaces are counted
    /// anew after it.
    pub(super) fn start_section(&mut self, out: &mut OutputFile) -> Result<u64, Error> {
        match self.awaited.take() {
            Some(order) => write(out, &new_section_header(order)),
            None => Ok(0),
        }
    }

    /// A block that describes the packets after it.
    pub(super) fn side_block(
        &mut self,
        out: &mut OutputFile,
        bytes: &[u8],
        side_block: &SideBlock,
    ) -> Result<u64, Error> {
        let block = bytes.get(side_block.start..side_block.start + side_block.len);
        let block = block.unwrap_or_default();
        if matches!(side_block.kind, SideBlockKind::Header(_)) {
            self.awaited = None;
        }
        let started = self.start_section(out)?;
        let written = match &side_block.kind {
            SideBlockKind::Header(Format::Pcap(format)) => write(out, &section_of(format)),
            SideBlockKind::Header(Format::Pcapng(_)) => {
                // The section's length is no longer that of the input: it is not known.
                let mut block = block.to_vec();
                if let Some(length) = block.get_mut(SECTION_LENGTH) {
                    length.fill(0xff);
                }
                write(out, &block)
            }
            SideBlockKind::Header(Format::Erf)
            | SideBlockKind::Interface
            | SideBlockKind::Other => write(out, block),
        };
        Ok(started + written?)
    }

    pub(super) fn records(
        &mut self,
        out: &mut OutputFile,
        bytes: &[u8],
        format: &Format,
        offsets: &[u32],
    ) -> Result<u64, Error> {
        let packets = match format {
            Format::Pcap(format) => Packets::of(format),
            Format::Erf => Packets::OF_ERF,
            Format::Pcapng(_) => return copy(out, bytes, format, offsets),
        };
        let records = offsets
            .iter()
            .filter_map(|&at| format.record_at(bytes, at as usize));
        let mut written = 0;
        for record in records {
            let interface = match (format, record.link_type) {
                (Format::Erf, Some(link_type)) => self.interface(out, link_type, &mut written)?,
                _ => 0,
            };
            written += write(out, &packets.block(interface, &record))?;
        }
        Ok(written)
    }

    /// The number of the interface with this link type; it is described if it is new.
    fn interface(
        &mut self,
        out: &mut OutputFile,
        link_type: LinkType,
        written: &mut u64,
    ) -> Result<u32, Error> {
        let known = self.interfaces.iter().position(|it| *it == link_type);
        let number = known.unwrap_or(self.interfaces.len());
        if known.is_none() {
            self.interfaces.push(link_type);
            *written += write(out, &Packets::OF_ERF.interface(link_type))?;
        }
        Ok(len_u32(number))
    }
}

/// A section header and one interface for the packets of a pcap file, in its byte order.
fn section_of(format: &PcapFormat) -> Vec<u8> {
    let packets = Packets::of(format);
    let mut section = new_section_header(packets.order);
    section.extend(packets.interface(format.link_type));
    section
}

/// How packets of another format are written.
#[derive(Clone, Copy, Debug)]
struct Packets {
    order: ByteOrder,
    /// The unit of time in nanoseconds: that of the input, so that its counts are kept.
    unit_ns: u32,
}

impl Packets {
    /// ERF has binary fractions of seconds, which were rounded when they were read.
    const OF_ERF: Self = Self {
        order: ByteOrder::Little,
        unit_ns: 1,
    };

    const fn of(format: &PcapFormat) -> Self {
        Self {
            order: format.order,
            unit_ns: format.unit_ns(),
        }
    }

    /// An interface description block.
    fn interface(self, link_type: LinkType) -> Vec<u8> {
        interface_block(self.order, link_type, self.unit_ns, 0)
    }

    /// An enhanced packet block.
    fn block(self, interface: u32, record: &PacketRecord<'_>) -> Vec<u8> {
        let count = record.time.0 / i64::from(self.unit_ns);
        let wire_len = record.wire_len;
        let mut bytes = Vec::with_capacity(record.data.len() + 36);
        put_enhanced_packet(
            &mut bytes,
            self.order,
            interface,
            count,
            wire_len,
            record.data,
        );
        bytes
    }
}

/// Where a section header block has the length of its section.
const SECTION_LENGTH: std::ops::Range<usize> = 16..24;

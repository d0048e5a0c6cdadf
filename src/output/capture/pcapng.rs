//! Writing pcapng.

use super::copy::{copy, write};
use crate::capture::{
    ByteOrder, Format, PacketRecord, PcapFormat, SideBlock, SideBlockKind, new_section_header,
};
use crate::error::Error;
use crate::number::{len_u32, nearest_u32};
use crate::output::atomic::OutputFile;

/// Writes a pcapng file: sections of pcapng inputs as they are, a section of its own for each
/// pcap input.
#[derive(Debug, Default)]
pub(super) struct PcapngWriter {
    /// The byte order of a pcapng input that has not brought its section header yet.
    awaited: Option<ByteOrder>,
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
            SideBlockKind::Interface | SideBlockKind::Other => write(out, block),
        };
        Ok(started + written?)
    }

    pub(super) fn records(
        &self,
        out: &mut OutputFile,
        bytes: &[u8],
        format: &Format,
        offsets: &[u32],
    ) -> Result<u64, Error> {
        let Format::Pcap(pcap) = format else {
            return copy(out, bytes, format, offsets);
        };
        let records = offsets
            .iter()
            .filter_map(|&at| format.record_at(bytes, at as usize));
        let mut written = 0;
        for record in records {
            written += write(out, &enhanced_packet(pcap, &record))?;
        }
        Ok(written)
    }
}

/// A section header and one interface for the packets of a pcap file, in its byte order.
fn section_of(format: &PcapFormat) -> Vec<u8> {
    let order = format.order;
    let mut section = new_section_header(order);
    let resolution = if format.unit_ns() == 1 { 9 } else { 6 };
    let body = [
        order.pair16(format.link_type.0, 0),
        order.bytes32(0),
        order.pair16(OPTION_TSRESOL, 1),
        [resolution, 0, 0, 0],
        order.pair16(OPTION_END, 0),
    ]
    .concat();
    block(&mut section, order, 1, &body);
    section
}

/// An enhanced packet block of the section's only interface. The count of the record's own unit
/// of time is kept.
fn enhanced_packet(format: &PcapFormat, record: &PacketRecord<'_>) -> Vec<u8> {
    let order = format.order;
    let count = record.time.0 / i64::from(format.unit_ns());
    let [high, low] = [count >> 32, count & 0xffff_ffff].map(nearest_u32);
    let captured = len_u32(record.data.len());
    let fields = [0, high, low, captured, record.wire_len].map(|field| order.bytes32(field));
    let mut body = fields.concat();
    body.extend_from_slice(record.data);
    let mut bytes = Vec::with_capacity(body.len() + 16);
    block(&mut bytes, order, 6, &body);
    bytes
}

fn block(bytes: &mut Vec<u8>, order: ByteOrder, kind: u32, body: &[u8]) {
    let padding = body.len().next_multiple_of(4) - body.len();
    let len = len_u32(body.len() + padding + 12);
    bytes.extend_from_slice(&order.bytes32(kind));
    bytes.extend_from_slice(&order.bytes32(len));
    bytes.extend_from_slice(body);
    bytes.extend(std::iter::repeat_n(0, padding));
    bytes.extend_from_slice(&order.bytes32(len));
}

/// Where a section header block has the length of its section.
const SECTION_LENGTH: std::ops::Range<usize> = 16..24;
const OPTION_END: u16 = 0;
const OPTION_TSRESOL: u16 = 9;

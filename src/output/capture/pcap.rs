//! Writing classic pcap.

use super::copy::{copy, write};
use crate::capture::{ByteOrder, Format, LinkType, Nanos, PacketRecord, PcapFormat, Variant};
use crate::error::{Error, ErrorKind};
use crate::number::{len_u32, nearest_u32};
use crate::output::atomic::OutputFile;

/// Writes a pcap file. Its header is that of the first input if this is pcap; else it is made
/// when the first packet gives the link type.
#[derive(Debug)]
pub(super) struct PcapWriter {
    header: Header,
    format: PcapFormat,
}

#[derive(Debug)]
enum Header {
    /// To be written: these bytes.
    Copied(Vec<u8>),
    /// To be written: the link type is still open.
    Open,
    Written,
}

impl PcapWriter {
    pub(super) fn new(
        header: &[u8],
        first: &Format,
        needs_nanos: bool,
        snaplen: Option<u32>,
    ) -> Self {
        match first {
            Format::Pcap(first) => {
                let variant = plain_variant(first.variant);
                let variant = if needs_nanos { Variant::Nanos } else { variant };
                let format = PcapFormat { variant, ..*first };
                let mut header = match (variant == first.variant, first.variant) {
                    (_, Variant::Snoop) => format.file_header(SNAPLEN),
                    (true, _) => header.to_vec(),
                    (false, _) => {
                        let rest = header
                            .get(4..PcapFormat::MIN_HEADER_LEN)
                            .unwrap_or_default();
                        [variant.magic_bytes(first.order).as_slice(), rest].concat()
                    }
                };
                // A reader may truncate packets at the length that the header announces.
                if let (Some(field), Some(snaplen)) = (header.get_mut(16..20), snaplen) {
                    field.copy_from_slice(&first.order.bytes32(snaplen));
                }
                Self {
                    header: Header::Copied(header),
                    format,
                }
            }
            Format::Pcapng(_) | Format::Erf => Self {
                header: Header::Open,
                format: PcapFormat {
                    order: ByteOrder::Little,
                    variant: Variant::Nanos,
                    link_type: LinkType::ETHERNET,
                    snaplen: SNAPLEN,
                    max_captured: u32::MAX,
                    swapped_lengths: false,
                    is_excerpt: false,
                },
            },
        }
    }

    /// Writes the file header if it is not there yet.
    pub(super) fn header(
        &mut self,
        out: &mut OutputFile,
        link_type: LinkType,
    ) -> Result<u64, Error> {
        match std::mem::replace(&mut self.header, Header::Written) {
            Header::Written => Ok(0),
            Header::Copied(header) => write(out, &header),
            Header::Open => {
                self.format.link_type = link_type;
                write(out, &self.format.file_header(SNAPLEN))
            }
        }
    }

    pub(super) fn records(
        &mut self,
        out: &mut OutputFile,
        bytes: &[u8],
        format: &Format,
        offsets: &[u32],
    ) -> Result<u64, Error> {
        let records = offsets
            .iter()
            .filter_map(|&at| format.record_at(bytes, at as usize));
        let mut written = 0;
        match format {
            Format::Pcap(input) if has_same_records(input, &self.format) => {
                if !offsets.is_empty() {
                    written += self.header(out, input.link_type)?;
                    self.check(out, input.link_type)?;
                }
                written += copy(out, bytes, format, offsets)?;
            }
            _ => {
                for record in records {
                    let link_type = record.link_type.unwrap_or(LinkType::ETHERNET);
                    written += self.header(out, link_type)?;
                    self.check(out, link_type)?;
                    written += write(out, &record_header(&self.format, &record))?;
                    written += write(out, record.data)?;
                }
            }
        }
        Ok(written)
    }

    fn check(&self, out: &OutputFile, link_type: LinkType) -> Result<(), Error> {
        if link_type == self.format.link_type {
            return Ok(());
        }
        Err(ErrorKind::MixedLinkTypes {
            path: out.path().to_owned(),
            first: self.format.link_type.to_string(),
            second: link_type.to_string(),
        }
        .into())
    }
}

/// A record header. Times that a pcap file cannot hold (before 1970, after 2106) become the
/// nearest that it can.
fn record_header(format: &PcapFormat, record: &PacketRecord<'_>) -> Vec<u8> {
    let Nanos(time) = record.time;
    let seconds = time.div_euclid(1_000_000_000);
    let fraction = time.rem_euclid(1_000_000_000) / i64::from(format.unit_ns());
    let captured = len_u32(record.data.len());
    let lengths = match format.swapped_lengths {
        true => [record.wire_len, captured],
        false => [captured, record.wire_len],
    };
    let time = [seconds, fraction].map(nearest_u32);
    let mut header: Vec<u8> = time
        .into_iter()
        .chain(lengths)
        .flat_map(|field| format.order.bytes32(field))
        .collect();
    header.resize(format.record_header_len(), 0);
    header
}

/// Whether records of two pcap files look the same.
fn has_same_records(a: &PcapFormat, b: &PcapFormat) -> bool {
    a.order == b.order
        && a.unit_ns() == b.unit_ns()
        && a.record_header_len() == b.record_header_len()
        && (a.variant == Variant::Snoop) == (b.variant == Variant::Snoop)
        && a.swapped_lengths == b.swapped_lengths
}

/// The common variant whose records look like those of this one.
const fn plain_variant(variant: Variant) -> Variant {
    match variant {
        Variant::IxiaHardware => Variant::Nanos,
        Variant::IxiaSoftware | Variant::Snoop => Variant::Micros,
        other => other,
    }
}

/// The longest captured length that libpcap believes.
pub(super) const SNAPLEN: u32 = 262_144;

//! The bytes of a merged capture.

use crate::capture::blocks::{interface_block, put_enhanced_packet};
use crate::capture::bytes::ByteOrder;
use crate::capture::format::Format;
use crate::capture::linktype::LinkType;
use crate::capture::pcap::{PcapFormat, Variant, max_captured};
use crate::capture::pcapng::{block, block_bounds, new_section_header, section_order};
use crate::capture::reader::Record;
use crate::capture::timestamp::Nanos;
use crate::number::{index_u32, len_u32, nearest_u32};
use std::collections::BTreeMap;
use std::ops::Range;

/// Puts records of several captures behind each other.
///
/// As pcap where all captures are pcap of one link type, in nanoseconds if any of them is; else, and
/// from the first record on that does not fit, as pcapng. There each packet names an interface as its
/// capture describes it, equal descriptions once; blocks are copied as they are, in a section of
/// their byte order.
pub(super) struct MergedWriter {
    /// What was written.
    pub(super) bytes: Vec<u8>,
    form: Form,
    /// Distinguishes sections.
    section: u64,
}

enum Form {
    Pcap(PcapFormat),
    Pcapng(Interfaces),
}

/// What was described in a section.
struct Interfaces {
    order: ByteOrder,
    /// Numbers of interfaces, by their descriptions.
    numbers: BTreeMap<Box<[u8]>, u32>,
}

/// How the interfaces of a capture are numbered in the merged one.
#[derive(Default)]
pub(super) struct Described {
    /// The number of the header that this is of.
    header: u64,
    /// Bytes of it that were looked at.
    seen: usize,
    interfaces: Vec<Interface>,
}

/// An interface of a capture.
struct Interface {
    /// Where its description is in the header of records.
    place: Range<usize>,
    /// The section in which it was described last, and its number there.
    known: Option<(u64, u32)>,
}

impl MergedWriter {
    /// For captures that start with these formats.
    pub(super) fn new(formats: &[Option<Format>]) -> Self {
        let mut bytes = Vec::new();
        let form = match common_pcap(formats) {
            Some((format, header)) => {
                bytes = header;
                Form::Pcap(format)
            }
            None => {
                let order = formats.iter().flatten().find_map(|format| match format {
                    Format::Pcapng(section) => Some(section.order),
                    Format::Pcap(_) | Format::Erf => None,
                });
                let order = order.unwrap_or(ByteOrder::Little);
                Form::Pcapng(Interfaces::start(order, &mut bytes))
            }
        };
        Self {
            bytes,
            form,
            section: 0,
        }
    }

    /// Appends a packet's record. `described` belongs to its capture.
    pub(super) fn record(&mut self, record: &Record<'_>, described: &mut Described) {
        match (record.format, &self.form) {
            (Format::Erf, Form::Pcapng(_)) => self.lone_packet(record, 1),
            (Format::Erf, Form::Pcap(form)) => {
                let order = form.order;
                self.start_section(order);
                self.lone_packet(record, 1);
            }
            (Format::Pcap(input), Form::Pcap(form)) if fits(record, input, form) => {
                put_pcap_record(&mut self.bytes, record, input, form);
            }
            (Format::Pcap(input), Form::Pcap(_)) => {
                self.start_section(input.order);
                self.packet_of_pcap(record, input, described);
            }
            (Format::Pcap(input), Form::Pcapng(_)) => {
                self.packet_of_pcap(record, input, described);
            }
            (Format::Pcapng(section), _) => {
                self.enter_section(section.order);
                self.block_of_packet(record, section.order, described);
            }
        }
    }

    /// Appends a block that is no packet but belongs with some, of a section in this byte order.
    pub(super) fn side_block(&mut self, order: ByteOrder, block: &[u8]) {
        self.enter_section(order);
        self.bytes.extend_from_slice(block);
    }

    /// Makes sure that blocks in this byte order can be appended.
    fn enter_section(&mut self, order: ByteOrder) {
        let is_there = matches!(&self.form, Form::Pcapng(it) if it.order == order);
        if !is_there {
            self.start_section(order);
        }
    }

    fn start_section(&mut self, order: ByteOrder) {
        self.section += 1;
        self.form = Form::Pcapng(Interfaces::start(order, &mut self.bytes));
    }

    fn packet_of_pcap(
        &mut self,
        record: &Record<'_>,
        input: &PcapFormat,
        described: &mut Described,
    ) {
        // A record of ERF, of which the packet was taken.
        if record.link_type != Some(input.link_type) {
            return self.lone_packet(record, 1);
        }
        described.has_one();
        let number = self.number(described, 0, |order| {
            let is_usual = input.max_captured == max_captured(input.link_type, 0);
            let snaplen = if is_usual { 0 } else { input.snaplen };
            interface_block(order, input.link_type, input.unit_ns(), snaplen)
        });
        let count = record.time.0 / i64::from(input.unit_ns());
        self.put_packet(number, count, record);
    }

    fn block_of_packet(
        &mut self,
        record: &Record<'_>,
        order: ByteOrder,
        described: &mut Described,
    ) {
        described.has_those_of(record.header);
        let named = match order.u32(record.bytes, 0) {
            Some(block::ENHANCED_PACKET) => order.u32(record.bytes, 8),
            Some(block::OBSOLETE_PACKET) => order.u16(record.bytes, 8).map(u32::from),
            _ => None,
        };
        let Some(named) = named else {
            // A simple packet block is of the first interface of its section: it becomes a packet of an
            // interface with the same link type, and no time but that of an ERF record in it.
            let has_time = record.time != Nanos(0);
            return self.lone_packet(record, if has_time { 1 } else { 1000 });
        };
        let description = |interface: &Interface| record.header.get(interface.place.clone());
        let interface = described.interfaces.get(named as usize);
        let description = interface.and_then(description).unwrap_or_default();
        let number = match interface {
            Some(_) => self.number(described, named as usize, |_| description.to_vec()),
            // It is described in its capture as little as here.
            None => u32::MAX,
        };
        let start = self.bytes.len();
        self.bytes.extend_from_slice(record.bytes);
        // Both packet blocks are alike but for the fields of the interface; the older one also counts
        // dropped packets there.
        let fields = self.bytes.get_mut(start..start + 12);
        if let Some([k0, k1, k2, k3, _, _, _, _, number_field @ ..]) = fields {
            [*k0, *k1, *k2, *k3] = order.bytes32(block::ENHANCED_PACKET);
            number_field.copy_from_slice(&order.bytes32(number));
        }
    }

    /// Appends a packet by its link type alone, which no interface of its capture describes. `unit_ns`:
    /// the unit of time in nanoseconds.
    fn lone_packet(&mut self, record: &Record<'_>, unit_ns: u32) {
        let number = match record.link_type {
            Some(link_type) => {
                // Longer packets than usual must be announced.
                let len = len_u32(record.data.len());
                let is_usual = len <= max_captured(link_type, 0);
                let snaplen = if is_usual { 0 } else { len };
                self.describe(|order| interface_block(order, link_type, unit_ns, snaplen))
            }
            None => u32::MAX,
        };
        let count = record.time.0 / i64::from(unit_ns);
        self.put_packet(number, count, record);
    }

    fn put_packet(&mut self, interface: u32, time: i64, record: &Record<'_>) {
        if let Form::Pcapng(interfaces) = &self.form {
            let order = interfaces.order;
            let wire_len = record.wire_len;
            put_enhanced_packet(
                &mut self.bytes,
                order,
                interface,
                time,
                wire_len,
                record.data,
            );
        }
    }

    /// The number of a capture's interface.
    fn number(
        &mut self,
        described: &mut Described,
        interface: usize,
        description: impl FnOnce(ByteOrder) -> Vec<u8>,
    ) -> u32 {
        let known = described.interfaces.get(interface).and_then(|it| it.known);
        if let Some((section, number)) = known
            && section == self.section
        {
            return number;
        }
        let number = self.describe(description);
        if let Some(interface) = described.interfaces.get_mut(interface) {
            interface.known = Some((self.section, number));
        }
        number
    }

    /// The number of the interface with this description, which is written if it is new.
    fn describe(&mut self, description: impl FnOnce(ByteOrder) -> Vec<u8>) -> u32 {
        let order = match &self.form {
            Form::Pcapng(interfaces) if interfaces.numbers.len() < MOST_INTERFACES => {
                interfaces.order
            }
            Form::Pcapng(interfaces) => {
                let order = interfaces.order;
                self.start_section(order);
                order
            }
            Form::Pcap(_) => return u32::MAX,
        };
        let Form::Pcapng(interfaces) = &mut self.form else {
            return u32::MAX;
        };
        let description = description(order);
        if let Some(number) = interfaces.numbers.get(description.as_slice()) {
            return *number;
        }
        self.bytes.extend_from_slice(&description);
        let number = index_u32(interfaces.numbers.len());
        interfaces.numbers.insert(description.into(), number);
        number
    }
}

impl Interfaces {
    fn start(order: ByteOrder, bytes: &mut Vec<u8>) -> Self {
        bytes.extend(new_section_header(order));
        Self {
            order,
            numbers: BTreeMap::new(),
        }
    }
}

impl Described {
    /// Records of the header with this number follow: the interfaces of another one are forgotten.
    pub(super) fn enter(&mut self, header: u64) {
        if self.header != header {
            *self = Self {
                header,
                ..Self::default()
            };
        }
    }

    /// Packets of pcap are of one interface, which is described anew.
    fn has_one(&mut self) {
        if self.interfaces.is_empty() {
            self.add(0..0);
        }
    }

    /// Finds the descriptions in the header of a pcapng record that were not there before.
    fn has_those_of(&mut self, header: &[u8]) {
        if self.seen >= header.len() {
            return;
        }
        let order = section_order(header, 0).unwrap_or(ByteOrder::Little);
        while let Ok((kind, len)) = block_bounds(header, self.seen, order) {
            if kind == block::INTERFACE {
                self.add(self.seen..self.seen + len);
            }
            self.seen += len;
        }
    }

    fn add(&mut self, place: Range<usize>) {
        self.interfaces.push(Interface { place, known: None });
    }
}

/// The pcap format that holds all of these, and its file header; `None` if there is none, or not all
/// formats are known.
fn common_pcap(formats: &[Option<Format>]) -> Option<(PcapFormat, Vec<u8>)> {
    let pcap = |format: &Option<Format>| match format {
        // Packets of ERF records each have a link type of their own.
        Some(Format::Pcap(format)) if format.link_type == LinkType::ERF => None,
        Some(Format::Pcap(format)) => Some(*format),
        Some(Format::Pcapng(_) | Format::Erf) | None => None,
    };
    let pcaps: Vec<PcapFormat> = formats.iter().map(pcap).collect::<Option<_>>()?;
    let first = *pcaps.first()?;
    if pcaps.iter().any(|it| it.link_type != first.link_type) {
        return None;
    }
    let has_nanos = pcaps.iter().any(|it| it.unit_ns() == 1);
    let format = PcapFormat {
        variant: if has_nanos {
            Variant::Nanos
        } else {
            Variant::Micros
        },
        ..first
    };
    // Those that announce nothing have no packets that are longer than usual.
    let usual = max_captured(first.link_type, 0);
    let snaplen = pcaps.iter().map(|it| it.snaplen).max().filter(|it| *it > 0);
    let header = format.file_header(snaplen.unwrap_or(usual));
    let (format, _) = PcapFormat::parse(&header).ok()?;
    Some((format, header))
}

/// Whether a pcap file can hold a packet of another one without loss.
fn fits(record: &Record<'_>, input: &PcapFormat, form: &PcapFormat) -> bool {
    input.link_type == form.link_type
        && input.unit_ns() >= form.unit_ns()
        && record.data.len() <= form.max_captured as usize
}

fn put_pcap_record(out: &mut Vec<u8>, record: &Record<'_>, input: &PcapFormat, form: &PcapFormat) {
    let is_same = input.order == form.order
        && input.unit_ns() == form.unit_ns()
        && input.record_header_len() == form.record_header_len()
        && !input.swapped_lengths;
    if is_same {
        out.extend_from_slice(record.bytes);
        return;
    }
    let Nanos(time) = record.time;
    let seconds = nearest_u32(time.div_euclid(1_000_000_000));
    let fraction = nearest_u32(time.rem_euclid(1_000_000_000) / i64::from(form.unit_ns()));
    for field in [
        seconds,
        fraction,
        len_u32(record.data.len()),
        record.wire_len,
    ] {
        out.extend_from_slice(&form.order.bytes32(field));
    }
    out.extend_from_slice(record.data);
}

/// After as many descriptions a new section starts, so that their number does not grow without end.
const MOST_INTERFACES: usize = 1024;

//! What a capture's format is at some place of it, and walking its records.

use super::bytes::ByteOrder;
use super::compressed::Compression;
use super::erf;
use super::joined::{Joined, may_hold_header};
use super::linktype::LinkType;
use super::pcap::{HeaderError, PcapFormat, UsualRecords, Variant};
use super::pcapng::{self, Block, Section};
use super::record::{PacketRecord, Stop};
use super::zeros;
use std::sync::Arc;

/// Everything that must be known to read on from some place of a capture.
///
/// It changes along the way: pcapng describes interfaces and starts sections between packets.
#[derive(Clone, Debug)]
pub enum Format {
    /// Classic pcap.
    Pcap(PcapFormat),
    /// pcapng, inside this section.
    Pcapng(Arc<Section>),
    /// Endace's records, each with a link type of its own.
    Erf,
}

/// Why the first bytes of an input do not start a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeError {
    /// The input ends before a capture's header does.
    Short,
    /// Another format, or a version that is not read: what was found, in words.
    Unknown(String),
}

/// How a capture starts.
#[derive(Clone, Debug)]
pub struct Start {
    /// How the first record or block is to be read.
    pub format: Format,
    /// The bytes in front of it: the file header of pcap and snoop; none of pcapng, whose header is
    /// a block, and of ERF, which has none.
    pub header: Vec<u8>,
}

impl Format {
    /// Bytes that [`Format::probe`] needs to see, unless the input is shorter: of captures that a
    /// magic number tells. [`Format::probe_len`] knows about others.
    pub const PROBE_LEN: usize = 28;
    /// Stands in for a format that is lent to a walk; nothing is read with it.
    pub(super) const LENT: Self = Self::Pcap(PcapFormat {
        order: ByteOrder::Little,
        variant: Variant::Micros,
        link_type: LinkType::NULL,
        snaplen: 0,
        max_captured: 0,
        swapped_lengths: false,
        is_excerpt: false,
    });
    /// No record or block that is read has more bytes.
    pub const MAX_RECORD_LEN: usize = pcapng::MAX_BLOCK_LEN;

    /// The format of a capture that starts with `bytes`, and the offset of its first record
    /// or block.
    ///
    /// # Errors
    /// When no capture that can be read starts like this.
    pub fn probe(bytes: &[u8]) -> Result<(Self, usize), ProbeError> {
        if pcapng::is_pcapng(bytes) {
            if bytes.len() < Self::PROBE_LEN {
                return Err(ProbeError::Short);
            }
            let Some(order) = pcapng::section_order(bytes, 0) else {
                let what = "it starts like pcapng, but without a byte order magic".to_owned();
                return Err(ProbeError::Unknown(what));
            };
            return Ok((Self::Pcapng(Arc::new(Section::new(order))), 0));
        }
        match PcapFormat::parse(bytes) {
            Ok((format, len)) => Ok((Self::Pcap(format), len)),
            Err(HeaderError::Short) => Err(ProbeError::Short),
            Err(HeaderError::Version(major, minor)) => Err(ProbeError::Unknown(format!(
                "pcap version {major}.{minor} is not read"
            ))),
            Err(HeaderError::NotPcap) if erf::is_capture(bytes) => Ok((Self::Erf, 0)),
            Err(HeaderError::NotPcap) => Err(ProbeError::Unknown(describe(bytes))),
        }
    }

    /// Bytes that [`Format::probe`] needs to see of a capture that starts with `head`, which is
    /// [`Format::PROBE_LEN`] bytes long, or all there is.
    pub fn probe_len(head: &[u8]) -> usize {
        let may_be_erf = erf::Header::read(head, 0).is_some_and(|it| it.is_plausible());
        if may_be_erf {
            erf::PROBE_LEN
        } else {
            Self::PROBE_LEN
        }
    }

    /// Whether two places of a capture are read in the same way. Cheap: sections are compared by
    /// identity, so that `false` may also be said of two equal ones.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Pcap(a), Self::Pcap(b)) => a == b,
            (Self::Pcapng(a), Self::Pcapng(b)) => Arc::ptr_eq(a, b),
            (Self::Erf, Self::Erf) => true,
            _ => false,
        }
    }

    /// The record at `at`, which is known to be whole. A packet that is a record of ERF is given as
    /// it stands there, while a [`Walk`] gives the packet in it.
    pub fn record_at<'a>(&self, bytes: &'a [u8], at: usize) -> Option<PacketRecord<'a>> {
        match self {
            Self::Pcap(format) => format.record(bytes, at).ok(),
            Self::Pcapng(section) => match section.block(bytes, at) {
                Ok(Block::Packet(record)) => Some(record),
                _ => None,
            },
            Self::Erf => match erf::record(bytes, at) {
                Ok(erf::Found::Packet(record)) => Some(record),
                _ => None,
            },
        }
    }

    /// The format behind a block that is no packet.
    #[must_use]
    pub fn behind(self, bytes: &[u8], side_block: &SideBlock) -> Self {
        let start = side_block.start;
        let mut walk = Walk::new(bytes, start..start + side_block.len, self);
        walk.skip_to_packet();
        walk.format
    }

    /// The link type of every packet, where the format has only one.
    pub const fn link_type(&self) -> Option<LinkType> {
        match self {
            Self::Pcap(format) => Some(format.link_type),
            Self::Pcapng(_) | Self::Erf => None,
        }
    }
}

impl Start {
    /// The start of a capture whose records were found in others.
    pub(super) fn of_excerpt(mut self) -> Self {
        if let Format::Pcap(format) = &mut self.format {
            format.is_excerpt = true;
        }
        self
    }

    /// What the first [`Format::PROBE_LEN`] bytes of a capture tell.
    pub(super) fn of(head: &[u8]) -> Result<Self, ProbeError> {
        let (format, len) = Format::probe(head)?;
        let header = head.get(..len).unwrap_or(head).to_vec();
        Ok(Self { format, header })
    }
}

/// Names what an input that is no capture seems to be.
fn describe(bytes: &[u8]) -> String {
    if let Some(inner) = Compression::of(bytes) {
        let name = inner.name();
        return format!(
            "it is compressed more than once, with {name} inside; unpack it once first"
        );
    }
    let named: [(&[u8], &str); 2] = [
        (
            b"GMBU",
            "it is a Microsoft NetMon capture; convert it first (editcap x x.pcap)",
        ),
        (
            b"RTSS",
            "it is a Microsoft NetMon capture; convert it first (editcap x x.pcap)",
        ),
    ];
    if let Some((_, text)) = named.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return (*text).to_owned();
    }
    if bytes.is_empty() {
        return "it is empty".to_owned();
    }
    let start: Vec<String> = bytes
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!(
        "it starts with the bytes {}, which no format that is read does",
        start.join(" ")
    )
}

/// A walk over the records of a run of bytes, in order.
///
/// ```
/// use pcap_flows::capture::{Format, Stop, Walk};
///
/// let capture = std::fs::read("testdata/recorded/http.pcap").unwrap();
/// let (format, first) = Format::probe(&capture).unwrap();
/// let mut walk = Walk::new(&capture, first..capture.len(), format);
/// let mut bytes = 0;
/// loop {
///     match walk.next() {
///         Ok(packet) => bytes += packet.data.len(),
///         Err(stop) => break assert_eq!(stop, Stop::End),
///     }
/// }
/// assert!(bytes > 0);
/// ```
#[derive(Debug)]
pub struct Walk<'a> {
    bytes: &'a [u8],
    position: usize,
    end: usize,
    format: Format,
    side_blocks: Vec<SideBlock>,
    /// Where the record starts that ends at `position`, if one does.
    previous: Option<usize>,
    /// Records that start from here on are doubted, if what is behind them is odd.
    doubt_from: usize,
    /// The record that made the walk stop.
    doubted: Option<usize>,
}

/// A block that is no packet but belongs with those after it.
#[derive(Clone, Debug)]
pub struct SideBlock {
    /// Where the block starts in the walked bytes.
    pub start: usize,
    /// Its length in bytes.
    pub len: usize,
    /// What it is.
    pub kind: SideBlockKind,
}

/// What a [`SideBlock`] is.
#[derive(Clone, Debug)]
pub enum SideBlockKind {
    /// A new section or file header: from here on, packets are read in this format.
    Header(Format),
    /// An interface description.
    Interface,
    /// Resolved names, decryption secrets.
    Other,
}

impl<'a> Walk<'a> {
    /// A walk over the records that start in `range` of `bytes`, the first at `range.start`.
    pub const fn new(bytes: &'a [u8], range: std::ops::Range<usize>, format: Format) -> Self {
        let (position, end) = (range.start, range.end);
        Self {
            bytes,
            position,
            end,
            format,
            side_blocks: Vec::new(),
            previous: None,
            doubt_from: usize::MAX,
            doubted: None,
        }
    }

    /// The same, but it stops behind a record that may be cut short, with another capture joined to it;
    /// those that start before `from` are believed.
    pub(crate) fn doubting(mut self, from: usize) -> Self {
        self.doubt_from = from;
        self
    }

    /// Where the record starts that ends at the walk's position, if one does.
    pub(crate) const fn previous(&self) -> Option<usize> {
        self.previous
    }

    /// The record that the walk stopped behind, because it may be cut short.
    pub(crate) const fn doubted(&self) -> Option<usize> {
        self.doubted
    }

    /// The records from here on, as far as they are of the usual kind; [`Walk::advance`] then goes
    /// to where these end.
    pub(crate) fn usual(&self) -> UsualRecords<'a> {
        let format = match &self.format {
            Format::Pcap(format) => Some(format),
            Format::Pcapng(_) | Format::Erf => None,
        };
        UsualRecords::new(self.bytes, self.position..self.end, format)
    }

    /// Goes to where [`Walk::usual`] ended.
    pub(crate) fn advance(&mut self, records: &UsualRecords<'_>) {
        self.position = records.position;
        self.previous = records.previous().or(self.previous);
    }

    /// Stops at an odd record if the one before it holds what may be another capture's header.
    #[cold]
    fn doubt(&mut self) -> Result<(), Stop> {
        let record = self.previous.filter(|it| *it >= self.doubt_from);
        if record.is_some_and(|start| may_hold_header(self.bytes, start + 1, self.position)) {
            self.doubted = record;
            let needed = PcapFormat::MIN_HEADER_LEN;
            return Err(Stop::Partial { needed });
        }
        Ok(())
    }

    /// The next packet. After an error the walk stands where it was: asking again gives the same
    /// answer.
    ///
    /// # Errors
    /// A [`Stop`] when there is no further packet that can be read.
    #[inline]
    #[expect(
        clippy::should_implement_trait,
        reason = "how a walk stops matters: not an Option"
    )]
    pub fn next(&mut self) -> Result<PacketRecord<'a>, Stop> {
        while self.position < self.end {
            let found = match &self.format {
                Format::Pcap(_) => self.next_in_pcap()?,
                Format::Pcapng(_) => self.next_in_pcapng()?,
                Format::Erf => self.next_in_erf()?,
            };
            if let Some(record) = found {
                return Ok(record);
            }
        }
        Err(Stop::End)
    }

    /// Goes on in another capture, if one starts here: they were joined with `cat`.
    #[cold]
    fn enter_joined(&mut self) -> Result<bool, Stop> {
        let joined = Joined::at(self.bytes, self.position)?;
        if joined.is_some() {
            self.previous = None;
        }
        match joined {
            None => return Ok(false),
            Some(Joined::Pcap(format, len)) => {
                let is_excerpt = matches!(&self.format, Format::Pcap(it) if it.is_excerpt);
                self.format = Format::Pcap(PcapFormat {
                    is_excerpt,
                    ..format
                });
                self.side_blocks.push(SideBlock {
                    start: self.position,
                    len,
                    kind: SideBlockKind::Header(self.format.clone()),
                });
                self.position += len;
            }
            // Its header is a block, and is met as one.
            Some(Joined::Section(order)) => {
                self.format = Format::Pcapng(Arc::new(Section::new(order)));
            }
        }
        Ok(true)
    }

    /// The next packet; `None` where another capture starts.
    #[inline]
    fn next_in_pcap(&mut self) -> Result<Option<PacketRecord<'a>>, Stop> {
        let Format::Pcap(format) = &self.format else {
            return Ok(None);
        };
        let found = format.record(self.bytes, self.position);
        let is_odd = format.is_odd(self.bytes, self.position);
        let is_sure = found.is_ok() && !is_odd && format.is_usual();
        if !is_sure && self.enter_joined()? {
            return Ok(None);
        }
        if is_odd {
            self.doubt()?;
        }
        let record = found?;
        let is_excerpt = matches!(&self.format, Format::Pcap(it) if it.is_excerpt);
        if record.wire_len == 0 && record.data.is_empty() && !is_excerpt {
            zeros::check(self.bytes, self.position)?;
        }
        self.previous = Some(self.position);
        self.position += record.len;
        Ok(Some(erf::unwrapped(record)))
    }

    /// The next packet; `None` where the format changes, and at the end.
    #[inline(never)]
    fn next_in_erf(&mut self) -> Result<Option<PacketRecord<'a>>, Stop> {
        while self.position < self.end {
            if erf::is_odd(self.bytes, self.position) {
                if self.enter_joined()? {
                    break;
                }
                self.doubt()?;
            }
            match erf::record(self.bytes, self.position)? {
                erf::Found::Packet(record) => {
                    self.previous = Some(self.position);
                    self.position += record.len;
                    return Ok(Some(record));
                }
                erf::Found::Padding(len) => {
                    self.previous = None;
                    self.position += len;
                }
            }
        }
        Ok(None)
    }

    /// The next packet; `None` where the format changes, and at the end.
    #[inline(never)]
    fn next_in_pcapng(&mut self) -> Result<Option<PacketRecord<'a>>, Stop> {
        while self.position < self.end {
            let Format::Pcapng(section) = &mut self.format else {
                break;
            };
            let start = self.position;
            let (len, kind) = match section.block(self.bytes, start) {
                Ok(Block::Packet(record)) => {
                    self.position += record.len;
                    return Ok(Some(erf::unwrapped(record)));
                }
                Ok(Block::Section(order, len)) => {
                    *section = Arc::new(Section::new(order));
                    (len, Some(SideBlockKind::Header(self.format.clone())))
                }
                Ok(Block::Interface(interface, len)) => {
                    Arc::make_mut(section).interfaces.push(interface);
                    (len, Some(SideBlockKind::Interface))
                }
                Ok(Block::Side(len)) => (len, Some(SideBlockKind::Other)),
                // Nothing that is read as a block, but perhaps as a header.
                other => {
                    if self.enter_joined()? {
                        continue;
                    }
                    match other? {
                        Block::Other(len) => (len, None),
                        _ => break,
                    }
                }
            };
            self.side_blocks
                .extend(kind.map(|kind| SideBlock { start, len, kind }));
            self.position += len;
        }
        Ok(None)
    }

    /// Walks over what stands before the next packet.
    pub fn skip_to_packet(&mut self) {
        if let Ok(record) = self.next() {
            self.position = record.start;
        }
    }

    /// Where the next record starts.
    pub const fn position(&self) -> usize {
        self.position
    }

    /// How the next record is to be read.
    pub const fn format(&self) -> &Format {
        &self.format
    }

    /// The blocks passed so far that are no packets but belong with them.
    pub fn side_blocks(&self) -> &[SideBlock] {
        &self.side_blocks
    }

    /// Ends the walk: the blocks passed that are no packets but belong with them, and the format.
    pub fn into_parts(self) -> (Vec<SideBlock>, Format) {
        (self.side_blocks, self.format)
    }
}

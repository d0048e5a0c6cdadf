//! A capture as programs read it: one record after the other, however large it is.

use super::bytes::ByteOrder;
use super::cursor::Cursor;
use super::format::{Format, SideBlockKind, Walk};
use super::input::{Input, View};
use super::linktype::LinkType;
use super::pcapng::{new_section_header, section_order};
use super::record::{Damage, PacketRecord, Stop};
use super::split::{Successor, successor};
use super::timestamp::Nanos;
use crate::error::Error;
use std::io::Read;
use std::ops::Range;
use std::path::Path;

/// A capture that is read record by record: pcap of either byte order and all its variants,
/// pcapng, snoop; compressed or not.
///
/// A window of it is in memory at a time. What is damaged is noted and passed over, by the same
/// rules as in a [run](crate::engine::run).
///
/// ```
/// use pcap_flows::capture::Capture;
/// use std::path::Path;
///
/// let mut capture = Capture::open(Path::new("testdata/recorded/http.pcap"))?;
/// while let Some(record) = capture.next_record()? {
///     println!("byte {}: {} bytes captured", record.offset, record.data.len());
/// }
/// assert_eq!(capture.packets(), 66);
/// assert!(capture.damages().is_empty());
/// # Ok::<(), pcap_flows::Error>(())
/// ```
#[derive(Debug)]
pub struct Capture {
    input: Input,
    header: Vec<u8>,
    /// Where the view starts that is being walked.
    cursor: Cursor,
    /// How many bytes of it were walked.
    at: usize,
    /// Bytes that are mapped at a time.
    window_len: usize,
    packets: u64,
    /// File and section headers that were passed: the first one of pcap, which is read when the
    /// capture is opened, is none of them.
    headers: u64,
    /// Whether the next record is one, whatever stands behind it.
    is_trusted: bool,
    /// Names and secrets that were passed, where they are kept.
    side_blocks: Option<KeptBlocks>,
}

/// Blocks that are no packets and describe none, each with the byte order of its section.
#[derive(Debug, Default)]
struct KeptBlocks {
    blocks: Vec<(ByteOrder, Vec<u8>)>,
    /// Their bytes.
    len: usize,
}

/// A packet's record, and all that is needed to write it to another capture.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Where the record (with its header) starts in the capture, in bytes. In a compressed capture
    /// it is the place in what was unpacked.
    pub offset: u64,
    /// When the packet was captured; 0 where the capture does not say (pcapng simple packets).
    pub time: Nanos,
    /// Length of the packet on the wire, in bytes.
    pub wire_len: u32,
    /// How the captured bytes start; `None` where a pcapng packet names an interface that the
    /// capture does not describe.
    pub link_type: Option<LinkType>,
    /// The captured bytes.
    pub data: &'a [u8],
    /// The whole record as the capture has it, with header and padding.
    pub bytes: &'a [u8],
    /// What a capture must start with in which this record can stand: the file header of pcap and
    /// snoop; the section header of pcapng, without the section's length, and all interfaces that
    /// were described before the record.
    pub header: &'a [u8],
    /// The format that the record is in.
    pub format: &'a Format,
}

impl Capture {
    /// Damages that are kept for messages; further ones are only counted.
    pub const MAX_DAMAGES: usize = Cursor::MAX_DAMAGES;

    /// Opens a capture: a file, or a pipe or device by its path.
    ///
    /// # Errors
    /// When it cannot be read, or is no capture.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::from_input(Input::open(path.as_ref())?)
    }

    /// Reads a capture from a byte stream. `name` stands for it in messages.
    ///
    /// # Errors
    /// When it cannot be read, or is no capture.
    pub fn from_reader(name: &str, reader: impl Read + Send + 'static) -> Result<Self, Error> {
        Self::from_input(Input::from_reader(name, Box::new(reader))?)
    }

    /// Reads an input from its start.
    ///
    /// # Errors
    /// When it cannot be read, or is no capture.
    pub fn from_input(mut input: Input) -> Result<Self, Error> {
        let (cursor, mut header) = Cursor::start(&mut input, &keep_waiting)?;
        if let Format::Pcapng(section) = cursor.format() {
            // In place of the one that will be read, should that be damaged.
            header = new_section_header(section.order);
        }
        Ok(Self {
            input,
            header,
            cursor,
            at: 0,
            window_len: WINDOW_LEN,
            packets: 0,
            headers: 0,
            is_trusted: false,
            side_blocks: None,
        })
    }

    /// The next record, in the capture's order; `None` at its end.
    ///
    /// Damage is no error: see [`Capture::damages`].
    ///
    /// # Errors
    /// When reading fails, or the file was truncated while it was read.
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>, Error> {
        match self.advance()? {
            Some(found) => self.record(&found).map(Some),
            None => Ok(None),
        }
    }

    /// The capture's name in messages.
    pub fn path(&self) -> &Path {
        self.input.path()
    }

    /// Offset of the next record, in bytes; of a compressed capture, in its content. Damage may be
    /// found there.
    pub const fn tell(&self) -> u64 {
        self.position()
    }

    /// How many records have been read.
    pub const fn packets(&self) -> u64 {
        self.packets
    }

    /// Damages so far, in order; the first [`Capture::MAX_DAMAGES`].
    pub fn damages(&self) -> &[Damage] {
        self.cursor.damages()
    }

    /// How many damages there were.
    pub const fn damage_count(&self) -> u64 {
        self.cursor.damage_count()
    }

    /// Header and format that the capture starts with, if nothing was read of it yet.
    pub(super) fn into_start(self) -> (Vec<u8>, Format) {
        (self.header, self.cursor.into_format())
    }

    /// Offset at which the next record is looked for, in bytes.
    pub(super) const fn position(&self) -> u64 {
        self.cursor.position() + self.at as u64
    }

    /// A number that changes where another file or section header counts: in between, the header of
    /// records only grows.
    pub(super) const fn headers(&self) -> u64 {
        self.headers
    }

    /// Keeps blocks that are no packets and describe none, but belong with them.
    pub(super) fn keep_side_blocks(&mut self) {
        self.side_blocks = Some(KeptBlocks::default());
    }

    /// Those that were passed since they were taken last, each with the byte order of its section.
    pub(super) fn take_side_blocks(&mut self) -> impl Iterator<Item = (ByteOrder, Vec<u8>)> + '_ {
        self.side_blocks.iter_mut().flat_map(|kept| {
            kept.len = 0;
            kept.blocks.drain(..)
        })
    }

    /// Moves past the next record.
    pub(super) fn advance(&mut self) -> Result<Option<Found>, Error> {
        loop {
            // The caller may have used the bytes of the record that was read last.
            self.input.check_lost()?;
            let base = self.cursor.position();
            let view = self
                .cursor
                .view(&mut self.input, self.window_len, &keep_waiting)?;
            let format = self.cursor.lend_format();
            let mut walk = Walk::new(view.bytes, self.at..view.bytes.len(), format);
            let next = walk.next().map(|record| Found::new(&record, base));
            self.at = walk.position();
            for side_block in walk.side_blocks() {
                let place = side_block.start..side_block.start + side_block.len;
                let block = view.bytes.get(place).unwrap_or_default();
                extend_header(&mut self.header, &side_block.kind, block);
                self.headers += u64::from(matches!(side_block.kind, SideBlockKind::Header(_)));
                if let (SideBlockKind::Other, Some(kept)) =
                    (&side_block.kind, &mut self.side_blocks)
                {
                    // The header is the section's by now.
                    let order = section_order(&self.header, 0).unwrap_or(ByteOrder::Little);
                    kept.add(order, block);
                }
            }
            let (_, format) = walk.into_parts();
            self.cursor.return_format(format);
            let stop = match next {
                Ok(found) => {
                    let is_trusted = std::mem::take(&mut self.is_trusted);
                    let format = self.cursor.format();
                    let place = found.bytes.clone();
                    let len = place.len();
                    let behind = successor(view.bytes, place, format, view.at_end);
                    match behind {
                        Successor::Unseen(needed) if !is_trusted => {
                            self.at = found.bytes.start;
                            let needed = len + needed;
                            Stop::Partial { needed }
                        }
                        Successor::None if !is_trusted => {
                            self.at = 0;
                            self.cursor.skip(found.bytes.start);
                            self.pass_cut(len)?;
                            continue;
                        }
                        _ => {
                            self.packets += 1;
                            // Simple packet blocks have no time.
                            let has_time = found.time != Nanos(0);
                            self.cursor.passed_packet(has_time.then_some(found.time));
                            return Ok(Some(found));
                        }
                    }
                }
                Err(Stop::End) if view.at_end => return self.input.check_lost().map(|()| None),
                Err(stop) => stop,
            };
            let rest = view.bytes.get(self.at..).unwrap_or_default();
            let obstacle = self.cursor.stop(stop, rest, view.at_end);
            self.cursor.skip(std::mem::take(&mut self.at));
            if let Some(obstacle) = obstacle {
                let packet = self.packets + 1;
                self.cursor
                    .pass(&obstacle, &mut self.input, packet, &keep_waiting)?;
            }
        }
    }

    /// Something that is none is behind the record of `len` bytes here: passes it if it is cut short, and
    /// trusts it if not.
    fn pass_cut(&mut self, len: usize) -> Result<(), Error> {
        let packet = self.packets + 1;
        let input = &mut self.input;
        let is_cut = self.cursor.pass_cut(len, input, packet, &keep_waiting)?;
        self.is_trusted = !is_cut;
        Ok(())
    }

    /// The record that was found last. The view is the one that it was found in.
    pub(super) fn record(&mut self, found: &Found) -> Result<Record<'_>, Error> {
        let view = self
            .cursor
            .view(&mut self.input, self.window_len, &keep_waiting)?;
        Ok(found.record(view, &self.header, self.cursor.format()))
    }
}

impl KeptBlocks {
    /// Keeps a block, unless too much is kept already: no packets may follow for gigabytes.
    fn add(&mut self, order: ByteOrder, block: &[u8]) {
        let len = self.len + block.len();
        if len <= MOST_KEPT {
            self.blocks.push((order, block.to_vec()));
            self.len = len;
        }
    }
}

/// A record, by its places in the bytes that are being walked.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) offset: u64,
    pub(super) time: Nanos,
    wire_len: u32,
    link_type: Option<LinkType>,
    data: Range<usize>,
    bytes: Range<usize>,
}

impl Found {
    /// `base`: where the walked bytes start in the capture.
    pub(super) const fn new(record: &PacketRecord<'_>, base: u64) -> Self {
        Self {
            offset: base + record.start as u64,
            time: record.time,
            wire_len: record.wire_len,
            link_type: record.link_type,
            data: record.data_start..record.data_start + record.data.len(),
            bytes: record.start..record.start + record.len,
        }
    }

    pub(super) fn record<'a>(
        &self,
        view: View<'a>,
        header: &'a [u8],
        format: &'a Format,
    ) -> Record<'a> {
        let part = |range: &Range<usize>| view.bytes.get(range.clone()).unwrap_or_default();
        Record {
            offset: self.offset,
            time: self.time,
            wire_len: self.wire_len,
            link_type: self.link_type,
            data: part(&self.data),
            bytes: part(&self.bytes),
            header,
            format,
        }
    }
}

/// A block that is no packet was passed: what packets behind it need of it.
fn extend_header(header: &mut Vec<u8>, kind: &SideBlockKind, block: &[u8]) {
    match kind {
        SideBlockKind::Header(format) => {
            header.clear();
            header.extend_from_slice(block);
            let length = header.get_mut(SECTION_LENGTH);
            if let (Format::Pcapng(_), Some(length)) = (format, length) {
                length.fill(0xff);
            }
        }
        SideBlockKind::Interface => header.extend_from_slice(block),
        SideBlockKind::Other => {}
    }
}

/// Nothing cancels.
const fn keep_waiting() -> bool {
    true
}

/// Most bytes of blocks that are kept between two packets: no single block has more.
const MOST_KEPT: usize = Format::MAX_RECORD_LEN;
/// How much of a file is mapped at a time.
const WINDOW_LEN: usize = 64 * 1024 * 1024;
/// Where a pcapng section header has the length of its section.
const SECTION_LENGTH: Range<usize> = 16..24;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Config, Progress, Source, run};
    use std::path::PathBuf;

    fn testdata() -> Vec<PathBuf> {
        let folders = ["recorded", "generated/formats", "generated/damage"];
        let files = folders.iter().flat_map(|folder| {
            let folder = Path::new("testdata").join(folder);
            std::fs::read_dir(folder)
                .unwrap()
                .map(|it| it.unwrap().path())
        });
        let is_capture = |it: &PathBuf| it.extension().is_some_and(|it| it != "tsv");
        let mut files: Vec<PathBuf> = files.filter(is_capture).collect();
        files.sort();
        files
    }

    /// A record's offset, time and data.
    type Told = (u64, Nanos, Vec<u8>);

    /// All records, and damages as text.
    fn all(mut capture: Capture) -> (Vec<Told>, Vec<String>) {
        let mut records = Vec::new();
        while let Some(record) = capture.next_record().unwrap() {
            assert!(record.bytes.len() >= record.data.len());
            records.push((record.offset, record.time, record.data.to_vec()));
        }
        assert!(capture.next_record().unwrap().is_none(), "the end stays");
        assert_eq!(capture.packets(), records.len() as u64);
        let damages = capture.damages().iter().map(ToString::to_string);
        (records, damages.collect())
    }

    /// Records and damages are those of a run, however the capture is read.
    #[test]
    fn says_what_a_run_says() {
        for path in testdata() {
            let sources = vec![Source::Path(path.clone())];
            let outcome = run(&Config::default(), sources, &mut (), &Progress::default());
            let Ok(outcome) = outcome else {
                assert!(Capture::open(&path).is_err(), "{}", path.display());
                continue;
            };
            let report = &outcome.inputs[0];
            let expected = all(Capture::open(&path).unwrap());
            assert_eq!(
                report.packets,
                expected.0.len() as u64,
                "{}",
                path.display()
            );
            let damages: Vec<String> = report.damages.iter().map(ToString::to_string).collect();
            assert_eq!(damages, expected.1);

            let mut narrow = Capture::open(&path).unwrap();
            narrow.window_len = 100;
            assert!(all(narrow) == expected, "{}, narrow", path.display());
            let name = path.to_str().unwrap();
            let file = Box::new(std::fs::File::open(&path).unwrap());
            let stream = Input::from_reader_with_buffer(name, file, 777).unwrap();
            assert!(
                all(Capture::from_input(stream).unwrap()) == expected,
                "{name}, stream"
            );
        }
    }

    /// Header and record alone are a capture that holds this record.
    #[test]
    fn a_record_and_its_header_are_a_capture() {
        for path in testdata() {
            let Ok(mut capture) = Capture::open(&path) else {
                continue;
            };
            while let Some(record) = capture.next_record().unwrap() {
                let Some(link_type) = record.link_type else {
                    continue;
                };
                let bytes = [record.header, record.bytes].concat();
                let (format, start) = Format::probe(&bytes).unwrap();
                let mut walk = Walk::new(&bytes, start..bytes.len(), format);
                let again = walk.next().unwrap();
                assert_eq!(
                    again.data,
                    record.data,
                    "{} {}",
                    path.display(),
                    record.offset
                );
                assert_eq!((again.time, again.wire_len), (record.time, record.wire_len));
                assert_eq!(again.link_type, Some(link_type));
                assert_eq!(walk.next().err(), Some(Stop::End));
            }
        }
    }
}

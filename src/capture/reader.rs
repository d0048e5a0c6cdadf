//! A capture as programs read it: one record after the other, however large it is.

use super::format::{CompanionKind, Format, Start, Walk};
use super::input::{Input, View};
use super::linktype::LinkType;
use super::pcapng::new_section_header;
use super::record::{Damage, PacketRecord, Stop};
use super::recovery::{Obstacle, seconds_of};
use super::timestamp::Nanos;
use crate::error::Error;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
    format: Format,
    /// Where the bytes start that are being walked, how many are needed at least, and how many
    /// are asked for.
    window: u64,
    min_len: usize,
    window_len: usize,
    /// How far they have been walked.
    at: usize,
    packets: u64,
    /// Seconds of the last packet: what follows damage is from about the same time.
    near: Option<u32>,
    damages: Vec<Damage>,
    damage_count: u64,
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
    /// Damages that are kept for messages; the others are only counted.
    pub const MAX_DAMAGES: usize = 20;

    /// Opens a capture: a file, or a pipe or device by its path.
    ///
    /// # Errors
    /// When it cannot be read, or is no capture.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::from_input(Input::open(path)?)
    }

    /// Reads a capture from a byte stream. `name` stands for it in messages.
    ///
    /// # Errors
    /// When it cannot be read, or is no capture.
    pub fn from_reader(name: &str, reader: Box<dyn Read + Send>) -> Result<Self, Error> {
        Self::from_input(Input::from_reader(name, reader)?)
    }

    /// Reads an input from its start.
    ///
    /// # Errors
    /// When it cannot be read, or is no capture.
    pub fn from_input(mut input: Input) -> Result<Self, Error> {
        let Start { format, mut header } = input.start(&go_on)?;
        let window = header.len() as u64;
        if let Format::Pcapng(section) = &format {
            // In place of the one that will be read, should that be damaged.
            header = new_section_header(section.order);
        }
        Ok(Self {
            input,
            window,
            header,
            format,
            min_len: 1,
            window_len: WINDOW_LEN,
            at: 0,
            packets: 0,
            near: None,
            damages: Vec::new(),
            damage_count: 0,
        })
    }

    /// The next record, in the capture's order; `None` at its end.
    ///
    /// Damage is no error: see [`Capture::damages`].
    ///
    /// # Errors
    /// When reading fails, or the file was cut while it was read (where
    /// [`survive_lost_pages`](super::survive_lost_pages) was called).
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

    /// How many records have been read.
    pub const fn packets(&self) -> u64 {
        self.packets
    }

    /// What was wrong in what has been read, in order; the first [`Capture::MAX_DAMAGES`].
    pub fn damages(&self) -> &[Damage] {
        &self.damages
    }

    /// How many damages there were.
    pub const fn damage_count(&self) -> u64 {
        self.damage_count
    }

    /// Header and format that the capture starts with, if nothing was read of it yet.
    pub(super) fn into_start(self) -> (Vec<u8>, Format) {
        (self.header, self.format)
    }

    /// Where the next record is looked for.
    pub(super) const fn position(&self) -> u64 {
        self.window + self.at as u64
    }

    /// Goes to the next record, and behind it.
    pub(super) fn advance(&mut self) -> Result<Option<Found>, Error> {
        loop {
            // Of the record that was read last, whoever asked for it may have touched the bytes.
            self.input.check_lost()?;
            let input = &mut self.input;
            let view = input.view(self.window, self.min_len, self.window_len, &go_on)?;
            let at_end = view.at_end;
            let format = std::mem::replace(&mut self.format, Format::LENT);
            let mut walk = Walk::new(view.bytes, self.at..view.bytes.len(), format);
            let next = walk.next().map(|record| Found::new(&record, self.window));
            self.at = walk.position();
            for companion in walk.companions() {
                let place = companion.start..companion.start + companion.len;
                let block = view.bytes.get(place).unwrap_or_default();
                extend_header(&mut self.header, &companion.kind, block);
            }
            (_, self.format) = walk.into_parts();
            match next {
                Ok(found) => {
                    self.packets += 1;
                    // Simple packet blocks have no time.
                    if found.time != Nanos(0) {
                        self.near = seconds_of(found.time);
                    }
                    return Ok(Some(found));
                }
                Err(Stop::End) if at_end => return self.input.check_lost().map(|()| None),
                Err(Stop::End) => self.go_to(self.position(), 1),
                Err(Stop::Partial { needed }) if !at_end => {
                    self.go_to(self.position(), needed);
                }
                Err(stop) => {
                    let rest = view.bytes.get(self.at..).unwrap_or_default();
                    let obstacle = Obstacle::new(stop, rest, &self.format, self.near);
                    self.pass(obstacle)?;
                }
            }
        }
    }

    /// What was found last. The view is the one that it was found in.
    pub(super) fn record(&mut self, found: &Found) -> Result<Record<'_>, Error> {
        let input = &mut self.input;
        let view = input.view(self.window, self.min_len, self.window_len, &go_on)?;
        Ok(found.record(view, &self.header, &self.format))
    }

    const fn go_to(&mut self, position: u64, min_len: usize) {
        self.window = position;
        self.min_len = min_len;
        self.at = 0;
    }

    fn pass(&mut self, obstacle: Obstacle) -> Result<(), Error> {
        let offset = self.position();
        let (format, near) = (&self.format, self.near);
        let (behind, resumed) = obstacle.pass(offset, &mut self.input, format, near, &go_on)?;
        self.damage_count += 1;
        if self.damages.len() < Self::MAX_DAMAGES {
            self.damages.push(Damage {
                path: Arc::<PathBuf>::clone(self.input.path()),
                offset,
                packet: self.packets + 1,
                kind: obstacle.kind,
                skipped: behind - offset,
                resumed,
            });
        }
        self.go_to(behind, 1);
        Ok(())
    }
}

/// A record, by its places in the bytes that are being walked.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) offset: u64,
    time: Nanos,
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
fn extend_header(header: &mut Vec<u8>, kind: &CompanionKind, block: &[u8]) {
    match kind {
        CompanionKind::Header(format) => {
            header.clear();
            header.extend_from_slice(block);
            let length = header.get_mut(SECTION_LENGTH);
            if let (Format::Pcapng(_), Some(length)) = (format, length) {
                length.fill(0xff);
            }
        }
        CompanionKind::Interface => header.extend_from_slice(block),
        CompanionKind::Other => {}
    }
}

/// Nobody cancels.
const fn go_on() -> bool {
    true
}

/// How much of a file is mapped at a time.
const WINDOW_LEN: usize = 64 * 1024 * 1024;
/// Where a pcapng section header has the length of its section.
const SECTION_LENGTH: Range<usize> = 16..24;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Config, Progress, Source, run};

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

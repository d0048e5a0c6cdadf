//! Several captures as one, by time: the packets of all of them, each time the earliest that any
//! has next.
//!
//! The result is a capture in bytes, made by the thread that reads streams ahead; the rest of the
//! program reads it as it reads a pipe. Each capture keeps its own order: a packet that is earlier than
//! the one before it stays behind it. Of packets with equal times, that of the capture named first
//! comes first.
//!
//! A capture is opened when its first packet's turn comes, and files are open only while some of
//! them is read. So memory grows with the captures that overlap, and no limit of open files is met.

mod part;
mod writer;

use super::first::FirstLook;
use super::format::Format;
use super::input::Input;
use super::part_report::PartReport;
use super::timestamp::Nanos;
use crate::error::Error;
use crossbeam_channel::{Sender, bounded};
use part::{Part, PartSource};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use writer::MergedWriter;

/// A capture to be merged with others.
pub struct MergePart {
    source: PartSource,
    path: PathBuf,
    format: Option<Format>,
    first_time: Option<Nanos>,
}

/// Captures to be merged.
#[derive(Debug)]
pub struct Merge {
    parts: Vec<MergePart>,
}

impl MergePart {
    /// A file, and what a look at it told. Where that is not known, as of a pipe, it is opened before
    /// any packet is read.
    pub fn path(path: &Path, look: Option<FirstLook>) -> Self {
        let (format, first_time) = look.map_or((None, None), |it| (Some(it.format), it.time));
        Self {
            source: PartSource::Path,
            path: path.to_owned(),
            format,
            first_time,
        }
    }

    /// An input that is open already.
    pub fn input(input: Input) -> Self {
        Self {
            path: input.path().as_ref().clone(),
            source: PartSource::Input(input),
            format: None,
            first_time: None,
        }
    }

    /// A byte stream, and its name in messages.
    pub fn reader(name: &str, reader: Box<dyn Read + Send>) -> Self {
        Self {
            source: PartSource::Reader(reader),
            path: PathBuf::from(name),
            format: None,
            first_time: None,
        }
    }
}

impl Merge {
    /// The merged capture's name in messages.
    pub const NAME: &str = "the captures as merged";

    /// Merges these; of packets with equal times, that of the earlier one comes first.
    pub const fn new(parts: Vec<MergePart>) -> Self {
        Self { parts }
    }

    /// What is merged.
    pub fn into_parts(self) -> Vec<MergePart> {
        self.parts
    }

    /// The files.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let is_file = |part: &&MergePart| !matches!(part.source, PartSource::Reader(_));
        self.parts
            .iter()
            .filter(is_file)
            .map(|part| part.path.as_path())
    }

    /// The formats at the starts of the captures, where they are known.
    pub fn formats(&self) -> impl Iterator<Item = Option<Format>> {
        self.parts.iter().map(|part| part.format.clone())
    }

    /// Starts to read them, as one input that ends after `max_packets` packets at the latest.
    ///
    /// # Errors
    /// When no thread can be started to read them.
    pub fn into_input(self, max_packets: u64) -> Result<Input, Error> {
        let (sender, reports) = bounded(1);
        let formats: Vec<_> = self.formats().collect();
        let step = (MEMORY / self.parts.len().max(1)).clamp(LEAST_STEP, MOST_STEP);
        let mut queue = BinaryHeap::with_capacity(self.parts.len());
        let parts = self.parts.into_iter().enumerate().map(|(number, part)| {
            let time = part.first_time.unwrap_or(Nanos::MIN);
            queue.push(Reverse((time, number)));
            Part::new(part.path, part.source, step)
        });
        let merged = Merged {
            parts: parts.collect(),
            queue,
            writer: MergedWriter::new(&formats),
            read: 0,
            packets_left: max_packets,
            reports: Some(sender),
        };
        Input::from_merged(Self::NAME, Box::new(merged), reports)
    }
}

impl fmt::Debug for MergePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MergePart")
            .field("path", &self.path)
            .field("first_time", &self.first_time)
            .finish_non_exhaustive()
    }
}

/// The merged capture, as a byte stream.
struct Merged {
    parts: Vec<Part>,
    /// Time and number of what comes next of each part; the least is taken out first.
    queue: BinaryHeap<Reverse<(Nanos, usize)>>,
    writer: MergedWriter,
    /// Bytes of the writer's that were read.
    read: usize,
    packets_left: u64,
    /// Where reports of the parts go at the end.
    reports: Option<Sender<Vec<PartReport>>>,
}

impl Read for Merged {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if self.read == self.writer.bytes.len() {
            self.writer.bytes.clear();
            self.read = 0;
            while self.writer.bytes.len() < room.len().min(MOST_WAITING) && self.step() {}
            if self.writer.bytes.is_empty() {
                self.report();
            }
        }
        let mut rest = self.writer.bytes.get(self.read..).unwrap_or_default();
        let count = rest.read(room)?;
        self.read += count;
        Ok(count)
    }
}

impl Merged {
    /// Takes packets of the part that has the earliest one, as long as it has that; `false` at the end.
    fn step(&mut self) -> bool {
        if self.packets_left == 0 {
            return false;
        }
        let Some(Reverse((mut time, number))) = self.queue.pop() else {
            return false;
        };
        let Some(part) = self.parts.get_mut(number) else {
            return false;
        };
        // The time was that of a first look, or none at all.
        if !part.is_started() {
            if let Some(time) = part.start(&mut self.writer) {
                self.queue.push(Reverse((time, number)));
            }
            return true;
        }
        let next = self.queue.peek().map(|it| it.0);
        while next.is_none_or(|next| (time, number) < next) {
            part.take(&mut self.writer);
            self.packets_left -= 1;
            if self.packets_left == 0 {
                return true;
            }
            match part.advance(time, &mut self.writer) {
                Some(next) => time = next,
                None => return true,
            }
            if self.writer.bytes.len() >= MOST_WAITING {
                break;
            }
        }
        self.queue.push(Reverse((time, number)));
        true
    }

    /// Says how the parts were read, once.
    fn report(&mut self) {
        if let Some(sender) = self.reports.take() {
            let parts = std::mem::take(&mut self.parts);
            // Nobody waits for it where the run has failed.
            drop(sender.send(parts.into_iter().map(Part::into_report).collect()));
        }
    }
}

/// Memory for bytes of parts that were read and not yet taken, as far as the least steps allow.
const MEMORY: usize = 64 * 1024 * 1024;
const LEAST_STEP: usize = 16 * 1024;
const MOST_STEP: usize = 256 * 1024;
/// Bytes of the merged capture that are made before they are handed out.
const MOST_WAITING: usize = 256 * 1024;

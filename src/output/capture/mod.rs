//! Captures of the selected packets.
//!
//! Records are copied as they are where output and input have the same format, and rewritten where
//! they do not.

mod commented;
mod copy;
mod pcap;
mod pcapng;

use super::atomic::OutputFile;
use crate::capture::{Format, LinkType, PcapFormat, Record, SideBlock, Walk};
use crate::error::Error;
use std::io::Write;

pub use commented::CommentedCapture;

use pcap::{PcapWriter, SNAPLEN};
use pcapng::PcapngWriter;

/// The format of a capture that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptureFormat {
    /// Classic pcap: one link type.
    Pcap,
    /// pcapng.
    Pcapng,
}

/// The format that holds all of these inputs without loss: pcap if all are pcap and of one link
/// type; in nanoseconds if any is. `None` is an input whose format is not known before it is
/// read; alone, its own format is kept.
pub fn common_format(inputs: &[Option<Format>]) -> WantedFormat {
    if let [None] = inputs {
        return WantedFormat::AsInput;
    }
    let pcaps: Option<Vec<&PcapFormat>> = inputs
        .iter()
        .map(|input| match input {
            Some(Format::Pcap(format)) => Some(format),
            _ => None,
        })
        .collect();
    match pcaps.as_deref() {
        Some([first, rest @ ..]) if rest.iter().all(|it| it.link_type == first.link_type) => {
            let needs_nanos = rest.iter().any(|it| it.unit_ns() < first.unit_ns());
            WantedFormat::Pcap {
                needs_nanos,
                snaplen: longest(inputs),
            }
        }
        _ => WantedFormat::Pcapng,
    }
}

/// The snaplen to announce where not all inputs announce that of the first.
fn longest(inputs: &[Option<Format>]) -> Option<u32> {
    let snaplens = inputs.iter().map(|input| match input {
        Some(Format::Pcap(format)) => format.snaplen,
        Some(Format::Pcapng(_) | Format::Erf) | None => SNAPLEN,
    });
    let first = snaplens.clone().next()?;
    let longest = snaplens.max()?;
    (longest != first).then_some(longest)
}

/// The format to write, before the first input is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WantedFormat {
    /// That of the first input; pcapng, where that is one that is only read.
    AsInput,
    /// pcap. A first input that is pcap gives header, byte order and unit of time, which is
    /// nanoseconds in any case if that is needed.
    Pcap {
        /// A later input has nanoseconds, the first may not.
        needs_nanos: bool,
        /// The snaplen to announce, where a later input may have longer packets than the first.
        snaplen: Option<u32>,
    },
    /// pcapng.
    Pcapng,
}

impl CaptureFormat {
    /// The format to write where this one is requested, and these are the inputs.
    pub fn wanted(self, inputs: &[Option<Format>]) -> WantedFormat {
        match self {
            Self::Pcapng => WantedFormat::Pcapng,
            Self::Pcap => {
                let has_micros = |input: &Option<Format>| match input {
                    Some(Format::Pcap(format)) => format.unit_ns() == 1000,
                    Some(Format::Pcapng(_) | Format::Erf) | None => false,
                };
                // One input alone gives its own unit.
                let rest = inputs.get(1..).unwrap_or_default();
                WantedFormat::Pcap {
                    needs_nanos: !rest.iter().all(has_micros),
                    snaplen: longest(inputs),
                }
            }
        }
    }
}

/// Writes a capture.
#[derive(Debug)]
pub struct CaptureWriter {
    out: OutputFile,
    wanted: WantedFormat,
    writer: Option<Writer>,
    flush_each_window: bool,
    /// The format of the last single record.
    single: Option<Format>,
}

#[derive(Debug)]
enum Writer {
    Pcap(PcapWriter),
    Pcapng(PcapngWriter),
}

impl CaptureWriter {
    /// Writes to `out`.
    pub const fn new(out: OutputFile, wanted: WantedFormat, flush_each_window: bool) -> Self {
        Self {
            out,
            wanted,
            writer: None,
            flush_each_window,
            single: None,
        }
    }

    /// An input starts, with this file header (pcap) and format.
    ///
    /// # Errors
    /// When writing fails.
    pub fn input(&mut self, header: &[u8], format: &Format) -> Result<(), Error> {
        let wanted = match (self.wanted, format) {
            (WantedFormat::AsInput, Format::Pcap(_)) => WantedFormat::Pcap {
                needs_nanos: false,
                snaplen: None,
            },
            (WantedFormat::AsInput, Format::Pcapng(_) | Format::Erf) => WantedFormat::Pcapng,
            (wanted, _) => wanted,
        };
        let writer = self.writer.get_or_insert_with(|| match wanted {
            WantedFormat::Pcap {
                needs_nanos,
                snaplen,
            } => Writer::Pcap(PcapWriter::new(header, format, needs_nanos, snaplen)),
            WantedFormat::AsInput | WantedFormat::Pcapng => Writer::Pcapng(PcapngWriter::default()),
        });
        match writer {
            Writer::Pcap(_) => Ok(()),
            Writer::Pcapng(writer) => writer.input(&mut self.out, format),
        }
    }

    /// Writes packets of a window: the records at `offsets`, in order, and the blocks that belong
    /// with them. Returns how many bytes they are.
    ///
    /// # Errors
    /// When writing fails, or the format cannot hold a packet.
    pub fn window(
        &mut self,
        bytes: &[u8],
        format: &Format,
        side_blocks: &[SideBlock],
        offsets: &[u32],
    ) -> Result<u64, Error> {
        let Some(writer) = &mut self.writer else {
            return Ok(0);
        };
        let mut format = format.clone();
        let mut written = 0;
        let mut rest = offsets;
        for side_block in side_blocks {
            let before = rest.partition_point(|&offset| (offset as usize) < side_block.start);
            let (some, others) = rest.split_at(before);
            written += writer.records(&mut self.out, bytes, &format, some)?;
            rest = others;
            format = format.behind(bytes, side_block);
            if let Writer::Pcapng(writer) = writer {
                written += writer.side_block(&mut self.out, bytes, side_block)?;
            }
        }
        written += writer.records(&mut self.out, bytes, &format, rest)?;
        if self.flush_each_window {
            self.out.flush().map_err(|error| self.out.error(error))?;
        }
        Ok(written)
    }

    /// Writes one record, of any capture, after the others. Returns how many bytes it takes.
    ///
    /// Nothing is written of a packet without a link type: it cannot be read in another capture
    /// either.
    ///
    /// # Errors
    /// When writing fails, or the format cannot hold the packet.
    pub fn record(&mut self, record: &Record<'_>) -> Result<u64, Error> {
        let &Record {
            bytes,
            header,
            format,
            ..
        } = record;
        if record.link_type.is_none() {
            return Ok(0);
        }
        let mut written = 0;
        if !self.single.as_ref().is_some_and(|it| it.is_same(format)) {
            self.input(header, format)?;
            // pcapng's header is made of blocks.
            if let Ok((start, 0)) = Format::probe(header) {
                let mut blocks = Walk::new(header, 0..header.len(), start.clone());
                blocks.skip_to_packet();
                written += self.window(header, &start, blocks.side_blocks(), &[])?;
            }
            self.single = Some(format.clone());
        }
        written += self.window(bytes, format, &[], &[0])?;
        Ok(written)
    }

    /// Completes the capture and puts it under its name.
    ///
    /// # Errors
    /// When writing fails; then there is no output.
    pub fn finish(mut self) -> Result<(), Error> {
        match &mut self.writer {
            Some(Writer::Pcap(writer)) => writer.header(&mut self.out, LinkType::ETHERNET)?,
            Some(Writer::Pcapng(writer)) => writer.start_section(&mut self.out)?,
            None => 0,
        };
        self.out.finish()
    }
}

impl Writer {
    fn records(
        &mut self,
        out: &mut OutputFile,
        bytes: &[u8],
        format: &Format,
        offsets: &[u32],
    ) -> Result<u64, Error> {
        match self {
            Self::Pcap(writer) => writer.records(out, bytes, format, offsets),
            Self::Pcapng(writer) => writer.records(out, bytes, format, offsets),
        }
    }
}

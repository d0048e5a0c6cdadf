//! One of the captures that are merged.

use super::writer::{Described, MergedWriter};
use crate::capture::input::Input;
use crate::capture::part_report::PartReport;
use crate::capture::reader::{Capture, Found};
use crate::capture::timestamp::Nanos;
use std::io::Read;
use std::path::PathBuf;

/// Where a part's bytes come from.
pub(super) enum PartSource {
    /// The file with the part's name.
    Path,
    Reader(Box<dyn Read + Send>),
    Input(Input),
}

/// A capture that is merged with others.
pub(super) struct Part {
    state: State,
    step: usize,
    report: PartReport,
}

enum State {
    Waiting(PartSource),
    Reading(Box<Reading>),
    Ended,
}

struct Reading {
    capture: Capture,
    /// The record that comes next.
    next: Option<Found>,
    /// The interfaces of its section.
    described: Described,
}

impl Part {
    pub(super) const fn new(path: PathBuf, source: PartSource, step: usize) -> Self {
        Self {
            state: State::Waiting(source),
            step,
            report: PartReport {
                path,
                packets: 0,
                bytes: 0,
                damages: Vec::new(),
                damage_count: 0,
                error: None,
            },
        }
    }

    /// Whether it was opened.
    pub(super) const fn is_started(&self) -> bool {
        !matches!(self.state, State::Waiting(_))
    }

    /// Opens the capture: the time of its first packet; `None` if it has none, or cannot be read.
    pub(super) fn start(&mut self, out: &mut MergedWriter) -> Option<Nanos> {
        let State::Waiting(source) = std::mem::replace(&mut self.state, State::Ended) else {
            return None;
        };
        let path = &self.report.path;
        let input = match source {
            PartSource::Path => Input::open_directly(path, self.step),
            PartSource::Reader(reader) => Ok(Input::directly_from(path, reader, self.step)),
            PartSource::Input(input) => Ok(input),
        };
        match input.and_then(Capture::from_input) {
            Ok(mut capture) => {
                capture.keep_side_blocks();
                self.state = State::Reading(Box::new(Reading {
                    capture,
                    next: None,
                    described: Described::default(),
                }));
                self.advance(Nanos::MIN, out)
            }
            Err(error) => {
                self.report.error = Some(error);
                None
            }
        }
    }

    /// Writes the packet that comes next, and the blocks before it.
    pub(super) fn take(&mut self, out: &mut MergedWriter) {
        let State::Reading(reading) = &mut self.state else {
            return;
        };
        let Reading {
            capture,
            next,
            described,
        } = &mut **reading;
        for (order, block) in capture.take_side_blocks() {
            out.side_block(order, &block);
        }
        let Some(next) = next else { return };
        described.enter(capture.headers());
        match capture.record(next) {
            Ok(record) => {
                out.record(&record, described);
                self.report.packets += 1;
            }
            // Its bytes are in memory: that cannot fail.
            Err(error) => self.report.error = Some(error),
        }
    }

    /// Goes on to the next packet: its time, or that of the one before where it has none. `None` at
    /// the end.
    pub(super) fn advance(&mut self, before: Nanos, out: &mut MergedWriter) -> Option<Nanos> {
        let State::Reading(reading) = &mut self.state else {
            return None;
        };
        match reading.capture.advance() {
            Ok(Some(next)) => {
                let time = next.time;
                reading.next = Some(next);
                // Simple packet blocks have no time.
                return Some(if time == Nanos(0) { before } else { time });
            }
            Ok(None) => {}
            Err(error) => self.report.error = Some(error),
        }
        if let State::Reading(mut reading) = std::mem::replace(&mut self.state, State::Ended) {
            for (order, block) in reading.capture.take_side_blocks() {
                out.side_block(order, &block);
            }
            self.report_on(&reading.capture);
        }
        None
    }

    fn report_on(&mut self, capture: &Capture) {
        self.report.bytes = capture.position();
        self.report.damages = capture.damages().to_vec();
        self.report.damage_count = capture.damage_count();
    }

    /// How it was read, up to here.
    pub(super) fn into_report(mut self) -> PartReport {
        if let State::Reading(reading) = std::mem::replace(&mut self.state, State::Ended) {
            self.report_on(&reading.capture);
        }
        self.report
    }
}

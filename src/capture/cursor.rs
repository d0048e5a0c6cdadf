//! How far an input has been read, in which format it is there, and what was wrong on the way:
//! the same for a [run](crate::engine::Run) and for a [`Capture`](super::Capture).

use super::format::{Format, Start};
use super::input::{Input, View};
use super::record::{Damage, DamageKind, Stop};
use super::recovery::{Obstacle, joined_in_record, seconds_of};
use super::timestamp::Nanos;
use crate::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

/// A place in an input between two records.
#[derive(Debug)]
pub(crate) struct Cursor {
    /// Offset of the next record, in bytes.
    position: u64,
    /// Bytes that the next view must have, unless the input ends before.
    min_len: usize,
    format: Format,
    /// Seconds of the last packet: what follows damage is from about the same time.
    near: Option<u32>,
    damages: Vec<Damage>,
    damage_count: u64,
}

impl Cursor {
    /// Damages that are kept for messages; further ones are only counted.
    pub(crate) const MAX_DAMAGES: usize = 20;

    /// The start of an input's first record. Returns the bytes before it, too: the file header of
    /// a pcap file.
    ///
    /// # Errors
    /// When reading fails, the input is no capture, or `keep_waiting` says no.
    pub(crate) fn start(
        input: &mut Input,
        keep_waiting: &dyn Fn() -> bool,
    ) -> Result<(Self, Vec<u8>), Error> {
        let Start { format, header } = input.start(keep_waiting)?;
        let cursor = Self {
            position: header.len() as u64,
            min_len: 1,
            format,
            near: None,
            damages: Vec::new(),
            damage_count: 0,
        };
        Ok((cursor, header))
    }

    /// Offset of the next record, in bytes.
    pub(crate) const fn position(&self) -> u64 {
        self.position
    }

    /// The format at this place.
    pub(crate) const fn format(&self) -> &Format {
        &self.format
    }

    /// Damages so far, in order: the first [`Cursor::MAX_DAMAGES`].
    pub(crate) fn damages(&self) -> &[Damage] {
        &self.damages
    }

    /// How many damages there were.
    pub(crate) const fn damage_count(&self) -> u64 {
        self.damage_count
    }

    /// The damages, and how many there were.
    pub(crate) fn into_damages(self) -> (Vec<Damage>, u64) {
        (self.damages, self.damage_count)
    }

    /// Format and position, lent to a walk: [`Cursor::advance`] gives them back.
    pub(super) const fn lend_format(&mut self) -> Format {
        std::mem::replace(&mut self.format, Format::LENT)
    }

    pub(super) fn return_format(&mut self, format: Format) {
        self.format = format;
    }

    pub(super) fn into_format(self) -> Format {
        self.format
    }

    /// The bytes from here on, about `target_len` of them.
    ///
    /// # Errors
    /// When reading fails, what was read before was truncated meanwhile, or `keep_waiting` says no.
    pub(crate) fn view<'i>(
        &self,
        input: &'i mut Input,
        target_len: usize,
        keep_waiting: &dyn Fn() -> bool,
    ) -> Result<View<'i>, Error> {
        input.view(self.position, self.min_len, target_len, keep_waiting)
    }

    /// Goes on by whole records.
    pub(crate) fn advance(&mut self, consumed: usize, format: Format, last_time: Option<Nanos>) {
        self.position += consumed as u64;
        self.format = format;
        self.passed_packet(last_time);
    }

    /// Moves over the records of a view without a word about packets.
    pub(super) fn skip(&mut self, consumed: usize) {
        self.position += consumed as u64;
    }

    /// Notes when the last packet before this place was captured.
    pub(crate) fn passed_packet(&mut self, time: Option<Nanos>) {
        // Of the last packet alone: which one came before depends on the windows.
        if let Some(time) = time {
            self.near = seconds_of(time);
        }
    }

    /// A walk of a view stopped here. Returns what stopped it, unless more bytes are all that it
    /// takes to continue; `rest` are the view's bytes from here on.
    pub(crate) fn stop(&mut self, stop: Stop, rest: &[u8], at_end: bool) -> Option<Obstacle> {
        self.min_len = 1;
        match stop {
            Stop::End => None,
            Stop::Partial { needed } if !at_end => {
                self.min_len = needed;
                None
            }
            stop => Some(Obstacle::new(stop, rest, &self.format, self.near)),
        }
    }

    /// Moves past damage, and notes it. `packet` is the number of the record that should be here,
    /// from 1.
    ///
    /// # Errors
    /// When reading fails, or `keep_waiting` says no.
    pub(crate) fn pass(
        &mut self,
        obstacle: &Obstacle,
        input: &mut Input,
        packet: u64,
        keep_waiting: &dyn Fn() -> bool,
    ) -> Result<(), Error> {
        let offset = self.position;
        let (format, near) = (&self.format, self.near);
        let (after, resumed) = obstacle.pass(offset, input, format, near, keep_waiting)?;
        self.note(Damage {
            path: Arc::<PathBuf>::clone(input.path()),
            offset,
            packet,
            kind: obstacle.kind,
            skipped: after - offset,
            resumed,
        });
        self.position = after;
        Ok(())
    }

    /// A record of `len` bytes stands here, and something that is none behind it. Moves to the capture
    /// that starts inside of it, if one does, and notes that the record is cut short.
    ///
    /// # Errors
    /// When reading fails, or `keep_waiting` says no.
    pub(crate) fn pass_cut(
        &mut self,
        len: usize,
        input: &mut Input,
        packet: u64,
        keep_waiting: &dyn Fn() -> bool,
    ) -> Result<bool, Error> {
        let Some(left) = joined_in_record(self.position, len, input, keep_waiting)? else {
            return Ok(false);
        };
        let (needed, left) = (len as u64, left as u64);
        self.note(Damage {
            path: Arc::<PathBuf>::clone(input.path()),
            offset: self.position,
            packet,
            kind: DamageKind::CutShort { needed, left },
            skipped: left,
            resumed: true,
        });
        self.position += left;
        self.min_len = 1;
        Ok(true)
    }

    fn note(&mut self, damage: Damage) {
        self.damage_count += 1;
        if self.damages.len() < Self::MAX_DAMAGES {
            self.damages.push(damage);
        }
    }
}

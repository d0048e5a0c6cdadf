//! When a capture starts, as told by its first bytes.

use super::cursor::Cursor;
use super::format::{Format, Walk};
use super::input::Input;
use super::record::Stop;
use super::timestamp::Nanos;
use crate::error::Error;
use std::cell::Cell;
use std::path::Path;

/// What the first bytes of a capture file tell.
#[derive(Clone, Debug)]
pub struct FirstLook {
    /// The format at its start.
    pub format: Format,
    /// When its first packet was captured that has a time; `None` where there is none among the first
    /// 16 MiB, compressed or not.
    pub time: Option<Nanos>,
}

impl FirstLook {
    /// Looks at a file. About 64 KiB are read, unless its first packet is further on.
    ///
    /// A pipe must not be looked at, as what is read of it is gone.
    ///
    /// # Errors
    /// When the file cannot be read at its start, or is no capture.
    pub fn at(path: &Path) -> Result<Self, Error> {
        let mut input = Input::open_directly(path, STEP)?;
        let (cursor, _) = Cursor::start(&mut input, &|| true)?;
        Ok(Self {
            format: cursor.format().clone(),
            // It is a capture: what is wrong with it further on is told when it is read.
            time: search(cursor, &mut input).unwrap_or_default(),
        })
    }
}

fn search(mut cursor: Cursor, input: &mut Input) -> Result<Option<Nanos>, Error> {
    // Searches behind damage ask after each few megabytes.
    let patience = Cell::new(SEARCHES);
    let keep_waiting = || {
        patience.set(patience.get().saturating_sub(1));
        patience.get() > 0
    };
    while cursor.position() < MOST_BYTES {
        let view = cursor.view(input, STEP, &keep_waiting)?;
        let mut walk = Walk::new(view.bytes, 0..view.bytes.len(), cursor.format().clone());
        let stop = loop {
            match walk.next() {
                // Simple packet blocks have no time.
                Ok(record) if record.time == Nanos(0) => {}
                Ok(record) => return Ok(Some(record.time)),
                Err(stop) => break stop,
            }
        };
        if stop == Stop::End && view.at_end {
            return Ok(None);
        }
        let at = walk.position();
        let (_, format) = walk.into_parts();
        let rest = view.bytes.get(at..).unwrap_or_default();
        let at_end = view.at_end;
        cursor.advance(at, format, None);
        if let Some(obstacle) = cursor.stop(stop, rest, at_end) {
            cursor.pass(&obstacle, input, 1, &keep_waiting)?;
        }
    }
    Ok(None)
}

/// Bytes that are read at a time.
const STEP: usize = 64 * 1024;
/// A capture that has no packet up to here is not searched further.
const MOST_BYTES: u64 = 16 * 1024 * 1024;
/// Steps of 4 MiB in a search behind damage.
const SEARCHES: u32 = 4;

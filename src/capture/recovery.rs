//! Obstacles that stop a walk before an input's end, and where reading continues after them.

use super::format::Format;
use super::input::Input;
use super::record::{DamageKind, Stop};
use super::split::{
    Resync, find_joined_in_cut, find_joined_in_record, find_resync, looks_like_record,
};
use super::timestamp::Nanos;
use super::zeros;
use crate::error::Error;
use std::io;

/// Something that is no whole record, where one should be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Obstacle {
    /// The kind of damage.
    pub(crate) kind: DamageKind,
    /// A record that the input's end truncates, and that is not damaged otherwise.
    cut: Option<Cut>,
}

/// How many bytes of a truncated record there are, and whether another capture starts behind them.
#[derive(Clone, Copy, Debug)]
struct Cut {
    len: u64,
    is_joined: bool,
}

impl Obstacle {
    /// The obstacle that stopped a walk. `rest` are the bytes there, up to the input's end if the
    /// record is not complete; `near` as in [`find_resync`].
    pub(crate) fn new(stop: Stop, rest: &[u8], format: &Format, near: Option<u32>) -> Self {
        let needed = match stop {
            Stop::Damaged(kind) => return Self { kind, cut: None },
            Stop::Partial { .. } if zeros::is_start(rest) => {
                let kind = DamageKind::Zeros;
                return Self { kind, cut: None };
            }
            Stop::Partial { needed } => needed as u64,
            Stop::End => 0,
        };
        let cut = looks_like_record(rest, 0, format, near).then(|| {
            let joined = find_joined_in_cut(rest);
            Cut {
                len: joined.unwrap_or(rest.len()) as u64,
                is_joined: joined.is_some(),
            }
        });
        let left = cut.map_or(rest.len() as u64, |it| it.len);
        Self {
            kind: DamageKind::CutShort { needed, left },
            cut,
        }
    }

    /// Where reading continues after an obstacle at `offset`, and whether a record starts there;
    /// otherwise it is the input's end.
    ///
    /// # Errors
    /// When reading fails, or `keep_waiting` says no.
    pub(crate) fn pass(
        &self,
        offset: u64,
        input: &mut Input,
        format: &Format,
        near: Option<u32>,
        keep_waiting: &dyn Fn() -> bool,
    ) -> Result<(u64, bool), Error> {
        if let Some(cut) = self.cut {
            return Ok((offset + cut.len, cut.is_joined));
        }
        let mut from = offset + 1;
        loop {
            let view = input.view(from, RESYNC_VIEW, RESYNC_VIEW, keep_waiting)?;
            let at = |place: usize| view.offset + place as u64;
            match find_resync(view.bytes, 0, format, view.at_end, near) {
                Resync::Found(place) => return Ok((at(place), true)),
                Resync::Nothing => return Ok((at(view.bytes.len()), false)),
                Resync::Undecided(place) => from = at(place),
            }
            if !keep_waiting() {
                let interrupted = io::ErrorKind::Interrupted.into();
                return Err(Error::io("read", input.path(), interrupted));
            }
        }
    }
}

/// Where another capture starts inside the record of `len` bytes at `offset`, if it is one that is cut
/// short, and something else was joined to it.
///
/// # Errors
/// When reading fails, or `keep_waiting` says no.
pub(super) fn joined_in_record(
    offset: u64,
    len: usize,
    input: &mut Input,
    keep_waiting: &dyn Fn() -> bool,
) -> Result<Option<usize>, Error> {
    let view_len = len.saturating_add(RESYNC_VIEW);
    let view = input.view(offset, view_len, view_len, keep_waiting)?;
    Ok(find_joined_in_record(view.bytes, len, view.at_end))
}

/// Whole seconds of a time that a pcap header can hold.
pub(crate) fn seconds_of(time: Nanos) -> Option<u32> {
    u32::try_from(time.0 / 1_000_000_000).ok()
}

/// More than the longest chain of records that a search for the end of damage looks at.
const RESYNC_VIEW: usize = 4 * 1024 * 1024;

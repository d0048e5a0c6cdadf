//! Where the packets of records are: their numbers, captures and offsets.

use crate::app::Moment;
use crate::engine::Source;
use crate::index::PacketPlaces;

/// How packets are named in records.
#[derive(Debug)]
pub(super) enum Places {
    /// By their places in the inputs.
    Inputs {
        /// Whether there are several inputs.
        are_several: bool,
    },
    /// The inputs were merged: only the order of packets is known.
    Merged,
    /// The inputs are excerpts of captures.
    Excerpts(PacketPlaces),
}

/// The capture and the offset of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Ordinal of the capture, from 0, if there are several.
    pub(super) file: Option<u64>,
    /// Bytes.
    pub(super) offset: Option<u64>,
}

impl Places {
    /// `places` are those of excerpts.
    pub(super) fn new(places: Option<PacketPlaces>, sources: &[Source]) -> Self {
        let is_merged = sources.iter().any(|it| matches!(it, Source::Merged(_)));
        match places {
            Some(places) => Self::Excerpts(places),
            None if is_merged => Self::Merged,
            None => Self::Inputs {
                are_several: sources.len() > 1,
            },
        }
    }

    pub(super) fn of(&self, at: Moment) -> Place {
        let (file, offset, are_several) = match self {
            Self::Merged => return Place::default(),
            Self::Inputs { are_several } => (u64::from(at.input), at.offset, *are_several),
            Self::Excerpts(places) => match places.place(at.packet) {
                Some((file, offset)) => (file, offset, places.are_several()),
                None => return Place::default(),
            },
        };
        Place {
            file: are_several.then_some(file),
            offset: Some(offset),
        }
    }
}

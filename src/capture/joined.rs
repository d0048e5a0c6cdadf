//! Captures that were joined to one, as `cat` does it: the header of the next one stands where a
//! record or block should be.

use super::bytes::ByteOrder;
use super::pcap::{HeaderError, PcapFormat};
use super::pcapng;
use super::record::Stop;

/// The header of another capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joined {
    /// pcap or snoop: what the header says, and its length in bytes.
    Pcap(PcapFormat, usize),
    /// A section header of pcapng in this byte order.
    Section(ByteOrder),
}

impl Joined {
    /// The header at `at`, if there is one.
    ///
    /// More is asked of it than of a file's first bytes, as records and blocks may start with the same
    /// four bytes: pcap's time zone and accuracy are always zero (a record would have to be
    /// empty), snoop's magic has eight bytes, and a section header must be whole and of a version
    /// that is read.
    ///
    /// # Errors
    /// When there seems to be a header, but not all of it.
    pub(super) fn at(bytes: &[u8], at: usize) -> Result<Option<Self>, Stop> {
        if !may_be_header(bytes, at) {
            return Ok(None);
        }
        let rest = bytes.get(at..).unwrap_or_default();
        if rest.len() < TELLING_LEN {
            return Err(Stop::Partial {
                needed: TELLING_LEN,
            });
        }
        if pcapng::is_pcapng(rest) {
            return section(bytes, at);
        }
        let is_snoop = rest.starts_with(PcapFormat::SNOOP_MAGIC);
        let has_zeros = rest.get(8..16).is_some_and(|fields| fields == [0; 8]);
        if !is_snoop && !has_zeros {
            return Ok(None);
        }
        match PcapFormat::parse(rest) {
            Ok((format, len)) => Ok(Some(Self::Pcap(format, len))),
            Err(HeaderError::Short) => Err(Stop::Partial {
                needed: PcapFormat::header_len(rest),
            }),
            Err(_) => Ok(None),
        }
    }
}

/// Whether anything that starts in `bytes[start..end]` may be a header. Some dozen bytes more should be
/// there.
pub(super) fn may_hold_header(bytes: &[u8], start: usize, end: usize) -> bool {
    (start..end).any(|at| Joined::at(bytes, at) != Ok(None))
}

/// Bytes that tell a header from anything else.
const TELLING_LEN: usize = 16;

fn section(bytes: &[u8], at: usize) -> Result<Option<Joined>, Stop> {
    let Some(order) = pcapng::section_order(bytes, at) else {
        return Ok(None);
    };
    match pcapng::section_header(bytes, at) {
        Ok(_) => Ok(Some(Joined::Section(order))),
        Err(stop @ Stop::Partial { .. }) => Err(stop),
        Err(_) => Ok(None),
    }
}

/// Whether the first bytes may be those of a header. Nearly all others are told by this.
#[inline]
fn may_be_header(bytes: &[u8], at: usize) -> bool {
    let magic = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>());
    magic.is_some_and(|magic| {
        pcapng::is_pcapng(magic)
            || PcapFormat::magic(magic).is_some()
            || PcapFormat::SNOOP_MAGIC.starts_with(magic)
    })
}

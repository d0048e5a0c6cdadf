//! Conversions between integers, each named after the reason for which it is right.
//!
//! The first group cannot fail where it is used, for the reason that its functions state. If one
//! failed all the same, a debug build stops. A release build takes the greatest number, with which
//! nothing is found, where a truncated one would find something else.
//!
//! The second group takes the nearest number on purpose: its numbers come from files.

/// An offset in a window, or of what was put together from its packets. The engine's configuration
/// bounds windows far below 4 GiB.
#[inline(always)]
pub(crate) fn offset_u32(offset: usize) -> u32 {
    debug_assert!(u32::try_from(offset).is_ok(), "windows are below 4 GiB");
    u32::try_from(offset).unwrap_or(u32::MAX)
}

/// The length of a packet, a block or a part of one. Captures have 32 bits for it, and windows,
/// which hold whole records, are below 4 GiB.
#[inline(always)]
pub(crate) fn len_u32(len: usize) -> u32 {
    debug_assert!(u32::try_from(len).is_ok(), "records are below 4 GiB");
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// The index of an item in a list, or the number of its items. The lists are of flows, of what
/// flows refer to, or of a gigabyte's packets: a run ends before it has 2^32 flows.
#[inline(always)]
pub(crate) fn index_u32(index: usize) -> u32 {
    debug_assert!(u32::try_from(index).is_ok(), "lists have below 2^32 items");
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// A FlowID. A run ends before it has 2^32 flows.
#[inline(always)]
pub(crate) fn flow_id_u32(id: u64) -> u32 {
    debug_assert!(u32::try_from(id).is_ok(), "FlowIDs are below 2^32");
    u32::try_from(id).unwrap_or(u32::MAX)
}

/// The offset or length of bytes that are in memory, or of items of a list that is.
#[inline(always)]
pub(crate) fn memory_usize(offset: u64) -> usize {
    debug_assert!(usize::try_from(offset).is_ok(), "it is in memory");
    usize::try_from(offset).unwrap_or(usize::MAX)
}

/// An offset or a length inside a piece of payload, which is part of one packet, or of a gap that
/// is handed over 4 GiB at a time.
#[inline(always)]
pub(crate) fn piece_u32(offset: u64) -> u32 {
    debug_assert!(u32::try_from(offset).is_ok(), "pieces are below 4 GiB");
    u32::try_from(offset).unwrap_or(u32::MAX)
}

/// A place in a stretch of the captures of an index, which is a gigabyte.
#[inline(always)]
pub(crate) fn place_u32(place: u64) -> u32 {
    debug_assert!(u32::try_from(place).is_ok(), "stretches are of a gigabyte");
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// A number modulo 2^32, as sequence numbers count.
#[inline(always)]
pub(crate) const fn modulo_u32(number: u64) -> u32 {
    let [a, b, c, d, ..] = number.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// The nearest number that is not negative: for times before 1970, and for counts that a damaged
/// file may give as negative.
#[inline(always)]
pub(crate) const fn not_negative(number: i64) -> u64 {
    if number < 0 {
        0
    } else {
        number.cast_unsigned()
    }
}

/// The nearest number of 32 bits.
#[inline(always)]
pub(crate) fn nearest_u32(number: i64) -> u32 {
    u32::try_from(not_negative(number)).unwrap_or(u32::MAX)
}

/// The number, or the greatest of 32 bits.
#[inline(always)]
pub(crate) fn at_most_u32(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The nearest number of 16 bits.
#[inline(always)]
pub(crate) fn nearest_u16(number: u32) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_fit_stay_what_they_are() {
        for number in [0, 1, 0x1_0000, u32::MAX - 1, u32::MAX] {
            let wide = number as usize;
            assert_eq!(
                [offset_u32(wide), len_u32(wide), index_u32(wide)],
                [number; 3]
            );
            assert_eq!(flow_id_u32(number.into()), number);
            assert_eq!(memory_usize(number.into()), wide);
            assert_eq!(nearest_u32(number.into()), number);
            assert_eq!(
                [piece_u32, place_u32, at_most_u32, modulo_u32].map(|it| it(number.into())),
                [number; 4]
            );
        }
        assert_eq!(nearest_u16(65_535), 65_535);
        assert_eq!(not_negative(i64::MAX), i64::MAX as u64);
    }

    #[test]
    fn others_become_the_nearest() {
        assert_eq!(not_negative(-1), 0);
        assert_eq!(not_negative(i64::MIN), 0);
        assert_eq!(nearest_u32(-1), 0);
        assert_eq!(nearest_u32(i64::MAX), u32::MAX);
        assert_eq!(nearest_u16(65_536), u16::MAX);
        assert_eq!(at_most_u32(1 << 32), u32::MAX);
        assert_eq!(modulo_u32((5 << 32) + 7), 7);
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "windows are below 4 GiB")]
    fn what_cannot_be_stops_a_debug_build() {
        offset_u32(1 << 32);
    }
}

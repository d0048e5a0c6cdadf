//! Time in captures, and its conversion to nanoseconds.

/// A point in time: nanoseconds since 1970-01-01 00:00:00 UTC.
///
/// Times that do not fit (before 1677 or after 2262, which only damage or a hostile capture
/// produces) are held at [`Nanos::MIN`] or [`Nanos::MAX`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nanos(pub i64);

impl Nanos {
    /// The earliest representable time.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest representable time.
    pub const MAX: Self = Self(i64::MAX);

    /// From the two fields of a pcap record header. `fraction` counts units of `unit_ns`
    /// nanoseconds; it may exceed a second, as it does in some captures.
    pub fn from_pcap(seconds: u32, fraction: u32, unit_ns: u32) -> Self {
        // Cannot overflow: 2^32 * 10^9 + 2^32 * 1000 < 2^63.
        Self(i64::from(seconds) * NANOS_PER_SECOND + i64::from(fraction) * i64::from(unit_ns))
    }
}

/// The unit of an interface's timestamps (pcapng option `if_tsresol`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeUnit {
    /// A whole number of nanoseconds.
    Nanos(u64),
    /// 10^-n seconds, with n > 9.
    Decimal(u8),
    /// 2^-n seconds.
    Binary(u8),
}

impl TimeUnit {
    /// Microseconds, what pcapng assumes where nothing is said.
    pub const MICROS: Self = Self::Nanos(1000);

    /// From the value of `if_tsresol`: the top bit chooses powers of two, the others are the
    /// negated exponent (pcapng specification, section 4.2).
    pub const fn from_tsresol(value: u8) -> Self {
        let exponent = value & 0x7f;
        if value & 0x80 != 0 {
            Self::Binary(exponent)
        } else if exponent <= 9 {
            Self::Nanos(10_u64.pow(9 - exponent as u32))
        } else {
            Self::Decimal(exponent)
        }
    }

    /// Whether a unit is microseconds or a multiple of these, so that a microsecond pcap file
    /// can hold it without loss.
    pub const fn is_whole_micros(self) -> bool {
        matches!(self, Self::Nanos(n) if n % 1000 == 0)
    }

    /// `count` units after 1970 plus `offset_s` seconds (option `if_tsoffset`), rounded down to
    /// nanoseconds.
    pub fn to_nanos(self, count: u64, offset_s: i64) -> Nanos {
        let ns = match self {
            Self::Nanos(unit) => u128::from(count) * u128::from(unit),
            Self::Decimal(exponent) => match 10_u128.checked_pow(u32::from(exponent) - 9) {
                Some(per_ns) => u128::from(count) / per_ns,
                None => 0,
            },
            // 2^64 * 10^9 < 2^94, so the product fits; a shift of 94 or more leaves nothing.
            Self::Binary(exponent) => {
                (u128::from(count) * NANOS_PER_SECOND_U128) >> u32::from(exponent).min(127)
            }
        };
        // Only a unit that no capture can have is beyond: its times are the greatest there is.
        let ns = i128::try_from(ns).unwrap_or(i128::MAX);
        let ns = ns.saturating_add(i128::from(offset_s) * i128::from(NANOS_PER_SECOND));
        match i64::try_from(ns) {
            Ok(ns) => Nanos(ns),
            Err(_) if ns < 0 => Nanos::MIN,
            Err(_) => Nanos::MAX,
        }
    }
}

pub(crate) const NANOS_PER_SECOND: i64 = 1_000_000_000;
const NANOS_PER_SECOND_U128: u128 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pcap_times() {
        assert_eq!(Nanos::from_pcap(1, 2, 1000), Nanos(1_000_002_000));
        assert_eq!(Nanos::from_pcap(1, 2, 1), Nanos(1_000_000_002));
        assert_eq!(
            Nanos::from_pcap(u32::MAX, u32::MAX, 1000).0,
            4_294_971_589_967_295_000
        );
    }

    #[test]
    fn decimal_resolutions() {
        assert_eq!(TimeUnit::from_tsresol(6), TimeUnit::MICROS);
        assert_eq!(
            TimeUnit::from_tsresol(6).to_nanos(1_500_000, 0),
            Nanos(1_500_000_000)
        );
        assert_eq!(
            TimeUnit::from_tsresol(0).to_nanos(7, 0),
            Nanos(7_000_000_000)
        );
        assert_eq!(TimeUnit::from_tsresol(12).to_nanos(1_999, 0), Nanos(1));
        assert_eq!(TimeUnit::from_tsresol(127).to_nanos(u64::MAX, 0), Nanos(0));
    }

    #[test]
    fn binary_resolutions() {
        assert_eq!(
            TimeUnit::from_tsresol(0x8a).to_nanos(1024 + 512, 0),
            Nanos(1_500_000_000)
        );
        assert_eq!(
            TimeUnit::from_tsresol(0x94).to_nanos(1 << 20, 0),
            Nanos(1_000_000_000)
        );
        assert_eq!(TimeUnit::from_tsresol(0xff).to_nanos(u64::MAX, 0), Nanos(0));
        assert_eq!(
            TimeUnit::from_tsresol(0x80).to_nanos(3, 0),
            Nanos(3_000_000_000)
        );
    }

    #[test]
    fn offsets_and_saturation() {
        assert_eq!(TimeUnit::MICROS.to_nanos(0, -1), Nanos(-1_000_000_000));
        assert_eq!(TimeUnit::MICROS.to_nanos(u64::MAX, 0), Nanos::MAX);
        assert_eq!(TimeUnit::MICROS.to_nanos(0, i64::MAX), Nanos::MAX);
        assert_eq!(TimeUnit::MICROS.to_nanos(0, i64::MIN), Nanos::MIN);
    }
}

//! Time in captures, and its conversion to nanoseconds.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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

/// Seconds since 1970, exact: `1795233212.877977000`.
impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let ns = self.0.unsigned_abs();
        let second = NANOS_PER_SECOND.unsigned_abs();
        write!(f, "{sign}{}.{:09}", ns / second, ns % second)
    }
}

/// Times that do not fit are held at [`Nanos::MIN`] or [`Nanos::MAX`].
impl From<SystemTime> for Nanos {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self(i64::try_from(after.as_nanos()).unwrap_or(i64::MAX)),
            Err(error) => {
                let before = i64::try_from(error.duration().as_nanos());
                Self(before.map_or(i64::MIN, |it| -it))
            }
        }
    }
}

impl From<Nanos> for SystemTime {
    fn from(time: Nanos) -> Self {
        let distance = Duration::from_nanos(time.0.unsigned_abs());
        // Within 300 years of 1970, which every system can represent.
        let found = match time.0 {
            0.. => UNIX_EPOCH.checked_add(distance),
            _ => UNIX_EPOCH.checked_sub(distance),
        };
        found.unwrap_or(UNIX_EPOCH)
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
    fn times_of_the_system() {
        for (ns, text) in [
            (1_795_233_212_877_977_123, "1795233212.877977123"),
            (0, "0.000000000"),
            (-1_500_000_000, "-1.500000000"),
            (i64::MAX, "9223372036.854775807"),
        ] {
            assert_eq!(Nanos(ns).to_string(), text);
            assert_eq!(Nanos::from(SystemTime::from(Nanos(ns))), Nanos(ns));
        }
        let far = UNIX_EPOCH + Duration::from_secs(1 << 40);
        assert_eq!(Nanos::from(far), Nanos::MAX);
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

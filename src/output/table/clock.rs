//! Times as people read them.

use super::digits;
use crate::capture::Nanos;
use jiff::Timestamp;
use jiff::tz::{self, TimeZone as Zone};

/// How times are written in text.
#[derive(Clone, Debug, Default)]
pub enum TimeZone {
    /// Coordinated universal time.
    #[default]
    Utc,
    /// The zone that the system is set to.
    Local,
}

/// Writes times, and keeps the text of recent minutes: consecutive flows are mostly of the same few,
/// and asking the calendar takes longer than the rest of a line.
pub(super) struct Clock<'a> {
    zone: &'a Zone,
    /// By the low byte of their numbers.
    minutes: [Minute; MINUTES],
}

/// A minute since 1970, and its text: `2014-08-08 17:49:`.
#[derive(Clone, Copy)]
struct Minute {
    number: i64,
    text: [u8; 17],
}

/// The zone of times.
pub(super) fn zone(zone: &TimeZone) -> Zone {
    match zone {
        TimeZone::Utc => Zone::UTC,
        TimeZone::Local => Zone::system(),
    }
}

/// A time as lists write it: `2014-08-08 17:49:58.000.316.568`; nanoseconds since 1970.
pub(crate) fn time_text(time_zone: &TimeZone, ns: i64) -> String {
    let zone = zone(time_zone);
    let mut text = Vec::new();
    Clock::new(&zone).append(&mut text, Nanos(ns));
    String::from_utf8(text).unwrap_or_default()
}

impl<'a> Clock<'a> {
    pub(super) const fn new(zone: &'a Zone) -> Self {
        // No time of 64 bits is in this minute.
        let none = Minute {
            number: i64::MIN,
            text: [b' '; 17],
        };
        Self {
            zone,
            minutes: [none; MINUTES],
        }
    }

    /// `2014-08-08 17:49:58.000.316.568`
    pub(super) fn append(&mut self, text: &mut Vec<u8>, time: Nanos) {
        let number = time.0.div_euclid(NS_IN_MINUTE);
        let [slot, ..] = number.to_le_bytes();
        let minute = &mut self.minutes[usize::from(slot)];
        if minute.number != number {
            let Some(found) = whole_minute(number, self.zone) else {
                return append_uncached(text, time, self.zone);
            };
            *minute = found;
        }
        text.extend_from_slice(&minute.text);
        digits::seconds(text, time.0.rem_euclid(NS_IN_MINUTE).unsigned_abs());
    }

    /// `2014-08-08T17:49:58.000Z`, down to milliseconds (RFC 3339); without `Z` if it is not UTC.
    pub(super) fn append_iso(&mut self, text: &mut Vec<u8>, time: Nanos) {
        let start = text.len();
        self.append(text, time);
        text.truncate(start + ISO_LEN);
        if let Some(space) = text.get_mut(start + DATE_LEN) {
            *space = b'T';
        }
        if *self.zone == Zone::UTC {
            text.push(b'Z');
        }
    }
}

/// The text of a minute, where the zone's clocks show the same one from its start to its end:
/// the offset is one of whole minutes, and does not change in between.
fn whole_minute(number: i64, zone: &Zone) -> Option<Minute> {
    let start = Timestamp::from_second(number * 60).ok()?;
    let end = Timestamp::from_second(number * 60 + 59).ok()?;
    let offset = offset(start, zone);
    if offset.seconds() % 60 != 0 || offset != self::offset(end, zone) {
        return None;
    }
    let mut text = Vec::with_capacity(17);
    append_minute(&mut text, offset, start);
    let text = text.try_into().ok()?;
    Some(Minute { number, text })
}

fn append_uncached(text: &mut Vec<u8>, time: Nanos, zone: &Zone) {
    let Ok(stamp) = Timestamp::from_nanosecond(i128::from(time.0)) else {
        return digits::signed(text, time.0);
    };
    let offset = offset(stamp, zone);
    append_minute(text, offset, stamp);
    let clock = offset.to_datetime(stamp).time();
    let seconds = u64::from(clock.second().unsigned_abs());
    let nanos = u64::from(clock.subsec_nanosecond().unsigned_abs());
    digits::seconds(text, seconds * 1_000_000_000 + nanos);
}

/// `2014-08-08 17:49:`
fn append_minute(text: &mut Vec<u8>, offset: tz::Offset, stamp: Timestamp) {
    let at = offset.to_datetime(stamp);
    // Times of 64 bits are of the years 1677 to 2262.
    let year = u64::from(at.year().unsigned_abs());
    digits::two(text, year / 100);
    digits::two(text, year % 100);
    for (before, part) in [
        (b'-', at.month()),
        (b'-', at.day()),
        (b' ', at.hour()),
        (b':', at.minute()),
    ] {
        text.push(before);
        digits::two(text, part.unsigned_abs().into());
    }
    text.push(b':');
}

fn offset(stamp: Timestamp, zone: &Zone) -> tz::Offset {
    if *zone == Zone::UTC {
        tz::Offset::UTC
    } else {
        zone.to_offset(stamp)
    }
}

const NS_IN_MINUTE: i64 = 60_000_000_000;
/// `2014-08-08`
const DATE_LEN: usize = 10;
/// `2014-08-08T17:49:58.000`
const ISO_LEN: usize = 23;
/// One for each lowest byte of their numbers: four hours.
const MINUTES: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::Offset;

    fn shown(clock: &mut Clock<'_>, time: i64) -> String {
        let mut text = Vec::new();
        clock.append(&mut text, Nanos(time));
        String::from_utf8(text).unwrap()
    }

    /// The text of the calendar, without the cache.
    fn expected(zone: &Zone, time: i64) -> String {
        let at = Timestamp::from_nanosecond(i128::from(time)).unwrap();
        let text = at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S.%9f");
        let mut text = text.to_string();
        text.insert(26, '.');
        text.insert(23, '.');
        text
    }

    /// Times around `middle`, in an order in which minutes come and go.
    fn around(middle: i64) -> impl Iterator<Item = i64> {
        let minute = middle.div_euclid(NS_IN_MINUTE) * NS_IN_MINUTE;
        [0, 1, 256, -1, -256, 0, 60]
            .into_iter()
            .map(move |minutes| minute + minutes * NS_IN_MINUTE)
            .chain([middle])
            .flat_map(|at| [at - 1, at, at + 1, at + 59_999_999_999])
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        let rule = |text: &str| Zone::posix(text).unwrap();
        let zones = [
            Zone::UTC,
            Zone::fixed(Offset::constant(-3)),
            rule("CET-1CEST,M3.5.0,M10.5.0/3"),
            rule("<+0545>-5:45"),
            // Offsets that are not of whole minutes, and one that changes within a minute.
            Zone::fixed(Offset::from_seconds(1172).unwrap()),
            rule("AAA0:00:01BBB,M3.5.0/2:00:20,M10.5.0/3:00:40"),
        ];
        for zone in &zones {
            let mut clock = Clock::new(zone);
            let changes = [1_711_846_800, 1_729_990_800].map(|at| at * 1_000_000_000);
            let middles = [0, 1_407_520_198_000_316_568, -62_135_596_800_000_000];
            for time in middles.into_iter().chain(changes).flat_map(around) {
                assert_eq!(shown(&mut clock, time), expected(zone, time), "{zone:?}");
            }
        }
    }

    #[test]
    fn the_first_and_last_times_have_dates() {
        let zone = Zone::UTC;
        let mut clock = Clock::new(&zone);
        assert_eq!(shown(&mut clock, -1), "1969-12-31 23:59:59.999.999.999");
        for time in [i64::MIN, i64::MIN + 1, i64::MAX - 1, i64::MAX] {
            assert_eq!(shown(&mut clock, time), expected(&zone, time));
        }
    }
}

//! Ranges of transport-layer ports, and the names of well-known ones.

use std::fmt;
use std::str::FromStr;

use super::names::service_port;
use super::word::{Number, number, quote};

/// A range of ports, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PortRange {
    lo: u16,
    hi: u16,
}

impl PortRange {
    /// The range of this one port.
    pub const fn single(port: u16) -> Self {
        Self { lo: port, hi: port }
    }

    /// The ports from `lo` to `hi`; `None` where `hi` is below `lo`.
    pub const fn new(lo: u16, hi: u16) -> Option<Self> {
        if lo <= hi {
            Some(Self { lo, hi })
        } else {
            None
        }
    }

    /// Whether the port is in the range.
    pub const fn contains(self, port: u16) -> bool {
        self.lo <= port && port <= self.hi
    }

    /// The lowest port of the range.
    pub const fn lo(self) -> u16 {
        self.lo
    }

    /// The highest port of the range.
    pub const fn hi(self) -> u16 {
        self.hi
    }
}

impl From<u16> for PortRange {
    fn from(port: u16) -> Self {
        Self::single(port)
    }
}

/// `443`, or `1000-2000`; what is printed parses to an equal range.
impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.lo == self.hi {
            write!(f, "{}", self.lo)
        } else {
            write!(f, "{}-{}", self.lo, self.hi)
        }
    }
}

impl FromStr for PortRange {
    type Err = PortError;

    /// Reads a port or a range of ports. A name such as `https` stands for its number.
    fn from_str(text: &str) -> Result<Self, PortError> {
        // A name may have a dash in it, and a range may have a name at either end. So: the whole,
        // then what the first dash splits, then what the last dash splits.
        let whole = parse_port(text);
        if whole.is_ok() || !text.contains('-') {
            return whole.map(Self::single);
        }
        let (lo, hi) = [text.split_once('-'), text.rsplit_once('-')]
            .into_iter()
            .flatten()
            .find_map(|(lo, hi)| Some((parse_port(lo).ok()?, parse_port(hi).ok()?)))
            .ok_or_else(|| range_error(text))?;
        Self::new(lo, hi).ok_or_else(|| PortError::Reversed {
            text: quote(text),
            lo: hi,
            hi: lo,
        })
    }
}

/// Why a text is not a port or a range of ports.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PortError {
    /// There is no text.
    #[error("a port is missing: write a number, a range such as 1000-2000, or a service name")]
    Missing,
    /// The number does not fit 16 bits.
    #[error("port {text} is out of range: ports go from 0 to 65535")]
    OutOfRange {
        /// The offending piece, quoted and cut to a readable length.
        text: String,
    },
    /// The number starts with 0, which some programs read as octal.
    #[error("port {text} has a leading zero, which could mean octal: write it without")]
    LeadingZero {
        /// The offending piece, quoted and cut to a readable length.
        text: String,
    },
    /// The name is not in the built-in table.
    #[error("unknown service name {text}: write its port number")]
    UnknownService {
        /// The offending piece, quoted and cut to a readable length.
        text: String,
    },
    /// The range ends before it starts.
    #[error("the port range {text} ends before it starts: write it as {lo}-{hi}")]
    Reversed {
        /// The offending piece, quoted and cut to a readable length.
        text: String,
        /// The lower of the two ports.
        lo: u16,
        /// The higher of the two ports.
        hi: u16,
    },
}

/// Reads one port, as a number or as the name of a service.
pub(super) fn parse_port(text: &str) -> Result<u16, PortError> {
    let out_of_range = || PortError::OutOfRange { text: quote(text) };
    match number(text) {
        Number::Value(port) => u16::try_from(port).map_err(|_beyond_16_bits| out_of_range()),
        Number::TooLarge => Err(out_of_range()),
        Number::LeadingZero => Err(PortError::LeadingZero { text: quote(text) }),
        Number::Other if text.is_empty() => Err(PortError::Missing),
        Number::Other => {
            service_port(text).ok_or_else(|| PortError::UnknownService { text: quote(text) })
        }
    }
}

/// What is wrong with a text that has a dash but is no range: the fault of its first wrong end
/// where the other end is right, else of the whole.
fn range_error(text: &str) -> PortError {
    let Some((lo, hi)) = text.split_once('-') else {
        return PortError::UnknownService { text: quote(text) };
    };
    match (parse_port(lo), parse_port(hi)) {
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => error,
        (Err(error @ PortError::OutOfRange { .. }), Err(_)) => error,
        _ => PortError::UnknownService { text: quote(text) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ports(text: &str) -> PortRange {
        text.parse().unwrap()
    }

    #[test]
    fn numbers_ranges_and_names() {
        for (text, lo, hi) in [
            ("0", 0, 0),
            ("443", 443, 443),
            ("0x1bb", 443, 443),
            ("0-65535", 0, 65535),
            ("1000-1000", 1000, 1000),
            ("https", 443, 443),
            ("ftp-data", 20, 20),
            ("http-https", 80, 443),
            ("ftp-data-ssh", 20, 22),
            ("1-ftp-data", 1, 20),
            ("http-alt-9000", 8080, 9000),
        ] {
            assert_eq!(Some(ports(text)), PortRange::new(lo, hi), "{text}");
        }
    }

    #[test]
    fn both_ends_are_in_the_range() {
        let range = ports("1000-2000");
        assert!(range.contains(1000) && range.contains(2000));
        assert!(!range.contains(999) && !range.contains(2001));
        assert_eq!((range.lo(), range.hi()), (1000, 2000));
        assert_eq!(PortRange::from(7).to_string(), "7");
    }

    #[test]
    fn errors_name_the_piece() {
        for (text, expected) in [
            ("", "a port is missing"),
            (
                "65536",
                "port '65536' is out of range: ports go from 0 to 65535",
            ),
            (
                "99999999999999999999",
                "port '99999999999999999999' is out of range",
            ),
            ("080", "port '080' has a leading zero"),
            (
                "gopherd",
                "unknown service name 'gopherd': write its port number",
            ),
            ("-1", "a port is missing"),
            ("80-", "a port is missing"),
            ("80-70000", "port '70000' is out of range"),
            ("70000-80000", "port '70000' is out of range"),
            ("80-nothing", "unknown service name 'nothing'"),
            ("no-thing", "unknown service name 'no-thing'"),
            ("1-2-3", "unknown service name '2-3'"),
            (
                "2000-1000",
                "the port range '2000-1000' ends before it starts: write it as 1000-2000",
            ),
            (
                "https-http",
                "the port range 'https-http' ends before it starts: write it as 80-443",
            ),
        ] {
            let message = text.parse::<PortRange>().unwrap_err().to_string();
            assert!(message.starts_with(expected), "{text:?} gave {message}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_parses_to_the_same(a: u16, b: u16, port: u16) {
            let range = PortRange::new(a.min(b), a.max(b)).unwrap();
            prop_assert_eq!(ports(&range.to_string()), range);
            prop_assert_eq!(range.contains(port), (a.min(b)..=a.max(b)).contains(&port));
        }

        #[test]
        fn arbitrary_text_never_panics(text in "[0-9x-]{0,12}|\\PC{0,20}") {
            if let Ok(range) = text.parse::<PortRange>() {
                prop_assert!(range.lo() <= range.hi());
            }
        }
    }
}

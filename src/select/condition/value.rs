//! Values, as the kind of the column that they are compared with has them read.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};

use super::cell::Kind;
use super::error::ConditionErrorKind;
use super::literal::{Column, Literal, Spelling};
use super::program::Test;
use super::set::{Set, Span};
use crate::select::decimal::Rounded;
use crate::select::language::error::Fault;
use crate::select::net::IpNet;
use crate::select::quantity::{self, Unreadable};
use crate::select::word::quote;

/// Which values of a column meet a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Those equal to any of the literals.
    Equal,
    /// Those not above the literal.
    AtMost,
    /// Those not below the literal.
    AtLeast,
}

/// The test of a column against literals.
pub(super) fn test(
    column: Column<'_>,
    wanted: Wanted,
    literals: &[Literal<'_>],
) -> Result<Test, Fault<ConditionErrorKind>> {
    let index = column.index;
    Ok(match column.kind {
        Kind::Number => Test::Integer(index, set(column, wanted, literals, number)?),
        Kind::Time => Test::Integer(index, set(column, wanted, literals, time)?),
        Kind::Duration => Test::Integer(index, set(column, wanted, literals, duration)?),
        Kind::Text => Test::Text(index, set(column, wanted, literals, text)?),
        Kind::Bool => Test::Bool(index, set(column, wanted, literals, boolean)?),
        Kind::Address if wanted == Wanted::Equal => {
            Test::Address(index, set(column, wanted, literals, network)?)
        }
        Kind::Address => Test::Address(index, set(column, wanted, literals, address)?),
    })
}

/// A literal, as the values of a column next to it: from `low` on they are at or above it, up to
/// `high` at or below it. Between them are those equal to it, which may be none or many.
struct Bounds<T> {
    low: T,
    high: T,
}

impl From<Rounded> for Bounds<i128> {
    fn from(rounded: Rounded) -> Self {
        Self {
            low: rounded.ceiling,
            high: rounded.floor,
        }
    }
}

/// Reads a literal for a column.
type Read<'t, T> = fn(Column<'t>, &Literal<'t>) -> Result<Bounds<T>, ConditionErrorKind>;

fn set<'t, T: Ord>(
    column: Column<'t>,
    wanted: Wanted,
    literals: &[Literal<'t>],
    read: Read<'t, T>,
) -> Result<Set<T>, Fault<ConditionErrorKind>> {
    let span = |literal: &Literal<'t>| {
        let Bounds { low, high } = read(column, literal).map_err(|kind| Fault {
            kind,
            offset: literal.offset,
        })?;
        Ok(Span {
            low: (wanted != Wanted::AtMost).then_some(low),
            high: (wanted != Wanted::AtLeast).then_some(high),
        })
    };
    let spans: Result<Vec<_>, _> = literals.iter().map(span).collect();
    spans.map(Set::new)
}

fn number(column: Column<'_>, literal: &Literal<'_>) -> Result<Bounds<i128>, ConditionErrorKind> {
    quantity(column, literal, quantity::size)
}

fn duration(column: Column<'_>, literal: &Literal<'_>) -> Result<Bounds<i128>, ConditionErrorKind> {
    quantity(column, literal, quantity::duration)
}

fn quantity(
    column: Column<'_>,
    literal: &Literal<'_>,
    read: fn(&str) -> Result<Rounded, Unreadable>,
) -> Result<Bounds<i128>, ConditionErrorKind> {
    match read(literal.without_quotes(column)?) {
        Ok(rounded) => Ok(rounded.into()),
        Err(Unreadable::Malformed) => literal.not_of(column),
        Err(Unreadable::TooManyDigits) => {
            Err(ConditionErrorKind::TooManyDigits(quote(literal.text)))
        }
    }
}

fn time(column: Column<'_>, literal: &Literal<'_>) -> Result<Bounds<i128>, ConditionErrorKind> {
    let nanoseconds = match literal.spelling {
        Spelling::Bare => quantity::plain(literal.text).ok(),
        Spelling::Quoted(_) => None,
    };
    let value = nanoseconds.map(Bounds::from).or_else(|| {
        let nanoseconds = point_in_time(literal.text)?.as_nanosecond();
        Some(Bounds {
            low: nanoseconds,
            high: nanoseconds,
        })
    });
    value.map_or_else(|| literal.not_of(column), Ok)
}

fn text(column: Column<'_>, literal: &Literal<'_>) -> Result<Bounds<Box<str>>, ConditionErrorKind> {
    let Some(text) = literal.unquoted() else {
        return Err(ConditionErrorKind::NotQuoted {
            column: column.name.to_owned(),
            value: quote(literal.text),
        });
    };
    let low = Box::<str>::from(text);
    Ok(Bounds {
        high: low.clone(),
        low,
    })
}

fn boolean(column: Column<'_>, literal: &Literal<'_>) -> Result<Bounds<bool>, ConditionErrorKind> {
    let word = literal.without_quotes(column)?;
    let value = word.to_ascii_lowercase().parse();
    value.map_or_else(
        |_not_bool| literal.not_of(column),
        |value| {
            Ok(Bounds {
                low: value,
                high: value,
            })
        },
    )
}

/// The addresses of a network, or one address.
fn network(_: Column<'_>, literal: &Literal<'_>) -> Result<Bounds<IpAddr>, ConditionErrorKind> {
    bounds(net(literal)?)
}

/// One address.
fn address(_: Column<'_>, literal: &Literal<'_>) -> Result<Bounds<IpAddr>, ConditionErrorKind> {
    let net = net(literal)?;
    let bounds = bounds(net)?;
    if bounds.low == bounds.high {
        Ok(bounds)
    } else {
        Err(ConditionErrorKind::NetworkOrder(net))
    }
}

fn net(literal: &Literal<'_>) -> Result<IpNet, ConditionErrorKind> {
    let net: IpNet = literal.text.parse().map_err(ConditionErrorKind::Address)?;
    let address = literal.text.split('/').next().unwrap_or("");
    if address.parse() == Ok(net.address()) {
        Ok(net)
    } else {
        Err(ConditionErrorKind::HostBits(net))
    }
}

/// The first and the last address of a network.
fn bounds(net: IpNet) -> Result<Bounds<IpAddr>, ConditionErrorKind> {
    let len = net.prefix_len().ok_or(ConditionErrorKind::Holes(net))?;
    let low = net.address();
    let high = match low {
        IpAddr::V4(address) => {
            let hosts = u32::MAX.checked_shr(len.into()).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() | hosts))
        }
        IpAddr::V6(address) => {
            let hosts = u128::MAX.checked_shr(len.into()).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() | hosts))
        }
    };
    Ok(Bounds { low, high })
}

/// Reads a time as conditions have it: with a zone, or without one, which then is UTC; or
/// nanoseconds since 1970. `None` where it is none, or does not fit.
pub fn parse_time(text: &str) -> Option<i64> {
    let nanoseconds = point_in_time(text).map(Timestamp::as_nanosecond);
    let nanoseconds = nanoseconds.or_else(|| text.parse().ok())?;
    i64::try_from(nanoseconds).ok()
}

/// A time with a zone, or without one, which then is UTC.
fn point_in_time(text: &str) -> Option<Timestamp> {
    let text = &*ungrouped(text);
    if let Ok(time) = text.parse() {
        return Some(time);
    }
    // What jiff reads as a time without a zone may have one that it ignores: the name of a place,
    // or an offset that there is not.
    let date_len = text.len().min("2024-05-01".len());
    let (date, clock) = text.split_at_checked(date_len)?;
    if date.contains('+') || clock.contains(['+', '-', '[']) {
        return None;
    }
    let local: civil::DateTime = text.parse().ok()?;
    Some(local.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// Without the points between groups of digits behind the first one, as lists print them:
/// `2014-08-08 17:49:58.000.316.568`.
fn ungrouped(time: &str) -> Cow<'_, str> {
    match time.split_once('.') {
        Some((seconds, fraction)) if fraction.contains('.') => {
            format!("{seconds}.{}", fraction.replace('.', "")).into()
        }
        _ => time.into(),
    }
}

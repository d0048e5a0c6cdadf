//! ROWS → SELECTION: a small language for conditions on the columns of a list.
//!
//! A [`Condition`] is parsed against the columns of a list, each with its [`Kind`], and then
//! evaluated for each row. It does not know where rows come from: a closure returns the [`Cell`]s
//! it needs.
//!
//! ```
//! use pcap_flows::select::condition::{Cell, Condition, Kind};
//!
//! let columns = [("bytes", Kind::Number), ("duration", Kind::Duration), ("tag", Kind::Text)];
//! let condition = Condition::parse("bytes > 1.5M and not tag like 'test%'", &columns)?;
//! assert_eq!(condition.columns(), [0, 2]);
//!
//! let row = [Cell::Unsigned(2_000_000), Cell::Signed(0), Cell::Text("backup")];
//! assert!(condition.matches(|column| row[column]));
//! # Ok::<(), pcap_flows::select::condition::ConditionError>(())
//! ```
//!
//! # The language
//!
//! It is that of SQL's `where`, without arithmetic and functions.
//!
//! | condition | holds where |
//! |---|---|
//! | `A = B`, `A == B` | both are equal |
//! | `A != B`, `A <> B` | they are not |
//! | `A < B`, `A <= B`, `A > B`, `A >= B` | A is less or greater than B |
//! | `A between B and C` | `A >= B and A <= C` |
//! | `A in (B, C, ...)` | A is equal to any of them |
//! | `A like 'pat%'` | the text has this form: `%` stands for any text, `_` for any one character |
//! | `A ilike 'pat%'` | the same, capital or not |
//! | `A is null` | the row has no such value |
//! | `A` | the column, which is true or false, is true |
//! | `not P`, `P and Q`, `P or Q`, `(P)` | as in SQL; also written `!`, `&&` and `\|\|` |
//!
//! - `not` binds tightest, then `and`, then `or`. `not` may also precede `between`, `in`,
//!   `like` and `ilike`, and follow `is`. Keywords may be written in capitals.
//! - A column may be named in other capitals than its own, as long as no other has this very name.
//! - A, B and C are columns or values, and at least one of the two that are compared is a column.
//!   Two columns are compared if they are of the same kind. `like` takes a column.
//! - A condition of no words holds for every row.
//!
//! How values are written depends on the kind of the column that they are compared with:
//!
//! | kind | values |
//! |---|---|
//! | number | `1500`, `1_500`, `0x5dc`, `-1`, `1.5e3`; with a unit: `10kB`, `512M`, `1.5GiB` |
//! | duration | `10s`, `1.5ms`, `2m`, with the units `ns us ms s m h d`; without one, seconds |
//! | time | `'2024-05-01T12:00:00Z'`, `'2024-05-01 12:00:00.123456789'`, `'2024-05-01'`; or nanoseconds since 1970: `1714564800000000000` |
//! | text | `'text'` or `"text"`; the quote itself is written twice: `'it''s'` |
//! | address | `10.0.0.1`, `2001:db8::1`, or a network: `10.0.0.0/8`; also in quotes |
//! | true or false | `true`, `false` |
//!
//! - Numbers take the units of sizes: `K M G T`, also `KiB MiB GiB TiB`, are powers of 1024, and
//!   `kB MB GB TB` of 1000. They mean the same in options of the command line, see
//!   [`parse_size`](crate::select::parse_size).
//! - A time without a zone is UTC, and a day is its first instant. Times may be grouped as in
//!   lists: `'2014-08-08 17:49:58.000.316.568'`.
//! - Everything compares exactly, with whole numbers or nanoseconds of 64 bits: none is equal to
//!   `1.5`, and those above it begin with 2. Where that takes more than 38 digits of a value, it is
//!   refused.
//! - An address is equal to a network if it is in it: `src_ip != 10.0.0.0/8`,
//!   `10.0.0.0/8 in (src_ip, dst_ip)`. IPv4 addresses are never in IPv6 networks.
//! - Texts are in the order of their bytes, IPv4 addresses before IPv6 ones, false before true;
//!   networks have no order.
//! - `like` has no escapes, so a text with `%` in it is matched with `_` in its place.
//!
//! # Rows without a value
//!
//! As in SQL, a comparison with nothing is neither true nor false but unknown; `not` leaves it
//! so, and so do `and` and `or` unless their other side decides; only rows for which the whole is
//! true are matched. So neither `x = 1` nor `x != 1` nor `not x = 1` holds where x is
//! null; `x is null` does.

mod cell;
mod error;
mod lex;
mod like;
mod literal;
mod nearest;
mod parse;
mod program;
mod set;
mod value;

pub use cell::{Cell, Kind};
pub use error::{ConditionError, ConditionErrorKind, Expected};
use program::Test;
pub use value::parse_time;

use super::language::program::Program;

/// A condition on the columns of rows. The language is described at the
/// [module](crate::select::condition).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    program: Program<Test>,
    columns: Vec<usize>,
}

impl Condition {
    /// Compiles a condition on these columns. A text of nothing but spaces holds for every row.
    ///
    /// Takes time and memory in proportion to the length of the text, whatever it holds (lists
    /// after `in` are also sorted).
    ///
    /// # Errors
    ///
    /// A fault of the text, with its place, if it is not of the language or does not go with the
    /// columns.
    pub fn parse(text: &str, columns: &[(&str, Kind)]) -> Result<Self, ConditionError> {
        let program = parse::parse(text, columns)?;
        let mut columns: Vec<usize> = program.tests().flat_map(Test::columns).collect();
        columns.sort_unstable();
        columns.dedup();
        Ok(Self { program, columns })
    }

    /// The columns that the condition depends on, as their ordinals in those it was parsed with,
    /// ascending.
    pub fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// Whether the condition is true for a row, whose value in a column is `cell` of its ordinal.
    ///
    /// `cell` is called for [`columns`](Self::columns) only, and not at all where the answer no
    /// longer depends on it. Nothing is allocated.
    pub fn matches<'c>(&self, cell: impl Fn(usize) -> Cell<'c>) -> bool {
        self.program.holds(|test| test.outcome(&cell))
    }
}

#[cfg(test)]
mod faults;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;

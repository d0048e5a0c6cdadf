//! The keys of each type of record: their order, shapes and meanings.
//!
//! JSON, CSV, Parquet, conditions and `docs/records.md` all follow these lists.

mod keys;

use super::record::Kind;
use crate::select::condition::Kind as ColumnKind;
use std::sync::LazyLock;

/// A key of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its name: lower case, digits, `_`.
    pub name: &'static str,
    /// What its values are.
    pub shape: Shape,
    /// One line for people, in Markdown.
    pub meaning: &'static str,
}

/// The shape of a key's values; any of them may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// An integer of 64 bits.
    Number,
    /// An integer of 32 bits: ports.
    Short,
    /// Nanoseconds since 1970; seconds in JSON and CSV.
    Time,
    /// Nanoseconds; seconds in JSON and CSV.
    Duration,
    /// True or false.
    Bool,
    /// Text.
    Text,
    /// An IP address.
    Address,
    /// A list of texts.
    Texts,
    /// A list of integers.
    Numbers,
    /// Texts by name. In JSON and CSV, a name with several values has a list.
    Fields,
    /// Texts by name.
    Map,
    /// An object.
    Object(&'static [Key]),
    /// A list of objects.
    Objects(&'static [Key]),
}

impl Shape {
    /// The kind of the values in conditions; `None` for objects and lists.
    const fn in_conditions(self) -> Option<ColumnKind> {
        Some(match self {
            Self::Number | Self::Short => ColumnKind::Number,
            Self::Time => ColumnKind::Time,
            Self::Duration => ColumnKind::Duration,
            Self::Bool => ColumnKind::Bool,
            Self::Text => ColumnKind::Text,
            Self::Address => ColumnKind::Address,
            _ => return None,
        })
    }
}

impl Kind {
    /// All keys of records of this type, in order.
    pub(super) fn keys(self) -> impl Iterator<Item = &'static Key> {
        let (times, own): (&[Key], &[Key]) = match self {
            Self::Http => (&keys::SPAN, &keys::HTTP),
            Self::Dns => (&keys::MOMENT, &keys::DNS),
            Self::Login => (&keys::SPAN, &keys::LOGIN),
            Self::Tls => (&keys::SPAN, &keys::TLS),
            Self::Ssh => (&keys::SPAN, &keys::SSH),
            Self::Rdp => (&keys::SPAN, &keys::RDP),
            Self::Smtp => (&keys::SPAN, &keys::SMTP),
            Self::Ftp => (&keys::SPAN, &keys::FTP),
        };
        let parts = [&keys::TYPE, times, &keys::ENDS, own, &keys::CONNECTION];
        parts.into_iter().flatten()
    }
}

/// The types of records, each with its keys in order.
pub fn record_types() -> impl Iterator<Item = (&'static str, Vec<Key>)> {
    let kinds = Kind::ALL.into_iter();
    kinds.map(|kind| (kind.name(), kind.keys().copied().collect()))
}

/// Columns available in conditions: the keys of all record types that are no object or list.
pub fn record_columns() -> &'static [(&'static str, ColumnKind)] {
    static COLUMNS: LazyLock<Vec<(&str, ColumnKind)>> = LazyLock::new(|| {
        let mut columns: Vec<(&str, ColumnKind)> = Vec::new();
        for key in Kind::ALL.into_iter().flat_map(Kind::keys) {
            let is_new = columns.iter().all(|it| it.0 != key.name);
            if let Some(kind) = key.shape.in_conditions().filter(|_| is_new) {
                columns.push((key.name, kind));
            }
        }
        columns
    });
    &COLUMNS
}

#[cfg(test)]
mod tests {
    use super::{Key, Kind, Shape, keys, record_columns};
    use std::fmt::Write;
    use std::path::PathBuf;

    #[test]
    fn a_key_has_the_same_shape_in_all_types() {
        for kind in Kind::ALL {
            for key in kind.keys() {
                let others = Kind::ALL.into_iter().flat_map(Kind::keys);
                let mut same = others.filter(|it| it.name == key.name);
                assert!(same.all(|it| it.shape == key.shape), "{}", key.name);
                let own = kind.keys().filter(|it| it.name == key.name);
                assert_eq!(own.count(), 1, "{} of {}", key.name, kind.name());
            }
        }
        assert!(record_columns().iter().any(|it| it.0 == "subject"));
    }

    /// Run with `UPDATE_DOCS=1` to write the tables into the page.
    #[test]
    fn the_page_of_records_has_all_keys() {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/records.md");
        let page = std::fs::read_to_string(&path).unwrap();
        let mut made = page.clone();
        let common = keys::TYPE.iter().chain(&keys::SPAN).chain(&keys::ENDS);
        let common: Vec<&Key> = common.chain(&keys::CONNECTION).collect();
        made = with_table(&made, "all", &common);
        for kind in Kind::ALL {
            let own = kind.keys();
            let own = own.filter(|it| common.iter().all(|common| common.name != it.name));
            made = with_table(&made, kind.name(), &own.collect::<Vec<_>>());
        }
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, &made).unwrap();
        }
        assert!(
            page == made,
            "docs/records.md is not up to date: run this test with UPDATE_DOCS=1"
        );
    }

    /// The page with the table of a section replaced.
    fn with_table(page: &str, section: &str, keys: &[&Key]) -> String {
        let start = format!("<!-- keys of {section} -->\n");
        let (before, rest) = page.split_once(&start).unwrap();
        let (_, after) = rest.split_once("<!-- end -->").unwrap();
        let mut table = "| key | values | meaning |\n|---|---|---|\n".to_owned();
        for key in keys {
            row(&mut table, "", key);
        }
        format!("{before}{start}{table}<!-- end -->{after}")
    }

    fn row(table: &mut String, outer: &str, key: &Key) {
        let name = format!("{outer}{}", key.name);
        let (shape, inner): (&str, &[Key]) = match key.shape {
            Shape::Number => ("number", &[]),
            Shape::Short => ("number, 32 bits", &[]),
            Shape::Time => ("time", &[]),
            Shape::Duration => ("duration", &[]),
            Shape::Bool => ("true or false", &[]),
            Shape::Text => ("text", &[]),
            Shape::Address => ("address", &[]),
            Shape::Texts => ("list of texts", &[]),
            Shape::Numbers => ("list of numbers", &[]),
            Shape::Fields => ("texts by name, or lists of texts", &[]),
            Shape::Map => ("texts by name", &[]),
            Shape::Object(keys) => ("object", keys),
            Shape::Objects(keys) => ("list of objects", keys),
        };
        writeln!(table, "| `{name}` | {shape} | {} |", key.meaning).unwrap();
        for key in inner {
            row(table, &format!("{name}."), key);
        }
    }
}

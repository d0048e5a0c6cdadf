//! Columns and values as a condition names them.

use std::borrow::Cow;

use super::cell::Kind;
use super::error::ConditionErrorKind;
use crate::select::word::quote;

/// A column that the text names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column<'t> {
    pub(super) index: usize,
    pub(super) name: &'t str,
    pub(super) kind: Kind,
    pub(super) offset: usize,
}

/// A value in the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Literal<'t> {
    pub(super) spelling: Spelling,
    /// As typed, without the quotes around it.
    pub(super) text: &'t str,
    pub(super) offset: usize,
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    Bare,
    /// In these quotes.
    Quoted(char),
}

impl<'t> Literal<'t> {
    /// The text between the quotes, if there are any.
    pub(super) fn unquoted(&self) -> Option<Cow<'t, str>> {
        match self.spelling {
            Spelling::Bare => None,
            Spelling::Quoted(quote) if self.text.contains(quote) => {
                let twice: String = [quote; 2].iter().collect();
                Some(
                    self.text
                        .replace(&twice, quote.encode_utf8(&mut [0; 4]))
                        .into(),
                )
            }
            Spelling::Quoted(_) => Some(self.text.into()),
        }
    }

    pub(super) fn without_quotes(&self, column: Column<'_>) -> Result<&'t str, ConditionErrorKind> {
        match self.spelling {
            Spelling::Bare => Ok(self.text),
            Spelling::Quoted(_) => Err(ConditionErrorKind::Quoted {
                column: column.name.to_owned(),
                kind: column.kind,
                value: quote(self.text),
            }),
        }
    }

    pub(super) fn not_of<T>(&self, column: Column<'_>) -> Result<T, ConditionErrorKind> {
        Err(ConditionErrorKind::Value {
            column: column.name.to_owned(),
            kind: column.kind,
            value: quote(self.text),
        })
    }
}

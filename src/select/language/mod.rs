//! What the two languages, [filters](super::filter) and [conditions](super::condition), share:
//! how a text is cut into tokens, the grammar of `and`, `or`, `not` and parentheses, the compiled
//! program, and how a fault is shown.
//!
//! A language adds its own [words](lex::Word), its [operands](parse::Grammar::operand), the tests
//! of its programs, and the [kinds](error::FaultKind) of its faults.

pub(super) mod error;
pub(super) mod lex;
pub(super) mod parse;
pub(super) mod program;

#[cfg(test)]
pub(super) mod oracle;

//! The parser of conditions.
//!
//! ```text
//! condition  = [ operand { ( "and" | "or" ) operand } ]
//! operand    = { "not" } ( comparison | "(" condition ")" )
//! comparison = side relation side
//!            | side [ "not" ] "between" side "and" side
//!            | side [ "not" ] "in" "(" side { "," side } ")"
//!            | column [ "not" ] ( "like" | "ilike" ) text
//!            | column "is" [ "not" ] "null"
//!            | column
//! side       = column | value
//! ```

use super::cell::Kind;
use super::error::{ConditionError, ConditionErrorKind, Expected};
use super::lex::{Relation, TokenKind, Word};
use super::like::{Case, Pattern};
use super::literal::{Column, Literal, Spelling};
use super::nearest::nearest;
use super::program::Test;
use super::value::{self, Wanted};
use crate::select::language::error;
use crate::select::language::lex;
use crate::select::language::parse::{self, Grammar, Progress};
use crate::select::language::program::{Operator, Program};
use crate::select::word::quote;

type Parser<'t> = parse::Parser<'t, Columns<'t>>;
type Fault = error::Fault<ConditionErrorKind>;

/// Compiles the text of a condition.
pub(super) fn parse<'t>(
    text: &'t str,
    columns: &'t [(&'t str, Kind)],
) -> Result<Program<Test>, ConditionError> {
    parse::parse(text, Columns(columns))
}

/// The columns that there are.
#[derive(Clone, Copy, Debug)]
struct Columns<'t>(&'t [(&'t str, Kind)]);

impl<'t> Grammar<'t> for Columns<'t> {
    type Word = Word;
    type Test = Test;
    type Kind = ConditionErrorKind;

    const AND_BINDS_TIGHTER: bool = true;
    const NEVER_OPENED: ConditionErrorKind = ConditionErrorKind::NeverOpened;
    const NEVER_CLOSED: ConditionErrorKind = ConditionErrorKind::NeverClosed;

    fn operand(parser: &mut Parser<'t>) -> Result<Progress, Fault> {
        parser.comparison()?;
        Ok(Progress::Complete)
    }

    fn no_operator(parser: &Parser<'t>) -> Fault {
        parser.expected(if parser.is_nested() {
            Expected::OperatorOrClose
        } else {
            Expected::Operator
        })
    }

    fn open(&mut self, _depth: usize) -> Result<Self, ConditionErrorKind> {
        Ok(*self)
    }
}

/// A side of a comparison.
#[derive(Clone, Copy, Debug)]
enum Side<'t> {
    Column(Column<'t>),
    Literal(Literal<'t>),
}

impl<'t> Parser<'t> {
    fn comparison(&mut self) -> Result<(), Fault> {
        let side = self.side(Expected::Condition, None)?;
        let negated = self.negated();
        match self.token.kind {
            TokenKind::Word(Word::Relation(relation)) => {
                self.advance();
                let other = self.side(Expected::Value, Some(side))?;
                self.compare(side, relation, other, negated)
            }
            TokenKind::Word(Word::Is) => self.is_null(side, negated),
            TokenKind::Not => {
                self.advance();
                self.infix(side, !negated, Expected::AfterNot)
            }
            TokenKind::Word(Word::Between)
            | TokenKind::Word(Word::In)
            | TokenKind::Word(Word::Like)
            | TokenKind::Word(Word::ILike) => self.infix(side, negated, Expected::Comparison),
            _ => self.bare(side, negated),
        }
    }

    /// What may have a `not` before it, behind the first side.
    fn infix(&mut self, side: Side<'t>, negated: bool, expected: Expected) -> Result<(), Fault> {
        let kind = self.token.kind;
        match kind {
            TokenKind::Word(Word::Between) => {
                self.advance();
                self.between(side, negated)
            }
            TokenKind::Word(Word::In) => {
                self.advance();
                self.is_in(side, negated)
            }
            TokenKind::Word(Word::Like) | TokenKind::Word(Word::ILike) => {
                let offset = self.token.offset;
                let case = if kind == TokenKind::Word(Word::Like) {
                    Case::Sensitive
                } else {
                    Case::Insensitive
                };
                self.advance();
                self.like(side, case, offset, negated)
            }
            _ => Err(self.expected(expected)),
        }
    }

    fn compare(
        &mut self,
        left: Side<'t>,
        relation: Relation,
        right: Side<'t>,
        negated: bool,
    ) -> Result<(), Fault> {
        match (left, right) {
            (Side::Column(column), Side::Literal(literal)) => {
                self.compare_with(column, relation, &[literal], negated)
            }
            (Side::Literal(literal), Side::Column(column)) => {
                self.compare_with(column, relation.mirrored(), &[literal], negated)
            }
            (Side::Column(left), Side::Column(right)) if left.kind == right.kind => {
                let test = Test::Columns(left.index, relation, right.index);
                self.test(test, negated);
                Ok(())
            }
            (Side::Column(left), Side::Column(right)) => fault(
                ConditionErrorKind::Kinds {
                    left: left.name.to_owned(),
                    left_kind: left.kind,
                    right: right.name.to_owned(),
                    right_kind: right.kind,
                },
                right.offset,
            ),
            (Side::Literal(left), Side::Literal(_)) => {
                fault(ConditionErrorKind::NoColumn(quote(left.text)), left.offset)
            }
        }
    }

    /// Compares with any of some values. What is above a value is what is not at most that, and
    /// so unknown in the same rows.
    fn compare_with(
        &mut self,
        column: Column<'t>,
        relation: Relation,
        literals: &[Literal<'t>],
        negated: bool,
    ) -> Result<(), Fault> {
        let (wanted, opposite) = match relation {
            Relation::Equal => (Wanted::Equal, false),
            Relation::NotEqual => (Wanted::Equal, true),
            Relation::AtMost => (Wanted::AtMost, false),
            Relation::Greater => (Wanted::AtMost, true),
            Relation::AtLeast => (Wanted::AtLeast, false),
            Relation::Less => (Wanted::AtLeast, true),
        };
        let test = value::test(column, wanted, literals)?;
        self.test(test, negated != opposite);
        Ok(())
    }

    fn between(&mut self, side: Side<'t>, negated: bool) -> Result<(), Fault> {
        let low = self.side(Expected::Value, Some(side))?;
        if self.token.kind != TokenKind::And {
            return Err(self.expected(Expected::UpperEnd));
        }
        self.advance();
        let high = self.side(Expected::Value, Some(side))?;
        self.compare(side, Relation::AtLeast, low, negated)?;
        self.compare(side, Relation::AtMost, high, negated)?;
        self.join(Operator::And, negated);
        Ok(())
    }

    fn is_in(&mut self, side: Side<'t>, negated: bool) -> Result<(), Fault> {
        if self.token.kind != TokenKind::Open {
            return Err(self.expected(Expected::List));
        }
        self.advance();
        let mut tests = 0;
        // All values are one test, columns are one each.
        let mut literals = Vec::new();
        loop {
            match (side, self.side(Expected::Value, Some(side))?) {
                (Side::Column(_), Side::Literal(literal)) => literals.push(literal),
                (_, member) => {
                    self.compare(side, Relation::Equal, member, negated)?;
                    tests += 1;
                }
            }
            match self.token.kind {
                TokenKind::Word(Word::Comma) => self.advance(),
                TokenKind::Close => break,
                _ => return Err(self.expected(Expected::CommaOrClose)),
            }
        }
        self.advance();
        if let (Side::Column(column), false) = (side, literals.is_empty()) {
            self.compare_with(column, Relation::Equal, &literals, negated)?;
            tests += 1;
        }
        for _ in 1..tests {
            self.join(Operator::Or, negated);
        }
        Ok(())
    }

    fn like(
        &mut self,
        side: Side<'t>,
        case: Case,
        offset: usize,
        negated: bool,
    ) -> Result<(), Fault> {
        let column = column_of(side)?;
        if column.kind != Kind::Text {
            let (column, kind) = (column.name.to_owned(), column.kind);
            return fault(ConditionErrorKind::Like { column, kind }, offset);
        }
        let literal = self.literal();
        let Some(pattern) = literal.and_then(|literal| literal.unquoted()) else {
            return Err(self.expected(Expected::Pattern));
        };
        let test = Test::Like(column.index, Pattern::new(&pattern, case));
        self.test(test, negated);
        self.advance();
        Ok(())
    }

    fn is_null(&mut self, side: Side<'t>, mut negated: bool) -> Result<(), Fault> {
        let column = column_of(side)?;
        self.advance();
        if self.token.kind == TokenKind::Not {
            negated = !negated;
            self.advance();
        }
        if self.token.kind != TokenKind::Word(Word::Null) {
            return Err(self.expected(Expected::Null));
        }
        self.advance();
        self.test(Test::Null(column.index), negated);
        Ok(())
    }

    /// A side with nothing that it is compared with.
    fn bare(&mut self, side: Side<'t>, negated: bool) -> Result<(), Fault> {
        match (side, self.token.kind) {
            (Side::Column(column), _) if column.kind == Kind::Bool => {
                let literal = Literal {
                    spelling: Spelling::Bare,
                    text: "true",
                    offset: column.offset,
                };
                self.compare_with(column, Relation::Equal, &[literal], negated)
            }
            (
                Side::Column(Column {
                    name, kind, offset, ..
                }),
                TokenKind::And | TokenKind::Or | TokenKind::Close | TokenKind::End,
            ) => {
                let column = name.to_owned();
                fault(ConditionErrorKind::NotACondition { column, kind }, offset)
            }
            _ => Err(self.expected(Expected::Comparison)),
        }
    }

    /// Takes a column or a value; `other` is what it is compared with.
    fn side(&mut self, expected: Expected, other: Option<Side<'t>>) -> Result<Side<'t>, Fault> {
        let token = self.token;
        let side = match token.kind {
            TokenKind::Word(Word::Name) => Side::Column(self.column(other)?),
            TokenKind::Word(Word::Null) => {
                return fault(ConditionErrorKind::ComparedWithNull, token.offset);
            }
            _ => match self.literal() {
                Some(literal) => Side::Literal(literal),
                None => return Err(self.expected(expected)),
            },
        };
        self.advance();
        Ok(side)
    }

    fn column(&self, other: Option<Side<'t>>) -> Result<Column<'t>, Fault> {
        let lex::Token {
            text: word, offset, ..
        } = self.token;
        let named = |same: fn(&str, &str) -> bool| {
            let mut columns = self.grammar.0.iter().enumerate();
            columns.find(|(_, (name, _))| same(name, word))
        };
        let found = named(|name, word| name == word).or_else(|| named(str::eq_ignore_ascii_case));
        if let Some((index, &(name, kind))) = found {
            return Ok(Column {
                index,
                name,
                kind,
                offset,
            });
        }
        let kind = match other {
            Some(Side::Column(column)) if column.kind == Kind::Text => {
                ConditionErrorKind::NotQuoted {
                    column: column.name.to_owned(),
                    value: quote(word),
                }
            }
            _ => self.unknown_column(word),
        };
        fault(kind, offset)
    }

    fn unknown_column(&self, word: &str) -> ConditionErrorKind {
        let names = || self.grammar.0.iter().map(|(name, _)| *name);
        let hint = match nearest(word, names()) {
            Some(name) => format!("did you mean '{name}'?"),
            None => format!("the columns are {}", names().collect::<Vec<_>>().join(", ")),
        };
        let word = quote(word);
        ConditionErrorKind::UnknownColumn { word, hint }
    }

    /// The fault of the token at hand being there, where something else was expected.
    fn expected(&self, expected: Expected) -> Fault {
        self.token.fault(match self.token.kind {
            TokenKind::Word(Word::Unknown) => {
                ConditionErrorKind::UnknownSign(quote(self.token.text))
            }
            TokenKind::Word(Word::Unclosed) => ConditionErrorKind::Unclosed,
            _ => ConditionErrorKind::Expected(expected),
        })
    }

    /// The token at hand as a value.
    const fn literal(&self) -> Option<Literal<'t>> {
        let spelling = match self.token.kind {
            TokenKind::Word(Word::Value | Word::Bool(_)) => Spelling::Bare,
            TokenKind::Word(Word::Quoted(quote)) => Spelling::Quoted(quote),
            _ => return None,
        };
        Some(Literal {
            spelling,
            text: self.token.text,
            offset: self.token.offset,
        })
    }
}

fn fault<T>(kind: ConditionErrorKind, offset: usize) -> Result<T, Fault> {
    Err(Fault { kind, offset })
}

/// The column, where nothing else will do.
fn column_of(side: Side<'_>) -> Result<Column<'_>, Fault> {
    match side {
        Side::Column(column) => Ok(column),
        Side::Literal(literal) => fault(
            ConditionErrorKind::NotAColumn(quote(literal.text)),
            literal.offset,
        ),
    }
}

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
//!
//! It writes what it reads with each operator behind what it joins. With two levels of precedence
//! that takes two flags: whether an "and", and whether an "or", waits for its second half. Open
//! parentheses are kept on a list in place of the call stack, so no text, however hostile,
//! overflows it. Every token is looked at once.

use super::Kind;
use super::error::{ConditionError, ConditionErrorKind, Expected};
use super::lex::{Kind as TokenKind, Lexer, Relation, Token};
use super::like::{Case, Pattern};
use super::nearest::nearest;
use super::program::{Item, Operator, Program, Test};
use super::value::{self, Wanted};
use crate::select::word::quote;

/// Compiles the text of a condition.
pub(super) fn parse(text: &str, columns: &[(&str, Kind)]) -> Result<Program, ConditionError> {
    Parser::new(text, columns)
        .items()
        .map(Program::new)
        .map_err(|Fault { kind, offset }| ConditionError::new(kind, offset, text))
}

/// What is wrong, and the byte offset where.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) kind: ConditionErrorKind,
    pub(super) offset: usize,
}

/// A column that the text names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column<'t> {
    pub(super) index: usize,
    pub(super) name: &'t str,
    pub(super) kind: Kind,
    offset: usize,
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

/// What is compared.
#[derive(Clone, Copy, Debug)]
enum Side<'t> {
    Column(Column<'t>),
    Literal(Literal<'t>),
}

/// What stands between the same parentheses, as far as it has been read.
#[derive(Clone, Copy, Debug, Default)]
struct Chain {
    /// Whether all of it stands behind an odd number of `not`.
    negated: bool,
    /// Whether the next operand itself does.
    not: bool,
    and_waits: bool,
    or_waits: bool,
}

/// An open parenthesis, and what to go on with when it is closed.
#[derive(Clone, Copy, Debug)]
struct Group {
    offset: usize,
    outer: Chain,
}

struct Parser<'t> {
    lexer: Lexer<'t>,
    /// The token to be looked at next.
    token: Token<'t>,
    columns: &'t [(&'t str, Kind)],
    items: Vec<Item>,
    chain: Chain,
    /// The parentheses that are open, outermost first.
    groups: Vec<Group>,
}

/// What follows an operand.
enum Continuation {
    Operand,
    End,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str, columns: &'t [(&'t str, Kind)]) -> Self {
        let mut lexer = Lexer::new(text);
        let token = lexer.next_token();
        Self {
            lexer,
            token,
            columns,
            items: Vec::new(),
            chain: Chain::default(),
            groups: Vec::new(),
        }
    }

    fn items(mut self) -> Result<Vec<Item>, Fault> {
        if self.token.kind == TokenKind::End {
            return Ok(Vec::new());
        }
        loop {
            match self.token.kind {
                TokenKind::Not => {
                    self.chain.not = !self.chain.not;
                    self.advance();
                }
                TokenKind::Open => self.open(),
                _ => {
                    self.comparison()?;
                    if let Continuation::End = self.after_operand()? {
                        return Ok(self.items);
                    }
                }
            }
        }
    }

    fn open(&mut self) {
        self.groups.push(Group {
            offset: self.token.offset,
            outer: self.chain,
        });
        self.chain = Chain {
            negated: self.chain.negated != self.chain.not,
            ..Chain::default()
        };
        self.advance();
    }

    /// Takes in a complete operand, the parentheses it closes, and the operator behind it.
    fn after_operand(&mut self) -> Result<Continuation, Fault> {
        loop {
            self.chain.not = false;
            if std::mem::take(&mut self.chain.and_waits) {
                self.join(Operator::And, self.chain.negated);
            }
            if self.token.kind == TokenKind::And {
                self.chain.and_waits = true;
                self.advance();
                return Ok(Continuation::Operand);
            }
            if std::mem::take(&mut self.chain.or_waits) {
                self.join(Operator::Or, self.chain.negated);
            }
            match (self.token.kind, self.groups.last()) {
                (TokenKind::Or, _) => {
                    self.chain.or_waits = true;
                    self.advance();
                    return Ok(Continuation::Operand);
                }
                (TokenKind::Close, Some(group)) => {
                    self.chain = group.outer;
                    self.groups.pop();
                    self.advance();
                }
                (TokenKind::Close, None) => {
                    return fault(ConditionErrorKind::NeverOpened, self.token.offset);
                }
                (TokenKind::End, None) => return Ok(Continuation::End),
                (TokenKind::End, Some(group)) => {
                    return fault(ConditionErrorKind::NeverClosed, group.offset);
                }
                (_, None) => return self.expected(Expected::Operator),
                (_, Some(_)) => return self.expected(Expected::OperatorOrClose),
            }
        }
    }

    fn comparison(&mut self) -> Result<(), Fault> {
        let side = self.side(Expected::Condition, None)?;
        let negated = self.chain.negated != self.chain.not;
        match self.token.kind {
            TokenKind::Relation(relation) => {
                self.advance();
                let other = self.side(Expected::Value, Some(side))?;
                self.compare(side, relation, other, negated)
            }
            TokenKind::Is => self.is_null(side, negated),
            TokenKind::Not => {
                self.advance();
                self.infix(side, !negated, Expected::AfterNot)
            }
            TokenKind::Between | TokenKind::In | TokenKind::Like | TokenKind::ILike => {
                self.infix(side, negated, Expected::Comparison)
            }
            _ => self.bare(side, negated),
        }
    }

    /// What may have a `not` before it, behind the first side.
    fn infix(&mut self, side: Side<'t>, negated: bool, expected: Expected) -> Result<(), Fault> {
        let kind = self.token.kind;
        match kind {
            TokenKind::Between => {
                self.advance();
                self.between(side, negated)
            }
            TokenKind::In => {
                self.advance();
                self.is_in(side, negated)
            }
            TokenKind::Like | TokenKind::ILike => {
                let offset = self.token.offset;
                let case = if kind == TokenKind::Like {
                    Case::Sensitive
                } else {
                    Case::Insensitive
                };
                self.advance();
                self.like(side, case, offset, negated)
            }
            _ => self.expected(expected),
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
                self.items.push(Item::Test(test, !negated));
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
        self.items.push(Item::Test(test, negated == opposite));
        Ok(())
    }

    fn between(&mut self, side: Side<'t>, negated: bool) -> Result<(), Fault> {
        let low = self.side(Expected::Value, Some(side))?;
        if self.token.kind != TokenKind::And {
            return self.expected(Expected::UpperEnd);
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
            return self.expected(Expected::List);
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
                TokenKind::Comma => self.advance(),
                TokenKind::Close => break,
                _ => return self.expected(Expected::CommaOrClose),
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
        let literal = self.token.literal();
        let Some(pattern) = literal.and_then(|literal| literal.unquoted()) else {
            return self.expected(Expected::Pattern);
        };
        let test = Test::Like(column.index, Pattern::new(&pattern, case));
        self.items.push(Item::Test(test, !negated));
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
        if self.token.kind != TokenKind::Null {
            return self.expected(Expected::Null);
        }
        self.advance();
        self.items
            .push(Item::Test(Test::Null(column.index), !negated));
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
            _ => self.expected(Expected::Comparison),
        }
    }

    /// Takes a column or a value; `other` is what it is compared with.
    fn side(&mut self, expected: Expected, other: Option<Side<'t>>) -> Result<Side<'t>, Fault> {
        let token = self.token;
        let side = match token.kind {
            TokenKind::Name => Side::Column(self.column(other)?),
            TokenKind::Null => return fault(ConditionErrorKind::ComparedWithNull, token.offset),
            _ => match token.literal() {
                Some(literal) => Side::Literal(literal),
                None => return self.expected(expected),
            },
        };
        self.advance();
        Ok(side)
    }

    fn column(&self, other: Option<Side<'t>>) -> Result<Column<'t>, Fault> {
        let Token {
            text: word, offset, ..
        } = self.token;
        let named = |same: fn(&str, &str) -> bool| {
            let mut columns = self.columns.iter().enumerate();
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
        let names = || self.columns.iter().map(|(name, _)| *name);
        let hint = match nearest(word, names()) {
            Some(name) => format!("did you mean '{name}'?"),
            None => format!("the columns are {}", names().collect::<Vec<_>>().join(", ")),
        };
        let word = quote(word);
        ConditionErrorKind::UnknownColumn { word, hint }
    }

    /// Joins the last two of what has been read, of which both are the opposite of what stands in
    /// the text if they are negated.
    fn join(&mut self, operator: Operator, negated: bool) {
        let operator = if negated {
            operator.opposite()
        } else {
            operator
        };
        self.items.push(Item::Join(operator));
    }

    fn advance(&mut self) {
        self.token = self.lexer.next_token();
    }

    /// The fault of the token at hand being there, where something else was expected.
    fn expected<T>(&self, expected: Expected) -> Result<T, Fault> {
        let kind = match self.token.kind {
            TokenKind::Unknown => ConditionErrorKind::UnknownSign(quote(self.token.text)),
            TokenKind::Unclosed => ConditionErrorKind::Unclosed,
            _ => ConditionErrorKind::Expected(expected),
        };
        fault(kind, self.token.offset)
    }
}

impl<'t> Token<'t> {
    /// The token as a value.
    const fn literal(self) -> Option<Literal<'t>> {
        let spelling = match self.kind {
            TokenKind::Value | TokenKind::Bool(_) => Spelling::Bare,
            TokenKind::Quoted(quote) => Spelling::Quoted(quote),
            _ => return None,
        };
        Some(Literal {
            spelling,
            text: self.text,
            offset: self.offset,
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

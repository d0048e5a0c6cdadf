//! The grammar of both languages, down to the operands.
//!
//! ```text
//! text    = [ operand { ( "and" | "or" ) operand } ]
//! operand = { "not" } ( "(" text ")" | an operand of the language )
//! ```
//!
//! What is read is noted with each operator after its operands. With two levels of precedence at
//! most, that takes two flags: whether an "and", and whether an "or", waits for its second operand.
//! Open parentheses are kept on a list in place of the call stack, so no text, however hostile,
//! overflows it. Every token is looked at once.

use super::error::{Fault, FaultKind, TextError};
use super::lex::{Lexer, Token, TokenKind, Word};
use super::program::{Item, Operator, Program};

/// A language: what it adds to the grammar, and what its parser remembers between operands.
pub(crate) trait Grammar<'t>: Copy {
    /// Tokens besides those of both languages.
    type Word: Word;
    /// The tests that operands compile to.
    type Test;
    /// Faults of texts.
    type Kind: FaultKind;

    /// Whether `and` binds tighter than `or`, or equally tight, from left to right.
    const AND_BINDS_TIGHTER: bool;
    /// A parenthesis that is closed without having been opened.
    const NEVER_OPENED: Self::Kind;
    /// A parenthesis that is not closed.
    const NEVER_CLOSED: Self::Kind;

    /// Reads an operand that starts with neither `not` nor a parenthesis, and adds its tests.
    fn operand(parser: &mut Parser<'t, Self>) -> Result<Progress, Fault<Self::Kind>>;

    /// The fault of a token after an operand that is no operator, and neither a parenthesis nor
    /// the end.
    fn no_operator(parser: &Parser<'t, Self>) -> Fault<Self::Kind>;

    /// Enters a parenthesis within `depth` others. Returns what to remember when it is closed.
    fn open(&mut self, depth: usize) -> Result<Self, Self::Kind>;
}

/// How far an operand was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// To its end.
    Complete,
    /// To a `not` or a parenthesis, after which the rest follows.
    Started,
}

/// Compiles a text.
pub(crate) fn parse<'t, G: Grammar<'t>>(
    text: &'t str,
    grammar: G,
) -> Result<Program<G::Test>, TextError<G::Kind>> {
    let mut parser = Parser::new(text, grammar);
    match parser.read() {
        Ok(()) => Ok(Program::new(parser.items)),
        Err(fault) => Err(fault.in_text(text)),
    }
}

/// The state of parsing.
#[derive(Debug)]
pub(crate) struct Parser<'t, G: Grammar<'t>> {
    lexer: Lexer<'t>,
    /// The token to be looked at next.
    pub(crate) token: Token<'t, G::Word>,
    /// What the language remembers.
    pub(crate) grammar: G,
    items: Vec<Item<G::Test>>,
    chain: Chain,
    /// The parentheses that are open, outermost first.
    groups: Vec<Group<G>>,
}

/// The part of the text between the same parentheses, as far as it has been read.
#[derive(Clone, Copy, Debug, Default)]
struct Chain {
    /// Whether all of it is within an odd number of `not`.
    negated: bool,
    /// Whether the next operand itself has an odd number of `not` before it.
    not: bool,
    and_waits: bool,
    or_waits: bool,
}

/// An open parenthesis, and what was known before it.
#[derive(Clone, Copy, Debug)]
struct Group<G> {
    offset: usize,
    chain: Chain,
    grammar: G,
}

impl<'t, G: Grammar<'t>> Parser<'t, G> {
    fn new(text: &'t str, grammar: G) -> Self {
        let mut lexer = Lexer::new(text);
        let token = lexer.next_token();
        Self {
            lexer,
            token,
            grammar,
            items: Vec::new(),
            chain: Chain::default(),
            groups: Vec::new(),
        }
    }

    /// Takes the token at hand.
    pub(crate) fn advance(&mut self) {
        self.token = self.lexer.next_token();
    }

    /// Whether a parenthesis is open.
    pub(crate) const fn is_nested(&self) -> bool {
        !self.groups.is_empty()
    }

    /// Whether the opposite of the operand at hand is meant.
    pub(crate) const fn negated(&self) -> bool {
        self.chain.negated != self.chain.not
    }

    /// Adds a test, or its opposite.
    pub(crate) fn test(&mut self, test: G::Test, negated: bool) {
        self.items.push(Item::Test(test, !negated));
    }

    /// Joins the last two parts, or their opposites if both were added negated.
    pub(crate) fn join(&mut self, operator: Operator, negated: bool) {
        self.items.push(Item::Join(if negated {
            operator.opposite()
        } else {
            operator
        }));
    }

    fn read(&mut self) -> Result<(), Fault<G::Kind>> {
        if matches!(self.token.kind, TokenKind::End) {
            return Ok(());
        }
        loop {
            match self.token.kind {
                TokenKind::Not => {
                    self.chain.not = !self.chain.not;
                    self.advance();
                }
                TokenKind::Open => self.open()?,
                _ => {
                    let complete = G::operand(self)? == Progress::Complete;
                    if complete && self.is_end_after_operand()? {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn open(&mut self) -> Result<(), Fault<G::Kind>> {
        let offset = self.token.offset;
        let outer = self.grammar.open(self.groups.len());
        let grammar = outer.map_err(|kind| Fault { kind, offset })?;
        self.groups.push(Group {
            offset,
            chain: self.chain,
            grammar,
        });
        self.chain = Chain {
            negated: self.negated(),
            ..Chain::default()
        };
        self.advance();
        Ok(())
    }

    /// Takes the parentheses that a complete operand closes, and the operator after it. Whether
    /// the text ends there instead.
    fn is_end_after_operand(&mut self) -> Result<bool, Fault<G::Kind>> {
        loop {
            self.chain.not = false;
            let kind = self.token.kind;
            self.join_waiting(matches!(kind, TokenKind::And));
            match (kind, self.groups.last()) {
                (TokenKind::And, _) => self.chain.and_waits = true,
                (TokenKind::Or, _) => self.chain.or_waits = true,
                (TokenKind::Close, Some(group)) => {
                    self.chain = group.chain;
                    self.grammar = group.grammar;
                    self.groups.pop();
                    self.advance();
                    continue;
                }
                (TokenKind::Close, None) => return Err(self.token.fault(G::NEVER_OPENED)),
                (TokenKind::End, None) => return Ok(true),
                (TokenKind::End, Some(group)) => {
                    return Err(Fault {
                        kind: G::NEVER_CLOSED,
                        offset: group.offset,
                    });
                }
                _ => return Err(G::no_operator(self)),
            }
            self.advance();
            return Ok(false);
        }
    }

    /// Joins what waits for the operand that was just read, unless the `and` after it binds that
    /// operand first.
    fn join_waiting(&mut self, before_and: bool) {
        let Chain { negated, .. } = self.chain;
        if std::mem::take(&mut self.chain.and_waits) {
            self.join(Operator::And, negated);
        }
        if before_and && G::AND_BINDS_TIGHTER {
            return;
        }
        if std::mem::take(&mut self.chain.or_waits) {
            self.join(Operator::Or, negated);
        }
    }
}

impl<W> Token<'_, W> {
    /// A fault at this token.
    pub(crate) const fn fault<K>(&self, kind: K) -> Fault<K> {
        Fault {
            kind,
            offset: self.offset,
        }
    }
}

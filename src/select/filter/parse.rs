//! The parser of the filter language.
//!
//! ```text
//! filter    = [ operand { ( "and" | "or" ) operand } ]
//! operand   = { "not" } ( primitive | "(" filter ")" )
//! primitive = [ scope ] [ side ] [ type ] values | name | "vlan" [ id ]
//! values    = value | "not" values | "(" values { ( "and" | "or" ) values } ")"
//! scope     = "ip" | "ip6" | "tcp" | "udp" | "sctp" | "ether"
//! side      = "src" | "dst" | "src or dst" | "src and dst"
//! type      = "host" | "net" | "port" | "portrange" | "proto"
//! ```
//!
//! Two rules are libpcap's own (`grammar.y`) and surprise people:
//! - `and` and `or` bind equally tight, from left to right. So there are no levels of precedence
//!   to descend through, and a filter is a chain of operands.
//! - An operand may be a bare value, which takes over the qualifiers of the operand just before
//!   the operator: those of its last value, none if it was a name such as `tcp`. A parenthesis
//!   hands on what was in force before it, not what is within.

use super::error::{Expected, FilterError, FilterErrorKind};
use super::lex::{Keyword, TokenKind, Word};
use super::program::{Side, Test};
use super::value::{self, Scope};
use crate::select::language::error;
use crate::select::language::lex;
use crate::select::language::parse::{self, Grammar, Progress};
use crate::select::language::program::{Operator, Program};
use crate::select::net::IpNet;
use crate::select::word::quote;

type Token<'t> = lex::Token<'t, Word>;
type Parser<'t> = parse::Parser<'t, Context>;
type Fault = error::Fault<FilterErrorKind>;

/// Compiles the text of a filter.
pub(super) fn parse(text: &str) -> Result<Program<Test>, FilterError> {
    parse::parse(text, Context::default())
}

/// How many parentheses may be open at once: far more than any filter needs, even one that a
/// program wrote, and as many as libpcap's parser takes.
pub(super) const MAX_DEPTH: usize = 10_000;

/// Context of the next operand.
#[derive(Clone, Copy, Debug, Default)]
struct Context {
    /// What a bare value takes over.
    qualifiers: Option<Qualifiers>,
    /// Whether the operand must be of values: qualifiers are right before it.
    value_due: bool,
    /// Whether every operand up to the closing parenthesis must be, because qualifiers are before
    /// the opening one.
    values_only: bool,
}

impl<'t> Grammar<'t> for Context {
    type Word = Word;
    type Test = Test;
    type Kind = FilterErrorKind;

    const AND_BINDS_TIGHTER: bool = false;
    const NEVER_OPENED: FilterErrorKind = FilterErrorKind::NeverOpened;
    const NEVER_CLOSED: FilterErrorKind = FilterErrorKind::NeverClosed;

    fn operand(parser: &mut Parser<'t>) -> Result<Progress, Fault> {
        parser.primitive()
    }

    fn no_operator(parser: &Parser<'t>) -> Fault {
        parser.expected(if parser.is_nested() {
            Expected::OperatorOrClose
        } else {
            Expected::Operator
        })
    }

    fn open(&mut self, depth: usize) -> Result<Self, FilterErrorKind> {
        if depth == MAX_DEPTH {
            return Err(FilterErrorKind::TooDeep(MAX_DEPTH));
        }
        let outer = Self {
            value_due: false,
            ..*self
        };
        self.values_only |= std::mem::take(&mut self.value_due);
        Ok(outer)
    }
}

/// Everything that stands before a value and says what it is the value of.
#[derive(Clone, Copy, Debug)]
struct Qualifiers {
    scope: Scope,
    side: Side,
    type_: Type,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Host,
    Net,
    Port,
    PortRange,
    Proto,
}

impl<'t> Parser<'t> {
    /// Reads a primitive, or only its qualifiers where a `not` or a parenthesis precedes its
    /// values.
    fn primitive(&mut self) -> Result<Progress, Fault> {
        let context = self.grammar;
        if let Some(qualifiers) = context.qualifiers
            && (context.value_due || context.values_only)
        {
            return self.value(qualifiers);
        }
        let keyword = match self.token.kind {
            TokenKind::Word(Word::Keyword(keyword)) => keyword,
            TokenKind::Word(Word::Value) => return self.bare_value(),
            _ => return Err(self.expected(Expected::Condition)),
        };
        match keyword {
            Keyword::Vlan => self.vlan(),
            Keyword::Protocol(number) => Ok(self.name(None, number)),
            Keyword::Ip4Protocol(number) => Ok(self.name(Some(Test::Ipv4), number)),
            Keyword::Ip6Protocol(number) => Ok(self.name(Some(Test::Ipv6), number)),
            Keyword::Ip => self.scoped(Scope::Ip, Some(Test::Ipv4)),
            Keyword::Ip6 => self.scoped(Scope::Ip6, Some(Test::Ipv6)),
            Keyword::Transport(number) => {
                self.scoped(Scope::Transport(number), Some(Test::Protocol(number)))
            }
            Keyword::Link => self.scoped(Scope::Link, None),
            Keyword::Unsupported => Err(self.unsupported()),
            Keyword::Mask => Err(self.expected(Expected::Condition)),
            Keyword::Src
            | Keyword::Dst
            | Keyword::Host
            | Keyword::Net
            | Keyword::Port
            | Keyword::PortRange
            | Keyword::Proto => self.qualified(Scope::Any),
        }
    }

    /// `icmp` and its like.
    fn name(&mut self, version: Option<Test>, number: u8) -> Progress {
        self.advance();
        self.add(None, version, Test::Protocol(number))
    }

    /// `ip`, `tcp`, `ether` and their like: alone, or before other qualifiers or a value.
    fn scoped(&mut self, scope: Scope, alone: Option<Test>) -> Result<Progress, Fault> {
        self.advance();
        match (self.token.kind, alone) {
            (TokenKind::Word(Word::Keyword(keyword)), _) if is_qualifier(keyword) => {
                self.qualified(scope)
            }
            (TokenKind::Word(Word::Keyword(Keyword::Unsupported)), _) => Err(self.unsupported()),
            (TokenKind::Word(Word::Value), _) => self.value(Qualifiers {
                scope,
                side: Side::Either,
                type_: Type::Host,
            }),
            (_, Some(test)) => Ok(self.add(None, None, test)),
            (_, None) => Err(self.expected(Expected::LinkQualifier)),
        }
    }

    /// The qualifiers after a scope, and the value if it follows at once.
    fn qualified(&mut self, scope: Scope) -> Result<Progress, Fault> {
        let side = self.side()?;
        let type_ = self.type_(scope, side)?;
        let qualifiers = Qualifiers {
            scope,
            side: side.unwrap_or(Side::Either),
            type_,
        };
        if matches!(self.token.kind, TokenKind::Not | TokenKind::Open) {
            self.grammar.qualifiers = Some(qualifiers);
            self.grammar.value_due = true;
            return Ok(Progress::Started);
        }
        self.value(qualifiers)
    }

    fn side(&mut self) -> Result<Option<Side>, Fault> {
        let (side, other) = match self.token.kind {
            TokenKind::Word(Word::Keyword(Keyword::Src)) => (Side::Src, Keyword::Dst),
            TokenKind::Word(Word::Keyword(Keyword::Dst)) => (Side::Dst, Keyword::Src),
            _ => return Ok(None),
        };
        self.advance();
        let joined = match self.token.kind {
            TokenKind::Or => Side::Either,
            TokenKind::And => Side::Both,
            _ => return Ok(Some(side)),
        };
        self.advance();
        if self.token.kind != TokenKind::Word(Word::Keyword(other)) {
            return Err(self.expected(Expected::BothDirections));
        }
        self.advance();
        Ok(Some(joined))
    }

    /// The type of the value; `host` is meant where it is left out.
    fn type_(&mut self, scope: Scope, side: Option<Side>) -> Result<Type, Fault> {
        let type_ = match self.token.kind {
            TokenKind::Word(Word::Keyword(Keyword::Host)) => Type::Host,
            TokenKind::Word(Word::Keyword(Keyword::Net)) => Type::Net,
            TokenKind::Word(Word::Keyword(Keyword::Port)) => Type::Port,
            TokenKind::Word(Word::Keyword(Keyword::PortRange)) => Type::PortRange,
            TokenKind::Word(Word::Keyword(Keyword::Proto)) => Type::Proto,
            _ => return Ok(Type::Host),
        };
        if let Some(kind) = mismatch(scope, side, type_) {
            return Err(self.token.fault(kind));
        }
        self.advance();
        Ok(type_)
    }

    /// A value where a primitive might begin: it takes over the qualifiers.
    fn bare_value(&mut self) -> Result<Progress, Fault> {
        if let Some(qualifiers) = self.grammar.qualifiers {
            return self.value(qualifiers);
        }
        self.check_case()?;
        let word = self.token.text;
        let like_a_value = word.starts_with(|first: char| first.is_ascii_digit())
            || word.contains([':', '.', '-']);
        Err(self.token.fault(if like_a_value {
            FilterErrorKind::Unqualified(quote(word))
        } else {
            FilterErrorKind::UnknownWord(quote(word))
        }))
    }

    fn value(&mut self, qualifiers: Qualifiers) -> Result<Progress, Fault> {
        let Qualifiers { scope, side, type_ } = qualifiers;
        let test = match (type_, scope) {
            (Type::Host, Scope::Link) => {
                let token = self.word(Expected::Mac, |_| false)?;
                Test::Mac(side, at(token, value::mac(token.text))?)
            }
            (Type::Host, _) => Test::Net(side, self.host(scope)?),
            (Type::Net, _) => Test::Net(side, self.net(scope)?),
            (Type::Port, _) => {
                let token = self.word(Expected::Port, value::is_service)?;
                Test::Port(side, at(token, value::port(token.text))?)
            }
            (Type::PortRange, _) => {
                let token = self.word(Expected::PortRange, value::is_service)?;
                Test::Port(side, at(token, value::port_range(token.text))?)
            }
            (Type::Proto, _) => {
                let token = self.word(Expected::Protocol, value::is_protocol)?;
                Test::Protocol(at(token, value::protocol(token.text))?)
            }
        };
        let also = match scope {
            Scope::Any | Scope::Link => None,
            Scope::Ip => Some(Test::Ipv4),
            Scope::Ip6 => Some(Test::Ipv6),
            Scope::Transport(number) => Some(Test::Protocol(number)),
        };
        Ok(self.add(Some(qualifiers), also, test))
    }

    fn host(&mut self, scope: Scope) -> Result<IpNet, Fault> {
        let token = self.word(Expected::Address, |_| false)?;
        let host = at(token, value::host(token.text, scope))?;
        if self.token.kind == TokenKind::Word(Word::Slash) {
            return Err(self.token.fault(FilterErrorKind::NetworkForHost));
        }
        Ok(host)
    }

    fn net(&mut self, scope: Scope) -> Result<IpNet, Fault> {
        let token = self.word(Expected::Network, |_| false)?;
        let number = at(token, value::net_number(token.text, scope))?;
        match self.token.kind {
            TokenKind::Word(Word::Slash) => {
                self.advance();
                let length = self.word(Expected::PrefixLen, |_| false)?;
                let length = at(length, value::prefix_len(length.text, number))?;
                at(token, value::net_with_prefix(number, length))
            }
            TokenKind::Word(Word::Keyword(Keyword::Mask)) => {
                let address = at(self.token, value::ipv4_only(number))?;
                self.advance();
                let mask = self.word(Expected::Mask, |_| false)?;
                let mask = at(mask, value::mask(mask.text))?;
                at(token, value::net_with_mask(address, mask))
            }
            _ => at(
                token,
                value::net_with_prefix(number, number.implied_prefix_len),
            ),
        }
    }

    fn vlan(&mut self) -> Result<Progress, Fault> {
        self.advance();
        let test = if self.token.kind == TokenKind::Word(Word::Value) {
            let token = self.word(Expected::Vlan, |_| false)?;
            Test::Vlan(at(token, value::vlan(token.text))?)
        } else {
            Test::Tagged
        };
        Ok(self.add(None, None, test))
    }

    /// Adds a primitive, of one test or two, and notes what a bare value after it takes over.
    fn add(&mut self, qualifiers: Option<Qualifiers>, also: Option<Test>, test: Test) -> Progress {
        let negated = self.negated();
        if let Some(also) = also {
            self.test(also, negated);
        }
        self.test(test, negated);
        if also.is_some() {
            self.join(Operator::And, negated);
        }
        self.grammar.qualifiers = qualifiers;
        self.grammar.value_due = false;
        Progress::Complete
    }

    /// Takes a word as a value; a keyword only if it `is_name` of such a value.
    fn word(
        &mut self,
        expected: Expected,
        is_name: impl Fn(&str) -> bool,
    ) -> Result<Token<'t>, Fault> {
        let token = self.token;
        match token.kind {
            TokenKind::Word(Word::Value) => self.check_case()?,
            TokenKind::Word(Word::Keyword(_)) if is_name(token.text) => {}
            _ => return Err(self.expected(expected)),
        }
        self.advance();
        Ok(token)
    }

    fn unsupported(&self) -> Fault {
        let word = self.token.text.to_owned();
        self.token.fault(FilterErrorKind::Unsupported(word))
    }

    /// The fault of the token at hand being there, where something else was expected.
    fn expected(&self, expected: Expected) -> Fault {
        if let Err(fault) = self.check_case() {
            return fault;
        }
        self.token.fault(match self.token.kind {
            TokenKind::Word(Word::Arithmetic) => FilterErrorKind::Arithmetic,
            _ => FilterErrorKind::Expected(expected),
        })
    }

    fn check_case(&self) -> Result<(), Fault> {
        match value::keyword_in_capitals(self.token.text) {
            Some(keyword) if self.token.kind == TokenKind::Word(Word::Value) => {
                let word = quote(self.token.text);
                Err(self
                    .token
                    .fault(FilterErrorKind::NotLowerCase { word, keyword }))
            }
            _ => Ok(()),
        }
    }
}

/// The result of reading a token's word, with the token's place.
fn at<T>(token: Token<'_>, result: Result<T, FilterErrorKind>) -> Result<T, Fault> {
    result.map_err(|kind| token.fault(kind))
}

/// Whether a keyword may stand behind a scope.
const fn is_qualifier(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Keyword::Src
            | Keyword::Dst
            | Keyword::Host
            | Keyword::Net
            | Keyword::Port
            | Keyword::PortRange
            | Keyword::Proto
    )
}

/// Why a type does not go with what stands before it, if it does not.
const fn mismatch(scope: Scope, side: Option<Side>, type_: Type) -> Option<FilterErrorKind> {
    let second = match type_ {
        Type::Host => return None,
        Type::Net => "'net'",
        Type::Port => "'port'",
        Type::PortRange => "'portrange'",
        Type::Proto => "'proto'",
    };
    let (first, hint) = match (scope, side, type_) {
        (Scope::Link, ..) => ("'ether'", "write 'host', 'src' or 'dst' and a MAC address"),
        (Scope::Transport(_), _, Type::Proto) => (
            "'tcp', 'udp' or 'sctp'",
            "write 'proto' alone, or behind 'ip' or 'ip6'",
        ),
        (_, Some(_), Type::Proto) => ("'src' or 'dst'", "a protocol has no direction"),
        _ => return None,
    };
    Some(FilterErrorKind::Mismatch {
        first,
        second,
        hint,
    })
}

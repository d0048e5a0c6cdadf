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
//!
//! Parentheses are kept on a heap-allocated list in place of the call stack, so no text, however
//! hostile, overflows it. Every token is looked at once.

use super::error::{Expected, FilterError, FilterErrorKind};
use super::program::{Block, Builder, Operator, Program, Side, Test};
use super::lex::{Keyword, Kind, Lexer, Token};
use super::value;
use crate::select::net::IpNet;
use crate::select::word::quote;

/// Compiles the text of a filter.
pub(super) fn parse(text: &str) -> Result<Program, FilterError> {
    Parser::new(text)
        .program()
        .map_err(|Fault { kind, offset }| FilterError::new(kind, offset, text))
}

/// How many parentheses may be open at once: far more than any filter needs, even one that a
/// program wrote, and as many as libpcap's parser takes.
pub(super) const MAX_DEPTH: usize = 10_000;

struct Parser<'t> {
    lexer: Lexer<'t>,
    /// The token to be looked at next.
    token: Token<'t>,
    builder: Builder,
    /// What a bare value takes over.
    qualifiers: Option<Qualifiers>,
    /// The parentheses that are open, outermost first.
    groups: Vec<Group>,
}

/// What is wrong, and the byte offset where.
#[derive(Debug)]
struct Fault {
    kind: FilterErrorKind,
    offset: usize,
}

/// Everything that stands before a value and says what it is the value of.
#[derive(Clone, Copy, Debug)]
struct Qualifiers {
    scope: Scope,
    side: Side,
    type_: Type,
}

/// What a condition is restricted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Any,
    Ip,
    Ip6,
    /// A transport protocol, by its number.
    Transport(u8),
    Link,
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

/// A chain of operands as far as it has been read.
#[derive(Clone, Copy, Debug, Default)]
struct Chain {
    /// What stands to the left of the last operator.
    left: Option<(Block, Operator)>,
    /// Whether the next operand has an odd number of `not` before it.
    negated: bool,
    /// Whether qualifiers stand right before the next operand, so that it must be of values.
    value_due: bool,
    /// Whether the chain stands in parentheses after qualifiers, so that all of it must be values.
    values_only: bool,
}

/// An open parenthesis, and what to go on with when it is closed.
#[derive(Clone, Copy, Debug)]
struct Group {
    offset: usize,
    outer: Chain,
    qualifiers: Option<Qualifiers>,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str) -> Self {
        let mut lexer = Lexer::new(text);
        let token = lexer.next_token();
        Self {
            lexer,
            token,
            builder: Builder::default(),
            qualifiers: None,
            groups: Vec::new(),
        }
    }

    fn program(mut self) -> Result<Program, Fault> {
        if self.token.kind == Kind::End {
            return Ok(Program::default());
        }
        let mut chain = Chain::default();
        loop {
            match self.token.kind {
                Kind::Not => {
                    chain.negated = !chain.negated;
                    self.advance();
                }
                Kind::Open => chain = self.open(chain)?,
                _ => {
                    if let Some(block) = self.primitive(&mut chain)? {
                        match self.after_operand(chain, block)? {
                            Continuation::Chain(next) => chain = next,
                            Continuation::End(block) => return Ok(self.builder.finish(block)),
                        }
                    }
                }
            }
        }
    }

    /// Takes in a complete operand, the parentheses it closes, and the operator behind it.
    fn after_operand(&mut self, mut chain: Chain, operand: Block) -> Result<Continuation, Fault> {
        let mut block = operand;
        loop {
            if chain.negated {
                block = block.negated();
            }
            if let Some((left, operator)) = chain.left {
                block = self.builder.join(operator, left, block);
            }
            let operator = match self.token.kind {
                Kind::And => Operator::And,
                Kind::Or => Operator::Or,
                Kind::Close => {
                    chain = self.close()?;
                    continue;
                }
                Kind::End => {
                    return match self.groups.last() {
                        None => Ok(Continuation::End(block)),
                        Some(group) => fault(FilterErrorKind::NeverClosed, group.offset),
                    };
                }
                _ if self.groups.is_empty() => return self.expected(Expected::Operator),
                _ => return self.expected(Expected::OperatorOrClose),
            };
            self.advance();
            let left = Some((block, operator));
            let values_only = chain.values_only;
            return Ok(Continuation::Chain(Chain {
                left,
                values_only,
                ..Chain::default()
            }));
        }
    }

    fn open(&mut self, outer: Chain) -> Result<Chain, Fault> {
        let offset = self.token.offset;
        if self.groups.len() == MAX_DEPTH {
            return fault(FilterErrorKind::TooDeep(MAX_DEPTH), offset);
        }
        self.groups.push(Group {
            offset,
            outer,
            qualifiers: self.qualifiers,
        });
        self.advance();
        Ok(Chain {
            values_only: outer.value_due || outer.values_only,
            ..Chain::default()
        })
    }

    fn close(&mut self) -> Result<Chain, Fault> {
        let Some(group) = self.groups.pop() else {
            return fault(FilterErrorKind::NeverOpened, self.token.offset);
        };
        self.advance();
        self.qualifiers = group.qualifiers;
        Ok(group.outer)
    }

    /// Reads a primitive; `None` where only its qualifiers have been read, because a `not` or a
    /// parenthesis stands before its values.
    fn primitive(&mut self, chain: &mut Chain) -> Result<Option<Block>, Fault> {
        if let Some(qualifiers) = self.qualifiers
            && (chain.value_due || chain.values_only)
        {
            return self.value(qualifiers).map(Some);
        }
        let keyword = match self.token.kind {
            Kind::Keyword(keyword) => keyword,
            Kind::Value => return self.bare_value().map(Some),
            _ => return self.expected(Expected::Condition),
        };
        match keyword {
            Keyword::Vlan => self.vlan().map(Some),
            Keyword::Protocol(number) => Ok(Some(self.name(None, number))),
            Keyword::Ip4Protocol(number) => Ok(Some(self.name(Some(Test::Ipv4), number))),
            Keyword::Ip6Protocol(number) => Ok(Some(self.name(Some(Test::Ipv6), number))),
            Keyword::Ip => self.scoped(Scope::Ip, Some(Test::Ipv4), chain),
            Keyword::Ip6 => self.scoped(Scope::Ip6, Some(Test::Ipv6), chain),
            Keyword::Transport(number) => self.scoped(
                Scope::Transport(number),
                Some(Test::Protocol(number)),
                chain,
            ),
            Keyword::Link => self.scoped(Scope::Link, None, chain),
            Keyword::Unsupported => self.unsupported(),
            Keyword::Mask => self.expected(Expected::Condition),
            Keyword::Src
            | Keyword::Dst
            | Keyword::Host
            | Keyword::Net
            | Keyword::Port
            | Keyword::PortRange
            | Keyword::Proto => self.qualified(Scope::Any, chain),
        }
    }

    /// `icmp` and its like.
    fn name(&mut self, version: Option<Test>, number: u8) -> Block {
        self.advance();
        self.qualifiers = None;
        self.both(version, Test::Protocol(number))
    }

    /// `ip`, `tcp`, `ether` and their like: alone, or before other qualifiers or a value.
    fn scoped(
        &mut self,
        scope: Scope,
        alone: Option<Test>,
        chain: &mut Chain,
    ) -> Result<Option<Block>, Fault> {
        self.advance();
        match (self.token.kind, alone) {
            (Kind::Keyword(keyword), _) if is_qualifier(keyword) => self.qualified(scope, chain),
            (Kind::Keyword(Keyword::Unsupported), _) => self.unsupported(),
            (Kind::Value, _) => self
                .value(Qualifiers {
                    scope,
                    side: Side::Either,
                    type_: Type::Host,
                })
                .map(Some),
            (_, Some(test)) => {
                self.qualifiers = None;
                Ok(Some(self.builder.test(test)))
            }
            (_, None) => self.expected(Expected::LinkQualifier),
        }
    }

    /// The qualifiers behind a scope, and the value if it follows at once.
    fn qualified(&mut self, scope: Scope, chain: &mut Chain) -> Result<Option<Block>, Fault> {
        let side = self.side()?;
        let type_ = self.type_(scope, side)?;
        let qualifiers = Qualifiers {
            scope,
            side: side.unwrap_or(Side::Either),
            type_,
        };
        if matches!(self.token.kind, Kind::Not | Kind::Open) {
            self.qualifiers = Some(qualifiers);
            chain.value_due = true;
            return Ok(None);
        }
        self.value(qualifiers).map(Some)
    }

    fn side(&mut self) -> Result<Option<Side>, Fault> {
        let (side, other) = match self.token.kind {
            Kind::Keyword(Keyword::Src) => (Side::Src, Keyword::Dst),
            Kind::Keyword(Keyword::Dst) => (Side::Dst, Keyword::Src),
            _ => return Ok(None),
        };
        self.advance();
        let joined = match self.token.kind {
            Kind::Or => Side::Either,
            Kind::And => Side::Both,
            _ => return Ok(Some(side)),
        };
        self.advance();
        if self.token.kind != Kind::Keyword(other) {
            return self.expected(Expected::BothDirections);
        }
        self.advance();
        Ok(Some(joined))
    }

    /// The type of the value; `host` is meant where it is left out.
    fn type_(&mut self, scope: Scope, side: Option<Side>) -> Result<Type, Fault> {
        let type_ = match self.token.kind {
            Kind::Keyword(Keyword::Host) => Type::Host,
            Kind::Keyword(Keyword::Net) => Type::Net,
            Kind::Keyword(Keyword::Port) => Type::Port,
            Kind::Keyword(Keyword::PortRange) => Type::PortRange,
            Kind::Keyword(Keyword::Proto) => Type::Proto,
            _ => return Ok(Type::Host),
        };
        if let Some(kind) = mismatch(scope, side, type_) {
            return fault(kind, self.token.offset);
        }
        self.advance();
        Ok(type_)
    }

    /// A value where a primitive might begin: it takes over the qualifiers.
    fn bare_value(&mut self) -> Result<Block, Fault> {
        if let Some(qualifiers) = self.qualifiers {
            return self.value(qualifiers);
        }
        let Token { word, offset, .. } = self.token;
        self.check_case()?;
        let like_a_value = word.starts_with(|first: char| first.is_ascii_digit())
            || word.contains([':', '.', '-']);
        let kind = if like_a_value {
            FilterErrorKind::Unqualified(quote(word))
        } else {
            FilterErrorKind::UnknownWord(quote(word))
        };
        fault(kind, offset)
    }

    fn value(&mut self, qualifiers: Qualifiers) -> Result<Block, Fault> {
        let Qualifiers { scope, side, type_ } = qualifiers;
        let test = match (type_, scope) {
            (Type::Host, Scope::Link) => {
                let token = self.word(Expected::Mac, |_| false)?;
                Test::Mac(side, at(token, value::mac(token.word))?)
            }
            (Type::Host, _) => Test::Net(side, self.host(scope)?),
            (Type::Net, _) => Test::Net(side, self.net(scope)?),
            (Type::Port, _) => {
                let token = self.word(Expected::Port, value::is_service)?;
                Test::Port(side, at(token, value::port(token.word))?)
            }
            (Type::PortRange, _) => {
                let token = self.word(Expected::PortRange, value::is_service)?;
                Test::Port(side, at(token, value::port_range(token.word))?)
            }
            (Type::Proto, _) => {
                let token = self.word(Expected::Protocol, value::is_protocol)?;
                Test::Protocol(at(token, value::protocol(token.word))?)
            }
        };
        self.qualifiers = Some(qualifiers);
        let also = match scope {
            Scope::Any | Scope::Link => None,
            Scope::Ip => Some(Test::Ipv4),
            Scope::Ip6 => Some(Test::Ipv6),
            Scope::Transport(number) => Some(Test::Protocol(number)),
        };
        Ok(self.both(also, test))
    }

    fn host(&mut self, scope: Scope) -> Result<IpNet, Fault> {
        let token = self.word(Expected::Address, |_| false)?;
        let host = at(token, value::host(token.word, scope))?;
        if self.token.kind == Kind::Slash {
            return fault(FilterErrorKind::NetworkForHost, self.token.offset);
        }
        Ok(host)
    }

    fn net(&mut self, scope: Scope) -> Result<IpNet, Fault> {
        let token = self.word(Expected::Network, |_| false)?;
        let number = at(token, value::net_number(token.word, scope))?;
        match self.token.kind {
            Kind::Slash => {
                self.advance();
                let length = self.word(Expected::PrefixLen, |_| false)?;
                let length = at(length, value::prefix_len(length.word, number))?;
                at(token, value::net_with_prefix(number, length))
            }
            Kind::Keyword(Keyword::Mask) => {
                let address = at(self.token, value::ipv4_only(number))?;
                self.advance();
                let mask = self.word(Expected::Mask, |_| false)?;
                let mask = at(mask, value::mask(mask.word))?;
                at(token, value::net_with_mask(address, mask))
            }
            _ => at(
                token,
                value::net_with_prefix(number, number.implied_prefix_len),
            ),
        }
    }

    fn vlan(&mut self) -> Result<Block, Fault> {
        self.advance();
        self.qualifiers = None;
        let test = if self.token.kind == Kind::Value {
            let token = self.word(Expected::Vlan, |_| false)?;
            Test::Vlan(at(token, value::vlan(token.word))?)
        } else {
            Test::Tagged
        };
        Ok(self.builder.test(test))
    }

    fn both(&mut self, also: Option<Test>, test: Test) -> Block {
        let also = also.map(|also| self.builder.test(also));
        let block = self.builder.test(test);
        match also {
            Some(also) => self.builder.join(Operator::And, also, block),
            None => block,
        }
    }

    /// Takes a word as a value; a keyword only if it `is_name` of such a value.
    fn word(
        &mut self,
        expected: Expected,
        is_name: impl Fn(&str) -> bool,
    ) -> Result<Token<'t>, Fault> {
        let token = self.token;
        match token.kind {
            Kind::Value => self.check_case()?,
            Kind::Keyword(_) if is_name(token.word) => {}
            _ => return self.expected(expected),
        }
        self.advance();
        Ok(token)
    }

    fn advance(&mut self) {
        self.token = self.lexer.next_token();
    }

    fn unsupported<T>(&self) -> Result<T, Fault> {
        fault(
            FilterErrorKind::Unsupported(self.token.word.to_owned()),
            self.token.offset,
        )
    }

    /// The fault of the token at hand being there, where something else was expected.
    fn expected<T>(&self, expected: Expected) -> Result<T, Fault> {
        self.check_case()?;
        let kind = match self.token.kind {
            Kind::Arithmetic => FilterErrorKind::Arithmetic,
            _ => FilterErrorKind::Expected(expected),
        };
        fault(kind, self.token.offset)
    }

    fn check_case(&self) -> Result<(), Fault> {
        match value::keyword_in_capitals(self.token.word) {
            Some(keyword) if self.token.kind == Kind::Value => {
                let word = quote(self.token.word);
                fault(
                    FilterErrorKind::NotLowerCase { word, keyword },
                    self.token.offset,
                )
            }
            _ => Ok(()),
        }
    }
}

/// What follows an operand.
enum Continuation {
    /// Another operand of this chain.
    Chain(Chain),
    /// The end, and this is the whole filter.
    End(Block),
}

fn fault<T>(kind: FilterErrorKind, offset: usize) -> Result<T, Fault> {
    Err(Fault { kind, offset })
}

/// The result of reading a token's word, with the token's place.
fn at<T>(token: Token<'_>, result: Result<T, FilterErrorKind>) -> Result<T, Fault> {
    result.map_err(|kind| Fault {
        kind,
        offset: token.offset,
    })
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

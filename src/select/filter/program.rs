//! The compiled form of a filter, and its evaluation.
//!
//! A filter is a program of tests, each with two places to go on at, one for each outcome. Both
//! lie further down, or are the end with a verdict. So evaluation is one loop that passes over what
//! the outcome no longer depends on, needs no stack, and ends: libpcap compiles to the same shape,
//! and for the same reasons.

use std::net::IpAddr;

use crate::flow::key::{LinkKey, MacAddr, NetworkKey};
use crate::select::net::IpNet;
use crate::select::port::PortRange;

/// One elementary condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Test {
    Ipv4,
    Ipv6,
    /// The IP protocol, for IPv4 and IPv6.
    Protocol(u8),
    Net(Side, IpNet),
    /// A port of TCP, UDP or SCTP: the protocols for which pcap-filter(7) has ports.
    Port(Side, PortRange),
    Mac(Side, MacAddr),
    /// Any VLAN tag.
    Tagged,
    /// A VLAN tag with this id, at any depth.
    Vlan(u16),
}

impl Test {
    pub(super) fn holds(&self, link: &LinkKey, network: Option<&NetworkKey>) -> bool {
        match self {
            Self::Mac(side, mac) => link
                .macs()
                .is_some_and(|(src, dst)| side.holds(src, dst, |other| other == *mac)),
            Self::Tagged => !link.vlans().is_empty(),
            Self::Vlan(id) => link.vlans().ids().any(|tag| tag == *id),
            _ => network.is_some_and(|key| self.holds_for(key)),
        }
    }

    fn holds_for(&self, key: &NetworkKey) -> bool {
        match self {
            Self::Ipv4 => !key.is_ipv6(),
            Self::Ipv6 => key.is_ipv6(),
            Self::Protocol(number) => key.protocol == *number,
            Self::Net(side, net) => {
                side.holds(key.src, key.dst, |address: IpAddr| net.contains(address))
            }
            Self::Port(side, range) => {
                WITH_PORTS.contains(&key.protocol)
                    && side.holds(key.src_port, key.dst_port, |port| range.contains(port))
            }
            // Of the link layer: see `holds`.
            Self::Mac(..) | Self::Tagged | Self::Vlan(_) => false,
        }
    }

    pub(super) const fn needs_link(&self) -> bool {
        matches!(self, Self::Mac(..) | Self::Tagged | Self::Vlan(_))
    }

    pub(super) const fn is_directional(&self) -> bool {
        match self {
            Self::Net(side, _) | Self::Port(side, _) | Self::Mac(side, _) => {
                matches!(side, Side::Src | Side::Dst)
            }
            _ => false,
        }
    }
}

/// TCP, UDP, SCTP: their IP protocol numbers.
const WITH_PORTS: [u8; 3] = [6, 17, 132];

/// Which of source and destination must meet a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// `src or dst`, and what is meant where nothing is said.
    Either,
    /// `src and dst`.
    Both,
    Src,
    Dst,
}

impl Side {
    /// Whether the source, the destination, either or both meet a condition.
    fn holds<T>(self, src: T, dst: T, meets: impl Fn(T) -> bool) -> bool {
        match self {
            Self::Either => meets(src) || meets(dst),
            Self::Both => meets(src) && meets(dst),
            Self::Src => meets(src),
            Self::Dst => meets(dst),
        }
    }
}

/// A finished program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Program {
    pub(super) steps: Vec<Step>,
    pub(super) start: usize,
}

/// The program that everything passes.
impl Default for Program {
    fn default() -> Self {
        Self {
            steps: Vec::new(),
            start: PASS,
        }
    }
}

/// A test and the indices of the steps to go on with, or a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) test: Test,
    pub(super) on_true: usize,
    pub(super) on_false: usize,
}

/// The two verdicts, beyond the index of any step.
pub(super) const PASS: usize = usize::MAX;
const FAIL: usize = usize::MAX - 1;

/// How two conditions are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    And,
    Or,
}

/// A piece of a program under construction, with exits that lead nowhere yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    entry: usize,
    on_true: Exits,
    on_false: Exits,
}

impl Block {
    /// The block with the opposite answer.
    pub(super) const fn negated(self) -> Self {
        Self {
            entry: self.entry,
            on_true: self.on_false,
            on_false: self.on_true,
        }
    }
}

/// Exits that will all lead to the same place: a list linked through the very fields that will
/// hold that place, so that two lists are joined in constant time and the whole compilation is
/// linear (backpatching, as in Aho, Sethi, Ullman, Compilers, 8.6).
#[derive(Clone, Copy, Debug)]
struct Exits {
    first: Exit,
    last: Exit,
}

/// One of the two outcomes of a step.
#[derive(Clone, Copy, Debug)]
struct Exit {
    step: usize,
    outcome: bool,
}

/// Builds a program from left to right.
#[derive(Debug, Default)]
pub(super) struct Builder {
    steps: Vec<Step>,
}

impl Builder {
    /// Adds a test.
    pub(super) fn test(&mut self, test: Test) -> Block {
        let step = self.steps.len();
        self.steps.push(Step {
            test,
            on_true: END_OF_LIST,
            on_false: END_OF_LIST,
        });
        let exits = |outcome| {
            let exit = Exit { step, outcome };
            Exits {
                first: exit,
                last: exit,
            }
        };
        Block {
            entry: step,
            on_true: exits(true),
            on_false: exits(false),
        }
    }

    /// Joins two blocks, of which `left` was built entirely before `right`.
    pub(super) fn join(&mut self, operator: Operator, left: Block, right: Block) -> Block {
        let entry = left.entry;
        match operator {
            Operator::And => {
                self.lead(left.on_true, right.entry);
                let on_false = self.concatenate(left.on_false, right.on_false);
                Block {
                    entry,
                    on_true: right.on_true,
                    on_false,
                }
            }
            Operator::Or => {
                self.lead(left.on_false, right.entry);
                let on_true = self.concatenate(left.on_true, right.on_true);
                Block {
                    entry,
                    on_true,
                    on_false: right.on_false,
                }
            }
        }
    }

    /// Makes the whole program of a block.
    pub(super) fn finish(mut self, block: Block) -> Program {
        self.lead(block.on_true, PASS);
        self.lead(block.on_false, FAIL);
        Program {
            steps: self.steps,
            start: block.entry,
        }
    }

    fn lead(&mut self, exits: Exits, place: usize) {
        let mut next = Some(exits.first);
        while let Some(exit) = next {
            next = self.target(exit).and_then(|target| {
                let following = unpack(*target);
                *target = place;
                following
            });
        }
    }

    fn concatenate(&mut self, front: Exits, back: Exits) -> Exits {
        if let Some(target) = self.target(front.last) {
            *target = pack(back.first);
        }
        Exits {
            first: front.first,
            last: back.last,
        }
    }

    fn target(&mut self, exit: Exit) -> Option<&mut usize> {
        let step = self.steps.get_mut(exit.step)?;
        Some(if exit.outcome {
            &mut step.on_true
        } else {
            &mut step.on_false
        })
    }
}

/// An exit as the link of a list. A step takes far more than two bytes, so there is room.
const fn pack(exit: Exit) -> usize {
    exit.step * 2 + if exit.outcome { 1 } else { 0 }
}

const fn unpack(link: usize) -> Option<Exit> {
    if link == END_OF_LIST {
        None
    } else {
        Some(Exit {
            step: link / 2,
            outcome: link % 2 == 1,
        })
    }
}

const END_OF_LIST: usize = usize::MAX;

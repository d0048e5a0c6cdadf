//! Filters against a naive evaluator: random expression trees are written as text, and the filter
//! must answer as the tree does. And: no text makes the parser panic.

use std::net::IpAddr;

use proptest::prelude::*;

use super::tests::{filter, key, tagged};
use super::*;
use crate::flow::key::MacAddr;
use crate::select::language::oracle::{Tree, any_tree};
use crate::select::net::IpNet;

/// A condition in words, and as a plain function of the keys.
#[derive(Clone, Debug)]
struct Leaf {
    /// What a bare value would take over; empty for conditions without a value.
    qualifiers: String,
    value: String,
    meaning: Meaning,
}

#[derive(Clone, Debug)]
enum Meaning {
    Version(u8),
    Protocol {
        version: Option<u8>,
        number: u8,
    },
    Net {
        side: usize,
        address: IpAddr,
        len: u32,
    },
    Port {
        protocol: Option<u8>,
        side: usize,
        lo: u16,
        hi: u16,
    },
    Mac {
        side: usize,
        last: u8,
    },
    Vlan(Option<u16>),
}

const SIDES: [&str; 5] = ["", "src or dst ", "src and dst ", "src ", "dst "];

fn at_side(side: usize, src: bool, dst: bool) -> bool {
    match side {
        0 | 1 => src || dst,
        2 => src && dst,
        3 => src,
        _ => dst,
    }
}

/// The oracle: as slow and obvious as possible.
fn holds(meaning: &Meaning, link: &LinkKey, network: Option<&NetworkKey>) -> bool {
    fn bits(address: IpAddr) -> String {
        match address {
            IpAddr::V4(address) => format!("4:{:032b}", address.to_bits()),
            IpAddr::V6(address) => format!("6:{:0128b}", address.to_bits()),
        }
    }
    match (meaning, network) {
        (Meaning::Mac { side, last }, _) => link.macs().is_some_and(|(src, dst)| {
            at_side(
                *side,
                src == MacAddr([2, 0, 0, 0, 0, *last]),
                dst.0 == [2, 0, 0, 0, 0, *last],
            )
        }),
        (Meaning::Vlan(None), _) => link.vlans().to_string() != "",
        (Meaning::Vlan(Some(id)), _) => link
            .vlans()
            .to_string()
            .split('.')
            .any(|tag| tag == id.to_string()),
        (_, None) => false,
        (Meaning::Version(version), Some(key)) => (*version == 6) == key.dst.is_ipv6(),
        (Meaning::Protocol { version, number }, Some(key)) => {
            key.protocol == *number && version.is_none_or(|v| (v == 6) == key.src.is_ipv6())
        }
        (Meaning::Net { side, address, len }, Some(key)) => {
            let len = usize::try_from(*len).unwrap();
            let prefix: String = bits(*address).chars().take(2 + len).collect();
            at_side(
                *side,
                bits(key.src).starts_with(&prefix),
                bits(key.dst).starts_with(&prefix),
            )
        }
        (
            Meaning::Port {
                protocol,
                side,
                lo,
                hi,
            },
            Some(key),
        ) => {
            [6, 17, 132].contains(&key.protocol)
                && protocol.is_none_or(|protocol| protocol == key.protocol)
                && at_side(
                    *side,
                    *lo <= key.src_port && key.src_port <= *hi,
                    *lo <= key.dst_port && key.dst_port <= *hi,
                )
        }
    }
}

/// Writes the tree as text with no parentheses but the necessary ones, leaving out qualifiers
/// wherever the rule allows it. `in_force` are the qualifiers a bare value would take over.
fn write(tree: &Tree<Leaf>, text: &mut String, in_force: &mut String, style: Style) {
    match tree {
        Tree::Leaf(leaf) => {
            let abbreviated = !leaf.qualifiers.is_empty() && *in_force == leaf.qualifiers;
            if !(abbreviated && style.abbreviate) {
                text.push_str(&leaf.qualifiers);
            }
            text.push_str(&leaf.value);
            in_force.clone_from(&leaf.qualifiers);
        }
        Tree::Not(inner) => {
            text.push_str(if style.symbols { "!" } else { "not " });
            write_operand(inner, text, in_force, style);
        }
        Tree::And(left, right) | Tree::Or(left, right) => {
            write(left, text, in_force, style);
            text.push_str(match (tree, style.symbols) {
                (Tree::And(..), true) => "&&",
                (Tree::And(..), false) => " and ",
                (_, true) => "||",
                (_, false) => " or ",
            });
            write_operand(right, text, in_force, style);
        }
    }
}

fn write_operand(tree: &Tree<Leaf>, text: &mut String, in_force: &mut String, style: Style) {
    if matches!(tree, Tree::And(..) | Tree::Or(..)) {
        text.push('(');
        write(tree, text, &mut in_force.clone(), style);
        text.push(')');
    } else {
        write(tree, text, in_force, style);
    }
}

#[derive(Clone, Copy, Debug)]
struct Style {
    symbols: bool,
    abbreviate: bool,
}

fn leaf(qualifiers: impl Into<String>, value: impl Into<String>, meaning: Meaning) -> Leaf {
    Leaf {
        qualifiers: qualifiers.into(),
        value: value.into(),
        meaning,
    }
}

/// Addresses, ports and tags are drawn from few, so that conditions are often true.
fn any_leaf() -> impl Strategy<Value = Leaf> {
    let net = (0..SIDES.len(), any_address(), 0u32..=128, any::<bool>()).prop_map(
        |(side, address, len, host)| {
            let width = if address.is_ipv6() { 128 } else { 32 };
            let len = if host { width } else { len % (width + 1) };
            let masked = IpNet::with_prefix(address, u8::try_from(len).unwrap()).unwrap();
            let meaning = Meaning::Net { side, address, len };
            if host {
                leaf(
                    format!("{}host ", SIDES[side]),
                    address.to_string(),
                    meaning,
                )
            } else {
                let value = format!("{}/{len}", masked.address());
                leaf(format!("{}net ", SIDES[side]), value, meaning)
            }
        },
    );
    let port = (0..SIDES.len(), 0u16..5, 0u16..5, 0usize..4).prop_map(|(side, a, b, scope)| {
        let (name, protocol) = [
            ("", None),
            ("tcp ", Some(6)),
            ("udp ", Some(17)),
            ("sctp ", Some(132)),
        ][scope];
        let (lo, hi) = (a.min(b), a.max(b));
        let meaning = Meaning::Port {
            protocol,
            side,
            lo,
            hi,
        };
        if lo == hi {
            leaf(
                format!("{name}{}port ", SIDES[side]),
                lo.to_string(),
                meaning,
            )
        } else {
            leaf(
                format!("{name}{}portrange ", SIDES[side]),
                format!("{lo}-{hi}"),
                meaning,
            )
        }
    });
    let name = prop::sample::select(vec![
        leaf("", "ip", Meaning::Version(4)),
        leaf("", "ip6", Meaning::Version(6)),
        leaf(
            "",
            "tcp",
            Meaning::Protocol {
                version: None,
                number: 6,
            },
        ),
        leaf(
            "",
            "udp",
            Meaning::Protocol {
                version: None,
                number: 17,
            },
        ),
        leaf(
            "",
            "icmp",
            Meaning::Protocol {
                version: Some(4),
                number: 1,
            },
        ),
        leaf(
            "",
            "icmp6",
            Meaning::Protocol {
                version: Some(6),
                number: 58,
            },
        ),
        leaf(
            "proto ",
            "\\sctp",
            Meaning::Protocol {
                version: None,
                number: 132,
            },
        ),
        leaf(
            "ip6 proto ",
            "17",
            Meaning::Protocol {
                version: Some(6),
                number: 17,
            },
        ),
        leaf("", "vlan", Meaning::Vlan(None)),
        leaf("", "vlan 1", Meaning::Vlan(Some(1))),
        leaf("", "vlan 12", Meaning::Vlan(Some(12))),
    ]);
    let mac = (0..SIDES.len(), 0u8..3).prop_map(|(side, last)| {
        let qualifiers = format!("ether {}host ", SIDES[side]);
        leaf(
            qualifiers,
            format!("2:0:0:0:0:{last}"),
            Meaning::Mac { side, last },
        )
    });
    prop_oneof![3 => net, 3 => port, 3 => name, 1 => mac]
}

fn any_address() -> impl Strategy<Value = IpAddr> {
    let pool = [
        "10.0.0.1",
        "10.0.0.2",
        "10.1.0.0",
        "0.0.0.0",
        "2001:db8::1",
        "2001:db8::2",
        "::",
    ];
    prop::sample::select(pool.map(|text| text.parse().unwrap()).to_vec())
}

fn any_network() -> impl Strategy<Value = Option<NetworkKey>> {
    let protocol = prop::sample::select(vec![1u8, 6, 17, 58, 132]);
    let key = (any_address(), any_address(), protocol, 0u16..5, 0u16..5).prop_map(
        |(src, dst, protocol, src_port, dst_port)| {
            let dst = if src.is_ipv6() == dst.is_ipv6() {
                dst
            } else {
                src
            };
            NetworkKey {
                src,
                dst,
                protocol,
                src_port,
                dst_port,
            }
        },
    );
    prop_oneof![9 => key.prop_map(Some), 1 => Just(None)]
}

fn any_link() -> impl Strategy<Value = LinkKey> {
    let tags = prop::collection::vec(prop::sample::select(vec![1u16, 2, 12]), 0..3);
    (prop::option::of((0u8..3, 0u8..3)), tags).prop_map(|(macs, tags)| {
        let mac = |last| MacAddr([2, 0, 0, 0, 0, last]);
        let mut link = LinkKey::default();
        if let Some((src, dst)) = macs {
            link.set_macs(mac(src), mac(dst));
        }
        for tag in tags {
            link.push_vlan(tag);
        }
        link
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_filter_answers_as_the_tree_it_was_written_from(
        tree in any_tree(any_leaf(), 6),
        symbols: bool,
        abbreviate: bool,
        frames in prop::collection::vec((any_link(), any_network()), 1..12),
    ) {
        let mut text = String::new();
        write(&tree, &mut text, &mut String::new(), Style { symbols, abbreviate });
        let filter = filter(&text);
        for (link, network) in &frames {
            let answer = filter.matches(link, network.as_ref());
            let expected = tree.truth(&|leaf| Some(holds(&leaf.meaning, link, network.as_ref())));
            prop_assert_eq!(Some(answer), expected, "{}", text);
            if !filter.needs_link() {
                prop_assert_eq!(filter.matches(&LinkKey::default(), network.as_ref()), answer);
            }
            if !filter.is_directional() {
                let reversed = network.map(NetworkKey::reversed);
                prop_assert_eq!(filter.matches(&link.reversed(), reversed.as_ref()), answer);
            }
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text in "(?s:.{0,60})") {
        if let Err(error) = Filter::parse(&text) {
            prop_assert!(error.offset() <= text.len());
            prop_assert!(text.is_char_boundary(error.offset()));
            prop_assert_eq!(error.to_string().lines().count(), 3);
        }
    }

    #[test]
    fn arbitrary_words_of_the_language_never_panic(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "and", "or", "not", "!", "(", ")", "&&", "||", "/", "src", "dst", "host", "net",
                "mask", "port", "portrange", "proto", "vlan", "ether", "ip", "ip6", "tcp", "icmp",
                "10", "10.0.0.1", "10.0.0.0", "255.0.0.0", "::1", "80", "80-90", "1:2:3:4:5:6",
                "x", "http", "\\tcp", "[", "arp", "TCP",
            ]),
            0..12,
        ),
    ) {
        let text = words.join(" ");
        match Filter::parse(&text) {
            Ok(filter) => {
                let key = key(6, ("10.0.0.1", 80), ("10.0.0.2", 90));
                let passes = filter.matches(&tagged(&[7]), Some(&key));
                if !text.is_empty() {
                    let not = Filter::parse(&format!("not ({text})")).unwrap();
                    prop_assert_eq!(not.matches(&tagged(&[7]), Some(&key)), !passes);
                }
            }
            Err(error) => {
                prop_assert!(text.is_char_boundary(error.offset()));
                prop_assert_eq!(error.to_string().lines().count(), 3);
            }
        }
    }
}

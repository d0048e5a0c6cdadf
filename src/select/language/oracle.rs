//! What programs are checked against: random trees of conditions, evaluated by the book.

use proptest::prelude::*;

/// A condition as a tree, from which both a text and an answer are made.
#[derive(Clone, Debug)]
pub(crate) enum Tree<L> {
    Leaf(L),
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
}

impl<L> Tree<L> {
    /// Whether the tree is true, where `leaf` says it of a leaf; `None` is unknown.
    pub(crate) fn truth(&self, leaf: &impl Fn(&L) -> Option<bool>) -> Option<bool> {
        match self {
            Self::Leaf(it) => leaf(it),
            Self::Not(inner) => not(inner.truth(leaf)),
            Self::And(left, right) => and(left.truth(leaf), right.truth(leaf)),
            Self::Or(left, right) => or(left.truth(leaf), right.truth(leaf)),
        }
    }
}

/// Trees of up to this many levels of operators.
pub(crate) fn any_tree<L: Clone + std::fmt::Debug + 'static>(
    leaf: impl Strategy<Value = L> + 'static,
    depth: u32,
) -> impl Strategy<Value = Tree<L>> {
    leaf.prop_map(Tree::Leaf)
        .prop_recursive(depth, depth * 8, 2, |inner| {
            let pair = (inner.clone(), inner.clone());
            prop_oneof![
                inner.prop_map(|tree| Tree::Not(tree.into())),
                pair.clone()
                    .prop_map(|(left, right)| Tree::And(left.into(), right.into())),
                pair.prop_map(|(left, right)| Tree::Or(left.into(), right.into())),
            ]
        })
}

pub(crate) fn and(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    match (left, right) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

pub(crate) fn not(value: Option<bool>) -> Option<bool> {
    value.map(|value| !value)
}

pub(crate) fn or(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    not(and(not(left), not(right)))
}

//! Conditions against a naive evaluator: random expression trees are written as text, and the
//! condition must answer as the tree does. And: no text makes the parser panic.

use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::tests::{COLUMNS, condition};
use super::*;
use crate::select::language::oracle::{Tree, any_tree, or};

/// A comparison, with what it is compared with as the text spells it.
#[derive(Clone, Debug)]
enum Leaf {
    /// The column's number, the relation, a number in quarters.
    Number(usize, usize, i64),
    /// Numbers in quarters.
    In(usize, Vec<i64>),
    /// Numbers in quarters.
    Between(usize, i64, i64),
    /// Two columns of numbers.
    Columns(usize, usize, usize),
    /// Whether one of the columns is the number in quarters.
    InColumns(i64, Vec<usize>),
    Null(usize),
    Text(usize, String),
    Net(u8, u32),
    Bool,
}

/// What the columns of `COLUMNS` hold: two numbers, `service`, `src_ip` and `handshake`.
#[derive(Clone, Debug)]
struct Row {
    numbers: [Option<i64>; 2],
    service: Option<String>,
    address: Option<Ipv4Addr>,
    handshake: Option<bool>,
}

impl Row {
    fn cell(&self, column: usize) -> Cell<'_> {
        let cell = match COLUMNS[column].0 {
            "bytes" => self.numbers[0].map(Cell::Signed),
            "packets" => self.numbers[1]
                .map(|number| u64::try_from(number).map_or(Cell::Signed(number), Cell::Unsigned)),
            "service" => self.service.as_deref().map(Cell::Text),
            "src_ip" => self.address.map(|address| Cell::Address(address.into())),
            "handshake" => self.handshake.map(Cell::Bool),
            _ => None,
        };
        cell.unwrap_or(Cell::Null)
    }

    fn quarters(&self, column: usize) -> Option<i64> {
        self.numbers[column].map(|number| number * 4)
    }
}

const RELATIONS: [&str; 8] = ["=", "==", "!=", "<>", "<", "<=", ">", ">="];

fn related(left: i64, relation: usize, right: i64) -> bool {
    match RELATIONS[relation] {
        "=" | "==" => left == right,
        "!=" | "<>" => left != right,
        "<" => left < right,
        "<=" => left <= right,
        ">" => left > right,
        _ => left >= right,
    }
}

impl Leaf {
    /// The oracle: as slow and obvious as possible.
    fn truth(&self, row: &Row) -> Option<bool> {
        match self {
            Self::Number(column, relation, quarters) => {
                Some(related(row.quarters(*column)?, *relation, *quarters))
            }
            Self::In(column, list) => Some(list.contains(&row.quarters(*column)?)),
            Self::Between(column, low, high) => {
                let value = row.quarters(*column)?;
                Some(*low <= value && value <= *high)
            }
            Self::Columns(left, relation, right) => Some(related(
                row.quarters(*left)?,
                *relation,
                row.quarters(*right)?,
            )),
            Self::InColumns(quarters, columns) => columns
                .iter()
                .map(|column| Some(row.quarters(*column)? == *quarters))
                .fold(Some(false), or),
            Self::Null(column) => Some(row.cell(*column) == Cell::Null),
            Self::Text(relation, text) => {
                let order = row.service.as_deref()?.cmp(text);
                Some(related(order as i64, *relation, 0))
            }
            Self::Net(last, len) => {
                let bits = format!("{:032b}", row.address?.to_bits());
                let net = format!("{:032b}", Ipv4Addr::new(10, 0, 0, *last).to_bits());
                let len = usize::try_from(*len).unwrap();
                Some(bits.get(..len) == net.get(..len))
            }
            Self::Bool => row.handshake,
        }
    }

    fn write(&self, negated: bool) -> String {
        let name = |column: &usize| COLUMNS[*column].0;
        let quarters = |quarters: &i64| match quarters % 4 {
            0 => (quarters / 4).to_string(),
            2 => format!("{}e-1", quarters * 10 / 4),
            _ => format!(
                "{}{}.{}",
                if *quarters < 0 { "-" } else { "" },
                quarters.abs() / 4,
                quarters.abs() % 4 * 25
            ),
        };
        let list = |parts: Vec<String>| format!("({})", parts.join(","));
        let not = if negated { "not " } else { "" };
        match self {
            Self::Number(column, relation, number) => {
                format!(
                    "{not}{} {}{}",
                    name(column),
                    RELATIONS[*relation],
                    quarters(number)
                )
            }
            Self::In(column, numbers) => {
                format!(
                    "{} {not}in {}",
                    name(column),
                    list(numbers.iter().map(quarters).collect())
                )
            }
            Self::Between(column, low, high) => {
                format!(
                    "{} {not}between {} and {}",
                    name(column),
                    quarters(low),
                    quarters(high)
                )
            }
            Self::Columns(left, relation, right) => {
                format!("{not}{}{}{}", name(left), RELATIONS[*relation], name(right))
            }
            Self::InColumns(number, columns) => {
                let columns = columns
                    .iter()
                    .map(|column| name(column).to_owned())
                    .collect();
                format!("{} {not}in {}", quarters(number), list(columns))
            }
            Self::Null(column) => format!("{} is {not}null", name(column)),
            Self::Text(relation, text) => {
                format!(
                    "{not}service {} '{}'",
                    RELATIONS[*relation],
                    text.replace('\'', "''")
                )
            }
            Self::Net(last, len) => {
                let net = crate::select::IpNet::with_prefix(
                    Ipv4Addr::new(10, 0, 0, *last).into(),
                    u8::try_from(*len).unwrap(),
                );
                let address = net.unwrap().address();
                format!("{not}src_ip = {address}/{len}")
            }
            Self::Bool => format!("{not}handshake"),
        }
    }
}

/// As text with no parentheses but the necessary ones.
fn write(tree: &Tree<Leaf>) -> String {
    match tree {
        Tree::Leaf(leaf) => leaf.write(false),
        Tree::Not(inner) => match &**inner {
            Tree::Leaf(leaf) => leaf.write(true),
            Tree::Not(_) => format!("!{}", write(inner)),
            _ => format!("not ({})", write(inner)),
        },
        Tree::And(left, right) => {
            let side = |tree: &Tree<Leaf>| match tree {
                Tree::Or(..) => format!("({})", write(tree)),
                _ => write(tree),
            };
            format!("{} and {}", side(left), side(right))
        }
        Tree::Or(left, right) => format!("{} OR {}", write(left), write(right)),
    }
}

/// Values are drawn from few, so that comparisons are often true.
fn any_leaf() -> impl Strategy<Value = Leaf> {
    let number = || -9_i64..10;
    let column = || 0_usize..2;
    let relation = || 0..RELATIONS.len();
    prop_oneof![
        (column(), relation(), number()).prop_map(|(a, b, c)| Leaf::Number(a, b, c)),
        (column(), prop::collection::vec(number(), 1..5)).prop_map(|(a, b)| Leaf::In(a, b)),
        (column(), number(), number()).prop_map(|(a, b, c)| Leaf::Between(a, b, c)),
        (column(), relation(), column()).prop_map(|(a, b, c)| Leaf::Columns(a, b, c)),
        (number(), prop::collection::vec(column(), 1..4)).prop_map(|(a, b)| Leaf::InColumns(a, b)),
        (0..COLUMNS.len()).prop_map(Leaf::Null),
        (relation(), "[ab']{0,2}").prop_map(|(a, b)| Leaf::Text(a, b)),
        (any::<u8>(), 0_u32..=32).prop_map(|(a, b)| Leaf::Net(a, b)),
        Just(Leaf::Bool),
    ]
}

fn any_row() -> impl Strategy<Value = Row> {
    let number = || prop::option::of(-2_i64..3);
    let address = any::<u8>().prop_map(|last| Ipv4Addr::new(10, 0, 0, last));
    (
        [number(), number()],
        prop::option::of("[ab']{0,2}"),
        prop::option::of(address),
        any::<Option<bool>>(),
    )
        .prop_map(|(numbers, service, address, handshake)| Row {
            numbers,
            service,
            address,
            handshake,
        })
}

/// What conditions are made of, well or badly.
fn any_pieces() -> impl Strategy<Value = String> {
    let words = [
        "bytes",
        "service",
        "src_ip",
        "first",
        "duration",
        "handshake",
        "nothing",
        "and",
        "or",
        "not",
        "between",
        "in",
        "like",
        "ilike",
        "is",
        "null",
        "true",
        "(",
        ")",
        ",",
        "=",
        "<",
        ">=",
        "!",
        "'",
        "'a%_'",
        "\"b\"",
        "1e3",
        "1.5s",
        "10.0.0.0/8",
        "fe80::",
        "0x",
        "&&",
        "|",
        "'2024-05-01'",
        "-",
        "\u{e9}",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..20)
        .prop_map(|pieces| pieces.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn conditions_answer_as_the_oracle_does(
        tree in any_tree(any_leaf(), 5),
        rows in prop::collection::vec(any_row(), 1..8),
    ) {
        let text = write(&tree);
        let condition = condition(&text);
        for row in &rows {
            let expected = tree.truth(&|leaf| leaf.truth(row)) == Some(true);
            prop_assert_eq!(condition.matches(|column| row.cell(column)), expected, "{} of {:?}", text, row);
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,60}|(?s:.{0,60})", pieces in any_pieces()) {
        for text in [text, pieces] {
            match Condition::parse(&text, &COLUMNS) {
                Ok(condition) => prop_assert!(condition.columns().len() <= COLUMNS.len()),
                Err(error) => {
                    prop_assert!(text.get(error.offset()..).is_some());
                    prop_assert!(!error.to_string().is_empty());
                }
            }
        }
    }
}

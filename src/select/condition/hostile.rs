//! Texts that nobody writes who means well.

use super::tests::{COLUMNS, holds};
use super::*;

#[test]
fn long_texts_take_no_stack() {
    const MANY: usize = 100_000;
    let nested = format!("{}handshake{}", "(".repeat(MANY), ")".repeat(MANY));
    assert!(holds(&nested, &[("handshake", Cell::Bool(true))]));
    let nested = format!(
        "{}handshake{}",
        "not(".repeat(MANY + 1),
        ")".repeat(MANY + 1)
    );
    assert!(holds(&nested, &[("handshake", Cell::Bool(false))]));
    let nots = format!("{}handshake", "!".repeat(1_000_001));
    assert!(holds(&nots, &[("handshake", Cell::Bool(false))]));

    let row = [("bytes", Cell::Unsigned(7)), ("service", Cell::Text("x"))];
    let right = format!(
        "{}bytes=7{}",
        "bytes=1 or(bytes=7 and(".repeat(MANY),
        "))".repeat(MANY)
    );
    assert!(holds(&right, &row));
    let long = format!("{}bytes=7", "bytes=1||".repeat(MANY));
    assert!(holds(&long, &row));
    let list = format!("bytes in ({}7)", "1,".repeat(500_000));
    assert!(holds(&list, &row));
    let columns = format!("7 in ({}bytes)", "packets,".repeat(MANY));
    assert!(holds(&columns, &row));
    let digits = format!("bytes < {}", "9".repeat(1_000_000));
    assert!(holds(&digits, &row));
    let text = format!("service != '{}'", "''".repeat(500_000));
    assert!(holds(&text, &row));
}

#[test]
fn their_faults_are_told_in_a_few_words() {
    const MANY: usize = 1_000_000;
    for text in [
        "(".repeat(MANY),
        ")".repeat(MANY),
        "a".repeat(MANY),
        "'".repeat(MANY + 1),
        "1".repeat(MANY),
        "&".repeat(MANY),
        format!("bytes = {}", "1x".repeat(MANY)),
        format!("first = '{}'", "1-".repeat(MANY)),
        format!("src_ip = {}", "1.".repeat(MANY)),
        format!("{}bytes", "bytes=1 and ".repeat(MANY / 10)),
    ] {
        let error = Condition::parse(&text, &COLUMNS).unwrap_err().to_string();
        assert!(error.len() < 600, "{error}");
    }
}

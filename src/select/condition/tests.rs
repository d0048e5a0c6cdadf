//! What conditions mean, construct by construct.

use super::*;

pub(super) const COLUMNS: [(&str, Kind); 11] = [
    ("bytes", Kind::Number),
    ("packets", Kind::Number),
    ("first", Kind::Time),
    ("last", Kind::Time),
    ("duration", Kind::Duration),
    ("service", Kind::Text),
    ("tag", Kind::Text),
    ("src_ip", Kind::Address),
    ("dst_ip", Kind::Address),
    ("handshake", Kind::Bool),
    ("Bytes_Total", Kind::Number),
];

pub(super) fn condition(text: &str) -> Condition {
    Condition::parse(text, &COLUMNS).unwrap_or_else(|error| panic!("{error}"))
}

/// Whether the condition holds for a row of nothing but these values.
pub(super) fn holds(text: &str, cells: &[(&str, Cell<'_>)]) -> bool {
    condition(text).matches(|index| {
        let name = COLUMNS[index].0;
        let found = cells.iter().find(|(column, _)| *column == name);
        found.map_or(Cell::Null, |(_, cell)| *cell)
    })
}

/// Which of the texts hold for a row with this one value.
fn check(column: &str, cell: Cell<'_>, true_: &[&str], false_: &[&str]) {
    for (texts, expected) in [(true_, true), (false_, false)] {
        for text in texts {
            assert_eq!(
                holds(text, &[(column, cell)]),
                expected,
                "{text} of {cell:?}"
            );
            // None of these values is null, so that the opposite is the other answer.
            let opposite = format!("not ({text})");
            assert_eq!(
                holds(&opposite, &[(column, cell)]),
                !expected,
                "{opposite} of {cell:?}"
            );
        }
    }
}

fn address(text: &str) -> Cell<'_> {
    Cell::Address(text.parse().unwrap())
}

#[test]
fn relations() {
    check(
        "bytes",
        Cell::Unsigned(10),
        &[
            "bytes = 10",
            "bytes == 10",
            "bytes != 9",
            "bytes <> 9",
            "bytes < 11",
            "bytes <= 10",
            "bytes > 9",
            "bytes >= 10",
            "9 < bytes",
            "10 >= bytes",
            "10 = bytes",
            "BYTES = 10",
        ],
        &[
            "bytes = 9",
            "bytes != 10",
            "bytes < 10",
            "bytes <= 9",
            "bytes > 10",
            "bytes >= 11",
            "10 < bytes",
            "9 >= bytes",
        ],
    );
}

#[test]
fn numbers_in_all_spellings() {
    check(
        "bytes",
        Cell::Unsigned(1_500_000),
        &[
            "bytes = 1500000",
            "bytes = 1_500_000",
            "bytes = 0x16E360",
            "bytes = 1.5e6",
            "bytes = 1.5MB",
            "bytes = 1500kB",
            "bytes = 1500KB",
            "bytes < 1.5M",
            "bytes < 1.5m",
            "bytes < 1.5MiB",
            "bytes > 1Mi",
            "bytes > 1464k",
            "bytes < 1465K",
            "bytes = 0.0015GB",
            "bytes < 1T",
            "bytes = 1500000B",
            "bytes = +1.5MB",
        ],
        &[
            "bytes = 1.5M",
            "bytes = 1.5Mi",
            "bytes = 1500k",
            "bytes = 1500ki",
            "bytes > 1e100",
            "bytes < -1e100",
            "bytes = -1.5MB",
        ],
    );
    check(
        "bytes",
        Cell::Unsigned(1 << 42),
        &[
            "bytes = 4T",
            "bytes = 4TiB",
            "bytes = 4096GiB",
            "bytes = 4096G",
        ],
        &["bytes = 4TB"],
    );
}

#[test]
fn numbers_compare_exactly() {
    check(
        "bytes",
        Cell::Unsigned(u64::MAX),
        &[
            "bytes = 18446744073709551615",
            "bytes = 0xffff_ffff_ffff_ffff",
            "bytes < 18446744073709551616",
            "bytes > 18446744073709551614",
            "bytes < 18446744073709551615.1",
            "bytes > 18446744073709551614.9",
            "bytes != 18446744073709551615.000000000000000000001",
            "bytes < 0xfffffffffffffffffffffffffffffffffffffffff",
            "bytes >= 1.8446744073709551615e19",
        ],
        &[
            "bytes = 18446744073709551614",
            "bytes = 18446744073709551616",
            "bytes = 18446744073709551614.9",
            "bytes >= 18446744073709551615.1",
            "bytes = -1",
        ],
    );
    check(
        "bytes",
        Cell::Signed(i64::MIN),
        &[
            "bytes = -9223372036854775808",
            "bytes < -9223372036854775807.9",
            "bytes > -9223372036854775808.1",
            "bytes >= -9223372036854775808",
            "bytes = -0x8000000000000000",
        ],
        &[
            "bytes < -9223372036854775808",
            "bytes = 9223372036854775808",
        ],
    );
    check(
        "bytes",
        Cell::Unsigned(2),
        &[
            "bytes > 1.5",
            "bytes >= 1.5",
            "bytes < 2.5",
            "bytes <= 2.5",
            "bytes != 1.5",
            "bytes between 1.5 and 2.5",
            "bytes not in (1.5, 2.5)",
        ],
        &[
            "bytes = 1.5",
            "bytes < 1.5",
            "bytes > 2.5",
            "bytes between 2.1 and 2.9",
            "bytes in (1.5, 2.5)",
        ],
    );
    check(
        "bytes",
        Cell::Signed(-1),
        &["bytes > -1.5", "bytes < -0.5"],
        &["bytes = -1.5", "bytes <= -1.5"],
    );
}

#[test]
fn durations() {
    check(
        "duration",
        Cell::Signed(90_000_000_000),
        &[
            "duration = 90",
            "duration = 90s",
            "duration = 1.5m",
            "duration = 0.025h",
            "duration = 90000ms",
            "duration = 90e6us",
            "duration = 9e7\u{b5}s",
            "duration = 90_000_000_000ns",
            "duration < 1d",
            "duration > 89.999999999",
            "duration > 89.9999999999s",
        ],
        &[
            "duration > 90s",
            "duration = 90ns",
            "duration < -1s",
            "duration < 89.9999999999s",
        ],
    );
}

#[test]
fn times() {
    // date -u -d 2024-05-01T12:00:00Z +%s
    check(
        "first",
        Cell::Signed(1_714_564_800_123_456_789),
        &[
            "first = '2024-05-01T12:00:00.123456789Z'",
            "first = '2024-05-01 12:00:00.123456789'",
            "first = \"2024-05-01 14:00:00.123456789+02:00\"",
            "first = '2024-05-01 12:00:00.123.456.789'",
            "first = 1714564800123456789",
            "first > '2024-05-01'",
            "first > 2024-05-01",
            "first > 2024-05-01T12:00:00Z",
            "first < '2024-05-02'",
            "first between '2024-05-01 12:00' and '2024-05-01 12:01'",
            "first < 1.8e18",
            "first < 1714564800123456789.5",
        ],
        &[
            "first = '2024-05-01'",
            "first < '1969-12-31'",
            "first > '9999-12-30'",
            "first < '0001-01-01'",
        ],
    );
}

#[test]
fn texts() {
    check(
        "service",
        Cell::Text("it's"),
        &[
            "service = 'it''s'",
            "service = \"it's\"",
            "service != ''",
            "service > 'it'",
            "service < 'its'",
            "service between 'a' and 'z'",
            "service in ('x', 'it''s')",
            "service like '%''_'",
            "service like 'it%'",
            "service ilike 'IT%'",
            "service not like 'it'",
        ],
        &[
            "service = 'IT''S'",
            "service = 'it''''s'",
            "service >= 'j'",
            "service in ('', 'it')",
            "service like 'IT%'",
        ],
    );
    check(
        "service",
        Cell::Text(""),
        &[
            "service = ''",
            "service <= ''",
            "service like ''",
            "service = \"\"",
        ],
        &["service > ''", "service = '\"'"],
    );
    check(
        "service",
        Cell::Text("\""),
        &["service = '\"'", "service = \"\"\"\""],
        &[],
    );
}

#[test]
fn addresses_and_networks() {
    check(
        "src_ip",
        address("10.1.2.3"),
        &[
            "src_ip = 10.1.2.3",
            "src_ip = '10.1.2.3'",
            "src_ip = 10.0.0.0/8",
            "src_ip = '10.0.0.0/8'",
            "src_ip = 10.0.0.0/255.0.0.0",
            "src_ip in (192.168.1.1, 10.0.0.0/8)",
            "10.0.0.0/8 = src_ip",
            "10.0.0.0/8 in (src_ip)",
            "src_ip != 11.0.0.0/8",
            "src_ip = 0.0.0.0/0",
            "src_ip < 10.1.2.4",
            "src_ip between 10.1.2.3 and 10.1.2.3",
            "src_ip < ::",
            "src_ip >= 10.1.2.3/32",
        ],
        &[
            "src_ip = 10.1.2.4",
            "src_ip != 10.0.0.0/8",
            "src_ip not in (10.1.2.0/24)",
            "src_ip = ::/0",
            "src_ip = ::ffff:10.1.2.3",
            "src_ip > 10.1.2.3",
        ],
    );
    check(
        "src_ip",
        address("fe80::1"),
        &[
            "src_ip = fe80::1",
            "src_ip=fe80::/10",
            "src_ip = '::/0'",
            "src_ip = FE80:0::1/128",
            "src_ip > 255.255.255.255",
            "src_ip > ::1",
        ],
        &[
            "src_ip = 0.0.0.0/0",
            "src_ip = fe80::2",
            "src_ip in (fe80::2, fe81::/16)",
        ],
    );
}

#[test]
fn truth() {
    check(
        "handshake",
        Cell::Bool(true),
        &[
            "handshake",
            "HANDSHAKE",
            "handshake = true",
            "handshake != False",
            "handshake > false",
            "handshake in (true)",
            "!!handshake",
            "(handshake)",
            "true = handshake",
        ],
        &[
            "not handshake",
            "handshake = false",
            "! handshake",
            "not not not handshake",
            "handshake <> TRUE",
        ],
    );
}

#[test]
fn lists_and_ranges() {
    check(
        "bytes",
        Cell::Unsigned(443),
        &[
            "bytes in (443)",
            "bytes in (80, 443, 8080)",
            "bytes IN(80,443)",
            "bytes not in (80, 8080)",
            "bytes between 443 and 443",
            "bytes BETWEEN 80 AND 443 and bytes > 1",
            "bytes not between 444 and 500",
            "not bytes in (80)",
        ],
        &[
            "bytes in (80, 8080)",
            "bytes not in (443)",
            "bytes between 444 and 500",
            "bytes between 500 and 400",
            "bytes not between 0 and 1k",
        ],
    );
}

#[test]
fn columns_with_columns() {
    let row = [
        ("bytes", Cell::Unsigned(u64::MAX)),
        ("packets", Cell::Signed(-1)),
        ("first", Cell::Signed(5)),
        ("last", Cell::Unsigned(5)),
        ("service", Cell::Text("a")),
        ("tag", Cell::Text("b")),
        ("src_ip", address("10.0.0.1")),
        ("dst_ip", address("::1")),
    ];
    for (text, expected) in [
        ("bytes > packets", true),
        ("bytes = packets", false),
        ("packets <= bytes", true),
        ("first = last", true),
        ("first != last", false),
        ("service < tag", true),
        ("src_ip != dst_ip", true),
        ("src_ip > dst_ip", false),
        ("18446744073709551615 in (packets, bytes)", true),
        ("5 not in (packets, bytes)", true),
        ("bytes in (1, packets, 2)", false),
        ("packets in (bytes, 1, -1)", true),
        ("packets not in (bytes, 1, packets)", false),
        ("0 between packets and bytes", true),
        ("0 not between packets and bytes", false),
        ("packets between -1 and bytes", true),
        (
            "10.0.0.0/8 in (src_ip, dst_ip) and ::/0 in (src_ip, dst_ip)",
            true,
        ),
        // Null is in nothing, and not outside of anything.
        ("bytes = bytes_total", false),
        ("not bytes = bytes_total", false),
        ("bytes in (bytes_total, 18446744073709551615)", true),
        ("packets not in (bytes_total, 0)", false),
    ] {
        assert_eq!(holds(text, &row), expected, "{text}");
    }
}

#[test]
fn not_binds_tightest_then_and_then_or() {
    for (a, b, c) in (0..8).map(|bits| (bits & 4 != 0, bits & 2 != 0, bits & 1 != 0)) {
        let row = [
            ("bytes", Cell::Unsigned(a.into())),
            ("packets", Cell::Unsigned(b.into())),
            ("handshake", Cell::Bool(c)),
        ];
        for (text, expected) in [
            ("X or Y and Z", a || (b && c)),
            ("X and Y or Z", (a && b) || c),
            ("(X or Y) and Z", (a || b) && c),
            ("not X and Y", !a && b),
            ("not X or Y", !a || b),
            ("not (X or Y) and Z", !(a || b) && c),
            ("not (X and not (Y or Z))", !(a && !(b || c))),
            ("X && !Y || Z", (a && !b) || c),
            ("!(X||Y)&&!(X&&Z)", !a && !b),
            ("not not (X or Y and not not Z)", a || (b && c)),
            ("X and Y and Z", a && b && c),
            ("X or Y or Z", a || b || c),
            ("X AND NOT Y Or Z", (a && !b) || c),
            ("((X)) and ((Y or (Z)))", a && (b || c)),
        ] {
            let text = text.replace('X', "bytes=1").replace('Y', "packets=1");
            let text = text.replace('Z', "handshake");
            assert_eq!(holds(&text, &row), expected, "{text} of {row:?}");
        }
    }
}

#[test]
fn nothing_compares_with_null() {
    let row = [("bytes", Cell::Unsigned(1))];
    for (text, expected) in [
        ("packets = 1", false),
        ("packets != 1", false),
        ("not packets = 1", false),
        ("not packets != 1", false),
        ("not (packets < 1 or packets >= 1)", false),
        ("packets in (1)", false),
        ("packets not in (1)", false),
        ("packets between 0 and 1", false),
        ("packets not between 0 and 1", false),
        ("handshake", false),
        ("not handshake", false),
        ("service like '%'", false),
        ("service not like '%'", false),
        ("src_ip = 0.0.0.0/0", false),
        ("src_ip != 0.0.0.0/0", false),
        ("packets is null", true),
        ("packets is not null", false),
        ("not packets is null", false),
        ("not packets is not null", true),
        ("bytes is null", false),
        ("bytes IS NOT NULL", true),
        // Where the other side decides, or does not.
        ("packets = 1 or bytes = 1", true),
        ("packets = 1 or bytes = 2", false),
        ("packets = 1 and bytes = 1", false),
        ("not (packets = 1 and bytes = 2)", true),
        ("not (packets = 1 and bytes = 1)", false),
        ("not (packets = 1 or bytes = 2)", false),
        ("bytes not between packets and 0", true),
        ("not (packets = packets)", false),
    ] {
        assert_eq!(holds(text, &row), expected, "{text}");
    }
}

#[test]
fn a_cell_of_another_kind_is_as_null_but_there() {
    let row = [("bytes", Cell::Text("1")), ("service", Cell::Unsigned(1))];
    for text in [
        "bytes = 1",
        "bytes != 1",
        "service = '1'",
        "service like '%'",
        "bytes = packets",
    ] {
        assert!(!holds(text, &row), "{text}");
    }
    assert!(holds("bytes is not null", &row));
}

#[test]
fn columns_are_those_that_are_looked_at() {
    for (text, expected) in [
        ("", &[] as &[usize]),
        ("  \n", &[]),
        ("last > first or bytes = 1 and bytes = 2", &[0, 2, 3]),
        ("not (handshake and service like 'x')", &[5, 9]),
        ("1 in (packets, bytes)", &[0, 1]),
    ] {
        assert_eq!(condition(text).columns(), expected, "{text}");
    }
    assert!(holds("", &[]));
}

#[test]
fn a_name_as_it_stands_is_before_one_in_other_capitals() {
    let columns = [
        ("A", Kind::Number),
        ("a", Kind::Number),
        ("tcp.len", Kind::Number),
    ];
    let used = |text| Condition::parse(text, &columns).unwrap().columns().to_vec();
    assert_eq!(used("a = 1"), [1]);
    assert_eq!(used("A = 1"), [0]);
    assert_eq!(used("TCP.LEN = 1"), [2]);
}

#[test]
fn only_what_matters_is_asked_for() {
    let condition = condition("bytes = 1 and (packets = 1 or handshake) or service = 'a'");
    let asked = std::cell::RefCell::new(Vec::new());
    let matches = condition.matches(|index| {
        asked.borrow_mut().push(index);
        Cell::Unsigned(1)
    });
    assert!(matches);
    assert_eq!(*asked.borrow(), [0, 1]);
}

//! Messages for texts that are no conditions.

use super::tests::COLUMNS;
use super::*;

/// Checks the message about a text in which the place of the fault is marked with `@`.
#[track_caller]
fn fault(marked: &str, expected: &str) {
    let text = marked.replacen('@', "", 1);
    let error = Condition::parse(&text, &COLUMNS).expect_err(&text);
    assert_eq!(error.kind().to_string(), expected, "{text}");
    assert_eq!(Some(error.offset()), marked.find('@'), "{text}: {expected}");
}

#[test]
fn the_text_is_shown_with_a_caret_under_the_place() {
    let error = Condition::parse("packets > 10 and byts > 1e6", &COLUMNS).unwrap_err();
    assert_eq!(
        error.to_string(),
        "condition: there is no column 'byts'; did you mean 'bytes'?\n\
         \x20 packets > 10 and byts > 1e6\n\
         \x20                  ^"
    );
    assert_eq!(error.text(), "packets > 10 and byts > 1e6");
}

#[test]
fn columns() {
    fault(
        "@ports = 443",
        "there is no column 'ports'; the columns are bytes, packets, first, last, duration, \
         service, tag, src_ip, dst_ip, handshake, Bytes_Total",
    );
    fault(
        "bytes = @packtes",
        "there is no column 'packtes'; did you mean 'packets'?",
    );
    fault(
        "service = @tcp",
        "'service' is text, and there is no column 'tcp': a text stands in quotes",
    );
    fault(
        "service in ('udp', @tcp)",
        "'service' is text, and there is no column 'tcp': a text stands in quotes",
    );
    fault(
        "service = @443",
        "'service' is text, and there is no column '443': a text stands in quotes",
    );
    fault(
        "@bytes and packets > 1",
        "'bytes' is a number, and no condition by itself: compare it with something",
    );
    fault(
        "(@src_ip)",
        "'src_ip' is an IP address, and no condition by itself: compare it with something",
    );
    fault(
        "bytes = @src_ip",
        "'bytes' is a number and 'src_ip' is an IP address: they cannot be compared",
    );
    fault(
        "bytes between 1 and @duration",
        "'bytes' is a number and 'duration' is a duration: they cannot be compared",
    );
}

#[test]
fn what_is_missing() {
    let condition = "expected a condition such as 'bytes > 1e6' here";
    let comparison = "expected a comparison such as '= 443', 'in (80, 443)', 'between 1 and 9' \
                      or 'is null' here";
    let value = "expected a value or a column here";
    for (marked, expected) in [
        ("handshake and@", condition),
        ("not@", condition),
        ("(@)", condition),
        ("@= 5", condition),
        ("handshake or @and handshake", condition),
        ("bytes @5", comparison),
        ("bytes @(5)", comparison),
        ("5@", comparison),
        (
            "@bytes",
            "'bytes' is a number, and no condition by itself: compare it with something",
        ),
        ("bytes =@", value),
        ("bytes = @> 5", value),
        ("bytes = @(5)", value),
        ("bytes in (@)", value),
        ("bytes in (1, @)", value),
        ("bytes between @and 5", value),
        ("bytes between 1 and@", value),
        (
            "bytes in @80",
            "expected a list in parentheses such as '(80, 443)' here",
        ),
        ("bytes in (80 @443)", "expected ',' or ')' here"),
        ("bytes in (80@", "expected ',' or ')' here"),
        (
            "bytes between 1 @5",
            "expected 'and' and the upper end here",
        ),
        (
            "service like @web",
            "expected a pattern in quotes such as 'www.%' here",
        ),
        (
            "service like@",
            "expected a pattern in quotes such as 'www.%' here",
        ),
        ("bytes is @5", "expected 'null' or 'not null' here"),
        ("bytes is not@", "expected 'null' or 'not null' here"),
        (
            "bytes not @= 5",
            "expected 'in', 'between', 'like' or 'ilike' here",
        ),
        (
            "handshake @handshake",
            "expected 'and', 'or' or the end of the condition here",
        ),
        (
            "1 < bytes @< 5",
            "expected 'and', 'or' or the end of the condition here",
        ),
        ("(handshake @bytes", "expected 'and', 'or' or ')' here"),
    ] {
        fault(marked, expected);
    }
}

#[test]
fn parentheses_quotes_and_signs() {
    fault("handshake and @((handshake)", "this '(' is never closed");
    fault("handshake@)", "this ')' closes nothing");
    let unclosed = "this quote is never closed; within a text, a quote is written twice";
    fault("service = @'it''s", unclosed);
    fault("@\"", unclosed);
    let unknown = "means nothing here: columns and values are compared with =, !=, <, <=, > or \
                   >=, and conditions joined with 'and', 'or' and 'not'";
    fault("handshake @& handshake", &format!("'&' {unknown}"));
    fault("bytes @* 8 > 5", &format!("'*' {unknown}"));
    fault("bytes > 5@;", &format!("';' {unknown}"));
}

#[test]
fn values() {
    let number = "write it as 1500, 0xff, 1.5e9, 4K or 10kB (units: K, M, G, T are powers of 1024, \
                  kB, MB, GB, TB of 1000)";
    for word in [
        "10s", "1mb", "1kb", "1KIB", "1e", "0xfg", "1__0", "5-3", "10.0.0.1", "true", "::1",
    ] {
        fault(
            &format!("bytes > @{word}"),
            &format!("'bytes' is a number, but '{word}' is not: {number}"),
        );
    }
    fault(
        "bytes > @'5'",
        &format!("'bytes' is a number, but '5' is in quotes and so text: {number}"),
    );
    let duration = "write it as 10s, 1.5ms or 2m (units: ns, us, ms, s, m, h, d)";
    for word in ["10k", "1h30m", "1w", "00:10", "0xff"] {
        fault(
            &format!("duration > @{word}"),
            &format!("'duration' is a duration, but '{word}' is not: {duration}"),
        );
    }
    let digits = "6".repeat(1000);
    fault(
        &format!("duration > @0.01{digits}m"),
        &format!(
            "'0.01{}...' has too many digits: 38 can be told apart",
            "6".repeat(44)
        ),
    );
    let time = "write it as '2024-05-01T12:00:00Z', '2024-05-01 12:00:00', '2024-05-01' or \
                nanoseconds since 1970";
    for word in [
        "'yesterday'",
        "'2024-13-01'",
        "'2024-05-01 25:00'",
        "'2024-05-01T12:00:00+99:00'",
        "'2024-05-01T12:00:00[Europe/Berlin]'",
        "'1714564800'",
        "''",
        "10s",
        "true",
    ] {
        let bare = word.trim_matches('\'');
        fault(
            &format!("first > @{word}"),
            &format!("'first' is a time, but '{bare}' is not: {time}"),
        );
    }
    fault(
        "handshake = @1",
        "'handshake' is true or false, but '1' is not: write it as true or false",
    );
    fault(
        "handshake = @'true'",
        "'handshake' is true or false, but 'true' is in quotes and so text: write it as true or \
         false",
    );
}

#[test]
fn addresses() {
    fault(
        "src_ip = @10.0.0.300",
        "'10.0.0.300' is not an IP address; write an address, ADDRESS/LENGTH or, for IPv4, \
         ADDRESS/MASK",
    );
    fault(
        "src_ip = @10.0.0.0/33",
        "'33' is not a prefix length for 10.0.0.0: 0 to 32 expected",
    );
    fault(
        "src_ip = @10.0.0.1/8",
        "the address has bits set outside its mask; the network is 10.0.0.0/8",
    );
    fault(
        "src_ip = @10.0.0.0/255.0.255.0",
        "10.0.0.0/255.0.255.0 is no network, but has holes: write it as in 10.0.0.0/8",
    );
    fault(
        "src_ip > @10.0.0.0/8",
        "a network such as 10.0.0.0/8 has no order: compare with =, != or in, or with one address",
    );
}

#[test]
fn what_makes_no_sense() {
    fault(
        "@1 = 1",
        "'1' is a value, and so is what it is compared with: one of them must be a column",
    );
    fault(
        "@'a' in (service, 'b')",
        "'a' is a value, and so is what it is compared with: one of them must be a column",
    );
    fault(
        "@5 is null",
        "'5' is a value, but only columns can be null or like a pattern",
    );
    fault(
        "@'a' like 'a'",
        "'a' is a value, but only columns can be null or like a pattern",
    );
    let null = "nothing is equal to null, nor different from it: write 'is null' or 'is not null'";
    fault("bytes = @null", null);
    fault("bytes in (1, @NULL)", null);
    fault("@null = bytes", null);
    fault(
        "bytes @like '1%'",
        "'bytes' is a number, and only text is like a pattern",
    );
    fault(
        "src_ip not @ilike 'x'",
        "'src_ip' is an IP address, and only text is like a pattern",
    );
}

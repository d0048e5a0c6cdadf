//! What is shown of connections: conditions, orders, listings, series, stories, and how many were open.

use super::{table, tcp};
use crate::common::program::number;
use crate::common::testdata;

#[test]
fn conditions_orders_and_columns() {
    let capture = testdata("recorded/lossy-server.pcap");
    let all = table(&capture, &[]);
    let slow = table(
        &capture,
        &["--where", "synack_delay > 15us and server_port = 80"],
    );
    let expected = all
        .iter()
        .filter(|row| number(row, "synack_delay_ns") > 15_000 && row["server_port"] == "80");
    assert_eq!(
        slow.iter().collect::<Vec<_>>(),
        expected.collect::<Vec<_>>()
    );
    let greatest = table(
        &capture,
        &["--sort", "server_retransmissions", "--top", "1"],
    );
    let most = all
        .iter()
        .map(|row| number(row, "server_retransmissions"))
        .max();
    assert_eq!(Some(number(&greatest[0], "server_retransmissions")), most);
    let first = table(
        &capture,
        &["--first", "2", "--columns", "duration,connection_id"],
    );
    let ids: Vec<&str> = first.iter().map(|row| &*row["connection_id"]).collect();
    assert_eq!((ids, first[0].len()), (vec!["1", "2"], 2));
}

#[test]
fn wrong_usage_says_what_is_wrong() {
    let capture = testdata("recorded/http.pcap");
    for (args, said) in [
        (
            &["--columns", "x", "--format", "csv"][..],
            "there is no column \"x\"",
        ),
        (&["--columns", "state"], "name a format"),
        (&["--sort", "x"], "there is no column \"x\""),
        (&["--top", "1"], "--sort"),
        (&["--where", "x = 1"], "--where"),
        (&["--bin", "1s"], "--bin is for"),
        (&["--listing", "1", "--explain", "1"], "cannot be used with"),
        (
            &["--explain", "1", "--format", "csv"],
            "--explain prints text",
        ),
        (&["--open-at", "yesterday"], "a time is like"),
    ] {
        tcp(&capture, args).exits(2).says(said);
    }
    tcp(&capture, ["--listing", "99999"])
        .exits(1)
        .says("there is no connection 99999");
}

/// The packets of each connection are those that its row counts, for any window.
#[test]
fn listings_have_all_packets() {
    let capture = testdata("recorded/lossy-client.pcap");
    let rows = table(&capture, &[]);
    let all = format!("1-{}", rows.len());
    let packets = table(&capture, &["--series", &all]);
    for window in ["1", "5000"] {
        let args = [
            "--series",
            &all,
            "--window-bytes",
            window,
            "--chunk-bytes",
            window,
        ];
        assert_eq!(table(&capture, &args), packets, "{window}");
    }
    for row in &rows {
        let own = packets
            .iter()
            .filter(|it| it["connection_id"] == row["connection_id"]);
        let of_client = own.clone().filter(|it| it["direction"] == "1");
        assert_eq!(of_client.count().to_string(), row["client_packets"]);
        let late = own.clone().filter(|it| {
            it["direction"] == "-1" && it["analysis"].split(' ').any(|it| it == "retransmission")
        });
        assert_eq!(late.count().to_string(), row["server_retransmissions"]);
        let numbers: Vec<i64> = own.map(|it| number(it, "packet")).collect();
        assert!(numbers.is_sorted());
        assert_eq!(numbers.first(), Some(&number(row, "first_packet")));
        assert_eq!(numbers.last(), Some(&number(row, "last_packet")));
    }
    let second = table(
        &capture,
        &["--series", "2", "--window-bytes", "1", "--chunk-bytes", "1"],
    );
    assert!(second.iter().all(|it| it["connection_id"] == "2") && !second.is_empty());
    let bins = table(&capture, &["--series", &all, "--bin", "100ms"]);
    for column in ["packets", "bytes", "retransmissions"] {
        let sum: i64 = bins.iter().map(|it| number(it, column)).sum();
        let expected: i64 = match column {
            "packets" => packets.len().try_into().unwrap(),
            "bytes" => packets.iter().map(|it| number(it, "len")).sum(),
            _ => ["client", "server"]
                .iter()
                .flat_map(|side| {
                    rows.iter()
                        .map(move |row| number(row, &format!("{side}_retransmissions")))
                })
                .sum(),
        };
        assert_eq!(sum, expected, "{column}");
    }
}

/// The form of the tutorial that it is from.
#[test]
fn a_listing_is_in_two_columns() {
    let capture = testdata("recorded/http.pcap");
    let ended = tcp(&capture, ["--listing", "1"]).exits(0);
    let mut lines = ended.text().lines();
    let first = lines.next().unwrap();
    assert!(
        first.starts_with("-->[") && first.contains("]  0.000000s S    seq=0        ack=0 "),
        "{first}"
    );
    let second = lines.next().unwrap();
    assert!(
        second.starts_with(&format!("{:>60}[", "<--"))
            && second.contains(" SA   seq=0        ack=1 "),
        "{second}"
    );
}

#[test]
fn a_story_names_what_the_table_has() {
    let capture = testdata("recorded/lossy-client.pcap");
    let row = &table(&capture, &["--first", "1"])[0];
    let ended = tcp(&capture, ["--explain", "1"]).exits(0);
    let text = ended.text();
    for column in [
        "server_retransmissions",
        "server_payload_bytes",
        "client_packets",
        "turns",
        "state",
    ] {
        assert!(text.contains(&row[column]), "{column}: {text}");
    }
}

#[test]
fn open_connections() {
    let capture = testdata("recorded/http.pcap");
    let rows = table(&capture, &[]);
    let whole = table(&capture, &["--concurrency", "all"]);
    assert_eq!((whole.len(), &*whole[0]["key"]), (1, "all"));
    let opened = rows.iter().filter(|row| !row["ack_ns"].is_empty());
    assert_eq!(
        number(&whole[0], "opened"),
        i64::try_from(opened.count()).unwrap()
    );
    // At the time of the most open connections there are that many.
    let time = &whole[0]["open_max_ns"];
    let open = table(&capture, &["--open-at", time]);
    assert_eq!(open.len().to_string(), whole[0]["open_max"]);
    let binned = table(&capture, &["--concurrency", "server", "--bin", "10ms"]);
    let sum = |column: &str| binned.iter().map(|row| number(row, column)).sum::<i64>();
    assert_eq!(sum("opened"), number(&whole[0], "opened"));
    assert_eq!(
        sum("closed") + sum("reset"),
        number(&whole[0], "closed") + number(&whole[0], "reset")
    );
}

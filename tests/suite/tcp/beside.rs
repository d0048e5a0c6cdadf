//! Two taps of one path.

use super::tcp;
use crate::common::program::{Row, number};
use crate::common::testdata;

fn beside(near: &str, far: &str) -> Vec<Row> {
    let far = testdata(far);
    let args = ["--format", "csv", "--beside", far.to_str().unwrap()];
    tcp(&testdata(near), args).exits(0).rows()
}

fn sum(rows: &[Row], column: &str) -> i64 {
    rows.iter().map(|row| number(row, column)).sum()
}

#[test]
fn what_was_lost_between_two_taps() {
    let rows = beside("recorded/lossy-client.pcap", "recorded/lossy-server.pcap");
    assert_eq!(rows.len(), 3);
    assert!(rows.iter().all(|it| it["matched_by"] == "isn"));
    // According to the note on the recording.
    assert_eq!(sum(&rows, "server_only_far"), 11);
    let lossy = rows.iter().filter(|it| number(it, "server_only_far") > 0);
    for row in lossy {
        assert_eq!(row["longest"], "loss_between");
    }
}

#[test]
fn the_other_way_round_it_is_mirrored() {
    let rows = beside("recorded/lossy-client.pcap", "recorded/lossy-server.pcap");
    let mirrored = beside("recorded/lossy-server.pcap", "recorded/lossy-client.pcap");
    for (column, other) in [
        ("client_both", "client_both"),
        ("client_only_near", "client_only_far"),
        ("client_only_far", "client_only_near"),
        ("server_both", "server_both"),
        ("server_only_near", "server_only_far"),
        ("server_only_far", "server_only_near"),
    ] {
        assert_eq!(sum(&rows, column), sum(&mirrored, other), "{column}");
    }
}

#[test]
fn a_capture_beside_itself_has_lost_nothing_between() {
    let rows = beside("recorded/lossy-client.pcap", "recorded/lossy-client.pcap");
    for row in &rows {
        assert_eq!(row["connection_id"], row["far_connection_id"]);
        for column in [
            "client_only_near",
            "client_only_far",
            "server_only_near",
            "server_only_far",
        ] {
            assert_eq!(row[column], "0", "{column}");
        }
        assert_eq!((&*row["tap_rtt_ns"], &*row["loss_between_ns"]), ("0", "0"));
    }
}

#[test]
fn connections_that_the_other_tap_has_not() {
    let rows = beside("recorded/http.pcap", "recorded/lossy-client.pcap");
    assert!(rows.iter().all(|it| it["far_connection_id"].is_empty()));
}

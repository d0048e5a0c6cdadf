//! When a flow ends although its packets go on.

use crate::common::entries;
use crate::common::program::{Program, Row, number, run};
use crate::list::{COLUMNS, csv, ids};
use testkit::frames;
use testkit::pcap::Pcap;

const ICMP: &str = "testdata/recorded/icmp.pcap";

/// Packets of one flow at these milliseconds: the flows that they make, each with its packets and
/// the times of its first and last one.
fn flows_of(millis: &[u32], options: &[&str]) -> Vec<(i64, i64, i64)> {
    let mut capture = Pcap::COMMON.file_header();
    for millis in millis {
        let frame = frames::udp_frame((1, 2), (1000, 53), 10);
        let time = (1_700_000_000 + millis / 1000, millis % 1000 * 1000);
        capture.extend(Pcap::COMMON.record(time, 52, &frame));
    }
    let args = ["-", "--format", "csv"];
    let ended = Program::new()
        .args(args)
        .args(options)
        .input(&capture, 4096)
        .run()
        .exits(0);
    let since_start = |ns: i64| (ns - 1_700_000_000_000_000_000) / 1_000_000;
    let told = |row: &Row| {
        let times = (number(row, "first_ns"), number(row, "last_ns"));
        (
            number(row, "packets"),
            since_start(times.0),
            since_start(times.1),
        )
    };
    let rows = ended.rows();
    assert!(
        ids(&rows)
            .into_iter()
            .eq(1..=i64::try_from(rows.len()).unwrap()),
        "{ended}"
    );
    rows.iter().map(told).collect()
}

#[test]
fn a_flow_ends_when_it_has_been_idle() {
    let at = [0, 400, 900, 1900, 2000, 4000];
    assert_eq!(flows_of(&at, &[]), [(6, 0, 4000)]);
    assert_eq!(flows_of(&at, &["--idle-timeout", "10"]), [(6, 0, 4000)]);
    // Exactly a second is not more than a second.
    assert_eq!(
        flows_of(&at, &["--idle-timeout", "1"]),
        [(5, 0, 2000), (1, 4000, 4000)]
    );
    let expected = [(3, 0, 900), (2, 1900, 2000), (1, 4000, 4000)];
    assert_eq!(flows_of(&at, &["--idle-timeout", "0.999"]), expected);
    assert_eq!(flows_of(&at, &["--idle_timeout=0.999"]), expected);
}

/// Options and conditions, on a flow that lasts a second and has 104 bytes.
#[test]
fn units_mean_the_same_in_options_and_conditions() {
    let at = [0, 1000];
    let one = [(2, 0, 1000)];
    let two = [(1, 0, 0), (1, 1000, 1000)];
    for (longer, shorter) in [
        ("1", "0.999999999"),
        ("1s", "999ms"),
        ("1000ms", "999999us"),
        ("1e6us", "999999999ns"),
        ("1e9ns", "0.01666m"),
        ("0.02m", "2.7e-4h"),
        ("2.8e-4h", "1.15e-5d"),
        ("1.16e-5d", "1ns"),
    ] {
        for option in ["--idle-timeout", "--active-timeout"] {
            assert_eq!(flows_of(&at, &[option, longer]), one, "{longer}");
            assert_eq!(flows_of(&at, &[option, shorter]), two, "{shorter}");
        }
        for condition in [
            format!("duration <= {longer}"),
            format!("duration > {shorter}"),
        ] {
            assert_eq!(flows_of(&at, &["--where", &condition]), one, "{condition}");
        }
    }
    for (condition, holds) in [
        ("bytes < 0.11kB", true),
        ("bytes < 0.11K", true),
        ("bytes < 0.103kB", false),
        ("bytes < 0.103KiB", true),
        ("bytes < 1e-4MB", false),
        ("bytes < 1e-4M", true),
    ] {
        let expected = if holds { &one[..] } else { &[] };
        assert_eq!(
            flows_of(&at, &["--where", condition]),
            expected,
            "{condition}"
        );
    }
    for wrong in ["0", "0s", "-1s", "1M", "1min", "fast"] {
        let ended = run(["-", &format!("--idle-timeout={wrong}")]).exits(2);
        ended.says("--idle-timeout");
    }
}

#[test]
fn a_flow_ends_when_it_has_lasted() {
    let at = [0, 400, 900, 1900, 2000, 4000];
    let expected = [(3, 0, 900), (2, 1900, 2000), (1, 4000, 4000)];
    assert_eq!(flows_of(&at, &["--active-timeout", "1"]), expected);
    let expected = [(5, 0, 2000), (1, 4000, 4000)];
    assert_eq!(flows_of(&at, &["--active-timeout", "2"]), expected);
    // Both: what comes first.
    let both = ["--active-timeout", "2", "--idle-timeout", "0.45"];
    let expected = [(2, 0, 400), (1, 900, 900), (2, 1900, 2000), (1, 4000, 4000)];
    assert_eq!(flows_of(&at, &both), expected);
}

/// A clock that runs backwards ends nothing by itself.
#[test]
fn a_clock_that_runs_backwards_ends_no_flow() {
    let at = [5000, 4000, 3000, 5500];
    assert_eq!(flows_of(&at, &["--idle-timeout", "1"]), [(4, 3000, 5500)]);
}

#[test]
fn each_part_of_a_flow_can_be_extracted() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.pcap");
    let rows = csv(&[ICMP, "--idle-timeout", "0.1"]);
    assert!(rows.len() > 6);
    for row in &rows {
        let args = [
            ICMP,
            "--idle-timeout",
            "0.1",
            "--extract",
            &row["flow_id"],
            "-o",
        ];
        Program::new().args(args).args([&output]).run().exits(0);
        let again = run([output.as_os_str(), "--format".as_ref(), "csv".as_ref()])
            .exits(0)
            .rows();
        assert_eq!(again.len(), 1, "{row:?}");
        for column in COLUMNS.iter().filter(|it| **it != "flow_id") {
            // A later fragment is a flow of its own where the first is not there.
            assert_eq!(again[0][*column], row[*column], "{column} of {row:?}");
        }
    }
    assert_eq!(entries(folder.path()), ["out.pcap"]);
}

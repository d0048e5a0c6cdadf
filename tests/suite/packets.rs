//! The command `packets`: a line per packet, the same for all ways of reading, and sums.

use crate::common::database;
use crate::common::program::{Ended, Program, Row, number, run};
use crate::common::{captures, testdata};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use testkit::ethernet::{ARP, IPV4, IPV6};
use testkit::frames::{ethernet, ipv4, ipv6, tcp, udp, udp_frame};
use testkit::pcap::Pcap;
use testkit::transport::{ACK, GRE, ICMP, PSH, TCP, UDP};

/// Runs the command on a capture.
fn packets<A: AsRef<OsStr>>(capture: &Path, args: impl IntoIterator<Item = A>) -> Ended {
    let command = Program::new().args(["packets"]).args([capture]);
    command.args(args).run()
}

/// The lines for a capture of these frames.
fn lines(frames: Vec<Vec<u8>>, args: &[&str]) -> Vec<String> {
    let (_folder, path) = capture(frames);
    let ended = packets(&path, args).exits(0);
    ended.text().lines().map(str::to_owned).collect()
}

fn capture(frames: Vec<Vec<u8>>) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.pcap");
    fs::write(&path, Pcap::COMMON.file(frames)).unwrap();
    (folder, path)
}

fn rows(capture: &Path, args: &[&str]) -> Vec<Row> {
    let format = ["--format", "csv"];
    packets(capture, format.iter().chain(args)).exits(0).rows()
}

/// The line without its time.
fn after_time(line: &str) -> &str {
    line.split_once("]\t")
        .unwrap()
        .1
        .split_once("]\t")
        .unwrap()
        .1
}

#[test]
fn lines_of_transport_protocols() {
    let segment = ipv4((1, 2), TCP, (0, 0), &tcp((1000, 80), ACK | PSH, 3));
    let six = ipv6((1, 2), UDP, &udp((53, 1000), 2));
    let found = lines(
        vec![
            ethernet((1, 2), &[], IPV4, &segment),
            udp_frame((2, 1), (53, 1000), 2),
            ethernet((1, 2), &[7], IPV6, &six),
        ],
        &[],
    );
    let expected = [
        "10.0.0.1:1000(02:00:00:00:00:01) ----->10.0.0.2:80(02:00:00:00:00:02)\tSEQ=1\tACK=1\t\
         FLAGS=['ACK', 'PSH']\tWIN=8192\tDATA=...\tttl=64\tDATA_BINARY=2e 2e 2e\tLEN=3",
        "10.0.0.2:53(02:00:00:00:00:02) ----->10.0.0.1:1000(02:00:00:00:00:01)\tttl=64\t\
         DATA_BINARY=55 55\tLEN=2",
        "[2001:db8::1]:53(02:00:00:00:00:01) ----->[2001:db8::2]:1000(02:00:00:00:00:02)\tttl=64\t\
         DATA_BINARY=55 55\tLEN=2",
    ];
    let after: Vec<&str> = found.iter().map(|it| after_time(it)).collect();
    assert_eq!(after, expected);
    assert!(found[0].starts_with("[TCP]\t["), "{}", found[0]);
    assert!(found[2].starts_with("[UDP]\t["), "{}", found[2]);
}

/// Ports, TTL and payload come from the quoted packet.
#[test]
fn errors_of_icmp_quote() {
    let quoted = ipv4((2, 1), UDP, (0, 0), &udp((500, 63816), 0));
    let unreachable = [&[3, 3, 0, 0, 0, 0, 0, 0], quoted.as_slice()].concat();
    let echo = [8, 0, 0, 0, 0, 1, 0, 1, b'x'];
    let frames = vec![
        ethernet((1, 2), &[], IPV4, &ipv4((1, 2), ICMP, (0, 0), &unreachable)),
        ethernet((1, 2), &[], IPV4, &ipv4((1, 2), ICMP, (0, 0), &echo)),
    ];
    let found = lines(frames.clone(), &[]);
    assert!(found[0].starts_with("[ICMP_Unreach]\t"), "{}", found[0]);
    assert_eq!(
        after_time(&found[0]),
        "10.0.0.1:500(02:00:00:00:00:01) ----->10.0.0.2:63816(02:00:00:00:00:02)\t\
         3:3[host:port unreachable]\tttl=64\tDATA_BINARY=\tLEN=0"
    );
    assert_eq!(
        after_time(&found[1]),
        "10.0.0.1(02:00:00:00:00:01) ----->10.0.0.2(02:00:00:00:00:02)\t\
         8:0[gateway: send a response]\tttl=64\tDATA_BINARY=78\tLEN=1"
    );
    assert_eq!(
        lines(frames, &["--assetport", "63816"]),
        [found[0].as_str()]
    );
}

#[test]
fn other_packets_have_lines_too() {
    let frames = vec![
        ethernet((1, 2), &[], ARP, &[0; 28]),
        ethernet((1, 2), &[], 0x88cc, &[1, 2]),
        ethernet((1, 2), &[], IPV4, &ipv4((1, 2), GRE, (0, 0), &[0, 0, 8, 0])),
        // A later fragment.
        ethernet((1, 2), &[], IPV4, &ipv4((1, 2), TCP, (1, 8), &[0; 40])),
        ethernet((1, 2), &[], IPV4, &[0x45]),
    ];
    let found = lines(frames.clone(), &[]);
    let types: Vec<&str> = found
        .iter()
        .map(|it| it.split_once('\t').unwrap().0)
        .collect();
    let expected = [
        "[ARP]",
        "[OTHER 0x88cc]",
        "[IP gre]",
        "[IP tcp]",
        "[OTHER short_ip]",
    ];
    assert_eq!(types, expected);
    assert_eq!(
        after_time(&found[1]),
        "02:00:00:00:00:01 ----->02:00:00:00:00:02\tDATA_BINARY=02 00 00 00 00 02 02 00 00 00 00 01 \
         88 cc 01 02\tLEN=16"
    );
    assert_eq!(lines(frames, &["--only-seed-types"]), [""; 0]);
}

#[test]
fn payload_is_shown_as_requested() {
    let frame = || vec![udp_frame((1, 2), (1, 2), 5)];
    let end = |args: &[&str]| {
        let line = lines(frame(), args).remove(0);
        line.split_once("ttl=64\t").unwrap().1.to_owned()
    };
    assert_eq!(end(&["--max-data", "2"]), "DATA_BINARY=55 55\tLEN=5");
    assert_eq!(end(&["--data-level", "1"]), "LEN=5");
}

/// There is a line for each packet, and lines are the same for all numbers of threads, windows, and
/// from a pipe.
#[test]
fn lines_are_packets() {
    for capture in captures().iter().filter(|it| !it.refused) {
        let path = capture.path();
        let code = if capture.damaged { 3 } else { 0 };
        let whole = packets(&path, [""; 0]).exits(code);
        let count = whole.text().lines().count() as u64;
        assert_eq!(count, capture.packets, "{}", capture.name);
        let small = ["--threads", "3", "--window-bytes", "64K"];
        let small = packets(&path, small).exits(code);
        assert!(small.stdout == whole.stdout, "{}", capture.name);
        let piped = Program::new().args(["packets", "-"]);
        let piped = piped.input(&capture.read(), 1000).run().exits(code);
        assert!(piped.stdout == whole.stdout, "{}", capture.name);
    }
}

/// Packets keep their numbers, regardless of the filter.
#[test]
fn numbers_are_those_of_the_capture() {
    let path = testdata("recorded/http.pcap");
    let all = rows(&path, &["--max-data", "0"]);
    let numbers: Vec<i64> = all.iter().map(|it| number(it, "packet")).collect();
    assert_eq!(
        numbers,
        (1..=i64::try_from(all.len()).unwrap()).collect::<Vec<_>>()
    );
    let is_from_80 = |row: &&Row| row["src_port"] == "80";
    let expected: Vec<&Row> = all.iter().filter(is_from_80).collect();
    let some = rows(&path, &["--max-data", "0", "--filter", "src port 80"]);
    assert!(!some.is_empty() && some.len() < all.len());
    assert_eq!(some.iter().collect::<Vec<_>>(), expected);
}

#[test]
fn who_sends_to_whom() {
    let folder = tempfile::tempdir().unwrap();
    let services = folder.path().join("services");
    fs::write(&services, "domain 53/udp\n").unwrap();
    let frames = || {
        vec![
            udp_frame((1, 2), (53, 1000), 2),
            ethernet((1, 2), &[], ARP, &[]),
        ]
    };
    let shown = |args: &[&str]| {
        let services = ["--ip", "--services", services.to_str().unwrap()];
        let lines = lines(frames(), &[&services, args].concat());
        assert_eq!(lines.len(), 1);
        let (direction, rest) = lines[0].split_once('\t').unwrap();
        (
            direction.to_owned(),
            rest.split_once('\t').unwrap().1.to_owned(),
        )
    };
    let (direction, rest) = shown(&[]);
    assert_eq!(direction, "LOOP");
    assert_eq!(
        rest,
        "UDP\t10.0.0.1:53(LAN)(domain)\t10.0.0.2:1000(LAN)(NONE)\t30"
    );
    let (direction, rest) = shown(&["--local", "10.0.0.2"]);
    assert_eq!(direction, "IN");
    assert_eq!(
        rest,
        "UDP\t10.0.0.1:53(NONE)(domain)\t10.0.0.2:1000(LAN)(NONE)\t30"
    );
}

#[test]
fn where_addresses_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.mmdb");
    // The network of 10.0.0.2 and 10.0.0.3.
    fs::write(&path, database::of_network([10, 0, 0, 2], 31)).unwrap();
    let geo = path.to_str().unwrap();
    let shown = lines(
        vec![udp_frame((1, 2), (53, 1000), 2)],
        &[
            "--ip",
            "--local",
            "10.0.0.1",
            "--geo",
            geo,
            "--services",
            "/dev/null",
        ],
    );
    let end =
        "10.0.0.1:53(LAN)(NONE)\t10.0.0.2:1000(Boxford-England-United Kingdom-AS64500)(NONE)\t30";
    assert!(shown[0].starts_with("OUT\t"), "{}", shown[0]);
    assert!(shown[0].ends_with(end), "{}", shown[0]);
    let by = |frame| {
        let args = ["--by", "country", "--local", "10.0.0.1", "--geo", geo];
        lines(vec![frame], &args)
    };
    assert_eq!(
        by(udp_frame((1, 2), (53, 1000), 2)),
        [
            "GB\tUnited Kingdom\t1\t44\t44\t0\t1",
            "LAN\tNONE\t1\t44\t0\t44\t1"
        ]
    );
    assert_eq!(
        by(udp_frame((4, 5), (53, 1000), 2)),
        ["NONE\tNONE\t1\t44\t0\t0\t1"]
    );
    let (_folder, capture) = capture(vec![]);
    let args = ["--ip", "--geo", "Cargo.toml"];
    packets(&capture, args)
        .exits(1)
        .says("Cargo.toml")
        .prints_nothing();
}

#[test]
fn columns_of_the_brief_table() {
    let ended = packets(&testdata("recorded/http.pcap"), ["--ip", "--format", "csv"]).exits(0);
    assert_eq!(
        ended.text().lines().next(),
        Some(
            "direct,ts_ns,ip_protocol_type,src_ip,dst_ip,src_port,dst_port,packet_length,\
             src_ip_geo,dst_ip_geo,src_port_service,dst_port_service"
        )
    );
}

/// Sums over pairs, services and minutes equal those of the flow list. For hosts, each packet
/// counts twice.
#[test]
fn sums_are_those_of_the_flows() {
    let path = testdata("recorded/http.pcap");
    let flows = run(["--format", "csv", path.to_str().unwrap()])
        .exits(0)
        .rows();
    let sum = |rows: &[Row], column| rows.iter().map(|it| number(it, column)).sum::<i64>();
    for (by, times) in [("host", 2), ("pair", 1), ("service", 1), ("minute", 1)] {
        let sums = rows(&path, &["--by", by]);
        for column in ["packets", "bytes"] {
            let expected = times * sum(&flows, column);
            assert_eq!(sum(&sums, column), expected, "{column} by {by}");
        }
        if by != "minute" {
            assert_eq!(
                sum(&sums, "flows"),
                times * i64::try_from(flows.len()).unwrap()
            );
            let sizes: Vec<i64> = sums.iter().map(|it| number(it, "bytes")).collect();
            assert!(sizes.is_sorted_by(|a, b| a >= b), "{sizes:?}");
        }
    }
    let hosts = rows(&path, &["--by", "host"]);
    assert_eq!(sum(&hosts, "bytes_in"), sum(&hosts, "bytes_out"));
}

#[test]
fn formats() {
    let path = testdata("recorded/dns.pcap");
    let json = packets(&path, ["--format", "json"]).exits(0);
    let first = json.text().lines().next().unwrap();
    let first: serde_json::Value = serde_json::from_str(first).unwrap();
    assert_eq!(first["packet"], 1);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("x.parquet");
    let args = ["--format", "parquet", "-o", out.to_str().unwrap()];
    packets(&path, args).exits(0).prints_nothing();
    let file = fs::File::open(&out).unwrap();
    let reader = parquet::file::reader::SerializedFileReader::new(file).unwrap();
    let rows = parquet::file::reader::FileReader::metadata(&reader)
        .file_metadata()
        .num_rows();
    assert_eq!(usize::try_from(rows).unwrap(), json.text().lines().count());
}

#[test]
fn a_reader_that_has_seen_enough() {
    let command = "set -o pipefail; \"$0\" packets testdata/recorded/bulk-clean.pcap | head -n 1";
    let program = env!("CARGO_BIN_EXE_pcap_flows");
    let mut bash = std::process::Command::new("bash");
    bash.current_dir(crate::common::root());
    bash.args(["-c", command, program]);
    let output = bash.output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stdout.iter().filter(|it| **it == b'\n').count(), 1);
}

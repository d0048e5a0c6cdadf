//! The list: what it shows, in which order, and what the numbers mean.

use crate::common::program::{Program, Row, number, run};
use crate::common::reading::parse;
use crate::common::{captures, root, testdata};
use std::collections::BTreeMap;
use std::fs;

const HTTP: &str = "testdata/recorded/http.pcap";
const DNS: &str = "testdata/recorded/dns.pcap";

pub(crate) const COLUMNS: [&str; 14] = [
    "flow_id",
    "protocol",
    "src_mac",
    "dst_mac",
    "vlan",
    "src_ip",
    "src_port",
    "dst_ip",
    "dst_port",
    "packets",
    "bytes",
    "first_ns",
    "last_ns",
    "tcp_flags",
];

pub(crate) fn csv(args: &[&str]) -> Vec<Row> {
    run(["--format", "csv"].iter().chain(args)).exits(0).rows()
}

pub(crate) fn ids(rows: &[Row]) -> Vec<i64> {
    rows.iter().map(|row| number(row, "flow_id")).collect()
}

// Formats.

#[test]
fn columns_of_csv() {
    let header = |args: &[&str]| {
        let ended = run(["--format", "csv", HTTP].iter().chain(args)).exits(0);
        ended.text().lines().next().unwrap().to_owned()
    };
    let always = COLUMNS.join(",");
    assert_eq!(header(&[]), always);
    assert_eq!(
        header(&["--metamako"]),
        format!("{always},device,device_port")
    );
    let reverse = format!("{always},reverse_packets,reverse_bytes,reverse_tcp_flags");
    assert_eq!(header(&["--bidirectional"]), reverse);
}

#[test]
fn json_has_what_csv_has() {
    for capture in captures().iter().filter(|it| it.name.contains("recorded")) {
        for options in [
            vec![],
            vec!["--bidirectional"],
            vec!["--flow-5tuple", "--decap"],
        ] {
            let name = capture.name.as_str();
            let rows = csv(&[&options[..], &[name]].concat());
            let ended = run(["--format", "json", name].iter().chain(&options)).exits(0);
            let objects: Vec<BTreeMap<String, serde_json::Value>> = ended
                .text()
                .lines()
                .map(|line| {
                    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
                })
                .collect();
            assert_eq!(objects.len(), rows.len());
            for (object, row) in objects.iter().zip(&rows) {
                assert_eq!(object.len(), row.len());
                for (name, value) in object {
                    let is_text = name.ends_with("_ip") || name.ends_with("_mac");
                    let is_text = is_text
                        || ["protocol", "vlan", "tunnel", "tunnel_id"].contains(&name.as_str());
                    assert_eq!(value.is_string(), is_text, "{name}: {value}");
                    assert_eq!(value.to_string().trim_matches('"'), row[name], "{name}");
                }
            }
        }
    }
}

/// `    0 FlowID:        5 | TCP  02:00:… -> … |  10. 77.  0.  1 -> … |  41003 ->     80  | …`
#[test]
fn lines_for_people_have_what_csv_has() {
    let rows = csv(&[HTTP, "--sort", "packets"]);
    let ended = run([HTTP]).exits(0);
    let lines: Vec<&str> = ended.text().lines().collect();
    assert_eq!(lines.len(), rows.len());
    for ((rank, line), row) in lines.iter().enumerate().zip(&rows) {
        let parts: Vec<&str> = line.split('|').map(str::trim).collect();
        let id: i64 = parts[0].rsplit(' ').next().unwrap().parse().unwrap();
        assert_eq!(
            parts[0].split_whitespace().next(),
            Some(rank.to_string().as_str())
        );
        assert_eq!(id, number(row, "flow_id"));
        assert_eq!(
            parts[1],
            format!("TCP  {} -> {}", row["src_mac"], row["dst_mac"])
        );
        let without_spaces = parts[2].replace(' ', "");
        assert_eq!(
            without_spaces,
            format!("{}->{}", row["src_ip"], row["dst_ip"])
        );
        let without_spaces = parts[3].replace(' ', "");
        assert_eq!(
            without_spaces,
            format!("{}->{}", row["src_port"], row["dst_port"])
        );
        let counts: Vec<String> = parts[4]
            .split_whitespace()
            .map(|word| word.replace(',', ""))
            .collect();
        assert_eq!(counts, [&row["packets"], "Pkts", &row["bytes"], "Bytes"]);
    }
}

// Order.

#[test]
fn each_order_is_ascending_with_equal_ones_by_id() {
    let value = |row: &Row, key: &str| match key {
        "duration" => number(row, "last_ns") - number(row, "first_ns"),
        "id" => number(row, "flow_id"),
        "first" => number(row, "first_ns"),
        "last" => number(row, "last_ns"),
        key => number(row, key),
    };
    for capture in [
        DNS,
        "testdata/recorded/ipv6.pcapng",
        "testdata/generated/ip/protocols.pcap",
    ] {
        for key in ["packets", "bytes", "first", "last", "duration", "id"] {
            let rows = csv(&[capture, "--sort", key]);
            let keys: Vec<_> = rows
                .iter()
                .map(|row| (value(row, key), number(row, "flow_id")))
                .collect();
            assert!(keys.is_sorted(), "{capture} by {key}: {keys:?}");
            assert_eq!(rows.len(), csv(&[capture]).len());
        }
    }
    assert!(ids(&csv(&[DNS])).is_sorted(), "csv is by id");
    let by_packets = ids(&csv(&[DNS, "--sort", "packets"]));
    assert_eq!(
        ranked(run([DNS]).exits(0).text()).1,
        by_packets,
        "text is by packets"
    );
}

/// Ranks and FlowIDs of lines for people.
fn ranked(text: &str) -> (Vec<i64>, Vec<i64>) {
    text.lines()
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            (
                words[0].parse::<i64>().unwrap(),
                words[2].parse::<i64>().unwrap(),
            )
        })
        .unzip()
}

#[test]
fn the_top_is_at_the_end() {
    let all = ids(&csv(&[DNS, "--sort", "bytes"]));
    for top in [0, 1, 5, all.len(), all.len() + 10] {
        let shown = ids(&csv(&[DNS, "--sort", "bytes", "--top", &top.to_string()]));
        assert_eq!(shown, all[all.len().saturating_sub(top)..]);
    }
}

/// The rank is the place among all flows: what is not shown counts.
#[test]
fn ranks_count_what_is_not_shown() {
    let (ranks, all) = ranked(run([HTTP]).exits(0).text());
    assert_eq!(ranks, [0, 1, 2, 3, 4, 5]);
    let (ranks, ids) = ranked(run([HTTP, "--top", "2"]).exits(0).text());
    assert_eq!((ranks, ids), (vec![4, 5], all[4..].to_vec()));
    let (ranks, ids) = ranked(run([HTTP, "--flow-packet-min", "12"]).exits(0).text());
    assert_eq!((ranks, ids), (vec![2, 3, 4, 5], all[2..].to_vec()));
    let both = ["--flow-packet-min", "12", "--top", "3", "--sort", "id"];
    let (ranks, ids) = ranked(run([HTTP].iter().chain(&both)).exits(0).text());
    // By id, the flows with 6 packets are the last.
    assert_eq!((ranks, ids), (vec![1, 2, 3], vec![2, 3, 4]));
}

#[test]
fn flows_with_few_packets_can_be_left_out() {
    let all = csv(&[DNS]);
    for min in [0, 1, 2, 6, 1000] {
        let shown = csv(&[DNS, "--flow-packet-min", &min.to_string()]);
        let expected: Vec<Row> = all
            .iter()
            .filter(|row| number(row, "packets") >= min)
            .cloned()
            .collect();
        assert_eq!(shown, expected);
    }
}

// What is a flow.

/// A conversation has the packets of both directions, and is seen from its first packet.
#[test]
fn conversations_are_the_sum_of_both_directions() {
    for capture in captures().iter().filter(|it| !it.refused && !it.damaged) {
        let name = capture.name.as_str();
        let one_way = csv(&[name]);
        let both = csv(&[name, "--bidirectional"]);
        // Where only the sender's address is known, it is not part of a conversation's key.
        if one_way
            .iter()
            .any(|row| row["dst_mac"] == "00:00:00:00:00:00")
        {
            let sum = |rows: &[Row], column: &str| -> i64 {
                rows.iter().map(|row| number(row, column)).sum()
            };
            for column in ["packets", "bytes"] {
                assert_eq!(sum(&both, column), sum(&one_way, column), "{name}");
            }
            assert!(both.len() < one_way.len(), "{name}: {}", both.len());
            continue;
        }
        let key = |row: &Row, is_reverse: bool| {
            let names = [
                "src_mac", "src_ip", "src_port", "dst_mac", "dst_ip", "dst_port",
            ];
            let mut ends: Vec<String> = names.iter().map(|it| row[*it].clone()).collect();
            ends.rotate_left(if is_reverse { 3 } else { 0 });
            ends.extend([row["protocol"].clone(), row["vlan"].clone()]);
            ends
        };
        let by_key: BTreeMap<Vec<String>, &Row> =
            one_way.iter().map(|row| (key(row, false), row)).collect();
        let mut seen = 0;
        for row in &both {
            let there = by_key
                .get(&key(row, false))
                .unwrap_or_else(|| panic!("{name}: {row:?}"));
            // What goes from an address to itself has no other direction.
            let is_loop = key(row, false) == key(row, true);
            let back = by_key.get(&key(row, true)).filter(|_| !is_loop);
            let of = |flow: Option<&&Row>, column: &str| flow.map_or(0, |it| number(it, column));
            for column in ["packets", "bytes"] {
                let sum = number(there, column) + of(back, column);
                assert_eq!(number(row, column), sum, "{name}: {column} of {row:?}");
                let reverse = number(row, &format!("reverse_{column}"));
                assert_eq!(
                    reverse,
                    of(back, column),
                    "{name}: reverse {column} of {row:?}"
                );
            }
            let flags = number(there, "tcp_flags") | of(back, "tcp_flags");
            assert_eq!(number(row, "tcp_flags"), flags);
            assert_eq!(number(row, "reverse_tcp_flags"), of(back, "tcp_flags"));
            let directions = || std::iter::once(there).chain(back);
            let first = directions().map(|it| number(it, "first_ns")).min();
            let last = directions().map(|it| number(it, "last_ns")).max();
            assert_eq!(
                (first, last),
                (Some(number(row, "first_ns")), Some(number(row, "last_ns")))
            );
            seen += 1 + usize::from(back.is_some());
        }
        assert_eq!(
            seen,
            one_way.len(),
            "{name}: each flow is in one conversation"
        );
        assert!(ids(&both).is_sorted() && ids(&both).len() == both.len());
    }
}

#[test]
fn conversations_of_the_list_for_people() {
    let ended = run([HTTP, "--bidirectional", "--flow-5tuple", "--top", "1"]).exits(0);
    let line = ended.text().trim_end();
    assert!(
        line.contains("  41002 <>     80  |                28 Pkts"),
        "{line}"
    );
    assert!(line.ends_with(" | <- 13 Pkts 13069 Bytes"), "{line}");
}

#[test]
fn the_5tuple_leaves_out_addresses_and_tags_of_the_link_layer() {
    let vlan = "testdata/generated/ethernet/vlan.pcap";
    let rows = csv(&[vlan]);
    let tags: Vec<&str> = rows.iter().map(|row| row["vlan"].as_str()).collect();
    for tag in ["", "100", "200"] {
        assert_eq!(
            tags.iter().filter(|it| **it == tag).count(),
            12,
            "{tag:?} in {tags:?}"
        );
    }
    let rows = csv(&[vlan, "--flow-5tuple"]);
    assert_eq!(rows.len(), 12);
    assert!(
        rows.iter()
            .all(|row| row["vlan"].is_empty() && row["src_mac"].is_empty())
    );
    let rows = csv(&["testdata/generated/ethernet/qinq.pcap"]);
    assert!(
        rows.iter().all(|row| row["vlan"].split('.').count() == 2),
        "{rows:?}"
    );
}

#[test]
fn protocols_have_names_or_numbers_and_ports_where_they_have_ports() {
    let rows = csv(&["testdata/generated/ip/protocols.pcap"]);
    let names: Vec<&str> = rows.iter().map(|row| row["protocol"].as_str()).collect();
    let expected = [
        "sctp", "sctp", "sctp", "dccp", "dccp", "udplite", "udplite", "icmpv6", "igmp", "esp",
        "ospf", "253", "253",
    ];
    assert_eq!(names, expected);
    for (row, place) in rows.iter().zip(0..) {
        assert_eq!(number(row, "src_port") > 0, place < 7, "{row:?}");
    }
}

/// The same packets in another container are the same flows.
#[test]
fn formats_make_no_difference() {
    let list = |name: &str, options: &[&str]| {
        let path = format!("testdata/generated/formats/{name}");
        csv(&[options, &[&path]].concat())
    };
    let same_times = [
        vec![
            "us-le.pcap",
            "us-be.pcap",
            "ixia-software-le.pcap",
            "ixia-software-be.pcap",
        ],
        vec![
            "ns-le.pcap",
            "ns-be.pcap",
            "ixia-hardware-le.pcap",
            "ixia-hardware-be.pcap",
        ],
        vec![
            "plain-le.pcapng",
            "plain-be.pcapng",
            "options-le.pcapng",
            "resolutions-le.pcapng",
            "resolutions-be.pcapng",
            "offset-le.pcapng",
            "offset-be.pcapng",
            "sections.pcapng",
            "all-blocks-le.pcapng",
            "all-blocks-be.pcapng",
            "section-lengths.pcapng",
            "obsolete-packets.pcapng",
            "kuznetzov-le.pcap",
            "kuznetzov-be.pcap",
            "snaplen-0.pcap",
            "snaplen-too-small.pcap",
        ],
    ];
    let without_times = |name: &str| {
        let mut rows = list(name, &[]);
        rows.iter_mut()
            .for_each(|row| row.retain(|column, _| !column.ends_with("_ns")));
        rows
    };
    for group in &same_times {
        let expected = list(group[0], &[]);
        assert_eq!(expected.len(), 12);
        for name in group {
            assert_eq!(list(name, &[]), expected, "{name}");
            assert_eq!(without_times(name), without_times("us-le.pcap"), "{name}");
        }
    }
    // Lengths on the wire count, not what was captured.
    let whole = without_times("us-le.pcap");
    for (cut, whole) in without_times("version-2.2.pcap").iter().zip(&whole) {
        // TCP flags over IPv6 stand behind the 60 bytes that were captured.
        let columns = COLUMNS
            .iter()
            .filter(|it| !it.ends_with("_ns") && **it != "tcp_flags");
        columns.for_each(|column| assert_eq!(cut[*column], whole[*column], "{column}"));
    }
    let bytes = |rows: &[Row]| rows.iter().map(|row| number(row, "bytes")).sum::<i64>();
    assert_eq!(bytes(&without_times("snaplen-54.pcap")), bytes(&whole));
}

#[test]
fn times_are_the_earliest_and_the_latest() {
    let rows = csv(&["testdata/generated/formats/time-backwards.pcap"]);
    for row in &rows {
        assert!(number(row, "first_ns") <= number(row, "last_ns"), "{row:?}");
    }
    // Up to the last second of 32 bits.
    for name in ["time-2106.pcap", "time-1970.pcap", "time-backwards.pcap"] {
        let path = testdata("generated/formats").join(name);
        let rows = csv(&[path.to_str().unwrap()]);
        let packets = parse(&fs::read(path).unwrap()).packets;
        let times = || packets.iter().filter_map(|it| it.time_ns);
        let first = rows
            .iter()
            .map(|row| i128::from(number(row, "first_ns")))
            .min();
        let last = rows
            .iter()
            .map(|row| i128::from(number(row, "last_ns")))
            .max();
        assert_eq!((first, last), (times().min(), times().max()), "{name}");
    }
}

#[test]
fn trailers_of_switches_give_time_device_and_port() {
    let rows = csv(&[
        "testdata/generated/ethernet/metamako.pcap",
        "--metamako",
        "--flow-5tuple",
    ]);
    assert_eq!(rows.len(), 12);
    for row in &rows {
        let is_client = row["src_ip"].ends_with(".10") || row["src_ip"].ends_with("::10");
        assert_eq!(row["device"], "1");
        assert_eq!(
            row["device_port"],
            if is_client { "5" } else { "6" },
            "{row:?}"
        );
    }
    let plain = csv(&["testdata/generated/ethernet/metamako.pcap", "--flow-5tuple"]);
    assert_ne!(plain[0]["first_ns"], rows[0]["first_ns"]);
    // Frames without a trailer have no device.
    let rows = csv(&[HTTP, "--metamako"]);
    assert!(rows.iter().all(|row| row["device"].is_empty()));
    assert_eq!(csv(&[HTTP]).len(), rows.len());
}

/// Addresses that are left out: packets from or to them, of either IP version, by net.
#[test]
fn addresses_can_be_left_out() {
    let rows = csv(&[
        "testdata/generated/ip/protocols.pcap",
        "--exclude-ip",
        "192.0.2.0/24",
    ]);
    assert!(
        !rows.is_empty() && rows.iter().all(|row| row["src_ip"].contains(':')),
        "{rows:?}"
    );
    let rows = csv(&[
        "testdata/generated/ip/protocols.pcap",
        "--exclude-ip",
        "2001:db8::/32",
        "--exclude-ip",
        "224.0.0.5",
        "--exclude-ip",
        "239.1.1.1/255.255.0.0",
    ]);
    let is_between_hosts = |row: &Row| {
        ["src_ip", "dst_ip"]
            .iter()
            .all(|it| row[*it] == "192.0.2.10" || row[*it] == "198.51.100.20")
    };
    assert!(
        rows.len() == 6 && rows.iter().all(is_between_hosts),
        "{rows:?}"
    );
    run([HTTP, "--exclude-ip", "10.77.0.2"])
        .exits(0)
        .says("64 filtered");
}

// Time.

#[test]
fn times_are_in_utc_unless_something_else_is_asked_for() {
    let zone = "<+0330>-3:30";
    let list = |args: &[&str]| {
        let ended = Program::new()
            .args([HTTP, "--top", "1"])
            .args(args)
            .env("TZ", zone)
            .run();
        ended.exits(0).text().to_owned()
    };
    let utc = "2026-11-21 03:53:32.908.024.000 -> 2026-11-21 03:53:32.909.014.000";
    let local = "2026-11-21 07:23:32.908.024.000 -> 2026-11-21 07:23:32.909.014.000";
    assert!(list(&[]).contains(utc));
    assert!(list(&["--disable-timezone"]).contains(utc));
    assert!(list(&["--local-time"]).contains(local));
    // What was said last counts.
    assert!(list(&["--local-time", "--disable-timezone"]).contains(utc));
    assert!(list(&["--disable-timezone", "--local-time"]).contains(local));
}

/// Tables for programs do not depend on where they are made.
#[test]
fn zones_do_not_change_tables() {
    for format in ["csv", "json"] {
        let plain = run([HTTP, "--format", format]).exits(0);
        let args = [HTTP, "--format", format, "--local-time"];
        let local = Program::new()
            .args(args)
            .env("TZ", "<+0330>-3:30")
            .run()
            .exits(0);
        assert_eq!(local.stdout, plain.stdout);
    }
}

// Several files.

/// Flows go on from file to file.
#[test]
fn several_files_are_one_capture() {
    let once = csv(&[HTTP]);
    let twice = csv(&[HTTP, HTTP]);
    assert_eq!(once.len(), twice.len());
    for (one, two) in once.iter().zip(&twice) {
        assert_eq!(number(one, "packets") * 2, number(two, "packets"));
        assert_eq!(number(one, "bytes") * 2, number(two, "bytes"));
        for column in ["first_ns", "last_ns", "flow_id", "src_ip", "src_port"] {
            assert_eq!(one[column], two[column]);
        }
    }
    let mixed = csv(&[HTTP, DNS, "testdata/recorded/ipv6.pcapng"]);
    assert_eq!(mixed.len(), 6 + 24 + 10);
}

/// A file between pipes: the order is the one given.
#[test]
fn standard_input_may_be_one_of_several() {
    let bytes = fs::read(testdata("recorded/dns.pcap")).unwrap();
    let args = [
        HTTP,
        "-",
        "testdata/recorded/ipv6.pcapng",
        "--format",
        "csv",
    ];
    let ended = Program::new().args(args).input(&bytes, 1000).run().exits(0);
    let args = [
        HTTP,
        DNS,
        "testdata/recorded/ipv6.pcapng",
        "--format",
        "csv",
    ];
    assert_eq!(ended.stdout, run(args).exits(0).stdout);
    assert!(root().join(DNS).exists());
}

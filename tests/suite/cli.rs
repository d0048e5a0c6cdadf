//! The command line: exit codes, what is said and where, spellings, and what the program says of
//! itself.

use crate::common::extraction::extraction;
use crate::common::program::{Program, number, run};
use crate::common::{Complaints, captures, entries, root, testdata};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use testkit::frames;
use testkit::pcap::Pcap;

const HTTP: &str = "testdata/recorded/http.pcap";
const DNS: &str = "testdata/recorded/dns.pcap";

// Exit codes.

#[test]
fn no_arguments_are_wrong_usage() {
    run::<&str>([])
        .exits(2)
        .prints_nothing()
        .says("name a capture")
        .says("--help");
}

#[test]
fn wrong_usage_has_exit_code_2_and_reads_nothing() {
    for args in [
        vec!["--no-such-option", HTTP],
        vec!["--format", "xml", HTTP],
        vec!["--threads", "0", HTTP],
        vec!["--packet-max", "-1", HTTP],
        vec!["--packet-max", "1.5", HTTP],
        vec!["--idle-timeout", "0", HTTP],
        vec!["--active-timeout", "soon", HTTP],
        vec!["--extract", "0", HTTP],
        vec!["--extract", "3-1", HTTP],
        vec!["--extract", "one", HTTP],
        vec!["--extract-ip", "10.0.0.0/33", HTTP],
        vec!["--extract-port", "80", HTTP],
        vec!["--extract-port", "0", "65536", HTTP],
        vec!["--exclude-ip", "example.org", HTTP],
        vec!["--filter", "tcp port", HTTP],
        vec!["-", "-"],
        vec!["--stdin", "-", "-"],
    ] {
        let ended = run(&args).exits(2).prints_nothing();
        assert!(!ended.stderr.contains("packets ="), "{ended}");
    }
}

#[test]
fn options_that_contradict_each_other_are_wrong_usage() {
    run(["--extract", "1", HTTP])
        .exits(2)
        .prints_nothing()
        .says("-o");
    let output = "never-written.pcap";
    let ports = run(["--extract-port", "90", "80", "-o", output, HTTP]);
    ports.exits(2).prints_nothing().says("90 80");
    assert!(!root().join(output).exists());
}

#[test]
fn a_file_that_is_not_there_fails_before_anything_is_read() {
    let ended = run([HTTP, "no-such-file.pcap"]).exits(1).prints_nothing();
    ended.says("no-such-file.pcap").says("No such file");
}

#[test]
fn a_directory_without_captures_is_an_error() {
    run(["testdata"])
        .exits(1)
        .prints_nothing()
        .says("testdata: no captures in it; --recursive also reads");
}

#[test]
fn inputs_that_are_no_captures_fail() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content, reason) in [
        ("empty", &b""[..], "it is empty"),
        (
            "text",
            b"This is a text, and not a capture of packets.",
            "bytes 54 68 69 73",
        ),
        ("short", b"\xd4\xc3\xb2\xa1\x02\0", "ends after 6 bytes"),
        (
            "version",
            b"\xd4\xc3\xb2\xa1\x09\0\0\0________________________",
            "version 9.0",
        ),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        let ended = run([&path]).exits(1).prints_nothing();
        ended
            .says(&format!("{}: not a capture: ", path.display()))
            .says(reason);
    }
}

#[test]
fn a_capture_without_packets_is_read() {
    for name in ["formats/header-only.pcap", "formats/section-only.pcapng"] {
        let path = testdata("generated").join(name);
        let ended = run([path.as_os_str(), "--format".as_ref(), "csv".as_ref()]).exits(0);
        assert!(ended.rows().is_empty(), "{ended}");
        ended.says("0 packets = 0 in flows");
    }
}

#[test]
fn an_empty_standard_input_is_no_capture() {
    for name in ["--stdin", "-"] {
        let ended = Program::new().args([name]).input(b"", 1).run();
        ended
            .exits(1)
            .prints_nothing()
            .says("standard input: not a capture: it is empty");
    }
}

#[test]
fn one_of_several_files_is_no_capture() {
    let text = "testdata/generated/damage/text.pcap";
    let alone = run(["--format", "csv", HTTP]).exits(0);
    for args in [[text, HTTP], [HTTP, text]] {
        let ended = run(["--format", "csv"].into_iter().chain(args)).exits(3);
        assert_eq!(ended.stdout, alone.stdout, "the others are read\n{ended}");
        ended
            .says(&format!("{text}: not a capture: "))
            .says("66 packets = 64 in flows");
    }
}

// Damage.

#[test]
fn damage_is_told_with_file_packet_and_byte() {
    let name = "testdata/generated/damage/length-ffffffff.pcap";
    let place = format!("{name}: packet 13 at byte 1043: captured length 4294967295");
    run([name])
        .exits(3)
        .says(&place)
        .says("went on at byte 1137");

    let name = "testdata/generated/damage/cut-record.pcap";
    let ended = run([name])
        .exits(3)
        .says(&format!("{name}: packet 24 at byte "));
    ended.says("cut short").says("the last ");
}

/// Each of many damages counts; the first are told, the others numbered.
#[test]
fn many_damages_are_told_in_few_lines() {
    let capture = fs::read(testdata("generated/formats/us-le.pcap")).unwrap();
    let mut bytes = capture.clone();
    for _ in 0..30 {
        bytes.extend([0xee; 40]);
        bytes.extend_from_slice(&capture[24..]);
    }
    let ended = Program::new()
        .args(["-", "--disable-display"])
        .input(&bytes, 4096)
        .run()
        .exits(3);
    let told = ended
        .stderr
        .lines()
        .filter(|line| line.contains("; skipped "))
        .count();
    assert_eq!(told, 20, "{ended}");
    ended
        .says("standard input: 10 further damages")
        .says("744 packets = 744 in flows");
}

/// What a packet holds may look like a record that ends with the capture: one such is not believed.
#[test]
fn a_packet_that_is_cut_short_is_not_read_as_records() {
    let frame = frames::udp_frame((1, 2), (1000, 53), 20);
    let mut capture = Pcap::COMMON.file([frame.clone(), frame.clone()]);
    let whole = capture.len();
    let held = Pcap::COMMON.record((1_700_000_000, 5), 62, &frame);
    let large = [frame, held, vec![0; 1000]].concat();
    capture.extend(Pcap::COMMON.record((1_700_000_000, 5), 2000, &large));
    capture.truncate(capture.len() - 1000);
    let ended = Program::new()
        .args(["-"])
        .input(&capture, 4096)
        .run()
        .exits(3);
    let ended = ended.says(&format!("standard input: packet 3 at byte {whole}: "));
    ended
        .says("everything before it was read")
        .says("2 packets = 2 in flows");
}

#[test]
fn link_types_that_are_not_decoded_are_named() {
    let ended = run(["testdata/generated/linktypes/user0.pcap"])
        .exits(0)
        .prints_nothing();
    ended.says("24 packets of USER0 (147)");
    let ended = run(["testdata/generated/linktypes/unassigned.pcap"]).exits(0);
    ended.says("24 packets of link type 65000");
}

// FlowIDs.

#[test]
fn a_flow_id_that_does_not_exist_fails_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.pcap");
    for (ids, first) in [
        ("7", 7),
        ("2,9-12", 9),
        ("1-7", 7),
        ("5-18446744073709551615", 7),
    ] {
        let ended = extraction(&[HTTP, "--extract", ids], &output)
            .exits(1)
            .prints_nothing();
        let ended = ended
            .says(&format!("no FlowID {first}"))
            .says("6 flows, FlowIDs 1 to 6");
        assert!(entries(folder.path()).is_empty(), "{ended}");
    }
    let header_only = "testdata/generated/formats/header-only.pcap";
    let ended = extraction(&[header_only, "--extract", "1"], &output).exits(1);
    ended.says("no flows");
    assert!(entries(folder.path()).is_empty());
}

/// An id found with a filter can be extracted without it, and the other way round.
#[test]
fn flow_ids_do_not_depend_on_the_filter() {
    for options in [
        vec![],
        vec!["--flow-5tuple"],
        vec!["--bidirectional"],
        vec!["--idle-timeout", "0.05"],
        vec!["--active-timeout", "0.001"],
        vec!["--idle-timeout", "0.0001", "--bidirectional"],
    ] {
        let mut wrong = Complaints::default();
        for capture in [
            "recorded/icmp.pcap",
            "recorded/http.pcap",
            "recorded/ipv6.pcapng",
        ] {
            let base = || {
                let path = testdata(capture);
                Program::new()
                    .args(["--format", "csv"])
                    .args(&options)
                    .args([path])
            };
            let all = base().run().exits(0).rows();
            for filter in [
                "udp",
                "icmp or icmp6",
                "tcp",
                "src host 10.77.0.2",
                "ip6",
                "not tcp",
            ] {
                for row in base().args(["--filter", filter]).run().exits(0).rows() {
                    let id = number(&row, "flow_id");
                    let whole = all.iter().find(|other| number(other, "flow_id") == id);
                    let key = ["protocol", "src_ip", "src_port", "dst_ip", "dst_port"];
                    let same =
                        whole.is_some_and(|whole| key.iter().all(|it| whole[*it] == row[*it]));
                    if !same {
                        wrong.add(format!(
                            "{capture} {options:?} {filter}: {row:?}\n  is {whole:?}"
                        ));
                    }
                }
            }
        }
        wrong.none();
    }
}

#[test]
fn a_flow_that_the_filter_keeps_out_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.pcap");
    let ended = extraction(
        &[HTTP, "--extract", "1-3", "--filter", "src port 80"],
        &output,
    );
    ended
        .exits(0)
        .says("the filter keeps out FlowID 1 and 1 others");
    assert!(output.exists());
}

// Limits.

#[test]
fn numbers_may_be_written_as_pcap_flow_takes_them() {
    run([HTTP, "--flow-max", "1e6", "--packet-max", "10e6"])
        .exits(0)
        .says("66 packets");
    run([HTTP, "--packet-max", "1e1"])
        .exits(0)
        .says("10 packets");
}

#[test]
fn too_many_flows_fail() {
    run([HTTP, "--flow-max", "6"]).exits(0);
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.pcap");
    let ended = extraction(&[HTTP, "--flow-max", "1"], &output)
        .exits(1)
        .prints_nothing();
    ended.says("more than 1 flows").says("--flow-max");
    assert!(entries(folder.path()).is_empty());
}

#[test]
fn a_limit_of_packets_is_one_over_all_files() {
    let ended = run([HTTP, DNS, "--packet-max", "70", "--format", "csv"]).exits(0);
    let packets: i64 = ended.rows().iter().map(|row| number(row, "packets")).sum();
    assert_eq!(
        packets,
        66 - 2 + 4 - 2,
        "70 packets less two ARP exchanges\n{ended}"
    );
    // What stands behind the last packet is not looked at.
    let damaged = "testdata/generated/damage/text.pcap";
    run([HTTP, damaged, "--packet-max", "66"])
        .exits(0)
        .says("66 packets");
    run([HTTP, "--packet-max", "0", "--format", "csv"])
        .exits(0)
        .says("0 packets");
}

// Spellings, and what the program says of itself.

#[test]
fn spellings_of_pcap_flow_are_understood() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("a_b.pcap");
    let name = output.to_str().unwrap();
    let plain = run([
        HTTP,
        "--flow-packet-min",
        "12",
        "--flow-5tuple",
        "--format",
        "csv",
    ])
    .exits(0);
    let old = run([
        HTTP,
        "--flow_packet_min",
        "12",
        "--flow_5tuple",
        "--format=csv",
    ])
    .exits(0);
    assert_eq!(old.stdout, plain.stdout);
    let old = run([
        HTTP,
        "--flow_packet_min=12",
        "--flow_5tuple",
        "--format=csv",
    ])
    .exits(0);
    assert_eq!(old.stdout, plain.stdout);
    // Values keep their underscores.
    let equals = format!("--output={name}");
    run([HTTP, "--output_format=pcap", &equals, "--disable_display"])
        .exits(0)
        .prints_nothing();
    assert_eq!(entries(folder.path()), ["a_b.pcap"]);
    // What has no meaning here any more is accepted.
    run([
        HTTP,
        "--flow_hash_bits",
        "24",
        "--vlan",
        "--disable_timezone",
    ])
    .exits(0);
    let ended = run([HTTP, "--flow-hash-bits", "24", "--vlan", "--verbose"]).exits(0);
    ended
        .says("--flow-hash-bits has no meaning")
        .says("--vlan has no meaning");
}

#[test]
fn a_filter_that_is_wrong_is_shown_with_the_place() {
    let ended = run([HTTP, "--filter", "host 10.0.0.1 and tcp port http8"]).exits(2);
    let lines: Vec<&str> = ended.stderr.lines().collect();
    let shown = lines
        .iter()
        .position(|it| it.contains("  host 10.0.0.1 and tcp port http8"));
    let shown = shown.unwrap_or_else(|| panic!("{ended}"));
    let column = lines[shown + 1]
        .find('^')
        .unwrap_or_else(|| panic!("{ended}"));
    assert_eq!(lines[shown].find("http8"), Some(column), "{ended}");
}

#[test]
fn help_has_headings_and_examples() {
    for option in ["--help", "-h"] {
        let ended = run([option]).exits(0);
        let text = ended.text();
        for part in [
            "What is read:",
            "What is a flow:",
            "The list:",
            "Extraction of packets:",
            "Extraction of streams:",
            "The run:",
            "Examples:",
            "Exit codes:",
            "--flow-5tuple",
            "zcat day.pcap.gz | pcap_flows --stdin",
        ] {
            assert!(text.contains(part), "{part:?} in\n{ended}");
        }
        assert!(
            !text.contains("--window-bytes"),
            "sizes for tests are nobody's business\n{ended}"
        );
        let longest = text.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(100), "{longest:?} columns in\n{ended}");
    }
    let ended = run(["--version"]).exits(0);
    assert_eq!(
        ended.text(),
        concat!("pcap_flows ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

/// Every example of the help is understood. The files are not there: that is all that is wrong.
#[test]
fn examples_of_the_help_are_understood() {
    let help = run(["--help"]).exits(0);
    let examples = help.text().split("Examples:").nth(1).unwrap();
    let lines: Vec<&str> = examples
        .lines()
        .filter(|line| line.trim_start().starts_with("pcap_flows "))
        .collect();
    assert!(lines.len() >= 4, "{help}");
    let folder = tempfile::tempdir().unwrap();
    for line in lines {
        let words = line
            .trim()
            .split("   ")
            .next()
            .unwrap()
            .strip_prefix("pcap_flows ")
            .unwrap();
        // One of them has a quoted filter.
        let quoted: Vec<&str> = words.split('\'').collect();
        let args = quoted
            .iter()
            .enumerate()
            .flat_map(|(place, part)| match place % 2 {
                0 => part.split_whitespace().collect::<Vec<_>>(),
                _ => vec![*part],
            });
        let ended = Program::new()
            .args(args)
            .current_dir(folder.path())
            .run()
            .exits(1);
        ended.says("No such file");
    }
}

#[test]
fn man_page_and_completions_are_generated() {
    let man = run(["--generate", "man"]).exits(0);
    for part in [
        ".TH pcap_flows 1",
        "\\-\\-flow\\-5tuple",
        "FlowID",
        "Exit codes",
    ] {
        assert!(man.text().contains(part), "{part:?} in\n{man}");
    }
    for (kind, part) in [
        ("complete-bash", "complete -F _pcap_flows"),
        ("complete-zsh", "#compdef pcap_flows"),
        ("complete-fish", "complete -c pcap_flows"),
    ] {
        let ended = run(["--generate", kind]).exits(0);
        assert!(ended.text().contains(part), "{part:?} in\n{ended}");
        assert!(ended.text().contains("extract-port"), "{ended}");
    }
    run(["--generate", "man", HTTP]).exits(2);
}

/// Words that only a shell would read otherwise: a capture is a name, whatever it is.
#[test]
fn names_of_captures_may_be_odd() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "with space.pcap",
        "-dash.pcap",
        "--a_b.pcap",
        "ü.pcap",
        "a_b=c_d.pcap",
    ] {
        let path = folder.path().join(name);
        fs::copy(root().join(HTTP), &path).unwrap();
        Program::new()
            .args([&path])
            .run()
            .exits(0)
            .says("66 packets");
        let ended = Program::new()
            .args(["--", name])
            .current_dir(folder.path())
            .run();
        ended.exits(0).says("66 packets");
    }
}

/// A name need not be text.
#[test]
fn a_name_may_have_any_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(OsStr::from_bytes(b"\xff\xfe_.pcap"));
    fs::copy(root().join(HTTP), &path).unwrap();
    let output = folder.path().join(OsStr::from_bytes(b"\xfd_out"));
    let args = [path.as_os_str(), "-o".as_ref(), output.as_os_str()];
    Program::new().args(args).run().exits(0).says("66 packets");
    assert_eq!(fs::read(output).unwrap(), fs::read(path).unwrap());
}

/// File names cannot forge a line in messages, either.
#[test]
fn no_name_forges_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x\npcap_flows: \u{1b}[2Kall is well");
    fs::write(&path, "no capture").unwrap();
    let ended = run([&path]).exits(1);
    assert_eq!(ended.stderr.lines().count(), 1, "{ended}");
    assert!(!ended.stderr.contains('\u{1b}'));
    ended.says("x\\npcap_flows: ");
}

#[test]
fn progress_is_shown_where_it_is_wanted() {
    let ended = run([HTTP, "--progress", "always", "--disable-display"])
        .exits(0)
        .prints_nothing();
    ended
        .says("[03:53:32.924.991.000 100.0%] Flows:6 0.00M Pkts ")
        .says("Gbps : 0.00GB Out:0.00GB");
    let ended = run([HTTP, "--progress", "never", "--disable-display"]).exits(0);
    assert_eq!(ended.stderr.lines().count(), 1, "{ended}");
}

/// The balance adds up in the words of the last line, too.
#[test]
fn the_last_line_is_the_balance() {
    let mut wrong = Complaints::default();
    for capture in captures().iter().filter(|it| !it.refused) {
        let ended = run([capture.name.as_str(), "--disable-display"]);
        let line = ended.stderr.lines().last().unwrap_or_default();
        let (packets, parts) = line.split_once(" packets = ").unwrap_or_default();
        let packets: Option<u64> = packets.rsplit(' ').next().and_then(|it| it.parse().ok());
        // `9 in flows + 2 not IP (2 arp) + 1 malformed (1 short_ip) + 0 filtered; 6 flows`
        let sum: Option<u64> = parts
            .split(';')
            .next()
            .unwrap_or_default()
            .split(" + ")
            .map(|part| part.split(' ').next()?.parse::<u64>().ok())
            .sum();
        if packets.is_none() || packets != sum {
            wrong.add(format!("{}: {line}", capture.name));
        }
    }
    wrong.none();
}

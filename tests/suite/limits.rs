//! What a run may take, and what is said when a capture wants more, or would have others see
//! something else.

use crate::common::program::{Program, run};
use crate::common::{entries, testdata};
use std::fs;
use std::io::Write;
use std::thread;
use testkit::frames;
use testkit::pcap::ByteOrder;
use testkit::pcap::Pcap;
use testkit::pcapng::{interface, packet, section};

const LIMITED: [&str; 4] = ["--disable-display", "--progress", "never", "--memory-limit"];

/// More than any machine has: flows without end.
#[test]
fn a_run_ends_with_a_message_before_memory_does() {
    let folder = tempfile::tempdir().unwrap();
    let outputs = ["out.pcap", "stats.json"].map(|name| folder.path().join(name));
    let (reader, mut end) = std::io::pipe().unwrap();
    let program = Program::new().args(LIMITED).args(["256M", "-", "-o"]);
    let program = program.args([
        outputs[0].as_os_str(),
        "--stats".as_ref(),
        outputs[1].as_os_str(),
    ]);
    let running = program.start_with(reader);
    let feeder = thread::spawn(move || {
        let mut capture = Pcap::COMMON.file_header();
        for number in 0_u32.. {
            let [a, b, c, d] = number.to_be_bytes();
            let mut frame = frames::udp_frame((1, 2), (1000, 53), 0);
            frame[26..30].copy_from_slice(&[10 + a, b, c, d]);
            capture.extend(Pcap::COMMON.record((1_700_000_000, 0), 42, &frame));
            if capture.len() > 1 << 20 {
                // Until nobody reads any more.
                if end.write_all(&capture).is_err() {
                    return number;
                }
                capture.clear();
            }
        }
        0
    });
    let ended = running.wait().exits(1).prints_nothing();
    ended
        .says("more than 256 MiB of memory are in use, which is the limit")
        .says("--memory-limit");
    assert!(entries(folder.path()).is_empty());
    assert!(feeder.join().unwrap() > 1_000_000, "what was read of it");
}

/// What no run can keep within: whatever it does.
#[test]
fn every_kind_of_run_keeps_to_the_limit() {
    let http = testdata("recorded/http.pcap");
    let http = http.to_str().unwrap();
    for args in [
        vec![http, "--format", "csv"],
        vec![http, "-o", "out.pcap"],
        vec![
            http,
            "--extract-tcp-all",
            "-o",
            "out/",
            "--manifest",
            "out.csv",
        ],
        vec![http, "--extract-tcp-all", "-o", "out.tar"],
        vec![http, "--verify", "--stats", "stats.json"],
        vec!["index", http, "-o", "day.idx"],
    ] {
        let folder = tempfile::tempdir().unwrap();
        let program = Program::new().current_dir(folder.path()).args(&args);
        let ended = program.args(["--memory-limit", "1K"]).run().exits(1);
        let ended = ended
            .says("more than 1 KiB of memory are in use")
            .prints_nothing();
        assert!(entries(folder.path()).is_empty(), "{ended}");
    }
}

#[test]
fn a_limit_that_is_not_reached_changes_nothing() {
    let http = testdata("recorded/http.pcap");
    let plain = run([http.as_os_str()]).exits(0);
    let limited = Program::new().args([http.as_os_str()]);
    let limited = limited.args(["--memory-limit", "2G"]).run().exits(0);
    assert_eq!(plain.stdout, limited.stdout);
    let wrong = run([http.to_str().unwrap(), "--memory-limit", "much"]).exits(2);
    wrong.says("512M or 2G");
}

/// Few enough bytes that any run has more.
#[test]
fn a_limit_has_the_units_of_sizes() {
    let http = testdata("recorded/http.pcap");
    for (limit, told) in [
        ("1k", "1 KiB"),
        ("0.5K", "512 bytes"),
        ("0.001MiB", "1 KiB"),
        ("0.0005M", "524 bytes"),
        ("0.0005MB", "500 bytes"),
        ("1kB", "1000 bytes"),
        ("1000", "1000 bytes"),
        ("0x400", "1 KiB"),
    ] {
        let program = Program::new().args([http.to_str().unwrap(), "--memory-limit", limit]);
        let told = format!("more than {told} of memory are in use");
        program.run().exits(1).says(&told);
    }
}

/// All that there can be, each with a packet: told one by one, they would be all that is seen.
#[test]
fn link_types_that_are_not_decoded_are_told_in_few_lines() {
    let types = 400..10_400_u16;
    let order = ByteOrder::Little;
    let mut capture = section(order);
    for link_type in types.clone() {
        capture.extend(interface(order, link_type, None, None));
    }
    for number in 0..u16::try_from(types.len()).unwrap() {
        capture.extend(packet(order, false, number, 0, 4, b"what"));
    }
    let ended = Program::new()
        .args(["-"])
        .input(&capture, 1 << 16)
        .run()
        .exits(0);
    let ended = ended
        .says("1 packet of link type 400, which is not decoded: the first is packet 1 at byte ")
        .says("9980 packets of 9980 further link types, which are not decoded")
        .says("10000 packets = 0 in flows + 10000 not IP (10000 link_type)");
    assert!(ended.stderr.lines().count() < 30, "{ended}");
}

/// Whoever may choose a name could make the terminal say anything else.
#[test]
fn names_of_files_do_not_speak_to_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let name = "a\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m.pcap";
    let path = folder.path().join(name);
    fs::write(&path, "no capture").unwrap();
    let ended = run([path.as_os_str()]).exits(1);
    let ended = ended.says("a\\u{1b}[2J\\u{1b}]0;title\\u{7}\\u{9b}31m.pcap: not a capture");
    let harmless = |it: char| !it.is_control() || it == '\n';
    assert!(ended.stderr.chars().all(harmless), "{ended}");
}

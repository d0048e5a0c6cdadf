//! Which streams are written: by FlowID, port, protocol and filter, from files and pipes; and what
//! is said where the options make no sense.

use crate::common::program::{Program, run};
use crate::common::reading::parse;
use crate::common::streams::{
    Extracted, QUIET, extracted, files_in, slashed, streams, streams_of_files, tcp_streams,
};
use crate::common::{entries, root};
use std::fs;
use testkit::conversation::{CLIENT, Ends, Trace, content};
use testkit::pcap::Pcap;

/// Three connections to port 80 with a flow in each direction, from ports 41001 to 41003.
const HTTP: &str = "testdata/recorded/http.pcap";
/// Questions and answers over UDP from ports 43001 to 43011, and two over TCP.
const DNS: &str = "testdata/recorded/dns.pcap";

fn select(capture: &str, options: &[&str]) -> Extracted {
    streams_of_files(&[capture], options)
}

/// The client's ports of the streams that were written, one for each stream.
fn client_ports(extracted: &Extracted) -> Vec<u16> {
    let port = |name: &str, end: usize| -> u16 {
        let end = name.split('-').nth(end).unwrap_or_default();
        end.split('.').nth(4).unwrap().parse().unwrap()
    };
    let names = extracted.files.keys();
    let mut ports: Vec<u16> = names.map(|it| port(it, 0).max(port(it, 1))).collect();
    ports.sort_unstable();
    ports
}

#[test]
fn by_flow_id() {
    let first = "10.77.0.1.41001-10.77.0.2.80.tcp";
    let second = "10.77.0.2.80-10.77.0.1.41001.tcp";
    assert_eq!(select(HTTP, &["--extract-tcp", "1"]).names(), [first]);
    assert_eq!(select(HTTP, &["--extract-tcp", "2"]).names(), [second]);
    let several = select(HTTP, &["--extract-tcp", "5-6", "--extract-tcp", "1"]);
    assert_eq!(client_ports(&several), [41001, 41003, 41003]);
    let all = select(HTTP, &["--extract-tcp-all"]);
    assert_eq!(several.file(first), all.file(first));
    let small = ["--window-bytes", "1", "--extract-tcp", "2,5"];
    assert_eq!(client_ports(&select(HTTP, &small)), [41001, 41003]);
    assert_eq!(select(HTTP, &small).file(second), all.file(second));
}

/// Three connections between the same endpoints, each of a flow of its own: by MAC addresses, or
/// by an idle timeout. Whichever of them is asked for, and however the capture is read, it is the
/// one of its flow.
#[test]
fn by_flow_id_among_several_flows_of_the_same_endpoints() {
    let folder = tempfile::tempdir().unwrap();
    let contents = [&b"first"[..], b"second", b"third"];
    for (taps, options) in [([0, 1, 2], &[][..]), ([0, 0, 0], &["--idle-timeout", "2"])] {
        let mut capture = Pcap::COMMON.file_header();
        for ((content, tap), number) in contents.into_iter().zip(taps).zip(0_u32..) {
            let (ends, start) = (Ends { tap, ..CLIENT }, 1000 + 500_000_000 * number);
            let fin = start + 1 + u32::try_from(content.len()).unwrap();
            for segment in [
                ends.syn(start),
                ends.data(start + 1, content),
                ends.fin(fin),
            ] {
                let (time, frame) = ((1_700_000_000 + 10 * number, 0), segment.frame());
                let len = u32::try_from(frame.len()).unwrap();
                capture.extend(Pcap::COMMON.record(time, len, &frame));
            }
        }
        let path = folder.path().join("capture.pcap");
        fs::write(&path, capture).unwrap();
        for (id, content) in ["1", "2", "3"].into_iter().zip(contents) {
            for window in ["1", "200", "100000000"] {
                let args = ["--extract-tcp", id, "--window-bytes", window];
                let found = select(path.to_str().unwrap(), &[&args, options].concat());
                let files: Vec<&Vec<u8>> = found.files.values().collect();
                assert_eq!(
                    files,
                    [content],
                    "FlowID {id}, windows of {window}, {options:?}"
                );
            }
        }
    }
}

/// Notices are about what was asked for, whatever else the capture holds.
#[test]
fn notices_do_not_depend_on_windows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("capture.pcap");
    let (asked, other) = (CLIENT, CLIENT.with_port(50_000));
    let mut frames: Vec<Vec<u8>> = Vec::new();
    for ends in [asked, other, other, other, asked] {
        let mut frame = ends.data(5, []).frame();
        // A TCP header that claims to be shorter than any is.
        let offset = frame.len() - 8;
        frame[offset] = 0x30;
        frames.extend([ends.syn(4).frame(), frame]);
    }
    fs::write(&path, Pcap::COMMON.file(frames)).unwrap();
    let whole = "2 packets end inside their TCP or UDP header";
    for window in ["1", "100", "100000000"] {
        let output = slashed(&folder.path().join("out"));
        let program = Program::new()
            .args(QUIET)
            .args(["--extract-tcp", "1", "-o"]);
        let program = program.args([&output, &path]);
        program
            .args(["--window-bytes", window])
            .run()
            .exits(0)
            .says(whole);
    }
}

#[test]
fn udp_by_flow_id() {
    let one = select(DNS, &["--extract-udp", "3"]);
    let all = select(DNS, &["--extract-udp-all"]);
    let (name, bytes) = one.files.first_key_value().unwrap();
    assert_eq!((one.files.len(), one.row(name)), (1, all.row(name)));
    assert_eq!(bytes, all.file(name));
    assert_eq!(one.row(name)["flow_id"], "3");
}

#[test]
fn by_port() {
    let server = select(HTTP, &["--extract-tcp-port", "80", "80"]);
    assert_eq!(server.files, select(HTTP, &["--extract-tcp-all"]).files);
    let range = select(HTTP, &["--extract-tcp-port", "41002", "41003"]);
    assert_eq!(client_ports(&range), [41002, 41002, 41003, 41003]);
    let two = ["--extract-tcp-port", "41001", "41001"];
    let two = [&two[..], &["--extract-tcp-port", "41003", "50000"]].concat();
    assert_eq!(
        client_ports(&select(HTTP, &two)),
        [41001, 41001, 41003, 41003]
    );
    let with_id = ["--extract-tcp-port", "41003", "41003", "--extract-tcp", "1"];
    assert_eq!(client_ports(&select(HTTP, &with_id)), [41001, 41003, 41003]);
    assert_eq!(
        select(HTTP, &["--extract-tcp-port", "81", "40000"])
            .names()
            .len(),
        0
    );
}

#[test]
fn without_ports() {
    let all = ["--extract-tcp-all", "--disable-tcp-port", "41001", "41002"];
    assert_eq!(client_ports(&select(HTTP, &all)), [41003, 41003]);
    let more = [&all[..], &["--disable-tcp-port", "41003", "41003"]].concat();
    assert_eq!(select(HTTP, &more).names().len(), 0);
    let port = [
        "--extract-tcp-port",
        "80",
        "80",
        "--disable-tcp-port",
        "41001",
        "41001",
    ];
    assert_eq!(
        client_ports(&select(HTTP, &port)),
        [41002, 41002, 41003, 41003]
    );
}

#[test]
fn udp_by_port() {
    let all = select(DNS, &["--extract-udp-all"]);
    assert!(all.names().len() > 10);
    assert!(all.names().iter().all(|name| name.ends_with(".udp")));
    assert_eq!(
        select(DNS, &["--extract-udp-port", "53", "53"]).files,
        all.files
    );
    let two = select(DNS, &["--extract-udp-port", "43001", "43002"]);
    assert_eq!(client_ports(&two), [43001, 43001, 43002, 43002]);
    let without = ["--extract-udp-all", "--disable-udp-port", "43002", "65535"];
    assert_eq!(client_ports(&select(DNS, &without)), [43001, 43001]);
}

#[test]
fn protocols_do_not_mix() {
    let tcp = select(DNS, &["--extract-tcp-all"]);
    assert!(!tcp.files.is_empty() && tcp.names().iter().all(|it| it.ends_with(".tcp")));
    let udp = select(DNS, &["--extract-udp-all"]);
    let both = select(DNS, &["--extract-tcp-all", "--extract-udp-all"]);
    assert_eq!(both.files.len(), tcp.files.len() + udp.files.len());
    let (tcp_port, udp_port) = ("--extract-tcp-port", "--extract-udp-port");
    let ports = select(DNS, &[tcp_port, "53", "53", udp_port, "43001", "43001"]);
    assert_eq!(ports.files.len(), tcp.files.len() + 2);
}

#[test]
fn a_filter_holds_for_all_criteria() {
    let port = |options: &[&str]| client_ports(&select(HTTP, options));
    let filter = ["--filter", "port 41001 or port 41002"];
    let all = [&["--extract-tcp-all"], &filter[..]].concat();
    assert_eq!(port(&all), [41001, 41001, 41002, 41002]);
    let one_way = ["--extract-tcp-all", "--filter", "src port 80"];
    let one_way = select(HTTP, &one_way);
    assert_eq!(client_ports(&one_way), [41001, 41002, 41003]);
    let whole = select(HTTP, &["--extract-tcp-all"]);
    for (name, bytes) in &one_way.files {
        assert_eq!(bytes, whole.file(name), "{name}");
        assert_eq!(
            one_way.row(name),
            whole.row(name),
            "FlowIDs are those without the filter"
        );
    }
    let ids = [&["--extract-tcp", "2,3"], &["--filter", "src port 80"][..]].concat();
    let ids = select(HTTP, &ids);
    assert_eq!(client_ports(&ids), [41001]);
    let excluded = ["--extract-tcp-all", "--exclude-ip", "10.77.0.2"];
    assert_eq!(select(HTTP, &excluded).names().len(), 0);
}

#[test]
fn short_streams_can_be_left_out() {
    let trace = Trace::of([
        CLIENT.data(1, "12345"),
        CLIENT.reversed().data(1, "1234567"),
        CLIENT.with_port(40_001).syn(7),
    ]);
    let count = |least: &str| {
        let extracted = tcp_streams(&trace, &["--flow-size-min", least]);
        (extracted.files.len(), extracted.manifest.len())
    };
    assert_eq!(count("0"), (2, 3), "streams without bytes have no file");
    assert_eq!(count("1"), (2, 2));
    assert_eq!(count("5"), (2, 2));
    assert_eq!(count("6"), (1, 1));
    assert_eq!(count("7"), (1, 1));
    assert_eq!(count("8"), (0, 0));
    let udp = Trace::of([CLIENT.datagram("123"), CLIENT.datagram("45")]);
    let count = |least| {
        streams(&udp, &["--extract-udp-all", "--flow-size-min", least])
            .names()
            .len()
    };
    assert_eq!((count("5"), count("6")), (1, 0));
}

#[test]
fn the_first_packets_only() {
    let trace = Trace::of(["one ", "two ", "three"].map(|it| CLIENT.datagram(it)));
    for (count, expected) in [("1", "one "), ("2", "one two "), ("9", "one two three")] {
        let extracted = streams(&trace, &["--extract-udp-all", "--packet-max", count]);
        assert_eq!(extracted.file(&CLIENT.name("udp")), expected.as_bytes());
    }
}

/// Also those that were written before it showed that they stay short.
#[test]
fn short_streams_are_left_out_wherever_they_are_by_then() {
    let mut trace = Trace::of([CLIENT.syn(0), CLIENT.data(1, content(1, 20_000))]);
    trace.add(CLIENT.with_port(40_001).data(1, content(2, 40_000)));
    for window in ["1", "1000000"] {
        for gaps in ["skip", "split"] {
            let options = ["--flow-size-min", "30000", "--window-bytes", window];
            let options = [&options[..], &["--gaps", gaps]].concat();
            let extracted = tcp_streams(&trace, &options);
            assert_eq!(extracted.names(), [CLIENT.with_port(40_001).name("tcp")]);
        }
    }
}

/// Bytes count, and not what gaps or headers make of them.
#[test]
fn the_least_size_is_that_of_the_payload() {
    let trace = Trace::of([
        CLIENT.syn(0),
        CLIENT.data(1, "12345"),
        CLIENT.data(1000, "67"),
    ]);
    for options in [
        &["--gaps", "zero"][..],
        &["--tcpheader"],
        &["--output-pcap"],
    ] {
        let count = |least| {
            let size = ["--flow-size-min", least];
            tcp_streams(&trace, &[&size, options].concat())
                .names()
                .len()
        };
        assert_eq!((count("7"), count("8")), (1, 0), "{options:?}");
    }
}

// Where packets come from.

#[test]
fn a_pipe_gives_the_same_streams() {
    for (capture, options) in [
        (HTTP, vec!["--extract-tcp-all"]),
        (HTTP, vec!["--extract-tcp", "2,5-6"]),
        (
            HTTP,
            vec![
                "--extract-tcp-port",
                "41002",
                "41002",
                "--filter",
                "src port 80",
            ],
        ),
        (
            DNS,
            vec!["--extract-udp-all", "--extract-tcp-port", "53", "53"],
        ),
        (
            "testdata/recorded/lossy-client.pcap",
            vec!["--extract-tcp-all"],
        ),
    ] {
        let expected = select(capture, &options);
        let bytes = fs::read(root().join(capture)).unwrap();
        for input in ["--stdin", "-"] {
            let program = Program::new().args([input]).args(&options);
            let piped = extracted(program.input(&bytes, 999));
            assert!(piped.files == expected.files, "{capture} {options:?}");
            assert_eq!(piped.manifest, expected.manifest, "{capture} {options:?}");
        }
    }
}

/// `< capture.pcap`
#[test]
fn standard_input_may_be_a_file() {
    let expected = select(HTTP, &["--extract-tcp-all"]).files;
    for name in ["--stdin", "-", "/dev/stdin"] {
        let folder = tempfile::tempdir().unwrap();
        let output = slashed(&folder.path().join("out"));
        let program = Program::new()
            .args(QUIET)
            .args([name, "--extract-tcp-all", "-o"]);
        let file = fs::File::open(root().join(HTTP)).unwrap();
        program.args([&output]).start_with(file).wait().exits(0);
        assert_eq!(files_in(&output), expected, "{name}");
    }
}

#[test]
fn a_stream_goes_on_in_the_next_capture() {
    for capture in [HTTP, "testdata/recorded/lossy-server.pcap"] {
        let bytes = fs::read(root().join(capture)).unwrap();
        let parsed = parse(&bytes);
        let folder = tempfile::tempdir().unwrap();
        for count in [2, 7] {
            let parts = parsed.cut(&bytes, count).into_iter().enumerate();
            let paths = parts.map(|(number, part)| {
                let path = folder.path().join(format!("{count}-{number}.pcap"));
                fs::write(&path, part).unwrap();
                path
            });
            let paths: Vec<_> = paths.collect();
            let expected = select(capture, &["--extract-tcp-all"]);
            let parts = streams_of_files(&paths, &["--extract-tcp-all"]);
            assert!(parts.files == expected.files, "{capture} in {count}");
            assert_eq!(parts.manifest, expected.manifest, "{capture} in {count}");
            // The last of them through a pipe.
            let (last, others) = paths.split_last().unwrap();
            let program = Program::new().args(others).args(["-", "--extract-tcp-all"]);
            let piped = extracted(program.input(&fs::read(last).unwrap(), 999));
            assert!(
                piped.files == expected.files,
                "{capture} in {count}, with a pipe"
            );
            assert_eq!(piped.manifest, expected.manifest);
        }
    }
}

#[test]
fn spellings_with_underscores_are_known() {
    let folder = tempfile::tempdir().unwrap();
    let output = slashed(folder.path());
    let port = ["--extract_tcp_port", "41001", "41001", "--disable_display"];
    run([&[HTTP, "--output_tcp", output.to_str().unwrap()], &port[..]].concat()).exits(0);
    assert_eq!(entries(folder.path()).len(), 2);
}

// Wrong usage.

#[test]
fn options_that_make_no_sense_are_wrong_usage() {
    for (options, said) in [
        (vec!["--extract-tcp-all"], "--output-tcp DIR/"),
        (vec!["--extract-udp-port", "53", "53"], "--output-udp DIR/"),
        (
            vec!["--extract-tcp-all", "-o", "never/", "--output-udp", "x/"],
            "--extract-udp-all",
        ),
        (vec!["--output-tcp", "never/"], "--extract-tcp-port"),
        (
            vec!["--disable-tcp-port", "1", "2", "-o", "never/"],
            "--extract-tcp-all",
        ),
        (vec!["--manifest", "never.csv"], "--extract-tcp-all"),
        (vec!["--tcpheader", "-o", "never/"], "--extract-tcp-all"),
        (vec!["--output-pcap", "-o", "never/"], "--extract-tcp-all"),
        (vec!["--name-template", "{flow_id}"], "--extract-tcp-all"),
        (vec!["--extract-tcp", "0", "-o", "never/"], "0"),
        (vec!["--extract-tcp", "some", "-o", "never/"], "some"),
        (vec!["--extract-tcp-port", "80", "-o", "never/"], "2 values"),
        (
            vec!["--extract-tcp-port", "90", "80", "-o", "never/"],
            "90 80",
        ),
        (
            vec!["--extract-tcp-port", "0", "65536", "-o", "never/"],
            "65536",
        ),
    ] {
        let ended = run([&[HTTP], &options[..]].concat()).exits(2);
        ended.prints_nothing().says(said);
    }
    for (options, said) in [
        (vec!["--disable-udp-port", "1", "2"], "--extract-udp-all"),
        (vec!["--disable-tcp-port", "2", "1"], "2 1"),
        (vec!["--gaps", "fill"], "split"),
        (vec!["--overlap", "both"], "first"),
        (vec!["--tcpheader=long"], "extended"),
        (vec!["--output-pcap", "--tcpheader"], "--tcpheader"),
        (vec!["--name-style", "short"], "fmadio"),
        (
            vec!["--name-template", "{src_ip}"],
            "does not tell streams apart",
        ),
        (vec!["--name-template", "../{flow_id}"], "'/'"),
        (vec!["--name-template", "{id}"], "{flow_id}"),
        (
            vec!["--name-template", "{flow_id}", "--name-style", "fmadio"],
            "--name-style",
        ),
        (vec!["--manifest", "never.txt"], ".csv or .json"),
        (vec!["--flow-size-min=-1"], "--flow-size-min"),
        (vec!["--flow-size-min", "few"], "few"),
        (vec!["--reassembly-memory", "much"], "512M"),
        (vec!["--manifest", "-"], ".csv"),
    ] {
        let all = [HTTP, "--extract-tcp-all", "-o", "never/"];
        let ended = run([&all, &options[..]].concat()).exits(2);
        ended.prints_nothing().says(said);
    }
    for name in ["never", "never.csv", "never.txt"] {
        assert!(!root().join(name).exists(), "nothing was made");
    }
}

#[test]
fn two_outputs_of_one_name_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name).display().to_string();
    let (tar, csv) = (place("out.tar"), place("out.csv"));
    for options in [
        vec!["-o", "-", "--output-tcp", "-"],
        vec!["--output-tcp", &tar, "--stats", &tar],
        vec!["-o", &tar, "--extract", "1", "--output-tcp", &tar],
        vec!["--output-tcp", &tar, "--manifest", &csv, "--stats", &csv],
    ] {
        let all = [HTTP, "--extract-tcp-all"];
        let ended = run([&all, &options[..]].concat());
        let code = ended.status.code();
        assert!(matches!(code, Some(1 | 2)), "one would be lost\n{ended}");
        assert!(entries(folder.path()).is_empty(), "{ended}");
    }
}

#[test]
fn a_flow_id_that_does_not_exist_fails_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let output = slashed(&folder.path().join("out"));
    let manifest = folder.path().join("streams.csv");
    for ids in ["7", "1,9-12"] {
        let program = Program::new()
            .args(QUIET)
            .args([HTTP, "--extract-tcp", ids]);
        let program = program.args(["-o".as_ref(), output.as_os_str()]);
        let ended = program
            .args(["--manifest".as_ref(), manifest.as_os_str()])
            .run();
        let ended = ended
            .exits(1)
            .says("no FlowID")
            .says("6 flows, FlowIDs 1 to 6");
        let left = entries(folder.path());
        assert!(left.is_empty(), "{left:?} is left\n{ended}");
    }
}

/// As it is where packets are extracted.
#[test]
fn a_flow_id_that_the_filter_keeps_out_is_told() {
    let filter = ["--filter", "src port 80", "--extract-tcp", "2,3"];
    let extracted = select(HTTP, &filter);
    assert_eq!(extracted.files.len(), 1);
    extracted.ended.says("the filter keeps out FlowID 3");
}

#[test]
fn a_flow_id_without_a_stream_is_told() {
    let icmp = select("testdata/recorded/icmp.pcap", &["--extract-tcp", "1"]);
    assert!(icmp.files.is_empty());
    icmp.ended.says("FlowID 1 has no such stream");
    let udp = select(DNS, &["--extract-tcp", "1"]);
    assert!(udp.files.is_empty());
    udp.ended.says("FlowID 1 has no such stream");
    // Seen with another VLAN later: the same stream.
    let moved = Ends {
        vlan: Some(7),
        ..CLIENT
    };
    let trace = Trace::of([CLIENT.data(1, "one"), moved.data(4, "two")]);
    let second = streams(&trace, &["--extract-tcp", "2"]);
    assert!(second.files.is_empty());
    second.ended.says("FlowID 2 has no stream of its own");
}

/// The other direction, and other flows between the same endpoints, have a say in a stream also
/// where they are not asked for and stand in earlier windows.
#[test]
fn what_came_before_a_flow_counts_whatever_the_windows() {
    let (client, server) = (CLIENT, CLIENT.reversed());
    let trace = Trace::of([
        client.syn(1000).frame(),
        server.syn_ack(5000, 1000).frame(),
        client.data(1001, "question").frame(),
        server.data(5001, "an").frame(),
        // The client has seen what was not captured.
        client.data(1009, "").frame(),
        server.rst(5020).frame(),
    ]);
    for ids in ["1", "2", "1-2"] {
        let options = ["--extract-tcp", ids];
        let whole = streams(&trace, &options);
        assert!(!whole.manifest.is_empty());
        for window in ["1", "70", "100", "200"] {
            let some = streams(
                &trace,
                &[&options[..], &["--window-bytes", window]].concat(),
            );
            assert_eq!(
                some.manifest, whole.manifest,
                "{ids} in windows of {window}"
            );
            assert_eq!(some.files, whole.files, "{ids} in windows of {window}");
        }
    }
}

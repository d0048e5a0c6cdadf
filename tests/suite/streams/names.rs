//! What the files of streams are called.

use crate::common::entries;
use crate::common::program::{Program, number, rows};
use crate::common::streams::{
    Extracted, QUIET, assert_same, files_in, files_of_archive, run_in, streams_of_files,
    tcp_streams,
};
use std::fs;
use testkit::conversation::{CLIENT, Ends, Trace, connections, content, segments};

const HTTP: &str = "testdata/recorded/http.pcap";
const IPV6: &str = "testdata/recorded/ipv6.pcapng";

fn all_of(capture: &str, options: &[&str]) -> Extracted {
    let all = ["--extract-tcp-all", "--extract-udp-all"];
    streams_of_files(&[capture], &[&all, options].concat())
}

#[test]
fn names_are_addresses_and_ports() {
    let expected = [
        "10.77.0.1.41001-10.77.0.2.80.tcp",
        "10.77.0.1.41002-10.77.0.2.80.tcp",
        "10.77.0.1.41003-10.77.0.2.80.tcp",
        "10.77.0.2.80-10.77.0.1.41001.tcp",
        "10.77.0.2.80-10.77.0.1.41002.tcp",
        "10.77.0.2.80-10.77.0.1.41003.tcp",
    ];
    assert_eq!(all_of(HTTP, &[]).names(), expected);
}

#[test]
fn names_of_ipv6_have_no_colons() {
    let names = all_of(IPV6, &[]);
    let expected = [
        "fd77__1.41011-fd77__2.80.tcp",
        "fd77__1.41012-fd77__2.80.tcp",
        "fd77__2.80-fd77__1.41011.tcp",
        "fd77__2.80-fd77__1.41012.tcp",
    ];
    assert_eq!(names.names(), expected);
    assert_eq!(names.row(expected[0])["src_ip"], "fd77::1");
}

#[test]
fn later_connections_have_a_number() {
    let trace = connections(CLIENT, &["one", "two", "three"]);
    let extracted = tcp_streams(&trace, &[]);
    let name = CLIENT.name("tcp");
    let later = [2, 3].map(|number| format!("{name}.{number}"));
    assert_eq!(extracted.names(), [&name, &later[0], &later[1]]);
    assert_eq!(extracted.file(&later[1]), b"three");
    for (file, connection) in [(&name, "1"), (&later[0], "2"), (&later[1], "3")] {
        assert_eq!(
            extracted.columns(file, ["flow_id", "connection"]),
            ["1", connection]
        );
    }
}

/// As pcap_flow calls them: <https://github.com/fmadio/pcap_flow>.
#[test]
fn names_as_pcap_flow_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let options = [
        "--extract-tcp",
        "1",
        "--name-style",
        "fmadio",
        "-o",
        "port80",
    ];
    run_in(folder.path(), HTTP, &options);
    let name = "port80_02:00:00:00:00:01->02:00:00:00:00:02\
                _ 10. 77.  0.  1-> 10. 77.  0.  2_ 41001->    80";
    assert_eq!(entries(folder.path()), [name]);
}

#[test]
fn names_by_a_template() {
    let tagged = Ends {
        vlan: Some(100),
        ..CLIENT
    };
    let trace = connections(tagged, &["one", "two"]);
    let names = |template: &str, options: &[&str]| {
        let options = [
            &["--name-template", template, "--flow-size-min", "1"],
            options,
        ]
        .concat();
        tcp_streams(&trace, &options)
            .files
            .into_keys()
            .collect::<Vec<_>>()
    };
    assert_eq!(names("{flow_id}.{ext}", &[]), ["1.tcp", "1.tcp.2"]);
    assert_eq!(
        names("{flow_id}.{ext}", &["--output-pcap"]),
        ["1.tcp.2.pcap", "1.tcp.pcap"]
    );
    assert_eq!(names("{flow_id}-{connection}", &[]), ["1-1", "1-2"]);
    let all = "{src_ip},{src_port},{dst_ip},{dst_port},{protocol},{vlan},{src_mac},{dst_mac}";
    let expected = "10.0.0.1,40000,10.0.0.2,80,tcp,100,02-00-00-00-00-01,02-00-00-00-00-02";
    assert_eq!(names(all, &[])[0], expected);
    let first = [Trace::time_ns(0), Trace::time_ns(5)].map(|it| format!("1 at {it} {{}}"));
    assert_eq!(
        names("{flow_id} at {first_ns} {{}}", &[]),
        [first[0].clone(), first[1].clone() + ".2"]
    );
}

/// Asserts that each of two streams has a file of its own, or that the options are refused before
/// anything is read.
#[track_caller]
fn assert_apart(trace: &Trace, options: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("capture.pcap");
    fs::write(&capture, trace.file()).unwrap();
    fs::create_dir(folder.path().join("there")).unwrap();
    let list = folder.path().join("list.csv");
    for name in ["new/", "there/", "out.tar"] {
        let program = Program::new().current_dir(folder.path()).args(QUIET);
        let program = program.args(["--extract-tcp-all", "--extract-udp-all", "-o", name]);
        let program = program.args(["--manifest".as_ref(), list.as_os_str()]);
        let ended = program.args([&capture]).args(options).run();
        let output = folder.path().join(name);
        // Whatever comes of it: what is listed is there.
        if list.exists() && name != "out.tar" {
            for row in rows(&fs::read_to_string(&list).unwrap()) {
                let len = fs::metadata(folder.path().join(&row["file"])).map(|it| it.len());
                let bytes = u64::try_from(number(&row, "bytes")).unwrap();
                assert_eq!(len.ok(), Some(bytes), "{row:?} is there\n{ended}");
            }
        }
        if ended.status.code() == Some(2) {
            continue;
        }
        let ended = ended.exits(0);
        let found: Vec<(String, Vec<u8>)> = if output.is_dir() {
            files_in(&output).into_iter().collect()
        } else {
            files_of_archive(&output)
        };
        let [(one, _), (two, _)] = &found[..] else {
            panic!("two streams: {found:?}\n{ended}");
        };
        assert_ne!(one, two, "unpacked, one is lost\n{ended}");
    }
}

/// Both directions of a conversation are one flow: its FlowID alone does not tell them apart.
#[test]
fn directions_have_names_of_their_own() {
    let trace = Trace::of([
        CLIENT.data(1, "question"),
        CLIENT.reversed().data(1, "answer"),
    ]);
    assert_apart(&trace, &["--bidirectional", "--name-template", "{flow_id}"]);
}

#[test]
fn protocols_have_names_of_their_own() {
    let trace = Trace::of([
        CLIENT.data(1, "segment").frame(),
        CLIENT.datagram("datagram"),
    ]);
    let ends = "{src_ip}.{src_port}-{dst_ip}.{dst_port}";
    assert_apart(&trace, &["--name-template", ends]);
    assert_apart(&trace, &["--name-style", "fmadio"]);
}

/// Clocks may be set back while a stream is written: its name stays.
#[test]
fn a_time_in_a_name_does_not_split_a_stream() {
    let folder = tempfile::tempdir().unwrap();
    let content = content(1, 100_000);
    let pieces = segments(CLIENT, 1, &content, 20_000);
    let (early, late) = pieces.split_at(3);
    let before = (0..9).map(|_| CLIENT.with_port(1).data(1, "x"));
    // Each trace starts at the same time.
    let traces = [
        Trace::of(before.chain(early.to_vec())),
        Trace::of(late.to_vec()),
    ];
    let paths = [0, 1].map(|number: usize| {
        let path = folder.path().join(format!("{number}.pcap"));
        fs::write(&path, traces[number].file()).unwrap();
        path
    });
    let template = "{flow_id} {first_ns}";
    for window in ["1", "10000000"] {
        let options = ["--name-template", template, "--window-bytes", window];
        let options = [&["--extract-tcp-port", "80", "80"], &options[..]].concat();
        let options = [&options[..], &["--flow-size-min", "2"]].concat();
        let extracted = streams_of_files(&paths, &options);
        let [name] = extracted.names()[..] else {
            panic!("one stream: {:?}", extracted.names());
        };
        assert_same(extracted.file(name), &content, name);
        assert_eq!(extracted.columns(name, ["flow_id", "gaps"]), ["2", "0"]);
        assert!(name.starts_with("2 17000000000000"), "{name}");
    }
}

//! Where streams go, and what their files are called.

use crate::common::program::{Program, Row, number, rows, run};
use crate::common::reading::parse;
use crate::common::streams::{
    Extracted, QUIET, files_in, files_of_archive, manifest_rows, run_in, slashed, streams,
    streams_of_files, tcp_streams,
};
use crate::common::{entries, root};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use testkit::conversation::{CLIENT, Ends, Trace, connections, content, segments};

const HTTP: &str = "testdata/recorded/http.pcap";
const DNS: &str = "testdata/recorded/dns.pcap";
const IPV6: &str = "testdata/recorded/ipv6.pcapng";

fn all_of(capture: &str, options: &[&str]) -> Extracted {
    let all = ["--extract-tcp-all", "--extract-udp-all"];
    streams_of_files(&[capture], &[&all, options].concat())
}

// Directories and prefixes.

#[test]
fn a_directory_is_made_with_those_around_it() {
    let folder = tempfile::tempdir().unwrap();
    run_in(folder.path(), HTTP, &["--extract-tcp-all", "-o", "a/b/c/"]);
    let expected = all_of(HTTP, &[]);
    assert_eq!(files_in(&folder.path().join("a/b/c")), expected.files);
    assert_eq!(entries(folder.path()), ["a"]);
    assert_eq!(entries(&folder.path().join("a/b")), ["c"]);
}

#[test]
fn a_directory_that_exists_needs_no_slash() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.d");
    fs::create_dir(&output).unwrap();
    fs::write(output.join("other"), "stays").unwrap();
    run_in(folder.path(), HTTP, &["--extract-tcp-all", "-o", "out.d"]);
    let mut expected = all_of(HTTP, &[]).files;
    expected.insert("other".to_owned(), b"stays".to_vec());
    assert_eq!(files_in(&output), expected);
}

/// A directory stays one, whatever its name.
#[test]
fn a_directory_may_be_called_like_an_archive() {
    let expected = all_of(HTTP, &[]).files;
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("one.tar")).unwrap();
    for output in ["one.tar", "two.tar/"] {
        run_in(folder.path(), HTTP, &["--extract-tcp-all", "-o", output]);
        assert_eq!(files_in(&folder.path().join(output)), expected);
    }
}

#[test]
fn anything_else_is_a_prefix_of_names() {
    let expected = all_of(HTTP, &[]).files;
    let folder = tempfile::tempdir().unwrap();
    for (output, directory, prefix) in [
        ("here_", "", "here_"),
        ("./near_", "", "near_"),
        ("new/port80_", "new", "port80_"),
        ("new/.hidden", "new", ".hidden"),
    ] {
        run_in(folder.path(), HTTP, &["--extract-tcp-all", "-o", output]);
        for (name, content) in &expected {
            let path = folder
                .path()
                .join(directory)
                .join(format!("{prefix}{name}"));
            assert_eq!(&fs::read(&path).unwrap(), content, "{}", path.display());
        }
    }
    assert_eq!(entries(folder.path()).len(), 2 * expected.len() + 1);
    assert_eq!(
        entries(&folder.path().join("new")).len(),
        2 * expected.len()
    );
}

/// The manifest's names lead to the files from where the program was started.
#[test]
fn the_manifest_has_names_that_can_be_opened() {
    let folder = tempfile::tempdir().unwrap();
    for (output, manifest) in [
        ("new/", "a.csv"),
        ("here_", "b.csv"),
        ("new/x_", "new/c.csv"),
    ] {
        let options = ["--extract-tcp-all", "-o", output, "--manifest", manifest];
        run_in(folder.path(), HTTP, &options);
        let text = fs::read_to_string(folder.path().join(manifest)).unwrap();
        let rows = rows(&text);
        assert_eq!(rows.len(), 6, "{text}");
        for row in rows {
            let path = folder.path().join(&row["file"]);
            let len = fs::metadata(&path)
                .unwrap_or_else(|error| panic!("{error}: {row:?}"))
                .len();
            assert_eq!(i64::try_from(len).unwrap(), number(&row, "bytes"));
        }
    }
}

/// The directory that is made holds the manifest as well, if that is where it is to be.
#[test]
fn the_manifest_may_stand_in_the_new_directory() {
    let folder = tempfile::tempdir().unwrap();
    for output in ["new/", "other/prefix_"] {
        let manifest = Path::new(output).with_file_name("list.csv");
        let manifest = match output {
            "new/" => Path::new("new/list.csv"),
            _ => &manifest,
        };
        let options = ["--extract-tcp-all", "-o", output, "--manifest"];
        let options = [&options[..], &[manifest.to_str().unwrap()]].concat();
        run_in(folder.path(), HTTP, &options);
        let directory = folder.path().join(manifest.parent().unwrap());
        assert_eq!(entries(&directory).len(), 7, "six streams and their list");
    }
}

#[test]
fn another_run_replaces_and_never_appends() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("capture.pcap");
    let capture = capture.to_str().unwrap();
    for output in ["out/", "out/prefix", "out.tar"] {
        for content in [
            "a long content, of the first run",
            "short",
            "no longer so short",
        ] {
            fs::write(capture, connections(CLIENT, &[content]).file()).unwrap();
            let options = ["--extract-tcp-all", "-o", output, "--manifest", "list.csv"];
            run_in(folder.path(), capture, &options);
            let found = match output {
                "out.tar" => files_of_archive(&folder.path().join(output)),
                _ => files_in(&folder.path().join("out")).into_iter().collect(),
            };
            let with_content = |it: &&(String, Vec<u8>)| it.1 == content.as_bytes();
            assert!(
                found.iter().any(|it| with_content(&it)),
                "{output}: {found:?}"
            );
            let rows = manifest_rows(&folder.path().join("list.csv"), Path::new("out"));
            assert_eq!(rows.len(), 2);
        }
    }
    assert_eq!(
        entries(&folder.path().join("out")).len(),
        2,
        "one for each output"
    );
}

#[test]
fn a_capture_is_never_replaced_by_one_of_its_streams() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join(CLIENT.name("tcp"));
    let bytes = connections(CLIENT, &["content"]).file();
    fs::write(&capture, &bytes).unwrap();
    let output = slashed(folder.path());
    let program = Program::new().args(QUIET).args([&capture]);
    let options = [
        "--extract-tcp-all".as_ref(),
        "-o".as_ref(),
        output.as_os_str(),
    ];
    program
        .args(options)
        .run()
        .exits(1)
        .says("is also an input");
    assert_eq!(entries(folder.path()), [CLIENT.name("tcp")]);
    assert_eq!(fs::read(&capture).unwrap(), bytes);
}

#[test]
fn both_protocols_have_a_place_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let all = ["--extract-tcp-all", "--extract-udp-all"];
    let expected = all_of(DNS, &[]);
    let (tcp, udp): (BTreeMap<_, _>, BTreeMap<_, _>) = expected
        .files
        .into_iter()
        .partition(|(name, _)| name.ends_with(".tcp"));
    assert!(!tcp.is_empty() && !udp.is_empty());
    let apart = ["--output-tcp", "tcp/", "--output-udp", "udp/"];
    run_in(folder.path(), DNS, &[&all[..], &apart].concat());
    assert_eq!(files_in(&folder.path().join("tcp")), tcp);
    assert_eq!(files_in(&folder.path().join("udp")), udp);
    // What has no place of its own goes to the common one.
    let one = [
        "-o",
        "common/",
        "--output-udp",
        "udp.tar",
        "--manifest",
        "list.csv",
    ];
    run_in(folder.path(), DNS, &[&all[..], &one].concat());
    assert_eq!(files_in(&folder.path().join("common")), tcp);
    let archive = files_of_archive(&folder.path().join("udp.tar"));
    assert_eq!(archive.into_iter().collect::<BTreeMap<_, _>>(), udp);
    let rows = manifest_rows(&folder.path().join("list.csv"), Path::new("common"));
    let files: Vec<&str> = rows.iter().map(|row| row["file"].as_str()).collect();
    for name in tcp.keys().chain(udp.keys()) {
        assert!(files.contains(&name.as_str()), "{name} in {files:?}");
    }
}

#[test]
fn packets_and_streams_in_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let packets = ["--extract", "1-2", "-o", "packets.pcap"];
    let streams = ["--extract-tcp", "3", "--output-tcp", "streams/"];
    run_in(folder.path(), HTTP, &[&packets[..], &streams].concat());
    let both = parse(&fs::read(folder.path().join("packets.pcap")).unwrap());
    run_in(
        folder.path(),
        HTTP,
        &["--extract", "1-2", "-o", "alone.pcap"],
    );
    let alone = parse(&fs::read(folder.path().join("alone.pcap")).unwrap());
    assert!(!alone.packets.is_empty() && both.packets == alone.packets);
    let expected = streams_of_files(&[HTTP], &["--extract-tcp", "3"]).files;
    assert_eq!(files_in(&folder.path().join("streams")), expected);
}

#[test]
fn the_list_of_flows_goes_along() {
    let folder = tempfile::tempdir().unwrap();
    let output = slashed(&folder.path().join("out"));
    let options = [
        "--extract-tcp-all".as_ref(),
        "-o".as_ref(),
        output.as_os_str(),
    ];
    let csv = [HTTP, "--format", "csv"];
    let with = Program::new().args(csv).args(options).run().exits(0);
    let alone = run(csv).exits(0);
    assert_eq!(with.stdout, alone.stdout);
    with.says("66 packets = 64 in flows")
        .says("6 streams with ");
}

// Standard output.

#[test]
fn one_stream_goes_to_standard_output() {
    let expected = all_of(HTTP, &[]);
    let name = "10.77.0.2.80-10.77.0.1.41002.tcp";
    let id = &expected.row(name)["flow_id"];
    for output in ["-", "/dev/stdout"] {
        let ended = run([HTTP, "--extract-tcp", id, "-o", output]).exits(0);
        assert_eq!(
            ended.stdout,
            expected.file(name),
            "nothing else stands there"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("list.csv");
    let program = Program::new().args([HTTP, "--extract-tcp", id, "--output-tcp", "-"]);
    program
        .args(["--manifest".as_ref(), manifest.as_os_str()])
        .run()
        .exits(0);
    let rows = manifest_rows(&manifest, folder.path());
    assert_eq!((rows.len(), rows[0]["file"].as_str()), (1, "-"));
    let http = fs::read(root().join(HTTP)).unwrap();
    let piped = Program::new().args(["-", "--extract-tcp", id, "-o", "-"]);
    assert_eq!(
        piped.input(&http, 500).run().exits(0).stdout,
        expected.file(name)
    );
}

/// Gaps may split a stream, but there is only one standard output.
#[test]
fn a_split_stream_is_whole_on_standard_output() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("capture.pcap");
    let trace = Trace::of([CLIENT.syn(0), CLIENT.data(1, "one"), CLIENT.data(9, "two")]);
    fs::write(&capture, trace.file()).unwrap();
    let program = Program::new()
        .args([&capture])
        .args(["--extract-tcp-all", "-o", "-"]);
    let ended = program.args(["--gaps", "split"]).run().exits(0);
    assert_eq!(ended.stdout, b"onetwo");
}

#[test]
fn several_streams_do_not_go_to_standard_output() {
    for options in [&["--extract-tcp-all"][..], &["--extract-tcp", "1-2"]] {
        let ended = run([&[HTTP, "-o", "-"], options].concat()).exits(1);
        ended
            .says("streams were selected")
            .says(".tar")
            .prints_nothing();
    }
    // Those without bytes would not be seen there.
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("capture.pcap");
    let trace = connections(CLIENT, &["the only bytes"]);
    fs::write(&capture, trace.file()).unwrap();
    let program = Program::new()
        .args([&capture])
        .args(["--extract-tcp-all", "-o", "-"]);
    assert_eq!(program.run().exits(0).stdout, b"the only bytes");
}

// Archives.

#[test]
fn an_archive_holds_what_a_directory_would() {
    let folder = tempfile::tempdir().unwrap();
    let lossy = "testdata/recorded/lossy-client.pcap";
    for (capture, options) in [
        (HTTP, &[][..]),
        (DNS, &[]),
        (IPV6, &["--name-style", "fmadio"]),
        (lossy, &["--tcpheader=extended"]),
        (lossy, &["--output-pcap"]),
        (lossy, &["--window-bytes", "5000", "--overlap", "last"]),
        (lossy, &["--flow-size-min", "100"]),
    ] {
        let expected = all_of(capture, options);
        let all = ["--extract-tcp-all", "--extract-udp-all"];
        let archive = ["-o", "out.TAR", "--manifest", "list.csv"];
        run_in(
            folder.path(),
            capture,
            &[&all[..], &archive, options].concat(),
        );
        let mut files = files_of_archive(&folder.path().join("out.TAR"));
        let rows = manifest_rows(&folder.path().join("list.csv"), folder.path());
        assert_eq!(rows, expected.manifest, "{capture} {options:?}");
        let listed = rows.iter().map(|row| row["file"].as_str());
        let listed: Vec<&str> = listed.filter(|it| !it.is_empty()).collect();
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, listed, "entries have the manifest's order");
        files.sort();
        let expected: Vec<_> = expected.files.into_iter().collect();
        assert!(files == expected, "{capture} {options:?}");
    }
    assert_eq!(entries(folder.path()), ["list.csv", "out.TAR"]);
}

#[test]
fn an_archive_of_nothing_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    run_in(
        folder.path(),
        HTTP,
        &["--extract-tcp-port", "1", "1", "-o", "out.tar"],
    );
    assert!(files_of_archive(&folder.path().join("out.tar")).is_empty());
}

// Packets.

/// The list of a capture's flows, without their numbers, sorted.
fn flows(capture: &Path) -> Vec<Row> {
    let ended = Program::new()
        .args([capture])
        .args(["--format", "csv"])
        .run();
    let mut rows = ended.exits(0).rows();
    for row in &mut rows {
        row.remove("flow_id");
    }
    rows.sort();
    rows
}

#[test]
fn packets_of_each_stream_are_a_capture() {
    for capture in [HTTP, DNS, IPV6, "testdata/recorded/lossy-server.pcap"] {
        let folder = tempfile::tempdir().unwrap();
        let all = ["--extract-tcp-all", "--extract-udp-all", "--output-pcap"];
        let output = ["-o", "out/", "--manifest", "list.csv"];
        run_in(folder.path(), capture, &[&all[..], &output].concat());
        let directory = folder.path().join("out");
        let mut found = Vec::new();
        for row in manifest_rows(&folder.path().join("list.csv"), Path::new("out")) {
            assert!(row["file"].ends_with(".pcap"), "{row:?}");
            let flow = flows(&directory.join(&row["file"]));
            assert_eq!(flow.len(), 1, "{row:?}");
            for column in [
                "src_ip", "src_port", "dst_ip", "dst_port", "first_ns", "last_ns",
            ] {
                assert_eq!(flow[0][column], row[column], "{column} of {row:?}");
            }
            found.extend(flow);
        }
        found.sort();
        let expected = flows(&root().join(capture)).into_iter();
        let is_stream = |row: &Row| ["tcp", "udp"].contains(&row["protocol"].as_str());
        assert_eq!(
            found,
            expected.filter(is_stream).collect::<Vec<_>>(),
            "{capture}"
        );
    }
}

/// What a packet is stays: also where it was cut, and when it is repeated.
#[test]
fn packets_are_written_as_they_were_captured() {
    let mut trace = Trace::of([CLIENT.syn(0)]);
    trace.add_cut(CLIENT.data(1, content(1, 900)), 200);
    trace.add(CLIENT.reversed().syn_ack(0, 0));
    trace.add(CLIENT.data(1, content(1, 900)));
    let extracted = tcp_streams(&trace, &["--output-pcap"]);
    let input = parse(&trace.file());
    let found = parse(extracted.file(&CLIENT.name("tcp.pcap")));
    assert!(found.is_whole);
    let packets: Vec<_> = found.packets.iter().map(|it| it.content()).collect();
    let expected = [0, 1, 3].map(|index: usize| input.packets[index].content());
    assert_eq!(packets, expected);
}

#[test]
fn packets_of_later_connections_are_apart() {
    let trace = connections(CLIENT, &["first", "second"]);
    let extracted = tcp_streams(&trace, &["--output-pcap"]);
    let count = |ends: Ends, number: &str| {
        let name = ends.name(&format!("tcp{number}.pcap"));
        parse(extracted.file(&name)).packets.len()
    };
    assert_eq!((count(CLIENT, ""), count(CLIENT, ".2")), (3, 3));
    let server = CLIENT.reversed();
    assert_eq!((count(server, ""), count(server, ".2")), (2, 2));
    assert_eq!(extracted.names().len(), 4);
}

// Kinds of streams.

/// UDP has no connections: all between two endpoints is one stream.
#[test]
fn udp_payloads_are_one_file_for_each_direction() {
    let other = CLIENT.with_port(40_001);
    let trace = Trace::of([
        CLIENT.datagram("one, "),
        CLIENT.reversed().datagram("answer"),
        other.datagram("other"),
        CLIENT.datagram(""),
        CLIENT.datagram("two"),
        CLIENT.datagram("two"),
    ]);
    let extracted = streams(&trace, &["--extract-udp-all"]);
    assert_eq!(extracted.names().len(), 3);
    let name = CLIENT.name("udp");
    assert_eq!(extracted.file(&name), b"one, twotwo");
    assert_eq!(extracted.file(&CLIENT.reversed().name("udp")), b"answer");
    assert_eq!(extracted.file(&other.name("udp")), b"other");
    let columns = [
        "protocol",
        "connection",
        "bytes",
        "end",
        "retransmitted_bytes",
        "midstream",
    ];
    let found = extracted.columns(&name, columns);
    assert_eq!(found, ["udp", "1", "11", "open", "0", "false"]);
}

/// A stream longer than any buffer, from a pipe and from a file.
#[test]
fn long_streams_come_whole() {
    let content = content(1, 3_000_000);
    let mut trace = Trace::of([CLIENT.syn(7)]);
    segments(CLIENT, 8, &content, 1460)
        .into_iter()
        .for_each(|it| trace.add(it));
    for options in [&[][..], &["--window-bytes", "100000"], &["--gaps", "split"]] {
        let extracted = tcp_streams(&trace, options);
        assert!(
            extracted.file(&CLIENT.name("tcp")) == content,
            "{options:?}"
        );
    }
    let options = ["-", "--extract-tcp-all", "-o", "-"];
    let program = Program::new().args(options).input(&trace.file(), 70_000);
    assert!(program.run().exits(0).stdout == content);
}

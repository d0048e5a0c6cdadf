//! Outputs that meet each other: one directory inside another, links, and what stands there.

use crate::common::program::{Program, rows, wait_until};
use crate::common::streams::{
    QUIET, files_in, files_of_archive, run_in, slashed, streams_of_files,
};
use crate::common::{entries, root, testdata};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use testkit::conversation::{CLIENT, Trace};

const HTTP: &str = "testdata/recorded/http.pcap";
const DNS: &str = "testdata/recorded/dns.pcap";
const BOTH: [&str; 2] = ["--extract-tcp-all", "--extract-udp-all"];

/// What is to be in the files of a protocol.
fn expected(protocol: &str) -> BTreeMap<String, Vec<u8>> {
    streams_of_files(&[DNS], &[&format!("--extract-{protocol}-all")]).files
}

/// Files of a directory, without other directories in it.
fn plain_files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let is_file = |name: &String| directory.join(name).is_file();
    let names = entries(directory).into_iter().filter(is_file);
    let content = |name: String| {
        let content = fs::read(directory.join(&name)).unwrap();
        (name, content)
    };
    names.map(content).collect()
}

#[test]
fn one_place_may_be_inside_the_other() {
    let (tcp, udp) = (expected("tcp"), expected("udp"));
    for (outer, inner) in [("tcp", "udp"), ("udp", "tcp")] {
        for name in ["out/in/", "out/in/deep/"] {
            let folder = tempfile::tempdir().unwrap();
            let options = [
                format!("--output-{outer}=out/"),
                format!("--output-{inner}={name}"),
            ];
            let options: Vec<&str> = options.iter().map(String::as_str).collect();
            run_in(folder.path(), DNS, &[&BOTH[..], &options].concat());
            let (of_outer, of_inner) = if outer == "tcp" {
                (&tcp, &udp)
            } else {
                (&udp, &tcp)
            };
            assert_eq!(&plain_files(&folder.path().join("out")), of_outer);
            assert_eq!(&plain_files(&folder.path().join(name)), of_inner);
        }
    }
}

/// The same directory by two names, or with a prefix, or for everything there is.
#[test]
fn all_may_go_to_one_new_directory() {
    let (tcp, udp) = (expected("tcp"), expected("udp"));
    let both: BTreeMap<_, _> = tcp.clone().into_iter().chain(udp.clone()).collect();
    for (of_tcp, of_udp) in [("out/", "./out/"), ("out/", "out/."), ("out/", "out//")] {
        let folder = tempfile::tempdir().unwrap();
        let outputs = ["--output-tcp", of_tcp, "--output-udp", of_udp];
        run_in(folder.path(), DNS, &[&BOTH[..], &outputs].concat());
        assert_eq!(
            files_in(&folder.path().join("out")),
            both,
            "{of_tcp} and {of_udp}"
        );
    }
    let prefixed = udp
        .into_iter()
        .map(|(name, content)| (format!("u_{name}"), content));
    let prefixed: BTreeMap<_, _> = tcp.into_iter().chain(prefixed).collect();
    for (of_tcp, of_udp) in [("out/", "out/u_"), ("./out/", "out/u_")] {
        let folder = tempfile::tempdir().unwrap();
        let outputs = ["--output-tcp", of_tcp, "--output-udp", of_udp];
        run_in(folder.path(), DNS, &[&BOTH[..], &outputs].concat());
        assert_eq!(
            files_in(&folder.path().join("out")),
            prefixed,
            "{of_tcp} and {of_udp}"
        );
    }
}

/// With a slash it is a directory, without one a prefix: the same name is not the same place.
#[test]
fn a_directory_and_a_prefix_of_one_name() {
    let folder = tempfile::tempdir().unwrap();
    let outputs = ["--output-tcp", "out", "--output-udp", "out/"];
    run_in(folder.path(), DNS, &[&BOTH[..], &outputs].concat());
    assert_eq!(files_in(&folder.path().join("out")), expected("udp"));
    let prefixed = expected("tcp").into_iter();
    let prefixed = prefixed.map(|(name, content)| (format!("out{name}"), content));
    assert_eq!(plain_files(folder.path()), prefixed.collect());
}

/// Several runs at once make the same directory: the last one finds it there.
#[test]
fn a_directory_may_appear_while_a_run_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let (reader, mut end) = std::io::pipe().unwrap();
    let program = Program::new()
        .args(QUIET)
        .args(["-", "--extract-tcp-all", "-o"]);
    let running = program.args([slashed(&output)]).start_with(reader);
    wait_until("the output is started", || {
        !entries(folder.path()).is_empty()
    });
    let mut expected = streams_of_files(&[HTTP], &["--extract-tcp-all"]).files;
    fs::create_dir_all(&output).unwrap();
    let other = ("other".to_owned(), b"of another run".to_vec());
    let (replaced, _) = expected.first_key_value().unwrap();
    for name in [&other.0, replaced] {
        fs::write(output.join(name), &other.1).unwrap();
    }
    expected.extend([other]);
    end.write_all(&fs::read(root().join(HTTP)).unwrap())
        .unwrap();
    drop(end);
    running.wait().exits(0);
    assert_eq!(files_in(&output), expected);
    assert_eq!(entries(folder.path()), ["out"]);
}

/// Statistics, packets, a list and an archive beside the streams: all of it, or a message before
/// anything is read.
#[test]
fn other_outputs_may_stand_in_the_new_directory() {
    let (tcp, udp) = (expected("tcp"), expected("udp"));
    for others in [
        vec!["--stats", "out/stats.json"],
        vec!["--extract", "1", "-o", "out/packets.pcap"],
        vec!["--manifest", "out/list.csv"],
        vec!["--manifest", "./out/list.csv"],
        vec!["--extract-udp-all", "--output-udp", "out/udp.tar"],
    ] {
        let folder = tempfile::tempdir().unwrap();
        let options = ["--extract-tcp-all", "--output-tcp", "out/"];
        let program = Program::new().current_dir(folder.path()).args(QUIET);
        let program = program.args(options).args(&others);
        let ended = program.args([testdata("recorded/dns.pcap")]).run();
        if ended.status.code() == Some(1) && others[0] != "--manifest" {
            let ended = ended.says("cannot create out/");
            assert!(entries(folder.path()).is_empty(), "{ended}");
            continue;
        }
        ended.exits(0);
        let mut files = files_in(&folder.path().join("out"));
        for (name, content) in &tcp {
            assert_eq!(files.remove(name).as_ref(), Some(content), "{others:?}");
        }
        let names = others.iter().filter_map(|it| it.split_once("out/"));
        let names: Vec<&str> = names.map(|(_, name)| name).collect();
        let mut left: Vec<&str> = files.keys().map(String::as_str).collect();
        left.sort_by_key(|name| names.iter().position(|it| it == name));
        assert_eq!(left, names, "{others:?}");
        if names == ["udp.tar"] {
            let found = files_of_archive(&folder.path().join("out/udp.tar"));
            assert_eq!(found.into_iter().collect::<BTreeMap<_, _>>(), udp);
        }
        assert_eq!(entries(folder.path()), ["out"]);
    }
}

#[test]
fn both_protocols_may_go_to_one_archive() {
    let folder = tempfile::tempdir().unwrap();
    let outputs = ["--output-tcp", "out.tar", "--output-udp", "out.tar"];
    run_in(folder.path(), DNS, &[&BOTH[..], &outputs].concat());
    let found = files_of_archive(&folder.path().join("out.tar"));
    let expected = expected("tcp").into_iter().chain(expected("udp"));
    let expected: BTreeMap<_, _> = expected.collect();
    assert_eq!(found.into_iter().collect::<BTreeMap<_, _>>(), expected);
}

#[test]
fn the_directory_where_one_is() {
    let expected = streams_of_files(&[HTTP], &["--extract-tcp-all"]).files;
    for output in [".", "./", "../here/"] {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().join("here");
        fs::create_dir(&here).unwrap();
        let options = [
            "--extract-tcp-all",
            "-o",
            output,
            "--manifest",
            "../list.csv",
        ];
        run_in(&here, HTTP, &options);
        assert_eq!(files_in(&here), expected, "{output}");
        let text = fs::read_to_string(folder.path().join("list.csv")).unwrap();
        for row in rows(&text) {
            assert!(here.join(&row["file"]).exists(), "{row:?}");
        }
    }
}

#[test]
fn links_are_followed() {
    let expected = streams_of_files(&[HTTP], &["--extract-tcp-all"]).files;
    for output in ["link", "link/", "link/new/"] {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("real");
        fs::create_dir(&real).unwrap();
        symlink("real", folder.path().join("link")).unwrap();
        run_in(folder.path(), HTTP, &["--extract-tcp-all", "-o", output]);
        assert_eq!(files_in(&folder.path().join(output)), expected, "{output}");
        assert!(folder.path().join("link").is_symlink(), "{output}");
        assert_eq!(entries(folder.path()), ["link", "real"]);
    }
    // One that leads nowhere is not replaced.
    let folder = tempfile::tempdir().unwrap();
    symlink("nowhere", folder.path().join("link")).unwrap();
    let output = slashed(&folder.path().join("link"));
    let program = Program::new()
        .args(QUIET)
        .args(["--extract-tcp-all", HTTP, "-o"]);
    let ended = program.args([&output]).run();
    assert!(folder.path().join("link").is_symlink(), "{ended}");
    if ended.status.code() != Some(0) {
        ended.exits(1).says("link");
        assert_eq!(entries(folder.path()), ["link"]);
    } else {
        assert_eq!(files_in(&output), expected);
    }
}

/// As `mkdir` and a shell's redirection make them.
#[test]
fn new_directories_and_files_have_the_usual_permissions() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    fs::create_dir(place("usual")).unwrap();
    fs::write(place("usual/file"), "").unwrap();
    let mode = |name: &str| fs::metadata(place(name)).unwrap().permissions().mode() & 0o7777;
    for (output, directory) in [("a/b/", "a/b"), ("c/prefix_", "c"), ("usual/", "usual")] {
        run_in(folder.path(), HTTP, &["--extract-tcp-all", "-o", output]);
        assert_eq!(mode(directory), mode("usual"), "{output}");
        for name in entries(&place(directory)) {
            let file = format!("{directory}/{name}");
            assert_eq!(mode(&file), mode("usual/file"), "{file}");
        }
    }
    assert_eq!(mode("a"), mode("usual"));
}

/// What a run that fails finds, it leaves as it was.
#[test]
fn a_failed_run_leaves_an_earlier_one_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    for output in ["out/", "out/prefix_", "out.tar"] {
        let options = ["--extract-tcp-all", "-o", output, "--manifest", "list.csv"];
        run_in(folder.path(), HTTP, &options);
        let before = (
            everything(folder.path()),
            everything(&folder.path().join("out")),
        );
        let http = testdata("recorded/http.pcap");
        let program = Program::new().current_dir(folder.path()).args(QUIET);
        let program = program.args(["--extract-tcp", "1-99", "-o", output]);
        program
            .args(["--manifest", "list.csv"])
            .args([http])
            .run()
            .exits(1);
        let behind = (
            everything(folder.path()),
            everything(&folder.path().join("out")),
        );
        assert_eq!(behind, before, "{output}");
    }
}

fn everything(directory: &Path) -> Vec<(String, Option<Vec<u8>>)> {
    let names = entries(directory).into_iter();
    let content = |name: String| {
        let content = fs::read(directory.join(&name)).ok();
        (name, content)
    };
    names.map(content).collect()
}

/// Nothing was asked for that is there.
#[test]
fn a_directory_of_nothing_is_made_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let trace = Trace::of([CLIENT.syn(1)]);
    fs::write(folder.path().join("capture.pcap"), trace.file()).unwrap();
    let capture = folder.path().join("capture.pcap");
    let options = ["--extract-tcp-all", "-o", "out/", "--manifest", "list.csv"];
    run_in(folder.path(), capture.to_str().unwrap(), &options);
    assert!(entries(&folder.path().join("out")).is_empty());
    let rows = rows(&fs::read_to_string(folder.path().join("list.csv")).unwrap());
    assert_eq!((rows.len(), rows[0]["file"].as_str()), (1, ""));
}

//! Outputs: whole under their name or not there, never mixed, never one of the inputs.

use crate::common::extraction::extraction;
use crate::common::program::{Program, run};
use crate::common::{entries, root};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

const HTTP: &str = "testdata/recorded/http.pcap";

#[test]
fn an_input_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in.pcap");
    let content = fs::read(root().join(HTTP)).unwrap();
    fs::write(&input, &content).unwrap();
    let symbolic = folder.path().join("symbolic.pcap");
    symlink(&input, &symbolic).unwrap();
    let hard = folder.path().join("hard.pcap");
    fs::hard_link(&input, &hard).unwrap();
    let around = folder.path().join(".").join("in.pcap");
    let before = entries(folder.path());
    for output in [&input, &symbolic, &hard, &around] {
        for option in ["-o", "--stats"] {
            let ended = Program::new()
                .args([
                    HTTP.as_ref(),
                    input.as_os_str(),
                    option.as_ref(),
                    output.as_os_str(),
                ])
                .run()
                .exits(1)
                .prints_nothing();
            ended.says("is also an input");
            assert_eq!(fs::read(&input).unwrap(), content);
            assert_eq!(entries(folder.path()), before);
        }
    }
}

#[test]
fn an_output_that_cannot_be_made_fails_before_anything_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let places = [
        folder.path().join("none/out.pcap"),
        file.join("out.pcap"),
        folder.path().to_owned(),
    ];
    for output in places {
        for option in ["-o", "--stats"] {
            let args = [HTTP.as_ref(), option.as_ref(), output.as_os_str()];
            let ended = Program::new().args(args).run().exits(1).prints_nothing();
            ended.says(&format!("cannot create {}: ", output.display()));
            assert_eq!(entries(folder.path()), ["file"]);
        }
    }
}

/// What is no capture has no streams either: not even an empty archive of them.
#[test]
fn where_nothing_could_be_read_there_is_no_output() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text.pcap");
    fs::write(&path, "no capture at all, but long enough to be one").unwrap();
    let streams = ["--extract-tcp-all", "--extract-udp-all", "-o"];
    for args in [
        vec!["-o", "out.pcap", "--stats", "stats.json"],
        [&streams[..], &["all.tar", "--manifest", "all.csv"]].concat(),
        [&streams[..], &["out/", "--manifest", "all.csv"]].concat(),
        [&streams[..], &["prefix_"]].concat(),
        vec!["--format", "parquet", "-o", "list.parquet"],
    ] {
        for input in ["text.pcap", "-"] {
            let program = Program::new().current_dir(folder.path()).args([input]);
            let program = program.input(&fs::read(&path).unwrap(), 10);
            let ended = program.args(&args).run().exits(1).prints_nothing();
            let ended = ended.says("not a capture");
            assert_eq!(entries(folder.path()), ["text.pcap"], "{ended}");
        }
    }
    let program = Program::new().current_dir(folder.path());
    let args = ["index", "text.pcap", "-o", "day.idx"];
    program.args(args).run().exits(1).says("not a capture");
    assert_eq!(entries(folder.path()), ["text.pcap"]);
}

#[test]
fn a_folder_that_must_not_be_written_to() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(folder.path().join("probe"), "").is_ok() {
        eprintln!("this user may write everywhere: nothing to test");
        return;
    }
    let output = folder.path().join("out.pcap");
    let ended = extraction(&[HTTP], &output).exits(1).prints_nothing();
    ended.says(&format!(
        "cannot create {}: Permission denied",
        output.display()
    ));
}

#[test]
fn an_earlier_output_is_replaced_when_the_new_one_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.pcap");
    fs::write(&output, "before").unwrap();
    extraction(&[HTTP, "--extract", "99"], &output).exits(1);
    assert_eq!(fs::read(&output).unwrap(), b"before");
    extraction(&[HTTP], &output).exits(0);
    assert_eq!(
        fs::read(&output).unwrap(),
        fs::read(root().join(HTTP)).unwrap()
    );
    assert_eq!(entries(folder.path()), ["out.pcap"]);
}

/// Names of their own: what is written last would take the place of what was written first.
#[test]
fn two_outputs_of_one_name_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let name = output.as_os_str();
    let args = [HTTP.as_ref(), "-o".as_ref(), name, "--stats".as_ref(), name];
    let ended = Program::new().args(args).run();
    assert!(
        matches!(ended.status.code(), Some(1 | 2)),
        "one of them would be lost\n{ended}"
    );
    assert!(entries(folder.path()).is_empty(), "{ended}");

    let both = run([HTTP, "-o", "-", "--stats", "-"]);
    assert!(
        matches!(both.status.code(), Some(1 | 2)),
        "they would be mixed\n{both}"
    );
    let list = run([HTTP, "--stats", "-"]);
    let is_apart = matches!(list.status.code(), Some(1 | 2))
        || serde_json::from_slice::<serde_json::Value>(&list.stdout).is_ok();
    assert!(is_apart, "statistics and list would be mixed\n{list}");
}

#[test]
fn an_extraction_to_standard_output_is_not_mixed_with_the_list() {
    let ended = run([HTTP, "-o", "-"]).exits(0);
    assert_eq!(ended.stdout, fs::read(root().join(HTTP)).unwrap());
}

/// Written out after each window: from whatever thread, while the list waits for its turn.
#[test]
fn an_extraction_to_standard_output_may_be_written_in_pieces() {
    let expected = fs::read(root().join(HTTP)).unwrap();
    let ended = run([HTTP, "-o", "-", "--flow-flush", "--window-bytes", "2048"]).exits(0);
    assert_eq!(ended.stdout, expected);
}

#[test]
fn an_extraction_to_standard_output_may_be_larger_than_any_buffer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.pcap");
    let large = "testdata/generated/formats/large-records.pcap";
    let inputs = [large; 20];
    let args = ["--disable-display", "-o", path.to_str().unwrap()];
    Program::new().args(inputs).args(args).run().exits(0);
    let expected = fs::read(&path).unwrap();
    assert!(expected.len() > 4_000_000);
    let ended = Program::new().args(inputs).args(["-o", "-"]).run().exits(0);
    assert!(ended.stdout == expected, "{} bytes", ended.stdout.len());
}

#[test]
fn devices_are_written_to_as_they_are() {
    run([HTTP, "-o", "/dev/null", "--stats", "/dev/null"]).exits(0);
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
}

/// A disk without room, which `/dev/full` stands for.
#[test]
fn an_output_that_cannot_be_written_fails() {
    for args in [[HTTP, "-o", "/dev/full"], [HTTP, "--stats", "/dev/full"]] {
        let ended = run(args.into_iter().chain(["--disable-display"])).exits(1);
        ended.says("cannot write /dev/full: No space left");
    }
}

/// The system sends a signal, whose default is the end, to who writes more than a file may have.
#[test]
fn an_output_that_is_larger_than_files_may_be_fails() {
    for options in [
        &["-o", "out.pcap"][..],
        &["--format", "parquet", "-o", "out.parquet"],
        &["--extract-tcp-all", "-o", "out.tar"],
    ] {
        let folder = tempfile::tempdir().unwrap();
        let capture = root().join(HTTP);
        let program = Program::with_limit("-f 1").current_dir(folder.path());
        let program = program.args([&capture]).args(options);
        let ended = program.args(["--disable-display"]).run().exits(1);
        ended.says("File too large");
        assert_eq!(entries(folder.path()), [""; 0]);
    }
}

#[test]
fn the_list_can_be_left_out() {
    for format in ["text", "csv", "json"] {
        let ended = run([HTTP, "--disable-display", "--format", format]).exits(0);
        ended.prints_nothing().says("66 packets = 64 in flows");
    }
}

// Statistics.

#[test]
fn statistics_are_one_object() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stats.json");
    let damaged = "testdata/generated/damage/length-ffffffff.pcap";
    let args = [
        HTTP,
        damaged,
        "--as-given",
        "--disable-display",
        "--filter",
        "not host 10.77.0.2",
        "--threads",
        "2",
    ];
    Program::new()
        .args(args)
        .args(["--stats".as_ref(), path.as_os_str()])
        .run()
        .exits(3);
    let stats: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let count = |name: &str| {
        stats[name]
            .as_u64()
            .unwrap_or_else(|| panic!("{name} in {stats}"))
    };
    assert_eq!(count("packets"), 66 + 23);
    // Conditions on addresses hold for IP only: "not host" lets ARP through.
    assert_eq!(count("packets_not_ip"), 2);
    assert_eq!(count("packets_filtered"), 64);
    assert_eq!(count("packets_in_flows"), 23);
    assert_eq!(count("packets_malformed"), 0);
    assert_eq!(
        count("flows"),
        12,
        "flows of the list: those that the filter lets through"
    );
    assert_eq!(count("threads"), 2);
    assert!(stats["seconds"].as_f64().unwrap() > 0.0 && stats["gbps"].as_f64().unwrap() > 0.0);
    let inputs = stats["inputs"].as_array().unwrap();
    assert_eq!(inputs[0]["path"], HTTP);
    assert_eq!(inputs[0]["packets"], 66);
    assert_eq!(
        inputs[0]["bytes"],
        fs::metadata(root().join(HTTP)).unwrap().len()
    );
    assert!(inputs[0]["error"].is_null());
    assert_eq!(inputs[1]["packets"], 23);
    assert_eq!(
        inputs[1]["bytes"],
        fs::metadata(root().join(damaged)).unwrap().len()
    );
    assert!(
        inputs[1]["error"]
            .as_str()
            .unwrap()
            .contains("packet 13 at byte 1043")
    );
}

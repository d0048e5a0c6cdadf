//! What is no index, or does not belong to it any more: a message that names the file, exit code 1,
//! and no output.

use crate::common::indexed::{Indexed, make};
use crate::common::program::{Ended, Program, number, rows, run};
use crate::common::reading::parse;
use crate::common::{entries, testdata};
use std::fs;
use std::path::{Path, PathBuf};
use testkit::Random;

/// What is asked for: packets, streams to a directory and to an archive.
const QUESTIONS: [(&str, &[&str]); 3] = [
    ("out", &["--extract", "2-3"]),
    ("out/", &["--extract-tcp", "1-4"]),
    ("out.tar", &["--extract-tcp-all"]),
];

/// A capture of its own that has many packets behind its first kilobytes, and an index.
pub(super) fn lossy() -> (tempfile::TempDir, PathBuf, Indexed) {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("capture.pcap");
    fs::copy(testdata("recorded/lossy-client.pcap"), &capture).unwrap();
    let indexed = Indexed::of(&[&capture], &[]);
    (folder, capture, indexed)
}

/// Asks an index, with options, for what must not be had: nothing may be written.
#[track_caller]
pub(super) fn refuses(index: &Path, options: &[&str], says: &[&str]) {
    for (output, question) in QUESTIONS {
        let folder = tempfile::tempdir().unwrap();
        let stats = folder.path().join("stats.json");
        let program = Program::new()
            .args(["--progress", "never", "--index"])
            .args([index]);
        let program = program.args(options).args(question).args(["-o"]);
        let program = program
            .args([&folder.path().join(output)])
            .args(["--stats"]);
        let ended = program.args([stats]).run().exits(1).prints_nothing();
        let ended = says.iter().fold(ended, |ended, text| ended.says(text));
        assert!(
            entries(folder.path()).is_empty(),
            "{:?}\n{ended}",
            entries(folder.path())
        );
    }
    let to_stdout = Program::new()
        .args(["--progress", "never", "--index"])
        .args([index]);
    to_stdout
        .args(options)
        .args(["--extract", "2-3", "-o", "-"])
        .run()
        .exits(1)
        .prints_nothing();
}

/// Asks an index for its list.
pub(super) fn list(index: &Path) -> Ended {
    Program::new()
        .args(["--progress", "never", "--format", "csv", "--index"])
        .args([index])
        .run()
}

/// Asks an index for its list in vain.
#[track_caller]
fn refuses_to_list(index: &Path) {
    let ended = list(index).exits(1).prints_nothing();
    ended.says(&index.display().to_string());
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("list.parquet");
    let program = Program::new()
        .args(["--format", "parquet", "--index"])
        .args([index]);
    program
        .args(["-o"])
        .args([&output])
        .run()
        .exits(1)
        .prints_nothing();
    assert!(entries(folder.path()).is_empty());
}

#[test]
fn what_is_no_index_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let http = testdata("recorded/http.pcap");
    fs::write(place("empty"), "").unwrap();
    fs::write(place("text"), "flow_id,protocol\n1,tcp\n").unwrap();
    fs::write(place("magic"), "PAR1PAR1").unwrap();
    fs::write(place("long-footer"), b"PAR1\xff\xff\xff\x7fPAR1").unwrap();
    fs::copy(&http, place("capture")).unwrap();
    fs::create_dir(place("folder")).unwrap();
    let list = ["--format", "parquet", "-o"];
    Program::new()
        .args([&http])
        .args(list)
        .args([place("parquet")])
        .run()
        .exits(0);
    make(&place("index"), &[&http], &[]).exits(0);
    for name in entries(folder.path())
        .iter()
        .map(String::as_str)
        .chain(["none"])
    {
        if name != "index" {
            refuses_to_list(&place(name));
            refuses(&place(name), &[], &[&place(name).display().to_string()]);
        }
    }
    refuses(
        &place("parquet"),
        &[],
        &["not one that `pcap_flows index` made"],
    );
    refuses(&place("none"), &[], &["No such file"]);
}

#[test]
fn an_index_that_was_cut_short() {
    let indexed = Indexed::of(&[testdata("recorded/http.pcap")], &[]);
    let whole = fs::read(&indexed.index).unwrap();
    let cut = indexed.folder.path().join("cut.idx");
    let (many, few) = ((0..whole.len()).step_by(97), [1, 4, 7, 8, 9, 12, 100]);
    let ends = few.map(|it| whole.len() - it);
    for len in many.chain(ends) {
        fs::write(&cut, &whole[..len]).unwrap();
        list(&cut).exits(1).prints_nothing().says("cut.idx");
    }
    refuses(&cut, &[], &["cut.idx"]);
}

/// Whatever bit is another one: an extraction is right or fails, and a list adds up or fails.
#[test]
fn bits_that_were_flipped() {
    let indexed = Indexed::of(&[testdata("recorded/http.pcap")], &[]);
    let output = indexed.folder.path().join("out");
    let extract = |indexed: &Indexed| {
        let ids = ["--extract", "2-3", "-o"];
        indexed.by_index().args(ids).args([&output]).run()
    };
    extract(&indexed).exits(0);
    let expected = fs::read(&output).unwrap();
    let packets = |text: &str| {
        rows(text)
            .iter()
            .map(|row| number(row, "packets"))
            .sum::<i64>()
    };
    let mut chance = Random::new(7);
    let mut codes = [0; 2];
    for (file, step) in [(&indexed.index, 31), (&indexed.packets(), 7)] {
        let whole = fs::read(file).unwrap();
        for place in (0..whole.len()).step_by(step) {
            fs::remove_file(&output).unwrap_or(());
            let mut bytes = whole.clone();
            let bit = u32::try_from(chance.below(8)).unwrap();
            bytes[place] ^= 1 << bit;
            fs::write(file, &bytes).unwrap();
            let ended = extract(&indexed);
            let what = format!("bit {bit} at {place} of {}\n{ended}", file.display());
            match ended.status.code() {
                Some(0) => assert!(fs::read(&output).unwrap() == expected, "{what}"),
                code => assert_eq!((code, output.exists()), (Some(1), false), "{what}"),
            }
            codes[usize::from(ended.status.code() == Some(1))] += 1;
            let listed = list(&indexed.index);
            match listed.status.code() {
                Some(0) => assert_eq!(packets(listed.text()), 64, "{what}{listed}"),
                code => assert_eq!((code, listed.stdout.len()), (Some(1), 0), "{what}{listed}"),
            }
        }
        fs::write(file, &whole).unwrap();
    }
    assert!(
        codes.iter().all(|&count| count > 20),
        "both happens: {codes:?}"
    );
    extract(&indexed).exits(0);
}

#[test]
fn packets_that_belong_to_another_index() {
    let (_folder, _, indexed) = lossy();
    let http = Indexed::of(&[testdata("recorded/http.pcap")], &[]);
    let packets = indexed.packets();
    let own = fs::read(&packets).unwrap();
    let name = packets.display().to_string();
    let others: [&dyn Fn(); 5] = [
        &|| fs::remove_file(&packets).unwrap(),
        &|| fs::write(&packets, "").unwrap(),
        &|| fs::write(&packets, &own[..own.len() - 1]).unwrap(),
        &|| assert!(fs::copy(http.packets(), &packets).is_ok()),
        &|| assert!(fs::copy(&http.index, &packets).is_ok()),
    ];
    let listed = list(&indexed.index).exits(0).stdout;
    for spoil in others {
        spoil();
        refuses(&indexed.index, &[], &[&name]);
        // Nothing of it is needed for that.
        assert!(list(&indexed.index).exits(0).stdout == listed);
        fs::write(&packets, &own).unwrap();
    }
    indexed
        .by_index()
        .args(["--extract", "1", "-o", "-"])
        .run()
        .exits(0);
}

/// An index of other settings, put under the same name.
#[test]
fn packets_of_the_same_captures_but_other_flows() {
    let (_folder, capture, indexed) = lossy();
    let other = Indexed::of(&[&capture], &["--bidirectional"]);
    let packets = indexed.packets();
    fs::copy(other.packets(), &packets).unwrap();
    refuses(&indexed.index, &[], &[]);
}

// What cannot be indexed.

#[test]
fn what_can_be_read_only_once() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("day.idx");
    let bytes = fs::read(testdata("recorded/http.pcap")).unwrap();
    let names = [
        ("-", 2, "standard input"),
        ("/dev/stdin", 1, "/dev/stdin"),
        ("/dev/null", 1, "/dev/null"),
    ];
    for (name, code, said) in names {
        let program = Program::new().args(["index", name, "-o"]).args([&index]);
        let ended = program.input(&bytes, 4096).run();
        ended.exits(code).prints_nothing().says(said);
        assert!(entries(folder.path()).is_empty());
    }
    let pipe = folder.path().join("pipe");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    make(&index, &[&pipe], &[])
        .exits(1)
        .says(&pipe.display().to_string());
    make(&index, &[&folder.path().join("none.pcap")], &[])
        .exits(1)
        .says("none.pcap");
    assert_eq!(entries(folder.path()), ["pipe"]);
}

/// A capture that cannot be read beside one that can: its flows are there, and it is told. With
/// nothing that can be read, there is no index.
#[test]
fn captures_of_which_nothing_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("day.idx");
    let text = testdata("generated/damage/text.pcap");
    for name in [
        "empty.pcap",
        "text.pcap",
        "bad-magic.pcap",
        "cut-section.pcapng",
    ] {
        let capture = testdata("generated/damage").join(name);
        make(&index, &[&capture], &[])
            .exits(1)
            .prints_nothing()
            .says(name);
        assert!(entries(folder.path()).is_empty());
    }
    let both = Indexed::of(&[testdata("recorded/http.pcap"), text], &[]);
    assert_eq!(both.code, 3);
    let ended = list(&both.index).exits(3).says("text.pcap");
    assert_eq!(ended.rows().len(), 6);
    let program = both.by_index().args(["--extract", "1", "-o", "-"]);
    let ended = program.run().exits(3).says("text.pcap");
    assert_eq!(parse(&ended.stdout).packets.len(), 12);
}

// What is asked for.

#[test]
fn what_makes_no_sense() {
    let indexed = Indexed::of(&[testdata("recorded/http.pcap")], &[]);
    let index = indexed.index.to_str().unwrap();
    let http = testdata("recorded/http.pcap");
    let http = http.to_str().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let output = output.to_str().unwrap();
    for (args, says) in [
        (&["--index", index, http][..], "cannot be used with"),
        (&["--index", index, "--stdin"], "cannot be used with"),
        (
            &["--index", index, "--bidirectional"],
            "cannot be used with",
        ),
        (
            &["--index", index, "--decap", "--extract", "1", "-o", output],
            "cannot be used with",
        ),
        (
            &["--index", index, "--packet-max", "3"],
            "cannot be used with",
        ),
        (&["--index", index, "--extract", "1"], "-o"),
        (&["--relocate", "a=b", http], "--index"),
        (
            &["--where", "bytes > 1", http, "-o", output],
            "pcap_flows index",
        ),
        (
            &[
                "--where",
                "bytes > 1",
                http,
                "--extract-tcp-all",
                "-o",
                output,
            ],
            "pcap_flows index",
        ),
        (&["--where", "bytes >", http], "--where"),
        (&["--where", "byts > 1", http], "bytes"),
        (&["--where", "handshake", http], "handshake"),
        (
            &["--where", "src_ip = 10.0.0.300", "--index", index],
            "--where",
        ),
        (
            &[
                "--where",
                "bytes = 'many'",
                "--index",
                index,
                "--extract",
                "1",
                "-o",
                output,
            ],
            "--where",
        ),
        (&["index", "-o", output], "captures"),
        (&["index", http], "-o"),
        (&["index", http, "-o", "-"], "standard output"),
        (
            &["index", http, "-o", output, "--filter", "tcp"],
            "--filter",
        ),
    ] {
        run(args).exits(2).prints_nothing().says(says);
        assert!(entries(folder.path()).is_empty(), "{args:?}");
    }
    // The place of what is wrong.
    let ended = run(["--where", "bytes > 1 and nonsense = 2", http]).exits(2);
    ended.says("  bytes > 1 and nonsense = 2\n                ^");
}

/// The message is that of a run without index.
#[test]
fn flows_that_there_are_not() {
    let indexed = Indexed::of(&[testdata("recorded/http.pcap")], &[]);
    for ids in ["7", "1,9000000000", "5-8"] {
        for question in ["--extract", "--extract-tcp"] {
            let folder = tempfile::tempdir().unwrap();
            let output = folder.path().join("out");
            let ask = |program: Program| {
                let ended = program.args([question, ids, "-o"]).args([&output]).run();
                let ended = ended.exits(1).prints_nothing().says("there is no FlowID");
                assert!(entries(folder.path()).is_empty());
                ended.stderr
            };
            assert_eq!(ask(indexed.by_index()), ask(indexed.by_captures()));
        }
    }
}

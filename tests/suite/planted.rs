//! What somebody else put at an output's name before, and who may read what is written.

use crate::common::entries;
use crate::common::program::Program;
use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

const HTTP: &str = "testdata/recorded/http.pcap";

/// Every kind of output that is one file, by the options that ask for it; the name comes last.
const SINGLE: [&[&str]; 6] = [
    &["-o"],
    &["--stats"],
    &["--extract-tcp", "1", "-o"],
    &["--extract-tcp", "1", "-o", "others/", "--manifest"],
    &["--format", "parquet", "-o"],
    &["index"],
];

/// Writes the output that these options ask for to `name` in `folder`.
fn write(folder: &Path, program: Program, options: &[&str], name: &str) {
    let capture = crate::common::root().join(HTTP);
    let program = program.current_dir(folder);
    let program = match options {
        ["index"] => program.args(["index", "-o", name]).args([&capture]),
        _ => {
            let program = program.args([&capture]).args(options);
            program.args([name, "--disable-display"])
        }
    };
    program.run().exits(0);
}

/// The name that makes this kind of output.
fn name_of(options: &[&str]) -> &'static str {
    match options {
        ["--extract-tcp", "1", "-o"] => "out.tar",
        ["--extract-tcp", ..] => "out.csv",
        ["--format", ..] => "out.parquet",
        ["-o"] => "out.pcap",
        ["index"] => "out.idx",
        _ => "out.json",
    }
}

#[test]
fn links_at_an_output_s_name_are_not_followed() {
    for options in SINGLE {
        let name = name_of(options);
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("victim"), "mine").unwrap();
        let fifo = Command::new("mkfifo").arg(path("fifo")).status().unwrap();
        assert!(fifo.success());
        let targets = [
            "victim",
            "nowhere",
            "fifo",
            "/dev/null",
            "/dev/full",
            "/dev/stdout",
            "/proc/self/fd/1",
        ];
        for target in targets {
            drop(fs::remove_file(path(name)));
            symlink(target, path(name)).unwrap();
            write(folder.path(), Program::new(), options, name);
            let kind = fs::symlink_metadata(path(name)).unwrap();
            assert!(kind.is_file(), "{options:?}, link to {target}");
            assert!(kind.len() > 0, "{options:?}, link to {target}");
            assert_eq!(fs::read(path("victim")).unwrap(), b"mine", "{options:?}");
            let is_there = fs::symlink_metadata(path("nowhere")).is_ok();
            assert!(!is_there, "{options:?}: made where the link leads");
            let kind = fs::metadata(path("fifo")).unwrap().file_type();
            assert!(kind.is_fifo(), "{options:?}");
        }
    }
}

/// Files of streams, and what an index has beside it, have names that can be guessed.
#[test]
fn links_at_names_that_can_be_guessed_are_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (streams, index) = (&["--extract-tcp", "1", "-o"][..], &["index"][..]);
    fs::create_dir(path("streams")).unwrap();
    write(folder.path(), Program::new(), streams, "streams/");
    write(folder.path(), Program::new(), index, "out.idx");
    let names = entries(&path("streams"));
    let names = names.iter().map(|name| format!("streams/{name}"));
    let parts = entries(folder.path());
    let parts = parts.into_iter().filter(|name| name.starts_with("out.idx"));
    let names: Vec<String> = names.chain(parts).collect();
    assert!(names.len() >= 3, "{names:?}");
    fs::write(path("victim"), "mine").unwrap();
    for name in &names {
        fs::remove_file(path(name)).unwrap();
        symlink(path("victim"), path(name)).unwrap();
    }
    write(folder.path(), Program::new(), streams, "streams/");
    write(folder.path(), Program::new(), index, "out.idx");
    assert_eq!(fs::read(path("victim")).unwrap(), b"mine");
    for name in entries(&path("streams")) {
        let kind = fs::symlink_metadata(path("streams").join(&name)).unwrap();
        assert!(kind.is_file() && kind.len() > 0, "{name}");
    }
    assert!(fs::symlink_metadata(path("out.idx")).unwrap().is_file());
}

#[test]
fn outputs_get_the_user_s_umask() {
    let streams = ["--extract-tcp", "1", "-o"];
    for (umask, file_mode, folder_mode) in [
        ("077", 0o600, 0o700),
        ("027", 0o640, 0o750),
        ("000", 0o666, 0o777),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mode = |name: &str| {
            let metadata = fs::metadata(folder.path().join(name)).unwrap();
            metadata.permissions().mode() & 0o7777
        };
        let with_umask = || Program::after(&format!("umask {umask}"));
        for options in SINGLE {
            let name = name_of(options);
            write(folder.path(), with_umask(), options, name);
            assert_eq!(mode(name), file_mode, "{options:?}, umask {umask}");
        }
        write(folder.path(), with_umask(), &streams, "new/");
        assert_eq!(mode("new"), folder_mode, "umask {umask}");
        for file in entries(&folder.path().join("new")) {
            let mode = mode(&format!("new/{file}"));
            assert_eq!(mode, file_mode, "{file}, umask {umask}");
        }
    }
}

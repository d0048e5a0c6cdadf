//! The commands in README.md, docs/manual.md and docs/tcp.md do what these say.
//!
//! Blocks marked `console` are run in order, in a new folder that links to `testdata` and `examples`,
//! so that commands may write anywhere; blocks with any other mark are not run. A line that starts
//! with `$ ` is a command for `sh`, in which `pcap_flows` is the program under test; after a `\`, it
//! continues in the next line. The lines that follow, up to the next command or the end of the block, are what it prints on standard output and
//! standard error; a line of `...` matches any number of lines. Lines of progress are left out: how
//! many there are depends on the machine. `$TMPDIR` is the folder itself.

use crate::common::program::{Ended, run_other};
use crate::common::{Complaints, root};
use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

/// A command and the lines that it should print.
#[derive(Debug, PartialEq, Eq)]
struct Example {
    line: usize,
    command: String,
    expected: Vec<String>,
}

#[test]
fn commands_print_what_is_shown() {
    // A reference shows tables, without the notices that follow them.
    for (name, outputs) in [
        ("README.md", "exec 2>&1"),
        ("docs/manual.md", "exec 2>&1"),
        ("docs/tcp.md", "exec 2>/dev/null"),
    ] {
        check(name, outputs);
    }
}

fn check(name: &str, outputs: &str) {
    let text = fs::read_to_string(root().join(name)).unwrap();
    let examples = examples(&text);
    assert!(
        !examples.is_empty(),
        "{name} shows no command in a block marked `console`"
    );
    let mut wrong = Complaints::default();
    let folder = tempfile::tempdir().unwrap();
    for linked in ["testdata", "examples"] {
        symlink(root().join(linked), folder.path().join(linked)).unwrap();
    }
    for example in &examples {
        let ended = shell(outputs, &example.command, folder.path());
        let found: Vec<&str> = ended
            .text()
            .lines()
            .filter(|line| !is_progress(line))
            .collect();
        if !matches(&example.expected, &found) {
            wrong.add(format!(
                "{name}:{}: $ {}\nshown:\n{}\nprinted:\n{}",
                example.line,
                example.command,
                example.expected.join("\n"),
                found.join("\n")
            ));
        }
    }
    wrong.none();
}

/// `[03:53:32.924.991.000 100.0%] Flows:6 0.00M Pkts …`
fn is_progress(line: &str) -> bool {
    line.starts_with('[') && line.contains("] Flows:")
}

/// Runs a command as a person would who has the program in the path, after a command that says where
/// its outputs go.
fn shell(outputs: &str, command: &str, folder: &Path) -> Ended {
    let program = Path::new(env!("CARGO_BIN_EXE_pcap_flows"));
    let mut path = program.parent().unwrap().as_os_str().to_owned();
    if let Some(rest) = env::var_os("PATH") {
        path.push(":");
        path.push(rest);
    }
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!("{outputs}\n{command}")])
        .current_dir(folder)
        .env("PATH", path)
        .env("TZ", "UTC")
        .env("TMPDIR", folder)
        .env_remove("PCAP_FLOWS_FORMAT");
    run_other(shell).unwrap_or_else(|| panic!("there is no sh"))
}

/// The commands of all blocks marked `console`.
fn examples(text: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    // Inside a block: whether it is run.
    let mut block = None;
    for (line, number) in text.lines().zip(1..) {
        match (line.strip_prefix("```"), block) {
            (Some(mark), None) => block = Some(mark.trim() == "console"),
            (Some(_), Some(_)) => block = None,
            (None, Some(true)) => match (line.strip_prefix("$ "), examples.last_mut()) {
                (Some(command), _) => examples.push(Example {
                    line: number,
                    command: command.to_owned(),
                    expected: Vec::new(),
                }),
                (None, Some(example)) if example.command.ends_with('\\') => {
                    example.command.push('\n');
                    example.command.push_str(line);
                }
                (None, Some(example)) => example.expected.push(line.to_owned()),
                (None, None) => panic!("line {number}: output without a command"),
            },
            (None, _) => {}
        }
    }
    examples
}

/// Whether lines are those expected, where `...` stands for any number of lines.
fn matches(expected: &[String], found: &[&str]) -> bool {
    match expected.split_first() {
        None => found.is_empty(),
        Some((line, rest)) if line.trim() == "..." => {
            (0..=found.len()).any(|skipped| matches(rest, &found[skipped..]))
        }
        Some((line, rest)) => found.split_first().is_some_and(|(first, others)| {
            line.trim_end() == first.trim_end() && matches(rest, others)
        }),
    }
}

/// README.md fits on a page, and its examples in a terminal.
#[test]
fn the_readme_is_short() {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    assert!(text.lines().count() <= 150);
    for example in examples(&text) {
        let command = format!("$ {}", example.command);
        for line in command
            .lines()
            .chain(example.expected.iter().map(String::as_str))
        {
            assert!(line.chars().count() <= 100, "{line}");
        }
    }
}

/// A guard for the reader of examples.
#[test]
fn blocks_are_found() {
    let text = "text\n```console\n$ one\na\n...\nb\n$ two \\\n  2\n```\n```text\n$ three\n```\n```sh\nx\n```\n";
    let example = |line, command: &str, expected: &[&str]| Example {
        line,
        command: command.to_owned(),
        expected: expected.iter().map(|it| (*it).to_owned()).collect(),
    };
    let expected = [
        example(3, "one", &["a", "...", "b"]),
        example(7, "two \\\n  2", &[]),
    ];
    assert_eq!(examples(text), expected);
    let shown = &expected[0].expected;
    assert!(matches(shown, &["a", "b"]));
    assert!(matches(shown, &["a", "x", "y", "b"]));
    assert!(!matches(shown, &["a", "x"]));
    assert!(!matches(shown, &["a", "b", "c"]));
    assert!(matches(&[], &[]));
}

//! The program as a process, and what it answered.

use super::root;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

/// A call of the program that is being put together. It runs in the repository's root, with an
/// empty standard input and times in UTC, unless something else is said.
#[derive(Debug)]
pub(crate) struct Program {
    command: Command,
    input: Option<(Vec<u8>, usize)>,
}

/// The program with these arguments, run to its end.
pub(crate) fn run<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Ended {
    Program::new().args(args).run()
}

impl Program {
    pub(crate) fn new() -> Self {
        Self::called_by(Command::new(env!("CARGO_BIN_EXE_pcap_flows")))
    }

    /// The program with less of something than usual: `limit` is what `ulimit` is to set.
    pub(crate) fn with_limit(limit: &str) -> Self {
        Self::after(&format!("ulimit {limit}"))
    }

    /// The program as it is called behind this in a shell.
    pub(crate) fn after(command: &str) -> Self {
        let mut shell = Command::new("sh");
        let script = format!("{command}; exec \"$@\"");
        shell.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_pcap_flows")]);
        Self::called_by(shell)
    }

    fn called_by(mut command: Command) -> Self {
        command
            .current_dir(root())
            .env("TZ", "UTC")
            .env_remove("PCAP_FLOWS_FORMAT")
            .stdin(Stdio::null());
        Self {
            command,
            input: None,
        }
    }

    pub(crate) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.command.args(args);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn current_dir(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Bytes for standard input, written through a pipe in pieces of this length.
    pub(crate) fn input(mut self, bytes: &[u8], piece_len: usize) -> Self {
        self.command.stdin(Stdio::piped());
        self.input = Some((bytes.to_vec(), piece_len));
        self
    }

    /// Runs the program to its end.
    pub(crate) fn run(self) -> Ended {
        self.start().wait()
    }

    /// Starts the program with this end of a pipe as its standard input.
    pub(crate) fn start_with(mut self, input: impl Into<Stdio>) -> Running {
        self.command.stdin(input);
        self.start()
    }

    /// Starts the program.
    pub(crate) fn start(mut self) -> Running {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let name = shown(&self.command);
        let mut child = self
            .command
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        if let (Some((bytes, piece_len)), Some(mut pipe)) = (self.input, child.stdin.take()) {
            thread::spawn(move || {
                for piece in bytes.chunks(piece_len.max(1)) {
                    // A program that has seen enough closes its end.
                    if pipe.write_all(piece).is_err() {
                        return;
                    }
                }
            });
        }
        Running { name, child }
    }
}

/// Runs any other program; `None` where it is not installed.
pub(crate) fn run_other(mut command: Command) -> Option<Ended> {
    let name = shown(&command);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.spawn().ok()?;
    Some(Running { name, child }.wait())
}

/// Waits until something has happened.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut has_happened: impl FnMut() -> bool) {
    const STEP: Duration = Duration::from_millis(5);
    for _ in 0..PATIENCE.as_millis() / STEP.as_millis() {
        if has_happened() {
            return;
        }
        thread::sleep(STEP);
    }
    panic!("waited in vain: {what}");
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<String> = words
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    words.join(" ")
}

/// A process that was started. Dropped before its end, it is killed.
#[derive(Debug)]
pub(crate) struct Running {
    name: String,
    pub(crate) child: Child,
}

impl Running {
    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &kill]).status().unwrap();
        assert!(status.success(), "{kill}");
    }

    /// Waits for the end. A process that shows no end of itself within a time that no machine
    /// needs hangs: it is killed, and the test fails.
    #[track_caller]
    pub(crate) fn wait(mut self) -> Ended {
        let stdout = self.child.stdout.take().map(collect);
        let stderr = self.child.stderr.take().map(collect);
        let take = |bytes: Option<Receiver<Vec<u8>>>| match bytes {
            Some(bytes) => bytes.recv_timeout(PATIENCE).ok(),
            None => Some(Vec::new()),
        };
        let (stdout, stderr) = (take(stdout), take(stderr));
        let hangs = stdout.is_none() || stderr.is_none();
        assert!(!hangs, "{} hangs; it was killed", self.name);
        let status = self.child.wait().unwrap();
        Ended {
            command: self.name.clone(),
            status,
            stdout: stdout.unwrap_or_default(),
            stderr: String::from_utf8_lossy(&stderr.unwrap_or_default()).into_owned(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails where the process has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn collect(mut pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        drop(pipe.read_to_end(&mut bytes));
        drop(sender.send(bytes));
    });
    receiver
}

/// Long enough for the slowest machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a process ended, and what it wrote.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) command: String,
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Ended {
    /// Asserts the exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "exit code of\n{self}");
        assert!(!self.stderr.contains("panicked"), "no panic in\n{self}");
        self
    }

    /// Asserts the signal that ended the process.
    #[track_caller]
    pub(crate) fn ends_by_signal(self, signal: i32) -> Self {
        assert_eq!(
            self.status.signal(),
            Some(signal),
            "signal that ended\n{self}"
        );
        self
    }

    /// Asserts that standard error has a text.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(
            self.stderr.contains(text),
            "{text:?} on standard error of\n{self}"
        );
        self
    }

    /// Asserts that standard output is empty.
    #[track_caller]
    pub(crate) fn prints_nothing(self) -> Self {
        assert!(
            self.stdout.is_empty(),
            "nothing on standard output of\n{self}"
        );
        self
    }

    /// Standard output as text.
    #[track_caller]
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap_or_else(|error| panic!("{error} in\n{self}"))
    }

    /// Standard output as rows of a csv table: values by column.
    #[track_caller]
    pub(crate) fn rows(&self) -> Vec<Row> {
        rows(self.text())
    }
}

/// A row of a csv table: values by column.
pub(crate) type Row = BTreeMap<String, String>;

pub(crate) fn rows(text: &str) -> Vec<Row> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows = reader.deserialize().collect::<Result<_, _>>();
    rows.unwrap_or_else(|error| panic!("{error} in\n{text}"))
}

/// A number in a row.
#[track_caller]
pub(crate) fn number(row: &Row, column: &str) -> i64 {
    let text = row
        .get(column)
        .unwrap_or_else(|| panic!("{column} in {row:?}"));
    text.parse()
        .unwrap_or_else(|error| panic!("{column}: {error} in {row:?}"))
}

/// What a person needs to see why a test failed.
impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            command,
            status,
            stdout,
            stderr,
        } = self;
        let shown = String::from_utf8_lossy(stdout);
        let cut: String = shown.chars().take(MOST_SHOWN).collect();
        let rest = if cut.len() < shown.len() { " …" } else { "" };
        writeln!(f, "$ {command}\n({status})")?;
        writeln!(f, "--- standard output, {} bytes", stdout.len())?;
        writeln!(f, "{cut}{rest}")?;
        write!(f, "--- standard error\n{stderr}")
    }
}

const MOST_SHOWN: usize = 4000;

//! Captures with an index, and the same questions asked of both.

use super::program::{Ended, Program};
use super::streams::{files_in, slashed};
use super::{Complaints, entries};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Captures, and an index of them in a folder of its own.
#[derive(Debug)]
pub(crate) struct Indexed {
    pub(crate) folder: TempDir,
    pub(crate) captures: Vec<PathBuf>,
    /// How flows are told apart.
    settings: Vec<String>,
    pub(crate) index: PathBuf,
    /// How indexing ended: 0, or 3 where the captures are damaged.
    pub(crate) code: i32,
}

/// What a run wrote, by name, and how it ended.
#[derive(Debug, PartialEq)]
struct Written {
    code: Option<i32>,
    files: BTreeMap<String, Vec<u8>>,
    stdout: Vec<u8>,
}

impl Indexed {
    /// Makes an index.
    #[track_caller]
    pub(crate) fn of<P: AsRef<Path>>(captures: &[P], settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let index = folder.path().join("day.idx");
        let captures: Vec<PathBuf> = captures.iter().map(|it| it.as_ref().to_owned()).collect();
        let ended = make(&index, &captures, settings);
        let code = match ended.status.code() {
            Some(3) => 3,
            _ => 0,
        };
        let ended = ended.exits(code).prints_nothing();
        let mut expected = vec!["day.idx", "day.idx.packets-1", "day.idx.tcp"];
        expected.truncate(if settings.contains(&"--no-tcp") { 2 } else { 3 });
        assert_eq!(entries(folder.path()), expected, "{ended}");
        Self {
            folder,
            captures,
            settings: settings.iter().map(|&it| it.to_owned()).collect(),
            index,
            code,
        }
    }

    /// The file with the places of packets.
    pub(crate) fn packets(&self) -> PathBuf {
        self.folder.path().join("day.idx.packets-1")
    }

    /// A question to the index.
    pub(crate) fn by_index(&self) -> Program {
        let index = ["--index".as_ref(), self.index.as_os_str()];
        Program::new().args(["--progress", "never"]).args(index)
    }

    /// A question to the captures.
    pub(crate) fn by_captures(&self) -> Program {
        let settings = self.settings.iter().map(OsStr::new);
        let captures = self.captures.iter().map(|it| it.as_os_str());
        let program = Program::new().args(["--progress", "never"]);
        program.args(settings).args(captures)
    }

    /// Lists flows both ways; what is on standard output must be the same.
    pub(crate) fn compare_lists(&self, options: &[&str], wrong: &mut Complaints) {
        let run = |program: Program| program.args(options).run();
        let (found, expected) = (run(self.by_index()), run(self.by_captures()));
        if outcome(&found) != outcome(&expected) || found.stderr.contains("panicked") {
            wrong.add(format!("{options:?}:\n{found}\ninstead of\n{expected}"));
        }
    }

    /// Extracts both ways to `output` in a folder of its own; all that is there afterwards must be
    /// the same, and what is on standard output.
    pub(crate) fn compare_outputs(&self, output: &str, options: &[&str], wrong: &mut Complaints) {
        let (found, ended) = self.written(self.by_index(), output, options);
        let (mut expected, other) = self.written(self.by_captures(), output, options);
        // An index tells of all damage, a filter hides packets that name no interface.
        if expected.code == Some(0) {
            expected.code = Some(self.code);
        }
        let names = |it: &Written| it.files.keys().cloned().collect::<Vec<_>>();
        let lens = |it: &Written| it.files.values().map(Vec::len).collect::<Vec<_>>();
        if found != expected || ended.stderr.contains("panicked") {
            let different = found
                .files
                .iter()
                .find(|(name, bytes)| expected.files.get(*name) != Some(bytes));
            wrong.add(format!(
                "{:?} {options:?} to {output}: {:?} with {:?} bytes instead of {:?} with {:?}; {:?} \
                 is another one\n{ended}\ninstead of\n{other}",
                self.captures,
                names(&found),
                lens(&found),
                names(&expected),
                lens(&expected),
                different.map(|(name, _)| name),
            ));
        }
    }

    fn written(&self, program: Program, output: &str, options: &[&str]) -> (Written, Ended) {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        let mut program = program.args(["--disable-display"]).args(options);
        program = match output {
            "-" => program.args(["-o", "-"]),
            output if output.ends_with('/') => {
                program.args(["-o".as_ref(), slashed(&place(output)).as_os_str()])
            }
            output => program.args(["-o".as_ref(), place(output).as_os_str()]),
        };
        let wants_manifest = options.iter().any(|it| it.starts_with("--extract-tcp"));
        if wants_manifest {
            let manifest = place("manifest.csv");
            program = program.args(["--manifest".as_ref(), manifest.as_os_str()]);
        }
        let ended = program.run();
        let mut files = BTreeMap::new();
        for name in entries(folder.path()) {
            let path = place(&name);
            if path.is_dir() {
                let own = files_in(&path).into_iter();
                files.extend(own.map(|(file, bytes)| (format!("{name}/{file}"), bytes)));
            } else {
                files.insert(name, fs::read(&path).unwrap());
            }
        }
        // It names the files with their folder.
        if let Some(manifest) = files.get_mut("manifest.csv") {
            let text = String::from_utf8(std::mem::take(manifest)).unwrap();
            let folder = folder.path().display().to_string();
            *manifest = text.replace(&folder, "FOLDER").into_bytes();
        }
        let written = Written {
            code: ended.status.code(),
            files,
            stdout: ended.stdout.clone(),
        };
        (written, ended)
    }
}

fn outcome(ended: &Ended) -> (Option<i32>, &[u8]) {
    (ended.status.code(), &ended.stdout)
}

/// Makes an index, however that ends.
pub(crate) fn make<P: AsRef<OsStr>>(index: &Path, captures: &[P], options: &[&str]) -> Ended {
    let program = Program::new().args(["index", "--progress", "never", "-o"]);
    program.args([index]).args(captures).args(options).run()
}

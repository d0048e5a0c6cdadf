//! What the tests share: the program, captures to give it, and ways to read them.

pub(crate) mod answer;
pub(crate) mod database;
pub(crate) mod disk;
pub(crate) mod effort;
pub(crate) mod extraction;
pub(crate) mod frames;
pub(crate) mod indexed;
pub(crate) mod program;
pub(crate) mod reading;
pub(crate) mod strace;
pub(crate) mod streams;

use std::fs;
use std::path::{Path, PathBuf};

/// The repository's root: tests name files from here.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A capture below `testdata/`, and what is expected of it.
#[derive(Clone, Debug)]
pub(crate) struct Capture {
    /// From the repository's root: `testdata/recorded/http.pcap`.
    pub(crate) name: String,
    /// Complete packets.
    pub(crate) packets: u64,
    /// Flows by the 5-tuple of the outermost IP header, where anything can be read.
    pub(crate) flows: Option<u64>,
    pub(crate) not_ip: Option<u64>,
    /// `None` where the table does not say.
    pub(crate) malformed: Option<u64>,
    /// Flows by the innermost IP header.
    pub(crate) inner_flows: Option<u64>,
    pub(crate) damaged: bool,
    pub(crate) refused: bool,
    /// Records that stand before any damage.
    pub(crate) packets_before_damage: Option<u64>,
}

impl Capture {
    pub(crate) fn path(&self) -> PathBuf {
        root().join(&self.name)
    }

    pub(crate) fn read(&self) -> Vec<u8> {
        fs::read(self.path()).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    pub(crate) fn is_pcapng(&self) -> bool {
        self.name.ends_with(".pcapng")
    }
}

/// All captures below `testdata/`, as the tables beside them list them.
pub(crate) fn captures() -> Vec<Capture> {
    let mut captures = table("generated");
    captures.extend(table("recorded"));
    captures.extend(table("recorded/servers"));
    captures
}

/// A capture below `testdata/` by its name there.
pub(crate) fn testdata(name: &str) -> PathBuf {
    let path = root().join("testdata").join(name);
    assert!(path.exists(), "{} is missing", path.display());
    path
}

fn table(folder: &str) -> Vec<Capture> {
    let path = root().join("testdata").join(folder).join("EXPECTED.tsv");
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(b'\t')
        .flexible(true)
        .from_path(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let columns = reader.headers().unwrap().clone();
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        let field = |name: &str| {
            let place = columns.iter().position(|column| column == name)?;
            row.get(place).filter(|text| !text.is_empty())
        };
        let number = |name: &str| {
            field(name).map(|text| text.parse().unwrap_or_else(|_| panic!("{name}: {text}")))
        };
        let is_yes = |name: &str| field(name) == Some("yes");
        Capture {
            name: format!("testdata/{folder}/{}", field("file").unwrap()),
            packets: number("packets").unwrap(),
            flows: number("flows"),
            not_ip: number("not_ip"),
            malformed: number("malformed"),
            inner_flows: number("inner_flows"),
            damaged: is_yes("damaged"),
            refused: is_yes("refused"),
            packets_before_damage: number("packets_before_damage"),
        }
    });
    rows.collect()
}

/// Names of the entries of a folder, sorted.
pub(crate) fn entries(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Collects what is wrong, so that one test tells all of it.
#[derive(Debug, Default)]
pub(crate) struct Complaints(Vec<String>);

impl Complaints {
    pub(crate) fn add(&mut self, text: impl Into<String>) {
        self.0.push(text.into());
    }

    pub(crate) fn compare<T: PartialEq + std::fmt::Debug>(
        &mut self,
        what: impl std::fmt::Display,
        found: T,
        expected: T,
    ) {
        if found != expected {
            self.add(format!("{what}: {found:?} instead of {expected:?}"));
        }
    }

    #[track_caller]
    pub(crate) fn none(self) {
        if let Err(text) = self.into_result() {
            panic!("{text}");
        }
    }

    /// The complaints as one text, if there are any.
    pub(crate) fn into_result(self) -> Result<(), String> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(format!("{} wrong:\n{}", self.0.len(), self.0.join("\n")))
    }
}

//! Extractions of streams by the program, and all that they wrote.

use super::program::{Ended, Program, Row, number, rows};
use super::{entries, root};
use pcap_flows::output::stream::{HeaderStyle, Record, RecordReader};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use testkit::conversation::Trace;

/// An extraction that succeeded.
#[derive(Debug)]
pub(crate) struct Extracted {
    pub(crate) ended: Ended,
    /// What was written, by file name.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// The rows of the manifest; files are named without their directory.
    pub(crate) manifest: Vec<Row>,
}

/// All TCP streams of a trace.
#[track_caller]
pub(crate) fn tcp_streams(trace: &Trace, options: &[&str]) -> Extracted {
    streams(trace, &[&["--extract-tcp-all"], options].concat())
}

/// The streams of a trace that the options ask for.
#[track_caller]
pub(crate) fn streams(trace: &Trace, options: &[&str]) -> Extracted {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("capture.pcap");
    fs::write(&capture, trace.file()).unwrap();
    streams_of_files(&[&capture], options)
}

/// The streams of files that the options ask for.
#[track_caller]
pub(crate) fn streams_of_files<P: AsRef<OsStr>>(inputs: &[P], options: &[&str]) -> Extracted {
    extracted(Program::new().args(inputs).args(options))
}

/// Runs an extraction to a directory, with a manifest. It must succeed, leave nothing else, and
/// say the same in both.
#[track_caller]
pub(crate) fn extracted(program: Program) -> Extracted {
    extracted_with(program, 0)
}

/// The same with another exit code: 3 where the capture is damaged.
#[track_caller]
pub(crate) fn extracted_with(program: Program, code: i32) -> Extracted {
    let folder = tempfile::tempdir().unwrap();
    let (output, manifest) = (folder.path().join("out"), folder.path().join("streams.csv"));
    let ended = program
        .args([QUIET[0], QUIET[1], QUIET[2], "-o"])
        .args([slashed(&output).as_os_str(), "--manifest".as_ref()])
        .args([&manifest])
        .run();
    let ended = ended.exits(code).prints_nothing();
    assert_eq!(entries(folder.path()), ["out", "streams.csv"], "{ended}");
    let extracted = Extracted {
        files: files_in(&output),
        manifest: manifest_rows(&manifest, &output),
        ended,
    };
    extracted.check();
    extracted
}

/// An extraction with its outputs in a folder, as the program's options name them from there.
#[track_caller]
pub(crate) fn run_in(folder: &Path, capture: &str, options: &[&str]) {
    let capture = root().join(capture);
    let program = Program::new().current_dir(folder).args(QUIET);
    program
        .args([&capture])
        .args(options)
        .run()
        .exits(0)
        .prints_nothing();
}

/// Options of a run of which only the files matter.
pub(crate) const QUIET: [&str; 3] = ["--disable-display", "--progress", "never"];

/// A directory's name with a slash behind it.
pub(crate) fn slashed(directory: &Path) -> PathBuf {
    directory.join("")
}

/// What is in the files of a directory. None of them may be unfinished.
#[track_caller]
pub(crate) fn files_in(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let names = entries(directory);
    let content = |name: &String| fs::read(directory.join(name)).unwrap();
    assert!(
        !names.iter().any(|name| name.starts_with('.')),
        "nothing unfinished is left: {names:?}"
    );
    names
        .iter()
        .map(|name| (name.clone(), content(name)))
        .collect()
}

/// What is in the entries of an archive, in their order.
pub(crate) fn files_of_archive(archive: &Path) -> Vec<(String, Vec<u8>)> {
    let mut archive = tar::Archive::new(fs::File::open(archive).unwrap());
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        assert!(entry.header().entry_type().is_file());
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        (entry.path().unwrap().display().to_string(), content)
    });
    entries.collect()
}

/// The rows of a manifest in CSV; its files are named without their directory.
#[track_caller]
pub(crate) fn manifest_rows(manifest: &Path, directory: &Path) -> Vec<Row> {
    let mut rows = rows(&fs::read_to_string(manifest).unwrap());
    let directory = slashed(directory).display().to_string();
    for row in &mut rows {
        let file = row.get_mut("file").unwrap();
        if let Some(name) = file.strip_prefix(&directory) {
            *file = name.to_owned();
        }
    }
    rows
}

impl Extracted {
    /// Each row of a stream with bytes names a file that is there; each file has a row.
    #[track_caller]
    fn check(&self) {
        let mut listed = BTreeMap::new();
        for row in &self.manifest {
            let file = row["file"].as_str();
            assert!(!file.is_empty() || number(row, "bytes") == 0, "{row:?}");
            if !file.is_empty() {
                assert!(self.files.contains_key(file), "{file} is there: {self:?}");
                assert_eq!(listed.insert(file, row), None, "{file} is listed twice");
            }
            let gaps = gaps(row);
            assert_eq!(number(row, "gaps"), i64::try_from(gaps.len()).unwrap());
            let lost: u64 = gaps.iter().map(|(_, len)| len).sum();
            assert_eq!(number(row, "gap_bytes"), i64::try_from(lost).unwrap());
        }
        for name in self.files.keys() {
            let stem = name.split(".gap").next().unwrap_or_default();
            let is_listed = listed
                .keys()
                .any(|file| file.split(".gap").next() == Some(stem));
            assert!(is_listed, "{name} is in the manifest: {self:?}");
        }
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.files.keys().map(String::as_str).collect()
    }

    #[track_caller]
    pub(crate) fn file(&self, name: &str) -> &[u8] {
        self.files
            .get(name)
            .unwrap_or_else(|| panic!("{name} among {:?}\n{}", self.names(), self.ended))
    }

    /// The manifest's row for a file.
    #[track_caller]
    pub(crate) fn row(&self, name: &str) -> &Row {
        let row = self.manifest.iter().find(|row| row["file"] == name);
        row.unwrap_or_else(|| panic!("{name} in {:?}\n{}", self.manifest, self.ended))
    }

    /// Some columns of the row for a file.
    #[track_caller]
    pub(crate) fn columns<const N: usize>(&self, name: &str, columns: [&str; N]) -> [&str; N] {
        let row = self.row(name);
        columns.map(|column| row[column].as_str())
    }
}

/// The gaps of a row: offset and length.
pub(crate) fn gaps(row: &Row) -> Vec<(u64, u64)> {
    let list = row["gap_list"].split_whitespace().map(|gap| {
        let (offset, len) = gap.split_once('+').unwrap();
        (offset.parse().unwrap(), len.parse().unwrap())
    });
    list.collect()
}

/// Asserts that bytes are as expected, and tells where they are not without showing all of them.
#[track_caller]
pub(crate) fn assert_same(found: &[u8], expected: &[u8], what: &str) {
    let pairs = found.iter().zip(expected);
    let same = pairs
        .take_while(|(found, expected)| found == expected)
        .count();
    let shown = |bytes: &[u8]| {
        let rest: Vec<u8> = bytes.iter().skip(same).take(16).copied().collect();
        rest.escape_ascii().to_string()
    };
    assert!(
        found == expected,
        "{what}: {} bytes instead of {}; from {same} on {:?} instead of {:?}",
        found.len(),
        expected.len(),
        shown(found),
        shown(expected)
    );
}

/// The records of a file with headers.
#[track_caller]
pub(crate) fn records(file: &[u8], style: HeaderStyle) -> Vec<Record> {
    let records = RecordReader::new(file, style).collect::<Result<_, _>>();
    records.unwrap_or_else(|error| panic!("{error} in {} bytes", file.len()))
}

/// What stands behind the headers of a file.
#[track_caller]
pub(crate) fn payload(file: &[u8], style: HeaderStyle) -> Vec<u8> {
    let records = records(file, style).into_iter();
    records.flat_map(|record| record.payload).collect()
}

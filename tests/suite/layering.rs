//! Modules import from the floors below their own, never from their own or those above; and no
//! files of `src` need each other in a circle.

mod circles;
mod source;

use crate::common::{Complaints, root};
use circles::{circles, explained};
use source::Source;
use std::fs;
use std::path::{Path, PathBuf};

/// The floors of the house. A module of `src/` that is not here has no place yet.
const FLOORS: [(u8, &[&str]); 9] = [
    (8, &["main", "cli"]),
    (7, &["jobs"]),
    (6, &["engine", "index"]),
    (5, &["output", "app", "stream", "diff"]),
    (4, &["select"]),
    (3, &["flow", "tcp"]),
    (2, &["decode"]),
    (1, &["capture"]),
    (0, &["error", "number"]),
];

/// Downwards, and still not wanted.
const FORBIDDEN: [(&str, &str); 5] = [
    ("engine", "output"),
    ("engine", "index"),
    ("engine", "stream"),
    ("index", "stream"),
    ("app", "flow"),
];

/// What `lib.rs` names again at the root of the crate, and where it is from.
const REEXPORTS: [(&str, &str); 2] = [("Error", "error"), ("ErrorKind", "error")];

/// Files from which all others are declared.
const ROOTS: [&str; 2] = ["lib.rs", "main.rs"];

#[test]
fn imports_point_downwards() {
    let mut wrong = Complaints::default();
    for (file, text) in sources() {
        let module = top_module(&file);
        if module == "lib" {
            continue;
        }
        let Some(own) = floor(&module) else {
            wrong.add(format!("src/{file}: no floor for the module `{module}`"));
            continue;
        };
        for (line, import) in imports(&text) {
            let reexport = REEXPORTS.iter().find(|(name, _)| *name == import);
            let import = reexport.map_or(import.as_str(), |(_, from)| from);
            let place = format!("src/{file}:{line}");
            match floor(import) {
                _ if import == module => {}
                None => wrong.add(format!("{place}: no floor for `crate::{import}`")),
                Some(other) if other >= own => wrong.add(format!(
                    "{place}: `{module}` on floor {own} imports `{import}` on floor {other}"
                )),
                Some(_) if FORBIDDEN.contains(&(module.as_str(), import)) => {
                    wrong.add(format!("{place}: `{module}` must not know `{import}`"));
                }
                Some(_) => {}
            }
        }
    }
    wrong.none();
}

#[test]
fn files_need_each_other_in_no_circle() {
    let sources = sources();
    let files: Vec<(&str, &str)> = sources
        .iter()
        .map(|(file, text)| (file.as_str(), text.as_str()))
        .collect();
    let found = circles(&files, &ROOTS);
    let mut wrong = Complaints::default();
    for circle in &found {
        let lines = explained(&files, &ROOTS, circle);
        wrong.add(format!("a circle of {circle:?}:\n{lines}"));
    }
    wrong.none();
}

fn floor(module: &str) -> Option<u8> {
    FLOORS
        .iter()
        .find(|(_, modules)| modules.contains(&module))
        .map(|(floor, _)| *floor)
}

/// The files of `src/`, by their names there, with their text.
fn sources() -> Vec<(String, String)> {
    let source = root().join("src");
    let files = rust_files(&source).into_iter().map(|path| {
        let name = path.strip_prefix(&source).unwrap().to_str().unwrap();
        (name.to_owned(), fs::read_to_string(&path).unwrap())
    });
    files.collect()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for name in crate::common::entries(folder) {
        let path = folder.join(name);
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|it| it == "rs") {
            files.push(path);
        }
    }
    files
}

/// `flow` for `flow/key.rs` and for `flow.rs`.
fn top_module(file: &str) -> String {
    let first = file.split('/').next().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// The modules that a file names from the root of the crate, each with its line. Tests do not
/// count: they may look anywhere.
fn imports(text: &str) -> Vec<(usize, String)> {
    let source = Source::new(text);
    let imports = source.imports.iter().map(|it| (it.line, it.path.clone()));
    let paths = source.paths.iter().map(|it| (it.line, it.names.clone()));
    let mut found: Vec<(usize, String)> = imports
        .chain(paths)
        .filter_map(|(line, path)| match path.as_slice() {
            // From outside the crate, the binary names the library by its name.
            [first, second, ..] if first == "crate" || first == "pcap_flows" => {
                Some((line, second.clone()))
            }
            _ => None,
        })
        .collect();
    found.sort();
    found
}

/// A guard for the reader of imports.
#[test]
fn imports_are_found() {
    let text = "use crate::capture::Nanos;\n\
                // crate::no\n\
                use crate::{flow::{self, Flow}, error::Error, Error};\n\
                fn f() -> crate::decode::Headers {}\n\
                #[cfg(test)]\n\
                mod tests { use crate::jobs::flows; }\n\
                fn g() { pcap_flows::engine::run() }\n";
    let expected = [
        (1, "capture"),
        (3, "Error"),
        (3, "error"),
        (3, "flow"),
        (3, "flow"),
        (4, "decode"),
        (7, "engine"),
    ];
    let expected: Vec<(usize, String)> = expected
        .into_iter()
        .map(|(line, name)| (line, name.to_owned()))
        .collect();
    assert_eq!(imports(text), expected);
}

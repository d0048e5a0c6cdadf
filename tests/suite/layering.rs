//! Modules import from the floors below their own, never from their own or those above.

use crate::common::{Complaints, root};
use std::fs;
use std::path::{Path, PathBuf};

/// The floors of the house. A module of `src/` that is not here has no place yet.
const FLOORS: [(u8, &[&str]); 9] = [
    (8, &["main", "cli"]),
    (7, &["jobs"]),
    (6, &["engine", "index"]),
    (5, &["output", "app"]),
    (4, &["select"]),
    (3, &["flow", "tcp"]),
    (2, &["decode"]),
    (1, &["capture"]),
    (0, &["error", "number"]),
];

/// Downwards, and still not wanted.
const FORBIDDEN: [(&str, &str); 3] = [("engine", "output"), ("engine", "index"), ("app", "flow")];

/// What `lib.rs` names again at the root of the crate, and where it is from.
const REEXPORTS: [(&str, &str); 2] = [("Error", "error"), ("ErrorKind", "error")];

#[test]
fn imports_point_downwards() {
    let mut wrong = Complaints::default();
    let source = root().join("src");
    for path in rust_files(&source) {
        let module = top_module(&source, &path);
        if module == "lib" {
            continue;
        }
        let Some(own) = floor(&module) else {
            wrong.add(format!(
                "{}: no floor for the module `{module}`",
                path.display()
            ));
            continue;
        };
        for (line, import) in imports(&fs::read_to_string(&path).unwrap()) {
            let reexport = REEXPORTS.iter().find(|(name, _)| *name == import);
            let import = reexport.map_or(import.as_str(), |(_, from)| from);
            let place = format!("{}:{line}", path.strip_prefix(root()).unwrap().display());
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

fn floor(module: &str) -> Option<u8> {
    FLOORS
        .iter()
        .find(|(_, modules)| modules.contains(&module))
        .map(|(floor, _)| *floor)
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

/// `flow` for `src/flow/key.rs` and for `src/flow.rs`.
fn top_module(source: &Path, path: &Path) -> String {
    let first = path
        .strip_prefix(source)
        .unwrap()
        .components()
        .next()
        .unwrap();
    let first = Path::new(first.as_os_str());
    first.file_stem().unwrap().to_string_lossy().into_owned()
}

/// The modules that a file names through `crate::`, each with its line. Comments do not count;
/// neither does what stands behind the file's first `#[cfg(test)]`: tests may look anywhere.
fn imports(text: &str) -> Vec<(usize, String)> {
    let code = text.split("#[cfg(test)]").next().unwrap();
    let without_comments: Vec<&str> = code
        .lines()
        .map(|line| line.split("//").next().unwrap())
        .collect();
    let code = without_comments.join("\n");
    let mut found = Vec::new();
    // From outside the crate, the binary names the library by its name.
    for (place, prefix) in code
        .match_indices("crate::")
        .chain(code.match_indices("pcap_flows::"))
    {
        let line = code[..place].lines().count().max(1);
        let rest = &code[place + prefix.len()..];
        let names = match rest.strip_prefix('{') {
            Some(group) => heads(group),
            None => vec![head(rest)],
        };
        found.extend(
            names
                .into_iter()
                .filter(|name| !name.is_empty())
                .map(|name| (line, name)),
        );
    }
    found
}

/// The identifier that a text starts with.
fn head(text: &str) -> String {
    let text = text.trim_start();
    text.chars()
        .take_while(|it| it.is_alphanumeric() || *it == '_')
        .collect()
}

/// The identifiers that the members of a group start with: `a` and `b` for `a::{x, y}, b}`.
fn heads(group: &str) -> Vec<String> {
    let mut names = vec![head(group)];
    let mut depth = 0;
    for (place, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(head(&group[place + 1..])),
            _ => {}
        }
    }
    names
}

/// A guard for the reader of imports.
#[test]
fn imports_are_found() {
    let text = "use crate::capture::Nanos;\n\
                // crate::no\n\
                use crate::{flow::{self, Flow}, error::Error, Error};\n\
                fn f() -> crate::decode::Headers {}\n\
                #[cfg(test)]\n\
                mod tests { use crate::jobs::flows; }\n";
    let names = ["capture", "flow", "error", "Error", "decode"];
    let lines = [1, 3, 3, 3, 4];
    let expected: Vec<(usize, String)> = lines.into_iter().zip(names.map(str::to_owned)).collect();
    assert_eq!(imports(text), expected);
}

//! Links between documents lead to files and headings that are there.

use crate::common::{Complaints, root};
use std::fs;
use std::path::PathBuf;

#[test]
fn links_lead_somewhere() {
    let mut wrong = Complaints::default();
    let mut count = 0;
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for link in links(&text) {
            count += 1;
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() {
                document.clone()
            } else {
                document.parent().unwrap().join(path)
            };
            let found = if anchor.is_empty() {
                target.exists()
            } else {
                fs::read_to_string(&target).is_ok_and(|text| anchors(&text).any(|it| it == anchor))
            };
            if !found {
                wrong.add(format!("{}: {link}", document.display()));
            }
        }
    }
    wrong.none();
    assert!(count > 50, "{count} links");
}

/// All documents but those of `testdata`, whose README is checked with the rest.
fn documents() -> Vec<PathBuf> {
    let folders = [root().to_path_buf(), root().join("docs")];
    let entries = folders.iter().flat_map(|it| fs::read_dir(it).unwrap());
    let mut paths: Vec<PathBuf> = entries.map(|it| it.unwrap().path()).collect();
    paths.push(root().join("testdata/README.md"));
    paths.retain(|path| path.extension() == Some("md".as_ref()));
    paths.sort();
    paths
}

/// Targets of links within the project, outside of blocks of code.
fn links(text: &str) -> Vec<&str> {
    let prose = text.split("```").step_by(2);
    let targets = prose.flat_map(|part| part.split("](").skip(1));
    targets
        .filter_map(|it| it.split_once(')').map(|(target, _)| target))
        .filter(|it| !it.contains("://"))
        .collect()
}

/// The anchors of headings, as GitHub makes them.
fn anchors(text: &str) -> impl Iterator<Item = String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title
            .chars()
            .filter(|it| it.is_alphanumeric() || " -_".contains(*it));
        kept.map(|it| if it == ' ' { '-' } else { it }).collect()
    })
}

#[test]
fn anchors_are_those_of_github() {
    let found: Vec<String> = anchors("# A `b` of c\ntext\n## What's 1, two\n").collect();
    assert_eq!(found, ["a-b-of-c", "whats-1-two"]);
    assert_eq!(links("[a](b.md#c) ```[d](e)``` [f](https://g)"), ["b.md#c"]);
}

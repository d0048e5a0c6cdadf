//! Each capture below `testdata/` gives what the table beside it says: exit code, packets, flows,
//! and what is no flow.

use crate::common::program::{Ended, run};
use crate::common::{Capture, Complaints, captures, entries, root};
use std::collections::BTreeSet;
use std::fs;

#[test]
fn every_capture_is_in_a_table() {
    let listed: BTreeSet<String> = captures().into_iter().map(|it| it.name).collect();
    let mut folders = vec![root().join("testdata")];
    let mut found = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for name in entries(&folder) {
            let path = folder.join(&name);
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".pcap") || name.ends_with(".pcapng") {
                let name = path.strip_prefix(root()).unwrap();
                found.insert(name.to_string_lossy().into_owned());
            }
        }
    }
    assert_eq!(found, listed);
}

#[test]
fn outermost_headers() {
    check(&["--flow-5tuple"], |capture| capture.flows);
}

#[test]
fn innermost_headers() {
    check(&["--flow-5tuple", "--decap"], |capture| capture.inner_flows);
}

fn check(options: &[&str], flows: impl Fn(&Capture) -> Option<u64>) {
    let folder = tempfile::tempdir().unwrap();
    let stats = folder.path().join("stats.json");
    let mut wrong = Complaints::default();
    for capture in captures() {
        let stats_arg = stats.to_str().unwrap();
        let args = ["--format", "csv", "--stats", stats_arg, &capture.name];
        let ended = run(options.iter().copied().chain(args));
        let code = match &capture {
            Capture { refused: true, .. } => 1,
            Capture { damaged: true, .. } => 3,
            _ => 0,
        };
        wrong.compare(
            format!("{}: exit code", capture.name),
            ended.status.code(),
            Some(code),
        );
        if ended.stderr.contains("panicked") {
            wrong.add(ended.to_string());
        }
        if capture.refused {
            check_refusal(&capture, &ended, stats.exists(), &mut wrong);
            continue;
        }
        let text = fs::read_to_string(&stats).unwrap_or_else(|error| panic!("{error}\n{ended}"));
        fs::remove_file(&stats).unwrap();
        let stats: serde_json::Value = serde_json::from_str(&text).unwrap();
        let count = |name: &str| {
            stats[name]
                .as_u64()
                .unwrap_or_else(|| panic!("{name} in {stats}"))
        };
        let mut compare = |name: &str, found: u64, expected: u64| {
            wrong.compare(format!("{}: {name}", capture.name), found, expected);
        };
        if let Some(flows) = flows(&capture) {
            let rows = ended.text().lines().count() as u64 - 1;
            compare("rows of the list", rows, flows);
            compare("flows of the statistics", count("flows"), flows);
        }
        compare("packets", count("packets"), capture.packets);
        if let Some(not_ip) = capture.not_ip {
            compare("packets_not_ip", count("packets_not_ip"), not_ip);
        }
        if let Some(malformed) = capture.malformed {
            compare("packets_malformed", count("packets_malformed"), malformed);
        }
        let sum = [
            "packets_in_flows",
            "packets_not_ip",
            "packets_malformed",
            "packets_filtered",
        ]
        .map(count);
        compare("sum of the balance", sum.iter().sum(), count("packets"));
        if let Some(before) = capture.packets_before_damage {
            compare(
                "packets before damage, at least",
                count("packets").min(before),
                before,
            );
        }
        let damages = [
            "; skipped ",
            "; everything before it was read",
            "does not describe",
        ];
        let damage = damages.iter().any(|it| ended.stderr.contains(it));
        wrong.compare(
            format!("{}: tells of damage", capture.name),
            damage,
            capture.damaged,
        );
    }
    wrong.none();
}

fn check_refusal(capture: &Capture, ended: &Ended, has_stats: bool, wrong: &mut Complaints) {
    let name = &capture.name;
    if !ended.stdout.is_empty() || has_stats {
        wrong.add(format!("{name}: refused, but there is output\n{ended}"));
    }
    if !ended.stderr.contains(&format!("{name}: not a capture: ")) {
        wrong.add(format!("{name}: refused without a reason\n{ended}"));
    }
}

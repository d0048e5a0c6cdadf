//! Plots: images and pages.

use super::tcp;
use crate::common::program::run_other;
use crate::common::testdata;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn plot(folder: &Path, what: &str, name: &str) -> PathBuf {
    let file = folder.join(name);
    let args = ["--plot", what, "-o", file.to_str().unwrap()];
    tcp(&testdata("recorded/lossy-client.pcap"), args).exits(0);
    file
}

#[test]
fn images_have_titles_axes_with_units_and_legends() {
    let folder = tempfile::tempdir().unwrap();
    for (what, texts) in [
        (
            "1",
            &[
                "connection 1: 10.77.0.1:41021",
                "sequence number (bytes)",
                "time since the first packet (s)",
                "retransmission",
                "round trip (ms)",
                "payload (Mbit/s)",
                "ACK number (bytes)",
            ][..],
        ),
        (
            "all",
            &[
                "3 TCP connections",
                "open connections",
                "delay of the SYN-ACK (ms)",
            ],
        ),
    ] {
        let image = fs::read_to_string(plot(folder.path(), what, "plot.svg")).unwrap();
        assert!(image.starts_with("<svg"));
        assert!(image.trim_end().ends_with("</svg>"));
        for text in texts {
            assert!(image.contains(text), "{what}: {text}");
        }
    }
}

#[test]
fn names_decide_and_ids_must_exist() {
    let capture = testdata("recorded/lossy-client.pcap");
    tcp(&capture, ["--plot", "1", "-o", "x.png"])
        .exits(2)
        .says("FILE.svg or FILE.html");
    tcp(&capture, ["--plot", "1"]).exits(2).says("--output");
    tcp(&capture, ["--plot", "0", "-o", "x.svg"])
        .exits(2)
        .says("connection_id");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.svg");
    let missing = ["--plot", "4", "-o", file.to_str().unwrap()];
    tcp(&capture, missing).exits(1).says("connection 4");
    assert!(!file.exists());
}

/// A page draws all points, logs nothing to its console, and loads nothing. Without a browser, only
/// the text is checked.
#[test]
fn a_page_draws_all_points() {
    let folder = tempfile::tempdir().unwrap();
    for what in ["1", "all"] {
        let page = plot(folder.path(), what, "plot.html");
        let text = fs::read_to_string(&page).unwrap();
        assert!(text.contains("default-src 'none'"));
        assert!(!text.contains("src=\"http"));
        let mut browser = Command::new("chromium");
        browser.args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--window-size=1200,900",
        ]);
        browser.args([
            "--virtual-time-budget=5000",
            "--enable-logging=stderr",
            "--dump-dom",
        ]);
        browser.arg(format!(
            "--user-data-dir={}",
            folder.path().join("profile").display()
        ));
        browser.arg(format!("file://{}", page.display()));
        let Some(ended) = run_other(browser) else {
            eprintln!("no chromium: not opened");
            return;
        };
        let said = &ended.stderr;
        assert!(!said.contains("CONSOLE"), "{said}");
        let drawn = attribute(ended.text(), "data-points=\"");
        assert_eq!(drawn, points(&text), "{what}");
    }
}

fn attribute(page: &str, name: &str) -> usize {
    let (_, rest) = page.split_once(name).expect("it has drawn something");
    let (number, _) = rest.split_once('"').unwrap();
    number.parse().unwrap()
}

/// Number of points of a page, whose horizontal values take 8 bytes each.
fn points(page: &str) -> usize {
    let (_, data) = page.split_once("id=\"figure\">").unwrap();
    let (data, _) = data.split_once("</script>").unwrap();
    let figure: serde_json::Value = serde_json::from_str(data).unwrap();
    let panels = figure["panels"].as_array().unwrap();
    let layers = panels
        .iter()
        .flat_map(|it| it["layers"].as_array().unwrap());
    let lens = layers.map(|it| {
        let text = it["x"].as_str().unwrap();
        let padding = text.bytes().rev().take_while(|it| *it == b'=').count();
        (text.len() / 4 * 3 - padding) / 8
    });
    lens.sum()
}

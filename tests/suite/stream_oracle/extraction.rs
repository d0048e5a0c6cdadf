//! Captures through the library, in many ways.

use super::expected::Expected;
use crate::common::program::{Row, rows};
use crate::common::streams::{files_in, files_of_archive, payload};
use pcap_flows::capture::Input;
use pcap_flows::engine::{Config, Progress, Source, Tuning};
use pcap_flows::jobs::streams::{Gaps, ProtocolOptions, StreamOptions, StreamsReport};
use pcap_flows::jobs::{FlowsJob, flows};
use pcap_flows::output::stream::{HeaderStyle, NameStyle};
use pcap_flows::stream::{ChecksumRule, Wanted};
use pcap_flows::tcp::Overlap;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pub(super) gaps: Gaps,
    pub(super) overlap: Overlap,
    pub(super) headers: Option<HeaderStyle>,
    pub(super) as_pcap: bool,
    pub(super) conversations: bool,
    pub(super) five_tuple: bool,
    pub(super) names: NameStyle,
}

pub(super) fn any_asked() -> impl Strategy<Value = Asked> {
    let template = "{first_ns}-{src_ip}.{src_port}-{dst_ip}.{dst_port}.{ext}";
    (
        any_gaps(),
        any_overlap(),
        any_headers(),
        prop::bool::weighted(0.2),
        any::<[bool; 2]>(),
        prop::sample::select(vec![
            NameStyle::Portable,
            NameStyle::Template(template.parse().unwrap()),
        ]),
    )
        .prop_map(
            |(gaps, overlap, headers, as_pcap, [conversations, five_tuple], names)| Asked {
                gaps,
                overlap,
                headers,
                as_pcap,
                conversations,
                five_tuple,
                names,
            },
        )
}

pub(super) fn any_gaps() -> impl Strategy<Value = Gaps> {
    prop::sample::select(vec![Gaps::Skip, Gaps::Zero, Gaps::Split])
}

pub(super) fn any_overlap() -> impl Strategy<Value = Overlap> {
    prop::sample::select(vec![Overlap::First, Overlap::Last])
}

pub(super) fn any_headers() -> impl Strategy<Value = Option<HeaderStyle>> {
    prop::sample::select(vec![
        None,
        Some(HeaderStyle::Packed),
        Some(HeaderStyle::C),
        Some(HeaderStyle::Extended),
        Some(HeaderStyle::Wide),
    ])
}

/// How a capture is read, and what streams are written to: a directory that is new (`new/`), or
/// one that is there, or an archive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    pub(super) feed: Feed,
    pub(super) threads: usize,
    pub(super) window_len: Option<usize>,
    pub(super) output: &'static str,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Feed {
    File,
    Reader,
    /// A reader with buffers of this length.
    Buffers(usize),
}

/// One thread, one window, to a new directory.
pub(super) const PLAIN: Way = Way {
    feed: Feed::File,
    threads: 1,
    window_len: None,
    output: "new/",
};

/// Ways that are as different as can be.
pub(super) fn any_way() -> impl Strategy<Value = Way> {
    prop::sample::select(vec![
        PLAIN,
        Way {
            window_len: Some(1),
            output: "old/",
            ..PLAIN
        },
        Way {
            feed: Feed::Buffers(700),
            threads: 2,
            ..PLAIN
        },
    ])
}

/// What was written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) manifest: String,
    pub(super) files: BTreeMap<String, Vec<u8>>,
    pub(super) report: StreamsReport,
}

pub(super) fn extract(capture: &[u8], asked: &Asked, way: Way) -> Result<Found, TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    let within = |name: &str| folder.path().join(name);
    let (input, manifest, output) = (within("capture"), within("list.csv"), within(way.output));
    fs::write(&input, capture).unwrap();
    if way.output == "old/" {
        fs::create_dir(&output).unwrap();
    }
    let stream = Cursor::new(capture.to_vec());
    let source = match way.feed {
        Feed::File => Source::Path(input),
        Feed::Reader => Source::Reader("stream".to_owned(), Box::new(stream)),
        Feed::Buffers(len) => {
            Source::Input(Input::from_reader_with_buffer("stream", Box::new(stream), len).unwrap())
        }
    };
    let protocol = Some(ProtocolOptions {
        wanted: Wanted {
            all: true,
            ..Wanted::default()
        },
        output: output.clone(),
        headers: asked.headers,
    });
    let tuning = Tuning::default();
    let job = FlowsJob {
        config: Config {
            five_tuple: asked.five_tuple,
            conversations: asked.conversations,
            tuning: Tuning {
                threads: way.threads,
                window_len: way.window_len.unwrap_or(tuning.window_len),
                shards: 5,
                ..tuning
            },
            ..Config::default()
        },
        streams: Some(StreamOptions {
            tcp: protocol.clone(),
            udp: protocol,
            names: asked.names.clone(),
            gaps: asked.gaps,
            overlap: asked.overlap,
            // All checksums are zero: some of them by chance are right.
            checksums: ChecksumRule::Ignore,
            as_pcap: asked.as_pcap,
            manifest: Some(manifest.clone()),
            ..StreamOptions::default()
        }),
        ..FlowsJob::default()
    };
    let report = flows(job, vec![source], &mut Vec::new(), &Progress::default())
        .map_err(|error| TestCaseError::fail(format!("{way:?}: {error}")))?;
    prop_assert!(report.outcome.is_whole() && report.outcome.balance.is_even());
    let manifest = fs::read_to_string(manifest).unwrap();
    Ok(Found {
        manifest: manifest.replace(output.to_str().unwrap(), ""),
        files: if output.is_dir() {
            files_in(&output)
        } else {
            files_of_archive(&output).into_iter().collect()
        },
        report: report.streams.unwrap(),
    })
}

impl Found {
    /// Compares with what is expected.
    pub(super) fn check(&self, expected: &[Expected], asked: &Asked) -> Result<(), TestCaseError> {
        let files = self.files.iter().map(|(name, bytes)| match asked.headers {
            Some(style) => (name.clone(), payload(bytes, style)),
            None => (name.clone(), bytes.clone()),
        });
        let files: BTreeMap<String, Vec<u8>> = files.collect();
        let with_file: Vec<_> = expected.iter().map(|it| it.files(asked.gaps)).collect();
        prop_assert_eq!(files, with_file.iter().flatten().cloned().collect());

        let mut expected_rows: Vec<Row> = expected.iter().map(|it| it.row(asked.gaps)).collect();
        let mut rows = rows(&self.manifest);
        if let Some(first) = expected_rows.first() {
            for row in &mut rows {
                row.retain(|column, _| first.contains_key(column));
            }
        }
        rows.sort();
        expected_rows.sort();
        prop_assert_eq!(rows, expected_rows);

        let with_file = with_file.iter().filter(|files| !files.is_empty());
        prop_assert_eq!(self.report.files, with_file.count() as u64);
        prop_assert_eq!(self.report.streams, expected.len() as u64);
        Ok(())
    }
}

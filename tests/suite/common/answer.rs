//! One question to a capture, the many ways to read it, and the answer that must not depend on the
//! way.

use super::Complaints;
use pcap_flows::capture::{DamageKind, Input};
use pcap_flows::decode::DecodeOptions;
use pcap_flows::engine::{Balance, Config, Progress, Restriction, Source, Tuning};
use pcap_flows::flow::{HashKey, Timeouts};
use pcap_flows::jobs::{ExtractOptions, FlowsJob, flows};
use pcap_flows::output::table::{Columns, Format, Order, Sort, TableOptions};
use pcap_flows::select::{Filter, Selection};
use std::fmt;
use std::io::{self, Read};
use std::iter::repeat;
use std::path::{Path, PathBuf};

/// What is asked of a capture.
#[derive(Clone, Debug, Default)]
pub(crate) struct Question {
    pub(crate) five_tuple: bool,
    pub(crate) conversations: bool,
    pub(crate) decap: bool,
    pub(crate) filter: &'static str,
    /// FlowIDs to be extracted; all that the filter accepts where this is empty.
    pub(crate) ids: String,
    pub(crate) max_packets: Option<u64>,
    pub(crate) idle_ns: Option<u64>,
}

/// How a capture is read.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    pub(crate) feed: Feed,
    pub(crate) threads: usize,
    pub(crate) window_len: Option<usize>,
    pub(crate) chunk_len: Option<usize>,
    pub(crate) shards: Option<usize>,
    pub(crate) hash_seed: Option<u64>,
}

/// Where the bytes come from.
#[derive(Clone, Debug)]
pub(crate) enum Feed {
    /// Mapped files, one after the other.
    Files(Vec<PathBuf>),
    /// A stream that stands for the file of this name.
    Stream {
        name: PathBuf,
        bytes: Vec<u8>,
        /// Size of the buffers that it is read into: these are its windows.
        buffer_len: usize,
        /// At most so many bytes come with each read, in changing numbers.
        piece_len: usize,
    },
}

impl Way {
    /// The plainest: one thread, one window, one chunk.
    pub(crate) fn plain(path: &Path) -> Self {
        Self {
            feed: Feed::Files(vec![path.to_owned()]),
            threads: 1,
            window_len: None,
            chunk_len: Some(usize::MAX),
            shards: None,
            hash_seed: Some(0),
        }
    }
}

/// The failing combination's label.
impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.feed {
            Feed::Files(paths) if paths.len() == 1 => f.write_str("file")?,
            Feed::Files(paths) => write!(f, "{} files", paths.len())?,
            Feed::Stream {
                buffer_len,
                piece_len,
                ..
            } => {
                write!(f, "stream, buffers {buffer_len}, pieces up to {piece_len}")?;
            }
        }
        write!(f, ", {} threads", self.threads)?;
        for (name, value) in [
            ("window", self.window_len),
            ("chunk", self.chunk_len),
            ("shards", self.shards),
        ] {
            match value {
                Some(usize::MAX) => write!(f, ", {name} unlimited")?,
                Some(value) => write!(f, ", {name} {value}")?,
                None => write!(f, ", {name} default")?,
            }
        }
        match self.hash_seed {
            Some(seed) => write!(f, ", hash key {seed}"),
            None => write!(f, ", hash key random"),
        }
    }
}

/// All that a run says, but how long it took.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Why there is no other answer.
    pub(crate) error: Option<String>,
    /// The list, as csv.
    pub(crate) list: String,
    pub(crate) balance: Balance,
    /// Whether odd packets' places are compared: they are others where the capture is in parts.
    pub(crate) has_places: bool,
    /// Flows, those that the filter refuses among them.
    pub(crate) flows: u64,
    pub(crate) damages: Vec<Wound>,
    pub(crate) damage_count: u64,
    pub(crate) is_whole: bool,
    /// What was extracted.
    pub(crate) extracted: Vec<u8>,
}

/// A damage: offset, ordinal of the packet, kind, bytes skipped, whether reading went on.
pub(crate) type Wound = (u64, u64, DamageKind, u64, bool);

/// Asks a capture a question.
pub(crate) fn answer(question: &Question, way: &Way) -> Answer {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("extracted");
    let mut selection = Selection::default();
    if !question.ids.is_empty() {
        selection.ids = question.ids.parse().unwrap();
    }
    let tuning = Tuning::default();
    let job = FlowsJob {
        list_output: None,
        config: Config {
            flow_ids: None,
            packet_numbers: None,
            five_tuple: question.five_tuple,
            conversations: question.conversations,
            decode: DecodeOptions {
                decap: question.decap,
                ..DecodeOptions::default()
            },
            restriction: Restriction {
                filter: Filter::parse(question.filter).unwrap(),
                excluded: Vec::new(),
            },
            duplicates: None,
            timeouts: Timeouts {
                idle_ns: question.idle_ns,
                active_ns: None,
            },
            max_packets: question.max_packets,
            max_flows: None,
            tuning: Tuning {
                threads: way.threads,
                window_len: way.window_len.unwrap_or(tuning.window_len),
                chunk_len: way.chunk_len.unwrap_or(tuning.chunk_len),
                shards: way.shards.unwrap_or(tuning.shards),
                hash_key: way.hash_seed.map(HashKey::fixed),
                ..tuning
            },
        },
        table: Some(TableOptions {
            format: Format::Csv,
            order: Order {
                sort: Sort::Id,
                ..Order::default()
            },
            columns: Columns {
                reverse: question.conversations,
                tunnel: question.decap,
                ..Columns::default()
            },
            ..TableOptions::default()
        }),
        extract: Some(ExtractOptions {
            selection,
            output: output.clone(),
            format: None,
            flush: false,
        }),
        streams: None,
        stats: None,
    };
    let mut list = Vec::new();
    match flows(job, sources(&way.feed), &mut list, &Progress::default()) {
        Err(error) => {
            assert!(
                super::entries(folder.path()).is_empty(),
                "{way}: {error}, but there is output"
            );
            Answer {
                // The folder has another name each time.
                error: Some(
                    error
                        .to_string()
                        .replace(output.to_str().unwrap(), "OUTPUT"),
                ),
                list: String::new(),
                balance: Balance::default(),
                has_places: true,
                flows: 0,
                damages: Vec::new(),
                damage_count: 0,
                is_whole: false,
                extracted: Vec::new(),
            }
        }
        Ok(report) => {
            let outcome = report.outcome;
            let damages = outcome.inputs.iter().flat_map(|input| &input.damages);
            Answer {
                error: outcome
                    .inputs
                    .iter()
                    .find_map(|input| input.error.as_ref().map(ToString::to_string)),
                list: String::from_utf8(list).unwrap(),
                flows: outcome.flows.len(),
                damages: damages
                    .map(|it| (it.offset, it.packet, it.kind, it.skipped, it.resumed))
                    .collect(),
                damage_count: outcome.inputs.iter().map(|input| input.damage_count).sum(),
                is_whole: outcome.is_whole(),
                extracted: std::fs::read(&output).unwrap(),
                balance: outcome.balance,
                has_places: !matches!(&way.feed, Feed::Files(paths) if paths.len() > 1),
            }
        }
    }
}

fn sources(feed: &Feed) -> Vec<Source> {
    match feed {
        Feed::Files(paths) => paths.iter().cloned().map(Source::Path).collect(),
        Feed::Stream {
            name,
            bytes,
            buffer_len,
            piece_len,
        } => {
            let trickle = Trickle {
                bytes: bytes.clone(),
                position: 0,
                piece_len: *piece_len,
                turn: 0,
            };
            let name = name.to_str().unwrap();
            let input = Input::from_reader_with_buffer(name, Box::new(trickle), *buffer_len);
            vec![Source::Input(input.unwrap())]
        }
    }
}

/// Hands out its bytes in pieces of changing length.
struct Trickle {
    bytes: Vec<u8>,
    position: usize,
    piece_len: usize,
    turn: usize,
}

impl Read for Trickle {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.turn += 1;
        let most = self.turn.wrapping_mul(7919) % self.piece_len.max(1) + 1;
        let rest = &self.bytes[self.position..];
        let count = most.min(room.len()).min(rest.len());
        room[..count].copy_from_slice(&rest[..count]);
        self.position += count;
        Ok(count)
    }
}

impl Answer {
    /// Notes where another answer is not the same.
    pub(crate) fn compare(&self, other: &Self, label: &str, complaints: &mut Complaints) {
        let (here, there) = (&self.balance, &other.balance);
        let differences = [
            difference("error", &self.error, &other.error),
            difference("balance", &here.to_string(), &there.to_string()),
            if self.has_places && other.has_places {
                difference("places", here, there)
            } else {
                None
            },
            difference("flows", &self.flows, &other.flows),
            difference("damages", &self.damages, &other.damages),
            difference("damage count", &self.damage_count, &other.damage_count),
            difference("whole", &self.is_whole, &other.is_whole),
            self.list_difference(other),
            self.extraction_difference(other),
        ];
        let differences: Vec<String> = differences.into_iter().flatten().collect();
        if !differences.is_empty() {
            complaints.add(format!("{label}:\n{}", differences.join("\n")));
        }
    }

    /// The first row that is not the same.
    fn list_difference(&self, other: &Self) -> Option<String> {
        if self.list == other.list {
            return None;
        }
        let longest = self.list.lines().count().max(other.list.lines().count());
        let rows = |list| str::lines(list).map(Some).chain(repeat(None)).take(longest);
        let mut pairs = rows(&self.list).zip(rows(&other.list));
        let (here, there) = pairs.find(|(here, there)| here != there)?;
        difference("list", &here, &there)
    }

    /// The first bytes that are not the same.
    fn extraction_difference(&self, other: &Self) -> Option<String> {
        if self.extracted == other.extracted {
            return None;
        }
        let pairs = self.extracted.iter().zip(&other.extracted);
        let same = pairs.take_while(|(here, there)| here == there).count();
        let rest = |bytes: &Vec<u8>| -> (usize, Vec<u8>) {
            (
                bytes.len(),
                bytes.iter().skip(same).take(16).copied().collect(),
            )
        };
        let what = format!("length, and extracted bytes from {same} on");
        difference(&what, &rest(&self.extracted), &rest(&other.extracted))
    }
}

fn difference<T: PartialEq + fmt::Debug>(what: &str, here: &T, there: &T) -> Option<String> {
    (here != there).then(|| format!("  {what}: {there:?}\n    instead of {here:?}"))
}

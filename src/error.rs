//! What can stop a run. What does not stop it is [`Damage`](crate::capture::Damage), or a counter
//! in the [`Balance`](crate::engine::Balance).

mod shown;

pub use shown::{Shown, ShownPath};

use std::io;
use std::path::{Path, PathBuf};

/// Why a run stopped. Small, so that it is cheap to pass through hot code.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<ErrorKind>);

impl Error {
    /// What went wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.0
    }

    /// An input or output operation that failed, `action` being what was tried (`"open"`).
    pub fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        ErrorKind::Io {
            action,
            path: path.to_owned(),
            source,
        }
        .into()
    }

    /// Whether the cause is that nobody reads our standard output any more.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(
            self.kind(),
            ErrorKind::Io { source, path, .. }
                if source.kind() == io::ErrorKind::BrokenPipe && path == Path::new("standard output")
        )
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self(Box::new(kind))
    }
}

/// What went wrong, with what a person needs to put it right.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An operation on a file failed.
    #[error("cannot {action} {}: {source}", path.shown())]
    Io {
        /// The attempt, as in "cannot *open* x.pcap".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// A file has lost bytes while it was read.
    #[error(
        "{}: the file was cut, or cannot be read any more, at byte {offset} while it was read; what was \
         read behind it is lost, and no output is put under its name", path.shown()
    )]
    Lost {
        /// The file.
        path: PathBuf,
        /// Offset of the first byte that was lost, or about that.
        offset: u64,
    },

    /// The input is not a capture in a format that is read.
    #[error("{}: not a capture: {what}", path.shown())]
    NotACapture {
        /// The input.
        path: PathBuf,
        /// The bytes found instead.
        what: String,
    },

    /// A folder has nothing to be read.
    #[error(
        "{}: no captures in it{}", folder.shown(),
        if *folders > 0 { "; --recursive also reads those in folders inside" } else { "" }
    )]
    NoCaptures {
        /// The folder.
        folder: PathBuf,
        /// Folders in it that were not looked into.
        folders: u64,
    },

    /// An output would overwrite one of the inputs.
    #[error("{} is also an input; name another output", path.shown())]
    OutputIsInput {
        /// The output.
        path: PathBuf,
    },

    /// Two outputs would overwrite each other.
    #[error("{} is named for two outputs; name another one for one of them", path.shown())]
    OutputTwice {
        /// The name.
        path: PathBuf,
    },

    /// A flow that was asked for does not exist.
    #[error("there is no FlowID {id}: {}", flow_count(*flows))]
    UnknownFlow {
        /// The FlowID that was asked for.
        id: u64,
        /// How many flows the capture has.
        flows: u64,
    },

    /// A connection that was requested does not exist.
    #[error("there is no connection {id}: the capture has {connections}")]
    UnknownConnection {
        /// The id that was requested.
        id: u64,
        /// How many connections the capture has.
        connections: u64,
    },

    /// An address given for a comparison is in neither capture.
    #[error("no packet of either side is from or to {address}; most packets are between {pairs}")]
    UnknownAddress {
        /// The address or network.
        address: String,
        /// Pairs of addresses in the captures.
        pairs: String,
    },

    /// The capture has more flows than the run may hold.
    #[error("the capture has more than {limit} flows; raise --flow-max, or leave it out")]
    TooManyFlows {
        /// The limit that was set.
        limit: u64,
    },

    /// Packets of several link types cannot be put into one pcap file.
    #[error(
        "cannot write {} as pcap: a pcap file has one link type, but packets of {first} and {second} \
         were selected; use --output-format pcapng, or select fewer", path.shown()
    )]
    MixedLinkTypes {
        /// The output.
        path: PathBuf,
        /// The link type of the packets written so far.
        first: String,
        /// The one that does not fit.
        second: String,
    },

    /// Standard output takes a single stream.
    #[error(
        "{streams} streams were selected, but standard output takes only one: select one with \
         --extract-tcp ID, or name a directory or a .tar file with -o"
    )]
    SeveralStreams {
        /// How many there are.
        streams: u64,
    },

    /// A record that was noted in an index is not there.
    #[error(
        "{}: there is no record at byte {offset}, where the index has one: index the capture again",
        path.shown()
    )]
    NoRecord {
        /// The capture.
        path: PathBuf,
        /// Offset in the capture, in bytes.
        offset: u64,
    },

    /// A capture is not what it was when it was indexed.
    #[error("{}: not as it was when it was indexed: {what}", path.shown())]
    CaptureChanged {
        /// The capture.
        path: PathBuf,
        /// The difference, and the remedy.
        what: String,
    },

    /// A run that has failed was to be completed.
    #[error("the run has failed before: nothing of it can be completed")]
    RunHasFailed,

    /// Flows that a run was to continue from are told apart by other rules.
    #[error("the flows of the index are not what they should be; index the captures again")]
    OtherFlows,

    /// Another run is writing the index.
    #[error("{}: another run is writing this index; wait for it with --wait", path.shown())]
    IndexInUse {
        /// The index.
        path: PathBuf,
    },

    /// A capture that was said to have moved is none of the index's.
    #[error("{}: the index has no capture of that name", path.shown())]
    NotIndexed {
        /// The name that was given.
        path: PathBuf,
    },

    /// A pipe or device cannot be read again.
    #[error("{}: only files can be indexed: nothing else can be read again", path.shown())]
    NotIndexable {
        /// The input.
        path: PathBuf,
    },

    /// A file is not an index, or damaged.
    #[error("{}: not an index that can be read: {what}", path.shown())]
    NotAnIndex {
        /// The file.
        path: PathBuf,
        /// The bytes found instead.
        what: String,
    },

    /// No record starts at a place of a capture where one was expected.
    #[error("{}: no record starts at byte {offset}", path.shown())]
    NotARecord {
        /// The capture.
        path: PathBuf,
        /// Offset in the capture, in bytes.
        offset: u64,
    },

    /// The run has more memory than it may have.
    #[error(
        "more than {} of memory are in use, which is the limit: raise --memory-limit, or read less at a \
         time", human_bytes(*limit)
    )]
    MemoryLimit {
        /// The limit, in bytes.
        limit: u64,
    },

    /// The worker threads could not be started.
    #[error("cannot start {threads} worker threads: {reason}")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// What the system said.
        reason: String,
    },

    /// What cannot be read a second time cannot be verified.
    #[error("{}: only files can be verified: nothing else can be read again", path.shown())]
    NotReadTwice {
        /// The input.
        path: PathBuf,
    },

    /// A capture was written to while it was read.
    #[error("{}: changed while it was read, so that what was found cannot be verified", path.shown())]
    ChangedMeanwhile {
        /// The capture.
        path: PathBuf,
    },

    /// The simplest way to read the captures says something else than the run.
    #[error(
        "not what the simplest way to read the captures says: this is a bug, please report it{}",
        listed(differences, *others)
    )]
    NotConfirmed {
        /// The first differences, in words.
        differences: Vec<String>,
        /// How many there are beside these.
        others: u64,
    },

    /// The run was cancelled from outside.
    #[error("interrupted")]
    Interrupted,
}

fn flow_count(flows: u64) -> String {
    match flows {
        0 => "the capture has no flows".to_owned(),
        1 => "the capture has one flow, FlowID 1".to_owned(),
        n => format!("the capture has {n} flows, FlowIDs 1 to {n}"),
    }
}

/// A size as a person writes it: in the greatest unit that leaves three digits.
fn human_bytes(bytes: u64) -> String {
    let units = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
    let unit = units.into_iter().find(|(shift, _)| bytes >> shift > 0);
    match unit {
        None => format!("{bytes} bytes"),
        Some((shift, name)) => {
            let tenths = (u128::from(bytes) * 10) >> shift;
            match (tenths / 10, tenths % 10) {
                (whole, 0) => format!("{whole} {name}"),
                (whole, tenth) => format!("{whole}.{tenth} {name}"),
            }
        }
    }
}

fn listed(lines: &[String], others: u64) -> String {
    let mut text: String = lines.iter().map(|line| format!("\n  {line}")).collect();
    if others > 0 {
        text.push_str(&format!("\n  and {others} further differences"));
    }
    text
}

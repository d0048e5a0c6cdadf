//! How far a run has come: written by the engine, read by its displays.

use crate::capture::Nanos;
use crate::error::{Error, ErrorKind};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Counters of a run that is under way. They may be read from another thread at any time, and are
/// a little behind; what they say at the end is exact.
#[derive(Debug, Default)]
pub struct Progress {
    input_bytes: AtomicU64,
    packets: AtomicU64,
    flows: AtomicU64,
    output_bytes: AtomicU64,
    capture_time: AtomicI64,
    cancelled: AtomicBool,
    /// The limit that the run's memory has passed; 0 where it has not.
    memory_limit: AtomicU64,
}

/// What [`Progress`] says at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Bytes of the inputs that were read.
    pub input_bytes: u64,
    /// Packets read.
    pub packets: u64,
    /// Flows found.
    pub flows: u64,
    /// Bytes written by extraction.
    pub output_bytes: u64,
    /// Time of the capture at the place that was reached.
    pub capture_time: Nanos,
}

impl Progress {
    /// What there is to say now.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            input_bytes: self.input_bytes.load(Ordering::Relaxed),
            packets: self.packets.load(Ordering::Relaxed),
            flows: self.flows.load(Ordering::Relaxed),
            output_bytes: self.output_bytes.load(Ordering::Relaxed),
            capture_time: Nanos(self.capture_time.load(Ordering::Relaxed)),
        }
    }

    /// Asks the run to stop at the next opportunity; it then fails as interrupted.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether the run was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Asks the run to stop because it has more memory than this limit, in bytes; it then fails as
    /// such.
    pub fn cancel_for_memory(&self, limit: u64) {
        self.memory_limit.store(limit.max(1), Ordering::Relaxed);
        self.cancelled.store(true, Ordering::Release);
    }

    /// Whether the run goes on: asked wherever it takes a while.
    ///
    /// # Errors
    /// Why the run was asked to stop.
    pub fn check(&self) -> Result<(), Error> {
        if !self.cancelled.load(Ordering::Acquire) {
            return Ok(());
        }
        Err(match self.memory_limit.load(Ordering::Relaxed) {
            0 => ErrorKind::Interrupted.into(),
            limit => ErrorKind::MemoryLimit { limit }.into(),
        })
    }

    pub(crate) fn add_input(&self, bytes: u64) {
        self.input_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn add_packets(&self, packets: u64, time: Option<Nanos>) {
        self.packets.fetch_add(packets, Ordering::Relaxed);
        if let Some(time) = time {
            self.capture_time.store(time.0, Ordering::Relaxed);
        }
    }

    pub(crate) fn set_flows(&self, flows: u64) {
        self.flows.store(flows, Ordering::Relaxed);
    }

    pub(crate) fn add_output(&self, bytes: u64) {
        self.output_bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Measures how long a run takes.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts to measure.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place below the command line"
    )]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

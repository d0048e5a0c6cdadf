//! Unpacks parts by several threads, ahead of who reads them.
//!
//! The reading thread finds where parts end and hands them out in batches; a few threads unpack
//! them; the reading thread takes what is in them, in order. Only what proves to be as its headers
//! say is delivered from here. The first part that does not, and all after it, are put back
//! before the input, to be unpacked there as if nothing had been tried: so that the bytes read, and
//! the reports of damage, are the same.

use super::batch::{Batch, Tools};
use super::magic::Compression;
use super::packed::Packed;
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use std::collections::VecDeque;
use std::io::{self, Read};
use std::thread::{self, JoinHandle};

/// How much is unpacked ahead, and by whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Threads that unpack.
    pub(super) threads: usize,
    /// Bytes of a batch, packed or not, from which on it is handed out.
    pub(super) batch: usize,
    /// Most bytes of a part, packed or not: larger ones are unpacked as they are read.
    pub(super) part: usize,
    /// Bytes of all batches, packed and not, up to which another one is handed out.
    pub(super) all: usize,
}

impl Limits {
    /// Those that suit the machine.
    pub(super) fn usual() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let threads = cores.min(MOST_THREADS);
        Self {
            threads,
            batch: BATCH_LEN,
            part: PART_LEN,
            all: (threads * PART_LEN).min(ALL_LEN),
        }
    }
}

/// Batches that are being unpacked.
pub(super) struct Ahead {
    limits: Limits,
    threads: Threads,
    /// Something else follows the last part that was handed out.
    stopped: bool,
    /// Up to here nothing is worth being handed out.
    looked_up_to: u64,
    /// Batches that are handed out, in order.
    waiting: VecDeque<Receiver<Batch>>,
    /// The memory that they take, and the current one.
    weight: usize,
    /// The batch that is delivered from, and how much of it is.
    current: Batch,
    delivered: usize,
    /// The compression of the last part.
    last: Compression,
    spare: Vec<Batch>,
}

/// What [`Ahead::read`] comes to.
pub(super) enum Step {
    /// So many bytes.
    Bytes(usize),
    /// The end of the parts, the last of which had this compression.
    End(Compression),
    /// A part that could not be unpacked by itself. It is the next in the input again.
    PutBack,
}

impl Ahead {
    /// `None` where it would gain nothing.
    pub(super) fn new(limits: Limits) -> Option<Box<Self>> {
        let ahead = || Self {
            limits,
            threads: Threads::new(limits.threads),
            stopped: false,
            looked_up_to: 0,
            waiting: VecDeque::new(),
            weight: 0,
            current: Batch::default(),
            delivered: 0,
            last: Compression::Zstd,
            spare: Vec::new(),
        };
        (limits.threads > 1).then(|| Box::new(ahead()))
    }

    /// Hands out the parts that are next. `false` where there is less than two batches of them,
    /// which gain nothing: then nothing is taken.
    pub(super) fn start(&mut self, packed: &mut Packed) -> bool {
        if packed.offset() < self.looked_up_to {
            return false;
        }
        let (first, has_more) = self.gather(packed);
        let second = if has_more {
            self.gather(packed).0
        } else {
            Batch::default()
        };
        self.looked_up_to = packed.offset();
        if second.is_empty() || !self.threads.are_there() {
            packed.put_back(second.into_packed());
            packed.put_back(first.into_packed());
            return false;
        }
        self.hand_out(first);
        self.hand_out(second);
        self.stopped = false;
        true
    }

    /// Delivers what was unpacked, and hands out more of `packed`.
    pub(super) fn read(&mut self, packed: &mut Packed, room: &mut [u8]) -> io::Result<Step> {
        loop {
            let content = self.current.content();
            let mut left = content.get(self.delivered..).unwrap_or_default();
            let count = left.read(room)?;
            if count > 0 {
                self.delivered += count;
                return Ok(Step::Bytes(count));
            }
            if !self.current.is_whole() {
                self.put_back(packed)?;
                return Ok(Step::PutBack);
            }
            self.recycle_current();
            self.hand_out_more(packed);
            match self.waiting.pop_front() {
                Some(batch) => self.current = received(&batch)?,
                None => return Ok(Step::End(self.last)),
            }
        }
    }

    fn hand_out_more(&mut self, packed: &mut Packed) {
        let most_batches = self.limits.threads * BATCHES_PER_THREAD;
        while !self.stopped && self.waiting.len() < most_batches && self.weight < self.limits.all {
            let (batch, has_more) = self.gather(packed);
            self.stopped = !has_more;
            if !batch.is_empty() {
                self.hand_out(batch);
            }
        }
    }

    fn gather(&mut self, packed: &mut Packed) -> (Batch, bool) {
        let mut batch = self.spare.pop().unwrap_or_default();
        let has_more = batch.gather(packed, self.limits.batch, self.limits.part);
        (batch, has_more)
    }

    fn hand_out(&mut self, batch: Batch) {
        self.weight += batch.weight();
        self.last = batch.compression().unwrap_or(self.last);
        self.waiting.push_back(self.threads.unpack(batch));
    }

    fn recycle_current(&mut self) {
        let batch = std::mem::take(&mut self.current);
        self.delivered = 0;
        self.weight -= batch.weight();
        self.spare.push(batch.recycled(4 * self.limits.batch));
    }

    /// Puts back the rest of the current batch, and those after it.
    fn put_back(&mut self, packed: &mut Packed) -> io::Result<()> {
        let mut rest = std::mem::take(&mut self.current).into_rest();
        for batch in self.waiting.drain(..) {
            rest.extend(received(&batch)?.into_packed());
        }
        packed.put_back(rest);
        Ok(())
    }
}

fn received(batch: &Receiver<Batch>) -> io::Result<Batch> {
    // A thread that did not send it has panicked.
    let ended = |_| io::Error::other("an unpacking thread ended early");
    batch.recv().map_err(ended)
}

/// Threads that unpack batches. They end when this is dropped.
struct Threads {
    most: usize,
    handles: Vec<JoinHandle<()>>,
    /// `None` when they are to end.
    jobs: Option<Sender<Job>>,
    queue: Receiver<Job>,
}

/// A batch, and where it goes when it is unpacked.
type Job = (Batch, Sender<Batch>);

impl Threads {
    fn new(most: usize) -> Self {
        let (jobs, queue) = unbounded();
        Self {
            most,
            handles: Vec::new(),
            jobs: Some(jobs),
            queue,
        }
    }

    /// Whether any could be started.
    fn are_there(&mut self) -> bool {
        while self.handles.len() < self.most {
            let queue = self.queue.clone();
            let thread = thread::Builder::new().name("unpack".to_owned());
            match thread.spawn(move || unpack_all(&queue)) {
                Ok(handle) => self.handles.push(handle),
                Err(_) => break,
            }
        }
        !self.handles.is_empty()
    }

    fn unpack(&self, batch: Batch) -> Receiver<Batch> {
        let (sender, receiver) = bounded(1);
        if let Some(jobs) = &self.jobs {
            // Cannot fail: this holds the other end as well.
            drop(jobs.send((batch, sender)));
        }
        receiver
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.jobs = None;
        // Nobody wants what has not been begun.
        while self.queue.try_recv().is_ok() {}
        for handle in self.handles.drain(..) {
            // It says nothing but whether the thread has panicked.
            drop(handle.join());
        }
    }
}

fn unpack_all(queue: &Receiver<Job>) {
    let mut tools = Tools::new();
    while let Ok((mut batch, done)) = queue.recv() {
        batch.unpack(&mut tools);
        // The reader is gone: it is not needed.
        drop(done.send(batch));
    }
}

/// More threads unpack faster than one reads what they deliver.
const MOST_THREADS: usize = 8;
/// One is unpacked, one waits.
const BATCHES_PER_THREAD: usize = 2;
/// Enough for handing it over to cost nothing, and still in the cache when it comes back.
const BATCH_LEN: usize = 1024 * 1024;
/// What pzstd makes of input at its highest levels.
const PART_LEN: usize = 32 * 1024 * 1024;
/// More memory is not taken, but for the batch that exceeds it.
const ALL_LEN: usize = 128 * 1024 * 1024;

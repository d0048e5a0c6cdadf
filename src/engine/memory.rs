//! How much memory the process has, and how much it may have.
//!
//! What grows with flows is spread over many structures, so none of them is asked: the system is,
//! a hundred times a second. A run that has too much ends with an error, its outputs as after any
//! other one, before the system ends the process without a word.
//!
//! Counted is what cannot be read again: pages of mapped captures are not, for the system takes
//! them back when it needs memory.

use super::progress::Progress;
use crate::error::Error;
use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use std::convert::Infallible;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Watches over the memory of a run, from its start until it is dropped.
#[derive(Debug)]
pub struct MemoryWatch {
    running: Option<Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl MemoryWatch {
    /// Cancels the run of `progress` when the process has more than `limit` bytes.
    ///
    /// The run ends at the next place where it looks: after each round of chunks, some 16 MiB of
    /// the capture for each worker, and between the streams or rows that it writes. It may have
    /// more until then.
    ///
    /// # Errors
    /// When the system does not tell how much memory the process has.
    pub fn start(limit: u64, progress: &Arc<Progress>) -> Result<Self, Error> {
        let failed = |error| Error::io("read", STATM.as_ref(), error);
        let usage = Usage::open().map_err(failed)?;
        if usage.bytes().map_err(failed)? > limit {
            // A short run is stopped, too.
            progress.cancel_for_memory(limit);
        }
        let (running, is_running) = bounded(0);
        let progress = Arc::clone(progress);
        let thread = thread::spawn(move || {
            while is_running.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                if usage.bytes().is_ok_and(|used| used > limit) {
                    progress.cancel_for_memory(limit);
                    return;
                }
            }
        });
        Ok(Self {
            running: Some(running),
            thread: Some(thread),
        })
    }
}

impl Drop for MemoryWatch {
    fn drop(&mut self) {
        self.running.take();
        if let Some(thread) = self.thread.take() {
            // It has nothing to say.
            drop(thread.join());
        }
    }
}

/// The system's account of the memory of this process.
struct Usage(File);

impl Usage {
    fn open() -> io::Result<Self> {
        File::open(STATM).map(Self)
    }

    /// Bytes of memory that the process has and that only the process's end would free.
    fn bytes(&self) -> io::Result<u64> {
        // Seven numbers of at most 20 digits.
        let mut text = [0; 160];
        let len = self.0.read_at(&mut text, 0)?;
        let text = str::from_utf8(text.get(..len).unwrap_or_default());
        let text = text.map_err(io::Error::other)?;
        let mut pages = text.split_ascii_whitespace().skip(1).map(str::parse::<u64>);
        // proc_pid_statm(5): size, resident, and how much of that is backed by files.
        match (pages.next(), pages.next()) {
            (Some(Ok(resident)), Some(Ok(shared))) => {
                Ok(resident.saturating_sub(shared) * rustix::param::page_size() as u64)
            }
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

/// The memory that there is, in bytes: of the machine, or what the process's control group may
/// have, where that is less.
pub fn available_memory() -> u64 {
    let info = rustix::system::sysinfo();
    let all = info
        .totalram
        .saturating_mul(u64::from(info.mem_unit).max(1));
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    limits_of(&groups, Path::new("/sys/fs/cgroup"))
        .into_iter()
        .fold(all, u64::min)
}

/// The limits of control groups (cgroups(7)): of the process's own, and of those around it.
fn limits_of(groups: &str, root: &Path) -> Vec<u64> {
    let mut limits = Vec::new();
    for line in groups.lines() {
        // Number, controllers, path; the second version has number 0 and all controllers.
        let mut fields = line.splitn(3, ':');
        let (Some(number), Some(controllers), Some(path)) =
            (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let (tree, file) = if controllers.split(',').any(|it| it == "memory") {
            (root.join("memory"), "memory.limit_in_bytes")
        } else if number == "0" {
            (root.to_owned(), "memory.max")
        } else {
            continue;
        };
        let group: PathBuf = tree.join(path.trim_start_matches('/'));
        let around = group.ancestors().take_while(|it| it.starts_with(&tree));
        let texts = around.filter_map(|it| fs::read_to_string(it.join(file)).ok());
        // "max" is no number, and no limit.
        limits.extend(texts.filter_map(|text| text.trim().parse::<u64>().ok()));
    }
    limits
}

const STATM: &str = "/proc/self/statm";
/// Flows take some 100 bytes, and a core finds some ten million a second: 10 MB in this time.
const INTERVAL: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn what_is_allocated_is_in_use() {
        const LEN: usize = 256 << 20;
        let usage = Usage::open().unwrap();
        let before = usage.bytes().unwrap();
        let memory = vec![1_u8; LEN];
        // Other tests run at the same time, and may free some.
        let grown = usage.bytes().unwrap().saturating_sub(before);
        assert!(grown > LEN as u64 / 2, "{grown} of {LEN}");
        drop(memory);
    }

    #[test]
    fn a_run_with_too_much_is_cancelled() {
        let progress = Arc::new(Progress::default());
        assert!(progress.check().is_ok());
        let watch = MemoryWatch::start(1, &progress).unwrap();
        while !progress.is_cancelled() {
            thread::sleep(INTERVAL);
        }
        let error = progress.check().unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::MemoryLimit { limit: 1 }),
            "{error}"
        );
        drop(watch);
    }

    #[test]
    fn a_run_with_enough_goes_on() {
        let progress = Arc::new(Progress::default());
        drop(MemoryWatch::start(u64::MAX, &progress).unwrap());
        assert!(!progress.is_cancelled());
    }

    #[test]
    fn the_limits_of_control_groups() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("a/b/memory.max", "max\n");
        write("a/memory.max", "4096\n");
        write("memory/x/memory.limit_in_bytes", "8192\n");
        write("memory/memory.limit_in_bytes", "9223372036854771712\n");
        let limits = |groups| limits_of(groups, root.path());
        assert_eq!(limits("0::/a/b\n"), [4096]);
        assert_eq!(limits("0::/elsewhere\n"), [0; 0]);
        assert_eq!(
            limits("8:pids:/a\n4:memory:/x\n0::/\n"),
            [8192, 9_223_372_036_854_771_712]
        );
        assert_eq!(limits("no group at all"), [0; 0]);
        assert!(available_memory() > 0);
    }
}

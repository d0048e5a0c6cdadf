//! The worker threads of runs.

use super::config::Tuning;
use crate::error::{Error, ErrorKind};
use std::sync::Arc;

/// Worker threads, for any number of runs and for what is done with their results. A clone shares
/// the same threads.
#[derive(Clone, Debug)]
pub struct Workers(Arc<rayon::ThreadPool>);

impl Workers {
    /// Starts worker threads.
    ///
    /// # Errors
    /// When the system refuses that many.
    pub fn new(tuning: &Tuning) -> Result<Self, Error> {
        let first_cpu = tuning.first_cpu;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        rayon::ThreadPoolBuilder::new()
            .num_threads(tuning.threads)
            .thread_name(|index| format!("worker-{index}"))
            .start_handler(move |index| {
                if let Some(first) = first_cpu {
                    pin((first.saturating_add(index)) % cores);
                }
            })
            .build()
            .map(|pool| Self(Arc::new(pool)))
            .map_err(|error| {
                ErrorKind::Threads {
                    threads: tuning.threads,
                    reason: error.to_string(),
                }
                .into()
            })
    }

    /// Runs `work` so that its parallel parts use these threads.
    pub fn install<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.0.install(work)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.current_num_threads()
    }
}

/// Binds this thread to a core, if the system allows it.
fn pin(cpu: usize) {
    if cpu >= rustix::thread::CpuSet::MAX_CPU {
        return;
    }
    let mut cpus = rustix::thread::CpuSet::new();
    cpus.set(cpu);
    rustix::thread::sched_setaffinity(None, &cpus).unwrap_or(());
}

//! The progress line, in pcap_flow's words.

use super::report::say_plainly;
use super::values::ProgressArg;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pcap_flows::engine::{Progress, Snapshot, Stopwatch};
use pcap_flows::jobs::stats::gbps;
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Shows progress on standard error until it is finished.
#[derive(Debug)]
pub(crate) struct ProgressLine {
    stop: Sender<bool>,
    thread: JoinHandle<()>,
}

impl ProgressLine {
    /// Starts to show progress, if it is wanted. `total` is the size of all inputs, where known.
    pub(crate) fn start(
        when: ProgressArg,
        total: Option<u64>,
        progress: &Arc<Progress>,
    ) -> Option<Self> {
        let is_live = when == ProgressArg::Auto && std::io::stderr().is_terminal();
        if when == ProgressArg::Never {
            return None;
        }
        let progress = Arc::clone(progress);
        let (stop, stopped) = mpsc::channel();
        let thread = thread::spawn(move || {
            let mut lines = Lines::new(is_live, total);
            let interval = if is_live {
                LIVE_INTERVAL
            } else {
                LINE_INTERVAL
            };
            let is_done = loop {
                match stopped.recv_timeout(interval) {
                    Err(RecvTimeoutError::Timeout) => lines.show(&progress.snapshot()),
                    stopped => break stopped.unwrap_or(false),
                }
            };
            if is_done {
                lines.finish(&progress.snapshot());
            }
        });
        Some(Self { stop, thread })
    }

    /// Ends it, with a last line if the run is done.
    pub(crate) fn finish(self, is_done: bool) {
        // The thread waits for this until it ends.
        self.stop.send(is_done).unwrap_or(());
        // A thread that shows progress has nothing to say about how the run ends.
        drop(self.thread.join());
    }
}

struct Lines {
    bar: Option<ProgressBar>,
    total: Option<u64>,
    last: (Duration, Snapshot),
    stopwatch: Stopwatch,
}

impl Lines {
    fn new(is_live: bool, total: Option<u64>) -> Self {
        let bar = is_live.then(|| {
            let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
            let template = if total.is_some() {
                "{msg} ETA {eta}"
            } else {
                "{msg}"
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar
        });
        let last = (Duration::ZERO, Snapshot::default());
        Self {
            bar,
            total,
            last,
            stopwatch: Stopwatch::start(),
        }
    }

    fn show(&mut self, now: &Snapshot) {
        let (then, before) = self.last;
        let elapsed = self.stopwatch.elapsed();
        let line = line(now, &before, elapsed.saturating_sub(then), self.total);
        match &self.bar {
            Some(bar) => {
                bar.set_position(now.input_bytes);
                bar.set_message(line);
            }
            None => say_plainly(&line),
        }
        self.last = (elapsed, *now);
    }

    /// The last line tells of the whole run.
    fn finish(&self, now: &Snapshot) {
        // How long a pipe was is known now.
        let total = self.total.or(Some(now.input_bytes));
        let line = line(now, &Snapshot::default(), self.stopwatch.elapsed(), total);
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        say_plainly(&line);
    }
}

/// `[05:10:22.000.316.568  30.7%] Flows:899478 2.66M Pkts 7.419Gbps : 0.79GB Out:0.25GB`
///
/// Capture time, share of the input, then flows and packets so far, the rate of the last
/// interval, bytes read and written.
#[expect(clippy::cast_precision_loss, reason = "shown with a few digits")]
fn line(now: &Snapshot, before: &Snapshot, interval: Duration, total: Option<u64>) -> String {
    let Snapshot {
        input_bytes,
        packets,
        flows,
        output_bytes,
        capture_time,
    } = *now;
    let share = match total {
        Some(0) => " 100.0%".to_owned(),
        Some(total) => format!(" {:5.1}%", input_bytes as f64 * 100.0 / total as f64),
        None => String::new(),
    };
    let (seconds, nanos) = (
        capture_time.0.div_euclid(1_000_000_000),
        capture_time.0.rem_euclid(1_000_000_000),
    );
    let of_day = seconds.rem_euclid(86_400);
    format!(
        "[{:02}:{:02}:{:02}.{:03}.{:03}.{:03}{share}] Flows:{flows} {:.2}M Pkts {:.3}Gbps : {:.2}GB Out:{:.2}GB",
        of_day / 3600,
        of_day / 60 % 60,
        of_day % 60,
        nanos / 1_000_000,
        nanos / 1000 % 1000,
        nanos % 1000,
        packets as f64 / 1e6,
        gbps(input_bytes.saturating_sub(before.input_bytes), interval),
        input_bytes as f64 / 1e9,
        output_bytes as f64 / 1e9,
    )
}

const LIVE_INTERVAL: Duration = Duration::from_millis(200);
const LINE_INTERVAL: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;
    use pcap_flows::capture::Nanos;

    #[test]
    fn the_line_is_that_of_pcap_flow() {
        let now = Snapshot {
            input_bytes: 790_000_000,
            packets: 2_660_000,
            flows: 899_478,
            output_bytes: 250_000_000,
            capture_time: Nanos(((5 * 60 + 10) * 60 + 22) * 1_000_000_000 + 316_568),
        };
        let second = Duration::from_secs(1);
        assert_eq!(
            line(&now, &Snapshot::default(), second, Some(2_573_000_000)),
            "[05:10:22.000.316.568  30.7%] Flows:899478 2.66M Pkts 6.320Gbps : 0.79GB Out:0.25GB"
        );
    }

    #[test]
    fn the_end_is_exactly_100_per_cent() {
        let now = Snapshot {
            input_bytes: 12_345,
            ..Snapshot::default()
        };
        let text = line(&now, &now, Duration::from_secs(1), Some(12_345));
        assert!(text.starts_with("[00:00:00.000.000.000 100.0%]"), "{text}");
    }
}

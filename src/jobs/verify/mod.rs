//! A second opinion: captures are read again in the simplest way, and compared with a run's results.
//!
//! A run is fast because it divides captures into chunks, has a shorter way for plain packets, and
//! spreads flows over many tables. The simplest way does none of this: one thread walks from record
//! to record ([`Capture`]), reads headers with etherparse alone, and counts flows in one `HashMap`
//! with their full keys. Both share the way from bytes to records (formats, compression, damage),
//! and the filter.
//!
//! Headers that etherparse does not read are left to the run's decoder, one packet at a time, and
//! counted: see [`Unjudged`]. The counts of such packets are compared as well. For all others the
//! decoder reads the packet, too, so that a difference is reported with the packet where it starts.

mod compare;
mod copies;
mod flows;
mod headers;
mod report;
#[cfg(test)]
mod tests;

pub use headers::Unjudged;
pub use report::Verified;

use super::{FlowsJob, FlowsReport, flows_gated};
use crate::capture::{Capture, Merge, Record};
use crate::decode::{Headers, LinkKey, NotFlow, Tunnels, Unpacked, decode};
use crate::engine::{
    Config, Findings, Gate, InputReport, Outcome, Place, Progress, Source, Workers,
};
use crate::error::{Error, ErrorKind, ShownPath};
use compare::{Differences, Found};
use copies::print_of;
use flows::{Counted, PlainFlows};
use headers::{Contents, Ip, Reading};
use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Reads `captures` again in the simplest way, and compares the results with those of a run with
/// this configuration.
///
/// It takes longer than the run, and as much memory again as its flows.
///
/// # Errors
/// When a capture cannot be read that the run could read, and when it is cancelled.
pub fn verify(
    config: &Config,
    captures: &[PathBuf],
    outcome: &Outcome,
    progress: &Progress,
) -> Result<Verified, Error> {
    let found = Found {
        flows: &outcome.flows,
        accepted: outcome.flows.accepted(),
        balance: &outcome.balance,
        inputs: &outcome.inputs,
    };
    Simplest::new(config, progress)
        .read(captures, found.inputs)
        .map(|simplest| simplest.compare(&found))
}

/// The main job ([`flows`](super::flows())) with a second opinion, before anything is put under its
/// final name.
///
/// # Errors
/// As the main job, where captures are no files, and where the run is not confirmed.
pub fn flows_verified(
    job: FlowsJob,
    sources: Vec<Source>,
    list: &mut (dyn Write + Send),
    progress: &Progress,
) -> Result<(FlowsReport, Verified), Error> {
    let captures: Vec<PathBuf> = sources
        .iter()
        .map(|source| match source {
            Source::Path(path) if !path.metadata().is_ok_and(|it| is_stream(&it)) => {
                Ok(path.clone())
            }
            Source::Path(path) => Err(path.clone()),
            Source::Reader(name, _) => Err(PathBuf::from(name)),
            Source::Input(input) => Err(input.path().as_ref().clone()),
            Source::Merged(_) => Err(PathBuf::from(Merge::NAME)),
        })
        .collect::<Result<_, _>>()
        .map_err(|path| ErrorKind::NotReadTwice { path })?;
    let mut verified = Verified::default();
    let config = job.config.clone();
    let mut check = Check {
        states: captures.iter().map(|path| state(path)).collect(),
        config: &config,
        captures: &captures,
        progress,
        verified: &mut verified,
    };
    let workers = Workers::new(&config.tuning)?;
    let gate = Some(&mut check as &mut (dyn Gate + Send));
    let report = flows_gated(job, sources, &workers, gate, list, progress)?;
    Ok((report, verified))
}

fn is_stream(metadata: &std::fs::Metadata) -> bool {
    !metadata.is_file() && !metadata.is_dir()
}

/// The job that refuses a run's results if a second reading does not confirm them.
struct Check<'a> {
    config: &'a Config,
    captures: &'a [PathBuf],
    /// Length and time of the last change of each, before the run.
    states: Vec<Option<State>>,
    progress: &'a Progress,
    verified: &'a mut Verified,
}

/// Length of a file, and time of its last change.
type State = (u64, i64, i64);

fn state(path: &Path) -> Option<State> {
    let metadata = path.metadata().ok()?;
    Some((metadata.size(), metadata.mtime(), metadata.mtime_nsec()))
}

impl Gate for Check<'_> {
    fn check(&mut self, found: &Findings<'_>) -> Result<(), Error> {
        let found = Found {
            flows: found.flows,
            accepted: found.flows.accepted(),
            balance: found.balance,
            inputs: found.inputs,
        };
        let simplest = Simplest::new(self.config, self.progress);
        let simplest = simplest.read(self.captures, found.inputs)?;
        *self.verified = simplest.compare(&found);
        if self.verified.is_same() {
            return Ok(());
        }
        // A capture that is still being written ends elsewhere each time.
        for (path, before) in self.captures.iter().zip(&self.states) {
            if state(path) != *before {
                let path = path.clone();
                return Err(ErrorKind::ChangedMeanwhile { path }.into());
            }
        }
        Err(ErrorKind::NotConfirmed {
            differences: self.verified.differences.clone(),
            others: self.verified.difference_count - self.verified.differences.len() as u64,
        }
        .into())
    }
}

/// The second reading.
struct Simplest<'a> {
    config: &'a Config,
    progress: &'a Progress,
    flows: PlainFlows<'a>,
    unjudged: BTreeMap<Unjudged, u64>,
    differences: Differences,
    /// Packets of each capture.
    packets: Vec<u64>,
}

impl<'a> Simplest<'a> {
    fn new(config: &'a Config, progress: &'a Progress) -> Self {
        Self {
            config,
            progress,
            flows: PlainFlows::new(config),
            unjudged: BTreeMap::new(),
            differences: Differences::default(),
            packets: Vec::new(),
        }
    }

    /// Reads all captures, one after the other. Where the run could not continue, it is no
    /// difference if this cannot either.
    fn read(mut self, captures: &[PathBuf], inputs: &[InputReport]) -> Result<Self, Error> {
        for (number, path) in captures.iter().enumerate() {
            let report = inputs.get(number);
            if self.is_enough() && number > 0 {
                break;
            }
            let before = self.flows.counts.packets;
            let ended = self.capture(number, path, report.map_or(0, |it| it.bytes));
            self.packets.push(self.flows.counts.packets - before);
            let run_ended = report.and_then(|it| it.error.as_ref());
            match (ended, run_ended) {
                (Ok(()), None) | (Err(_), Some(_)) => self.progress.check()?,
                (Ok(()), Some(error)) => self.differences.add(format!(
                    "{}: the run could not read it ({error}), the simplest way can",
                    path.shown()
                )),
                (Err(error), None) => return Err(error),
            }
        }
        Ok(self)
    }

    fn is_enough(&self) -> bool {
        let most = self.config.max_packets;
        most.is_some_and(|most| self.flows.counts.packets >= most)
    }

    fn capture(&mut self, number: usize, path: &Path, len: u64) -> Result<(), Error> {
        let mut capture = Capture::open(path)?;
        // Progress counts as many bytes as in the run.
        let mut reported = 0;
        let mut packet = 0;
        while !self.is_enough()
            && let Some(record) = capture.next_record()?
        {
            packet += 1;
            let place = Place {
                input: number,
                packet,
                offset: record.offset,
            };
            if packet % PACKETS_AT_A_TIME == 0 {
                self.progress.check()?;
                let at = record.offset.min(len);
                self.progress.add_input(at.saturating_sub(reported));
                reported = reported.max(at);
            }
            self.packet(&record, path, place);
        }
        self.progress.add_input(len.saturating_sub(reported));
        Ok(())
    }

    fn packet(&mut self, record: &Record<'_>, path: &Path, place: Place) {
        let mut link = LinkKey::default();
        let options = &self.config.decode;
        let decoded = match record.link_type {
            Some(link_type) => decode(link_type, record.data, options, &mut link),
            None => Err(NotFlow::NoInterface),
        };
        let unpacked = decoded
            .as_ref()
            .ok()
            .and_then(|headers| Unpacked::of(record.data, headers, link, options));
        let decoders = match unpacked.as_ref().map(Unpacked::headers) {
            Some(Ok((inner, link))) => reading_of(&Ok(within(&decoded, inner)), link),
            _ => reading_of(&decoded, link),
        };
        let verdict = match (record.link_type, &decoded) {
            (
                _,
                Ok(Headers {
                    trailer_time: Some(_),
                    ..
                }),
            ) => Err(Unjudged::Trailer),
            (None, _) => Ok(Reading {
                link: LinkKey::default(),
                tunnels: Tunnels::NONE,
                contents: Contents::Malformed,
            }),
            (Some(link_type), _) => headers::read(link_type, record.data, options),
        };
        let reading = match verdict {
            Ok(reading) => {
                if reading != decoders {
                    self.differences.packet(path, place, &decoders, &reading);
                }
                reading
            }
            Err(why) => {
                *self.unjudged.entry(why).or_default() += 1;
                decoders
            }
        };
        let headers = decoded.as_ref().ok();
        let time = headers.and_then(|headers| headers.trailer_time);
        let wants_print = self.config.duplicates.is_some();
        let counted = Counted {
            time: time.unwrap_or(record.time),
            wire_len: record.wire_len,
            place,
            print: headers
                .filter(|_| wants_print)
                .map(|headers| print_of(record.data, headers)),
        };
        self.flows.add(&reading, &counted);
    }

    fn compare(mut self, found: &Found<'_>) -> Verified {
        compare::compare(found, &self.flows, &self.packets, &mut self.differences);
        let (differences, difference_count) = self.differences.into_parts();
        Verified {
            packets: self.flows.counts.packets,
            flows: self.flows.accepted(),
            unjudged: self.unjudged.into_iter().collect(),
            differences,
            difference_count,
        }
    }
}

/// The decoder's headers as a reading of the simplest way.
fn reading_of(decoded: &Result<Headers<'_>, NotFlow>, link: LinkKey) -> Reading {
    let contents = match decoded {
        Ok(headers) => {
            let fragment = headers.fragment.as_deref();
            Contents::Ip(Ip {
                network: headers.network_key(),
                tcp_flags: headers.tcp_flags,
                fragment: fragment.map(|it| (it.datagram, it.is_first)),
            })
        }
        Err(reason) if reason.is_malformed() => Contents::Malformed,
        Err(_) => Contents::NotIp,
    };
    let tunnels = decoded.as_ref().map_or(Tunnels::NONE, |it| it.tunnels);
    Reading {
        link,
        tunnels,
        contents,
    }
}

/// The pieces of a compressed packet follow its first piece into the inner flow.
fn within<'a>(outer: &Result<Headers<'_>, NotFlow>, inner: Headers<'a>) -> Headers<'a> {
    let outer = outer.as_ref().ok();
    let fragment = inner.fragment.or_else(|| outer?.fragment.clone());
    Headers { fragment, ..inner }
}

/// Packets between two checks for cancellation.
const PACKETS_AT_A_TIME: u64 = 4096;

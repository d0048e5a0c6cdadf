//! Runs that are stepped: what a caller sees between windows, how they end.

use pcap_flows::engine::{
    Config, Findings, Gate, InputStart, Job, Progress, Resume, Run, Source, Step, Tuning, Window,
    Workers, run, run_on,
};
use pcap_flows::flow::{Contents, FlowEnd, FlowKey, FlowList, Observer, PacketRef, Timeouts};
use pcap_flows::{Error, ErrorKind};
use std::io::Cursor;
use std::path::PathBuf;
use testkit::frames::{ethernet, ipv4, udp, udp_frame};
use testkit::pcap::Pcap;

const HTTP: &str = "testdata/recorded/http.pcap";

/// Small windows of a capture.
fn narrow() -> Config {
    Config {
        tuning: Tuning {
            threads: 2,
            window_len: 1000,
            chunk_len: 300,
            ..Tuning::default()
        },
        ..Config::default()
    }
}

fn http() -> Vec<Source> {
    vec![Source::Path(crate::common::root().join(HTTP))]
}

fn stream(bytes: Vec<u8>) -> Vec<Source> {
    vec![Source::Reader(
        "stream".to_owned(),
        Box::new(Cursor::new(bytes)),
    )]
}

/// Notes how it is treated.
#[derive(Debug, Default)]
struct Witness {
    calls: Vec<&'static str>,
    /// Flows that ended: shard, index, why.
    ended: Vec<(usize, u32, FlowEnd)>,
    is_failing: bool,
}

#[derive(Debug, Default)]
struct Ends(Vec<(u32, FlowEnd)>);

impl Observer for Ends {
    fn start(&mut self, _: u32, _: bool, _: impl Fn() -> FlowKey) {}

    fn packet(&mut self, _: u32, _: &PacketRef, _: Option<&Contents<'_>>) {}

    fn end(&mut self, flow: u32, why: FlowEnd) {
        self.0.push((flow, why));
    }
}

impl Job for Witness {
    type Observer = Ends;

    fn observer(&self) -> Ends {
        Ends::default()
    }

    fn input(&mut self, _: &InputStart<'_>) -> Result<(), Error> {
        self.calls.push("input");
        Ok(())
    }

    fn window(&mut self, _: &Window<'_>, _: &FlowList, _: Vec<&mut Ends>) -> Result<u64, Error> {
        if self.is_failing {
            return Err(ErrorKind::Interrupted.into());
        }
        Ok(0)
    }

    fn finish(&mut self, _: &FlowList, observers: Vec<&mut Ends>) -> Result<u64, Error> {
        self.calls.push("finish");
        for (shard, observer) in observers.into_iter().enumerate() {
            let ended = observer.0.iter();
            self.ended
                .extend(ended.map(|&(flow, why)| (shard, flow, why)));
        }
        Ok(0)
    }

    fn abandon(&mut self, _: &FlowList, _: Vec<&mut Ends>) {
        self.calls.push("abandon");
    }
}

/// Refuses every run, or none.
struct Refuses(bool);

impl Gate for Refuses {
    fn check(&mut self, found: &Findings<'_>) -> Result<(), Error> {
        assert_eq!(found.balance.packets, 66);
        assert_eq!(found.inputs.len(), 1);
        assert!(!found.flows.is_empty());
        if self.0 {
            return Err(ErrorKind::OtherFlows.into());
        }
        Ok(())
    }
}

#[test]
fn steps_are_windows_and_add_up_to_the_run() {
    let config = narrow();
    let workers = Workers::new(&config.tuning).unwrap();
    let progress = Progress::default();
    let whole = run(&config, http(), &mut (), &progress).unwrap();
    let mut job = ();
    let resume = Resume::default();
    let mut stepped = Run::start(&config, &workers, http(), resume, &mut job, &progress).unwrap();
    let mut steps: Vec<Step> = Vec::new();
    while let Some(step) = stepped.step().unwrap() {
        assert_eq!(step.flows, stepped.flows().len());
        // Flows of the window have their FlowIDs.
        assert!(stepped.flows().get(step.flows).is_some());
        steps.push(step);
    }
    assert_eq!(stepped.step().unwrap(), None, "the end stays");
    let outcome = stepped.finish().unwrap();
    assert!(steps.len() > 10, "{}", steps.len());
    assert_eq!(steps.iter().map(|it| it.packets).sum::<u64>(), 66);
    let mut position = 24;
    for step in &steps {
        assert_eq!((step.base.input, step.base.offset), (0, position));
        position += step.bytes;
    }
    assert_eq!(position, outcome.inputs[0].bytes);
    assert_eq!(outcome.balance, whole.balance);
    assert!(outcome.flows.iter().eq(whole.flows.iter()));
    assert_eq!(outcome.threads, 2);
}

/// The same threads serve two runs in turns.
#[test]
fn two_runs_are_stepped_in_turns() {
    let config = narrow();
    let workers = Workers::new(&config.tuning).unwrap();
    let progress = Progress::default();
    let (mut first, mut second) = ((), ());
    let resume = Resume::default();
    let mut a = Run::start(&config, &workers, http(), resume, &mut first, &progress).unwrap();
    let mut b = Run::start(&config, &workers, http(), resume, &mut second, &progress).unwrap();
    loop {
        let (from_a, from_b) = (a.step().unwrap(), b.step().unwrap());
        assert_eq!(from_a, from_b);
        if from_a.is_none() {
            break;
        }
    }
    let (a, b) = (a.finish().unwrap(), b.finish().unwrap());
    assert!(a.flows.iter().eq(b.flows.iter()));
}

#[test]
fn a_run_that_is_dropped_abandons_its_job() {
    let config = narrow();
    let workers = Workers::new(&config.tuning).unwrap();
    let progress = Progress::default();
    let mut job = Witness::default();
    let resume = Resume::default();
    let mut run = Run::start(&config, &workers, http(), resume, &mut job, &progress).unwrap();
    assert!(run.step().unwrap().is_some());
    drop(run);
    assert_eq!(job.calls, ["input", "abandon"]);
}

#[test]
fn a_job_that_fails_is_abandoned_once() {
    let config = narrow();
    let workers = Workers::new(&config.tuning).unwrap();
    let progress = Progress::default();
    let mut job = Witness {
        is_failing: true,
        ..Witness::default()
    };
    let resume = Resume::default();
    let mut run = Run::start(&config, &workers, http(), resume, &mut job, &progress).unwrap();
    assert!(run.step().is_err());
    assert_eq!(run.step().unwrap(), None, "nothing more is read");
    assert!(run.check(&mut Refuses(false)).is_err());
    let error = run.finish().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::RunHasFailed), "{error}");
    assert_eq!(job.calls, ["input", "abandon"]);
}

#[test]
fn a_gate_refuses_before_anything_is_finished() {
    let config = narrow();
    let workers = Workers::new(&config.tuning).unwrap();
    let progress = Progress::default();
    for (refuses, last) in [(true, "abandon"), (false, "finish")] {
        let mut job = Witness::default();
        let resume = Resume::default();
        let mut run = Run::start(&config, &workers, http(), resume, &mut job, &progress).unwrap();
        // What was not stepped through is read before the gate is asked.
        assert!(run.step().unwrap().is_some());
        let checked = run.check(&mut Refuses(refuses));
        assert_eq!(checked.is_err(), refuses);
        if refuses {
            drop(run);
        } else {
            run.finish().unwrap();
        }
        assert_eq!(job.calls, ["input", last]);
    }
}

/// A job that is not there changes nothing; one that is lent is called.
#[test]
fn jobs_may_be_optional_or_lent() {
    let config = narrow();
    let progress = Progress::default();
    let mut none: Option<Witness> = None;
    let outcome = run(&config, http(), &mut none, &progress).unwrap();
    assert_eq!(outcome.balance.packets, 66);
    let mut witness = Witness::default();
    let mut jobs = (Some(&mut witness), ());
    run(&config, http(), &mut jobs, &progress).unwrap();
    assert_eq!(witness.calls, ["input", "finish"]);
    assert_eq!(witness.ended.len() as u64, outcome.flows.len());
}

/// Each flow ends once: by a timeout where another one of its key follows, else with the input.
#[test]
fn every_flow_ends_once() {
    let mut times = Vec::new();
    // Two keys; after ten seconds of silence each starts again.
    for second in [0, 1, 2, 20, 21, 50] {
        for port in [1000, 2000] {
            times.push((second, port));
        }
    }
    let mut bytes = Pcap::COMMON.file_header();
    for (second, port) in times {
        let frame = udp_frame((1, 2), (port, 53), 8);
        let len = u32::try_from(frame.len()).unwrap();
        bytes.extend(Pcap::COMMON.record((1000 + second, 0), len, &frame));
    }
    for idle_ns in [None, Some(10_000_000_000)] {
        let config = Config {
            timeouts: Timeouts {
                idle_ns,
                ..Timeouts::default()
            },
            ..narrow()
        };
        let mut job = Witness::default();
        let outcome = run(
            &config,
            stream(bytes.clone()),
            &mut job,
            &Progress::default(),
        )
        .unwrap();
        let mut ended: Vec<(u64, FlowEnd)> = job
            .ended
            .iter()
            .map(|&(shard, flow, why)| (outcome.flows.id_of(shard, flow), why))
            .collect();
        ended.sort_by_key(|(id, _)| *id);
        let ids: Vec<u64> = ended.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids, (1..=outcome.flows.len()).collect::<Vec<_>>());
        let timed_out = ended.iter().filter(|(_, why)| *why == FlowEnd::Timeout);
        let expected = if idle_ns.is_some() { (6, 4) } else { (2, 0) };
        assert_eq!((ended.len(), timed_out.count()), expected);
        // The flows that a timeout ended are those that another one follows.
        let last = ended.iter().rev().take(2);
        assert!(last.clone().all(|(_, why)| *why == FlowEnd::EndOfInput));
    }
}

/// First fragments of an earlier run are known also where it has left no flows to continue from.
#[test]
fn fragments_are_resumed_without_flows() {
    let datagram = udp((4000, 5000), 64);
    let (front, rest) = datagram.split_at(32);
    // Flags and offset in units of eight bytes; the identification is 7.
    let first = ethernet((1, 2), &[], 0x0800, &ipv4((1, 2), 17, (7, 0x2000), front));
    let later = ethernet((1, 2), &[], 0x0800, &ipv4((1, 2), 17, (7, 4), rest));
    let config = Config::default();
    let progress = Progress::default();
    let before = run(
        &config,
        stream(Pcap::COMMON.file([first])),
        &mut (),
        &progress,
    )
    .unwrap();
    assert_eq!(before.fragments.len(), 1);
    let workers = Workers::new(&config.tuning).unwrap();
    for (fragments, port) in [(before.fragments.as_slice(), 4000), (&[], 0)] {
        let resume = Resume {
            flows: &[],
            fragments,
        };
        let sources = stream(Pcap::COMMON.file([later.clone()]));
        let mut job = ();
        let mut run = Run::start(&config, &workers, sources, resume, &mut job, &progress).unwrap();
        while run.step().unwrap().is_some() {}
        let outcome = run.finish().unwrap();
        assert_eq!(outcome.flows.len(), 1);
        assert_eq!(outcome.flows.get(1).unwrap().key.network.src_port, port);
    }
}

/// Inputs that cannot be opened have an ordinal, too.
#[test]
fn inputs_keep_their_ordinals() {
    struct Ordinals(Vec<(usize, usize)>);
    impl Job for Ordinals {
        type Observer = ();
        fn observer(&self) {}
        fn input(&mut self, input: &InputStart<'_>) -> Result<(), Error> {
            self.0.push((input.number, usize::MAX));
            Ok(())
        }
        fn window(
            &mut self,
            window: &Window<'_>,
            _: &FlowList,
            _: Vec<&mut ()>,
        ) -> Result<u64, Error> {
            self.0.last_mut().unwrap().1 = window.base.input;
            Ok(0)
        }
    }
    let path = |name: &str| Source::Path(crate::common::root().join(name));
    let missing = Source::Path(PathBuf::from("no-such-capture.pcap"));
    let sources = vec![path(HTTP), missing, path("Cargo.toml"), path(HTTP)];
    let mut job = Ordinals(Vec::new());
    let outcome = run(&narrow(), sources, &mut job, &Progress::default()).unwrap();
    assert_eq!(job.0, [(0, 0), (3, 3)]);
    let failed = outcome.inputs.iter().map(|it| it.error.is_some());
    assert_eq!(failed.collect::<Vec<_>>(), [false, true, true, false]);
}

/// One set of threads serves any number of runs.
#[test]
fn workers_are_used_again() {
    let tuning = Tuning {
        threads: 3,
        ..Tuning::default()
    };
    let workers = Workers::new(&tuning).unwrap();
    assert_eq!(workers.count(), 3);
    let (config, progress) = (narrow(), Progress::default());
    for _ in 0..2 {
        let resume = Resume::default();
        let outcome = run_on(&workers, &config, http(), resume, &mut (), None, &progress).unwrap();
        assert_eq!((outcome.threads, outcome.balance.packets), (3, 66));
    }
}

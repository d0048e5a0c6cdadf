use super::headers::read;
use super::*;
use crate::capture::LinkType;
use crate::decode::DecodeOptions;
use crate::engine::{Balance, run};
use crate::flow::{Counters, Flow, Flows};
use crate::jobs::ExtractOptions;
use crate::select::Selection;

const HTTP: &str = "testdata/recorded/http.pcap";
const DNS: &str = "testdata/recorded/dns.pcap";

/// A list of flows that can be falsified.
#[derive(Clone)]
struct List {
    flows: Vec<Option<Flow>>,
    /// Packets that lists are sorted by, where these are others.
    sorted_by: Option<u64>,
}

impl Flows for List {
    fn last_id(&self) -> u64 {
        self.flows.len() as u64
    }

    fn get(&self, id: u64) -> Option<Flow> {
        let index = usize::try_from(id).unwrap().checked_sub(1)?;
        self.flows.get(index).copied().flatten()
    }

    fn counters(&self, id: u64) -> Option<Counters> {
        let flow = self.get(id)?;
        Some(Counters {
            packets: self.sorted_by.unwrap_or(flow.packets),
            bytes: flow.bytes,
            first: flow.first,
            last: flow.last,
        })
    }
}

struct Falsified {
    list: List,
    accepted: u64,
    balance: Balance,
    inputs: Vec<InputReport>,
}

/// The report when a run of conversations is falsified.
fn falsified(change: impl FnOnce(&mut Falsified)) -> Vec<String> {
    let config = Config {
        conversations: true,
        ..Config::default()
    };
    let progress = Progress::default();
    let outcome = run(&config, vec![Source::Path(HTTP.into())], &mut (), &progress).unwrap();
    let mut run = Falsified {
        list: List {
            flows: outcome.flows.iter().map(Some).collect(),
            sorted_by: None,
        },
        accepted: outcome.flows.accepted(),
        balance: outcome.balance,
        inputs: outcome.inputs,
    };
    change(&mut run);
    let found = Found {
        flows: &run.list,
        accepted: run.accepted,
        balance: &run.balance,
        inputs: &run.inputs,
    };
    let simplest = Simplest::new(&config, &progress);
    let simplest = simplest.read(&[PathBuf::from(HTTP)], &run.inputs);
    let verified = simplest.unwrap().compare(&found);
    assert_eq!(verified.packets, 66);
    assert_eq!(verified.flows, 3);
    assert_eq!(
        verified.is_same(),
        verified.differences.is_empty(),
        "{verified}"
    );
    verified.differences
}

/// The only difference that is reported of a run that was falsified.
fn difference(change: impl FnOnce(&mut Falsified)) -> String {
    let differences = falsified(change);
    assert_eq!(differences.len(), 1, "{differences:?}");
    differences.into_iter().next().unwrap()
}

fn in_second_flow(change: impl FnOnce(&mut Flow)) -> String {
    let difference = difference(|run| change(run.list.flows[1].as_mut().unwrap()));
    let start = format!("flow 2, which starts with packet 27 at byte 11469 of {HTTP}: 10.77.0.1:");
    assert!(difference.starts_with(&start), "{difference}");
    difference
}

#[test]
fn what_is_right_is_confirmed() {
    assert_eq!(falsified(|_| {}), Vec::<String>::new());
}

type Change = fn(&mut Falsified);

#[test]
fn each_falsified_sum_is_reported() {
    assert_eq!(
        difference(|run| run.balance.packets += 1),
        "packets: 67; in the simplest way 66"
    );
    let place = Place::default();
    let changes: [(Change, &str); 8] = [
        (|run| run.balance.bytes -= 1, "bytes on the wire: "),
        (
            |run| run.balance.in_flows -= 1,
            "packets in flows: 63; in the simplest way 64",
        ),
        (
            |run| run.balance.filtered += 1,
            "filtered packets: 1; in the simplest way 0",
        ),
        (
            |run| {
                let place = Place::default();
                run.balance.count_not_flow(NotFlow::Arp, place);
            },
            "packets that are not IP: 3; in the simplest way 2",
        ),
        (|run| run.accepted += 1, "flows: 4; in the simplest way 3"),
        (
            |run| run.inputs[0].packets -= 1,
            "packets of testdata/recorded/http.pcap: 65; in the simplest way 66",
        ),
        (
            |run| run.list.sorted_by = Some(7),
            "flow 1 is sorted as 10.77.0.1:41001 -> 10.77.0.2:80 protocol 6",
        ),
        (
            |run| run.inputs.clear(),
            "captures: 0; in the simplest way 1",
        ),
    ];
    for (change, text) in changes {
        let differences = falsified(change);
        assert!(
            differences.iter().any(|it| it.starts_with(text)),
            "{text}: {differences:?}"
        );
    }
    let malformed = difference(|run| run.balance.count_not_flow(NotFlow::ShortIp, place));
    assert_eq!(malformed, "malformed packets: 1; in the simplest way 0");
}

#[test]
fn each_falsified_field_of_a_flow_is_reported() {
    let reported = in_second_flow(|flow| flow.packets += 1);
    assert!(reported.contains(", 29 packets, "), "{reported}");
    assert!(reported.contains("; in the simplest way "), "{reported}");
    in_second_flow(|flow| flow.bytes += 1);
    in_second_flow(|flow| flow.first.0 -= 1);
    in_second_flow(|flow| flow.last.0 += 1);
    in_second_flow(|flow| flow.tcp_flags ^= 0x800);
    in_second_flow(|flow| flow.key.network.dst_port = 81);
    in_second_flow(|flow| flow.key.link = LinkKey::default());
    in_second_flow(|flow| flow.reverse.as_mut().unwrap().packets += 1);
    in_second_flow(|flow| flow.reverse.as_mut().unwrap().bytes -= 1);
    in_second_flow(|flow| flow.reverse.as_mut().unwrap().tcp_flags ^= 2);
    in_second_flow(|flow| flow.reverse = None);
    in_second_flow(|flow| flow.id = 3);
}

#[test]
fn flows_too_many_or_too_few_are_reported() {
    let missing = falsified(|run| run.list.flows[0] = None);
    assert_eq!(missing.len(), 1);
    assert!(
        missing[0].contains("not there, or refused by the filter; in the simplest way 10.77.0.1"),
        "{missing:?}"
    );
    let short = falsified(|run| run.list.flows.truncate(2));
    assert_eq!(short[0], "the last FlowID: 2; in the simplest way 3");
    let long = falsified(|run| {
        let flow = run.list.flows[2];
        run.list.flows.push(flow);
    });
    assert_eq!(long[0], "the last FlowID: 4; in the simplest way 3");
    assert!(long[1].ends_with("; in the simplest way not there"));
    let moved = falsified(|run| run.list.flows.swap(0, 2));
    assert_eq!(moved.len(), 2, "FlowIDs tell the order");
}

#[test]
fn few_differences_are_reported_and_all_are_counted() {
    let mut differences = Differences::default();
    (0..12).for_each(|number| differences.add(number.to_string()));
    let (first, count) = differences.into_parts();
    assert_eq!((first.len(), count), (Verified::MAX_DIFFERENCES, 12));
    let error = Error::from(ErrorKind::NotConfirmed {
        differences: first,
        others: 2,
    });
    let text = error.to_string();
    assert!(text.contains("this is a bug, please report it\n  0\n  1\n"));
    assert!(
        text.ends_with("\n  9\n  and 2 further differences"),
        "{text}"
    );
}

/// A packet that both ways read differently is reported with its place.
#[test]
fn a_packet_that_is_read_differently_is_reported() {
    let mut differences = Differences::default();
    let reading = Reading {
        link: LinkKey::default(),
        tunnels: Tunnels::NONE,
        contents: Contents::NotIp,
    };
    let other = Reading {
        contents: Contents::Malformed,
        ..reading
    };
    let place = Place {
        input: 0,
        packet: 7,
        offset: 999,
    };
    differences.packet(Path::new("a.pcap"), place, &reading, &other);
    assert_eq!(
        differences.into_parts().0,
        ["packet 7 at byte 999 of a.pcap: not IP; in the simplest way malformed"]
    );
}

/// A run of one capture, verified by another: nothing is written.
fn refused(states: impl FnOnce(&[PathBuf]) -> Vec<Option<State>>) -> Error {
    let folder = tempfile::tempdir().unwrap();
    let captures = [PathBuf::from(DNS)];
    let config = Config::default();
    let job = FlowsJob {
        extract: Some(ExtractOptions {
            selection: Selection::default(),
            output: folder.path().join("out.pcap"),
            format: None,
            flush: false,
        }),
        stats: Some(folder.path().join("stats.json")),
        ..FlowsJob::default()
    };
    let mut check = Check {
        config: &config,
        captures: &captures,
        states: states(&captures),
        progress: &Progress::default(),
        verified: &mut Verified::default(),
    };
    let (mut list, progress) = (Vec::new(), Progress::default());
    let sources = vec![Source::Path(HTTP.into())];
    let workers = Workers::new(&config.tuning).unwrap();
    let gate = Some(&mut check as &mut (dyn Gate + Send));
    let error = flows_gated(job, sources, &workers, gate, &mut list, &progress).unwrap_err();
    assert_eq!(list, b"");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    error
}

#[test]
fn what_is_not_confirmed_is_not_written() {
    let error = refused(|captures| captures.iter().map(|it| state(it)).collect());
    let ErrorKind::NotConfirmed {
        differences,
        others,
    } = error.kind()
    else {
        panic!("{error}")
    };
    assert_eq!(differences[0], "packets: 66; in the simplest way 42");
    assert_eq!(differences.len(), Verified::MAX_DIFFERENCES);
    assert!(*others > 0);
}

#[test]
fn a_capture_that_has_changed_is_no_bug() {
    let error = refused(|_| vec![Some((1, 2, 3))]);
    assert!(
        matches!(error.kind(), ErrorKind::ChangedMeanwhile { path } if path == Path::new(DNS)),
        "{error}"
    );
}

#[test]
fn only_files_are_read_twice() {
    let input = std::io::Cursor::new(Vec::new());
    let source = Source::Reader("a pipe".to_owned(), Box::new(input));
    let job = FlowsJob::default();
    let error = flows_verified(job, vec![source], &mut Vec::new(), &Progress::default());
    assert!(matches!(
        error.unwrap_err().kind(),
        ErrorKind::NotReadTwice { .. }
    ));
}

#[test]
fn what_was_found_is_reported_in_one_line() {
    let mut verified = Verified {
        packets: 9_700_000,
        flows: 1_390_001,
        ..Verified::default()
    };
    let text = "9700000 packets, 1390001 flows, the same when read in the simplest way";
    assert_eq!(verified.to_string(), text);
    verified.unjudged = vec![
        (Unjudged::LinkType(LinkType::PPP), 3),
        (Unjudged::EtherType(0x8847), 9),
    ];
    assert_eq!(
        verified.to_string(),
        format!("{text} (12 packets could not be judged: 3 of PPP (9), 9 with EtherType 0x8847)")
    );
}

fn decap(decap: bool) -> DecodeOptions {
    DecodeOptions {
        decap,
        ..DecodeOptions::default()
    }
}

/// Hostile nesting ends, and is not judged.
#[test]
fn tunnels_in_tunnels_end() {
    let mut packet = [
        0x45, 0, 0, 0, 0, 0, 0, 0, 64, 4, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
    ];
    packet[9] = 4;
    let nested = packet.repeat(10_000);
    assert_eq!(
        read(LinkType::RAW, &nested, &decap(true)),
        Err(Unjudged::Tunnel)
    );
    assert!(read(LinkType::RAW, &nested, &decap(false)).is_ok());
    let snap = [0xaa, 0xaa, 3, 0, 0, 0, 0x81, 0, 0, 0, 0, 100];
    let frame = [vec![0; 13], vec![100], snap.repeat(10_000)].concat();
    assert_eq!(
        read(LinkType::ETHERNET, &frame, &decap(false)),
        Err(Unjudged::Frame)
    );
}

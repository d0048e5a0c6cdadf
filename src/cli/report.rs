//! The closing lines on standard error.

use pcap_flows::decode::NotFlow;
use pcap_flows::engine::{InputReport, Oddity, Outcome};
use pcap_flows::error::ShownPath;
use pcap_flows::jobs::diff::DiffReport;
use pcap_flows::jobs::index::{CarveReport, IndexReport};
use pcap_flows::jobs::packets::PacketsReport;
use pcap_flows::jobs::sessions::SessionsReport;
use pcap_flows::jobs::streams::StreamsReport;
use pcap_flows::jobs::tcp::TcpReport;
use pcap_flows::jobs::{FlowsReport, WithoutStream};
use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;

/// Notices, damages, and the balance. Returns whether all was read and nothing was damaged.
pub(crate) fn report(report: &FlowsReport, overlapping: Overlapping) -> bool {
    say_oddities(&report.outcome);
    say_overlaps(&report.outcome, overlapping);
    if let Some((first, count)) = report.filtered_ids {
        let why = if report.outcome.balance.duplicates > 0 {
            "the filter, or that its packets are copies,"
        } else {
            "the filter"
        };
        say(&format!(
            "{why} keeps out FlowID {first}{}",
            others(count - 1)
        ));
    }
    if let Some(streams) = &report.streams {
        let incomplete = report.outcome.balance.incomplete_datagrams;
        report_streams(streams, report, incomplete);
    }
    say_balance(&report.outcome);
    report.outcome.is_whole()
}

/// What can be done about captures that overlap in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overlapping {
    /// They can be merged as they are read.
    CanMerge,
    /// They can be merged to a capture before.
    MergeFirst,
    /// It was told when they were indexed.
    ToldBefore,
}

/// The same of a run that only reads.
pub(crate) fn report_run(outcome: &Outcome) -> bool {
    say_oddities(outcome);
    say_overlaps(outcome, Overlapping::MergeFirst);
    say_balance(outcome);
    outcome.is_whole()
}

/// The same of TCP connections that were measured.
pub(crate) fn report_tcp(report: &TcpReport) -> bool {
    for damage in &report.damages {
        say(&format!("damaged when it was indexed: {damage}"));
    }
    if let Some(outcome) = &report.outcome {
        say_oddities(outcome);
        say_overlaps(outcome, Overlapping::CanMerge);
    }
    if report.cut_headers > 0 {
        say(&format!(
            "{} TCP packets are in no connection: their header was not captured, or cannot be one",
            report.cut_headers
        ));
    }
    if report.fragments > 0 {
        say(&format!(
            "{} TCP packets are fragments that complete no datagram: of a whole one, the last fragment counts",
            report.fragments
        ));
    }
    say(&match report.connections {
        1 => "1 TCP connection".to_owned(),
        many => format!("{many} TCP connections"),
    });
    if let Some(outcome) = &report.outcome {
        say_balance(outcome);
    }
    report.is_whole()
}

/// Notices about captures already in an index.
pub(crate) fn report_indexing(report: &IndexReport) {
    match &*report.known {
        [] => {}
        [one] => say(&format!("{}: is in the index already", one.shown())),
        known => say(&format!(
            "{} captures are in the index already",
            known.len()
        )),
    }
    if report.outcome.is_none() {
        say("nothing to add: the index is as it was");
    }
    if report.lost_connections {
        say(
            "the index has no table of TCP connections any more: they may continue in what was added. \
             pcap_flows tcp --index reads the captures; an index of all captures has the table",
        );
    }
}

/// Notices about packets that were printed.
pub(crate) fn report_packets(report: &PacketsReport) -> bool {
    say_oddities(&report.outcome);
    say_overlaps(&report.outcome, Overlapping::CanMerge);
    say(&match report.lines {
        1 => "1 line".to_owned(),
        many => format!("{many} lines"),
    });
    say_balance(&report.outcome);
    report.outcome.is_whole()
}

/// Notices about records.
pub(crate) fn report_sessions(report: &SessionsReport) -> bool {
    for damage in &report.damages {
        say(&format!("damaged when it was indexed: {damage}"));
    }
    say_oddities(&report.outcome);
    say_overlaps(&report.outcome, Overlapping::CanMerge);
    say_balance(&report.outcome);
    let total: u64 = report.records.iter().map(|it| it.1).sum();
    let each = report.records.iter();
    let each: Vec<String> = each
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    let mut line = match (total, each.as_slice()) {
        (0, _) => "no records".to_owned(),
        (1, [only]) => format!("1 record ({only})"),
        (many, each) => format!("{many} records ({})", each.join(", ")),
    };
    line.push_str(&format!(
        "; {} connections not recognized, {} with gaps",
        report.connections.unknown, report.connections.gaps
    ));
    if report.hidden > 0 {
        line.push_str(&format!(
            "; {} secrets hidden (--secrets show)",
            report.hidden
        ));
    }
    say(&line);
    report.is_whole()
}

/// Notices about a comparison.
pub(crate) fn report_diff(report: &DiffReport) -> bool {
    let both = [&report.outcomes.a, &report.outcomes.b];
    for outcome in both {
        say_oddities(outcome);
        say_overlaps(outcome, Overlapping::CanMerge);
    }
    if report.is_without_ip {
        say("neither side has an IP packet: there is nothing to compare");
    } else if !report.has_common {
        say("no packet is on both sides: are these captures of the same traffic?");
    }
    both.into_iter().all(Outcome::is_whole)
}

/// Notices about the use of an index. Returns whether the captures were whole when they
/// were indexed.
pub(crate) fn report_carving(report: &CarveReport, index: &Path, verbose: bool) -> bool {
    for damage in &report.damages {
        say(&format!("damaged when it was indexed: {damage}"));
    }
    for (path, bytes) in &report.unpacked {
        say(&format!(
            "{}: {bytes} bytes were unpacked to get at the records asked for",
            path.shown()
        ));
    }
    if report.is_whole_read && verbose {
        say("the captures were read as a whole: the index could not tell, or not faster");
    }
    if report.carved.is_none() {
        say(&format!("{} by {}", report.totals, index.shown()));
    }
    report.damages.is_empty()
}

fn say_overlaps(outcome: &Outcome, overlapping: Overlapping) {
    let Some(overlaps) = outcome.overlaps() else {
        return;
    };
    let advice = match overlapping {
        Overlapping::CanMerge => "--merge reads them by time",
        Overlapping::MergeFirst => "pcap_flows --merge -o FILE makes one capture of them, by time",
        Overlapping::ToldBefore => return,
    };
    let (earlier, later) = (overlaps.earlier.shown(), overlaps.later.shown());
    say(&match overlaps.captures {
        1 => format!("{later} begins before {earlier} ends, which was read before it; {advice}"),
        many => format!(
            "{many} captures begin before others end that were read before them, the first of them {later} \
             before the end of {earlier}; {advice}"
        ),
    });
}

fn say_balance(outcome: &Outcome) {
    let flows = outcome.flows.accepted();
    say(&format!("{}; {flows} flows", outcome.balance));
}

fn say_oddities(outcome: &Outcome) {
    let Outcome {
        balance, inputs, ..
    } = outcome;
    for input in outcome.captures() {
        for damage in &input.damages {
            say(&damage.to_string());
        }
        let untold = input.damage_count - input.damages.len() as u64;
        if untold > 0 {
            say(&format!(
                "{}: {untold} further damages (the first {} are told)",
                input.path.shown(),
                input.damages.len()
            ));
        }
        if let Some(error) = &input.error {
            say(&format!("{error}; {}", what_was_read(input)));
        }
    }
    let unknown = balance.unknown_link_types();
    for (link_type, oddity) in unknown.iter().take(MOST_LINK_TYPES) {
        let what = format!("of {link_type}, which is not decoded");
        say_oddity(inputs, *oddity, &what);
    }
    if let Some((_, rest)) = unknown.split_at_checked(MOST_LINK_TYPES)
        && !rest.is_empty()
    {
        let packets = rest.iter().map(|(_, oddity)| oddity.packets).sum();
        say(&format!(
            "{} of {} further link types, which are not decoded",
            count(packets),
            rest.len()
        ));
    }
    let noticed = NotFlow::ALL.iter().filter(|reason| reason.is_malformed());
    for &reason in noticed {
        say_oddity(inputs, balance.not_flow(reason), reason.description());
    }
    say_oddity(
        inputs,
        balance.time_goes_back,
        "earlier than the packet before",
    );
    say_oddity(
        inputs,
        balance.time_out_of_range,
        "with a time before 1677 or after 2262, shown as the nearest that can be told",
    );
}

/// Findings in streams, and what is missing there.
fn report_streams(streams: &StreamsReport, report: &FlowsReport, incomplete_datagrams: u64) {
    for without in &report.without_stream {
        say(&match without {
            WithoutStream::Protocol(id) => {
                format!("FlowID {id} has no such stream: the flow is of another protocol")
            }
            WithoutStream::Continued(id) => format!(
                "FlowID {id} has no stream of its own: its packets belong to that of an earlier flow \
                 between the same addresses and ports"
            ),
        });
    }
    let notices = [
        (
            streams.gaps,
            format!(
                "gaps in {} streams: {} bytes were not captured",
                streams.streams_with_gaps, streams.gap_bytes
            ),
        ),
        (
            streams.unfilled_gaps,
            "gaps are longer than the zeros that --gaps zero writes, and left out".to_owned(),
        ),
        (
            streams.gaps_for_memory,
            "gaps were given up to keep within --reassembly-memory".to_owned(),
        ),
        (
            streams.conflicts,
            "segments repeat bytes with other content".to_owned(),
        ),
        (
            streams.checksums.wrong - streams.left_out,
            "segments whose bytes differ from those of a copy have a wrong checksum".to_owned(),
        ),
        (
            streams.left_out,
            "packets have a wrong TCP or UDP checksum, and are left out of streams".to_owned(),
        ),
        (
            streams.late_bytes,
            "bytes came after their gap had been given up, and are left out".to_owned(),
        ),
        (
            incomplete_datagrams,
            "datagrams lack some of their fragments, and are left out of streams".to_owned(),
        ),
        (
            streams.cut_headers,
            "packets end inside their TCP or UDP header, and are left out of streams".to_owned(),
        ),
        (
            streams.mixed_link_types,
            "packets have another link type than the first of their stream, and are left out of its \
             capture"
                .to_owned(),
        ),
    ];
    for (count, text) in notices {
        if count > 0 {
            say(&format!("{count} {text}"));
        }
    }
    say(&format!(
        "{} streams with {} bytes, {} of them with content",
        streams.streams, streams.bytes, streams.files
    ));
}

/// Oddities of packets, each with the place of the first.
fn say_oddity(inputs: &[InputReport], oddity: Oddity, what: &str) {
    let Some(first) = oddity.first else { return };
    let path = inputs
        .get(first.input)
        .map(|input| input.path.shown().to_string());
    say(&format!(
        "{} {what}: the first is packet {} at byte {} of {}",
        count(oddity.packets),
        first.packet,
        first.offset,
        path.unwrap_or_default()
    ));
}

fn count(packets: u64) -> String {
    if packets == 1 {
        "1 packet".to_owned()
    } else {
        format!("{packets} packets")
    }
}

fn others(count: u64) -> String {
    if count == 0 {
        String::new()
    } else {
        format!(" and {count} others that were asked for")
    }
}

fn what_was_read(input: &InputReport) -> String {
    match input.packets {
        0 => "nothing of it was read".to_owned(),
        packets => format!("its first {packets} packets were read"),
    }
}

/// A line on standard error, with the program's name.
pub(crate) fn say(text: &str) {
    say_plainly(&format!("pcap_flows: {text}"));
}

/// A line on standard error. That nobody reads it is no reason to fail.
///
/// Names of files may come from anybody, and a terminal obeys what it is sent: what is not to be
/// seen is written as an escape.
pub(crate) fn say_plainly(line: &str) {
    writeln!(io::stderr(), "{}", harmless(line)).unwrap_or(());
}

/// A text without anything that moves a cursor, changes colours, or turns the direction of
/// writing (UAX #9); lines stay lines.
fn harmless(text: &str) -> Cow<'_, str> {
    let is_harmful = |it: char| {
        let turns = matches!(it, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        (it.is_control() && it != '\n') || turns
    };
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for it in text.chars() {
        if is_harmful(it) {
            shown.extend(it.escape_default());
        } else {
            shown.push(it);
        }
    }
    Cow::Owned(shown)
}

/// Link types of which each has a line of its own.
const MOST_LINK_TYPES: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        let hostile = "a\u{1b}[31mb\u{7}\r\u{9b}2J\u{202e}gpj.exe\tc\n";
        assert_eq!(
            harmless(hostile),
            "a\\u{1b}[31mb\\u{7}\\r\\u{9b}2J\\u{202e}gpj.exe\\tc\n"
        );
    }

    #[test]
    fn what_people_write_stays() {
        for text in [
            "Aufnahme-März.pcap: 3 packets",
            "捕获/日本.pcap",
            "é, e\u{301}, 🙂",
        ] {
            assert!(matches!(harmless(text), Cow::Borrowed(it) if it == text));
        }
    }
}

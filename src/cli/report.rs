//! What is said on standard error at the end of a run.

use pcap_flows::decode::NotFlow;
use pcap_flows::engine::{InputReport, Oddity, Outcome};
use pcap_flows::jobs::FlowsReport;
use std::io::{self, Write};

/// Notices, damages, and the balance. Returns whether all was read and nothing was damaged.
pub(crate) fn report(report: &FlowsReport) -> bool {
    let Outcome {
        balance,
        inputs,
        flows,
        ..
    } = &report.outcome;
    for input in inputs {
        for damage in &input.damages {
            say(&damage.to_string());
        }
        let untold = input.damage_count - input.damages.len() as u64;
        if untold > 0 {
            say(&format!(
                "{}: {untold} further damages (the first {} are told)",
                input.path.display(),
                input.damages.len()
            ));
        }
        if let Some(error) = &input.error {
            say(&format!("{error}; {}", what_was_read(input)));
        }
    }
    for (link_type, oddity) in balance.unknown_link_types() {
        say_oddity(
            inputs,
            *oddity,
            &format!("of {link_type}, which is not decoded"),
        );
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
    if let Some((first, count)) = report.filtered_ids {
        say(&format!(
            "the filter keeps out FlowID {first}{}",
            others(count - 1)
        ));
    }
    say(&format!("{balance}; {} flows", flows.accepted()));
    report.outcome.is_whole()
}

/// What is odd about some packets, and where the first of them stands.
fn say_oddity(inputs: &[InputReport], oddity: Oddity, what: &str) {
    let Some(first) = oddity.first else { return };
    let path = inputs
        .get(first.input)
        .map(|input| input.path.display().to_string());
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
pub(crate) fn say_plainly(line: &str) {
    writeln!(io::stderr(), "{line}").unwrap_or(());
}

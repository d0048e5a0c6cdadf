//! What is said on standard error at the end of a run.

use pcap_flows::engine::{InputReport, Outcome};
use pcap_flows::jobs::FlowsReport;

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
    for (link_type, packets) in balance.unknown_link_types() {
        say(&format!(
            "{packets} packets of {link_type}, which is not decoded"
        ));
    }
    if balance.without_interface() > 0 {
        say(&format!(
            "{} packets of interfaces that their section does not describe",
            balance.without_interface()
        ));
    }
    if balance.time_out_of_range > 0 {
        say(&format!(
            "{} packets with times before 1677 or after 2262; shown as the nearest that can be told",
            balance.time_out_of_range
        ));
    }
    if let Some((first, count)) = report.filtered_ids {
        say(&format!(
            "the filter keeps out FlowID {first}{}",
            others(count - 1)
        ));
    }
    say(&format!("{balance}; {} flows", flows.accepted()));
    report.outcome.is_whole()
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
    eprintln!("pcap_flows: {text}");
}

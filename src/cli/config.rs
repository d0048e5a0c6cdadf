//! What is read, and how, as arguments that commands share say it.

use super::groups::{FlowArgs, InputArgs, OrderArgs, RunArgs};
use pcap_flows::capture::widen_pipe;
use pcap_flows::decode::{DecodeOptions, TrailerOptions};
use pcap_flows::engine::{Config, Duplicates, InputOrder, Restriction, Source, Tuning};
use pcap_flows::flow::Timeouts;
use pcap_flows::output::table::Format;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

/// Inputs of a command.
pub(crate) struct Inputs {
    /// Captures and folders of them.
    pub(crate) sources: Vec<Source>,
    pub(crate) order: InputOrder,
    /// Whether folders in folders are read.
    pub(crate) recursive: bool,
}

impl Inputs {
    pub(super) const fn new(sources: Vec<Source>, args: OrderArgs) -> Self {
        Self {
            sources,
            order: match args {
                OrderArgs { merge: true, .. } => InputOrder::Merged,
                OrderArgs { as_given: true, .. } => InputOrder::AsGiven,
                OrderArgs { .. } => InputOrder::ByFirstPacket,
            },
            recursive: args.recursive,
        }
    }
}

/// The captures and folders named on the command line; `-` is standard input.
pub(super) fn sources(from_stdin: bool, captures: &[PathBuf]) -> Result<Vec<Source>, String> {
    let stdin = || {
        let stdin = io::stdin();
        widen_pipe(&stdin);
        Source::Reader("standard input".to_owned(), Box::new(stdin))
    };
    let mut sources: Vec<Source> = Vec::new();
    if from_stdin {
        sources.push(stdin());
    }
    for path in captures {
        match path.to_str() {
            // Given both ways it is still one.
            Some("-") if from_stdin && captures.len() == 1 => {}
            Some("-") => sources.push(stdin()),
            _ => sources.push(Source::Path(path.clone())),
        }
    }
    let streams = sources
        .iter()
        .filter(|it| matches!(it, Source::Reader(..)))
        .count();
    if sources.is_empty() {
        return Err("name a capture, or read one from a pipe with --stdin".to_owned());
    }
    if streams > 1 {
        return Err("standard input can be read only once".to_owned());
    }
    Ok(sources)
}

/// Refuses to write a binary format to a terminal.
pub(super) fn check_binary(format: Format, output: Option<&Path>) -> Result<(), String> {
    if format.is_binary() && output.is_none() && io::stdout().is_terminal() {
        return Err(
            "a terminal cannot show this format; name a file for the list with -o, or use > FILE"
                .to_owned(),
        );
    }
    Ok(())
}

/// Cores that worker threads can be pinned to.
pub(super) fn check_cpu(run: &RunArgs) -> Result<(), String> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    match run.cpu {
        Some(cpu) if cpu >= cores => Err(format!(
            "--cpu {cpu}: this machine has cores 0 to {}",
            cores - 1
        )),
        _ => Ok(()),
    }
}

/// How captures are read, which of their packets are looked at, and how flows are told apart.
pub(super) fn input_config(input: &InputArgs, flows: &FlowArgs, run: &RunArgs) -> Config {
    Config {
        restriction: Restriction {
            filter: input.filter.clone().unwrap_or_default(),
            excluded: input.exclude_ip.clone(),
        },
        duplicates: input.dedup.map(|window_ns| Duplicates { window_ns }),
        max_packets: input.packet_max,
        ..flow_config(flows, run)
    }
}

/// The same of a job that reads `window_len` bytes of files at a time, where no other length is
/// requested.
pub(super) fn windowed_config(
    input: &InputArgs,
    flows: &FlowArgs,
    run: &RunArgs,
    window_len: usize,
) -> Config {
    let mut config = input_config(input, flows, run);
    if run.window_bytes.is_none() {
        config.tuning.window_len = window_len;
    }
    config
}

/// How captures are read and flows told apart.
pub(super) fn flow_config(args: &FlowArgs, run: &RunArgs) -> Config {
    let tuning = Tuning::default();
    let wants_trailer = args.metamako || args.metamako_double || args.metamako_offset.is_some();
    let inner = if args.metamako_double {
        TrailerOptions::TRAILER_LEN
    } else {
        0
    };
    let offset = args.metamako_offset.unwrap_or(0).saturating_add(inner);
    Config {
        five_tuple: args.flow_5tuple,
        conversations: args.bidirectional,
        decode: DecodeOptions {
            decap: args.decap,
            tunnel_ports: args.tunnel_port.iter().copied().collect(),
            trailer: wants_trailer.then_some(TrailerOptions { offset }),
        },
        timeouts: Timeouts {
            idle_ns: args.idle_timeout,
            active_ns: args.active_timeout,
        },
        tuning: Tuning {
            threads: run.threads.map_or(0, usize::from),
            first_cpu: run.cpu,
            window_len: run.window_bytes.unwrap_or(tuning.window_len),
            chunk_len: run.chunk_bytes.unwrap_or(tuning.chunk_len),
            ..tuning
        },
        ..Config::default()
    }
}

//! From what was typed to what is done.

use super::args::{Args, Command, IndexArgs};
use super::config::{Inputs, check_cpu, flow_config, input_config, sources};
use super::groups::OrderArgs;
use super::planned::Planned;
use super::streams;
use super::values::port_ranges;
use super::{diff, list, packets, sessions, tcp};
use pcap_flows::engine::{Config, Source};
use pcap_flows::error::ShownPath;
use pcap_flows::index::Index;
use pcap_flows::jobs::index::{CarveJob, IndexJob};
use pcap_flows::jobs::streams::StreamOptions;
use pcap_flows::jobs::{ExtractOptions, FlowsJob};
use pcap_flows::output::metadata_of_name;
use pcap_flows::output::table::{Shown, condition_columns};
use pcap_flows::select::Selection;
use pcap_flows::select::condition::Condition;
use std::fs::Metadata;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The command to run, or what is wrong with the arguments taken together.
pub(crate) fn plan(mut args: Args) -> Result<Planned, String> {
    match args.command.take() {
        Some(Command::Index(args)) => {
            return index(*args).map(|(job, inputs)| Planned::Index(Box::new(job), inputs));
        }
        Some(Command::Tcp(args)) => {
            return tcp::plan(*args);
        }
        Some(Command::Sessions(args)) => {
            return sessions::plan(*args);
        }
        Some(Command::Packets(args)) => {
            return packets::plan(*args)
                .map(|(job, inputs)| Planned::Packets(Box::new(job), inputs));
        }
        Some(Command::Diff(args)) => {
            return diff::plan(*args).map(|(job, inputs)| Planned::Diff(Box::new(job), inputs));
        }
        None => {}
    }
    let index = args.index.take();
    let relocated = std::mem::take(&mut args.relocate);
    let condition = args.condition.take();
    let has_index = index.is_some();
    let condition = condition.map(|text| {
        let columns = if has_index {
            Index::columns()
        } else {
            condition_columns()
        };
        Condition::parse(&text, &columns).map_err(|error| format!("--where: {error}"))
    });
    let condition = condition.transpose()?;
    if !has_index && !relocated.is_empty() {
        return Err(
            "--relocate says where captures of an index are: name it with --index".to_owned(),
        );
    }
    let sources = if has_index {
        Vec::new()
    } else {
        sources(args.input.stdin, &args.input.captures)?
    };
    let verify = args.verify;
    let order = args.input.order;
    if verify {
        check_verifiable(&sources, order)?;
    }
    let mut job = flows(args, &sources)?;
    if has_index && job.stats.is_some() && job.config.restriction.filter.needs_link() {
        return Err(
            "an index does not tell which packets without a flow pass a filter on MAC addresses or VLANs: \
             leave out --stats, or read the captures themselves"
                .to_owned(),
        );
    }
    let Some(index) = index else {
        let extracts = job.extract.is_some() || job.streams.is_some();
        if let Some(condition) = condition {
            if extracts {
                return Err(
                    "--where goes by what flows are at their end, when their packets have gone by; make \
                     an index first (pcap_flows index), and extract with --index"
                        .to_owned(),
                );
            }
            if let Some(table) = &mut job.table {
                table.shown = Shown::Matching(condition);
            }
        }
        let inputs = Inputs::new(sources, order);
        return Ok(Planned::Flows(Box::new(job), inputs, verify));
    };
    Ok(Planned::Carve(Box::new(CarveJob {
        index,
        relocated,
        condition,
        job,
    })))
}

fn index(args: IndexArgs) -> Result<(IndexJob, Inputs), String> {
    check_cpu(&args.run)?;
    let (output, append) = match (args.output, args.append) {
        (_, Some(index)) => (index, true),
        (Some(index), None) => (index, false),
        (None, None) => return Err("name the index with -o".to_owned()),
    };
    if is_stdout(Some(&output)) {
        return Err("an index is several files: it cannot go to standard output".to_owned());
    }
    if args.captures.iter().any(|path| path == Path::new("-")) {
        return Err("standard input cannot be read again: an index needs files".to_owned());
    }
    if args.dedup.is_some() {
        return Err(
            "an index has the places of all packets, copies among them: leave out --dedup, and use it where \
             captures are read"
                .to_owned(),
        );
    }
    if args.captures.is_empty() && args.relocate.is_empty() {
        return Err("name the captures to be indexed".to_owned());
    }
    if args.order.merge {
        return Err(
            "an index notes where packets are in their captures, which a merged capture has no file for: \
             make one first (pcap_flows --merge CAPTURES -o merged.pcap --disable-display), and index that"
                .to_owned(),
        );
    }
    let job = IndexJob {
        config: flow_config(&args.flows, &args.run),
        captures: Vec::new(),
        output,
        append,
        relocated: args.relocate,
        waits: args.wait,
        measures_tcp: !args.no_tcp,
        stats: args.run.stats,
    };
    let sources = args.captures.into_iter().map(Source::Path);
    Ok((job, Inputs::new(sources.collect(), args.order)))
}

/// The main job.
fn flows(args: Args, sources: &[Source]) -> Result<FlowsJob, String> {
    check_cpu(&args.run)?;
    let named = [
        ("-o", args.output.as_deref()),
        ("--output-tcp", args.output_tcp.as_deref()),
        ("--output-udp", args.output_udp.as_deref()),
        ("--stats", args.run.stats.as_deref()),
        ("--manifest", args.manifest.as_deref()),
    ];
    let on_stdout: Vec<&str> = named
        .iter()
        .filter(|(_, path)| is_stdout(*path))
        .map(|(name, _)| *name)
        .collect();
    if let [first, second, ..] = *on_stdout {
        return Err(format!(
            "{first} and {second} cannot both go to standard output"
        ));
    }
    for path in named.into_iter().filter_map(|(_, path)| path) {
        let replaced = path.metadata().ok().filter(Metadata::is_file);
        let is_stdin = replaced.is_some_and(|file| is_open_as(&file, io::stdin()));
        if reads_stdin(sources) && is_stdin {
            return Err(format!(
                "{} is also standard input; name another output",
                path.shown()
            ));
        }
    }
    // What goes to standard output goes there alone.
    let streams = streams::streams(&args)?;
    let format = list::format(&args)?;
    let list_output = list::output(&args, format, streams.is_some())?;
    let is_list_wanted = !args.disable_display && (on_stdout.is_empty() || list_output.is_some());
    let table = is_list_wanted.then(|| list::table(&args, format));
    let (config, stats) = (config(&args, streams.is_some()), args.run.stats.clone());
    let mut streams = streams;
    let mut extract = match list_output {
        Some(_) => None,
        None => extract(args, streams.is_some())?,
    };
    // Under every name it has, standard output is written to where it stands.
    let by_name = |path: &mut PathBuf| {
        if is_stdout(Some(path)) {
            *path = PathBuf::from("-");
        }
    };
    extract.as_mut().map(|it| &mut it.output).map(by_name);
    if let Some(streams) = &mut streams {
        let protocols = [&mut streams.tcp, &mut streams.udp];
        let outputs = protocols.into_iter().flatten().map(|it| &mut it.output);
        outputs.chain(&mut streams.manifest).for_each(by_name);
    }
    let mut stats = stats;
    stats.as_mut().map(by_name);
    let mut list_output = list_output;
    list_output.as_mut().map(by_name);
    Ok(FlowsJob {
        config,
        table,
        list_output,
        extract,
        streams,
        stats,
    })
}

/// Whether an output is standard output, by "-" or by another name such as /dev/stdout.
fn is_stdout(path: Option<&Path>) -> bool {
    let is_open = |path| metadata_of_name(path).is_ok_and(|file| is_open_as(&file, io::stdout()));
    path.is_some_and(|path| path == Path::new("-") || is_open(path))
}

/// Whether a file is what an open descriptor of this process refers to.
fn is_open_as(file: &Metadata, open: impl AsFd) -> bool {
    let open = rustix::fs::fstat(open);
    open.is_ok_and(|open| file.dev() == open.st_dev && file.ino() == open.st_ino)
}

fn reads_stdin(sources: &[Source]) -> bool {
    sources
        .iter()
        .any(|source| matches!(source, Source::Reader(..)))
}

/// Verified captures are read twice, one after the other.
fn check_verifiable(sources: &[Source], order: OrderArgs) -> Result<(), String> {
    if order.merge {
        return Err(
            "--verify reads captures one after the other, which --merge does not: write them merged \
             first, and verify that"
                .to_owned(),
        );
    }
    for source in sources {
        let name = match source {
            // What is not there is told when it is opened.
            Source::Path(path)
                if path
                    .metadata()
                    .is_ok_and(|it| !it.is_file() && !it.is_dir()) =>
            {
                path.shown().to_string()
            }
            Source::Path(_) => continue,
            Source::Reader(name, _) => name.clone(),
            Source::Input(input) => input.path().shown().to_string(),
            Source::Merged(_) => continue,
        };
        return Err(format!(
            "--verify reads captures twice, and {name} can be read only once"
        ));
    }
    Ok(())
}

fn config(args: &Args, has_streams: bool) -> Config {
    let mut config = input_config(&args.input, &args.flows, &args.run);
    if has_streams && args.run.window_bytes.is_none() {
        config.tuning.window_len = StreamOptions::WINDOW_LEN;
    }
    config.max_flows = args.flow_max;
    config
}

fn extract(args: Args, has_streams: bool) -> Result<Option<ExtractOptions>, String> {
    let is_for_streams = has_streams && streams::takes_output(&args);
    let mut selection = Selection {
        nets: args.extract_ip,
        ..Selection::default()
    };
    for ids in args.extract {
        selection.ids.merge(ids);
    }
    selection.ports = port_ranges("--extract-port", &args.extract_port)?;
    match args.output {
        Some(_) if is_for_streams => Ok(None),
        Some(output) => Ok(Some(ExtractOptions {
            selection,
            output,
            format: args.output_format.map(Into::into),
            flush: args.flow_flush,
        })),
        None if selection.is_empty() => Ok(None),
        None => Err("name a file for the extracted packets with -o".to_owned()),
    }
}

//! From the arguments of `pcap_flows diff` to its job.

use super::config::{Inputs, check_cpu, sources};
use super::diff_args::DiffArgs;
use super::groups::RunArgs;
use super::values::DiffFormatArg;
use pcap_flows::decode::DecodeOptions;
use pcap_flows::diff::{Both, Changes, Options};
use pcap_flows::engine::{Config, Restriction, Tuning};
use pcap_flows::error::ShownPath;
use pcap_flows::jobs::diff::{CaptureOutput, DiffJob, flow_columns};
use pcap_flows::output::rows::Choice;
use std::path::{Path, PathBuf};

/// The job, or the fault in the combination of arguments.
pub(crate) fn plan(args: DiffArgs) -> Result<(DiffJob, Both<Inputs>), String> {
    check_cpu(&args.run)?;
    let inputs = inputs(&args)?;
    check_addresses(&args)?;
    for path in [&args.packets, &args.flows].into_iter().flatten() {
        check_ending(path)?;
    }
    let options = options(&args)?;
    let job = DiffJob {
        config: Config {
            restriction: Restriction {
                filter: args.filter.unwrap_or_default(),
                excluded: args.exclude_ip,
            },
            decode: DecodeOptions {
                decap: !args.outer,
                tunnel_ports: args.tunnel_port.into_iter().collect(),
                trailer: None,
            },
            ..config(&args.run)
        },
        options,
        view: args.format.into(),
        choice: choice(args.condition.as_deref())?,
        packets: args.packets,
        flows: args.flows,
        capture: args.output.map(|path| CaptureOutput {
            path,
            select: args.select.into(),
            keeps_times: args.keep_times,
        }),
        stats: args.run.stats,
        ..DiffJob::default()
    };
    Ok((job, inputs))
}

/// Conversations, regardless of their networks.
fn config(run: &RunArgs) -> Config {
    let tuning = Tuning::default();
    Config {
        five_tuple: true,
        conversations: true,
        tuning: Tuning {
            threads: run.threads.map_or(0, usize::from),
            first_cpu: run.cpu,
            window_len: run.window_bytes.unwrap_or(DiffJob::WINDOW_LEN),
            chunk_len: run.chunk_bytes.unwrap_or(tuning.chunk_len),
            ..tuning
        },
        ..Config::default()
    }
}

fn inputs(args: &DiffArgs) -> Result<Both<Inputs>, String> {
    let is_stdin = |it: &&PathBuf| it.as_os_str() == "-";
    let (a, b) = match args.captures.as_slice() {
        [] if !args.a.is_empty() => (args.a.as_slice(), args.b.as_slice()),
        [a, b] => (std::slice::from_ref(a), std::slice::from_ref(b)),
        _ => {
            return Err(
                "name two captures, or several of each side with --a A1 A2 --b B1 B2".to_owned(),
            );
        }
    };
    if a.iter().chain(b).filter(is_stdin).count() > 1 {
        return Err("standard input can be read only once".to_owned());
    }
    let inputs =
        |paths: &[PathBuf]| Ok::<_, String>(Inputs::new(sources(false, paths)?, args.order));
    Ok(Both {
        a: inputs(a)?,
        b: inputs(b)?,
    })
}

fn check_addresses(args: &DiffArgs) -> Result<(), String> {
    for net in &args.ip_a {
        if args.ip_b.contains(net) {
            return Err(format!("the two addresses are the same: {net}"));
        }
    }
    let needs_both = args.format == DiffFormatArg::Pcapdiff;
    if needs_both && (args.ip_a.len() != 1 || args.ip_b.len() != 1) {
        return Err("--format pcapdiff needs --ip-a and --ip-b, one address each".to_owned());
    }
    Ok(())
}

fn check_ending(path: &Path) -> Result<(), String> {
    match path.extension().and_then(|it| it.to_str()) {
        Some("csv" | "json" | "parquet" | "arrow") => Ok(()),
        _ => Err(format!(
            "{}: the format of a table is that of its ending: .csv, .json, .parquet or .arrow",
            path.shown()
        )),
    }
}

fn options(args: &DiffArgs) -> Result<Options, String> {
    let mut options = Options {
        side_a: args.ip_a.clone(),
        side_b: args.ip_b.clone(),
        trusts_clocks: args.trust_clocks,
        scope: args.scope.into(),
        ..Options::default()
    };
    for name in &args.strict {
        options.strict = options.strict.and(change(name)?);
    }
    for name in &args.ignore {
        if name == "pure-acks" {
            options.ignores_acks = true;
        } else {
            options.ignored = options.ignored.and(change(name)?);
        }
    }
    Ok(options)
}

fn change(name: &str) -> Result<Changes, String> {
    Changes::named(&name.replace('-', "_")).ok_or_else(|| {
        let names: Vec<&str> = Changes::ALL.iter().map(|it| it.1).collect();
        format!(
            "there is no field {name:?}; the fields are {}",
            names.join(" ")
        )
    })
}

fn choice(condition: Option<&str>) -> Result<Choice, String> {
    let all = Choice::all();
    match condition {
        None => Ok(all),
        Some(text) => all
            .with_condition(flow_columns(), text)
            .map_err(|error| format!("--where: {error}")),
    }
}

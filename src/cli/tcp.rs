//! From the arguments of `pcap_flows tcp` to its job.

use super::config::{Inputs, check_binary, check_cpu, sources, windowed_config};
use super::planned::Planned;
use super::tcp_args::TcpArgs;
use super::values::Plotted;
use pcap_flows::jobs::index::TcpIndexJob;
use pcap_flows::jobs::tcp::{Picture, TcpJob, View, view_columns};
use pcap_flows::output::rows::{Choice, Column, Take};
use pcap_flows::output::table::{Format, TimeZone};
use pcap_flows::select::IdSet;
use std::ffi::OsStr;
use std::path::Path;

/// The job, or what is wrong with the arguments taken together.
pub(crate) fn plan(mut args: TcpArgs) -> Result<Planned, String> {
    let (captures, order) = (std::mem::take(&mut args.input.captures), args.input.order);
    let from_stdin = args.input.stdin;
    if let Some(index) = args.index.take() {
        let relocated = std::mem::take(&mut args.relocate);
        let job = job(args)?;
        return Ok(Planned::TcpByIndex(Box::new(TcpIndexJob {
            index,
            relocated,
            job,
        })));
    }
    let near = Inputs::new(sources(from_stdin, &captures)?, order);
    if args.beside.is_empty() {
        return Ok(Planned::Tcp(Box::new(job(args)?), near));
    }
    let far = Inputs::new(sources(false, &args.beside)?, order);
    Ok(Planned::TcpBeside(Box::new(job(args)?), near, far))
}

fn job(args: TcpArgs) -> Result<TcpJob, String> {
    check_cpu(&args.run)?;
    let view = view(&args)?;
    // A series is a table.
    let format = match Format::from(args.format) {
        format if format.is_for_people() && args.series.is_some() => Format::Csv,
        format => format,
    };
    check_binary(format, args.output.as_deref())?;
    Ok(TcpJob {
        choice: choice(&args, format, view_columns(&view))?,
        view,
        config: windowed_config(&args.input, &args.flows, &args.run, TcpJob::WINDOW_LEN),
        keeps_duplicates: args.keep_duplicates,
        open_until: args.open_until.into(),
        format,
        time_zone: if args.local_time {
            TimeZone::Local
        } else {
            TimeZone::Utc
        },
        output: args.output,
        stats: args.run.stats,
    })
}

/// What is shown.
fn view(args: &TcpArgs) -> Result<View, String> {
    let is_binned = args.series.is_some() || args.concurrency.is_some();
    if args.bin.is_some() && !is_binned {
        return Err("--bin is for --concurrency and --series".to_owned());
    }
    Ok(match args {
        TcpArgs {
            listing: Some(ids), ..
        } => View::Packets(ids.clone()),
        TcpArgs {
            series: Some(ids),
            bin: Some(bin),
            ..
        } => View::Bins(ids.clone(), *bin),
        TcpArgs {
            series: Some(ids), ..
        } => View::Packets(ids.clone()),
        TcpArgs {
            explain: Some(ids), ..
        } => View::Explained(ids.clone()),
        TcpArgs {
            plot: Some(plotted),
            ..
        } => {
            let ids = match plotted {
                Plotted::All => None,
                Plotted::Connection(id) => Some(IdSet::from_sorted([*id])),
            };
            View::Plotted(ids, picture(args.output.as_deref())?)
        }
        TcpArgs {
            open_at: Some(instant),
            ..
        } => View::OpenAt(*instant),
        TcpArgs {
            concurrency: Some(key),
            ..
        } => View::Concurrency((*key).into(), args.bin),
        TcpArgs { .. } if !args.beside.is_empty() => View::Beside,
        TcpArgs { .. } => View::Connections,
    })
}

/// The format of a plot, by the extension of its file.
fn picture(output: Option<&Path>) -> Result<Picture, String> {
    let extension = output.and_then(Path::extension).and_then(OsStr::to_str);
    match extension {
        Some("svg") => Ok(Picture::Svg),
        Some("html" | "htm") => Ok(Picture::Html),
        _ => Err("--plot writes images and pages: name FILE.svg or FILE.html with -o".to_owned()),
    }
}

/// Which rows and columns.
fn choice(args: &TcpArgs, format: Format, columns: &[Column]) -> Result<Choice, String> {
    let chooses = args.condition.is_some() || args.sort.is_some() || !args.columns.is_empty();
    let chooses_format = !Format::from(args.format).is_for_people();
    if args.explain.is_some() && (chooses || chooses_format) {
        return Err("--explain prints text: it has no columns and no other format".to_owned());
    }
    if args.plot.is_some() && (chooses || chooses_format) {
        return Err("--plot draws: it has no columns and no format".to_owned());
    }
    let mut choice = Choice::all();
    if let Some(text) = &args.condition {
        let parsed = choice.with_condition(columns, text);
        choice = parsed.map_err(|error| format!("--where: {error}"))?;
    }
    if let Some(name) = &args.sort {
        let sorted = choice.sorted_by(columns, name);
        choice = sorted.map_err(|error| format!("--sort: {error}"))?;
    }
    if !args.columns.is_empty() {
        if format.is_for_people() {
            return Err(
                "--columns chooses the columns of tables: name a format with --format csv, json, \
                 parquet or arrow"
                    .to_owned(),
            );
        }
        let chosen = choice.with_columns(columns, &args.columns);
        choice = chosen.map_err(|error| format!("--columns: {error}"))?;
    }
    Ok(choice.taking(match (args.first, args.top) {
        (Some(count), _) => Take::First(count),
        (None, Some(count)) => Take::Last(count),
        (None, None) => Take::All,
    }))
}

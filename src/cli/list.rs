//! From the arguments to the flow list.

use super::args::Args;
use super::config::check_binary;
use super::streams;
use super::values::{FormatArg, SortArg};
use clap::ValueEnum;
use pcap_flows::output::table::{
    Columns, Format, Order, Shown, Sort, TableOptions, TimeZone, Window,
};
use std::env;
use std::io::{self, IsTerminal};
use std::path::PathBuf;

/// The format of the list: that of the arguments, of the environment, or text.
pub(super) fn format(args: &Args) -> Result<Format, String> {
    match args.format {
        Some(format) => Ok(format.into()),
        None => format_of_environment(),
    }
}

fn format_of_environment() -> Result<Format, String> {
    let name = env::var_os(FORMAT_VARIABLE).unwrap_or_default();
    if name.is_empty() {
        return Ok(Format::default());
    }
    let name = name.to_string_lossy();
    let format = FormatArg::from_str(&name, false).map(Format::from);
    // The others take the name of their file from -o, which is usually that of a capture.
    match format {
        Ok(format) if !format.is_binary() => Ok(format),
        _ => Err(format!(
            "{FORMAT_VARIABLE} is {name:?}: the default format may be text, table, csv or json"
        )),
    }
}

/// The list to write.
pub(super) fn table(args: &Args, format: Format) -> TableOptions {
    let sort = sort(args, format);
    TableOptions {
        shown: Shown::All,
        format,
        order: Order {
            sort,
            is_descending: format == Format::Table && is_amount(sort),
            min_packets: args.flow_packet_min,
            window: args.top.map_or(Window::All, Window::Last),
        },
        time_zone: if args.local_time {
            TimeZone::Local
        } else {
            TimeZone::Utc
        },
        columns: Columns {
            device: args.flows.metamako
                || args.flows.metamako_double
                || args.flows.metamako_offset.is_some(),
            reverse: args.flows.bidirectional,
            tunnel: args.flows.decap,
            address_bytes: format.is_binary(),
        },
        width: terminal_width(),
    }
}

fn sort(args: &Args, format: Format) -> Sort {
    match (args.sort, format) {
        (Some(sort), _) => SortArg::into(sort),
        (None, Format::Text) => Sort::Packets,
        (None, Format::Table) => Sort::Bytes,
        // Who asks for the top wants the greatest, in any format.
        (None, _) if args.top.is_some() => Sort::Packets,
        (None, _) => Sort::Id,
    }
}

/// Whether people look for the greatest of it first.
const fn is_amount(sort: Sort) -> bool {
    match sort {
        Sort::Packets | Sort::Bytes | Sort::Duration => true,
        Sort::First | Sort::Last | Sort::Id => false,
    }
}

/// The width of the terminal, if standard output is one and it has a width.
fn terminal_width() -> Option<usize> {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(stdout).ok()?;
    (size.ws_col > 0).then(|| size.ws_col.into())
}

/// Where -o says that a list goes that is no text: there, unless packets or streams do.
pub(super) fn output(
    args: &Args,
    format: Format,
    has_streams: bool,
) -> Result<Option<PathBuf>, String> {
    if !format.is_binary() || args.disable_display {
        return Ok(None);
    }
    let wants_packets =
        !args.extract.is_empty() || !args.extract_ip.is_empty() || !args.extract_port.is_empty();
    let takes_output = has_streams && streams::takes_output(args);
    let output = args
        .output
        .clone()
        .filter(|_| !wants_packets && !takes_output);
    check_binary(format, output.as_deref())?;
    Ok(output)
}

/// Names the default format.
const FORMAT_VARIABLE: &str = "PCAP_FLOWS_FORMAT";

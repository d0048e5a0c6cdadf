//! From the arguments of `pcap_flows packets` to its job.

use super::config::{Inputs, check_binary, check_cpu, sources, windowed_config};
use super::packets_args::PacketsArgs;
use pcap_flows::jobs::packets::{Assets, PacketsJob, View};
use pcap_flows::output::table::TimeZone;

/// The job, or the fault in the combination of arguments.
pub(crate) fn plan(args: PacketsArgs) -> Result<(PacketsJob, Inputs), String> {
    check_cpu(&args.run)?;
    let sources = sources(args.input.stdin, &args.input.captures)?;
    let format = args.format.into();
    check_binary(format, args.output.as_deref())?;
    let view = match args.by {
        Some(by) => View::Sums(by.into()),
        None if args.ip => View::Ip,
        None => View::Whole,
    };
    let job = PacketsJob {
        config: windowed_config(&args.input, &args.flows, &args.run, PacketsJob::WINDOW_LEN),
        view,
        assets: Assets {
            hosts: args.asset_ip,
            ports: args.asset_port,
        },
        only_seed_types: args.only_seed_types,
        data_level: args.data_level.into(),
        max_data: args
            .max_data
            .and_then(|it| usize::try_from(it).ok())
            .unwrap_or(usize::MAX),
        local: args.local,
        services: args.services,
        geo: args.geo,
        format,
        time_zone: if args.local_time {
            TimeZone::Local
        } else {
            TimeZone::Utc
        },
        output: args.output,
        stats: args.run.stats,
    };
    Ok((job, Inputs::new(sources, args.input.order)))
}

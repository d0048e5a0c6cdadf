//! From the arguments of `pcap_flows sessions` to its job.

use super::config::{Inputs, check_cpu, sources, windowed_config};
use super::sessions_args::SessionsArgs;
use pcap_flows::jobs::sessions::{Services, SessionsJob, Target, record_columns};
use pcap_flows::select::condition::Condition;
use std::path::PathBuf;

/// The job, or the fault in the combination of arguments.
pub(crate) fn plan(args: SessionsArgs) -> Result<(SessionsJob, Inputs), String> {
    check_cpu(&args.run)?;
    let sources = sources(args.input.stdin, &args.input.captures)?;
    let condition = args.condition.as_deref();
    let condition = condition.map(|text| Condition::parse(text, record_columns()));
    let condition = condition.transpose();
    let job = SessionsJob {
        config: windowed_config(&args.input, &args.flows, &args.run, SessionsJob::WINDOW_LEN),
        services: services(&args.protocol)?,
        condition: condition.map_err(|error| format!("--where: {error}"))?,
        secrecy: args.secrets.into(),
        bodies: args.bodies.into(),
        body_limit: args.body_limit,
        hash: args.hash,
        target: target(args.output),
        stats: args.run.stats,
    };
    Ok((job, Inputs::new(sources, args.input.order)))
}

fn services(names: &[String]) -> Result<Services, String> {
    if names.is_empty() {
        return Ok(Services::default());
    }
    Services::named(names.iter().map(String::as_str)).map_err(|name| {
        format!(
            "--protocol: {name:?} is none of http, dns, login, tls, ssh, rdp, smtp, ftp, mysql, pgsql, \
             redis, mongodb, pop3, imap"
        )
    })
}

fn target(output: Option<PathBuf>) -> Target {
    let Some(path) = output else {
        return Target::Stdout;
    };
    let has_slash = path.as_os_str().as_encoded_bytes().ends_with(b"/");
    if has_slash || path.is_dir() {
        Target::Folder(path)
    } else {
        Target::File(path)
    }
}

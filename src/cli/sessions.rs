//! From the arguments of `pcap_flows sessions` to its job.

use super::config::{Inputs, check_cpu, sources, windowed_config};
use super::planned::Planned;
use super::sessions_args::{RecordFormatArg, SessionsArgs};
use super::values::SecrecyArg;
use pcap_flows::index::Index;
use pcap_flows::jobs::index::SessionsIndexJob;
use pcap_flows::jobs::sessions::{RecordFormat, Services, SessionsJob, Target, record_columns};
use pcap_flows::select::condition::Condition;
use std::path::PathBuf;

/// The job, or the fault in the combination of arguments.
pub(crate) fn plan(mut args: SessionsArgs) -> Result<Planned, String> {
    check_cpu(&args.run)?;
    let (captures, order) = (std::mem::take(&mut args.input.captures), args.input.order);
    let from_stdin = args.input.stdin;
    if let Some(index) = args.index.take() {
        let condition = args.flow_where.take();
        let condition = condition.map(|text| Condition::parse(&text, &Index::columns()));
        return Ok(Planned::SessionsByIndex(Box::new(SessionsIndexJob {
            index,
            relocated: std::mem::take(&mut args.relocate),
            condition: condition
                .transpose()
                .map_err(|error| format!("--flow-where: {error}"))?,
            job: job(args)?,
        })));
    }
    let inputs = Inputs::new(sources(from_stdin, &captures)?, order);
    Ok(Planned::Sessions(Box::new(job(args)?), inputs))
}

fn job(args: SessionsArgs) -> Result<SessionsJob, String> {
    let condition = args.condition.as_deref();
    let condition = condition.map(|text| Condition::parse(text, record_columns()));
    let condition = condition.transpose();
    let services = services(&args.protocol)?;
    let target = target(args.output);
    let format = format(args.format, &target, &services)?;
    if args.secrets_key.is_some() && args.secrets != SecrecyArg::Hash {
        return Err("--secrets-key is for --secrets hash".to_owned());
    }
    Ok(SessionsJob {
        config: windowed_config(&args.input, &args.flows, &args.run, SessionsJob::WINDOW_LEN),
        services,
        condition: condition.map_err(|error| format!("--where: {error}"))?,
        hints: args.port_hint,
        secrets_key: args.secrets_key,
        secrecy: args.secrets.into(),
        bodies: args.bodies.into(),
        body_limit: args.body_limit,
        hash: args.hash,
        format,
        target,
        files: args.files,
        geo: args.geo,
        stats: args.run.stats,
    })
}

/// The requested format, or that of the output's name.
fn format(
    requested: Option<RecordFormatArg>,
    target: &Target,
    services: &Services,
) -> Result<RecordFormat, String> {
    let extension = match target {
        Target::File(path) => path.extension(),
        Target::Stdout | Target::Folder(_) => None,
    };
    let named = [RecordFormat::Csv, RecordFormat::Parquet];
    let named = named
        .into_iter()
        .find(|it| extension.is_some_and(|name| name == it.extension()));
    let format = requested.map(RecordFormat::from).or(named);
    let format = format.unwrap_or_default();
    let is_folder = matches!(target, Target::Folder(_));
    if format.mixes_types() || is_folder || services.has_one_type() {
        return Ok(format);
    }
    Err(format!(
        "{} files have one type of record each: name a directory (-o DIR/), or one type (--protocol dns)",
        format.extension()
    ))
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
    let Some(path) = output.filter(|it| it.as_os_str() != "-") else {
        return Target::Stdout;
    };
    let has_slash = path.as_os_str().as_encoded_bytes().ends_with(b"/");
    if has_slash || path.is_dir() {
        Target::Folder(path)
    } else {
        Target::File(path)
    }
}

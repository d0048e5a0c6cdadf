//! Arguments for streams.

use super::args::Args;
use super::values::{ChecksumArg, HeaderArg, NameStyleArg, port_ranges};
use pcap_flows::jobs::streams::{ProtocolOptions, StreamOptions};
use pcap_flows::output::stream::{NameStyle, NameTemplate};
use pcap_flows::select::IdSet;
use pcap_flows::stream::Wanted;
use std::path::PathBuf;

/// The arguments that are there once for each protocol.
struct ProtocolArgs<'a> {
    name: &'static str,
    ids: &'a [IdSet],
    ports: &'a [u16],
    all: bool,
    without_ports: &'a [u16],
    output: &'a Option<PathBuf>,
    headers: Option<HeaderArg>,
}

/// The streams that are asked for, if any are.
pub(super) fn streams(args: &Args) -> Result<Option<StreamOptions>, String> {
    let (tcp, udp) = protocols(args);
    let (tcp, udp) = (protocol(args, &tcp)?, protocol(args, &udp)?);
    if tcp.is_none() && udp.is_none() {
        return match only_for_streams(args) {
            Some(option) => Err(format!(
                "{option} is for streams: say which with --extract-tcp-all, --extract-tcp-port, \
                 --extract-tcp, or the same for udp"
            )),
            None => Ok(None),
        };
    }
    check_protocols(args, tcp.as_ref(), udp.as_ref())?;
    let template = args.name_template.as_ref();
    if args.flows.bidirectional && template.is_some_and(|it| !it.tells_directions_apart()) {
        return Err(
            "--name-template needs {src_ip} and {src_port} with --bidirectional: both directions have \
             the same FlowID"
                .to_owned(),
        );
    }
    Ok(Some(StreamOptions {
        tcp,
        udp,
        names: match (&args.name_template, args.name_style) {
            (Some(template), _) => NameStyle::Template(template.clone()),
            (None, NameStyleArg::Portable) => NameStyle::Portable,
            (None, NameStyleArg::Fmadio) => NameStyle::Fmadio,
        },
        gaps: args.gaps.into(),
        overlap: args.overlap.into(),
        checksums: args.checksum.into(),
        as_pcap: args.output_pcap,
        min_bytes: args.flow_size_min,
        manifest: args.manifest.clone(),
        memory: args.reassembly_memory,
    }))
}

/// TCP and UDP may use the same ports: in one place, names must tell them apart.
fn check_protocols(
    args: &Args,
    tcp: Option<&ProtocolOptions>,
    udp: Option<&ProtocolOptions>,
) -> Result<(), String> {
    let (Some(tcp), Some(udp)) = (tcp, udp) else {
        return Ok(());
    };
    let template = args.name_template.as_ref();
    let tells_apart = template.is_none_or(NameTemplate::tells_protocols_apart);
    if tcp.output == udp.output && !tells_apart {
        return Err(
            "this --name-template does not tell TCP from UDP: it needs {protocol} or {ext}, or different \
             directories with --output-tcp and --output-udp"
                .to_owned(),
        );
    }
    Ok(())
}

/// Whether -o is where streams go: it is, unless packets are asked for, or all streams have a
/// place of their own.
pub(super) fn takes_output(args: &Args) -> bool {
    let wants_packets =
        !args.extract.is_empty() || !args.extract_ip.is_empty() || !args.extract_port.is_empty();
    let (tcp, udp) = protocols(args);
    let lacks_output = |it: &ProtocolArgs<'_>| it.is_wanted() && it.output.is_none();
    !wants_packets && (lacks_output(&tcp) || lacks_output(&udp))
}

fn protocols(args: &Args) -> (ProtocolArgs<'_>, ProtocolArgs<'_>) {
    let tcp = ProtocolArgs {
        name: "tcp",
        ids: &args.extract_tcp,
        ports: &args.extract_tcp_port,
        all: args.extract_tcp_all,
        without_ports: &args.disable_tcp_port,
        output: &args.output_tcp,
        headers: args.tcpheader,
    };
    let udp = ProtocolArgs {
        name: "udp",
        ids: &args.extract_udp,
        ports: &args.extract_udp_port,
        all: args.extract_udp_all,
        without_ports: &args.disable_udp_port,
        output: &args.output_udp,
        headers: args.udpheader,
    };
    (tcp, udp)
}

impl ProtocolArgs<'_> {
    const fn is_wanted(&self) -> bool {
        self.all || !self.ids.is_empty() || !self.ports.is_empty()
    }
}

fn protocol(args: &Args, typed: &ProtocolArgs<'_>) -> Result<Option<ProtocolOptions>, String> {
    let name = typed.name;
    if !typed.is_wanted() {
        let is_useless = typed.output.is_some() || !typed.without_ports.is_empty();
        return if is_useless {
            Err(format!(
                "say which {name} streams: --extract-{name}-all, --extract-{name}-port LOW HIGH, or \
                 --extract-{name} ID"
            ))
        } else {
            Ok(None)
        };
    }
    let shared = args.output.as_ref().filter(|_| takes_output(args));
    let Some(output) = typed.output.as_ref().or(shared) else {
        return Err(format!(
            "name a directory for the {name} streams with --output-{name} DIR/, or with -o where no \
             packets are extracted"
        ));
    };
    let mut ids = IdSet::default();
    typed.ids.iter().cloned().for_each(|it| ids.merge(it));
    Ok(Some(ProtocolOptions {
        wanted: Wanted {
            ids,
            ports: port_ranges(&format!("--extract-{name}-port"), typed.ports)?,
            all: typed.all,
            without_ports: port_ranges(&format!("--disable-{name}-port"), typed.without_ports)?,
        },
        output: output.clone(),
        headers: typed.headers.map(Into::into),
    }))
}

/// An option that says nothing without streams.
fn only_for_streams(args: &Args) -> Option<&'static str> {
    let given = [
        (args.manifest.is_some(), "--manifest"),
        (args.tcpheader.is_some(), "--tcpheader"),
        (args.udpheader.is_some(), "--udpheader"),
        (args.output_pcap, "--output-pcap"),
        (args.checksum != ChecksumArg::default(), "--checksum"),
        (args.name_template.is_some(), "--name-template"),
    ];
    given
        .into_iter()
        .find_map(|(is_given, name)| is_given.then_some(name))
}

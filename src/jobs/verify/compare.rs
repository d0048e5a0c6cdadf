//! A run's results, compared with those of the simplest way.

use super::flows::PlainFlows;
use super::headers::{Contents, Ip, Reading};
use super::report::Verified;
use crate::decode::Tunnels;
use crate::engine::{Balance, InputReport, Place};
use crate::error::ShownPath;
use crate::flow::{Flow, FlowKey, Flows, LinkKey};
use std::fmt;
use std::path::Path;

/// The results of a run.
pub(super) struct Found<'a> {
    pub(super) flows: &'a dyn Flows,
    pub(super) accepted: u64,
    pub(super) balance: &'a Balance,
    pub(super) inputs: &'a [InputReport],
}

/// Differences, the first of them in words.
#[derive(Debug, Default)]
pub(super) struct Differences {
    first: Vec<String>,
    count: u64,
}

impl Differences {
    pub(super) fn add(&mut self, text: String) {
        self.count += 1;
        if self.first.len() < Verified::MAX_DIFFERENCES {
            self.first.push(text);
        }
    }

    /// A packet whose headers the run reads otherwise.
    pub(super) fn packet(&mut self, path: &Path, place: Place, run: &Reading, simplest: &Reading) {
        let Place { packet, offset, .. } = place;
        self.add(format!(
            "packet {packet} at byte {offset} of {}: {run}; in the simplest way {simplest}",
            path.shown()
        ));
    }

    fn compare<T: PartialEq + fmt::Display>(&mut self, what: &str, run: T, simplest: T) {
        if run != simplest {
            self.add(format!("{what}: {run}; in the simplest way {simplest}"));
        }
    }

    /// The first differences, and how many there are.
    pub(super) fn into_parts(self) -> (Vec<String>, u64) {
        (self.first, self.count)
    }
}

/// Compares all that is counted. `packets` are those of each capture.
pub(super) fn compare(
    found: &Found<'_>,
    simplest: &PlainFlows<'_>,
    packets: &[u64],
    differences: &mut Differences,
) {
    let (balance, counts) = (found.balance, &simplest.counts);
    let sums = [
        ("packets", balance.packets, counts.packets),
        ("bytes on the wire", balance.bytes, counts.bytes),
        ("packets in flows", balance.in_flows, counts.in_flows),
        ("packets that are not IP", balance.not_ip(), counts.not_ip),
        ("malformed packets", balance.malformed(), counts.malformed),
        ("filtered packets", balance.filtered, counts.filtered),
        ("copies of packets", balance.duplicates, counts.duplicates),
        ("flows", found.accepted, simplest.accepted()),
        (
            "the last FlowID",
            found.flows.last_id(),
            simplest.flows.len() as u64,
        ),
    ];
    for (what, run, simplest) in sums {
        differences.compare(what, run, simplest);
    }
    differences.compare("captures", found.inputs.len(), packets.len());
    for (input, packets) in found.inputs.iter().zip(packets) {
        let what = format!("packets of {}", input.path.shown());
        differences.compare(&what, input.packets, *packets);
    }
    let none = |id| Flow {
        id,
        ..Flow::default()
    };
    for (id, plain) in (1..).zip(&simplest.flows) {
        let expected = (plain.flow.packets > 0).then_some(plain.flow);
        let flow = found.flows.get(id);
        if flow != expected {
            let start = Start(plain.starts, found.inputs);
            let (run, simplest) = (Shown(flow.as_ref()), Shown(expected.as_ref()));
            differences.add(format!(
                "flow {id}, which starts with {start}: {run}; in the simplest way {simplest}"
            ));
        } else if let (Some(flow), Some(counters)) = (flow, found.flows.counters(id)) {
            // Lists are sorted by these counters.
            let counted = Flow {
                packets: counters.packets,
                bytes: counters.bytes,
                first: counters.first,
                last: counters.last,
                ..flow
            };
            if counted != flow {
                let (counted, flow) = (Shown(Some(&counted)), Shown(Some(&flow)));
                differences.add(format!("flow {id} is sorted as {counted}; it is {flow}"));
            }
        }
    }
    let first_beyond = simplest.flows.len() as u64 + 1;
    for id in first_beyond..=found.flows.last_id() {
        let flow = found.flows.get(id).unwrap_or_else(|| none(id));
        let run = Shown(Some(&flow));
        differences.add(format!("flow {id}: {run}; in the simplest way not there"));
    }
}

/// The place of a packet, in words.
struct Start<'a>(Place, &'a [InputReport]);

impl fmt::Display for Start<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(place, inputs) = self;
        write!(f, "packet {} at byte {}", place.packet, place.offset)?;
        match inputs.get(place.input) {
            Some(input) => write!(f, " of {}", input.path.shown()),
            None => Ok(()),
        }
    }
}

/// A flow in words; `None` if the filter refuses it.
struct Shown<'a>(Option<&'a Flow>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(flow) = self.0 else {
            return f.write_str("not there, or refused by the filter");
        };
        let FlowKey { link, network, .. } = &flow.key;
        write!(
            f,
            "{} -> {} protocol {}",
            endpoint(network.src, network.src_port),
            endpoint(network.dst, network.dst_port),
            network.protocol
        )?;
        show_link(f, link)?;
        show_tunnels(f, flow.tunnels)?;
        write!(
            f,
            ", {} packets, {} bytes, from {} to {} ns, TCP flags {:#05x}",
            flow.packets, flow.bytes, flow.first.0, flow.last.0, flow.tcp_flags
        )?;
        if let Some(reverse) = flow.reverse {
            write!(
                f,
                ", in reverse {} packets, {} bytes, TCP flags {:#05x}",
                reverse.packets, reverse.bytes, reverse.tcp_flags
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.contents {
            Contents::NotIp => f.write_str("not IP")?,
            Contents::Malformed => f.write_str("malformed")?,
            Contents::Ip(Ip {
                network,
                tcp_flags,
                fragment,
            }) => {
                write!(
                    f,
                    "{} -> {} protocol {}",
                    endpoint(network.src, network.src_port),
                    endpoint(network.dst, network.dst_port),
                    network.protocol
                )?;
                write!(f, ", TCP flags {tcp_flags:#05x}")?;
                if let Some((datagram, is_first)) = fragment {
                    let which = if *is_first { "first" } else { "later" };
                    write!(f, ", {which} fragment of datagram {:#x}", datagram.id)?;
                }
            }
        }
        show_link(f, &self.link)?;
        show_tunnels(f, self.tunnels)
    }
}

fn endpoint(address: std::net::IpAddr, port: u16) -> std::net::SocketAddr {
    std::net::SocketAddr::new(address, port)
}

fn show_tunnels(f: &mut fmt::Formatter<'_>, tunnels: Tunnels) -> fmt::Result {
    if tunnels.is_empty() {
        return Ok(());
    }
    write!(f, ", tunnel {tunnels:?}")
}

fn show_link(f: &mut fmt::Formatter<'_>, link: &LinkKey) -> fmt::Result {
    if let Some((src, dst)) = link.macs() {
        write!(f, ", {src} -> {dst}")?;
    }
    if !link.vlans().is_empty() {
        write!(f, ", VLAN {}", link.vlans())?;
    }
    if let Some(at) = link.device() {
        write!(f, ", device {} port {}", at.device, at.port)?;
    }
    Ok(())
}

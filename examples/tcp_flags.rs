//! Counts the packets of a capture by their TCP flags, on all cores: an `Observer` in each shard.
//!
//! ```text
//! cargo run --release --example tcp_flags
//! ```
#![expect(clippy::print_stdout, reason = "it shows what it does")]

use pcap_flows::decode::protocol::TCP;
use pcap_flows::engine::{Config, Job, Progress, Source, run};
use pcap_flows::flow::{Contents, FlowKey, FlowList, Observer, PacketRef};
use std::collections::BTreeMap;
use std::error::Error;

/// Packets of one shard's flows, by flags.
#[derive(Debug, Default)]
struct Flags(BTreeMap<u16, u64>);

impl Observer for Flags {
    fn start(&mut self, _: u32, _: bool, _: impl Fn() -> FlowKey) {}

    fn packet(&mut self, _: u32, packet: &PacketRef, _: Option<&Contents<'_>>) {
        if packet.protocol == TCP {
            *self.0.entry(packet.tcp_flags).or_default() += 1;
        }
    }
}

/// Packets of all flows, by flags.
#[derive(Debug, Default)]
struct CountFlags(BTreeMap<u16, u64>);

impl Job for CountFlags {
    type Observer = Flags;

    fn observer(&self) -> Flags {
        Flags::default()
    }

    fn finish(
        &mut self,
        _: &FlowList,
        observers: Vec<&mut Flags>,
    ) -> Result<u64, pcap_flows::Error> {
        for Flags(counts) in observers {
            for (flags, count) in counts {
                *self.0.entry(*flags).or_default() += *count;
            }
        }
        Ok(0)
    }
}

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let source = Source::Path("testdata/recorded/http.pcap".into());
    let mut job = CountFlags::default();
    let config = Config::default();
    let outcome = run(&config, vec![source], &mut job, &Progress::default())?;
    for (flags, count) in &job.0 {
        println!("{flags:#05x} {count}");
    }
    let (syn, syn_ack) = (0x002, 0x012);
    assert_eq!((job.0[&syn], job.0[&syn_ack]), (3, 3));
    assert_eq!(job.0.values().sum::<u64>(), outcome.balance.in_flows);
    Ok(())
}

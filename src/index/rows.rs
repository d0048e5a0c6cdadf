//! Rows of the flow list, read back into flows.

use super::notes::Settings;
use super::table::Table;
use crate::capture::Nanos;
use crate::decode::IpProtocol;
use crate::error::Error;
use crate::flow::{
    Counters, DevicePort, Flow, FlowKey, Flows, LinkKey, MacAddr, NetworkKey, ReverseCounters,
    Tunnels,
};
use crate::output::table::{Columns, column};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use rayon::prelude::*;

/// The flows of a batch of rows that were told apart so.
///
/// # Errors
/// When a column is missing or of another type, or a value is none that a flow has.
pub(super) fn flows_of(
    table: &Table,
    batch: &RecordBatch,
    settings: &Settings,
) -> Result<Vec<Flow>, Error> {
    let columns = settings.columns();
    let keys = Keys::of(table, batch, columns, settings.five_tuple)?;
    let counts = Counts::of(table, batch, columns)?;
    let flow = |row: usize| {
        let tunnels = keys.tunnels(row)?;
        counts.flow(row, keys.key(row, tunnels)?, tunnels)
    };
    let flows: Option<Vec<Flow>> = (0..batch.num_rows()).map(flow).collect();
    flows.ok_or_else(|| table.damaged("a row has values that no flow has"))
}

/// The columns that flow keys are made of.
struct Keys<'b> {
    protocols: &'b StringArray,
    macs: [&'b StringArray; 2],
    vlans: &'b StringArray,
    addresses: [&'b StringArray; 2],
    ports: [&'b [i32]; 2],
    devices: Option<[&'b ArrayRef; 2]>,
    tunnels: Option<[&'b StringArray; 2]>,
    /// Whether the networks of tunnels are part of keys.
    has_networks: bool,
}

impl<'b> Keys<'b> {
    fn of(
        table: &Table,
        batch: &'b RecordBatch,
        columns: Columns,
        five_tuple: bool,
    ) -> Result<Self, Error> {
        let texts = |name| table.texts(batch, name);
        let numbers = |name| table.numbers::<Int32Type>(batch, name);
        let device = |name| table.column(batch, name);
        Ok(Self {
            protocols: texts(column::PROTOCOL)?,
            macs: [texts(column::SRC_MAC)?, texts(column::DST_MAC)?],
            vlans: texts(column::VLAN)?,
            addresses: [texts(column::SRC_IP)?, texts(column::DST_IP)?],
            ports: [numbers(column::SRC_PORT)?, numbers(column::DST_PORT)?],
            devices: match columns.device {
                true => Some([device(column::DEVICE)?, device(column::DEVICE_PORT)?]),
                false => None,
            },
            tunnels: match columns.tunnel {
                true => Some([texts(column::TUNNEL)?, texts(column::TUNNEL_ID)?]),
                false => None,
            },
            has_networks: !five_tuple,
        })
    }

    fn tunnels(&self, row: usize) -> Option<Tunnels> {
        match self.tunnels {
            Some([names, ids]) => Tunnels::from_text(names.value(row), ids.value(row)),
            None => Some(Tunnels::NONE),
        }
    }

    fn key(&self, row: usize, tunnels: Tunnels) -> Option<FlowKey> {
        let mut link = LinkKey::default();
        let [src, dst] = self.macs.map(|it| mac(it.value(row)));
        if let (Some(src), Some(dst)) = (src, dst) {
            link.set_macs(src, dst);
        }
        let tags = self.vlans.value(row).split('.');
        for tag in tags.filter(|tag| !tag.is_empty()) {
            link.push_vlan(tag.parse().ok()?);
        }
        if let Some(devices) = self.devices {
            let number = |array: &ArrayRef| {
                let numbers = array.as_primitive_opt::<Int32Type>()?;
                let number = numbers.is_valid(row).then(|| numbers.value(row))?;
                u16::try_from(number).ok()
            };
            if let [Some(device), Some(port)] = devices.map(number) {
                let port = u8::try_from(port).ok()?;
                link.set_device(DevicePort { device, port });
            }
        }
        let [src, dst] = self.addresses.map(|it| it.value(row).parse().ok());
        let [src_port, dst_port] = self.ports.map(|it| short(it, row));
        let network = NetworkKey {
            src: src?,
            dst: dst?,
            protocol: IpProtocol::from_listed(self.protocols.value(row))?.0,
            src_port: src_port?,
            dst_port: dst_port?,
        };
        let networks = match self.has_networks {
            true => tunnels.networks(),
            false => Tunnels::NONE,
        };
        Some(FlowKey {
            link,
            network,
            networks,
        })
    }
}

/// The other columns of the flow list.
struct Counts<'b> {
    ids: &'b [i64],
    packets: &'b [i64],
    bytes: &'b [i64],
    firsts: &'b [i64],
    lasts: &'b [i64],
    tcp_flags: &'b [i32],
    reverse: Option<(&'b [i64], &'b [i64], &'b [i32])>,
}

impl<'b> Counts<'b> {
    fn of(table: &Table, batch: &'b RecordBatch, columns: Columns) -> Result<Self, Error> {
        let long = |name| table.numbers::<Int64Type>(batch, name);
        let short = |name| table.numbers::<Int32Type>(batch, name);
        Ok(Self {
            ids: long(column::FLOW_ID)?,
            packets: long(column::PACKETS)?,
            bytes: long(column::BYTES)?,
            firsts: long(column::FIRST_NS)?,
            lasts: long(column::LAST_NS)?,
            tcp_flags: short(column::TCP_FLAGS)?,
            reverse: match columns.reverse {
                true => Some((
                    long(column::REVERSE_PACKETS)?,
                    long(column::REVERSE_BYTES)?,
                    short(column::REVERSE_TCP_FLAGS)?,
                )),
                false => None,
            },
        })
    }

    fn flow(&self, row: usize, key: FlowKey, tunnels: Tunnels) -> Option<Flow> {
        Some(Flow {
            id: number(self.ids, row)?,
            key,
            packets: number(self.packets, row)?,
            bytes: number(self.bytes, row)?,
            first: Nanos(*self.firsts.get(row)?),
            last: Nanos(*self.lasts.get(row)?),
            tcp_flags: short(self.tcp_flags, row)?,
            reverse: match self.reverse {
                Some((packets, bytes, flags)) => Some(ReverseCounters {
                    packets: number(packets, row)?,
                    bytes: number(bytes, row)?,
                    tcp_flags: short(flags, row)?,
                }),
                None => None,
            },
            tunnels,
        })
    }
}

fn number(values: &[i64], row: usize) -> Option<u64> {
    u64::try_from(*values.get(row)?).ok()
}

fn short(values: &[i32], row: usize) -> Option<u16> {
    u16::try_from(*values.get(row)?).ok()
}

fn mac(text: &str) -> Option<MacAddr> {
    let mut bytes = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut bytes {
        *byte = u8::from_str_radix(parts.next()?, 16).ok()?;
    }
    parts.next().is_none().then_some(MacAddr(bytes))
}

/// The flows of an index.
#[derive(Debug)]
pub struct FlowRows {
    pub(super) flows: Vec<Flow>,
}

impl FlowRows {
    /// Leaves out the flows for which `keep` says no: they have an id still.
    pub fn retain(&mut self, keep: impl Fn(&Flow) -> bool + Sync) {
        self.flows.par_iter_mut().for_each(|flow| {
            if !keep(flow) {
                flow.packets = 0;
            }
        });
    }

    /// All of them, in order.
    pub fn into_flows(self) -> Vec<Flow> {
        self.flows
    }

    /// The flows that are not left out.
    pub fn iter(&self) -> impl Iterator<Item = &Flow> {
        self.flows.iter().filter(|flow| flow.packets > 0)
    }
}

impl Flows for FlowRows {
    fn last_id(&self) -> u64 {
        self.flows.len() as u64
    }

    fn get(&self, id: u64) -> Option<Flow> {
        let index = usize::try_from(id.checked_sub(1)?).ok()?;
        self.flows.get(index).filter(|it| it.packets > 0).copied()
    }

    fn counters(&self, id: u64) -> Option<Counters> {
        let flow = self.get(id)?;
        Some(Counters {
            packets: flow.packets,
            bytes: flow.bytes,
            first: flow.first,
            last: flow.last,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::{Index, IndexWriter, Notes, Totals};

    /// Flows with a value of its own in every field.
    fn flows(columns: Columns) -> Vec<Flow> {
        let mut link = LinkKey::default();
        link.set_macs(MacAddr([1, 2, 3, 4, 5, 6]), MacAddr([7, 8, 9, 10, 11, 12]));
        link.push_vlan(100);
        link.push_vlan(200);
        if columns.device {
            let (device, port) = (301, 42);
            link.set_device(DevicePort { device, port });
        }
        let network = NetworkKey {
            src: "192.0.2.1".parse().unwrap(),
            dst: "2001:db8::2".parse().unwrap(),
            protocol: 9,
            src_port: 1001,
            dst_port: 1002,
        };
        let tunnels = match columns.tunnel {
            true => Tunnels::from_text("mpls/vxlan", "16.17/100").unwrap(),
            false => Tunnels::NONE,
        };
        let full = Flow {
            id: 1,
            key: FlowKey {
                link,
                network,
                networks: tunnels.networks(),
            },
            packets: 2001,
            bytes: 2002,
            first: Nanos(-3001),
            last: Nanos(3002),
            tcp_flags: 0x512,
            reverse: columns.reverse.then_some(ReverseCounters {
                packets: 1003,
                bytes: 1004,
                tcp_flags: 0x018,
            }),
            tunnels,
        };
        let empty = Flow {
            id: 2,
            packets: 1,
            reverse: columns.reverse.then(ReverseCounters::default),
            ..Flow::default()
        };
        vec![full, empty]
    }

    /// Reader and writer go by the same columns: a flow that was written is the flow that is read,
    /// in each of its fields.
    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        for (device, reverse) in [(false, false), (true, false), (false, true), (true, true)] {
            let settings = Settings {
                conversations: reverse,
                trailer_offset: device.then_some(0),
                decap: device == reverse,
                ..Settings::default()
            };
            let flows = flows(settings.columns());
            let notes = Notes {
                version: Notes::VERSION,
                settings: settings.clone(),
                totals: Totals {
                    flows: 2,
                    packets_in_flows: 2002,
                    bytes_in_flows: 2002,
                    ..Totals::default()
                },
                ..Notes::default()
            };
            let path = folder.path().join("index");
            let writer = IndexWriter::create(&path, [], settings.columns(), Vec::new()).unwrap();
            let rows = FlowRows {
                flows: flows.clone(),
            };
            writer.finish(&rows, |_| None, notes, None).unwrap();
            let index = Index::open(&path).unwrap();
            assert_eq!(index.flows().unwrap().into_flows(), flows);
            assert_eq!(index.some_flows(&[2]).unwrap(), flows[1..]);
        }
    }

    /// Conditions name the columns that are written, and each of those that an index reads.
    #[test]
    fn conditions_know_the_columns() {
        let columns = Columns {
            device: true,
            reverse: true,
            tunnel: true,
            address_bytes: false,
        };
        let known: Vec<&str> = Index::columns().iter().map(|(name, _)| *name).collect();
        let names = columns.names();
        assert_eq!(known[..names.len()], names);
        let written = crate::index::columns::schema(columns);
        for name in known.iter().filter(|name| **name != "duration") {
            assert!(written.field_with_name(name).is_ok(), "{name}");
        }
    }
}

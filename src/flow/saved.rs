//! Flow tables as files.

use super::flows::Flow;
use super::key::{DevicePort, FlowKey, LinkKey, MacAddr, NetworkKey, Tunnels, VlanStack};
use super::record::ReverseCounters;
use super::table::{FlowTable, RecordPlace, Row};
use crate::capture::Nanos;
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, Write};
use std::net::IpAddr;
use std::path::PathBuf;

impl FlowTable {
    /// Writes the table, with the places that were kept, as lines of JSON. Names of files must be
    /// UTF-8.
    ///
    /// The first line says what it is; each other line is a flow, in the order of their ids:
    ///
    /// ```json
    /// {"format":"pcap_flows table","version":1,"conversations":true,"files":["a.pcap","b.pcap"]}
    /// {"id":1,"src":"10.0.0.1","dst":"10.0.0.2","protocol":6,"src_port":40000,"dst_port":80,
    ///  "macs":["02:00:00:00:00:01","02:00:00:00:00:02"],"vlans":[100],"device":[7,1],
    ///  "packets":3,"bytes":180,"first_ns":1000,"last_ns":3000,"tcp_flags":18,
    ///  "reverse":{"packets":1,"bytes":60,"tcp_flags":18},"records":[[0,24],[0,100],[1,24]]}
    /// ```
    ///
    /// (A flow is one line; here it is folded.) Times are nanoseconds since 1970, lengths are in
    /// bytes; a record is the number of its file, and its offset there. What a flow does not have
    /// is left out: addresses and tags of the link layer, device and port of a trailer, the
    /// reverse direction of what is no conversation, records where none were kept, and the networks of
    /// tunnels (`"networks":["vxlan","100"]`, names and ids).
    ///
    /// # Errors
    /// When writing fails.
    pub fn save(&self, out: impl Write) -> io::Result<()> {
        let mut out = io::BufWriter::new(out);
        let head = Head {
            format: FORMAT.to_owned(),
            version: VERSION,
            conversations: self.conversations,
            files: self.files.clone(),
        };
        serde_json::to_writer(&mut out, &head)?;
        out.write_all(b"\n")?;
        for row in &self.rows {
            serde_json::to_writer(&mut out, &Line::of(row))?;
            out.write_all(b"\n")?;
        }
        out.flush()
    }

    /// Reads a saved table, which can be continued.
    ///
    /// # Errors
    /// When reading fails, and where a line is not what [`FlowTable::save`] writes: then the error
    /// is [`io::ErrorKind::InvalidData`] and names the line.
    pub fn load(input: impl BufRead) -> io::Result<Self> {
        let mut table = None;
        for (line, number) in input.lines().zip(1_u64..) {
            let line = line?;
            let read = match &mut table {
                None => table_of(&line).map(|it| table = Some(it)),
                Some(table) => serde_json::from_str(&line)
                    .map_err(|error| error.to_string())
                    .and_then(|line: Line| line.add_to(table)),
            };
            read.map_err(|what| invalid(number, &what))?;
        }
        table.ok_or_else(|| invalid(1, "it is empty"))
    }
}

fn invalid(line: u64, what: &str) -> io::Error {
    let text = format!("not a flow table: line {line}: {what}");
    io::Error::new(io::ErrorKind::InvalidData, text)
}

/// An empty table, as its first line says.
fn table_of(line: &str) -> Result<FlowTable, String> {
    let head: Head = serde_json::from_str(line).map_err(|error| error.to_string())?;
    if head.format != FORMAT || head.version != VERSION {
        let Head {
            format, version, ..
        } = head;
        return Err(format!("format {format:?}, version {version} is not read"));
    }
    let mut table = if head.conversations {
        FlowTable::of_conversations()
    } else {
        FlowTable::new()
    };
    table.files = head.files;
    Ok(table)
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    format: String,
    version: u32,
    conversations: bool,
    files: Vec<PathBuf>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: u64,
    src: IpAddr,
    dst: IpAddr,
    protocol: u8,
    src_port: u16,
    dst_port: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    macs: Option<[String; 2]>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    vlans: Vec<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device: Option<(u16, u8)>,
    #[serde(default, skip_serializing_if = "Tunnels::is_empty")]
    networks: Tunnels,
    packets: u64,
    bytes: u64,
    first_ns: i64,
    last_ns: i64,
    tcp_flags: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reverse: Option<Reverse>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    records: Vec<(u32, u64)>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reverse {
    packets: u64,
    bytes: u64,
    tcp_flags: u16,
}

impl Line {
    fn of(row: &Row) -> Self {
        let Row { flow, records } = row;
        let FlowKey {
            link,
            network,
            networks,
        } = flow.key;
        let reverse = flow.reverse.map(|reverse| Reverse {
            packets: reverse.packets,
            bytes: reverse.bytes,
            tcp_flags: reverse.tcp_flags,
        });
        Self {
            id: flow.id,
            src: network.src,
            dst: network.dst,
            protocol: network.protocol,
            src_port: network.src_port,
            dst_port: network.dst_port,
            macs: link
                .macs()
                .map(|(src, dst)| [src, dst].map(|it| it.to_string())),
            vlans: link.vlans().ids().collect(),
            device: link.device().map(|it| (it.device, it.port)),
            networks,
            packets: flow.packets,
            bytes: flow.bytes,
            first_ns: flow.first.0,
            last_ns: flow.last.0,
            tcp_flags: flow.tcp_flags,
            reverse,
            records: records.iter().map(|it| (it.file, it.offset)).collect(),
        }
    }

    /// Adds the flow to a table that has all flows before it.
    fn add_to(self, table: &mut FlowTable) -> Result<(), String> {
        let key = self.key()?;
        if self.id != table.len() + 1 {
            return Err(format!("FlowID {} behind {}", self.id, table.len()));
        }
        if let Some(other) = table.find(&key) {
            return Err(format!("the same key as FlowID {}", other.id));
        }
        if self.reverse.is_some() != table.conversations {
            return Err("only conversations have a reverse direction".to_owned());
        }
        let files = table.files.len();
        if let Some((file, _)) = self.records.iter().find(|it| it.0 as usize >= files) {
            return Err(format!("a record in file {file} of {files}"));
        }
        let index = table.start(&key, Nanos(self.first_ns));
        let Some(row) = table.rows.get_mut(index) else {
            return Ok(());
        };
        let reverse = self.reverse.map(|it| ReverseCounters {
            packets: it.packets,
            bytes: it.bytes,
            tcp_flags: it.tcp_flags,
        });
        row.flow = Flow {
            packets: self.packets,
            bytes: self.bytes,
            last: Nanos(self.last_ns),
            tcp_flags: self.tcp_flags,
            reverse,
            ..row.flow
        };
        let places = self.records.into_iter();
        row.records = places
            .map(|(file, offset)| RecordPlace { file, offset })
            .collect();
        Ok(())
    }

    fn key(&self) -> Result<FlowKey, String> {
        let mut link = LinkKey::default();
        if let Some([src, dst]) = &self.macs {
            link.set_macs(mac(src)?, mac(dst)?);
        }
        if self.vlans.len() > VlanStack::MAX {
            return Err(format!("more than {} VLANs", VlanStack::MAX));
        }
        for &id in &self.vlans {
            link.push_vlan(id);
        }
        if let Some((device, port)) = self.device {
            link.set_device(DevicePort { device, port });
        }
        if self.src.is_ipv4() != self.dst.is_ipv4() {
            return Err("addresses of two IP versions".to_owned());
        }
        let network = NetworkKey {
            src: self.src,
            dst: self.dst,
            protocol: self.protocol,
            src_port: self.src_port,
            dst_port: self.dst_port,
        };
        Ok(FlowKey {
            link,
            network,
            networks: self.networks,
        })
    }
}

/// A MAC address as [`MacAddr`] shows it.
fn mac(text: &str) -> Result<MacAddr, String> {
    let bytes: Option<Vec<u8>> = text
        .split(':')
        .map(|digits| u8::from_str_radix(digits, 16).ok())
        .collect();
    let bytes = bytes.and_then(|it| <[u8; 6]>::try_from(it).ok());
    let address = bytes.map(MacAddr).filter(|it| it.to_string() == text);
    address.ok_or_else(|| format!("{text:?} is no MAC address"))
}

const FORMAT: &str = "pcap_flows table";
const VERSION: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Capture;
    use crate::decode::Packet;
    use std::path::Path;

    /// A table of two captures, with all places.
    fn table(mut table: FlowTable, names: [&str; 2]) -> FlowTable {
        for name in names {
            let path = Path::new("testdata").join(name);
            let file = table.add_file(&path);
            let mut capture = Capture::open(&path).unwrap();
            while let Some(record) = capture.next_record().unwrap() {
                let packet = Packet::of(&record);
                let Ok(mut key) = FlowKey::of(&packet) else {
                    continue;
                };
                if record.offset % 3 == 0 {
                    let (device, port) = (7, 1);
                    key.link.set_device(DevicePort { device, port });
                }
                let flags = packet.tcp_flags().unwrap_or(0);
                let id = table.add(&key, record.time, record.wire_len, flags);
                let offset = record.offset;
                table.keep(id, RecordPlace { file, offset });
            }
        }
        table
    }

    fn rows(table: &FlowTable) -> Vec<(Flow, Vec<RecordPlace>)> {
        let rows = table.iter();
        rows.map(|flow| (*flow, table.records(flow.id).to_vec()))
            .collect()
    }

    fn saved(table: &FlowTable) -> String {
        let mut text = Vec::new();
        table.save(&mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn what_is_loaded_is_what_was_saved() {
        let names = ["generated/ethernet/qinq.pcap", "recorded/ipv6.pcapng"];
        for empty in [FlowTable::new(), FlowTable::of_conversations()] {
            let table = table(empty, names);
            assert!(table.len() > 5);
            let text = saved(&table);
            let mut again = FlowTable::load(text.as_bytes()).unwrap();
            assert_eq!(rows(&again), rows(&table));
            assert_eq!(again.files(), table.files());
            assert_eq!(saved(&again), text);

            let first = *table.get(1).unwrap();
            let id = again.add(&first.key, first.last, 10, 0);
            assert_eq!(id, 1, "it goes on");
            assert_eq!(again.get(1).unwrap().bytes, first.bytes + 10);
        }
    }

    #[test]
    fn what_is_no_table() {
        let table = table(
            FlowTable::new(),
            ["recorded/http.pcap", "recorded/dns.pcap"],
        );
        let text = saved(&table);
        let lines: Vec<&str> = text.lines().collect();
        let with = |line: usize, from: &str, to: &str| {
            let changed = lines[line].replacen(from, to, 1);
            assert_ne!(changed, lines[line], "{from}");
            let mut lines = lines.clone();
            lines[line] = &changed;
            let error = FlowTable::load(lines.join("\n").as_bytes()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            let start = format!("not a flow table: line {}: ", line + 1);
            assert!(error.to_string().starts_with(&start), "{error}");
        };
        with(0, "table", "chair");
        with(0, "\"version\":1", "\"version\":2");
        with(0, "\"conversations\":false", "\"conversations\":0");
        with(1, "{", "[");
        with(1, "\"id\":1", "\"id\":2");
        with(2, "\"id\":2", "\"id\":1");
        with(1, "\"src\":\"10.", "\"src\":\"::10.");
        with(1, "\"src\":\"", "\"src\":\"x");
        with(1, "\"macs\":[\"", "\"macs\":[\"+");
        with(1, "\"packets\":", "\"packets\":-");
        with(1, "\"packets\":", "\"other\":1,\"packets\":");
        with(1, "\"records\":[[0,", "\"records\":[[2,");
        let same = [lines[0], lines[1], &lines[1].replacen(":1", ":2", 1)].join("\n");
        assert!(FlowTable::load(same.as_bytes()).is_err(), "a key twice");
        assert!(FlowTable::load(&b""[..]).is_err());
    }
}

//! The manifest: one row for each stream, as comma separated values or as JSON, one object a line.

use crate::capture::Nanos;
use crate::decode::IpProtocol;
use crate::flow::NetworkKey;
use crate::tcp::{Gap, StreamEnd};
use serde::{Serialize, Serializer};
use std::fmt;
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::Path;

/// What the manifest says of a stream. The columns have the fields' names and order, but for those
/// of the key, the times and the gaps, whose columns are named with them.
#[derive(Clone, Copy, Debug)]
pub struct StreamRow<'a> {
    /// The flow's number in the run, as in the flow list.
    pub flow_id: u64,
    /// From 1, in order, for connections on the same addresses and ports.
    pub connection: u32,
    /// Who sent the stream, and to whom: `protocol` (lower-case name, or number), `src_ip`,
    /// `src_port`, `dst_ip`, `dst_port`.
    pub network: NetworkKey,
    /// How many bytes of the stream were captured, each counted once.
    pub bytes: u64,
    /// Time of the stream's first packet; `first_ns`, nanoseconds since 1970 UTC.
    pub first: Nanos,
    /// Time of its last packet; `last_ns`, likewise.
    pub last: Nanos,
    /// How many segments carried bytes.
    pub segments: u64,
    /// How many bytes came again after they had been received.
    pub retransmitted_bytes: u64,
    /// How many segments came after one that stands behind them in the stream.
    pub out_of_order: u64,
    /// How many segments repeat bytes already received, plain retransmissions among them.
    pub overlaps: u64,
    /// How many of the overlaps had a byte that differed.
    pub conflicts: u64,
    /// What is missing, in order: `gaps` (how many), `gap_bytes` (how many bytes in all) and, as
    /// the last column, `gap_list`: `1460+2920 8000+1` (offset and length, in bytes) in CSV,
    /// `[[1460,2920],[8000,1]]` in JSON.
    pub gaps: &'a [Gap],
    /// Whether the capture starts within the stream; `true` or `false`.
    pub midstream: bool,
    /// How it ended: `fin`, `rst` or `open`.
    pub end: StreamEnd,
    /// The name of its file; empty where none was written.
    pub file: &'a str,
    /// How many bytes came after their gap had been given up.
    pub late_bytes: u64,
}

/// The format of a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManifestFormat {
    /// Comma separated values with a header (RFC 4180, lines end with a line feed).
    Csv,
    /// One JSON object a line.
    Json,
}

impl ManifestFormat {
    /// The format that a file's ending tells: `.csv`, or `.json`, `.jsonl`, `.ndjson`, in letters
    /// of any case.
    pub fn of(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_ascii_lowercase();
        match ending.to_str()? {
            "csv" => Some(Self::Csv),
            "json" | "jsonl" | "ndjson" => Some(Self::Json),
            _ => None,
        }
    }
}

/// Writes a manifest, row by row. What is written is complete after
/// [`ManifestWriter::finish`].
#[derive(Debug)]
pub struct ManifestWriter<W: Write>(Rows<W>);

#[derive(Debug)]
enum Rows<W: Write> {
    Csv(Box<csv::Writer<W>>),
    /// The bytes are those of a row, kept for the memory they have.
    Json(W, Vec<u8>),
}

impl<W: Write> ManifestWriter<W> {
    /// Starts a manifest; CSV gets its header.
    ///
    /// # Errors
    /// When writing fails.
    pub fn new(out: W, format: ManifestFormat) -> io::Result<Self> {
        Ok(Self(match format {
            ManifestFormat::Csv => {
                let mut rows = csv::WriterBuilder::new()
                    .has_headers(false)
                    .from_writer(out);
                rows.write_record(COLUMNS)?;
                Rows::Csv(Box::new(rows))
            }
            ManifestFormat::Json => Rows::Json(out, Vec::new()),
        }))
    }

    /// Writes a stream's row.
    ///
    /// # Errors
    /// When writing fails.
    pub fn row(&mut self, stream: &StreamRow<'_>) -> io::Result<()> {
        match &mut self.0 {
            Rows::Csv(rows) => Ok(rows.serialize(Columns::of(stream, GapText(stream.gaps)))?),
            Rows::Json(out, line) => {
                line.clear();
                serde_json::to_writer(&mut *line, &Columns::of(stream, GapPairs(stream.gaps)))?;
                line.push(b'\n');
                out.write_all(line)
            }
        }
    }

    /// Writes what is left, and gives back what was written to.
    ///
    /// # Errors
    /// When writing fails.
    pub fn finish(self) -> io::Result<W> {
        let mut out = match self.0 {
            Rows::Csv(rows) => rows.into_inner().map_err(|error| error.into_error())?,
            Rows::Json(out, _) => out,
        };
        out.flush()?;
        Ok(out)
    }
}

/// A row as it is written. The fields' order is that of the columns.
#[derive(Serialize)]
struct Columns<'a, G> {
    flow_id: u64,
    connection: u32,
    #[serde(serialize_with = "shown")]
    protocol: IpProtocol,
    src_ip: IpAddr,
    src_port: u16,
    dst_ip: IpAddr,
    dst_port: u16,
    bytes: u64,
    first_ns: i64,
    last_ns: i64,
    segments: u64,
    retransmitted_bytes: u64,
    out_of_order: u64,
    overlaps: u64,
    conflicts: u64,
    gaps: usize,
    gap_bytes: u64,
    midstream: bool,
    end: &'static str,
    file: &'a str,
    late_bytes: u64,
    gap_list: G,
}

impl<'a, G> Columns<'a, G> {
    fn of(stream: &StreamRow<'a>, gap_list: G) -> Self {
        let network = &stream.network;
        Self {
            flow_id: stream.flow_id,
            connection: stream.connection,
            protocol: IpProtocol(network.protocol),
            src_ip: network.src,
            src_port: network.src_port,
            dst_ip: network.dst,
            dst_port: network.dst_port,
            bytes: stream.bytes,
            first_ns: stream.first.0,
            last_ns: stream.last.0,
            segments: stream.segments,
            retransmitted_bytes: stream.retransmitted_bytes,
            out_of_order: stream.out_of_order,
            overlaps: stream.overlaps,
            conflicts: stream.conflicts,
            gaps: stream.gaps.len(),
            gap_bytes: stream
                .gaps
                .iter()
                .fold(0, |sum, gap| gap.len.saturating_add(sum)),
            midstream: stream.midstream,
            end: stream.end.name(),
            file: stream.file,
            late_bytes: stream.late_bytes,
            gap_list,
        }
    }
}

fn shown<S: Serializer>(name: &IpProtocol, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(name)
}

/// Gaps as CSV has them.
struct GapText<'a>(&'a [Gap]);

impl fmt::Display for GapText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, gap) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{}+{}", gap.offset, gap.len)?;
        }
        Ok(())
    }
}

impl Serialize for GapText<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Gaps as JSON has them.
struct GapPairs<'a>(&'a [Gap]);

impl Serialize for GapPairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|gap| (gap.offset, gap.len)))
    }
}

/// The header of CSV: the names of the fields of [`Columns`], which a test holds it to.
const COLUMNS: [&str; 22] = [
    "flow_id",
    "connection",
    "protocol",
    "src_ip",
    "src_port",
    "dst_ip",
    "dst_port",
    "bytes",
    "first_ns",
    "last_ns",
    "segments",
    "retransmitted_bytes",
    "out_of_order",
    "overlaps",
    "conflicts",
    "gaps",
    "gap_bytes",
    "midstream",
    "end",
    "file",
    "late_bytes",
    "gap_list",
];

#[cfg(test)]
mod tests {
    use super::*;

    const GAPS: [Gap; 2] = [
        Gap {
            offset: 1460,
            len: 2920,
        },
        Gap {
            offset: 8000,
            len: 1,
        },
    ];

    fn row<'a>(gaps: &'a [Gap], file: &'a str) -> StreamRow<'a> {
        StreamRow {
            flow_id: 3,
            connection: 2,
            network: NetworkKey {
                src: "10.0.0.1".parse().unwrap(),
                dst: "10.0.0.2".parse().unwrap(),
                protocol: 6,
                src_port: 80,
                dst_port: 50000,
            },
            bytes: 9000,
            first: Nanos(-1),
            last: Nanos(1_500_000_000_000_000_001),
            segments: 7,
            retransmitted_bytes: 100,
            out_of_order: 1,
            overlaps: 4,
            conflicts: 5,
            gaps,
            midstream: true,
            end: StreamEnd::Rst,
            file,
            late_bytes: 6,
        }
    }

    fn written(rows: &[StreamRow<'_>], format: ManifestFormat) -> String {
        let mut writer = ManifestWriter::new(Vec::new(), format).unwrap();
        for row in rows {
            writer.row(row).unwrap();
        }
        String::from_utf8(writer.finish().unwrap()).unwrap()
    }

    #[test]
    fn csv() {
        let mut ipv6 = row(&[], "a,\"b\"");
        ipv6.network.src = "2001:db8::1".parse().unwrap();
        ipv6.network.protocol = 253;
        ipv6.midstream = false;
        ipv6.end = StreamEnd::Open;
        assert_eq!(
            written(&[row(&GAPS, "x.tcp.2"), ipv6], ManifestFormat::Csv),
            "flow_id,connection,protocol,src_ip,src_port,dst_ip,dst_port,bytes,first_ns,last_ns,\
             segments,retransmitted_bytes,out_of_order,overlaps,conflicts,gaps,gap_bytes,midstream,\
             end,file,late_bytes,gap_list\n\
             3,2,tcp,10.0.0.1,80,10.0.0.2,50000,9000,-1,1500000000000000001,7,100,1,4,5,2,2921,\
             true,rst,x.tcp.2,6,1460+2920 8000+1\n\
             3,2,253,2001:db8::1,80,10.0.0.2,50000,9000,-1,1500000000000000001,7,100,1,4,5,0,0,\
             false,open,\"a,\"\"b\"\"\",6,\n"
        );
    }

    #[test]
    fn json() {
        assert_eq!(
            written(&[row(&GAPS, "x.tcp.2"), row(&[], "")], ManifestFormat::Json)
                .lines()
                .collect::<Vec<_>>(),
            [
                r#"{"flow_id":3,"connection":2,"protocol":"tcp","src_ip":"10.0.0.1","src_port":80,"dst_ip":"10.0.0.2","dst_port":50000,"bytes":9000,"first_ns":-1,"last_ns":1500000000000000001,"segments":7,"retransmitted_bytes":100,"out_of_order":1,"overlaps":4,"conflicts":5,"gaps":2,"gap_bytes":2921,"midstream":true,"end":"rst","file":"x.tcp.2","late_bytes":6,"gap_list":[[1460,2920],[8000,1]]}"#,
                r#"{"flow_id":3,"connection":2,"protocol":"tcp","src_ip":"10.0.0.1","src_port":80,"dst_ip":"10.0.0.2","dst_port":50000,"bytes":9000,"first_ns":-1,"last_ns":1500000000000000001,"segments":7,"retransmitted_bytes":100,"out_of_order":1,"overlaps":4,"conflicts":5,"gaps":0,"gap_bytes":0,"midstream":true,"end":"rst","file":"","late_bytes":6,"gap_list":[]}"#,
            ]
        );
    }

    #[test]
    fn both_formats_have_the_same_columns() {
        let line = written(&[row(&GAPS, "x")], ManifestFormat::Json);
        let places: Vec<usize> = COLUMNS
            .iter()
            .map(|name| line.find(&format!("\"{name}\":")).unwrap())
            .collect();
        assert!(places.is_sorted());
        let object: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&line).unwrap();
        assert_eq!(object.len(), COLUMNS.len());
    }

    #[test]
    fn a_manifest_of_nothing_still_has_its_header() {
        let header = COLUMNS.join(",") + "\n";
        assert_eq!(written(&[], ManifestFormat::Csv), header);
        assert_eq!(written(&[], ManifestFormat::Json), "");
    }

    #[test]
    fn endings_tell_the_format() {
        for (path, expected) in [
            ("streams.csv", Some(ManifestFormat::Csv)),
            ("a.b/streams.CSV", Some(ManifestFormat::Csv)),
            ("streams.json", Some(ManifestFormat::Json)),
            ("streams.Jsonl", Some(ManifestFormat::Json)),
            ("streams.csv.ndjson", Some(ManifestFormat::Json)),
            ("streams.txt", None),
            ("streams", None),
            (".csv", None),
        ] {
            assert_eq!(ManifestFormat::of(Path::new(path)), expected, "{path}");
        }
    }

    #[test]
    fn ends_have_names() {
        let ends = [StreamEnd::Fin, StreamEnd::Rst, StreamEnd::Open];
        assert_eq!(ends.map(StreamEnd::name), ["fin", "rst", "open"]);
    }

    #[test]
    fn what_the_system_says_is_passed_on() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        for format in [ManifestFormat::Csv, ManifestFormat::Json] {
            let outcome = ManifestWriter::new(Full, format).and_then(|mut writer| {
                writer.row(&row(&GAPS, "x"))?;
                writer.finish()
            });
            assert_eq!(outcome.err().unwrap().kind(), io::ErrorKind::StorageFull);
        }
    }
}

//! Options of the sessions job.

use super::hint::PortHint;
use super::record::Kind;
use crate::app::recognize::Protocol;
use crate::engine::Config;
use crate::select::condition::Condition;
use std::path::PathBuf;

/// A request for records.
#[derive(Clone, Debug)]
pub struct SessionsJob {
    /// Settings for reading captures.
    pub config: Config,
    /// Protocols to parse.
    pub services: Services,
    /// A condition on columns that records must meet.
    pub condition: Option<Condition>,
    /// Ports on which protocols are expected.
    pub hints: Vec<PortHint>,
    /// A file with the key of hashed secrets, instead of a random key.
    pub secrets_key: Option<PathBuf>,
    /// Treatment of secrets.
    pub secrecy: Secrecy,
    /// Treatment of the bodies of HTTP messages.
    pub bodies: Bodies,
    /// Longest part of a body to show, in bytes.
    pub body_limit: usize,
    /// Whether to hash bodies.
    pub hash: bool,
    /// Format of records.
    pub format: RecordFormat,
    /// Destination of records. Except in JSON, records of several types need a directory.
    pub target: Target,
    /// A directory of decoded HTTP bodies, named by their SHA-256.
    pub files: Option<PathBuf>,
    /// Databases of locations.
    pub geo: Vec<PathBuf>,
    /// Output file of run statistics.
    pub stats: Option<PathBuf>,
}

impl SessionsJob {
    /// Window size for this job: payload is parsed while its window is in memory.
    pub const WINDOW_LEN: usize = 16 * 1024 * 1024;
}

/// Destinations of records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// Standard output.
    #[default]
    Stdout,
    /// A file.
    File(PathBuf),
    /// A directory, with a file per record type.
    Folder(PathBuf),
}

/// Formats of records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecordFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// Comma separated values with a header (RFC 4180), of one type of record.
    Csv,
    /// A Parquet file, of one type of record.
    Parquet,
}

impl RecordFormat {
    /// How names of files end.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Json => "jsonl",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }

    /// Whether records of all types may be in one output.
    pub const fn mixes_types(self) -> bool {
        matches!(self, Self::Json)
    }
}

/// Treatment of passwords and other secrets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Secrecy {
    /// Leave them out.
    #[default]
    Hide,
    /// Replace them by a keyed hash, which is the same for equal secrets.
    Hash,
    /// Show them.
    Show,
}

/// Treatment of the bodies of HTTP messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bodies {
    /// Leave them out.
    None,
    /// Show text bodies.
    #[default]
    Text,
    /// Show them in base64.
    Base64,
}

/// Protocols to parse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Services {
    records: Vec<Kind>,
    protocols: Option<Vec<Protocol>>,
    /// QUIC Initial packets.
    pub(super) quic: bool,
    /// DNS over UDP.
    pub(super) dns: bool,
}

impl Default for Services {
    fn default() -> Self {
        Self {
            records: Kind::ALL.to_vec(),
            protocols: None,
            quic: true,
            dns: true,
        }
    }
}

impl Services {
    /// Selects protocols by record types or protocol names: `dns`, `login`, `mysql`.
    ///
    /// # Errors
    /// Returns the unknown name.
    pub fn named<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Self, String> {
        let mut records = Vec::new();
        let mut protocols = Vec::new();
        for name in names {
            let kind = Kind::ALL.into_iter().find(|it| it.name() == name);
            let service = SERVICES.iter().find(|it| it.0 == name);
            match (kind, service) {
                (Some(kind), _) => {
                    records.push(kind);
                    protocols.extend(protocols_of(kind));
                }
                (None, Some((_, protocol))) => {
                    records.push(Kind::Login);
                    protocols.push(*protocol);
                }
                (None, None) => return Err(name.to_owned()),
            }
        }
        Ok(Self {
            quic: records.contains(&Kind::Tls),
            dns: records.contains(&Kind::Dns),
            records,
            protocols: Some(protocols),
        })
    }

    /// The type of all records, if there is only one.
    pub(super) fn only_type(&self) -> Option<Kind> {
        let (first, others) = self.records.split_first()?;
        others.iter().all(|it| it == first).then_some(*first)
    }

    /// Whether all records are of one type.
    pub fn has_one_type(&self) -> bool {
        self.only_type().is_some()
    }

    /// Whether connections of a protocol are parsed.
    pub(super) fn reads(&self, protocol: Protocol) -> bool {
        let wanted = self.protocols.as_ref();
        wanted.is_none_or(|it| it.contains(&protocol))
    }

    /// Whether records of a type are written.
    pub(super) fn writes(&self, kind: Kind) -> bool {
        self.records.contains(&kind)
    }

    /// Whether any UDP protocol is parsed.
    pub(super) const fn reads_datagrams(&self) -> bool {
        self.quic || self.dns
    }
}

/// The protocols with records of a type.
fn protocols_of(kind: Kind) -> Vec<Protocol> {
    match kind {
        Kind::Http => vec![Protocol::Http],
        Kind::Dns => vec![Protocol::Dns],
        // Including TLS after STARTTLS.
        Kind::Tls => vec![
            Protocol::Tls,
            Protocol::Smtp,
            Protocol::Ftp,
            Protocol::Pop3,
            Protocol::Imap,
            Protocol::Pgsql,
            Protocol::Mysql,
            Protocol::Rdp,
            Protocol::Http,
        ],
        Kind::Ssh => vec![Protocol::Ssh],
        Kind::Rdp => vec![Protocol::Rdp],
        Kind::Smtp => vec![Protocol::Smtp],
        Kind::Ftp => vec![Protocol::Ftp],
        Kind::Login => SERVICES.iter().map(|it| it.1).collect(),
    }
}

/// Services with logins.
const SERVICES: [(&str, Protocol); 9] = [
    ("mysql", Protocol::Mysql),
    ("pgsql", Protocol::Pgsql),
    ("redis", Protocol::Redis),
    ("mongodb", Protocol::Mongodb),
    ("pop3", Protocol::Pop3),
    ("imap", Protocol::Imap),
    ("http", Protocol::Http),
    ("smtp", Protocol::Smtp),
    ("ftp", Protocol::Ftp),
];

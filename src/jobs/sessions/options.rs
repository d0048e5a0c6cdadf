//! What is to be reported, and how.

use super::record::Kind;
use crate::app::recognize::Protocol;
use crate::engine::Config;
use crate::select::condition::Condition;
use std::path::PathBuf;

/// Which records are written, and where.
#[derive(Clone, Debug)]
pub struct SessionsJob {
    /// How captures are read.
    pub config: Config,
    /// Which protocols are read.
    pub services: Services,
    /// Only records that meet this condition on columns of records.
    pub condition: Option<Condition>,
    /// What becomes of secrets.
    pub secrecy: Secrecy,
    /// What becomes of the bodies of HTTP messages.
    pub bodies: Bodies,
    /// The most bytes of a body that are shown.
    pub body_limit: usize,
    /// Whether bodies are hashed.
    pub hash: bool,
    /// Where records go.
    pub target: Target,
    /// Where statistics of the run go.
    pub stats: Option<PathBuf>,
}

impl SessionsJob {
    /// Bytes of a file to be worked on at a time: payload is read while these are in memory.
    pub const WINDOW_LEN: usize = 16 * 1024 * 1024;
}

/// Where records go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// To standard output.
    #[default]
    Stdout,
    /// To a file.
    File(PathBuf),
    /// To a file for each type of record, in a directory.
    Folder(PathBuf),
}

/// What becomes of passwords and other secrets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Secrecy {
    /// They are left out.
    #[default]
    Hide,
    /// They become a keyed hash, by which equal ones can be found.
    Hash,
    /// They are shown.
    Show,
}

/// What becomes of the bodies of HTTP messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bodies {
    /// They are left out.
    None,
    /// Those that are text are shown.
    #[default]
    Text,
    /// They are shown in base64.
    Base64,
}

/// The protocols that are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Services {
    records: Vec<Kind>,
    protocols: Option<Vec<Protocol>>,
    /// QUIC's Initial packets.
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
    /// Those of types of records, or of protocols: `dns`, `login`, `mysql`.
    ///
    /// # Errors
    /// The name that is none of these.
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

    /// Whether connections of a protocol are read.
    pub(super) fn reads(&self, protocol: Protocol) -> bool {
        let wanted = self.protocols.as_ref();
        wanted.is_none_or(|it| it.contains(&protocol))
    }

    /// Whether records of a type are written.
    pub(super) fn writes(&self, kind: Kind) -> bool {
        self.records.contains(&kind)
    }

    /// Whether anything of UDP is read.
    pub(super) const fn reads_datagrams(&self) -> bool {
        self.quic || self.dns
    }
}

/// The protocols that records of a type come from.
fn protocols_of(kind: Kind) -> Vec<Protocol> {
    match kind {
        Kind::Http => vec![Protocol::Http],
        Kind::Dns => vec![Protocol::Dns],
        // After STARTTLS, too.
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

//! Ports of tunnels over UDP that the user names.

use super::udp;
use crate::decode::tunnels::TunnelKind;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A UDP port, and the tunnel whose packets come from it or go to it: `udp/8473=vxlan`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TunnelPort {
    /// The port.
    pub port: u16,
    kind: TunnelKind,
}

impl TunnelPort {
    /// `None` if this tunnel is none over UDP.
    pub fn new(port: u16, kind: TunnelKind) -> Option<Self> {
        let is_known = udp::kinds().any(|known| known == kind);
        is_known.then_some(Self { port, kind })
    }

    /// The tunnel.
    pub const fn kind(self) -> TunnelKind {
        self.kind
    }

    /// The tunnels that a port can be named for.
    pub fn kinds() -> impl Iterator<Item = TunnelKind> {
        udp::kinds()
    }
}

/// Why a text is no [`TunnelPort`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TunnelPortError {
    /// It has another form.
    #[error("{0:?} is not of the form udp/PORT=TUNNEL, as udp/8473=vxlan")]
    Form(String),
    /// The port is none.
    #[error("{0:?} is no port: these are numbers from 1 to 65535")]
    Port(String),
    /// No tunnel has this name.
    #[error("{0:?} is no tunnel over UDP; there are {list}", list = names())]
    Name(String),
}

impl FromStr for TunnelPort {
    type Err = TunnelPortError;

    fn from_str(text: &str) -> Result<Self, TunnelPortError> {
        let parts = text
            .strip_prefix("udp/")
            .and_then(|text| text.split_once('='));
        let (number, name) = parts.ok_or_else(|| TunnelPortError::Form(text.to_owned()))?;
        let port = match number.parse() {
            Ok(port) if port != 0 && number.bytes().all(|it| it.is_ascii_digit()) => port,
            _ => return Err(TunnelPortError::Port(number.to_owned())),
        };
        let kind = match name {
            // What others call it.
            "gtpu" | "gtp-u" => Some(TunnelKind::Gtp),
            name => udp::kinds().find(|kind| kind.name() == name),
        };
        match kind {
            Some(kind) => Ok(Self { port, kind }),
            None => Err(TunnelPortError::Name(name.to_owned())),
        }
    }
}

fn names() -> String {
    let names: Vec<&str> = udp::kinds().map(TunnelKind::name).collect();
    names.join(", ")
}

/// `udp/8473=vxlan`
impl fmt::Display for TunnelPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "udp/{}={}", self.port, self.kind.name())
    }
}

impl From<TunnelPort> for String {
    fn from(port: TunnelPort) -> Self {
        port.to_string()
    }
}

impl TryFrom<String> for TunnelPort {
    type Error = TunnelPortError;

    fn try_from(text: String) -> Result<Self, TunnelPortError> {
        text.parse()
    }
}

/// Named ports. Of two for the same port the later one counts; a named port is no other tunnel's
/// any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TunnelPorts(Option<Arc<[TunnelPort]>>);

impl TunnelPorts {
    /// No port but the usual ones.
    pub const NONE: Self = Self(None);

    /// The named ports, by number.
    pub fn ports(&self) -> &[TunnelPort] {
        self.0.as_deref().unwrap_or_default()
    }

    /// Whether a port is named.
    #[inline]
    pub(super) fn has(&self, port: u16) -> bool {
        self.0.is_some() && self.kind_of(port).is_some()
    }

    pub(super) fn kind_of(&self, port: u16) -> Option<TunnelKind> {
        let ports = self.ports();
        let index = ports.binary_search_by_key(&port, |it| it.port).ok()?;
        ports.get(index).map(|it| it.kind)
    }
}

impl FromIterator<TunnelPort> for TunnelPorts {
    fn from_iter<I: IntoIterator<Item = TunnelPort>>(ports: I) -> Self {
        let mut ports: Vec<TunnelPort> = ports.into_iter().collect();
        // The sort is stable: of the same port, the last one given comes first.
        ports.reverse();
        ports.sort_by_key(|it| it.port);
        ports.dedup_by_key(|it| it.port);
        Self((!ports.is_empty()).then(|| ports.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_they_are_shown() {
        for kind in TunnelPort::kinds() {
            let port = TunnelPort::new(8473, kind).unwrap();
            assert_eq!(port.to_string().parse(), Ok(port));
        }
        assert_eq!(TunnelPort::new(1, TunnelKind::Ipip), None);
        let aliases = ["udp/1=gtp", "udp/1=gtpu", "udp/1=gtp-u"].map(str::parse::<TunnelPort>);
        assert!(aliases.iter().all(|it| it == &aliases[0] && it.is_ok()));
    }

    #[test]
    fn what_is_no_named_port() {
        let error = |text: &str| text.parse::<TunnelPort>().unwrap_err().to_string();
        for text in [
            "",
            "8473=vxlan",
            "tcp/8473=vxlan",
            "udp/8473",
            "udp:1=vxlan",
        ] {
            assert!(error(text).contains("udp/PORT=TUNNEL"), "{text}");
        }
        for text in ["udp/0=vxlan", "udp/65536=vxlan", "udp/+1=vxlan", "udp/=gtp"] {
            assert!(error(text).contains("1 to 65535"), "{text}");
        }
        assert_eq!(
            error("udp/8473=vxlam"),
            "\"vxlam\" is no tunnel over UDP; there are vxlan, vxlan-gpe, geneve, gtp, teredo, \
             l2tp, mpls, gre, gue, lisp, tzsp, peekremote, capwap, ayiya, amt, jmirror, mip, ip"
        );
    }

    #[test]
    fn the_last_name_counts() {
        let ports = ["udp/9=vxlan", "udp/5=gre", "udp/9=geneve"];
        let ports: TunnelPorts = ports.iter().map(|it| it.parse().unwrap()).collect();
        assert_eq!(ports.kind_of(9), Some(TunnelKind::Geneve));
        assert_eq!(ports.kind_of(5), Some(TunnelKind::Gre));
        assert_eq!(ports.kind_of(4789), None);
        assert_eq!(ports.ports().len(), 2);
        assert_eq!(TunnelPorts::from_iter([]), TunnelPorts::NONE);
    }
}

//! Ports on which a protocol is expected.

use super::protocols::PROTOCOLS;
use crate::app::recognize::Protocol;
use crate::decode::protocol::{TCP, UDP};
use std::fmt;
use std::str::FromStr;

/// A port on which a protocol is parsed even if the first bytes do not show it: `tcp/3307=mysql`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortHint {
    /// The IP protocol number.
    pub(super) transport: u8,
    pub(super) port: u16,
    pub(super) protocol: Protocol,
}

/// Invalid syntax of a hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortHintError(String);

impl fmt::Display for PortHintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PortHintError {}

impl FromStr for PortHint {
    type Err = PortHintError;

    fn from_str(text: &str) -> Result<Self, PortHintError> {
        let invalid = || PortHintError("use tcp/PORT=PROTOCOL, or udp/PORT=dns".to_owned());
        let (place, name) = text.split_once('=').ok_or_else(invalid)?;
        let (transport, port) = place.split_once('/').ok_or_else(invalid)?;
        let port = port.parse().ok().ok_or_else(invalid)?;
        let known = PROTOCOLS.iter().find(|it| it.0 == name);
        let Some(&(_, protocol)) = known else {
            let names: Vec<&str> = PROTOCOLS.iter().map(|it| it.0).collect();
            let names = names.join(", ");
            return Err(PortHintError(format!("{name:?} is none of {names}")));
        };
        let transport = match transport {
            "tcp" => TCP,
            "udp" if protocol == Protocol::Dns => UDP,
            _ => return Err(invalid()),
        };
        Ok(Self {
            transport,
            port,
            protocol,
        })
    }
}

impl PortHint {
    /// The protocol expected by the first hint for these ports, and the side whose port it is.
    pub(super) fn find(
        hints: &[Self],
        transport: u8,
        ports: [u16; 2],
    ) -> Option<(Protocol, usize)> {
        hints.iter().find_map(|hint| {
            let server = ports.iter().position(|port| *port == hint.port)?;
            (hint.transport == transport).then_some((hint.protocol, server))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{PortHint, Protocol, TCP, UDP};

    #[test]
    fn hints() {
        let hint: PortHint = "tcp/3307=mysql".parse().unwrap();
        let expected = Some((Protocol::Mysql, 1));
        assert_eq!(PortHint::find(&[hint], TCP, [50_000, 3307]), expected);
        assert_eq!(PortHint::find(&[hint], UDP, [50_000, 3307]), None);
        assert_eq!(PortHint::find(&[hint], TCP, [50_000, 3306]), None);
        assert!("udp/5300=dns".parse::<PortHint>().is_ok());
        for wrong in [
            "3307=mysql",
            "tcp/x=mysql",
            "tcp/1=nothing",
            "udp/1=http",
            "tcp/1",
        ] {
            assert!(wrong.parse::<PortHint>().is_err(), "{wrong}");
        }
    }
}

//! RDP records.

use crate::capture::ByteOrder;
use std::net::Ipv4Addr;

/// An RDP connection request and its confirmation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rdp {
    /// The cookie, as sent: `mstshash=eltons`.
    pub cookie: Option<Vec<u8>>,
    /// The routing token, by which a load balancer finds the server: `msts=…`.
    pub token: Option<Vec<u8>>,
    /// The requested security protocols, as bits.
    pub protocols: Option<u32>,
    /// The selected security protocol.
    pub selected: Option<u32>,
    /// The failure code.
    pub failure: Option<u32>,
}

impl Rdp {
    /// The user name, possibly truncated, from the cookie.
    pub fn user(&self) -> Option<&[u8]> {
        self.cookie.as_deref()?.strip_prefix(b"mstshash=")
    }

    /// The server encoded in the routing token: `10.0.0.1:3389`.
    pub fn routing(&self) -> Option<String> {
        let token = self.token.as_deref()?.strip_prefix(b"msts=")?;
        let text = std::str::from_utf8(token).ok()?;
        let mut parts = text.split('.');
        let (address, port) = (parts.next()?.parse::<u32>(), parts.next()?.parse::<u16>());
        let address = Ipv4Addr::from(address.ok()?.swap_bytes());
        Some(format!("{address}:{}", port.ok()?.swap_bytes()))
    }

    pub(super) fn request(data: &[u8]) -> Self {
        let mut rdp = Self::default();
        let mut rest = data;
        if rest.starts_with(b"Cookie: ")
            && let Some(end) = rest.windows(2).position(|it| it == b"\r\n")
        {
            let (line, behind) = rest.split_at(end);
            let value = line.get(8..).unwrap_or_default().to_vec();
            if value.starts_with(b"msts=") {
                rdp.token = Some(value);
            } else {
                rdp.cookie = Some(value);
            }
            rest = behind.get(2..).unwrap_or_default();
        }
        if rest.first() == Some(&1) {
            rdp.protocols = ByteOrder::Little.u32(rest, 4);
        }
        rdp
    }

    pub(super) fn answer(&mut self, data: &[u8]) {
        match data.first() {
            Some(2) => self.selected = ByteOrder::Little.u32(data, 4),
            Some(3) => self.failure = ByteOrder::Little.u32(data, 4),
            _ => {}
        }
    }
}

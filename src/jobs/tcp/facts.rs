//! Values of a connection's row, measured or read from a file.

use super::columns::columns;
use crate::output::rows::Row;
use crate::select::condition::Cell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::LazyLock;

/// Values of a row, by column name.
pub(super) struct Facts<'r, R>(pub(super) &'r R);

impl<'r, R: Row> Facts<'r, R> {
    /// A time, a duration or a number.
    pub(super) fn signed(&self, place: Place) -> Option<i64> {
        match self.0.cell(place.ordinal()) {
            Cell::Signed(value) => Some(value),
            Cell::Unsigned(value) => i64::try_from(value).ok(),
            _ => None,
        }
    }

    /// A number, or 0 if there is none.
    pub(super) fn number(&self, place: Place) -> u64 {
        let value = self.signed(place).unwrap_or(0);
        u64::try_from(value).unwrap_or(0)
    }

    pub(super) fn text(&self, place: Place) -> Option<&'r str> {
        match self.0.cell(place.ordinal()) {
            Cell::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn address(&self, place: Place) -> IpAddr {
        match self.0.cell(place.ordinal()) {
            Cell::Address(address) => address,
            _ => Ipv4Addr::UNSPECIFIED.into(),
        }
    }

    /// Endpoints of the client and the server.
    pub(super) fn ends(&self) -> [SocketAddr; 2] {
        let end = |address, port| {
            let port = u16::try_from(self.number(port)).unwrap_or(0);
            SocketAddr::new(self.address(address), port)
        };
        [
            end(Place::ClientIp, Place::ClientPort),
            end(Place::ServerIp, Place::ServerPort),
        ]
    }
}

macro_rules! places {
    ($($place:ident $name:literal)*) => {
        /// Columns used by views.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Place {
            $($place),*
        }

        impl Place {
            pub(super) const ALL: &[Self] = &[$(Self::$place),*];

            pub(super) const fn name(self) -> &'static str {
                match self {
                    $(Self::$place => $name),*
                }
            }
        }
    };
}

places! {
    Id "connection_id"
    ClientIp "client_ip"
    ClientPort "client_port"
    ServerIp "server_ip"
    ServerPort "server_port"
    First "first_ns"
    Last "last_ns"
    Syn "syn_ns"
    SynPacket "syn_packet"
    SynAck "synack_ns"
    SynAckPacket "synack_packet"
    SynAckDelay "synack_delay_ns"
    Ack "ack_ns"
    State "state"
    ClosedBy "closed_by"
    Close "close_ns"
    ClosePacket "close_packet"
    End "end_ns"
    ResetBy "reset_by"
    Reset "reset_ns"
    ResetPacket "reset_packet"
    ClientPayload "client_payload_bytes"
    ServerPayload "server_payload_bytes"
    ClientRetransmissions "client_retransmissions"
    ServerRetransmissions "server_retransmissions"
    ClientZeroWindow "client_zero_window_ns"
    ServerZeroWindow "server_zero_window_ns"
    ClientRtt "client_rtt_min_ns"
    ServerRtt "server_rtt_min_ns"
}

impl Place {
    pub(super) fn ordinal(self) -> usize {
        ORDINALS.get(self as usize).copied().unwrap_or(usize::MAX)
    }
}

static ORDINALS: LazyLock<Vec<usize>> = LazyLock::new(|| {
    let ordinal = |place: &Place| columns().iter().position(|it| it.name == place.name());
    let ordinals = Place::ALL
        .iter()
        .map(|it| ordinal(it).unwrap_or(usize::MAX));
    ordinals.collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_is_a_column() {
        for place in Place::ALL {
            let column = columns().get(place.ordinal());
            assert_eq!(column.map(|it| it.name), Some(place.name()));
        }
    }
}

//! A connection, and where it belongs.

use super::beside::Sent;
use crate::flow::NetworkKey;
use crate::select::condition::Cell;
use crate::tcp::measure::{Connection, Report, Side, Sides};
use std::cell::OnceCell;
use std::net::IpAddr;

/// A connection, and where it belongs.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) connection: Box<Connection>,
    /// Endpoints, seen from the sender of the first packet.
    pub(super) network: NetworkKey,
    /// FlowIDs of the first side and of the second one; 0 for none.
    pub(super) flows: Sides<u64>,
    /// Among the connections of its endpoints, from 1.
    pub(super) number: u32,
    /// Payload segments, if they are compared with those of another capture.
    pub(super) sent: Vec<(Side, Sent)>,
}

impl Entry {
    pub(super) fn new(connection: Box<Connection>) -> Self {
        Self {
            connection,
            network: NetworkKey::default(),
            flows: Sides::default(),
            number: 0,
            sent: Vec::new(),
        }
    }

    /// Notes where one side of it belongs, seen from that side.
    pub(super) fn join(&mut self, side: Side, flow: u64, number: u32, network: NetworkKey) {
        *self.flows.get_mut(side) = flow;
        self.number = number;
        self.network = match side {
            Side::First => network,
            Side::Second => network.reversed(),
        };
    }

    /// The endpoints of the client and of the server.
    pub(super) fn ends(&self) -> [(IpAddr, u16); 2] {
        let network = &self.network;
        let first = (network.src, network.src_port);
        let second = (network.dst, network.dst_port);
        match self.connection.client() {
            Side::First => [first, second],
            Side::Second => [second, first],
        }
    }
}

/// A connection as a row.
#[derive(Debug)]
pub(super) struct ConnectionRow<'a> {
    pub(super) id: u64,
    pub(super) entry: &'a Entry,
    /// Made when a column needs it.
    report: OnceCell<Report>,
    pub(super) open: Open,
}

impl<'a> ConnectionRow<'a> {
    pub(super) const fn new(id: u64, entry: &'a Entry, open: Open) -> Self {
        Self {
            id,
            entry,
            report: OnceCell::new(),
            open,
        }
    }

    pub(super) fn report(&self) -> &Report {
        self.report.get_or_init(|| self.entry.connection.report())
    }
}

/// Other connections that were open when one ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Open {
    /// The connection has ended: the rest is known.
    pub(super) is_known: bool,
    /// Those of the same client with other servers.
    pub(super) others: u32,
    /// Those of them that sent nothing later.
    pub(super) others_idle: u32,
    /// Those between the same addresses.
    pub(super) pair: u32,
    /// Those with the same server.
    pub(super) server: u32,
}

impl Open {
    /// A value, by its column among the columns of `Open`.
    pub(super) fn cell(&self, figure: usize) -> Cell<'static> {
        let figures = [self.others, self.others_idle, self.pair, self.server];
        let figure = figures.get(figure).filter(|_| self.is_known);
        figure.map_or(Cell::Null, |it| Cell::Unsigned((*it).into()))
    }
}

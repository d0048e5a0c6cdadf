//! Packets that are left out of connections, as their checksum is wrong, where handlers require that.

use super::handler::Handler;
use super::track::{Route, Tracker};
use crate::decode::{Checksum, ChecksumCounts, checksum, is_on_its_way};
use crate::flow::{Contents, NetworkKey};

impl<H: Handler> Tracker<H> {
    /// Whether a packet takes part, where packets with a wrong checksum do not; counts it.
    #[cold]
    pub(super) fn admits(&mut self, to: Route, contents: &Contents<'_>) -> bool {
        let Some(pair) = self.pairs.get(to.pair) else {
            return true;
        };
        let network = pair.network(to.side == 1);
        let Some(checksum) = of_packet(contents, &network) else {
            return true;
        };
        let flow = to.flow as usize;
        if self.checksums.len() <= flow {
            self.checksums.resize(flow + 1, ChecksumCounts::default());
        }
        if let Some(counts) = self.checksums.get_mut(flow) {
            counts.count(checksum);
        }
        checksum != Checksum::Wrong
    }
}

/// What a packet's checksum says; `None` for fragments that complete no datagram.
fn of_packet(contents: &Contents<'_>, network: &NetworkKey) -> Option<Checksum> {
    let transport = contents.transport.as_ref()?;
    if transport.missing > 0 {
        return Some(Checksum::Unchecked);
    }
    let NetworkKey {
        src, dst, protocol, ..
    } = *network;
    let found = checksum(src, dst, protocol, transport.bytes);
    let is_certain = || {
        let before = transport
            .start
            .and_then(|it| it.checked_sub(contents.data_start));
        let headers = before.and_then(|len| contents.data.get(..len as usize));
        let is_on_its_way = headers.is_some_and(|it| is_on_its_way(it, src, dst));
        !transport.has_open_end && !is_on_its_way
    };
    match found {
        Checksum::Wrong if !is_certain() => Some(Checksum::Unchecked),
        found => Some(found),
    }
}

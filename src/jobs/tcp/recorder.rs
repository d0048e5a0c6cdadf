//! Packets of the connections of a shard.

use super::packets::Listed;

/// Packets of the connections of a shard.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    /// By the connection's place; `None` where they are not requested.
    packets: Vec<Option<Vec<Listed>>>,
    /// Connections before this one started in earlier windows.
    pub(super) first_new: usize,
    /// All connections that were requested have started.
    pub(super) has_all: bool,
}

impl Recorder {
    /// A connection starts.
    pub(super) fn start(&mut self) {
        let is_wanted = !self.has_all;
        self.packets.push(is_wanted.then(Vec::new));
    }

    /// A packet of a connection.
    #[inline]
    pub(super) fn add(&mut self, place: usize, listed: impl FnOnce() -> Listed) {
        if let Some(Some(packets)) = self.packets.get_mut(place) {
            packets.push(listed());
        }
    }

    /// The packets of a connection.
    pub(super) fn take(&mut self, place: usize) -> Vec<Listed> {
        let packets = self.packets.get_mut(place).and_then(Option::take);
        packets.unwrap_or_default()
    }
}

//! One thing for each side of a connection.

use super::attempts::TLS_HANDSHAKE;
use super::messages::Messages;
use super::parser::Side;

/// One thing for each side of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BySide<T> {
    pub(super) client: T,
    pub(super) server: T,
}

impl<T> BySide<T> {
    pub(super) const fn get(&self, side: Side) -> &T {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    pub(super) const fn get_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }
}

impl BySide<Messages> {
    /// Whether TLS begins with the next bytes of a side, if it was requested.
    pub(super) fn is_tls(&self, side: Side, bytes: &[u8]) -> bool {
        self.get(side).is_at_start() && bytes.first() == Some(&TLS_HANDSHAKE)
    }
}

//! From a direction that is put together to the handler.

use super::bytes::PayloadSpan;
use super::checksums::ChecksumRule;
use super::direction::DirectionInfo;
use super::handler::{Answer, Handler, Side};
use super::place::{Current, WindowPlace};
use super::table::PairTable;
use crate::decode::{Checksum, NetworkKey};
use crate::error::Error;
use crate::tcp::{Better, Piece, Sink};

/// What a handler sees of a direction besides its states.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around<'a> {
    pub(super) number: u32,
    pub(super) pairs: &'a PairTable,
    pub(super) window: &'a WindowPlace,
}

impl<'a> Around<'a> {
    #[inline]
    pub(super) fn of<S>(
        self,
        info: &'a DirectionInfo,
        state: &'a mut S,
        peer: Option<&'a mut S>,
        current: Current<'a>,
    ) -> Side<'a, S> {
        Side {
            number: self.number,
            info,
            state,
            peer,
            source: self.window.source(current.window),
            pairs: self.pairs,
            packet: current.at,
        }
    }
}

/// Hands a direction's bytes to the handler while it is put together.
#[derive(Debug)]
pub(super) struct Delivery<'a, H: Handler> {
    pub(super) handler: &'a mut H,
    pub(super) info: &'a DirectionInfo,
    pub(super) state: &'a mut H::State,
    pub(super) peer: Option<&'a mut H::State>,
    pub(super) around: Around<'a>,
    /// Offset of what comes next.
    pub(super) offset: u64,
    pub(super) current: Current<'a>,
    pub(super) answer: Answer,
    /// For what goes wrong when pieces are compared.
    pub(super) error: &'a mut Option<Error>,
}

impl<H: Handler> Delivery<'_, H> {
    pub(super) fn side(&mut self) -> (&mut H, Side<'_, H::State>) {
        let peer = self.peer.as_deref_mut();
        let side = self
            .around
            .of(self.info, &mut *self.state, peer, self.current);
        (&mut *self.handler, side)
    }

    /// What a span's checksum says.
    #[cold]
    fn checksum(&mut self, span: &PayloadSpan, network: &NetworkKey) -> Checksum {
        let source = self.around.window.source(self.current.window);
        match span.checksum(network, &source) {
            Ok(checksum) => {
                let (handler, side) = self.side();
                handler.checked(side, checksum);
                checksum
            }
            Err(error) => {
                self.error.get_or_insert(error);
                Checksum::Unchecked
            }
        }
    }

    /// Whether the handler is to see what comes.
    fn is_open(&self) -> bool {
        self.answer == Answer::Continue && self.info.is_followed()
    }
}

impl<H: Handler> Sink<PayloadSpan> for Delivery<'_, H> {
    #[inline]
    fn deliver(&mut self, span: PayloadSpan) {
        let (offset, len) = (self.offset, span.len());
        self.offset += u64::from(len);
        if !self.is_open() {
            return;
        }
        let time = self.current.time;
        let (handler, side) = self.side();
        let answer = if span.is_lost() {
            handler.gap(side, offset, len, time)
        } else {
            handler.data(side, offset, span)
        };
        self.answer = self.answer.max(answer);
    }

    fn repeated(&mut self, offset: u64, span: PayloadSpan) {
        if self.is_open() {
            let (handler, side) = self.side();
            handler.repeated(side, offset, span);
        }
    }

    fn better(&mut self, new: &PayloadSpan, old: &PayloadSpan) -> Option<Better> {
        if !self.is_open() || self.handler.checksums() != ChecksumRule::Prefer {
            return None;
        }
        let pair = self.around.pairs.get(self.info.pair)?;
        let network = pair.network(self.info.is_reverse());
        let [new, old] = [new, old].map(|span| self.checksum(span, &network));
        Better::by_checksums(new, old)
    }

    fn differ(&mut self, a: &PayloadSpan, b: &PayloadSpan) -> bool {
        if !self.is_open() || !self.handler.compares() {
            return false;
        }
        let source = self.around.window.source(self.current.window);
        let mut scratch = (Vec::new(), Vec::new());
        let a = a.read(0, a.len(), &source, &mut scratch.0);
        let b = b.read(0, b.len(), &source, &mut scratch.1);
        match (a, b) {
            (Ok(a), Ok(b)) => a != b,
            (Err(error), _) | (_, Err(error)) => {
                self.error.get_or_insert(error);
                false
            }
        }
    }
}

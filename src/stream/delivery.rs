//! From a direction that is put together to the handler.

use super::bytes::{PayloadSpan, SpanSource};
use super::direction::DirectionInfo;
use super::handler::{Answer, Handler, Side};
use super::place::Current;
use super::table::PairTable;
use crate::error::Error;
use crate::tcp::{Piece, Sink};

/// Hands a direction's bytes to the handler while it is put together.
#[derive(Debug)]
pub(super) struct Delivery<'a, H: Handler> {
    pub(super) handler: &'a mut H,
    pub(super) info: &'a DirectionInfo,
    pub(super) state: &'a mut H::State,
    pub(super) peer: Option<&'a mut H::State>,
    pub(super) number: u32,
    /// Offset of what comes next.
    pub(super) offset: u64,
    pub(super) source: SpanSource<'a>,
    pub(super) pairs: &'a PairTable,
    pub(super) current: Current<'a>,
    pub(super) answer: Answer,
    /// For what goes wrong when pieces are compared.
    pub(super) error: &'a mut Option<Error>,
}

impl<H: Handler> Delivery<'_, H> {
    pub(super) fn side(&mut self) -> (&mut H, Side<'_, H::State>) {
        let side = Side {
            number: self.number,
            info: self.info,
            state: &mut *self.state,
            peer: self.peer.as_deref_mut(),
            source: self.source,
            pairs: self.pairs,
            packet: self.current.at,
        };
        (&mut *self.handler, side)
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

    fn differ(&mut self, a: &PayloadSpan, b: &PayloadSpan) -> bool {
        if !self.is_open() || !self.handler.compares() {
            return false;
        }
        let mut scratch = (Vec::new(), Vec::new());
        let a = a.read(0, a.len(), &self.source, &mut scratch.0);
        let b = b.read(0, b.len(), &self.source, &mut scratch.1);
        match (a, b) {
            (Ok(a), Ok(b)) => a != b,
            (Err(error), _) | (_, Err(error)) => {
                self.error.get_or_insert(error);
                false
            }
        }
    }
}

//! Pairing of requests and responses.

use super::login::Logins;
use super::record::{Body, Headers, Http, Request, Response};
use crate::app::found::{Content, Found, Moment, Note, Notes, Span};
use crate::app::parser::Side;
use std::collections::VecDeque;

/// Unreported requests and responses of a connection, in the order of the requests.
#[derive(Debug, Default)]
pub(super) struct Exchanges {
    all: VecDeque<Exchange>,
    /// Number of exchanges, from the first on, whose request, or whose response, is complete.
    requested: usize,
    answered: usize,
    /// Requests reported before their response came.
    owed: u64,
    depth: u64,
    /// Bytes held in the queue.
    held: usize,
    logins: Logins,
}

#[derive(Debug, Default)]
pub(super) struct Exchange {
    pub(super) content: Http,
    pub(super) notes: Notes,
    span: Option<Span>,
    held: usize,
}

impl Exchange {
    /// Extends the packets of the exchange.
    pub(super) fn extend(&mut self, first: Moment, last: Moment) {
        let span = self.span.get_or_insert(Span { first, last });
        span.first = span.first.min(first);
        span.last = span.last.max(last);
    }

    pub(super) fn note(&mut self, notes: Notes) {
        for note in notes.iter() {
            self.notes.add(note);
        }
    }
}

impl Exchanges {
    const fn place(&self, side: Side) -> usize {
        match side {
            Side::Client => self.requested,
            Side::Server => self.answered,
        }
    }

    /// The exchange to which the side's current message belongs.
    pub(super) fn current(&mut self, side: Side) -> Option<&mut Exchange> {
        let place = self.place(side);
        self.all.get_mut(place)
    }

    /// The side's current message, read-only.
    pub(super) fn seen(&self, side: Side) -> Option<&Http> {
        self.all.get(self.place(side)).map(|it| &it.content)
    }

    /// The exchange to which the side's next message belongs; it may be new.
    fn next(&mut self, side: Side) -> Option<&mut Exchange> {
        if self.all.len() <= self.place(side) {
            self.depth += 1;
            let mut exchange = Exchange::default();
            exchange.content.depth = self.depth;
            self.all.push_back(exchange);
        }
        self.current(side)
    }

    /// Begins a request. If too many requests wait for a response, the oldest is reported.
    pub(super) fn request(
        &mut self,
        request: Request,
        found: &mut Vec<Found>,
    ) -> Option<&mut Exchange> {
        let is_full = self.all.len() >= MOST_WAITING || self.held > MOST_HELD;
        if is_full && self.answered == 0 && self.requested > 0 {
            if let Some(exchange) = self.all.front_mut() {
                exchange.notes.add(Note::Limit);
            }
            self.owed += 1;
            self.requested -= 1;
            self.report_first(found);
        }
        let held = size(&request.headers) + request.uri.len();
        self.held += held;
        let exchange = self.next(Side::Client)?;
        exchange.held += held;
        exchange.content.request = Some(request);
        Some(exchange)
    }

    /// Begins a response, which may be the first one after a loss.
    pub(super) fn respond(
        &mut self,
        is_resynced: bool,
        found: &mut Vec<Found>,
    ) -> Option<&mut Exchange> {
        while is_resynced && self.all.len() > self.answered + 1 {
            if let Some(exchange) = self.current(Side::Server) {
                exchange.notes.add(Note::Gap);
            }
            self.answered += 1;
            self.requested = self.requested.max(self.answered);
            self.report(found);
        }
        self.next(Side::Server)
    }

    /// Sets the body of the side's current message.
    pub(super) fn settle(&mut self, side: Side, body: Body, notes: Notes) {
        let held = body.kept.len();
        let Some(exchange) = self.current(side) else {
            return;
        };
        exchange.note(notes);
        exchange.held += held;
        let content = &mut exchange.content;
        match (side, &mut content.request, &mut content.response) {
            (Side::Client, Some(Request { body: own, .. }), _)
            | (Side::Server, _, Some(Response { body: own, .. })) => *own = body,
            _ => {}
        }
        self.held += held;
    }

    /// Completes the side's current message. `waits` says whether a response without a request is
    /// held until the request comes.
    pub(super) fn complete(&mut self, side: Side, waits: bool, found: &mut Vec<Found>) {
        match side {
            Side::Client => self.requested += 1,
            Side::Server => {
                self.answered += 1;
                let first = self.all.get(self.requested);
                let is_missing = first.is_some_and(|it| it.content.request.is_none());
                let is_full =
                    self.answered > self.requested + MOST_UNASKED || self.held > MOST_HELD;
                if self.answered > self.requested
                    && is_missing
                    && (!waits || is_full || self.owed > 0)
                {
                    self.owed = self.owed.saturating_sub(1);
                    self.requested += 1;
                }
            }
        }
        self.report(found);
    }

    /// Reports complete exchanges.
    fn report(&mut self, found: &mut Vec<Found>) {
        while self.requested > 0 && self.answered > 0 {
            self.requested -= 1;
            self.answered -= 1;
            self.report_first(found);
        }
    }

    /// Reports the first exchange, complete or not.
    fn report_first(&mut self, found: &mut Vec<Found>) {
        let Some(mut exchange) = self.all.pop_front() else {
            return;
        };
        self.held = self.held.saturating_sub(exchange.held);
        match (&exchange.content.request, &exchange.content.response) {
            (None, None) => return,
            (None, _) => exchange.notes.add(Note::NoRequest),
            (_, None) => exchange.notes.add(Note::NoResponse),
            _ => {}
        }
        let (span, notes) = (exchange.span.unwrap_or_default(), exchange.notes);
        let logins = self.logins.of(&exchange.content);
        found.push(Found {
            span,
            notes,
            content: Content::Http(Box::new(exchange.content)),
        });
        found.extend(logins.into_iter().map(|login| Found {
            span,
            notes,
            content: Content::Login(Box::new(login)),
        }));
    }

    /// Reports everything, complete or not, at the end of the connection.
    pub(super) fn end(&mut self, found: &mut Vec<Found>) {
        while !self.all.is_empty() {
            self.report_first(found);
        }
        (self.requested, self.answered) = (0, 0);
    }
}

fn size(headers: &Headers) -> usize {
    let sizes = headers
        .0
        .iter()
        .map(|(name, value)| name.len() + value.len());
    sizes.sum()
}

/// Requests waiting for a response.
const MOST_WAITING: usize = 1000;
/// Responses waiting for their request.
const MOST_UNASKED: usize = 16;
/// Bytes held of either.
const MOST_HELD: usize = 256 * 1024;

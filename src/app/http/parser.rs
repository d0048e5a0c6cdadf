//! Parser that pairs the requests and responses of a connection.

use super::body::{BodyReader, Framing, Progress};
use super::exchanges::Exchanges;
use super::half::{Half, Head, State};
use super::head;
use super::options::HttpOptions;
use super::record::{Body, Request, Response};
use crate::app::found::{Found, Moment, Note, Notes};
use crate::app::parser::{Next, Parser, Side};

/// HTTP/1 parser.
///
/// The k-th final response answers the k-th request. After an unknown loss, a side is read again
/// from the next segment that begins with a message. Of the requests sent before it, all but the
/// last count as answered by the lost bytes.
#[derive(Debug)]
pub struct HttpParser {
    options: HttpOptions,
    client: Half,
    server: Half,
    exchanges: Exchanges,
    /// The connection began before the capture: a response without a request answers one that was
    /// not captured.
    starts_midstream: bool,
}

/// Protocol after an HTTP message, if not HTTP.
#[derive(Clone, Copy)]
enum Follows {
    /// Nothing that is read.
    Nothing,
    /// A protocol yet to be recognized.
    Unknown,
}

/// Next step for the remaining bytes.
enum Step {
    /// Continue after this many bytes.
    Used(usize),
    /// Hand them to another protocol.
    Recognize,
    Stop,
}

impl HttpParser {
    /// Creates the parser of a connection. `starts_midstream` says that it began before the
    /// capture.
    pub fn new(options: HttpOptions, starts_midstream: bool) -> Self {
        Self {
            options,
            client: Half::new(Side::Client),
            server: Half::new(Side::Server),
            exchanges: Exchanges::default(),
            starts_midstream,
        }
    }

    const fn half(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    fn step(&mut self, side: Side, bytes: &[u8], at: Moment, found: &mut Vec<Found>) -> Step {
        let half = self.half(side);
        match &mut half.state {
            State::Head => match half.head(bytes, at) {
                Head::Part(used) => Step::Used(used),
                Head::Whole(used, head) => {
                    let began = half.began;
                    self.begin(side, &head, began, at, found);
                    Step::Used(used)
                }
                Head::Foreign | Head::TooLong => {
                    half.state = State::Lost;
                    Step::Used(bytes.len())
                }
            },
            State::Body(reader) => {
                let (used, progress) = reader.read(bytes);
                self.touch(side, at);
                self.progressed(side, progress, at, found);
                Step::Used(used)
            }
            State::Perhaps(_) => Step::Used(self.decide(side, bytes, at, found)),
            State::Lost => Step::Used(bytes.len()),
            State::Waiting => {
                half.hold(bytes, at);
                Step::Used(bytes.len())
            }
            State::Over => Step::Stop,
            State::Switched => Step::Recognize,
        }
    }

    /// After the head of a response whose request is unknown: decides between a body and another
    /// head.
    fn decide(&mut self, side: Side, bytes: &[u8], at: Moment, found: &mut Vec<Found>) -> usize {
        let half = self.half(side);
        let (used, is_head) = half.peek(bytes, at);
        let Some(is_head) = is_head else { return used };
        let held = half.take_pending();
        let State::Perhaps(reader) = std::mem::take(&mut half.state) else {
            return used;
        };
        let began = half.began;
        if is_head {
            self.complete(side, began, found);
        } else {
            half.state = State::Body(reader);
        }
        self.feed(side, &held, began, found);
        used
    }

    fn feed(&mut self, side: Side, bytes: &[u8], at: Moment, found: &mut Vec<Found>) -> Next {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.step(side, rest, at, found) {
                Step::Used(used) => rest = rest.get(used..).unwrap_or_default(),
                Step::Stop => return Next::Stop,
                Step::Recognize if rest.len() == bytes.len() => return Next::Recognize,
                Step::Recognize => return Next::RecognizeAfter(bytes.len() - rest.len()),
            }
        }
        Next::Continue
    }

    /// Handles a complete head.
    fn begin(
        &mut self,
        side: Side,
        head: &[u8],
        began: Moment,
        at: Moment,
        found: &mut Vec<Found>,
    ) {
        let is_resynced = std::mem::take(&mut self.half(side).is_resynced);
        let mut notes = Notes::default();
        if is_resynced {
            notes.add(Note::Resync);
        }
        let parsed = match side {
            Side::Client => head::request(head)
                .map(|(it, is_right)| (self.request(it, began, at, found), is_right)),
            Side::Server => head::response(head)
                .map(|(it, is_right)| (self.response(it, is_resynced, began, at, found), is_right)),
        };
        let Some((reader, is_right)) = parsed else {
            self.half(side).state = State::Lost;
            return;
        };
        if !is_right {
            notes.add(Note::Malformed);
        }
        if let Some(exchange) = self.exchanges.current(side) {
            exchange.note(notes);
        }
        match reader {
            Some(state) => self.half(side).state = state,
            None => self.complete(side, at, found),
        }
    }

    /// Begins a request, and sets the side's next state.
    fn request(
        &mut self,
        request: Request,
        began: Moment,
        at: Moment,
        found: &mut Vec<Found>,
    ) -> Option<State> {
        let mut notes = Notes::default();
        let framing = Framing::of(&request.headers, false, &mut notes);
        let reader = BodyReader::new(&request.headers, framing, &self.options);
        let exchange = self.exchanges.request(request, found)?;
        exchange.extend(began, at);
        exchange.note(notes);
        (framing != Framing::Length(0)).then(|| State::Body(Box::new(reader)))
    }

    /// Begins a response, and sets the side's next state.
    fn response(
        &mut self,
        response: Response,
        is_resynced: bool,
        began: Moment,
        at: Moment,
        found: &mut Vec<Found>,
    ) -> Option<State> {
        let mut notes = Notes::default();
        let framing = Framing::of(&response.headers, true, &mut notes);
        let exchange = self.exchanges.respond(is_resynced, found)?;
        exchange.extend(began, at);
        exchange.note(notes);
        let method = exchange.content.request.as_ref();
        let method = method.map(|it| it.method.clone());
        let status = response.status;
        if (100..200).contains(&status) && status != SWITCHING {
            if exchange.content.info_status.len() < MOST_INFO {
                exchange.content.info_status.push(status);
            }
            return Some(State::Head);
        }
        let is_tunnel = method.as_deref() == Some(b"CONNECT") && (200..300).contains(&status);
        let reader = Box::new(BodyReader::new(&response.headers, framing, &self.options));
        exchange.content.response = Some(response);
        if is_tunnel || status == SWITCHING {
            return None;
        }
        let has_none = matches!(status, 204 | 304) || method.as_deref() == Some(b"HEAD");
        match framing {
            _ if has_none => None,
            Framing::Length(0) => None,
            _ if method.is_none() => Some(State::Perhaps(reader)),
            _ => Some(State::Body(reader)),
        }
    }

    fn touch(&mut self, side: Side, at: Moment) {
        if let Some(exchange) = self.exchanges.current(side) {
            exchange.extend(at, at);
        }
    }

    fn progressed(&mut self, side: Side, progress: Progress, at: Moment, found: &mut Vec<Found>) {
        match progress {
            Progress::More => {}
            Progress::Done => self.complete(side, at, found),
            Progress::Broken => {
                self.complete(side, at, found);
                self.half(side).state = State::Lost;
            }
        }
    }

    /// Stores the body read so far in the side's message.
    fn settle(&mut self, side: Side, note: Option<Note>) {
        let state = std::mem::take(&mut self.half(side).state);
        let reader = match state {
            State::Body(reader) | State::Perhaps(reader) => Some(reader),
            _ => None,
        };
        let mut notes = note.map_or_else(Notes::default, |it| Notes::default().with(it));
        let body = reader.map_or_else(Body::default, |it| it.finish(&mut notes));
        self.exchanges.settle(side, body, notes);
    }

    /// Completes the side's message.
    fn complete(&mut self, side: Side, at: Moment, found: &mut Vec<Found>) {
        self.settle(side, None);
        self.count(side, at, found);
    }

    /// Counts the side's finished message.
    fn count(&mut self, side: Side, at: Moment, found: &mut Vec<Found>) {
        let follows = match side {
            Side::Client => self.await_tunnel(),
            Side::Server => self.follows(),
        };
        let waits = !self.starts_midstream
            && !self.client.is_closed
            && !matches!(self.client.state, State::Lost);
        self.exchanges.complete(side, waits, found);
        if side == Side::Server {
            self.resolve_tunnel(follows, at, found);
        }
    }

    /// After CONNECT, the client's next bytes depend on the response.
    fn await_tunnel(&mut self) -> Option<Follows> {
        let exchange = self.exchanges.seen(Side::Client);
        let request = exchange.and_then(|it| it.request.as_ref());
        if request.is_some_and(|it| it.method == b"CONNECT") {
            self.client.state = State::Waiting;
        }
        None
    }

    /// The protocol after a complete response, if it is not HTTP.
    fn follows(&self) -> Option<Follows> {
        let content = self.exchanges.seen(Side::Server)?;
        let response = content.response.as_ref()?;
        let method = content.request.as_ref().map(|it| it.method.as_slice());
        let mut upgrades = response.headers.items("upgrade");
        match response.status {
            SWITCHING if upgrades.any(|it| it.eq_ignore_ascii_case(b"websocket")) => {
                Some(Follows::Nothing)
            }
            SWITCHING => Some(Follows::Unknown),
            200..300 if method == Some(b"CONNECT") => Some(Follows::Unknown),
            _ => None,
        }
    }

    fn resolve_tunnel(&mut self, follows: Option<Follows>, at: Moment, found: &mut Vec<Found>) {
        if let Some(follows) = follows {
            for half in [&mut self.client, &mut self.server] {
                half.state = match follows {
                    Follows::Nothing => State::Over,
                    Follows::Unknown => State::Switched,
                };
            }
        } else if matches!(self.client.state, State::Waiting) {
            self.client.state = State::Head;
            let held = self.client.take_pending();
            self.feed(Side::Client, &held, at, found);
        }
    }

    /// Stops reading a side until it resynchronizes. A message in progress ends with a note.
    fn lose(&mut self, side: Side, note: Note, found: &mut Vec<Found>) {
        self.half(side).take_pending();
        if matches!(self.half(side).state, State::Body(_) | State::Perhaps(_)) {
            self.settle(side, Some(note));
            let at = self.half(side).began;
            self.count(side, at, found);
        }
        self.half(side).state = State::Lost;
        self.half(side).is_resynced = true;
    }
}

impl Parser for HttpParser {
    fn data(&mut self, side: Side, bytes: &[u8], at: Moment, found: &mut Vec<Found>) -> Next {
        let half = self.half(side);
        if matches!(half.state, State::Lost) && half.starts_message(bytes) != Some(false) {
            half.state = State::Head;
            half.is_resynced = true;
        }
        self.feed(side, bytes, at, found)
    }

    fn gap(&mut self, side: Side, missing: u64, at: Moment, found: &mut Vec<Found>) -> Next {
        let half = self.half(side);
        let progress = match &mut half.state {
            State::Body(reader) | State::Perhaps(reader) => reader.skip_lost(missing),
            _ => None,
        };
        match progress {
            Some(progress) => {
                self.touch(side, at);
                self.progressed(side, progress, at, found);
            }
            None => self.lose(side, Note::Gap, found),
        }
        Next::Continue
    }

    fn skippable(&self, side: Side) -> u64 {
        let half = match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        };
        match &half.state {
            State::Body(reader) => reader.skippable(),
            _ => 0,
        }
    }

    fn skipped(&mut self, side: Side, len: u64, at: Moment, found: &mut Vec<Found>) -> Next {
        if let State::Body(reader) = &mut self.half(side).state {
            let progress = reader.skip(len);
            self.touch(side, at);
            self.progressed(side, progress, at, found);
        }
        Next::Continue
    }

    fn closed(&mut self, side: Side, at: Moment, found: &mut Vec<Found>) {
        self.half(side).is_closed = true;
        match &self.half(side).state {
            State::Body(reader) | State::Perhaps(reader) if reader.ends_with_connection() => {
                self.complete(side, at, found);
            }
            State::Body(_) | State::Perhaps(_) => {
                self.settle(side, Some(Note::Truncated));
                self.count(side, at, found);
            }
            _ => {}
        }
        if side == Side::Server || self.server.is_closed {
            self.end(found);
        }
    }

    fn end(&mut self, found: &mut Vec<Found>) {
        for side in [Side::Client, Side::Server] {
            if matches!(self.half(side).state, State::Body(_) | State::Perhaps(_)) {
                self.settle(side, Some(Note::Truncated));
                self.half(side).state = State::Lost;
            }
        }
        self.exchanges.end(found);
    }
}

const SWITCHING: u16 = 101;
const MOST_INFO: usize = 16;

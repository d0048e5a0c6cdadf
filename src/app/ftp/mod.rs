//! FTP (RFC 959): logins, and commands with a data connection.

mod endpoint;
#[cfg(test)]
mod tests;

use super::attempts::{TLS_HANDSHAKE, Verdict};
use super::found::{Content, Found, Moment, Note, Notes, Span};
use super::lines::{Lines, command};
use super::login::{Outcome, Service};
use super::parser::{Next, Parser, Side};
use super::replies::{Replies, Reply};
use super::transfer::{DataEndpoint, Transfer};
use super::user_pass::UserPass;
use std::collections::VecDeque;

/// Parser of an FTP control connection.
#[derive(Debug)]
pub struct Ftp {
    client: Lines,
    server: Replies,
    logins: UserPass,
    /// Commands without a final reply, in order.
    queue: VecDeque<Command>,
    /// Whether the server has sent anything.
    is_greeted: bool,
    /// The packet in which TLS was requested.
    tls: Option<Moment>,
    /// Endpoint of the next data connection.
    data: Option<DataEndpoint>,
}

/// A command, for matching replies.
#[derive(Debug)]
enum Command {
    /// USER, PASS or ACCT of a login.
    Login(u32),
    /// AUTH.
    Tls,
    /// PASV or EPSV, whose reply has the server's endpoint.
    Passive,
    /// PORT or EPRT.
    Active(Option<DataEndpoint>),
    Transfer(Box<Pending>),
    Other,
}

/// A command with a data connection.
#[derive(Debug)]
struct Pending {
    transfer: Transfer,
    span: Span,
    notes: Notes,
}

impl Ftp {
    /// Creates a parser of one control connection.
    pub fn new() -> Self {
        Self {
            client: Lines::default(),
            server: Replies::default(),
            logins: UserPass::new(Service::Ftp),
            queue: VecDeque::new(),
            is_greeted: false,
            tls: None,
            data: None,
        }
    }

    fn command(&mut self, line: &[u8], first: Moment, at: Moment, found: &mut Vec<Found>) {
        // Telnet signals may precede a command (ABOR).
        let start = line.iter().position(u8::is_ascii_alphabetic);
        let Some(line) = start.and_then(|start| line.get(start..)) else {
            return;
        };
        let (name, arg) = command(line);
        let expected = match name.as_str() {
            "USER" => Command::Login(self.logins.user(arg, first, found)),
            "PASS" => Command::Login(self.logins.password(arg, first, found)),
            "ACCT" => self.logins.more().map_or(Command::Other, Command::Login),
            "AUTH" => {
                self.tls = Some(first);
                Command::Tls
            }
            "PASV" | "EPSV" => Command::Passive,
            "PORT" => Command::Active(endpoint::port(arg)),
            "EPRT" => Command::Active(endpoint::extended_port(arg)),
            _ => self.transfer(&name, arg, first, at),
        };
        self.logins.seen(at);
        if self.queue.len() == QUEUE_LIMIT {
            self.realign(Note::Limit);
        }
        self.queue.push_back(expected);
    }

    fn transfer(&self, name: &str, arg: &[u8], first: Moment, at: Moment) -> Command {
        let Some(command) = TRANSFERS.into_iter().find(|it| *it == name) else {
            return Command::Other;
        };
        let transfer = Transfer {
            user: self.logins.name().map(<[u8]>::to_vec),
            command,
            arg: (!arg.is_empty()).then(|| arg.to_vec()),
            code: None,
            message: None,
            data: None,
        };
        Command::Transfer(Box::new(Pending {
            transfer,
            span: Span { first, last: at },
            notes: Notes::none(),
        }))
    }

    fn reply(&mut self, reply: Reply, at: Moment, found: &mut Vec<Found>) {
        let is_greeting = !std::mem::replace(&mut self.is_greeted, true);
        if is_greeting && [120, 220, 421].contains(&reply.code) {
            self.is_greeted = reply.code != 120;
            return;
        }
        self.logins.seen(at);
        // Preliminary: another reply follows.
        if reply.code < 200 {
            if let Some(Command::Transfer(pending)) = self.queue.front_mut() {
                pending.transfer.data = pending.transfer.data.or_else(|| self.data.take());
            }
            return;
        }
        match self.queue.pop_front() {
            None => {
                let is_of_login = [230, 232, 530].contains(&reply.code);
                if let Some(verdict) = verdict(reply).filter(|_| is_of_login) {
                    self.logins.unmatched(verdict, at, found);
                }
            }
            Some(Command::Login(id)) => {
                self.logins.reply(id, verdict(reply), at, found);
            }
            Some(Command::Tls) if reply.code >= 400 => self.tls = None,
            Some(Command::Passive) => {
                self.data = endpoint::passive(reply.code, &reply.text).or(self.data);
            }
            Some(Command::Active(data)) if reply.code < 400 => self.data = data,
            Some(Command::Transfer(pending)) => self.transferred(*pending, reply, at, found),
            Some(Command::Tls | Command::Active(_) | Command::Other) => {}
        }
    }

    fn transferred(
        &mut self,
        mut pending: Pending,
        reply: Reply,
        at: Moment,
        found: &mut Vec<Found>,
    ) {
        let transfer = &mut pending.transfer;
        transfer.data = transfer.data.or_else(|| self.data.take());
        transfer.code = Some(reply.code.to_string());
        transfer.message = Some(reply.text);
        pending.span.last = at;
        pending.report(found);
    }

    /// Resets the queue when it is unknown which reply answers which command.
    fn realign(&mut self, note: Note) {
        self.queue.clear();
        self.logins.realign(note);
    }

    fn is_tls(&self, side: Side, bytes: &[u8]) -> bool {
        let is_at_start = match side {
            Side::Client => self.client.is_at_start(),
            Side::Server => self.server.is_at_start(),
        };
        self.tls.is_some() && is_at_start && bytes.first() == Some(&TLS_HANDSHAKE)
    }
}

/// Reply to USER, PASS or ACCT.
fn verdict(reply: Reply) -> Option<Verdict> {
    let outcome = match reply.code {
        // 202: superfluous, the user is logged in without the command.
        202 | 230 | 232 => Outcome::Success,
        400.. => Outcome::Failure,
        _ => return None,
    };
    Some(Verdict {
        outcome,
        code: Some(reply.code.to_string()),
        message: Some(reply.text),
    })
}

impl Default for Ftp {
    fn default() -> Self {
        Self::new()
    }
}

impl Pending {
    fn report(self, found: &mut Vec<Found>) {
        found.push(Found {
            span: self.span,
            notes: self.notes,
            content: Content::Transfer(Box::new(self.transfer)),
        });
    }
}

impl Parser for Ftp {
    fn data(&mut self, side: Side, bytes: &[u8], at: Moment, found: &mut Vec<Found>) -> Next {
        let mut rest = bytes;
        loop {
            if self.is_tls(side, rest) {
                self.logins.encrypted(self.tls.take(), at, found);
                self.end(found);
                return Next::RecognizeAfter(bytes.len() - rest.len());
            }
            match side {
                Side::Client => {
                    let Some(line) = self.client.next(&mut rest, at) else {
                        break;
                    };
                    self.command(&line.text, line.first, at, found);
                }
                Side::Server => {
                    let Some(reply) = self.server.next(&mut rest, at) else {
                        break;
                    };
                    self.reply(reply, at, found);
                }
            }
        }
        Next::Continue
    }

    fn gap(&mut self, side: Side, missing: u64, _: Moment, _: &mut Vec<Found>) -> Next {
        let is_lost = match side {
            Side::Client => self.client.gap(missing),
            Side::Server => self.server.gap(missing),
        };
        if is_lost {
            self.is_greeted = true;
            self.realign(Note::Gap);
        }
        Next::Continue
    }

    fn end(&mut self, found: &mut Vec<Found>) {
        for command in std::mem::take(&mut self.queue) {
            if let Command::Transfer(mut pending) = command {
                pending.notes.add(Note::NoResponse);
                pending.report(found);
            }
        }
        self.logins.end(found);
    }
}

/// Commands with a data connection (RFC 959; RFC 3659).
const TRANSFERS: [&str; 7] = ["RETR", "STOR", "STOU", "APPE", "LIST", "NLST", "MLSD"];

/// Unanswered commands remembered per connection.
const QUEUE_LIMIT: usize = 1000;

//! Conversations for parser tests.

use super::found::{Content, Found, Moment, Note};
use super::login::Login;
use super::mail::Mail;
use super::parser::{Next, Parser, Side};
use super::transfer::Transfer;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A conversation: the sides, and the bytes that they send.
pub(super) type Script<'a> = [(Side, &'a [u8])];

pub(super) const C: Side = Side::Client;
pub(super) const S: Side = Side::Server;

/// A parser's results for a conversation.
#[derive(Debug, PartialEq)]
pub(super) struct Heard {
    pub(super) found: Vec<Found>,
    /// The parser's last answer, and the number of the packet that led to it, from 1.
    pub(super) next: Next,
    pub(super) packet: u64,
}

/// Parses a conversation, and checks that records do not depend on how the messages are divided.
pub(super) fn hear<P: Parser + Default>(script: &Script<'_>) -> Heard {
    let whole = run::<P>(script.iter().map(|it| vec![*it]));
    for (index, (side, bytes)) in script.iter().enumerate() {
        for cut in 0..=bytes.len() {
            let (left, right) = bytes.split_at(cut);
            let divided = run::<P>(script.iter().enumerate().map(|(at, it)| {
                if at == index {
                    vec![(*side, left), (*side, right)]
                } else {
                    vec![*it]
                }
            }));
            assert_same(&whole, &divided, &format!("message {index} cut at {cut}"));
        }
    }
    let bytewise = script.iter().map(|(side, bytes)| {
        let bytes = bytes.chunks(1);
        bytes.map(|it| (*side, it)).collect()
    });
    assert_same(&whole, &run::<P>(bytewise), "byte by byte");
    whole
}

/// The number of consumed bytes may differ, because it counts from the start of a piece.
fn assert_same(whole: &Heard, divided: &Heard, how: &str) {
    assert_eq!(whole.found, divided.found, "{how}");
    assert_eq!(whole.packet, divided.packet, "{how}");
    let kind = std::mem::discriminant(&whole.next);
    assert_eq!(kind, std::mem::discriminant(&divided.next), "{how}");
}

/// The pieces of a message share a packet.
fn run<'a, P: Parser + Default>(messages: impl Iterator<Item = Vec<(Side, &'a [u8])>>) -> Heard {
    let mut parser = P::default();
    let mut found = Vec::new();
    let mut next = Next::Continue;
    let mut packet = 0;
    'all: for message in messages {
        packet += 1;
        for (side, bytes) in message {
            next = parser.data(side, bytes, moment(packet), &mut found);
            if next != Next::Continue {
                break 'all;
            }
        }
    }
    parser.end(&mut found);
    Heard {
        found,
        next,
        packet,
    }
}

pub(super) fn moment(packet: u64) -> Moment {
    Moment {
        packet,
        time: packet.cast_signed() * 1_000,
        ..Moment::default()
    }
}

impl Heard {
    pub(super) fn logins(&self) -> Vec<&Login> {
        let contents = self.found.iter().filter_map(|it| match &it.content {
            Content::Login(login) => Some(&**login),
            _ => None,
        });
        contents.collect()
    }

    pub(super) fn mails(&self) -> Vec<&Mail> {
        let contents = self.found.iter().filter_map(|it| match &it.content {
            Content::Mail(mail) => Some(&**mail),
            _ => None,
        });
        contents.collect()
    }

    pub(super) fn transfers(&self) -> Vec<&Transfer> {
        let contents = self.found.iter().filter_map(|it| match &it.content {
            Content::Transfer(transfer) => Some(&**transfer),
            _ => None,
        });
        contents.collect()
    }

    /// First and last packets of the records.
    pub(super) fn spans(&self) -> Vec<(u64, u64)> {
        let spans = self.found.iter().map(|it| it.span);
        spans.map(|it| (it.first.packet, it.last.packet)).collect()
    }

    pub(super) fn notes(&self) -> Vec<Vec<&'static str>> {
        let notes = self.found.iter().map(|it| it.notes);
        notes
            .map(|it| it.iter().map(Note::name).collect())
            .collect()
    }
}

pub(super) fn base64(bytes: &[u8]) -> Vec<u8> {
    let mut text = vec![0; bytes.len() * 2 + 4];
    let len = STANDARD.encode_slice(bytes, &mut text).unwrap();
    text.truncate(len);
    text
}

/// User, secret, mechanism, outcome and code on one line, with `-` for missing ones.
pub(super) fn line(login: &Login) -> String {
    let text = |bytes: Option<&[u8]>| match bytes {
        Some(bytes) => bytes.escape_ascii().to_string(),
        None => "-".to_owned(),
    };
    format!(
        "{} {} {} {} {}",
        text(login.user.as_deref()),
        text(login.secret.as_ref().map(|it| it.bytes())),
        login.mechanism.as_deref().unwrap_or("-"),
        login.outcome.name(),
        login.code.as_deref().unwrap_or("-"),
    )
}

/// The lines of all logins.
pub(super) fn lines(heard: &Heard) -> Vec<String> {
    heard.logins().into_iter().map(line).collect()
}

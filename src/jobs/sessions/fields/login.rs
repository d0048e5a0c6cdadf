//! The keys of logins, mails, and FTP transfers.

use super::{Shown, Value, Visit};
use crate::app::{DataEndpoint, Login, Mail, Secret, Transfer};
use crate::jobs::sessions::json::{Json, hex};
use std::borrow::Cow;

pub(super) fn login(login: &Login, shown: &Shown<'_>, visit: &mut Visit<'_>) {
    let span = shown.entry.found.span;
    let secrets = &shown.showing.secrets;
    visit("service", Value::Str(login.service.name()));
    let lasted = span.last.time.saturating_sub(span.first.time);
    visit("ts_duration", Value::Duration(lasted));
    visit("crack_result", Value::Signed(login.crack_result().into()));
    if secrets.shows() {
        visit("crack_detail", Value::Text(&detail(login)));
    }
    text("user", login.user.as_ref(), visit);
    text("domain", login.domain.as_ref(), visit);
    if let Some(secret) = &login.secret {
        let plain = plain(secret);
        if let Some(plain) = secrets.shown(&plain, shown.hidden) {
            visit("secret", Value::Text(&plain));
        }
        visit("secret_kind", Value::Str(secret.kind()));
        visit("secret_bytes", Value::Number(secret.bytes().len() as u64));
    } else {
        visit("secret_kind", Value::Str("none"));
    }
    if let Some(challenge) = &login.challenge {
        visit("challenge", Value::Str(&format!("hex:{}", hex(challenge))));
    }
    if let Some(mechanism) = &login.mechanism {
        visit("mechanism", Value::Str(mechanism));
    }
    text("database", login.database.as_ref(), visit);
    visit("outcome", Value::Str(login.outcome.name()));
    if let Some(code) = &login.code {
        visit("code", Value::Str(code));
    }
    text("message", login.message.as_ref(), visit);
    visit("attempt", Value::Number(login.attempt.into()));
}

/// A secret as text.
fn plain(secret: &Secret) -> Cow<'_, [u8]> {
    match secret {
        Secret::Digest(bytes) => Cow::Owned(format!("hex:{}", hex(bytes)).into_bytes()),
        Secret::Password(bytes) | Secret::Message(bytes) => Cow::Borrowed(bytes),
    }
}

/// User, secret and database, separated by NUL.
fn detail(login: &Login) -> Vec<u8> {
    let secret = login.secret.as_ref().map(plain);
    let parts = [
        login.user.as_deref().unwrap_or_default(),
        secret.as_deref().unwrap_or_default(),
        login.database.as_deref().unwrap_or_default(),
    ];
    let parts = match parts {
        [user, secret, []] => vec![user, secret],
        parts => parts.to_vec(),
    };
    parts.join(&b"\0"[..])
}

pub(super) fn mail(mail: &Mail, visit: &mut Visit<'_>) {
    text("helo", mail.helo.as_ref(), visit);
    text("from", mail.from.as_ref(), visit);
    if !mail.to.is_empty() {
        let list = |json: &mut Json| {
            json.list(|json| mail.to.iter().for_each(|it| json.text("to", it)));
        };
        visit("to", Value::Nested(&list));
    }
    text("subject", mail.subject.as_ref(), visit);
    text("message_id", mail.message_id.as_ref(), visit);
    text("date", mail.date.as_ref(), visit);
    if let Some(size) = mail.size {
        visit("size", Value::Number(size));
    }
    if let Some(code) = &mail.code {
        visit("code", Value::Str(code));
    }
    text("message", mail.message.as_ref(), visit);
}

pub(super) fn transfer(transfer: &Transfer, shown: &Shown<'_>, visit: &mut Visit<'_>) {
    text("user", transfer.user.as_ref(), visit);
    visit("command", Value::Str(transfer.command));
    text("arg", transfer.arg.as_ref(), visit);
    if let Some(code) = &transfer.code {
        visit("code", Value::Str(code));
    }
    text("message", transfer.message.as_ref(), visit);
    if let Some(data) = transfer.data {
        let write = |json: &mut Json| endpoint(data, shown, json);
        visit("data", Value::Nested(&write));
    }
}

/// The listening end. The other end's port is not known.
fn endpoint(data: DataEndpoint, shown: &Shown<'_>, json: &mut Json) {
    let network = &shown.entry.network;
    let (from, to) = if data.is_passive {
        (network.src, data.address.unwrap_or(network.dst))
    } else {
        (network.dst, data.address.unwrap_or(network.src))
    };
    json.object(|json| {
        json.key("src_ip");
        json.str(&from.to_string());
        json.key("dst_ip");
        json.str(&to.to_string());
        json.key("dst_port");
        json.number(data.port);
        json.key("passive");
        json.bool(data.is_passive);
    });
}

fn text(key: &'static str, value: Option<&Vec<u8>>, visit: &mut Visit<'_>) {
    if let Some(value) = value {
        visit(key, Value::Text(value));
    }
}

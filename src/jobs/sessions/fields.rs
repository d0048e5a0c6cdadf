//! Keys and values of records.

mod dns;
mod http;
mod login;
mod rdp;
mod ssh;
mod tls;

use super::json::Json;
use super::options::Bodies;
use super::record::{Entry, Kind};
use super::secrets::{Hidden, Secrets};
use crate::app::Content;
use crate::flow::community_id;
use crate::select::condition::Kind as ColumnKind;
use std::net::IpAddr;

/// The value of a key.
pub(super) enum Value<'a> {
    Number(u64),
    Signed(i64),
    /// Nanoseconds since 1970; shown as seconds.
    Time(i64),
    /// Nanoseconds; shown as seconds.
    Duration(i64),
    Bool(bool),
    Str(&'a str),
    /// Text from the network.
    Text(&'a [u8]),
    Address(IpAddr),
    /// An object or a list.
    Nested(&'a dyn Fn(&mut Json)),
}

/// A consumer of keys and values, in order.
pub(super) type Visit<'v> = dyn FnMut(&'static str, Value<'_>) + 'v;

/// Options for showing records.
#[derive(Debug)]
pub(super) struct Showing {
    pub(super) secrets: Secrets,
    pub(super) bodies: Bodies,
}

/// A record to show.
pub(super) struct Shown<'a> {
    pub(super) entry: &'a Entry,
    /// FlowIDs from the source to the destination and back; 0 if there is none.
    pub(super) ids: [u64; 2],
    pub(super) showing: &'a Showing,
    pub(super) hidden: &'a Hidden,
}

impl Shown<'_> {
    /// Visits all keys with their values.
    pub(super) fn fields(&self, visit: &mut Visit<'_>) {
        let entry = self.entry;
        let span = entry.found.span;
        visit("record", Value::Str(entry.kind().name()));
        if entry.kind() == Kind::Dns {
            visit("ts", Value::Time(span.last.time));
        } else {
            visit("ts_start", Value::Time(span.first.time));
            visit("ts_end", Value::Time(span.last.time));
        }
        let network = &entry.network;
        visit("src_ip", Value::Address(network.src));
        visit("src_port", Value::Number(network.src_port.into()));
        visit("dst_ip", Value::Address(network.dst));
        visit("dst_port", Value::Number(network.dst_port.into()));
        match &entry.found.content {
            Content::Http(it) => http::fields(it, self, visit),
            Content::Dns(it) => dns::fields(it, span.last.time, visit),
            Content::Tls(it) => tls::fields(it, entry, visit),
            Content::Ssh(it) => ssh::fields(it, visit),
            Content::Rdp(it) => rdp::fields(it, visit),
            Content::Login(it) => login::login(it, self, visit),
            Content::Mail(it) => login::mail(it, visit),
            Content::Transfer(it) => login::transfer(it, self, visit),
        }
        self.connection(visit);
    }

    fn connection(&self, visit: &mut Visit<'_>) {
        let entry = self.entry;
        let span = entry.found.span;
        let [flow, reverse] = self.ids;
        if flow > 0 {
            visit("flow_id", Value::Number(flow));
        }
        if reverse > 0 && reverse != flow {
            visit("reverse_flow_id", Value::Number(reverse));
        }
        if let Some(id) = community_id(&entry.network, 0) {
            visit("community_id", Value::Str(&id.to_string()));
        }
        visit("first_packet", Value::Number(span.first.packet));
        visit("last_packet", Value::Number(span.last.packet));
        visit("transport", Value::Str(entry.transport.name()));
        let notes = entry.found.notes;
        if !notes.is_empty() {
            let list = |json: &mut Json| {
                json.list(|json| notes.iter().for_each(|it| json.str(it.name())));
            };
            visit("notes", Value::Nested(&list));
        }
    }

    /// Appends the record as a line of JSON.
    pub(super) fn write(&self, json: &mut Json) {
        json.record(|json| {
            self.fields(&mut |name, value| {
                json.key(name);
                match value {
                    Value::Number(it) => json.number(it),
                    Value::Signed(it) => json.number(it),
                    Value::Time(it) | Value::Duration(it) => json.seconds(it),
                    Value::Bool(it) => json.bool(it),
                    Value::Str(it) => json.str(it),
                    Value::Text(it) => json.text(name, it),
                    Value::Address(it) => json.str(&it.to_string()),
                    Value::Nested(write) => write(json),
                }
            });
        });
    }
}

/// Scalar keys of all record types.
pub(super) static COLUMNS: [(&str, ColumnKind); 70] = {
    use ColumnKind::{Address, Bool, Duration, Number, Text, Time};
    [
        ("record", Text),
        ("ts_start", Time),
        ("ts_end", Time),
        ("ts", Time),
        ("src_ip", Address),
        ("src_port", Number),
        ("dst_ip", Address),
        ("dst_port", Number),
        ("flow_id", Number),
        ("reverse_flow_id", Number),
        ("community_id", Text),
        ("first_packet", Number),
        ("last_packet", Number),
        ("transport", Text),
        // http
        ("req_method", Text),
        ("req_uri", Text),
        ("req_version", Text),
        ("req_body", Text),
        ("resp_version", Text),
        ("resp_status", Text),
        ("resp_reason", Text),
        ("resp_body", Text),
        ("trans_depth", Number),
        ("req_body_bytes", Number),
        ("resp_body_bytes", Number),
        ("req_body_sha256", Text),
        ("resp_body_sha256", Text),
        ("resp_coding", Text),
        ("resp_mime", Text),
        ("upgrade", Text),
        ("host", Text),
        // dns
        ("kind", Text),
        ("rtt", Duration),
        ("query_packet", Number),
        // login
        ("service", Text),
        ("user", Text),
        ("secret", Text),
        ("secret_kind", Text),
        ("secret_bytes", Number),
        ("mechanism", Text),
        ("database", Text),
        ("outcome", Text),
        ("code", Text),
        ("message", Text),
        ("attempt", Number),
        ("crack_result", Number),
        // tls
        ("sni", Text),
        ("ja3", Text),
        ("ja4", Text),
        ("server_version", Text),
        ("cipher", Text),
        ("server_alpn", Text),
        ("ja3s", Text),
        ("resumed", Bool),
        ("hello_retry", Bool),
        ("subject", Text),
        ("issuer", Text),
        ("starttls", Text),
        // ssh and rdp
        ("client", Text),
        ("server", Text),
        ("hassh", Text),
        ("hassh_server", Text),
        ("cookie", Text),
        ("routing", Text),
        // smtp and ftp
        ("helo", Text),
        ("from", Text),
        ("subject_line", Text),
        ("message_id", Text),
        ("command", Text),
        ("arg", Text),
    ]
};

/// Columns available in conditions: the scalar keys of all record types.
pub fn record_columns() -> &'static [(&'static str, ColumnKind)] {
    &COLUMNS
}

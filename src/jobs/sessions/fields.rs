//! Keys and values of records.

mod dns;
mod http;
mod login;
mod rdp;
mod ssh;
mod tls;

use super::json::Json;
use super::options::{Bodies, RecordFormat};
use super::places::Places;
use super::record::{Entry, Kind};
use super::secrets::{Hidden, Secrets};
use crate::app::{Content, Note};
use crate::flow::{VlanStack, community_id};
use crate::jobs::geo::{Geo, Location};
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
    pub(super) format: RecordFormat,
    pub(super) places: Places,
    pub(super) geo: Option<Geo>,
}

/// A record to show.
pub(super) struct Shown<'a> {
    pub(super) entry: &'a Entry,
    /// FlowIDs from the source to the destination and back; 0 if there is none.
    pub(super) ids: [u64; 2],
    pub(super) vlans: VlanStack,
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
        let place = self.showing.places.of(span.first);
        if let Some(file) = place.file {
            visit("file", Value::Number(file));
        }
        if let Some(offset) = place.offset {
            visit("offset", Value::Number(offset));
        }
        visit("transport", Value::Str(entry.transport.name()));
        if !self.vlans.is_empty() {
            visit("vlan", Value::Str(&self.vlans.to_string()));
        }
        self.locations(visit);
        let mut notes = entry.found.notes;
        if let Content::Http(http) = &entry.found.content
            && http::has_part_of_a_body(http, self.showing.bodies)
        {
            notes.add(Note::BodyTruncated);
        }
        if !notes.is_empty() {
            let list = |json: &mut Json| {
                json.list(|json| notes.iter().for_each(|it| json.str(it.name())));
            };
            visit("notes", Value::Nested(&list));
        }
    }

    fn locations(&self, visit: &mut Visit<'_>) {
        let Some(geo) = &self.showing.geo else {
            return;
        };
        let network = &self.entry.network;
        for (key, address) in [("src_geo", network.src), ("dst_geo", network.dst)] {
            let location = geo.find(address);
            if location != Location::default() {
                visit(key, Value::Nested(&|json| write_location(&location, json)));
            }
        }
    }

    /// Appends the record as a line of JSON.
    pub(super) fn write_json(&self, json: &mut Json) {
        json.record(|json| {
            self.fields(&mut |name, value| {
                json.key(name);
                match value {
                    Value::Time(it) | Value::Duration(it) => json.seconds(it),
                    other => other.write(name, json),
                }
            });
        });
    }

    /// Appends the record as a line of JSON with the columns of a table.
    pub(super) fn write_columns(&self, json: &mut Json) {
        json.record(|json| {
            self.fields(&mut |name, value| match value {
                Value::Time(it) => {
                    json.key(&format!("{name}_ns"));
                    json.number(it);
                    json.key(name);
                    json.number(it.div_euclid(1000));
                }
                Value::Duration(it) => {
                    json.key(&format!("{name}_ns"));
                    json.number(it);
                }
                other => {
                    json.key(name);
                    other.write(name, json);
                }
            });
        });
    }
}

fn write_location(location: &Location, json: &mut Json) {
    json.object(|json| {
        let texts = [
            ("city", &location.city),
            ("region", &location.region),
            ("country", &location.country),
            ("country_code", &location.country_code),
        ];
        let text = |json: &mut Json, key, value: &Option<String>| {
            if let Some(value) = value {
                json.key(key);
                json.str(value);
            }
        };
        for (key, value) in texts {
            text(json, key, value);
        }
        if let Some(asn) = location.asn {
            json.key("asn");
            json.number(asn);
        }
        text(json, "organization", &location.organization);
    });
}

impl Value<'_> {
    /// Writes the value of a key.
    fn write(self, name: &str, json: &mut Json) {
        match self {
            Self::Number(it) => json.number(it),
            Self::Signed(it) | Self::Time(it) | Self::Duration(it) => json.number(it),
            Self::Bool(it) => json.bool(it),
            Self::Str(it) => json.str(it),
            Self::Text(it) => json.text(name, it),
            Self::Address(it) => json.str(&it.to_string()),
            Self::Nested(write) => write(json),
        }
    }
}

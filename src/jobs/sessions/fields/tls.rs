//! The keys of TLS handshakes.

use super::{Value, Visit};
use crate::app::tls::{Carrier, Certificate, ClientHello, ServerHello, Tls};
use crate::jobs::sessions::json::{Json, hex};
use crate::jobs::sessions::record::{Entry, Transport};

pub(super) fn fields(tls: &Tls, entry: &Entry, visit: &mut Visit<'_>) {
    if let Some(hello) = &tls.client {
        let carrier = match entry.transport {
            Transport::Quic => Carrier::Quic,
            _ => Carrier::Tcp,
        };
        client(hello, carrier, visit);
    }
    if let Some(hello) = &tls.server {
        server(hello, visit);
        visit("resumed", Value::Bool(tls.is_resumed()));
    }
    if tls.hello_retry {
        visit("hello_retry", Value::Bool(true));
    }
    if let Some(alert) = tls.alert {
        visit("alert", Value::Number(alert.into()));
    }
    if let Some(first) = tls.certificates.first() {
        let digests = |json: &mut Json| {
            json.list(|json| {
                for it in &tls.certificates {
                    json.str(&hex(&it.sha256));
                }
            });
        };
        visit("certs", Value::Nested(&digests));
        certificate(first, visit);
    }
    if let Some(service) = entry.within {
        visit("starttls", Value::Str(service));
    }
}

fn client(hello: &ClientHello, carrier: Carrier, visit: &mut Visit<'_>) {
    if let Some(name) = &hello.server_name {
        visit("sni", Value::Text(name));
    }
    if !hello.alpn.is_empty() {
        let list = |json: &mut Json| {
            json.list(|json| hello.alpn.iter().for_each(|it| json.text("alpn", it)));
        };
        visit("alpn", Value::Nested(&list));
    }
    let versions = match hello.versions.as_slice() {
        [] => std::slice::from_ref(&hello.legacy_version),
        versions => versions,
    };
    let list = |json: &mut Json| {
        json.list(|json| versions.iter().for_each(|it| json.str(&number(*it))));
    };
    visit("client_versions", Value::Nested(&list));
    if !hello.is_old {
        visit("ja3", Value::Str(&hello.ja3()));
        visit("ja4", Value::Str(&hello.ja4(carrier)));
    }
}

fn server(hello: &ServerHello, visit: &mut Visit<'_>) {
    visit("server_version", Value::Str(&number(hello.version())));
    visit("cipher", Value::Str(&number(hello.cipher)));
    if let Some(alpn) = &hello.alpn {
        visit("server_alpn", Value::Text(alpn));
    }
    visit("ja3s", Value::Str(&hello.ja3s()));
}

fn certificate(certificate: &Certificate, visit: &mut Visit<'_>) {
    let names = [
        ("subject", &certificate.subject),
        ("issuer", &certificate.issuer),
    ];
    for (key, name) in names {
        if let Some(name) = name {
            visit(key, Value::Str(name));
        }
    }
    if let Some([from, until]) = certificate.validity {
        visit("not_before", Value::Time(from.saturating_mul(NANOS)));
        visit("not_after", Value::Time(until.saturating_mul(NANOS)));
    }
    if !certificate.names.is_empty() {
        let list = |json: &mut Json| {
            json.list(|json| certificate.names.iter().for_each(|it| json.str(it)));
        };
        visit("san", Value::Nested(&list));
    }
}

/// In the notation of the IANA registries.
fn number(number: u16) -> String {
    format!("{number:#06x}")
}

const NANOS: i64 = 1_000_000_000;

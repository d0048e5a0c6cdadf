//! The keys of DNS messages.

use super::{Value, Visit};
use crate::app::dns::{Dns, Edns, Header, Kind, Question, Record};
use crate::jobs::sessions::json::{Json, hex};
use domain::base::iana::{Class, Opcode, OptionCode, Rcode, Rtype};

/// Visits the keys of a message captured at `time`.
pub(super) fn fields(dns: &Dns, time: i64, visit: &mut Visit<'_>) {
    visit("header", Value::Nested(&|json| header(&dns.header, json)));
    visit(
        "questions",
        Value::Nested(&|json| questions(&dns.questions, json)),
    );
    for (name, records) in ["answers", "authority", "additional"]
        .into_iter()
        .zip(&dns.sections)
    {
        if !records.is_empty() {
            visit(name, Value::Nested(&|json| section(records, json)));
        }
    }
    visit("kind", Value::Str(kind(dns.kind)));
    if let Some(edns) = &dns.edns {
        visit("edns", Value::Nested(&|json| extended(edns, json)));
    }
    if let Some(query) = dns.query {
        visit("rtt", Value::Duration(time.saturating_sub(query.time)));
        visit("query_packet", Value::Number(query.packet));
    }
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Dns => "dns",
        Kind::Mdns => "mdns",
        Kind::Llmnr => "llmnr",
    }
}

fn header(header: &Header, json: &mut Json) {
    json.object(|json| {
        let bits = [("aa", 10), ("qr", 15), ("tc", 9), ("rd", 8), ("ra", 7)];
        for (name, bit) in bits {
            json.key(name);
            json.number(header.flags >> bit & 1);
        }
        json.key("opcode");
        json.str(&opcode(header.opcode()));
        json.key("rcode");
        json.str(&rcode(header.rcode()));
        json.key("id");
        json.number(header.id);
        let names = ["questions", "answers", "authority", "additional"];
        for (name, count) in names.into_iter().zip(header.counts) {
            json.key(&format!("num_of_{name}"));
            json.number(count);
        }
    });
}

fn opcode(code: u8) -> String {
    let opcode = Opcode::from_int(code);
    opcode
        .to_mnemonic_str()
        .map_or_else(|| code.to_string(), str::to_owned)
}

/// The name of a response code, which includes the upper bits of EDNS.
fn rcode(code: u16) -> String {
    match u8::try_from(code) {
        Ok(low @ 0..16) => {
            let rcode = Rcode::masked_from_int(low);
            rcode
                .to_mnemonic_str()
                .map_or_else(|| low.to_string(), str::to_owned)
        }
        _ => code.to_string(),
    }
}

fn questions(questions: &[Question], json: &mut Json) {
    json.list(|json| {
        for question in questions {
            json.object(|json| {
                json.key("qname");
                json.str(&question.name);
                json.key("qtype");
                json.str(&Rtype::from_int(question.rtype).to_string());
                json.key("qclass");
                json.str(&Class::from_int(question.class).to_string());
                flush(question.flush, json);
            });
        }
    });
}

fn section(records: &[Record], json: &mut Json) {
    json.list(|json| {
        for record in records {
            json.object(|json| {
                json.key("rname");
                json.str(&record.name);
                json.key("rtype");
                json.str(&Rtype::from_int(record.rtype).to_string());
                json.key("rclass");
                json.number(record.class);
                json.key("ttl");
                json.number(record.ttl);
                json.key("rdata");
                json.str(&record.data);
                flush(record.flush, json);
            });
        }
    });
}

fn flush(is_set: bool, json: &mut Json) {
    if is_set {
        json.key("flush");
        json.bool(true);
    }
}

fn extended(edns: &Edns, json: &mut Json) {
    json.object(|json| {
        json.key("version");
        json.number(edns.version);
        json.key("udp_size");
        json.number(edns.udp_size);
        json.key("do");
        json.bool(edns.dnssec_ok);
        json.key("options");
        json.list(|json| {
            for (code, data) in &edns.options {
                json.object(|json| {
                    json.key("code");
                    json.number(code);
                    json.key("name");
                    json.str(&OptionCode::from_int(*code).to_string());
                    json.key("data");
                    json.str(&hex(data));
                });
            }
        });
    });
}

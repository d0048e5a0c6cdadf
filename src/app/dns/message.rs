//! Parsing of DNS messages.

use super::rdata::{name_text, presentation};
use super::record::{Dns, Edns, Header, Kind, Question, Record};
use crate::app::found::{Note, Notes};
use crate::capture::ByteOrder;
use domain::base::{Message, ParsedRecord, message::RecordSection};

/// Parses a message, or what can be read of it, and returns the number of bytes after it. `is_cut`
/// says that the message was captured in part. `None` if there is no header.
pub fn message(bytes: &[u8], kind: Kind, is_cut: bool) -> Option<(Dns, Notes, usize)> {
    let whole = Message::from_slice(bytes).ok()?;
    let mut reading = Reading {
        dns: Dns {
            kind,
            header: header(bytes)?,
            ..Dns::default()
        },
        notes: Notes::default(),
        fault: if is_cut {
            Note::Truncated
        } else {
            Note::Malformed
        },
    };
    let rest = reading.sections(whole);
    if rest.is_none() {
        reading.notes.add(reading.fault);
    }
    Some((reading.dns, reading.notes, rest.unwrap_or(0)))
}

/// Whether bytes look like the start of a message: the header is possible, and the first question
/// can be read. `has_all` says that the bytes are complete.
pub fn is_plausible(bytes: &[u8], has_all: bool) -> bool {
    let Some(header) = header(bytes) else {
        return false;
    };
    let [questions, records @ ..] = header.counts;
    let least = usize::from(questions) * 5
        + records
            .iter()
            .map(|it| usize::from(*it) * 11)
            .sum::<usize>();
    let is_possible = header.flags & 0x40 == 0
        && matches!(header.opcode(), 0..=2 | 4..=6)
        && questions <= MOST_QUESTIONS
        && (!has_all || least + HEADER_LEN <= bytes.len())
        && (questions > 0 || records.iter().any(|it| *it > 0));
    let Ok(message) = Message::from_slice(bytes) else {
        return false;
    };
    let is_usual = |class: u16| matches!(class & 0x7fff, 1 | 3 | 4 | 254 | 255);
    let mut first = message.question().take(usize::from(questions.min(1)));
    is_possible && first.all(|it| it.is_ok_and(|it| is_usual(it.qclass().to_int())))
}

fn header(bytes: &[u8]) -> Option<Header> {
    let field = |at| ByteOrder::Big.u16(bytes, at);
    Some(Header {
        id: field(0)?,
        flags: field(2)?,
        extended_rcode: 0,
        counts: [field(4)?, field(6)?, field(8)?, field(10)?],
    })
}

struct Reading {
    dns: Dns,
    notes: Notes,
    /// The note for bytes that cannot be read.
    fault: Note,
}

impl Reading {
    /// Reads all sections. Returns the number of bytes after them.
    fn sections(&mut self, whole: &Message<[u8]>) -> Option<usize> {
        let mut questions = whole.question();
        for question in questions.by_ref() {
            let question = question.ok()?;
            let (class, flush) = self.class(question.qclass().to_int());
            self.dns.questions.push(Question {
                name: name_text(question.qname()),
                rtype: question.qtype().to_int(),
                class,
                flush,
            });
        }
        let mut section = questions.next_section().ok()?;
        for ordinal in 0..3 {
            self.records(ordinal, &mut section)?;
            if ordinal == 2 {
                break;
            }
            section = section.next_section().ok()??;
        }
        Some(whole.as_slice().len().saturating_sub(section.pos()))
    }

    fn records(&mut self, ordinal: usize, section: &mut RecordSection<'_, [u8]>) -> Option<()> {
        for record in section.by_ref() {
            let record = record.ok()?;
            let rtype = record.rtype().to_int();
            let class = record.class().to_int();
            let (class, flush) = if rtype == OPT {
                self.edns(&record);
                (class, false)
            } else {
                self.class(class)
            };
            let (data, is_right) = presentation(&record);
            if !is_right {
                self.notes.add(Note::Malformed);
            }
            self.dns.sections.get_mut(ordinal)?.push(Record {
                name: name_text(&record.owner()),
                rtype,
                class,
                flush,
                ttl: record.ttl().as_secs(),
                data,
            });
        }
        Some(())
    }

    /// A class, and its top bit, to which multicast DNS gives another meaning (RFC 6762, sections
    /// 5.4 and 10.2).
    fn class(&self, class: u16) -> (u16, bool) {
        match self.dns.kind {
            Kind::Mdns => (class & 0x7fff, class & 0x8000 != 0),
            _ => (class, false),
        }
    }

    fn edns(&mut self, record: &ParsedRecord<'_, [u8]>) {
        if self.dns.edns.is_some() {
            return;
        }
        let [extended_rcode, version, high, _] = record.ttl().as_secs().to_be_bytes();
        self.dns.header.extended_rcode = extended_rcode;
        let data = super::rdata::bytes(record);
        self.dns.edns = Some(Edns {
            version,
            udp_size: record.class().to_int(),
            dnssec_ok: high & 0x80 != 0,
            options: options(data),
        });
    }
}

/// The complete options of an OPT record (RFC 6891, section 6.1.2).
fn options(mut data: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let mut options = Vec::new();
    while let (Some(code), Some(len)) = (ByteOrder::Big.u16(data, 0), ByteOrder::Big.u16(data, 2)) {
        let end = 4 + usize::from(len);
        let Some(value) = data.get(4..end) else { break };
        options.push((code, value.to_vec()));
        data = data.get(end..).unwrap_or_default();
    }
    options
}

const HEADER_LEN: usize = 12;
const OPT: u16 = 41;
/// Most questions of a plausible message. Multicast DNS queries many names at once.
const MOST_QUESTIONS: u16 = 256;

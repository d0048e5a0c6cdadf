//! Record names and data in presentation format (RFC 1035, section 5.1).

use domain::base::ParsedRecord;
use domain::base::name::{ParsedName, ToName};
use domain::base::rdata::UnknownRecordData;
use domain::base::zonefile_fmt::{DisplayKind, ZonefileFmt};
use domain::rdata::AllRecordData;
use std::fmt::Write;

type Data<'a> = AllRecordData<&'a [u8], ParsedName<&'a [u8]>>;

/// A name with its final dot. Nonprintable bytes are written as `\046` (RFC 4343).
pub(super) fn name_text(name: &impl ToName) -> String {
    let mut text = String::new();
    for label in name.iter_labels().filter(|it| !it.is_root()) {
        for &byte in label.as_slice() {
            match byte {
                b'.' | b'\\' => text.extend(['\\', char::from(byte)]),
                b' '..=b'~' => text.push(char::from(byte)),
                _ => push(&mut text, format_args!("\\{byte:03}")),
            }
        }
        text.push('.');
    }
    if text.is_empty() {
        text.push('.');
    }
    text
}

/// The data of a record, and whether it is valid for its type. Invalid data, and data of unknown
/// types, is written as in RFC 3597.
pub(super) fn presentation(record: &ParsedRecord<'_, [u8]>) -> (String, bool) {
    // Updates have records without data (RFC 2136).
    if record.rdlen() == 0 {
        return (String::new(), true);
    }
    match record.to_any_record::<Data<'_>>() {
        Ok(known) => match known.data() {
            Data::Unknown(_) | Data::Opt(_) => (generic(bytes(record)), true),
            Data::Srv(srv) => {
                let target = name_text(srv.target());
                let (priority, weight, port) = (srv.priority(), srv.weight(), srv.port());
                (format!("{priority} {weight} {port} {target}"), true)
            }
            Data::Ns(it) => (name_text(it.nsdname()), true),
            Data::Cname(it) => (name_text(it.cname()), true),
            Data::Ptr(it) => (name_text(it.ptrdname()), true),
            data => (data.display_zonefile(DisplayKind::Simple).to_string(), true),
        },
        Err(_) => (generic(bytes(record)), false),
    }
}

/// The raw data of a record.
pub(super) fn bytes<'a>(record: &ParsedRecord<'a, [u8]>) -> &'a [u8] {
    let raw = record.to_record::<UnknownRecordData<&'a [u8]>>();
    match raw {
        Ok(Some(raw)) => raw.data().data(),
        _ => &[],
    }
}

/// The generic form of RFC 3597, section 5.
fn generic(bytes: &[u8]) -> String {
    let mut text = format!("\\# {}", bytes.len());
    if !bytes.is_empty() {
        text.push(' ');
    }
    for byte in bytes {
        push(&mut text, format_args!("{byte:02x}"));
    }
    text
}

fn push(text: &mut String, what: std::fmt::Arguments<'_>) {
    let written = text.write_fmt(what);
    debug_assert!(written.is_ok(), "a string takes all text");
}

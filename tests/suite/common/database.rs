//! A small database in MaxMind's format, version 2.0.

/// A value.
enum Value {
    Text(&'static str),
    U16(u16),
    U32(u32),
    U64(u64),
    Map(Vec<(&'static str, Self)>),
    List(Vec<Self>),
}

/// A database with the location of one IPv4 network.
pub(crate) fn of_network(address: [u8; 4], prefix_len: u32) -> Vec<u8> {
    let nodes = prefix_len;
    let bits = u32::from_be_bytes(address);
    let mut bytes = Vec::new();
    for depth in 0..nodes {
        // The number of nodes means unknown. Data follow that number and a separator.
        let next = if depth + 1 == nodes {
            nodes + 16
        } else {
            depth + 1
        };
        let is_right = bits & (1 << (31 - depth)) != 0;
        let both = if is_right {
            [nodes, next]
        } else {
            [next, nodes]
        };
        for record in both {
            bytes.extend(&record.to_be_bytes()[1..]);
        }
    }
    bytes.extend([0; 16]);
    put(&place(), &mut bytes);
    bytes.extend(b"\xab\xcd\xefMaxMind.com");
    put(&metadata(nodes), &mut bytes);
    bytes
}

fn place() -> Value {
    let named = |name| Value::Map(vec![("en", Value::Text(name))]);
    let part = |name| Value::Map(vec![("names", named(name))]);
    let country = vec![
        ("iso_code", Value::Text("GB")),
        ("names", named("United Kingdom")),
    ];
    Value::Map(vec![
        ("city", part("Boxford")),
        ("subdivisions", Value::List(vec![part("England")])),
        ("country", Value::Map(country)),
        ("autonomous_system_number", Value::U32(64500)),
    ])
}

fn metadata(nodes: u32) -> Value {
    Value::Map(vec![
        ("binary_format_major_version", Value::U16(2)),
        ("binary_format_minor_version", Value::U16(0)),
        ("build_epoch", Value::U64(1_700_000_000)),
        ("database_type", Value::Text("Test")),
        ("description", Value::Map(vec![])),
        ("ip_version", Value::U16(4)),
        ("languages", Value::List(vec![Value::Text("en")])),
        ("node_count", Value::U32(nodes)),
        ("record_size", Value::U16(24)),
    ])
}

fn put(value: &Value, bytes: &mut Vec<u8>) {
    match value {
        Value::Text(text) => put_text(text, bytes),
        Value::U16(number) => put_plain(5, &number.to_be_bytes(), bytes),
        Value::U32(number) => put_plain(6, &number.to_be_bytes(), bytes),
        Value::U64(number) => {
            bytes.extend([8, 9 - 7]);
            bytes.extend(number.to_be_bytes());
        }
        Value::Map(entries) => {
            bytes.push(7 << 5 | u8::try_from(entries.len()).unwrap());
            for (key, value) in entries {
                put_text(key, bytes);
                put(value, bytes);
            }
        }
        Value::List(values) => {
            bytes.extend([u8::try_from(values.len()).unwrap(), 11 - 7]);
            values.iter().for_each(|it| put(it, bytes));
        }
    }
}

fn put_text(text: &str, bytes: &mut Vec<u8>) {
    put_plain(2, text.as_bytes(), bytes);
}

/// Contents of fewer than 29 bytes.
fn put_plain(kind: u8, content: &[u8], bytes: &mut Vec<u8>) {
    assert!(content.len() < 29);
    bytes.push(kind << 5 | u8::try_from(content.len()).unwrap());
    bytes.extend(content);
}

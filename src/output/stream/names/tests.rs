use super::*;
use crate::flow::{MacAddr, NetworkKey};
use proptest::prelude::*;

fn key(src: &str, src_port: u16, dst: &str, dst_port: u16) -> FlowKey {
    let network = NetworkKey {
        src: src.parse().unwrap(),
        dst: dst.parse().unwrap(),
        protocol: 6,
        src_port,
        dst_port,
    };
    FlowKey {
        network,
        ..FlowKey::default()
    }
}

fn http() -> FlowKey {
    let mut key = key("117.27.153.29", 80, "10.5.9.102", 62374);
    let src = MacAddr([0x00, 0x10, 0x18, 0x72, 0x00, 0x3c]);
    let dst = MacAddr([0xe0, 0x3f, 0x49, 0x6a, 0xaf, 0xa1]);
    key.link.set_macs(src, dst);
    key
}

fn ipv6() -> FlowKey {
    key("2001:db8::1", 443, "::ffff:1.2.3.4", 50000)
}

fn label(key: &FlowKey, connection: u32) -> StreamLabel<'_> {
    StreamLabel {
        key,
        flow_id: 7,
        connection,
        first: Nanos(1_500_000_000_000_000_001),
    }
}

fn template(text: &str) -> NameStyle {
    NameStyle::Template(text.parse().unwrap())
}

#[test]
fn portable_names() {
    let key = key("10.5.9.102", 63280, "17.253.2.226", 80);
    let style = NameStyle::default();
    for (connection, extension, expected) in [
        (1, "tcp", "10.5.9.102.63280-17.253.2.226.80.tcp"),
        (2, "tcp", "10.5.9.102.63280-17.253.2.226.80.tcp.2"),
        (1, "tcp.pcap", "10.5.9.102.63280-17.253.2.226.80.tcp.pcap"),
        (
            12,
            "tcp.pcap",
            "10.5.9.102.63280-17.253.2.226.80.tcp.12.pcap",
        ),
    ] {
        assert_eq!(style.name(&label(&key, connection), extension), expected);
    }
    assert_eq!(
        style.name(&label(&ipv6(), 1), "udp"),
        "2001_db8__1.443-__ffff_1.2.3.4.50000.udp"
    );
}

#[test]
fn names_as_pcap_flow_has_them() {
    let base = "_00:10:18:72:00:3c->e0:3f:49:6a:af:a1\
                _117. 27.153. 29-> 10.  5.  9.102_    80-> 62374";
    let key = http();
    for (connection, extension, suffix) in [
        (1, "tcp", ""),
        (2, "tcp", ".2"),
        (1, "tcp.pcap", ".pcap"),
        (3, "tcp.pcap", ".3.pcap"),
    ] {
        let name = NameStyle::Fmadio.name(&label(&key, connection), extension);
        assert_eq!(name, format!("{base}{suffix}"));
    }
    assert_eq!(
        NameStyle::Fmadio.name(&label(&ipv6(), 1), "udp"),
        "_00:00:00:00:00:00->00:00:00:00:00:00_2001:db8::1->::ffff:1.2.3.4_   443-> 50000"
    );
}

#[test]
fn templates() {
    let mut key = http();
    key.link.push_vlan(100);
    key.link.push_vlan(200);
    for (text, connection, expected) in [
        ("{flow_id}", 1, "7"),
        ("{flow_id}", 2, "7.2"),
        ("{flow_id}.bin", 2, "7.bin.2"),
        ("{flow_id}-{connection}.{ext}", 2, "7-2.tcp.pcap"),
        ("{flow_id}.{ext}", 1, "7.tcp.pcap"),
        ("{flow_id}.{ext}", 2, "7.tcp.2.pcap"),
        ("{{{flow_id}}}", 1, "{7}"),
        ("{{flow_id}}-{flow_id}}}{{", 1, "{flow_id}-7}{"),
        (
            "{src_ip}.{src_port}-{dst_ip}.{dst_port}-{protocol}",
            1,
            "117.27.153.29.80-10.5.9.102.62374-tcp",
        ),
        (
            "{src_mac}_{dst_mac}_{vlan}_{first_ns}_{flow_id}",
            1,
            "00-10-18-72-00-3c_e0-3f-49-6a-af-a1_100.200_1500000000000000001_7",
        ),
    ] {
        let name = template(text).name(&label(&key, connection), "tcp.pcap");
        assert_eq!(name, expected, "{text}");
    }
    assert_eq!(
        template("{flow_id}: {src_ip} {dst_mac}").name(&label(&ipv6(), 1), "tcp"),
        "7: 2001_db8__1 00-00-00-00-00-00"
    );
}

#[test]
fn faults_of_templates() {
    let known = "{src_ip} {src_port} {dst_ip} {dst_port} {protocol} {flow_id} {connection} \
                 {vlan} {src_mac} {dst_mac} {first_ns} {ext}";
    for (text, expected) in [
        ("", "the name is empty: write one such as '{flow_id}.{ext}'"),
        (".", "'.' and '..' are directories: write a name such as"),
        ("..", "'.' and '..' are directories"),
        ("../{flow_id}", "a name cannot have a '/' in it"),
        ("{flow_id}/x", "a name cannot have a '/' in it"),
        ("{flow_id}\0", "a name cannot have a NUL in it"),
        (
            "{flow_id}-{host}",
            &format!("unknown placeholder '{{host}}': write one of {known}"),
        ),
        ("{flow_id}{}", "unknown placeholder '{}'"),
        ("{fl\now_id}", "unknown placeholder '{fl\\now_id}'"),
        (
            "{flow_id}-{src_ip",
            "no '}' ends '{src_ip': write one, or '{{' for a brace",
        ),
        (
            "flow_id}",
            "a '}' has no '{' before it: write one, or '}}' for a brace",
        ),
        (
            "{src_ip}-{src_port}-{dst_ip}.{ext}",
            "the name does not tell streams apart: it needs {flow_id}, or all of {src_ip}, \
             {src_port}, {dst_ip} and {dst_port}",
        ),
        ("{{flow_id}}", "the name does not tell streams apart"),
        ("stream", "the name does not tell streams apart"),
        (
            "{flow_id}{connection}",
            "{flow_id} and {connection} run together",
        ),
        (
            "{src_ip}0{src_port}-{dst_ip}-{dst_port}",
            "{src_ip} and {src_port} run together",
        ),
    ] {
        let error = NameTemplate::from_str(text).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{text:?}: {error}");
    }
}

#[test]
fn words_may_stand_next_to_numbers() {
    assert_eq!(
        template("{protocol}{flow_id}{ext}").name(&label(&http(), 1), "tcp"),
        "tcp7tcp"
    );
}

fn styles() -> [NameStyle; 3] {
    let all = FIELDS.map(|(name, _)| format!("{{{name}}}")).join("+");
    [NameStyle::Portable, NameStyle::Fmadio, template(&all)]
}

/// One component of a path, which no capture has a say in.
fn assert_safe(name: &str) {
    assert!(!name.is_empty() && name != "." && name != ".." && name.len() <= 255);
    let allowed = |it: char| it.is_ascii_alphanumeric() || " .:_->+".contains(it);
    assert!(name.chars().all(allowed), "{name:?}");
}

#[test]
fn hostile_keys_make_harmless_names() {
    let mut tagged = key("46.46.47.46", 0x2e2e, "0.0.0.0", 0x2f2f);
    tagged.network.protocol = 255;
    tagged
        .link
        .set_macs(MacAddr(*b"../../"), MacAddr(*b"\0\n\r\x1b[A"));
    for _ in 0..8 {
        tagged.link.push_vlan(0xffff);
    }
    let longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    for key in [
        FlowKey::default(),
        tagged,
        tagged.reversed(),
        key("::", 0, "::", 0),
        key("2e2e:2f2e:2e2f::", 46, "::ffff:46.46.47.0", 47),
        key(longest, 65535, longest, 65535),
    ] {
        for style in styles() {
            let stream = StreamLabel {
                key: &key,
                flow_id: u64::MAX,
                connection: u32::MAX,
                first: Nanos::MIN,
            };
            assert_safe(&style.name(&stream, "tcp.pcap"));
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_a_template_or_refused(text in ".{0,40}|[{}a-z_/.]{0,40}") {
        if let Ok(template) = text.parse::<NameTemplate>() {
            let name = NameStyle::Template(template).name(&label(&http(), 2), "tcp");
            prop_assert!(!name.contains(['/', '\0']) && name.contains('7'));
        }
    }
}

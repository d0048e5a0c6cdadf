//! The lists of keys.

use super::{Key, Shape};
use Shape::{
    Address, Bool, Duration, Fields, Map, Number, Numbers, Object, Objects, Short, Text, Texts,
    Time,
};

const fn keys<const N: usize>(list: [(&'static str, Shape, &'static str); N]) -> [Key; N] {
    let mut keys = [Key {
        name: "",
        shape: Text,
        meaning: "",
    }; N];
    let mut ordinal = 0;
    while ordinal < N {
        let (name, shape, meaning) = list[ordinal];
        keys[ordinal] = Key {
            name,
            shape,
            meaning,
        };
        ordinal += 1;
    }
    keys
}

pub(super) const TYPE: [Key; 1] = keys([(
    "record",
    Text,
    "`http`, `dns`, `login`, `tls`, `ssh`, `rdp`, `smtp` or `ftp`",
)]);

pub(super) const SPAN: [Key; 2] = keys([
    (
        "ts_start",
        Time,
        "time of the packet with the first byte; `dns` has `ts` instead",
    ),
    (
        "ts_end",
        Time,
        "time of the packet with the last byte; not in `dns`",
    ),
]);

pub(super) const MOMENT: [Key; 1] = keys([("ts", Time, "time of the message's last packet")]);

pub(super) const ENDS: [Key; 4] = keys([
    (
        "src_ip",
        Address,
        "the client: the side that sent the SYN, or else the side whose bytes look like a client's. Of `dns`, the sender",
    ),
    ("src_port", Short, ""),
    ("dst_ip", Address, "the server; of `dns`, the receiver"),
    ("dst_port", Short, ""),
]);

pub(super) const CONNECTION: [Key; 13] = keys([
    (
        "flow_id",
        Number,
        "FlowID from source to destination, that of the flow list with the same options",
    ),
    (
        "reverse_flow_id",
        Number,
        "FlowID of the other direction, if it was already captured",
    ),
    ("community_id", Text, "as in the logs of Zeek and Suricata"),
    (
        "first_packet",
        Number,
        "packet number, from 1 over all captures: the bytes of the record are in the packets from this one",
    ),
    ("last_packet", Number, "to this one"),
    (
        "file",
        Number,
        "ordinal of the capture with `first_packet`, from 0; only if there are several",
    ),
    (
        "offset",
        Number,
        "offset of `first_packet`'s record in that capture, in bytes; of a compressed capture, in its content",
    ),
    ("transport", Text, "`tcp`, `udp` or `quic`"),
    ("vlan", Text, "VLAN ids, the outer one first: `100.200`"),
    ("src_geo", Object(&GEO), "location of the source (`--geo`)"),
    (
        "dst_geo",
        Object(&GEO),
        "location of the destination (`--geo`)",
    ),
    ("notes", Texts, "why the record is incomplete, see below"),
    (
        "raw",
        Map,
        "in base64, the bytes of keys whose text is not valid UTF-8",
    ),
]);

const GEO: [Key; 6] = keys([
    ("city", Text, ""),
    ("region", Text, ""),
    ("country", Text, ""),
    ("country_code", Text, "ISO 3166-1"),
    ("asn", Number, "autonomous system"),
    ("organization", Text, "its name"),
]);

pub(super) const HTTP: [Key; 22] = keys([
    ("req_method", Text, ""),
    (
        "req_uri",
        Text,
        "the target, as sent; without user and password",
    ),
    ("req_version", Text, "`1.1`"),
    (
        "req_headers",
        Fields,
        "header fields in order, names in lower case",
    ),
    (
        "req_body",
        Text,
        "without transfer and content coding, if it is text; at most `--body-limit`",
    ),
    ("resp_version", Text, ""),
    ("resp_status", Text, "three digits"),
    ("resp_reason", Text, ""),
    ("resp_headers", Fields, ""),
    ("resp_body", Text, ""),
    ("trans_depth", Number, "ordinal on the connection, from 1"),
    (
        "req_body_bytes",
        Number,
        "length of the whole body, decoded",
    ),
    (
        "req_body_sha256",
        Text,
        "of the whole body, decoded, if entirely captured (`--hash`, `--files`)",
    ),
    (
        "req_body_file",
        Text,
        "its name in the directory of `--files`",
    ),
    (
        "host",
        Text,
        "the Host field, or the authority of the target",
    ),
    ("resp_body_bytes", Number, ""),
    ("resp_body_sha256", Text, ""),
    ("resp_body_file", Text, ""),
    (
        "resp_coding",
        Text,
        "content codings, as named by the response",
    ),
    (
        "resp_mime",
        Text,
        "by the first bytes of the body, not by its header",
    ),
    ("upgrade", Text, "the protocol switched to: `websocket`"),
    ("info_status", Numbers, "status codes of interim responses"),
]);

pub(super) const DNS: [Key; 9] = keys([
    ("header", Object(&DNS_HEADER), ""),
    ("questions", Objects(&QUESTION), ""),
    ("answers", Objects(&RESOURCE), ""),
    ("authority", Objects(&RESOURCE), ""),
    ("additional", Objects(&RESOURCE), ""),
    ("kind", Text, "`dns`, `mdns` or `llmnr`"),
    ("edns", Object(&EDNS), "RFC 6891"),
    ("rtt", Duration, "of a response: time since its query"),
    (
        "query_packet",
        Number,
        "of a response: packet number of its query",
    ),
]);

const DNS_HEADER: [Key; 12] = keys([
    ("aa", Number, "0 or 1, like the other flags"),
    ("qr", Number, "1 for a response"),
    ("tc", Number, ""),
    ("rd", Number, ""),
    ("ra", Number, ""),
    ("opcode", Text, "`QUERY`, or its number if it has no name"),
    (
        "rcode",
        Text,
        "`NOERROR`, `NXDOMAIN`; includes the upper bits of EDNS",
    ),
    ("id", Number, ""),
    ("num_of_questions", Number, "as the header says"),
    ("num_of_answers", Number, ""),
    ("num_of_authority", Number, ""),
    ("num_of_additional", Number, ""),
]);

const QUESTION: [Key; 4] = keys([
    ("qname", Text, ""),
    ("qtype", Text, ""),
    ("qclass", Text, ""),
    ("flush", Bool, "top bit of the class in multicast DNS"),
]);

const RESOURCE: [Key; 6] = keys([
    ("rname", Text, ""),
    ("rtype", Text, ""),
    ("rclass", Number, ""),
    ("ttl", Number, "seconds"),
    (
        "rdata",
        Text,
        "in presentation format; unknown types as in RFC 3597",
    ),
    ("flush", Bool, ""),
]);

const EDNS: [Key; 4] = keys([
    ("version", Number, ""),
    ("udp_size", Number, "bytes"),
    ("do", Bool, "DNSSEC records requested"),
    ("options", Objects(&EDNS_OPTION), ""),
]);

const EDNS_OPTION: [Key; 3] = keys([
    ("code", Number, ""),
    ("name", Text, ""),
    ("data", Text, "in hexadecimal"),
]);

pub(super) const LOGIN: [Key; 16] = keys([
    (
        "service",
        Text,
        "`mysql`, `pgsql`, `redis`, `mongodb`, `pop3`, `imap`, `http`, `smtp` or `ftp`",
    ),
    ("ts_duration", Duration, "from the first byte to the last"),
    (
        "crack_result",
        Number,
        "1 success, 2 wrong user or password, 3 another failure, -1 unknown",
    ),
    (
        "crack_detail",
        Text,
        "user, secret and database, separated by NUL; only with `--secrets show`",
    ),
    ("user", Text, ""),
    ("domain", Text, "of NTLM"),
    ("secret", Text, "left out, hashed, or as sent (`--secrets`)"),
    ("secret_kind", Text, "`password`, `proof` or `none`"),
    ("secret_bytes", Number, ""),
    ("challenge", Text, "of the server, in hexadecimal"),
    (
        "mechanism",
        Text,
        "`PLAIN`, `SCRAM-SHA-256`, `mysql_native_password`",
    ),
    ("database", Text, ""),
    (
        "outcome",
        Text,
        "`success`, `failure`, `unknown` or `encrypted`",
    ),
    ("code", Text, "of the server's answer"),
    ("message", Text, "of the server's answer"),
    ("attempt", Number, "ordinal on the connection, from 1"),
]);

pub(super) const TLS: [Key; 19] = keys([
    ("sni", Text, "requested server name"),
    ("alpn", Texts, "protocols offered by the client"),
    ("client_versions", Texts, "offered by the client: `0x0304`"),
    ("ja3", Text, ""),
    ("ja4", Text, "as Suricata computes it"),
    ("server_version", Text, "selected by the server"),
    ("cipher", Text, "selected by the server: `0x1301`"),
    ("server_alpn", Text, ""),
    ("ja3s", Text, ""),
    ("resumed", Bool, ""),
    ("hello_retry", Bool, ""),
    ("alert", Number, "the first alert"),
    (
        "certs",
        Texts,
        "SHA-256 of the certificates, the server's own first",
    ),
    (
        "subject",
        Text,
        "of the server's own certificate; in `smtp`, of the message",
    ),
    (
        "issuer",
        Text,
        "of the server's own certificate, like the next three",
    ),
    ("not_before", Time, ""),
    ("not_after", Time, ""),
    ("san", Texts, "alternative names"),
    ("starttls", Text, "the protocol that was upgraded"),
]);

pub(super) const SSH: [Key; 6] = keys([
    ("client", Text, "banner"),
    ("server", Text, "banner"),
    ("hassh", Text, ""),
    ("hassh_server", Text, ""),
    ("kex", Text, "key exchange both sides agree on"),
    ("host_key_alg", Text, ""),
]);

pub(super) const RDP: [Key; 6] = keys([
    ("cookie", Text, ""),
    ("user", Text, "from the cookie"),
    ("routing", Text, "from the cookie: the address of a server"),
    (
        "protocols",
        Number,
        "requested, as bits (MS-RDPBCGR 2.2.1.1.1)",
    ),
    ("selected", Number, "by the server"),
    ("failure", Number, "code of the server"),
]);

pub(super) const SMTP: [Key; 9] = keys([
    ("helo", Text, ""),
    ("from", Text, "of the envelope"),
    ("to", Texts, "of the envelope"),
    (
        "subject",
        Text,
        "of the server's own certificate; in `smtp`, of the message",
    ),
    ("message_id", Text, ""),
    ("date", Text, "as sent"),
    ("size", Number, "of the message, in bytes"),
    ("code", Text, "of the server's answer"),
    ("message", Text, "of the server's answer"),
]);

pub(super) const FTP: [Key; 6] = keys([
    ("user", Text, ""),
    ("command", Text, "`RETR`, `STOR`, `LIST`"),
    ("arg", Text, ""),
    ("code", Text, "of the server's answer"),
    ("message", Text, "of the server's answer"),
    ("data", Object(&DATA), "the data connection"),
]);

const DATA: [Key; 4] = keys([
    (
        "src_ip",
        Address,
        "the end that connects; its port is not known",
    ),
    ("dst_ip", Address, "the end that listens"),
    ("dst_port", Short, ""),
    ("passive", Bool, "the server listens"),
]);

//! Formats of records, files beside them, and the keys that tell where records come from.

use super::{CLIENT, Client, PAGE, Server, capture, connection, records, sessions};
use crate::common::program::{Program, run};
use crate::common::{captures, database, root};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};

const HTTP: &str = "testdata/recorded/http.pcap";
const DNS: &str = "testdata/recorded/dns.pcap";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}

fn json_lines(args: &[&str]) -> Vec<Value> {
    let ended = run([&["sessions"], args].concat()).exits(0);
    let lines = ended.text().lines();
    lines.map(|it| serde_json::from_str(it).unwrap()).collect()
}

/// The rows of a Parquet file, which has a single row group.
fn batch(path: &Path) -> RecordBatch {
    let file = fs::File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let mut batches: Vec<RecordBatch> = reader
        .with_batch_size(1 << 20)
        .build()
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(batches.len(), 1);
    batches.remove(0)
}

#[test]
fn csv_has_the_values_of_json() {
    let rows = json_lines(&[DNS, "--protocol", "dns"]);
    let ended = run(["sessions", DNS, "--protocol", "dns", "--format", "csv"]).exits(0);
    let mut reader = csv::Reader::from_reader(ended.text().as_bytes());
    let names = reader.headers().unwrap().clone();
    assert_eq!(&names[0], "record");
    let lines: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(lines.len(), rows.len());
    for (row, line) in rows.iter().zip(&lines) {
        let row = row.as_object().unwrap();
        for key in row.keys() {
            assert!(names.iter().any(|it| it == key), "{key}");
        }
        for (name, cell) in names.iter().zip(line) {
            match row.get(name) {
                None => assert_eq!(cell, "", "{name}"),
                Some(Value::String(text)) => assert_eq!(cell, text, "{name}"),
                Some(value) => {
                    let shown: Value = serde_json::from_str(cell).unwrap();
                    assert_eq!(shown, *value, "{name}");
                }
            }
        }
    }
}

#[test]
fn parquet_has_the_values_of_json() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("http.parquet");
    let out = path.to_str().unwrap();
    let rows = json_lines(&[HTTP, "--protocol", "http"]);
    run(["sessions", HTTP, "--protocol", "http", "-o", out]).exits(0);
    let batch = batch(&path);
    assert_eq!(batch.num_rows(), rows.len());
    let column = |name: &str| batch.column_by_name(name).unwrap();
    let status = column("resp_status").as_string::<i32>();
    let flow = column("flow_id").as_primitive::<Int64Type>();
    let start = column("ts_start_ns").as_primitive::<Int64Type>();
    let stamp = column("ts_start").as_primitive::<TimestampMicrosecondType>();
    let headers = column("req_headers").as_map();
    for (place, row) in rows.iter().enumerate() {
        assert_eq!(row["resp_status"], status.value(place));
        assert_eq!(row["flow_id"], flow.value(place));
        let seconds = start.value(place) as f64 / 1e9;
        assert!((row["ts_start"].as_f64().unwrap() - seconds).abs() < 1e-5);
        assert_eq!(stamp.value(place), start.value(place) / 1000);
        let entry = headers.value(place);
        let names = entry.column(0).as_string::<i32>();
        let values = entry.column(1).as_list::<i32>();
        let expected = row["req_headers"].as_object().unwrap();
        assert_eq!(names.len(), expected.len());
        for (at, name) in names.iter().enumerate() {
            let value = values.value(at);
            let value = value.as_string::<i32>();
            assert_eq!(expected[name.unwrap()], value.value(0));
        }
    }
}

/// Every record of every capture has a place in tables: none has a key that is in no column.
#[test]
fn tables_of_all_captures_have_all_records() {
    for capture in captures() {
        let folder = tempfile::tempdir().unwrap();
        let lines = run(["sessions", &capture.name, "--secrets", "show", "--hash"]);
        let mut expected = 0;
        for line in lines.text().lines() {
            let record: Value = serde_json::from_str(line).unwrap();
            assert!(record["record"].is_string());
            expected += 1;
        }
        for format in ["csv", "parquet"] {
            let out = folder.path().join(format);
            let out = format!("{}/", out.display());
            let args = [
                "--secrets",
                "show",
                "--hash",
                "--format",
                format,
                "-o",
                &out,
            ];
            let written = run([&["sessions", &capture.name], &args[..]].concat());
            assert_eq!(
                written.status.code(),
                lines.status.code(),
                "{} {format}",
                capture.name
            );
            if lines.status.code() == Some(1) {
                continue;
            }
            let files = fs::read_dir(&out).unwrap().map(|it| it.unwrap().path());
            let rows = |path: PathBuf| match format {
                "csv" => csv::Reader::from_path(path).unwrap().records().count(),
                _ => batch(&path).num_rows(),
            };
            let found: usize = files.map(rows).sum();
            assert_eq!(found, expected, "{} {format}", capture.name);
        }
    }
}

#[test]
fn a_table_has_one_type_of_record() {
    for format in ["csv", "parquet"] {
        let args = ["sessions", HTTP, "--format", format];
        run(args).exits(2).says("--protocol dns");
        let args = [
            "sessions",
            HTTP,
            "--format",
            format,
            "--protocol",
            "http,dns",
        ];
        run(args).exits(2).says("-o DIR/");
    }
}

/// A control character would reach the terminal: CSV shows it like an invalid byte.
#[test]
fn csv_has_no_control_characters() {
    let script: [_; 2] = [
        (
            Client,
            b"GET /\x1b[2J HTTP/1.1\r\nHost: a\r\n\r\n".as_slice(),
        ),
        (
            Server,
            b"HTTP/1.1 200 \x1b[0m\r\nContent-Length: 0\r\n\r\n".as_slice(),
        ),
    ];
    let bytes = capture(&connection(CLIENT, &script, 1000));
    let args = ["--protocol", "http", "--format", "csv"];
    let ended = sessions(&bytes, args).exits(0);
    assert!(!ended.text().contains('\x1b'));
    assert!(ended.text().contains("\u{fffd}[2J"));
    assert!(ended.text().contains("resp_reason"));
}

#[test]
fn bodies_are_stored_by_their_hash() {
    let folder = tempfile::tempdir().unwrap();
    let big = vec![b'x'; 100_000];
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", big.len());
    let answer = [head.as_bytes(), &big].concat();
    let mut script = PAGE.to_vec();
    script.push((Client, b"GET /big HTTP/1.1\r\n\r\n"));
    script.push((Server, &answer));
    let bytes = capture(&connection(CLIENT, &script, 1400));
    let out = folder.path().join("bodies");
    let all = records(
        &bytes,
        &[
            "--protocol",
            "http",
            "--bodies",
            "none",
            "--files",
            out.to_str().unwrap(),
        ],
    );
    let mut stored = fs::read_dir(&out).unwrap().count();
    for (record, body) in all.iter().zip([b"wrong".as_slice(), b"right", &big]) {
        let name = hex(&Sha256::digest(body));
        assert_eq!(record["resp_body_file"], name.as_str());
        assert_eq!(record["resp_body_sha256"], name.as_str());
        assert!(record.get("req_body_file").is_none());
        assert_eq!(fs::read(out.join(&name)).unwrap(), body);
        stored -= 1;
    }
    assert_eq!(stored, 0, "nothing else is left there");
}

/// A body that was not captured as a whole is not stored.
#[test]
fn incomplete_bodies_are_not_stored() {
    let folder = tempfile::tempdir().unwrap();
    let script: [_; 2] = [
        (Client, b"GET / HTTP/1.1\r\n\r\n".as_slice()),
        (
            Server,
            b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nonly this".as_slice(),
        ),
    ];
    let bytes = capture(&connection(CLIENT, &script, 1400));
    let all = records(&bytes, &["--files", folder.path().to_str().unwrap()]);
    assert!(all[0].get("resp_body_file").is_none());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn records_name_the_place_of_their_first_packet() {
    let mut bytes = Vec::new();
    for name in [HTTP, DNS] {
        bytes.push(fs::read(root().join(name)).unwrap());
    }
    let all = json_lines(&[HTTP, DNS]);
    assert!(all.iter().any(|it| it["file"] == 1));
    for record in &all {
        let file = usize::try_from(record["file"].as_u64().unwrap()).unwrap();
        let capture = &bytes[file];
        // Records of files before this one.
        let mut number: u64 = (0..file).map(|it| offsets(&bytes[it]).len() as u64).sum();
        let offset = record["offset"].as_u64().unwrap();
        let place = offsets(capture).iter().position(|it| *it == offset);
        number += place.unwrap() as u64 + 1;
        assert_eq!(record["first_packet"], number);
    }
    assert!(json_lines(&[HTTP])[0].get("file").is_none());
}

/// Where the records of a little-endian pcap file start.
fn offsets(capture: &[u8]) -> Vec<u64> {
    let mut offsets = Vec::new();
    let mut at = 24;
    while let Some(len) = capture.get(at + 8..at + 12) {
        offsets.push(at as u64);
        at += 16 + u32::from_le_bytes(len.try_into().unwrap()) as usize;
    }
    offsets
}

#[test]
fn an_index_gives_the_records_of_some_flows() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("day.idx");
    let index = index.to_str().unwrap();
    run(["index", DNS, HTTP, "-o", index]).exits(0);
    let all = json_lines(&[DNS, HTTP]);
    assert_eq!(json_lines(&["--index", index]), all);
    let flow = all.iter().find(|it| it["record"] == "http").unwrap()["flow_id"].clone();
    let condition = format!("flow_id = {flow}");
    let some = json_lines(&["--index", index, "--flow-where", &condition]);
    let expected: Vec<&Value> = all.iter().filter(|it| it["flow_id"] == flow).collect();
    assert!(!expected.is_empty());
    assert_eq!(some.iter().collect::<Vec<_>>(), expected);
    let none = json_lines(&["--index", index, "--flow-where", "src_port = 1"]);
    assert!(none.is_empty());
    let args = ["sessions", "--index", index, "--flow-where", "nothing = 1"];
    run(args).exits(2).says("--flow-where");
    let args = [
        "sessions",
        "--index",
        index,
        "-o",
        index,
        "--flow-where",
        "flow_id = 1",
    ];
    run(args).exits(1);
}

#[test]
fn a_hint_names_the_protocol_of_a_port() {
    let script: [_; 2] = [
        (Client, b"a LOGIN me sesame\r\n".as_slice()),
        (Server, b"a OK done\r\n".as_slice()),
    ];
    let ends = CLIENT.with_port(40_000);
    let bytes = capture(&connection(ends, &script, 1000));
    assert!(records(&bytes, &[]).is_empty());
    let hinted = records(&bytes, &["--port-hint", "tcp/80=imap"]);
    assert_eq!(hinted[0]["service"], "imap");
    assert_eq!(hinted[0]["outcome"], "success");
    assert_eq!(hinted[0]["dst_port"], 80);
    assert!(records(&bytes, &["--port-hint", "tcp/81=imap"]).is_empty());
    let args = ["sessions", HTTP, "--port-hint", "tcp/80=nothing"];
    run(args).exits(2).says("redis");
}

#[test]
fn a_key_makes_hashes_comparable() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = capture(&connection(CLIENT, &PAGE, 1000));
    let hashed = |key: &str| {
        let path = folder.path().join("key");
        fs::write(&path, key).unwrap();
        let args = ["--secrets", "hash", "--secrets-key", path.to_str().unwrap()];
        records(&bytes, &[&args[..], &["--protocol", "login"]].concat())[0]["secret"].clone()
    };
    assert_eq!(hashed("a"), hashed("a"));
    assert_ne!(hashed("a"), hashed("b"));
    let args = ["sessions", HTTP, "--secrets-key", "Cargo.toml"];
    run(args).exits(2).says("--secrets hash");
}

#[test]
fn records_have_locations() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.mmdb");
    fs::write(&path, database::of_network([10, 0, 0, 2], 31)).unwrap();
    let bytes = capture(&connection(CLIENT, &PAGE, 1000));
    let all = records(&bytes, &["--geo", path.to_str().unwrap()]);
    assert!(all[0].get("src_geo").is_none());
    assert_eq!(all[0]["dst_geo"]["country_code"], "GB");
    assert_eq!(all[0]["dst_geo"]["asn"], 64500);
}

#[test]
fn statistics_count_records_and_connections() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stats.json");
    let program = Program::new()
        .args(["sessions", HTTP, "--stats"])
        .args([&path]);
    let lines = program.run().exits(0).text().lines().count();
    let stats: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let records = stats["records"].as_object().unwrap();
    let total: u64 = records.values().map(|it| it.as_u64().unwrap()).sum();
    assert_eq!(total, lines as u64);
    assert!(stats["connections"]["recognized"].as_u64().unwrap() > 0);
    assert_eq!(stats["connections"]["limited"], 0);
    assert!(stats["packets"].as_u64().unwrap() > 0);
}

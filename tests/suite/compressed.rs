//! Compressed captures: the same answers as of what is in them.

use crate::common::program::{Program, Running, run};
use crate::common::testdata;
use flate2::{Compress, FlushCompress};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// What packs some bytes.
pub(crate) type Pack = fn(&[u8]) -> Vec<u8>;

pub(crate) const FORMATS: [(&str, Pack); 7] = [
    ("gz", gzip),
    ("gz, bgzf", |bytes| {
        let blocks = bytes.chunks(30_000.min(bytes.len() / 7 + 1));
        blocks.chain([&[][..]]).flat_map(bgzf_block).collect()
    }),
    ("zst", |bytes| zstd::encode_all(bytes, 1).unwrap()),
    ("zst, many frames", |bytes| {
        let frames = bytes.chunks(bytes.len() / 9 + 1);
        let packed = frames.map(|it| zstd::bulk::compress(it, 1).unwrap());
        packed.collect::<Vec<_>>().concat()
    }),
    ("lz4", |bytes| {
        let mut packer = lz4_flex::frame::FrameEncoder::new(Vec::new());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }),
    ("xz", |bytes| {
        let mut packer = liblzma::write::XzEncoder::new(Vec::new(), 1);
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }),
    ("bz2", |bytes| {
        let mut packer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }),
];

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

/// A block of BGZF (section 4.1 of the SAM specification).
fn bgzf_block(content: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(content);
    let mut packer = Compress::new(flate2::Compression::fast(), false);
    let mut deflated = Vec::with_capacity(2 * content.len() + 1000);
    let finish = FlushCompress::Finish;
    packer.compress_vec(content, &mut deflated, finish).unwrap();
    let len = u16::try_from(deflated.len() + 25).unwrap();
    let mut block = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0BC\x02\0".to_vec();
    block.extend(len.to_le_bytes());
    block.extend(deflated);
    block.extend(trailer(&crc));
    block
}

fn trailer(crc: &flate2::Crc) -> Vec<u8> {
    [crc.sum().to_le_bytes(), crc.amount().to_le_bytes()].concat()
}

fn captures() -> Vec<PathBuf> {
    let names = ["http.pcap", "ipv6.pcapng", "lossy-client.pcap"];
    names.map(|it| testdata("recorded").join(it)).to_vec()
}

fn csv(path: &Path) -> Vec<u8> {
    let format = ["--format", "csv"].map(AsRef::as_ref);
    run([path.as_os_str()].into_iter().chain(format))
        .exits(0)
        .stdout
}

/// The bytes of `content`, packed as one member, and as three.
fn packed(pack: Pack, content: &[u8]) -> [Vec<u8>; 2] {
    let some = content.chunks(content.len() / 3 + 1).map(pack);
    [pack(content), some.collect::<Vec<_>>().concat()]
}

#[test]
fn lists_and_extracts_are_those_of_what_is_inside() {
    let folder = tempfile::tempdir().unwrap();
    let (out, expected_out) = (folder.path().join("out"), folder.path().join("expected"));
    for capture in captures() {
        let content = fs::read(&capture).unwrap();
        let expected = csv(&capture);
        let extract = |from: &Path, to: &Path| {
            let args = ["--extract", "2", "-o"].map(AsRef::as_ref);
            let paths = [to.as_os_str(), from.as_os_str()];
            run(args.into_iter().chain(paths)).exits(0);
            fs::read(to).unwrap()
        };
        let expected_packets = extract(&capture, &expected_out);
        for (name, pack) in FORMATS {
            for bytes in packed(pack, &content) {
                // Its name says nothing: the first bytes do.
                let path = folder.path().join("packed");
                fs::write(&path, &bytes).unwrap();
                assert_eq!(csv(&path), expected, "{name} of {}", capture.display());
                assert_eq!(extract(&path, &out), expected_packets, "{name}");
                let args = ["--stdin", "--format", "csv"];
                let piped = Program::new().args(args).input(&bytes, 1000).run().exits(0);
                assert_eq!(piped.stdout, expected, "{name} of {}", capture.display());
            }
        }
    }
}

#[test]
fn streams_are_those_of_what_is_inside() {
    let folder = tempfile::tempdir().unwrap();
    let streams = |capture: &Path, name: &str| {
        let archive = folder.path().join(format!("{name}.tar"));
        let manifest = folder.path().join(format!("{name}.csv"));
        let args = ["--extract-tcp-all", "-o"].map(AsRef::as_ref);
        let args = args
            .into_iter()
            .chain([archive.as_os_str(), "--manifest".as_ref()]);
        run(args.chain([manifest.as_os_str(), capture.as_os_str()])).exits(0);
        (fs::read(archive).unwrap(), fs::read(manifest).unwrap())
    };
    let capture = testdata("recorded").join("lossy-client.pcap");
    let expected = streams(&capture, "plain");
    for (name, pack) in FORMATS {
        let path = folder.path().join("packed");
        fs::write(&path, pack(&fs::read(&capture).unwrap())).unwrap();
        assert_eq!(streams(&path, name), expected, "{name}");
    }
}

#[test]
fn progress_has_no_share_of_what_is_not_known() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("packed");
    let content = fs::read(testdata("recorded").join("http.pcap")).unwrap();
    fs::write(&path, gzip(&content)).unwrap();
    let args = ["--progress", "always"].map(AsRef::as_ref);
    let ended = run(args.into_iter().chain([path.as_os_str()])).exits(0);
    // At the end it is known.
    ended.says(" 100.0%] Flows:6");
}

#[test]
fn damage_inside_is_told_and_the_rest_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let content = fs::read(testdata("recorded").join("http.pcap")).unwrap();
    for (name, pack) in FORMATS {
        let mut bytes = [pack(&content), pack(&content[..1000])].concat();
        bytes.truncate(bytes.len() - 30);
        let path = folder.path().join(name);
        fs::write(&path, &bytes).unwrap();
        let args = [path.as_os_str(), "--format".as_ref(), "csv".as_ref()];
        let ended = run(args).exits(3);
        assert!(!ended.rows().is_empty(), "{name}");
        ended
            .says("data is damaged at about byte")
            .says(name.get(..1).unwrap());
    }
}

/// Content that is long and says nothing: records of zeros, each of this length with its header.
struct Zeros {
    record_len: usize,
    records: usize,
}

impl Zeros {
    /// 2 GiB.
    fn new(record_len: usize) -> Self {
        Self {
            record_len,
            records: (2 << 30) / record_len,
        }
    }

    fn file_header(&self) -> Vec<u8> {
        let fields = [0xa1b2_c3d4, 0x0004_0002, 0, 0, 262_144, 1_u32];
        fields.iter().flat_map(|it| it.to_le_bytes()).collect()
    }

    fn record_header(&self) -> Vec<u8> {
        let len = u32::try_from(self.record_len - 16).unwrap();
        let fields = [1_600_000_000, 0, len, len];
        fields.iter().flat_map(|it| it.to_le_bytes()).collect()
    }

    fn record(&self) -> Vec<u8> {
        let mut record = self.record_header();
        record.resize(self.record_len, 0);
        record
    }
}

/// One member of gzip, whose records refer to nothing before them.
fn gzip_bomb(zeros: &Zeros) -> Vec<u8> {
    let mut packer = Compress::new(flate2::Compression::fast(), false);
    let mut deflate = |content: &[u8], flush| {
        let mut bytes = Vec::with_capacity(2 * content.len() + 1000);
        packer.compress_vec(content, &mut bytes, flush).unwrap();
        bytes
    };
    let header = deflate(&zeros.file_header(), FlushCompress::Full);
    let records = deflate(&zeros.record(), FlushCompress::Full).repeat(zeros.records);
    let end = deflate(&[], FlushCompress::Finish);
    let (mut crc, mut record_crc) = (flate2::Crc::new(), flate2::Crc::new());
    crc.update(&zeros.file_header());
    record_crc.update(&zeros.record());
    for _ in 0..zeros.records {
        crc.combine(&record_crc);
    }
    let start = b"\x1f\x8b\x08\0\0\0\0\0\0\xff".to_vec();
    [start, header, records, end, trailer(&crc)].concat()
}

fn bgzf_bomb(zeros: &Zeros) -> Vec<u8> {
    let records = bgzf_block(&zeros.record()).repeat(zeros.records);
    [bgzf_block(&zeros.file_header()), records, bgzf_block(&[])].concat()
}

/// Frames of zstd with so many records each, as blocks of the same byte again and again.
fn zstd_bomb(zeros: &Zeros, records: usize) -> Vec<u8> {
    let start = b"\x28\xb5\x2f\xfd\0\x50".to_vec();
    let block = |header: usize| u32::try_from(header).unwrap().to_le_bytes()[..3].to_vec();
    let header = zeros.record_header();
    let zeros_len = zeros.record_len - header.len();
    let record = [
        block(header.len() << 3),
        header,
        block(zeros_len << 3 | 2),
        vec![0],
    ]
    .concat();
    let end = block(1);
    let frame = [start.clone(), record.repeat(records), end.clone()].concat();
    let header = zeros.file_header();
    let first = [start, block(header.len() << 3), header, end].concat();
    [first, frame.repeat(zeros.records / records)].concat()
}

#[test]
fn the_first_packets_of_many_parts_are_enough() {
    let zeros = Zeros::new(16 * 1024);
    let frames = zstd_bomb(&zeros, 64);
    let (reader, mut writer) = std::io::pipe().unwrap();
    // Nobody ends this but the program, which closes its end.
    let written = thread::spawn(move || while writer.write_all(&frames).is_ok() {});
    let program = Program::new().args(["--stdin", "--packet-max", "10"]);
    let ended = program.start_with(reader).wait().exits(0);
    ended.says("10 packets = 0 in flows + 10 not IP");
    written.join().unwrap();
}

/// The most memory that a process takes until it ends, in bytes.
fn peak_memory(running: &Running) -> u64 {
    let status = format!("/proc/{}/status", running.child.id());
    let mut peak = 0;
    // What has ended has no memory.
    while let Some(kib) = fs::read_to_string(&status)
        .unwrap()
        .lines()
        .find_map(|line| {
            let words = line.strip_prefix("VmHWM:")?.trim();
            words.strip_suffix(" kB")?.parse::<u64>().ok()
        })
    {
        peak = kib * 1024;
        thread::sleep(Duration::from_millis(2));
    }
    peak
}

#[test]
fn what_claims_to_hold_much_costs_time_and_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    let (large, small) = (Zeros::new(128 * 1024), Zeros::new(64 * 1024 - 256));
    let bombs = [
        ("gzip", gzip_bomb(&large), &large),
        ("bgzf", bgzf_bomb(&small), &small),
        ("zstd, one frame", zstd_bomb(&large, large.records), &large),
        ("zstd, frames of 8 MiB", zstd_bomb(&large, 64), &large),
        ("zstd, frames of 64 MiB", zstd_bomb(&large, 512), &large),
    ];
    for (name, bytes, zeros) in bombs {
        assert!(bytes.len() < 32 << 20, "{name} has {} bytes", bytes.len());
        let path = folder.path().join("packed");
        fs::write(&path, bytes).unwrap();
        let running = Program::new().args([&path]).start();
        let peak = peak_memory(&running);
        let ended = running.wait().exits(0);
        ended.says(&format!(
            "{} packets = 0 in flows + {0} not IP",
            zeros.records
        ));
        assert!(peak > 0 && peak < MOST_MEMORY, "{name} took {peak} bytes");
    }
}

/// Buffers, tables, and what is unpacked ahead.
const MOST_MEMORY: u64 = 400_000_000;

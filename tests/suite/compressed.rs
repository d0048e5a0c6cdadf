//! Compressed captures: the same answers as of what is in them.

use crate::common::program::{Program, run};
use crate::common::testdata;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What packs some bytes.
type Pack = fn(&[u8]) -> Vec<u8>;

const FORMATS: [(&str, Pack); 5] = [
    ("gz", gzip),
    ("zst", |bytes| zstd::encode_all(bytes, 1).unwrap()),
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

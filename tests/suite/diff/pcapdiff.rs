//! `--format pcapdiff`: the examples published by its authors, rebuilt.

use super::diff;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use testkit::checksum::{fold, sum_words};
use testkit::ethernet::{self, Ethernet};
use testkit::ip::{Checksum, DO_NOT_FRAGMENT, Ipv4};
use testkit::pcap::Pcap;
use testkit::transport::{Echo, ICMP};

/// An example: pings, some of whose replies are missing from the second capture.
struct Pings {
    local: Ipv4Addr,
    remote: Ipv4Addr,
    id: u16,
    /// Seconds and microseconds in each request's payload.
    stamps: [(u32, u32); 4],
    reply_ids: [u16; 4],
    reply_flags: u16,
    snaplen: usize,
    removed: &'static [usize],
}

const LAN: Pings = Pings {
    local: Ipv4Addr::new(192, 168, 10, 108),
    remote: Ipv4Addr::new(192, 168, 10, 110),
    id: 52_584,
    stamps: [
        (1_201_572_250, 532_500),
        (1_201_572_251, 532_495),
        (1_201_572_252, 532_449),
        (1_201_572_253, 532_550),
    ],
    reply_ids: [61_808, 61_809, 61_810, 61_811],
    reply_flags: 0,
    snaplen: 96,
    removed: &[1, 2],
};

const WAN: Pings = Pings {
    local: Ipv4Addr::new(192, 168, 2, 101),
    remote: Ipv4Addr::new(64, 233, 161, 147),
    id: 9239,
    stamps: [
        (1_201_623_871, 933_289),
        (1_201_623_872, 936_058),
        (1_201_623_873, 936_085),
        (1_201_623_874, 936_096),
    ],
    reply_ids: [0; 4],
    reply_flags: DO_NOT_FRAGMENT,
    snaplen: 65_535,
    removed: &[0, 1, 2],
};

impl Pings {
    fn frame(&self, turn: usize, is_reply: bool) -> Vec<u8> {
        let (seconds, micros) = self.stamps[turn];
        let mut message = Vec::new();
        Echo {
            kind: if is_reply { 0 } else { 8 },
            id: self.id,
            sequence: u16::try_from(turn + 1).unwrap(),
        }
        .put(&mut message);
        message.extend(seconds.to_le_bytes());
        message.extend(micros.to_le_bytes());
        message.extend(8..0x38);
        let sum = fold(sum_words(&message)).to_be_bytes();
        message[2..4].copy_from_slice(&sum);
        let (src, dst) = if is_reply {
            (self.remote, self.local)
        } else {
            (self.local, self.remote)
        };
        let packet = Ipv4 {
            id: if is_reply { self.reply_ids[turn] } else { 0 },
            fragment: if is_reply {
                self.reply_flags
            } else {
                DO_NOT_FRAGMENT
            },
            checksum: Checksum::Valid,
            ..Ipv4::new(src, dst, ICMP)
        }
        .packet(&message);
        Ethernet {
            src: [2, 0, 0, 0, 0, 1],
            dst: [2, 0, 0, 0, 0, 2],
            tags: &[],
            ether_type: ethernet::IPV4,
        }
        .frame(&packet)
    }

    /// Both captures. At the second point, requests are later and replies earlier.
    fn captures(&self, folder: &Path, delay: u32) -> [PathBuf; 2] {
        [false, true].map(|is_second| {
            let mut file = Pcap::COMMON.file_header();
            for (turn, (seconds, micros)) in self.stamps.iter().enumerate() {
                for is_reply in [false, true] {
                    if is_second && is_reply && self.removed.contains(&turn) {
                        continue;
                    }
                    let frame = self.frame(turn, is_reply);
                    let wire_len = u32::try_from(frame.len()).unwrap();
                    let later = match (is_second, is_reply) {
                        (false, false) => 30,
                        (true, false) => 30 + delay,
                        (true, true) => 930 - delay,
                        (false, true) => 930,
                    };
                    let captured = &frame[..frame.len().min(self.snaplen)];
                    let time = (*seconds, *micros + later);
                    file.extend(Pcap::COMMON.record(time, wire_len, captured));
                }
            }
            let path = folder.join(if is_second { "dst.cap" } else { "src.cap" });
            fs::write(&path, file).unwrap();
            path
        })
    }
}

fn text(a: &Path, b: &Path, local: Ipv4Addr, remote: Ipv4Addr) -> String {
    let (local, remote) = (local.to_string(), remote.to_string());
    let args = ["--format", "pcapdiff", "--ip-a", &local, "--ip-b", &remote];
    diff(a, b, args).exits(4).text().to_owned()
}

#[test]
fn replies_that_only_the_receiver_has() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = LAN.captures(folder.path(), 150);
    let expected = include_str!("pings-lan.txt");
    assert_eq!(text(&a, &b, LAN.local, LAN.remote), expected);
}

#[test]
fn replies_without_identification() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = WAN.captures(folder.path(), 0);
    let expected = include_str!("pings-wan.txt");
    assert_eq!(text(&a, &b, WAN.local, WAN.remote), expected);
    let expected = include_str!("pings-wan-reversed.txt");
    assert_eq!(text(&b, &a, WAN.remote, WAN.local), expected);
}

#[test]
fn the_same_address_twice_is_no_pair() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = WAN.captures(folder.path(), 0);
    let local = WAN.local.to_string();
    let args = ["--format", "pcapdiff", "--ip-a", &local, "--ip-b", &local];
    diff(&a, &b, args)
        .exits(2)
        .says("the two addresses are the same: 192.168.2.101")
        .prints_nothing();
}

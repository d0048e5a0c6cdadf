//! Fingerprints of hellos: JA3 and JA3S (<https://github.com/salesforce/ja3>), and JA4
//! (<https://github.com/FoxIO-LLC/ja4>; the TLS client fingerprint is free to use).

use super::hello::{ALPN, ClientHello, SERVER_NAME, ServerHello};
use crate::app::digest::hex;
use md5::Md5;
use sha2::{Digest, Sha256};

/// The transport of a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// TCP.
    Tcp,
    /// QUIC.
    Quic,
}

impl ClientHello {
    /// The JA3 fingerprint.
    pub fn ja3(&self) -> String {
        let text = format!(
            "{},{},{},{},{}",
            self.legacy_version,
            dashed(plain(&self.ciphers)),
            dashed(plain(&self.extensions)),
            dashed(plain(&self.groups)),
            dashed(self.point_formats.iter().copied()),
        );
        hex(&Md5::digest(text))
    }

    /// The JA4 fingerprint.
    pub fn ja4(&self, carrier: Carrier) -> String {
        let carrier = match carrier {
            Carrier::Tcp => 't',
            Carrier::Quic => 'q',
        };
        let version = plain(&self.versions).max().unwrap_or(self.legacy_version);
        let name = if self.extensions.contains(&SERVER_NAME) {
            'd'
        } else {
            'i'
        };
        let ciphers: Vec<u16> = plain(&self.ciphers).collect();
        let extensions: Vec<u16> = plain(&self.extensions).collect();
        format!(
            "{carrier}{}{name}{:02}{:02}{}_{}_{}",
            version_text(version),
            ciphers.len().min(99),
            extensions.len().min(99),
            alpn_text(self.alpn.first()),
            digest(&sorted(ciphers)),
            digest(&self.extensions_text(extensions)),
        )
    }

    /// Extensions and signature algorithms, joined as by Suricata: with an underscore even if one
    /// of them is missing. FoxIO's text omits it, and has zeros if both are missing. Current
    /// clients are the same in both.
    fn extensions_text(&self, extensions: Vec<u16>) -> String {
        let extensions = extensions.into_iter();
        let others = extensions.filter(|it| ![SERVER_NAME, ALPN].contains(it));
        let text = sorted(others.collect());
        let signatures: Vec<String> = plain(&self.signatures)
            .map(|it| format!("{it:04x}"))
            .collect();
        format!("{text}_{}", signatures.join(","))
    }
}

impl ServerHello {
    /// The JA3S fingerprint.
    pub fn ja3s(&self) -> String {
        let extensions = dashed(self.extensions.iter().copied());
        let text = format!("{},{},{extensions}", self.legacy_version, self.cipher);
        hex(&Md5::digest(text))
    }
}

/// The numbers without GREASE values (RFC 8701).
fn plain(numbers: &[u16]) -> impl Iterator<Item = u16> {
    let numbers = numbers.iter().copied();
    numbers.filter(|it| it & 0x0f0f != 0x0a0a || it >> 8 != it & 0xff)
}

fn dashed<N: ToString>(numbers: impl Iterator<Item = N>) -> String {
    let texts: Vec<String> = numbers.map(|it| it.to_string()).collect();
    texts.join("-")
}

fn sorted(mut numbers: Vec<u16>) -> String {
    numbers.sort_unstable();
    let texts: Vec<String> = numbers.iter().map(|it| format!("{it:04x}")).collect();
    texts.join(",")
}

/// The first twelve hexadecimal digits of a hash; zeros for an empty text.
fn digest(text: &str) -> String {
    if text.is_empty() {
        return "0".repeat(12);
    }
    let mut digits = hex(&Sha256::digest(text));
    digits.truncate(12);
    digits
}

const fn version_text(version: u16) -> &'static str {
    match version {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        0xfeff => "d1",
        0xfefd => "d2",
        0xfefc => "d3",
        _ => "00",
    }
}

/// The first and last characters of the first protocol name.
fn alpn_text(name: Option<&Vec<u8>>) -> String {
    let Some((first, last)) = name.and_then(|it| it.first().zip(it.last())) else {
        return "00".to_owned();
    };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return [*first, *last].map(char::from).iter().collect();
    }
    let digits = format!("{first:02x}{last:02x}");
    let ends = [digits.chars().next(), digits.chars().last()];
    ends.into_iter().flatten().collect()
}

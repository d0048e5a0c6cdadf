//! What the command line says.

use crate::shape::{BULK, MIX, SMALL, Shape};
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::ops::RangeInclusive;

pub(crate) const USAGE: &str = "\
usage: shapes <mix|small|bulk> <FILE|-> [options]

  --seed N             another capture of the same shape (default 1)
  --scale X            so many times the shape's packets and flows, e.g. 0.05 (default 1)
  --packets N          exactly so many packets, flows in proportion (instead of --scale)
  --ipv6 PERCENT       conversations over IPv6 (default 0)
  --vlan PERCENT       conversations with an 802.1Q tag, one in eight of them with two (default 0)
  --vxlan PERCENT      conversations inside VXLAN over IPv4 (default 0)
  --fragments PERCENT  conversations whose packets come as two IP fragments each (default 0)
  --macs N             pairs of host MAC addresses (default 16)
";

pub(crate) struct Options {
    pub(crate) shape: &'static Shape,
    /// `None` is standard output.
    pub(crate) path: Option<OsString>,
    pub(crate) seed: u64,
    pub(crate) packet_count: u64,
    pub(crate) shares: Shares,
    pub(crate) mac_pairs: u64,
}

/// How many conversations in a hundred are wrapped in what.
#[derive(Default)]
pub(crate) struct Shares {
    pub(crate) ipv6: u64,
    pub(crate) vlan: u64,
    pub(crate) vxlan: u64,
    pub(crate) fragments: u64,
}

pub(crate) enum Request {
    Help,
    Write(Options),
}

pub(crate) fn parse_args(args: impl Iterator<Item = OsString>) -> Result<Request, String> {
    let mut args = args;
    let mut positional = Vec::new();
    let mut seed = 1;
    let mut scale = None;
    let mut packets = None;
    let mut shares = Shares::default();
    let mut mac_pairs = 16;
    while let Some(arg) = args.next() {
        let name = match arg.to_str() {
            Some("-h" | "--help") => return Ok(Request::Help),
            Some(name) if name.starts_with("--") => name,
            _ => {
                positional.push(arg);
                continue;
            }
        };
        let (name, attached) = match name.split_once('=') {
            Some((name, value)) => (name, Some(OsString::from(value))),
            None => (name, None),
        };
        let mut value = || {
            let value = attached.clone().or_else(|| args.next());
            let value = value.ok_or_else(|| format!("{name} needs a value"))?;
            value
                .into_string()
                .map_err(|value| format!("{name}: '{}' is not text", value.display()))
        };
        match name {
            "--seed" => seed = parse_number(name, &value()?, 0..=u64::MAX)?,
            "--scale" => scale = Some(parse_millionths(name, &value()?)?),
            "--packets" => packets = Some(parse_number(name, &value()?, 0..=MAX_PACKETS)?),
            "--ipv6" => shares.ipv6 = parse_number(name, &value()?, 0..=100)?,
            "--vlan" => shares.vlan = parse_number(name, &value()?, 0..=100)?,
            "--vxlan" => shares.vxlan = parse_number(name, &value()?, 0..=100)?,
            "--fragments" => shares.fragments = parse_number(name, &value()?, 0..=100)?,
            "--macs" => mac_pairs = parse_number(name, &value()?, 1..=1 << 24)?,
            _ => return Err(format!("unknown option '{name}'")),
        }
    }
    let Ok([shape, path]) = <[OsString; 2]>::try_from(positional) else {
        return Err("a shape (mix, small or bulk) and a file name (or -) are needed".to_owned());
    };
    let shape = match shape.to_str() {
        Some("mix") => &MIX,
        Some("small") => &SMALL,
        Some("bulk") => &BULK,
        _ => {
            return Err(format!(
                "'{}' is not a shape: take mix, small or bulk",
                shape.display()
            ));
        }
    };
    let packet_count = match (scale, packets) {
        (Some(_), Some(_)) => return Err("give --scale or --packets, not both".to_owned()),
        (None, Some(packets)) => packets,
        (Some(millionths), None) => {
            let packets = u128::from(shape.packet_count) * u128::from(millionths) / 1_000_000;
            match u64::try_from(packets) {
                Ok(packets) if packets <= MAX_PACKETS => packets,
                _ => return Err(format!("--scale asks for more than {MAX_PACKETS} packets")),
            }
        }
        (None, None) => shape.packet_count,
    };
    let path = if path == "-" {
        if io::stdout().is_terminal() {
            return Err("standard output is a terminal: send it to a file or a pipe".to_owned());
        }
        None
    } else {
        Some(path)
    };
    Ok(Request::Write(Options {
        shape,
        path,
        seed,
        packet_count,
        shares,
        mac_pairs,
    }))
}

fn parse_number(name: &str, text: &str, allowed: RangeInclusive<u64>) -> Result<u64, String> {
    match text.replace('_', "").parse() {
        Ok(number) if allowed.contains(&number) => Ok(number),
        _ => {
            let (least, most) = (allowed.start(), allowed.end());
            Err(format!(
                "{name}: '{text}' is not a whole number from {least} to {most}"
            ))
        }
    }
}

/// Reads `0.05` as 50,000 millionths: a decimal number without rounding.
pub(crate) fn parse_millionths(name: &str, text: &str) -> Result<u64, String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{fraction:0<6}");
    let plain = fraction.len() <= 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
    match digits.parse() {
        Ok(millionths) if plain && millionths > 0 => Ok(millionths),
        _ => Err(format!(
            "{name}: '{text}' is not a number above 0 with at most six decimals"
        )),
    }
}

/// Keeps the number of conversations below 2²⁷, which is what the address plan can tell apart.
const MAX_PACKETS: u64 = 1_000_000_000;

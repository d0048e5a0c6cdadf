//! Tunnels: which are entered, what lists say of them, and which networks are told apart.

mod kinds;
mod networks;
mod packed;
mod ports;

use crate::common::program::{Program, Row};
use testkit::pcap::Pcap;

/// The rows of a capture of these frames, as csv.
#[track_caller]
pub(super) fn list(frames: &[Vec<u8>], options: &[&str]) -> Vec<Row> {
    let capture = Pcap::COMMON.file(frames.iter().cloned());
    let args = ["-", "--format", "csv", "--decap"];
    let ended = Program::new().args(args).args(options);
    ended.input(&capture, 65_536).run().exits(0).rows()
}

/// What a row says of a flow: protocol and ends, tunnel and its id.
pub(super) fn told(row: &Row) -> String {
    let value = |name: &str| row[name].as_str();
    let end = |side: &str| {
        format!(
            "{}:{}",
            row[&format!("{side}_ip")],
            row[&format!("{side}_port")]
        )
    };
    format!(
        "{} {} {} | {} {}",
        value("protocol"),
        end("src"),
        end("dst"),
        value("tunnel"),
        value("tunnel_id")
    )
}

/// A capture of one frame has the inner flow of all tests, by this tunnel.
#[track_caller]
pub(super) fn is_entered(what: &str, frame: Vec<u8>, tunnel: &str, options: &[&str]) {
    let rows = list(&[frame], options);
    let expected = format!("{INNER} | {tunnel}");
    assert_eq!(
        rows.iter().map(told).collect::<Vec<_>>(),
        [expected],
        "{what}"
    );
}

/// A capture of one frame has the flow of the tunnel's ends alone.
#[track_caller]
pub(super) fn is_left(what: &str, frame: Vec<u8>, protocol: &str, options: &[&str]) {
    let rows = list(&[frame], options);
    let found = rows.iter().map(told).collect::<Vec<_>>();
    let is_outer = |it: &String| it.starts_with(&format!("{protocol} ")) && it.ends_with(" |  ");
    assert!(
        matches!(found.as_slice(), [row] if is_outer(row)),
        "{what}: {found:?}"
    );
    assert!(found[0].contains(" 10.0.0.101:"), "{what}: {found:?}");
}

/// What lists say of [`testkit::tunnel::inner_packet`].
const INNER: &str = "tcp 10.0.0.1:40000 10.0.0.2:80";

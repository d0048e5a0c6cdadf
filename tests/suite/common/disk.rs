//! A disk with little room.

use super::program::{Ended, run_other};
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// What is said where such a disk cannot be had.
pub(crate) const NO_DISK: &str = "no small disk can be had here: nothing to test";

/// Runs the program with a disk of 1 MiB at `disk`; what is on it at the end is copied to `kept`.
/// `None` where such a disk cannot be had.
pub(crate) fn run_with_little_room(disk: &Path, kept: &Path, args: &[&OsStr]) -> Option<Ended> {
    const SCRIPT: &str = r#"
        disk=$1 kept=$2
        shift 2
        mount -t tmpfs -o size=1m none "$disk" || exit 99
        "$@"
        code=$?
        cp -a "$disk/." "$kept"
        exit $code
    "#;
    let mut command = Command::new("unshare");
    command.args([
        "--user",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        SCRIPT,
        "sh",
    ]);
    command.args([disk, kept]);
    command.arg(env!("CARGO_BIN_EXE_pcap_flows")).args(args);
    let ended = run_other(command)?;
    let code = ended.status.code();
    // unshare fails with 1 and its own name in front.
    let is_possible = code != Some(99) && !ended.stderr.starts_with("unshare: ");
    is_possible.then_some(ended)
}

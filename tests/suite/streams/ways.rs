//! All ways to read and to write the streams of a trace.

use crate::common::program::Program;
use crate::common::streams::{Extracted, extracted, tcp_streams};
use pcap_flows::output::stream::HeaderStyle;
use testkit::conversation::Trace;

/// Sizes of windows, and whether the capture comes from a pipe.
const WAYS: [(&str, bool); 4] = [
    ("1", false),
    ("70000", false),
    ("100000000", false),
    ("1", true),
];

/// All ways to read and to write the streams of a trace.
pub(super) fn all_ways(
    trace: &Trace,
    options: &[&str],
    mut check: impl FnMut(&str, Extracted, Option<HeaderStyle>),
) {
    for (window, is_pipe) in WAYS {
        for header in [None, Some(HeaderStyle::Packed), Some(HeaderStyle::Extended)] {
            let mut options = [options, &["--window-bytes", window]].concat();
            options.extend(header.map(|style| match style {
                HeaderStyle::Extended => "--tcpheader=extended",
                _ => "--tcpheader",
            }));
            let extracted = if is_pipe {
                let program = Program::new()
                    .args(["-", "--extract-tcp-all"])
                    .args(&options);
                extracted(program.input(&trace.file(), 5000))
            } else {
                tcp_streams(trace, &options)
            };
            check(&format!("pipe {is_pipe}, {options:?}"), extracted, header);
        }
    }
}

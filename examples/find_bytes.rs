//! Finds a text in the TCP streams of a capture, wherever segments divide it: a `Handler` in each
//! shard.
//!
//! ```text
//! cargo run --release --example find_bytes
//! ```
#![expect(clippy::print_stdout, reason = "it shows what it does")]

use pcap_flows::engine::{Config, Progress, Source, Window, run};
use pcap_flows::flow::{FlowList, NetworkKey};
use pcap_flows::jobs::{Follow, Following};
use pcap_flows::stream::{Answer, Handler, PayloadSpan, Selected, Shared, Side, Tracker};
use pcap_flows::tcp::Piece;
use std::error::Error;

const NEEDLE: &[u8] = b"Content-Length: ";

/// What was found in one shard's connections.
#[derive(Debug, Default)]
struct Finder {
    /// Sender and receiver, and the offset in the stream.
    found: Vec<(NetworkKey, u64)>,
    error: Option<pcap_flows::Error>,
}

impl Handler for Finder {
    /// The last bytes of a direction, which may be the start of the needle.
    type State = Vec<u8>;

    fn data(&mut self, side: Side<'_, Vec<u8>>, offset: u64, span: PayloadSpan) -> Answer {
        let mut scratch = Vec::new();
        let bytes = match span.read(0, span.len(), &side.source, &mut scratch) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.error.get_or_insert(error);
                return Answer::Stop;
            }
        };
        let network = side.network();
        let start = offset - side.state.len() as u64;
        side.state.extend_from_slice(bytes);
        let places = side.state.windows(NEEDLE.len()).enumerate();
        let places = places.filter(|(_, it)| *it == NEEDLE);
        let found = places.map(|(place, _)| (network, start + place as u64));
        self.found.extend(found);
        let kept = side.state.len().min(NEEDLE.len() - 1);
        side.state.drain(..side.state.len() - kept);
        Answer::Continue
    }

    fn gap(
        &mut self,
        side: Side<'_, Vec<u8>>,
        _: u64,
        _: u32,
        _: pcap_flows::capture::Nanos,
    ) -> Answer {
        side.state.clear();
        Answer::Continue
    }
}

struct Find {
    shared: Shared,
    found: Vec<(NetworkKey, u64)>,
}

impl Find {
    fn collect(&mut self, trackers: Vec<&mut Tracker<Finder>>) -> Result<u64, pcap_flows::Error> {
        for tracker in trackers {
            self.found.append(&mut tracker.handler.found);
            if let Some(error) = tracker.handler.error.take() {
                return Err(error);
            }
        }
        Ok(0)
    }
}

impl Follow for Find {
    type Handler = Finder;

    fn handler(&self) -> Finder {
        Finder::default()
    }

    fn shared(&self) -> &Shared {
        &self.shared
    }

    fn shared_mut(&mut self) -> &mut Shared {
        &mut self.shared
    }

    fn window(
        &mut self,
        window: &Window<'_>,
        flows: &FlowList,
        mut trackers: Vec<&mut Tracker<Finder>>,
    ) -> Result<u64, pcap_flows::Error> {
        self.shared
            .window_ends(window.bytes, flows, &mut trackers)?;
        self.collect(trackers)
    }

    fn finish(
        &mut self,
        _: &FlowList,
        mut trackers: Vec<&mut Tracker<Finder>>,
    ) -> Result<u64, pcap_flows::Error> {
        self.shared.finish(&mut trackers)?;
        self.collect(trackers)
    }
}

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let config = Config::default();
    let mut job = Following(Find {
        // All connections, and at most 1 GiB of what waits for gaps.
        shared: Shared::new(Selected::all(), config.conversations, 1 << 30),
        found: Vec::new(),
    });
    let source = Source::Path("testdata/recorded/http.pcap".into());
    run(&config, vec![source], &mut job, &Progress::default())?;
    for (network, offset) in &job.0.found {
        println!("{network}: byte {offset}");
    }
    assert_eq!(job.0.found.len(), 4);
    Ok(())
}

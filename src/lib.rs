//! A high-throughput flow extractor for packet captures.
//!
//! A packet's way: [`capture`] finds records in the bytes of files and streams, [`decode`] their
//! headers, [`flow`] keeps the flows' tables, [`select`] says which of them are wanted, [`output`]
//! writes them. [`engine`] drives windows of records through these in parallel; [`jobs`] are what
//! the program's commands do, each one a configuration and a function.
//!
//! There are two ways to use the library.
//!
//! # As the program does it
//!
//! A [run](engine::run) reads whole captures on all cores, as fast as they come, and gives a list
//! of flows; an [`Observer`](flow::Observer) or a [`Job`](engine::Job) sees the packets.
//!
//! ```
//! use pcap_flows::engine::{Config, Progress, Source, run};
//!
//! let source = Source::Path("testdata/recorded/http.pcap".into());
//! let outcome = run(&Config::default(), vec![source], &mut (), &Progress::default())?;
//! assert!(outcome.balance.is_even());
//! for flow in outcome.flows.iter().take(3) {
//!     println!("{}: {} -> {}", flow.id, flow.key.network.src, flow.key.network.dst);
//! }
//! # Ok::<(), pcap_flows::Error>(())
//! ```
//!
//! # Packet by packet
//!
//! A program that decides at each packet what to do with it goes by these, each of which can be
//! used without the others:
//!
//! 1. [`Capture`](capture::Capture) opens a capture of any format and byte order, and gives its
//!    [records](capture::Record) with their offsets.
//! 2. [`Packet`](decode::Packet) reads of a record what it is asked for, and nothing else: the
//!    addresses first, so that packets of [some networks](select::IpNet) can be left out before
//!    anything else of them is parsed; ports, flags, payload.
//! 3. [`FlowKey::of`](flow::FlowKey::of) keys a packet; [`NetworkKey`](flow::NetworkKey) is the
//!    5-tuple alone, and [`community_id`](flow::community_id) what other tools call it.
//! 4. [`FlowTable`](flow::FlowTable) counts packets by their keys, keeps the places of their
//!    records, and is saved and loaded.
//! 5. [`Carver`](capture::Carver) reads single records again, by their offsets.
//!    [`CaptureWriter::record`](output::capture::CaptureWriter::record) writes them to another
//!    capture.
//!
//! ```
//! use pcap_flows::capture::{Capture, Carver};
//! use pcap_flows::decode::Packet;
//! use pcap_flows::flow::{FlowKey, FlowTable, RecordPlace};
//! use std::path::Path;
//!
//! let path = Path::new("testdata/recorded/http.pcap");
//! let mut table = FlowTable::of_conversations();
//! let file = table.add_file(path);
//! let mut capture = Capture::open(path)?;
//! while let Some(record) = capture.next_record()? {
//!     let packet = Packet::of(&record);
//!     let Ok(key) = FlowKey::of(&packet) else { continue };
//!     let id = table.add(&key, record.time, record.wire_len, packet.tcp_flags().unwrap_or(0));
//!     table.keep(id, RecordPlace { file, offset: record.offset });
//! }
//! let mut carver = Carver::open(path)?;
//! for place in table.records(1) {
//!     let record = carver.record_at(place.offset)?;
//!     assert!(Packet::of(&record).ports().is_some());
//! }
//! # Ok::<(), pcap_flows::Error>(())
//! ```
//!
//! Programs that can be run, and are tested, in `examples/`:
//!
//! | example | shows |
//! |---|---|
//! | `consecutive` | two consecutive files, a session that spans them, carved by its saved offsets |
//! | `records` | the records of captures of either byte order, and of damaged ones |
//! | `ignore_addresses` | packets left out by their addresses, before anything else is parsed |
//! | `flow_table` | a flow table with names of servers and Community IDs, saved and loaded |
//!
//! docs/library.md leads to the API by tasks.

pub mod app;
pub mod capture;
pub mod decode;
pub mod diff;
pub mod engine;
pub mod error;
pub mod flow;
pub mod index;
pub mod jobs;
mod number;
pub mod output;
pub mod select;
pub mod stream;
pub mod tcp;

pub use error::{Error, ErrorKind};

/// The programs in docs/library.md, which run as tests.
#[cfg(doctest)]
#[doc = include_str!("../docs/library.md")]
mod library {}

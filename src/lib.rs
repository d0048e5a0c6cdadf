//! A high-throughput flow extractor for packet captures.
//!
//! A packet's way: [`capture`] finds records in the bytes of files and streams, [`decode`] their
//! headers, [`flow`] keeps the flows' tables, [`select`] says which of them are wanted, [`output`]
//! writes them. [`engine`] drives windows of records through these in parallel; [`jobs`] are what
//! the program's commands do, each one a configuration and a function.
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

pub mod capture;
pub mod decode;
pub mod engine;
pub mod error;
pub mod flow;
pub mod index;
pub mod jobs;
pub mod output;
pub mod select;
pub mod tcp;

pub use error::{Error, ErrorKind};

//! Windows, phases, and the account of every packet.
//!
//! [`run()`] reads captures from start to end. A program that must do something between windows
//! steps through a [`Run`] by itself:
//!
//! ```
//! use pcap_flows::engine::{Config, Progress, Resume, Run, Source, Workers};
//!
//! let config = Config::default();
//! let workers = Workers::new(&config.tuning)?;
//! let sources = vec![Source::Path("testdata/recorded/http.pcap".into())];
//! let progress = Progress::default();
//! let mut job = ();
//! let mut run = Run::start(&config, &workers, sources, Resume::default(), &mut job, &progress)?;
//! while let Some(window) = run.step()? {
//!     println!("{} packets, {} flows so far", window.packets, window.flows);
//! }
//! let outcome = run.finish()?;
//! assert_eq!(outcome.balance.packets, 66);
//! # Ok::<(), pcap_flows::Error>(())
//! ```

mod arrange;
mod balance;
mod chunk;
mod config;
mod copies;
mod folder;
mod job;
mod lists;
mod memory;
mod progress;
mod report;
mod rules;
mod run;
mod source;
mod window;
mod workers;

pub use arrange::{Arranged, InputOrder, arrange};
pub use balance::{Balance, Oddity, Place};
pub use config::{Config, Duplicates, Restriction, Tuning};
pub use folder::LeftOut;
pub use job::{InputStart, Job, Needs, Window};
pub use memory::{MemoryWatch, available_memory};
pub use progress::{Progress, Snapshot, Stopwatch};
pub use report::{Findings, Gate, InputReport, Outcome, Overlaps, Resume};
pub use run::{Run, Step, run, run_on};
pub use source::Source;
pub use workers::Workers;

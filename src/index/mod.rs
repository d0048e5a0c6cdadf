//! FLOW LIST → FILE → FLOW LIST: an index of captures, from which sessions are carved.
//!
//! An index is a Parquet file with one row for each flow, and at least one more file with the
//! places of the flows' records. `NAME` and `NAME.packets-1`, `NAME.packets-2` … belong
//! together and are moved together. Any Parquet reader can query them.
//!
//! # The flows
//!
//! The columns of the flow list (the device's and those of the other direction where these were
//! requested), and those that an analyst filters by:
//!
//! | column | what |
//! |---|---|
//! | `handshake` | after the SYN of this side, or of both in conversations, an ACK went this way |
//! | `retransmissions` | TCP segments with payload, or a SYN, that start before bytes that were sent already: repeated in whole or in part, or late |
//! | `payload_bytes` | bytes after the transport header, including those that were not captured |
//! | `first_payload` | the first bytes of the first payload that was captured, at most eight |
//! | `server_name` | of a TLS ClientHello, or a request of HTTP, in the first payload |
//! | `community_id` | version 1, seed 0; not for ICMP |
//! | `fragments` | packets that are fragments of datagrams |
//! | `next_seq`, `tcp_state` | the state of a connection, for a later capture to continue it: [`Summary::next_seq`], [`Summary::tcp_state`] |
//!
//! Rows are in the order of FlowIDs, one for each of 1, 2, 3 ….
//!
//! # The packets
//!
//! | column | what |
//! |---|---|
//! | `flow_id` | the flow; 0 for packets that are in none |
//! | `capture` | which of the captures, from 0 |
//! | `offsets` | where the records start in the capture (as it is when unpacked), in bytes, ascending |
//!
//! A flow has a row for each gigabyte of the captures in which it has packets, and for each
//! capture; rows are in the order of gigabytes, then of FlowIDs.
//!
//! # Notes
//!
//! The file's metadata has, as JSON under `pcap_flows.index`, a [`Notes`]: how the flows were
//! keyed, which captures there are (name, size, time of change, a digest of the head, the
//! blocks that are no packets), the files with packets, and the balance.

mod columns;
mod connections;
mod identity;
mod lock;
mod notes;
mod packets;
mod places;
mod reader;
mod rows;
mod summary;
mod table;
mod writer;

pub(crate) use connections::{
    ConnectionTable, connections_note, connections_path, is_connection_table,
};
pub use identity::{Identity, check};
pub use lock::IndexLock;
pub use notes::{CaptureNote, Notes, PartNote, Settings, Totals};
pub use packets::{Posting, Postings};
pub use places::PacketPlaces;
pub use reader::Index;
pub use rows::FlowRows;
pub use summary::{NamedSummary, Resumed, Stretch, Summaries, Summary};
pub use writer::IndexWriter;

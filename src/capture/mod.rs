//! Bytes to records: where captures come from, their formats, and walking them.

mod bytes;
mod compressed;
mod excerpt;
mod format;
mod input;
mod linktype;
mod mmap;
mod pcap;
mod pcapng;
pub(crate) mod prefetch;
mod record;
mod split;
mod stream;
mod timestamp;

pub use bytes::ByteOrder;
pub use excerpt::{Excerpt, Excerpted, Places};
pub use format::{Companion, CompanionKind, Format, ProbeError, Walk};
pub use input::{Input, View, known_len, widen_pipe};
pub use linktype::LinkType;
pub use pcap::{PcapFormat, Variant};
pub use pcapng::{Interface, Section};
pub use record::{Damage, DamageKind, PacketRecord, Stop};
pub use split::{Resync, find_boundary, find_resync, looks_like_record};
pub use timestamp::{Nanos, TimeUnit};

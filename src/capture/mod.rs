//! Bytes to records: where captures come from, their formats, and walking them.

mod bytes;
mod carver;
mod compressed;
mod excerpt;
mod format;
mod input;
mod linktype;
mod lost;
mod mmap;
mod pcap;
mod pcapng;
pub(crate) mod prefetch;
mod reader;
mod record;
mod recovery;
mod split;
mod stream;
mod timestamp;

pub use bytes::ByteOrder;
pub use carver::Carver;
pub use compressed::Content;
pub use excerpt::{Excerpt, Excerpted, Places};
pub use format::{Companion, CompanionKind, Format, ProbeError, Start, Walk};
pub use input::{Input, View, known_len, widen_pipe};
pub use linktype::LinkType;
pub use lost::survive_lost_pages;
pub use pcap::{PcapFormat, Variant};
pub(crate) use pcapng::new_section_header;
pub use pcapng::{Interface, Section};
pub use reader::{Capture, Record};
pub use record::{Damage, DamageKind, PacketRecord, Stop};
pub(crate) use recovery::{Obstacle, seconds_of};
pub use split::{Resync, find_boundary, find_resync, looks_like_record};
pub use timestamp::{Nanos, TimeUnit};

//! Bytes to records: where captures come from, their formats, and walking them.

mod blocks;
mod bytes;
mod carver;
mod compressed;
mod cursor;
mod direct;
mod erf;
mod excerpt;
mod first;
mod format;
mod input;
mod joined;
mod linktype;
mod lost;
mod merge;
mod mmap;
mod part_report;
mod pcap;
mod pcapng;
mod position;
pub(crate) mod prefetch;
mod reader;
mod record;
mod recovery;
mod split;
mod stream;
mod timestamp;
mod zeros;

pub(crate) use blocks::{
    interface_block, named_interface_block, put_commented_packet, put_enhanced_packet,
};
pub use bytes::ByteOrder;
pub use carver::Carver;
pub use compressed::Content;
pub(crate) use cursor::Cursor;
pub(crate) use erf::{carried as erf_packet, contents as erf_contents};
pub use excerpt::{Excerpt, ExcerptMap, Excerpted};
pub use first::FirstLook;
pub use format::{Format, ProbeError, SideBlock, SideBlockKind, Start, Walk};
pub use input::{Input, View, known_len, widen_pipe};
pub use linktype::LinkType;
pub use lost::survive_lost_pages;
pub use merge::{Merge, MergePart};
pub use part_report::PartReport;
pub use pcap::{PcapFormat, Variant};
pub(crate) use pcapng::new_section_header;
pub use pcapng::{Interface, Section};
pub use position::Position;
pub use reader::{Capture, Record};
pub use record::{Damage, DamageKind, PacketRecord, Stop};
pub use split::{Resync, find_boundary, find_resync, looks_like_record};
pub(crate) use split::{Successor, successor};
pub use timestamp::{Nanos, TimeUnit};

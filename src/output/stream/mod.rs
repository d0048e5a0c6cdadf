//! What is written for reassembled streams: names of files, header records, the manifest.

mod manifest;
mod names;
mod record;

pub use manifest::{Gap, ManifestFormat, ManifestWriter, StreamEnd, StreamRow};
pub use names::{NameStyle, NameTemplate, NameTemplateError, StreamLabel};
pub use record::{HeaderStyle, Record, RecordError, RecordHeader, RecordReader, TcpFields};

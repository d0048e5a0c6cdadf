//! What is written for reassembled streams: files and archives, their names, header records, the
//! manifest.

mod archive;
mod folder;
mod manifest;
mod names;
mod record;

pub use archive::Archive;
pub use folder::{FileId, Folder};
pub use manifest::{ManifestFormat, ManifestWriter, StreamRow};
pub use names::{NameStyle, NameTemplate, NameTemplateError, StreamLabel};
pub use record::{HeaderStyle, Record, RecordError, RecordHeader, RecordReader, TcpFields};

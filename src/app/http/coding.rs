//! Content codings (RFC 9110, section 8.4.1): decoding of bodies.

use super::options::HttpOptions;
use super::store::{BodyStore, StoredBody};
use sha2::{Digest, Sha256};
use std::io::{self, Write};
use std::sync::Arc;

/// The decoded content, at the end of a chain of codings.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) kept: Vec<u8>,
    pub(super) bytes: u64,
    limit: usize,
    hash: Option<Sha256>,
    store: Option<Arc<dyn BodyStore>>,
    stored: Option<Box<dyn StoredBody>>,
    /// Limit on decoded bytes, given the bytes fed so far.
    most: u64,
    pub(super) is_over: bool,
    /// Bytes fed into the codings.
    fed: u64,
}

impl Content {
    pub(super) fn new(options: &HttpOptions) -> Self {
        let needs_hash = options.hash || options.store.is_some();
        Self {
            kept: Vec::new(),
            bytes: 0,
            limit: options.body_limit,
            hash: needs_hash.then(Sha256::new),
            store: options.store.clone(),
            stored: None,
            most: 0,
            is_over: false,
            fed: 0,
        }
    }

    /// Raises the limit for `len` more bytes of input.
    fn allow(&mut self, len: usize) {
        self.fed = self.fed.saturating_add(len as u64);
        let more = (len as u64).saturating_mul(MOST_EXPANSION);
        self.most = self.most.max(SLACK).saturating_add(more).min(MOST_BYTES);
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        let room = self.limit.saturating_sub(self.kept.len());
        let kept = bytes.get(..room).unwrap_or(bytes);
        self.kept.extend_from_slice(kept);
        if let Some(hash) = &mut self.hash {
            hash.update(bytes);
        }
        if let Some(store) = self.store.as_ref().filter(|_| !bytes.is_empty()) {
            let stored = self.stored.get_or_insert_with(|| store.start());
            stored.add(bytes);
        }
    }

    /// Takes the kept content, limited in proportion to the captured bytes: otherwise many small
    /// messages that expand to much could fill the memory before their records are written.
    pub(super) fn take_kept(&mut self) -> Vec<u8> {
        let mut kept = std::mem::take(&mut self.kept);
        if self.fed > 0 {
            let most = self
                .fed
                .saturating_mul(MOST_KEPT_EXPANSION)
                .saturating_add(SLACK_KEPT);
            kept.truncate(usize::try_from(most).unwrap_or(usize::MAX));
            kept.shrink_to_fit();
        }
        kept
    }

    /// Whether only the length of the remaining content matters.
    pub(super) fn needs_only_length(&self) -> bool {
        self.hash.is_none() && self.kept.len() >= self.limit
    }

    /// Completes a whole body. Returns its hash, if requested, and whether it is stored.
    pub(super) fn complete(&mut self) -> (Option<[u8; 32]>, bool) {
        let digest: Option<[u8; 32]> = self.hash.take().map(|it| it.finalize().into());
        let stored = self.stored.take().zip(digest.as_ref());
        let is_stored = stored.is_some_and(|(stored, digest)| stored.finish(digest));
        (digest, is_stored)
    }
}

impl Write for Content {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes + bytes.len() as u64 > self.most {
            self.is_over = true;
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        self.add(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A coding, and the consumer of its output.
pub(super) enum Coding {
    Content(Content),
    Gzip(Box<flate2::write::MultiGzDecoder<Self>>),
    Zlib(Box<flate2::write::ZlibDecoder<Self>>),
    Raw(Box<flate2::write::DeflateDecoder<Self>>),
    /// Zlib or raw deflate, decided by the first byte. Servers send both (RFC 9110, section
    /// 8.4.1.2).
    Deflate(Option<Box<Self>>),
    Brotli(Box<brotli_decompressor::DecompressorWriter<Self>>),
    Zstd(Box<zstd::stream::write::Decoder<'static, Self>>),
}

impl std::fmt::Debug for Coding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Coding")
    }
}

impl Coding {
    /// Builds the chain of decoders for codings in the order of their application. Also returns
    /// whether all of them are known; if not, the content is the body as sent.
    pub(super) fn new<'a>(
        codings: impl Iterator<Item = &'a [u8]>,
        content: Content,
    ) -> (Self, bool) {
        let codings: Vec<String> = codings
            .map(|it| String::from_utf8_lossy(it).to_ascii_lowercase())
            .filter(|it| it != "identity")
            .collect();
        let are_known =
            codings.len() <= MOST_CODINGS && codings.iter().all(|it| KNOWN.contains(&it.as_str()));
        if !are_known {
            return (Self::Content(content), false);
        }
        let mut chain = Self::Content(content);
        for name in &codings {
            chain = chain.within(name);
        }
        (chain, true)
    }

    fn within(self, name: &str) -> Self {
        match name {
            "gzip" | "x-gzip" => Self::Gzip(Box::new(flate2::write::MultiGzDecoder::new(self))),
            "deflate" => Self::Deflate(Some(Box::new(self))),
            "br" => {
                let decoder = brotli_decompressor::DecompressorWriter::new(self, BUFFER);
                Self::Brotli(Box::new(decoder))
            }
            "zstd" => Self::zstd(self),
            _ => self,
        }
    }

    fn zstd(self) -> Self {
        let Ok(mut raw) = zstd::stream::raw::Decoder::new() else {
            return self;
        };
        match raw.set_parameter(zstd::stream::raw::DParameter::WindowLogMax(MOST_WINDOW_LOG)) {
            Ok(()) => Self::Zstd(Box::new(zstd::stream::write::Decoder::with_decoder(
                self, raw,
            ))),
            Err(_) => self,
        }
    }

    pub(super) const fn is_identity(&self) -> bool {
        matches!(self, Self::Content(_))
    }

    /// Feeds the next bytes of the body.
    pub(super) fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Self::Content(content) = self {
            content.add(bytes);
            return Ok(());
        }
        for part in bytes.chunks(BUFFER) {
            if let Some(content) = self.content() {
                content.allow(part.len());
            }
            self.write_all(part)?;
        }
        self.flush()
    }

    /// The decoded content. `None` after a failure that left nothing.
    pub(super) fn content(&mut self) -> Option<&mut Content> {
        match self {
            Self::Content(content) => Some(content),
            Self::Gzip(it) => it.get_mut().content(),
            Self::Zlib(it) => it.get_mut().content(),
            Self::Raw(it) => it.get_mut().content(),
            Self::Deflate(it) => it.as_mut()?.content(),
            Self::Brotli(it) => it.get_mut().content(),
            Self::Zstd(it) => it.get_mut().content(),
        }
    }

    fn choose(&mut self, first: u8) {
        if let Self::Deflate(inner) = self
            && let Some(inner) = inner.take()
        {
            *self = if first & 0x8f == 8 {
                Self::Zlib(Box::new(flate2::write::ZlibDecoder::new(*inner)))
            } else {
                Self::Raw(Box::new(flate2::write::DeflateDecoder::new(*inner)))
            };
        }
    }
}

impl Write for Coding {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let (Self::Deflate(_), Some(&first)) = (&self, bytes.first()) {
            self.choose(first);
        }
        match self {
            Self::Content(it) => it.write(bytes),
            Self::Gzip(it) => it.write(bytes),
            Self::Zlib(it) => it.write(bytes),
            Self::Raw(it) => it.write(bytes),
            Self::Deflate(_) => Ok(bytes.len()),
            Self::Brotli(it) => it.write(bytes),
            Self::Zstd(it) => it.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Content(_) | Self::Deflate(_) => Ok(()),
            Self::Gzip(it) => it.flush(),
            Self::Zlib(it) => it.flush(),
            Self::Raw(it) => it.flush(),
            Self::Brotli(it) => it.flush(),
            Self::Zstd(it) => it.flush(),
        }
    }
}

const KNOWN: [&str; 5] = ["gzip", "x-gzip", "deflate", "br", "zstd"];
const MOST_CODINGS: usize = 4;
const BUFFER: usize = 4 * 1024;
/// 8 MiB (RFC 9659).
const MOST_WINDOW_LOG: u32 = 23;
/// Decoded bytes kept per captured byte. Text rarely compresses better.
const MOST_KEPT_EXPANSION: u64 = 32;
const SLACK_KEPT: u64 = 1024;
/// Decoded bytes per byte of a body. Deflate reaches 1032.
const MOST_EXPANSION: u64 = 1000;
const SLACK: u64 = 256 * 1024;
const MOST_BYTES: u64 = 1 << 30;

//! pcapng captures of packets with comments, from several captures.

use super::copy::write;
use crate::capture::{
    ByteOrder, LinkType, named_interface_block, new_section_header, put_commented_packet,
};
use crate::error::Error;
use crate::output::atomic::OutputFile;

/// A pcapng capture of packets with comments: one section, times in nanoseconds.
#[derive(Debug)]
pub struct CommentedCapture {
    out: OutputFile,
    interfaces: u32,
    block: Vec<u8>,
}

impl CommentedCapture {
    /// Starts a capture in `out`.
    ///
    /// # Errors
    /// When writing fails.
    pub fn new(mut out: OutputFile) -> Result<Self, Error> {
        write(&mut out, &new_section_header(ORDER))?;
        Ok(Self {
            out,
            interfaces: 0,
            block: Vec::new(),
        })
    }

    /// Describes an interface, and returns its number.
    ///
    /// # Errors
    /// When writing fails.
    pub fn interface(&mut self, link_type: LinkType, name: &str) -> Result<u32, Error> {
        write(
            &mut self.out,
            &named_interface_block(ORDER, link_type, 1, 0, name),
        )?;
        self.interfaces += 1;
        Ok(self.interfaces - 1)
    }

    /// Writes a packet of a described interface; `time` is in nanoseconds since 1970.
    ///
    /// # Errors
    /// When writing fails.
    pub fn packet(
        &mut self,
        interface: u32,
        time: i64,
        wire_len: u32,
        data: &[u8],
        comment: &str,
    ) -> Result<(), Error> {
        self.block.clear();
        put_commented_packet(
            &mut self.block,
            ORDER,
            interface,
            time,
            wire_len,
            data,
            comment,
        );
        write(&mut self.out, &self.block).map(|_| ())
    }

    /// Completes the capture, and renames it to its final name.
    ///
    /// # Errors
    /// When writing fails; then there is no output.
    pub fn finish(self) -> Result<(), Error> {
        self.out.finish()
    }
}

const ORDER: ByteOrder = ByteOrder::Little;

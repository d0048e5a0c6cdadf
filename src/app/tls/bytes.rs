//! Numbers and vectors (RFC 8446, section 3).

/// Bytes read from the start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (front, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(front)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.take(2)?
            .first_chunk()
            .map(|it| u16::from_be_bytes(*it))
    }

    pub(crate) fn u24(&mut self) -> Option<usize> {
        let high = usize::from(self.u8()?);
        Some(high << 16 | usize::from(self.u16()?))
    }

    /// A vector preceded by a one-byte length.
    pub(crate) fn short(&mut self) -> Option<&'a [u8]> {
        let len = self.u8()?;
        self.take(len.into())
    }

    /// A vector preceded by a two-byte length.
    pub(crate) fn long(&mut self) -> Option<&'a [u8]> {
        let len = self.u16()?;
        self.take(len.into())
    }

    /// The remaining bytes as two-byte numbers.
    pub(crate) fn numbers(self) -> Vec<u16> {
        let pairs = self.0.as_chunks::<2>().0.iter();
        pairs.map(|it| u16::from_be_bytes(*it)).collect()
    }
}

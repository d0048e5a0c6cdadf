//! How checksums count.

/// How checksums of TCP and UDP count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChecksumRule {
    /// Not at all.
    Ignore,
    /// Among copies of the same bytes that differ, one whose checksum is right counts, and not one
    /// whose checksum is wrong. Only these checksums are looked at.
    #[default]
    Prefer,
    /// Packets whose checksum is wrong are left out. All are looked at; those that say nothing
    /// ([`Checksum::Unchecked`](crate::decode::Checksum::Unchecked)) stay.
    Require,
}

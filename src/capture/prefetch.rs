//! Asking the processor for bytes before they are needed.
//!
//! Walking records is a chain of dependent loads: a record's length says where the next one
//! starts. Asking some records ahead hides most of the wait for memory.
#![expect(unsafe_code, reason = "the intrinsic is unsafe; see ahead")]

/// Asks for the cache line `distance` bytes behind `at`. Only a hint, and only where there are
/// such bytes.
#[inline(always)]
pub(crate) fn ahead(bytes: &[u8], at: usize, distance: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(byte) = bytes.get(at + distance) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: the pointer is that of a byte of the slice; prefetching reads nothing, and
        // cannot fault.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(byte).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (bytes, at, distance);
}

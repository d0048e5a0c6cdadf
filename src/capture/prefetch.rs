//! Asking the processor for bytes before they are needed.
#![expect(unsafe_code, reason = "the intrinsic is unsafe; see line")]

/// Asks for what a walk over records reaches next: every cache line up to a few KiB ahead of
/// `position`. `asked` is up to where that was done before.
///
/// Walking records is a chain of dependent loads: a record's length says where the next one
/// starts, and the processor's own prefetching cannot follow steps of changing length. Reading
/// all of the memory in order is faster than waiting for some of it.
#[inline(always)]
pub(super) fn stream(bytes: &[u8], asked: &mut usize, position: usize) {
    // Behind a long record: what was skipped is not needed.
    let mut at = (*asked).max(position);
    while at < position + DISTANCE {
        line(bytes, at);
        at += LINE;
    }
    *asked = at;
}

/// Asks for the cache line with the byte at `at`. Only a hint, and only where there is one.
#[inline(always)]
pub(crate) fn line<T>(items: &[T], at: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(item) = items.get(at) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: the pointer is that of an item of the slice; prefetching reads nothing, and
        // cannot fault.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(item).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (items, at);
}

/// Asks for the memory that the item after the next one will be written to.
#[inline(always)]
pub(crate) fn spare<T>(items: &mut Vec<T>) {
    line(items.spare_capacity_mut(), 1);
}

/// How far ahead of a walk memory is asked for, in bytes.
const DISTANCE: usize = 4096;
/// Bytes that come together from memory.
const LINE: usize = 64;

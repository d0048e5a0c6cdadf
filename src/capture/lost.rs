//! Mapped files that lose their bytes: truncated by another process while they are read, or on a
//! disk that fails.
//!
//! Touching a page that is gone raises SIGBUS, which ends a process. Before the first file is mapped,
//! [`survive_lost_pages`] sets a handler that puts zeros in the place of what is gone: reading then
//! ends with an error that names file and offset. Signals for other addresses go to the handler that
//! was there before.
#![expect(
    unsafe_code,
    reason = "a signal handler maps pages; see survive_lost_pages"
)]

use memmap2::Mmap;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// A mapping, as the handler finds it.
struct Place {
    /// Address of its first byte; 0 for none.
    start: AtomicUsize,
    len: AtomicUsize,
    /// The first byte that was lost, plus one; 0 for none.
    lost: AtomicU64,
}

static PLACES: [Place; MOST_PLACES] = [const {
    Place {
        start: AtomicUsize::new(0),
        len: AtomicUsize::new(0),
        lost: AtomicU64::new(0),
    }
}; MOST_PLACES];

/// Watches over a mapping. It must be dropped before the mapping is.
#[derive(Debug)]
pub(super) struct Watch {
    place: Option<usize>,
}

impl Watch {
    /// Watches over a mapping, if there is room to note it.
    pub(super) fn new(map: &Mmap) -> Self {
        let start = map.as_ptr().addr();
        let is_free = |place: &Place| {
            let taken = place
                .start
                .compare_exchange(0, TAKEN, Ordering::AcqRel, Ordering::Relaxed);
            taken.is_ok()
        };
        let number = PLACES.iter().position(is_free);
        if let Some(place) = number.and_then(|number| PLACES.get(number)) {
            place.lost.store(0, Ordering::Relaxed);
            place.len.store(map.len(), Ordering::Relaxed);
            place.start.store(start, Ordering::Release);
        }
        Self { place: number }
    }

    /// Where in the mapping bytes were lost, if any were.
    pub(super) fn lost(&self) -> Option<u64> {
        let place = PLACES.get(self.place?)?;
        place.lost.load(Ordering::Acquire).checked_sub(1)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(place) = self.place.and_then(|number| PLACES.get(number)) {
            place.start.store(0, Ordering::Release);
        }
    }
}

/// From now on, pages of mapped captures that are gone read as zeros, and end the run with an
/// error that names file and offset. It is called before the first file is mapped; a program that
/// sets a handler for SIGBUS of its own later calls it again.
///
/// # Errors
/// When the system does not let a handler be set.
pub fn survive_lost_pages() -> io::Result<()> {
    // Before there can be a signal: asking for it in a handler is not allowed.
    PAGE.store(rustix::param::page_size(), Ordering::Relaxed);
    // SAFETY: all fields of the structure may be zero.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    let mut before = action;
    action.sa_sigaction = handle as *const () as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
    // SAFETY: both structures are valid; the handler makes system calls and touches atomics alone,
    // which is allowed in a handler (signal-safety(7)).
    let status = unsafe { libc::sigaction(libc::SIGBUS, &raw const action, &raw mut before) };
    if status != 0 {
        return Err(io::Error::last_os_error());
    }
    // Called twice, what was there before is ourselves.
    if before.sa_sigaction != action.sa_sigaction {
        BEFORE.set(before).unwrap_or(());
    }
    Ok(())
}

/// Sets the handler, if that was not done yet.
pub(super) fn ensure_survival() -> io::Result<()> {
    static IS_SET: AtomicBool = AtomicBool::new(false);
    if !IS_SET.load(Ordering::Acquire) {
        survive_lost_pages()?;
        IS_SET.store(true, Ordering::Release);
    }
    Ok(())
}

extern "C" fn handle(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: a handler with SA_SIGINFO is given a valid structure.
    let info = unsafe { &*info };
    // SAFETY: for SIGBUS it has an address.
    let address = unsafe { info.si_addr() }.addr();
    let page = PAGE.load(Ordering::Relaxed);
    if !replace(address, page) {
        // Not ours. The instruction is tried again when the handler returns, and then meets the
        // handler that was there before.
        let before = BEFORE.get().map_or(std::ptr::null(), std::ptr::from_ref);
        // SAFETY: the pointer is null, which changes nothing, or that of a valid structure.
        unsafe { libc::sigaction(libc::SIGBUS, before, std::ptr::null_mut()) };
        if before.is_null() {
            // SAFETY: setting the default handler needs nothing.
            unsafe { libc::signal(libc::SIGBUS, libc::SIG_DFL) };
        }
    }
}

static PAGE: AtomicUsize = AtomicUsize::new(4096);
/// The handler that was there before.
static BEFORE: OnceLock<libc::sigaction> = OnceLock::new();

/// Puts zeros in the place of a mapping's pages from an address on; `false` where no mapping has
/// it, or the system refuses.
fn replace(address: usize, page: usize) -> bool {
    for place in &PLACES {
        let (start, len) = (
            place.start.load(Ordering::Acquire),
            place.len.load(Ordering::Relaxed),
        );
        if start <= TAKEN || !(start..start + len).contains(&address) {
            continue;
        }
        let first = address - address % page;
        // What is lost at one place is lost behind it, too: files are cut at their ends.
        let rest = start + len - first;
        let flags = MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE;
        // SAFETY: the range lies in a read-only mapping that is watched, so that it is there as
        // long as its bytes can be borrowed; it stays mapped and readable. Its bytes change from
        // what could not be read to zeros: nobody has seen them.
        let mapped = unsafe {
            mmap_anonymous(
                std::ptr::with_exposed_provenance_mut(first),
                rest,
                ProtFlags::READ,
                flags,
            )
        };
        let lost = (address - start) as u64 + 1;
        let least = |known: u64| if known == 0 { lost } else { known.min(lost) };
        let update = place
            .lost
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |it| Some(least(it)));
        return mapped.is_ok() && update.is_ok();
    }
    false
}

/// Windows that are mapped at the same time, those that wait to be unmapped among them.
const MOST_PLACES: usize = 64;
/// A place that is about to be filled: no mapping starts there.
const TAKEN: usize = 1;

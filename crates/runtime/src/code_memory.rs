//! Executable memory. A mapping is filled while it is writable and made executable afterwards; it is never both at once.
//! Small pieces of code share a mapping only until it is sealed: code is written once, so each piece has pages of its own.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use coachwhip_abi::counters::Counter;

static IN_USE: AtomicU64 = AtomicU64::new(0);
static CAP: AtomicU64 = AtomicU64::new(u64::MAX);
/// Where code has ever been: from here, and up to here.
static LOWEST: AtomicUsize = AtomicUsize::new(usize::MAX);
static HIGHEST: AtomicUsize = AtomicUsize::new(0);

/// Machine code in memory; gone when dropped.
#[derive(Debug)]
pub struct CodeMemory {
    start: NonNull<u8>,
    /// Bytes of code.
    length: usize,
    /// Bytes of the mapping.
    mapped: usize,
}

// SAFETY: the memory is immutable once made, and belongs to the process.
unsafe impl Send for CodeMemory {}
// SAFETY: as above.
unsafe impl Sync for CodeMemory {}

/// Sets how many bytes may be mapped altogether.
pub fn set_cap(bytes: u64) {
    CAP.store(bytes, Ordering::Relaxed);
}

/// How many bytes are mapped.
#[cfg(test)]
#[must_use]
pub fn in_use() -> u64 {
    IN_USE.load(Ordering::Relaxed)
}

fn whole_pages(bytes: usize) -> usize {
    let page = page_size();
    bytes.max(1).div_ceil(page) * page
}

/// Whether code of a size fits below the cap.
pub(crate) fn has_room(bytes: usize) -> bool {
    IN_USE.load(Ordering::Relaxed) + whole_pages(bytes) as u64 <= CAP.load(Ordering::Relaxed)
}

/// How many bytes must be freed for code of a size, so that a quarter of the cap is free besides.
pub(crate) fn excess(bytes: usize) -> usize {
    let cap = CAP.load(Ordering::Relaxed);
    let needed = (IN_USE.load(Ordering::Relaxed) + whole_pages(bytes) as u64).saturating_sub(cap - cap / 4);
    usize::try_from(needed).unwrap_or(usize::MAX)
}

/// Whether an address lies where code has been; other mappings may be between. Async-signal-safe.
pub(crate) fn may_contain(address: usize) -> bool {
    (LOWEST.load(Ordering::Relaxed)..HIGHEST.load(Ordering::Relaxed)).contains(&address)
}

fn page_size() -> usize {
    // SAFETY: sysconf has no preconditions.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}

impl CodeMemory {
    /// Copies code into executable memory.
    ///
    /// # Errors
    /// When the cap is reached or the system gives no memory.
    pub fn new(code: &[u8]) -> Result<CodeMemory, String> {
        let mapped = whole_pages(code.len());
        if IN_USE.fetch_add(mapped as u64, Ordering::Relaxed) + mapped as u64 > CAP.load(Ordering::Relaxed) {
            IN_USE.fetch_sub(mapped as u64, Ordering::Relaxed);
            return Err("the cap on machine code is reached".to_owned());
        }
        let failed = |what: &str| {
            IN_USE.fetch_sub(mapped as u64, Ordering::Relaxed);
            Err(format!("{what}: {}", std::io::Error::last_os_error()))
        };
        // SAFETY: a new private mapping.
        let address = unsafe { libc::mmap(std::ptr::null_mut(), mapped, libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0) };
        let Some(start) = NonNull::new(address.cast::<u8>()).filter(|_| address != libc::MAP_FAILED) else {
            return failed("mmap of code memory");
        };
        // SAFETY: the mapping is writable, new, and at least as long as the code; the rest becomes traps (0xCC).
        unsafe {
            std::ptr::copy_nonoverlapping(code.as_ptr(), start.as_ptr(), code.len());
            std::ptr::write_bytes(start.as_ptr().add(code.len()), 0xCC, mapped - code.len());
        }
        // SAFETY: the mapping is ours.
        if unsafe { libc::mprotect(address, mapped, libc::PROT_READ | libc::PROT_EXEC) } != 0 {
            // SAFETY: the mapping is ours and nobody knows of it.
            unsafe { libc::munmap(address, mapped) };
            return failed("mprotect of code memory");
        }
        Counter::CodeBytes.add(code.len() as u64);
        LOWEST.fetch_min(address as usize, Ordering::Relaxed);
        HIGHEST.fetch_max(address as usize + mapped, Ordering::Relaxed);
        Ok(CodeMemory { start, length: code.len(), mapped })
    }

    /// The address of a byte of the code.
    #[must_use]
    pub fn address(&self, offset: u32) -> usize {
        assert!((offset as usize) < self.length.max(1), "an entry lies inside its code");
        self.start.as_ptr() as usize + offset as usize
    }

    /// Bytes of the mapping.
    #[must_use]
    pub fn mapped(&self) -> usize {
        self.mapped
    }

    /// The code's bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the mapping is readable and lives as long as `self`.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.length) }
    }
}

impl Drop for CodeMemory {
    fn drop(&mut self) {
        Counter::CodeBytes.subtract(self.length as u64);
        IN_USE.fetch_sub(self.mapped as u64, Ordering::Relaxed);
        // SAFETY: the mapping is ours; whoever drops it has made sure that nothing runs in it.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.mapped) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_runs_and_is_freed() {
        // More than all other tests of this process have mapped at the same time.
        const MUCH: u64 = 64 << 20;
        // mov eax, 42; ret
        let mut code = vec![0xB8, 42, 0, 0, 0, 0xC3];
        code.resize(usize::try_from(MUCH).expect("64 bits"), 0xCC);
        let memory = CodeMemory::new(&code).expect("memory");
        assert!(in_use() >= MUCH);
        // SAFETY: the bytes above are a function without arguments.
        let function: extern "C" fn() -> i32 = unsafe { std::mem::transmute(memory.address(0)) };
        assert_eq!(function(), 42);
        assert_eq!(memory.bytes(), code);
        drop(memory);
        assert!(in_use() < MUCH);
    }
}

//! Coachwhip's own heap. The interpreter shares the C library's: if we took and gave back thousands of small blocks there, its free blocks would lie all over it, and each
//! request in a forked child would write to, and so copy, pages here and there. So our blocks lie in chunks of their own, by size, and the one freed last is used first.
//!
//! What a compilation needs lies in a *zone*, which only its thread uses, without a lock; when the compilation is over and all of it is freed the zone is as new, and its
//! memory is given back to the system when there is nothing more to compile, and before a fork.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, UnsafeCell};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

/// Larger blocks are the C library's, and those that want to be aligned to more than this.
const LARGEST: usize = 32 * 1024;
const LARGEST_IN_ZONE: usize = 4 << 20;
const ALIGNMENT: usize = 16;
/// Sizes up to this are rounded to a multiple of the alignment; beyond, there are four for each power of two.
const SMALL: usize = 1024;
const SMALL_CLASSES: usize = SMALL / ALIGNMENT;
const CLASSES: usize = SMALL_CLASSES + 4 * (LARGEST_IN_ZONE / SMALL).trailing_zeros() as usize + 1;
/// What the system is asked for at once.
const CHUNK: usize = 256 * 1024;
/// The addresses of the zone. The system gives memory for what is used.
const ZONE_SIZE: usize = 64 << 20;
/// So much must be left to the process when something is compiled: what comes out of it lies outside of the zone, and so does what its installation needs.
const HEADROOM: usize = 8 << 20;
/// So much of its memory the zone keeps between compilations, until [`trim`] is called.
const ZONE_KEEPS: usize = 16 << 20;

/// The class of a size, and the size of its blocks.
#[inline]
const fn class_of(size: usize) -> (usize, usize) {
    if size <= SMALL {
        let class = size.saturating_sub(1) / ALIGNMENT;
        return (class, (class + 1) * ALIGNMENT);
    }
    // Quarters between powers of two: 1024 < size <= 1280, ... 1536, 1792, 2048, 2560, ...
    let power = (size - 1).ilog2();
    let quarter = 1_usize << (power - 2);
    let quarters = (size - 1) / quarter - 3;
    (SMALL_CLASSES + 4 * (power as usize - SMALL.trailing_zeros() as usize) + quarters - 1, (quarters + 4) * quarter)
}

/// Free blocks by class, each with the address of the next in its first word, and memory that was never used.
struct Blocks {
    free: [*mut u8; CLASSES],
    unused: *mut u8,
    end: *mut u8,
}

impl Blocks {
    const fn new() -> Blocks {
        Blocks { free: [null_mut(); CLASSES], unused: null_mut(), end: null_mut() }
    }

    #[inline]
    unsafe fn take(&mut self, class: usize, size: usize) -> *mut u8 {
        // SAFETY: free blocks are at least a word long and belong to nobody.
        unsafe {
            let block = self.free[class];
            if !block.is_null() {
                self.free[class] = block.cast::<*mut u8>().read();
                return block;
            }
            if self.end as usize - self.unused as usize >= size {
                let block = self.unused;
                self.unused = block.add(size);
                return block;
            }
            null_mut()
        }
    }

    #[inline]
    unsafe fn give_back(&mut self, block: *mut u8, class: usize) {
        // SAFETY: the caller gives the block up.
        unsafe { block.cast::<*mut u8>().write(self.free[class]) };
        self.free[class] = block;
    }
}

/// Blocks that threads share.
struct Shared {
    locked: AtomicBool,
    blocks: UnsafeCell<Blocks>,
}

// SAFETY: the blocks are used by whoever has locked them.
unsafe impl Sync for Shared {}

static SHARED: Shared = Shared { locked: AtomicBool::new(false), blocks: UnsafeCell::new(Blocks::new()) };

impl Shared {
    #[inline]
    fn with<R>(&self, work: impl FnOnce(&mut Blocks) -> R) -> R {
        while self.locked.compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
            // Held for a few instructions, unless its thread is not running.
            std::thread::yield_now();
        }
        // SAFETY: locked.
        let result = work(unsafe { &mut *self.blocks.get() });
        self.locked.store(false, Ordering::Release);
        result
    }
}

/// The zone of the compilation that runs.
struct Zone {
    /// A compilation uses it.
    taken: AtomicBool,
    /// Where it is.
    start: AtomicUsize,
    /// Whether the system has given it addresses.
    is_there: Cell<bool>,
    /// How many of its blocks other threads have given up; they are not used again before it is as new.
    given_up: AtomicUsize,
    blocks: UnsafeCell<Blocks>,
    /// How many blocks are in use.
    live: Cell<usize>,
    /// How far it was ever used since its memory was given back.
    touched: Cell<usize>,
}

// SAFETY: all but the atomic fields is used by the thread that has taken it only, or by whoever takes it.
unsafe impl Sync for Zone {}

/// No block has such an address.
const NOWHERE: usize = usize::MAX - ZONE_SIZE;

static ZONE: Zone = Zone {
    taken: AtomicBool::new(false),
    start: AtomicUsize::new(NOWHERE),
    is_there: Cell::new(false),
    given_up: AtomicUsize::new(0),
    blocks: UnsafeCell::new(Blocks::new()),
    live: Cell::new(0),
    touched: Cell::new(0),
};

/// What a thread has to do with the zone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    None,
    /// It may free blocks of it.
    Owner,
    /// It takes its blocks from it, too.
    User,
}

thread_local! {
    static PART: Cell<Part> = const { Cell::new(Part::None) };
}

/// How taking the zone went.
enum Entered {
    /// It is this thread's.
    Here,
    /// It is another thread's.
    Taken,
    /// The system has no addresses for it.
    NoMemory,
}

impl Zone {
    #[inline]
    fn contains(&self, block: *mut u8) -> bool {
        (block as usize).wrapping_sub(self.start.load(Ordering::Relaxed)) < ZONE_SIZE
    }

    /// Takes it for this thread, unless another has it.
    fn enter(&self) -> Entered {
        if self.taken.swap(true, Ordering::Acquire) {
            return Entered::Taken;
        }
        if !self.is_there.get() {
            // SAFETY: a new mapping.
            let start = unsafe { map(ZONE_SIZE, libc::MAP_NORESERVE) };
            if start.is_null() {
                self.taken.store(false, Ordering::Release);
                return Entered::NoMemory;
            }
            self.start.store(start as usize, Ordering::Relaxed);
            self.is_there.set(true);
            self.renew();
        }
        PART.set(Part::User);
        Entered::Here
    }

    /// Gives it free for other threads.
    fn leave(&self) {
        PART.set(Part::None);
        // SAFETY: taken by this thread.
        let used = unsafe { (*self.blocks.get()).unused as usize }.saturating_sub(self.start.load(Ordering::Relaxed));
        self.touched.set(self.touched.get().max(used));
        if self.live.get() == self.given_up.load(Ordering::Relaxed) && used != 0 {
            self.renew();
            self.trim(ZONE_KEEPS);
        }
        self.taken.store(false, Ordering::Release);
    }

    /// No block is in use.
    fn renew(&self) {
        let start = self.start.load(Ordering::Relaxed) as *mut u8;
        self.live.set(0);
        self.given_up.store(0, Ordering::Relaxed);
        // SAFETY: taken by this thread; the mapping has the size.
        unsafe { *self.blocks.get() = Blocks { unused: start, end: start.add(ZONE_SIZE), ..Blocks::new() } };
    }

    /// Gives memory back to the system, all but the first bytes. The zone is as new.
    fn trim(&self, keep: usize) {
        let (start, touched) = (self.start.load(Ordering::Relaxed), self.touched.get());
        if touched > keep {
            // SAFETY: the mapping is ours and nobody uses it.
            unsafe { libc::madvise((start + keep) as *mut _, (touched - keep).next_multiple_of(4096), libc::MADV_DONTNEED) };
            self.touched.set(keep);
        }
    }
}

/// New memory, or NULL.
unsafe fn map(size: usize, flags: i32) -> *mut u8 {
    // SAFETY: a new private mapping.
    let address = unsafe { libc::mmap(null_mut(), size, libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | flags, -1, 0) };
    if address == libc::MAP_FAILED { null_mut() } else { address.cast() }
}

/// Whether the process is not at the limit of its memory.
fn has_headroom() -> bool {
    // SAFETY: a new mapping, which nobody else knows of.
    unsafe {
        let address = map(HEADROOM, libc::MAP_NORESERVE);
        !address.is_null() && libc::munmap(address.cast(), HEADROOM) == 0
    }
}

/// Does something that needs much memory for a short time: it is taken from the zone, unless another thread uses it. What is returned is copied. Nothing is done, or `None`
/// returned for what was done, if the system has no memory: a process whose memory is at its limit must not end because something is compiled.
pub fn in_zone<T: Clone>(work: impl FnOnce() -> T) -> Option<T> {
    if !has_headroom() {
        return None;
    }
    match ZONE.enter() {
        Entered::Here => {}
        Entered::Taken => return Some(work()),
        Entered::NoMemory => return None,
    }
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            ZONE.leave();
        }
    }
    let _leave = Leave;
    let result = work();
    PART.set(Part::Owner);
    let copy = has_headroom().then(|| result.clone());
    drop(result);
    copy
}

/// Does something whose blocks stay: it does not take them from the zone.
pub fn outside_zone<T>(work: impl FnOnce() -> T) -> T {
    struct Restore(Part);
    impl Drop for Restore {
        fn drop(&mut self) {
            PART.set(self.0);
        }
    }
    let part = PART.get();
    let _restore = Restore(part);
    if part == Part::User {
        PART.set(Part::Owner);
    }
    work()
}

/// Gives the zone's memory back to the system if nothing of it is in use: there is nothing to compile now, or the process forks.
pub fn trim() {
    if ZONE.touched.get() != 0 && matches!(ZONE.enter(), Entered::Here) {
        PART.set(Part::None);
        // SAFETY: taken.
        let is_new = unsafe { (*ZONE.blocks.get()).unused as usize } == ZONE.start.load(Ordering::Relaxed);
        if is_new {
            ZONE.trim(0);
        }
        ZONE.taken.store(false, Ordering::Release);
    }
}

/// A chunk for the time when the system gives none: who leaves compiled code needs a few blocks, and cannot do without.
static SPARE: AtomicPtr<u8> = AtomicPtr::new(null_mut());

/// The heap, for `#[global_allocator]`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Heap;

impl Heap {
    #[cold]
    fn chunk(class: usize, size: usize) -> *mut u8 {
        // SAFETY: new mappings.
        let mut chunk = unsafe { map(CHUNK, 0) };
        if chunk.is_null() {
            chunk = SPARE.swap(null_mut(), Ordering::Relaxed);
            if chunk.is_null() {
                return chunk;
            }
        } else if SPARE.load(Ordering::Relaxed).is_null() {
            // SAFETY: as above.
            let another = unsafe { map(CHUNK, 0) };
            if SPARE.compare_exchange(null_mut(), another, Ordering::Relaxed, Ordering::Relaxed).is_err() {
                // SAFETY: mapped just now; nobody else knows of it.
                unsafe { libc::munmap(another.cast(), CHUNK) };
            }
        }
        SHARED.with(|blocks| {
            blocks.unused = chunk;
            // SAFETY: within the mapping; what was left of the chunk before is lost.
            unsafe {
                blocks.end = chunk.add(CHUNK);
                blocks.take(class, size)
            }
        })
    }
}

// SAFETY: blocks are as large as their class says, aligned to 16 bytes because chunks and sizes are, and one owner's at a time: a block's layout and address say whose it
// is when it comes back.
unsafe impl GlobalAlloc for Heap {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let size = layout.size();
        if layout.align() <= ALIGNMENT {
            let (class, rounded) = class_of(size);
            if size <= LARGEST_IN_ZONE && PART.get() == Part::User {
                // SAFETY: this thread has the zone.
                let block = unsafe { (*ZONE.blocks.get()).take(class, rounded) };
                if !block.is_null() {
                    ZONE.live.set(ZONE.live.get() + 1);
                    return block;
                }
            }
            if size <= LARGEST {
                // SAFETY: locked.
                let block = SHARED.with(|blocks| unsafe { blocks.take(class, rounded) });
                return if block.is_null() { Heap::chunk(class, rounded) } else { block };
            }
        }
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise; the address and the layout say whose the block is.
        unsafe {
            if ZONE.contains(block) {
                if PART.get() == Part::None {
                    ZONE.given_up.fetch_add(1, Ordering::Relaxed);
                } else {
                    (*ZONE.blocks.get()).give_back(block, class_of(layout.size()).0);
                    ZONE.live.set(ZONE.live.get() - 1);
                }
            } else if layout.align() <= ALIGNMENT && layout.size() <= LARGEST {
                SHARED.with(|blocks| blocks.give_back(block, class_of(layout.size()).0));
            } else {
                System.dealloc(block, layout);
            }
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise; a block is as large as its class says.
        unsafe {
            let ours = layout.align() <= ALIGNMENT && (layout.size() <= LARGEST || ZONE.contains(block));
            if !ours && (size > LARGEST || layout.align() > ALIGNMENT) {
                return System.realloc(block, layout, size);
            }
            if ours && size <= class_of(layout.size()).1 && class_of(size) == class_of(layout.size()) {
                return block;
            }
            let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !new.is_null() {
                block.copy_to_nonoverlapping(new, size.min(layout.size()));
                self.dealloc(block, layout);
            }
            new
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_hold_their_sizes() {
        let mut last = (0, 16);
        let large = (1..=LARGEST_IN_ZONE / 256).flat_map(|size| [size * 256, size * 256 + 1]).filter(|size| (5000..=LARGEST_IN_ZONE).contains(size));
        for size in (1..5000).chain(large) {
            let (class, rounded) = class_of(size);
            assert!(rounded >= size && rounded % ALIGNMENT == 0 && class < CLASSES, "{size}");
            assert!(rounded <= size.max(64) * 5 / 4 + ALIGNMENT, "{size} {rounded}");
            assert_eq!(class == last.0, rounded == last.1, "{size}");
            assert!(class >= last.0);
            last = (class, rounded);
        }
        assert_eq!(class_of(0), (0, 16));
    }

    #[test]
    fn blocks_keep_what_is_in_them() {
        let heap = Heap;
        let check = |zone: bool| {
            let mut blocks: Vec<(*mut u8, Layout, u8)> = Vec::new();
            let mut state = 12345_u64;
            for turn in 0..3_000_u32 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let random = (state >> 33) as usize;
                let size = 1 + random % if random % 150 == 0 { 200_000 } else { 700 };
                if random % 3 != 0 || blocks.is_empty() {
                    let layout = Layout::from_size_align(size, if random % 64 == 1 { 64 } else { 8 }).expect("a layout");
                    // SAFETY: written and read within their sizes; freed once with their layouts.
                    unsafe {
                        let block = heap.alloc(layout);
                        assert!(!block.is_null() && block as usize % layout.align() == 0);
                        assert_eq!(zone && layout.align() == 8, ZONE.contains(block));
                        block.write_bytes(turn as u8, size);
                        blocks.push((block, layout, turn as u8));
                    }
                } else {
                    let (block, layout, value) = blocks.swap_remove(random % blocks.len());
                    // SAFETY: as above.
                    unsafe {
                        assert!((0..layout.size()).all(|index| block.add(index).read() == value));
                        if random % 2 == 0 {
                            let grown = heap.realloc(block, layout, layout.size() + size);
                            assert!((0..layout.size()).all(|index| grown.add(index).read() == value));
                            let layout = Layout::from_size_align(layout.size() + size, layout.align()).expect("a layout");
                            grown.write_bytes(value, layout.size());
                            blocks.push((grown, layout, value));
                        } else {
                            heap.dealloc(block, layout);
                        }
                    }
                }
            }
            for (block, layout, value) in blocks {
                // SAFETY: as above.
                unsafe {
                    assert!((0..layout.size()).all(|index| block.add(index).read() == value));
                    heap.dealloc(block, layout);
                }
            }
        };
        check(false);
        in_zone(|| check(true)).expect("memory");
        let start = ZONE.start.load(Ordering::Relaxed);
        // SAFETY: the zone is not in use.
        assert_eq!(unsafe { (*ZONE.blocks.get()).unused as usize }, start);
        // One block that another thread gives up does not hurt.
        let layout = Layout::from_size_align(100, 8).expect("a layout");
        // SAFETY: freed once, with its layout.
        let kept = in_zone(|| unsafe { heap.alloc(layout) } as usize).expect("memory");
        assert_eq!(kept, start);
        // SAFETY: as above.
        unsafe { heap.dealloc(kept as *mut u8, layout) };
        in_zone(|| ()).expect("memory");
        // SAFETY: the zone is not in use.
        assert_eq!(unsafe { (*ZONE.blocks.get()).unused as usize }, start);
        trim();
        assert_eq!(ZONE.touched.get(), 0);
    }
}

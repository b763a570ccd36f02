//! Our own threads. They hold no GIL, take no signals and leave no trace: the C library leaves out atomic operations in `malloc` and in mutexes while a process has one
//! thread, for good only until the first `pthread_create`. A program that lives on such calls loses a tenth when somebody starts a thread for it; so when our last thread
//! has ended and the process has one again, the C library is told.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

/// One of our threads; to be joined by a thread of the program.
#[derive(Debug)]
pub struct OwnThread(JoinHandle<()>);

/// What is known of the C library's knowledge.
struct Knowledge {
    /// Our threads that nobody has joined.
    alive: u32,
    /// The flags that went from "one thread" to "several" when we started a thread: only these may be set back.
    changed: [Option<NonNull<c_void>>; 2],
}

// SAFETY: the addresses are those of variables of the C library, which stays.
unsafe impl Send for Knowledge {}

static KNOWLEDGE: Mutex<Knowledge> = Mutex::new(Knowledge { alive: 0, changed: [None; 2] });

/// Starts a thread with a name and, if not the usual one, a stack size in bytes.
///
/// # Errors
/// When there is no thread to be had.
pub fn spawn(name: &str, stack_size: Option<usize>, work: impl FnOnce() + Send + 'static) -> std::io::Result<OwnThread> {
    let mut knowledge = KNOWLEDGE.lock().unwrap_or_else(PoisonError::into_inner);
    let single = if knowledge.alive == 0 { flags().map(|flag| flag.filter(|&flag| says_single(flag))) } else { [None; 2] };
    let mut builder = std::thread::Builder::new().name(name.to_owned());
    if let Some(bytes) = stack_size {
        builder = builder.stack_size(bytes);
    }
    let handle = builder.spawn(move || {
        block_signals();
        work();
    })?;
    if knowledge.alive == 0 {
        // Only where both ways to count threads are seen to work.
        let counted = count().is_some_and(|threads| threads > 1);
        knowledge.changed = single.map(|flag| flag.filter(|&flag| counted && !says_single(flag)));
    }
    knowledge.alive += 1;
    Ok(OwnThread(handle))
}

impl OwnThread {
    /// Ends a pause of the thread ([`std::thread::park_timeout`]).
    pub fn unpark(&self) {
        self.0.thread().unpark();
    }

    /// Waits for the thread's end.
    pub fn join(self) {
        let _ = self.0.join();
        let mut knowledge = KNOWLEDGE.lock().unwrap_or_else(PoisonError::into_inner);
        knowledge.alive -= 1;
        if knowledge.alive == 0 && knowledge.changed.iter().any(Option::is_some) && is_alone() {
            for flag in std::mem::take(&mut knowledge.changed).into_iter().flatten() {
                // SAFETY: a variable of the C library, which wrote it itself when our thread was started.
                unsafe { AtomicU8::from_ptr(flag.as_ptr().cast()) }.store(1, Ordering::Relaxed);
            }
        }
    }
}

fn says_single(flag: NonNull<c_void>) -> bool {
    // SAFETY: a variable of the C library of this type (sys/single_threaded.h).
    unsafe { AtomicU8::from_ptr(flag.as_ptr().cast()) }.load(Ordering::Relaxed) == 1
}

/// The C library's flag (`__libc_single_threaded`, sys/single_threaded.h, glibc 2.32 and later): its own and, if the program has a copy of it, that.
/// `pthread_create` writes both (nptl/pthread_create.c); they are usually the same variable.
fn flags() -> [Option<NonNull<c_void>>; 2] {
    const NAME: &CStr = c"__libc_single_threaded";
    // SAFETY: looks up names only. A library that is loaded stays: the handle of the C library needs not to be given back.
    unsafe {
        let library = libc::dlopen(c"libc.so.6".as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD);
        let own = if library.is_null() { null_mut() } else { libc::dlsym(library, NAME.as_ptr()) };
        [own, libc::dlsym(libc::RTLD_DEFAULT, NAME.as_ptr())].map(NonNull::new)
    }
}

/// Whether the calling thread is the only one of the process, so that nobody can start another meanwhile. A thread that was joined may be on its way out of the kernel
/// for some microseconds.
fn is_alone() -> bool {
    const TRIES: u32 = 20;
    (0..TRIES).any(|_| {
        let one = count() == Some(1);
        if !one {
            std::thread::yield_now();
        }
        one
    })
}

/// How many threads the process has, if that is to be known: a directory for each, and each directory has a link (`proc_task_getattr`, fs/proc/base.c).
fn count() -> Option<u64> {
    let path: *const c_char = c"/proc/self/task".as_ptr();
    // SAFETY: fills the structure.
    unsafe {
        let mut found = std::mem::zeroed::<libc::stat>();
        (libc::stat(path, &raw mut found) == 0).then(|| (found.st_nlink as u64).wrapping_sub(2))
    }
}

/// Signals are the program's.
fn block_signals() {
    // SAFETY: changes this thread's own mask only.
    unsafe {
        let mut all = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, null_mut());
    }
}

/// The thread has what processor time the program leaves it: where there is one processor only, or too few, the program must not wait for its compiler.
pub fn step_back() {
    /// How much nicer than the program: a quarter of the time, if both want all of it (`sched_prio_to_weight`, kernel/sched/core.c).
    const NICER: c_int = 5;
    // SAFETY: numbers only. On Linux `who = 0` is the calling thread (setpriority(2), "C library/kernel differences").
    unsafe {
        let now = libc::getpriority(libc::PRIO_PROCESS, 0);
        libc::setpriority(libc::PRIO_PROCESS, 0, now.saturating_add(NICER));
    }
}

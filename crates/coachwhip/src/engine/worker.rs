//! The background thread that compiles. It never touches a Python object and never takes the GIL: finished code is installed by a pending call, or when the runtime
//! polls. Small functions come first, and in a young program all compilation together takes at most a share of the time that it has run: a short program is not held up by
//! work that it will not live to profit from.

use super::job::{Done, Held, Job};
use super::lock;
use coachwhip_cpython::capture::OwnedReferences;
use coachwhip_runtime as runtime;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Compilation takes at most one part in so many of the time since the first request, while that is short.
const SHARE: u32 = 2;
/// A program that has run for so long is worth any compilation.
const SHORT: Duration = Duration::from_millis(500);
/// Small functions come first, but a job that has waited for so long comes before all.
const PATIENCE: Duration = Duration::from_millis(100);
/// So much may be spent at once.
const CREDIT: Duration = Duration::from_millis(10);

/// When nothing has come for so long, memory that compiling needs is given back to the system.
const IDLE: Duration = Duration::from_millis(20);
/// When nothing has come for so long after that, the thread ends: a process with one thread is faster (see the runtime's `threads`).
const REST: Duration = Duration::from_millis(100);
/// What a forked child begins with.
const CHILDS_DEBT: Duration = Duration::from_millis(25);

/// What is to be done.
struct Queue {
    jobs: Vec<Job>,
    /// The thread is to end.
    end: bool,
    /// The thread has ended because there was nothing to do, or is about to, and takes no more jobs.
    rests: bool,
    /// When the first job came.
    since: Option<Instant>,
    /// What all jobs together took.
    spent: Duration,
}

static QUEUE: Mutex<Queue> = Mutex::new(Queue { jobs: Vec::new(), end: false, rests: false, since: None, spent: Duration::ZERO });
static WAKE: Condvar = Condvar::new();
static THREAD: Mutex<Option<runtime::OwnThread>> = Mutex::new(None);
static FINISHED: Mutex<Vec<Done>> = Mutex::new(Vec::new());
/// The references of all jobs that are not installed.
static HELD: Mutex<Vec<Held>> = Mutex::new(Vec::new());
/// Jobs of the parent that wait in a forked child.
static INHERITED: AtomicBool = AtomicBool::new(false);
/// The thread is to end, and none is to be started again.
static ABANDONED: AtomicBool = AtomicBool::new(false);
static ANY_FINISHED: AtomicBool = AtomicBool::new(false);

/// Hands a job to the thread, which is started if there is none.
pub(super) fn submit(job: Job) {
    {
        let mut held = lock(&HELD);
        held.retain(|references| Arc::strong_count(references) > 1);
        held.push(Arc::clone(job.held()));
    }
    lock(&QUEUE).jobs.push(job);
    start();
    WAKE.notify_one();
}

/// Starts the thread if there is none and something is to be done.
pub(super) fn start() {
    join_if_it_rests();
    let mut thread = lock(&THREAD);
    let mut queue = lock(&QUEUE);
    queue.end = false;
    if thread.is_none() && !queue.jobs.is_empty() && !ABANDONED.load(Ordering::SeqCst) {
        queue.since.get_or_insert_with(Instant::now);
        // If there is no thread to be had, what is asked for stays interpreted.
        *thread = runtime::spawn("coachwhip", None, work).ok();
    }
}

/// Waits for the end of a thread that has nothing to do any more.
fn join_if_it_rests() {
    let mut thread = lock(&THREAD);
    let rests = std::mem::take(&mut lock(&QUEUE).rests);
    if let Some(thread) = thread.take_if(|_| rests) {
        thread.join();
    }
}

unsafe extern "C" fn join_pending(_argument: *mut std::ffi::c_void) -> std::ffi::c_int {
    join_if_it_rests();
    0
}

/// A forked child has a budget of its own. It starts in debt: most children live for a task only, and must not do what their parent does anyway.
pub(super) fn wait_in_child() {
    let mut queue = lock(&QUEUE);
    queue.since = Some(Instant::now());
    queue.spent = CREDIT + CHILDS_DEBT;
    INHERITED.store(!queue.jobs.is_empty(), Ordering::Relaxed);
}

/// Starts the thread of a child that is no infant any more for the jobs that it has from its parent.
pub(super) fn start_inherited() {
    if INHERITED.load(Ordering::Relaxed) && !runtime::is_infant() {
        INHERITED.store(false, Ordering::Relaxed);
        start();
    }
}

/// Ends the thread when it has done what it is at; the other jobs wait. In a forked child there must be no thread whose end one would wait for: see the runtime's
/// hook before forks.
pub(super) fn stop() {
    let thread = lock(&THREAD).take();
    if let Some(thread) = thread {
        lock(&QUEUE).end = true;
        WAKE.notify_one();
        thread.join();
        lock(&QUEUE).rests = false;
    }
}

/// Has the thread end, if there is one, and starts none any more; the other jobs stay.
pub(super) fn leave() {
    ABANDONED.store(true, Ordering::SeqCst);
    // Under the lock: else the thread could look at the flag before, and wait after.
    drop(lock(&QUEUE));
    WAKE.notify_all();
}

/// The next job, when it is time for it; none at the end.
fn next() -> Option<Job> {
    let mut queue = lock(&QUEUE);
    loop {
        if queue.end || ABANDONED.load(Ordering::SeqCst) {
            return None;
        }
        let oldest = queue.jobs.first().filter(|job| job.submitted.elapsed() > PATIENCE).map(|_| 0);
        let Some(chosen) = oldest.or_else(|| (0..queue.jobs.len()).min_by_key(|&index| queue.jobs[index].size())) else {
            let (woken, mut waited) = WAKE.wait_timeout(queue, IDLE).unwrap_or_else(PoisonError::into_inner);
            queue = woken;
            if waited.timed_out() && queue.jobs.is_empty() && !queue.end {
                drop(queue);
                coachwhip_heap::trim();
                queue = lock(&QUEUE);
                if queue.jobs.is_empty() && !queue.end && !ABANDONED.load(Ordering::SeqCst) {
                    (queue, waited) = WAKE.wait_timeout(queue, REST).unwrap_or_else(PoisonError::into_inner);
                    if waited.timed_out() && queue.jobs.is_empty() && !queue.end {
                        queue.rests = true;
                        drop(queue);
                        runtime::ask(join_pending);
                        return None;
                    }
                }
            }
            continue;
        };
        let elapsed = queue.since.map_or(Duration::ZERO, |since| since.elapsed());
        let wait = (queue.spent.saturating_sub(CREDIT) * SHARE).saturating_sub(elapsed);
        if wait.is_zero() || elapsed > SHORT {
            return Some(queue.jobs.remove(chosen));
        }
        queue = WAKE.wait_timeout(queue, wait).unwrap_or_else(PoisonError::into_inner).0;
    }
}

fn work() {
    runtime::step_back();
    while let Some(job) = next() {
        let begun = Instant::now();
        let done = job.run();
        lock(&QUEUE).spent += begun.elapsed();
        lock(&FINISHED).push(done);
        ANY_FINISHED.store(true, Ordering::Release);
        // If the queue of pending calls is full the runtime's polling installs.
        runtime::ask(install_pending);
    }
}

unsafe extern "C" fn install_pending(_argument: *mut std::ffi::c_void) -> std::ffi::c_int {
    super::install_finished();
    0
}

/// The references of jobs that are not installed and will not be: to be given back with the GIL held.
pub(super) fn abandon() -> Vec<OwnedReferences> {
    let held = std::mem::take(&mut *lock(&HELD));
    held.iter().filter_map(|references| lock(references).take()).collect()
}

/// Takes what is finished.
pub(super) fn finished() -> Vec<Done> {
    if ANY_FINISHED.swap(false, Ordering::AcqRel) { std::mem::take(&mut *lock(&FINISHED)) } else { Vec::new() }
}

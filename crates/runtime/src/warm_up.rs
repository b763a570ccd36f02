//! The start of a process: what is counted, and when. Events of all code cost several percent of a program that does little more than import modules, so a young
//! process is only sampled: a thread asks, some two hundred times a second, which code is running; what is found
//! again is counted from then on (events of that code object alone). When the process has used [`coachwhip_abi::options::Options::warm_up`] milliseconds, everything is counted.
//!
//! Also here: requests of threads that hold no GIL, and what must happen at a fork and at the end of the process.

use std::cell::{Cell, RefCell};
use std::ffi::{c_int, c_void};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use coachwhip_abi::options::Options;

use crate::compiled::{Status, code_state};
use crate::ffi::{self, Code, PyObject};
use crate::python::{self, Owned};
use crate::threads::{self, OwnThread};
use crate::{RUNTIME, frames, monitoring, perf_map};

/// How much processor time passes between two samples.
const TICK: Duration = Duration::from_millis(4);
/// A process that is younger is not sampled: what takes its time then is to import modules.
const INFANCY: Duration = Duration::from_millis(24);
/// So long the thread sleeps if the process does nothing.
const LONGEST_PAUSE: Duration = Duration::from_millis(256);
/// An infant looks at the clock every so often.
const QUESTIONS: u32 = 64;
/// A process that forks so often while it is young is not sampled any more: to start a thread after each fork costs more than to count.
const MANY_FORKS: u32 = 3;
/// Code is counted when it was among so many samples before: all those of a warm-up of usual length.
const SAMPLES: usize = 64;

/// What the main interpreter is asked to do by threads without the GIL.
type Request = unsafe extern "C" fn(*mut c_void) -> c_int;

/// Whether the interpreter may still be asked for anything.
static ALIVE: AtomicBool = AtomicBool::new(true);
/// How many threads are asking at this moment.
static ASKING: AtomicU32 = AtomicU32::new(0);
/// A sample that was asked for has not been taken yet.
static SAMPLE_IS_DUE: AtomicBool = AtomicBool::new(false);
/// The thread that ticks is to end.
static END: AtomicBool = AtomicBool::new(false);

/// The thread that is about to fork, or that this child was forked by, is not one that ends the process when it returns.
static FORKED_ELSEWHERE: AtomicBool = AtomicBool::new(false);
/// The thread that a child began with has ended: our threads must not keep the process alive.
static LEADER_IS_GONE: AtomicBool = AtomicBool::new(false);

/// A child that was forked by another thread than the main one ends when its last thread does (`pthread_exit`), unless somebody calls `exit`.
struct Leader;

impl Drop for Leader {
    fn drop(&mut self) {
        LEADER_IS_GONE.store(true, Ordering::SeqCst);
        if let Some(engine) = RUNTIME.engine() {
            engine.abandon();
        }
    }
}

thread_local! {
    static LEADER: Leader = const { Leader };
}

/// The warm-up's state.
#[derive(Debug)]
pub(crate) struct WarmUp {
    /// Its length in milliseconds; 0 when it is over.
    left: Cell<u64>,
    /// It is a forked child, and may be young.
    child: Cell<bool>,
    /// How often a child may still ask whether it is an infant before it looks at the clock; 0 if it is none.
    infant: Cell<u32>,
    /// How often the process has forked in its warm-up.
    forks: Cell<u32>,
    /// Forks are watched.
    hooked: Cell<bool>,
    /// The code that was found last; the addresses are compared only.
    found: [Cell<*mut Code>; SAMPLES],
    /// How many samples have found code.
    samples: Cell<usize>,
    thread: RefCell<Option<OwnThread>>,
}

impl WarmUp {
    pub(crate) const fn new() -> WarmUp {
        WarmUp {
            left: Cell::new(0),
            child: Cell::new(false),
            infant: Cell::new(0),
            forks: Cell::new(0),
            hooked: Cell::new(false),
            found: [const { Cell::new(null_mut()) }; SAMPLES],
            samples: Cell::new(0),
            thread: RefCell::new(None),
        }
    }

    /// Notes what a sample found, and says whether one before has found it, too.
    fn note(&self, code: *mut Code) -> bool {
        let again = self.found.iter().any(|found| found.get() == code);
        if !again {
            let samples = self.samples.get();
            self.found[samples % SAMPLES].set(code);
            self.samples.set(samples + 1);
        }
        again
    }
}

/// Whether only sampled code is counted.
pub(crate) fn is_on() -> bool {
    RUNTIME.warm_up.left.get() != 0
}

/// Decides, before the events are switched on, whether the process is young. Thresholds of tests count everything at once.
pub(crate) fn prepare(options: &Options) {
    let young = options.background && options.threshold >= monitoring::TEST_THRESHOLD && age() < Duration::from_millis(options.warm_up);
    RUNTIME.warm_up.left.set(if young { options.warm_up } else { 0 });
}

/// Watches forks, and starts sampling if the process is young.
///
/// # Safety
/// The GIL is held.
pub(crate) unsafe fn start() {
    // SAFETY: plain calls of Python functions.
    unsafe {
        if !RUNTIME.warm_up.hooked.replace(true) {
            let _ = hook();
        }
        if is_on() {
            start_thread();
        }
    }
}

/// Ends the warm-up without counting anything more.
pub(crate) fn stop() {
    stop_thread();
    RUNTIME.warm_up.left.set(0);
}

/// Has the main interpreter call a function as soon as any of its threads looks for pending calls. May be called from any thread, with or without the GIL; false if
/// that is not possible.
pub fn ask(request: Request) -> bool {
    ASKING.fetch_add(1, Ordering::SeqCst);
    // SAFETY: the main interpreter is there until `quiet` has seen that nobody asks (Python/ceval_gil.c, `_PyEval_AddPendingCall`; without flags any thread of the
    // interpreter runs it).
    let asked = ALIVE.load(Ordering::SeqCst) && unsafe { ffi::_PyEval_AddPendingCall(ffi::PyInterpreterState_Main(), request, null_mut(), 0) } == 0;
    ASKING.fetch_sub(1, Ordering::SeqCst);
    asked
}

/// The processor time that the process has used.
fn age() -> Duration {
    // SAFETY: fills the structure.
    unsafe {
        let mut time = std::mem::zeroed::<libc::timespec>();
        if libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) != 0 {
            return Duration::MAX;
        }
        Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
    }
}

fn start_thread() {
    END.store(false, Ordering::Relaxed);
    let end = Duration::from_millis(RUNTIME.warm_up.left.get());
    let started = threads::spawn("coachwhip-warm", Some(64 * 1024), move || tick(end));
    match started {
        Ok(thread) => *RUNTIME.warm_up.thread.borrow_mut() = Some(thread),
        // No thread to be had: count everything from the beginning.
        Err(_) => drop(ask(count_everything)),
    }
}

/// Has the thread end and waits for that.
fn stop_thread() {
    END.store(true, Ordering::Relaxed);
    if let Some(thread) = RUNTIME.warm_up.thread.take() {
        thread.unpark();
        thread.join();
    }
}

fn tick(end: Duration) {
    let mut pause = TICK;
    let mut last = Duration::ZERO;
    if let Some(left) = INFANCY.checked_sub(age()) {
        std::thread::park_timeout(left);
    }
    while !END.load(Ordering::Relaxed) && ALIVE.load(Ordering::Relaxed) && !LEADER_IS_GONE.load(Ordering::Relaxed) {
        let now = age();
        if now >= end && ask(count_everything) {
            return;
        }
        if now - last >= TICK / 2 {
            pause = TICK;
            last = now;
            if !SAMPLE_IS_DUE.swap(true, Ordering::Relaxed) && !ask(sample) {
                SAMPLE_IS_DUE.store(false, Ordering::Relaxed);
            }
        } else {
            // The process does nothing.
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        std::thread::park_timeout(pause);
    }
}

/// Has the code that runs counted.
unsafe extern "C" fn sample(_nothing: *mut c_void) -> c_int {
    SAMPLE_IS_DUE.store(false, Ordering::Relaxed);
    // SAFETY: pending calls run with the GIL, between two bytecodes or at a check of compiled code.
    unsafe {
        if !RUNTIME.running.get() || !is_on() {
            return 0;
        }
        // Of its callers some are on the stack all the time and do nothing (those that import modules, say): only the frame that runs is looked at.
        let frame = (*ffi::thread_state()).current_frame;
        if frame.is_null() || (*frame).owner == ffi::OWNED_BY_CSTACK {
            return 0;
        }
        let code = frames::code_of(frame);
        if monitoring::is_eligible(&*code) && is_traceable(code) && RUNTIME.warm_up.note(code) {
            let state = code_state(code);
            if state.status.get() == Status::Cold && !state.counted.replace(true) {
                monitoring::count_code(code);
            }
        }
    }
    0
}

/// Frames that the interpreter makes for itself have code without traceable instructions.
unsafe fn is_traceable(code: *mut Code) -> bool {
    // SAFETY: a live code object.
    unsafe { ((*code).co_firsttraceable as usize) < Code::unit_count(code) }
}

/// The warm-up is over, and with it the thread.
unsafe extern "C" fn count_everything(_nothing: *mut c_void) -> c_int {
    stop_thread();
    // SAFETY: pending calls run with the GIL.
    unsafe {
        if RUNTIME.running.get() && is_on() {
            RUNTIME.warm_up.left.set(0);
            monitoring::count_everything();
        }
    }
    0
}

/// Registers what is to be done at a fork.
unsafe fn hook() -> Result<(), String> {
    // SAFETY: plain calls of Python functions.
    unsafe {
        let before = python::function(c"coachwhip_before_fork", before_fork)?;
        let parent = python::function(c"coachwhip_after_fork_in_parent", after_fork_in_parent)?;
        let child = python::function(c"coachwhip_after_fork_in_child", after_fork_in_child)?;
        let register = python::attribute(python::module(c"os")?.get(), c"register_at_fork")?;
        let names = Owned::new(pyo3_ffi::PyTuple_New(3))?;
        for (index, name) in [c"before", c"after_in_parent", c"after_in_child"].into_iter().enumerate() {
            let name = Owned::new(pyo3_ffi::PyUnicode_InternFromString(name.as_ptr()))?;
            pyo3_ffi::PyTuple_SET_ITEM(names.get(), index as ffi::Py_ssize_t, name.into_raw());
        }
        Owned::new(ffi::PyObject_Vectorcall(register.get(), [before.get(), parent.get(), child.get()].as_ptr(), 0, names.get()))?;
        Ok(())
    }
}

/// The program ends: from now on nobody asks the interpreter for anything.
pub fn quiet() {
    ALIVE.store(false, Ordering::SeqCst);
    while ASKING.load(Ordering::SeqCst) != 0 {
        std::thread::yield_now();
    }
}

/// `os.fork` counts the system's threads and warns if there are several (`warn_about_fork_with_threads`, Modules/posixmodule.c), and what they do is lost in the child:
/// ours end before it, with what they are at done, and are started again after it, in the child too.
unsafe extern "C" fn before_fork(_module: *mut PyObject, _arguments: *mut *mut PyObject, _count: ffi::Py_ssize_t) -> *mut PyObject {
    // SAFETY: numbers only. The first thread of a process has the process's number.
    let elsewhere = unsafe { libc::gettid() != libc::getpid() };
    FORKED_ELSEWHERE.fetch_or(elsewhere, Ordering::Relaxed);
    stop_thread();
    if let Some(engine) = RUNTIME.engine() {
        engine.stop_threads();
    }
    coachwhip_heap::trim();
    python::none()
}

unsafe extern "C" fn after_fork_in_parent(_module: *mut PyObject, _arguments: *mut *mut PyObject, _count: ffi::Py_ssize_t) -> *mut PyObject {
    start_threads(false);
    python::none()
}

unsafe extern "C" fn after_fork_in_child(_module: *mut PyObject, _arguments: *mut *mut PyObject, _count: ffi::Py_ssize_t) -> *mut PyObject {
    start_threads(true);
    python::none()
}

/// Whether this is a forked child that has not done much yet. Most of them live for a task only: to free code there only copies pages that the parent has, too.
pub(crate) fn is_young_child() -> bool {
    const YOUNG: Duration = Duration::from_millis(250);
    RUNTIME.warm_up.child.get() && {
        let young = age() < YOUNG;
        RUNTIME.warm_up.child.set(young);
        young
    }
}

/// Whether this is a forked child in which nothing is counted yet. Needs the GIL.
#[inline]
#[must_use]
pub fn is_infant() -> bool {
    RUNTIME.warm_up.infant.get() != 0 && is_still_infant()
}

/// To ask for the time takes time: every so often is enough.
fn is_still_infant() -> bool {
    const INFANT: Duration = Duration::from_millis(25);
    let left = RUNTIME.warm_up.infant.get() - 1;
    let is_over = left == 0 && age() >= INFANT;
    RUNTIME.warm_up.infant.set(if left == 0 && !is_over { QUESTIONS } else { left });
    !is_over
}

fn start_threads(child: bool) {
    if child {
        if FORKED_ELSEWHERE.load(Ordering::Relaxed) {
            // Its end is told of from now on.
            LEADER.with(|_| ());
        }
        RUNTIME.warm_up.child.set(true);
        RUNTIME.warm_up.infant.set(QUESTIONS);
    }
    if RUNTIME.running.get() {
        // SAFETY: `os.fork` calls with the GIL held.
        unsafe { perf_map::after_fork() };
        if is_on() {
            let forks = RUNTIME.warm_up.forks.get() + 1;
            RUNTIME.warm_up.forks.set(forks);
            if forks >= MANY_FORKS && !child {
                // SAFETY: as above.
                unsafe { count_everything(null_mut()) };
            }
        }
        // Not at once in the parent: it counts its threads after this (3.13.0 does, `warn_about_fork_with_threads`), and pending calls are made when `os.fork` has returned.
        if child || !ask(start_again_in_parent) {
            start_again(child);
        }
    }
}

/// Starts our threads again after a fork.
fn start_again(child: bool) {
    if RUNTIME.running.get() {
        if is_on() && RUNTIME.warm_up.thread.borrow().is_none() {
            start_thread();
        }
        if let Some(engine) = RUNTIME.engine() {
            engine.start_threads(child);
        }
    }
}

unsafe extern "C" fn start_again_in_parent(_nothing: *mut c_void) -> c_int {
    start_again(false);
    0
}

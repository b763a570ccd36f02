//! The background thread that compiles. It never touches a Python object and never takes the GIL: finished code is installed by a pending call, or when the runtime
//! polls.

use super::job::{Done, Held, Job};
use super::lock;
use coachwhip_cpython::capture::OwnedReferences;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

struct Worker {
    /// The process the thread lives in: a forked child has none.
    process: u32,
    jobs: Sender<Job>,
}

static WORKER: Mutex<Option<Worker>> = Mutex::new(None);
static FINISHED: Mutex<Vec<Done>> = Mutex::new(Vec::new());
/// The references of all jobs that are not installed.
static HELD: Mutex<Vec<Held>> = Mutex::new(Vec::new());

/// Hands a job to the thread, which is started at the first one and again in a forked child.
pub(super) fn submit(job: Job) {
    let mut worker = lock(&WORKER);
    let process = std::process::id();
    if worker.as_ref().is_none_or(|worker| worker.process != process) {
        let (jobs, receiver) = channel::<Job>();
        let started = std::thread::Builder::new().name("coachwhip".to_owned()).spawn(move || {
            block_signals();
            for job in receiver {
                let done = job.run();
                lock(&FINISHED).push(done);
                // SAFETY: may be called from any thread, without the GIL (Python/ceval_gil.c, Py_AddPendingCall). When its queue is full the runtime's polling installs.
                unsafe { pyo3_ffi::Py_AddPendingCall(Some(install_pending), std::ptr::null_mut()) };
            }
        });
        if started.is_err() {
            // No thread to be had: compile here.
            lock(&FINISHED).push(job.run());
            return;
        }
        if let Some(old) = worker.replace(Worker { process, jobs }) {
            // The channel of another process's thread is not to be touched.
            std::mem::forget(old);
        }
    }
    {
        let mut held = lock(&HELD);
        held.retain(|references| Arc::strong_count(references) > 1);
        held.push(Arc::clone(job.held()));
    }
    if let Some(worker) = worker.as_ref() {
        // A thread that has died takes no more jobs: they stay interpreted.
        let _ = worker.jobs.send(job);
    }
}

/// Signals are the main thread's.
fn block_signals() {
    // SAFETY: changes this thread's own mask only.
    unsafe {
        let mut all = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, std::ptr::null_mut());
    }
}

extern "C" fn install_pending(_argument: *mut std::ffi::c_void) -> std::ffi::c_int {
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
    std::mem::take(&mut *lock(&FINISHED))
}

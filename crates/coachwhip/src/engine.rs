//! The engine: what ties hotness, capture, compiler, code generation and installation together.
//!
//! The runtime says what is hot ([`coachwhip_runtime::Engine`]); `job` compiles it, which needs no GIL once the facts are captured; `worker` does so on a background
//! thread; finished code is installed here, with the GIL held. The functions are what the Python API calls.

mod job;
mod worker;

use crate::engine::job::{Done, Job, Kind};
use coachwhip_abi::counters::Counter;
use coachwhip_abi::options::Options;
use coachwhip_runtime::{self as runtime, Status, Verdict};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Functions called fewer times than this before they are compiled have not shown which of their code is never reached.
const WARM_THRESHOLD: u64 = 50;

/// What stands before the place in a line of COACHWHIP_LOG_COMPILED; a list for COACHWHIP_ALLOW may have it, too.
const LOGGED: &str = "coachwhip: compiling ";

/// What the engine remembers.
struct State {
    options: Options,
    /// `file:line:name` of the only functions that may be compiled, if a list was given.
    allowed: Option<HashSet<String>>,
    /// Why functions were not compiled, and how many.
    unsupported: BTreeMap<String, u64>,
}

static STATE: Mutex<Option<State>> = Mutex::new(None);
static ENABLED: AtomicBool = AtomicBool::new(false);
static ENGINE: Engine = Engine;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn current_options() -> Options {
    lock(&STATE).as_ref().map(|state| state.options.clone()).unwrap_or_default()
}

struct Engine;

impl runtime::Engine for Engine {
    fn hot_function(&self, function: *mut pyo3_ffi::PyObject, code: *mut pyo3_ffi::PyObject) -> Verdict {
        if function.is_null() {
            return Verdict::Refused("there is no function to ask for its globals".to_owned());
        }
        // SAFETY: the runtime calls with the GIL held and live objects.
        unsafe { start_job(function, code, Kind::Call) }
    }

    fn hot_loop(&self, frame: *mut runtime::ffi::Frame, code: *mut pyo3_ffi::PyObject, offset: u32, stack_depth: u32) -> Verdict {
        // SAFETY: as above; the frame waits in a monitoring callback.
        unsafe {
            let (function, _) = runtime::function_of_frame(frame);
            start_job(function, code, Kind::Loop { frame: frame as usize, offset, stack_depth })
        }
    }

    fn poll(&self) {
        install_finished();
        worker::start_inherited();
    }

    fn stop_threads(&self) {
        worker::stop();
        // Here, not in the parent and in the child.
        install_finished();
    }

    fn start_threads(&self, child: bool) {
        if child {
            worker::wait_in_child();
        } else {
            worker::start();
        }
    }

    fn abandon(&self) {
        worker::leave();
    }
}

/// Whether the options let a function be compiled.
fn is_allowed(name: &str, place: &str) -> bool {
    let state = lock(&STATE);
    let Some(state) = state.as_ref() else { return false };
    let listed = state.allowed.as_ref().is_none_or(|allowed| allowed.contains(place));
    listed && (state.options.filter.is_empty() || job::matches_pattern(&state.options.filter, name))
}

/// Captures the facts and compiles: on the background thread or at once.
///
/// # Safety
/// The GIL is held; `function` is a live function over `code`.
unsafe fn start_job(function: *mut pyo3_ffi::PyObject, code: *mut pyo3_ffi::PyObject, kind: Kind) -> Verdict {
    let options = current_options();
    // SAFETY: the caller's promise.
    let job = match unsafe { Job::capture(function, code, kind, &options) } {
        Ok(job) => job,
        Err(reason) => {
            note_unsupported(&reason);
            return Verdict::Refused(reason);
        }
    };
    if !is_allowed(&job.name, &job.place) {
        return Verdict::Refused("the options filter it out".to_owned());
    }
    if options.log_compiled {
        eprintln!("{LOGGED}{}", job.place);
    }
    if options.background {
        worker::submit(job);
        return Verdict::Queued;
    }
    // SAFETY: the GIL is held.
    unsafe { install(job.run()) }
}

fn note_unsupported(reason: &str) {
    if let Some(state) = lock(&STATE).as_mut() {
        *state.unsupported.entry(reason.to_owned()).or_default() += 1;
    }
}

/// Installs what a job made, or notes why it made nothing.
///
/// # Safety
/// The GIL is held.
unsafe fn install(done: Done) -> Verdict {
    let Done { function, code, kind, outcome, owned, dependencies, reservation, nanoseconds, .. } = done;
    Counter::CompileNanoseconds.add(nanoseconds);
    let (function, code) = (function as *mut pyo3_ffi::PyObject, code as *mut pyo3_ffi::PyObject);
    let Some(owned) = lock(&owned).take() else { return Verdict::Refused("the program ends".to_owned()) };
    let verdict = match outcome {
        Ok(machine) => {
            // SAFETY: the references in `owned` keep everything alive until the installed code has its own.
            let installed = unsafe {
                match kind {
                    Kind::Call => runtime::install_call(function, code, reservation, machine, dependencies),
                    Kind::Loop { offset, .. } => runtime::install_loop(code, offset, reservation, machine, dependencies),
                }
            };
            match installed {
                Ok(()) => Verdict::Installed,
                Err(reason) => Verdict::Refused(reason),
            }
        }
        Err(reason) => {
            note_unsupported(&reason);
            let offset = match kind {
                Kind::Call => None,
                Kind::Loop { offset, .. } => Some(offset),
            };
            // SAFETY: the GIL is held and the code is kept alive by `owned`.
            unsafe { runtime::refuse(code, offset, &reason) };
            Verdict::Refused(reason)
        }
    };
    drop(owned);
    verdict
}

/// Installs everything that the background thread has finished. Needs the GIL.
fn install_finished() {
    for done in worker::finished() {
        // SAFETY: the callers hold the GIL.
        unsafe { install(done) };
    }
}

// ---- What the Python API calls ----

/// Starts (or starts again, with other options) counting and compiling. The error says in one line why Coachwhip stays off.
///
/// # Errors
/// If the interpreter cannot be served.
pub fn enable(_py: Python<'_>, options: &Options) -> Result<(), String> {
    let allowed = if options.allow.is_empty() {
        None
    } else {
        let text = std::fs::read_to_string(&options.allow).map_err(|error| format!("COACHWHIP_ALLOW={}: {error}", options.allow))?;
        Some(text.lines().map(|line| line.trim().trim_start_matches(LOGGED).to_owned()).filter(|line| !line.is_empty()).collect())
    };
    // SAFETY: the GIL is held (`_py`).
    unsafe { runtime::start(options, &ENGINE)? };
    *lock(&STATE) = Some(State { options: options.clone(), allowed, unsupported: BTreeMap::new() });
    ENABLED.store(true, Ordering::Relaxed);
    Ok(())
}

/// Stops counting and compiling; what is compiled is handed back.
pub fn disable(_py: Python<'_>) {
    if ENABLED.swap(false, Ordering::Relaxed) {
        // SAFETY: the GIL is held (`_py`).
        unsafe { runtime::stop() };
    }
}

/// At the end of the program: compiled code and what is being compiled give back their references, for the interpreter now destroys what nobody else holds.
/// Calls from Python code (`atexit._run_exitfuncs`) are not the end.
pub fn end(py: Python<'_>) {
    // SAFETY: the GIL is held (`py`).
    if unsafe { runtime::is_outside_python() } {
        runtime::quiet();
        disable(py);
        drop(worker::abandon());
        // SAFETY: as above.
        unsafe { runtime::end() };
    }
}

/// Whether [`enable`] succeeded and [`disable`] was not called since.
#[must_use]
pub fn is_enabled(_py: Python<'_>) -> bool {
    ENABLED.load(Ordering::Relaxed)
}

/// No compilation starts and no compiled code is entered until the matching [`resume`]; calls nest.
pub fn pause(_py: Python<'_>) {
    // SAFETY: the GIL is held (`_py`).
    unsafe { runtime::pause() };
}

/// Ends a [`pause`].
pub fn resume(_py: Python<'_>) {
    // SAFETY: the GIL is held (`_py`).
    unsafe { runtime::resume() };
}

fn code_of(object: &Bound<'_, PyAny>) -> *mut pyo3_ffi::PyObject {
    // SAFETY: a live object, the GIL is held.
    unsafe { runtime::code_of(object.as_ptr().cast()) }.cast()
}

/// Compiles a function (or code object) now, in the foreground; `false` if that is not possible ([`explain`] says why).
///
/// # Errors
/// Unexpected Python exceptions.
pub fn compile(py: Python<'_>, function: &Bound<'_, PyAny>, options: &Options) -> PyResult<bool> {
    if !is_enabled(py)
        && let Err(reason) = enable(py, options)
    {
        crate::complain(py, &format!("off: {reason}"));
        return Ok(false);
    }
    let code = code_of(function);
    let object: *mut pyo3_ffi::PyObject = function.as_ptr().cast();
    if code.is_null() || code == object {
        return Ok(false);
    }
    // SAFETY: live objects, the GIL is held.
    let verdict = unsafe {
        match Job::capture(object, code, Kind::Call, &current_options()) {
            Ok(job) => install(job.run()),
            Err(reason) => {
                runtime::refuse(code.cast(), None, &reason);
                Verdict::Refused(reason)
            }
        }
    };
    Ok(verdict == Verdict::Installed)
}

/// Keeps a function (or code object) interpreted for good.
///
/// # Errors
/// Unexpected Python exceptions.
pub fn never(py: Python<'_>, function: &Bound<'_, PyAny>) -> PyResult<()> {
    let code = code_of(function);
    if !code.is_null() && is_enabled(py) {
        // SAFETY: a live code object, the GIL is held.
        unsafe { runtime::never(code.cast()) };
    }
    Ok(())
}

/// Whether calls of a function (or code object) run compiled code.
#[must_use]
pub fn is_compiled(py: Python<'_>, function: &Bound<'_, PyAny>) -> bool {
    let code = code_of(function);
    install_finished();
    // SAFETY: a live code object, the GIL is held.
    is_enabled(py) && !code.is_null() && unsafe { runtime::is_compiled(code.cast()) }
}

/// Adds to the dict that `stats()` returns what is more than a counter.
///
/// # Errors
/// Unexpected Python exceptions.
pub fn stats(py: Python<'_>, into: &Bound<'_, PyDict>) -> PyResult<()> {
    let reasons = PyDict::new(py);
    if let Some(state) = lock(&STATE).as_ref() {
        for (reason, count) in &state.unsupported {
            reasons.set_item(reason, count)?;
        }
    }
    into.set_item("unsupported_reasons", reasons)?;
    let exits = PyList::empty(py);
    if is_enabled(py) {
        // SAFETY: the GIL is held.
        let reports = unsafe { runtime::reports() };
        // Machine code counts its own entries; the counter has those of code that is gone.
        let entries: u64 = reports.iter().flat_map(|report| &report.compiled).map(|piece| piece.entries).sum();
        into.set_item(Counter::Entries.name(), Counter::Entries.value() + entries)?;
        let mut rows: Vec<_> = reports
            .into_iter()
            .flat_map(|report| report.compiled.into_iter().flat_map(|piece| piece.exits).map(move |exit| (report.qualname.clone(), exit)))
            .collect();
        rows.sort_by_key(|(_, exit)| std::cmp::Reverse(exit.count));
        for (name, exit) in rows.into_iter().take(50) {
            exits.append((name, exit.file, exit.line, exit.offset, exit.reason.name(), exit.count))?;
        }
    }
    into.set_item("exits_by_place", exits)?;
    Ok(())
}

/// A text: was the function compiled, why not, where does it leave compiled code and how often.
///
/// # Errors
/// Unexpected Python exceptions.
pub fn explain(py: Python<'_>, function: &Bound<'_, PyAny>) -> PyResult<String> {
    let code = code_of(function);
    if !is_enabled(py) {
        return Ok("Coachwhip is off.\n".to_owned());
    }
    install_finished();
    // SAFETY: a live code object, the GIL is held.
    let report = if code.is_null() { None } else { unsafe { runtime::report(code.cast()) } };
    let Some(report) = report else { return Ok("It has not run since Coachwhip was switched on.\n".to_owned()) };
    let mut text = String::new();
    let _ = writeln!(text, "{} ({}:{})", report.qualname, report.filename, report.line);
    let status = match report.status {
        Status::Cold => "interpreted: it is not hot",
        Status::Queued => "interpreted: it waits for the compiler",
        Status::Compiled => "compiled",
        Status::Refused => "interpreted: the compiler does not do it",
        Status::HandedBack => "interpreted: handed back, it did not profit",
        Status::Never => "interpreted: it is not to be compiled",
    };
    let _ = writeln!(text, "  {status}; started {} times in the interpreter, compiled again {} times", report.starts, report.recompilations);
    if !report.reason.is_empty() {
        let _ = writeln!(text, "  reason: {}", report.reason);
    }
    for (offset, status) in &report.loops {
        let _ = writeln!(text, "  loop at {offset}: {status:?}");
    }
    for piece in &report.compiled {
        let what = piece.loop_offset.map_or("calls".to_owned(), |offset| format!("the loop at {offset}"));
        let _ = writeln!(text, "  machine code for {what}: {} bytes, entered about {} times", piece.bytes, piece.entries);
        for exit in &piece.exits {
            let _ = writeln!(text, "    left {} times at line {} (bytecode {}): {}", exit.count, exit.line, exit.offset, exit.reason.doc().trim());
        }
    }
    Ok(text)
}

/// One stage of a function's compilation as text.
///
/// # Errors
/// `RuntimeError` if there is nothing to show.
pub fn dump(py: Python<'_>, function: &Bound<'_, PyAny>, what: &str) -> PyResult<String> {
    let code = code_of(function);
    let object: *mut pyo3_ffi::PyObject = function.as_ptr().cast();
    if !is_enabled(py) {
        return Err(PyRuntimeError::new_err("Coachwhip is off"));
    }
    if code.is_null() || code == object {
        return Err(PyRuntimeError::new_err("dump() needs a function"));
    }
    let options = Options { dump: what.to_owned(), ..current_options() };
    // SAFETY: live objects, the GIL is held.
    let done = unsafe { Job::capture(object, code, Kind::Call, &options) }.map(Job::run).map_err(PyRuntimeError::new_err)?;
    match (done.text.is_empty(), done.outcome) {
        (false, _) => Ok(done.text),
        (true, Err(reason)) => Err(PyRuntimeError::new_err(reason)),
        (true, Ok(_)) => Err(PyRuntimeError::new_err(format!("there is nothing called '{what}'"))),
    }
}

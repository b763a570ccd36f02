//! Hotness: PY_START and JUMP events of `sys.monitoring` under OPTIMIZER_ID, with native callbacks; on-stack replacement from the JUMP callback; and whether
//! somebody else is tracing, in which case nothing runs compiled.

use std::cell::Cell;
use std::ffi::c_int;

use coachwhip_abi::counters::Counter;
use coachwhip_abi::environment::frame_state;

use crate::compiled::{Busy, CodeState, Compiled, LoopState, Status, code_state, existing_state};
use crate::ffi::{self, Code, CodeQueries, Frame, Function, InterpreterState, PyObject, ThreadState};
use crate::python::{self, Owned};
use crate::{RUNTIME, discard, entry, exits, policy, warm_up, watchers};

/// `sys.monitoring.OPTIMIZER_ID`
pub(crate) const TOOL: u8 = 5;
/// Events by number (Include/cpython/monitoring.h).
const PY_START: usize = 0;
const JUMP: usize = 7;
const OWN_EVENTS: i64 = (1 << PY_START) | (1 << JUMP);
/// `_PY_MONITORING_UNGROUPED_EVENTS`, and `_PY_MONITORING_EVENTS`.
const UNGROUPED_EVENTS: usize = 15;
const EVENTS: usize = 17;
/// From `PyInterpreterState.monitors` to `monitoring_callables` (pycore_interp.h): the bytes, two bools, two counts.
const CALLABLES_FROM_MONITORS: usize = 40;
/// A value that `eval_breaker` never has.
const NEVER_EXPECTED: usize = usize::MAX;
/// After so many starts of a function in the interpreter though it is compiled, nobody listens any more.
const MOST_BYPASSES: u64 = 10_000;

/// What the engine says of a hot function or loop.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It will be compiled; the runtime goes on counting and asks `Engine::poll` now and then.
    Queued,
    /// It is installed.
    Installed,
    /// It is not compiled, for this reason; never ask again.
    Refused(String),
}

/// What compiles. Every function is called with the GIL held and must not run Python code that could come back here.
pub trait Engine: Send + Sync {
    /// A function got hot (or must be compiled again). `function` is NULL if there is only code.
    fn hot_function(&self, function: *mut PyObject, code: *mut PyObject) -> Verdict;
    /// A loop got hot: `frame` is the `_PyInterpreterFrame` at the jump to its head, `offset` the head in code units, `stack_depth` the depth there.
    fn hot_loop(&self, frame: *mut Frame, code: *mut PyObject, offset: u32, stack_depth: u32) -> Verdict;
    /// Installs what is ready.
    fn poll(&self);
    /// The process is about to fork: its threads end, with what they are at done.
    fn stop_threads(&self) {}
    /// It has forked, and this is the parent or the child.
    fn start_threads(&self, _child: bool) {}
    /// Its threads end soon, for good: they would keep the process alive. Called without the GIL.
    fn abandon(&self) {}
}

/// What `start` has put into `sys.monitoring`.
#[derive(Debug)]
pub(crate) struct Hooks {
    disable: Cell<*mut PyObject>,
    /// `PyInterpreterState.monitors`: a byte of tool bits for each event.
    monitors: Cell<*const u8>,
    /// Whether our events are switched off because other tools are at work.
    aside: Cell<bool>,
}

impl Hooks {
    pub(crate) const fn new() -> Hooks {
        Hooks { disable: Cell::new(std::ptr::null_mut()), monitors: Cell::new(std::ptr::null()), aside: Cell::new(false) }
    }
}

unsafe extern "C" fn on_start(_module: *mut PyObject, arguments: *mut *mut PyObject, count: ffi::Py_ssize_t) -> *mut PyObject {
    if count < 1 {
        return python::none();
    }
    // SAFETY: the interpreter calls with (code, offset); PyMonitoring_FirePyStartEvent with anything for the code, at any place.
    if unsafe { !is_running(*arguments) || started((*arguments).cast()) } { python::none() } else { disable() }
}

unsafe extern "C" fn on_jump(_module: *mut PyObject, arguments: *mut *mut PyObject, count: ffi::Py_ssize_t) -> *mut PyObject {
    if count < 3 {
        return python::none();
    }
    // SAFETY: the interpreter calls with (code, offset, target), offsets in bytes.
    unsafe {
        if !is_running(*arguments) {
            return python::none();
        }
        let code: *mut Code = (*arguments).cast();
        let (from, to) = (ffi::PyLong_AsLong(*arguments.add(1)), ffi::PyLong_AsLong(*arguments.add(2)));
        if to >= from || to < 0 {
            return disable();
        }
        match jumped(code, (to / 2) as u32) {
            Jumped::Listen => python::none(),
            Jumped::Disable => disable(),
            Jumped::Error => std::ptr::null_mut(),
        }
    }
}

/// Whether an object is the current frame's code.
unsafe fn is_running(code: *mut PyObject) -> bool {
    // SAFETY: the GIL is held.
    unsafe {
        let frame = (*ffi::thread_state()).current_frame;
        !frame.is_null() && (*frame).f_executable == code && pyo3_ffi::PyCode_Check(code) != 0
    }
}

fn disable() -> *mut PyObject {
    // SAFETY: `start` keeps a reference to sys.monitoring.DISABLE.
    unsafe { ffi::new_reference(RUNTIME.monitoring.disable.get()) }
}

pub(crate) fn is_eligible(code: &Code) -> bool {
    code.flag_bits() & (ffi::GENERATOR | ffi::ITERABLE_COROUTINE) == 0
}

/// A function whose loops are compiled is hot after so many times fewer calls: else each call begins in the interpreter, enters the loop, and returns there.
const LOOPS_COUNT: u64 = 50;

/// How many starts make a function hot.
fn start_threshold(state: &CodeState) -> u64 {
    let threshold = threshold_for(RUNTIME.threshold.get(), state);
    if threshold >= TEST_THRESHOLD && state.loops.borrow().iter().any(|row| !row.compiled.get().is_null()) { threshold / LOOPS_COUNT } else { threshold }
}

/// A function was started in the interpreter. False: do not listen any more.
unsafe fn started(code: *mut Code) -> bool {
    // SAFETY: a live code object; the GIL is held.
    unsafe {
        discard::tick();
        if is_left_alone(code, None) {
            return true;
        }
        let state = code_state(code);
        match state.status.get() {
            Status::Cold => {
                let starts = state.starts.get() + 1;
                state.starts.set(starts);
                if starts < start_threshold(state) || RUNTIME.paused.get() > 0 {
                    return true;
                }
                if !is_eligible(&*code) || (*code).flag_bits() & ffi::OPTIMIZED == 0 {
                    // Loops of modules and class bodies are compiled.
                    state.status.set(Status::Refused);
                    return false;
                }
                hot_function(state)
            }
            Status::Queued => {
                if let Some(engine) = RUNTIME.engine() {
                    engine.poll();
                }
                true
            }
            Status::Compiled => {
                let tstate = ffi::thread_state();
                if RUNTIME.paused.get() > 0 || entry::is_deep(tstate) {
                    return true;
                }
                let frame = (*tstate).current_frame;
                entry::install((*frame).f_funcobj.cast());
                hook_allocation(frame);
                let bypasses = state.bypasses.get() + 1;
                state.bypasses.set(bypasses);
                bypasses < MOST_BYPASSES || RUNTIME.discards.are_on()
            }
            Status::Refused | Status::HandedBack | Status::Never => false,
        }
    }
}

#[cold]
unsafe fn hot_function(state: &CodeState) -> bool {
    // SAFETY: PY_START is sent with the function's frame in place.
    unsafe {
        let tstate = ffi::thread_state();
        let Some(engine) = RUNTIME.engine() else { return true };
        if foreign_tools(tstate) || state.instrumented.get() {
            return true;
        }
        let frame = (*tstate).current_frame;
        if Frame::code(frame) != state.code {
            return true;
        }
        hook_allocation(frame);
        let function = (*frame).f_funcobj;
        state.status.set(Status::Queued);
        match engine.hot_function(function, state.code.cast()) {
            Verdict::Queued | Verdict::Installed => true,
            Verdict::Refused(reason) => {
                *state.reason.borrow_mut() = reason;
                state.status.set(Status::Refused);
                Counter::Unsupported.add(1);
                false
            }
        }
    }
}

/// `tp_alloc` of classes whose `__init__` is compiled: CALL_ALLOC_AND_ENTER_INIT, which would enter it without its vectorcall, is only specialised for
/// PyType_GenericAlloc itself (`get_init_for_simple_managed_python_class`, Python/specialize.c).
pub(crate) unsafe extern "C" fn allocate(class: *mut ffi::PyTypeObject, count: ffi::Py_ssize_t) -> *mut PyObject {
    // SAFETY: as CPython calls tp_alloc.
    unsafe { ffi::PyType_GenericAlloc(class, count) }
}

/// Smaller `__init__`s (in code units) gain less by running compiled than an unspecialised call of their class costs.
const WORTH_A_CALL: usize = 150;

/// If the frame is an `__init__` that was entered by CALL_ALLOC_AND_ENTER_INIT (its caller is the shim frame of `_Py_InitCleanup`), has its class keep to calls.
unsafe fn hook_allocation(frame: *mut Frame) {
    // SAFETY: a live frame; the shim's frame holds a code object, which is not traceable at all.
    unsafe {
        let shim = (*frame).previous;
        if shim.is_null() || (*shim).owner == ffi::OWNED_BY_CSTACK || Code::unit_count(Frame::code(frame)) < WORTH_A_CALL {
            return;
        }
        let code = Frame::code(shim);
        if (*code).co_name.is_null() || ((*code).co_firsttraceable as usize) < Code::unit_count(code) {
            return;
        }
        let receiver = *Frame::slot(frame, 0);
        if receiver.is_null() {
            return;
        }
        let class = pyo3_ffi::Py_TYPE(receiver);
        if (*class).tp_alloc.is_some_and(|current| current as usize == ffi::PyType_GenericAlloc as *const () as usize) {
            (*class).tp_alloc = Some(allocate);
            ffi::PyType_Modified(class);
        }
    }
}

/// Code units whose compilation takes about as long as a warm-up of the plain threshold.
const PLAIN_SIZE: u64 = 500;
/// Code that samples have found needs only this part of the counts.
const SAMPLED: u64 = 2;
/// Thresholds below this are for tests: they are taken as they are.
pub(crate) const TEST_THRESHOLD: u64 = 100;

/// The most doublings of a threshold.
const MOST_DOUBLINGS: u32 = 20;

/// How hot code must be to be worth compiling: large code costs more, so it has to show more.
fn threshold_for(threshold: u64, state: &CodeState) -> u64 {
    // Code that had to make room must be twice as hot each time.
    let threshold = threshold << state.evictions.get().min(MOST_DOUBLINGS);
    if RUNTIME.threshold.get() < TEST_THRESHOLD {
        return threshold;
    }
    // SAFETY: the callers hold the GIL and have a live code object.
    let units = unsafe { Code::unit_count(state.code) } as u64;
    let plain = threshold + threshold * units / PLAIN_SIZE;
    if state.counted.get() { plain / SAMPLED } else { plain }
}

/// Whether the start of a function, or a turn of the loop at an offset, is not even counted, because this is a forked child that has not done much: most live for a task
/// only, and must not do again what their parent does anyway, start threads, or copy pages for the sake of counts.
#[inline]
unsafe fn is_left_alone(code: *mut Code, offset: Option<u32>) -> bool {
    if !warm_up::is_infant() || RUNTIME.threshold.get() < TEST_THRESHOLD {
        return false;
    }
    // SAFETY: a live code object; the GIL is held; the loops are only looked at, without `borrow`, which writes.
    unsafe {
        existing_state(code).is_none_or(|state| match offset {
            None => state.status.get() == Status::Cold,
            Some(offset) => (*state.loops.as_ptr()).iter().all(|row| row.offset != offset || row.status.get() == Status::Cold),
        })
    }
}

enum Jumped {
    Listen,
    Disable,
    Error,
}

/// A loop made a turn in the interpreter.
unsafe fn jumped(code: *mut Code, target: u32) -> Jumped {
    // SAFETY: a live code object; the GIL is held.
    unsafe {
        discard::tick();
        if is_left_alone(code, Some(target)) {
            return Jumped::Listen;
        }
        let state = code_state(code);
        let row = state.loop_state(target);
        match row.status.get() {
            Status::Cold => {
                let turns = row.turns.get() + 1;
                row.turns.set(turns);
                if turns < threshold_for(RUNTIME.loop_threshold.get(), state) || RUNTIME.paused.get() > 0 {
                    return Jumped::Listen;
                }
                if !is_eligible(&*code) {
                    row.status.set(Status::Never);
                    return Jumped::Disable;
                }
                hot_loop(state, row)
            }
            Status::Queued => {
                if let Some(engine) = RUNTIME.engine() {
                    engine.poll();
                }
                if row.status.get() == Status::Compiled { enter_loop(state, row) } else { Jumped::Listen }
            }
            Status::Compiled => enter_loop(state, row),
            Status::Refused | Status::HandedBack | Status::Never => Jumped::Disable,
        }
    }
}

#[cold]
unsafe fn hot_loop(state: &CodeState, row: &LoopState) -> Jumped {
    // SAFETY: JUMP is sent with the stack pointer in the frame.
    unsafe {
        let tstate = ffi::thread_state();
        let Some(engine) = RUNTIME.engine() else { return Jumped::Listen };
        let frame = (*tstate).current_frame;
        if foreign_tools(tstate) || state.instrumented.get() || Frame::code(frame) != state.code {
            return Jumped::Listen;
        }
        let depth = (*frame).stacktop - (*state.code).co_nlocalsplus;
        row.status.set(Status::Queued);
        match engine.hot_loop(frame, state.code.cast(), row.offset, u32::try_from(depth).unwrap_or(0)) {
            Verdict::Queued => Jumped::Listen,
            Verdict::Installed if row.status.get() == Status::Compiled => enter_loop(state, row),
            Verdict::Installed => Jumped::Listen,
            Verdict::Refused(reason) => {
                *state.reason.borrow_mut() = reason;
                row.status.set(Status::Refused);
                Counter::Unsupported.add(1);
                Jumped::Disable
            }
        }
    }
}

type LoopEntry = unsafe extern "C" fn(*mut ThreadState, *mut Frame) -> usize;

/// On-stack replacement: runs the loop's code on the frame whose interpreter waits in the callback.
unsafe fn enter_loop(state: &CodeState, row: &LoopState) -> Jumped {
    // SAFETY: the interpreter has stored its stack pointer and loads it again, and goes on at `instr_ptr` if that has changed
    // (`_Py_call_instrumentation_jump`, Python/instrumentation.c).
    unsafe {
        let tstate = ffi::thread_state();
        let frame = (*tstate).current_frame;
        let Some(compiled) = row.compiled.get().as_ref().filter(|compiled| compiled.is_valid()) else {
            row.status.set(Status::Cold);
            row.turns.set(0);
            return Jumped::Listen;
        };
        if !compiled.dependencies.suits((*frame).f_globals, (*frame).f_builtins) {
            return Jumped::Listen;
        }
        let inspected = !(*frame).frame_obj.is_null() && pyo3_ffi::Py_REFCNT((*frame).frame_obj.cast()) > 1;
        if inspected || Frame::code(frame) != state.code || RUNTIME.paused.get() > 0 || state.instrumented.get() || foreign_tools(tstate) {
            return Jumped::Listen;
        }
        Counter::LoopEntries.add(1);
        let (tracing, what_event) = ((*tstate).tracing, (*tstate).what_event);
        (*tstate).tracing = 0;
        (*tstate).what_event = -1;
        (*frame).stacktop = (*state.code).co_nlocalsplus;
        (*frame).state = frame_state::COMPILED;
        (*frame).return_offset = 0;
        let started = policy::cycles();
        let status = {
            let _busy = Busy::new(compiled);
            let entry = std::mem::transmute::<usize, LoopEntry>(compiled.entry);
            entry(tstate, frame)
        };
        let spent = policy::cycles().wrapping_sub(started);
        if status != exits::LOOP_ERROR && !compiled.is_valid() {
            // What only this code held goes now, as it would when the interpreter drops the last reference.
            watchers::sweep();
        }
        (*tstate).tracing = tracing;
        (*tstate).what_event = what_event;
        if status == exits::LOOP_ERROR {
            return Jumped::Error;
        }
        if policy::judge_loop(row, spent) {
            return Jumped::Listen;
        }
        Counter::HandedBack.add(1);
        row.status.set(Status::HandedBack);
        "its entries did too little work".clone_into(&mut state.reason.borrow_mut());
        let old = row.compiled.replace(std::ptr::null_mut());
        if !old.is_null() {
            watchers::retire(old);
        }
        Jumped::Disable
    }
}

/// Whether a tool other than ours gets events of all code, or another extension evaluates the frames. Keeps the word that compiled code compares `eval_breaker` with.
///
/// # Safety
/// `tstate` is the running thread's state.
pub(crate) unsafe fn foreign_tools(tstate: *mut ThreadState) -> bool {
    // SAFETY: `monitors` was found by `start` in the interpreter's state.
    unsafe {
        let version = (*tstate).eval_breaker() & !ffi::EVENTS_MASK;
        let evaluated_elsewhere = InterpreterState::evaluator((*tstate).interp).is_some();
        if version == RUNTIME.eval_breaker_expected.get() && !evaluated_elsewhere {
            return false;
        }
        let monitors = RUNTIME.monitoring.monitors.get();
        let foreign = evaluated_elsewhere || monitors.is_null() || others_listen(monitors);
        RUNTIME.eval_breaker_expected.set(if foreign || !RUNTIME.running.get() { NEVER_EXPECTED } else { version });
        foreign || !RUNTIME.running.get()
    }
}

unsafe fn others_listen(monitors: *const u8) -> bool {
    // SAFETY: `monitors` was found by `start` in the interpreter's state.
    unsafe { std::slice::from_raw_parts(monitors, UNGROUPED_EVENTS).iter().any(|tools| tools & !(1 << TOOL) != 0) }
}

/// Switches our events off before another tool switches its own on: nothing runs compiled then, and CPython 3.13 forgets the INSTRUCTION events of a code object
/// when a second tool comes to one of its events (`update_instrumentation_data`, Python/instrumentation.c: `per_instruction_tools` starts with zeros).
///
/// # Safety
/// The GIL is held; no exception is set.
pub(crate) unsafe fn step_aside() {
    if RUNTIME.running.get() && !RUNTIME.monitoring.aside.get() {
        // SAFETY: the caller's promise.
        unsafe { set_own_events(0) };
        RUNTIME.monitoring.aside.set(true);
    }
}

/// Switches our events on again when nobody else listens.
///
/// # Safety
/// The GIL is held; an exception may be set.
pub(crate) unsafe fn step_back() {
    let hooks = &RUNTIME.monitoring;
    // SAFETY: `monitors` was found by `start`; the exception is put aside.
    unsafe {
        if RUNTIME.running.get() && hooks.aside.get() && !hooks.monitors.get().is_null() && !others_listen(hooks.monitors.get()) {
            let exception = ffi::PyErr_GetRaisedException();
            hooks.aside.set(false);
            set_own_events(OWN_EVENTS);
            ffi::PyErr_SetRaisedException(exception);
        }
    }
}

/// Has the events of all code counted.
///
/// # Safety
/// The GIL is held; no exception is set.
pub(crate) unsafe fn count_everything() {
    if !RUNTIME.monitoring.aside.get() {
        // SAFETY: the caller's promise.
        unsafe { set_own_events(OWN_EVENTS) };
    }
}

/// Has the events of one code object counted.
///
/// # Safety
/// As for [`count_everything`]; `code` is a live code object.
pub(crate) unsafe fn count_code(code: *mut Code) {
    // SAFETY: the caller's promise.
    unsafe {
        if !RUNTIME.monitoring.aside.get()
            && !others_listen(RUNTIME.monitoring.monitors.get())
            && let Ok(monitoring) = python::monitoring()
        {
            set_code_events(monitoring.get(), code, OWN_EVENTS);
        }
    }
}

unsafe fn set_code_events(monitoring: *mut PyObject, code: *mut Code, events: i64) {
    // SAFETY: a plain call of a Python function; without memory the events stay as they are.
    unsafe {
        if let (Ok(tool), Ok(events)) = (python::int(TOOL.into()), python::int(events)) {
            let _ = python::call(monitoring, c"set_local_events", &[tool.get(), code.cast(), events.get()]);
        }
    }
}

/// Sets the events of those code objects that were counted while the process was young.
unsafe fn set_counted_events(monitoring: *mut PyObject, events: i64) {
    let counted: Vec<*mut Code> = crate::all_states().into_iter().filter(|state| state.counted.get()).map(|state| state.code).collect();
    for &code in &counted {
        // SAFETY: live code objects, kept so while the events are set, which may run the garbage collector.
        unsafe { ffi::Py_INCREF(code.cast::<PyObject>()) };
    }
    for code in counted {
        // SAFETY: as above.
        unsafe {
            set_code_events(monitoring, code, events);
            ffi::Py_DECREF(code.cast::<PyObject>());
        }
    }
}

unsafe fn set_own_events(events: i64) {
    // SAFETY: a plain call of a Python function; without memory the events stay as they are.
    unsafe {
        if let (Ok(monitoring), Ok(tool), Ok(number)) = (python::monitoring(), python::int(TOOL.into()), python::int(events)) {
            set_counted_events(monitoring.get(), events);
            if !warm_up::is_on() {
                let _ = python::call(monitoring.get(), c"set_events", &[tool.get(), number.get()]);
            }
        }
    }
}

/// Events of exceptions, by number.
pub(crate) mod event {
    pub(crate) const RAISE: usize = 10;
    pub(crate) const EXCEPTION_HANDLED: usize = 11;
    pub(crate) const PY_UNWIND: usize = 12;
    pub(crate) const RERAISE: usize = 14;
}

/// Tells other tools of what happens to the exception that is set, as `monitor_raise` and its like do in Python/ceval.c, which are not exported. If a callback
/// raises, its exception takes the place.
///
/// # Safety
/// `frame` is the current frame; `offset` one of its instructions, in code units; an exception is set. May run any Python code.
pub(crate) unsafe fn send(event: usize, frame: *mut Frame, offset: usize) {
    // SAFETY: `monitors` was found by `start`; PyMonitoringState is two bytes, the first the tools to call.
    unsafe {
        let monitors = RUNTIME.monitoring.monitors.get();
        if monitors.is_null() {
            return;
        }
        let mut state = [*monitors.add(event) & !(1 << TOOL), 0];
        if state[0] == 0 {
            return;
        }
        let fire = match event {
            event::RAISE => ffi::_PyMonitoring_FireRaiseEvent,
            event::EXCEPTION_HANDLED => ffi::_PyMonitoring_FireExceptionHandledEvent,
            event::PY_UNWIND => ffi::_PyMonitoring_FirePyUnwindEvent,
            _ => ffi::_PyMonitoring_FireReraiseEvent,
        };
        let _ = fire(state.as_mut_ptr(), Frame::code(frame).cast(), (offset * 2) as i32);
    }
}

/// Whether a tool's number is ours while we listen.
///
/// # Safety
/// `tool` is a live object; the GIL is held.
pub(crate) unsafe fn is_own_tool(tool: *mut PyObject) -> bool {
    // SAFETY: an int makes it never raise.
    unsafe {
        let mut overflow: c_int = 0;
        RUNTIME.running.get() && pyo3_ffi::PyLong_Check(tool) != 0 && ffi::PyLong_AsLongLongAndOverflow(tool, &raw mut overflow) == i64::from(TOOL)
    }
}

/// The bit of our tool.
pub(crate) const TOOL_BIT: i64 = 1 << TOOL;

/// Registers the callbacks and switches the events on.
///
/// # Errors
/// If the tool's number is taken, or `sys.monitoring` does not work as expected.
///
/// # Safety
/// The GIL is held.
pub(crate) unsafe fn start() -> Result<(), String> {
    // SAFETY: plain calls of Python functions.
    unsafe {
        let monitoring = python::monitoring()?;
        let tool = python::int(TOOL.into())?;
        let name = python::call(monitoring.get(), c"get_tool", &[tool.get()])?;
        if name.get() != pyo3_ffi::Py_None() {
            return Err("another tool uses sys.monitoring's OPTIMIZER_ID".to_owned());
        }
        let own = Owned::new(pyo3_ffi::PyUnicode_FromString(c"coachwhip".as_ptr()))?;
        python::call(monitoring.get(), c"use_tool_id", &[tool.get(), own.get()])?;
        let result = register(monitoring.get(), tool.get());
        if result.is_err() {
            let _ = python::call(monitoring.get(), c"free_tool_id", &[tool.get()]);
        }
        result
    }
}

unsafe fn register(monitoring: *mut PyObject, tool: *mut PyObject) -> Result<(), String> {
    // SAFETY: plain calls of Python functions; the interpreter's state is as large as `layout::interpreter` says.
    unsafe {
        RUNTIME.monitoring.disable.set(python::attribute(monitoring, c"DISABLE")?.into_raw());
        let on_start = python::function(c"coachwhip_start", on_start)?;
        let on_jump = python::function(c"coachwhip_jump", on_jump)?;
        for (number, callback) in [(PY_START, &on_start), (JUMP, &on_jump)] {
            let event = python::int(1 << number)?;
            python::call(monitoring, c"register_callback", &[tool, event.get(), callback.get()])?;
        }
        if !warm_up::is_on() {
            let events = python::int(OWN_EVENTS)?;
            python::call(monitoring, c"set_events", &[tool, events.get()])?;
        }
        let tstate = ffi::thread_state();
        let monitors = (*tstate).interp.cast::<u8>().add(coachwhip_cpython::layout::interpreter::MONITORS);
        let found =
            *callables(monitors).add(usize::from(TOOL) * EVENTS + JUMP) == on_jump.get() && (warm_up::is_on() || *monitors.add(JUMP) & (1 << TOOL) != 0);
        if !found {
            let none = python::int(0)?;
            python::call(monitoring, c"set_events", &[tool, none.get()])?;
            return Err("sys.monitoring's state does not lie where it is expected".to_owned());
        }
        RUNTIME.monitoring.monitors.set(monitors);
        RUNTIME.monitoring.aside.set(false);
        Ok(())
    }
}

/// `monitoring_callables`: a callback for each event of each tool.
///
/// # Safety
/// `monitors` lies in an interpreter's state.
unsafe fn callables(monitors: *const u8) -> *mut *mut PyObject {
    // SAFETY: it lies in the same structure.
    unsafe { monitors.add(CALLABLES_FROM_MONITORS).cast_mut().cast() }
}

/// Switches the events off and gives the tool's number back.
///
/// # Safety
/// The GIL is held.
pub(crate) unsafe fn stop() {
    // SAFETY: plain calls of Python functions; failures leave nothing behind that matters.
    unsafe {
        let Ok(monitoring) = python::monitoring() else { return };
        let (Ok(tool), Ok(none)) = (python::int(TOOL.into()), python::int(0)) else { return };
        let _ = python::call(monitoring.get(), c"set_events", &[tool.get(), none.get()]);
        set_counted_events(monitoring.get(), 0);
        crate::all_states().iter().for_each(|state| state.counted.set(false));
        // `register_callback` would tell the program's audit hooks (`monitoring_register_callback_impl`, Python/instrumentation.c), and the program may be at its end.
        if !RUNTIME.monitoring.monitors.get().is_null() {
            for number in [PY_START, JUMP] {
                let callback = callables(RUNTIME.monitoring.monitors.get()).add(usize::from(TOOL) * EVENTS + number).replace(std::ptr::null_mut());
                ffi::Py_XDECREF(callback);
            }
        }
        let _ = python::call(monitoring.get(), c"free_tool_id", &[tool.get()]);
    }
}

/// A tool's number from the arguments of a function of `sys.monitoring`; ours is not counted.
///
/// # Safety
/// `arguments` has `count` objects.
pub(crate) unsafe fn is_foreign_local(arguments: *const *mut PyObject, count: ffi::Py_ssize_t) -> Option<*mut Code> {
    // SAFETY: (tool, code, events) if there are three.
    unsafe {
        if count < 3 || pyo3_ffi::PyCode_Check(*arguments.add(1)) == 0 || pyo3_ffi::PyLong_Check(*arguments) == 0 {
            return None;
        }
        let mut overflow: c_int = 0;
        let tool = ffi::PyLong_AsLongLongAndOverflow(*arguments, &raw mut overflow);
        (tool != i64::from(TOOL)).then_some((*arguments.add(1)).cast())
    }
}

/// The function object's code, for the engine's convenience.
///
/// # Safety
/// `function` is a live function.
#[must_use]
pub unsafe fn code_of_function(function: *mut PyObject) -> *mut Code {
    // SAFETY: the caller's promise.
    unsafe { (*function.cast::<Function>()).func_code }
}

/// Marks compiled code of a loop as the one to enter.
pub(crate) fn set_loop(state: &CodeState, offset: u32, compiled: *mut Compiled) -> *mut Compiled {
    let row = state.loop_state(offset);
    row.status.set(Status::Compiled);
    row.compiled.replace(compiled)
}

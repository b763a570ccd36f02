//! What machine code stands on while it runs: code memory, entries and exits, frames and their inspection, exceptions, hotness, watchers, invalidation, and
//! the routines and helpers that compiled code calls. Everything here needs the GIL, but for [`Reservation`] and code that the engine's threads make.
//!
//! The engine (in the top crate) calls [`start`], implements [`Engine`], and hands machine code to [`install_call`] and [`install_loop`].

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{HashMap, HashSet};

use coachwhip_abi::counters::Counter;
use coachwhip_abi::environment::{Environment, Routines};
use coachwhip_abi::facts::{Refuted, SeenClasses};
use coachwhip_abi::ir::Reason;
use coachwhip_abi::options::Options;
use coachwhip_abi::recipe::MachineCode;

mod arguments;
mod code_memory;
mod collection;
mod compiled;
mod crash_guard;
mod debugger;
mod dense;
mod detached;
mod discard;
mod entry;
mod eviction;
mod exits;
pub mod ffi;
mod frames;
pub mod helpers;
mod inspection;
mod monitoring;
mod perf_map;
mod policy;
mod python;
mod reserve;
mod spread;
mod stability;
mod stubs;
mod threads;
mod unwind;
mod warm_up;
mod watchers;

pub use compiled::{Reservation, Status};
pub use monitoring::{Engine, Verdict};
pub use stability::{is_unstable_class, is_unstable_name};
pub use threads::{OwnThread, spawn, step_back};
pub use warm_up::{ask, is_infant, quiet};
pub use watchers::{Dependencies, DictDependency, FunctionDependency};

use compiled::{CodeState, Compiled, Kind, code_state, existing_state};
use ffi::{Code, CodeQueries, Frame, Function, PyObject};
use rustc_hash::FxBuildHasher;

/// Keys are addresses, and nobody from outside chooses them: a fast hash function is enough.
type Map<K, V> = HashMap<K, V, FxBuildHasher>;
type Set<K> = HashSet<K, FxBuildHasher>;

/// Why code with local events is interpreted.
const LISTENED_TO: &str = "another tool listens to its events";

const fn new_map<K, V>() -> Map<K, V> {
    HashMap::with_hasher(FxBuildHasher)
}

const fn new_set<K>() -> Set<K> {
    HashSet::with_hasher(FxBuildHasher)
}

/// The state of the runtime; there is one, for the main interpreter.
struct Runtime {
    /// Whether functions may run compiled.
    running: Cell<bool>,
    /// How many `pause`s are in force.
    paused: Cell<u64>,
    engine: RefCell<Option<&'static dyn Engine>>,
    /// Ours of the extra slots of code objects, -1 before the first start.
    extra_index: Cell<isize>,
    original_vectorcall: Cell<Option<ffi::vectorcallfunc>>,
    /// Below this many units of C recursion calls stay in the interpreter.
    c_recursion_low: Cell<i32>,
    eval_breaker_expected: Cell<usize>,
    threshold: Cell<u64>,
    loop_threshold: Cell<u64>,
    exit_limit: Cell<u64>,
    recompilation_limit: Cell<u64>,
    /// How many objects compiled code is destroying at this moment.
    deallocations: Cell<u64>,
    /// The states of all code objects that have one, by address.
    states: RefCell<Set<usize>>,
    /// The functions that are in any code object's list of hooked ones, with the version that each had before it was hooked (0 for none): most functions that end are not,
    /// and their code objects need not be looked at.
    listed_functions: RefCell<Map<usize, u32>>,
    /// Compiled frames whose locals were handed out.
    inspections: RefCell<Map<usize, frames::Inspection>>,
    originals: inspection::Originals,
    monitoring: monitoring::Hooks,
    stability: stability::Stability,
    watchers: watchers::Watchers,
    collection: collection::Callback,
    detached: detached::Detached,
    discards: discard::Discards,
    reserve: reserve::Reserve,
    warm_up: warm_up::WarmUp,
    perf_map: perf_map::PerfMap,
    environment: OnceCell<Environment>,
}

// SAFETY: it is used with the GIL held only.
unsafe impl Sync for Runtime {}

impl Runtime {
    fn engine(&self) -> Option<&'static dyn Engine> {
        *self.engine.borrow()
    }
}

static RUNTIME: Runtime = Runtime {
    running: Cell::new(false),
    paused: Cell::new(0),
    engine: RefCell::new(None),
    extra_index: Cell::new(-1),
    original_vectorcall: Cell::new(None),
    c_recursion_low: Cell::new(0),
    eval_breaker_expected: Cell::new(usize::MAX),
    threshold: Cell::new(u64::MAX),
    loop_threshold: Cell::new(u64::MAX),
    exit_limit: Cell::new(u64::MAX),
    recompilation_limit: Cell::new(0),
    deallocations: Cell::new(0),
    states: RefCell::new(new_set()),
    listed_functions: RefCell::new(new_map()),
    inspections: RefCell::new(new_map()),
    originals: inspection::Originals::new(),
    monitoring: monitoring::Hooks::new(),
    stability: stability::Stability::new(),
    watchers: watchers::Watchers::new(),
    collection: collection::Callback::new(),
    detached: detached::Detached::new(),
    discards: discard::Discards::new(),
    reserve: reserve::Reserve::new(),
    warm_up: warm_up::WarmUp::new(),
    perf_map: perf_map::PerfMap::new(),
    environment: OnceCell::new(),
};

/// Starts (or starts again) counting and running compiled code. Compiled code from before is gone.
///
/// # Errors
/// In one sentence why the interpreter cannot be served.
///
/// # Safety
/// The GIL is held; the thread belongs to the main interpreter.
pub unsafe fn start(options: &Options, engine: &'static dyn Engine) -> Result<(), String> {
    // SAFETY: the caller's promise.
    unsafe {
        if RUNTIME.running.get() {
            set_options(options);
            return Ok(());
        }
        if options.crash_guard {
            crash_guard::start()?;
        }
        coachwhip_cpython::wrong::set(&options.wrong_layout)?;
        if RUNTIME.environment.get().is_none() {
            let mut environment = coachwhip_cpython::environment::environment()?;
            environment.helpers = helpers::addresses();
            environment.routines = routines();
            environment.eval_breaker_expected = RUNTIME.eval_breaker_expected.as_ptr() as usize;
            let _ = RUNTIME.environment.set(environment);
        }
        if RUNTIME.extra_index.get() < 0 {
            RUNTIME.extra_index.set(ffi::PyUnstable_Eval_RequestCodeExtraIndex(compiled::free_state));
            if RUNTIME.extra_index.get() < 0 {
                ffi::PyErr_Clear();
                return Err("other extensions have taken all extra slots of code objects".to_owned());
            }
        }
        find_vectorcall()?;
        let tstate = ffi::thread_state();
        RUNTIME.c_recursion_low.set((*tstate).c_recursion_remaining / 2);
        set_options(options);
        watchers::start()?;
        detached::start();
        inspection::start()?;
        warm_up::prepare(options);
        monitoring::start()?;
        // Without it some classes live longer than they would.
        let _ = collection::start();
        *RUNTIME.engine.borrow_mut() = Some(engine);
        RUNTIME.running.set(true);
        warm_up::start();
        monitoring::step_aside_at_start();
        let _ = monitoring::foreign_tools(tstate);
        Ok(())
    }
}

fn set_options(options: &Options) {
    RUNTIME.threshold.set(options.threshold.max(1));
    RUNTIME.loop_threshold.set(options.loop_threshold.max(1));
    RUNTIME.exit_limit.set(options.exit_limit.max(1));
    RUNTIME.recompilation_limit.set(options.recompilation_limit);
    RUNTIME.perf_map.wanted.set(options.perf);
    RUNTIME.discards.set(options.stress_discard, options.seed);
    code_memory::set_cap(options.code_cap.saturating_mul(1 << 20));
}

/// `_PyFunction_Vectorcall`, which 3.13 does not export: every new function has it.
unsafe fn find_vectorcall() -> Result<(), String> {
    // SAFETY: a new function over an empty code object, never called.
    unsafe {
        let globals = python::Owned::new(pyo3_ffi::PyDict_New())?;
        let code = python::Owned::new(pyo3_ffi::PyCode_NewEmpty(c"".as_ptr(), c"".as_ptr(), 1).cast())?;
        let function = python::Owned::new(ffi::PyFunction_New(code.get().cast(), globals.get()).cast())?;
        RUNTIME.original_vectorcall.set((*function.get().cast::<Function>()).vectorcall);
    }
    if RUNTIME.original_vectorcall.get().is_some() { Ok(()) } else { Err("functions have no vectorcall".to_owned()) }
}

/// Switches everything off: no events, no hooked functions, no code that may be entered. Running compiled functions leave at their next check.
///
/// # Safety
/// The GIL is held.
pub unsafe fn stop() {
    if !RUNTIME.running.replace(false) {
        return;
    }
    // SAFETY: the caller's promise; states are removed from the set when they die.
    unsafe {
        RUNTIME.eval_breaker_expected.set(usize::MAX);
        warm_up::stop();
        monitoring::stop();
        collection::stop();
        *RUNTIME.engine.borrow_mut() = None;
        for state in all_states() {
            watchers::drop_code(state);
            state.status.set(Status::Cold);
            state.starts.set(0);
            for row in state.loops.borrow().iter() {
                row.status.set(Status::Cold);
                row.turns.set(0);
            }
        }
    }
}

/// Whether no Python code is running on this thread: what is called is called by the interpreter itself.
///
/// # Safety
/// The GIL is held.
#[must_use]
pub unsafe fn is_outside_python() -> bool {
    // SAFETY: the caller's promise.
    unsafe { (*ffi::thread_state()).current_frame.is_null() }
}

/// Frees code that was taken out of use and that nothing runs, at the end of the program and after [`stop`].
///
/// # Safety
/// The GIL is held. May run any Python code.
pub unsafe fn end() {
    // SAFETY: the caller's promise.
    unsafe { watchers::end() };
}

fn all_states() -> Vec<&'static CodeState> {
    // SAFETY: states leave the set before they are freed; nothing is freed while the references are used without running Python code.
    RUNTIME.states.borrow().iter().map(|&address| unsafe { &*(address as *const CodeState) }).collect()
}

/// Nothing is compiled and no compiled code is entered until [`resume`]; calls nest.
///
/// # Safety
/// The GIL is held.
pub unsafe fn pause() {
    RUNTIME.paused.set(RUNTIME.paused.get() + 1);
    all_states().into_iter().for_each(|state| state.entry_cell.set(state.stub()));
    unhook_functions();
}

/// Gives all functions CPython's vectorcall; they stay known.
fn unhook_functions() {
    for state in all_states() {
        let functions: Vec<usize> = state.functions.borrow().iter().copied().collect();
        for function in functions {
            // SAFETY: functions are taken out of the set when they die.
            unsafe { entry::unhook_for_pause(function as *mut Function) };
        }
    }
}

/// Hooks the known functions of compiled code.
fn hook_functions() {
    for state in all_states() {
        if state.valid_call().is_some() {
            let functions: Vec<usize> = state.functions.borrow().iter().copied().collect();
            for function in functions {
                // SAFETY: functions are taken out of the set when they die.
                unsafe { entry::install(function as *mut Function) };
            }
        }
    }
}

/// Ends a [`pause`].
///
/// # Safety
/// The GIL is held.
pub unsafe fn resume() {
    RUNTIME.paused.set(RUNTIME.paused.get().saturating_sub(1));
    if RUNTIME.paused.get() != 0 {
        return;
    }
    for state in all_states() {
        if let Some(compiled) = state.valid_call().filter(|_| state.stub() != 0) {
            state.entry_cell.set(compiled.entry);
        }
    }
    hook_functions();
}

/// What code generation needs to know of the process. None before the first successful [`start`].
#[must_use]
pub fn environment() -> Option<&'static Environment> {
    RUNTIME.environment.get()
}

fn routines() -> Routines {
    Routines {
        exit: exits::exit as *const () as usize,
        exit_loop: exits::exit_loop as *const () as usize,
        raise: exits::raise as *const () as usize,
        raise_loop: exits::raise_loop as *const () as usize,
        return_slow: exits::return_slow as *const () as usize,
        enter_slow: entry::enter_slow as *const () as usize,
        handle_eval_breaker: exits::handle_eval_breaker as *const () as usize,
        deallocate: exits::deallocate as *const () as usize,
        deallocate_quietly: coachwhip_abi::quiet_routines!(exits::deallocate),
        box_int: exits::box_int as *const () as usize,
        box_float: exits::box_float as *const () as usize,
        unbox_big_int: exits::unbox_big_int as *const () as usize,
        push_inlined_frame: exits::push_inlined_frame as *const () as usize,
        catch: exits::catch as *const () as usize,
        call_object: entry::call_object as *const () as usize,
    }
}

/// The address of a code object's entry cell (`CodeFacts::entry_cell`), 0 if it cannot be called directly.
///
/// # Safety
/// `code` is a live code object; the GIL is held; the runtime was started.
#[must_use]
pub unsafe fn entry_cell(code: *mut PyObject) -> usize {
    // SAFETY: the caller's promise.
    let state = unsafe { code_state(code.cast()) };
    if state.entry_cell.get() == 0 { 0 } else { state.entry_cell.as_ptr() as usize }
}

/// Whether frames of compiled code can be put aside (by greenlets): then code must be made for it.
#[must_use]
pub fn are_frames_detachable() -> bool {
    RUNTIME.detached.is_possible()
}

/// Whether what new code relies upon is still so, we are told when that changes, and there is memory to run it.
unsafe fn verify(machine: &MachineCode, dependencies: &Dependencies) -> Result<(), String> {
    if RUNTIME.detached.is_possible() && !machine.detachable {
        return Err("greenlet was imported while the code was compiled".to_owned());
    }
    // SAFETY: the callers keep all objects alive and hold the GIL.
    unsafe {
        reserve::prepare()?;
        watchers::listen_to_functions()?;
        dependencies.verify()
    }
}

/// Installs machine code for calls of a code object, and hooks `function` (NULL for none) and every function that was hooked before.
///
/// # Errors
/// If something that the code relies upon has changed meanwhile, or there is no memory. The code object is counted anew then.
///
/// # Safety
/// `function` is a live function over `code` or NULL; the machine code was made for `code`, `reservation` and this process; the GIL is held.
pub unsafe fn install_call(
    function: *mut PyObject,
    code: *mut PyObject,
    reservation: Reservation,
    machine: MachineCode,
    dependencies: Dependencies,
) -> Result<(), String> {
    let code = code.cast::<Code>();
    // SAFETY: the caller's promise.
    unsafe {
        let state = code_state(code);
        state.recompiling.set(false);
        if !RUNTIME.running.get() || matches!(state.status.get(), Status::Never | Status::HandedBack) {
            return Err("it is not to be compiled any more".to_owned());
        }
        if state.is_listened_to() {
            return Err(LISTENED_TO.to_owned());
        }
        eviction::make_room(machine.code.len());
        let built = verify(&machine, &dependencies).and_then(|()| Compiled::build(reservation, code, Kind::Call, machine, dependencies));
        let compiled = match built {
            Ok(compiled) => compiled,
            Err(reason) => {
                let next = watchers::status_after_change(state);
                if state.call.get().is_null() {
                    state.status.set(next);
                    state.starts.set(0);
                }
                return Err(reason);
            }
        };
        watchers::register(compiled);
        perf_map::record(&*compiled);
        let old = state.call.replace(compiled);
        if state.stub() != 0 && RUNTIME.paused.get() == 0 {
            state.entry_cell.set((*compiled).entry);
        }
        state.status.set(Status::Compiled);
        compiled::count_installed(Kind::Call);
        if !old.is_null() {
            watchers::retire(old);
        }
        if !function.is_null() && RUNTIME.paused.get() == 0 {
            entry::install(function.cast());
        }
        watchers::sweep_unless_young();
        Ok(())
    }
}

/// Installs machine code for the loop whose head is at `offset` (in code units).
///
/// # Errors
/// As for [`install_call`].
///
/// # Safety
/// As for [`install_call`].
pub unsafe fn install_loop(code: *mut PyObject, offset: u32, reservation: Reservation, machine: MachineCode, dependencies: Dependencies) -> Result<(), String> {
    let code = code.cast::<Code>();
    // SAFETY: the caller's promise.
    unsafe {
        let state = code_state(code);
        let row = state.loop_state(offset);
        if !RUNTIME.running.get() || matches!(row.status.get(), Status::Never | Status::HandedBack) {
            return Err("it is not to be compiled any more".to_owned());
        }
        if state.is_listened_to() {
            return Err(LISTENED_TO.to_owned());
        }
        let kind = Kind::Loop { offset };
        eviction::make_room(machine.code.len());
        let built = verify(&machine, &dependencies).and_then(|()| Compiled::build(reservation, code, kind, machine, dependencies));
        let compiled = match built {
            Ok(compiled) => compiled,
            Err(reason) => {
                row.status.set(watchers::status_after_change(state));
                row.turns.set(0);
                return Err(reason);
            }
        };
        watchers::register(compiled);
        perf_map::record(&*compiled);
        let old = monitoring::set_loop(state, offset, compiled);
        compiled::count_installed(kind);
        if !old.is_null() {
            watchers::retire(old);
        }
        watchers::sweep_unless_young();
        Ok(())
    }
}

/// The compiler does not do a function (`offset` none) or one of its loops: it is left alone from now on.
///
/// # Safety
/// `code` is a live code object; the GIL is held.
pub unsafe fn refuse(code: *mut PyObject, offset: Option<u32>, reason: &str) {
    // SAFETY: the caller's promise.
    let state = unsafe { code_state(code.cast()) };
    reason.clone_into(&mut state.reason.borrow_mut());
    Counter::Unsupported.add(1);
    match offset {
        None => {
            state.recompiling.set(false);
            if state.call.get().is_null() {
                state.status.set(Status::Refused);
            }
        }
        Some(offset) => state.loop_state(offset).status.set(Status::Refused),
    }
}

/// Classes that came by where another was expected, for `CaptureRequest::seen`.
///
/// # Safety
/// `code` is a live code object; the GIL is held.
#[must_use]
pub unsafe fn seen_classes(code: *mut PyObject) -> Vec<SeenClasses> {
    // SAFETY: the caller's promise.
    unsafe { policy::seen_classes(code.cast()) }
}

/// Guesses about a code object that went wrong too often, for `Facts::refuted`.
///
/// # Safety
/// `code` is a live code object; the GIL is held.
#[must_use]
pub unsafe fn refuted(code: *mut PyObject) -> Vec<Refuted> {
    // SAFETY: the caller's promise.
    unsafe { policy::refuted(code.cast()) }
}

/// Keeps a code object interpreted for good, because the user says so.
///
/// # Safety
/// `code` is a live code object; the GIL is held.
pub unsafe fn never(code: *mut PyObject) {
    // SAFETY: the caller's promise.
    unsafe { policy::never(code.cast()) };
}

/// Gives a code object back to the interpreter for good, because it does not profit.
///
/// # Safety
/// `code` is a live code object; the GIL is held.
pub unsafe fn hand_back(code: *mut PyObject, reason: &str) {
    // SAFETY: the caller's promise.
    unsafe { policy::hand_back(code.cast(), reason) };
}

/// The code object of a function; NULL if the object is no Python function.
///
/// # Safety
/// `object` is a live object; the GIL is held.
#[must_use]
pub unsafe fn code_of(object: *mut PyObject) -> *mut PyObject {
    // SAFETY: the caller's promise.
    unsafe {
        if pyo3_ffi::Py_TYPE(object) == &raw mut pyo3_ffi::PyFunction_Type {
            return monitoring::code_of_function(object).cast();
        }
        if pyo3_ffi::PyCode_Check(object) != 0 { object } else { std::ptr::null_mut() }
    }
}

/// Whether `address` is the `tp_alloc` that the runtime gives to classes whose `__init__` runs compiled: it does what PyType_GenericAlloc does.
#[must_use]
pub fn is_own_allocator(address: usize) -> bool {
    address == monitoring::allocate as *const () as usize
}

/// A way out of compiled code that was taken.
#[derive(Clone, Debug)]
pub struct ExitReport {
    /// File and line where the interpreter went on.
    pub file: String,
    /// The line, 0 if unknown.
    pub line: i32,
    /// The bytecode, in code units.
    pub offset: u32,
    /// Why.
    pub reason: Reason,
    /// How often.
    pub count: u64,
}

/// A piece of compiled code.
#[derive(Clone, Debug)]
pub struct CodeReport {
    /// The head of the loop, none for calls.
    pub loop_offset: Option<u32>,
    /// Bytes of machine code.
    pub bytes: usize,
    /// How often it was entered, as far as that is counted.
    pub entries: u64,
    /// The machine code.
    pub machine_code: Vec<u8>,
    /// Its address.
    pub address: usize,
    /// Exits that were taken, most frequent first.
    pub exits: Vec<ExitReport>,
}

/// All about one code object.
#[derive(Clone, Debug)]
pub struct Report {
    /// `co_qualname`
    pub qualname: String,
    /// `co_filename`
    pub filename: String,
    /// `co_firstlineno`
    pub line: i32,
    /// How far calls have come.
    pub status: Status,
    /// How far each loop has come, by the offset of its head.
    pub loops: Vec<(u32, Status)>,
    /// Why it is not compiled; empty if nothing is known.
    pub reason: String,
    /// How often it was started in the interpreter.
    pub starts: u64,
    /// How often it was compiled again.
    pub recompilations: u64,
    /// Compiled code that is in use.
    pub compiled: Vec<CodeReport>,
}

/// Whether calls of a code object run compiled.
///
/// # Safety
/// `code` is a live code object; the GIL is held.
#[must_use]
pub unsafe fn is_compiled(code: *mut PyObject) -> bool {
    // SAFETY: the caller's promise.
    unsafe { existing_state(code.cast::<Code>()) }.is_some_and(|state| state.valid_call().is_some())
}

/// What is known of a code object; none if it never ran since the start.
///
/// # Safety
/// `code` is a live code object; the GIL is held.
#[must_use]
pub unsafe fn report(code: *mut PyObject) -> Option<Report> {
    // SAFETY: the caller's promise.
    unsafe { existing_state(code.cast::<Code>()).map(|state| report_of(state, true)) }
}

/// The same, without the machine code, for every code object that was ever hot or refused.
///
/// # Safety
/// The GIL is held.
#[must_use]
pub unsafe fn reports() -> Vec<Report> {
    let interesting = |state: &&CodeState| {
        state.status.get() != Status::Cold || state.has_compiled() || state.loops.borrow().iter().any(|row| row.status.get() != Status::Cold)
    };
    // SAFETY: states of live code objects.
    all_states().into_iter().filter(interesting).map(|state| unsafe { report_of(state, false) }).collect()
}

unsafe fn report_of(state: &CodeState, with_machine_code: bool) -> Report {
    // SAFETY: the code object lives as long as its state.
    unsafe {
        let code = state.code;
        let mut pieces: Vec<*mut Compiled> = vec![state.call.get()];
        pieces.extend(state.loops.borrow().iter().map(|row| row.compiled.get()));
        Report {
            qualname: python::string((*code).co_qualname),
            filename: python::string((*code).co_filename),
            line: (*code).co_firstlineno,
            status: state.status.get(),
            loops: state.loops.borrow().iter().map(|row| (row.offset, row.status.get())).collect(),
            reason: if state.is_listened_to() { LISTENED_TO.to_owned() } else { state.reason.borrow().clone() },
            starts: state.starts.get(),
            recompilations: state.recompilations.get(),
            compiled: pieces.into_iter().filter(|piece| !piece.is_null()).map(|piece| code_report(&*piece, with_machine_code)).collect(),
        }
    }
}

unsafe fn code_report(compiled: &Compiled, with_machine_code: bool) -> CodeReport {
    let mut exits: Vec<ExitReport> = compiled
        .tables
        .recipes
        .iter()
        .zip(&compiled.exits)
        .filter(|(_, count)| count.get() > 0)
        .map(|(recipe, count)| {
            let frame = recipe.frames.last().expect("a recipe has frames");
            let code = frame.code as *mut Code;
            // SAFETY: the compiled code keeps its code objects alive.
            let (file, line) = unsafe { (python::string((*code).co_filename), ffi::PyCode_Addr2Line(code, frame.offset as i32 * 2)) };
            ExitReport { file, line, offset: frame.offset, reason: recipe.reason, count: count.get() }
        })
        .collect();
    exits.sort_by_key(|row| std::cmp::Reverse(row.count));
    CodeReport {
        loop_offset: match compiled.kind {
            Kind::Call => None,
            Kind::Loop { offset } => Some(offset),
        },
        bytes: compiled.memory.bytes().len(),
        entries: compiled.entries(),
        machine_code: if with_machine_code { compiled.memory.bytes().to_vec() } else { Vec::new() },
        address: compiled.memory.bytes().as_ptr() as usize,
        exits,
    }
}

/// The frame's function object and the number of parameter slots of its code, for the engine.
///
/// # Safety
/// `frame` is a live frame of a Python function or module.
#[must_use]
pub unsafe fn function_of_frame(frame: *mut Frame) -> (*mut PyObject, usize) {
    // SAFETY: the caller's promise.
    unsafe { ((*frame).f_funcobj, (*frames::code_of(frame)).parameter_count()) }
}

//! What compiled code relies upon, and what happens when that changes: dict, type and function watchers, invalidation, and the freeing of code that nothing
//! runs any more.

use std::cell::{Cell, RefCell};
use std::ffi::{c_int, c_void};

use coachwhip_abi::counters::Counter;
use coachwhip_abi::environment::frame_state;
use coachwhip_cpython::instrumentation::is_listened_to;

use crate::compiled::{CodeState, Compiled, Kind, Status, code_state, existing_state};
use crate::ffi::{self, Code, Frame, Function, PyObject, PyTypeObject, dict_event, function_event};
use crate::{Map, RUNTIME, Set, collection, detached, entry, frames, new_set, stability, warm_up};

/// A key of a watched dict and what it held: a global variable, a built-in, a module's attribute.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DictDependency {
    /// The dict, by address.
    pub dict: usize,
    /// The key, an interned str.
    pub key: usize,
    /// The value, 0 if the key was not there.
    pub value: usize,
}

/// A function whose code and defaults must stay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FunctionDependency {
    /// The function, by address.
    pub function: usize,
    /// Its code object.
    pub code: usize,
    /// Its `__defaults__`, 0 for none.
    pub defaults: usize,
    /// Its `__kwdefaults__`, 0 for none.
    pub kwdefaults: usize,
}

/// What compiled code relies upon.
#[derive(Clone, Debug, Default)]
pub struct Dependencies {
    /// Objects that the code names by address, dependencies' own included: it holds a reference to each.
    pub objects: Vec<usize>,
    /// Keys of dicts.
    pub dicts: Vec<DictDependency>,
    /// Classes and their version tags.
    pub types: Vec<(usize, u32)>,
    /// Functions.
    pub functions: Vec<FunctionDependency>,
    /// The globals and builtins that it was made for, by address; none if they do not matter.
    pub namespaces: Option<(usize, usize)>,
    /// Code objects that may be inlined: no tool may listen to them.
    pub callees: Vec<usize>,
    /// Code objects that would have been if no tool had listened to them.
    pub listened_to: Vec<usize>,
}

impl Dependencies {
    /// Whether the code suits a function (or frame) with these globals and builtins.
    #[must_use]
    pub fn suits(&self, globals: *mut PyObject, builtins: *mut PyObject) -> bool {
        self.namespaces.is_none_or(|namespaces| namespaces == (globals as usize, builtins as usize))
    }

    /// Leaves out objects that neither the code nor the registry of watchers looks at.
    pub fn retain_objects(&mut self, is_named: impl Fn(usize) -> bool) {
        let mut named: Set<usize> = new_set();
        named.extend(self.dicts.iter().flat_map(|row| [row.dict, row.key, row.value]));
        named.extend(self.types.iter().map(|row| row.0));
        named.extend(self.functions.iter().map(|row| row.function));
        self.objects.retain(|&object| named.contains(&object) || is_named(object));
    }

    /// Whether all of it is still so; the error says what is not.
    ///
    /// # Errors
    /// If something has changed since the facts were captured. What has is counted ([`stability`]).
    ///
    /// # Safety
    /// All objects are live; the GIL is held.
    pub unsafe fn verify(&self) -> Result<(), String> {
        // SAFETY: the caller's promise; the keys are strs, whose hash and comparison run no Python code.
        unsafe {
            for row in &self.dicts {
                let now = pyo3_ffi::PyDict_GetItemWithError(row.dict as *mut PyObject, row.key as *mut PyObject);
                if now.is_null() {
                    ffi::PyErr_Clear();
                }
                if now as usize != row.value {
                    stability::name_changed(row.dict, row.key as *mut PyObject);
                    return Err("a global variable has changed while the code was compiled".to_owned());
                }
            }
            for &(class, version) in &self.types {
                if version == 0 || (*(class as *mut PyTypeObject)).tp_version_tag != version {
                    stability::class_changed(class);
                    return Err("a class has changed while the code was compiled".to_owned());
                }
            }
            for row in &self.functions {
                let function = row.function as *mut Function;
                let same = (*function).func_code as usize == row.code
                    && (*function).func_defaults as usize == row.defaults
                    && (*function).func_kwdefaults as usize == row.kwdefaults;
                if !same {
                    return Err("a function has changed while the code was compiled".to_owned());
                }
            }
            if self.callees.iter().any(|&code| is_listened_to(code as *const Code)) {
                return Err("a tool listens to a callee since the code was compiled".to_owned());
            }
            Ok(())
        }
    }
}

type Dependents = Set<usize>;

/// Who relies upon what.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    dicts: Map<usize, Map<usize, Dependents>>,
    types: Map<usize, Dependents>,
    functions: Map<usize, Dependents>,
    codes: Map<usize, Dependents>,
}

/// The numbers of our watchers, -1 for none.
#[derive(Debug)]
pub(crate) struct Watchers {
    dict: Cell<c_int>,
    class: Cell<c_int>,
    function: Cell<c_int>,
    pub(crate) registry: RefCell<Registry>,
    /// Code that is not used any more, but may still run.
    graveyard: RefCell<Vec<*mut Compiled>>,
    sweep_is_due: Cell<bool>,
    /// Code has gone out of use since the last sweep.
    is_fresh: Cell<bool>,
}

impl Watchers {
    pub(crate) const fn new() -> Watchers {
        Watchers {
            dict: Cell::new(-1),
            class: Cell::new(-1),
            function: Cell::new(-1),
            registry: RefCell::new(Registry { dicts: crate::new_map(), types: crate::new_map(), functions: crate::new_map(), codes: crate::new_map() }),
            graveyard: RefCell::new(Vec::new()),
            sweep_is_due: Cell::new(false),
            is_fresh: Cell::new(false),
        }
    }

    /// The number of the watcher of dicts.
    pub(crate) fn dict_watcher(&self) -> c_int {
        self.dict.get()
    }
}

/// The last but one of the numbers that are free, -1 if there is none: other extensions get those that they would get without us, which messages name, and who counts up
/// to the last finds it.
fn late_number(add: impl Fn() -> c_int, clear: impl Fn(c_int) -> c_int) -> c_int {
    let free: Vec<c_int> = std::iter::repeat_with(add).take_while(|&number| number >= 0).collect();
    // SAFETY: `start` is called with the GIL held; the last `add` failed.
    unsafe { ffi::PyErr_Clear() };
    let chosen = free.iter().rev().nth(1).or(free.first()).copied();
    for &number in free.iter().filter(|&&number| Some(number) != chosen) {
        clear(number);
    }
    chosen.unwrap_or(-1)
}

/// Asks CPython for the watchers.
///
/// # Errors
/// If other extensions have taken all of them.
///
/// # Safety
/// The GIL is held.
pub(crate) unsafe fn start() -> Result<(), String> {
    let watchers = &RUNTIME.watchers;
    // SAFETY: the callbacks have the signatures that CPython asks for.
    unsafe {
        if watchers.dict.get() < 0 {
            watchers.dict.set(late_number(|| ffi::PyDict_AddWatcher(on_dict_event), |number| ffi::PyDict_ClearWatcher(number)));
        }
        if watchers.class.get() < 0 {
            watchers.class.set(late_number(|| ffi::PyType_AddWatcher(on_type_event), |number| ffi::PyType_ClearWatcher(number)));
        }
        if watchers.dict.get() < 0 || watchers.class.get() < 0 {
            return Err(NO_WATCHER.to_owned());
        }
        // There is one to be had, but not before there is code to be told for.
        if watchers.function.get() < 0 {
            listen_to_functions()?;
            stop_listening_to_functions();
        }
    }
    Ok(())
}

const NO_WATCHER: &str = "other extensions have taken all of the interpreter's watchers";

/// Has us told of all functions that are made, changed and destroyed. This costs each of them something, so it is done when the first code is installed.
///
/// # Errors
/// If other extensions have taken all of the watchers.
///
/// # Safety
/// The GIL is held.
pub(crate) unsafe fn listen_to_functions() -> Result<(), String> {
    let number = &RUNTIME.watchers.function;
    if number.get() < 0 {
        // SAFETY: the callback has the signature that CPython asks for.
        unsafe { number.set(late_number(|| ffi::PyFunction_AddWatcher(on_function_event), |number| ffi::PyFunction_ClearWatcher(number))) };
    }
    if number.get() < 0 { Err(NO_WATCHER.to_owned()) } else { Ok(()) }
}

/// The end of that: there is no compiled code, neither in use nor running.
///
/// # Safety
/// The GIL is held.
unsafe fn stop_listening_to_functions() {
    let number = RUNTIME.watchers.function.replace(-1);
    // SAFETY: the number is ours.
    if number >= 0 && unsafe { ffi::PyFunction_ClearWatcher(number) } != 0 {
        // SAFETY: the GIL is held.
        unsafe { ffi::PyErr_Clear() };
    }
}

/// Frees what can be freed when the program ends, after all code was taken out of use. Functions that die from now on are nothing to us.
///
/// # Safety
/// The GIL is held. May run any Python code.
pub(crate) unsafe fn end() {
    // SAFETY: the caller's promise.
    unsafe {
        sweep();
        if RUNTIME.watchers.graveyard.borrow().is_empty() && installed().is_empty() {
            stop_listening_to_functions();
        }
    }
}

/// Notes what a new piece of code relies upon.
///
/// # Safety
/// The code keeps all objects alive; the GIL is held.
pub(crate) unsafe fn register(compiled: *mut Compiled) {
    // SAFETY: the caller's promise.
    unsafe {
        let watchers = &RUNTIME.watchers;
        let dependencies = &(*compiled).dependencies;
        for row in &dependencies.dicts {
            let is_new = {
                let mut registry = watchers.registry.borrow_mut();
                let keys = registry.dicts.entry(row.dict).or_default();
                let is_new = keys.is_empty();
                keys.entry(row.key).or_default().insert(compiled as usize);
                is_new
            };
            if is_new && ffi::PyDict_Watch(watchers.dict.get(), row.dict as *mut PyObject) != 0 {
                ffi::PyErr_Clear();
            }
        }
        for &(class, _) in &dependencies.types {
            let is_new = {
                let mut registry = watchers.registry.borrow_mut();
                let dependents = registry.types.entry(class).or_default();
                dependents.insert(compiled as usize) && dependents.len() == 1
            };
            if is_new && ffi::PyType_Watch(watchers.class.get(), class as *mut PyObject) != 0 {
                ffi::PyErr_Clear();
            }
        }
        for row in &dependencies.functions {
            watchers.registry.borrow_mut().functions.entry(row.function).or_default().insert(compiled as usize);
        }
        for &code in dependencies.callees.iter().chain(&dependencies.listened_to) {
            watchers.registry.borrow_mut().codes.entry(code).or_default().insert(compiled as usize);
        }
    }
}

/// Forgets what a piece of code relied upon.
unsafe fn unregister(compiled: *mut Compiled) {
    // SAFETY: the code keeps its objects alive until it is freed.
    unsafe {
        let watchers = &RUNTIME.watchers;
        let dependencies = &(*compiled).dependencies;
        let address = compiled as usize;
        let mut dicts = Vec::new();
        let mut types = Vec::new();
        {
            let mut registry = watchers.registry.borrow_mut();
            for row in &dependencies.dicts {
                if let Some(keys) = registry.dicts.get_mut(&row.dict) {
                    if let Some(dependents) = keys.get_mut(&row.key) {
                        dependents.remove(&address);
                        if dependents.is_empty() {
                            keys.remove(&row.key);
                        }
                    }
                    if keys.is_empty() {
                        registry.dicts.remove(&row.dict);
                        dicts.push(row.dict);
                    }
                }
            }
            for &(class, _) in &dependencies.types {
                if let Some(dependents) = registry.types.get_mut(&class) {
                    dependents.remove(&address);
                    if dependents.is_empty() {
                        registry.types.remove(&class);
                        types.push(class);
                    }
                }
            }
            for row in &dependencies.functions {
                if let Some(dependents) = registry.functions.get_mut(&row.function) {
                    dependents.remove(&address);
                    if dependents.is_empty() {
                        registry.functions.remove(&row.function);
                    }
                }
            }
            for &code in dependencies.callees.iter().chain(&dependencies.listened_to) {
                if let Some(dependents) = registry.codes.get_mut(&code) {
                    dependents.remove(&address);
                    if dependents.is_empty() {
                        registry.codes.remove(&code);
                    }
                }
            }
        }
        for dict in dicts {
            let _ = ffi::PyDict_Unwatch(watchers.dict.get(), dict as *mut PyObject);
        }
        for class in types {
            let _ = ffi::PyType_Unwatch(watchers.class.get(), class as *mut PyObject);
        }
    }
}

unsafe extern "C" fn on_dict_event(event: c_int, dict: *mut PyObject, key: *mut PyObject, _value: *mut PyObject) -> c_int {
    // SAFETY: CPython gives a live key where the event has one.
    unsafe { detached::on_dict_event(event, dict, key) };
    let mut broken = {
        let mut registry = RUNTIME.watchers.registry.borrow_mut();
        let Some(keys) = registry.dicts.get(&(dict as usize)) else { return 0 };
        let broken = match event {
            // SAFETY: CPython gives a live key with these events.
            dict_event::ADDED | dict_event::MODIFIED | dict_event::DELETED => unsafe { dependents_of_key(keys, key) },
            _ => keys.values().flatten().copied().collect(),
        };
        if event == dict_event::DEALLOCATED {
            // Code that is out of use is unregistered later (`sweep`), when the address may be another dict's.
            registry.dicts.remove(&(dict as usize));
        }
        broken
    };
    // SAFETY: dependents are removed from the registry before they are freed; CPython gives a live key with these events.
    unsafe {
        keep_valid(&mut broken);
        if !broken.is_empty() && matches!(event, dict_event::MODIFIED | dict_event::DELETED) {
            stability::name_changed(dict as usize, key);
        }
        invalidate_all(&broken);
    }
    0
}

/// Those who rely upon a key. Interned strs are the same only if they are identical; others must be compared.
unsafe fn dependents_of_key(keys: &Map<usize, Dependents>, key: *mut PyObject) -> Vec<usize> {
    // SAFETY: `state.interned` are the low two bits of the word behind the hash (PyASCIIObject).
    unsafe {
        if let Some(dependents) = keys.get(&(key as usize)) {
            return dependents.iter().copied().collect();
        }
        if pyo3_ffi::PyUnicode_CheckExact(key) == 0 {
            return keys.values().flatten().copied().collect();
        }
        let interned = *key.cast::<u8>().add(coachwhip_cpython::layout::unicode::STATE) & 3;
        if interned != 0 {
            return Vec::new();
        }
        let mut found = Vec::new();
        for (&other, dependents) in keys {
            if pyo3_ffi::PyUnicode_Compare(other as *mut PyObject, key) == 0 {
                found.extend(dependents.iter().copied());
            }
        }
        found
    }
}

unsafe extern "C" fn on_type_event(class: *mut PyTypeObject) -> c_int {
    let mut broken: Vec<usize> = {
        let registry = RUNTIME.watchers.registry.borrow();
        registry.types.get(&(class as usize)).map(|dependents| dependents.iter().copied().collect()).unwrap_or_default()
    };
    // SAFETY: dependents are removed from the registry before they are freed.
    unsafe {
        keep_valid(&mut broken);
        if !broken.is_empty() {
            stability::class_changed(class as usize);
        }
        invalidate_all(&broken);
    }
    0
}

/// Leaves out code that is out of use already.
unsafe fn keep_valid(dependents: &mut Vec<usize>) {
    // SAFETY: the registry names only code that is not freed.
    dependents.retain(|&compiled| unsafe { (*(compiled as *const Compiled)).is_valid() });
}

unsafe extern "C" fn on_function_event(event: c_int, function: *mut Function, _value: *mut PyObject) -> c_int {
    // SAFETY: CPython calls it with a live function, before the change is made.
    unsafe {
        match event {
            function_event::CREATE => {
                if let Some(state) = existing_state((*function).func_code)
                    && state.valid_call().is_some()
                    && RUNTIME.paused.get() == 0
                {
                    entry::install(function);
                }
            }
            function_event::DESTROY if (*function).func_code.is_null() => {}
            function_event::DESTROY => {
                invalidate_all(&dependents_of_function(function));
                entry::forget(function);
            }
            function_event::MODIFY_CODE | function_event::MODIFY_DEFAULTS | function_event::MODIFY_KWDEFAULTS => {
                entry::forget_version(function);
                invalidate_all(&dependents_of_function(function));
                if event == function_event::MODIFY_CODE {
                    // Compiled frames do not own their code object, installed code does not either.
                    let code = (*function).func_code;
                    if runs(code) {
                        ffi::Py_INCREF(code.cast::<PyObject>());
                    }
                    entry::uninstall(function);
                }
            }
            _ => {}
        }
    }
    0
}

fn dependents_of_function(function: *mut Function) -> Vec<usize> {
    let registry = RUNTIME.watchers.registry.borrow();
    registry.functions.get(&(function as usize)).map(|dependents| dependents.iter().copied().collect()).unwrap_or_default()
}

unsafe fn invalidate_all(broken: &[usize]) {
    for &compiled in broken {
        // SAFETY: the registry names only code that is not freed.
        unsafe { invalidate(compiled as *mut Compiled) };
    }
}

/// How often a code object's assumptions may break before it is left alone.
const MOST_INVALIDATIONS: u64 = 20;

/// How often tools may come to a code object and leave it before each time counts as such a change.
const MOST_TOOL_CHANGES: u64 = 100;

/// Counts that what code relied upon has changed, be it installed or just made; returns what is to become of the code object.
pub(crate) fn status_after_change(state: &CodeState) -> Status {
    let count = state.invalidations.get() + 1;
    state.invalidations.set(count);
    if count <= MOST_INVALIDATIONS {
        return Status::Cold;
    }
    "what it relied upon changed too often".clone_into(&mut state.reason.borrow_mut());
    Status::Refused
}

/// Something that a piece of code relied upon is not so any more.
///
/// # Safety
/// `compiled` is not freed; the GIL is held.
pub(crate) unsafe fn invalidate(compiled: *mut Compiled) {
    // SAFETY: the caller's promise.
    unsafe {
        if !(*compiled).is_valid() {
            return;
        }
        Counter::Invalidations.add(1);
        let next = existing_state((*compiled).code).map_or(Status::Cold, status_after_change);
        take_out(compiled, next);
    }
}

/// A piece of code has to make room for others.
///
/// # Safety
/// `compiled` is in use; the GIL is held.
pub(crate) unsafe fn evict(compiled: *mut Compiled) {
    // SAFETY: the caller's promise.
    unsafe {
        if let Some(state) = existing_state((*compiled).code) {
            state.evictions.set(state.evictions.get().saturating_add(1));
        }
        take_out(compiled, Status::Cold);
    }
}

/// A piece of code is thrown away for stress testing. It counts for nothing.
///
/// # Safety
/// `compiled` is in use; the GIL is held.
pub(crate) unsafe fn discard(compiled: *mut Compiled) {
    // SAFETY: the caller's promise.
    unsafe { take_out(compiled, Status::Cold) };
}

unsafe fn take_out(compiled: *mut Compiled, next: Status) {
    // SAFETY: `compiled` is not freed; the GIL is held.
    unsafe {
        if let Some(state) = existing_state((*compiled).code) {
            match (*compiled).kind {
                Kind::Call => {
                    if state.call.get() == compiled {
                        unlink_call(state);
                        state.status.set(next);
                        state.starts.set(0);
                    }
                }
                Kind::Loop { offset } => {
                    let row = state.loop_state(offset);
                    if row.compiled.get() == compiled {
                        row.compiled.set(std::ptr::null_mut());
                        row.status.set(next);
                        row.turns.set(0);
                    }
                }
            }
        }
        retire(compiled);
        leave_all((*compiled).code);
    }
}

/// Has calls of a code object run in the interpreter again.
unsafe fn unlink_call(state: &CodeState) {
    state.entry_cell.set(state.stub());
    state.call.set(std::ptr::null_mut());
    let functions: Vec<usize> = state.functions.borrow_mut().drain().collect();
    for function in functions {
        // SAFETY: functions are taken out of the set when they die.
        unsafe { entry::uninstall(function as *mut Function) };
    }
}

/// Has every running frame of a code object leave compiled code at its next check.
fn leave_all(code: *mut ffi::Code) {
    // SAFETY: frames of all threads, under the GIL.
    frames::for_each_frame(|frame| unsafe {
        if frames::is_compiled(frame) && Frame::code(frame) == code {
            (*frame).state |= frame_state::LEAVE;
        }
    });
}

/// Another tool has changed which events of a code object it listens to. While there are any, the code object is interpreted and inlined nowhere; afterwards
/// it may be compiled again, like all others that had to do without it.
///
/// # Safety
/// `code` is a live code object; the GIL is held.
pub(crate) unsafe fn events_changed(code: *mut Code) {
    // SAFETY: the caller's promise; the registry names only code that is not freed.
    unsafe {
        let now = is_listened_to(code);
        let mut dependents: Vec<usize> =
            RUNTIME.watchers.registry.borrow().codes.get(&(code as usize)).map(|dependents| dependents.iter().copied().collect()).unwrap_or_default();
        dependents.retain(|&compiled| {
            let dependencies = &(*(compiled as *const Compiled)).dependencies;
            if now { dependencies.callees.contains(&(code as usize)) } else { dependencies.listened_to.contains(&(code as usize)) }
        });
        let Some(state) = existing_state(code) else {
            if now {
                // It notes what it finds.
                let _ = code_state(code);
            }
            invalidate_all(&dependents);
            return;
        };
        state.note_calls();
        if state.listened_to.replace(now) == now {
            return;
        }
        state.tool_changes.set(state.tool_changes.get() + 1);
        if state.tool_changes.get() <= MOST_TOOL_CHANGES {
            for compiled in dependents.into_iter().map(|compiled| compiled as *mut Compiled).filter(|&compiled| (*compiled).is_valid()) {
                Counter::Invalidations.add(1);
                take_out(compiled, Status::Cold);
            }
        } else {
            invalidate_all(&dependents);
        }
        if now {
            let next = if state.tool_changes.get() > MOST_TOOL_CHANGES && state.has_compiled() { status_after_change(state) } else { Status::Cold };
            drop_code(state);
            let reset = |status: &Cell<Status>| {
                if matches!(status.get(), Status::Compiled | Status::Queued) {
                    status.set(next);
                }
            };
            reset(&state.status);
            state.loops.borrow().iter().for_each(|row| reset(&row.status));
        }
        // Counted anew afterwards, too: INSTRUCTION events undo what the interpreter has specialised, and nothing is specialised while they last.
        state.starts.set(0);
        state.loops.borrow().iter().for_each(|row| row.turns.set(0));
    }
}

/// Takes all compiled code away from a code object.
///
/// # Safety
/// The GIL is held.
pub(crate) unsafe fn drop_code(state: &CodeState) {
    // SAFETY: the caller's promise.
    unsafe {
        let call = state.call.get();
        unlink_call(state);
        let loops: Vec<*mut Compiled> = state.loops.borrow().iter().map(|row| row.compiled.replace(std::ptr::null_mut())).collect();
        let mut any = false;
        for compiled in std::iter::once(call).chain(loops).filter(|compiled| !compiled.is_null()) {
            retire(compiled);
            any = true;
        }
        if any {
            leave_all(state.code);
        }
    }
}

/// The code object of pieces of code is gone: nothing waits in them.
pub(crate) fn orphan(code: *mut ffi::Code) {
    for &compiled in &*RUNTIME.watchers.graveyard.borrow() {
        // SAFETY: what lies there is not freed.
        unsafe {
            if (*compiled).code == code {
                (*compiled).orphaned.set(true);
            }
        }
    }
}

/// Whether a frame of a code object runs compiled, in any thread. (Code that has unlinked its frame names no object any more, nor do its routines once the frame is
/// the interpreter's.)
fn runs(code: *mut ffi::Code) -> bool {
    // Greenlets put frames where nobody finds them.
    let mut runs = RUNTIME.detached.is_possible();
    // SAFETY: frames of all threads, under the GIL.
    frames::for_each_frame(|frame| unsafe { runs |= frames::is_compiled(frame) && Frame::code(frame) == code });
    runs
}

/// Whether the registry names a dict or a class.
pub(crate) fn is_watched(object: usize) -> bool {
    let registry = RUNTIME.watchers.registry.borrow();
    registry.dicts.contains_key(&object) || registry.types.contains_key(&object)
}

/// Takes a piece of code out of use. It is freed when nothing runs it any more; until then the registry names it, for to take it out of there is work that
/// a forked child, which often lives for one task only, would do for what its parent has registered.
///
/// # Safety
/// `compiled` is not freed, and nobody has a pointer to it but machine code that runs; the GIL is held.
pub(crate) unsafe fn retire(compiled: *mut Compiled) {
    // SAFETY: the caller's promise.
    unsafe {
        collection::strengthen(&*compiled, runs((*compiled).code));
        (*compiled).invalidate_header();
        Counter::Entries.add((*compiled).entries());
        RUNTIME.watchers.graveyard.borrow_mut().push(compiled);
        RUNTIME.watchers.is_fresh.set(true);
        schedule_sweep();
    }
}

/// Has the main thread look through the graveyard as soon as it looks for pending calls: giving references back may run any code, which is not
/// wanted inside a watcher's callback or an exit.
fn schedule_sweep() {
    if !RUNTIME.watchers.sweep_is_due.replace(true) {
        // SAFETY: the callback takes no argument; if the queue is full the next one tries again.
        let failed = unsafe { pyo3_ffi::Py_AddPendingCall(Some(sweep_pending), std::ptr::null_mut()) };
        if failed != 0 {
            RUNTIME.watchers.sweep_is_due.set(false);
        }
    }
}

/// Has it looked through once more if something lies there.
pub(crate) fn sweep_again() {
    if !RUNTIME.watchers.graveyard.borrow().is_empty() {
        schedule_sweep();
    }
}

extern "C" fn sweep_pending(_nothing: *mut c_void) -> c_int {
    RUNTIME.watchers.sweep_is_due.set(false);
    // SAFETY: pending calls run with the GIL, between two bytecodes or at a check of compiled code.
    unsafe { sweep_unless_young() };
    0
}

/// Frees code that nothing runs any more, but not in a young child: there that only copies pages.
///
/// # Safety
/// As for [`sweep`].
pub(crate) unsafe fn sweep_unless_young() {
    if !warm_up::is_young_child() {
        // SAFETY: the caller's promise.
        unsafe { sweep() };
    }
}

/// Gives back what code holds that nothing runs any more, and frees it.
///
/// # Safety
/// The GIL is held. May run any Python code.
pub(crate) unsafe fn sweep() {
    // SAFETY: a frame of code that runs compiled is in some thread's chain. Code that has unlinked its frame is busy, or in `deallocate`: it names no object any
    // more, but its memory must stay.
    unsafe {
        let watchers = &RUNTIME.watchers;
        watchers.is_fresh.set(false);
        let mut running: Set<usize> = new_set();
        frames::for_each_frame(|frame| {
            if frames::is_compiled(frame) {
                running.insert(Frame::code(frame) as usize);
            }
        });
        // A frame that was put aside keeps its code object alive, by its caller.
        let may_wait = |compiled: *mut Compiled| RUNTIME.detached.is_possible() && !(*compiled).orphaned.get();
        let is_free = RUNTIME.deallocations.get() == 0;
        let mut objects = Vec::new();
        watchers.graveyard.borrow_mut().retain(|&compiled| {
            if may_wait(compiled) || running.contains(&((*compiled).code as usize)) {
                return true;
            }
            unregister(compiled);
            objects.extend((*compiled).take_references());
            let is_dead = is_free && !(*compiled).is_busy();
            if is_dead {
                Compiled::free(compiled);
            }
            !is_dead
        });
        for object in objects {
            ffi::Py_DECREF(object as *mut PyObject);
        }
    }
}

/// The same where a frame has become the interpreter's, if code has gone out of use since the last time: what only that code held dies when it would without it.
///
/// # Safety
/// As for [`sweep`].
#[inline]
pub(crate) unsafe fn sweep_fresh() {
    if RUNTIME.watchers.is_fresh.get() {
        // SAFETY: the caller's promise.
        unsafe { sweep_unless_young() };
    }
}

/// All code that is in use.
pub(crate) fn installed() -> Vec<*mut Compiled> {
    let mut found = Vec::new();
    for state in crate::all_states() {
        found.push(state.call.get());
        found.extend(state.loops.borrow().iter().map(|row| row.compiled.get()));
    }
    found.retain(|compiled| !compiled.is_null());
    found
}

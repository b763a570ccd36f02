//! What compiled code holds, and garbage collection.
//!
//! Compiled code that is valid needs no reference to objects of whose end it is told: functions (with code and defaults) and namespaces by their watchers, classes by
//! theirs when they are cleared, values of watched names when the name changes. So it has none, and they die when they would without it. Those events invalidate the code; if it is
//! running just then it takes references, so that it may go on until its next check.
//!
//! To all other objects that it names it holds references. Code objects do not take part in garbage collection, so what such an object leads to would live for
//! ever if it led back to the code: before a full collection code is dropped that alone holds some object.

use std::cell::Cell;

use crate::compiled::Compiled;
use crate::ffi::{self, PyObject};
use crate::python;
use crate::{Map, RUNTIME, Set, monitoring, new_map, new_set, warm_up, watchers};

/// The function in `gc.callbacks`.
#[derive(Debug)]
pub(crate) struct Callback {
    function: Cell<*mut PyObject>,
}

impl Callback {
    pub(crate) const fn new() -> Callback {
        Callback { function: Cell::new(std::ptr::null_mut()) }
    }
}

/// Which of a piece's objects it needs no reference to while it is valid; in order.
///
/// # Safety
/// All objects are live; the GIL is held.
pub(crate) unsafe fn announced(dependencies: &watchers::Dependencies) -> Vec<usize> {
    let mut told: Set<usize> = new_set();
    told.extend(dependencies.dicts.iter().flat_map(|row| [row.dict, row.value]));
    told.extend(dependencies.types.iter().map(|row| row.0));
    for row in &dependencies.functions {
        told.extend([row.function, row.code]);
        // SAFETY: the function holds its defaults, a tuple, until its watcher has told of their change.
        unsafe {
            let defaults = row.defaults as *mut PyObject;
            let count = if defaults.is_null() { 0 } else { pyo3_ffi::PyTuple_GET_SIZE(defaults) };
            told.extend((0..count).map(|index| pyo3_ffi::PyTuple_GET_ITEM(defaults, index) as usize));
        }
    }
    // The registry compares keys with others until the code is forgotten.
    for row in &dependencies.dicts {
        told.remove(&row.key);
    }
    // SAFETY: live objects.
    let mut objects: Vec<usize> = dependencies.objects.iter().copied().filter(|object| told.contains(object) && !unsafe { is_immortal(*object) }).collect();
    objects.sort_unstable();
    objects.dedup();
    objects
}

/// The reference count, as 3.13 with the GIL has it: immortal if its low half is negative (`_Py_IsImmortal`).
unsafe fn count(object: usize) -> *mut isize {
    object as *mut isize
}

unsafe fn is_immortal(object: usize) -> bool {
    // SAFETY: a live object.
    unsafe { (*count(object) as i32) < 0 }
}

/// A piece of code is going out of use: takes references to what it names and has none to, if it runs. If not, to what the registry of watchers must still find
/// alive.
///
/// # Safety
/// The GIL is held; the piece's objects are alive: it is valid, or something is about to happen to one of them.
pub(crate) unsafe fn strengthen(compiled: &Compiled, runs: bool) {
    let mut taken = compiled.taken.borrow_mut();
    for &object in &compiled.announced {
        if (runs || watchers::is_watched(object)) && !taken.contains(&object) {
            // SAFETY: the caller's promise; immortal objects are not in the list.
            unsafe { *count(object) += 1 };
            taken.push(object);
        }
    }
}

/// Before a full collection.
unsafe fn begin() {
    // SAFETY: under the GIL; states and their code live.
    unsafe {
        if RUNTIME.deallocations.get() != 0 || RUNTIME.detached.is_possible() {
            return;
        }
        let mut alone: Map<usize, Vec<*mut Compiled>> = new_map();
        for compiled in watchers::installed().into_iter().filter(|&compiled| (*compiled).is_valid()) {
            for &object in (*compiled).held().filter(|&&object| !is_immortal(object)) {
                alone.entry(object).or_default().push(compiled);
            }
        }
        // Nobody would tell of the end of these objects. Those that compiled code alone still holds cannot be reached by anybody else, either.
        alone.retain(|&object, holders| usize::try_from(*count(object)).is_ok_and(|count| count <= holders.len()));
        for compiled in alone.into_values().flatten().collect::<Set<_>>() {
            watchers::invalidate(compiled);
        }
        // What they held goes before the collector looks; it may run any code, as other callbacks of the collector do.
        watchers::sweep();
    }
}

/// After it.
unsafe fn end() {
    watchers::sweep_again();
    // SAFETY: the GIL is held. Tools that C code has switched off (`PyEval_SetTrace`) are gone without a word.
    unsafe { monitoring::step_back() };
}

/// `callback(phase, info)`, of `gc.callbacks`.
unsafe extern "C" fn on_collection(_module: *mut PyObject, arguments: *mut *mut PyObject, count: ffi::Py_ssize_t) -> *mut PyObject {
    // SAFETY: the collector calls with a str and a dict (Python/gc.c, `invoke_gc_callback`); anybody else may call it with anything.
    unsafe {
        if count == 2 && pyo3_ffi::PyUnicode_CheckExact(*arguments) != 0 && pyo3_ffi::PyDict_CheckExact(*arguments.add(1)) != 0 {
            if pyo3_ffi::Py_IsFinalizing() != 0 {
                // The handler for the end of the program was taken from `atexit` (`_run_exitfuncs`, `_clear`).
                warm_up::quiet();
                crate::stop();
                watchers::sweep();
            } else if pyo3_ffi::PyUnicode_EqualToUTF8(*arguments, c"stop".as_ptr()) != 0 {
                end();
            } else if pyo3_ffi::PyUnicode_EqualToUTF8(*arguments, c"start".as_ptr()) != 0 {
                let generation = pyo3_ffi::PyDict_GetItemString(*arguments.add(1), c"generation".as_ptr());
                if !generation.is_null() && ffi::PyLong_AsLong(generation) >= 2 {
                    begin();
                }
            }
        }
        python::none()
    }
}

/// Puts the callback in place.
///
/// # Errors
/// If `gc.callbacks` is no list any more.
///
/// # Safety
/// The GIL is held.
pub(crate) unsafe fn start() -> Result<(), String> {
    // SAFETY: plain calls of Python functions.
    unsafe {
        let gc = python::module(c"gc")?;
        let callbacks = python::attribute(gc.get(), c"callbacks")?;
        let function = python::function(c"coachwhip_collection", on_collection)?;
        python::call(callbacks.get(), c"append", &[function.get()])?;
        RUNTIME.collection.function.set(function.into_raw());
        Ok(())
    }
}

/// Takes it away.
///
/// # Safety
/// The GIL is held; no collection runs.
pub(crate) unsafe fn stop() {
    // SAFETY: plain calls of Python functions; it does not matter if somebody else has removed it.
    unsafe {
        end();
        let function = RUNTIME.collection.function.replace(std::ptr::null_mut());
        if function.is_null() {
            return;
        }
        if let Ok(gc) = python::module(c"gc")
            && let Ok(callbacks) = python::attribute(gc.get(), c"callbacks")
        {
            let _ = python::call(callbacks.get(), c"remove", &[function]);
        }
        ffi::Py_DECREF(function);
    }
}

//! Garbage collection and the references of compiled code. Code objects do not take part in it, so a class whose method's code holds a reference to the class
//! would live for ever. While a full collection runs, compiled code gives up its references to objects whose end it would be told of (functions and namespaces
//! by their watchers, classes by theirs when they are cleared, values of watched names when the name changes): what nobody else holds is collected, and the code
//! that names it is invalidated by those very events. An invalidated piece takes its references back at once, so that it may go on running.

use std::cell::Cell;

use crate::compiled::Compiled;
use crate::ffi::{self, PyObject};
use crate::python;
use crate::{Map, RUNTIME, Set, frames, monitoring, new_map, new_set, warm_up, watchers};

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

/// Which of a piece's objects it can do without a reference to while it is valid.
///
/// # Safety
/// All objects are live; the GIL is held.
pub(crate) unsafe fn announced(dependencies: &watchers::Dependencies) -> Vec<usize> {
    let mut told: Set<usize> = new_set();
    told.extend(dependencies.dicts.iter().flat_map(|row| [row.dict, row.value]));
    told.extend(dependencies.types.iter().map(|row| row.0));
    told.extend(dependencies.functions.iter().map(|row| row.function));
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

/// Takes references back that were given up for the time of a collection.
///
/// # Safety
/// The GIL is held; the piece's objects are alive: it is valid, or something is about to happen to one of them.
pub(crate) unsafe fn strengthen(compiled: &Compiled) {
    // No write without need: the page may be shared with the parent.
    if compiled.weakened.get() {
        compiled.weakened.set(false);
        for &object in &compiled.announced {
            // SAFETY: the caller's promise; immortal objects are not in the list.
            unsafe { *count(object) += 1 };
        }
    }
}

/// Gives references up; false if the piece is the only one that holds some object.
unsafe fn weaken(compiled: &Compiled) -> bool {
    // SAFETY: live objects of which the piece holds a reference each.
    unsafe {
        if compiled.announced.iter().any(|&object| *count(object) < 2) {
            return false;
        }
        compiled.weakened.set(true);
        for &object in &compiled.announced {
            *count(object) -= 1;
        }
    }
    true
}

/// Before a full collection. Code that runs keeps its references.
unsafe fn begin() {
    // SAFETY: frames of all threads, under the GIL; states and their code live.
    unsafe {
        if RUNTIME.deallocations.get() != 0 || RUNTIME.detached.is_possible() {
            return;
        }
        let mut running: Set<usize> = new_set();
        frames::for_each_frame(|frame| {
            if frames::is_compiled(frame) {
                running.insert(ffi::Frame::code(frame) as usize);
            }
        });
        let mut alone: Map<usize, Vec<*mut Compiled>> = new_map();
        for compiled in watchers::installed().into_iter().filter(|&compiled| (*compiled).is_valid()) {
            let runs = (*compiled).is_busy() || running.contains(&((*compiled).code as usize));
            if !runs && !weaken(&*compiled) {
                // What it names cannot be reached by anybody else.
                watchers::invalidate(compiled);
                continue;
            }
            let is_kept = |object: usize| runs || (*compiled).announced.binary_search(&object).is_err();
            for &object in (*compiled).dependencies.objects.iter().filter(|&&object| is_kept(object) && !is_immortal(object)) {
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
    // SAFETY: what is still weakened is valid, so nothing has happened to its objects.
    unsafe {
        for compiled in watchers::installed() {
            strengthen(&*compiled);
        }
        watchers::sweep_again();
        // Tools that C code has switched off (`PyEval_SetTrace`) are gone without a word.
        monitoring::step_back();
    }
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

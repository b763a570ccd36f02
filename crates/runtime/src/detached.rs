//! Greenlets. They put the machine stack and the frames of code that waits aside: no thread's chain leads to such frames, and other data lies where their part of the machine
//! stack was. So from the moment when the module `greenlet` is imported, before anything can be put aside,
//!
//! - compiled code looks into its header after calls, whether it is still valid: nobody could mark its frame;
//! - activation records lie behind the frame on the data stack, which greenlets leave where it is;
//! - code that is out of use is freed when its code object dies, not before: who waits in it is not known. References are not given up during collections.
//!
//! Code from before that moment is thrown away by it.

use std::cell::Cell;
use std::ffi::{CStr, c_int};

use crate::ffi::{self, PyObject, dict_event};
use crate::{RUNTIME, watchers};

/// Who switches stacks. Everything that does so for CPython 3.13 stands on this module.
const MODULE: &CStr = c"greenlet";

/// Whether frames can be put aside.
#[derive(Debug)]
pub(crate) struct Detached {
    possible: Cell<bool>,
    /// `sys.modules`, by address, while it is watched.
    modules: Cell<usize>,
}

impl Detached {
    pub(crate) const fn new() -> Detached {
        Detached { possible: Cell::new(false), modules: Cell::new(0) }
    }

    /// Whether frames can be put aside.
    pub(crate) fn is_possible(&self) -> bool {
        self.possible.get()
    }
}

/// Looks whether the module is there, and has its import noticed otherwise.
///
/// # Safety
/// The GIL is held; the watchers were started.
pub(crate) unsafe fn start() {
    let detached = &RUNTIME.detached;
    // SAFETY: borrowed references; the dict outlives the program's code.
    unsafe {
        let modules = pyo3_ffi::PyImport_GetModuleDict();
        if detached.possible.get() || modules.is_null() || detached.modules.get() == modules as usize {
            return;
        }
        if !pyo3_ffi::PyDict_GetItemString(modules, MODULE.as_ptr()).is_null() || ffi::PyDict_Watch(RUNTIME.watchers.dict_watcher(), modules) != 0 {
            ffi::PyErr_Clear();
            detached.possible.set(true);
            return;
        }
        detached.modules.set(modules as usize);
    }
}

/// A watched dict changes: is the module imported?
///
/// # Safety
/// Called by CPython with a live key where the event has one.
pub(crate) unsafe fn on_dict_event(event: c_int, dict: *mut PyObject, key: *mut PyObject) {
    let detached = &RUNTIME.detached;
    if dict as usize != detached.modules.get() || detached.possible.get() || !matches!(event, dict_event::ADDED | dict_event::MODIFIED) {
        return;
    }
    // SAFETY: a live key; installed code is not freed before the next sweep.
    unsafe {
        if pyo3_ffi::PyUnicode_CheckExact(key) != 0 && pyo3_ffi::PyUnicode_EqualToUTF8(key, MODULE.as_ptr()) != 0 {
            detached.possible.set(true);
            for compiled in watchers::installed() {
                watchers::discard(compiled);
            }
        }
    }
}

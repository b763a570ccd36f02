//! What has changed under compiled code, and how often: names of namespaces and classes that change again and again are not relied upon any more, so that code that
//! uses them is compiled once without that guess instead of again after each change.
//!
//! Dicts and classes are known by their addresses. One that has died and whose address was taken by another costs that other a guess, no more.

use std::cell::RefCell;

use crate::ffi::PyObject;
use crate::{Map, RUNTIME};

/// A name that has changed so often is a variable. The first change may be the end of an initialisation.
const CHANGES_OF_A_VARIABLE: u32 = 2;
/// A class that has changed so often keeps changing. Each change of an attribute counts, and frameworks set several after a class was made.
const CHANGES_OF_AN_UNSTABLE_CLASS: u32 = 6;
/// More names than this in one namespace are not counted: a dict that is filled with ever new keys is no place for guesses either.
const MOST_NAMES: usize = 10_000;

/// The counts.
#[derive(Debug)]
pub(crate) struct Stability {
    names: RefCell<Map<usize, Map<String, u32>>>,
    classes: RefCell<Map<usize, u32>>,
}

impl Stability {
    pub(crate) const fn new() -> Stability {
        Stability { names: RefCell::new(crate::new_map()), classes: RefCell::new(crate::new_map()) }
    }
}

/// A name on which compiled code relied has got another value, or none.
///
/// # Safety
/// `key` is a live object; the GIL is held.
pub(crate) unsafe fn name_changed(dict: usize, key: *mut PyObject) {
    // SAFETY: the caller's promise; the text lives as long as the str. An exception may be set while a dict changes.
    let name = unsafe {
        if pyo3_ffi::PyUnicode_CheckExact(key) == 0 {
            return;
        }
        let exception = pyo3_ffi::PyErr_GetRaisedException();
        let mut length = 0;
        let text = pyo3_ffi::PyUnicode_AsUTF8AndSize(key, &raw mut length);
        if text.is_null() {
            // A name with a surrogate, or no memory.
            pyo3_ffi::PyErr_Clear();
        }
        pyo3_ffi::PyErr_SetRaisedException(exception);
        if text.is_null() {
            return;
        }
        std::slice::from_raw_parts(text.cast::<u8>(), length as usize)
    };
    let Ok(name) = std::str::from_utf8(name) else { return };
    let mut names = RUNTIME.stability.names.borrow_mut();
    let names = names.entry(dict).or_default();
    if names.len() < MOST_NAMES {
        *names.entry(name.to_owned()).or_default() += 1;
    }
}

/// A class on which compiled code relied has changed.
pub(crate) fn class_changed(class: usize) {
    *RUNTIME.stability.classes.borrow_mut().entry(class).or_default() += 1;
}

/// Whether a name of a namespace has changed so often that its value is not to be relied on.
#[must_use]
pub fn is_unstable_name(dict: usize, name: &str) -> bool {
    let names = RUNTIME.stability.names.borrow();
    names.get(&dict).and_then(|names| names.get(name)).is_some_and(|&changes| changes >= CHANGES_OF_A_VARIABLE)
}

/// Whether a class has changed so often that what it is now is not to be relied on.
#[must_use]
pub fn is_unstable_class(class: usize) -> bool {
    RUNTIME.stability.classes.borrow().get(&class).is_some_and(|&changes| changes >= CHANGES_OF_AN_UNSTABLE_CLASS)
}

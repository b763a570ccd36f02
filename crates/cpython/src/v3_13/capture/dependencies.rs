//! What facts rely on: watched by the runtime from capture on, and checked once more when the code is installed.

use super::super::structs::FunctionObject;
use super::dict_get;
use pyo3_ffi::{self as ffi, PyObject, PyTypeObject};

/// The value of a name in a namespace (globals, builtins, a module, keyword defaults).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct NameDependency {
    /// The dict, by address.
    pub dict: usize,
    /// The key, by address; an interned str of a code object.
    pub key: usize,
    /// The key's text.
    pub name: String,
    /// The value, by address; 0: the name must stay absent.
    pub value: usize,
}

/// A class that must not change.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ClassDependency {
    /// The class, by address.
    pub class: usize,
    /// Its `tp_version_tag`.
    pub version: u32,
}

/// A function whose code and defaults must not change.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct FunctionDependency {
    /// The function, by address.
    pub function: usize,
    /// `func_code`, `func_defaults`, `func_kwdefaults` by address.
    pub code: usize,
    /// `func_defaults`
    pub defaults: usize,
    /// `func_kwdefaults`
    pub keyword_defaults: usize,
}

/// Everything that facts rely on. Every address is kept alive by the facts' owned references.
#[derive(Clone, Debug, Default)]
pub struct Dependencies {
    /// Names in namespaces: watch the dicts.
    pub names: Vec<NameDependency>,
    /// Classes: watch the types.
    pub classes: Vec<ClassDependency>,
    /// Functions: the function watcher tells changes.
    pub functions: Vec<FunctionDependency>,
    /// The globals and builtins that the code was captured with, by address, if it reads any name in them: functions over the same code may have others.
    pub namespaces: Option<(usize, usize)>,
    /// Code objects of callees that were captured with their instructions, by address: they may be inlined, so no tool may listen to them.
    pub callees: Vec<usize>,
    /// Those that were not because a tool listens to them.
    pub listened_to: Vec<usize>,
}

impl Dependencies {
    /// Adds a name, once.
    pub(super) fn add_name(&mut self, dependency: NameDependency) {
        if !self.names.contains(&dependency) {
            self.names.push(dependency);
        }
    }

    /// Whether all of it is still as it was.
    ///
    /// # Safety
    /// The GIL is held and the owned references of the capture are still held.
    #[must_use]
    pub unsafe fn still_hold(&self) -> bool {
        // SAFETY: the caller's promise.
        unsafe {
            self.names.iter().all(|row| dict_get(row.dict as *mut PyObject, row.key as *mut PyObject).is_some_and(|value| value as usize == row.value))
                && self.classes.iter().all(|row| (*(row.class as *mut PyTypeObject)).tp_version_tag == row.version)
                && self.functions.iter().all(|row| {
                    let function = row.function as *mut FunctionObject;
                    (*function).func_code as usize == row.code
                        && (*function).func_defaults as usize == row.defaults
                        && (*function).func_kwdefaults as usize == row.keyword_defaults
                })
                && ffi::PyErr_Occurred().is_null()
        }
    }
}

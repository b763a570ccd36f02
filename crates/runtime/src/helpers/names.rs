//! Globals, built-ins, and the namespaces of classes and modules.

use super::ffi::{
    _PyDict_LoadGlobal, _PyEval_FormatExcCheckArg, _PyEval_FormatExcUnbound, Name, PyMapping_GetOptionalItem, current_builtins, current_code, current_globals,
    current_namespace, error_is_set,
};
use super::operators::{is_exactly, new_reference, status};
use super::{NULL, Object, Thread};
use pyo3_ffi::*;

/// Raises NameError (`NAME_ERROR_MSG`, Python/ceval_macros.h).
///
/// # Safety
/// Contract of helpers.
#[cold]
unsafe fn raise_name_error(tstate: Thread, name: Object) {
    // SAFETY: contract of helpers.
    unsafe { _PyEval_FormatExcCheckArg(tstate, PyExc_NameError, c"name '%.200s' is not defined".as_ptr(), name) }
}

/// LOAD_GLOBAL
pub unsafe extern "C" fn load_global(tstate: Thread, name: Object) -> Object {
    // SAFETY: contract of helpers.
    unsafe {
        let (globals, builtins) = (current_globals(tstate), current_builtins(tstate));
        if is_exactly(globals, &raw mut PyDict_Type) && is_exactly(builtins, &raw mut PyDict_Type) {
            let value = _PyDict_LoadGlobal(globals, builtins, name);
            if value.is_null() && !error_is_set(tstate) {
                raise_name_error(tstate, name);
            }
            return value;
        }
        let mut value = NULL;
        if PyMapping_GetOptionalItem(globals, name, &raw mut value) != 0 {
            return value;
        }
        if PyMapping_GetOptionalItem(builtins, name, &raw mut value) == 0 {
            raise_name_error(tstate, name);
        }
        value
    }
}

/// STORE_GLOBAL
pub unsafe extern "C" fn store_global(tstate: Thread, name: Object, value: Object) -> i64 {
    // SAFETY: contract of helpers.
    status(unsafe { PyDict_SetItem(current_globals(tstate), name, value) })
}

/// DELETE_GLOBAL
pub unsafe extern "C" fn delete_global(tstate: Thread, name: Object) -> i64 {
    // SAFETY: contract of helpers.
    unsafe {
        match PyDict_Pop(current_globals(tstate), name, std::ptr::null_mut()) {
            1 => 0,
            0 => {
                raise_name_error(tstate, name);
                -1
            }
            _ => -1,
        }
    }
}

/// LOAD_NAME
pub unsafe extern "C" fn load_name(tstate: Thread, name: Object) -> Object {
    // SAFETY: contract of helpers.
    unsafe {
        let namespace = current_namespace(tstate);
        if namespace.is_null() {
            PyErr_SetString(PyExc_SystemError, c"no locals found".as_ptr());
            return NULL;
        }
        let mut value = NULL;
        if PyMapping_GetOptionalItem(namespace, name, &raw mut value) != 0 {
            return value;
        }
        if PyDict_GetItemRef(current_globals(tstate), name, &raw mut value) != 0 {
            return value;
        }
        if PyMapping_GetOptionalItem(current_builtins(tstate), name, &raw mut value) == 0 {
            raise_name_error(tstate, name);
        }
        value
    }
}

/// STORE_NAME
pub unsafe extern "C" fn store_name(tstate: Thread, name: Object, value: Object) -> i64 {
    // SAFETY: contract of helpers.
    unsafe {
        let namespace = current_namespace(tstate);
        if namespace.is_null() {
            PyErr_Format(PyExc_SystemError, c"no locals found when storing %R".as_ptr(), name);
            return -1;
        }
        status(if is_exactly(namespace, &raw mut PyDict_Type) { PyDict_SetItem(namespace, name, value) } else { PyObject_SetItem(namespace, name, value) })
    }
}

/// DELETE_NAME
pub unsafe extern "C" fn delete_name(tstate: Thread, name: Object) -> i64 {
    // SAFETY: contract of helpers.
    unsafe {
        let namespace = current_namespace(tstate);
        if namespace.is_null() {
            PyErr_Format(PyExc_SystemError, c"no locals when deleting %R".as_ptr(), name);
            return -1;
        }
        if PyObject_DelItem(namespace, name) != 0 {
            // Whatever went wrong, as the instruction does it.
            raise_name_error(tstate, name);
            return -1;
        }
        0
    }
}

/// LOAD_LOCALS
pub unsafe extern "C" fn load_locals(tstate: Thread) -> Object {
    // SAFETY: contract of helpers.
    unsafe {
        let namespace = current_namespace(tstate);
        if namespace.is_null() {
            PyErr_SetString(PyExc_SystemError, c"no locals found".as_ptr());
            return NULL;
        }
        new_reference(namespace)
    }
}

/// LOAD_FROM_DICT_OR_GLOBALS
pub unsafe extern "C" fn load_from_dict_or_globals(tstate: Thread, namespace: Object, name: Object) -> Object {
    let mut value = NULL;
    // SAFETY: contract of helpers.
    unsafe {
        if PyMapping_GetOptionalItem(namespace, name, &raw mut value) != 0 {
            return value;
        }
        load_global(tstate, name)
    }
}

/// LOAD_FROM_DICT_OR_DEREF
pub unsafe extern "C" fn load_from_dict_or_deref(tstate: Thread, namespace: Object, cell: Object, slot: i64) -> Object {
    let mut value = NULL;
    // SAFETY: contract of helpers; the slot is one of the code that runs.
    unsafe {
        let name = PyTuple_GET_ITEM((*current_code(tstate)).co_localsplusnames, slot as Py_ssize_t);
        if PyMapping_GetOptionalItem(namespace, name, &raw mut value) != 0 {
            return value;
        }
        value = PyCell_Get(cell);
        if value.is_null() {
            raise_unbound(tstate, slot);
        }
        value
    }
}

/// LOAD_BUILD_CLASS
pub unsafe extern "C" fn load_build_class(tstate: Thread) -> Object {
    static BUILD_CLASS: Name = Name::new(c"__build_class__");
    let mut value = NULL;
    // SAFETY: contract of helpers.
    unsafe {
        if PyMapping_GetOptionalItem(current_builtins(tstate), BUILD_CLASS.get(), &raw mut value) == 0 {
            PyErr_SetString(PyExc_NameError, c"__build_class__ not found".as_ptr());
        }
    }
    value
}

/// What LOAD_FAST_CHECK, DELETE_FAST, LOAD_DEREF and DELETE_DEREF raise for an empty variable.
pub unsafe extern "C" fn raise_unbound(tstate: Thread, slot: i64) -> i64 {
    // SAFETY: contract of helpers; the slot is one of the code that runs.
    unsafe { _PyEval_FormatExcUnbound(tstate, current_code(tstate), slot as i32) };
    -1
}

/// SETUP_ANNOTATIONS
pub unsafe extern "C" fn setup_annotations(tstate: Thread) -> i64 {
    static ANNOTATIONS: Name = Name::new(c"__annotations__");
    // SAFETY: contract of helpers.
    unsafe {
        let namespace = current_namespace(tstate);
        if namespace.is_null() {
            PyErr_SetString(PyExc_SystemError, c"no locals found when setting up annotations".as_ptr());
            return -1;
        }
        let mut annotations = NULL;
        match PyMapping_GetOptionalItem(namespace, ANNOTATIONS.get(), &raw mut annotations) {
            0 => {
                annotations = PyDict_New();
                if annotations.is_null() {
                    return -1;
                }
                let outcome = PyObject_SetItem(namespace, ANNOTATIONS.get(), annotations);
                Py_DECREF(annotations);
                status(outcome)
            }
            1 => {
                Py_DECREF(annotations);
                0
            }
            _ => -1,
        }
    }
}

//! Calls that are no plain calls, and what makes functions.

use super::ffi::{_PyFunction_SetVersion, _PyIntrinsics_BinaryFunctions, _PyIntrinsics_UnaryFunctions, _PyObject_FunctionStr, current_globals};
use super::operators::is_exactly;
use super::{NULL, Object, Thread};
use crate::entry;
use coachwhip_cpython::structs::{BinaryIntrinsic, CodeObject, FunctionObject, UnaryIntrinsic};
use pyo3_ffi::*;

/// `check_args_iterable` (Python/ceval.c): raises if `*args` is nothing to iterate over.
///
/// # Safety
/// Contract of helpers.
unsafe fn is_iterable(callable: Object, args: Object) -> bool {
    // SAFETY: contract of helpers.
    unsafe {
        if (*Py_TYPE(args)).tp_iter.is_some() || PySequence_Check(args) != 0 {
            return true;
        }
        let name = _PyObject_FunctionStr(callable);
        if !name.is_null() {
            let message = c"%U argument after * must be an iterable, not %.200s";
            PyErr_Format(PyExc_TypeError, message.as_ptr(), name, (*Py_TYPE(args)).tp_name);
            Py_DECREF(name);
        }
        false
    }
}

/// CALL_FUNCTION_EX
pub unsafe extern "C" fn call_function_ex(tstate: Thread, callable: Object, mut args: Object, keywords: Object) -> Object {
    // SAFETY: contract of helpers. References are given back in the interpreter's order (Python/bytecodes.c).
    unsafe {
        if !is_exactly(args, &raw mut PyTuple_Type) {
            let tuple = if is_iterable(callable, args) { PySequence_Tuple(args) } else { NULL };
            if tuple.is_null() {
                let error = PyErr_GetRaisedException();
                Py_XDECREF(keywords);
                Py_DECREF(args);
                Py_DECREF(callable);
                PyErr_SetRaisedException(error);
                return NULL;
            }
            Py_DECREF(std::mem::replace(&mut args, tuple));
        }
        if entry::owns_arguments(tstate, callable) {
            let result = entry::call_spread(tstate, callable, args, keywords);
            Py_DECREF(callable);
            return result;
        }
        let result = PyObject_Call(callable, args, keywords);
        Py_DECREF(callable);
        Py_DECREF(args);
        Py_XDECREF(keywords);
        result
    }
}

/// CALL_INTRINSIC_1
pub unsafe extern "C" fn call_intrinsic_1(tstate: Thread, value: Object, number: i64) -> Object {
    // SAFETY: contract of helpers; `number` is an oparg of the instruction.
    unsafe { ((*(&raw const _PyIntrinsics_UnaryFunctions).cast::<UnaryIntrinsic>().add(number as usize)).function)(tstate, value) }
}

/// CALL_INTRINSIC_2
pub unsafe extern "C" fn call_intrinsic_2(tstate: Thread, first: Object, second: Object, number: i64) -> Object {
    // SAFETY: contract of helpers; `number` is an oparg of the instruction.
    unsafe { ((*(&raw const _PyIntrinsics_BinaryFunctions).cast::<BinaryIntrinsic>().add(number as usize)).function)(tstate, first, second) }
}

/// MAKE_FUNCTION
pub unsafe extern "C" fn make_function(tstate: Thread, code: Object) -> Object {
    // SAFETY: contract of helpers; `code` is a code object.
    unsafe {
        let function = PyFunction_New(code, current_globals(tstate));
        if !function.is_null() {
            _PyFunction_SetVersion(function.cast(), (*code.cast::<CodeObject>()).co_version);
        }
        function
    }
}

/// SET_FUNCTION_ATTRIBUTE
pub unsafe extern "C" fn set_function_attribute(_tstate: Thread, function: Object, attribute: Object, which: i64) {
    // SAFETY: contract of helpers; the function is new and the field empty.
    unsafe {
        let fields = function.cast::<FunctionObject>();
        match which {
            1 => (*fields).func_defaults = attribute,
            2 => (*fields).func_kwdefaults = attribute,
            4 => (*fields).func_annotations = attribute,
            _ => (*fields).func_closure = attribute,
        }
    }
}

/// CALL_ALLOC_AND_ENTER_INIT: what `object.__new__` does for a class that is not abstract.
pub unsafe extern "C" fn allocate_instance(_tstate: Thread, class: Object) -> Object {
    // SAFETY: contract of helpers; every class that has instances has `tp_alloc`.
    unsafe { (*class.cast::<PyTypeObject>()).tp_alloc.unwrap_unchecked()(class.cast(), 0) }
}

/// EXIT_INIT_CHECK
pub unsafe extern "C" fn check_init(_tstate: Thread, outcome: Object) -> i64 {
    // SAFETY: contract of helpers.
    unsafe {
        if outcome == Py_None() {
            return 0;
        }
        PyErr_Format(PyExc_TypeError, c"__init__() should return None, not '%.200s'".as_ptr(), (*Py_TYPE(outcome)).tp_name);
        -1
    }
}

/// `len(object)`
pub unsafe extern "C" fn length(_tstate: Thread, object: Object) -> i64 {
    // SAFETY: contract of helpers.
    unsafe { PyObject_Size(object) as i64 }
}

/// `isinstance(object, class)`
pub unsafe extern "C" fn is_instance(_tstate: Thread, object: Object, class: Object) -> i64 {
    // SAFETY: contract of helpers.
    unsafe { if Py_TYPE(object).cast() == class { 1 } else { i64::from(PyObject_IsInstance(object, class)) } }
}

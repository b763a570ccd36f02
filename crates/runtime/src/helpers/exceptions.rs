//! Raising and handling exceptions.

use super::ffi::{_PyEval_CheckExceptStarTypeValid, _PyEval_CheckExceptTypeValid, _PyEval_ExceptionGroupMatch, handled_exception, set_current_instruction};
use super::operators::{new_reference, release};
use super::{NULL, Object, Thread};
use pyo3_ffi::*;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the next `catch` or `raise` adds no traceback entry. (The GIL is held from the helper that sets it to the routine that takes it.)
static SUPPRESS_TRACEBACK: AtomicBool = AtomicBool::new(false);

/// Whether the exception that is set now comes from `reraise` or a bare `raise`, which add no traceback entry (`goto exception_unwind` in
/// Python/bytecodes.c); asking takes the mark away.
#[must_use]
pub fn take_suppress_traceback() -> bool {
    SUPPRESS_TRACEBACK.load(Ordering::Relaxed) && SUPPRESS_TRACEBACK.swap(false, Ordering::Relaxed)
}

/// Calls an exception class that a `raise` names, which must yield an exception.
///
/// # Safety
/// Contract of helpers.
unsafe fn instantiate(class: Object) -> Object {
    // SAFETY: contract of helpers.
    unsafe {
        let value = PyObject_CallNoArgs(class);
        if value.is_null() || PyExceptionInstance_Check(value) != 0 {
            return value;
        }
        let message = c"calling %R should have returned an instance of BaseException, not %R";
        PyErr_Format(PyExc_TypeError, message.as_ptr(), class, Py_TYPE(value));
        Py_DECREF(value);
        NULL
    }
}

/// RAISE_VARARGS (`do_raise`, Python/ceval.c)
pub unsafe extern "C" fn raise(_tstate: Thread, exception: Object, cause: Object) -> i64 {
    // SAFETY: contract of helpers.
    unsafe {
        if exception.is_null() {
            // PyErr_GetHandledException looks for the topmost one as `_PyErr_GetTopmostException` does.
            let handled = PyErr_GetHandledException();
            if handled.is_null() {
                PyErr_SetString(PyExc_RuntimeError, c"No active exception to reraise".as_ptr());
                return -1;
            }
            PyErr_SetRaisedException(handled);
            SUPPRESS_TRACEBACK.store(true, Ordering::Relaxed);
            return -1;
        }
        let (class, value) = if PyExceptionClass_Check(exception) != 0 {
            (exception, instantiate(exception))
        } else if PyExceptionInstance_Check(exception) != 0 {
            (Py_TYPE(exception).cast(), new_reference(exception))
        } else {
            PyErr_SetString(PyExc_TypeError, c"exceptions must derive from BaseException".as_ptr());
            return -1;
        };
        if value.is_null() {
            return -1;
        }
        if !cause.is_null() {
            let fixed_cause = if PyExceptionClass_Check(cause) != 0 {
                let fixed_cause = instantiate(cause);
                if fixed_cause.is_null() {
                    Py_DECREF(value);
                    return -1;
                }
                fixed_cause
            } else if PyExceptionInstance_Check(cause) != 0 {
                new_reference(cause)
            } else if cause == Py_None() {
                NULL
            } else {
                PyErr_SetString(PyExc_TypeError, c"exception causes must derive from BaseException".as_ptr());
                Py_DECREF(value);
                return -1;
            };
            PyException_SetCause(value, fixed_cause);
        }
        PyErr_SetObject(class, value);
        Py_DECREF(value);
        -1
    }
}

/// RERAISE
pub unsafe extern "C" fn reraise(tstate: Thread, exception: Object, lasti: Object) -> i64 {
    // SAFETY: contract of helpers.
    unsafe {
        if !lasti.is_null() {
            if PyLong_Check(lasti) == 0 {
                PyErr_SetString(PyExc_SystemError, c"lasti is not an int".as_ptr());
                Py_DECREF(exception);
                return -1;
            }
            set_current_instruction(tstate, PyLong_AsLong(lasti));
        }
        PyErr_SetRaisedException(exception);
    }
    SUPPRESS_TRACEBACK.store(true, Ordering::Relaxed);
    -1
}

/// PUSH_EXC_INFO
pub unsafe extern "C" fn push_exc_info(tstate: Thread, exception: Object) -> Object {
    // SAFETY: contract of helpers; the reference that the field held becomes the outcome's.
    unsafe {
        let previous = handled_exception(tstate).replace(new_reference(exception));
        if previous.is_null() { new_reference(Py_None()) } else { previous }
    }
}

/// POP_EXCEPT
pub unsafe extern "C" fn pop_except(tstate: Thread, previous: Object) {
    // SAFETY: contract of helpers; the reference becomes the field's. (None is immortal.)
    unsafe {
        let old = handled_exception(tstate).replace(if previous == Py_None() { NULL } else { previous });
        release(old);
    }
}

/// CHECK_EXC_MATCH
pub unsafe extern "C" fn check_exc_match(tstate: Thread, exception: Object, class: Object) -> i64 {
    // SAFETY: contract of helpers.
    unsafe {
        if _PyEval_CheckExceptTypeValid(tstate, class) < 0 {
            return -1;
        }
        i64::from(PyErr_GivenExceptionMatches(exception, class) != 0)
    }
}

/// CHECK_EG_MATCH
pub unsafe extern "C" fn check_eg_match(tstate: Thread, group: Object, class: Object) -> Object {
    let (mut matched, mut rest) = (NULL, NULL);
    // SAFETY: contract of helpers.
    unsafe {
        if _PyEval_CheckExceptStarTypeValid(tstate, class) < 0
            || _PyEval_ExceptionGroupMatch(group, class, &raw mut matched, &raw mut rest) < 0
            || matched.is_null()
        {
            return NULL;
        }
        if matched != Py_None() {
            PyErr_SetHandledException(matched);
        }
        let pair = PyTuple_Pack(2, rest, matched);
        Py_DECREF(rest);
        Py_DECREF(matched);
        pair
    }
}

/// LOAD_ASSERTION_ERROR
pub unsafe extern "C" fn assertion_error(_tstate: Thread) -> Object {
    // SAFETY: contract of helpers.
    unsafe { new_reference(PyExc_AssertionError) }
}

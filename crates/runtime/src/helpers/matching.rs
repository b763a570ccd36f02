//! Pattern matching.

use super::ffi::{_PyEval_MatchClass, _PyEval_MatchKeys, error_is_set};
use super::operators::new_reference;
use super::{NULL, Object, Thread};
use pyo3_ffi::*;

/// MATCH_MAPPING, MATCH_SEQUENCE
pub unsafe extern "C" fn match_flags(_tstate: Thread, subject: Object, flags: i64) -> i64 {
    // SAFETY: contract of helpers.
    i64::from(unsafe { (*Py_TYPE(subject)).tp_flags } & flags as std::ffi::c_ulong != 0)
}

/// MATCH_KEYS
pub unsafe extern "C" fn match_keys(tstate: Thread, subject: Object, keys: Object) -> Object {
    // SAFETY: contract of helpers.
    unsafe { _PyEval_MatchKeys(tstate, subject, keys) }
}

/// MATCH_CLASS
pub unsafe extern "C" fn match_class(tstate: Thread, subject: Object, class: Object, names: Object, count: i64) -> Object {
    // SAFETY: contract of helpers.
    unsafe {
        let attributes = _PyEval_MatchClass(tstate, subject, class, count as Py_ssize_t, names);
        if attributes.is_null() && !error_is_set(tstate) { new_reference(Py_None()) } else { attributes }
    }
}

/// GET_LEN
pub unsafe extern "C" fn get_len(_tstate: Thread, subject: Object) -> Object {
    // SAFETY: contract of helpers.
    unsafe {
        let length = PyObject_Size(subject);
        if length < 0 { NULL } else { PyLong_FromSsize_t(length) }
    }
}

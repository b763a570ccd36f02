//! Iteration and unpacking.

use super::ffi::{_PyEval_UnpackIterable, _PyTuple_FromArraySteal, error_is_set, size};
use super::operators::{is_exactly, new_reference};
use super::{NULL, Object, Thread};
use pyo3_ffi::*;

/// GET_ITER
pub unsafe extern "C" fn get_iter(_tstate: Thread, object: Object) -> Object {
    // SAFETY: contract of helpers.
    unsafe { PyObject_GetIter(object) }
}

/// FOR_ITER: a StopIteration is no exception.
pub unsafe extern "C" fn iter_next(tstate: Thread, iterator: Object) -> Object {
    // SAFETY: contract of helpers; what `iter` yields has `tp_iternext`.
    unsafe {
        let item = (*Py_TYPE(iterator)).tp_iternext.unwrap_unchecked()(iterator);
        if item.is_null() && error_is_set(tstate) && PyErr_ExceptionMatches(PyExc_StopIteration) != 0 {
            PyErr_Clear();
        }
        item
    }
}

/// Unpacks into a tuple of `total` items, by the interpreter's own function, whose messages differ between releases.
///
/// # Safety
/// Contract of helpers.
unsafe fn unpack(tstate: Thread, sequence: Object, before: i32, after: i32, total: usize) -> Object {
    const SMALL: usize = 16;
    let mut small = [NULL; SMALL];
    let mut large = Vec::new();
    let items: &mut [Object] = if total <= SMALL {
        &mut small[..total]
    } else {
        large.resize(total, NULL);
        &mut large
    };
    // SAFETY: contract of helpers; the function fills the array from its end downwards, and leaves nothing there if it fails.
    unsafe {
        if _PyEval_UnpackIterable(tstate, sequence, before, after, items.as_mut_ptr().add(total)) == 0 {
            return NULL;
        }
        items.reverse();
        _PyTuple_FromArraySteal(items.as_ptr(), size(total))
    }
}

/// UNPACK_SEQUENCE
pub unsafe extern "C" fn unpack_sequence(tstate: Thread, sequence: Object, count: i64) -> Object {
    // SAFETY: contract of helpers.
    unsafe {
        if is_exactly(sequence, &raw mut PyTuple_Type) && Py_SIZE(sequence) == count as Py_ssize_t {
            return new_reference(sequence);
        }
        if is_exactly(sequence, &raw mut PyList_Type) && Py_SIZE(sequence) == count as Py_ssize_t {
            return PyList_AsTuple(sequence);
        }
        unpack(tstate, sequence, count as i32, -1, count as usize)
    }
}

/// UNPACK_EX
pub unsafe extern "C" fn unpack_ex(tstate: Thread, sequence: Object, before: i64, after: i64) -> Object {
    // SAFETY: contract of helpers.
    unsafe { unpack(tstate, sequence, before as i32, after as i32, (before + 1 + after) as usize) }
}

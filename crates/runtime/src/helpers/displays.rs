//! Displays of containers, and formatting.

use super::ffi::{
    _PyDict_FromItems, _PyDict_MergeEx, _PyDict_SetItem_Take2, _PyEval_FormatKwargsError, _PyList_Extend, _PySet_Update, _PyTuple_FromArraySteal,
    _PyUnicode_JoinArray, Name, size, tuple_items,
};
use super::operators::{is_exactly, new_reference, status};
use super::{NULL, Object, Thread};
use pyo3_ffi::*;

/// BUILD_LIST
pub unsafe extern "C" fn build_list(_tstate: Thread, items: *const Object, count: usize) -> Object {
    // SAFETY: contract of helpers; a new list of this size has room for the items.
    unsafe {
        let list = PyList_New(size(count));
        if list.is_null() {
            for index in 0..count {
                Py_DECREF(*items.add(index));
            }
        } else if count != 0 {
            std::ptr::copy_nonoverlapping(items, (*list.cast::<PyListObject>()).ob_item, count);
        }
        list
    }
}

/// BUILD_TUPLE
pub unsafe extern "C" fn build_tuple(_tstate: Thread, items: *const Object, count: usize) -> Object {
    // SAFETY: contract of helpers.
    unsafe { _PyTuple_FromArraySteal(items, size(count)) }
}

/// BUILD_SET
pub unsafe extern "C" fn build_set(_tstate: Thread, items: *const Object, count: usize) -> Object {
    // SAFETY: contract of helpers.
    unsafe {
        let set = PySet_New(NULL);
        if set.is_null() {
            return NULL;
        }
        for index in 0..count {
            if PySet_Add(set, *items.add(index)) != 0 {
                Py_DECREF(set);
                return NULL;
            }
        }
        set
    }
}

/// BUILD_MAP: keys and values in turn.
pub unsafe extern "C" fn build_map(_tstate: Thread, items: *const Object, count: usize) -> Object {
    // SAFETY: contract of helpers.
    unsafe { _PyDict_FromItems(items, 2, items.wrapping_add(1), 2, size(count / 2)) }
}

/// BUILD_CONST_KEY_MAP
pub unsafe extern "C" fn build_const_key_map(_tstate: Thread, keys: Object, values: *const Object, count: usize) -> Object {
    // SAFETY: contract of helpers; `keys` is a tuple of as many items.
    unsafe { _PyDict_FromItems(tuple_items(keys), 1, values, 1, size(count)) }
}

/// BUILD_STRING
pub unsafe extern "C" fn build_string(_tstate: Thread, pieces: *const Object, count: usize) -> Object {
    static EMPTY: Name = Name::new(c"");
    // SAFETY: contract of helpers; the pieces are strs.
    unsafe { _PyUnicode_JoinArray(EMPTY.get(), pieces, size(count)) }
}

/// BUILD_SLICE
pub unsafe extern "C" fn build_slice(_tstate: Thread, start: Object, stop: Object, step: Object) -> Object {
    // SAFETY: contract of helpers.
    unsafe { PySlice_New(start, stop, step) }
}

/// LIST_EXTEND
pub unsafe extern "C" fn list_extend(_tstate: Thread, list: Object, iterable: Object) -> i64 {
    // SAFETY: contract of helpers.
    unsafe {
        let none = _PyList_Extend(list, iterable);
        if none.is_null() {
            let class = Py_TYPE(iterable);
            if PyErr_ExceptionMatches(PyExc_TypeError) != 0 && (*class).tp_iter.is_none() && PySequence_Check(iterable) == 0 {
                PyErr_Clear();
                PyErr_Format(PyExc_TypeError, c"Value after * must be an iterable, not %.200s".as_ptr(), (*class).tp_name);
            }
            return -1;
        }
        Py_DECREF(none);
        0
    }
}

/// SET_UPDATE
pub unsafe extern "C" fn set_update(_tstate: Thread, set: Object, iterable: Object) -> i64 {
    // SAFETY: contract of helpers.
    status(unsafe { _PySet_Update(set, iterable) })
}

/// SET_ADD
pub unsafe extern "C" fn set_add(_tstate: Thread, set: Object, item: Object) -> i64 {
    // SAFETY: contract of helpers.
    status(unsafe { PySet_Add(set, item) })
}

/// DICT_UPDATE
pub unsafe extern "C" fn dict_update(_tstate: Thread, dict: Object, update: Object) -> i64 {
    // SAFETY: contract of helpers.
    unsafe {
        if PyDict_Update(dict, update) < 0 {
            if PyErr_ExceptionMatches(PyExc_AttributeError) != 0 {
                PyErr_Format(PyExc_TypeError, c"'%.200s' object is not a mapping".as_ptr(), (*Py_TYPE(update)).tp_name);
            }
            return -1;
        }
        0
    }
}

/// DICT_MERGE
pub unsafe extern "C" fn dict_merge(tstate: Thread, dict: Object, update: Object, callable: Object) -> i64 {
    // SAFETY: contract of helpers.
    unsafe {
        if _PyDict_MergeEx(dict, update, 2) < 0 {
            _PyEval_FormatKwargsError(tstate, callable, update);
            return -1;
        }
        0
    }
}

/// MAP_ADD
pub unsafe extern "C" fn map_add(_tstate: Thread, dict: Object, key: Object, value: Object) -> i64 {
    // SAFETY: contract of helpers.
    status(unsafe { _PyDict_SetItem_Take2(dict, key, value) })
}

/// FORMAT_SIMPLE
pub unsafe extern "C" fn format_simple(_tstate: Thread, value: Object) -> Object {
    // SAFETY: contract of helpers.
    unsafe { if is_exactly(value, &raw mut PyUnicode_Type) { new_reference(value) } else { PyObject_Format(value, NULL) } }
}

/// FORMAT_WITH_SPEC
pub unsafe extern "C" fn format_with_spec(_tstate: Thread, value: Object, specification: Object) -> Object {
    // SAFETY: contract of helpers.
    unsafe { PyObject_Format(value, specification) }
}

/// CONVERT_VALUE (`_PyEval_ConversionFuncs`: FVC_STR, FVC_REPR, FVC_ASCII)
pub unsafe extern "C" fn convert_value(_tstate: Thread, value: Object, conversion: i64) -> Object {
    // SAFETY: contract of helpers.
    unsafe {
        match conversion {
            1 => PyObject_Str(value),
            2 => PyObject_Repr(value),
            _ => PyObject_ASCII(value),
        }
    }
}

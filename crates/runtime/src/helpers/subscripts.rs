//! Subscripts and slices.

use super::ffi::{_PyErr_SetKeyError, _PyList_AppendTakeRefListResize, compact_value};
use super::operators::{is_exactly, new_reference, status, str_get};
use super::{NULL, Object, Thread};
use pyo3_ffi::*;

/// The value of an exact compact int.
///
/// # Safety
/// It is a live object.
#[inline(always)]
unsafe fn index_value(object: Object) -> Option<isize> {
    // SAFETY: as above.
    unsafe { if is_exactly(object, &raw mut PyLong_Type) { compact_value(object) } else { None } }
}

/// BINARY_SUBSCR
pub unsafe extern "C" fn get_item(tstate: Thread, container: Object, key: Object) -> Object {
    // SAFETY: contract of helpers; indexes are checked.
    unsafe {
        let class = Py_TYPE(container);
        if class == &raw mut PyDict_Type {
            return dict_get_item(tstate, container, key);
        }
        if let Some(index) = index_value(key) {
            if class == &raw mut PyList_Type {
                let size = Py_SIZE(container);
                let index = if index < 0 { index + size } else { index };
                if index.cast_unsigned() < size.cast_unsigned() {
                    return new_reference(*(*container.cast::<PyListObject>()).ob_item.offset(index));
                }
            } else if class == &raw mut PyTuple_Type {
                let size = Py_SIZE(container);
                let index = if index < 0 { index + size } else { index };
                if index.cast_unsigned() < size.cast_unsigned() {
                    return new_reference(PyTuple_GET_ITEM(container, index));
                }
            } else if class == &raw mut PyUnicode_Type && index.cast_unsigned() < PyUnicode_GET_LENGTH(container).cast_unsigned() {
                return str_get(tstate, container, index as i64);
            }
        }
        PyObject_GetItem(container, key)
    }
}

/// STORE_SUBSCR
pub unsafe extern "C" fn set_item(_tstate: Thread, container: Object, key: Object, value: Object) -> i64 {
    // SAFETY: contract of helpers; indexes are checked.
    unsafe {
        let class = Py_TYPE(container);
        if class == &raw mut PyDict_Type {
            return status(PyDict_SetItem(container, key, value));
        }
        if class == &raw mut PyList_Type
            && let Some(index) = index_value(key)
            && index.cast_unsigned() < Py_SIZE(container).cast_unsigned()
        {
            let place = (*container.cast::<PyListObject>()).ob_item.offset(index);
            let old = place.replace(new_reference(value));
            Py_DECREF(old);
            return 0;
        }
        status(PyObject_SetItem(container, key, value))
    }
}

/// DELETE_SUBSCR
pub unsafe extern "C" fn delete_item(_tstate: Thread, container: Object, key: Object) -> i64 {
    // SAFETY: contract of helpers.
    status(unsafe { PyObject_DelItem(container, key) })
}

/// BINARY_SUBSCR_DICT
pub unsafe extern "C" fn dict_get_item(_tstate: Thread, dict: Object, key: Object) -> Object {
    let mut value = NULL;
    // SAFETY: contract of helpers.
    unsafe {
        if PyDict_GetItemRef(dict, key, &raw mut value) == 0 {
            _PyErr_SetKeyError(key);
        }
    }
    value
}

/// STORE_SUBSCR_DICT
pub unsafe extern "C" fn dict_set_item(_tstate: Thread, dict: Object, key: Object, value: Object) -> i64 {
    // SAFETY: contract of helpers.
    status(unsafe { PyDict_SetItem(dict, key, value) })
}

/// A bound of a slice over `size` items, as PySlice_AdjustIndices does it for step 1; `None`: not a bound that is known here.
///
/// # Safety
/// It is a live object.
#[inline(always)]
unsafe fn bound(object: Object, size: isize, default: isize) -> Option<isize> {
    // SAFETY: as above.
    unsafe {
        if object == Py_None() {
            return Some(default);
        }
        let value = index_value(object)?;
        Some(if value < 0 { (value + size).max(0) } else { value.min(size) })
    }
}

/// BINARY_SLICE
pub unsafe extern "C" fn get_slice(_tstate: Thread, container: Object, start: Object, stop: Object) -> Object {
    // SAFETY: contract of helpers. The three fast ways do what `list_subscript`, `tuple_subscript` and `unicode_subscript` do for slices of step 1.
    unsafe {
        let class = Py_TYPE(container);
        if class == &raw mut PyList_Type {
            let size = Py_SIZE(container);
            if let (Some(start), Some(stop)) = (bound(start, size, 0), bound(stop, size, size)) {
                return PyList_GetSlice(container, start, stop.max(start));
            }
        } else if class == &raw mut PyTuple_Type {
            let size = Py_SIZE(container);
            if let (Some(start), Some(stop)) = (bound(start, size, 0), bound(stop, size, size)) {
                return PyTuple_GetSlice(container, start, stop.max(start));
            }
        } else if class == &raw mut PyUnicode_Type {
            let size = PyUnicode_GET_LENGTH(container);
            if let (Some(start), Some(stop)) = (bound(start, size, 0), bound(stop, size, size)) {
                return PyUnicode_Substring(container, start, stop.max(start));
            }
        }
        let slice = PySlice_New(start, stop, NULL);
        if slice.is_null() {
            return NULL;
        }
        let result = PyObject_GetItem(container, slice);
        Py_DECREF(slice);
        result
    }
}

/// So many items of a list are replaced at once without PyList_SetSlice.
const MOST_REPLACED: isize = 32;

/// Replaces items of a list by as many of another one. The old ones end when the list is whole again, the last one first (`list_ass_slice_lock_held`).
///
/// # Safety
/// Two lists; the items are there, `MOST_REPLACED` at most.
unsafe fn replace_items(list: Object, start: isize, by: Object, count: isize) {
    let mut old: [Object; MOST_REPLACED as usize] = [NULL; MOST_REPLACED as usize];
    let old = &mut old[..count.unsigned_abs()];
    // SAFETY: as above.
    unsafe {
        let to = (*list.cast::<PyListObject>()).ob_item.offset(start);
        let from = (*by.cast::<PyListObject>()).ob_item;
        for (index, old) in old.iter_mut().enumerate() {
            let item = *from.add(index);
            Py_INCREF(item);
            *old = to.add(index).replace(item);
        }
        for &item in old.iter().rev() {
            Py_DECREF(item);
        }
    }
}

/// STORE_SLICE
pub unsafe extern "C" fn set_slice(_tstate: Thread, container: Object, start: Object, stop: Object, value: Object) -> i64 {
    // SAFETY: contract of helpers. The fast way does what `list_ass_subscript` does for a slice of step 1 and another list.
    unsafe {
        let list = &raw mut PyList_Type;
        if Py_TYPE(container) == list && Py_TYPE(value) == list && container != value {
            let size = Py_SIZE(container);
            if let (Some(start), Some(stop)) = (bound(start, size, 0), bound(stop, size, size)) {
                let (stop, count) = (stop.max(start), Py_SIZE(value));
                if count == stop - start && count <= MOST_REPLACED && size > 0 {
                    replace_items(container, start, value, count);
                    return 0;
                }
                return status(PyList_SetSlice(container, start, stop, value));
            }
        }
        let slice = PySlice_New(start, stop, NULL);
        if slice.is_null() {
            return -1;
        }
        let outcome = PyObject_SetItem(container, slice, value);
        Py_DECREF(slice);
        status(outcome)
    }
}

/// LIST_APPEND (`_PyList_AppendTakeRef`, pycore_list.h)
pub unsafe extern "C" fn list_append(_tstate: Thread, list: Object, item: Object) -> i64 {
    // SAFETY: contract of helpers; there is room for one more item.
    unsafe {
        let fields = list.cast::<PyListObject>();
        let size = (*fields).ob_base.ob_size;
        if (*fields).allocated > size {
            (*fields).ob_item.offset(size).write(item);
            (*fields).ob_base.ob_size = size + 1;
            return 0;
        }
        status(_PyList_AppendTakeRefListResize(list, item))
    }
}

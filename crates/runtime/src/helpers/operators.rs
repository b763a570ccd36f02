//! Operators: arithmetic, comparisons, `in`, and texts.

#![allow(non_upper_case_globals)] // CPython's constants in patterns

use super::ffi::{self, _PyEval_BinaryOps, _PySet_Contains, _PyUnicode_Equal, compact_value};
use super::{NULL, Object, Thread};
use pyo3_ffi::*;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Whether an object's class is exactly this one.
///
/// # Safety
/// It is a live object.
#[inline(always)]
pub(super) unsafe fn is_exactly(object: Object, class: *mut PyTypeObject) -> bool {
    // SAFETY: as above.
    unsafe { Py_TYPE(object) == class }
}

/// A new reference to an object.
///
/// # Safety
/// It is a live object.
#[inline(always)]
pub(super) unsafe fn new_reference(object: Object) -> Object {
    // SAFETY: as above.
    unsafe { Py_INCREF(object) };
    object
}

/// BINARY_OP
pub unsafe extern "C" fn binary_operation(_tstate: Thread, left: Object, right: Object, operator: i64) -> Object {
    // SAFETY: contract of helpers; `operator` is an oparg of BINARY_OP.
    unsafe { (*(&raw const _PyEval_BinaryOps).cast::<binaryfunc>().add(operator as usize))(left, right) }
}

/// The methods of `int`, which takes two ints without further looks.
///
/// # Safety
/// Python runs.
#[inline(always)]
unsafe fn long_methods() -> *const PyNumberMethods {
    // SAFETY: a static type whose slots do not change.
    unsafe { PyLong_Type.tp_as_number }
}

/// BINARY_OP_ADD_INT for ints of any size.
pub unsafe extern "C" fn long_add(_tstate: Thread, left: Object, right: Object) -> Object {
    // SAFETY: contract of helpers; `int` has this slot.
    unsafe { (*long_methods()).nb_add.unwrap_unchecked()(left, right) }
}

/// BINARY_OP_SUBTRACT_INT for ints of any size.
pub unsafe extern "C" fn long_subtract(_tstate: Thread, left: Object, right: Object) -> Object {
    // SAFETY: contract of helpers; `int` has this slot.
    unsafe { (*long_methods()).nb_subtract.unwrap_unchecked()(left, right) }
}

/// BINARY_OP_MULTIPLY_INT for ints of any size.
pub unsafe extern "C" fn long_multiply(_tstate: Thread, left: Object, right: Object) -> Object {
    // SAFETY: contract of helpers; `int` has this slot.
    unsafe { (*long_methods()).nb_multiply.unwrap_unchecked()(left, right) }
}

/// Py_LT ... Py_GE of an ordering.
#[inline(always)]
fn ordering_satisfies(ordering: std::cmp::Ordering, operator: i64) -> i64 {
    i64::from(match operator as i32 {
        Py_LT => ordering.is_lt(),
        Py_LE => ordering.is_le(),
        Py_EQ => ordering.is_eq(),
        Py_NE => ordering.is_ne(),
        Py_GT => ordering.is_gt(),
        _ => ordering.is_ge(),
    })
}

/// COMPARE_OP_INT for ints of any size.
pub unsafe extern "C" fn long_compare(_tstate: Thread, left: Object, right: Object, operator: i64) -> i64 {
    // SAFETY: contract of helpers; `long_richcompare` (Objects/longobject.c) of two ints cannot fail and yields True or False.
    unsafe {
        if let (Some(left), Some(right)) = (compact_value(left), compact_value(right)) {
            return ordering_satisfies(left.cmp(&right), operator);
        }
        let result = PyLong_Type.tp_richcompare.unwrap_unchecked()(left, right, operator as i32);
        let truth = i64::from(result == Py_True());
        Py_DECREF(result);
        truth
    }
}

/// `float_rem` (Objects/floatobject.c)
pub unsafe extern "C" fn float_remainder(_tstate: Thread, left: f64, right: f64) -> f64 {
    // SAFETY: a function of libm.
    let remainder = unsafe { ffi::fmod(left, right) };
    if remainder == 0.0 {
        return 0.0f64.copysign(right);
    }
    if (right < 0.0) != (remainder < 0.0) { remainder + right } else { remainder }
}

/// `float_floor_div`, `_float_div_mod` (Objects/floatobject.c)
pub unsafe extern "C" fn float_floor_divide(_tstate: Thread, left: f64, right: f64) -> f64 {
    // SAFETY: a function of libm.
    let remainder = unsafe { ffi::fmod(left, right) };
    let mut quotient = (left - remainder) / right;
    if remainder != 0.0 && (right < 0.0) != (remainder < 0.0) {
        quotient -= 1.0;
    }
    if quotient == 0.0 {
        return 0.0f64.copysign(left / right);
    }
    let floor = quotient.floor();
    if quotient - floor > 0.5 { floor + 1.0 } else { floor }
}

/// The end of `float_pow` (Objects/floatobject.c). Infinity where that raises OverflowError: callers look.
pub unsafe extern "C" fn float_power(_tstate: Thread, left: f64, right: f64) -> f64 {
    // SAFETY: a function of libm, the same that CPython calls.
    unsafe { ffi::pow(left, right) }
}

/// UNARY_NEGATIVE
pub unsafe extern "C" fn unary_negative(_tstate: Thread, value: Object) -> Object {
    // SAFETY: contract of helpers.
    unsafe { PyNumber_Negative(value) }
}

/// UNARY_INVERT
pub unsafe extern "C" fn unary_invert(_tstate: Thread, value: Object) -> Object {
    // SAFETY: contract of helpers.
    unsafe { PyNumber_Invert(value) }
}

/// TO_BOOL
pub unsafe extern "C" fn is_true(_tstate: Thread, value: Object) -> i64 {
    // SAFETY: contract of helpers.
    i64::from(unsafe { PyObject_IsTrue(value) })
}

/// COMPARE_OP
pub unsafe extern "C" fn rich_compare(_tstate: Thread, left: Object, right: Object, operator: i64) -> Object {
    // SAFETY: contract of helpers.
    unsafe { PyObject_RichCompare(left, right, operator as i32) }
}

/// COMPARE_OP with its bit 4 set. (Not PyObject_RichCompareBool, which takes identity for equality.)
pub unsafe extern "C" fn rich_compare_bool(_tstate: Thread, left: Object, right: Object, operator: i64) -> i64 {
    // SAFETY: contract of helpers.
    unsafe {
        let result = PyObject_RichCompare(left, right, operator as i32);
        if result.is_null() {
            return -1;
        }
        let truth = if result == Py_True() {
            1
        } else if result == Py_False() {
            0
        } else {
            i64::from(PyObject_IsTrue(result))
        };
        Py_DECREF(result);
        truth
    }
}

/// COMPARE_OP_STR
pub unsafe extern "C" fn str_equal(_tstate: Thread, left: Object, right: Object) -> i64 {
    // SAFETY: contract of helpers.
    i64::from(unsafe { left == right || _PyUnicode_Equal(left, right) != 0 })
}

/// Compares two strs as `PyUnicode_RichCompare` does.
pub unsafe extern "C" fn str_compare(tstate: Thread, left: Object, right: Object, operator: i64) -> i64 {
    // SAFETY: contract of helpers; PyUnicode_Compare of two strs cannot fail.
    unsafe {
        match operator as i32 {
            Py_EQ => str_equal(tstate, left, right),
            Py_NE => 1 - str_equal(tstate, left, right),
            _ => ordering_satisfies(PyUnicode_Compare(left, right).cmp(&0), operator),
        }
    }
}

/// BINARY_OP_ADD_UNICODE
pub unsafe extern "C" fn str_concatenate(_tstate: Thread, left: Object, right: Object) -> Object {
    // SAFETY: contract of helpers.
    unsafe { PyUnicode_Concat(left, right) }
}

/// BINARY_OP_INPLACE_ADD_UNICODE
pub unsafe extern "C" fn str_append(_tstate: Thread, left: Object, right: Object) -> Object {
    let mut place = left;
    // SAFETY: contract of helpers; PyUnicode_Append takes over what is in the place and leaves the sum or NULL there.
    unsafe { PyUnicode_Append(&raw mut place, right) };
    place
}

/// The strs of one character below 256, which CPython keeps for ever (`get_latin1_char`, Objects/unicodeobject.c).
static LATIN1: [AtomicPtr<PyObject>; 256] = [const { AtomicPtr::new(std::ptr::null_mut()) }; 256];

#[cold]
fn latin1(character: u32) -> Object {
    // SAFETY: helpers hold the GIL.
    let text = unsafe { PyUnicode_FromOrdinal(character as i32) };
    if !text.is_null() {
        LATIN1[character as usize].store(text, Ordering::Relaxed);
    }
    text
}

/// BINARY_SUBSCR_STR_INT
pub unsafe extern "C" fn str_get(_tstate: Thread, str: Object, index: i64) -> Object {
    // SAFETY: contract of helpers; the index is in range, and the one-character strs below 256 are immortal, so that they need no count.
    unsafe {
        let data = PyUnicode_DATA(str);
        let character = match PyUnicode_KIND(str) {
            PyUnicode_1BYTE_KIND => u32::from(*data.cast::<u8>().offset(index as isize)),
            PyUnicode_2BYTE_KIND => u32::from(*data.cast::<u16>().offset(index as isize)),
            _ => *data.cast::<u32>().offset(index as isize),
        };
        if character >= 256 {
            return PyUnicode_FromOrdinal(character as i32);
        }
        let text = LATIN1[character as usize].load(Ordering::Relaxed);
        if text.is_null() { latin1(character) } else { text }
    }
}

/// CONTAINS_OP
pub unsafe extern "C" fn contains(_tstate: Thread, container: Object, item: Object) -> i64 {
    // SAFETY: contract of helpers.
    i64::from(unsafe {
        let class = Py_TYPE(container);
        if class == &raw mut PyDict_Type {
            PyDict_Contains(container, item)
        } else if class == &raw mut PySet_Type || class == &raw mut PyFrozenSet_Type {
            _PySet_Contains(container, item)
        } else {
            PySequence_Contains(container, item)
        }
    })
}

/// What a function of CPython returned, 0 or -1, as helpers return it.
#[inline(always)]
pub(super) fn status(outcome: std::ffi::c_int) -> i64 {
    if outcome < 0 { -1 } else { 0 }
}

/// Gives back a reference that may be NULL.
///
/// # Safety
/// It is owned.
#[inline(always)]
pub(super) unsafe fn release(object: Object) {
    if object != NULL {
        // SAFETY: as above.
        unsafe { Py_DECREF(object) };
    }
}

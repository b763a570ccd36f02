//! `with`.

use super::ffi::{_PyType_LookupRef, ARGUMENTS_OFFSET, Name, PyObject_Vectorcall, error_is_set};
use super::{NULL, Object, Thread};
use pyo3_ffi::*;

/// `_PyObject_LookupSpecial` (Objects/typeobject.c), which later versions do not have
///
/// # Safety
/// Contract of helpers.
unsafe fn look_up_special(object: Object, name: Object) -> Object {
    // SAFETY: contract of helpers.
    unsafe {
        let class = Py_TYPE(object);
        let found = _PyType_LookupRef(class, name);
        if found.is_null() {
            return NULL;
        }
        let Some(get) = (*Py_TYPE(found)).tp_descr_get else { return found };
        let bound = get(found, object, class.cast());
        Py_DECREF(found);
        bound
    }
}

/// BEFORE_WITH
pub unsafe extern "C" fn before_with(tstate: Thread, manager: Object) -> Object {
    static ENTER: Name = Name::new(c"__enter__");
    static EXIT: Name = Name::new(c"__exit__");
    // SAFETY: contract of helpers.
    unsafe {
        let enter = look_up_special(manager, ENTER.get());
        if enter.is_null() {
            if !error_is_set(tstate) {
                let message = c"'%.200s' object does not support the context manager protocol";
                PyErr_Format(PyExc_TypeError, message.as_ptr(), (*Py_TYPE(manager)).tp_name);
            }
            return NULL;
        }
        let exit = look_up_special(manager, EXIT.get());
        if exit.is_null() {
            if !error_is_set(tstate) {
                let message = c"'%.200s' object does not support the context manager protocol (missed __exit__ method)";
                PyErr_Format(PyExc_TypeError, message.as_ptr(), (*Py_TYPE(manager)).tp_name);
            }
            Py_DECREF(enter);
            return NULL;
        }
        let result = PyObject_CallNoArgs(enter);
        Py_DECREF(enter);
        if result.is_null() {
            Py_DECREF(exit);
            return NULL;
        }
        let pair = PyTuple_Pack(2, exit, result);
        Py_DECREF(exit);
        Py_DECREF(result);
        pair
    }
}

/// WITH_EXCEPT_START
pub unsafe extern "C" fn with_except_start(_tstate: Thread, exit: Object, exception: Object) -> Object {
    // SAFETY: contract of helpers. The exception keeps its traceback alive as far as the interpreter does.
    unsafe {
        let mut traceback = PyException_GetTraceback(exception);
        if traceback.is_null() {
            traceback = Py_None();
        } else {
            Py_DECREF(traceback);
        }
        let arguments = [NULL, Py_TYPE(exception).cast(), exception, traceback];
        PyObject_Vectorcall(exit, arguments.as_ptr().add(1), 3 | ARGUMENTS_OFFSET, NULL)
    }
}

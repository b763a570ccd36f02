//! Calling Python functions from the runtime: the few calls that have no C API.

use std::ffi::CStr;

use pyo3_ffi::{PyCFunction_NewEx, PyMethodDef, PyMethodDefPointer, PyObject};

use crate::ffi;

/// An owned reference.
#[derive(Debug)]
pub(crate) struct Owned(*mut PyObject);

impl Owned {
    /// Takes over a reference; NULL: the exception that is set, as a text.
    ///
    /// # Safety
    /// The GIL is held; `object` is an owned reference or NULL with an exception set.
    pub unsafe fn new(object: *mut PyObject) -> Result<Owned, String> {
        if object.is_null() {
            // SAFETY: the GIL is held.
            return Err(unsafe { take_error() });
        }
        Ok(Owned(object))
    }

    /// The object.
    pub fn get(&self) -> *mut PyObject {
        self.0
    }

    /// Gives the reference away.
    pub fn into_raw(self) -> *mut PyObject {
        let object = self.0;
        std::mem::forget(self);
        object
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: the reference is ours; the GIL is held by those who use this type.
        unsafe { ffi::Py_DECREF(self.0) };
    }
}

/// Takes the exception that is set and says what it is.
///
/// # Safety
/// The GIL is held.
unsafe fn take_error() -> String {
    // SAFETY: `str(exception)` of the exception that is set; a failure leaves none behind.
    unsafe {
        let exception = ffi::PyErr_GetRaisedException();
        if exception.is_null() {
            return "an unknown error".to_owned();
        }
        let text = pyo3_ffi::PyObject_Str(exception);
        ffi::Py_DECREF(exception);
        if text.is_null() {
            ffi::PyErr_Clear();
            return "an error without a message".to_owned();
        }
        let result = string(text);
        ffi::Py_DECREF(text);
        result
    }
}

/// The text of a str object.
///
/// # Safety
/// `text` is a live object; the GIL is held.
pub(crate) unsafe fn string(text: *mut PyObject) -> String {
    // SAFETY: PyUnicode_AsUTF8AndSize gives a buffer that lives as long as the object, or NULL with an exception.
    unsafe {
        let mut size = 0;
        let bytes = pyo3_ffi::PyUnicode_AsUTF8AndSize(text, &raw mut size);
        if bytes.is_null() {
            ffi::PyErr_Clear();
            return String::new();
        }
        String::from_utf8_lossy(std::slice::from_raw_parts(bytes.cast::<u8>(), size as usize)).into_owned()
    }
}

/// A new reference to None.
pub(crate) fn none() -> *mut PyObject {
    // SAFETY: None is immortal.
    unsafe { ffi::new_reference(pyo3_ffi::Py_None()) }
}

/// An int.
///
/// # Safety
/// The GIL is held.
pub(crate) unsafe fn int(value: i64) -> Result<Owned, String> {
    // SAFETY: the caller's promise.
    unsafe { Owned::new(ffi::PyLong_FromLongLong(value)) }
}

/// `object.name`
///
/// # Safety
/// The GIL is held; `object` is live.
pub(crate) unsafe fn attribute(object: *mut PyObject, name: &CStr) -> Result<Owned, String> {
    // SAFETY: the caller's promise.
    unsafe { Owned::new(pyo3_ffi::PyObject_GetAttrString(object, name.as_ptr())) }
}

/// `object.name(arguments)`
///
/// # Safety
/// The GIL is held; all objects are live.
pub(crate) unsafe fn call(object: *mut PyObject, name: &CStr, arguments: &[*mut PyObject]) -> Result<Owned, String> {
    // SAFETY: the caller's promise.
    unsafe {
        let method = attribute(object, name)?;
        Owned::new(ffi::PyObject_Vectorcall(method.get(), arguments.as_ptr(), arguments.len(), std::ptr::null_mut()))
    }
}

/// A module by its name.
///
/// # Safety
/// The GIL is held.
pub(crate) unsafe fn module(name: &CStr) -> Result<Owned, String> {
    // SAFETY: the caller's promise.
    unsafe { Owned::new(pyo3_ffi::PyImport_ImportModule(name.as_ptr())) }
}

/// `sys.monitoring`
///
/// # Safety
/// The GIL is held.
pub(crate) unsafe fn monitoring() -> Result<Owned, String> {
    // SAFETY: the caller's promise.
    unsafe {
        let sys = module(c"sys")?;
        attribute(sys.get(), c"monitoring")
    }
}

/// A C function that takes an array of arguments (METH_FASTCALL).
pub(crate) type FastFunction = unsafe extern "C" fn(*mut PyObject, *mut *mut PyObject, ffi::Py_ssize_t) -> *mut PyObject;

/// A new built-in function; its definition stays for ever.
///
/// # Safety
/// The GIL is held.
pub(crate) unsafe fn function(name: &'static CStr, function: FastFunction) -> Result<Owned, String> {
    let definition = Box::leak(Box::new(PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: PyMethodDefPointer { PyCFunctionFast: function },
        ml_flags: pyo3_ffi::METH_FASTCALL,
        ml_doc: std::ptr::null(),
    }));
    // SAFETY: the definition lives for ever.
    unsafe { Owned::new(PyCFunction_NewEx(definition, std::ptr::null_mut(), std::ptr::null_mut())) }
}

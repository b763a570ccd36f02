//! A tiny extension module to try this crate inside a real interpreter: `tools/probe.py` builds and runs it.

use coachwhip_cpython::environment::environment;
use pyo3_ffi::{self as ffi, PyObject};
use std::ffi::CString;

unsafe fn text(text: Result<String, String>) -> *mut PyObject {
    let (Ok(text) | Err(text)) = text;
    let text = CString::new(text).unwrap_or_default();
    // SAFETY: the GIL is held.
    unsafe { ffi::PyUnicode_FromString(text.as_ptr()) }
}

unsafe extern "C" fn describe_environment(_module: *mut PyObject, _nothing: *mut PyObject) -> *mut PyObject {
    // SAFETY: called by the interpreter.
    unsafe { text(environment().map(|environment| format!("{environment:#?}"))) }
}

struct Shared<T>(T);
// SAFETY: only the interpreter touches it, with the GIL.
unsafe impl<T> Sync for Shared<T> {}

static mut METHODS: Shared<[ffi::PyMethodDef; 2]> = Shared([
    ffi::PyMethodDef {
        ml_name: c"environment".as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunction: describe_environment },
        ml_flags: ffi::METH_NOARGS,
        ml_doc: std::ptr::null(),
    },
    ffi::PyMethodDef::zeroed(),
]);

static mut MODULE: ffi::PyModuleDef = ffi::PyModuleDef {
    m_base: ffi::PyModuleDef_HEAD_INIT,
    m_name: c"coachwhip_probe".as_ptr(),
    m_doc: std::ptr::null(),
    m_size: 0,
    m_methods: (&raw mut METHODS).cast(),
    m_slots: std::ptr::null_mut(),
    m_traverse: None,
    m_clear: None,
    m_free: None,
};

/// The module's entry.
///
/// # Safety
/// Called by the interpreter's import.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PyInit_coachwhip_probe() -> *mut PyObject {
    // SAFETY: the definition is a static.
    unsafe { ffi::PyModule_Create(&raw mut MODULE) }
}

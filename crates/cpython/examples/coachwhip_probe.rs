//! A tiny extension module to try this crate inside a real interpreter: `tools/probe.py` builds and runs it.

use coachwhip_abi::facts_text::facts_text;
use coachwhip_cpython::capture::{CaptureRequest, Entry, EntryCells, capture};
use coachwhip_cpython::environment::environment;
use coachwhip_cpython::structs::{InterpreterFrame, ThreadState};
use coachwhip_cpython::symbols;
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

struct Cells;

impl EntryCells for Cells {
    fn entry_cell(&self, code: *mut PyObject) -> usize {
        code as usize
    }
}

unsafe fn describe(function: *mut PyObject, entry: Entry) -> *mut PyObject {
    // SAFETY: called by the interpreter.
    unsafe {
        let captured = capture(&CaptureRequest { function, entry, refuted: Vec::new() }, &Cells);
        text(captured.map(|captured| {
            assert!(captured.dependencies.still_hold());
            let mut description = facts_text(&captured.facts);
            for row in &captured.dependencies.names {
                description += &format!("depends on {} {}\n", row.name, if row.value == 0 { "(absent)" } else { "" });
            }
            description + &format!(
                "{} references, {} names, {} classes, {} functions\n",
                captured.owned.len(),
                captured.dependencies.names.len(),
                captured.dependencies.classes.len(),
                captured.dependencies.functions.len()
            )
        }))
    }
}

/// `facts(function)`
unsafe extern "C" fn describe_call(_module: *mut PyObject, function: *mut PyObject) -> *mut PyObject {
    // SAFETY: called by the interpreter.
    unsafe { describe(function, Entry::Call) }
}

/// `loop_facts()`: of the frame that calls a monitoring callback.
unsafe extern "C" fn describe_loop(_module: *mut PyObject, _nothing: *mut PyObject) -> *mut PyObject {
    // SAFETY: called by the interpreter in a monitoring callback, where the thread's frame is the instrumented one.
    unsafe {
        let tstate: *mut ThreadState = symbols::_PyThreadState_GetCurrent();
        let frame: *mut InterpreterFrame = (*tstate).current_frame;
        describe((*frame).f_funcobj, Entry::Loop(frame))
    }
}

struct Shared<T>(T);
// SAFETY: only the interpreter touches it, with the GIL.
unsafe impl<T> Sync for Shared<T> {}

static mut METHODS: Shared<[ffi::PyMethodDef; 4]> = Shared([
    ffi::PyMethodDef {
        ml_name: c"environment".as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunction: describe_environment },
        ml_flags: ffi::METH_NOARGS,
        ml_doc: std::ptr::null(),
    },
    ffi::PyMethodDef {
        ml_name: c"facts".as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunction: describe_call },
        ml_flags: ffi::METH_O,
        ml_doc: std::ptr::null(),
    },
    ffi::PyMethodDef {
        ml_name: c"loop_facts".as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunction: describe_loop },
        ml_flags: ffi::METH_VARARGS,
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

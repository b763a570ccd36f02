//! Runs `capture.py` in an embedded interpreter with a module `probe`: the check of the interpreter, and facts as text. `tools/cargo-test PYTHON -p coachwhip-cpython`.

use coachwhip_abi::facts_text::facts_text;
use coachwhip_cpython::capture::{CaptureRequest, Entry, EntryCells, capture};
use coachwhip_cpython::environment::environment;
use coachwhip_cpython::structs::{InterpreterFrame, ThreadState};
use coachwhip_cpython::symbols;
use pyo3_ffi::{self as ffi, PyObject};
use std::ffi::CString;

struct Cells;

impl EntryCells for Cells {
    fn entry_cell(&self, code: *mut PyObject) -> usize {
        code as usize
    }

    fn is_unstable(&self, _dict: usize, name: &str) -> bool {
        name == "unstable"
    }
}

unsafe fn str_object(text: &str) -> *mut PyObject {
    let text = CString::new(text).unwrap_or_default();
    // SAFETY: the GIL is held.
    unsafe { ffi::PyUnicode_FromString(text.as_ptr()) }
}

unsafe fn describe(function: *mut PyObject, entry: Entry) -> *mut PyObject {
    // SAFETY: called by the interpreter, so the GIL is held.
    unsafe {
        let captured = match capture(&CaptureRequest { function, entry, refuted: Vec::new(), seen: Vec::new() }, &Cells) {
            Ok(captured) => captured,
            Err(message) => return str_object(&format!("error: {message}")),
        };
        let dependencies = &captured.dependencies;
        assert!(dependencies.still_hold());
        let mut text = facts_text(&captured.facts);
        for row in &dependencies.names {
            text += &format!("depends on {}{}\n", row.name, if row.value == 0 { " (absent)" } else { "" });
        }
        text += &format!("{} classes watched, {} functions watched\n", dependencies.classes.len(), dependencies.functions.len());
        str_object(&text)
    }
}

/// `facts(function)`
unsafe extern "C" fn facts(_module: *mut PyObject, function: *mut PyObject) -> *mut PyObject {
    // SAFETY: called by the interpreter.
    unsafe { describe(function, Entry::Call) }
}

/// `frame_facts(is_loop)`: of the frame that calls a monitoring callback; its arguments are (code, offset) at starts and (code, offset, destination) at jumps.
unsafe extern "C" fn frame_facts(_module: *mut PyObject, arguments: *mut PyObject) -> *mut PyObject {
    // SAFETY: called by the interpreter in a monitoring callback, where the thread's frame is the instrumented one.
    unsafe {
        let tstate: *mut ThreadState = symbols::_PyThreadState_GetCurrent();
        let frame: *mut InterpreterFrame = (*tstate).current_frame;
        let entry = if ffi::PyTuple_Size(arguments) == 3 { Entry::Loop(frame) } else { Entry::CallFrom(frame) };
        let text = describe((*frame).f_funcobj, entry);
        let list = ffi::PyImport_AddModule(c"probe".as_ptr());
        ffi::PyObject_SetAttrString(list, c"seen".as_ptr(), text);
        ffi::Py_DECREF(text);
        ffi::Py_None()
    }
}

/// `hook(function)`: what compiling it does to its version.
unsafe extern "C" fn hook(_module: *mut PyObject, function: *mut PyObject) -> *mut PyObject {
    // SAFETY: called with a function.
    unsafe {
        symbols::_PyFunction_SetVersion(function.cast(), 0);
        ffi::Py_None()
    }
}

struct Shared<T>(T);
// SAFETY: only the interpreter touches it, with the GIL.
unsafe impl<T> Sync for Shared<T> {}

const fn method(name: &'static std::ffi::CStr, function: ffi::PyCFunction, flags: i32) -> ffi::PyMethodDef {
    ffi::PyMethodDef { ml_name: name.as_ptr(), ml_meth: ffi::PyMethodDefPointer { PyCFunction: function }, ml_flags: flags, ml_doc: std::ptr::null() }
}

static mut METHODS: Shared<[ffi::PyMethodDef; 4]> = Shared([
    method(c"facts", facts, ffi::METH_O),
    method(c"frame_facts", frame_facts, ffi::METH_VARARGS),
    method(c"hook", hook, ffi::METH_O),
    ffi::PyMethodDef::zeroed(),
]);

static mut MODULE: ffi::PyModuleDef = ffi::PyModuleDef {
    m_base: ffi::PyModuleDef_HEAD_INIT,
    m_name: c"probe".as_ptr(),
    m_doc: std::ptr::null(),
    m_size: -1,
    m_methods: (&raw mut METHODS).cast(),
    m_slots: std::ptr::null_mut(),
    m_traverse: None,
    m_clear: None,
    m_free: None,
};

extern "C" fn probe_module() -> *mut PyObject {
    // SAFETY: the definition is a static.
    unsafe { ffi::PyModule_Create(&raw mut MODULE) }
}

#[test]
fn the_interpreter_fits_and_facts_are_true() {
    let script = CString::new(include_str!("capture.py")).expect("the script has no NUL");
    // SAFETY: the only test of this process; nothing else uses the interpreter.
    unsafe {
        assert_eq!(ffi::PyImport_AppendInittab(c"probe".as_ptr(), Some(probe_module)), 0);
        ffi::Py_InitializeEx(0);
        let environment = environment().expect("the interpreter of PYO3_PYTHON is supported");
        assert_ne!(environment.float_free_list, 0);
        assert_eq!(environment.small_int_size, 32);
        assert_eq!(ffi::PyRun_SimpleStringFlags(script.as_ptr(), std::ptr::null_mut()), 0, "capture.py failed");
    }
}

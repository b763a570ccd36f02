//! Runs `capture.py` in an embedded interpreter with a module `probe`: the check of the interpreter, and facts as text. `tools/cargo-test PYTHON -p coachwhip-cpython`.

use coachwhip_abi::facts_text::facts_text;
use coachwhip_cpython::capture::{CaptureRequest, Entry, EntryCells, capture};
use coachwhip_cpython::environment::environment;
use coachwhip_cpython::structs::{InterpreterFrame, ThreadState};
use coachwhip_cpython::{symbols, wrong};
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

/// Constants of the layout that are no offsets of fields: bits, numbers, sizes that follow from fields; and the table of debug offsets, which CPython tells by its cookie.
const NO_OFFSETS: &[&str] = &[
    "debug_offsets::",
    "backoff::",
    "breaker::",
    "small_ints::",
    "::FLAG_",
    "::FAST_",
    "::KIND_",
    "::OWNED_BY_",
    "type_object::STATIC_BUILTIN",
    "long::",
    "monitoring_data::MONITORS",
];

/// Fields that no probe can tell, and why.
const UNTOLD: &[(&str, &str)] = &[
    ("frame::STATE", "padding: between `owner` and `localsplus`, which are probed"),
    ("thread_state::DICT_GLOBAL_VERSION", "a word that nobody uses; 0 or ours"),
    ("interpreter::MONITORS", "checked when the first callback is registered"),
    ("code::CO_EXECUTORS", "NULL but in builds with CPython's own JIT"),
    ("executor_array::EXECUTORS", "builds with CPython's own JIT only"),
    ("executor_array::EXECUTOR_OPCODE", "builds with CPython's own JIT only"),
    ("executor_array::EXECUTOR_OPARG", "builds with CPython's own JIT only"),
    ("monitoring_data::ACTIVE_MONITORS", "exists while some tool listens only; read for copies of bytecode that are shown"),
    ("monitoring_data::LINES", "exists while some tool listens only"),
];

/// Fields that nothing reads: they stand in `structs.rs` so that others lie where they do.
const UNUSED: &[&str] = &[
    "thread_state::RECURSION_HEADROOM",
    "thread_state::C_PROFILEFUNC",
    "thread_state::C_TRACEFUNC",
    "thread_state::PREVIOUS_EXECUTOR",
    "err_stack_item::PREVIOUS_ITEM",
    "frame_object::F_BACK",
    "frame_object::F_TRACE",
    "frame_object::F_LINENO",
    "frame_object::F_TRACE_LINES",
    "frame_object::F_TRACE_OPCODES",
    "frame_object::F_EXTRA_LOCALS",
    "frame_object::F_LOCALS_CACHE",
    "function::FUNC_NAME",
    "code::CO_NCELLVARS",
    "code::CO_NFREEVARS",
    "code::CO_INSTRUMENTATION_VERSION",
    "monitoring_data::LOCAL_MONITORS",
    "monitoring_data::TOOLS",
    "monitoring_data::LINE_TOOLS",
    "monitoring_data::PER_INSTRUCTION_OPCODES",
    "monitoring_data::PER_INSTRUCTION_TOOLS",
    "executor_array::LENGTH",
    "generator::GI_EXC_STATE",
    "dict::MA_VERSION_TAG",
    "dict_keys::DK_REFCNT",
    "dict_entry::ME_HASH",
    "type_object::TP_VERSIONS_USED",
];

/// Wrong offsets that read the same value as the right one, and why that does no harm.
const SAME: &[(&str, isize, &str)] = &[("code::CO_MONITORING", -8, "the version of the instrumentation, 0 too; read for copies of bytecode that are shown")];

/// Each field that the self-test reads is put at a neighbour's place, one after the other; and each offset of the layout that anything uses is one of them.
unsafe fn every_wrong_offset_is_noticed() {
    wrong::record();
    // SAFETY: the GIL is held.
    unsafe { environment() }.expect("the interpreter is supported");
    let read = wrong::recorded();
    let mut missed = Vec::new();
    for (name, width) in &read {
        let step = (*width).min(8).cast_signed();
        for distance in [step, -step] {
            wrong::set(&format!("{name}:{distance}")).expect("a field and a distance");
            // SAFETY: as above.
            let noticed = match unsafe { environment() } {
                Err(_) => true,
                // Without it floats are made by CPython's own function.
                Ok(environment) => environment.float_free_list == 0,
            };
            if !noticed && !SAME.iter().any(|row| row.0 == *name && row.1 == distance) {
                missed.push(format!("{name}:{distance}"));
            }
        }
    }
    wrong::set("").expect("nothing is wrong");
    assert!(missed.is_empty(), "wrong offsets that no probe notices: {missed:?}");

    let sources = [
        include_str!("../src/v3_13/structs.rs"),
        include_str!("../src/v3_13/environment.rs"),
        include_str!("../src/v3_13/arrays.rs"),
        include_str!("../src/v3_13/capture/mod.rs"),
        include_str!("../src/v3_13/capture/feedback.rs"),
        include_str!("../src/v3_13/capture/objects.rs"),
        include_str!("../src/v3_13/capture/types.rs"),
        include_str!("../src/v3_13/capture/dependencies.rs"),
        include_str!("../../runtime/src/helpers/ffi.rs"),
        include_str!("../../runtime/src/watchers.rs"),
        include_str!("../../runtime/src/reserve.rs"),
    ];
    let is_told = |name: &str| read.contains_key(name) || UNTOLD.iter().any(|row| row.0 == name);
    let mut unread = Vec::new();
    // `Structure module { field CONSTANT, ... }` in `assert_layout!`.
    let table = sources[0].rsplit("assert_layout! {").next().and_then(|rest| rest.split("\n}\n").next()).unwrap_or("");
    let mut words = table.split_whitespace().peekable();
    let mut module = "";
    while let Some(word) = words.next() {
        if words.peek() == Some(&"{") {
            module = word;
        } else if let Some(constant) = word.strip_suffix(',').filter(|word| word.starts_with(|letter: char| letter.is_ascii_uppercase())) {
            let name = format!("{module}::{constant}");
            if !is_told(&name) && !UNUSED.contains(&name.as_str()) {
                unread.push(name);
            }
        }
    }
    assert!(!module.is_empty(), "the table of fields was not found");
    for source in sources {
        for use_ in source.split("layout::").skip(1) {
            let name: String = use_.chars().take_while(|character| character.is_ascii_alphanumeric() || matches!(character, '_' | ':')).collect();
            let is_field = name.split("::").count() == 2 && name.ends_with(|character: char| character.is_ascii_uppercase());
            let is_listed = is_told(&name) || UNUSED.contains(&name.as_str()) || NO_OFFSETS.iter().any(|part| name.contains(part));
            if is_field && !is_listed {
                unread.push(name);
            }
        }
    }
    assert!(unread.is_empty(), "offsets that are used and that no probe reads: {unread:?}");
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
        every_wrong_offset_is_noticed();
        assert_eq!(ffi::PyRun_SimpleStringFlags(script.as_ptr(), std::ptr::null_mut()), 0, "capture.py failed");
    }
}

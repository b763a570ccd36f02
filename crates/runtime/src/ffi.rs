//! CPython's structures and functions that the runtime stands on: short names for those of the `cpython` crate, and what it does not declare.

use std::ffi::{c_char, c_int, c_long, c_void};

pub use coachwhip_cpython::structs::{
    CodeObject as Code, CodeUnit, FrameObject, FunctionObject as Function, InterpreterFrame as Frame, InterpreterState, MethodObject, StackChunk, ThreadState,
};
pub use coachwhip_cpython::symbols::{
    _Py_Dealloc, _Py_HandlePending, _PyEval_EvalFrameDefault, _PyEval_FrameClearAndPop, _PyEvalFramePushAndInit, _PyFunction_SetVersion,
    _PyThreadState_PopFrame, PyCode_Addr2Line, PyCode_GetCode, PyFunction_SetVectorcall, PyMethod_Type, PyThreadState_GetUnchecked, PyTraceBack_Here,
    PyUnstable_Type_AssignVersionTag,
};
pub use pyo3_ffi::{
    Py_DECREF, Py_INCREF, Py_XDECREF, Py_XINCREF, Py_ssize_t, PyErr_Clear, PyErr_GetRaisedException, PyErr_Occurred, PyErr_SetRaisedException,
    PyFloat_FromDouble, PyLong_FromLong, PyLong_FromLongLong, PyMethodDef, PyObject, PyTypeObject, vectorcallfunc,
};

/// The opcodes of the running version.
pub use coachwhip_abi::bytecode::v3_13::TABLE as OPCODES;

/// `FRAME_OWNED_BY_THREAD`
pub const OWNED_BY_THREAD: u8 = 0;
/// `FRAME_OWNED_BY_CSTACK`
pub const OWNED_BY_CSTACK: u8 = 3;

/// `_PyCodeObjectExtra`
#[repr(C)]
pub struct CodeExtra {
    /// How many.
    pub size: Py_ssize_t,
    /// One for each index that was asked for.
    pub extras: [*mut c_void; 0],
}

/// Questions about code objects.
pub trait CodeQueries {
    /// `co_flags`
    fn flag_bits(&self) -> u32;
    /// The number of parameter slots: positional, keyword-only, `*args`, `**keywords`.
    fn parameter_count(&self) -> usize;
    /// Whether a call binds positional arguments to parameters one by one, and nothing else.
    fn is_simple(&self) -> bool;
    /// Slots before the evaluation stack.
    fn slot_count(&self) -> usize;
}

impl CodeQueries for Code {
    fn flag_bits(&self) -> u32 {
        self.co_flags.cast_unsigned()
    }

    fn parameter_count(&self) -> usize {
        let flags = self.flag_bits();
        (self.co_argcount + self.co_kwonlyargcount) as usize + usize::from(flags & VARARGS != 0) + usize::from(flags & VARKEYWORDS != 0)
    }

    fn is_simple(&self) -> bool {
        self.flag_bits() & (VARARGS | VARKEYWORDS) == 0 && self.co_kwonlyargcount == 0
    }

    fn slot_count(&self) -> usize {
        self.co_nlocalsplus as usize
    }
}

/// CO_OPTIMIZED
pub const OPTIMIZED: u32 = 0x1;
/// CO_VARARGS
pub const VARARGS: u32 = 0x4;
/// CO_VARKEYWORDS
pub const VARKEYWORDS: u32 = 0x8;
/// CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR
pub const GENERATOR: u32 = 0x20 | 0x80 | 0x200;
/// CO_ITERABLE_COROUTINE
pub const ITERABLE_COROUTINE: u32 = 0x100;
/// `PY_VECTORCALL_ARGUMENTS_OFFSET`
pub const ARGUMENTS_OFFSET: usize = 1 << 63;

/// `_PY_EVAL_EVENTS_MASK`: the bits of `eval_breaker` that are pending events.
pub const EVENTS_MASK: usize = (1 << 8) - 1;

/// `PyFunction_WatchEvent`
pub mod function_event {
    /// A function was made.
    pub const CREATE: i32 = 0;
    /// A function dies.
    pub const DESTROY: i32 = 1;
    /// `__code__` changes.
    pub const MODIFY_CODE: i32 = 2;
    /// `__defaults__` changes.
    pub const MODIFY_DEFAULTS: i32 = 3;
    /// `__kwdefaults__` changes.
    pub const MODIFY_KWDEFAULTS: i32 = 4;
}

/// `PyDict_WatchEvent`
pub mod dict_event {
    /// A key is added.
    pub const ADDED: i32 = 0;
    /// A value is replaced.
    pub const MODIFIED: i32 = 1;
    /// A key is deleted.
    pub const DELETED: i32 = 2;
    /// All of another dict is copied into it.
    pub const CLONED: i32 = 3;
    /// All is deleted.
    pub const CLEARED: i32 = 4;
    /// The dict dies.
    pub const DEALLOCATED: i32 = 5;
}

/// `PyGetSetDef`
#[repr(C)]
pub struct GetSetDefinition {
    /// Name.
    pub name: *const c_char,
    /// Getter.
    pub get: Option<unsafe extern "C" fn(*mut PyObject, *mut c_void) -> *mut PyObject>,
    /// Setter.
    pub set: Option<unsafe extern "C" fn(*mut PyObject, *mut PyObject, *mut c_void) -> c_int>,
    /// Doc.
    pub doc: *const c_char,
    /// Closure.
    pub closure: *mut c_void,
}

/// `PyGetSetDescrObject`
#[repr(C)]
pub struct GetSetDescriptor {
    /// `PyObject_HEAD`, `d_type`, `d_name`, `d_qualname`
    pub head: [usize; 5],
    /// The definition.
    pub definition: *mut GetSetDefinition,
}

#[allow(missing_docs)]
unsafe extern "C" {
    pub fn _PyMonitoring_FireRaiseEvent(state: *mut u8, code: *mut PyObject, offset: i32) -> c_int;
    pub fn _PyMonitoring_FireReraiseEvent(state: *mut u8, code: *mut PyObject, offset: i32) -> c_int;
    pub fn _PyMonitoring_FireExceptionHandledEvent(state: *mut u8, code: *mut PyObject, offset: i32) -> c_int;
    pub fn _PyMonitoring_FirePyUnwindEvent(state: *mut u8, code: *mut PyObject, offset: i32) -> c_int;
    pub fn PyThreadState_GetFrame(tstate: *mut ThreadState) -> *mut PyObject;
    pub fn PyThreadState_Next(tstate: *mut ThreadState) -> *mut ThreadState;
    pub fn PyInterpreterState_ThreadHead(interpreter: *mut c_void) -> *mut ThreadState;
    pub fn PyInterpreterState_Main() -> *mut c_void;
    pub fn PyUnstable_Eval_RequestCodeExtraIndex(free: unsafe extern "C" fn(*mut c_void)) -> Py_ssize_t;
    pub fn PyUnstable_Code_SetExtra(code: *mut Code, index: Py_ssize_t, extra: *mut c_void) -> c_int;
    pub fn PyObject_Vectorcall(callable: *mut PyObject, arguments: *const *mut PyObject, count: usize, names: *mut PyObject) -> *mut PyObject;
    pub fn PyCode_NewEmpty(filename: *const c_char, name: *const c_char, line: c_int) -> *mut Code;
    pub fn PyFunction_New(code: *mut Code, globals: *mut PyObject) -> *mut Function;
    pub fn PyFunction_AddWatcher(callback: unsafe extern "C" fn(c_int, *mut Function, *mut PyObject) -> c_int) -> c_int;
    pub fn PyFunction_ClearWatcher(watcher: c_int) -> c_int;
    pub fn PyDict_AddWatcher(callback: unsafe extern "C" fn(c_int, *mut PyObject, *mut PyObject, *mut PyObject) -> c_int) -> c_int;
    pub fn PyDict_ClearWatcher(watcher: c_int) -> c_int;
    pub fn PyDict_Watch(watcher: c_int, dict: *mut PyObject) -> c_int;
    pub fn PyDict_Unwatch(watcher: c_int, dict: *mut PyObject) -> c_int;
    pub fn PyType_AddWatcher(callback: unsafe extern "C" fn(*mut PyTypeObject) -> c_int) -> c_int;
    pub fn PyType_ClearWatcher(watcher: c_int) -> c_int;
    pub fn PyType_Watch(watcher: c_int, class: *mut PyObject) -> c_int;
    pub fn PyType_Unwatch(watcher: c_int, class: *mut PyObject) -> c_int;
    pub fn PyType_Modified(class: *mut PyTypeObject);
    pub fn PyType_GenericAlloc(class: *mut PyTypeObject, count: Py_ssize_t) -> *mut PyObject;
    pub fn PyLong_AsLongLongAndOverflow(object: *mut PyObject, overflow: *mut c_int) -> std::ffi::c_longlong;
    pub fn PyLong_AsLong(object: *mut PyObject) -> c_long;
    pub fn _PyEval_AddPendingCall(interpreter: *mut c_void, function: unsafe extern "C" fn(*mut c_void) -> c_int, argument: *mut c_void, flags: c_int)
    -> c_int;
    pub fn Py_FatalError(message: *const c_char) -> !;
}

/// The thread state of the calling thread, which holds the GIL.
#[must_use]
#[inline]
pub fn thread_state() -> *mut ThreadState {
    // SAFETY: no precondition; NULL if the thread does not hold the GIL.
    unsafe { PyThreadState_GetUnchecked() }
}

/// A new reference.
///
/// # Safety
/// `object` is a live object; the GIL is held.
#[inline]
pub unsafe fn new_reference<T>(object: *mut T) -> *mut T {
    // SAFETY: the caller's promise.
    unsafe { Py_INCREF(object.cast()) };
    object
}

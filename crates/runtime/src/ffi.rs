//! CPython's structures and functions that the runtime stands on, as far as neither `pyo3-ffi` nor the `cpython` crate declares them.
//! Layouts are those of 3.13 (Include/internal/pycore_frame.h, Include/cpython/{pystate,code,funcobject}.h); assertions below hold the offsets.

use std::ffi::{c_char, c_int, c_long, c_void};
use std::mem::offset_of;

pub use pyo3_ffi::{
    Py_DECREF, Py_INCREF, Py_XDECREF, Py_XINCREF, Py_ssize_t, PyErr_Clear, PyErr_GetRaisedException, PyErr_Occurred, PyErr_SetRaisedException, PyFloat_FromDouble,
    PyLong_FromLong, PyLong_FromLongLong, PyMethodDef, PyObject, PyTupleObject, PyTypeObject,
};

/// `_Py_CODEUNIT`
pub type CodeUnit = u16;
/// `vectorcallfunc`
pub type VectorcallFunction = unsafe extern "C" fn(*mut PyObject, *const *mut PyObject, usize, *mut PyObject) -> *mut PyObject;

/// `_PyInterpreterFrame`
#[repr(C)]
pub struct Frame {
    /// A code object (None in the interpreter's own entry frames).
    pub executable: *mut Code,
    /// The caller's frame.
    pub previous: *mut Frame,
    /// The function object.
    pub function: *mut Function,
    /// Borrowed from the function.
    pub globals: *mut PyObject,
    /// Borrowed from the function.
    pub builtins: *mut PyObject,
    /// The namespace of modules and class bodies; of a compiled frame its activation record.
    pub locals: *mut PyObject,
    /// The frame object, if somebody asked for it.
    pub frame_object: *mut PyObject,
    /// The instruction that runs, or is next.
    pub instr_ptr: *mut CodeUnit,
    /// Number of slots in use.
    pub stacktop: i32,
    /// See CPython.
    pub return_offset: u16,
    /// `enum _frameowner`
    pub owner: u8,
    /// Padding in CPython; the state of a compiled frame (`abi::environment::frame_state`).
    pub state: u8,
    /// Locals, cells, free variables, the evaluation stack.
    pub localsplus: [*mut PyObject; 0],
}

/// `FRAME_OWNED_BY_THREAD`
pub const OWNED_BY_THREAD: u8 = 0;
/// `FRAME_OWNED_BY_CSTACK`
pub const OWNED_BY_CSTACK: u8 = 3;

impl Frame {
    /// The address of a slot of `localsplus`.
    ///
    /// # Safety
    /// `frame` points to a frame that has such a slot.
    #[inline]
    pub unsafe fn slot(frame: *mut Frame, index: usize) -> *mut *mut PyObject {
        // SAFETY: the caller's promise.
        unsafe { (&raw mut (*frame).localsplus).cast::<*mut PyObject>().add(index) }
    }
}

/// `_PyStackChunk`
#[repr(C)]
pub struct StackChunk {
    /// The chunk before.
    pub previous: *mut StackChunk,
    /// Size in bytes.
    pub size: usize,
    /// Words in use, when it is not the newest.
    pub top: usize,
    /// The words.
    pub data: [*mut PyObject; 0],
}

/// `PyThreadState`, up to what is used.
#[repr(C)]
pub struct ThreadState {
    before: [usize; 2],
    /// The interpreter.
    pub interpreter: *mut c_void,
    /// Pending events (bits 0-7) and the version of instrumentation.
    pub eval_breaker: usize,
    status: [u8; 12],
    /// How many Python frames may still be entered.
    pub py_recursion_remaining: i32,
    /// The limit.
    pub py_recursion_limit: i32,
    /// How much C stack is left, in CPython's units.
    pub c_recursion_remaining: i32,
    /// Not 0 while a RecursionError is being made.
    pub recursion_headroom: i32,
    /// Not 0 inside tracing and monitoring callbacks.
    pub tracing: i32,
    /// The event that is being delivered.
    pub what_event: i32,
    /// The newest frame.
    pub current_frame: *mut Frame,
    trace: [usize; 4],
    /// The exception that is set.
    pub current_exception: *mut PyObject,
    /// The handled exceptions.
    pub exc_info: *mut c_void,
    other: [usize; 13],
    /// The newest chunk of the data stack.
    pub datastack_chunk: *mut StackChunk,
    /// Its first free word.
    pub datastack_top: *mut *mut PyObject,
    /// Its end.
    pub datastack_limit: *mut *mut PyObject,
}

/// `PyFunctionObject`
#[repr(C)]
pub struct Function {
    /// `PyObject_HEAD`
    pub head: [usize; 2],
    /// `__globals__`
    pub globals: *mut PyObject,
    /// `__builtins__`
    pub builtins: *mut PyObject,
    /// `__name__`
    pub name: *mut PyObject,
    /// `__qualname__`
    pub qualname: *mut PyObject,
    /// `__code__`
    pub code: *mut Code,
    /// `__defaults__`
    pub defaults: *mut PyObject,
    /// `__kwdefaults__`
    pub kwdefaults: *mut PyObject,
    /// `__closure__`
    pub closure: *mut PyObject,
    other: [usize; 6],
    /// What a call runs.
    pub vectorcall: Option<VectorcallFunction>,
    /// What the interpreter's inline caches compare.
    pub version: u32,
}

/// `PyCodeObject`
#[repr(C)]
pub struct Code {
    /// `PyObject_VAR_HEAD`; the size is in code units.
    pub head: [usize; 2],
    /// Number of code units.
    pub size: Py_ssize_t,
    /// `co_consts`
    pub consts: *mut PyObject,
    /// `co_names`
    pub names: *mut PyObject,
    /// `co_exceptiontable`
    pub exceptiontable: *mut PyObject,
    /// `co_flags`
    pub flags: u32,
    /// `co_argcount`
    pub argcount: i32,
    /// `co_posonlyargcount`
    pub posonlyargcount: i32,
    /// `co_kwonlyargcount`
    pub kwonlyargcount: i32,
    /// `co_stacksize`
    pub stacksize: i32,
    /// `co_firstlineno`
    pub firstlineno: i32,
    /// `co_nlocalsplus`
    pub nlocalsplus: i32,
    /// `co_framesize`
    pub framesize: i32,
    /// `co_nlocals`
    pub nlocals: i32,
    /// `co_ncellvars`
    pub ncellvars: i32,
    /// `co_nfreevars`
    pub nfreevars: i32,
    /// `co_version`
    pub version: u32,
    /// `co_localsplusnames`
    pub localsplusnames: *mut PyObject,
    /// `co_localspluskinds`
    pub localspluskinds: *mut PyObject,
    /// `co_filename`
    pub filename: *mut PyObject,
    /// `co_name`
    pub name: *mut PyObject,
    /// `co_qualname`
    pub qualname: *mut PyObject,
    other: [usize; 4],
    /// `_co_instrumentation_version`
    pub instrumentation_version: usize,
    /// `_co_monitoring`
    pub monitoring: *mut c_void,
    /// `_co_firsttraceable`
    pub firsttraceable: i32,
    /// `co_extra`
    pub extra: *mut CodeExtra,
    /// `co_code_adaptive`
    pub units: [CodeUnit; 0],
}

/// `_PyCodeObjectExtra`
#[repr(C)]
pub struct CodeExtra {
    /// How many.
    pub size: Py_ssize_t,
    /// One for each index that was asked for.
    pub extras: [*mut c_void; 0],
}

const _: () = {
    assert!(offset_of!(Frame, stacktop) == 64 && offset_of!(Frame, state) == 71 && offset_of!(Frame, localsplus) == 72);
    assert!(offset_of!(ThreadState, eval_breaker) == 24 && offset_of!(ThreadState, py_recursion_remaining) == 44);
    assert!(offset_of!(ThreadState, tracing) == 60 && offset_of!(ThreadState, current_frame) == 72);
    assert!(offset_of!(ThreadState, current_exception) == 112 && offset_of!(ThreadState, datastack_chunk) == 232);
    assert!(offset_of!(Function, code) == 48 && offset_of!(Function, vectorcall) == 128 && offset_of!(Function, version) == 136);
    assert!(offset_of!(Code, flags) == 48 && offset_of!(Code, nlocalsplus) == 72 && offset_of!(Code, version) == 92);
    assert!(offset_of!(Code, filename) == 112 && offset_of!(Code, instrumentation_version) == 168 && offset_of!(Code, extra) == 192);
    assert!(offset_of!(Code, units) == 200);
};

impl Code {
    /// The address of a code unit.
    ///
    /// # Safety
    /// `code` is a code object with at least `offset` units.
    #[inline]
    pub unsafe fn unit(code: *mut Code, offset: usize) -> *mut CodeUnit {
        // SAFETY: the caller's promise.
        unsafe { (&raw mut (*code).units).cast::<CodeUnit>().add(offset) }
    }

    /// The number of parameter slots: positional, keyword-only, `*args`, `**keywords`.
    #[must_use]
    pub fn parameter_count(&self) -> usize {
        (self.argcount + self.kwonlyargcount) as usize + usize::from(self.flags & VARARGS != 0) + usize::from(self.flags & VARKEYWORDS != 0)
    }

    /// Whether a call binds positional arguments to parameters one by one, and nothing else.
    #[must_use]
    pub fn is_simple(&self) -> bool {
        self.flags & (VARARGS | VARKEYWORDS) == 0 && self.kwonlyargcount == 0
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

/// `PyFrameObject`, its head.
#[repr(C)]
pub struct FrameObject {
    /// `PyObject_HEAD`
    pub head: [usize; 2],
    /// `f_back`
    pub back: *mut PyObject,
    /// The frame it stands for.
    pub frame: *mut Frame,
}

#[allow(missing_docs)]
unsafe extern "C" {
    pub fn _PyEval_EvalFrameDefault(tstate: *mut ThreadState, frame: *mut Frame, throwflag: c_int) -> *mut PyObject;
    pub fn _PyEvalFramePushAndInit(
        tstate: *mut ThreadState,
        function: *mut Function,
        locals: *mut PyObject,
        arguments: *const *mut PyObject,
        count: usize,
        names: *mut PyObject,
    ) -> *mut Frame;
    pub fn _PyEval_FrameClearAndPop(tstate: *mut ThreadState, frame: *mut Frame);
    pub fn _PyThreadState_PopFrame(tstate: *mut ThreadState, frame: *mut Frame);
    pub fn _PyFunction_SetVersion(function: *mut Function, version: u32);
    pub fn PyFunction_SetVectorcall(function: *mut Function, vectorcall: VectorcallFunction);
    pub fn _Py_HandlePending(tstate: *mut ThreadState) -> c_int;
    pub fn _Py_Dealloc(object: *mut PyObject);
    pub fn PyTraceBack_Here(frame: *mut PyObject) -> c_int;
    pub fn PyThreadState_GetFrame(tstate: *mut ThreadState) -> *mut PyObject;
    pub fn PyThreadState_GetUnchecked() -> *mut ThreadState;
    pub fn PyThreadState_Next(tstate: *mut ThreadState) -> *mut ThreadState;
    pub fn PyInterpreterState_ThreadHead(interpreter: *mut c_void) -> *mut ThreadState;
    pub fn PyInterpreterState_Main() -> *mut c_void;
    pub fn PyUnstable_Eval_RequestCodeExtraIndex(free: unsafe extern "C" fn(*mut c_void)) -> Py_ssize_t;
    pub fn PyUnstable_Code_SetExtra(code: *mut Code, index: Py_ssize_t, extra: *mut c_void) -> c_int;
    pub fn PyObject_Vectorcall(callable: *mut PyObject, arguments: *const *mut PyObject, count: usize, names: *mut PyObject) -> *mut PyObject;
    pub fn PyCode_NewEmpty(filename: *const c_char, name: *const c_char, line: c_int) -> *mut Code;
    pub fn PyCode_Addr2Line(code: *mut Code, offset: c_int) -> c_int;
    pub fn PyCode_GetCode(code: *mut Code) -> *mut PyObject;
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
    pub fn PyUnstable_Type_AssignVersionTag(class: *mut PyTypeObject) -> c_int;
    pub fn PyLong_AsLongLongAndOverflow(object: *mut PyObject, overflow: *mut c_int) -> std::ffi::c_longlong;
    pub fn PyLong_AsLong(object: *mut PyObject) -> c_long;
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

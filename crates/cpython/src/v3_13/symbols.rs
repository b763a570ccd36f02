//! Internal functions and data that CPython 3.13 exports (present in 3.13.0 and in 3.13.18, by `nm -D`), with the types of `structs.rs`, and a table of
//! optional ones that are looked up by name. Signatures are those of Include/internal.

use super::structs::{BinaryIntrinsic, CodeObject, CodeUnit, FunctionObject, InterpreterFrame, ThreadState, UnaryIntrinsic};
use pyo3_ffi::{Py_hash_t, Py_ssize_t, PyObject, PyTypeObject, binaryfunc};
use std::ffi::{CStr, c_char, c_int, c_long, c_void};

/// `_PyFrameEvalFunction`
pub type FrameEvalFunction = unsafe extern "C" fn(*mut ThreadState, *mut InterpreterFrame, c_int) -> *mut PyObject;

unsafe extern "C" {
    // ---- Threads and frames (pycore_ceval.h, pycore_frame.h, pycore_pystate.h) ----

    /// Runs a frame and everything it calls; owns the frame.
    pub fn _PyEval_EvalFrameDefault(tstate: *mut ThreadState, frame: *mut InterpreterFrame, throwflag: c_int) -> *mut PyObject;
    /// Pushes a frame with its arguments bound; consumes `func`, `locals` and the arguments, also on failure.
    pub fn _PyEvalFramePushAndInit(
        tstate: *mut ThreadState,
        func: *mut FunctionObject,
        locals: *mut PyObject,
        args: *const *mut PyObject,
        argcount: usize,
        kwnames: *mut PyObject,
    ) -> *mut InterpreterFrame;
    /// Clears a frame that was unlinked and takes it off the data stack.
    pub fn _PyEval_FrameClearAndPop(tstate: *mut ThreadState, frame: *mut InterpreterFrame);
    /// Takes a frame off the data stack.
    pub fn _PyThreadState_PopFrame(tstate: *mut ThreadState, frame: *mut InterpreterFrame);
    /// The thread's state; the GIL is held.
    pub fn _PyThreadState_GetCurrent() -> *mut ThreadState;
    /// The same, NULL without the GIL.
    pub fn PyThreadState_GetUnchecked() -> *mut ThreadState;
    /// Does what the low bits of `eval_breaker` ask for; -1 with an exception set.
    pub fn _Py_HandlePending(tstate: *mut ThreadState) -> c_int;
    /// The slow part of `Py_EnterRecursiveCall`.
    pub fn _Py_CheckRecursiveCall(tstate: *mut ThreadState, location: *const c_char) -> c_int;
    /// Sends the RAISE event.
    pub fn _PyEval_MonitorRaise(tstate: *mut ThreadState, frame: *mut InterpreterFrame, instr: *mut CodeUnit);
    /// PEP 523
    pub fn _PyInterpreterState_GetEvalFrameFunc(interp: *mut c_void) -> FrameEvalFunction;
    /// Adds a traceback entry for a frame object to the exception that is set.
    pub fn PyTraceBack_Here(frame: *mut PyObject) -> c_int;
    /// The magic number of compiled modules, as an unsigned number of four bytes.
    pub fn PyImport_GetMagicNumber() -> c_long;
    /// The line of an offset in bytes.
    pub fn PyCode_Addr2Line(code: *mut CodeObject, offset: c_int) -> c_int;
    /// New reference: bytes, the code units without specialisation and instrumentation.
    pub fn PyCode_GetCode(code: *mut CodeObject) -> *mut PyObject;

    // ---- Functions ----

    /// Sets `func_version`; the interpreter's calls specialise on it unless it is 0.
    pub fn _PyFunction_SetVersion(func: *mut FunctionObject, version: u32);
    /// Sets `vectorcall` and makes the version 0.
    pub fn PyFunction_SetVectorcall(func: *mut FunctionObject, vectorcall: pyo3_ffi::vectorcallfunc);
    /// `(name)` of a callable, for messages: new reference.
    pub fn _PyObject_FunctionStr(callable: *mut PyObject) -> *mut PyObject;
    /// Calls through `tp_call`.
    pub fn _PyObject_MakeTpCall(
        tstate: *mut ThreadState,
        callable: *mut PyObject,
        args: *const *mut PyObject,
        nargs: Py_ssize_t,
        keywords: *mut PyObject,
    ) -> *mut PyObject;
    /// SystemError if result and exception do not agree.
    pub fn _Py_CheckFunctionResult(tstate: *mut ThreadState, callable: *mut PyObject, result: *mut PyObject, location: *const c_char) -> *mut PyObject;
    /// A dict of keyword arguments.
    pub fn _PyStack_AsDict(values: *const *mut PyObject, kwnames: *mut PyObject) -> *mut PyObject;

    // ---- Operators and data of the interpreter loop ----

    /// `PyNumber_Add` and so on, by the argument of BINARY_OP.
    pub static _PyEval_BinaryOps: [binaryfunc; 26];
    /// `PyObject_Str`, `PyObject_Repr`, `PyObject_ASCII` at 1, 2, 3.
    pub static _PyEval_ConversionFuncs: [Option<unsafe extern "C" fn(*mut PyObject) -> *mut PyObject>; 4];
    /// By the argument of CALL_INTRINSIC_1.
    pub static _PyIntrinsics_UnaryFunctions: [UnaryIntrinsic; 12];
    /// By the argument of CALL_INTRINSIC_2.
    pub static _PyIntrinsics_BinaryFunctions: [BinaryIntrinsic; 6];
    /// The process's runtime; starts with `_Py_DebugOffsets`.
    pub static _PyRuntime: [u8; 1024];

    // ---- Errors of the interpreter loop ----

    /// TypeError unless `right` may stand in `except`.
    pub fn _PyEval_CheckExceptTypeValid(tstate: *mut ThreadState, right: *mut PyObject) -> c_int;
    /// The same for `except*`.
    pub fn _PyEval_CheckExceptStarTypeValid(tstate: *mut ThreadState, right: *mut PyObject) -> c_int;
    /// Splits an exception for `except*`.
    pub fn _PyEval_ExceptionGroupMatch(exc_value: *mut PyObject, match_type: *mut PyObject, matched: *mut *mut PyObject, rest: *mut *mut PyObject) -> c_int;
    /// Sets a NameError-like exception about `obj`.
    pub fn _PyEval_FormatExcCheckArg(tstate: *mut ThreadState, exc: *mut PyObject, format: *const c_char, obj: *mut PyObject);
    /// Sets UnboundLocalError or NameError for a cell or free variable.
    pub fn _PyEval_FormatExcUnbound(tstate: *mut ThreadState, co: *mut CodeObject, oparg: c_int);
    /// Sets the TypeError about `**` arguments.
    pub fn _PyEval_FormatKwargsError(tstate: *mut ThreadState, func: *mut PyObject, kwargs: *mut PyObject);
    /// Sets the TypeError about `await`.
    pub fn _PyEval_FormatAwaitableError(tstate: *mut ThreadState, class: *mut PyTypeObject, oparg: c_int);
    /// MATCH_CLASS: a tuple of attributes, or NULL with or without an exception.
    pub fn _PyEval_MatchClass(
        tstate: *mut ThreadState,
        subject: *mut PyObject,
        class: *mut PyObject,
        nargs: Py_ssize_t,
        kwargs: *mut PyObject,
    ) -> *mut PyObject;
    /// MATCH_KEYS: a tuple of values, None, or NULL with an exception.
    pub fn _PyEval_MatchKeys(tstate: *mut ThreadState, map: *mut PyObject, keys: *mut PyObject) -> *mut PyObject;
    /// Unpacks an iterable to `sp[-1]`, `sp[-2]`, ...: 1 if it went well.
    pub fn _PyEval_UnpackIterable(tstate: *mut ThreadState, v: *mut PyObject, argcnt: c_int, argcntafter: c_int, sp: *mut *mut PyObject) -> c_int;
    /// Slice indices: 1 if it went well.
    pub fn _PyEval_SliceIndex(v: *mut PyObject, index: *mut Py_ssize_t) -> c_int;
    /// A name of the builtins: new reference.
    pub fn _PyEval_GetBuiltin(name: *mut PyObject) -> *mut PyObject;
    /// Sets KeyError(key).
    pub fn _PyErr_SetKeyError(key: *mut PyObject);
    /// Chains an exception that was fetched before to the one set now; steals it.
    pub fn _PyErr_ChainExceptions1(exc: *mut PyObject);

    // ---- Objects ----

    /// `tp_dealloc`
    pub fn _Py_Dealloc(object: *mut PyObject);
    /// Frees an exact float.
    pub fn _PyFloat_ExactDealloc(object: *mut PyObject);
    /// Frees an exact str.
    pub fn _PyUnicode_ExactDealloc(object: *mut PyObject);
    /// An int of so many digits.
    pub fn _PyLong_New(digits: Py_ssize_t) -> *mut PyObject;
    /// An int of 30-bit digits.
    pub fn _PyLong_FromDigits(negative: c_int, digit_count: Py_ssize_t, digits: *mut u32) -> *mut PyObject;
    /// `left + right` of exact ints.
    pub fn _PyLong_Add(left: *mut PyObject, right: *mut PyObject) -> *mut PyObject;
    /// `left - right` of exact ints.
    pub fn _PyLong_Subtract(left: *mut PyObject, right: *mut PyObject) -> *mut PyObject;
    /// `left * right` of exact ints.
    pub fn _PyLong_Multiply(left: *mut PyObject, right: *mut PyObject) -> *mut PyObject;
    /// Appends where the list is full; steals the item.
    pub fn _PyList_AppendTakeRefListResize(list: *mut PyObject, item: *mut PyObject) -> c_int;
    /// `list.extend`: None or NULL.
    pub fn _PyList_Extend(list: *mut PyObject, iterable: *mut PyObject) -> *mut PyObject;
    /// A list that takes over references.
    pub fn _PyList_FromArraySteal(items: *const *mut PyObject, count: Py_ssize_t) -> *mut PyObject;
    /// A tuple that takes over references.
    pub fn _PyTuple_FromArraySteal(items: *const *mut PyObject, count: Py_ssize_t) -> *mut PyObject;
    /// `dict[key] = value`; steals both.
    pub fn _PyDict_SetItem_Take2(dict: *mut PyObject, key: *mut PyObject, value: *mut PyObject) -> c_int;
    /// A dict of keys and values that stand in arrays with strides.
    pub fn _PyDict_FromItems(
        keys: *const *mut PyObject,
        keys_offset: Py_ssize_t,
        values: *const *mut PyObject,
        values_offset: Py_ssize_t,
        length: Py_ssize_t,
    ) -> *mut PyObject;
    /// Borrowed; NULL with or without an exception.
    pub fn _PyDict_GetItem_KnownHash(dict: *mut PyObject, key: *mut PyObject, hash: Py_hash_t) -> *mut PyObject;
    /// A global or built-in: new reference; NULL with or without an exception.
    pub fn _PyDict_LoadGlobal(globals: *mut PyObject, builtins: *mut PyObject, key: *mut PyObject) -> *mut PyObject;
    /// `override` 2: KeyError for keys that are there already.
    pub fn _PyDict_MergeEx(dict: *mut PyObject, other: *mut PyObject, override_: c_int) -> c_int;
    /// `set.update`
    pub fn _PySet_Update(set: *mut PyObject, iterable: *mut PyObject) -> c_int;
    /// 1: `*method` is an unbound method; 0: an attribute.
    pub fn _PyObject_GetMethod(object: *mut PyObject, name: *mut PyObject, method: *mut *mut PyObject) -> c_int;
    /// A special method, bound: new reference; NULL with or without an exception.
    pub fn _PyObject_LookupSpecial(object: *mut PyObject, name: *mut PyObject) -> *mut PyObject;
    /// Along the MRO: borrowed; never sets an exception.
    pub fn _PyType_Lookup(class: *mut PyTypeObject, name: *mut PyObject) -> *mut PyObject;
    /// Along the MRO: new reference.
    pub fn _PyType_LookupRef(class: *mut PyTypeObject, name: *mut PyObject) -> *mut PyObject;
    /// `super(class, object).name`
    pub fn _PySuper_Lookup(class: *mut PyTypeObject, object: *mut PyObject, name: *mut PyObject, meth_found: *mut c_int) -> *mut PyObject;
    /// Gives a class a version tag: 1 if it has one now.
    pub fn PyUnstable_Type_AssignVersionTag(class: *mut PyTypeObject) -> c_int;
    /// `separator.join(items)`
    pub fn _PyUnicode_JoinArray(separator: *mut PyObject, items: *const *mut PyObject, count: Py_ssize_t) -> *mut PyObject;
    /// Whether two strs are equal.
    pub fn _PyUnicode_Equal(left: *mut PyObject, right: *mut PyObject) -> c_int;

    // ---- Generators ----

    /// A generator or coroutine over the running frame's function.
    pub fn _Py_MakeCoro(func: *mut FunctionObject) -> *mut PyObject;
    /// Sets StopIteration(value).
    pub fn _PyGen_SetStopIterationValue(value: *mut PyObject) -> c_int;
    /// Fetches the value of a StopIteration that is set.
    pub fn _PyGen_FetchStopIterationValue(value: *mut *mut PyObject) -> c_int;
    /// The iterator of an awaitable.
    pub fn _PyCoro_GetAwaitableIter(object: *mut PyObject) -> *mut PyObject;

    // ---- Classes of built-in objects ----

    /// `NoneType`
    pub static mut _PyNone_Type: PyTypeObject;
    /// `method`
    pub static mut PyMethod_Type: PyTypeObject;
}

/// The address of an exported symbol that some micro releases do not have.
#[must_use]
pub fn optional(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: dlsym looks the name up in the process; it keeps neither pointer.
    let address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!address.is_null()).then_some(address)
}

//! CPython 3.13's internal structures, as far as Coachwhip reads and writes them, in `#[repr(C)]`. The assertions at the end compare every field with
//! `layout.rs`, which CPython's own headers gave. Structures that are only reached through pointers may be longer in C.

use super::layout;
use super::symbols::FrameEvalFunction;
use pyo3_ffi::{PyObject, PyTypeObject, PyVarObject, vectorcallfunc};
use std::ffi::{c_char, c_int, c_void};
use std::mem::offset_of;
use std::sync::atomic::{AtomicUsize, Ordering};

/// `PyThreadState` up to what is used (Include/cpython/pystate.h).
#[repr(C)]
pub struct ThreadState {
    /// The one before in the interpreter's list.
    pub prev: *mut ThreadState,
    /// The one after.
    pub next: *mut ThreadState,
    /// Its interpreter.
    pub interp: *mut InterpreterState,
    /// Bits of pending events, and from bit 8 the instrumentation version. Other threads write it: see [`ThreadState::eval_breaker`].
    pub eval_breaker: AtomicUsize,
    /// Bit field.
    pub status: u32,
    /// Where it was created.
    pub whence: c_int,
    /// Attached, detached or suspended.
    pub state: c_int,
    /// How many more Python frames may be pushed.
    pub py_recursion_remaining: c_int,
    /// `sys.getrecursionlimit()`
    pub py_recursion_limit: c_int,
    /// How many more C calls may nest.
    pub c_recursion_remaining: c_int,
    /// Not 0 while a RecursionError is being made.
    pub recursion_headroom: c_int,
    /// Depth of tracing callbacks that run.
    pub tracing: c_int,
    /// The monitoring event whose callback runs, -1 if none.
    pub what_event: c_int,
    /// The running frame.
    pub current_frame: *mut InterpreterFrame,
    /// `sys.setprofile`
    pub c_profilefunc: *mut c_void,
    /// `sys.settrace`
    pub c_tracefunc: *mut c_void,
    /// Argument of the profile function.
    pub c_profileobj: *mut PyObject,
    /// Argument of the trace function.
    pub c_traceobj: *mut PyObject,
    /// The exception being raised.
    pub current_exception: *mut PyObject,
    /// The handled exceptions, innermost first; never NULL.
    pub exc_info: *mut ErrStackItem,
    /// Per-thread state.
    pub dict: *mut PyObject,
    /// Nesting of `PyGILState_Ensure`.
    pub gilstate_counter: c_int,
    /// Asynchronous exception to raise.
    pub async_exc: *mut PyObject,
    /// Thread identifier.
    pub thread_id: usize,
    /// The kernel's thread identifier.
    pub native_thread_id: usize,
    /// Objects of the trashcan.
    pub delete_later: *mut PyObject,
    /// Unused with the GIL.
    pub critical_section: usize,
    /// `sys.set_coroutine_origin_tracking_depth`
    pub coroutine_origin_tracking_depth: c_int,
    /// `sys.set_asyncgen_hooks`
    pub async_gen_firstiter: *mut PyObject,
    /// `sys.set_asyncgen_hooks`
    pub async_gen_finalizer: *mut PyObject,
    /// contextvars
    pub context: *mut PyObject,
    /// contextvars
    pub context_ver: u64,
    /// Unique number.
    pub id: u64,
    /// The chunk of the data stack in use.
    pub datastack_chunk: *mut StackChunk,
    /// Where the next frame goes.
    pub datastack_top: *mut *mut PyObject,
    /// The end of the chunk.
    pub datastack_limit: *mut *mut PyObject,
    /// `exc_state`
    pub exc_state: ErrStackItem,
    /// Of CPython's own JIT.
    pub previous_executor: *mut PyObject,
    /// Used by builds without the GIL alone: ours, for the limit of the thread's machine stack ([`layout::thread_state::DICT_GLOBAL_VERSION`]).
    pub stack_limit: usize,
}

impl ThreadState {
    /// `eval_breaker`, which other threads write at any time.
    #[must_use]
    pub fn eval_breaker(&self) -> usize {
        self.eval_breaker.load(Ordering::Relaxed)
    }
}

/// `PyInterpreterState`: only its head; fields further on are at offsets of `layout::interpreter`, verified at start-up.
#[repr(C)]
pub struct InterpreterState {
    /// `ceval.instrumentation_version`, in the form it has in `eval_breaker`.
    pub instrumentation_version: AtomicUsize,
}

impl InterpreterState {
    /// The function of another extension that evaluates frames (PEP 523); `None`: the interpreter's own loop.
    ///
    /// # Safety
    /// `interpreter` is a live interpreter's state; the GIL is held.
    #[must_use]
    pub unsafe fn evaluator(interpreter: *const InterpreterState) -> Option<FrameEvalFunction> {
        // SAFETY: the caller's promise; the field is a function or NULL (`_PyInterpreterState_SetEvalFrameFunc`, Python/pystate.c, puts NULL for its own loop).
        unsafe { *interpreter.cast::<u8>().add(layout::interpreter::EVAL_FRAME).cast::<Option<FrameEvalFunction>>() }
    }
}

/// `PyMethodObject` (Include/cpython/classobject.h)
#[repr(C)]
pub struct MethodObject {
    /// Its head.
    pub ob_base: PyObject,
    /// What is called.
    pub im_func: *mut PyObject,
    /// The first argument.
    pub im_self: *mut PyObject,
}

/// `_PyStackChunk`
#[repr(C)]
pub struct StackChunk {
    /// The chunk before.
    pub previous: *mut StackChunk,
    /// Its size in bytes.
    pub size: usize,
    /// Where its data ended when the next chunk was made, in words.
    pub top: usize,
    /// Its data.
    pub data: [*mut PyObject; 1],
}

/// `_PyErr_StackItem`
#[repr(C)]
pub struct ErrStackItem {
    /// The handled exception, NULL or None if there is none.
    pub exc_value: *mut PyObject,
    /// The one around it.
    pub previous_item: *mut ErrStackItem,
}

/// `_Py_CODEUNIT`
pub type CodeUnit = u16;

/// `_PyInterpreterFrame` (Include/internal/pycore_frame.h)
#[repr(C)]
pub struct InterpreterFrame {
    /// The code object, or None on the C stack.
    pub f_executable: *mut PyObject,
    /// The frame that called it.
    pub previous: *mut InterpreterFrame,
    /// The function object.
    pub f_funcobj: *mut PyObject,
    /// Borrowed.
    pub f_globals: *mut PyObject,
    /// Borrowed.
    pub f_builtins: *mut PyObject,
    /// The namespace of class bodies and modules; of a compiled frame the activation record or NULL (`docs/design/frames.md`).
    pub f_locals: *mut PyObject,
    /// The frame object, if somebody asked for it.
    pub frame_obj: *mut FrameObject,
    /// The instruction that runs or is about to.
    pub instr_ptr: *mut CodeUnit,
    /// First free slot, counted from `localsplus`; -1 while the interpreter runs the frame.
    pub stacktop: c_int,
    /// Only for callers of inlined calls.
    pub return_offset: u16,
    /// `layout::frame::OWNED_BY_*`
    pub owner: u8,
    /// Padding in C; the state byte of compiled frames (`abi::environment::frame_state`). The interpreter writes it never: new frames have garbage here.
    pub state: u8,
    /// Locals, cells, free variables, then the evaluation stack.
    pub localsplus: [*mut PyObject; 0],
}

impl InterpreterFrame {
    /// The address of a slot.
    ///
    /// # Safety
    /// `frame` must be a live frame with more than `index` slots.
    #[must_use]
    pub unsafe fn slot(frame: *mut InterpreterFrame, index: usize) -> *mut *mut PyObject {
        // SAFETY: the caller's promise; the slots follow the fixed part.
        unsafe { frame.cast::<u8>().add(layout::frame::LOCALSPLUS).cast::<*mut PyObject>().add(index) }
    }

    /// The code object (`_PyFrame_GetCode`); the frame must not be one of the C stack.
    ///
    /// # Safety
    /// `frame` must be a live frame.
    #[must_use]
    pub unsafe fn code(frame: *const InterpreterFrame) -> *mut CodeObject {
        // SAFETY: the caller's promise.
        unsafe { (*frame).f_executable.cast() }
    }

    /// The index of `instr_ptr` in code units (`_PyInterpreterFrame_LASTI`).
    ///
    /// # Safety
    /// As for [`InterpreterFrame::code`].
    #[must_use]
    pub unsafe fn instruction_offset(frame: *const InterpreterFrame) -> isize {
        // SAFETY: the caller's promise; `instr_ptr` points into the code's units.
        unsafe { (*frame).instr_ptr.offset_from(CodeObject::units(Self::code(frame))) }
    }
}

/// `PyFrameObject` (Include/internal/pycore_frame.h)
#[repr(C)]
pub struct FrameObject {
    /// Header.
    pub ob_base: PyObject,
    /// Only set once the frame has ended.
    pub f_back: *mut FrameObject,
    /// The frame, or `f_frame_data`.
    pub f_frame: *mut InterpreterFrame,
    /// Trace function.
    pub f_trace: *mut PyObject,
    /// Only valid if not 0.
    pub f_lineno: c_int,
    /// Whether to trace lines.
    pub f_trace_lines: c_char,
    /// Whether to trace opcodes.
    pub f_trace_opcodes: c_char,
    /// Names that `f_locals` got and the function does not have.
    pub f_extra_locals: *mut PyObject,
    /// What `PyEval_GetLocals` handed out.
    pub f_locals_cache: *mut PyObject,
}

/// `PyFunctionObject` (Include/cpython/funcobject.h)
#[repr(C)]
pub struct FunctionObject {
    /// Header.
    pub ob_base: PyObject,
    /// `__globals__`
    pub func_globals: *mut PyObject,
    /// `__builtins__`
    pub func_builtins: *mut PyObject,
    /// `__name__`
    pub func_name: *mut PyObject,
    /// `__qualname__`
    pub func_qualname: *mut PyObject,
    /// `__code__`
    pub func_code: *mut CodeObject,
    /// `__defaults__`: NULL or a tuple.
    pub func_defaults: *mut PyObject,
    /// `__kwdefaults__`: NULL or a dict.
    pub func_kwdefaults: *mut PyObject,
    /// `__closure__`: NULL or a tuple of cells.
    pub func_closure: *mut PyObject,
    /// `__doc__`
    pub func_doc: *mut PyObject,
    /// `__dict__`
    pub func_dict: *mut PyObject,
    /// Weak references.
    pub func_weakreflist: *mut PyObject,
    /// `__module__`
    pub func_module: *mut PyObject,
    /// `__annotations__`
    pub func_annotations: *mut PyObject,
    /// `__type_params__`
    pub func_typeparams: *mut PyObject,
    /// How it is called.
    pub vectorcall: Option<vectorcallfunc>,
    /// 0: never specialise calls of it.
    pub func_version: u32,
}

/// `PyCodeObject` (Include/cpython/code.h)
#[repr(C)]
pub struct CodeObject {
    /// Header; `ob_size` is the number of code units.
    pub ob_base: PyVarObject,
    /// Tuple of constants.
    pub co_consts: *mut PyObject,
    /// Tuple of names.
    pub co_names: *mut PyObject,
    /// bytes
    pub co_exceptiontable: *mut PyObject,
    /// `CO_*`
    pub co_flags: c_int,
    /// Positional parameters.
    pub co_argcount: c_int,
    /// Positional-only parameters.
    pub co_posonlyargcount: c_int,
    /// Keyword-only parameters.
    pub co_kwonlyargcount: c_int,
    /// Depth of the evaluation stack.
    pub co_stacksize: c_int,
    /// First line.
    pub co_firstlineno: c_int,
    /// Slots before the evaluation stack.
    pub co_nlocalsplus: c_int,
    /// Size of a frame in words.
    pub co_framesize: c_int,
    /// Locals.
    pub co_nlocals: c_int,
    /// Cells.
    pub co_ncellvars: c_int,
    /// Free variables.
    pub co_nfreevars: c_int,
    /// Version number.
    pub co_version: u32,
    /// Tuple of the slots' names.
    pub co_localsplusnames: *mut PyObject,
    /// bytes: the slots' kinds.
    pub co_localspluskinds: *mut PyObject,
    /// str
    pub co_filename: *mut PyObject,
    /// str
    pub co_name: *mut PyObject,
    /// str
    pub co_qualname: *mut PyObject,
    /// bytes: where each instruction is in the source.
    pub co_linetable: *mut PyObject,
    /// Weak references.
    pub co_weakreflist: *mut PyObject,
    /// CPython's own executors.
    pub co_executors: *mut ExecutorArray,
    /// Cached attributes.
    pub co_cached: *mut c_void,
    /// The instrumentation version that the code units are up to date with.
    pub co_instrumentation_version: usize,
    /// Who monitors what; NULL if nobody does.
    pub co_monitoring: *mut MonitoringData,
    /// First traceable instruction.
    pub co_firsttraceable: c_int,
    /// Extra data.
    pub co_extra: *mut c_void,
    /// The code units.
    pub co_code_adaptive: [CodeUnit; 0],
}

impl CodeObject {
    /// The first code unit (`_PyCode_CODE`).
    ///
    /// # Safety
    /// `code` must be a live code object.
    #[must_use]
    pub unsafe fn units(code: *const CodeObject) -> *mut CodeUnit {
        // SAFETY: the caller's promise; the units follow the fixed part.
        unsafe { code.cast::<u8>().add(layout::code::CO_CODE_ADAPTIVE).cast_mut().cast() }
    }

    /// The number of code units (`Py_SIZE`).
    ///
    /// # Safety
    /// `code` must be a live code object.
    #[must_use]
    pub unsafe fn unit_count(code: *const CodeObject) -> usize {
        // SAFETY: the caller's promise.
        usize::try_from(unsafe { (*code).ob_base.ob_size }).unwrap_or(0)
    }
}

/// The number of events that `_Py_LocalMonitors` has a byte for.
pub const LOCAL_EVENTS: usize = layout::monitoring_data::MONITORS;

/// `_PyCoMonitoringData` (Include/cpython/code.h)
#[repr(C)]
pub struct MonitoringData {
    /// One byte of tool bits for each event: asked for with `set_local_events`.
    pub local_monitors: [u8; LOCAL_EVENTS],
    /// The same with what is asked for globally.
    pub active_monitors: [u8; LOCAL_EVENTS],
    /// Tools for each code unit, NULL if at most one tool is active.
    pub tools: *mut u8,
    /// NULL or what INSTRUMENTED_LINE replaced: `{u8 bytes_per_entry; u8 data[]}` from 3.13.x on, `{i8 original_opcode; i8 line_delta}` for each unit before.
    pub lines: *mut u8,
    /// Tools for line events of each code unit.
    pub line_tools: *mut u8,
    /// What INSTRUMENTED_INSTRUCTION replaced, for each code unit.
    pub per_instruction_opcodes: *mut u8,
    /// Tools for instruction events of each code unit.
    pub per_instruction_tools: *mut u8,
}

/// `_PyExecutorArray`
#[repr(C)]
pub struct ExecutorArray {
    /// How many there are.
    pub size: c_int,
    /// Room for how many.
    pub capacity: c_int,
    /// The executors.
    pub executors: [*mut u8; 0],
}

/// `PyCellObject`
#[repr(C)]
pub struct CellObject {
    /// Header.
    pub ob_base: PyObject,
    /// NULL if empty.
    pub ob_ref: *mut PyObject,
}

/// `PyGenObject`, and coroutines and asynchronous generators likewise (Include/cpython/genobject.h)
#[repr(C)]
pub struct GeneratorObject {
    /// Header.
    pub ob_base: PyObject,
    /// Weak references.
    pub gi_weakreflist: *mut PyObject,
    /// `__name__`
    pub gi_name: *mut PyObject,
    /// `__qualname__`
    pub gi_qualname: *mut PyObject,
    /// The exception it handles.
    pub gi_exc_state: ErrStackItem,
    /// Origin or finalizer.
    pub gi_origin_or_finalizer: *mut PyObject,
    /// Asynchronous generators.
    pub gi_hooks_inited: c_char,
    /// Asynchronous generators.
    pub gi_closed: c_char,
    /// Asynchronous generators.
    pub gi_running_async: c_char,
    /// `_framestate`: -3 created, -2 suspended, -1 suspended in `yield from`, 0 executing, 1 completed, 4 cleared.
    pub gi_frame_state: i8,
    /// The frame itself.
    pub gi_iframe: InterpreterFrame,
}

/// `PyDictObject`
#[repr(C)]
pub struct DictObject {
    /// Header.
    pub ob_base: PyObject,
    /// How many items there are.
    pub ma_used: isize,
    /// Bits 0-7: which watchers look at it; 8-11: mutations while watched.
    pub ma_version_tag: u64,
    /// The keys.
    pub ma_keys: *mut DictKeys,
    /// NULL for combined tables.
    pub ma_values: *mut DictValues,
}

/// `PyDictKeysObject` (Include/internal/pycore_dict.h)
#[repr(C)]
pub struct DictKeys {
    /// Reference count.
    pub dk_refcnt: isize,
    /// Size of the hash table.
    pub dk_log2_size: u8,
    /// Size of the hash table in bytes.
    pub dk_log2_index_bytes: u8,
    /// `layout::dict_keys::KIND_*`
    pub dk_kind: u8,
    /// 0 after any change of keys.
    pub dk_version: u32,
    /// Free entries.
    pub dk_usable: isize,
    /// Used entries.
    pub dk_nentries: isize,
}

/// `PyDictKeyEntry`
#[repr(C)]
pub struct DictEntry {
    /// Hash of the key.
    pub me_hash: isize,
    /// The key.
    pub me_key: *mut PyObject,
    /// The value of combined tables.
    pub me_value: *mut PyObject,
}

/// `PyDictUnicodeEntry`
#[repr(C)]
pub struct DictUnicodeEntry {
    /// The key, a str.
    pub me_key: *mut PyObject,
    /// The value of combined tables.
    pub me_value: *mut PyObject,
}

impl DictKeys {
    /// Whether all keys are strs (`DK_IS_UNICODE`).
    #[must_use]
    pub fn is_unicode(&self) -> bool {
        usize::from(self.dk_kind) != layout::dict_keys::KIND_GENERAL
    }

    /// The entries (`_DK_ENTRIES`): behind the indices.
    ///
    /// # Safety
    /// `keys` must be a live keys object.
    #[must_use]
    pub unsafe fn entries(keys: *mut DictKeys) -> *mut c_void {
        // SAFETY: the caller's promise; the layout is that of pycore_dict.h.
        unsafe { keys.cast::<u8>().add(layout::dict_keys::DK_INDICES + (1 << (*keys).dk_log2_index_bytes)).cast() }
    }

    /// The entries of keys that are all strs (`DK_UNICODE_ENTRIES`).
    ///
    /// # Safety
    /// `keys` must be a live keys object and not general.
    #[must_use]
    pub unsafe fn unicode_entries(keys: *mut DictKeys) -> *mut DictUnicodeEntry {
        // SAFETY: the caller's promise.
        unsafe { Self::entries(keys).cast() }
    }
}

/// `PyDictValues`
#[repr(C)]
pub struct DictValues {
    /// Room for how many values.
    pub capacity: u8,
    /// How many there are.
    pub size: u8,
    /// Whether they stand in the object.
    pub embedded: u8,
    /// Not 0 while the inline values are the instance's attributes.
    pub valid: u8,
    /// The values; NULL for missing ones.
    pub values: [*mut PyObject; 0],
}

/// The part of `PyHeapTypeObject` that matters, at its offsets.
///
/// # Safety
/// `class` must be a live heap type.
#[must_use]
pub unsafe fn cached_keys(class: *mut PyTypeObject) -> *mut DictKeys {
    // SAFETY: the caller's promise; the field is a pointer.
    unsafe { class.cast::<u8>().add(layout::type_object::HT_CACHED_KEYS).cast::<*mut DictKeys>().read() }
}

/// `_PyObject_InlineValues`: the values that stand in an instance of a class with `Py_TPFLAGS_INLINE_VALUES`.
///
/// # Safety
/// `object` must be a live instance of such a class.
#[must_use]
pub unsafe fn inline_values(object: *mut PyObject) -> *mut DictValues {
    // SAFETY: the caller's promise; the values follow the instance's own fields.
    unsafe {
        let basicsize = usize::try_from((*(*object).ob_type).tp_basicsize).unwrap_or(0);
        object.cast::<u8>().add(basicsize).cast()
    }
}

/// `_PyObject_ManagedDictPointer`: where the managed dict of an object is kept.
///
/// # Safety
/// `object` must be a live instance of a class with `Py_TPFLAGS_MANAGED_DICT`.
#[must_use]
pub unsafe fn managed_dict(object: *mut PyObject) -> *mut *mut PyObject {
    // SAFETY: the caller's promise; the pointer stands before the object.
    unsafe { object.cast::<u8>().sub(layout::managed::DICT).cast() }
}

/// A row of `_PyIntrinsics_UnaryFunctions` (Include/internal/pycore_intrinsics.h)
#[repr(C)]
pub struct UnaryIntrinsic {
    /// The function.
    pub function: unsafe extern "C" fn(*mut ThreadState, *mut PyObject) -> *mut PyObject,
    /// Its name.
    pub name: *const c_char,
}

/// A row of `_PyIntrinsics_BinaryFunctions`
#[repr(C)]
pub struct BinaryIntrinsic {
    /// The function.
    pub function: unsafe extern "C" fn(*mut ThreadState, *mut PyObject, *mut PyObject) -> *mut PyObject,
    /// Its name.
    pub name: *const c_char,
}

/// Compares `$field` of `$structure` with `layout::$module::$constant`, while compiling.
macro_rules! assert_layout {
    ($($structure:ident $module:ident { $($field:ident $constant:ident,)* })*) => {
        $($(const _: () = assert!(offset_of!($structure, $field) == layout::$module::$constant, stringify!($structure.$field));)*)*
    };
}

assert_layout! {
    ThreadState thread_state {
        interp INTERP, eval_breaker EVAL_BREAKER, py_recursion_remaining PY_RECURSION_REMAINING, py_recursion_limit PY_RECURSION_LIMIT,
        c_recursion_remaining C_RECURSION_REMAINING, recursion_headroom RECURSION_HEADROOM, tracing TRACING, what_event WHAT_EVENT,
        current_frame CURRENT_FRAME, c_profilefunc C_PROFILEFUNC, c_tracefunc C_TRACEFUNC, current_exception CURRENT_EXCEPTION, exc_info EXC_INFO,
        datastack_chunk DATASTACK_CHUNK, datastack_top DATASTACK_TOP, datastack_limit DATASTACK_LIMIT,
        previous_executor PREVIOUS_EXECUTOR, stack_limit DICT_GLOBAL_VERSION,
    }
    MethodObject method { im_func IM_FUNC, im_self IM_SELF, }
    InterpreterState interpreter { instrumentation_version CEVAL_INSTRUMENTATION_VERSION, }
    StackChunk stack_chunk { previous PREVIOUS, data DATA, }
    ErrStackItem err_stack_item { exc_value EXC_VALUE, previous_item PREVIOUS_ITEM, }
    InterpreterFrame frame {
        f_executable F_EXECUTABLE, previous PREVIOUS, f_funcobj F_FUNCOBJ, f_globals F_GLOBALS, f_builtins F_BUILTINS, f_locals F_LOCALS,
        frame_obj FRAME_OBJ, instr_ptr INSTR_PTR, stacktop STACKTOP, return_offset RETURN_OFFSET, owner OWNER, state STATE, localsplus LOCALSPLUS,
    }
    FrameObject frame_object {
        f_back F_BACK, f_frame F_FRAME, f_trace F_TRACE, f_lineno F_LINENO, f_trace_lines F_TRACE_LINES, f_trace_opcodes F_TRACE_OPCODES,
        f_extra_locals F_EXTRA_LOCALS, f_locals_cache F_LOCALS_CACHE,
    }
    FunctionObject function {
        func_globals FUNC_GLOBALS, func_builtins FUNC_BUILTINS, func_name FUNC_NAME, func_qualname FUNC_QUALNAME, func_code FUNC_CODE,
        func_defaults FUNC_DEFAULTS, func_kwdefaults FUNC_KWDEFAULTS, func_closure FUNC_CLOSURE, vectorcall VECTORCALL, func_version FUNC_VERSION,
    }
    CodeObject code {
        co_consts CO_CONSTS, co_names CO_NAMES, co_exceptiontable CO_EXCEPTIONTABLE, co_flags CO_FLAGS, co_argcount CO_ARGCOUNT,
        co_posonlyargcount CO_POSONLYARGCOUNT, co_kwonlyargcount CO_KWONLYARGCOUNT, co_stacksize CO_STACKSIZE, co_firstlineno CO_FIRSTLINENO,
        co_nlocalsplus CO_NLOCALSPLUS, co_framesize CO_FRAMESIZE, co_nlocals CO_NLOCALS, co_ncellvars CO_NCELLVARS, co_nfreevars CO_NFREEVARS,
        co_version CO_VERSION, co_localsplusnames CO_LOCALSPLUSNAMES, co_localspluskinds CO_LOCALSPLUSKINDS, co_filename CO_FILENAME, co_name CO_NAME,
        co_qualname CO_QUALNAME, co_linetable CO_LINETABLE, co_executors CO_EXECUTORS, co_instrumentation_version CO_INSTRUMENTATION_VERSION,
        co_monitoring CO_MONITORING, co_firsttraceable CO_FIRSTTRACEABLE, co_extra CO_EXTRA, co_code_adaptive CO_CODE_ADAPTIVE,
    }
    MonitoringData monitoring_data {
        local_monitors LOCAL_MONITORS, active_monitors ACTIVE_MONITORS, tools TOOLS, lines LINES, line_tools LINE_TOOLS,
        per_instruction_opcodes PER_INSTRUCTION_OPCODES, per_instruction_tools PER_INSTRUCTION_TOOLS,
    }
    ExecutorArray executor_array { size LENGTH, executors EXECUTORS, }
    CellObject cell { ob_ref OB_REF, }
    GeneratorObject generator { gi_exc_state GI_EXC_STATE, gi_frame_state GI_FRAME_STATE, gi_iframe GI_IFRAME, }
    DictObject dict { ma_used MA_USED, ma_version_tag MA_VERSION_TAG, ma_keys MA_KEYS, ma_values MA_VALUES, }
    DictKeys dict_keys {
        dk_refcnt DK_REFCNT, dk_log2_size DK_LOG2_SIZE, dk_log2_index_bytes DK_LOG2_INDEX_BYTES, dk_kind DK_KIND, dk_version DK_VERSION,
        dk_usable DK_USABLE, dk_nentries DK_NENTRIES,
    }
    DictEntry dict_entry { me_hash ME_HASH, me_key ME_KEY, me_value ME_VALUE, }
    DictUnicodeEntry dict_unicode_entry { me_key ME_KEY, me_value ME_VALUE, }
    DictValues dict_values { capacity CAPACITY, size USED, embedded EMBEDDED, valid VALID, values VALUES, }
}

const _: () = assert!(size_of::<InterpreterFrame>() == layout::frame::LOCALSPLUS);
const _: () = assert!(offset_of!(PyTypeObject, tp_version_tag) == layout::type_object::TP_VERSION_TAG);
const _: () = assert!(offset_of!(PyTypeObject, tp_versions_used) == layout::type_object::TP_VERSIONS_USED);

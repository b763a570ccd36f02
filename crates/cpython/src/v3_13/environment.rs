//! What code generation needs to know of the running interpreter, and the check that this is an interpreter whose layouts we have: version, build flags,
//! `_Py_DebugOffsets`, and probes (`probes.rs`) that read known objects through our layouts.

use super::structs::{InterpreterFrame, InterpreterState, ThreadState};
use super::wrong::{at, field};
use super::{arrays, layout, probes, symbols};
use coachwhip_abi::environment::{Environment, Layout, Routines};
use coachwhip_abi::ir::{Class, Field};
use pyo3_ffi::{self as ffi, PyObject, PyTypeObject};
use std::ffi::{c_char, c_int};

/// The environment of the running interpreter, without what belongs to the runtime (`helpers`, `routines`, `eval_breaker_expected`).
/// An error is one clear sentence; Coachwhip then stays off.
///
/// # Errors
/// If the interpreter is not one that the layouts fit.
///
/// # Safety
/// The GIL is held, no exception is set. Runs a few lines of Python.
pub unsafe fn environment() -> Result<Environment, String> {
    // SAFETY: the GIL is held; every step checks what the next one relies on.
    unsafe {
        check_version()?;
        check_build()?;
        check_debug_offsets()?;
        check_interpreter()?;
        probes::run()?;
        let (small_int_zero, small_int_size) = probes::small_ints()?;
        Ok(Environment {
            layout: layout_of_fields(),
            classes: Class::ALL.iter().map(|&class| class_address(class)).collect(),
            true_object: ffi::Py_True() as usize,
            false_object: ffi::Py_False() as usize,
            small_int_zero,
            small_int_size,
            helpers: Vec::new(),
            routines: Routines::default(),
            eval_breaker_expected: 0,
            frame_evaluator: ffi::PyInterpreterState_Get() as usize + layout::interpreter::EVAL_FRAME,
            float_free_list: probes::float_free_list(),
        })
    }
}

/// The address of a built-in class's type object; 0 for `Other`.
#[must_use]
pub fn class_address(class: Class) -> usize {
    let address: *mut PyTypeObject = match class {
        Class::Int => &raw mut ffi::PyLong_Type,
        Class::Float => &raw mut ffi::PyFloat_Type,
        Class::Bool => &raw mut ffi::PyBool_Type,
        Class::NoneType => &raw mut symbols::_PyNone_Type,
        Class::Ellipsis => &raw mut ffi::PyEllipsis_Type,
        Class::Str => &raw mut ffi::PyUnicode_Type,
        Class::Bytes => &raw mut ffi::PyBytes_Type,
        Class::Complex => &raw mut ffi::PyComplex_Type,
        Class::List => &raw mut ffi::PyList_Type,
        Class::Tuple => &raw mut ffi::PyTuple_Type,
        Class::Dict => &raw mut ffi::PyDict_Type,
        Class::Set => &raw mut ffi::PySet_Type,
        Class::FrozenSet => &raw mut ffi::PyFrozenSet_Type,
        Class::ByteArray => &raw mut ffi::PyByteArray_Type,
        Class::Range => &raw mut ffi::PyRange_Type,
        Class::Slice => &raw mut ffi::PySlice_Type,
        Class::Function => &raw mut ffi::PyFunction_Type,
        Class::Method => &raw mut symbols::PyMethod_Type,
        Class::BuiltinFunction => &raw mut ffi::PyCFunction_Type,
        Class::MethodDescriptor => &raw mut ffi::PyMethodDescr_Type,
        Class::Type => &raw mut ffi::PyType_Type,
        Class::Module => &raw mut ffi::PyModule_Type,
        Class::Cell => &raw mut ffi::PyCell_Type,
        Class::Code => &raw mut ffi::PyCode_Type,
        Class::Generator => &raw mut ffi::PyGen_Type,
        Class::RangeIterator => &raw mut ffi::PyRangeIter_Type,
        Class::ListIterator => &raw mut ffi::PyListIter_Type,
        Class::TupleIterator => &raw mut ffi::PyTupleIter_Type,
        // No static objects: `arrays.rs` knows them.
        Class::SignedCharArray
        | Class::UnsignedCharArray
        | Class::ShortArray
        | Class::UnsignedShortArray
        | Class::IntArray
        | Class::UnsignedIntArray
        | Class::LongArray
        | Class::LongLongArray
        | Class::DoubleArray
        | Class::Other => std::ptr::null_mut(),
    };
    address as usize
}

/// The built-in class whose type object is at an address; `Other` if it has no row.
#[must_use]
pub fn class_at(address: usize) -> Class {
    Class::ALL.iter().copied().find(|&class| class_address(class) == address).unwrap_or(Class::Other)
}

/// The built-in class of an object, exactly.
///
/// # Safety
/// `object` is a live object.
#[must_use]
pub unsafe fn class_of(object: *mut PyObject) -> Class {
    // SAFETY: the caller's promise.
    unsafe {
        match class_at(ffi::Py_TYPE(object) as usize) {
            Class::Other => arrays::class_of(object),
            class => class,
        }
    }
}

/// `rangeobject` is private to Objects/rangeobject.c: three objects after the header. A probe checks it.
const RANGE_FIELDS: usize = layout::object::SIZE;

fn field_offset(field: Field) -> usize {
    match field {
        Field::ListSize | Field::TupleSize | Field::BytesSize | Field::ArraySize => layout::object::OB_SIZE,
        Field::StrLength => layout::unicode::LENGTH,
        Field::DictUsed => layout::dict::MA_USED,
        Field::SetUsed => layout::set::USED,
        Field::RangeIteratorStart => layout::range_iterator::START,
        Field::RangeIteratorStep => layout::range_iterator::STEP,
        Field::RangeIteratorLength => layout::range_iterator::LEN,
        Field::ListIteratorIndex => layout::list_iterator::IT_INDEX,
        Field::ListIteratorList => layout::list_iterator::IT_SEQ,
        Field::TupleIteratorIndex => layout::tuple_iterator::IT_INDEX,
        Field::TupleIteratorTuple => layout::tuple_iterator::IT_SEQ,
        Field::RangeStart => RANGE_FIELDS,
        Field::RangeStop => RANGE_FIELDS + 8,
        Field::RangeStep => RANGE_FIELDS + 16,
        Field::SliceStart => layout::slice::START,
        Field::SliceStop => layout::slice::STOP,
        Field::SliceStep => layout::slice::STEP,
        Field::MethodFunction => layout::method::IM_FUNC,
        Field::MethodSelf => layout::method::IM_SELF,
        Field::ModuleDict => layout::module::MD_DICT,
        Field::FunctionCode => layout::function::FUNC_CODE,
        Field::FunctionClosure => layout::function::FUNC_CLOSURE,
        Field::ObjectType => layout::object::OB_TYPE,
    }
}

/// An offset as machine code wants it.
fn offset(value: usize) -> i32 {
    i32::try_from(value).expect("offsets are small")
}

/// The offsets that machine code uses.
#[must_use]
pub fn layout_of_fields() -> Layout {
    Layout {
        fields: Field::ALL.iter().map(|&field| offset(field_offset(field))).collect(),
        object_type: offset(layout::object::OB_TYPE),
        long_tag: offset(layout::long::LV_TAG),
        long_digits: offset(layout::long::OB_DIGIT),
        float_value: offset(layout::float::OB_FVAL),
        list_items: offset(layout::list::OB_ITEM),
        tuple_items: offset(layout::tuple::OB_ITEM),
        array_items: offset(arrays::OB_ITEM),
        array_descriptor: offset(arrays::OB_DESCR),
        cell_contents: offset(layout::cell::OB_REF),
        dict_keys: offset(layout::dict::MA_KEYS),
        keys_version: offset(layout::dict_keys::DK_VERSION),
        keys_log2_index_bytes: offset(layout::dict_keys::DK_LOG2_INDEX_BYTES),
        keys_indices: offset(layout::dict_keys::DK_INDICES),
        keys_kind: offset(layout::dict_keys::DK_KIND),
        keys_count: offset(layout::dict_keys::DK_NENTRIES),
        unicode_entry_key: offset(layout::dict_unicode_entry::ME_KEY),
        unicode_entry_value: offset(layout::dict_unicode_entry::ME_VALUE),
        unicode_entry_size: offset(layout::dict_unicode_entry::SIZE),
        managed_dict: -offset(layout::managed::DICT),
        values_capacity: offset(layout::dict_values::CAPACITY),
        values_size: offset(layout::dict_values::USED),
        values_valid: offset(layout::dict_values::VALID),
        values_values: offset(layout::dict_values::VALUES),
        thread_eval_breaker: offset(layout::thread_state::EVAL_BREAKER),
        thread_current_frame: offset(layout::thread_state::CURRENT_FRAME),
        thread_py_recursion_remaining: offset(layout::thread_state::PY_RECURSION_REMAINING),
        thread_datastack_top: offset(layout::thread_state::DATASTACK_TOP),
        thread_datastack_limit: offset(layout::thread_state::DATASTACK_LIMIT),
        thread_stack_limit: offset(layout::thread_state::DICT_GLOBAL_VERSION),
        thread_current_exception: offset(layout::thread_state::CURRENT_EXCEPTION),
        frame_executable: offset(layout::frame::F_EXECUTABLE),
        frame_previous: offset(layout::frame::PREVIOUS),
        frame_function: offset(layout::frame::F_FUNCOBJ),
        frame_globals: offset(layout::frame::F_GLOBALS),
        frame_builtins: offset(layout::frame::F_BUILTINS),
        frame_locals: offset(layout::frame::F_LOCALS),
        frame_object: offset(layout::frame::FRAME_OBJ),
        frame_instr_ptr: offset(layout::frame::INSTR_PTR),
        frame_stacktop: offset(layout::frame::STACKTOP),
        frame_state: offset(layout::frame::STATE),
        frame_localsplus: offset(layout::frame::LOCALSPLUS),
        function_globals: offset(layout::function::FUNC_GLOBALS),
        function_builtins: offset(layout::function::FUNC_BUILTINS),
        function_closure: offset(layout::function::FUNC_CLOSURE),
        function_vectorcall: offset(layout::function::VECTORCALL),
    }
}

/// The offset of `PyInterpreterState.monitors`, which is checked when the first callback is registered.
#[must_use]
pub fn monitors_offset() -> usize {
    at!(interpreter::MONITORS, 8)
}

/// Fails unless a condition holds.
pub(super) fn ensure(condition: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if condition { Ok(()) } else { Err(what()) }
}

fn check_version() -> Result<(), String> {
    // SAFETY: a constant of the interpreter.
    let hex = unsafe { ffi::Py_Version };
    let (major, minor, micro) = (hex >> 24, hex >> 16 & 0xFF, hex >> 8 & 0xFF);
    let (ours, our_minor) = super::VERSION;
    ensure((major, minor) == (ours.into(), our_minor.into()), || {
        format!("this build of Coachwhip is for CPython {ours}.{our_minor}, the interpreter is {major}.{minor}.{micro}")
    })
}

/// Whether `sys` has an attribute.
unsafe fn sys_has(name: &std::ffi::CStr) -> bool {
    // SAFETY: borrowed reference; no exception is set if it is not there.
    !unsafe { ffi::PySys_GetObject(name.as_ptr().cast::<c_char>()) }.is_null()
}

unsafe fn check_build() -> Result<(), String> {
    // SAFETY: the GIL is held.
    unsafe {
        ensure(!sys_has(c"gettotalrefcount"), || "debug builds of CPython are not supported".to_owned())?;
        ensure(!sys_has(c"getobjects"), || "CPython built with Py_TRACE_REFS is not supported".to_owned())
    }
}

/// A 64-bit word of `_Py_DebugOffsets`.
fn debug_offset(position: usize) -> usize {
    debug_assert!(position + 8 <= layout::debug_offsets::SIZE);
    // SAFETY: `_PyRuntime` starts with the table, which is longer than `position`.
    unsafe { (&raw const symbols::_PyRuntime).cast::<u8>().add(position).cast::<usize>().read_unaligned() }
}

/// The size of `PyInterpreterState` in the running interpreter.
pub(super) fn interpreter_state_size() -> usize {
    debug_offset(layout::debug_offsets::INTERPRETER_STATE)
}

/// Compares `_Py_DebugOffsets` (pycore_runtime.h) with our layouts. The cookie comes first: without it the table may be anything.
fn check_debug_offsets() -> Result<(), String> {
    use layout::debug_offsets as table;
    // SAFETY: `_PyRuntime` is longer than its first word.
    let cookie = unsafe { (&raw const symbols::_PyRuntime).cast::<u8>().add(table::COOKIE).cast::<[u8; 8]>().read() };
    ensure(&cookie == b"xdebugpy", || "the interpreter has no table of debug offsets where 3.13 has it".to_owned())?;
    let version = debug_offset(table::VERSION);
    let (major, minor) = super::VERSION;
    ensure(version >> 16 == (major as usize) << 8 | minor as usize, || format!("the interpreter's debug offsets are of version {version:#x}"))?;
    ensure(debug_offset(table::FREE_THREADED) == 0, || "free-threaded builds of CPython are not supported".to_owned())?;
    let rows = [
        (table::THREAD_STATE_INTERP, at!(thread_state::INTERP, 8), "PyThreadState.interp"),
        (table::THREAD_STATE_CURRENT_FRAME, at!(thread_state::CURRENT_FRAME, 8), "PyThreadState.current_frame"),
        (table::THREAD_STATE_DATASTACK_CHUNK, at!(thread_state::DATASTACK_CHUNK, 8), "PyThreadState.datastack_chunk"),
        (table::INTERPRETER_FRAME_SIZE, at!(frame::SIZE, 8), "sizeof(_PyInterpreterFrame)"),
        (table::INTERPRETER_FRAME_PREVIOUS, at!(frame::PREVIOUS, 8), "_PyInterpreterFrame.previous"),
        (table::INTERPRETER_FRAME_EXECUTABLE, at!(frame::F_EXECUTABLE, 8), "_PyInterpreterFrame.f_executable"),
        (table::INTERPRETER_FRAME_INSTR_PTR, at!(frame::INSTR_PTR, 8), "_PyInterpreterFrame.instr_ptr"),
        (table::INTERPRETER_FRAME_LOCALSPLUS, at!(frame::LOCALSPLUS, 8), "_PyInterpreterFrame.localsplus"),
        (table::INTERPRETER_FRAME_OWNER, at!(frame::OWNER, 1), "_PyInterpreterFrame.owner"),
        (table::CODE_OBJECT_FILENAME, at!(code::CO_FILENAME, 8), "PyCodeObject.co_filename"),
        (table::CODE_OBJECT_QUALNAME, at!(code::CO_QUALNAME, 8), "PyCodeObject.co_qualname"),
        (table::CODE_OBJECT_LINETABLE, at!(code::CO_LINETABLE, 8), "PyCodeObject.co_linetable"),
        (table::CODE_OBJECT_FIRSTLINENO, at!(code::CO_FIRSTLINENO, 4), "PyCodeObject.co_firstlineno"),
        (table::CODE_OBJECT_ARGCOUNT, at!(code::CO_ARGCOUNT, 4), "PyCodeObject.co_argcount"),
        (table::CODE_OBJECT_LOCALSPLUSNAMES, at!(code::CO_LOCALSPLUSNAMES, 8), "PyCodeObject.co_localsplusnames"),
        (table::CODE_OBJECT_LOCALSPLUSKINDS, at!(code::CO_LOCALSPLUSKINDS, 8), "PyCodeObject.co_localspluskinds"),
        (table::CODE_OBJECT_CO_CODE_ADAPTIVE, at!(code::CO_CODE_ADAPTIVE, 8), "PyCodeObject.co_code_adaptive"),
        (table::PYOBJECT_OB_TYPE, at!(object::OB_TYPE, 8), "PyObject.ob_type"),
        (table::TYPE_OBJECT_TP_FLAGS, at!(type_object::TP_FLAGS, 8), "PyTypeObject.tp_flags"),
        (table::TUPLE_OBJECT_OB_ITEM, at!(tuple::OB_ITEM, 8), "PyTupleObject.ob_item"),
        (table::TUPLE_OBJECT_OB_SIZE, at!(object::OB_SIZE, 8), "PyTupleObject.ob_size"),
        (table::LIST_OBJECT_OB_ITEM, at!(list::OB_ITEM, 8), "PyListObject.ob_item"),
        (table::DICT_OBJECT_MA_KEYS, at!(dict::MA_KEYS, 8), "PyDictObject.ma_keys"),
        (table::DICT_OBJECT_MA_VALUES, at!(dict::MA_VALUES, 8), "PyDictObject.ma_values"),
        (table::FLOAT_OBJECT_OB_FVAL, at!(float::OB_FVAL, 8), "PyFloatObject.ob_fval"),
        (table::LONG_OBJECT_LV_TAG, at!(long::LV_TAG, 8), "PyLongObject.lv_tag"),
        (table::LONG_OBJECT_OB_DIGIT, at!(long::OB_DIGIT, 4), "PyLongObject.ob_digit"),
        (table::BYTES_OBJECT_OB_SVAL, at!(bytes::OB_SVAL, 8), "PyBytesObject.ob_sval"),
        (table::UNICODE_OBJECT_LENGTH, at!(unicode::LENGTH, 8), "PyASCIIObject.length"),
        (table::UNICODE_OBJECT_STATE, at!(unicode::STATE, 4), "PyASCIIObject.state"),
    ];
    for (position, ours, name) in rows {
        let theirs = debug_offset(position);
        ensure(theirs == ours, || format!("{name} is at {theirs} in this interpreter and at {ours} in Coachwhip's layout"))?;
    }
    Ok(())
}

/// Whether `eval_frame` lies where we think: CPython's own getter finds it in a made-up state.
unsafe fn check_evaluator_offset() -> Result<(), String> {
    unsafe extern "C" fn evaluator(_: *mut ThreadState, _: *mut InterpreterFrame, _: c_int) -> *mut PyObject {
        std::ptr::null_mut()
    }
    /// More than `PyInterpreterState` has in any build, in bytes.
    const SIZE: usize = 1 << 20;
    // SAFETY: fresh pages of our own, of which only those that are touched cost anything; `_PyInterpreterState_GetEvalFrameFunc` (Python/pystate.c) reads that one field.
    let found = unsafe {
        let pages =
            libc::mmap(std::ptr::null_mut(), SIZE, libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE, -1, 0);
        ensure(pages != libc::MAP_FAILED, || "there is no memory for it".to_owned())?;
        let place = at!(interpreter::EVAL_FRAME, 8);
        if place < SIZE - size_of::<usize>() {
            pages.cast::<u8>().add(place).cast::<usize>().write(evaluator as symbols::FrameEvalFunction as usize);
        }
        let found = symbols::_PyInterpreterState_GetEvalFrameFunc(pages);
        libc::munmap(pages, SIZE);
        found
    };
    ensure(std::ptr::fn_addr_eq(found, evaluator as symbols::FrameEvalFunction), || "PyInterpreterState does not lie as Coachwhip's layout has it".to_owned())
}

/// Whether this is a main interpreter that evaluates frames with its own loop, and `PyThreadState` lies as we think.
unsafe fn check_interpreter() -> Result<(), String> {
    // SAFETY: the GIL is held, so there is a thread state; `interp` was compared with the debug offsets.
    unsafe {
        let tstate: *mut ThreadState = symbols::_PyThreadState_GetCurrent();
        let interp: *mut InterpreterState = ffi::PyInterpreterState_Get().cast();
        ensure((*tstate).interp == interp, || "PyThreadState does not lie as Coachwhip's layout has it".to_owned())?;
        ensure(interp == ffi::PyInterpreterState_Main().cast(), || "sub-interpreters are not supported".to_owned())?;
        let evaluate = symbols::_PyInterpreterState_GetEvalFrameFunc(interp.cast());
        ensure(std::ptr::fn_addr_eq(evaluate, symbols::_PyEval_EvalFrameDefault as symbols::FrameEvalFunction), || {
            "another extension has replaced the interpreter's frame evaluation (PEP 523)".to_owned()
        })?;
        check_evaluator_offset()?;
        let version = field!(usize, interp, interpreter::CEVAL_INSTRUMENTATION_VERSION);
        ensure(field!(usize, tstate, thread_state::EVAL_BREAKER) >> 8 == version >> 8, || {
            "eval_breaker and the interpreter's instrumentation version do not agree".to_owned()
        })
    }
}

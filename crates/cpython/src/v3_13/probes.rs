//! Probes: known objects are made with the C API and read through our layouts. What they do not find as expected keeps Coachwhip off. Values are such that a field beside
//! the one that is meant would be noticed (`crates/cpython/tests/capture.rs` tries each); a pointer is compared with what it must be before it is followed.

use super::environment::{ensure, interpreter_state_size};
use super::structs::{CodeObject, DictKeys, ThreadState, inline_values};
use super::wrong::{at, field};
use super::{layout, symbols};
use coachwhip_bytecode::v3_13::number;
use pyo3_ffi::{self as ffi, PyObject};
use std::cell::Cell;
use std::ffi::CStr;
use std::sync::atomic::{AtomicUsize, Ordering};

/// An owned reference, given back when dropped (the GIL is held throughout this file).
struct Owned(*mut PyObject);

impl Owned {
    /// Takes a new reference over; an error if it is NULL.
    unsafe fn new(object: *mut PyObject) -> Result<Owned, String> {
        if object.is_null() {
            // SAFETY: the GIL is held.
            unsafe { ffi::PyErr_Clear() };
            return Err("a probe of the interpreter failed with an exception".to_owned());
        }
        Ok(Owned(object))
    }

    /// An attribute.
    unsafe fn attribute(&self, name: &CStr) -> Result<Owned, String> {
        // SAFETY: a live object and a C string.
        unsafe { Owned::new(ffi::PyObject_GetAttrString(self.0, name.as_ptr())) }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: the reference is ours and the GIL is held.
        unsafe { ffi::Py_DECREF(self.0) };
    }
}

/// Reads a field of a structure.
pub(super) unsafe fn read<T: Copy>(structure: *const u8, offset: usize) -> T {
    // SAFETY: the caller names a field of the structure as the C headers have it; reading a few words beside small objects stays in their memory block.
    unsafe { structure.wrapping_add(offset).cast::<T>().read_unaligned() }
}

fn expect(condition: bool, what: &str) -> Result<(), String> {
    ensure(condition, || format!("{what} does not lie as Coachwhip's layout has it"))
}

/// Runs all probes but those whose outcome the environment holds.
pub(super) unsafe fn run() -> Result<(), String> {
    // SAFETY: the GIL is held.
    unsafe {
        numbers()?;
        containers()?;
        dicts()?;
        iterators()?;
        thread()?;
        definitions()?;
        functions()
    }
}

unsafe fn numbers() -> Result<(), String> {
    // SAFETY: objects made here, read where their structures have fields.
    unsafe {
        let compact = Owned::new(ffi::PyLong_FromLong(-123_456_789))?;
        expect(field!(isize, compact.0, object::OB_REFCNT) == ffi::Py_REFCNT(compact.0), "object")?;
        // One digit: tag = 1 << NON_SIZE_BITS | sign, where the sign is 0, 1 (zero) or 2 (negative); pycore_long.h.
        expect(field!(usize, compact.0, long::LV_TAG) == 1 << layout::long::NON_SIZE_BITS | 2, "int")?;
        expect(field!(u32, compact.0, long::OB_DIGIT) == 123_456_789, "int")?;
        let big = Owned::new(ffi::PyLong_FromLongLong((5 << layout::long::SHIFT) + 7))?;
        expect(field!(usize, big.0, long::LV_TAG) == 2 << layout::long::NON_SIZE_BITS, "int")?;
        expect(field!([u32; 2], big.0, long::OB_DIGIT) == [7, 5], "int")?;
        let float = Owned::new(ffi::PyFloat_FromDouble(1.25))?;
        expect(field!(u64, float.0, float::OB_FVAL) == 1.25f64.to_bits(), "float")?;
        let str_ = Owned::new(ffi::PyUnicode_FromString(c"coachwhip".as_ptr()))?;
        expect(field!(isize, str_.0, unicode::LENGTH) == 9, "str")?;
        expect(&field!([u8; 9], str_.0, unicode::SIZE) == b"coachwhip", "str")?;
        // `interned` is 0, then `kind` is 1 from bit 2 on: one byte characters; `compact` and `ascii` behind it.
        expect(field!(u32, str_.0, unicode::STATE) & 0x7F == 1 << 2 | 1 << 5 | 1 << 6, "str")?;
        let bytes = Owned::new(ffi::PyBytes_FromString(c"whip".as_ptr()))?;
        expect(field!(isize, bytes.0, object::OB_SIZE) == 4, "bytes")?;
        expect(&field!([u8; 4], bytes.0, bytes::OB_SVAL) == b"whip", "bytes")
    }
}

unsafe fn containers() -> Result<(), String> {
    // SAFETY: as above.
    unsafe {
        let key = Owned::new(ffi::PyUnicode_InternFromString(c"key".as_ptr()))?;
        let value = Owned::new(ffi::PyFloat_FromDouble(2.5))?;
        let list = Owned::new(ffi::PyList_New(0))?;
        for _ in 0..5 {
            expect(ffi::PyList_Append(list.0, value.0) == 0, "list")?;
        }
        expect(field!(isize, list.0, object::OB_SIZE) == 5, "list")?;
        // Room for four, then for eight (`list_resize`, Objects/listobject.c).
        expect(field!(isize, list.0, list::ALLOCATED) == 8, "list")?;
        expect(*field!(*mut *mut PyObject, list.0, list::OB_ITEM) == value.0, "list")?;
        let tuple = Owned::new(ffi::PyTuple_Pack(2, key.0, value.0))?;
        expect(field!(isize, tuple.0, object::OB_SIZE) == 2, "tuple")?;
        expect(field!([*mut PyObject; 2], tuple.0, tuple::OB_ITEM) == [key.0, value.0], "tuple")?;
        let cell = Owned::new(ffi::PyCell_New(value.0))?;
        expect(field!(*mut PyObject, cell.0, cell::OB_REF) == value.0, "cell")?;
        let set = Owned::new(ffi::PySet_New(tuple.0))?;
        expect(ffi::PySet_Discard(set.0, key.0) == 1, "set")?;
        // The table still counts the key that is gone.
        expect(field!(isize, set.0, set::USED) == 1, "set")?;
        let slice = Owned::new(ffi::PySlice_New(key.0, value.0, tuple.0))?;
        expect(field!(*mut PyObject, slice.0, slice::START) == key.0, "slice")?;
        expect(field!(*mut PyObject, slice.0, slice::STOP) == value.0, "slice")?;
        expect(field!(*mut PyObject, slice.0, slice::STEP) == tuple.0, "slice")?;
        let module = Owned::new(ffi::PyModule_New(c"coachwhip_probe".as_ptr()))?;
        expect(field!(*mut PyObject, module.0, module::MD_DICT) == ffi::PyModule_GetDict(module.0), "module")
    }
}

unsafe fn dicts() -> Result<(), String> {
    // SAFETY: as above.
    unsafe {
        let keys = [Owned::new(ffi::PyUnicode_FromString(c"probe 1".as_ptr()))?, Owned::new(ffi::PyUnicode_FromString(c"probe 2".as_ptr()))?];
        let value = Owned::new(ffi::PyFloat_FromDouble(2.5))?;
        let dict = Owned::new(ffi::PyDict_New())?;
        for key in &keys {
            expect(ffi::PyDict_SetItem(dict.0, key.0, value.0) == 0, "dict")?;
        }
        expect(field!(isize, dict.0, dict::MA_USED) == 2 && field!(usize, dict.0, dict::MA_VALUES) == 0, "dict")?;
        // Of eight places five may be used (`USABLE_FRACTION`, Objects/dictobject.c).
        let table = field!(*mut u8, dict.0, dict::MA_KEYS);
        expect(usize::from(field!(u8, table, dict_keys::DK_KIND)) == layout::dict_keys::KIND_UNICODE, "dict keys")?;
        expect(field!(isize, table, dict_keys::DK_NENTRIES) == 2 && field!(isize, table, dict_keys::DK_USABLE) == 3, "dict keys")?;
        expect(field!(u32, table, dict_keys::DK_VERSION) == 0, "dict keys")?;
        let second = table.wrapping_add(at!(dict_keys::DK_INDICES, 8) + 8 + at!(dict_unicode_entry::SIZE, 8));
        expect(field!(*mut PyObject, second, dict_unicode_entry::ME_KEY) == keys[1].0, "dict entry")?;
        expect(field!(*mut PyObject, second, dict_unicode_entry::ME_VALUE) == value.0, "dict entry")?;

        // Keys of any kind, and enough of them that each place takes two bytes.
        for number in 0..200 {
            let key = Owned::new(ffi::PyLong_FromLong(number + 1000))?;
            expect(ffi::PyDict_SetItem(dict.0, key.0, value.0) == 0, "dict")?;
        }
        let table = field!(*mut u8, dict.0, dict::MA_KEYS);
        expect(usize::from(field!(u8, table, dict_keys::DK_KIND)) == layout::dict_keys::KIND_GENERAL, "dict keys")?;
        let log2_size = field!(u8, table, dict_keys::DK_LOG2_SIZE);
        expect((8..12).contains(&log2_size) && field!(u8, table, dict_keys::DK_LOG2_INDEX_BYTES) == log2_size + 1, "dict keys")?;
        let entries = table.wrapping_add(layout::dict_keys::DK_INDICES + (1 << (log2_size + 1)));
        let second = entries.wrapping_add(at!(dict_entry::SIZE, 8));
        expect(field!(*mut PyObject, second, dict_entry::ME_KEY) == keys[1].0, "dict entry")?;
        expect(field!(*mut PyObject, second, dict_entry::ME_VALUE) == value.0, "dict entry")
    }
}

unsafe fn iterators() -> Result<(), String> {
    // SAFETY: as above.
    unsafe {
        let range_class = (&raw mut ffi::PyRange_Type).cast::<PyObject>();
        let (start, stop, step) = (Owned::new(ffi::PyLong_FromLong(3))?, Owned::new(ffi::PyLong_FromLong(1000))?, Owned::new(ffi::PyLong_FromLong(7))?);
        let arguments = [start.0, stop.0, step.0];
        let range = Owned::new(ffi::PyObject_Vectorcall(range_class, arguments.as_ptr(), 3, std::ptr::null_mut()))?;
        expect(field!([*mut PyObject; 3], range.0, object::SIZE) == arguments, "range")?;
        let iterator = Owned::new(ffi::PyObject_GetIter(range.0))?;
        drop(Owned::new(ffi::PyIter_Next(iterator.0))?);
        expect(ffi::Py_TYPE(iterator.0) == &raw mut ffi::PyRangeIter_Type, "range iterator")?;
        expect(field!(i64, iterator.0, range_iterator::START) == 10, "range iterator")?;
        expect(field!(i64, iterator.0, range_iterator::STEP) == 7, "range iterator")?;
        expect(field!(i64, iterator.0, range_iterator::LEN) == (1000 - 3 + 6) / 7 - 1, "range iterator")?;
        let tuple = Owned::new(ffi::PyTuple_Pack(2, start.0, stop.0))?;
        let iterator = Owned::new(ffi::PyObject_GetIter(tuple.0))?;
        drop(Owned::new(ffi::PyIter_Next(iterator.0))?);
        expect(field!(isize, iterator.0, tuple_iterator::IT_INDEX) == 1, "tuple iterator")?;
        expect(field!(*mut PyObject, iterator.0, tuple_iterator::IT_SEQ) == tuple.0, "tuple iterator")?;
        let list = Owned::new(ffi::PySequence_List(tuple.0))?;
        let iterator = Owned::new(ffi::PyObject_GetIter(list.0))?;
        drop(Owned::new(ffi::PyIter_Next(iterator.0))?);
        expect(field!(isize, iterator.0, list_iterator::IT_INDEX) == 1, "list iterator")?;
        expect(field!(*mut PyObject, iterator.0, list_iterator::IT_SEQ) == list.0, "list iterator")
    }
}

/// The running thread's state, by what the C API does to it.
unsafe fn thread() -> Result<(), String> {
    // SAFETY: the GIL is held; what is changed is put back.
    unsafe {
        let tstate: *mut ThreadState = symbols::_PyThreadState_GetCurrent();
        ffi::PyErr_SetNone(ffi::PyExc_StopIteration);
        let found = field!(*mut PyObject, tstate, thread_state::CURRENT_EXCEPTION);
        let raised = Owned::new(ffi::PyErr_GetRaisedException())?;
        expect(found == raised.0, "PyThreadState.current_exception")?;
        let before = field!(i32, tstate, thread_state::TRACING);
        ffi::PyThreadState_EnterTracing(tstate.cast());
        let inside = field!(i32, tstate, thread_state::TRACING);
        ffi::PyThreadState_LeaveTracing(tstate.cast());
        expect((before, inside) == (0, 1), "PyThreadState.tracing")?;
        expect(field!(i32, tstate, thread_state::WHAT_EVENT) == -1, "PyThreadState.what_event")?;
        // Not used in this build, or ours since an earlier start.
        let here = (&raw const before).addr();
        let limit = (*tstate).stack_limit;
        let is_ours = here.wrapping_sub(limit) <= coachwhip_abi::environment::STACK_RANGE.unsigned_abs() as usize;
        expect(limit == 0 || is_ours, "PyThreadState.dict_global_version")
    }
}

/// Definitions of methods and members, found by the classes' own tables.
unsafe fn definitions() -> Result<(), String> {
    // SAFETY: static classes; their tables end with a NULL name.
    unsafe {
        let list = &raw mut ffi::PyList_Type;
        let descriptor = Owned::new(ffi::PyObject_GetAttrString(list.cast(), c"append".as_ptr()))?;
        let mut method = (*list).tp_methods;
        while !(*method).ml_name.is_null() && CStr::from_ptr((*method).ml_name) != c"append" {
            method = method.add(1);
        }
        expect(field!(*mut ffi::PyTypeObject, descriptor.0, method_descriptor::D_TYPE) == list, "method descriptor")?;
        expect(field!(*mut ffi::PyMethodDef, descriptor.0, method_descriptor::D_METHOD) == method, "method descriptor")?;
        let function = &raw mut ffi::PyFunction_Type;
        let descriptor = Owned::new(ffi::PyObject_GetAttrString(function.cast(), c"__closure__".as_ptr()))?;
        let mut member = (*function).tp_members;
        while !(*member).name.is_null() && CStr::from_ptr((*member).name) != c"__closure__" {
            member = member.add(1);
        }
        expect(field!(*mut ffi::PyMemberDef, descriptor.0, member_descriptor::D_MEMBER) == member, "member descriptor")
    }
}

/// What the probes read from inside of calls, and what they look at afterwards.
const SOURCE: &CStr = match CStr::from_bytes_with_nul(concat!(include_str!("probes.py"), "\0").as_bytes()) {
    Ok(source) => source,
    Err(_) => panic!("probes.py has no NUL"),
};

/// The same as the interpreter of the build compiled it (`build.rs`): the magic number of its bytecode, and the code as `marshal` writes it. Empty if it could not be asked.
/// To compile the source takes a third of the self-test's time.
const COMPILED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/probes.marshal"));

/// The code of the source: a new reference, or NULL with an exception set.
unsafe fn code() -> *mut PyObject {
    // SAFETY: the GIL is held; what is read was written by `marshal` for bytecode of this magic number.
    unsafe {
        match COMPILED.split_first_chunk::<4>() {
            Some((magic, code)) if i64::from(u32::from_le_bytes(*magic)) == symbols::PyImport_GetMagicNumber() => {
                ffi::PyMarshal_ReadObjectFromString(code.as_ptr().cast(), code.len() as ffi::Py_ssize_t)
            }
            _ => ffi::Py_CompileString(SOURCE.as_ptr(), c"<coachwhip probe>".as_ptr(), ffi::Py_file_input),
        }
    }
}

thread_local! {
    /// What the function `look` found.
    static FOUND: Cell<Result<u32, String>> = const { Cell::new(Ok(0)) };
    /// What is left of the recursion limit in the first call that looks, and of the C recursion limit outside.
    static REMAINING: Cell<(i32, i32)> = const { Cell::new((0, 0)) };
}

/// `look(function, argument)`, called by `function`, whose first argument is `argument`; `look()` from one call further in; `look(1)` while an exception is handled.
unsafe extern "C" fn look(_module: *mut PyObject, args: *mut PyObject) -> *mut PyObject {
    // SAFETY: called by the interpreter with a tuple, the GIL held.
    unsafe {
        let found = match ffi::PyTuple_Size(args) {
            2 => look_at_frame(ffi::PyTuple_GetItem(args, 0), ffi::PyTuple_GetItem(args, 1)),
            0 => look_deeper(),
            _ => look_at_handled(),
        };
        FOUND.set(FOUND.replace(Ok(0)).and_then(|count| found.map(|()| count + 1)));
        ffi::Py_None()
    }
}

unsafe fn look_deeper() -> Result<(), String> {
    // SAFETY: the running thread's state.
    unsafe {
        let tstate: *mut ThreadState = symbols::_PyThreadState_GetCurrent();
        let remaining = field!(i32, tstate, thread_state::PY_RECURSION_REMAINING);
        expect(remaining == REMAINING.get().0 - 1, "PyThreadState.py_recursion_remaining")
    }
}

unsafe fn look_at_handled() -> Result<(), String> {
    // SAFETY: `exc_info` has a pointer or NULL before and behind it.
    unsafe {
        let tstate: *mut ThreadState = symbols::_PyThreadState_GetCurrent();
        let info = field!(*mut u8, tstate, thread_state::EXC_INFO);
        expect(!info.is_null(), "PyThreadState.exc_info")?;
        let handled = Owned::new(ffi::PyErr_GetHandledException())?;
        expect(field!(*mut PyObject, info, err_stack_item::EXC_VALUE) == handled.0, "PyThreadState.exc_info")
    }
}

unsafe fn look_at_frame(function: *mut PyObject, argument: *mut PyObject) -> Result<(), String> {
    // SAFETY: `current_frame`'s offset was compared with the debug offsets; each further step relies on what was checked before.
    unsafe {
        let tstate: *mut ThreadState = symbols::_PyThreadState_GetCurrent();
        let frame = field!(*mut u8, tstate, thread_state::CURRENT_FRAME);
        expect(!frame.is_null() && field!(*mut PyObject, frame, frame::F_FUNCOBJ) == function, "frame")?;
        let code = Owned(ffi::Py_NewRef(function)).attribute(c"__code__")?;
        expect(field!(*mut PyObject, frame, frame::F_EXECUTABLE) == code.0, "frame")?;
        let globals = field!(*mut PyObject, frame, frame::F_GLOBALS);
        expect(globals == ffi::PyFunction_GetGlobals(function), "frame")?;
        expect(field!(*mut PyObject, frame, frame::F_BUILTINS) == ffi::PyEval_GetBuiltins(), "frame")?;
        let object = Owned::new(ffi::PyThreadState_GetFrame(tstate.cast()).cast())?;
        expect(field!(*mut PyObject, frame, frame::FRAME_OBJ) == object.0, "frame object")?;
        expect(field!(*mut u8, object.0, frame_object::F_FRAME) == frame, "frame object")?;
        expect(field!(usize, frame, frame::F_LOCALS) == 0, "frame")?;
        // The interpreter has its stack pointer in a register while it runs a frame.
        expect(field!(i32, frame, frame::STACKTOP) == -1, "frame")?;
        expect(usize::from(field!(u8, frame, frame::OWNER)) == layout::frame::OWNED_BY_THREAD, "frame")?;
        let locals = field!([*mut PyObject; 4], frame, frame::LOCALSPLUS);
        expect(locals[0] == argument && locals[3] == argument, "frame locals")?;
        let code = code.0.cast::<CodeObject>();
        let instruction = field!(usize, frame, frame::INSTR_PTR).wrapping_sub(CodeObject::units(code).addr());
        expect(instruction > 0 && instruction / 2 < CodeObject::unit_count(code), "frame instr_ptr")?;
        // The caller waits in a CALL: one unit and three caches.
        let caller = field!(*mut u8, frame, frame::PREVIOUS);
        expect(!caller.is_null() && field!(*mut PyObject, caller, frame::F_GLOBALS) == globals, "frame")?;
        expect(field!(u16, caller, frame::RETURN_OFFSET) == 4, "frame")?;
        let words = usize::try_from((*code).co_framesize).unwrap_or(0);
        let top = field!(usize, tstate, thread_state::DATASTACK_TOP);
        expect(frame.addr() + words * size_of::<usize>() == top, "PyThreadState.datastack_top")?;
        expect(field!(i32, tstate, thread_state::PY_RECURSION_LIMIT) == ffi::Py_GetRecursionLimit(), "PyThreadState.py_recursion_limit")?;
        REMAINING.set((field!(i32, tstate, thread_state::PY_RECURSION_REMAINING), REMAINING.get().1));
        let remaining = field!(i32, tstate, thread_state::C_RECURSION_REMAINING);
        expect((1..10).contains(&(REMAINING.get().1 - remaining)), "PyThreadState.c_recursion_remaining")
    }
}

/// The chunks of the data stack: a frame that is too large for the first one is pushed, and popped again.
unsafe fn data_stack(function: *mut PyObject) -> Result<(), String> {
    // SAFETY: a function without parameters, over code whose frames are larger than any chunk that is in use now would have room for; the frame is never run.
    unsafe {
        let tstate: *mut ThreadState = symbols::_PyThreadState_GetCurrent();
        let (old, old_top) = ((*tstate).datastack_chunk, (*tstate).datastack_top);
        let frame = symbols::_PyEvalFramePushAndInit(tstate, ffi::Py_NewRef(function).cast(), std::ptr::null_mut(), std::ptr::null(), 0, std::ptr::null_mut());
        if frame.is_null() {
            ffi::PyErr_Clear();
            return Err("a probe of the interpreter failed with an exception".to_owned());
        }
        let chunk = field!(*mut u8, tstate, thread_state::DATASTACK_CHUNK);
        let data = at!(stack_chunk::DATA, 8);
        let found = chunk != old.cast()
            && field!(*mut u8, chunk, stack_chunk::PREVIOUS) == old.cast()
            && frame.addr() == chunk.addr() + data + if old.is_null() { 8 } else { 0 }
            && field!(usize, tstate, thread_state::DATASTACK_LIMIT) == chunk.addr() + (*(*tstate).datastack_chunk).size
            && (old.is_null() || (*old).top == (old_top.addr() - old.addr() - layout::stack_chunk::DATA) / size_of::<usize>());
        ffi::Py_DECREF((*frame).f_executable);
        ffi::Py_DECREF((*frame).f_funcobj);
        symbols::_PyThreadState_PopFrame(tstate, frame);
        expect(found, "the data stack")
    }
}

static SUBTYPE_DEALLOC: AtomicUsize = AtomicUsize::new(0);

/// The address of `subtype_dealloc` (Objects/typeobject.c, not exported), which destroys instances of classes that Python code makes; 0 before the probes ran.
pub(super) fn subtype_dealloc() -> usize {
    SUBTYPE_DEALLOC.load(Ordering::Relaxed)
}

/// Functions, their code, running frames, a generator, instances, classes, a bound method, a property.
unsafe fn functions() -> Result<(), String> {
    // The interpreter keeps the pointer for as long as the function object lives: a static.
    struct Definition(ffi::PyMethodDef);
    // SAFETY: never changed.
    unsafe impl Sync for Definition {}
    static LOOK: Definition = Definition(ffi::PyMethodDef {
        ml_name: c"look".as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunction: look },
        ml_flags: ffi::METH_VARARGS,
        ml_doc: std::ptr::null(),
    });
    // SAFETY: the GIL is held; objects made here.
    unsafe {
        let globals = Owned::new(ffi::PyDict_New())?;
        let (receiver, module) = (Owned::new(ffi::PyList_New(0))?, Owned::new(ffi::PyUnicode_FromString(c"probe".as_ptr()))?);
        let look_function = Owned::new(ffi::PyCFunction_NewEx((&raw const LOOK.0).cast_mut(), receiver.0, module.0))?;
        expect(ffi::PyDict_SetItemString(globals.0, c"look".as_ptr(), look_function.0) == 0, "dict")?;
        expect(ffi::PyDict_SetItemString(globals.0, c"__builtins__".as_ptr(), ffi::PyEval_GetBuiltins()) == 0, "dict")?;
        expect(field!(*const ffi::PyMethodDef, look_function.0, builtin_function::M_ML) == &raw const LOOK.0, "builtin function")?;
        expect(field!(*mut PyObject, look_function.0, builtin_function::M_SELF) == receiver.0, "builtin function")?;
        expect(field!(*mut PyObject, look_function.0, builtin_function::M_MODULE) == module.0, "builtin function")?;
        let code = Owned::new(code())?;
        FOUND.set(Ok(0));
        REMAINING.set((0, field!(i32, symbols::_PyThreadState_GetCurrent(), thread_state::C_RECURSION_REMAINING)));
        drop(Owned::new(ffi::PyEval_EvalCode(code.0, globals.0, globals.0))?);
        let count = FOUND.replace(Ok(0))?;
        ensure(count == 3, || "a probe of the interpreter did not run".to_owned())?;

        let get = |name: &CStr| -> Result<*mut PyObject, String> {
            let object = ffi::PyDict_GetItemString(globals.0, name.as_ptr());
            if object.is_null() { Err("a probe of the interpreter failed".to_owned()) } else { Ok(object) }
        };
        function_and_code(get(c"probe")?, globals.0)?;
        function_and_code(get(c"shape")?, globals.0)?;
        let large = Owned(ffi::Py_NewRef(get(c"outer")?)).attribute(c"__code__")?;
        let (empty, names) = (Owned::new(ffi::PyTuple_New(0))?, Owned::new(ffi::PyDict_New())?);
        let size = Owned::new(ffi::PyLong_FromLong(8000))?;
        expect(ffi::PyDict_SetItemString(names.0, c"co_stacksize".as_ptr(), size.0) == 0, "dict")?;
        let large = Owned::new(ffi::PyObject_Call(large.attribute(c"replace")?.0, empty.0, names.0))?;
        // It has never run. Before the extra slots stands the first unit that may be traced, 2 in this code.
        expect(field!(usize, large.0, code::CO_MONITORING) == 0 && field!(usize, large.0, code::CO_EXTRA) == 0, "code")?;
        data_stack(Owned::new(ffi::PyFunction_New(large.0, globals.0))?.0)?;

        let suspended = get(c"suspended")?;
        expect(field!(i8, suspended, generator::GI_FRAME_STATE) == -2, "generator")?;
        let frame = suspended.cast::<u8>().wrapping_add(at!(generator::GI_IFRAME, 8));
        expect(read::<*mut PyObject>(frame, layout::frame::F_FUNCOBJ) == get(c"generator")?, "generator")?;
        expect(usize::from(read::<u8>(frame, layout::frame::OWNER)) == layout::frame::OWNED_BY_GENERATOR, "generator")?;

        let class = get(c"Instance")?.cast::<ffi::PyTypeObject>();
        SUBTYPE_DEALLOC.store((*class).tp_dealloc.map_or(0, |dealloc| dealloc as usize), Ordering::Relaxed);
        classes(class, get(c"Items")?.cast())?;
        instances(get(c"instance")?, get(c"detached")?)?;

        let method = get(c"method")?;
        expect(field!(*mut PyObject, method, method::IM_SELF) == get(c"instance")?, "method")?;
        let function = Owned(ffi::Py_NewRef(class.cast())).attribute(c"method")?;
        expect(field!(*mut PyObject, method, method::IM_FUNC) == function.0, "method")?;
        let property = Owned(ffi::Py_NewRef(class.cast())).attribute(c"value")?;
        expect(field!(*mut PyObject, property.0, property::PROP_GET) == function.0, "property")?;
        expect(field!(*mut PyObject, property.0, property::PROP_SET) == property.attribute(c"fset")?.0, "property")
    }
}

/// `class` has instances with two attributes and inline values, `with_getitem` a `__getitem__` that the interpreter has specialised a subscript for.
unsafe fn classes(class: *mut ffi::PyTypeObject, with_getitem: *mut ffi::PyTypeObject) -> Result<(), String> {
    // SAFETY: live heap types.
    unsafe {
        let flags = field!(usize, class, type_object::TP_FLAGS);
        expect(flags & layout::type_object::FLAG_INLINE_VALUES != 0 && flags & layout::type_object::FLAG_HEAPTYPE != 0, "type flags")?;
        let qualname = Owned(ffi::Py_NewRef(class.cast())).attribute(c"__qualname__")?;
        expect(field!(*mut PyObject, class, type_object::HT_QUALNAME) == qualname.0, "type's name")?;
        symbols::PyUnstable_Type_AssignVersionTag(class);
        let assigned = field!(u32, class, type_object::TP_VERSION_TAG);
        ffi::PyType_Modified(class);
        expect(assigned != 0 && field!(u32, class, type_object::TP_VERSION_TAG) == 0, "type's version")?;
        let getitem = Owned(ffi::Py_NewRef(with_getitem.cast())).attribute(c"__getitem__")?;
        expect(field!(*mut PyObject, with_getitem, type_object::SPEC_CACHE_GETITEM) == getitem.0, "type's cache")?;
        // The neighbours are a function and the slots' names: neither has two keys and is split.
        let keys = field!(*mut DictKeys, class, type_object::HT_CACHED_KEYS);
        expect(!keys.is_null() && usize::from((*keys).dk_kind) == layout::dict_keys::KIND_SPLIT && (*keys).dk_nentries == 2, "type's cached keys")
    }
}

unsafe fn instances(instance: *mut PyObject, detached: *mut PyObject) -> Result<(), String> {
    // SAFETY: live instances of a class with inline values.
    unsafe {
        let values = inline_values(instance).cast::<u8>();
        // Room for all keys that instances can share (SHARED_KEYS_MAX_SIZE, pycore_dict.h), fewer with each instance that was made.
        expect((20..=30).contains(&field!(u8, values, dict_values::CAPACITY)) && field!(u8, values, dict_values::USED) == 2, "inline values")?;
        expect(field!(u8, values, dict_values::EMBEDDED) == 1 && field!(u8, values, dict_values::VALID) == 1, "inline values")?;
        let second = Owned(ffi::Py_NewRef(instance)).attribute(c"second")?;
        expect(field!([*mut PyObject; 2], values, dict_values::VALUES)[1] == second.0, "inline values")?;
        let values = inline_values(detached).cast::<u8>();
        expect(field!(u8, values, dict_values::EMBEDDED) == 1 && field!(u8, values, dict_values::VALID) == 0, "inline values")?;
        let place = |object: *mut PyObject| object.cast::<u8>().wrapping_sub(at!(managed::DICT, 8)).cast::<*mut PyObject>();
        expect((*place(instance)).is_null(), "managed dict")?;
        let dict = Owned(ffi::Py_NewRef(instance)).attribute(c"__dict__")?;
        expect(*place(instance) == dict.0, "managed dict")
    }
}

/// The address that an attribute's value must have in the structure: NULL stands for None.
unsafe fn stored(owner: &Owned, name: &CStr) -> Result<*mut PyObject, String> {
    // SAFETY: a live object.
    unsafe {
        let value = owner.attribute(name)?;
        Ok(if value.0 == ffi::Py_None() { std::ptr::null_mut() } else { value.0 })
    }
}

unsafe fn function_and_code(function: *mut PyObject, globals: *mut PyObject) -> Result<(), String> {
    // SAFETY: a live function, whose fields are compared with what its attributes say.
    unsafe {
        let owner = Owned(ffi::Py_NewRef(function));
        let code = owner.attribute(c"__code__")?;
        expect(field!(*mut PyObject, function, function::FUNC_CODE) == code.0, "function")?;
        expect(field!(*mut PyObject, function, function::FUNC_GLOBALS) == globals, "function")?;
        expect(field!(*mut PyObject, function, function::FUNC_BUILTINS) == owner.attribute(c"__builtins__")?.0, "function")?;
        expect(field!(*mut PyObject, function, function::FUNC_QUALNAME) == owner.attribute(c"__qualname__")?.0, "function")?;
        expect(field!(*mut PyObject, function, function::FUNC_DEFAULTS) == stored(&owner, c"__defaults__")?, "function")?;
        expect(field!(*mut PyObject, function, function::FUNC_KWDEFAULTS) == stored(&owner, c"__kwdefaults__")?, "function")?;
        expect(field!(*mut PyObject, function, function::FUNC_CLOSURE) == stored(&owner, c"__closure__")?, "function")?;
        let theirs = ffi::PyVectorcall_Function(function).map(|entry| entry as usize);
        expect(Some(field!(usize, function, function::VECTORCALL)) == theirs, "function vectorcall")?;
        let version = field!(u32, code.0, code::CO_VERSION);
        expect(version != 0 && field!(u32, function, function::FUNC_VERSION) == version, "function's version")?;
        for (name, value) in [
            (c"co_argcount", field!(i32, code.0, code::CO_ARGCOUNT)),
            (c"co_posonlyargcount", field!(i32, code.0, code::CO_POSONLYARGCOUNT)),
            (c"co_kwonlyargcount", field!(i32, code.0, code::CO_KWONLYARGCOUNT)),
            (c"co_stacksize", field!(i32, code.0, code::CO_STACKSIZE)),
            (c"co_flags", field!(i32, code.0, code::CO_FLAGS)),
            (c"co_firstlineno", field!(i32, code.0, code::CO_FIRSTLINENO)),
            (c"co_nlocals", field!(i32, code.0, code::CO_NLOCALS)),
        ] {
            expect(ffi::PyLong_AsLong(code.attribute(name)?.0) == value.into(), "code")?;
        }
        for (name, value) in [
            (c"co_consts", field!(*mut PyObject, code.0, code::CO_CONSTS)),
            (c"co_names", field!(*mut PyObject, code.0, code::CO_NAMES)),
            (c"co_exceptiontable", field!(*mut PyObject, code.0, code::CO_EXCEPTIONTABLE)),
            (c"co_filename", field!(*mut PyObject, code.0, code::CO_FILENAME)),
            (c"co_name", field!(*mut PyObject, code.0, code::CO_NAME)),
            (c"co_qualname", field!(*mut PyObject, code.0, code::CO_QUALNAME)),
            (c"co_linetable", field!(*mut PyObject, code.0, code::CO_LINETABLE)),
        ] {
            expect(code.attribute(name)?.0 == value, "code")?;
        }
        let names = field!(*mut PyObject, code.0, code::CO_LOCALSPLUSNAMES);
        let slots = field!(i32, code.0, code::CO_NLOCALSPLUS);
        expect(ffi::PyTuple_Check(names) != 0 && ffi::PyTuple_Size(names) == slots as isize, "code")?;
        let kinds = field!(*mut PyObject, code.0, code::CO_LOCALSPLUSKINDS);
        expect(ffi::PyBytes_Check(kinds) != 0 && ffi::PyBytes_Size(kinds) == slots as isize, "code")?;
        let words = slots + field!(i32, code.0, code::CO_STACKSIZE) + i32::try_from(at!(frame::SPECIALS_SIZE, 1)).unwrap_or(0);
        expect(field!(i32, code.0, code::CO_FRAMESIZE) == words, "code")?;
        let bytes = Owned::new(symbols::PyCode_GetCode(code.0.cast()))?;
        expect(ffi::PyBytes_Size(bytes.0) == field!(isize, code.0, object::OB_SIZE) * 2, "code units")?;
        // It is the first RESUME that may be traced.
        let units = std::slice::from_raw_parts(ffi::PyBytes_AsString(bytes.0).cast::<u8>(), usize::try_from(ffi::PyBytes_Size(bytes.0)).unwrap_or(0));
        let resume = units.chunks(2).position(|unit| unit[0] == number::RESUME);
        expect(resume.is_some_and(|unit| field!(i32, code.0, code::CO_FIRSTTRACEABLE) == unit as i32), "code")
    }
}

/// The address of the small int 0 and the distance between neighbours; verified for all of them.
pub(super) unsafe fn small_ints() -> Result<(usize, usize), String> {
    // SAFETY: small ints are immortal: their references need not be given back.
    unsafe {
        let zero = ffi::PyLong_FromLong(0) as usize;
        let size = (ffi::PyLong_FromLong(1) as usize).wrapping_sub(zero);
        let negative = i64::try_from(layout::small_ints::SMALL_NEGATIVE_INTS).unwrap_or(0);
        let positive = i64::try_from(layout::small_ints::SMALL_POSITIVE_INTS).unwrap_or(0);
        for value in -negative..positive {
            let expected = zero.wrapping_add_signed((value * size.cast_signed() as i64) as isize);
            expect(ffi::PyLong_FromLong(value) as usize == expected && size == layout::long::SIZE, "the table of small ints")?;
        }
        Ok((zero, size))
    }
}

/// The address of the interpreter's float free list, 0 if a float that is freed and made again does not pass through it.
pub(super) unsafe fn float_free_list() -> usize {
    /// `struct _Py_float_freelist` (pycore_freelist.h)
    #[repr(C)]
    struct FloatFreeList {
        numfree: i32,
        items: *mut PyObject,
    }
    // SAFETY: the list lies within PyInterpreterState, whose size the debug offsets tell; it is only read.
    unsafe {
        let list = at!(interpreter::FLOAT_FREE_LIST, 8);
        let end = list + size_of::<FloatFreeList>();
        if end > interpreter_state_size() {
            return 0;
        }
        let list = ffi::PyInterpreterState_Get().cast::<u8>().add(list).cast::<FloatFreeList>();
        for value in [0.5, 0.25, 0.125] {
            let float = ffi::PyFloat_FromDouble(value);
            if float.is_null() {
                ffi::PyErr_Clear();
                return 0;
            }
            let before = list.read();
            ffi::Py_DECREF(float);
            let freed = list.read();
            // The list holds at most PyFloat_MAXFREELIST = 100.
            if !(0..100).contains(&before.numfree) || freed.numfree != before.numfree + 1 || freed.items != float {
                return 0;
            }
            let again = ffi::PyFloat_FromDouble(value);
            let after = list.read();
            let same = again == float && after.numfree == before.numfree && after.items == before.items;
            ffi::Py_DECREF(again);
            if !same {
                return 0;
            }
        }
        list as usize
    }
}

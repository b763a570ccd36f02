//! Probes: known objects are made with the C API and read through our layouts. What they do not find as expected keeps Coachwhip off.

use super::environment::{ensure, interpreter_state_size};
use super::structs::{
    CellObject, CodeObject, DictKeys, DictObject, FrameObject, FunctionObject, GeneratorObject, InterpreterFrame, ThreadState, cached_keys, inline_values,
};
use super::{layout, symbols};
use pyo3_ffi::{self as ffi, PyObject};
use std::cell::RefCell;
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

/// Reads a field of an object.
unsafe fn read<T: Copy>(object: *mut PyObject, offset: usize) -> T {
    // SAFETY: the caller names a field of the object's structure as the C headers have it; reading a few words behind small objects stays in their memory block.
    unsafe { object.cast::<u8>().add(offset).cast::<T>().read_unaligned() }
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
        iterators()?;
        functions()
    }
}

unsafe fn numbers() -> Result<(), String> {
    // SAFETY: objects made here, read where their structures have fields.
    unsafe {
        let compact = Owned::new(ffi::PyLong_FromLong(-123_456_789))?;
        // One digit: tag = 1 << NON_SIZE_BITS | sign, where the sign is 0, 1 (zero) or 2 (negative); pycore_long.h.
        expect(read::<usize>(compact.0, layout::long::LV_TAG) == 1 << layout::long::NON_SIZE_BITS | 2, "int")?;
        expect(read::<u32>(compact.0, layout::long::OB_DIGIT) == 123_456_789, "int")?;
        let big = Owned::new(ffi::PyLong_FromLongLong((5 << layout::long::SHIFT) + 7))?;
        expect(read::<usize>(big.0, layout::long::LV_TAG) == 2 << layout::long::NON_SIZE_BITS, "int")?;
        expect(read::<[u32; 2]>(big.0, layout::long::OB_DIGIT) == [7, 5], "int")?;
        let float = Owned::new(ffi::PyFloat_FromDouble(1.25))?;
        expect(read::<u64>(float.0, layout::float::OB_FVAL) == 1.25f64.to_bits(), "float")?;
        let str_ = Owned::new(ffi::PyUnicode_FromString(c"coachwhip".as_ptr()))?;
        expect(read::<isize>(str_.0, layout::unicode::LENGTH) == 9, "str")?;
        expect(&read::<[u8; 9]>(str_.0, layout::unicode::SIZE) == b"coachwhip", "str")?;
        let bytes = Owned::new(ffi::PyBytes_FromString(c"whip".as_ptr()))?;
        expect(read::<isize>(bytes.0, layout::object::OB_SIZE) == 4, "bytes")?;
        expect(&read::<[u8; 4]>(bytes.0, layout::bytes::OB_SVAL) == b"whip", "bytes")
    }
}

unsafe fn containers() -> Result<(), String> {
    // SAFETY: as above.
    unsafe {
        let key = Owned::new(ffi::PyUnicode_InternFromString(c"key".as_ptr()))?;
        let value = Owned::new(ffi::PyFloat_FromDouble(2.5))?;
        let list = Owned::new(ffi::PyList_New(0))?;
        expect(ffi::PyList_Append(list.0, value.0) == 0, "list")?;
        expect(read::<isize>(list.0, layout::object::OB_SIZE) == 1, "list")?;
        expect(*read::<*mut *mut PyObject>(list.0, layout::list::OB_ITEM) == value.0, "list")?;
        expect(read::<isize>(list.0, layout::list::ALLOCATED) >= 1, "list")?;
        let tuple = Owned::new(ffi::PyTuple_Pack(2, key.0, value.0))?;
        expect(read::<isize>(tuple.0, layout::object::OB_SIZE) == 2, "tuple")?;
        expect(read::<[*mut PyObject; 2]>(tuple.0, layout::tuple::OB_ITEM) == [key.0, value.0], "tuple")?;
        let cell = Owned::new(ffi::PyCell_New(value.0))?;
        expect((*cell.0.cast::<CellObject>()).ob_ref == value.0, "cell")?;
        let set = Owned::new(ffi::PySet_New(tuple.0))?;
        expect(read::<isize>(set.0, layout::set::USED) == 2, "set")?;
        let slice = Owned::new(ffi::PySlice_New(key.0, value.0, tuple.0))?;
        expect(read::<[*mut PyObject; 3]>(slice.0, layout::slice::START) == [key.0, value.0, tuple.0], "slice")?;

        let dict = Owned::new(ffi::PyDict_New())?;
        expect(ffi::PyDict_SetItem(dict.0, key.0, value.0) == 0, "dict")?;
        let fields = dict.0.cast::<DictObject>();
        expect((*fields).ma_used == 1 && (*fields).ma_values.is_null(), "dict")?;
        let keys = (*fields).ma_keys;
        expect((*keys).is_unicode() && (*keys).dk_nentries == 1 && (*keys).dk_log2_size < 8, "dict keys")?;
        let entry = DictKeys::unicode_entries(keys);
        expect((*entry).me_key == key.0 && (*entry).me_value == value.0, "dict entry")?;
        expect(ffi::PyDict_SetItem(dict.0, value.0, key.0) == 0, "dict")?;
        let keys = (*fields).ma_keys;
        expect(!(*keys).is_unicode() && (*keys).dk_nentries == 2, "dict keys")?;
        let entries = DictKeys::entries(keys).cast::<super::structs::DictEntry>();
        expect((*entries.add(1)).me_key == value.0 && (*entries.add(1)).me_value == key.0, "dict entry")
    }
}

unsafe fn iterators() -> Result<(), String> {
    // SAFETY: as above.
    unsafe {
        let range_class = (&raw mut ffi::PyRange_Type).cast::<PyObject>();
        let (start, stop, step) = (Owned::new(ffi::PyLong_FromLong(3))?, Owned::new(ffi::PyLong_FromLong(1000))?, Owned::new(ffi::PyLong_FromLong(7))?);
        let arguments = [start.0, stop.0, step.0];
        let range = Owned::new(ffi::PyObject_Vectorcall(range_class, arguments.as_ptr(), 3, std::ptr::null_mut()))?;
        expect(read::<[*mut PyObject; 3]>(range.0, layout::object::SIZE) == arguments, "range")?;
        let iterator = Owned::new(ffi::PyObject_GetIter(range.0))?;
        drop(Owned::new(ffi::PyIter_Next(iterator.0))?);
        expect(ffi::Py_TYPE(iterator.0) == &raw mut ffi::PyRangeIter_Type, "range iterator")?;
        expect(read::<i64>(iterator.0, layout::range_iterator::START) == 10, "range iterator")?;
        expect(read::<i64>(iterator.0, layout::range_iterator::STEP) == 7, "range iterator")?;
        expect(read::<i64>(iterator.0, layout::range_iterator::LEN) == (1000 - 3 + 6) / 7 - 1, "range iterator")?;
        let tuple = Owned::new(ffi::PyTuple_Pack(2, start.0, stop.0))?;
        let iterator = Owned::new(ffi::PyObject_GetIter(tuple.0))?;
        drop(Owned::new(ffi::PyIter_Next(iterator.0))?);
        expect(read::<isize>(iterator.0, layout::tuple_iterator::IT_INDEX) == 1, "tuple iterator")?;
        expect(read::<*mut PyObject>(iterator.0, layout::tuple_iterator::IT_SEQ) == tuple.0, "tuple iterator")?;
        let list = Owned::new(ffi::PySequence_List(tuple.0))?;
        let iterator = Owned::new(ffi::PyObject_GetIter(list.0))?;
        drop(Owned::new(ffi::PyIter_Next(iterator.0))?);
        expect(read::<isize>(iterator.0, layout::list_iterator::IT_INDEX) == 1, "list iterator")?;
        expect(read::<*mut PyObject>(iterator.0, layout::list_iterator::IT_SEQ) == list.0, "list iterator")
    }
}

/// What the probe reads from inside a call.
const SOURCE: &CStr = c"
def probe(first, second=2, *, third=3):
    local = first
    look(probe, first)
    return local

def generator(first):
    yield first

class Instance:
    def __init__(self):
        self.first = 1.5
        self.second = 2.5
    def method(self):
        pass

instance = Instance()
method = instance.method
suspended = generator(3)
next(suspended)
probe(instance)
";

thread_local! {
    /// What the function `look` found.
    static FOUND: RefCell<Option<Result<(), String>>> = const { RefCell::new(None) };
}

/// `look(function, argument)`, called by `function`, whose first argument is `argument`.
unsafe extern "C" fn look(_module: *mut PyObject, args: *mut PyObject) -> *mut PyObject {
    // SAFETY: called by the interpreter with a tuple, the GIL held.
    let found = unsafe { look_at_frame(ffi::PyTuple_GetItem(args, 0), ffi::PyTuple_GetItem(args, 1)) };
    FOUND.with(|cell| *cell.borrow_mut() = Some(found));
    // SAFETY: None is immortal.
    unsafe { ffi::Py_None() }
}

unsafe fn look_at_frame(function: *mut PyObject, argument: *mut PyObject) -> Result<(), String> {
    // SAFETY: `current_frame`'s offset was compared with the debug offsets; each further step relies on what was checked before.
    unsafe {
        let tstate: *mut ThreadState = symbols::_PyThreadState_GetCurrent();
        let frame = (*tstate).current_frame;
        let fields = function.cast::<FunctionObject>();
        expect(!frame.is_null() && (*frame).f_funcobj == function, "frame")?;
        let code = (*fields).func_code;
        expect(InterpreterFrame::code(frame) == code, "frame")?;
        expect((*frame).f_globals == (*fields).func_globals && (*frame).f_builtins == (*fields).func_builtins, "frame")?;
        expect((*frame).f_locals.is_null() && usize::from((*frame).owner) == layout::frame::OWNED_BY_THREAD, "frame")?;
        expect(*InterpreterFrame::slot(frame, 0) == argument && *InterpreterFrame::slot(frame, 3) == argument, "frame locals")?;
        let offset = InterpreterFrame::instruction_offset(frame);
        expect(offset > 0 && offset.cast_unsigned() < CodeObject::unit_count(code), "frame instr_ptr")?;
        let words = usize::try_from((*code).co_framesize).unwrap_or(0);
        let top = (*tstate).datastack_top;
        expect(frame.cast::<*mut PyObject>().add(words) == top && top < (*tstate).datastack_limit, "PyThreadState.datastack_top")?;
        expect((*tstate).tracing == 0 && (*tstate).current_exception.is_null() && !(*tstate).exc_info.is_null(), "PyThreadState")?;
        let (remaining, limit) = ((*tstate).py_recursion_remaining, (*tstate).py_recursion_limit);
        expect(remaining < limit && limit == ffi::Py_GetRecursionLimit(), "PyThreadState.py_recursion_remaining")?;
        // Not used in this build, or ours since an earlier start.
        let here = std::ptr::from_ref(&words).addr();
        expect(
            (*tstate).stack_limit == 0 || here.wrapping_sub((*tstate).stack_limit) <= coachwhip_abi::environment::STACK_RANGE.unsigned_abs() as usize,
            "PyThreadState.dict_global_version",
        )?;
        expect((*tstate).c_recursion_remaining > 0, "PyThreadState.c_recursion_remaining")?;
        let object = Owned::new(ffi::PyThreadState_GetFrame(tstate.cast()).cast())?;
        let frame_object = object.0.cast::<FrameObject>();
        expect((*frame_object).f_frame == frame && (*frame).frame_obj == frame_object, "frame object")
    }
}

static SUBTYPE_DEALLOC: AtomicUsize = AtomicUsize::new(0);

/// The address of `subtype_dealloc` (Objects/typeobject.c, not exported), which destroys instances of classes that Python code makes; 0 before the probes ran.
pub(super) fn subtype_dealloc() -> usize {
    SUBTYPE_DEALLOC.load(Ordering::Relaxed)
}

/// A function, its code, its running frame, a generator, an instance with inline values, a bound method.
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
        let look_function = Owned::new(ffi::PyCFunction_New((&raw const LOOK.0).cast_mut(), std::ptr::null_mut()))?;
        expect(ffi::PyDict_SetItemString(globals.0, c"look".as_ptr(), look_function.0) == 0, "dict")?;
        expect(ffi::PyDict_SetItemString(globals.0, c"__builtins__".as_ptr(), ffi::PyEval_GetBuiltins()) == 0, "dict")?;
        expect(read::<*const ffi::PyMethodDef>(look_function.0, layout::builtin_function::M_ML) == &raw const LOOK.0, "builtin function")?;
        let code = Owned::new(ffi::Py_CompileString(SOURCE.as_ptr(), c"<coachwhip probe>".as_ptr(), ffi::Py_file_input))?;
        drop(Owned::new(ffi::PyEval_EvalCode(code.0, globals.0, globals.0))?);
        FOUND.with(|cell| cell.borrow_mut().take()).unwrap_or_else(|| Err("a probe of the interpreter did not run".to_owned()))?;

        let get = |name: &CStr| -> Result<*mut PyObject, String> {
            let object = ffi::PyDict_GetItemString(globals.0, name.as_ptr());
            if object.is_null() { Err("a probe of the interpreter failed".to_owned()) } else { Ok(object) }
        };
        function_and_code(get(c"probe")?, globals.0)?;

        let suspended = get(c"suspended")?.cast::<GeneratorObject>();
        let frame = &raw mut (*suspended).gi_iframe;
        expect((*suspended).gi_frame_state == -2 && (*frame).f_funcobj == get(c"generator")?, "generator")?;
        expect(usize::from((*frame).owner) == layout::frame::OWNED_BY_GENERATOR && (*frame).stacktop >= 1, "generator")?;

        let class = get(c"Instance")?.cast::<ffi::PyTypeObject>();
        let instance = get(c"instance")?;
        let flags = usize::try_from((*class).tp_flags).unwrap_or(0);
        expect(flags & layout::type_object::FLAG_INLINE_VALUES != 0, "type flags")?;
        SUBTYPE_DEALLOC.store((*class).tp_dealloc.map_or(0, |dealloc| dealloc as usize), Ordering::Relaxed);
        let keys = cached_keys(class);
        expect(!keys.is_null() && usize::from((*keys).dk_kind) == layout::dict_keys::KIND_SPLIT && (*keys).dk_nentries == 2, "type's cached keys")?;
        let values = inline_values(instance);
        expect((*values).valid == 1 && (*values).size == 2 && (*values).embedded == 1, "inline values")?;
        let second = values.cast::<u8>().add(layout::dict_values::VALUES).cast::<*mut PyObject>().add(1).read();
        expect(ffi::PyFloat_AsDouble(second).to_bits() == 2.5f64.to_bits(), "inline values")?;
        expect((*super::structs::managed_dict(instance)).is_null(), "managed dict")?;
        let dict = Owned(ffi::Py_NewRef(instance)).attribute(c"__dict__")?;
        expect(*super::structs::managed_dict(instance) == dict.0, "managed dict")?;

        let method = get(c"method")?;
        expect(read::<*mut PyObject>(method, layout::method::IM_SELF) == instance, "method")?;
        expect(ffi::PyFunction_Check(read::<*mut PyObject>(method, layout::method::IM_FUNC)) != 0, "method")
    }
}

unsafe fn function_and_code(function: *mut PyObject, globals: *mut PyObject) -> Result<(), String> {
    // SAFETY: a live function, whose fields are compared with what its attributes say.
    unsafe {
        let owner = Owned(ffi::Py_NewRef(function));
        let fields = function.cast::<FunctionObject>();
        let code = owner.attribute(c"__code__")?;
        expect((*fields).func_code.cast::<PyObject>() == code.0 && (*fields).func_globals == globals, "function")?;
        expect((*fields).func_defaults == owner.attribute(c"__defaults__")?.0, "function")?;
        expect((*fields).func_kwdefaults == owner.attribute(c"__kwdefaults__")?.0, "function")?;
        expect((*fields).func_qualname == owner.attribute(c"__qualname__")?.0 && (*fields).func_closure.is_null(), "function")?;
        let (ours, theirs) = ((*fields).vectorcall, ffi::PyVectorcall_Function(function));
        expect(ours.map(|entry| entry as usize) == theirs.map(|entry| entry as usize), "function vectorcall")?;
        let fields = &*(*fields).func_code;
        for (name, value) in [
            (c"co_argcount", fields.co_argcount),
            (c"co_posonlyargcount", fields.co_posonlyargcount),
            (c"co_kwonlyargcount", fields.co_kwonlyargcount),
            (c"co_stacksize", fields.co_stacksize),
            (c"co_flags", fields.co_flags),
            (c"co_firstlineno", fields.co_firstlineno),
            (c"co_nlocals", fields.co_nlocals),
        ] {
            expect(ffi::PyLong_AsLong(code.attribute(name)?.0) == value.into(), "code")?;
        }
        for (name, value) in [
            (c"co_consts", fields.co_consts),
            (c"co_names", fields.co_names),
            (c"co_exceptiontable", fields.co_exceptiontable),
            (c"co_filename", fields.co_filename),
            (c"co_qualname", fields.co_qualname),
            (c"co_linetable", fields.co_linetable),
        ] {
            expect(code.attribute(name)?.0 == value, "code")?;
        }
        let words = fields.co_nlocalsplus + fields.co_stacksize + i32::try_from(layout::frame::SPECIALS_SIZE).unwrap_or(0);
        expect(fields.co_framesize == words, "code")?;
        let bytes = Owned::new(symbols::PyCode_GetCode(code.0.cast()))?;
        expect(ffi::PyBytes_Size(bytes.0) == fields.ob_base.ob_size * 2, "code units")
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
        let end = layout::interpreter::FLOAT_FREE_LIST + size_of::<FloatFreeList>();
        if end > interpreter_state_size() {
            return 0;
        }
        let list = ffi::PyInterpreterState_Get().cast::<u8>().add(layout::interpreter::FLOAT_FREE_LIST).cast::<FloatFreeList>();
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

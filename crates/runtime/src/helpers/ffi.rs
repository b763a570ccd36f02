//! What the helpers need of CPython beyond the public C API: the internal functions and structures of `coachwhip_cpython`, a few public functions that
//! pyo3-ffi leaves out, and short names for the fields that helpers read.

use super::{NULL, Object, Thread};
use coachwhip_cpython::layout;
use coachwhip_cpython::structs::{CodeObject, DictKeys, DictValues, InterpreterFrame};
use pyo3_ffi::{Py_ssize_t, PyObject, PyTypeObject};
use std::ffi::{c_int, c_long};
use std::sync::atomic::{AtomicPtr, Ordering};

pub use coachwhip_cpython::symbols::*;

#[allow(missing_docs)]
unsafe extern "C" {
    pub fn PyLong_AsInt(object: Object) -> c_int;
    pub fn PyMapping_GetOptionalItem(mapping: Object, key: Object, result: *mut Object) -> c_int;
    pub fn PyObject_Vectorcall(callable: Object, arguments: *const Object, count: usize, names: Object) -> Object;
    pub fn _PySet_Contains(set: Object, key: Object) -> c_int;
    // libm, the one that CPython's floats use
    pub fn pow(x: f64, y: f64) -> f64;
    pub fn fmod(x: f64, y: f64) -> f64;
}

/// `PY_VECTORCALL_ARGUMENTS_OFFSET`
pub const ARGUMENTS_OFFSET: usize = 1 << (usize::BITS - 1);

/// Offsets of `obj` and `name` in `PyAttributeErrorObject` (Include/cpython/pyerrors.h): behind a `PyBaseExceptionObject`.
const ATTRIBUTE_ERROR_OBJ: usize = size_of::<pyo3_ffi::PyBaseExceptionObject>();
const ATTRIBUTE_ERROR_NAME: usize = ATTRIBUTE_ERROR_OBJ + size_of::<Object>();

/// Reads a field.
///
/// # Safety
/// There is a `T` at this offset of the structure.
#[inline(always)]
unsafe fn field<T: Copy, S>(structure: *mut S, offset: usize) -> T {
    // SAFETY: as above.
    unsafe { structure.byte_add(offset).cast::<T>().read() }
}

/// Whether an exception is set.
///
/// # Safety
/// Contract of helpers.
#[inline(always)]
pub unsafe fn error_is_set(tstate: Thread) -> bool {
    // SAFETY: a thread state.
    !unsafe { (*tstate).current_exception }.is_null()
}

/// `&tstate->exc_info->exc_value`
///
/// # Safety
/// Contract of helpers.
#[inline(always)]
pub unsafe fn handled_exception(tstate: Thread) -> *mut Object {
    // SAFETY: `exc_info` is never NULL.
    unsafe { &raw mut (*(*tstate).exc_info).exc_value }
}

/// The code object of the current frame.
///
/// # Safety
/// Contract of helpers.
#[inline(always)]
pub unsafe fn current_code(tstate: Thread) -> *mut CodeObject {
    // SAFETY: `f_executable` of compiled frames is the code object.
    unsafe { InterpreterFrame::code((*tstate).current_frame) }
}

/// `f_globals` of the current frame.
///
/// # Safety
/// Contract of helpers.
#[inline(always)]
pub unsafe fn current_globals(tstate: Thread) -> Object {
    // SAFETY: a frame.
    unsafe { (*(*tstate).current_frame).f_globals }
}

/// `f_builtins` of the current frame.
///
/// # Safety
/// Contract of helpers.
#[inline(always)]
pub unsafe fn current_builtins(tstate: Thread) -> Object {
    // SAFETY: a frame.
    unsafe { (*(*tstate).current_frame).f_builtins }
}

/// The namespace of the current frame, or NULL if its code keeps its locals in slots (whose `f_locals` may be an activation record).
///
/// # Safety
/// Contract of helpers.
pub unsafe fn current_namespace(tstate: Thread) -> Object {
    const CO_OPTIMIZED: c_int = 1;
    // SAFETY: a frame and its code object.
    unsafe { if (*current_code(tstate)).co_flags & CO_OPTIMIZED != 0 { NULL } else { (*(*tstate).current_frame).f_locals } }
}

/// Sets `instr_ptr` of the current frame to an instruction, by its number of code units from the first.
///
/// # Safety
/// Contract of helpers.
pub unsafe fn set_current_instruction(tstate: Thread, index: c_long) {
    // SAFETY: a frame and its code object.
    unsafe { (*(*tstate).current_frame).instr_ptr = CodeObject::units(current_code(tstate)).offset(index as isize) };
}

/// The value of a compact int (`_PyLong_IsCompact`, `_PyLong_CompactValue`).
///
/// # Safety
/// It is an int object.
#[inline(always)]
pub unsafe fn compact_value(long: Object) -> Option<isize> {
    // SAFETY: as above; the low bits of the tag hold the sign, the rest counts digits.
    unsafe {
        let tag: usize = field(long, layout::long::LV_TAG);
        let digit: u32 = field(long, layout::long::OB_DIGIT);
        (tag < 2 << layout::long::NON_SIZE_BITS).then(|| (1 - (tag & layout::long::SIGN_MASK) as isize) * digit as isize)
    }
}

/// The keys that instances of a class share, or NULL.
///
/// # Safety
/// It is a heap type.
#[inline(always)]
pub unsafe fn cached_keys(class: *mut PyTypeObject) -> *mut DictKeys {
    // SAFETY: as above.
    unsafe { field(class, layout::type_object::HT_CACHED_KEYS) }
}

/// `dk_nentries`. Shared keys only grow, so that the number tells whether they changed.
///
/// # Safety
/// These are keys.
#[inline(always)]
pub unsafe fn keys_count(keys: *mut DictKeys) -> usize {
    // SAFETY: as above.
    unsafe { (*keys).dk_nentries as usize }
}

/// Whether all keys of a dict are strs.
///
/// # Safety
/// It is a dict.
#[inline(always)]
pub unsafe fn has_str_keys(dict: Object) -> bool {
    // SAFETY: as above.
    unsafe { (*field::<*mut DictKeys, _>(dict, layout::dict::MA_KEYS)).is_unicode() }
}

/// The index of a name in keys that have only str keys.
///
/// # Safety
/// These are keys, and `name` is a str.
pub unsafe fn keys_index(keys: *mut DictKeys, name: Object) -> Option<usize> {
    // SAFETY: as above.
    unsafe {
        if !(*keys).is_unicode() {
            return None;
        }
        let entries = DictKeys::unicode_entries(keys);
        (0..keys_count(keys)).find(|&index| {
            let key = (*entries.add(index)).me_key;
            !key.is_null() && (key == name || _PyUnicode_Equal(key, name) != 0)
        })
    }
}

/// The inline values of an instance (`_PyObject_InlineValues`).
#[derive(Clone, Copy)]
pub struct InlineValues(*mut DictValues);

impl InlineValues {
    /// Those of an instance.
    ///
    /// # Safety
    /// Its class has `Py_TPFLAGS_INLINE_VALUES`.
    #[inline(always)]
    pub unsafe fn of(object: Object, class: *mut PyTypeObject) -> InlineValues {
        // SAFETY: as above.
        InlineValues(unsafe { object.byte_offset((*class).tp_basicsize) }.cast())
    }

    /// Whether the instance still keeps its attributes here.
    ///
    /// # Safety
    /// The instance lives.
    #[inline(always)]
    pub unsafe fn are_valid(self) -> bool {
        // SAFETY: as above.
        unsafe { (*self.0).valid != 0 }
    }

    /// Where a value is.
    ///
    /// # Safety
    /// The instance lives and the index is one of its class's shared keys.
    #[inline(always)]
    pub unsafe fn place(self, index: usize) -> *mut Object {
        // SAFETY: as above.
        unsafe { (&raw mut (*self.0).values).cast::<Object>().add(index) }
    }

    /// `_PyDictValues_AddToInsertionOrder`
    ///
    /// # Safety
    /// The instance lives, the index is one of its class's shared keys, and its value was NULL.
    #[inline(always)]
    pub unsafe fn add_to_insertion_order(self, index: usize) {
        // SAFETY: the order stands behind the values, a byte for each.
        unsafe {
            let size = (*self.0).size;
            self.place((*self.0).capacity as usize).cast::<u8>().add(size as usize).write(index as u8);
            (*self.0).size = size + 1;
        }
    }
}

/// `_PyObject_GetManagedDict`
///
/// # Safety
/// The class of the object has `Py_TPFLAGS_MANAGED_DICT`.
#[inline(always)]
pub unsafe fn managed_dict(object: Object) -> Object {
    // SAFETY: as above.
    unsafe { object.byte_sub(layout::managed::DICT).cast::<Object>().read() }
}

/// `((PyModuleObject *)module)->md_dict`
///
/// # Safety
/// It is a module.
#[inline(always)]
pub unsafe fn module_dict(module: Object) -> Object {
    // SAFETY: as above.
    unsafe { field(module, layout::module::MD_DICT) }
}

/// Where the items of a tuple start.
///
/// # Safety
/// It is a tuple.
#[inline(always)]
pub unsafe fn tuple_items(tuple: Object) -> *mut Object {
    // SAFETY: as above.
    unsafe { tuple.byte_add(layout::tuple::OB_ITEM).cast() }
}

/// Whether `name` or `obj` of an AttributeError is there.
///
/// # Safety
/// It is an AttributeError.
pub unsafe fn attribute_error_has_context(error: *mut PyObject) -> bool {
    // SAFETY: as above.
    unsafe { !field::<Object, _>(error, ATTRIBUTE_ERROR_NAME).is_null() || !field::<Object, _>(error, ATTRIBUTE_ERROR_OBJ).is_null() }
}

/// How many of an array, as CPython counts.
#[inline(always)]
pub fn size(count: usize) -> Py_ssize_t {
    count as Py_ssize_t
}

/// A str that is made once and kept.
pub struct Name {
    text: &'static std::ffi::CStr,
    object: AtomicPtr<PyObject>,
}

impl Name {
    /// The str of a text.
    pub const fn new(text: &'static std::ffi::CStr) -> Name {
        Name { text, object: AtomicPtr::new(std::ptr::null_mut()) }
    }

    /// The object, borrowed; NULL with an exception set if there is no memory.
    #[inline(always)]
    pub fn get(&self) -> Object {
        let object = self.object.load(Ordering::Relaxed);
        if object.is_null() { self.make() } else { object }
    }

    #[cold]
    fn make(&self) -> Object {
        // SAFETY: helpers hold the GIL.
        let object = unsafe { pyo3_ffi::PyUnicode_InternFromString(self.text.as_ptr()) };
        self.object.store(object, Ordering::Relaxed);
        object
    }
}

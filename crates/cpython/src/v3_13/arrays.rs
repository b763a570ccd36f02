//! Arrays of the module `array`: an extension module of its own, so that its class is known only after the program has imported it. `arrayobject` is private to
//! Modules/arraymodule.c; arrays made here are read through our layout before anything relies on it.

use super::layout;
use coachwhip_abi::facts::ArrayFacts;
use coachwhip_abi::ir::Class;
use pyo3_ffi::{self as ffi, PyObject, PyTypeObject};
use std::ffi::CStr;
use std::sync::OnceLock;

/// `arrayobject.ob_item`: behind `PyObject_VAR_HEAD`.
pub const OB_ITEM: usize = layout::object::OB_SIZE + 8;
/// `arrayobject.ob_descr`: behind `ob_item` and `allocated`.
pub const OB_DESCR: usize = OB_ITEM + 16;

/// What was found, once the module was there; `None` in it: its arrays do not lie as we have it.
static ARRAYS: OnceLock<Option<ArrayFacts>> = OnceLock::new();

/// The class and its kinds of arrays, if the module has been imported.
///
/// # Safety
/// The GIL is held, no exception is set. No Python code runs.
pub unsafe fn find() -> Option<&'static ArrayFacts> {
    if let Some(known) = ARRAYS.get() {
        return known.as_ref();
    }
    // SAFETY: as above; borrowed references are used while the module's dict holds them.
    unsafe {
        let modules = ffi::PyImport_GetModuleDict();
        if modules.is_null() || ffi::PyDict_CheckExact(modules) == 0 {
            return None;
        }
        let module = ffi::PyDict_GetItemString(modules, c"array".as_ptr());
        if module.is_null() || ffi::PyModule_CheckExact(module) == 0 {
            return None;
        }
        let class = ffi::PyDict_GetItemString(ffi::PyModule_GetDict(module), c"array".as_ptr());
        if class.is_null() {
            return None;
        }
        let found = probe(class);
        ffi::PyErr_Clear();
        if found.is_some() {
            // Kept for ever: compiled code compares with its address.
            ffi::Py_INCREF(class);
        }
        ARRAYS.get_or_init(|| found).as_ref()
    }
}

/// Whether it is the class of Modules/arraymodule.c with our layout: makes an array of each kind and reads it.
unsafe fn probe(object: *mut PyObject) -> Option<ArrayFacts> {
    // SAFETY: a live object; what is read lies within `tp_basicsize`.
    unsafe {
        if ffi::Py_TYPE(object) != &raw mut ffi::PyType_Type {
            return None;
        }
        let class = object.cast::<PyTypeObject>();
        let immutable = (*class).tp_flags as usize & layout::type_object::FLAG_IMMUTABLETYPE != 0;
        if !immutable || CStr::from_ptr((*class).tp_name) != c"array.array" || (*class).tp_basicsize < (OB_DESCR + 8) as isize {
            return None;
        }
        let mut descriptors = Vec::new();
        for &(kind, code, item) in Class::ARRAYS {
            let code = ffi::PyUnicode_FromFormat(c"%c".as_ptr(), std::ffi::c_int::from(code));
            let items = ffi::PyTuple_New(1);
            if code.is_null() || items.is_null() {
                return None;
            }
            ffi::PyTuple_SetItem(items, 0, ffi::PyLong_FromLong(77));
            let array = ffi::PyObject_CallFunctionObjArgs(object, code, items, std::ptr::null_mut::<PyObject>());
            ffi::Py_DECREF(code);
            ffi::Py_DECREF(items);
            if array.is_null() {
                return None;
            }
            let field = |offset: usize| array.cast::<u8>().add(offset);
            let data = field(OB_ITEM).cast::<*const u8>().read();
            let fits = field(layout::object::OB_SIZE).cast::<isize>().read() == 1
                && match item {
                    coachwhip_abi::ir::ArrayItem::Int { bytes, .. } => (0..bytes.into()).all(|byte: usize| *data.add(byte) == if byte == 0 { 77 } else { 0 }),
                    coachwhip_abi::ir::ArrayItem::Double => data.cast::<f64>().read_unaligned() == 77.0,
                };
            let descriptor = field(OB_DESCR).cast::<usize>().read();
            ffi::Py_DECREF(array);
            if !fits || descriptor == 0 || descriptors.iter().any(|row: &(Class, usize)| row.1 == descriptor) {
                return None;
            }
            descriptors.push((kind, descriptor));
        }
        Some(ArrayFacts { class: class as usize, descriptors })
    }
}

/// The built-in class of an object that may be an array; `Other` if it is none, or one of another kind.
///
/// # Safety
/// `object` is live.
pub(super) unsafe fn class_of(object: *mut PyObject) -> Class {
    // SAFETY: the caller's promise; arrays lie as probed.
    unsafe {
        match ARRAYS.get() {
            Some(Some(arrays)) if arrays.class == ffi::Py_TYPE(object) as usize => {
                let descriptor = object.cast::<u8>().add(OB_DESCR).cast::<usize>().read();
                arrays.descriptors.iter().find(|row| row.1 == descriptor).map_or(Class::Other, |row| row.0)
            }
            _ => Class::Other,
        }
    }
}

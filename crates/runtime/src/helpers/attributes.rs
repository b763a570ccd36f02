//! Attributes, with polymorphic inline caches (`attribute_caches.rs`).

use super::attribute_caches::{
    Cell, Entry, FILL_LIMIT, INLINE_VALUES, Kind, MODE_SHIFT, Mode, POINTER_BITS, analyze, analyze_store, fills, getattro_address, is_data_descriptor,
    kind_and_mode, remember,
};
use super::ffi::{
    self, _PyObject_GetMethod, _PySuper_Lookup, InlineValues, Name, PyObject_Vectorcall, cached_keys, keys_count, keys_index, managed_dict, module_dict,
};
use super::operators::{new_reference, release, status};
use super::{NULL, Object, Thread};
use pyo3_ffi::*;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the last `load_method` or `load_super_attribute` found a method that takes the object. (The GIL is held from there to `method_receiver`.)
static METHOD_TAKES_RECEIVER: AtomicBool = AtomicBool::new(false);

#[inline(always)]
fn set_method(takes_receiver: bool) {
    METHOD_TAKES_RECEIVER.store(takes_receiver, Ordering::Relaxed);
}

/// What a fast way came to.
enum Outcome {
    /// An object, or NULL with an exception set. `true`: a method that takes the object.
    Found(Object, bool),
    /// What the entry says does not hold for this object: the general way.
    Other,
    /// The same, and the entry may be worth making again.
    Stale,
}

/// The outcome of a class attribute.
///
/// # Safety
/// As of `follow`.
#[inline(always)]
unsafe fn class_attribute(entry: Entry, object: Object, class: *mut PyTypeObject, name: Object, method: bool) -> Outcome {
    // SAFETY: the class has the version of the entry, so that it still holds the descriptor.
    unsafe {
        let descriptor = entry.descriptor;
        match entry.mode {
            Mode::Constant => Outcome::Found(new_reference(descriptor), false),
            Mode::Method => Outcome::Found(new_reference(descriptor), true),
            Mode::Bind | Mode::Look => bind(descriptor, object, class.cast(), object, name, method),
        }
    }
}

/// The outcome of an attribute of `class` by its `tp_descr_get`, if it has one; errors are about `object`.
///
/// # Safety
/// Contract of helpers; `instance` may be NULL.
#[inline(always)]
unsafe fn bind(descriptor: Object, instance: Object, class: Object, object: Object, name: Object, method: bool) -> Outcome {
    // SAFETY: contract of helpers.
    unsafe {
        let Some(get) = (*Py_TYPE(descriptor)).tp_descr_get else {
            return Outcome::Found(new_reference(descriptor), false);
        };
        // The call may change the class: hold the descriptor.
        Py_INCREF(descriptor);
        let result = get(descriptor, instance, class);
        Py_DECREF(descriptor);
        // PyObject_GetAttr does this, `_PyObject_GetMethod` does not.
        if result.is_null() && !method {
            set_attribute_error_context(object, name);
        }
        Outcome::Found(result, false)
    }
}

/// Does what an entry of the object's class says.
///
/// # Safety
/// Contract of helpers; `class` is the object's and has the version of the entry.
#[inline(always)]
unsafe fn follow(entry: Entry, object: Object, class: *mut PyTypeObject, name: Object, method: bool) -> Outcome {
    // SAFETY: what the entry says holds for all instances of a class of this version, but for what is checked here.
    unsafe {
        if entry.mode == Mode::Look && is_data_descriptor(entry.descriptor) {
            return Outcome::Other;
        }
        match entry.kind {
            Kind::Inline => {
                let values = InlineValues::of(object, class);
                if values.are_valid() {
                    let value = *values.place(entry.extra as usize);
                    if value.is_null() { Outcome::Other } else { Outcome::Found(new_reference(value), false) }
                } else {
                    match dict_item(managed_dict(object), name) {
                        (0, _) => Outcome::Other,
                        (_, value) => Outcome::Found(value, false),
                    }
                }
            }
            Kind::Slot => {
                let value = object.byte_add(entry.extra as usize).cast::<Object>().read();
                if value.is_null() { Outcome::Other } else { Outcome::Found(new_reference(value), false) }
            }
            Kind::Class => class_attribute(entry, object, class, name, method),
            Kind::ClassInline => {
                if InlineValues::of(object, class).are_valid() {
                    if keys_count(cached_keys(class)) != entry.extra as usize {
                        return Outcome::Stale;
                    }
                } else if let (1 | -1, value) = dict_item(managed_dict(object), name) {
                    return Outcome::Found(value, false);
                }
                // (A lookup in a dict with strange keys can run code that changes the class.)
                if (*class).tp_version_tag != entry.version {
                    return Outcome::Other;
                }
                class_attribute(entry, object, class, name, method)
            }
            Kind::Dict => {
                let dict = if entry.extra == 0 { managed_dict(object) } else { object.byte_add(entry.extra as usize).cast::<Object>().read() };
                if let (1 | -1, value) = dict_item(dict, name) {
                    return Outcome::Found(value, false);
                }
                if entry.descriptor.is_null() || (*class).tp_version_tag != entry.version {
                    return Outcome::Stale;
                }
                class_attribute(entry, object, class, name, method)
            }
            Kind::Data => class_attribute(entry, object, class, name, method),
            Kind::Module => match dict_item(module_dict(object), name) {
                (0, _) => Outcome::Other,
                (_, value) => Outcome::Found(value, false),
            },
            Kind::Type if entry.descriptor.is_null() => Outcome::Other,
            // A class is asked for its attribute with no object; `_PyObject_GetMethod` leaves classes to PyObject_GetAttr.
            Kind::Type if entry.mode == Mode::Constant => Outcome::Found(new_reference(entry.descriptor), false),
            Kind::Type => bind(entry.descriptor, NULL, object, object, name, false),
            Kind::General => Outcome::Other,
        }
    }
}

/// Looks a name up in a dict that may be NULL: 1 and the value, 0 if it is not there, -1 and NULL with an exception set.
///
/// # Safety
/// It is a dict or NULL.
#[inline(always)]
unsafe fn dict_item(dict: Object, name: Object) -> (i32, Object) {
    if dict.is_null() {
        return (0, NULL);
    }
    let mut value = NULL;
    // SAFETY: as above. The lookup of a name that is no exact match can run code that drops the dict: hold it, as `_PyObject_GetMethod` does.
    unsafe {
        Py_INCREF(dict);
        let found = PyDict_GetItemRef(dict, name, &raw mut value);
        Py_DECREF(dict);
        (found, value)
    }
}

/// Looks through the entries of a cell.
///
/// # Safety
/// Contract of helpers.
#[inline(always)]
unsafe fn look_up(object: Object, name: Object, cell: *mut Cell, method: bool) -> Outcome {
    // SAFETY: contract of helpers.
    unsafe {
        let class = Py_TYPE(object);
        let version = (*class).tp_version_tag;
        if version == 0 {
            return Outcome::Stale;
        }
        for index in 0..4 {
            let words = (*cell)[index];
            if words[0] as u32 == version {
                let entry = Entry::unpack(words);
                if entry.kind == Kind::Type && entry.extra != (*object.cast::<PyTypeObject>()).tp_version_tag {
                    continue;
                }
                return follow(entry, object, class, name, method);
            }
        }
        Outcome::Stale
    }
}

/// `_PyObject_SetAttributeErrorContext` (Objects/object.c), which PyObject_GetAttr calls when it fails.
///
/// # Safety
/// Contract of helpers; an exception is set.
#[cold]
unsafe fn set_attribute_error_context(object: Object, name: Object) {
    static NAME: Name = Name::new(c"name");
    static OBJ: Name = Name::new(c"obj");
    // SAFETY: contract of helpers.
    unsafe {
        if PyErr_ExceptionMatches(PyExc_AttributeError) == 0 {
            return;
        }
        let error = PyErr_GetRaisedException();
        if PyErr_GivenExceptionMatches(error, PyExc_AttributeError) != 0
            && !ffi::attribute_error_has_context(error)
            && (PyObject_SetAttr(error, NAME.get(), name) != 0 || PyObject_SetAttr(error, OBJ.get(), object) != 0)
        {
            Py_DECREF(error);
            return;
        }
        PyErr_SetRaisedException(error);
    }
}

/// The general way of loading, after trying to learn something for the next time.
///
/// # Safety
/// Contract of helpers.
#[cold]
unsafe fn load_slow(object: Object, name: Object, cell: *mut Cell, method: bool, learn: bool) -> (Object, bool) {
    // SAFETY: contract of helpers.
    unsafe {
        if learn && fills(&*cell) < FILL_LIMIT {
            remember(cell, analyze(object, Py_TYPE(object), name, method));
        }
        load_general(object, name, method)
    }
}

/// LOAD_ATTR without a cache.
///
/// # Safety
/// Contract of helpers.
unsafe fn load_general(object: Object, name: Object, method: bool) -> (Object, bool) {
    // SAFETY: contract of helpers.
    unsafe {
        if method {
            let mut found = NULL;
            let takes_receiver = _PyObject_GetMethod(object, name, &raw mut found) != 0;
            (found, takes_receiver)
        } else {
            (PyObject_GetAttr(object, name), false)
        }
    }
}

/// LOAD_ATTR. What the newest entry says about the most frequent kinds is done here, without a call and so without saving registers; `load_with_entries`
/// does the same and everything else.
///
/// # Safety
/// Contract of helpers.
#[inline(always)]
unsafe fn load(object: Object, name: Object, cell: *mut Cell, method: bool) -> (Object, bool) {
    const INLINE: u64 = kind_and_mode(Kind::Inline, Mode::Constant);
    const SLOT: u64 = kind_and_mode(Kind::Slot, Mode::Constant);
    const CLASS_METHOD: u64 = kind_and_mode(Kind::Class, Mode::Method);
    const CLASS_INLINE_METHOD: u64 = kind_and_mode(Kind::ClassInline, Mode::Method);
    // SAFETY: contract of helpers; an entry of the class's version holds for the object. (Version 0 finds an empty entry, which is of no kind.)
    unsafe {
        let class = Py_TYPE(object);
        let words = (*cell)[0];
        if words[0] as u32 == (*class).tp_version_tag {
            let extra = (words[0] >> 32) as usize;
            let descriptor = (words[1] & ((1 << POINTER_BITS) - 1)) as Object;
            match words[1] >> MODE_SHIFT {
                INLINE => {
                    let values = InlineValues::of(object, class);
                    if values.are_valid() {
                        let value = *values.place(extra);
                        if !value.is_null() {
                            return (new_reference(value), false);
                        }
                    }
                }
                SLOT => {
                    let value = object.byte_add(extra).cast::<Object>().read();
                    if !value.is_null() {
                        return (new_reference(value), false);
                    }
                }
                CLASS_METHOD if method => return (new_reference(descriptor), true),
                CLASS_INLINE_METHOD if method && InlineValues::of(object, class).are_valid() && keys_count(cached_keys(class)) == extra => {
                    return (new_reference(descriptor), true);
                }
                _ => {}
            }
        }
        load_with_entries(object, name, cell, method)
    }
}

/// LOAD_ATTR by any entry of the cell, or by the general way.
///
/// # Safety
/// Contract of helpers.
#[inline(never)]
unsafe fn load_with_entries(object: Object, name: Object, cell: *mut Cell, method: bool) -> (Object, bool) {
    // SAFETY: contract of helpers.
    unsafe {
        match look_up(object, name, cell, method) {
            Outcome::Found(result, takes_receiver) => (result, takes_receiver),
            Outcome::Other => load_slow(object, name, cell, method, false),
            Outcome::Stale => load_slow(object, name, cell, method, true),
        }
    }
}

/// LOAD_ATTR
pub unsafe extern "C" fn load_attribute(_tstate: Thread, object: Object, name: Object, cache: *mut [u64; 8]) -> Object {
    // SAFETY: contract of helpers; a cache cell is 64 bytes that only this site uses.
    unsafe { load(object, name, cache.cast(), false).0 }
}

/// LOAD_ATTR with its lowest bit set
pub unsafe extern "C" fn load_method(_tstate: Thread, object: Object, name: Object, cache: *mut [u64; 8]) -> Object {
    // SAFETY: contract of helpers; a cache cell is 64 bytes that only this site uses.
    let (result, takes_receiver) = unsafe { load(object, name, cache.cast(), true) };
    set_method(takes_receiver);
    result
}

/// The second value that LOAD_ATTR and LOAD_SUPER_ATTR push for a method call.
pub unsafe extern "C" fn method_receiver(_tstate: Thread, object: Object) -> Object {
    if METHOD_TAKES_RECEIVER.load(Ordering::Relaxed) {
        // SAFETY: contract of helpers.
        unsafe { new_reference(object) }
    } else {
        NULL
    }
}

/// STORE_ATTR
pub unsafe extern "C" fn store_attribute(_tstate: Thread, object: Object, name: Object, value: Object, cache: *mut [u64; 8]) -> i64 {
    let cell = cache.cast::<Cell>();
    // SAFETY: contract of helpers; a cache cell is 64 bytes that only this site uses. Entries are made by `analyze_store` alone.
    unsafe {
        let class = Py_TYPE(object);
        let version = (*class).tp_version_tag;
        if version == 0 {
            return store_slow(object, name, value, cell, true);
        }
        for index in 0..4 {
            let words = (*cell)[index];
            if words[0] as u32 != version {
                continue;
            }
            let entry = Entry::unpack(words);
            match entry.kind {
                // STORE_ATTR_INSTANCE_VALUE
                Kind::Inline => {
                    if entry.mode == Mode::Look && is_data_descriptor(entry.descriptor) {
                        break;
                    }
                    let values = InlineValues::of(object, class);
                    let dict = managed_dict(object);
                    if !dict.is_null() {
                        if values.are_valid() {
                            break;
                        }
                        // `_PyObject_StoreInstanceAttribute` (Objects/dictobject.c). A key that is no exact match can run code that drops the dict.
                        Py_INCREF(dict);
                        let outcome = PyDict_SetItem(dict, name, value);
                        Py_DECREF(dict);
                        return status(outcome);
                    }
                    if !values.are_valid() {
                        break;
                    }
                    let old = values.place(entry.extra as usize).replace(new_reference(value));
                    if old.is_null() {
                        values.add_to_insertion_order(entry.extra as usize);
                    } else {
                        Py_DECREF(old);
                    }
                    return 0;
                }
                // STORE_ATTR_SLOT
                Kind::Slot => {
                    let old = object.byte_add(entry.extra as usize).cast::<Object>().replace(new_reference(value));
                    release(old);
                    return 0;
                }
                _ => break,
            }
        }
        store_slow(object, name, value, cell, !(*cell).iter().any(|words| words[0] as u32 == version))
    }
}

/// The general way of storing; learns something for the next time afterwards, when the name is among the shared keys.
///
/// # Safety
/// Contract of helpers.
#[cold]
unsafe fn store_slow(object: Object, name: Object, value: Object, cell: *mut Cell, learn: bool) -> i64 {
    // SAFETY: contract of helpers.
    unsafe {
        let outcome = PyObject_SetAttr(object, name, value);
        if learn && outcome == 0 && fills(&*cell) < FILL_LIMIT {
            remember(cell, analyze_store(Py_TYPE(object), name));
        }
        status(outcome)
    }
}

/// Whether `object.name` can only be an attribute of the class. Never runs code: only keys that are all strs are looked through.
pub unsafe extern "C" fn instance_lacks(_tstate: Thread, object: Object, name: Object) -> i64 {
    // SAFETY: contract of helpers; the class has managed dicts, `name` is an exact str.
    unsafe {
        let class = Py_TYPE(object);
        if (*class).tp_flags & INLINE_VALUES != 0 {
            let values = InlineValues::of(object, class);
            if values.are_valid() {
                return i64::from(keys_index(cached_keys(class), name).is_none_or(|index| (*values.place(index)).is_null()));
            }
        }
        let dict = managed_dict(object);
        if dict.is_null() {
            return 1;
        }
        i64::from(ffi::has_str_keys(dict) && PyDict_Contains(dict, name) == 0)
    }
}

/// DELETE_ATTR
pub unsafe extern "C" fn delete_attribute(_tstate: Thread, object: Object, name: Object) -> i64 {
    // SAFETY: contract of helpers; without a value it deletes.
    status(unsafe { PyObject_SetAttr(object, name, NULL) })
}

/// LOAD_SUPER_ATTR, LOAD_SUPER_ATTR_ATTR, LOAD_SUPER_ATTR_METHOD
pub unsafe extern "C" fn load_super_attribute(_tstate: Thread, super_object: Object, class: Object, receiver: Object, name: Object, flags: i64) -> Object {
    set_method(false);
    // SAFETY: contract of helpers.
    unsafe {
        // What the instruction does from its second execution on. (At the first one, `super(class, None)` would be an unbound super object and no TypeError.)
        if super_object == (&raw mut PySuper_Type).cast() && PyType_Check(class) != 0 {
            let mut found = 0;
            let plain = getattro_address((*Py_TYPE(receiver)).tp_getattro) == getattro_address(Some(PyObject_GenericGetAttr));
            let method = if flags & 1 != 0 && plain { &raw mut found } else { std::ptr::null_mut() };
            let result = _PySuper_Lookup(class.cast(), receiver, name, method);
            set_method(found != 0);
            return result;
        }
        let arguments = [class, receiver];
        let object = PyObject_Vectorcall(super_object, arguments.as_ptr(), flags as usize & 2, NULL);
        if object.is_null() {
            return NULL;
        }
        let result = PyObject_GetAttr(object, name);
        Py_DECREF(object);
        // What ran meanwhile may have loaded methods.
        set_method(false);
        result
    }
}

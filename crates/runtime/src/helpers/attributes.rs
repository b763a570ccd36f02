//! Attributes, with polymorphic inline caches.
//!
//! A cache cell has room for four entries of two words. An entry is found by `tp_version_tag` of the object's class: tags are never used twice and change with
//! any change of the class or its bases, so that what was found out about a class needs no other protection. What an entry says is what
//! `_PyObject_GenericGetAttrWithDict`, `_PyObject_GetMethod` (Objects/object.c), `_Py_type_getattro_impl` (Objects/typeobject.c) would find out again;
//! whatever does not fit goes through those.

use super::ffi::{
    self, _PyObject_GetMethod, _PySuper_Lookup, _PyType_Lookup, InlineValues, Name, PyObject_Vectorcall,
    PyUnstable_Type_AssignVersionTag, cached_keys, keys_count, keys_index, managed_dict, module_dict,
};
use super::operators::{is_exactly, new_reference, release, status};
use super::{NULL, Object, Thread};
use pyo3_ffi::*;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// `Py_TPFLAGS_INLINE_VALUES`
const INLINE_VALUES: std::ffi::c_ulong = 1 << 2;
/// `Py_AUDIT_READ` (Include/descrobject.h)
const AUDIT_READ: i32 = 2;
/// `Py_READONLY`
const READONLY: i32 = 1;
/// `_Py_T_OBJECT`, `Py_T_OBJECT_EX`
const OBJECT_MEMBERS: [i32; 2] = [6, 16];

/// What an entry says of a class.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    /// Nothing is known: always the general way.
    General = 1,
    /// `extra`: the index in the inline values. A class attribute, if there is one, is no data descriptor.
    Inline = 2,
    /// `extra`: the offset of the slot.
    Slot = 3,
    /// The instance's dict comes first (`extra`: its offset, 0 for a managed dict), then the class attribute, if any.
    Dict = 4,
    /// The class attribute; instances have no dict.
    Class = 5,
    /// The class attribute, which is not among the shared keys as long as there are `extra` of them.
    ClassInline = 6,
    /// The class attribute is a data descriptor.
    Data = 7,
    /// The object is a module, whose class does not have the name.
    Module = 8,
    /// The object is a class with the version `extra`, and this is its attribute (none: the general way); the entry's version is the metaclass's.
    Type = 9,
}

/// How a class attribute becomes the outcome.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Mode {
    /// It is the outcome.
    Constant = 0,
    /// By its class's `tp_descr_get`.
    Bind = 1,
    /// It is a method that takes the object as first argument.
    Method = 2,
    /// Its class is not immutable: look at `tp_descr_get` and `tp_descr_set` each time.
    Look = 3,
}

#[derive(Clone, Copy)]
struct Entry {
    version: u32,
    extra: u32,
    kind: Kind,
    mode: Mode,
    descriptor: Object,
}

const POINTER_BITS: u32 = 48;
const MODE_SHIFT: u32 = 56;
const KIND_SHIFT: u32 = 60;
/// So many times a cell takes new entries; a site with ever more classes then goes the general way.
const FILL_LIMIT: u64 = 100;

impl Entry {
    fn pack(self, fills: u64) -> [u64; 2] {
        [
            u64::from(self.version) | u64::from(self.extra) << 32,
            self.descriptor as u64 | fills << POINTER_BITS | (self.mode as u64) << MODE_SHIFT | (self.kind as u64) << KIND_SHIFT,
        ]
    }

    #[inline(always)]
    fn unpack(words: [u64; 2]) -> Entry {
        Entry {
            version: words[0] as u32,
            extra: (words[0] >> 32) as u32,
            // SAFETY: `pack` made the word of a `Kind` and a `Mode`; empty entries are never unpacked (no class has version 0).
            kind: unsafe { std::mem::transmute::<u8, Kind>((words[1] >> KIND_SHIFT) as u8) },
            // SAFETY: as above.
            mode: unsafe { std::mem::transmute::<u8, Mode>((words[1] >> MODE_SHIFT & 15) as u8) },
            descriptor: (words[1] & ((1 << POINTER_BITS) - 1)) as Object,
        }
    }
}

/// A cache cell.
type Cell = [[u64; 2]; 4];

/// How many times a cell was filled: kept in its first entry.
fn fills(cell: &Cell) -> u64 {
    cell[0][1] >> POINTER_BITS & 0xFF
}

/// Puts an entry first, in place of an older one of the same version (and, of classes, the same `extra`), or of the last one. Without an entry it only counts
/// the attempt.
///
/// # Safety
/// It is a cache cell.
unsafe fn remember(cell: *mut Cell, entry: Option<Entry>) {
    // SAFETY: as above; helpers hold the GIL and nothing else runs here.
    let cell = unsafe { &mut *cell };
    let count = (fills(cell) + 1).min(FILL_LIMIT);
    let Some(entry) = entry else {
        cell[0][1] = cell[0][1] & !(0xFF << POINTER_BITS) | count << POINTER_BITS;
        return;
    };
    let same = |words: &[u64; 2]| {
        words[0] as u32 == entry.version && (entry.kind != Kind::Type || words[0] >> 32 == u64::from(entry.extra))
    };
    let place = cell.iter().position(|words| words[0] == 0 || same(words)).unwrap_or(3);
    cell.copy_within(0..place, 1);
    cell[0] = entry.pack(count);
}

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

/// Whether an object is a data descriptor.
///
/// # Safety
/// It is a live object.
unsafe fn is_data_descriptor(object: Object) -> bool {
    // SAFETY: as above.
    unsafe { (*Py_TYPE(object)).tp_descr_get.is_some() && (*Py_TYPE(object)).tp_descr_set.is_some() }
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

/// How a class attribute becomes the outcome.
///
/// # Safety
/// It is a live object.
unsafe fn mode_of(descriptor: Object, method: bool) -> Mode {
    // SAFETY: as above.
    unsafe {
        let class = Py_TYPE(descriptor);
        if (*class).tp_flags & Py_TPFLAGS_IMMUTABLETYPE == 0 {
            Mode::Look
        } else if (*class).tp_descr_get.is_none() {
            Mode::Constant
        } else if method && (*class).tp_flags & Py_TPFLAGS_METHOD_DESCRIPTOR != 0 {
            Mode::Method
        } else {
            Mode::Bind
        }
    }
}

/// The slot that a member descriptor of a class stands for, if it is one for objects.
///
/// # Safety
/// Live objects.
unsafe fn member_slot(descriptor: Object, class: *mut PyTypeObject, forbidden: i32) -> Option<u32> {
    // SAFETY: as above.
    unsafe {
        if !is_exactly(descriptor, &raw mut PyMemberDescr_Type) {
            return None;
        }
        let member = descriptor.cast::<PyMemberDescrObject>();
        let definition = &*(*member).d_member;
        let fits = OBJECT_MEMBERS.contains(&definition.type_code)
            && definition.flags & forbidden == 0
            && PyType_IsSubtype(class, (*member).d_common.d_type) != 0;
        if fits { u32::try_from(definition.offset).ok() } else { None }
    }
}

/// The address of the function in `tp_getattro`.
fn getattro_address(function: Option<getattrofunc>) -> usize {
    function.map_or(0, |function| function as usize)
}

/// `slot_tp_getattr_hook` (Objects/typeobject.c), which classes with `__getattr__` have: it looks for attributes as usual first. Not exported: taken from a
/// class made for it.
///
/// # Safety
/// Contract of helpers.
unsafe fn getattr_hook() -> usize {
    static HOOK: AtomicUsize = AtomicUsize::new(0);
    let known = HOOK.load(Ordering::Relaxed);
    if known != 0 {
        return known;
    }
    // SAFETY: contract of helpers.
    let found = unsafe {
        let class = PyObject_CallFunction((&raw mut PyType_Type).cast(), c"s(){sO}".as_ptr(), c"hooked".as_ptr(), c"__getattr__".as_ptr(), Py_None());
        if class.is_null() {
            PyErr_Clear();
            return usize::MAX;
        }
        let found = getattro_address((*class.cast::<PyTypeObject>()).tp_getattro);
        Py_DECREF(class);
        found
    };
    HOOK.store(found, Ordering::Relaxed);
    found
}

/// Whether a class looks for attributes as `object` does.
///
/// # Safety
/// Contract of helpers.
unsafe fn has_plain_getattribute(class: *mut PyTypeObject) -> bool {
    static GETATTRIBUTE: Name = Name::new(c"__getattribute__");
    // SAFETY: contract of helpers.
    unsafe { _PyType_Lookup(class, GETATTRIBUTE.get()) == _PyType_Lookup(&raw mut PyBaseObject_Type, GETATTRIBUTE.get()) }
}

/// Whether `tp_descr_get` of a descriptor never raises AttributeError.
///
/// # Safety
/// It is a live object.
unsafe fn never_fails(descriptor: Object) -> bool {
    // SAFETY: as above.
    let class = unsafe { Py_TYPE(descriptor) };
    class == &raw mut PyFunction_Type || class == &raw mut PyMethodDescr_Type || class == &raw mut PyClassMethod_Type || class == &raw mut PyStaticMethod_Type
}

/// Whether it is the descriptor of a slot.
///
/// # Safety
/// It is a live object.
unsafe fn is_object_member(descriptor: Object) -> bool {
    // SAFETY: as above.
    unsafe { is_exactly(descriptor, &raw mut PyMemberDescr_Type) }
}

/// What there is to know of `class` and `name`; `None`: nothing that could be remembered.
///
/// # Safety
/// Contract of helpers; `class` is the object's.
#[cold]
unsafe fn analyze(object: Object, class: *mut PyTypeObject, name: Object, method: bool) -> Option<Entry> {
    // SAFETY: contract of helpers. `_PyType_Lookup` finds strs without running code.
    unsafe {
        if (*class).tp_flags & Py_TPFLAGS_READY == 0 || !is_exactly(name, &raw mut PyUnicode_Type) || PyUnstable_Type_AssignVersionTag(class) == 0 {
            return None;
        }
        let general = Entry { version: (*class).tp_version_tag, extra: 0, kind: Kind::General, mode: Mode::Constant, descriptor: NULL };
        let getattro = getattro_address((*class).tp_getattro);
        let mut hooked = false;
        if getattro != getattro_address(Some(PyObject_GenericGetAttr)) {
            if getattro == getattro_address(PyModule_Type.tp_getattro) {
                let plain = class == &raw mut PyModule_Type && _PyType_Lookup(class, name).is_null();
                return Some(if plain { Entry { kind: Kind::Module, ..general } } else { general });
            }
            if getattro == getattro_address(PyType_Type.tp_getattro) {
                return analyze_type(object.cast(), class, name, general);
            }
            if getattro != getattr_hook() || !has_plain_getattribute(class) {
                return Some(general);
            }
            hooked = true;
        }
        let descriptor = _PyType_Lookup(class, name);
        let flags = (*class).tp_flags;
        let dictoffset = (*class).tp_dictoffset;
        let mut entry = Entry { descriptor, ..general };
        if !descriptor.is_null() {
            entry.mode = mode_of(descriptor, method);
            // What may raise AttributeError would have to go on with `__getattr__`.
            if hooked && !(entry.mode == Mode::Constant || entry.mode == Mode::Method || never_fails(descriptor) || is_object_member(descriptor)) {
                return Some(general);
            }
            if entry.mode != Mode::Look && is_data_descriptor(descriptor) {
                return Some(match member_slot(descriptor, class, AUDIT_READ) {
                    Some(extra) => Entry { kind: Kind::Slot, extra, mode: Mode::Constant, descriptor: NULL, ..general },
                    None if hooked => general,
                    None => Entry { kind: Kind::Data, mode: Mode::Bind, ..entry },
                });
            }
        }
        if flags & INLINE_VALUES != 0 {
            let keys = cached_keys(class);
            if let Some(index) = keys_index(keys, name) {
                if entry.mode != Mode::Look {
                    (entry.mode, entry.descriptor) = (Mode::Constant, NULL);
                }
                return Some(Entry { kind: Kind::Inline, extra: index as u32, ..entry });
            }
            return Some(if descriptor.is_null() {
                Entry { kind: Kind::Dict, ..entry }
            } else {
                Entry { kind: Kind::ClassInline, extra: keys_count(keys) as u32, ..entry }
            });
        }
        if flags & Py_TPFLAGS_MANAGED_DICT != 0 {
            return Some(Entry { kind: Kind::Dict, ..entry });
        }
        if dictoffset == 0 {
            return Some(if descriptor.is_null() { general } else { Entry { kind: Kind::Class, ..entry } });
        }
        Some(match u32::try_from(dictoffset) {
            Ok(extra) => Entry { kind: Kind::Dict, extra, ..entry },
            Err(_) => general,
        })
    }
}

/// The same for classes as objects: an attribute of the class that is its own outcome.
///
/// # Safety
/// As of `analyze`; `object` is a class, `metaclass` its class.
unsafe fn analyze_type(object: *mut PyTypeObject, metaclass: *mut PyTypeObject, name: Object, general: Entry) -> Option<Entry> {
    // SAFETY: as above.
    unsafe {
        if (*object).tp_flags & Py_TPFLAGS_READY == 0 || PyUnstable_Type_AssignVersionTag(object) == 0 {
            return None;
        }
        let unknown = Entry { kind: Kind::Type, extra: (*object).tp_version_tag, ..general };
        let of_metaclass = _PyType_Lookup(metaclass, name);
        if !of_metaclass.is_null() && (is_data_descriptor(of_metaclass) || (*Py_TYPE(of_metaclass)).tp_flags & Py_TPFLAGS_IMMUTABLETYPE == 0) {
            return Some(unknown);
        }
        let attribute = _PyType_Lookup(object, name);
        // Functions are their own outcome here (`func_descr_get` with no object).
        let mode = if attribute.is_null() || is_exactly(attribute, &raw mut PyFunction_Type) { Mode::Constant } else { Mode::Bind };
        Some(Entry { descriptor: attribute, mode, ..unknown })
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

/// LOAD_ATTR
///
/// # Safety
/// Contract of helpers.
#[inline(always)]
unsafe fn load(object: Object, name: Object, cell: *mut Cell, method: bool) -> (Object, bool) {
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
                    if !values.are_valid() || !managed_dict(object).is_null() {
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
        let known = (*cell).iter().any(|words| words[0] as u32 == version);
        store_slow(object, name, value, cell, !known)
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

/// What there is to know of storing `name`.
///
/// # Safety
/// Contract of helpers.
#[cold]
unsafe fn analyze_store(class: *mut PyTypeObject, name: Object) -> Option<Entry> {
    // SAFETY: contract of helpers.
    unsafe {
        if (*class).tp_flags & Py_TPFLAGS_READY == 0 || !is_exactly(name, &raw mut PyUnicode_Type) || PyUnstable_Type_AssignVersionTag(class) == 0 {
            return None;
        }
        let general = Entry { version: (*class).tp_version_tag, extra: 0, kind: Kind::General, mode: Mode::Constant, descriptor: NULL };
        if (*class).tp_setattro.map_or(0, |function| function as usize) != PyObject_GenericSetAttr as *const () as usize {
            return Some(general);
        }
        let descriptor = _PyType_Lookup(class, name);
        let mut entry = general;
        if !descriptor.is_null() {
            if (*Py_TYPE(descriptor)).tp_flags & Py_TPFLAGS_IMMUTABLETYPE == 0 {
                // `_PyObject_GenericSetAttrWithDict` asks for `tp_descr_set` alone.
                if (*Py_TYPE(descriptor)).tp_descr_set.is_some() {
                    return Some(general);
                }
                (entry.mode, entry.descriptor) = (Mode::Look, descriptor);
            } else if (*Py_TYPE(descriptor)).tp_descr_set.is_some() {
                return Some(match member_slot(descriptor, class, READONLY) {
                    Some(extra) => Entry { kind: Kind::Slot, extra, ..general },
                    None => general,
                });
            }
        }
        if (*class).tp_flags & INLINE_VALUES == 0 {
            return Some(general);
        }
        let keys = cached_keys(class);
        let index = keys_index(keys, name);
        if index.is_none() && (*keys).dk_usable <= 0 {
            return Some(general);
        }
        index.map(|index| Entry { kind: Kind::Inline, extra: index as u32, ..entry })
    }
}

/// DELETE_ATTR
pub unsafe extern "C" fn delete_attribute(_tstate: Thread, object: Object, name: Object) -> i64 {
    // SAFETY: contract of helpers; without a value it deletes.
    status(unsafe { PyObject_SetAttr(object, name, NULL) })
}

/// LOAD_SUPER_ATTR, LOAD_SUPER_ATTR_ATTR, LOAD_SUPER_ATTR_METHOD
pub unsafe extern "C" fn load_super_attribute(
    _tstate: Thread,
    super_object: Object,
    class: Object,
    receiver: Object,
    name: Object,
    flags: i64,
) -> Object {
    set_method(false);
    // SAFETY: contract of helpers.
    unsafe {
        // `super(class, None)` is an unbound super object, of which `_PySuper_Lookup` knows nothing.
        if super_object == (&raw mut PySuper_Type).cast() && PyType_Check(class) != 0 && receiver != Py_None() {
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

//! What the inline caches of attributes remember, and how it is found out.
//!
//! A cache cell has room for four entries of two words. An entry is found by `tp_version_tag` of the object's class: tags are never used twice and change with
//! any change of the class or its bases, so that what was found out about a class needs no other protection. What an entry says is what
//! `_PyObject_GenericGetAttrWithDict`, `_PyObject_GetMethod` (Objects/object.c), `_Py_type_getattro_impl` (Objects/typeobject.c) would find out again;
//! whatever does not fit goes through those.

use super::ffi::{_PyType_Lookup, Name, PyUnstable_Type_AssignVersionTag, cached_keys, keys_count, keys_index};
use super::operators::is_exactly;
use super::{NULL, Object};
use pyo3_ffi::*;
use std::sync::atomic::{AtomicUsize, Ordering};

/// `Py_TPFLAGS_INLINE_VALUES`
pub(super) const INLINE_VALUES: std::ffi::c_ulong = 1 << 2;
/// `Py_AUDIT_READ` (Include/descrobject.h)
const AUDIT_READ: i32 = 2;
/// `Py_READONLY`
const READONLY: i32 = 1;
/// `_Py_T_OBJECT`, `Py_T_OBJECT_EX`
const OBJECT_MEMBERS: [i32; 2] = [6, 16];

/// What an entry says of a class.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
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
pub(super) enum Mode {
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
pub(super) struct Entry {
    pub(super) version: u32,
    pub(super) extra: u32,
    pub(super) kind: Kind,
    pub(super) mode: Mode,
    pub(super) descriptor: Object,
}

pub(super) const POINTER_BITS: u32 = 48;
pub(super) const MODE_SHIFT: u32 = 56;
const KIND_SHIFT: u32 = 60;
/// So many times a cell takes new entries; a site with ever more classes then goes the general way.
pub(super) const FILL_LIMIT: u64 = 100;

impl Entry {
    fn pack(self, fills: u64) -> [u64; 2] {
        [
            u64::from(self.version) | u64::from(self.extra) << 32,
            self.descriptor as u64 | fills << POINTER_BITS | (self.mode as u64) << MODE_SHIFT | (self.kind as u64) << KIND_SHIFT,
        ]
    }

    #[inline(always)]
    pub(super) fn unpack(words: [u64; 2]) -> Entry {
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
pub(super) type Cell = [[u64; 2]; 4];

/// How many times a cell was filled: kept in its first entry.
pub(super) fn fills(cell: &Cell) -> u64 {
    cell[0][1] >> POINTER_BITS & 0xFF
}

/// Puts an entry first, in place of an older one of the same version (and, of classes, the same `extra`), or of the last one. Without an entry it only counts
/// the attempt.
///
/// # Safety
/// It is a cache cell.
pub(super) unsafe fn remember(cell: *mut Cell, entry: Option<Entry>) {
    // SAFETY: as above; helpers hold the GIL and nothing else runs here.
    let cell = unsafe { &mut *cell };
    let count = (fills(cell) + 1).min(FILL_LIMIT);
    let Some(entry) = entry else {
        cell[0][1] = cell[0][1] & !(0xFF << POINTER_BITS) | count << POINTER_BITS;
        return;
    };
    let same = |words: &[u64; 2]| words[0] as u32 == entry.version && (entry.kind != Kind::Type || words[0] >> 32 == u64::from(entry.extra));
    let place = cell.iter().position(|words| words[0] == 0 || same(words)).unwrap_or(3);
    cell.copy_within(0..place, 1);
    cell[0] = entry.pack(count);
}

/// Whether an object is a data descriptor.
///
/// # Safety
/// It is a live object.
pub(super) unsafe fn is_data_descriptor(object: Object) -> bool {
    // SAFETY: as above.
    unsafe { (*Py_TYPE(object)).tp_descr_get.is_some() && (*Py_TYPE(object)).tp_descr_set.is_some() }
}

/// The kind and the mode of an entry, as `Entry::pack` puts them side by side.
pub(super) const fn kind_and_mode(kind: Kind, mode: Mode) -> u64 {
    (mode as u64) | (kind as u64) << (KIND_SHIFT - MODE_SHIFT)
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
        let fits =
            OBJECT_MEMBERS.contains(&definition.type_code) && definition.flags & forbidden == 0 && PyType_IsSubtype(class, (*member).d_common.d_type) != 0;
        if fits { u32::try_from(definition.offset).ok() } else { None }
    }
}

/// The address of the function in `tp_getattro`.
pub(super) fn getattro_address(function: Option<getattrofunc>) -> usize {
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
pub(super) unsafe fn analyze(object: Object, class: *mut PyTypeObject, name: Object, method: bool) -> Option<Entry> {
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

/// What there is to know of storing `name`.
///
/// # Safety
/// Contract of helpers.
#[cold]
pub(super) unsafe fn analyze_store(class: *mut PyTypeObject, name: Object) -> Option<Entry> {
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

//! Classes: from a type version in an inline cache to the live class that has it, and what the compiler may know of a class.

use super::super::structs::{DictKeys, DictUnicodeEntry};
use super::super::{environment, layout, probes, structs, symbols};
use super::{Capture, ClassDependency, objects};
use coachwhip_abi::facts::ClassFacts;
use coachwhip_abi::ir::{Class, ClassRef};
use pyo3_ffi::{self as ffi, PyObject, PyTypeObject};
use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

/// Weak references to classes by the version they had when seen. 3.13 keeps no table from versions to types, so all subclasses of `object` are walked when a
/// version is not known; versions are never used twice (`assign_version_tag`, Objects/typeobject.c), so what no live class has is gone for good.
#[derive(Default)]
struct Table {
    classes: HashMap<u32, usize>,
    gone: HashSet<u32>,
    /// The highest versions seen: of static built-in classes, and of all others. Only what is not above them can be gone.
    highest: [u32; 2],
}

/// `_Py_MAX_GLOBAL_TYPE_VERSION_TAG` (pycore_typeobject.h): static built-in classes have versions up to it, counted apart.
const HIGHEST_STATIC_VERSION: u32 = 0xFFFF;

static TABLE: Mutex<Option<Table>> = Mutex::new(None);

/// Looks into the table. Nothing is called meanwhile.
fn with_table<T>(look: impl FnOnce(&mut Table) -> T) -> T {
    let mut guard = TABLE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    look(guard.get_or_insert_default())
}

/// The look-ups of one capture.
#[derive(Default)]
pub(super) struct Versions {
    walked: bool,
    /// Heap classes for which the interpreter has cached a Python `__getitem__` (`_spec_cache.getitem`), found by the walk.
    pub(super) with_getitem: Vec<*mut PyTypeObject>,
}

impl Versions {
    /// The live class that has a version now; NULL if none has.
    pub(super) unsafe fn class(&mut self, version: u32) -> *mut PyTypeObject {
        if version == 0 {
            return std::ptr::null_mut();
        }
        // SAFETY: the GIL is held.
        unsafe {
            let (gone, known) = with_table(|table| (table.gone.contains(&version), table.classes.get(&version).copied()));
            if gone {
                return std::ptr::null_mut();
            }
            if let Some(class) = known.and_then(|reference| live(reference, version)) {
                return class;
            }
            self.walk();
            let known = with_table(|table| table.classes.get(&version).copied());
            if let Some(class) = known.and_then(|reference| live(reference, version)) {
                return class;
            }
            with_table(|table| {
                if version <= table.highest[usize::from(version > HIGHEST_STATIC_VERSION)] {
                    table.gone.insert(version);
                }
            });
            std::ptr::null_mut()
        }
    }

    /// Looks at all classes, once for each capture.
    pub(super) unsafe fn walk(&mut self) {
        if std::mem::replace(&mut self.walked, true) {
            return;
        }
        // SAFETY: the GIL is held. `type.__subclasses__` runs no Python code: it reads weak references.
        unsafe {
            let subclasses = ffi::PyObject_GetAttrString((&raw mut ffi::PyType_Type).cast(), c"__subclasses__".as_ptr());
            if subclasses.is_null() {
                ffi::PyErr_Clear();
                return;
            }
            let mut seen = HashSet::new();
            let mut work = vec![(&raw mut ffi::PyBaseObject_Type).cast::<PyObject>()];
            while let Some(class) = work.pop() {
                if !seen.insert(class as usize) {
                    continue;
                }
                self.remember(class.cast());
                let list = ffi::PyObject_CallOneArg(subclasses, class);
                if list.is_null() {
                    ffi::PyErr_Clear();
                    continue;
                }
                for index in 0..ffi::PyList_Size(list) {
                    // The superclass holds only a weak reference, but nothing runs that could free the class while we look.
                    work.push(ffi::PyList_GetItem(list, index));
                }
                ffi::Py_DECREF(list);
            }
            ffi::Py_DECREF(subclasses);
            forget_dead(seen.len());
        }
    }

    unsafe fn remember(&mut self, class: *mut PyTypeObject) {
        // SAFETY: a live class.
        unsafe {
            if flags(class) & layout::type_object::FLAG_HEAPTYPE != 0
                && !class.cast::<u8>().add(layout::type_object::SPEC_CACHE_GETITEM).cast::<*mut PyObject>().read().is_null()
            {
                self.with_getitem.push(class);
            }
            let version = (*class).tp_version_tag;
            if version == 0 {
                return;
            }
            let known = with_table(|table| {
                let highest = &mut table.highest[usize::from(version > HIGHEST_STATIC_VERSION)];
                *highest = version.max(*highest);
                table.classes.contains_key(&version)
            });
            if known {
                return;
            }
            // The canonical weak reference without a callback, which the superclass's list has already made.
            let reference = ffi::PyWeakref_NewRef(class.cast(), std::ptr::null_mut());
            if reference.is_null() {
                ffi::PyErr_Clear();
                return;
            }
            with_table(|table| table.classes.insert(version, reference as usize));
        }
    }
}

/// Takes rows of dead classes and old versions out of the table once they are the greater part of it.
unsafe fn forget_dead(classes: usize) {
    let rows: Vec<(u32, usize)> = with_table(|table| {
        if table.classes.len() > 2 * classes + 100 { table.classes.iter().map(|(&version, &reference)| (version, reference)).collect() } else { Vec::new() }
    });
    for (version, reference) in rows {
        // SAFETY: the table's reference to the weak reference is given back with its row.
        unsafe {
            if live(reference, version).is_none() {
                with_table(|table| table.classes.remove(&version));
                ffi::Py_DECREF(reference as *mut PyObject);
            }
        }
    }
}

/// The class of a weak reference, if it lives and has this version still.
unsafe fn live(reference: usize, version: u32) -> Option<*mut PyTypeObject> {
    // SAFETY: the table holds a reference to the weak reference; the class is borrowed: nothing runs before the capture owns it.
    unsafe {
        let mut class: *mut PyObject = std::ptr::null_mut();
        if ffi::PyWeakref_GetRef(reference as *mut PyObject, &raw mut class) != 1 {
            ffi::PyErr_Clear();
            return None;
        }
        ffi::Py_DECREF(class);
        let class = class.cast::<PyTypeObject>();
        ((*class).tp_version_tag == version).then_some(class)
    }
}

/// `tp_flags`
pub(super) unsafe fn flags(class: *mut PyTypeObject) -> usize {
    // SAFETY: a live class.
    unsafe { (*class).tp_flags as usize }
}

/// The name of a class: `__qualname__` of heap types, the last part of `tp_name` of static ones.
pub(super) unsafe fn class_name(class: *mut PyTypeObject) -> String {
    // SAFETY: a live class.
    unsafe {
        if flags(class) & layout::type_object::FLAG_HEAPTYPE != 0 {
            let qualname = class.cast::<u8>().add(layout::type_object::HT_QUALNAME).cast::<*mut PyObject>().read();
            if !qualname.is_null() {
                return objects::text_of_str(qualname);
            }
        }
        let name = std::ffi::CStr::from_ptr((*class).tp_name).to_string_lossy();
        name.rsplit('.').next().unwrap_or("?").to_owned()
    }
}

/// An attribute along the MRO, borrowed; NULL if there is none.
pub(super) unsafe fn lookup(class: *mut PyTypeObject, name: *mut PyObject) -> *mut PyObject {
    // SAFETY: a live class and a str.
    unsafe { symbols::_PyType_Lookup(class, name) }
}

/// The same by an ASCII name.
pub(super) unsafe fn lookup_named(class: *mut PyTypeObject, name: &std::ffi::CStr) -> *mut PyObject {
    // SAFETY: a live class. The attribute is borrowed from a class of the MRO.
    unsafe {
        let name = ffi::PyUnicode_InternFromString(name.as_ptr());
        if name.is_null() {
            ffi::PyErr_Clear();
            return std::ptr::null_mut();
        }
        let found = lookup(class, name);
        ffi::Py_DECREF(name);
        found
    }
}

/// The index of a name in the shared keys of a class whose instances have inline values; -1 if it is not among them.
pub(super) unsafe fn shared_key_index(class: *mut PyTypeObject, name: *mut PyObject) -> isize {
    // SAFETY: a live class with shared keys. Names of attributes are interned, so identity decides; an equal key that is another object would be found by
    // `_PyUnicode_Equal`.
    unsafe {
        let keys: *mut DictKeys = structs::cached_keys(class);
        if keys.is_null() {
            return -1;
        }
        let entries: *mut DictUnicodeEntry = DictKeys::unicode_entries(keys);
        (0..(*keys).dk_nentries)
            .find(|&index| {
                let key = (*entries.offset(index)).me_key;
                key == name || (!key.is_null() && symbols::_PyUnicode_Equal(key, name) == 1)
            })
            .unwrap_or(-1)
    }
}

impl Capture<'_> {
    /// What is known of a class; `None` if it has no version tag and gets none: it cannot be watched.
    pub(super) unsafe fn class(&mut self, class: *mut PyTypeObject) -> Option<ClassRef> {
        if let Some(&known) = self.classes.get(&(class as usize)) {
            return known;
        }
        // SAFETY: a live class.
        unsafe {
            if self.lookup.is_unstable_class(class as usize) || symbols::PyUnstable_Type_AssignVersionTag(class) == 0 || (*class).tp_version_tag == 0 {
                self.classes.insert(class as usize, None);
                return None;
            }
            self.own(class.cast());
            let version = (*class).tp_version_tag;
            let flags = flags(class);
            let heap = flags & layout::type_object::FLAG_HEAPTYPE != 0;
            let built_in = environment::class_at(class as usize);
            let reference = self.push_class(ClassFacts {
                address: class as usize,
                name: class_name(class),
                class: built_in,
                version,
                cached_keys: if heap { structs::cached_keys(class) as usize } else { 0 },
                inline_values: flags & layout::type_object::FLAG_INLINE_VALUES != 0,
                basicsize: usize::try_from((*class).tp_basicsize).unwrap_or(0),
                init: None,
                plain_destructor: plain_destructor(class),
                always_true: built_in == Class::Other && always_true(class),
            });
            if flags & layout::type_object::FLAG_IMMUTABLETYPE == 0 {
                self.dependencies.classes.push(ClassDependency { class: class as usize, version });
            }
            let init = self.python_init(class);
            if !init.is_null() {
                let init = self.object(init);
                self.facts.classes[reference.index()].init = Some(init);
            }
            Some(reference)
        }
    }

    /// The Python `__init__` that a call of the class enters after `object.__new__`; NULL if a call does anything else (as
    /// `get_init_for_simple_managed_python_class`, Python/specialize.c).
    unsafe fn python_init(&self, class: *mut PyTypeObject) -> *mut PyObject {
        // SAFETY: a live class.
        unsafe {
            let object = &raw mut ffi::PyBaseObject_Type;
            let same = |left: Option<ffi::newfunc>, right: Option<ffi::newfunc>| left.map(|left| left as usize) == right.map(|right| right as usize);
            let allocator = (*class).tp_alloc.map_or(0, |alloc| alloc as usize);
            let generic: ffi::allocfunc = ffi::PyType_GenericAlloc;
            let plain = ffi::Py_TYPE(class.cast()) == &raw mut ffi::PyType_Type
                && flags(class) & layout::type_object::FLAG_HEAPTYPE != 0
                && flags(class) & ffi::Py_TPFLAGS_IS_ABSTRACT as usize == 0
                && same((*class).tp_new, (*object).tp_new)
                && (*class).tp_vectorcall.is_none()
                && (allocator == generic as usize || self.lookup.is_own_allocator(allocator));
            if !plain {
                return std::ptr::null_mut();
            }
            let init = lookup_named(class, c"__init__");
            if init.is_null() || ffi::Py_TYPE(init) != &raw mut ffi::PyFunction_Type { std::ptr::null_mut() } else { init }
        }
    }
}

/// Whether destroying an instance runs no Python code but what its attributes' destruction runs: `subtype_dealloc` over `object`'s, no finaliser. Callbacks of
/// weak references are not considered.
unsafe fn plain_destructor(class: *mut PyTypeObject) -> bool {
    // SAFETY: a live class.
    unsafe {
        let built_in = environment::class_at(class as usize);
        if built_in != Class::Other {
            return built_in.is_trivial();
        }
        let subtype = probes::subtype_dealloc();
        let dealloc = |class: *mut PyTypeObject| (*class).tp_dealloc.map_or(0, |dealloc| dealloc as usize);
        if subtype == 0 || dealloc(class) != subtype || (*class).tp_finalize.is_some() || (*class).tp_del.is_some() {
            return false;
        }
        let mut base = class;
        while !base.is_null() && dealloc(base) == subtype {
            base = (*base).tp_base;
        }
        base == &raw mut ffi::PyBaseObject_Type
    }
}

/// Whether the class has neither `__bool__` nor `__len__` (as `_Py_Specialize_ToBool`, Python/specialize.c).
unsafe fn always_true(class: *mut PyTypeObject) -> bool {
    // SAFETY: a live class; the method tables live as long.
    unsafe {
        let number = (*class).tp_as_number;
        let mapping = (*class).tp_as_mapping;
        let sequence = (*class).tp_as_sequence;
        (number.is_null() || (*number).nb_bool.is_none())
            && (mapping.is_null() || (*mapping).mp_length.is_none())
            && (sequence.is_null() || (*sequence).sq_length.is_none())
    }
}

//! What the inline cache of each instruction knows, looked up again among live objects (Python/specialize.c says when a cache is written, Python/bytecodes.c how it
//! is read; the layouts of the caches are in Include/internal/pycore_code.h).

use super::super::environment::class_of;
use super::super::structs::{self, DictKeys, DictObject};
use super::super::{OPCODES, layout};
use super::types::{flags, lookup, lookup_named, shared_key_index};
use super::{Capture, NameDependency, Pending, dict_get, objects, stored_name};
use coachwhip_abi::facts::{AttributeFeedback, CallFeedback, Feedback, LOOK, StoreAttributeFeedback};
use coachwhip_abi::ir::Class;
use coachwhip_bytecode::{Instruction, Op, flow, v3_13::number};
use pyo3_ffi::{self as ffi, PyObject, PyTypeObject};
use std::collections::BTreeSet;

/// The counter of an instruction that has never run: `adaptive_counter_warmup` (pycore_backoff.h).
const NEVER_RUN: u16 = layout::backoff::ADAPTIVE_WARMUP as u16;
/// The same after one run.
const RUN_ONCE: u16 = NEVER_RUN - (1 << layout::backoff::BITS);

/// So many classes with a `__getitem__` are looked at for one BINARY_SUBSCR_GETITEM.
const MOST_GETITEMS: usize = 4;

/// Reads the caches of one code object.
pub(super) struct Reader<'c, 'a, 'u> {
    capture: &'c mut Capture<'a>,
    units: &'u [u16],
    names: &'u [*mut PyObject],
    pending: &'u Pending,
    instructions: &'u [Instruction],
    targets: BTreeSet<u32>,
    /// The object that the instruction before this one has pushed, if that is known.
    pushed: *mut PyObject,
}

impl<'c, 'a, 'u> Reader<'c, 'a, 'u> {
    pub(super) fn new(
        capture: &'c mut Capture<'a>,
        units: &'u [u16],
        names: &'u [*mut PyObject],
        pending: &'u Pending,
        instructions: &'u [Instruction],
    ) -> Reader<'c, 'a, 'u> {
        Reader { capture, units, names, pending, instructions, targets: flow::jump_targets(instructions), pushed: std::ptr::null_mut() }
    }

    /// The feedback of each instruction.
    pub(super) unsafe fn read_all(mut self) -> Vec<Feedback> {
        let instructions = self.instructions;
        let mut all = Vec::with_capacity(instructions.len());
        for (position, instruction) in instructions.iter().enumerate() {
            let before = if self.targets.contains(&instruction.offset) { std::ptr::null_mut() } else { self.pushed };
            self.pushed = std::ptr::null_mut();
            // SAFETY: the units are of a live code object with these names.
            let feedback = unsafe { self.read(position, instruction, before) };
            all.push(feedback);
        }
        all
    }

    fn cache(&self, instruction: &Instruction, unit: u32) -> u16 {
        self.units[(instruction.opcode_offset + 1 + unit) as usize]
    }

    fn cache32(&self, instruction: &Instruction, unit: u32) -> u32 {
        u32::from(self.cache(instruction, unit)) | u32::from(self.cache(instruction, unit + 1)) << 16
    }

    fn opcode(&self, instruction: &Instruction) -> u8 {
        self.units[instruction.opcode_offset as usize].to_le_bytes()[0]
    }

    /// What an instruction that is not specialised says: never run, or nothing special.
    fn unspecialised(&self, instruction: &Instruction) -> Feedback {
        match self.cache(instruction, 0) {
            NEVER_RUN | RUN_ONCE => Feedback::Cold,
            _ => Feedback::Generic,
        }
    }

    unsafe fn read(&mut self, position: usize, instruction: &Instruction, before: *mut PyObject) -> Feedback {
        if let Some(index) = stored_name(instruction.op, instruction.argument) {
            // SAFETY: a name of the code.
            let name = unsafe { objects::text_of_str(self.names[index]) };
            self.capture.stored_globals.insert((self.pending.globals as usize, name));
        }
        let opcode = self.opcode(instruction);
        if OPCODES.get(opcode).is_none_or(|row| row.caches == 0) || instruction.op == Op::JumpBackward || instruction.op == Op::Send {
            return Feedback::None;
        }
        // SAFETY: as the caller says.
        let known = unsafe {
            match instruction.op {
                Op::LoadGlobal => self.global(position, instruction),
                Op::LoadAttr => self.load_attr(position, instruction, opcode, before),
                Op::StoreAttr => self.store_attr(instruction, opcode),
                Op::BinarySubscr if opcode == number::BINARY_SUBSCR_GETITEM => self.getitem(false),
                Op::BinarySubscr if opcode == number::BINARY_SUBSCR && self.unspecialised(instruction) == Feedback::Generic => self.getitem(true),
                Op::ToBool if opcode == number::TO_BOOL_ALWAYS_TRUE => {
                    let class = self.capture.versions.class(self.cache32(instruction, 1));
                    if class.is_null() { None } else { self.capture.class(class).map(Feedback::AlwaysTrue) }
                }
                Op::PopJumpIfTrue | Op::PopJumpIfFalse | Op::PopJumpIfNone | Op::PopJumpIfNotNone => Some(Feedback::Branch(self.cache(instruction, 0))),
                _ => simple(opcode),
            }
        };
        match known {
            Some(feedback) => feedback,
            None if OPCODES.get(opcode).is_some_and(|row| row.base != opcode) => Feedback::Generic,
            None => self.unspecialised(instruction),
        }
    }

    /// LOAD_GLOBAL, whatever its cache says: the value now, under watchers.
    unsafe fn global(&mut self, position: usize, instruction: &Instruction) -> Option<Feedback> {
        let name = *self.names.get((instruction.argument >> 1) as usize)?;
        let (globals, builtins) = (self.pending.globals, self.pending.builtins);
        // SAFETY: live dicts and a str.
        unsafe {
            let mut value = dict_get(globals, name)?;
            self.depend(globals, name, value)?;
            if value.is_null() {
                value = dict_get(builtins, name)?;
                if value.is_null() {
                    return None;
                }
                self.depend(builtins, name, value)?;
            }
            let reference = self.capture.object(value);
            let text = objects::text_of_str(name);
            self.capture.loaded_globals.push((self.pending.code, position, globals as usize, text));
            if instruction.argument & 1 == 0 {
                self.pushed = value;
            }
            Some(Feedback::Global(reference))
        }
    }

    /// Relies on the value of a name; `None` if that is known to change.
    unsafe fn depend(&mut self, dict: *mut PyObject, key: *mut PyObject, value: *mut PyObject) -> Option<()> {
        // SAFETY: live objects.
        unsafe {
            let name = objects::text_of_str(key);
            if self.capture.lookup.is_unstable(dict as usize, &name) {
                return None;
            }
            self.capture.own(dict);
            self.capture.own(key);
            self.capture.dependencies.add_name(NameDependency { dict: dict as usize, key: key as usize, name, value: value as usize });
            Some(())
        }
    }

    unsafe fn load_attr(&mut self, position: usize, instruction: &Instruction, opcode: u8, before: *mut PyObject) -> Option<Feedback> {
        let name = *self.names.get((instruction.argument >> 1) as usize)?;
        // SAFETY: a live code object's cache, read as its opcode says.
        let (feedback, value) = unsafe {
            let module = if !before.is_null() && class_of(before) == Class::Module {
                before
            } else if opcode == number::LOAD_ATTR_MODULE {
                module_of_keys(self.cache32(instruction, 1))
            } else {
                std::ptr::null_mut()
            };
            if module.is_null() {
                let seen = self.seen_classes(instruction);
                let feedback = self.attribute(instruction, opcode, name);
                if !seen.is_empty() {
                    return self.attribute_of_many(feedback, &seen, name, instruction.argument & 1 != 0);
                }
                (feedback?, std::ptr::null_mut())
            } else {
                self.module_attribute(position, module, name)?
            }
        };
        if instruction.argument & 1 == 0 {
            self.pushed = value;
        }
        Some(Feedback::Attribute(feedback))
    }

    /// An attribute of a module, if it stands in its namespace (`specialize_module_load_attr`).
    unsafe fn module_attribute(&mut self, position: usize, module: *mut PyObject, name: *mut PyObject) -> Option<(AttributeFeedback, *mut PyObject)> {
        // SAFETY: a live module.
        unsafe {
            // Attributes of the class `module` come first (`__dict__`, `__class__`).
            if !lookup(&raw mut ffi::PyModule_Type, name).is_null() {
                return None;
            }
            let dict = module.cast::<u8>().add(layout::module::MD_DICT).cast::<*mut PyObject>().read();
            let value = dict_get(dict, name)?;
            if value.is_null() {
                return None;
            }
            self.depend(dict, name, value)?;
            self.capture.loaded_globals.push((self.pending.code, position, dict as usize, objects::text_of_str(name)));
            let feedback = AttributeFeedback::Module { namespace: self.capture.object(dict), value: self.capture.object(value) };
            Some((feedback, value))
        }
    }

    unsafe fn attribute(&mut self, instruction: &Instruction, opcode: u8, name: *mut PyObject) -> Option<AttributeFeedback> {
        // All of LOAD_ATTR's caches start with a counter and a type version. A version of 0 says that the cache was never written.
        let version = self.cache32(instruction, 1);
        if version == 0 {
            return None;
        }
        // SAFETY: the class is live.
        unsafe {
            let class = self.capture.versions.class(version);
            if class.is_null() {
                return None;
            }
            let value = lookup(class, name);
            match opcode {
                number::LOAD_ATTR_INSTANCE_VALUE => {
                    let index = self.inline_index(class, name, value)?;
                    Some(AttributeFeedback::InstanceValue { class: self.capture.class(class)?, index })
                }
                number::LOAD_ATTR_WITH_HINT => {
                    let index = self.cache(instruction, 3).into();
                    Some(AttributeFeedback::WithHint { class: self.capture.class(class)?, index })
                }
                number::LOAD_ATTR_SLOT => {
                    let offset = slot_offset(class, value, false)?;
                    Some(AttributeFeedback::Slot { class: self.capture.class(class)?, offset })
                }
                number::LOAD_ATTR_CLASS => self.class_object_attribute(class, name, value),
                number::LOAD_ATTR_METHOD_WITH_VALUES | number::LOAD_ATTR_METHOD_NO_DICT if !value.is_null() && objects::is_method(value) => {
                    let keys_version = shared_keys_version(class, name)?;
                    Some(AttributeFeedback::Method { class: self.capture.class(class)?, value: self.capture.object(value), keys_version })
                }
                number::LOAD_ATTR_METHOD_LAZY_DICT if !value.is_null() && objects::is_method(value) => {
                    // The cache tells where the dict's pointer is, counted from MANAGED_DICT_OFFSET: 0 for managed dicts.
                    let managed = flags(class) & layout::type_object::FLAG_MANAGED_DICT != 0 && self.cache(instruction, 3) == 0;
                    if !managed {
                        return None;
                    }
                    Some(AttributeFeedback::MethodLazyDict { class: self.capture.class(class)?, value: self.capture.object(value) })
                }
                number::LOAD_ATTR_NONDESCRIPTOR_WITH_VALUES | number::LOAD_ATTR_NONDESCRIPTOR_NO_DICT if is_no_descriptor(value) => {
                    let keys_version = shared_keys_version(class, name)?;
                    Some(AttributeFeedback::ClassAttribute { class: self.capture.class(class)?, value: self.capture.object(value), keys_version })
                }
                number::LOAD_ATTR_PROPERTY => self.property(class, value, false),
                // A getter that runs compiled has `func_version` 0, and the interpreter gives its property up: what it wrote before still stands in the cache.
                number::LOAD_ATTR => self.property(class, value, true),
                _ => None,
            }
        }
    }

    /// The live classes that came by at an instruction when another was expected; none if there were too many.
    unsafe fn seen_classes(&mut self, instruction: &Instruction) -> Vec<*mut PyTypeObject> {
        let address = self.capture.facts.codes[self.pending.code.index()].address;
        let Some(seen) = self.capture.seen.iter().find(|row| row.code_address == address && row.offset == instruction.offset) else { return Vec::new() };
        let versions = seen.versions;
        if seen.more {
            return Vec::new();
        }
        // SAFETY: the GIL is held.
        versions
            .iter()
            .filter(|&&version| version != 0)
            .map(|&version| unsafe { self.capture.versions.class(version) })
            .filter(|class| !class.is_null())
            .collect()
    }

    /// What the inline cache says, if anything, and the same of other classes.
    unsafe fn attribute_of_many(
        &mut self,
        cached: Option<AttributeFeedback>,
        seen: &[*mut PyTypeObject],
        name: *mut PyObject,
        is_method: bool,
    ) -> Option<Feedback> {
        let mut all: Vec<AttributeFeedback> = cached.into_iter().collect();
        if all.iter().any(|one| one.class().is_none()) {
            return all.pop().map(Feedback::Attribute);
        }
        for &class in seen {
            // SAFETY: live classes.
            let one = unsafe { self.attribute_of_class(class, name, is_method)? };
            if all.iter().all(|other| other.class() != one.class()) {
                all.push(one);
            }
        }
        if all.len() == 1 { all.pop().map(Feedback::Attribute) } else { Some(Feedback::Attributes(all)) }
    }

    /// What an inline cache would say of a class's instances (`analyze_descriptor` in Python/specialize.c).
    unsafe fn attribute_of_class(&mut self, class: *mut PyTypeObject, name: *mut PyObject, is_method: bool) -> Option<AttributeFeedback> {
        // SAFETY: a live class.
        unsafe {
            if !has_plain_getattribute(class) {
                return None;
            }
            let value = lookup(class, name);
            if let Some(offset) = slot_offset(class, value, false) {
                return Some(AttributeFeedback::Slot { class: self.capture.class(class)?, offset });
            }
            if let Some(index) = self.inline_index(class, name, value) {
                return Some(AttributeFeedback::InstanceValue { class: self.capture.class(class)?, index });
            }
            if value.is_null() {
                return None;
            }
            if ffi::Py_TYPE(value) == &raw mut ffi::PyProperty_Type {
                return self.property(class, value, false);
            }
            let has_managed = flags(class) & layout::type_object::FLAG_MANAGED_DICT != 0;
            let keys_version = match shared_keys_version(class, name) {
                Some(version) => version,
                None if has_managed => LOOK,
                None => return None,
            };
            if is_method && objects::is_method(value) {
                return Some(AttributeFeedback::Method { class: self.capture.class(class)?, value: self.capture.object(value), keys_version });
            }
            is_no_descriptor(value).then_some(())?;
            Some(AttributeFeedback::ClassAttribute { class: self.capture.class(class)?, value: self.capture.object(value), keys_version })
        }
    }

    /// The index of an attribute among the inline values, if no descriptor comes before it.
    unsafe fn inline_index(&self, class: *mut PyTypeObject, name: *mut PyObject, attribute: *mut PyObject) -> Option<u32> {
        // SAFETY: a live class.
        unsafe {
            if flags(class) & layout::type_object::FLAG_INLINE_VALUES == 0 {
                return None;
            }
            if !attribute.is_null() && (*ffi::Py_TYPE(attribute)).tp_descr_set.is_some() {
                return None;
            }
            u32::try_from(shared_key_index(class, name)).ok()
        }
    }

    /// `SomeClass.name` (`specialize_class_load_attr`).
    unsafe fn class_object_attribute(&mut self, class: *mut PyTypeObject, name: *mut PyObject, value: *mut PyObject) -> Option<AttributeFeedback> {
        // SAFETY: a live class.
        unsafe {
            let plain = ffi::Py_TYPE(class.cast()) == &raw mut ffi::PyType_Type && lookup(&raw mut ffi::PyType_Type, name).is_null();
            if !plain || value.is_null() || !(is_no_descriptor(value) || objects::is_method(value)) {
                return None;
            }
            Some(AttributeFeedback::Class { class: self.capture.class(class)?, value: self.capture.object(value) })
        }
    }

    unsafe fn property(&mut self, class: *mut PyTypeObject, attribute: *mut PyObject, must_be_hooked: bool) -> Option<AttributeFeedback> {
        // SAFETY: a live class; a property's getter is a live object or NULL.
        unsafe {
            if attribute.is_null() || ffi::Py_TYPE(attribute) != &raw mut ffi::PyProperty_Type {
                return None;
            }
            let getter = attribute.cast::<u8>().add(layout::property::PROP_GET).cast::<*mut PyObject>().read();
            if getter.is_null() || class_of(getter) != Class::Function {
                return None;
            }
            // With `__getattr__` an AttributeError of the getter is not the end (`analyze_descriptor`).
            if !lookup_named(class, c"__getattr__").is_null() || !has_plain_getattribute(class) {
                return None;
            }
            if must_be_hooked && (*getter.cast::<structs::FunctionObject>()).func_version != 0 {
                return None;
            }
            Some(AttributeFeedback::Property { class: self.capture.class(class)?, getter: self.capture.object(getter) })
        }
    }

    unsafe fn store_attr(&mut self, instruction: &Instruction, opcode: u8) -> Option<Feedback> {
        let name = *self.names.get(instruction.argument as usize)?;
        // SAFETY: as for LOAD_ATTR.
        unsafe {
            let mut all: Vec<StoreAttributeFeedback> = self.cached_store(instruction, opcode, name).into_iter().collect();
            for class in self.seen_classes(instruction) {
                let one = self.store_in_class(class, name)?;
                if all.iter().all(|other| other.class() != one.class()) {
                    all.push(one);
                }
            }
            if all.len() > 1 { Some(Feedback::StoreAttributes(all)) } else { all.pop().map(Feedback::StoreAttribute) }
        }
    }

    /// The same as `attribute_of_class` for storing.
    unsafe fn store_in_class(&mut self, class: *mut PyTypeObject, name: *mut PyObject) -> Option<StoreAttributeFeedback> {
        // SAFETY: a live class.
        unsafe {
            let generic: ffi::setattrofunc = ffi::PyObject_GenericSetAttr;
            if (*class).tp_setattro.is_none_or(|setattro| setattro as usize != generic as usize) {
                return None;
            }
            let attribute = lookup(class, name);
            if let Some(offset) = slot_offset(class, attribute, true) {
                return Some(StoreAttributeFeedback::Slot { class: self.capture.class(class)?, offset });
            }
            let index = self.inline_index(class, name, attribute)?;
            Some(StoreAttributeFeedback::InstanceValue { class: self.capture.class(class)?, index })
        }
    }

    unsafe fn cached_store(&mut self, instruction: &Instruction, opcode: u8, name: *mut PyObject) -> Option<StoreAttributeFeedback> {
        let version = self.cache32(instruction, 1);
        // SAFETY: as for LOAD_ATTR.
        unsafe {
            if !matches!(opcode, number::STORE_ATTR_INSTANCE_VALUE | number::STORE_ATTR_WITH_HINT | number::STORE_ATTR_SLOT) {
                return None;
            }
            let class = self.capture.versions.class(version);
            if class.is_null() {
                return None;
            }
            let attribute = lookup(class, name);
            match opcode {
                number::STORE_ATTR_INSTANCE_VALUE => {
                    let index = self.inline_index(class, name, attribute)?;
                    Some(StoreAttributeFeedback::InstanceValue { class: self.capture.class(class)?, index })
                }
                number::STORE_ATTR_WITH_HINT => {
                    let index = self.cache(instruction, 3).into();
                    Some(StoreAttributeFeedback::WithHint { class: self.capture.class(class)?, index })
                }
                _ => {
                    let offset = slot_offset(class, attribute, true)?;
                    Some(StoreAttributeFeedback::Slot { class: self.capture.class(class)?, offset })
                }
            }
        }
    }

    /// BINARY_SUBSCR_GETITEM: its cache does not tell the class. It is one of those whose `__getitem__` the interpreter has cached, most likely one of this module.
    /// With `hooked`: those that run compiled, which have `func_version` 0 and are given up by the interpreter.
    unsafe fn getitem(&mut self, hooked: bool) -> Option<Feedback> {
        // SAFETY: the GIL is held; the walk has just found live classes.
        unsafe {
            if hooked && !self.capture.lookup.has_hooked_getitem() {
                return None;
            }
            self.capture.versions.walk();
            let mut candidates = Vec::new();
            for &class in &self.capture.versions.with_getitem {
                let function = lookup_named(class, c"__getitem__");
                if !function.is_null() && class_of(function) == Class::Function && (!hooked || (*function.cast::<structs::FunctionObject>()).func_version == 0)
                {
                    candidates.push((class, function));
                }
            }
            let globals = self.pending.globals;
            let ours: Vec<_> = candidates.iter().copied().filter(|row| (*row.1.cast::<structs::FunctionObject>()).func_globals == globals).collect();
            let mut found = Vec::new();
            for (class, function) in if ours.is_empty() { candidates } else { ours } {
                if found.len() < MOST_GETITEMS
                    && let Some(class) = self.capture.class(class)
                {
                    found.push((class, self.capture.object(function)));
                }
            }
            (!found.is_empty()).then_some(Feedback::SubscriptFunctions { candidates: found, generic: hooked })
        }
    }
}

/// Specialised opcodes that say all by themselves.
fn simple(opcode: u8) -> Option<Feedback> {
    Some(match opcode {
        number::BINARY_OP_ADD_INT | number::BINARY_OP_MULTIPLY_INT | number::BINARY_OP_SUBTRACT_INT | number::COMPARE_OP_INT => Feedback::Operands(Class::Int),
        number::BINARY_OP_ADD_FLOAT | number::BINARY_OP_MULTIPLY_FLOAT | number::BINARY_OP_SUBTRACT_FLOAT | number::COMPARE_OP_FLOAT => {
            Feedback::Operands(Class::Float)
        }
        number::BINARY_OP_ADD_UNICODE | number::BINARY_OP_INPLACE_ADD_UNICODE | number::COMPARE_OP_STR => Feedback::Operands(Class::Str),
        number::BINARY_SUBSCR_LIST_INT | number::STORE_SUBSCR_LIST_INT => Feedback::Subscript(Class::List),
        number::BINARY_SUBSCR_TUPLE_INT => Feedback::Subscript(Class::Tuple),
        number::BINARY_SUBSCR_STR_INT => Feedback::Subscript(Class::Str),
        number::BINARY_SUBSCR_DICT | number::STORE_SUBSCR_DICT => Feedback::Subscript(Class::Dict),
        number::TO_BOOL_BOOL => Feedback::Truth(Class::Bool),
        number::TO_BOOL_INT => Feedback::Truth(Class::Int),
        number::TO_BOOL_LIST => Feedback::Truth(Class::List),
        number::TO_BOOL_NONE => Feedback::Truth(Class::NoneType),
        number::TO_BOOL_STR => Feedback::Truth(Class::Str),
        number::LOAD_SUPER_ATTR_METHOD => Feedback::Super(true),
        number::LOAD_SUPER_ATTR_ATTR => Feedback::Super(false),
        number::FOR_ITER_LIST => Feedback::Iterator(Class::ListIterator),
        number::FOR_ITER_TUPLE => Feedback::Iterator(Class::TupleIterator),
        number::FOR_ITER_RANGE => Feedback::Iterator(Class::RangeIterator),
        number::FOR_ITER_GEN => Feedback::Iterator(Class::Generator),
        number::UNPACK_SEQUENCE_LIST => Feedback::Unpack(Class::List),
        number::UNPACK_SEQUENCE_TUPLE | number::UNPACK_SEQUENCE_TWO_TUPLE => Feedback::Unpack(Class::Tuple),
        number::CONTAINS_OP_DICT => Feedback::Contains(Class::Dict),
        number::CONTAINS_OP_SET => Feedback::Contains(Class::Set),
        number::CALL_PY_EXACT_ARGS | number::CALL_PY_GENERAL => Feedback::Call(CallFeedback::Python),
        number::CALL_BOUND_METHOD_EXACT_ARGS | number::CALL_BOUND_METHOD_GENERAL => Feedback::Call(CallFeedback::BoundMethod),
        number::CALL_ALLOC_AND_ENTER_INIT => Feedback::Call(CallFeedback::ClassWithInit),
        number::CALL_BUILTIN_CLASS => Feedback::Call(CallFeedback::BuiltinClass),
        number::CALL_TYPE_1 => Feedback::Call(CallFeedback::Type1),
        number::CALL_STR_1 => Feedback::Call(CallFeedback::Str1),
        number::CALL_TUPLE_1 => Feedback::Call(CallFeedback::Tuple1),
        number::CALL_LEN => Feedback::Call(CallFeedback::Len),
        number::CALL_ISINSTANCE => Feedback::Call(CallFeedback::IsInstance),
        number::CALL_LIST_APPEND => Feedback::Call(CallFeedback::ListAppend),
        number::CALL_BUILTIN_O | number::CALL_BUILTIN_FAST | number::CALL_BUILTIN_FAST_WITH_KEYWORDS => Feedback::Call(CallFeedback::Builtin),
        number::CALL_METHOD_DESCRIPTOR_O
        | number::CALL_METHOD_DESCRIPTOR_FAST
        | number::CALL_METHOD_DESCRIPTOR_FAST_WITH_KEYWORDS
        | number::CALL_METHOD_DESCRIPTOR_NOARGS => Feedback::Call(CallFeedback::MethodDescriptor),
        number::CALL_NON_PY_GENERAL => Feedback::Call(CallFeedback::Other),
        _ => return None,
    })
}

/// The module whose namespace has keys of this version (LOAD_ATTR_MODULE's cache tells no more); NULL if none in `sys.modules` has.
unsafe fn module_of_keys(version: u32) -> *mut PyObject {
    // SAFETY: the GIL is held; `sys.modules` holds the modules.
    unsafe {
        let modules = ffi::PyImport_GetModuleDict();
        if version == 0 || modules.is_null() || class_of(modules) != Class::Dict {
            return std::ptr::null_mut();
        }
        let (mut position, mut key, mut module) = (0, std::ptr::null_mut(), std::ptr::null_mut());
        while ffi::PyDict_Next(modules, &raw mut position, &raw mut key, &raw mut module) != 0 {
            if class_of(module) != Class::Module {
                continue;
            }
            let dict = module.cast::<u8>().add(layout::module::MD_DICT).cast::<*mut DictObject>().read();
            if !dict.is_null() && (*(*dict).ma_keys).dk_version == version {
                return module;
            }
        }
        std::ptr::null_mut()
    }
}

/// The byte offset of a `__slots__` member that holds an object, if instances of the class have it (`OBJECT_SLOT` in `analyze_descriptor`).
unsafe fn slot_offset(class: *mut PyTypeObject, descriptor: *mut PyObject, store: bool) -> Option<u32> {
    const OBJECT: i32 = 6; // _Py_T_OBJECT
    const OBJECT_EX: i32 = 16; // Py_T_OBJECT_EX
    // SAFETY: a live descriptor and its member definition; all descriptors start alike (`PyDescr_COMMON`).
    unsafe {
        if descriptor.is_null() || ffi::Py_TYPE(descriptor) != &raw mut ffi::PyMemberDescr_Type {
            return None;
        }
        let owner = descriptor.cast::<u8>().add(layout::method_descriptor::D_TYPE).cast::<*mut PyTypeObject>().read();
        let member = descriptor.cast::<u8>().add(layout::member_descriptor::D_MEMBER).cast::<*mut ffi::PyMemberDef>().read();
        let plain = matches!((*member).type_code, OBJECT | OBJECT_EX);
        let refused = if store { ffi::Py_READONLY } else { ffi::Py_AUDIT_READ };
        if !plain || (*member).flags & refused != 0 || ffi::PyType_IsSubtype(class, owner) == 0 {
            return None;
        }
        u32::try_from((*member).offset).ok()
    }
}

/// The version of a class's shared keys, if a name is not among them; 0 if instances have no dict. `None` if instances may have the name.
unsafe fn shared_keys_version(class: *mut PyTypeObject, name: *mut PyObject) -> Option<u32> {
    // SAFETY: a live class.
    unsafe {
        if flags(class) & layout::type_object::FLAG_INLINE_VALUES == 0 {
            let none = flags(class) & layout::type_object::FLAG_MANAGED_DICT == 0 && (*class).tp_dictoffset == 0;
            return none.then_some(0);
        }
        let keys: *mut DictKeys = structs::cached_keys(class);
        let version = (*keys).dk_version;
        (version != 0 && shared_key_index(class, name) < 0).then_some(version)
    }
}

/// Whether a class attribute is what an instance gets for it: its class cannot change and is no descriptor (`NON_DESCRIPTOR` in `analyze_descriptor`).
unsafe fn is_no_descriptor(value: *mut PyObject) -> bool {
    // SAFETY: NULL or a live object.
    unsafe {
        if value.is_null() {
            return false;
        }
        let class = ffi::Py_TYPE(value);
        flags(class) & layout::type_object::FLAG_IMMUTABLETYPE != 0 && (*class).tp_descr_get.is_none() && (*class).tp_descr_set.is_none()
    }
}

/// Whether attributes are looked up as `object.__getattribute__` does.
unsafe fn has_plain_getattribute(class: *mut PyTypeObject) -> bool {
    // SAFETY: a live class.
    unsafe {
        let generic: ffi::getattrofunc = ffi::PyObject_GenericGetAttr;
        (*class).tp_getattro.is_some_and(|getattro| getattro as usize == generic as usize)
    }
}

//! Guards and tests of classes and identity.

use super::{Lowering, bug, immediate, unsupported};
use crate::CodegenError;
use coachwhip_abi::facts::ClassFacts;
use coachwhip_ir as ir;
use coachwhip_ir::{Class, ClassRef, Identity, Instruction, Reason};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value, types};

impl<'a> Lowering<'a> {
    /// The type object of a built-in class.
    pub(crate) fn class_address(&self, class: Class) -> Result<usize, CodegenError> {
        let array = self.array_descriptor(class).and(self.facts.arrays.as_ref()).map(|arrays| arrays.class);
        match array.unwrap_or_else(|| self.environment.classes.get(class as usize).copied().unwrap_or(0)) {
            0 => Err(unsupported(format!("the class {}", class.name()))),
            address => Ok(address),
        }
    }

    /// What tells arrays of this class from others, which have the same type object.
    fn array_descriptor(&self, class: Class) -> Option<usize> {
        let arrays = self.facts.arrays.as_ref()?;
        arrays.descriptors.iter().find(|row| row.0 == class).map(|row| row.1)
    }

    /// A class of the facts.
    pub(crate) fn class_facts(&self, class: ClassRef) -> Result<&'a ClassFacts, CodegenError> {
        let facts = self.facts.classes.get(class.index()).ok_or_else(|| bug(format!("no facts of {class}")))?;
        self.named.borrow_mut().insert(facts.address);
        Ok(facts)
    }

    /// The class of the facts that a value's type says its object is of.
    pub(crate) fn exact_class(&self, value: ir::Value) -> Result<&'a ClassFacts, CodegenError> {
        match self.function.ty(value).identity {
            Identity::Exact(class) => self.class_facts(class),
            Identity::Unknown | Identity::Constant(_) => Err(bug(format!("the class of {value} is not known"))),
        }
    }

    /// Whether `ob_type` is the class at an address.
    fn has_type(&mut self, object: Value, class: usize) -> Value {
        let found = self.load(types::I64, object, self.environment.layout.object_type);
        let class = self.address(class);
        self.builder.ins().icmp(IntCC::Equal, found, class)
    }

    /// The result of a guard is its operand.
    fn same(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let object = self.operand(instruction, 0)?;
        self.define(instruction, object)
    }

    pub(super) fn guard_class(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let class = self.class_address(immediate!(instruction, 0, Class)?)?;
        let object = self.operand(instruction, 0)?;
        let test = self.has_type(object, class);
        self.exit_unless(instruction, test, Reason::Class)?;
        if let Some(descriptor) = self.array_descriptor(immediate!(instruction, 0, Class)?) {
            // Only now: other objects may be too small to have the field.
            let found = self.load(types::I64, object, self.environment.layout.array_descriptor);
            let descriptor = self.address(descriptor);
            let test = self.builder.ins().icmp(IntCC::Equal, found, descriptor);
            self.exit_unless(instruction, test, Reason::Class)?;
        }
        self.same(instruction)
    }

    pub(super) fn guard_type(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let class = self.class_facts(immediate!(instruction, 0, ClassRef)?)?.address;
        let object = self.operand(instruction, 0)?;
        let test = self.has_type(object, class);
        self.exit_unless(instruction, test, Reason::Type)?;
        self.same(instruction)
    }

    pub(super) fn guard_is(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let expected = self.object_address(immediate!(instruction, 0, Object)?)?;
        let object = self.operand(instruction, 0)?;
        let expected = self.address(expected);
        let test = self.builder.ins().icmp(IntCC::Equal, object, expected);
        self.exit_unless(instruction, test, Reason::Identity)?;
        self.same(instruction)
    }

    pub(super) fn guard_not_null(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let reason = immediate!(instruction, 0, Reason)?;
        let object = self.operand(instruction, 0)?;
        self.exit_unless(instruction, object, reason)?;
        self.same(instruction)
    }

    pub(super) fn guard_test(&mut self, instruction: &Instruction, expected: bool) -> Result<(), CodegenError> {
        let reason = immediate!(instruction, 0, Reason)?;
        let test = self.operand(instruction, 0)?;
        if expected { self.exit_unless(instruction, test, reason) } else { self.exit_if(instruction, test, reason) }
    }

    pub(super) fn guard_inline_values(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let object = self.operand(instruction, 0)?;
        let values = self.exact_class(instruction.operands[0])?.basicsize as i32;
        let valid = self.load(types::I8, object, values + self.environment.layout.values_valid);
        self.exit_unless(instruction, valid, Reason::InlineValues)
    }

    pub(super) fn guard_keys_version(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let keys = self.class_facts(immediate!(instruction, 0, ClassRef)?)?.cached_keys;
        let version = immediate!(instruction, 1, Int)?;
        if keys == 0 {
            return Err(bug("keys version of a class without shared keys"));
        }
        let keys = self.address(keys);
        self.guard_version(instruction, keys, version)
    }

    pub(super) fn guard_dict_keys_version(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let version = immediate!(instruction, 0, Int)?;
        let dict = self.operand(instruction, 0)?;
        let keys = self.load(types::I64, dict, self.environment.layout.dict_keys);
        self.guard_version(instruction, keys, version)
    }

    /// `_LOAD_ATTR_WITH_HINT` in Python/bytecodes.c. A shared keys object has entries of strs, too, whose values are NULL.
    pub(super) fn guard_dict_entry(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let layout = &self.environment.layout;
        let index = immediate!(instruction, 0, Int)?;
        let (dict, name) = (self.operand(instruction, 0)?, self.operand(instruction, 1)?);
        let keys = self.load(types::I64, dict, layout.dict_keys);
        let kind = self.load(types::I8, keys, layout.keys_kind);
        self.exit_unless(instruction, kind, Reason::KeysVersion)?;
        let count = self.load(types::I64, keys, layout.keys_count);
        let test = self.compare(IntCC::SignedGreaterThan, count, index);
        self.exit_unless(instruction, test, Reason::KeysVersion)?;
        let (base, distance) = self.dict_entry(keys, index, layout.unicode_entry_key)?;
        let key = self.load(types::I64, base, distance);
        let test = self.builder.ins().icmp(IntCC::Equal, key, name);
        self.exit_unless(instruction, test, Reason::KeysVersion)
    }

    fn guard_version(&mut self, instruction: &Instruction, keys: Value, version: i64) -> Result<(), CodegenError> {
        let found = self.load(types::I32, keys, self.environment.layout.keys_version);
        // Versions are unsigned 32-bit numbers.
        let test = self.compare(IntCC::Equal, found, i64::from(version as u32));
        self.exit_unless(instruction, test, Reason::KeysVersion)
    }

    pub(super) fn bool_not(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let value = self.operand(instruction, 0)?;
        let test = self.compare(IntCC::Equal, value, 0);
        self.define(instruction, test)
    }

    pub(super) fn is_same(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let (left, right) = (self.operand(instruction, 0)?, self.operand(instruction, 1)?);
        let test = self.builder.ins().icmp(IntCC::Equal, left, right);
        self.define(instruction, test)
    }

    pub(super) fn is_null(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let object = self.operand(instruction, 0)?;
        let test = self.compare(IntCC::Equal, object, 0);
        self.define(instruction, test)
    }

    pub(super) fn is_class(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let class = immediate!(instruction, 0, Class)?;
        if class.array_item().is_some() {
            return Err(unsupported("is_class of an array"));
        }
        let class = self.class_address(class)?;
        let object = self.operand(instruction, 0)?;
        let test = self.has_type(object, class);
        self.define(instruction, test)
    }

    pub(super) fn is_type(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let class = self.class_facts(immediate!(instruction, 0, ClassRef)?)?.address;
        let object = self.operand(instruction, 0)?;
        let test = self.has_type(object, class);
        self.define(instruction, test)
    }
}

//! Attributes: by the interpreter's inline caches, with a polymorphic cache of our own where they know nothing.

use super::{Builder, Result};
use coachwhip_abi::facts::{AttributeFeedback, Feedback, LOOK, ObjectValue, StoreAttributeFeedback};
use coachwhip_ir::{Class, ClassRef, Field, Helper, Immediate, ObjectRef, Op, Reason, Type, Value};

impl Builder<'_> {
    fn int_immediate(value: u32) -> [Immediate; 1] {
        [Immediate::Int(i64::from(value))]
    }

    /// The object that is a class of the facts, if it is among the objects.
    fn class_object(&self, class: ClassRef) -> Option<ObjectRef> {
        let position = self.facts.objects.iter().position(|object| matches!(object.value, ObjectValue::Class(other) if other == class))?;
        Some(ObjectRef::from_index(position))
    }

    /// An instance whose class attributes are not hidden by an attribute of its own.
    fn guard_not_shadowed(&mut self, receiver: Value, class: ClassRef, keys_version: u32, name: Value) -> Result<Value> {
        let receiver = self.guard_type(receiver, class);
        if keys_version == LOOK {
            let lacks = self.call_helper_value(Helper::InstanceLacks, &[receiver, name])?;
            self.guard_true(lacks, Reason::InlineValues);
        } else if keys_version != 0 {
            let snapshot = self.snapshot_before();
            self.emit_checked(Op::GuardInlineValues, &[receiver], &[], None, snapshot);
            let immediates = [Immediate::ClassRef(class), Immediate::Int(i64::from(keys_version))];
            self.emit_checked(Op::GuardKeysVersion, &[], &immediates, None, snapshot);
        }
        Ok(receiver)
    }

    pub(super) fn load_attr(&mut self, argument: u32, feedback: &Feedback) -> Result<()> {
        let is_method = argument & 1 != 0;
        let object = self.peek(1)?;
        if let Feedback::Attributes(all) = feedback
            && self.load_attr_of_many(object, all, argument)?
        {
            return Ok(());
        }
        if let Feedback::Attribute(attribute) = feedback {
            let done = if self.is_refuted() && !self.may_guess_class_again() {
                self.load_attr_by_look(object, attribute, argument)?
            } else {
                self.load_attr_by_cache(object, attribute, argument)?
            };
            if done {
                return Ok(());
            }
        }
        let name = self.name(argument >> 1)?;
        let cache = self.new_cache();
        self.pop()?;
        if is_method {
            let method = self.call_helper_value(Helper::LoadMethod, &[object, name, cache])?;
            let receiver = self.call_helper_value(Helper::MethodReceiver, &[object])?;
            self.push(method);
            self.push(receiver);
        } else {
            let value = self.call_helper_value(Helper::LoadAttribute, &[object, name, cache])?;
            self.push(value);
        }
        Ok(())
    }

    /// Another class came by than the one expected, and the inline cache knows that other one only: the next exit tells that there are both.
    fn may_guess_class_again(&self) -> bool {
        self.refuted_row().is_some_and(|row| row.reason == Reason::Type && row.times <= 2)
    }

    /// Replaces the object on the stack by its attribute; for a method call with an empty receiver.
    fn replace_by_attribute(&mut self, value: Value, is_method: bool) -> Result<()> {
        self.pop()?;
        self.push(value);
        if is_method {
            self.frame.stack.push(None);
        }
        Ok(())
    }

    pub(super) fn load_attr_by_cache(&mut self, object: Value, attribute: &AttributeFeedback, argument: u32) -> Result<bool> {
        let is_method = argument & 1 != 0;
        match *attribute {
            AttributeFeedback::InstanceValue { class, index } => {
                let receiver = self.guard_type(object, class);
                self.guard_inline_values(receiver);
                let value = self.emit_value(Op::InlineValueGet, &[receiver], &Self::int_immediate(index), Type::OBJECT_OR_NULL);
                let value = self.guard_not_null(value, Reason::Missing);
                self.replace_by_attribute(value, is_method)?;
            }
            AttributeFeedback::Slot { class, offset } => {
                let receiver = self.guard_type(object, class);
                let value = self.emit_value(Op::SlotGet, &[receiver], &Self::int_immediate(offset), Type::OBJECT_OR_NULL);
                let value = self.guard_not_null(value, Reason::Missing);
                self.replace_by_attribute(value, is_method)?;
            }
            AttributeFeedback::Module { namespace, value } => {
                // Known by its namespace, whose end is announced: nothing keeps the module itself alive.
                let is_known = self.constant_of(object).is_some_and(|module| matches!(self.object(module).value, ObjectValue::Module(own) if own == namespace));
                if !is_known {
                    let module = self.guard_class(object, Class::Module);
                    let found = self.emit_value(Op::LoadField, &[module], &[Immediate::Field(Field::ModuleDict)], Type::OBJECT_OR_NULL);
                    self.guard_is(found, namespace);
                }
                let value = self.const_object(value);
                self.replace_by_attribute(value, is_method)?;
            }
            AttributeFeedback::Class { class, value } => {
                let Some(class) = self.class_object(class) else { return Ok(false) };
                self.guard_is(object, class);
                let value = self.const_object(value);
                self.replace_by_attribute(value, is_method)?;
            }
            AttributeFeedback::Method { class, value, keys_version } => {
                if !is_method {
                    return Ok(false);
                }
                let name = self.name(argument >> 1)?;
                let receiver = self.guard_not_shadowed(object, class, keys_version, name)?;
                self.replace_by_method(receiver, value)?;
            }
            AttributeFeedback::MethodLazyDict { class, value } => {
                if !is_method {
                    return Ok(false);
                }
                let receiver = self.guard_type(object, class);
                self.guard_no_managed_dict(receiver);
                self.replace_by_method(receiver, value)?;
            }
            AttributeFeedback::ClassAttribute { class, value, keys_version } => {
                let name = self.name(argument >> 1)?;
                self.guard_not_shadowed(object, class, keys_version, name)?;
                let value = self.const_object(value);
                self.replace_by_attribute(value, is_method)?;
            }
            AttributeFeedback::Property { class, getter } => {
                let receiver = self.guard_type(object, class);
                let getter = self.const_object(getter);
                self.pop()?;
                let value = self.call_value(getter, &[receiver])?;
                self.push(value);
                if is_method {
                    self.frame.stack.push(None);
                }
            }
            AttributeFeedback::WithHint { class, index } => {
                let receiver = self.guard_type(object, class);
                let dict = self.managed_dict(receiver);
                let name = self.name(argument >> 1)?;
                let snapshot = self.snapshot_before();
                self.emit_checked(Op::GuardDictEntry, &[dict, name], &Self::int_immediate(index), None, snapshot);
                let value = self.emit_value(Op::DictEntryGet, &[dict], &Self::int_immediate(index), Type::OBJECT_OR_NULL);
                let value = self.guard_not_null(value, Reason::Missing);
                self.replace_by_attribute(value, is_method)?;
            }
        }
        Ok(true)
    }

    /// The class's attribute where instances turned out to keep their own in dicts: each time it is looked whether the instance has one of that name.
    fn load_attr_by_look(&mut self, object: Value, attribute: &AttributeFeedback, argument: u32) -> Result<bool> {
        let (AttributeFeedback::Method { class, value, keys_version } | AttributeFeedback::ClassAttribute { class, value, keys_version }) = *attribute else {
            return Ok(false);
        };
        let is_method = matches!(attribute, AttributeFeedback::Method { .. });
        let hidden = self.refuted_row().is_some_and(|row| row.times == 1 && matches!(row.reason, Reason::InlineValues | Reason::KeysVersion));
        if keys_version == 0 || !hidden || (is_method && argument & 1 == 0) {
            return Ok(false);
        }
        let name = self.name(argument >> 1)?;
        let receiver = self.guard_not_shadowed(object, class, LOOK, name)?;
        if is_method {
            self.replace_by_method(receiver, value)?;
        } else {
            let value = self.const_object(value);
            self.replace_by_attribute(value, argument & 1 != 0)?;
        }
        Ok(true)
    }

    fn replace_by_method(&mut self, receiver: Value, method: ObjectRef) -> Result<()> {
        let method = self.const_object(method);
        self.pop()?;
        self.push(method);
        self.push(receiver);
        Ok(())
    }

    fn guard_inline_values(&mut self, receiver: Value) {
        let snapshot = self.snapshot_before();
        self.emit_checked(Op::GuardInlineValues, &[receiver], &[], None, snapshot);
    }

    /// The dict of an instance that has one.
    fn managed_dict(&mut self, receiver: Value) -> Value {
        let dict = self.emit_value(Op::ManagedDictGet, &[receiver], &[], Type::OBJECT_OR_NULL);
        self.guard_not_null(dict, Reason::InlineValues)
    }

    fn guard_no_managed_dict(&mut self, receiver: Value) {
        let dict = self.emit_value(Op::ManagedDictGet, &[receiver], &[], Type::OBJECT_OR_NULL);
        let absent = self.emit_value(Op::IsNull, &[dict], &[], Type::BOOL);
        self.guard_true(absent, Reason::InlineValues);
    }

    pub(super) fn store_attr(&mut self, index: u32, feedback: &Feedback) -> Result<()> {
        let (object, value) = (self.peek(1)?, self.peek(2)?);
        if let Feedback::StoreAttributes(all) = feedback
            && self.store_attr_of_many(object, value, all)?
        {
            return Ok(());
        }
        if let Feedback::StoreAttribute(attribute) = feedback
            && (!self.is_refuted() || self.may_guess_class_again())
            && !matches!(attribute, StoreAttributeFeedback::WithHint { .. })
        {
            self.store_attr_by_cache(object, value, attribute)?;
            self.frame.stack.truncate(self.frame.stack.len() - 2);
            return Ok(());
        }
        let name = self.name(index)?;
        let cache = self.new_cache();
        self.frame.stack.truncate(self.frame.stack.len() - 2);
        self.call_helper(Helper::StoreAttribute, &[object, name, value, cache])?;
        Ok(())
    }

    /// Stores where the cache says; the operands are still on the stack, for the guards.
    pub(super) fn store_attr_by_cache(&mut self, object: Value, value: Value, attribute: &StoreAttributeFeedback) -> Result<()> {
        let receiver = self.guard_type(object, attribute.class());
        match *attribute {
            StoreAttributeFeedback::InstanceValue { index, .. } => {
                // A dict that shares the values must see its own store (_GUARD_DORV_NO_DICT in Python/bytecodes.c).
                self.guard_no_managed_dict(receiver);
                self.guard_inline_values(receiver);
                self.emit_value(Op::InlineValueExchange, &[receiver, value], &Self::int_immediate(index), Type::OBJECT_OR_NULL);
            }
            StoreAttributeFeedback::Slot { offset, .. } => {
                self.emit_value(Op::SlotExchange, &[receiver, value], &Self::int_immediate(offset), Type::OBJECT_OR_NULL);
            }
            StoreAttributeFeedback::WithHint { .. } => return Err(super::BuildError::Unsupported("a store in an instance's dict".into())),
        }
        Ok(())
    }

    pub(super) fn delete_attr(&mut self, index: u32) -> Result<()> {
        let object = self.pop()?;
        let name = self.name(index)?;
        self.call_helper(Helper::DeleteAttribute, &[object, name])?;
        Ok(())
    }

    /// LOAD_SUPER_ATTR: bit 0 a method call, bit 1 `super` with two arguments, the name above (Python/bytecodes.c).
    pub(super) fn load_super_attr(&mut self, argument: u32) -> Result<()> {
        let operands = self.pop_many(3)?;
        let [super_object, class, receiver] = operands[..] else { unreachable!("three operands were popped") };
        let name = self.name(argument >> 2)?;
        let flags = self.const_int(i64::from(argument & 3));
        let value = self.call_helper_value(Helper::LoadSuperAttribute, &[super_object, class, receiver, name, flags])?;
        if argument & 1 != 0 {
            let bound = self.call_helper_value(Helper::MethodReceiver, &[receiver])?;
            self.push(value);
            self.push(bound);
        } else {
            self.push(value);
        }
        Ok(())
    }
}

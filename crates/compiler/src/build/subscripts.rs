//! Subscripts and slices.

use super::{Builder, Result};
use coachwhip_abi::facts::{Feedback, ObjectValue};
use coachwhip_ir::{ArrayItem, Class, ClassRef, Condition, Field, Helper, Identity, Immediate, ObjectRef, Op, Reason, Type, Value};

impl Builder<'_> {
    /// An index into a sequence of the given size as a non-negative number, guarded to be in range.
    fn index_in_range(&mut self, key: Value, size: Value) -> Value {
        let mut index = self.unbox_int(key);
        // A constant negative index counts from the end; others leave.
        if let Some(object) = self.constant_of(key)
            && let ObjectValue::Int(number) = self.object(object).value
            && number < 0
        {
            index = self.emit_value(Op::IntAddWrapping, &[size, index], &[], Type::INT);
        }
        let test = self.emit_value(Op::IntCompare, &[index, size], &[Immediate::Condition(Condition::UnsignedLess)], Type::BOOL);
        self.guard_true(test, Reason::Index);
        index
    }

    fn size(&mut self, object: Value, field: Field) -> Value {
        self.emit_value(Op::LoadIntField, &[object], &[Immediate::Field(field)], Type::INT)
    }

    /// For which class of container to work where the interpreter has no specialised form, and whether that may be guessed although a guess went wrong.
    fn unspecialised_container(&self, container: Value, key: Value) -> (Option<Class>, bool) {
        if let Some(observed) = self.observed_operands() {
            // What was seen when the first guess went wrong is the second, and last.
            let class = observed.filter(|observed| observed.1 == Class::Int && self.may_be(container, observed.0)).map(|observed| observed.0);
            return (class, class.is_some());
        }
        let key_class = self.known_class(key).or_else(|| self.slot_facts(key).map(|slot| slot.class));
        if !key_class.map_or(self.may_be(key, Class::Int), |class| class == Class::Int) {
            return (None, false);
        }
        if let Some(slot) = self.slot_facts(container) {
            let indexed = matches!(slot.class, Class::List | Class::Tuple | Class::Str) || slot.class.array_item().is_some();
            return (indexed.then_some(slot.class), false);
        }
        // Lists with negative indexes, which are mostly constants, and arrays: no others of the classes with ints for indexes are left to the generic form.
        let negative = self.constant_of(key).is_some_and(|key| matches!(self.object(key).value, ObjectValue::Int(number) if number < 0));
        let likely = if negative { Class::List } else { Class::DoubleArray };
        let possible = (negative || self.facts.arrays.is_some()) && self.may_be(container, likely);
        (possible.then_some(likely), false)
    }

    /// Which of the classes with a Python `__getitem__` to work for: by what is known, then by what was seen.
    fn subscript_function(&self, container: Value, candidates: &[(ClassRef, ObjectRef)], only_seen: bool) -> Option<(ClassRef, ObjectRef)> {
        if let Identity::Exact(class) = self.ty(container).identity {
            return candidates.iter().copied().find(|candidate| candidate.0 == class);
        }
        let of_type = |address: usize| candidates.iter().copied().find(|candidate| self.facts.classes[candidate.0.index()].address == address);
        match self.refuted_row().filter(|refuted| !refuted.reached_only) {
            Some(refuted) => refuted.operand_types.filter(|_| refuted.times == 1).and_then(|types| of_type(types.0)),
            None => match self.slot_facts(container) {
                Some(slot) => of_type(slot.type_address),
                None => candidates.first().copied().filter(|_| !only_seen),
            },
        }
    }

    /// An item of an array.
    fn array_get(&mut self, container: Value, key: Value, class: Class, item: ArrayItem) {
        let array = self.guard_class(container, class);
        let size = self.size(array, Field::ArraySize);
        let index = self.index_in_range(key, size);
        self.frame.stack.truncate(self.frame.stack.len() - 2);
        let item = if item == ArrayItem::Double {
            let item = self.emit_value(Op::ArrayGetFloat, &[array, index], &[Immediate::Class(class)], Type::FLOAT);
            self.box_float(item)
        } else {
            let item = self.emit_value(Op::ArrayGetInt, &[array, index], &[Immediate::Class(class)], Type::INT);
            self.box_int(item)
        };
        self.push(item);
    }

    /// Replaces an item of an array.
    fn array_set(&mut self, container: Value, key: Value, value: Value, class: Class, item: ArrayItem) {
        let array = self.guard_class(container, class);
        let size = self.size(array, Field::ArraySize);
        let index = self.index_in_range(key, size);
        let (op, value) = match item.range() {
            None => {
                let class = if self.known_class(value) == Some(Class::Int) { Class::Int } else { Class::Float };
                (Op::ArraySetFloat, self.as_float(value, class))
            }
            Some((least, greatest)) => {
                let value = self.unbox_int(value);
                for (bound, condition) in [(least, Condition::GreaterOrEqual), (greatest, Condition::LessOrEqual)] {
                    if bound != i64::MIN && bound != i64::MAX {
                        let bound = self.const_int(bound);
                        let fits = self.emit_value(Op::IntCompare, &[value, bound], &[Immediate::Condition(condition)], Type::BOOL);
                        self.guard_true(fits, Reason::Overflow);
                    }
                }
                (Op::ArraySetInt, value)
            }
        };
        self.frame.stack.truncate(self.frame.stack.len() - 3);
        self.emit(op, &[array, index, value], &[Immediate::Class(class)], None, None);
    }

    pub(super) fn binary_subscr(&mut self, feedback: &Feedback) -> Result<()> {
        let (key, container) = (self.peek(1)?, self.peek(2)?);
        let mut refuted = self.is_refuted();
        let function = match feedback {
            Feedback::SubscriptFunctions { candidates, generic } => self.subscript_function(container, candidates, *generic),
            _ => None,
        };
        let class = match (self.known_class(container), feedback) {
            (Some(class), _) if class.array_item().is_some() => Some(class),
            (Some(class @ (Class::List | Class::Tuple | Class::Str)), _) if self.known_class(key) == Some(Class::Int) => Some(class),
            (Some(Class::Dict), _) => Some(Class::Dict),
            (_, Feedback::Subscript(class)) => Some(*class),
            (None, Feedback::Generic | Feedback::SubscriptFunctions { generic: true, .. }) if function.is_none() => {
                let (class, again) = self.unspecialised_container(container, key);
                refuted &= !again;
                class
            }
            _ => None,
        };
        match class {
            Some(Class::List) if !refuted => {
                let list = self.guard_class(container, Class::List);
                let size = self.size(list, Field::ListSize);
                let index = self.index_in_range(key, size);
                let item = self.emit_value(Op::ListGet, &[list, index], &[], Type::OBJECT);
                self.frame.stack.truncate(self.frame.stack.len() - 2);
                self.push(item);
                Ok(())
            }
            Some(class) if !refuted && class.array_item().is_some() => {
                let item = class.array_item().expect("it is an array");
                self.array_get(container, key, class, item);
                Ok(())
            }
            Some(Class::Tuple) if !refuted => {
                let tuple = self.guard_class(container, Class::Tuple);
                let size = self.size(tuple, Field::TupleSize);
                let index = self.index_in_range(key, size);
                let item = self.emit_value(Op::TupleGet, &[tuple, index], &[], Type::OBJECT);
                self.frame.stack.truncate(self.frame.stack.len() - 2);
                self.push(item);
                Ok(())
            }
            Some(Class::Str) if !refuted => {
                let text = self.guard_class(container, Class::Str);
                let size = self.size(text, Field::StrLength);
                let index = self.index_in_range(key, size);
                self.frame.stack.truncate(self.frame.stack.len() - 2);
                let item = self.call_helper_value(Helper::StrGet, &[text, index])?;
                self.push(item);
                Ok(())
            }
            Some(Class::Dict) if !refuted => {
                let dict = self.guard_class(container, Class::Dict);
                self.frame.stack.truncate(self.frame.stack.len() - 2);
                let item = self.call_helper_value(Helper::DictGetItem, &[dict, key])?;
                self.push(item);
                Ok(())
            }
            _ => {
                if let Some((class, function)) = function {
                    let receiver = self.guard_type(container, class);
                    let key = self.guard_slot_class(key);
                    let callee = self.const_object(function);
                    self.frame.stack.truncate(self.frame.stack.len() - 2);
                    let result = self.call_value(callee, &[receiver, key])?;
                    self.push(result);
                    return Ok(());
                }
                self.frame.stack.truncate(self.frame.stack.len() - 2);
                let item = self.call_helper_value(Helper::GetItem, &[container, key])?;
                self.push(item);
                Ok(())
            }
        }
    }

    pub(super) fn store_subscr(&mut self, feedback: &Feedback) -> Result<()> {
        let (key, container, value) = (self.peek(1)?, self.peek(2)?, self.peek(3)?);
        let mut refuted = self.is_refuted();
        let class = match (self.known_class(container), feedback) {
            (Some(class), _) if class.array_item().is_some() => Some(class),
            (Some(Class::List), _) if self.known_class(key) == Some(Class::Int) => Some(Class::List),
            (Some(Class::Dict), _) => Some(Class::Dict),
            (_, Feedback::Subscript(class)) => Some(*class),
            (None, Feedback::Generic) => {
                let (class, again) = self.unspecialised_container(container, key);
                refuted &= !again;
                class
            }
            _ => None,
        };
        match class {
            Some(Class::List) if !refuted => {
                let list = self.guard_class(container, Class::List);
                let size = self.size(list, Field::ListSize);
                let index = self.index_in_range(key, size);
                self.frame.stack.truncate(self.frame.stack.len() - 3);
                self.emit_value(Op::ListExchange, &[list, index, value], &[], Type::OBJECT);
            }
            Some(class) if !refuted && class.array_item().is_some() => {
                let item = class.array_item().expect("it is an array");
                self.array_set(container, key, value, class, item);
            }
            Some(Class::Dict) if !refuted => {
                let dict = self.guard_class(container, Class::Dict);
                self.frame.stack.truncate(self.frame.stack.len() - 3);
                self.call_helper(Helper::DictSetItem, &[dict, key, value])?;
            }
            _ => {
                self.frame.stack.truncate(self.frame.stack.len() - 3);
                self.call_helper(Helper::SetItem, &[container, key, value])?;
            }
        }
        Ok(())
    }

    pub(super) fn delete_subscr(&mut self) -> Result<()> {
        let operands = self.pop_many(2)?;
        self.call_helper(Helper::DeleteItem, &operands)?;
        Ok(())
    }

    pub(super) fn binary_slice(&mut self) -> Result<()> {
        let operands = self.pop_many(3)?;
        let result = self.call_helper_value(Helper::GetSlice, &operands)?;
        self.push(result);
        Ok(())
    }

    pub(super) fn store_slice(&mut self) -> Result<()> {
        let operands = self.pop_many(4)?;
        let [value, container, start, stop] = operands[..] else { unreachable!("four operands were popped") };
        self.call_helper(Helper::SetSlice, &[container, start, stop, value])?;
        Ok(())
    }
}

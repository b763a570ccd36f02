//! Subscripts and slices.

use super::{Builder, Result};
use coachwhip_abi::facts::{Feedback, ObjectValue};
use coachwhip_ir::{Class, Condition, Field, Helper, Immediate, Op, Reason, Type, Value};

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

    pub(super) fn binary_subscr(&mut self, feedback: &Feedback) -> Result<()> {
        let (key, container) = (self.peek(1)?, self.peek(2)?);
        let refuted = self.is_refuted();
        let class = match (self.known_class(container), feedback) {
            (Some(class @ (Class::List | Class::Tuple | Class::Str)), _) if self.known_class(key) == Some(Class::Int) => Some(class),
            (Some(Class::Dict), _) => Some(Class::Dict),
            (_, Feedback::Subscript(class)) => Some(*class),
            (None, Feedback::Generic) => self.observed_operands().flatten().filter(|observed| observed.1 == Class::Int).map(|observed| observed.0),
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
                if let (Feedback::SubscriptFunction { class, function }, false) = (feedback, refuted) {
                    let receiver = self.guard_type(container, *class);
                    let callee = self.const_object(*function);
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
        let refuted = self.is_refuted();
        let class = match (self.known_class(container), feedback) {
            (Some(Class::List), _) if self.known_class(key) == Some(Class::Int) => Some(Class::List),
            (Some(Class::Dict), _) => Some(Class::Dict),
            (_, Feedback::Subscript(class)) => Some(*class),
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

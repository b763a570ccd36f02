//! Comparisons, truth, identity, containment.

use super::{Builder, Result};
use coachwhip_abi::facts::Feedback;
use coachwhip_ir::{Class, Condition, Field, Helper, Immediate, Op, Type, Value};

/// `Py_LT` ... `Py_GE` (Include/object.h).
const CONDITIONS: [Condition; 6] =
    [Condition::Less, Condition::LessOrEqual, Condition::Equal, Condition::NotEqual, Condition::Greater, Condition::GreaterOrEqual];

impl Builder<'_> {
    fn replace_operands_by_bool(&mut self, count: usize, test: Value) {
        self.frame.stack.truncate(self.frame.stack.len() - count);
        let boxed = self.box_bool(test);
        self.push(boxed);
    }

    /// COMPARE_OP: the operator is in the bits from 5, bit 4 asks for a bool (Python/bytecodes.c).
    pub(super) fn compare_op(&mut self, argument: u32, feedback: &Feedback) -> Result<()> {
        let (right, left) = (self.peek(1)?, self.peek(2)?);
        let operator = argument >> 5;
        let condition = CONDITIONS[operator as usize % CONDITIONS.len()];
        let known = (self.known_class(left), self.known_class(right));
        let classes = match (known, self.observed_operands(), feedback) {
            ((Some(left), Some(right)), Some(None), _) if left == Class::Int && right == Class::Int => None,
            ((Some(left), Some(right)), _, _) => Some((left, right)),
            (_, Some(observed), _) => observed,
            (_, None, Feedback::Operands(class)) => Some((known.0.unwrap_or(*class), known.1.unwrap_or(*class))),
            // Two ints or floats would have been specialised for.
            ((Some(Class::Float), None), None, Feedback::Generic) => Some((Class::Float, Class::Int)),
            ((None, Some(Class::Float)), None, Feedback::Generic) => Some((Class::Int, Class::Float)),
            ((Some(Class::Int), None), None, Feedback::Generic) => Some((Class::Int, Class::Float)),
            ((None, Some(Class::Int)), None, Feedback::Generic) => Some((Class::Float, Class::Int)),
            _ => None,
        };
        let classes = classes.filter(|classes| self.may_be(left, classes.0) && self.may_be(right, classes.1));
        let condition_immediate = [Immediate::Condition(condition)];
        match classes {
            Some((Class::Int, Class::Int)) => {
                let left = self.unbox_int(left);
                let right = self.unbox_int(right);
                let test = self.emit_value(Op::IntCompare, &[left, right], &condition_immediate, Type::BOOL);
                self.replace_operands_by_bool(2, test);
            }
            Some((left_class @ (Class::Int | Class::Float), right_class @ (Class::Int | Class::Float))) => {
                let left = self.as_float(left, left_class);
                let right = self.as_float(right, right_class);
                let test = self.emit_value(Op::FloatCompare, &[left, right], &condition_immediate, Type::BOOL);
                self.replace_operands_by_bool(2, test);
            }
            Some((Class::Str, Class::Str)) => {
                let left = self.guard_class(left, Class::Str);
                let right = self.guard_class(right, Class::Str);
                let test = match condition {
                    Condition::Equal => self.call_helper_value(Helper::StrEqual, &[left, right])?,
                    Condition::NotEqual => {
                        let equal = self.call_helper_value(Helper::StrEqual, &[left, right])?;
                        self.bool_not(equal)
                    }
                    _ => {
                        let operator = self.const_int(i64::from(operator));
                        self.call_helper_value(Helper::StrCompare, &[left, right, operator])?
                    }
                };
                self.replace_operands_by_bool(2, test);
            }
            _ => {
                self.frame.stack.truncate(self.frame.stack.len() - 2);
                let operator = self.const_int(i64::from(operator));
                if argument & 16 != 0 {
                    let test = self.call_helper_value(Helper::RichCompareBool, &[left, right, operator])?;
                    self.replace_operands_by_bool(0, test);
                } else {
                    let result = self.call_helper_value(Helper::RichCompare, &[left, right, operator])?;
                    self.push(result);
                }
            }
        }
        Ok(())
    }

    pub(super) fn unary_not(&mut self) -> Result<()> {
        let value = self.peek(1)?;
        let value = self.unbox_bool(value);
        let result = self.bool_not(value);
        self.replace_operands_by_bool(1, result);
        Ok(())
    }

    pub(super) fn to_bool(&mut self, feedback: &Feedback) -> Result<()> {
        let value = self.peek(1)?;
        let class = self.known_class(value).or(match feedback {
            Feedback::Truth(class) if !self.is_refuted() => Some(*class),
            _ => None,
        });
        let test = match class {
            Some(Class::Bool) => {
                // Stays the object it is.
                let known = self.guard_class(value, Class::Bool);
                self.pop()?;
                self.push(known);
                return Ok(());
            }
            Some(Class::NoneType) => {
                self.guard_class(value, Class::NoneType);
                self.emit_value(Op::ConstBool, &[], &[Immediate::Int(0)], Type::BOOL)
            }
            Some(Class::Int) if !self.is_refuted() => {
                let int = self.unbox_int(value);
                let zero = self.const_int(0);
                self.emit_value(Op::IntCompare, &[int, zero], &[Immediate::Condition(Condition::NotEqual)], Type::BOOL)
            }
            Some(Class::Float) => {
                let float = self.unbox_float(value);
                let zero = self.emit_value(Op::ConstFloat, &[], &[Immediate::Float(0)], Type::FLOAT);
                self.emit_value(Op::FloatCompare, &[float, zero], &[Immediate::Condition(Condition::NotEqual)], Type::BOOL)
            }
            Some(class @ (Class::List | Class::Str | Class::Tuple | Class::Dict | Class::Bytes)) => {
                let known = self.guard_class(value, class);
                let field = match class {
                    Class::List => Field::ListSize,
                    Class::Str => Field::StrLength,
                    Class::Tuple => Field::TupleSize,
                    Class::Dict => Field::DictUsed,
                    _ => Field::BytesSize,
                };
                let size = self.emit_value(Op::LoadIntField, &[known], &[Immediate::Field(field)], Type::INT);
                let zero = self.const_int(0);
                self.emit_value(Op::IntCompare, &[size, zero], &[Immediate::Condition(Condition::NotEqual)], Type::BOOL)
            }
            _ => {
                if let (Feedback::AlwaysTrue(class), false) = (feedback, self.is_refuted()) {
                    self.guard_type(value, *class);
                    self.emit_value(Op::ConstBool, &[], &[Immediate::Int(1)], Type::BOOL)
                } else {
                    self.pop()?;
                    let test = self.call_helper_value(Helper::IsTrue, &[value])?;
                    self.replace_operands_by_bool(0, test);
                    return Ok(());
                }
            }
        };
        self.replace_operands_by_bool(1, test);
        Ok(())
    }

    pub(super) fn contains_op(&mut self, invert: u32) -> Result<()> {
        let container = self.pop()?;
        let item = self.pop()?;
        let mut test = self.call_helper_value(Helper::Contains, &[container, item])?;
        if invert != 0 {
            test = self.bool_not(test);
        }
        self.replace_operands_by_bool(0, test);
        Ok(())
    }

    pub(super) fn is_op(&mut self, invert: u32) -> Result<()> {
        let (right, left) = (self.peek(1)?, self.peek(2)?);
        let mut test = self.emit_value(Op::IsSame, &[left, right], &[], Type::BOOL);
        if invert != 0 {
            test = self.bool_not(test);
        }
        self.replace_operands_by_bool(2, test);
        Ok(())
    }
}

//! Arithmetic: unboxed where both operands' classes are known or were seen, through helpers otherwise.

use super::{Builder, Result};
use coachwhip_abi::facts::Feedback;
use coachwhip_bytecode::Op as Operation;
use coachwhip_ir::{Class, Condition, Helper, Immediate, Op, Reason, Type, Value};

/// The operator of BINARY_OP, in-place forms folded into the plain ones (opcode.h, NB_*).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Operator {
    Add,
    And,
    FloorDivide,
    ShiftLeft,
    MatrixMultiply,
    Multiply,
    Remainder,
    Or,
    Power,
    ShiftRight,
    Subtract,
    TrueDivide,
    Xor,
}

impl Operator {
    fn from_argument(argument: u32) -> Option<Operator> {
        const ROWS: [Operator; 13] = [
            Operator::Add,
            Operator::And,
            Operator::FloorDivide,
            Operator::ShiftLeft,
            Operator::MatrixMultiply,
            Operator::Multiply,
            Operator::Remainder,
            Operator::Or,
            Operator::Power,
            Operator::ShiftRight,
            Operator::Subtract,
            Operator::TrueDivide,
            Operator::Xor,
        ];
        ROWS.get(argument as usize % ROWS.len()).copied()
    }

    /// The class that both operands probably have, if nothing is known of them but that the interpreter has no specialised form.
    fn likely_class(self) -> Option<Class> {
        match self {
            Operator::And | Operator::Or | Operator::Xor | Operator::ShiftLeft | Operator::ShiftRight | Operator::FloorDivide | Operator::Remainder => {
                Some(Class::Int)
            }
            Operator::TrueDivide => Some(Class::Float),
            Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Power | Operator::MatrixMultiply => None,
        }
    }

    /// Whether an int operand beside a float is converted to one.
    fn is_mixed(self) -> bool {
        matches!(self, Operator::Add | Operator::Subtract | Operator::Multiply | Operator::TrueDivide)
    }

    /// Whether the interpreter specialises it for two ints and two floats: where it did not, the operands were something else.
    fn is_specialised(self) -> bool {
        matches!(self, Operator::Add | Operator::Subtract | Operator::Multiply)
    }
}

impl Builder<'_> {
    /// The built-in class that a value is known to have.
    pub(crate) fn known_class(&self, value: Value) -> Option<Class> {
        self.ty(value).classes.single().filter(|class| *class != Class::Other)
    }

    /// Whether a value can be of a built-in class, by what is known of it.
    pub(crate) fn may_be(&self, value: Value, class: Class) -> bool {
        !self.ty(value).classes.intersection(coachwhip_ir::ClassSet::of(class)).is_empty()
    }

    /// Which classes to work for: known ones, those of the feedback, or a likely guess.
    fn operand_classes(&self, operator: Operator, left: Value, right: Value, feedback: &Feedback) -> Option<(Class, Class)> {
        let known = (self.known_class(left), self.known_class(right));
        if let (Some(left), Some(right)) = known {
            return Some((left, right));
        }
        if let Some(observed) = self.observed_operands() {
            return observed;
        }
        if let Feedback::Operands(class) = feedback {
            return Some((known.0.unwrap_or(*class), known.1.unwrap_or(*class)));
        }
        if *feedback != Feedback::Generic {
            return None;
        }
        // Two ints or two floats would have been specialised for: the other operand is of the other class.
        let other = |class: Class| match (class, operator.is_specialised()) {
            (Class::Int, true) => Some(Class::Float),
            (Class::Float, true) => Some(Class::Int),
            (Class::Int, false) => operator.likely_class(),
            (Class::Float, false) => Some(Class::Float),
            _ => None,
        };
        match known {
            (Some(left), None) => Some((left, other(left)?)),
            (None, Some(right)) => Some((other(right)?, right)),
            _ => operator.likely_class().map(|class| (class, class)),
        }
    }

    /// After a refuted guess: the operands' classes seen at the exit, or (`Some(None)`) that the generic form is to be used.
    pub(crate) fn observed_operands(&self) -> Option<Option<(Class, Class)>> {
        let refuted = self.refuted_row().filter(|refuted| !refuted.reached_only)?;
        Some(refuted.operands.filter(|_| refuted.times == 1))
    }

    pub(crate) fn binary_op(&mut self, index: usize, argument: u32, feedback: &Feedback) -> Result<()> {
        let (right, left) = (self.peek(1)?, self.peek(2)?);
        let Some(operator) = Operator::from_argument(argument) else { return self.generic_binary_op(argument) };
        let refuted_fully = self.observed_operands() == Some(None);
        if operator.is_mixed() && self.is_float_and_number(left, right) {
            return self.float_operation(operator, argument, left, right);
        }
        match self.operand_classes(operator, left, right, feedback).filter(|classes| self.may_be(left, classes.0) && self.may_be(right, classes.1)) {
            Some((Class::Int, Class::Int)) if operator == Operator::TrueDivide && !refuted_fully => self.float_operation(operator, argument, left, right),
            Some((Class::Int, Class::Int)) if !refuted_fully => self.int_operation(operator, argument, left, right),
            Some((Class::Int | Class::Float, Class::Int | Class::Float)) if !refuted_fully => self.float_operation(operator, argument, left, right),
            Some((Class::Int, Class::Int)) => self.long_operation(operator, argument),
            Some((Class::Str, Class::Str)) if operator == Operator::Add => self.concatenate(index, left, right),
            _ => self.generic_binary_op(argument),
        }
    }

    /// Whether one operand is a float and the other is now an int, now a float.
    fn is_float_and_number(&self, left: Value, right: Value) -> bool {
        let other = match (self.known_class(left), self.known_class(right)) {
            (Some(Class::Float), None) => right,
            (None, Some(Class::Float)) => left,
            _ => return false,
        };
        let numbers = coachwhip_ir::ClassSet::of(Class::Int).union(coachwhip_ir::ClassSet::of(Class::Float));
        match self.refuted_row().filter(|refuted| !refuted.reached_only) {
            // Once for a guess of one class, once for an operand that was seen when it was no number at all, perhaps.
            Some(refuted) => {
                let numeric = |class: Class| matches!(class, Class::Int | Class::Float);
                let seen = refuted.operands.is_some_and(|operands| numeric(operands.0) && numeric(operands.1));
                refuted.times <= 2 && seen && !self.ty(other).classes.intersection(numbers).is_empty()
            }
            None => self.ty(other).classes.is_subset(numbers),
        }
    }

    fn generic_binary_op(&mut self, argument: u32) -> Result<()> {
        let right = self.pop()?;
        let left = self.pop()?;
        let operator = self.const_int(i64::from(argument));
        let result = self.call_helper_value(Helper::BinaryOperation, &[left, right, operator])?;
        self.push(result);
        Ok(())
    }

    fn int_operation(&mut self, operator: Operator, argument: u32, left: Value, right: Value) -> Result<()> {
        let op = match operator {
            Operator::Add => Op::IntAdd,
            Operator::Subtract => Op::IntSubtract,
            Operator::Multiply => Op::IntMultiply,
            Operator::FloorDivide => Op::IntFloorDivide,
            Operator::Remainder => Op::IntRemainder,
            Operator::And => Op::IntAnd,
            Operator::Or => Op::IntOr,
            Operator::Xor => Op::IntXor,
            Operator::ShiftLeft => Op::IntShiftLeft,
            Operator::ShiftRight => Op::IntShiftRight,
            Operator::TrueDivide | Operator::Power | Operator::MatrixMultiply => return self.generic_binary_op(argument),
        };
        let left = self.unbox_int(left);
        let right = self.unbox_int(right);
        let result = if op.info().leaves == coachwhip_ir::Leaves::Exit {
            self.emit_guarded(op, &[left, right], &[], Type::INT)
        } else {
            self.emit_value(op, &[left, right], &[], Type::INT)
        };
        self.frame.stack.truncate(self.frame.stack.len() - 2);
        let boxed = self.box_int(result);
        self.push(boxed);
        Ok(())
    }

    /// Ints of any size, where the outcome did not fit a machine word.
    fn long_operation(&mut self, operator: Operator, argument: u32) -> Result<()> {
        let helper = match operator {
            Operator::Add => Helper::LongAdd,
            Operator::Subtract => Helper::LongSubtract,
            Operator::Multiply => Helper::LongMultiply,
            _ => return self.generic_binary_op(argument),
        };
        let (right, left) = (self.peek(1)?, self.peek(2)?);
        if self.known_class(left) != Some(Class::Int) || self.known_class(right) != Some(Class::Int) {
            return self.generic_binary_op(argument);
        }
        self.frame.stack.truncate(self.frame.stack.len() - 2);
        let result = self.call_helper_value(helper, &[left, right])?;
        self.push(result);
        Ok(())
    }

    /// The unboxed float of an int or float.
    pub(crate) fn as_float(&mut self, value: Value, class: Class) -> Value {
        if class == Class::Int {
            let int = self.unbox_int(value);
            self.emit_guarded(Op::IntToFloat, &[int], &[], Type::FLOAT)
        } else {
            self.unbox_float(value)
        }
    }

    /// The unboxed float of an int or float, whichever it is each time.
    fn number_to_float(&mut self, value: Value) -> Value {
        if self.known_class(value) == Some(Class::Float) { self.unbox_float(value) } else { self.emit_guarded(Op::NumberToFloat, &[value], &[], Type::FLOAT) }
    }

    fn float_operation(&mut self, operator: Operator, argument: u32, left: Value, right: Value) -> Result<()> {
        let class_of = |builder: &Self, value: Value, other: Value| match builder.known_class(value) {
            Some(class) => class,
            None => match builder.observed_operands() {
                Some(Some(observed)) => {
                    if value == left {
                        observed.0
                    } else {
                        observed.1
                    }
                }
                _ if operator.is_specialised() && builder.known_class(other) == Some(Class::Float) && builder.feedback_is_generic() => Class::Int,
                _ => Class::Float,
            },
        };
        let classes = (class_of(self, left, right), class_of(self, right, left));
        if matches!(
            operator,
            Operator::Power | Operator::MatrixMultiply | Operator::And | Operator::Or | Operator::Xor | Operator::ShiftLeft | Operator::ShiftRight
        ) {
            return self.generic_binary_op(argument);
        }
        let (left, right) = if operator.is_mixed() && self.is_float_and_number(left, right) {
            (self.number_to_float(left), self.number_to_float(right))
        } else {
            (self.as_float(left, classes.0), self.as_float(right, classes.1))
        };
        let result = match operator {
            Operator::Add => self.emit_value(Op::FloatAdd, &[left, right], &[], Type::FLOAT),
            Operator::Subtract => self.emit_value(Op::FloatSubtract, &[left, right], &[], Type::FLOAT),
            Operator::Multiply => self.emit_value(Op::FloatMultiply, &[left, right], &[], Type::FLOAT),
            Operator::TrueDivide => self.emit_guarded(Op::FloatDivide, &[left, right], &[], Type::FLOAT),
            Operator::FloorDivide | Operator::Remainder => {
                let zero = self.emit_value(Op::ConstFloat, &[], &[Immediate::Float(0)], Type::FLOAT);
                let nonzero = self.emit_value(Op::FloatCompare, &[right, zero], &[Immediate::Condition(Condition::NotEqual)], Type::BOOL);
                self.guard_true(nonzero, Reason::ZeroDivision);
                let helper = if operator == Operator::Remainder { Helper::FloatRemainder } else { Helper::FloatFloorDivide };
                self.frame.stack.truncate(self.frame.stack.len() - 2);
                let result = self.call_helper_value(helper, &[left, right])?;
                let boxed = self.box_float(result);
                self.push(boxed);
                return Ok(());
            }
            _ => return self.generic_binary_op(argument),
        };
        self.frame.stack.truncate(self.frame.stack.len() - 2);
        let boxed = self.box_float(result);
        self.push(boxed);
        Ok(())
    }

    fn feedback_is_generic(&self) -> bool {
        let code = self.code();
        let index = code.instructions.partition_point(|(instruction, _)| instruction.offset < self.bytecode.offset);
        matches!(code.instructions.get(index), Some((_, Feedback::Generic)))
    }

    /// `left + right` of strs. If the sum replaces the local that holds `left`, the local lets go of it first, so that the str can grow in place
    /// (BINARY_OP_INPLACE_ADD_UNICODE in Python/bytecodes.c).
    fn concatenate(&mut self, index: usize, left: Value, right: Value) -> Result<()> {
        let left_str = self.guard_class(left, Class::Str);
        let right_str = self.guard_class(right, Class::Str);
        let root = self.function.root(left);
        let next = self.code().instructions.get(index + 1).map(|(next, _)| *next);
        let target = next.filter(|next| next.op == Operation::StoreFast).map(|next| next.argument);
        self.frame.stack.truncate(self.frame.stack.len() - 2);
        let grows_local =
            target.filter(|&slot| self.frame.inlined.is_none() && self.frame.locals[slot as usize].is_some_and(|local| self.function.root(local) == root));
        let result = if let Some(slot) = grows_local {
            self.frame.locals[slot as usize] = None;
            self.emit(Op::ClearLocal, &[], &[Immediate::Int(i64::from(slot))], None, None);
            self.call_helper_value(Helper::StrAppend, &[left_str, right_str])?
        } else {
            self.call_helper_value(Helper::StrConcatenate, &[left_str, right_str])?
        };
        self.push(result);
        Ok(())
    }

    pub(crate) fn unary_negative(&mut self) -> Result<()> {
        let value = self.peek(1)?;
        match self.known_class(value) {
            Some(Class::Int) if !self.is_refuted() => {
                let int = self.unbox_int(value);
                let result = self.emit_guarded(Op::IntNegate, &[int], &[], Type::INT);
                self.pop()?;
                let boxed = self.box_int(result);
                self.push(boxed);
            }
            Some(Class::Float) => {
                let float = self.unbox_float(value);
                let result = self.emit_value(Op::FloatNegate, &[float], &[], Type::FLOAT);
                self.pop()?;
                let boxed = self.box_float(result);
                self.push(boxed);
            }
            _ => {
                self.pop()?;
                let result = self.call_helper_value(Helper::UnaryNegative, &[value])?;
                self.push(result);
            }
        }
        Ok(())
    }

    pub(crate) fn unary_invert(&mut self) -> Result<()> {
        let value = self.peek(1)?;
        if self.known_class(value) == Some(Class::Int) && !self.is_refuted() {
            let int = self.unbox_int(value);
            let result = self.emit_value(Op::IntInvert, &[int], &[], Type::INT);
            self.pop()?;
            let boxed = self.box_int(result);
            self.push(boxed);
            return Ok(());
        }
        self.pop()?;
        let result = self.call_helper_value(Helper::UnaryInvert, &[value])?;
        self.push(result);
        Ok(())
    }
}

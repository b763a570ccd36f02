//! Rules for single instructions: what an instruction is equal to, from its operands and their types alone.

use coachwhip_abi::facts::{Facts, ObjectValue};
use coachwhip_ir::evaluate::{compare_floats, compare_ints, int_operation};
use coachwhip_ir::{Class, Condition, Field, Function, Identity, Immediate, Instruction, Op, Value};

/// What becomes of an instruction.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Outcome {
    /// Nothing better is known.
    Keep,
    /// Its value is this one.
    Replace(Value),
    /// It is the same as this instruction, whose result is of the same type.
    Rewrite(Op, Vec<Value>, Vec<Immediate>),
    /// It does nothing.
    Remove,
}

/// What the rules look at.
pub(super) struct Rules<'a> {
    pub function: &'a Function,
    pub facts: &'a Facts,
    /// Outcomes of tests that are known where the instruction stands.
    pub tests: &'a dyn Fn(Value) -> Option<bool>,
}

/// The largest integer up to which every integer is a double.
const EXACT_FLOATS: u64 = 1 << 53;

impl Rules<'_> {
    fn int(&self, value: Value) -> Option<i64> {
        let instruction = self.function.defining(value)?;
        match (instruction.op, instruction.immediates.first()) {
            (Op::ConstInt, Some(&Immediate::Int(number))) => Some(number),
            _ => None,
        }
    }

    fn float(&self, value: Value) -> Option<f64> {
        let instruction = self.function.defining(value)?;
        match (instruction.op, instruction.immediates.first()) {
            (Op::ConstFloat, Some(&Immediate::Float(bits))) => Some(f64::from_bits(bits)),
            _ => None,
        }
    }

    pub(super) fn bool(&self, value: Value) -> Option<bool> {
        if let Some(known) = (self.tests)(value) {
            return Some(known);
        }
        let instruction = self.function.defining(value)?;
        match (instruction.op, instruction.immediates.first()) {
            (Op::ConstBool, Some(&Immediate::Int(bit))) => Some(bit != 0),
            (Op::BoolNot, _) => self.bool(instruction.operands[0]).map(|known| !known),
            _ => None,
        }
    }

    fn object(&self, value: Value) -> Option<&ObjectValue> {
        match self.function.ty(value).identity {
            Identity::Constant(object) => self.facts.objects.get(object.index()).map(|facts| &facts.value),
            _ => None,
        }
    }

    /// The operand of the instruction that made a value, if it is of this kind.
    fn made_by(&self, value: Value, op: Op) -> Option<Value> {
        let root = self.function.root(value);
        self.function.defining(root).filter(|made| made.op == op).map(|made| made.operands[0])
    }

    /// What an instruction is equal to.
    pub(super) fn fold(&self, instruction: &Instruction) -> Outcome {
        let operand = |position: usize| instruction.operands[position];
        match instruction.op {
            Op::GuardClass => match instruction.immediates[0] {
                Immediate::Class(class) if self.function.ty(operand(0)).is(class) => Outcome::Replace(operand(0)),
                _ => Outcome::Keep,
            },
            Op::GuardNotNull if !self.function.ty(operand(0)).classes.may_be_null() => Outcome::Replace(operand(0)),
            Op::GuardIs => match (self.function.ty(operand(0)).identity, instruction.immediates[0]) {
                (Identity::Constant(known), Immediate::Object(wanted)) if known == wanted => Outcome::Replace(operand(0)),
                _ => Outcome::Keep,
            },
            Op::GuardTrue | Op::GuardFalse => self.fold_test(instruction),
            Op::UnboxInt => match (self.made_by(operand(0), Op::BoxInt), self.object(operand(0))) {
                (Some(value), _) => Outcome::Replace(value),
                (None, Some(&ObjectValue::Int(number))) => const_int(number),
                _ => Outcome::Keep,
            },
            Op::UnboxFloat => match (self.made_by(operand(0), Op::BoxFloat), self.object(operand(0))) {
                (Some(value), _) => Outcome::Replace(value),
                (None, Some(&ObjectValue::Float(number))) => const_float(number),
                _ => Outcome::Keep,
            },
            Op::UnboxBool => match (self.made_by(operand(0), Op::BoxBool), self.object(operand(0))) {
                (Some(value), _) => Outcome::Replace(value),
                (None, Some(&ObjectValue::Bool(bit))) => const_bool(bit),
                _ => Outcome::Keep,
            },
            Op::NumberToFloat => match self.made_by(operand(0), Op::BoxFloat) {
                Some(inside) => Outcome::Replace(inside),
                None if self.function.ty(operand(0)).is(Class::Float) => Outcome::Rewrite(Op::UnboxFloat, vec![operand(0)], Vec::new()),
                None => Outcome::Keep,
            },
            Op::IntToFloat => match self.int(operand(0)) {
                Some(number) if number.unsigned_abs() <= EXACT_FLOATS => {
                    #[allow(clippy::cast_precision_loss)] // Just tested.
                    let float = number as f64;
                    const_float(float)
                }
                _ => Outcome::Keep,
            },
            Op::BoolToInt => self.bool(operand(0)).map_or(Outcome::Keep, |bit| const_int(i64::from(bit))),
            Op::IntAdd
            | Op::IntSubtract
            | Op::IntMultiply
            | Op::IntFloorDivide
            | Op::IntRemainder
            | Op::IntShiftLeft
            | Op::IntShiftRight
            | Op::IntAnd
            | Op::IntOr
            | Op::IntXor
            | Op::IntAddWrapping
            | Op::IntSubtractWrapping => self.fold_int(instruction.op, operand(0), operand(1)),
            Op::IntNegate => self.int(operand(0)).and_then(i64::checked_neg).map_or(Outcome::Keep, const_int),
            Op::IntInvert => self.int(operand(0)).map_or(Outcome::Keep, |number| const_int(!number)),
            Op::IntCompare => self.fold_int_compare(instruction),
            Op::FloatAdd | Op::FloatSubtract | Op::FloatMultiply | Op::FloatDivide => self.fold_float(instruction.op, operand(0), operand(1)),
            Op::FloatNegate => self.float(operand(0)).map_or(Outcome::Keep, |number| const_float(-number)),
            Op::FloatAbsolute => self.float(operand(0)).map_or(Outcome::Keep, |number| const_float(number.abs())),
            Op::FloatCompare => match (self.float(operand(0)), self.float(operand(1)), instruction.immediates[0]) {
                (Some(left), Some(right), Immediate::Condition(condition)) => compare_floats(condition, left, right).map_or(Outcome::Keep, const_bool),
                _ => Outcome::Keep,
            },
            Op::BoolNot => self.fold_not(operand(0)),
            Op::IsSame => self.fold_is_same(operand(0), operand(1)),
            Op::IsNull => {
                let classes = self.function.ty(operand(0)).classes;
                match (classes.may_be_null(), classes.without_null().is_empty()) {
                    (false, _) => const_bool(false),
                    (true, true) => const_bool(true),
                    _ => Outcome::Keep,
                }
            }
            Op::IsClass => {
                let ty = self.function.ty(operand(0));
                match instruction.immediates[0] {
                    Immediate::Class(class) if ty.is(class) && class != Class::Other => const_bool(true),
                    Immediate::Class(class) if class != Class::Other && ty.classes.intersection(coachwhip_ir::ClassSet::of(class)).is_empty() => {
                        const_bool(false)
                    }
                    _ => Outcome::Keep,
                }
            }
            Op::LoadIntField => self.fold_size(instruction),
            _ => Outcome::Keep,
        }
    }

    fn fold_test(&self, instruction: &Instruction) -> Outcome {
        let test = instruction.operands[0];
        let wanted = instruction.op == Op::GuardTrue;
        if self.bool(test) == Some(wanted) {
            return Outcome::Remove;
        }
        match self.function.defining(test) {
            Some(inverted) if inverted.op == Op::BoolNot => {
                let op = if wanted { Op::GuardFalse } else { Op::GuardTrue };
                Outcome::Rewrite(op, vec![inverted.operands[0]], instruction.immediates.to_vec())
            }
            _ => Outcome::Keep,
        }
    }

    fn fold_int(&self, op: Op, left: Value, right: Value) -> Outcome {
        let (known_left, known_right) = (self.int(left), self.int(right));
        if let (Some(left), Some(right)) = (known_left, known_right) {
            let same = match op {
                Op::IntAddWrapping => Some(left.wrapping_add(right)),
                Op::IntSubtractWrapping => Some(left.wrapping_sub(right)),
                Op::IntAnd => Some(left & right),
                Op::IntOr => Some(left | right),
                Op::IntXor => Some(left ^ right),
                _ => int_operation(op, left, right),
            };
            return same.map_or(Outcome::Keep, const_int);
        }
        match (op, known_left, known_right) {
            (Op::IntAdd | Op::IntAddWrapping | Op::IntOr | Op::IntXor, Some(0), _) => Outcome::Replace(right),
            (
                Op::IntAdd | Op::IntAddWrapping | Op::IntSubtract | Op::IntSubtractWrapping | Op::IntOr | Op::IntXor | Op::IntShiftLeft | Op::IntShiftRight,
                _,
                Some(0),
            ) => Outcome::Replace(left),
            (Op::IntMultiply, Some(1), _) => Outcome::Replace(right),
            (Op::IntMultiply | Op::IntFloorDivide, _, Some(1)) => Outcome::Replace(left),
            (Op::IntMultiply | Op::IntAnd, Some(0), _) | (Op::IntMultiply | Op::IntAnd, _, Some(0)) | (Op::IntRemainder, _, Some(1)) => const_int(0),
            (Op::IntAnd, Some(-1), _) => Outcome::Replace(right),
            (Op::IntAnd, _, Some(-1)) => Outcome::Replace(left),
            (Op::IntAnd | Op::IntOr, _, _) if left == right => Outcome::Replace(left),
            (Op::IntSubtract | Op::IntSubtractWrapping | Op::IntXor, _, _) if left == right => const_int(0),
            _ => Outcome::Keep,
        }
    }

    fn fold_int_compare(&self, instruction: &Instruction) -> Outcome {
        let (left, right) = (instruction.operands[0], instruction.operands[1]);
        let Immediate::Condition(condition) = instruction.immediates[0] else { return Outcome::Keep };
        match (self.int(left), self.int(right)) {
            (Some(left), Some(right)) => const_bool(compare_ints(condition, left, right)),
            _ if left == right => const_bool(compare_ints(condition, 0, 0)),
            _ => Outcome::Keep,
        }
    }

    fn fold_float(&self, op: Op, left: Value, right: Value) -> Outcome {
        match (op, self.float(left), self.float(right)) {
            (Op::FloatAdd, Some(left), Some(right)) => const_float(left + right),
            (Op::FloatSubtract, Some(left), Some(right)) => const_float(left - right),
            (Op::FloatMultiply, Some(left), Some(right)) => const_float(left * right),
            (Op::FloatDivide, Some(left), Some(right)) if right != 0.0 => const_float(left / right),
            (Op::FloatMultiply, Some(1.0), _) => Outcome::Replace(right),
            (Op::FloatMultiply | Op::FloatDivide, _, Some(1.0)) => Outcome::Replace(left),
            _ => Outcome::Keep,
        }
    }

    fn fold_not(&self, value: Value) -> Outcome {
        if let Some(bit) = self.bool(value) {
            return const_bool(!bit);
        }
        let Some(test) = self.function.defining(value) else { return Outcome::Keep };
        match (test.op, test.immediates.first()) {
            (Op::BoolNot, _) => Outcome::Replace(test.operands[0]),
            // Not so for floats: both are false if one is not a number.
            (Op::IntCompare, Some(&Immediate::Condition(condition))) => match opposite(condition) {
                Some(condition) => Outcome::Rewrite(Op::IntCompare, test.operands.to_vec(), vec![Immediate::Condition(condition)]),
                None => Outcome::Keep,
            },
            _ => Outcome::Keep,
        }
    }

    fn fold_is_same(&self, left: Value, right: Value) -> Outcome {
        if self.function.root(left) == self.function.root(right) {
            return const_bool(true);
        }
        let (left_type, right_type) = (self.function.ty(left), self.function.ty(right));
        if left_type.classes.intersection(right_type.classes).is_empty() {
            return const_bool(false);
        }
        match (left_type.identity, right_type.identity) {
            (Identity::Constant(one), Identity::Constant(other)) => const_bool(one == other),
            _ => Outcome::Keep,
        }
    }

    /// Sizes of what never changes.
    fn fold_size(&self, instruction: &Instruction) -> Outcome {
        let value = instruction.operands[0];
        match (instruction.field(), self.object(value)) {
            (Some(Field::TupleSize), Some(ObjectValue::Tuple(items))) => i64::try_from(items.len()).map_or(Outcome::Keep, const_int),
            (Some(Field::StrLength), Some(ObjectValue::Str(text))) => i64::try_from(text.chars().count()).map_or(Outcome::Keep, const_int),
            (Some(Field::TupleSize), None) => {
                let root = self.function.root(value);
                match self.function.defining(root) {
                    Some(made) if made.helper().is_some_and(|helper| helper.name == "build_tuple") => {
                        i64::try_from(made.operands.len()).map_or(Outcome::Keep, const_int)
                    }
                    _ => Outcome::Keep,
                }
            }
            _ => Outcome::Keep,
        }
    }
}

/// The condition that holds where this one does not.
pub(super) fn opposite(condition: Condition) -> Option<Condition> {
    match condition {
        Condition::Equal => Some(Condition::NotEqual),
        Condition::NotEqual => Some(Condition::Equal),
        Condition::Less => Some(Condition::GreaterOrEqual),
        Condition::LessOrEqual => Some(Condition::Greater),
        Condition::Greater => Some(Condition::LessOrEqual),
        Condition::GreaterOrEqual => Some(Condition::Less),
        Condition::UnsignedLess => None,
    }
}

fn const_int(number: i64) -> Outcome {
    Outcome::Rewrite(Op::ConstInt, Vec::new(), vec![Immediate::Int(number)])
}

fn const_float(number: f64) -> Outcome {
    Outcome::Rewrite(Op::ConstFloat, Vec::new(), vec![Immediate::Float(number.to_bits())])
}

fn const_bool(bit: bool) -> Outcome {
    Outcome::Rewrite(Op::ConstBool, Vec::new(), vec![Immediate::Int(i64::from(bit))])
}

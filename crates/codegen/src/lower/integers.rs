//! Arithmetic of unboxed integers, with Python's meaning.

use super::{Lowering, bug, immediate};
use crate::CodegenError;
use coachwhip_ir::{Condition, Instruction, Op, Reason};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value, types};

/// Beyond this the processor takes the count of bits modulo 64.
const SHIFT_LIMIT: i64 = 63;

impl Lowering<'_> {
    fn two(&self, instruction: &Instruction) -> Result<(Value, Value), CodegenError> {
        Ok((self.operand(instruction, 0)?, self.operand(instruction, 1)?))
    }

    /// `+`, `-`, `*` with the processor's overflow flag.
    pub(super) fn int_overflowing(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let (left, right) = self.two(instruction)?;
        if let (Op::IntAdd | Op::IntSubtract, Some(known)) = (instruction.op, self.known_int(instruction.operands[1])) {
            // With a known operand one comparison tells: the outcome lies on the wrong side of the other one.
            let is_sum = instruction.op == Op::IntAdd;
            let value = if is_sum { self.builder.ins().iadd(left, right) } else { self.builder.ins().isub(left, right) };
            let wrong = if is_sum == (known >= 0) { IntCC::SignedLessThan } else { IntCC::SignedGreaterThan };
            let overflow = self.builder.ins().icmp(wrong, value, left);
            self.exit_if(instruction, overflow, Reason::Overflow)?;
            return self.define(instruction, value);
        }
        let (value, overflow) = match instruction.op {
            Op::IntAdd => self.builder.ins().sadd_overflow(left, right),
            Op::IntSubtract => self.builder.ins().ssub_overflow(left, right),
            Op::IntMultiply => self.builder.ins().smul_overflow(left, right),
            other => return Err(bug(format!("{} does not overflow", other.info().name))),
        };
        self.exit_if(instruction, overflow, Reason::Overflow)?;
        self.define(instruction, value)
    }

    pub(super) fn int_plain(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let (left, right) = self.two(instruction)?;
        let value = match instruction.op {
            Op::IntAnd => self.builder.ins().band(left, right),
            Op::IntOr => self.builder.ins().bor(left, right),
            Op::IntXor => self.builder.ins().bxor(left, right),
            Op::IntAddWrapping => self.builder.ins().iadd(left, right),
            Op::IntSubtractWrapping => self.builder.ins().isub(left, right),
            other => return Err(bug(format!("{} can leave", other.info().name))),
        };
        self.define(instruction, value)
    }

    /// Leaves if a divisor that is not known is zero.
    fn guard_divisor(&mut self, instruction: &Instruction, right: Value) -> Result<Option<i64>, CodegenError> {
        let known = self.known_int(instruction.operands[1]).filter(|&known| known != 0);
        if known.is_none() {
            self.exit_unless(instruction, right, Reason::ZeroDivision)?;
        }
        Ok(known)
    }

    pub(super) fn int_floor_divide(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let (left, right) = self.two(instruction)?;
        let known = self.guard_divisor(instruction, right)?;
        if let Some(known) = known.filter(|known| *known > 0 && known.count_ones() == 1) {
            // Shifting rounds down as Python does.
            let bits = self.int(i64::from(known.trailing_zeros()));
            let value = self.builder.ins().sshr(left, bits);
            return self.define(instruction, value);
        }
        if known.is_none_or(|known| known == -1) {
            // MIN // -1 is the one quotient that does not fit.
            let least = self.compare(IntCC::Equal, left, i64::MIN);
            let negative = self.compare(IntCC::Equal, right, -1);
            let overflow = self.builder.ins().band(least, negative);
            self.exit_if(instruction, overflow, Reason::Overflow)?;
        }
        let quotient = self.builder.ins().sdiv(left, right);
        let product = self.builder.ins().imul(quotient, right);
        let rest = self.builder.ins().isub(left, product);
        let below = self.rounds_up(rest, right);
        let one_less = self.builder.ins().uextend(types::I64, below);
        let value = self.builder.ins().isub(quotient, one_less);
        self.define(instruction, value)
    }

    pub(super) fn int_remainder(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let (left, right) = self.two(instruction)?;
        let known = self.guard_divisor(instruction, right)?;
        if let Some(known) = known.filter(|known| *known > 0 && known.count_ones() == 1) {
            let mask = self.int(known - 1);
            let value = self.builder.ins().band(left, mask);
            return self.define(instruction, value);
        }
        // MIN % -1 is 0: Cranelift's `srem` looks after the processor's trap.
        let rest = self.builder.ins().srem(left, right);
        let below = self.rounds_up(rest, right);
        let adjusted = self.builder.ins().iadd(rest, right);
        let value = self.builder.ins().select(below, adjusted, rest);
        self.define(instruction, value)
    }

    /// Whether division by the processor, which rounds to zero, rounded up: there is a rest, and its sign is not the divisor's.
    fn rounds_up(&mut self, rest: Value, right: Value) -> Value {
        let some = self.compare(IntCC::NotEqual, rest, 0);
        let signs = self.builder.ins().bxor(rest, right);
        let differ = self.compare(IntCC::SignedLessThan, signs, 0);
        self.builder.ins().band(some, differ)
    }

    pub(super) fn int_shift_left(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let (left, right) = self.two(instruction)?;
        let known = self.known_int(instruction.operands[1]).filter(|known| (0..=SHIFT_LIMIT).contains(known));
        if known.is_none() {
            let beyond = self.compare(IntCC::UnsignedGreaterThan, right, SHIFT_LIMIT);
            self.exit_if(instruction, beyond, Reason::ShiftCount)?;
        }
        let value = self.builder.ins().ishl(left, right);
        let back = self.builder.ins().sshr(value, right);
        let lost = self.builder.ins().icmp(IntCC::NotEqual, back, left);
        self.exit_if(instruction, lost, Reason::Overflow)?;
        self.define(instruction, value)
    }

    pub(super) fn int_shift_right(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let (left, right) = self.two(instruction)?;
        let bits = match self.known_int(instruction.operands[1]) {
            Some(known) if known >= 0 => self.int(known.min(63)),
            _ => {
                let negative = self.compare(IntCC::SignedLessThan, right, 0);
                self.exit_if(instruction, negative, Reason::ShiftCount)?;
                // All bits beyond the 64th are the sign.
                let most = self.int(63);
                self.builder.ins().umin(right, most)
            }
        };
        let value = self.builder.ins().sshr(left, bits);
        self.define(instruction, value)
    }

    pub(super) fn int_negate(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let value = self.operand(instruction, 0)?;
        let least = self.compare(IntCC::Equal, value, i64::MIN);
        self.exit_if(instruction, least, Reason::Overflow)?;
        let negated = self.builder.ins().ineg(value);
        self.define(instruction, negated)
    }

    pub(super) fn int_invert(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let value = self.operand(instruction, 0)?;
        let inverted = self.builder.ins().bnot(value);
        self.define(instruction, inverted)
    }

    pub(super) fn int_compare(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let (left, right) = self.two(instruction)?;
        let condition = match immediate!(instruction, 0, Condition)? {
            Condition::Equal => IntCC::Equal,
            Condition::NotEqual => IntCC::NotEqual,
            Condition::Less => IntCC::SignedLessThan,
            Condition::LessOrEqual => IntCC::SignedLessThanOrEqual,
            Condition::Greater => IntCC::SignedGreaterThan,
            Condition::GreaterOrEqual => IntCC::SignedGreaterThanOrEqual,
            Condition::UnsignedLess => IntCC::UnsignedLessThan,
        };
        let test = self.builder.ins().icmp(condition, left, right);
        self.define(instruction, test)
    }
}

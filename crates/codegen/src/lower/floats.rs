//! Arithmetic of unboxed floats.

use super::{Lowering, bug, immediate};
use crate::CodegenError;
use coachwhip_ir::{Condition, Instruction, Op, Reason};
use cranelift_codegen::ir::InstBuilder;
use cranelift_codegen::ir::condcodes::FloatCC;

impl Lowering<'_> {
    pub(super) fn float_binary(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let (left, right) = (self.operand(instruction, 0)?, self.operand(instruction, 1)?);
        let value = match instruction.op {
            Op::FloatAdd => self.builder.ins().fadd(left, right),
            Op::FloatSubtract => self.builder.ins().fsub(left, right),
            Op::FloatMultiply => self.builder.ins().fmul(left, right),
            other => return Err(bug(format!("{} is no float operation", other.info().name))),
        };
        self.define(instruction, value)
    }

    pub(super) fn float_divide(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let (left, right) = (self.operand(instruction, 0)?, self.operand(instruction, 1)?);
        let zero = self.builder.ins().f64const(0.0);
        let is_zero = self.builder.ins().fcmp(FloatCC::Equal, right, zero);
        self.exit_if(instruction, is_zero, Reason::ZeroDivision)?;
        let value = self.builder.ins().fdiv(left, right);
        self.define(instruction, value)
    }

    pub(super) fn float_unary(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let value = self.operand(instruction, 0)?;
        let value = match instruction.op {
            Op::FloatNegate => self.builder.ins().fneg(value),
            Op::FloatAbsolute => self.builder.ins().fabs(value),
            other => return Err(bug(format!("{} is no float operation", other.info().name))),
        };
        self.define(instruction, value)
    }

    pub(super) fn float_square_root(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let value = self.operand(instruction, 0)?;
        let zero = self.builder.ins().f64const(0.0);
        // False for what is not a number, too.
        let fits = self.builder.ins().fcmp(FloatCC::GreaterThanOrEqual, value, zero);
        self.exit_unless(instruction, fits, Reason::Domain)?;
        let root = self.builder.ins().sqrt(value);
        self.define(instruction, root)
    }

    pub(super) fn float_compare(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let (left, right) = (self.operand(instruction, 0)?, self.operand(instruction, 1)?);
        let condition = match immediate!(instruction, 0, Condition)? {
            Condition::Equal => FloatCC::Equal,
            // "Unordered or not equal".
            Condition::NotEqual => FloatCC::NotEqual,
            Condition::Less => FloatCC::LessThan,
            Condition::LessOrEqual => FloatCC::LessThanOrEqual,
            Condition::Greater => FloatCC::GreaterThan,
            Condition::GreaterOrEqual => FloatCC::GreaterThanOrEqual,
            Condition::UnsignedLess => return Err(bug("float_compare ult")),
        };
        let test = self.builder.ins().fcmp(condition, left, right);
        self.define(instruction, test)
    }
}

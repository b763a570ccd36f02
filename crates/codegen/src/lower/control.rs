//! Ends of blocks, and the start of exception handlers.

use super::{Lowering, bug, immediate};
use crate::CodegenError;
use coachwhip_ir::{Instruction, Representation, Target};
use cranelift_codegen::ir::condcodes::{CondCode, IntCC};
use cranelift_codegen::ir::{Block, BlockArg, InstBuilder, InstructionData, TrapCode, Value, ValueDef, types};

impl Lowering<'_> {
    fn target(&self, target: &Target) -> Result<(Block, Vec<BlockArg>), CodegenError> {
        let block = self.blocks[target.block.index()].ok_or_else(|| bug(format!("a jump to {}", target.block)))?;
        let arguments = target.arguments.iter().map(|&value| Ok(self.value(value)?.into())).collect::<Result<_, CodegenError>>()?;
        if target.arguments.len() != self.function.blocks[target.block.index()].parameters.len() {
            return Err(bug(format!("{} arguments for {}", target.arguments.len(), target.block)));
        }
        Ok((block, arguments))
    }

    fn targets<const N: usize>(&self, instruction: &Instruction) -> Result<[(Block, Vec<BlockArg>); N], CodegenError> {
        let targets = instruction.targets.iter().map(|target| self.target(target)).collect::<Result<Vec<_>, _>>()?;
        targets.try_into().map_err(|_| bug(format!("{} has {} targets", instruction.op.info().name, instruction.targets.len())))
    }

    pub(super) fn jump(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let [(block, arguments)] = self.targets(instruction)?;
        self.builder.ins().jump(block, &arguments);
        Ok(())
    }

    pub(super) fn branch(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let test = self.operand(instruction, 0)?;
        let [(then, then_arguments), (other, other_arguments)] = self.targets(instruction)?;
        // Cranelift lets the second target follow: that is to be the one that stays in the loop.
        let depth = |number: usize| self.depths[instruction.targets[number].block.index()];
        if depth(0) > depth(1) {
            let opposite = self.opposite(test);
            self.builder.ins().brif(opposite, other, &other_arguments, then, &then_arguments);
        } else {
            self.builder.ins().brif(test, then, &then_arguments, other, &other_arguments);
        }
        Ok(())
    }

    /// A test that is true where the other one is false: of a comparison, the opposite comparison.
    fn opposite(&mut self, test: Value) -> Value {
        let dfg = &self.builder.func.dfg;
        if let ValueDef::Result(definition, 0) = dfg.value_def(test) {
            match dfg.insts[definition] {
                InstructionData::IntCompare { args: [left, right], cond, .. } => {
                    return self.builder.ins().icmp(cond.complement(), left, right);
                }
                InstructionData::FloatCompare { args: [left, right], cond, .. } => {
                    return self.builder.ins().fcmp(cond.complement(), left, right);
                }
                _ => {}
            }
        }
        self.compare(IntCC::Equal, test, 0)
    }

    /// The caught instruction before it has left a test in `raised`.
    pub(super) fn branch_raised(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let raised = match self.raised.take() {
            Some(raised) => raised,
            None => {
                // The outcome comes from elsewhere: only an object can tell by itself.
                let outcome = *instruction.operands.first().ok_or_else(|| bug("branch_raised without an outcome"))?;
                if self.function.ty(outcome).representation != Representation::Object {
                    return Err(bug("branch_raised without a caught instruction before it"));
                }
                let outcome = self.value(outcome)?;
                self.compare(IntCC::Equal, outcome, 0)
            }
        };
        let [(success, success_arguments), (failure, failure_arguments)] = self.targets(instruction)?;
        self.builder.ins().brif(raised, failure, &failure_arguments, success, &success_arguments);
        Ok(())
    }

    pub(super) fn exit(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let block = self.exit_block(instruction, immediate!(instruction, 0, Reason)?)?;
        self.builder.ins().jump(block, &[]);
        Ok(())
    }

    pub(super) fn unreachable(&mut self) -> Result<(), CodegenError> {
        self.builder.ins().trap(TrapCode::unwrap_user(2));
        Ok(())
    }

    pub(super) fn catch(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let snapshot = instruction.snapshot.ok_or_else(|| bug("catch without a snapshot"))?;
        let snapshot = &self.function.snapshots[snapshot.index()];
        let instr_ptr = self.code_facts(snapshot.code)?.first_unit + 2 * snapshot.offset as usize;
        let instr_ptr = self.address(instr_ptr);
        let exception = self.call_routine("catch", self.environment.routines.catch, &[self.tstate, self.frame, instr_ptr])?;
        self.define(instruction, exception)
    }

    /// What an exception that has just been tested for leads to: the caught instruction's `branch_raised`, or out of the function.
    pub(super) fn raised_if(&mut self, instruction: &Instruction, raised: Value) -> Result<(), CodegenError> {
        if instruction.caught {
            self.raised = Some(raised);
            return Ok(());
        }
        let block = self.raise_block(instruction)?;
        self.leave_if(raised, block);
        Ok(())
    }

    pub(super) fn check_exception(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let exception = self.load(types::I64, self.tstate, self.environment.layout.thread_current_exception);
        let raised = self.compare(IntCC::NotEqual, exception, 0);
        self.raised_if(instruction, raised)?;
        let nothing = self.int(0);
        self.define(instruction, nothing)
    }
}

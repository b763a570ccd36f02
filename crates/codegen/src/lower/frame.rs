//! Locals in the frame, and the checks of its state.

use super::{Lowering, bug, immediate};
use crate::CodegenError;
use coachwhip_abi::environment::{CodeHeader, frame_state};
use coachwhip_ir::{Instruction, Reason};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, types};
use std::mem::offset_of;

impl Lowering<'_> {
    fn slot(&self, instruction: &Instruction) -> Result<u32, CodegenError> {
        let slot = immediate!(instruction, 0, Int)?;
        u32::try_from(slot).ok().filter(|&slot| (slot as usize) < self.facts.codes[0].slots.len()).ok_or_else(|| bug(format!("local {slot}")))
    }

    /// A local in object representation is shown in its slot; that of an unboxed one is empty.
    pub(super) fn set_local(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let offset = self.local_offset(self.slot(instruction)?);
        let operand = *instruction.operands.first().ok_or_else(|| bug("set_local without a value"))?;
        if self.function.ty(operand).is_object() {
            let value = self.value(operand)?;
            self.store(value, self.frame, offset);
            return Ok(());
        }
        // The slot of a value that was unboxed before is empty already.
        if !instruction.operands[1..].iter().any(|&old| !self.function.ty(old).is_object()) {
            let null = self.int(0);
            self.store(null, self.frame, offset);
        }
        Ok(())
    }

    pub(super) fn clear_local(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let offset = self.local_offset(self.slot(instruction)?);
        let null = self.int(0);
        self.store(null, self.frame, offset);
        Ok(())
    }

    pub(super) fn check_frame(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let state = self.load(types::I8, self.frame, self.environment.layout.frame_state);
        let bit = self.builder.ins().iconst(types::I8, i64::from(frame_state::LEAVE));
        let mut leave = self.builder.ins().band(state, bit);
        if self.options.detachable {
            let header = self.address(self.options.header);
            let valid = self.load(types::I64, header, offset_of!(CodeHeader, valid) as i32);
            let is_gone = self.compare(IntCC::Equal, valid, 0);
            leave = self.builder.ins().bor(leave, is_gone);
        }
        self.exit_if(instruction, leave, Reason::Inspected)
    }

    /// One comparison while nothing is pending; the runtime says what to do otherwise.
    pub(super) fn check_eval_breaker(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let expected = self.load_absolute(types::I64, self.environment.eval_breaker_expected)?;
        let breaker = self.load(types::I64, self.tstate, self.environment.layout.thread_eval_breaker);
        let same = self.builder.ins().icmp(IntCC::Equal, expected, breaker);
        let pending = self.cold_block();
        let done = self.next_block();
        let raised = instruction.caught.then(|| self.builder.append_block_param(done, types::I8));
        if raised.is_some() {
            let no = self.builder.ins().iconst(types::I8, 0);
            self.builder.ins().brif(same, done, &[no.into()], pending, &[]);
        } else {
            self.builder.ins().brif(same, done, &[], pending, &[]);
        }

        self.builder.switch_to_block(pending);
        self.frame_is_visible(instruction)?;
        let routine = self.environment.routines.handle_eval_breaker;
        let answer = self.quiet_call("handle_eval_breaker", routine, &[self.tstate, self.frame])?;
        let answer = self.builder.ins().ireduce(types::I32, answer);
        let leave = self.compare(IntCC::SignedGreaterThan, answer, 0);
        let exit = self.exit_block(instruction, Reason::Invalidated)?;
        self.leave_if(leave, exit);
        if raised.is_some() {
            let negative = self.compare(IntCC::SignedLessThan, answer, 0);
            self.builder.ins().jump(done, &[negative.into()]);
        } else {
            let raise = self.raise_block(instruction)?;
            self.builder.ins().brif(answer, raise, &[], done, &[]);
        }
        self.builder.switch_to_block(done);
        self.raised = raised;
        Ok(())
    }
}

//! Reference counts.

use super::Lowering;
use crate::CodegenError;
use coachwhip_ir::{Identity, Instruction, Type};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value, types};

impl Lowering<'_> {
    /// `Py_XINCREF` (Include/object.h): the low half of the count saturates, immortal objects stay as they are.
    pub(super) fn increment(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let ty = self.function.ty(instruction.operands[0]);
        if !self.is_counted(ty) {
            return Ok(());
        }
        let object = self.operand(instruction, 0)?;
        let done = self.builder.create_block();
        if ty.classes.may_be_null() {
            self.leave_unless(object, done);
        }
        let count = self.load(types::I32, object, 0);
        let one = self.builder.ins().iconst(types::I32, 1);
        let more = self.builder.ins().iadd(count, one);
        self.leave_unless(more, done);
        self.store(more, object, 0);
        self.builder.ins().jump(done, &[]);
        self.builder.switch_to_block(done);
        Ok(())
    }

    pub(super) fn decrement(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let ty = self.function.ty(instruction.operands[0]);
        let object = self.operand(instruction, 0)?;
        self.give_back(ty, object, Some(instruction))
    }

    /// `Py_XDECREF` (Include/object.h). `visible`: the instruction whose frame others can see while a destructor runs.
    pub(crate) fn give_back(&mut self, ty: Type, object: Value, visible: Option<&Instruction>) -> Result<(), CodegenError> {
        if !self.is_counted(ty) {
            return Ok(());
        }
        let done = self.builder.create_block();
        let last = self.cold_block();
        if ty.classes.may_be_null() {
            self.leave_unless(object, done);
        }
        let count = self.load(types::I64, object, 0);
        let low = self.builder.ins().ireduce(types::I32, count);
        let immortal = self.compare(IntCC::SignedLessThan, low, 0);
        self.leave_if(immortal, done);
        let one = self.int(1);
        let fewer = self.builder.ins().isub(count, one);
        self.store(fewer, object, 0);
        self.builder.ins().brif(fewer, done, &[], last, &[]);

        self.builder.switch_to_block(last);
        if let Some(instruction) = visible
            && !ty.classes.is_trivial()
        {
            self.frame_is_visible(instruction)?;
        }
        self.call_address("deallocate", self.environment.routines.deallocate, &[self.tstate, object], None)?;
        self.builder.ins().jump(done, &[]);
        self.builder.switch_to_block(done);
        Ok(())
    }

    /// Whether values of a type have a count that changes. Constants do: who takes one over will give it back.
    fn is_counted(&self, ty: Type) -> bool {
        let immortal = match ty.identity {
            Identity::Constant(object) => self.facts.objects.get(object.index()).is_some_and(|facts| facts.immortal),
            Identity::Unknown | Identity::Exact(_) => false,
        };
        ty.is_object() && !immortal && !ty.classes.without_null().is_immortal()
    }
}

//! Reference counts.

use super::Lowering;
use crate::CodegenError;
use coachwhip_ir::{Class, ClassSet, Identity, Instruction, Type};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, InstBuilder, Value, types};

/// `PyFloat_MAXFREELIST` (pycore_freelist.h).
const FLOAT_FREE_LIST_LIMIT: i64 = 100;

impl Lowering<'_> {
    /// `Py_XINCREF` (Include/object.h): the low half of the count saturates, immortal objects stay as they are.
    pub(super) fn increment(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let ty = self.function.ty(instruction.operands[0]);
        if !self.is_counted(ty) {
            return Ok(());
        }
        let object = self.operand(instruction, 0)?;
        let done = self.next_block();
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
        let done = self.next_block();
        // A float that dies is nothing rare: temporaries do.
        let last = if ty.classes.without_null() == ClassSet::of(Class::Float) { self.next_block() } else { self.cold_block() };
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
        self.free_float(ty, object, done);
        self.deallocate(object)?;
        self.builder.ins().jump(done, &[]);
        self.builder.switch_to_block(done);
        Ok(())
    }

    /// An exact float goes back to the free list if there is room (Objects/floatobject.c, `_PyFloat_ExactDealloc`): then goes on in `done`.
    fn free_float(&mut self, ty: Type, object: Value, done: Block) {
        let list = self.environment.float_free_list;
        if list == 0 || ty.classes.without_null() != ClassSet::of(Class::Float) {
            return;
        }
        let class = self.environment.layout.object_type;
        let list = self.address(list);
        let count = self.load(types::I32, list, 0);
        // It is negative when the list was closed.
        let has_room = self.compare(IntCC::UnsignedLessThan, count, FLOAT_FREE_LIST_LIMIT);
        let room = self.next_block();
        let full = self.cold_block();
        self.builder.ins().brif(has_room, room, &[], full, &[]);
        self.builder.switch_to_block(room);
        let one = self.builder.ins().iconst(types::I32, 1);
        let more = self.builder.ins().iadd(count, one);
        self.store(more, list, 0);
        let first = self.load(types::I64, list, 8);
        self.store(first, object, class);
        self.store(object, list, 8);
        self.builder.ins().jump(done, &[]);
        self.builder.switch_to_block(full);
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

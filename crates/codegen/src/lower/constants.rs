//! Constants, arguments, and changes of representation.

use super::{Lowering, bug, immediate, unsupported};
use crate::CodegenError;
use coachwhip_ir::{Instruction, Reason};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::immediates::Ieee64;
use cranelift_codegen::ir::{InstBuilder, types};

/// Small ints are static objects from this one (pycore_global_objects.h, `_PY_NSMALLNEGINTS`) ...
const SMALL_INT_FIRST: i64 = -5;
/// ... of so many (`_PY_NSMALLNEGINTS + _PY_NSMALLPOSINTS`).
const SMALL_INT_COUNT: i64 = 262;
/// Integers up to this have a double of their own each.
const EXACT_FLOAT_LIMIT: i64 = 1 << 53;

impl Lowering<'_> {
    pub(super) fn const_object(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let object = immediate!(instruction, 0, Object)?;
        let address = self.object_address(object)?;
        let value = self.address(address);
        self.define(instruction, value)
    }

    pub(super) fn const_int(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let value = immediate!(instruction, 0, Int)?;
        let value = self.int(value);
        self.define(instruction, value)
    }

    pub(super) fn const_float(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let bits = immediate!(instruction, 0, Float)?;
        let value = self.builder.ins().f64const(Ieee64::with_bits(bits));
        self.define(instruction, value)
    }

    pub(super) fn const_bool(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let value = immediate!(instruction, 0, Int)?;
        let value = self.builder.ins().iconst(types::I8, i64::from(value != 0));
        self.define(instruction, value)
    }

    pub(super) fn null(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let value = self.int(0);
        self.define(instruction, value)
    }

    pub(super) fn argument(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let index = immediate!(instruction, 0, Int)?;
        let argument = usize::try_from(index).ok().and_then(|index| self.arguments.get(index).copied());
        let value = argument.ok_or_else(|| bug(format!("argument {index} of {}", self.arguments.len())))?;
        self.define(instruction, value)
    }

    /// The slot of a local shows the value from now on; that of the evaluation stack is emptied.
    pub(super) fn entry_slot(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        if !self.is_loop() {
            return Err(bug("entry_slot in a function that is called"));
        }
        let slot = u32::try_from(immediate!(instruction, 0, Int)?).map_err(|_| bug("entry_slot of a negative slot"))?;
        let offset = self.local_offset(slot);
        let value = self.load(types::I64, self.frame, offset);
        if slot as usize >= self.facts.codes[0].slots.len() {
            let null = self.int(0);
            self.store(null, self.frame, offset);
        }
        self.define(instruction, value)
    }

    pub(super) fn current_function(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let value = match self.callee {
            Some(callee) => callee,
            None => self.load(types::I64, self.frame, self.environment.layout.frame_function),
        };
        self.define(instruction, value)
    }

    /// A compact int (longintrepr.h, `_PyLong_IsCompact`) has its digit and sign decoded here, others are left to the runtime.
    pub(super) fn unbox_int(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let layout = &self.environment.layout;
        let object = self.operand(instruction, 0)?;
        let big = self.cold_block();
        let done = self.next_block();
        let value = self.builder.append_block_param(done, types::I64);

        let tag = self.load(types::I64, object, layout.long_tag);
        // NON_SIZE_BITS is 3: one digit or none is a tag below 2 << 3.
        let is_big = self.compare(IntCC::UnsignedGreaterThanOrEqual, tag, 16);
        self.leave_if(is_big, big);
        // `_PyLong_CompactValue`: the sign is 1 - (tag & SIGN_MASK).
        let mask = self.int(3);
        let sign_bits = self.builder.ins().band(tag, mask);
        let one = self.int(1);
        let sign = self.builder.ins().isub(one, sign_bits);
        let digit = self.builder.ins().uload32(super::FLAGS, object, layout.long_digits);
        let compact = self.builder.ins().imul(digit, sign);
        self.builder.ins().jump(done, &[compact.into()]);

        self.builder.switch_to_block(big);
        let status = self.scratch(1);
        let unboxed = self.quiet_call("unbox_big_int", self.environment.routines.unbox_big_int, &[object, status])?;
        let status = self.scratch(1);
        let status = self.load(types::I32, status, 0);
        let exit = self.exit_block(instruction, Reason::IntTooBig)?;
        self.builder.ins().brif(status, exit, &[], done, &[unboxed.into()]);

        self.builder.switch_to_block(done);
        self.define(instruction, value)
    }

    pub(super) fn number_to_float(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let layout = &self.environment.layout;
        let (float_class, int_class) = (self.class_address(coachwhip_ir::Class::Float)?, self.class_address(coachwhip_ir::Class::Int)?);
        let object = self.operand(instruction, 0)?;
        let float = self.next_block();
        let other = self.next_block();
        let done = self.next_block();
        let value = self.builder.append_block_param(done, types::F64);
        let class = self.load(types::I64, object, layout.object_type);
        let float_class = self.address(float_class);
        let is_float = self.builder.ins().icmp(IntCC::Equal, class, float_class);
        self.builder.ins().brif(is_float, float, &[], other, &[]);

        self.builder.switch_to_block(other);
        let int_class = self.address(int_class);
        let is_int = self.builder.ins().icmp(IntCC::Equal, class, int_class);
        self.exit_unless(instruction, is_int, Reason::Class)?;
        let tag = self.load(types::I64, object, layout.long_tag);
        // As in `unbox_int`.
        let is_big = self.compare(IntCC::UnsignedGreaterThanOrEqual, tag, 16);
        self.exit_if(instruction, is_big, Reason::Class)?;
        let mask = self.int(3);
        let sign_bits = self.builder.ins().band(tag, mask);
        let one = self.int(1);
        let sign = self.builder.ins().isub(one, sign_bits);
        let digit = self.builder.ins().uload32(super::FLAGS, object, layout.long_digits);
        let compact = self.builder.ins().imul(digit, sign);
        let converted = self.builder.ins().fcvt_from_sint(types::F64, compact);
        self.builder.ins().jump(done, &[converted.into()]);

        self.builder.switch_to_block(float);
        let held = self.load(types::F64, object, layout.float_value);
        self.builder.ins().jump(done, &[held.into()]);

        self.builder.switch_to_block(done);
        self.define(instruction, value)
    }

    /// Small ints are not allocated (`get_small_int` in Objects/longobject.c).
    pub(super) fn box_int(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let value = self.operand(instruction, 0)?;
        let (zero, size) = (self.environment.small_int_zero, self.environment.small_int_size);
        if zero == 0 || size == 0 {
            let made = self.allocate("box_int", self.environment.routines.box_int, value)?;
            return self.define(instruction, made);
        }
        if let Some(known) = self.known_int(instruction.operands[0])
            && (SMALL_INT_FIRST..SMALL_INT_FIRST + SMALL_INT_COUNT).contains(&known)
        {
            let made = self.address(zero.wrapping_add_signed(known as isize * size as isize));
            return self.define(instruction, made);
        }
        let allocate = self.next_block();
        let done = self.next_block();
        let object = self.builder.append_block_param(done, types::I64);

        let first = self.int(SMALL_INT_FIRST);
        let index = self.builder.ins().isub(value, first);
        let is_large = self.compare(IntCC::UnsignedGreaterThanOrEqual, index, SMALL_INT_COUNT);
        self.leave_if(is_large, allocate);
        let size = self.int(size as i64);
        let distance = self.builder.ins().imul(value, size);
        let zero = self.address(zero);
        let small = self.builder.ins().iadd(zero, distance);
        self.builder.ins().jump(done, &[small.into()]);

        self.builder.switch_to_block(allocate);
        let made = self.allocate("box_int", self.environment.routines.box_int, value)?;
        self.builder.ins().jump(done, &[made.into()]);

        self.builder.switch_to_block(done);
        self.define(instruction, object)
    }

    /// Calls an allocating routine that cannot report its failure here: out of memory for 32 bytes ends the process.
    fn allocate(&mut self, name: &str, routine: usize, value: cranelift_codegen::ir::Value) -> Result<cranelift_codegen::ir::Value, CodegenError> {
        let made = self.call_routine(name, routine, &[value])?;
        let trap = self.trap_block();
        self.leave_unless(made, trap);
        Ok(made)
    }

    pub(super) fn unbox_float(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let object = self.operand(instruction, 0)?;
        let value = self.load(types::F64, object, self.environment.layout.float_value);
        self.define(instruction, value)
    }

    /// From the free list, as `PyFloat_FromDouble` (Objects/floatobject.c) does it: `{int numfree; PyFloatObject *items}`, chained through `ob_type`.
    pub(super) fn box_float(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let value = self.operand(instruction, 0)?;
        let list = self.environment.float_free_list;
        if list == 0 {
            let made = self.allocate("box_float", self.environment.routines.box_float, value)?;
            return self.define(instruction, made);
        }
        let layout = &self.environment.layout;
        let class = self.class_address(coachwhip_ir::Class::Float)?;
        let allocate = self.cold_block();
        let done = self.next_block();
        let object = self.builder.append_block_param(done, types::I64);

        let list = self.address(list);
        let first = self.load(types::I64, list, 8);
        self.leave_unless(first, allocate);
        let next = self.load(types::I64, first, layout.object_type);
        self.store(next, list, 8);
        let count = self.load(types::I32, list, 0);
        let one = self.builder.ins().iconst(types::I32, 1);
        let fewer = self.builder.ins().isub(count, one);
        self.store(fewer, list, 0);
        let one = self.int(1);
        self.store(one, first, 0);
        let class = self.address(class);
        self.store(class, first, layout.object_type);
        self.store(value, first, layout.float_value);
        self.builder.ins().jump(done, &[first.into()]);

        self.builder.switch_to_block(allocate);
        let made = self.quiet_call("box_float", self.environment.routines.box_float, &[value])?;
        let trap = self.trap_block();
        self.leave_unless(made, trap);
        self.builder.ins().jump(done, &[made.into()]);

        self.builder.switch_to_block(done);
        self.define(instruction, object)
    }

    pub(super) fn unbox_bool(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let object = self.operand(instruction, 0)?;
        let value = self.compare(IntCC::Equal, object, (self.environment.true_object as u64).cast_signed());
        self.define(instruction, value)
    }

    pub(super) fn box_bool(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        if self.environment.true_object == 0 || self.environment.false_object == 0 {
            return Err(unsupported("an environment without True and False"));
        }
        let value = self.operand(instruction, 0)?;
        let (yes, no) = (self.address(self.environment.true_object), self.address(self.environment.false_object));
        let object = self.builder.ins().select(value, yes, no);
        self.define(instruction, object)
    }

    pub(super) fn int_to_float(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let value = self.operand(instruction, 0)?;
        // -2^53 <= value <= 2^53 in one comparison.
        let limit = self.int(EXACT_FLOAT_LIMIT);
        let shifted = self.builder.ins().iadd(value, limit);
        let beyond = self.compare(IntCC::UnsignedGreaterThan, shifted, 2 * EXACT_FLOAT_LIMIT);
        self.exit_if(instruction, beyond, Reason::Overflow)?;
        let float = self.builder.ins().fcvt_from_sint(types::F64, value);
        self.define(instruction, float)
    }

    pub(super) fn bool_to_int(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let value = self.operand(instruction, 0)?;
        let int = self.builder.ins().uextend(types::I64, value);
        self.define(instruction, int)
    }
}

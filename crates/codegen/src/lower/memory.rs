//! Reads and writes of CPython's structures.

use super::{FLAGS, Lowering, bug, immediate};
use crate::CodegenError;
use coachwhip_ir as ir;
use coachwhip_ir::{ArrayItem, Field, FieldKind, Instruction};
use cranelift_codegen::ir::{InstBuilder, Type, Value, types};

/// Indexes beyond this are not folded into an instruction's displacement.
const FOLDED_INDEX_LIMIT: i64 = 1 << 24;

impl Lowering<'_> {
    fn field_offset(&self, field: Field) -> Result<i32, CodegenError> {
        self.environment.layout.fields.get(field as usize).copied().ok_or_else(|| super::unsupported(format!("the field {}", field.name())))
    }

    pub(super) fn load_field(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let field = immediate!(instruction, 0, Field)?;
        let FieldKind::Object(_) = field.kind() else { return Err(bug(format!("load_field of the integer {}", field.name()))) };
        let offset = self.field_offset(field)?;
        let object = self.operand(instruction, 0)?;
        let value = self.load(types::I64, object, offset);
        self.define(instruction, value)
    }

    pub(super) fn load_int_field(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let field = immediate!(instruction, 0, Field)?;
        let offset = self.field_offset(field)?;
        let object = self.operand(instruction, 0)?;
        let value = match field.kind() {
            FieldKind::Int64 => self.load(types::I64, object, offset),
            FieldKind::Int32 => self.builder.ins().sload32(FLAGS, object, offset),
            FieldKind::Unsigned32 => self.builder.ins().uload32(FLAGS, object, offset),
            FieldKind::Unsigned8 => self.builder.ins().uload8(types::I64, FLAGS, object, offset),
            FieldKind::Object(_) => return Err(bug(format!("load_int_field of the object {}", field.name()))),
        };
        self.define(instruction, value)
    }

    pub(super) fn store_int_field(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let field = immediate!(instruction, 0, Field)?;
        let offset = self.field_offset(field)?;
        let (object, value) = (self.operand(instruction, 0)?, self.operand(instruction, 1)?);
        match field.kind() {
            FieldKind::Int64 => self.store(value, object, offset),
            FieldKind::Int32 | FieldKind::Unsigned32 => {
                self.builder.ins().istore32(FLAGS, value, object, offset);
            }
            FieldKind::Unsigned8 => {
                self.builder.ins().istore8(FLAGS, value, object, offset);
            }
            FieldKind::Object(_) => return Err(bug(format!("store_int_field of the object {}", field.name()))),
        }
        Ok(())
    }

    /// Swaps the word at an address with a value; the result is what was there.
    fn exchange(&mut self, instruction: &Instruction, value: Value, base: Value, offset: i32) -> Result<Value, CodegenError> {
        let old = self.load(types::I64, base, offset);
        self.store(value, base, offset);
        self.define(instruction, old)?;
        Ok(old)
    }

    pub(super) fn exchange_field(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let offset = self.field_offset(immediate!(instruction, 0, Field)?)?;
        let (object, value) = (self.operand(instruction, 0)?, self.operand(instruction, 1)?);
        self.exchange(instruction, value, object, offset)?;
        Ok(())
    }

    /// The place of a word of an array at an index: a base and a displacement.
    fn element(&mut self, array: Value, first: i32, index: ir::Value) -> Result<(Value, i32), CodegenError> {
        if let Some(known) = self.known_int(index).filter(|known| (0..FOLDED_INDEX_LIMIT).contains(known)) {
            return Ok((array, first + 8 * known as i32));
        }
        let index = self.value(index)?;
        let three = self.int(3);
        let distance = self.builder.ins().ishl(index, three);
        Ok((self.builder.ins().iadd(array, distance), first))
    }

    pub(super) fn list_get(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let list = self.operand(instruction, 0)?;
        let items = self.load(types::I64, list, self.environment.layout.list_items);
        let (base, offset) = self.element(items, 0, instruction.operands[1])?;
        let value = self.load(types::I64, base, offset);
        self.define(instruction, value)
    }

    pub(super) fn list_exchange(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let (list, value) = (self.operand(instruction, 0)?, self.operand(instruction, 2)?);
        let items = self.load(types::I64, list, self.environment.layout.list_items);
        let (base, offset) = self.element(items, 0, instruction.operands[1])?;
        self.exchange(instruction, value, base, offset)?;
        Ok(())
    }

    pub(super) fn tuple_get(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let tuple = self.operand(instruction, 0)?;
        let (base, offset) = self.element(tuple, self.environment.layout.tuple_items, instruction.operands[1])?;
        let value = self.load(types::I64, base, offset);
        self.define(instruction, value)
    }

    /// The place of an item of an array, a displacement from it, and what it is.
    fn array_element(&mut self, instruction: &Instruction) -> Result<(Value, i32, ArrayItem), CodegenError> {
        let item = immediate!(instruction, 0, Class)?.array_item().ok_or_else(|| bug("an item of what is no array"))?;
        let bytes = if let ArrayItem::Int { bytes, .. } = item { bytes } else { 8 };
        let array = self.operand(instruction, 0)?;
        let items = self.load(types::I64, array, self.environment.layout.array_items);
        let index = instruction.operands[1];
        if let Some(known) = self.known_int(index).filter(|known| (0..FOLDED_INDEX_LIMIT).contains(known)) {
            return Ok((items, i32::from(bytes) * known as i32, item));
        }
        let index = self.value(index)?;
        let shift = self.int(i64::from(bytes.trailing_zeros()));
        let distance = self.builder.ins().ishl(index, shift);
        Ok((self.builder.ins().iadd(items, distance), 0, item))
    }

    pub(super) fn array_get(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let (base, offset, item) = self.array_element(instruction)?;
        let value = match item {
            ArrayItem::Double => self.load(types::F64, base, offset),
            ArrayItem::Int { bytes: 1, signed: true } => self.builder.ins().sload8(types::I64, FLAGS, base, offset),
            ArrayItem::Int { bytes: 1, signed: false } => self.builder.ins().uload8(types::I64, FLAGS, base, offset),
            ArrayItem::Int { bytes: 2, signed: true } => self.builder.ins().sload16(types::I64, FLAGS, base, offset),
            ArrayItem::Int { bytes: 2, signed: false } => self.builder.ins().uload16(types::I64, FLAGS, base, offset),
            ArrayItem::Int { bytes: 4, signed: true } => self.builder.ins().sload32(FLAGS, base, offset),
            ArrayItem::Int { bytes: 4, signed: false } => self.builder.ins().uload32(FLAGS, base, offset),
            ArrayItem::Int { .. } => self.load(types::I64, base, offset),
        };
        self.define(instruction, value)
    }

    pub(super) fn array_set(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let value = self.operand(instruction, 2)?;
        let (base, offset, item) = self.array_element(instruction)?;
        match item {
            ArrayItem::Int { bytes: 1, .. } => {
                self.builder.ins().istore8(FLAGS, value, base, offset);
            }
            ArrayItem::Int { bytes: 2, .. } => {
                self.builder.ins().istore16(FLAGS, value, base, offset);
            }
            ArrayItem::Int { bytes: 4, .. } => {
                self.builder.ins().istore32(FLAGS, value, base, offset);
            }
            ArrayItem::Double | ArrayItem::Int { .. } => self.store(value, base, offset),
        }
        Ok(())
    }

    /// Where in an instance an inline value is: inline values start behind the C structure (pycore_object.h, `_PyObject_InlineValues`).
    fn inline_value(&self, instruction: &Instruction) -> Result<(i32, i32, i64), CodegenError> {
        let class = self.exact_class(instruction.operands[0])?;
        if !class.inline_values {
            return Err(bug("inline values of a class without them"));
        }
        let index = immediate!(instruction, 0, Int)?;
        // SHARED_KEYS_MAX_SIZE is 30.
        if !(0..256).contains(&index) {
            return Err(bug(format!("inline value {index}")));
        }
        let values = class.basicsize as i32;
        Ok((values, values + self.environment.layout.values_values + 8 * index as i32, index))
    }

    pub(super) fn inline_value_get(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let object = self.operand(instruction, 0)?;
        let (_, offset, _) = self.inline_value(instruction)?;
        let value = self.load(types::I64, object, offset);
        self.define(instruction, value)
    }

    /// A value where there was none is appended to the order of insertion (pycore_dict.h, `_PyDictValues_AddToInsertionOrder`).
    pub(super) fn inline_value_exchange(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let layout = &self.environment.layout;
        let (object, value) = (self.operand(instruction, 0)?, self.operand(instruction, 1)?);
        let (values, offset, index) = self.inline_value(instruction)?;
        let old = self.exchange(instruction, value, object, offset)?;
        let append = self.next_block();
        let done = self.next_block();
        self.builder.ins().brif(old, done, &[], append, &[]);

        self.builder.switch_to_block(append);
        let size = self.builder.ins().uload8(types::I64, FLAGS, object, values + layout.values_size);
        let capacity = self.builder.ins().uload8(types::I64, FLAGS, object, values + layout.values_capacity);
        // `get_insertion_order_array`: bytes behind the last value.
        let three = self.int(3);
        let all_values = self.builder.ins().ishl(capacity, three);
        let place = self.builder.ins().iadd(object, all_values);
        let place = self.builder.ins().iadd(place, size);
        let index = self.int(index);
        self.builder.ins().istore8(FLAGS, index, place, values + layout.values_values);
        let one = self.int(1);
        let size = self.builder.ins().iadd(size, one);
        self.builder.ins().istore8(FLAGS, size, object, values + layout.values_size);
        self.builder.ins().jump(done, &[]);

        self.builder.switch_to_block(done);
        Ok(())
    }

    fn slot_offset(&self, instruction: &Instruction) -> Result<i32, CodegenError> {
        i32::try_from(immediate!(instruction, 0, Int)?).map_err(|_| bug("offset of a slot"))
    }

    pub(super) fn slot_get(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let offset = self.slot_offset(instruction)?;
        self.load_word(instruction, types::I64, offset)
    }

    pub(super) fn slot_exchange(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let offset = self.slot_offset(instruction)?;
        let (object, value) = (self.operand(instruction, 0)?, self.operand(instruction, 1)?);
        self.exchange(instruction, value, object, offset)?;
        Ok(())
    }

    pub(super) fn cell_get(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        self.load_word(instruction, types::I64, self.environment.layout.cell_contents)
    }

    pub(super) fn cell_exchange(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let (cell, value) = (self.operand(instruction, 0)?, self.operand(instruction, 1)?);
        self.exchange(instruction, value, cell, self.environment.layout.cell_contents)?;
        Ok(())
    }

    /// A word of the first operand.
    fn load_word(&mut self, instruction: &Instruction, ty: Type, offset: i32) -> Result<(), CodegenError> {
        let object = self.operand(instruction, 0)?;
        let value = self.load(ty, object, offset);
        self.define(instruction, value)
    }

    pub(super) fn dict_entry_get(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let layout = &self.environment.layout;
        let index = immediate!(instruction, 0, Int)?;
        let dict = self.operand(instruction, 0)?;
        let keys = self.load(types::I64, dict, layout.dict_keys);
        let (base, distance) = self.dict_entry(keys, index, layout.unicode_entry_value)?;
        let value = self.load(types::I64, base, distance);
        self.define(instruction, value)
    }

    /// The place of a part of an entry of a keys object with strs: a base and a displacement. The entries stand behind the index table
    /// (pycore_dict.h, `_DK_ENTRIES`).
    pub(super) fn dict_entry(&mut self, keys: Value, index: i64, part: i32) -> Result<(Value, i32), CodegenError> {
        let layout = &self.environment.layout;
        let distance = index
            .checked_mul(i64::from(layout.unicode_entry_size))
            .and_then(|distance| i32::try_from(distance).ok())
            .and_then(|distance| distance.checked_add(layout.keys_indices + part))
            .ok_or_else(|| bug(format!("entry {index} of a dict")))?;
        let log2 = self.builder.ins().uload8(types::I64, FLAGS, keys, layout.keys_log2_index_bytes);
        let one = self.int(1);
        let indices = self.builder.ins().ishl(one, log2);
        Ok((self.builder.ins().iadd(keys, indices), distance))
    }

    pub(super) fn managed_dict_get(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        self.load_word(instruction, types::I64, self.environment.layout.managed_dict)
    }
}

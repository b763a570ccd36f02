//! Stack manipulation, local variables, cells and constants.

use super::{BuildError, Builder, Result};
use coachwhip_ir::{Class, Field, Helper, Immediate, Op, Reason, Type, Value};

impl Builder<'_> {
    pub(super) fn pop_top(&mut self) -> Result<()> {
        self.pop_nullable()?;
        Ok(())
    }

    pub(super) fn push_null(&mut self) -> Result<()> {
        self.frame.stack.push(None);
        Ok(())
    }

    pub(super) fn copy(&mut self, distance: u32) -> Result<()> {
        let value = self.peek(distance)?;
        self.push(value);
        Ok(())
    }

    pub(super) fn swap(&mut self, distance: u32) -> Result<()> {
        let top = self.frame.stack.len().checked_sub(1);
        let other = self.frame.stack.len().checked_sub(distance as usize);
        let (Some(top), Some(other)) = (top, other) else { return Err(BuildError::Malformed("stack too shallow".into())) };
        self.frame.stack.swap(top, other);
        Ok(())
    }

    pub(super) fn load_const(&mut self, index: u32) -> Result<()> {
        let object = *self.code().consts.get(index as usize).ok_or_else(|| BuildError::Malformed("no such constant".into()))?;
        let value = self.const_object(object);
        self.push(value);
        Ok(())
    }

    /// A local that may be unbound; `None` if it certainly is.
    fn local(&self, slot: u32) -> Option<Value> {
        self.frame.locals[slot as usize]
    }

    /// Writes a local variable, through to the frame if it is a real one.
    pub(super) fn set_local(&mut self, slot: u32, value: Value) {
        let old = self.frame.locals[slot as usize].replace(value);
        if self.frame.inlined.is_some() {
            if let Some(old) = old {
                self.emit(Op::KeepAlive, &[old], &[], None, None);
            }
            return;
        }
        let operands: Vec<Value> = std::iter::once(value).chain(old).collect();
        self.emit(Op::SetLocal, &operands, &[Immediate::Int(i64::from(slot))], None, None);
    }

    /// Unbinds a local variable.
    fn clear_local(&mut self, slot: u32) {
        let old: Vec<Value> = self.frame.locals[slot as usize].take().into_iter().collect();
        let (op, immediates): (Op, &[Immediate]) =
            if self.frame.inlined.is_some() { (Op::KeepAlive, &[]) } else { (Op::ClearLocal, &[Immediate::Int(i64::from(slot))]) };
        self.emit(op, &old, immediates, None, None);
    }

    pub(super) fn load_fast(&mut self, slot: u32) -> Result<()> {
        // CPython's compiler uses LOAD_FAST only where the local is bound (flowgraph.c, add_checks_for_loads_of_uninitialized_variables).
        self.load_fast_check(slot)
    }

    pub(super) fn load_fast_check(&mut self, slot: u32) -> Result<()> {
        let Some(value) = self.local(slot) else {
            // The interpreter raises UnboundLocalError.
            return self.exit(Reason::Missing);
        };
        let value = self.guard_not_null(value, Reason::Missing);
        self.frame.locals[slot as usize] = Some(value);
        self.push(value);
        Ok(())
    }

    pub(super) fn load_fast_and_clear(&mut self, slot: u32) -> Result<()> {
        let value = self.local(slot);
        self.frame.stack.push(value);
        if value.is_some() {
            self.clear_local(slot);
        }
        Ok(())
    }

    pub(super) fn store_fast(&mut self, slot: u32) -> Result<()> {
        match self.pop_nullable()? {
            Some(value) => self.set_local(slot, value),
            None => self.clear_local(slot),
        }
        Ok(())
    }

    pub(super) fn delete_fast(&mut self, slot: u32) -> Result<()> {
        let Some(value) = self.local(slot) else { return self.exit(Reason::Missing) };
        self.guard_not_null(value, Reason::Missing);
        self.clear_local(slot);
        Ok(())
    }

    pub(super) fn make_cell(&mut self, slot: u32) -> Result<()> {
        let initial = self.local(slot);
        let initial = self.or_null(initial);
        let cell = self.call_helper_value(Helper::MakeCell, &[initial])?;
        self.set_local(slot, cell);
        Ok(())
    }

    pub(super) fn copy_free_vars(&mut self, count: u32) -> Result<()> {
        let function = match self.frame.inlined {
            Some(inlined) => inlined.function,
            None => self.emit_value(Op::CurrentFunction, &[], &[], Type::of(Class::Function)),
        };
        let closure = self.emit_value(Op::LoadField, &[function], &[Immediate::Field(Field::FunctionClosure)], Type::of(Class::Tuple));
        let first = u32::try_from(self.frame.locals.len()).expect("few slots") - count;
        for index in 0..count {
            let position = self.const_int(i64::from(index));
            let cell = self.emit_value(Op::TupleGet, &[closure, position], &[], Type::of(Class::Cell));
            self.set_local(first + index, cell);
        }
        Ok(())
    }

    /// The cell of a slot.
    pub(super) fn cell(&mut self, slot: u32) -> Result<Value> {
        let cell = self.local(slot).ok_or_else(|| BuildError::Malformed("no cell".into()))?;
        Ok(cell)
    }

    pub(super) fn load_deref(&mut self, slot: u32) -> Result<()> {
        let cell = self.cell(slot)?;
        let contents = self.emit_value(Op::CellGet, &[cell], &[], Type::OBJECT_OR_NULL);
        let contents = self.guard_not_null(contents, Reason::Missing);
        self.push(contents);
        Ok(())
    }

    pub(super) fn store_deref(&mut self, slot: u32) -> Result<()> {
        let cell = self.cell(slot)?;
        let value = self.pop()?;
        self.emit_value(Op::CellExchange, &[cell, value], &[], Type::OBJECT_OR_NULL);
        Ok(())
    }

    pub(super) fn delete_deref(&mut self, slot: u32) -> Result<()> {
        let cell = self.cell(slot)?;
        let contents = self.emit_value(Op::CellGet, &[cell], &[], Type::OBJECT_OR_NULL);
        self.guard_not_null(contents, Reason::Missing);
        let null = self.null();
        self.emit_value(Op::CellExchange, &[cell, null], &[], Type::OBJECT_OR_NULL);
        Ok(())
    }
}

//! Iteration and unpacking.

use super::{BuildError, Builder, Result, blocks};
use coachwhip_abi::facts::Feedback;
use coachwhip_bytecode::Op as Operation;
use coachwhip_ir::{Class, Condition, Field, Helper, Immediate, Op, Reason, Type, Value};

impl Builder<'_> {
    /// The kind of iterator that a FOR_ITER has seen, unless that guess went wrong.
    fn iterator_class(&self, index: usize) -> Option<Class> {
        let code = self.code();
        let (instruction, feedback) = code.instructions.get(index)?;
        let refuted =
            self.facts.refuted.iter().any(|refuted| refuted.code_address == code.address && refuted.offset == instruction.offset && !refuted.reached_only);
        match feedback {
            Feedback::Iterator(class @ (Class::RangeIterator | Class::ListIterator | Class::TupleIterator))
                if instruction.op == Operation::ForIter && !refuted =>
            {
                Some(*class)
            }
            _ => None,
        }
    }

    pub(super) fn get_iter(&mut self, index: usize) -> Result<()> {
        let iterable = self.pop()?;
        let iterator = self.call_helper_value(Helper::GetIter, &[iterable])?;
        self.push(iterator);
        // The loop that follows knows what it iterates over: guard it here, once, with the iterator in place.
        if let Some(class) = self.iterator_class(index + 1) {
            let snapshot = self.snapshot_at(self.bytecode.next);
            let known = self.emit_checked(Op::GuardClass, &[iterator], &[Immediate::Class(class)], Some(Type::of(class)), snapshot);
            self.pop()?;
            self.push(known.expect("it has a type"));
        }
        Ok(())
    }

    fn int_field(&mut self, object: Value, field: Field) -> Value {
        self.emit_value(Op::LoadIntField, &[object], &[Immediate::Field(field)], Type::INT)
    }

    fn store_int_field(&mut self, object: Value, field: Field, value: Value) {
        self.emit(Op::StoreIntField, &[object, value], &[Immediate::Field(field)], None, None);
    }

    /// FOR_ITER: the iterator stays on the stack and the item is pushed, or the iterator is popped and the loop is over.
    pub(super) fn for_iter(&mut self, index: usize, _target: u32, _feedback: &Feedback) -> Result<()> {
        let iterator = self.peek(1)?;
        let class = match self.known_class(iterator) {
            Some(class @ (Class::RangeIterator | Class::ListIterator | Class::TupleIterator)) => Some(class),
            _ => self.iterator_class(index),
        };
        let after = blocks::after_loop(self.code(), &self.bytecode);
        match class {
            Some(Class::RangeIterator) => self.for_range(iterator, after),
            Some(class @ (Class::ListIterator | Class::TupleIterator)) => self.for_sequence(iterator, class, after),
            _ => self.for_any(iterator, after),
        }
    }

    /// Ends the block by a branch: the rest of the loop in a new block, the end of the iteration in another, which is current afterwards.
    fn branch_at_end(&mut self, goes_on: Value) -> coachwhip_ir::Block {
        let body = self.function.add_block();
        let end = self.function.add_block();
        self.terminate(Op::Branch, &[goes_on], &[], &[(body, Vec::new()), (end, Vec::new())], None);
        self.current = Some(end);
        body
    }

    /// The iteration is over: pops the iterator and goes on behind the loop.
    fn end_iteration(&mut self, after: u32) -> Result<()> {
        let iterator = self.frame.stack.pop();
        self.jump_to_offset(after)?;
        self.frame.stack.extend(iterator);
        Ok(())
    }

    fn for_range(&mut self, iterator: Value, after: u32) -> Result<()> {
        let iterator = self.guard_class(iterator, Class::RangeIterator);
        let length = self.int_field(iterator, Field::RangeIteratorLength);
        let zero = self.const_int(0);
        let goes_on = self.emit_value(Op::IntCompare, &[length, zero], &[Immediate::Condition(Condition::Greater)], Type::BOOL);
        let body = self.branch_at_end(goes_on);
        self.end_iteration(after)?;
        self.current = Some(body);
        let start = self.int_field(iterator, Field::RangeIteratorStart);
        let step = self.int_field(iterator, Field::RangeIteratorStep);
        let next = self.emit_value(Op::IntAddWrapping, &[start, step], &[], Type::INT);
        let one = self.const_int(1);
        let rest = self.emit_value(Op::IntSubtractWrapping, &[length, one], &[], Type::INT);
        self.store_int_field(iterator, Field::RangeIteratorStart, next);
        self.store_int_field(iterator, Field::RangeIteratorLength, rest);
        let item = self.box_int(start);
        self.push(item);
        self.jump_to_offset(self.bytecode.next)
    }

    fn for_sequence(&mut self, iterator: Value, class: Class, after: u32) -> Result<()> {
        let (sequence_field, index_field, size_field, sequence_class, get) = match class {
            Class::ListIterator => (Field::ListIteratorList, Field::ListIteratorIndex, Field::ListSize, Class::List, Op::ListGet),
            _ => (Field::TupleIteratorTuple, Field::TupleIteratorIndex, Field::TupleSize, Class::Tuple, Op::TupleGet),
        };
        let iterator = self.guard_class(iterator, class);
        let nullable = Type::object(coachwhip_ir::ClassSet::of(sequence_class).union(coachwhip_ir::ClassSet::NULL));
        let sequence = self.emit_value(Op::LoadField, &[iterator], &[Immediate::Field(sequence_field)], nullable);
        // An iterator that has ended before has no sequence; the interpreter deals with it.
        let sequence = self.guard_not_null(sequence, Reason::Missing);
        let index = self.int_field(iterator, index_field);
        let size = self.int_field(sequence, size_field);
        let goes_on = self.emit_value(Op::IntCompare, &[index, size], &[Immediate::Condition(Condition::UnsignedLess)], Type::BOOL);
        let body = self.branch_at_end(goes_on);
        if class == Class::ListIterator {
            // `list_iterator.__length_hint__` looks at the index alone (FOR_ITER_LIST in Python/bytecodes.c).
            let ended = self.const_int(-1);
            self.store_int_field(iterator, index_field, ended);
        }
        let null = self.null();
        self.emit_value(Op::ExchangeField, &[iterator, null], &[Immediate::Field(sequence_field)], nullable);
        self.end_iteration(after)?;
        self.current = Some(body);
        let one = self.const_int(1);
        let next = self.emit_value(Op::IntAddWrapping, &[index, one], &[], Type::INT);
        let item = self.emit_value(get, &[sequence, index], &[], Type::OBJECT);
        self.store_int_field(iterator, index_field, next);
        self.push(item);
        self.jump_to_offset(self.bytecode.next)
    }

    fn for_any(&mut self, iterator: Value, after: u32) -> Result<()> {
        let item = self.call_helper_value(Helper::IterNext, &[iterator])?;
        let ended = self.emit_value(Op::IsNull, &[item], &[], Type::BOOL);
        let goes_on = self.bool_not(ended);
        let body = self.branch_at_end(goes_on);
        let end = self.current.expect("the end of the iteration is current");
        self.function.blocks[end.index()].cold = true;
        self.check_exception()?;
        self.end_iteration(after)?;
        self.current = Some(body);
        // The item is not NULL here, the branch has seen to it; should the guard fail on purpose, the iterator has moved on already.
        let ty = Type::object(self.ty(item).classes.without_null());
        self.push(item);
        let snapshot = self.snapshot_at(self.bytecode.next);
        let item = self.emit_checked(Op::GuardNotNull, &[item], &[Immediate::Reason(Reason::Missing)], Some(ty), snapshot).expect("it has a type");
        self.pop_nullable()?;
        self.push(item);
        let snapshot = self.snapshot_at(self.bytecode.next);
        self.emit_checked(Op::CheckFrame, &[], &[], None, snapshot);
        self.jump_to_offset(self.bytecode.next)
    }

    pub(super) fn unpack_sequence(&mut self, count: u32, feedback: &Feedback) -> Result<()> {
        let sequence = self.peek(1)?;
        let class = match (self.known_class(sequence), feedback) {
            (Some(class @ (Class::Tuple | Class::List)), _) => Some(class),
            (_, Feedback::Unpack(class)) if !self.is_refuted() => Some(*class),
            _ => None,
        };
        let (items, get) = match class {
            Some(class @ (Class::Tuple | Class::List)) if !self.is_refuted() => {
                let (field, get) = if class == Class::Tuple { (Field::TupleSize, Op::TupleGet) } else { (Field::ListSize, Op::ListGet) };
                let items = self.guard_class(sequence, class);
                let size = self.int_field(items, field);
                let expected = self.const_int(i64::from(count));
                let fits = self.emit_value(Op::IntCompare, &[size, expected], &[Immediate::Condition(Condition::Equal)], Type::BOOL);
                self.guard_true(fits, Reason::Length);
                self.pop()?;
                (items, get)
            }
            _ => {
                self.pop()?;
                let count = self.const_int(i64::from(count));
                (self.call_helper_value(Helper::UnpackSequence, &[sequence, count])?, Op::TupleGet)
            }
        };
        self.push_items(items, get, count);
        Ok(())
    }

    /// Pushes the items of a sequence, the first one on top.
    pub(super) fn push_items(&mut self, sequence: Value, get: Op, count: u32) {
        for index in (0..count).rev() {
            let index = self.const_int(i64::from(index));
            let item = self.emit_value(get, &[sequence, index], &[], Type::OBJECT);
            self.push(item);
        }
    }

    /// UNPACK_EX: the low byte is the count before the star, the rest the count after it.
    pub(super) fn unpack_ex(&mut self, argument: u32) -> Result<()> {
        let sequence = self.pop()?;
        let (before, after) = (argument & 0xFF, argument >> 8);
        let total = before.checked_add(after).and_then(|sum| sum.checked_add(1)).ok_or_else(|| BuildError::Malformed("UNPACK_EX".into()))?;
        let (before, after) = (self.const_int(i64::from(before)), self.const_int(i64::from(after)));
        let items = self.call_helper_value(Helper::UnpackEx, &[sequence, before, after])?;
        self.push_items(items, Op::TupleGet, total);
        Ok(())
    }
}

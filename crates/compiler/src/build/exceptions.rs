//! Exceptions, `with`, and pattern matching.

use super::{BuildError, Builder, Result, blocks};
use coachwhip_bytecode::ExceptionTableEntry;
use coachwhip_ir::{Helper, Op, Type, Value};

impl Builder<'_> {
    /// Whether handlers are compiled; otherwise a raise inside a `try` goes on in the interpreter's handler.
    pub(super) fn handlers_compiled(&self) -> bool {
        self.frame.inlined.is_none()
    }

    /// The exception table entry that protects an offset.
    pub(super) fn handler_of(&self, offset: u32) -> Option<ExceptionTableEntry> {
        blocks::handler_entry(self.code(), offset).copied()
    }

    /// After a caught instruction: ends the block by a branch on its outcome; the raise goes to the handler's block, the rest of the bytecode to a new one.
    pub(super) fn catch_raise(&mut self, outcome: Value) -> Result<()> {
        let Some(entry) = self.handler_of(self.bytecode.offset) else { return Ok(()) };
        let success = self.function.add_block();
        let raised = self.function.add_block();
        self.function.blocks[raised.index()].cold = true;
        self.terminate(Op::BranchRaised, &[outcome], &[], &[(success, Vec::new()), (raised, Vec::new())], None);
        self.current = Some(raised);
        let stack = self.frame.stack.clone();
        let snapshot = self.snapshot_during();
        let exception = self.emit_checked(Op::Catch, &[], &[], Some(Type::OBJECT), snapshot).expect("it has a type");
        self.go_to_handler(entry, exception)?;
        self.frame.stack = stack;
        self.current = Some(success);
        Ok(())
    }

    fn go_to_handler(&mut self, entry: ExceptionTableEntry, exception: Value) -> Result<()> {
        if self.frame.stack.len() < entry.depth as usize {
            return Err(BuildError::Malformed("the stack is less deep than the handler expects".into()));
        }
        self.frame.stack.truncate(entry.depth as usize);
        if entry.push_lasti {
            let offset = self.const_int(i64::from(self.bytecode.opcode_offset));
            let lasti = self.box_int(offset);
            self.push(lasti);
        }
        self.push(exception);
        // Locals that were handed out, or a tracer that the call switched on before it raised: the handler is the interpreter's.
        let snapshot = self.snapshot_at(entry.target);
        self.emit_checked(Op::CheckFrame, &[], &[], None, snapshot);
        self.jump_to_offset(entry.target)
    }

    /// At the end of an iteration: an exception may be set.
    pub(super) fn check_exception(&mut self) -> Result<()> {
        self.raising_instruction(Op::CheckException, &[], &[], Some(Type::INT), true, false)?;
        Ok(())
    }

    /// An instruction that always raises: control never goes on behind it.
    fn never_returns(&mut self) {
        if self.current.is_some() {
            self.terminate(Op::Unreachable, &[], &[], &[], None);
        }
    }

    pub(super) fn raise_varargs(&mut self, count: u32) -> Result<()> {
        let cause = if count > 1 { Some(self.pop()?) } else { None };
        let exception = if count > 0 { Some(self.pop()?) } else { None };
        let (exception, cause) = (self.or_null(exception), self.or_null(cause));
        self.call_helper(Helper::Raise, &[exception, cause])?;
        self.never_returns();
        Ok(())
    }

    /// RERAISE: with an argument, the offset to report lies that deep below the exception.
    pub(super) fn reraise(&mut self, argument: u32) -> Result<()> {
        let exception = self.pop()?;
        let lasti = if argument > 0 { Some(self.peek(argument)?) } else { None };
        let lasti = self.or_null(lasti);
        self.call_helper(Helper::Reraise, &[exception, lasti])?;
        self.never_returns();
        Ok(())
    }

    pub(super) fn push_exc_info(&mut self) -> Result<()> {
        let exception = self.pop()?;
        let previous = self.call_helper_value(Helper::PushExcInfo, &[exception])?;
        self.push(previous);
        self.push(exception);
        Ok(())
    }

    pub(super) fn pop_except(&mut self) -> Result<()> {
        let previous = self.pop()?;
        self.call_helper(Helper::PopExcept, &[previous])?;
        Ok(())
    }

    /// Pushes a bool.
    fn push_bool(&mut self, test: Value) {
        let boxed = self.box_bool(test);
        self.push(boxed);
    }

    pub(super) fn check_exc_match(&mut self) -> Result<()> {
        let class = self.pop()?;
        let exception = self.peek(1)?;
        let test = self.call_helper_value(Helper::CheckExcMatch, &[exception, class])?;
        self.push_bool(test);
        Ok(())
    }

    pub(super) fn check_eg_match(&mut self) -> Result<()> {
        let operands = self.pop_many(2)?;
        let pair = self.call_helper_value(Helper::CheckEgMatch, &operands)?;
        self.push_pair(pair);
        Ok(())
    }

    /// Pushes both items of a pair, the second one on top.
    fn push_pair(&mut self, pair: Value) {
        for index in 0..2 {
            let index = self.const_int(index);
            let item = self.emit_value(Op::TupleGet, &[pair, index], &[], Type::OBJECT);
            self.push(item);
        }
    }

    pub(super) fn before_with(&mut self) -> Result<()> {
        let manager = self.pop()?;
        let pair = self.call_helper_value(Helper::BeforeWith, &[manager])?;
        self.push_pair(pair);
        Ok(())
    }

    /// WITH_EXCEPT_START: the stack is [exit, lasti, previous, exception] (Python/bytecodes.c).
    pub(super) fn with_except_start(&mut self) -> Result<()> {
        let exception = self.peek(1)?;
        let exit = self.peek(4)?;
        let result = self.call_helper_value(Helper::WithExceptStart, &[exit, exception])?;
        self.push(result);
        Ok(())
    }

    pub(super) fn get_len(&mut self) -> Result<()> {
        let subject = self.peek(1)?;
        let length = self.call_helper_value(Helper::GetLen, &[subject])?;
        self.push(length);
        Ok(())
    }

    pub(super) fn match_flags(&mut self, flags: i64) -> Result<()> {
        let subject = self.peek(1)?;
        let flags = self.const_int(flags);
        let test = self.call_helper_value(Helper::MatchFlags, &[subject, flags])?;
        self.push_bool(test);
        Ok(())
    }

    pub(super) fn match_keys(&mut self) -> Result<()> {
        let (keys, subject) = (self.peek(1)?, self.peek(2)?);
        let values = self.call_helper_value(Helper::MatchKeys, &[subject, keys])?;
        self.push(values);
        Ok(())
    }

    pub(super) fn match_class(&mut self, count: u32) -> Result<()> {
        let operands = self.pop_many(3)?;
        let [subject, class, names] = operands[..] else { unreachable!("three operands were popped") };
        let count = self.const_int(i64::from(count));
        let attributes = self.call_helper_value(Helper::MatchClass, &[subject, class, names, count])?;
        self.push(attributes);
        Ok(())
    }
}

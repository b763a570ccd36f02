//! Jumps, returns and exits.

use super::{Builder, Result};
use coachwhip_abi::facts::Feedback;
use coachwhip_ir::{Class, EntryKind, Immediate, Op, Reason, Type, Value};

impl Builder<'_> {
    /// Ends the block with an exit to the state before the current bytecode instruction.
    pub(super) fn exit(&mut self, reason: Reason) -> Result<()> {
        let snapshot = self.snapshot_before();
        self.terminate(Op::Exit, &[], &[Immediate::Reason(reason)], &[], Some(snapshot));
        Ok(())
    }

    /// Ends the block with a branch: to the offset if the test has the given outcome, else to the next instruction.
    fn branch(&mut self, test: Value, jump_if: bool, target: u32) -> Result<()> {
        let taken = self.edge_to(target)?;
        let next = self.edge_to(self.bytecode.next)?;
        let targets = if jump_if { [taken, next] } else { [next, taken] };
        self.terminate(Op::Branch, &[test], &[], &targets, None);
        Ok(())
    }

    pub(super) fn pop_jump_if(&mut self, target: u32, jump_if: bool, _feedback: &Feedback) -> Result<()> {
        let value = self.peek(1)?;
        let test = self.unbox_bool(value);
        self.pop()?;
        self.branch(test, jump_if, target)
    }

    pub(super) fn pop_jump_if_none(&mut self, target: u32, jump_if: bool, _feedback: &Feedback) -> Result<()> {
        let value = self.peek(1)?;
        let test = match self.ty(value).classes.single() {
            Some(Class::NoneType) => self.emit_value(Op::ConstBool, &[], &[Immediate::Int(1)], Type::BOOL),
            Some(class) if class != Class::Other => self.emit_value(Op::ConstBool, &[], &[Immediate::Int(0)], Type::BOOL),
            _ => self.emit_value(Op::IsClass, &[value], &[Immediate::Class(Class::NoneType)], Type::BOOL),
        };
        self.pop()?;
        self.branch(test, jump_if, target)
    }

    /// A back-edge: signals, GIL requests and tracing are looked at, as the interpreter does in JUMP_BACKWARD.
    pub(super) fn jump_backward(&mut self, target: u32, checks: bool) -> Result<()> {
        if checks {
            if self.frame.inlined.is_some() {
                return Err(super::BuildError::Unsupported("a loop in an inlined function".into()));
            }
            let snapshot = self.snapshot_before();
            self.emit_checked(Op::CheckEvalBreaker, &[], &[], None, snapshot);
        }
        self.jump_to_offset(target)
    }

    pub(super) fn return_value(&mut self) -> Result<()> {
        if let Some(inlined) = self.frame.inlined {
            let value = self.pop()?;
            let locals: Vec<Value> = self.frame.locals.iter().copied().flatten().collect();
            self.emit(Op::KeepAlive, &locals, &[], None, None);
            let result = self.function.blocks[inlined.continuation.index()].parameters[0];
            let (old, new) = (self.ty(result), self.ty(value));
            self.function.values[result.index()].ty = if old.classes.is_empty() { new } else { old.join(new) };
            self.terminate(Op::Jump, &[], &[], &[(inlined.continuation, vec![value])], None);
            return Ok(());
        }
        match self.function.entry_kind {
            // The interpreter returns: it waits in the callback that entered the loop.
            EntryKind::Loop { .. } => self.exit(Reason::LoopReturn),
            EntryKind::Call { .. } => {
                let value = self.pop()?;
                let snapshot = self.snapshot_during();
                self.terminate(Op::Return, &[value], &[], &[], Some(snapshot));
                Ok(())
            }
        }
    }
}

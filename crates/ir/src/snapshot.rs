//! Descriptions of the interpreter's state at one bytecode.

use crate::entity::{CodeRef, SnapshotId, Value};

/// The interpreter's state in one frame; inlined callees name their caller's snapshot.
#[derive(Clone, PartialEq, Debug)]
pub struct Snapshot {
    /// The state of the caller's frame, if this one is inlined: its offset is that of the CALL, its stack is without the call's operands.
    pub parent: Option<SnapshotId>,
    /// The code whose frame it is.
    pub code: CodeRef,
    /// Where the interpreter goes on, or which bytecode raises: in code units from the first.
    pub offset: u32,
    /// One entry for each slot of `localsplus` before the stack; `None` for an empty slot.
    pub locals: Vec<Option<Value>>,
    /// The evaluation stack from its bottom; `None` for a NULL.
    pub stack: Vec<Option<Value>>,
    /// The function object of an inlined frame; `None` for the outermost.
    pub function: Option<Value>,
    /// Of a caller: the callee is an `__init__` that a call of its class enters. The instance is on top of this stack, and what the callee returns is
    /// dropped (it must be None).
    pub constructs: bool,
}

impl Snapshot {
    /// The values it names, in order.
    pub fn values(&self) -> impl Iterator<Item = Value> + '_ {
        self.locals.iter().chain(&self.stack).copied().flatten().chain(self.function)
    }

    /// The values it names, for replacing.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        self.locals.iter_mut().chain(&mut self.stack).flatten().chain(self.function.as_mut())
    }
}

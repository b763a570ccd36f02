//! The abstract state of a frame: which value each local and each stack slot holds.

use super::blocks::Head;
use coachwhip_abi::facts::Facts;
use coachwhip_ir::{Block, CodeRef, SnapshotId, Value};
use std::collections::BTreeMap;

/// A frame whose bytecode is being interpreted.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// Its code.
    pub code: CodeRef,
    /// The value of each slot of `localsplus` before the stack; `None` where it is known to be empty.
    pub locals: Vec<Option<Value>>,
    /// The evaluation stack; `None` for NULL.
    pub stack: Vec<Option<Value>>,
    /// Blocks of the IR that have been jumped to, by the offset of their first bytecode.
    pub blocks: BTreeMap<u32, BlockEntry>,
    /// What is known of the bytecode's blocks.
    pub plans: BTreeMap<u32, Head>,
    /// For an inlined frame: its caller's snapshot, its function, and where returns go.
    pub inlined: Option<Inlined>,
}

/// What an inlined frame knows of its caller.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inlined {
    /// The caller's state at the call.
    pub parent: SnapshotId,
    /// The function object.
    pub function: Value,
    /// The caller's block that takes the returned value as its parameter.
    pub continuation: Block,
    /// The offset of the call in the outermost frame.
    pub outermost_offset: u32,
    /// How many frames there are above.
    pub depth: u32,
}

/// A block of the IR and the state at its start.
#[derive(Clone, Debug)]
pub(super) struct BlockEntry {
    pub block: Block,
    pub locals: Vec<Option<Value>>,
    pub stack: Vec<Option<Value>>,
    /// Whether its instructions have been made.
    pub is_built: bool,
}

impl Frame {
    pub(super) fn new(facts: &Facts, code: CodeRef) -> Frame {
        Frame {
            code,
            locals: vec![None; facts.codes[code.index()].slots.len()],
            stack: Vec::new(),
            blocks: BTreeMap::new(),
            plans: BTreeMap::new(),
            inlined: None,
        }
    }
}

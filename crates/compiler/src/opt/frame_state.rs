//! What the frame looks like where a reference is given back.
//!
//! A destructor can look at the frames below it, so a `decrement` that can run one carries a snapshot, though it never leaves by it: code generation takes from it the
//! bytecode and where unboxed locals live. The state is that of the last snapshot before, with the `set_local` and `clear_local` since then.

use coachwhip_ir::{Block, CodeRef, ControlFlow, Definition, Dominators, Function, Immediate, Instruction, InstructionId, Op, Snapshot, SnapshotId, Value};

/// The frame at one point.
#[derive(Clone, Debug, Default)]
pub(super) struct FrameState {
    base: Option<SnapshotId>,
    /// Locals of the outermost frame that changed since.
    changes: Vec<(u32, Option<Value>)>,
    /// Whether the base is a snapshot further down: what the block itself defines is not there yet.
    ahead: bool,
}

impl FrameState {
    /// Goes past an instruction.
    pub(super) fn pass(&mut self, function: &Function, instruction: &Instruction) {
        if let Some(snapshot) = instruction.snapshot {
            self.base = Some(outermost(function, snapshot));
            self.changes.clear();
            self.ahead = false;
        }
        let slot = match instruction.immediates.first() {
            Some(&Immediate::Int(slot)) => u32::try_from(slot).unwrap_or(u32::MAX),
            _ => return,
        };
        match instruction.op {
            Op::SetLocal => self.changes.push((slot, Some(instruction.operands[0]))),
            Op::ClearLocal => self.changes.push((slot, None)),
            _ => {}
        }
    }
}

/// The frame that others can see: inlined frames are not in the thread's chain.
fn outermost(function: &Function, snapshot: SnapshotId) -> SnapshotId {
    function.snapshot_chain(snapshot).last().unwrap_or(snapshot)
}

/// The states at the ends of blocks, and the snapshots made so far.
pub(super) struct FrameStates {
    dominators: Dominators,
    /// The block that defines each value.
    defined_in: Vec<Option<Block>>,
    ends: Vec<Option<FrameState>>,
    /// The last snapshot made: where, from what, and at which bytecode.
    last: Option<(Block, SnapshotId, usize, u32, SnapshotId)>,
    empty: Option<SnapshotId>,
}

impl FrameStates {
    pub(super) fn new(function: &Function, dominators: Dominators) -> FrameStates {
        let blocks = function.instruction_blocks();
        let defined_in = function
            .values
            .iter()
            .map(|value| match value.definition {
                Definition::Result(id) => blocks[id.index()],
                Definition::Parameter(block, _) => Some(block),
            })
            .collect();
        FrameStates { dominators, defined_in, ends: vec![None; function.blocks.len()], last: None, empty: None }
    }

    /// Whether a value is defined in a block that is strictly above another one in the dominator tree.
    pub(super) fn is_above(&self, value: Value, block: Block) -> bool {
        self.defined_in[value.index()].is_some_and(|from| from != block && self.dominators.dominates(from, block))
    }

    pub(super) fn set_end(&mut self, block: Block, state: FrameState) {
        self.ends[block.index()] = Some(state);
    }

    /// A frame of which nothing is known, for functions that give something back before anything can happen.
    fn empty(&mut self, function: &mut Function) -> SnapshotId {
        *self.empty.get_or_insert_with(|| {
            let slots = function.snapshots.iter().filter(|snapshot| snapshot.parent.is_none()).map(|snapshot| snapshot.locals.len()).max();
            let locals = vec![None; slots.unwrap_or(0)];
            function.add_snapshot(Snapshot { parent: None, code: CodeRef(0), offset: 0, locals, stack: Vec::new(), function: None, constructs: false })
        })
    }

    /// The state at the start of a block: that of a predecessor, but for the locals that parameters stand for. In reverse postorder one predecessor is known.
    pub(super) fn at_start(&self, function: &Function, block: Block, flow: &ControlFlow, instructions: &[InstructionId]) -> FrameState {
        if let Some(entry) = function.block(block).entry_snapshot {
            return FrameState { base: Some(outermost(function, entry)), ..FrameState::default() };
        }
        let before = flow.predecessors(block).iter().find_map(|edge| self.ends[edge.from.index()].clone());
        let mut state = before.unwrap_or_default();
        if state.base.is_none() {
            state.base = instructions.iter().find_map(|&id| function.instruction(id).snapshot).map(|snapshot| outermost(function, snapshot));
            state.ahead = true;
        }
        for &parameter in &function.block(block).parameters {
            if let Some(slot) = function.values[parameter.index()].local {
                state.changes.push((slot, Some(parameter)));
            }
        }
        state
    }

    /// A snapshot of a state.
    pub(super) fn snapshot(&mut self, function: &mut Function, block: Block, state: &FrameState, offset: u32) -> Option<SnapshotId> {
        let base = match state.base {
            Some(base) => base,
            None => self.empty(function),
        };
        if let Some((last_block, last_base, changes, last_offset, made)) = self.last
            && (last_block, last_base, changes, last_offset) == (block, base, state.changes.len(), offset)
        {
            return Some(made);
        }
        let mut snapshot = function.snapshots[base.index()].clone();
        for &(slot, value) in &state.changes {
            if let Some(local) = snapshot.locals.get_mut(slot as usize) {
                *local = value;
            }
        }
        // The stack cannot be seen from outside.
        snapshot.stack.clear();
        snapshot.constructs = false;
        snapshot.offset = offset;
        for local in &mut snapshot.locals {
            let from = local.and_then(|value| self.defined_in[value.index()]);
            if !from.is_some_and(|from| self.dominators.dominates(from, block) && !(state.ahead && from == block)) {
                *local = None;
            }
        }
        let made = function.add_snapshot(snapshot);
        self.last = Some((block, base, state.changes.len(), offset, made));
        Some(made)
    }
}

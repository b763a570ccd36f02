//! Which values are alive between blocks. Snapshots use what they and their callers' snapshots name: a value that only an exit needs is alive until there.
//! The entry snapshots of loops are no uses: no code stands for them until a pass names them in a guard.

use crate::bitset::EntitySet;
use crate::dominators::ControlFlow;
use crate::entity::{Block, InstructionId, SnapshotId, Value};
use crate::function::{Function, Instruction};

/// What is tracked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flavour {
    /// The values as they are.
    Values,
    /// The references behind them: object values only, each as the value that it stems from ([`Function::root`]).
    Roots,
}

impl Flavour {
    /// What a value counts as; none if it is not tracked.
    #[must_use]
    #[inline]
    pub fn track(self, function: &Function, value: Value) -> Option<Value> {
        match self {
            Flavour::Values => Some(value),
            Flavour::Roots => function.ty(value).is_object().then(|| function.root(value)),
        }
    }
}

/// The values that a snapshot and its callers' snapshots name.
pub fn snapshot_values(function: &Function, snapshot: SnapshotId) -> impl Iterator<Item = Value> + '_ {
    function.snapshot_chain(snapshot).flat_map(|id| function.snapshots[id.index()].values())
}

/// All values that an instruction uses: operands, arguments of its targets, its snapshots, the references it owns when it leaves.
#[inline]
pub fn uses<'a>(function: &'a Function, instruction: &'a Instruction) -> impl Iterator<Item = Value> + 'a {
    instruction
        .operands
        .iter()
        .chain(instruction.targets.iter().flat_map(|target| &target.arguments))
        .chain(&instruction.owned)
        .copied()
        .chain(instruction.snapshot.into_iter().flat_map(|snapshot| snapshot_values(function, snapshot)))
}

/// Live values at the start and the end of each block.
#[derive(Clone, Debug)]
pub struct Liveness {
    flavour: Flavour,
    live_in: Vec<EntitySet<Value>>,
    live_out: Vec<EntitySet<Value>>,
}

impl Liveness {
    /// Of a function. Unreachable blocks have nothing alive.
    #[must_use]
    pub fn new(function: &Function, flow: &ControlFlow, flavour: Flavour) -> Liveness {
        let empty = || EntitySet::with_capacity(function.values.len());
        let mut live_in: Vec<_> = function.blocks.iter().map(|_| empty()).collect();
        let mut live_out: Vec<_> = function.blocks.iter().map(|_| empty()).collect();
        let mut defined = live_in.clone();
        for &block in &flow.reverse_postorder {
            let data = &function.blocks[block.index()];
            let (used, defined) = (&mut live_in[block.index()], &mut defined[block.index()]);
            for &value in &data.parameters {
                defined.insert(value);
            }
            for &id in &data.instructions {
                let instruction = function.instruction(id);
                for value in uses(function, instruction).filter_map(|value| flavour.track(function, value)) {
                    if !defined.contains(value) {
                        used.insert(value);
                    }
                }
                if let Some(result) = instruction.result {
                    defined.insert(result);
                }
            }
        }
        // Backwards until nothing changes; the sets only grow.
        let mut pending = vec![true; function.blocks.len()];
        let mut changed = true;
        while changed {
            changed = false;
            for &block in flow.reverse_postorder.iter().rev() {
                if !std::mem::take(&mut pending[block.index()]) {
                    continue;
                }
                for target in function.successors(block) {
                    live_out[block.index()].extend_from(&live_in[target.block.index()]);
                }
                let mut grown = false;
                for value in live_out[block.index()].iter() {
                    if !defined[block.index()].contains(value) {
                        grown |= live_in[block.index()].insert(value);
                    }
                }
                if grown {
                    changed = true;
                    for edge in flow.predecessors(block) {
                        pending[edge.from.index()] = true;
                    }
                }
            }
        }
        Liveness { flavour, live_in, live_out }
    }

    /// Alive at the start of a block, its parameters not counted.
    #[must_use]
    #[inline]
    pub fn live_in(&self, block: Block) -> &EntitySet<Value> {
        &self.live_in[block.index()]
    }

    /// Alive after a block's end; the arguments of its targets are not, unless the successor uses them by name.
    #[must_use]
    #[inline]
    pub fn live_out(&self, block: Block) -> &EntitySet<Value> {
        &self.live_out[block.index()]
    }

    /// Walks a block backwards: `visit` gets each instruction with its position and what is alive right **after** it.
    #[inline]
    pub fn walk_backwards(&self, function: &Function, block: Block, mut visit: impl FnMut(usize, InstructionId, &EntitySet<Value>)) {
        let mut alive = self.live_out(block).clone();
        for (position, &id) in function.blocks[block.index()].instructions.iter().enumerate().rev() {
            visit(position, id, &alive);
            let instruction = function.instruction(id);
            if let Some(result) = instruction.result {
                alive.remove(result);
            }
            for value in uses(function, instruction).filter_map(|value| self.flavour.track(function, value)) {
                alive.insert(value);
            }
        }
    }
}

//! Helpers with which passes change a function. They keep definitions, snapshots and block arguments consistent; entities keep their numbers
//! unless a function says otherwise.

use crate::dominators::{ControlFlow, Edge};
use crate::entity::{Block, InstructionId, SnapshotId, Value};
use crate::function::{BlockData, Definition, Function, Immediate, Instruction, Target};
use crate::instructions::Op;
use crate::loops::Loop;
use crate::types::Type;
use smallvec::SmallVec;

impl Target {
    /// A target with arguments.
    #[must_use]
    pub fn new(block: Block, arguments: &[Value]) -> Target {
        Target { block, arguments: arguments.to_vec() }
    }
}

impl Instruction {
    /// An instruction with operands and nothing else yet.
    #[must_use]
    pub fn new(op: Op, operands: &[Value]) -> Instruction {
        Instruction {
            op,
            operands: SmallVec::from_slice(operands),
            immediates: SmallVec::new(),
            targets: SmallVec::new(),
            snapshot: None,
            result: None,
            caught: false,
            owned: Vec::new(),
            offset: 0,
        }
    }

    /// With one more immediate.
    #[must_use]
    pub fn with_immediate(mut self, immediate: Immediate) -> Instruction {
        self.immediates.push(immediate);
        self
    }

    /// With one more target.
    #[must_use]
    pub fn with_target(mut self, block: Block, arguments: &[Value]) -> Instruction {
        self.targets.push(Target::new(block, arguments));
        self
    }

    /// With a snapshot.
    #[must_use]
    pub fn with_snapshot(mut self, snapshot: SnapshotId) -> Instruction {
        self.snapshot = Some(snapshot);
        self
    }

    /// Of the bytecode at an offset.
    #[must_use]
    pub fn at(mut self, offset: u32) -> Instruction {
        self.offset = offset;
        self
    }
}

impl Function {
    /// Changes an instruction.
    pub fn instruction_mut(&mut self, id: InstructionId) -> &mut Instruction {
        &mut self.instructions[id.index()]
    }

    /// A block.
    #[must_use]
    pub fn block(&self, block: Block) -> &BlockData {
        &self.blocks[block.index()]
    }

    /// Changes a block.
    pub fn block_mut(&mut self, block: Block) -> &mut BlockData {
        &mut self.blocks[block.index()]
    }

    /// Adds an instruction at the end of a block; its result, if it has a type.
    pub fn append(&mut self, block: Block, instruction: Instruction, ty: Option<Type>) -> Option<Value> {
        let position = self.block(block).instructions.len();
        let id = self.insert(block, position, instruction, ty);
        self.instruction(id).result
    }

    /// Adds an instruction at a position of a block: before the one that is there now.
    pub fn insert(&mut self, block: Block, position: usize, instruction: Instruction, ty: Option<Type>) -> InstructionId {
        let id = self.add_instruction(instruction, ty);
        self.block_mut(block).instructions.insert(position, id);
        id
    }

    /// Adds an instruction before another one of the block.
    ///
    /// # Panics
    /// If `other` is not in the block.
    pub fn insert_before(&mut self, block: Block, other: InstructionId, instruction: Instruction, ty: Option<Type>) -> InstructionId {
        let position = self.position_of(block, other).expect("the other instruction is in the block");
        self.insert(block, position, instruction, ty)
    }

    /// Adds an instruction after another one of the block.
    ///
    /// # Panics
    /// If `other` is not in the block.
    pub fn insert_after(&mut self, block: Block, other: InstructionId, instruction: Instruction, ty: Option<Type>) -> InstructionId {
        let position = self.position_of(block, other).expect("the other instruction is in the block");
        self.insert(block, position + 1, instruction, ty)
    }

    /// Where in a block an instruction is.
    #[must_use]
    pub fn position_of(&self, block: Block, id: InstructionId) -> Option<usize> {
        self.block(block).instructions.iter().position(|&other| other == id)
    }

    /// Takes an instruction out of its block. Its result must not be used any more.
    pub fn remove_instruction(&mut self, block: Block, id: InstructionId) {
        self.block_mut(block).instructions.retain(|&other| other != id);
    }

    /// The block of each instruction; none for those in no block.
    #[must_use]
    pub fn instruction_blocks(&self) -> Vec<Option<Block>> {
        let mut blocks = vec![None; self.instructions.len()];
        for block in self.block_ids() {
            for id in &self.block(block).instructions {
                blocks[id.index()] = Some(block);
            }
        }
        blocks
    }

    /// How often each value is used by instructions in blocks (operands, targets, owned lists) and by the snapshots that are in use.
    #[must_use]
    pub fn use_counts(&self) -> Vec<u32> {
        let mut counts = vec![0; self.values.len()];
        for block in &self.blocks {
            for &id in &block.instructions {
                let instruction = self.instruction(id);
                let arguments = instruction.targets.iter().flat_map(|target| &target.arguments);
                for value in instruction.operands.iter().chain(arguments).chain(&instruction.owned) {
                    counts[value.index()] += 1;
                }
            }
        }
        for (snapshot, used) in self.snapshots.iter().zip(self.used_snapshots()) {
            for value in snapshot.values().filter(|_| used) {
                counts[value.index()] += 1;
            }
        }
        counts
    }

    /// Changes every use of a value: operands, arguments of targets, owned lists, snapshots.
    pub fn map_uses(&mut self, mut map: impl FnMut(Value) -> Value) {
        for instruction in &mut self.instructions {
            let arguments = instruction.targets.iter_mut().flat_map(|target| &mut target.arguments);
            for value in instruction.operands.iter_mut().chain(arguments).chain(&mut instruction.owned) {
                *value = map(*value);
            }
        }
        for snapshot in &mut self.snapshots {
            for value in snapshot.values_mut() {
                *value = map(*value);
            }
        }
    }

    /// Uses `to` wherever `from` was used. For many values at once see [`Substitution`].
    pub fn replace_uses(&mut self, from: Value, to: Value) {
        self.map_uses(|value| if value == from { to } else { value });
    }

    /// Puts another block in place of one in the targets of a block's end; arguments stay.
    pub fn redirect(&mut self, from: Block, old: Block, new: Block) {
        if let Some(&last) = self.block(from).instructions.last() {
            for target in &mut self.instruction_mut(last).targets {
                if target.block == old {
                    target.block = new;
                }
            }
        }
    }

    /// The target behind an edge.
    ///
    /// # Panics
    /// If there is no such edge.
    pub fn target_mut(&mut self, edge: Edge) -> &mut Target {
        let last = *self.block(edge.from).instructions.last().expect("the block has an end");
        &mut self.instruction_mut(last).targets[edge.target]
    }

    /// Puts a new block on an edge, which takes over the edge's arguments and ends with a jump; it is cold if either side is.
    pub fn split_edge(&mut self, edge: Edge) -> Block {
        let middle = self.add_block();
        let old = std::mem::replace(self.target_mut(edge), Target::new(middle, &[]));
        self.block_mut(middle).cold = self.block(edge.from).cold || self.block(old.block).cold;
        let last = *self.block(edge.from).instructions.last().expect("the block has an end");
        let mut jump = Instruction::new(Op::Jump, &[]).at(self.instruction(last).offset);
        jump.targets.push(old);
        self.append(middle, jump, None);
        middle
    }

    /// The block before a loop that goes nowhere else; makes one if need be. Several entries are merged: the new block gets parameters like the head's.
    pub fn make_preheader(&mut self, looped: &Loop, flow: &ControlFlow) -> Block {
        if let Some(block) = looped.preheader(self, flow) {
            return block;
        }
        let entries = looped.entries(flow);
        if let [edge] = entries[..] {
            return self.split_edge(edge);
        }
        let preheader = self.add_block();
        let parameters = self.block(looped.header).parameters.clone();
        let mut arguments = Vec::new();
        for value in parameters {
            let data = self.values[value.index()];
            arguments.push(self.add_parameter(preheader, data.ty, data.local));
        }
        let jump = Instruction::new(Op::Jump, &[]).with_target(looped.header, &arguments);
        self.append(preheader, jump, None);
        for edge in entries {
            self.target_mut(edge).block = preheader;
        }
        preheader
    }

    /// Splits a block before a position: the rest goes to a new block without parameters, to which nothing leads yet. The first half has no end.
    pub fn split_block(&mut self, block: Block, position: usize) -> Block {
        let rest = self.block_mut(block).instructions.split_off(position);
        let new = self.add_block();
        self.block_mut(new).instructions = rest;
        self.block_mut(new).cold = self.block(block).cold;
        new
    }

    /// Takes a parameter off a block, and the arguments for it off all targets. It must not be used any more.
    pub fn remove_parameter(&mut self, block: Block, position: usize) {
        self.block_mut(block).parameters.remove(position);
        self.number_parameters(block);
        for target in self.targets_to(block) {
            // Instructions in no block may have fewer.
            if position < target.arguments.len() {
                target.arguments.remove(position);
            }
        }
    }

    /// Adds a parameter to a block, with an argument for it on each edge from a block in use (unreachable ones included).
    pub fn add_parameter_with(&mut self, block: Block, ty: Type, local: Option<u32>, mut argument: impl FnMut(Block) -> Value) -> Value {
        let value = self.add_parameter(block, ty, local);
        for from in self.block_ids() {
            if let Some(&last) = self.block(from).instructions.last() {
                for target in &mut self.instructions[last.index()].targets {
                    if target.block == block {
                        target.arguments.push(argument(from));
                    }
                }
            }
        }
        value
    }

    /// All targets that lead to a block.
    fn targets_to(&mut self, block: Block) -> impl Iterator<Item = &mut Target> {
        self.instructions.iter_mut().flat_map(|instruction| &mut instruction.targets).filter(move |target| target.block == block)
    }

    fn number_parameters(&mut self, block: Block) {
        for (position, value) in (0u32..).zip(&self.blocks[block.index()].parameters) {
            self.values[value.index()].definition = Definition::Parameter(block, position);
        }
    }

    /// Takes out the blocks that the entry does not lead to; **renumbers** the others, keeping their order. Whether there were any.
    pub fn remove_unreachable_blocks(&mut self) -> bool {
        let flow = ControlFlow::new(self);
        let reachable: Vec<bool> = self.block_ids().map(|block| flow.is_reachable(block)).collect();
        if reachable.iter().all(|&reachable| reachable) {
            return false;
        }
        let mut renamed = vec![None; self.blocks.len()];
        for (new, (old, _)) in reachable.iter().enumerate().filter(|(_, reachable)| **reachable).enumerate() {
            renamed[old] = Some(Block::from_index(new));
        }
        let mut index = 0;
        self.blocks.retain(|_| {
            index += 1;
            reachable[index - 1]
        });
        for instruction in &mut self.instructions {
            // Instructions in no block may still name blocks that are gone.
            instruction.targets.retain(|target| renamed[target.block.index()].is_some());
            for target in &mut instruction.targets {
                target.block = renamed[target.block.index()].expect("just tested");
            }
        }
        for block in self.block_ids() {
            self.number_parameters(block);
        }
        true
    }
}

/// Values to be used in place of others: collected while a pass runs, applied once at its end.
#[derive(Clone, Debug, Default)]
pub struct Substitution {
    replaced: Vec<Option<Value>>,
}

impl Substitution {
    /// Says that `to` takes the place of `from`. Chains are followed; a replacement of a value by itself is ignored.
    pub fn replace(&mut self, from: Value, to: Value) {
        let to = self.resolve(to);
        let from = self.resolve(from);
        if from == to {
            return;
        }
        if self.replaced.len() <= from.index() {
            self.replaced.resize(from.index() + 1, None);
        }
        self.replaced[from.index()] = Some(to);
    }

    /// What stands for a value now.
    #[must_use]
    pub fn resolve(&self, mut value: Value) -> Value {
        while let Some(&Some(next)) = self.replaced.get(value.index()) {
            value = next;
        }
        value
    }

    /// Whether nothing was replaced.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.replaced.iter().all(Option::is_none)
    }

    /// Changes every use in a function.
    pub fn apply(&self, function: &mut Function) {
        if !self.is_empty() {
            function.map_uses(|value| self.resolve(value));
        }
    }
}

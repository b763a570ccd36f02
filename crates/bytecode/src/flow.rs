//! Small questions about control flow.

use crate::decode::{is_jump, is_unconditional};
use crate::{ExceptionTableEntry, Instruction, Op};
use std::collections::BTreeSet;

/// Offsets that jumps go to.
#[must_use]
pub fn jump_targets(instructions: &[Instruction]) -> BTreeSet<u32> {
    instructions.iter().filter(|instruction| is_jump(instruction.op)).map(|instruction| instruction.argument).collect()
}

/// Offsets that a backward jump goes to: the heads of loops.
#[must_use]
pub fn loop_heads(instructions: &[Instruction]) -> BTreeSet<u32> {
    instructions
        .iter()
        .filter(|instruction| matches!(instruction.op, Op::JumpBackward | Op::JumpBackwardNoInterrupt))
        .map(|instruction| instruction.argument)
        .collect()
}

/// Offsets where basic blocks start: the entry, jump targets, what follows jumps and ends, handlers.
#[must_use]
pub fn block_starts(instructions: &[Instruction], exceptions: &[ExceptionTableEntry]) -> BTreeSet<u32> {
    let mut starts = jump_targets(instructions);
    starts.extend(exceptions.iter().map(|entry| entry.target));
    starts.extend(instructions.first().map(|instruction| instruction.offset));
    let end = instructions.last().map_or(0, |instruction| instruction.next);
    starts.extend(
        instructions
            .iter()
            .filter(|instruction| is_jump(instruction.op) || is_unconditional(instruction.op))
            .map(|instruction| instruction.next)
            .filter(|&next| next < end),
    );
    starts
}

/// The position of the first part of the instruction that starts at an offset.
#[must_use]
pub fn instruction_at(instructions: &[Instruction], offset: u32) -> Option<usize> {
    let position = instructions.partition_point(|instruction| instruction.offset < offset);
    instructions.get(position).filter(|instruction| instruction.offset == offset).map(|_| position)
}

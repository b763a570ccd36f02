//! Drops stores that clear a local's slot that is empty already. Runs after the placement of reference counts, which looks at `set_local` for what the frame shows.
//!
//! **Why.** A local that is held unboxed has NULL in its slot; each new value would store NULL again, in each turn of a loop.
//!
//! **Invariant.** A slot is known to be empty only if it is on all ways.
//!
//! ```text
//! set_local[1] v4: i64                     set_local[1] v4: i64
//! jump -> block1(v4)                 =>    jump -> block1(v4)
//! block1(v5: i64): set_local[1] v6: i64    block1(v5: i64):
//! ```

use super::PassContext;
use coachwhip_ir::{ControlFlow, EntryKind, Function, Immediate, Instruction, Op};

/// The pass.
pub fn run(function: &mut Function, context: &mut PassContext<'_>) {
    let flow = ControlFlow::new(function);
    let count = function.snapshots.iter().filter(|snapshot| snapshot.parent.is_none()).map(|snapshot| snapshot.locals.len()).max().unwrap_or(0);
    let initial: Vec<bool> = match function.entry_kind {
        EntryKind::Call { parameters } => (0..count).map(|slot| slot >= parameters as usize).collect(),
        EntryKind::Loop { .. } => vec![false; count],
    };
    // Hoping for the best: all slots are empty until a way is found on which they are not.
    let mut ends: Vec<Vec<bool>> = vec![vec![true; count]; function.blocks.len()];
    let at_start = |ends: &[Vec<bool>], block: coachwhip_ir::Block| {
        let mut empty = if block == Function::ENTRY { initial.clone() } else { vec![true; count] };
        for edge in flow.predecessors(block) {
            for (empty, &before) in empty.iter_mut().zip(&ends[edge.from.index()]) {
                *empty &= before;
            }
        }
        empty
    };
    let mut changed = true;
    while changed {
        changed = false;
        for &block in &flow.reverse_postorder {
            let mut empty = at_start(&ends, block);
            for &id in &function.block(block).instructions {
                pass(function, function.instruction(id), &mut empty);
            }
            if empty != ends[block.index()] {
                ends[block.index()] = empty;
                changed = true;
            }
        }
    }
    for &block in &flow.reverse_postorder {
        let mut empty = at_start(&ends, block);
        let mut instructions = std::mem::take(&mut function.block_mut(block).instructions);
        instructions.retain(|&id| {
            let instruction = function.instruction(id);
            let is_idle = clears(function, instruction).is_some_and(|slot| empty.get(slot) == Some(&true));
            pass(function, instruction, &mut empty);
            !(is_idle && context.spend())
        });
        function.block_mut(block).instructions = instructions;
    }
}

/// The slot that an instruction clears.
fn clears(function: &Function, instruction: &Instruction) -> Option<usize> {
    let clears = match instruction.op {
        Op::SetLocal => !function.ty(instruction.operands[0]).is_object(),
        Op::ClearLocal => true,
        _ => false,
    };
    slot_of(instruction).filter(|_| clears)
}

fn slot_of(instruction: &Instruction) -> Option<usize> {
    match (instruction.op, instruction.immediates.first()) {
        (Op::SetLocal | Op::ClearLocal, Some(&Immediate::Int(slot))) => usize::try_from(slot).ok(),
        _ => None,
    }
}

fn pass(function: &Function, instruction: &Instruction, empty: &mut [bool]) {
    if let Some(slot) = slot_of(instruction)
        && let Some(known) = empty.get_mut(slot)
    {
        *known = clears(function, instruction).is_some();
    }
}

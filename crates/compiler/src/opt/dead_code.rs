//! Takes out what nobody needs: blocks that cannot be reached, instructions without effect whose value nobody uses, and block parameters that nobody uses.
//!
//! **Why.** Other passes leave the old form of what they replaced behind: boxes whose users take the unboxed value now, guards' operands, loads that were forwarded.
//!
//! **Invariants.** What a snapshot in use names is used. What an entry snapshot of a loop names is used as well, so that later passes can place guards before the loop.
//! An instruction goes only if its row says `removable`; guards protect what follows them and stay.
//!
//! ```text
//! v3 = int_add v1, v2 snap0             v3 = int_add v1, v2 snap0
//! v4 = box_int v3                 =>    return v9
//! return v9
//! ```

use super::PassContext;
use coachwhip_ir::liveness::snapshot_values;
use coachwhip_ir::{Definition, EntitySet, Function, Value};

/// Takes out what nobody needs.
pub fn run(function: &mut Function, _context: &mut PassContext<'_>) {
    function.remove_unreachable_blocks();
    let used = used_values(function);
    for block in function.block_ids() {
        for position in (0..function.block(block).parameters.len()).rev() {
            if !used.contains(function.block(block).parameters[position]) {
                function.remove_parameter(block, position);
            }
        }
        let mut instructions = std::mem::take(&mut function.block_mut(block).instructions);
        instructions.retain(|&id| {
            let instruction = function.instruction(id);
            !is_removable(function, id) || instruction.result.is_some_and(|result| used.contains(result))
        });
        function.block_mut(block).instructions = instructions;
    }
}

fn is_removable(function: &Function, id: coachwhip_ir::InstructionId) -> bool {
    function.instruction(id).op.info().removable
}

/// The values that something with an effect needs, directly or by way of others. Cycles of block parameters that only feed each other are not.
fn used_values(function: &Function) -> EntitySet<Value> {
    let mut used = EntitySet::with_capacity(function.values.len());
    let mut work: Vec<Value> = Vec::new();
    for block in function.block_ids() {
        let data = function.block(block);
        work.extend(data.entry_snapshot.into_iter().flat_map(|snapshot| snapshot_values(function, snapshot)));
        for &id in &data.instructions {
            if !is_removable(function, id) {
                let instruction = function.instruction(id);
                work.extend(&instruction.operands);
                work.extend(instruction.snapshot.into_iter().flat_map(|snapshot| snapshot_values(function, snapshot)));
            }
        }
    }
    let arguments = arguments_by_block(function);
    while let Some(value) = work.pop() {
        if !used.insert(value) {
            continue;
        }
        match function.values[value.index()].definition {
            Definition::Parameter(block, position) => {
                work.extend(arguments[block.index()].iter().map(|arguments| arguments[position as usize]));
            }
            Definition::Result(id) => {
                let instruction = function.instruction(id);
                work.extend(&instruction.operands);
                work.extend(instruction.snapshot.into_iter().flat_map(|snapshot| snapshot_values(function, snapshot)));
            }
        }
    }
    used
}

/// For each block, the arguments on each edge to it.
fn arguments_by_block(function: &Function) -> Vec<Vec<Vec<Value>>> {
    let mut arguments = vec![Vec::new(); function.blocks.len()];
    for from in function.block_ids() {
        for target in function.successors(from) {
            arguments[target.block.index()].push(target.arguments.clone());
        }
    }
    arguments
}

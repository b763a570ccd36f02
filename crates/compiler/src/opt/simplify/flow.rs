//! Tidies the control flow: block parameters that are always the same value, and blocks that only ever follow one another.

use crate::opt::PassContext;
use coachwhip_ir::{Block, ControlFlow, Dominators, Function, Op, Substitution, Value};

/// Takes out parameters that have one value on all edges (themselves aside), by references: a guarded form of a value is the same value.
/// Whether anything changed.
pub(super) fn remove_constant_parameters(function: &mut Function, context: &mut PassContext<'_>) -> bool {
    let mut substitution = Substitution::default();
    let mut any = false;
    loop {
        let mut changed = false;
        let flow = ControlFlow::new(function);
        let dominators = Dominators::new(function, &flow);
        for block in function.block_ids() {
            if !flow.is_reachable(block) {
                continue;
            }
            for position in (0..function.block(block).parameters.len()).rev() {
                let parameter = function.block(block).parameters[position];
                let Some(value) = only_value(function, &flow, &substitution, block, position) else { continue };
                // All that is known of the parameter must be known of the value.
                let (known, ty) = (function.ty(parameter), function.ty(value));
                let fits = ty.is_subtype(known) && dominates(function, &dominators, value, block);
                if fits && context.spend() {
                    substitution.replace(parameter, value);
                    function.remove_parameter(block, position);
                    changed = true;
                }
            }
        }
        any |= changed;
        if !changed {
            break;
        }
    }
    substitution.apply(function);
    any
}

fn only_value(function: &Function, flow: &ControlFlow, substitution: &Substitution, block: Block, position: usize) -> Option<Value> {
    let parameter = function.block(block).parameters[position];
    let mut only: Option<Value> = None;
    for edge in flow.predecessors(block) {
        let target = function.successors(edge.from).nth(edge.target)?;
        let argument = substitution.resolve(target.arguments[position]);
        if root(function, substitution, argument) == parameter {
            continue;
        }
        match only {
            None => only = Some(argument),
            Some(other) if other == argument => {}
            Some(other) => {
                let (one, two) = (root(function, substitution, other), root(function, substitution, argument));
                if one != two {
                    return None;
                }
                only = Some(one);
            }
        }
    }
    only
}

/// The root of a value while some values are replaced already.
fn root(function: &Function, substitution: &Substitution, value: Value) -> Value {
    let mut value = substitution.resolve(value);
    loop {
        let next = substitution.resolve(function.root(value));
        if next == value {
            return value;
        }
        value = next;
    }
}

fn dominates(function: &Function, dominators: &Dominators, value: Value, block: Block) -> bool {
    let from = match function.values[value.index()].definition {
        coachwhip_ir::Definition::Parameter(from, _) => Some(from),
        coachwhip_ir::Definition::Result(id) => function.block_ids().find(|&from| function.block(from).instructions.contains(&id)),
    };
    // A parameter of the block itself may come later in its list, but is there at its start.
    from.is_some_and(|from| from != block && dominators.dominates(from, block))
}

/// Appends blocks that have one predecessor, which has no other successor, to that predecessor.
pub(super) fn merge_blocks(function: &mut Function, context: &mut PassContext<'_>) {
    let flow = ControlFlow::new(function);
    let mut substitution = Substitution::default();
    for &block in &flow.reverse_postorder {
        // What was appended may end with such a jump itself; its own turn is over then, as it has no instructions left.
        while let Some(end) = function.terminator(block) {
            if end.op != Op::Jump {
                break;
            }
            let target = end.targets[0].clone();
            let next = target.block;
            if next == block || next == Function::ENTRY || flow.predecessors(next).len() != 1 || !context.spend() {
                break;
            }
            for (&parameter, &argument) in function.block(next).parameters.clone().iter().zip(&target.arguments) {
                substitution.replace(parameter, argument);
            }
            function.block_mut(next).parameters.clear();
            let mut rest = std::mem::take(&mut function.block_mut(next).instructions);
            let instructions = &mut function.block_mut(block).instructions;
            let jump = instructions.pop();
            instructions.append(&mut rest);
            // The jump is in no block now; it must lead nowhere, or else it counts as an edge for who looks at all instructions.
            if let Some(jump) = jump {
                function.instruction_mut(jump).targets.clear();
            }
        }
    }
    substitution.apply(function);
}

//! Which local variable each block parameter stands for, found out from what is stored where.
//!
//! A parameter stands for a local if on each edge to its block it gets what the local holds there. Passes that make parameters call this afterwards.

use coachwhip_ir::maps::HashSet;
use coachwhip_ir::{Block, ClassSet, ControlFlow, EntryKind, Function, Immediate, Instruction, Op, SnapshotId, Value};
use smallvec::SmallVec;

/// What a local holds at one point.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Content {
    /// No way leads here as far as is known.
    Unreached,
    /// Nothing.
    Empty,
    /// A value, as its root.
    Value(Value),
    /// Not the same on all ways.
    Unknown,
}

/// Sets [`coachwhip_ir::ValueData::local`] of all block parameters.
pub(super) fn assign_locals(function: &mut Function) {
    let flow = ControlFlow::new(function);
    let (starts, _) = contents(function, &flow);
    for &block in &flow.reverse_postorder {
        for parameter in function.block(block).parameters.clone() {
            let local = starts[block.index()].iter().position(|&content| content == Content::Value(parameter));
            function.values[parameter.index()].local = local.and_then(|slot| u32::try_from(slot).ok());
        }
    }
}

/// So often what a slot holds at the start of a block is found to be something else before it is given up: guesses must come to an end.
const MOST_CHANGES: u8 = 8;

/// The block parameters that get nothing but NULL on every edge, directly or through one another.
fn null_parameters(function: &Function, flow: &ControlFlow) -> HashSet<Value> {
    let parameters = |block: Block| function.block(block).parameters.iter().copied().enumerate().filter(|&(_, parameter)| function.ty(parameter).is_object());
    let mut nulls: HashSet<Value> =
        flow.reverse_postorder.iter().filter(|&&block| block != Function::ENTRY).flat_map(|&block| parameters(block)).map(|(_, parameter)| parameter).collect();
    let mut changed = true;
    while changed {
        changed = false;
        for &block in &flow.reverse_postorder {
            for (position, parameter) in parameters(block) {
                let gets_null = |from: Block, target: usize| {
                    let argument = function.successors(from).nth(target).map(|target| function.root(target.arguments[position]));
                    argument.is_some_and(|argument| argument == parameter || is_null(function, &nulls, argument))
                };
                if nulls.contains(&parameter) && !flow.predecessors(block).iter().all(|edge| gets_null(edge.from, edge.target)) {
                    nulls.remove(&parameter);
                    changed = true;
                }
            }
        }
    }
    nulls
}

fn is_null(function: &Function, nulls: &HashSet<Value>, value: Value) -> bool {
    function.ty(value).classes == ClassSet::NULL || nulls.contains(&value)
}

/// What each slot holds at the start and at the end of each block.
fn contents(function: &Function, flow: &ControlFlow) -> (Vec<Vec<Content>>, Vec<Vec<Content>>) {
    let count = slots(function);
    let initial = match function.entry_kind {
        EntryKind::Call { .. } => Content::Empty,
        EntryKind::Loop { .. } => Content::Unknown,
    };
    let nulls = null_parameters(function, flow);
    let mut changes = vec![vec![0_u8; count]; function.blocks.len()];
    let mut ends: Vec<Vec<Content>> = vec![vec![Content::Unreached; count]; function.blocks.len()];
    let mut starts = ends.clone();
    starts[Function::ENTRY.index()] = vec![initial; count];
    let mut changed = true;
    // What is Unknown stays so; each round makes something known to be different from what was hoped for, or is the last.
    while changed {
        changed = false;
        for &block in &flow.reverse_postorder {
            if block != Function::ENTRY {
                for slot in 0..count {
                    let mut content = meet(function, flow, &nulls, &ends, block, slot, &starts[block.index()]);
                    if content != starts[block.index()][slot] {
                        let changes = &mut changes[block.index()][slot];
                        *changes += 1;
                        if *changes > MOST_CHANGES {
                            content = Content::Unknown;
                        }
                        starts[block.index()][slot] = content;
                    }
                }
            }
            let mut contents = starts[block.index()].clone();
            pass(function, block, &mut contents);
            if contents != ends[block.index()] {
                ends[block.index()] = contents;
                changed = true;
            }
        }
    }
    (starts, ends)
}

/// Slots that a snapshot says to hold an object, but that are known to be empty at the end of a block.
pub(super) fn emptied_slots(function: &Function, block: Block, snapshot: SnapshotId) -> Vec<usize> {
    let (_, ends) = contents(function, &ControlFlow::new(function));
    let locals = &function.snapshots[snapshot.index()].locals;
    let is_object = |value: Option<Value>| value.is_some_and(|value| function.ty(value).is_object());
    let ends = &ends[block.index()];
    (0..locals.len()).filter(|&slot| is_object(locals[slot]) && ends.get(slot) == Some(&Content::Empty)).collect()
}

/// How many slots the frame has before the stack.
fn slots(function: &Function) -> usize {
    let named = function.snapshots.iter().filter(|snapshot| snapshot.parent.is_none()).map(|snapshot| snapshot.locals.len());
    named.max().unwrap_or(0)
}

/// `starts` is what was found for this block so far.
fn meet(function: &Function, flow: &ControlFlow, nulls: &HashSet<Value>, ends: &[Vec<Content>], block: Block, slot: usize, starts: &[Content]) -> Content {
    let old = starts[slot];
    if old == Content::Unknown {
        return Content::Unknown;
    }
    let edges = flow.predecessors(block);
    let content = |from: Block| ends[from.index()][slot];
    if edges.iter().all(|edge| content(edge.from) == Content::Unreached) {
        return Content::Unreached;
    }
    // A parameter that gets the content on every edge stands for it.
    let mut fitting: SmallVec<[Value; 4]> = SmallVec::new();
    for (position, &parameter) in function.block(block).parameters.iter().enumerate() {
        let gets = edges.iter().all(|edge| {
            let argument = function.successors(edge.from).nth(edge.target).map(|target| function.root(target.arguments[position]));
            match (content(edge.from), argument) {
                (Content::Unreached, _) => true,
                (Content::Value(value), Some(argument)) => value == argument,
                (Content::Empty, Some(argument)) => is_null(function, nulls, argument),
                _ => false,
            }
        });
        if gets {
            fitting.push(parameter);
        }
    }
    // Two locals can hold the same on the ways that are known yet, and differ on others: then the loop's own snapshot tells which parameter is whose.
    let named = function.block(block).entry_snapshot.and_then(|snapshot| function.snapshots[snapshot.index()].locals.get(slot).copied().flatten());
    if let Some(&parameter) = fitting.iter().find(|&&parameter| Some(parameter) == named) {
        return Content::Value(parameter);
    }
    let unreached = edges.iter().any(|edge| content(edge.from) == Content::Unreached);
    let empty = edges.iter().all(|edge| matches!(content(edge.from), Content::Unreached | Content::Empty));
    let is_free = |parameter: &Value| starts.iter().enumerate().all(|(other, content)| other == slot || *content != Content::Value(*parameter));
    let chosen = fitting.iter().find(|parameter| is_free(parameter)).copied();
    match chosen.or(fitting.first().copied()) {
        // A parameter that is NULL here may be another local's: it is taken only where a guess is needed, and none is that stands for another.
        Some(parameter) if !empty || unreached && chosen.is_some() => return Content::Value(parameter),
        _ => {}
    }
    // A guess that was wrong: where the slot still holds what was guessed for this block nothing was done to it on the way.
    let guess = match old {
        Content::Value(value) if function.block(block).parameters.contains(&value) => Some(old),
        _ => None,
    };
    let mut known = edges.iter().map(|edge| content(edge.from)).filter(|&content| content != Content::Unreached && Some(content) != guess);
    let first = known.next().unwrap_or(Content::Unknown);
    if known.all(|content| content == first) { first } else { Content::Unknown }
}

fn pass(function: &Function, block: Block, contents: &mut [Content]) {
    for &id in &function.block(block).instructions {
        let instruction = function.instruction(id);
        if let Some(value) = proven_null(function, instruction) {
            // The start of a loop: what the frame has in its slots is read, and what was empty is checked to be so.
            contents.iter_mut().filter(|content| **content == Content::Value(value)).for_each(|content| *content = Content::Empty);
        }
        let slot = match instruction.immediates.first() {
            Some(&Immediate::Int(slot)) => usize::try_from(slot).unwrap_or(usize::MAX),
            _ => continue,
        };
        let Some(content) = contents.get_mut(slot) else { continue };
        match (instruction.op, instruction.result) {
            (Op::SetLocal, _) => *content = Content::Value(function.root(instruction.operands[0])),
            (Op::ClearLocal, _) => *content = Content::Empty,
            (Op::Argument | Op::EntrySlot, Some(result)) => *content = Content::Value(result),
            _ => {}
        }
    }
}

/// The value that a guard shows to be NULL.
fn proven_null(function: &Function, instruction: &Instruction) -> Option<Value> {
    if instruction.op != Op::GuardTrue {
        return None;
    }
    let condition = function.defining(function.root(instruction.operands[0]))?;
    (condition.op == Op::IsNull).then(|| function.root(condition.operands[0]))
}

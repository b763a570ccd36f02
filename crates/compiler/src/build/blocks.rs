//! Cutting bytecode into blocks, and SSA form: a block that several ways lead to gets a parameter for each local and stack slot; those that turn out to have one
//! value only are removed at the end.

use super::{BuildError, Builder, Result, state::BlockEntry};
use coachwhip_abi::facts::{CodeFacts, Facts};
use coachwhip_bytecode::{Instruction as Bytecode, Op as Operation};
use coachwhip_ir::{Block, CodeRef, Function, Op, Type, Value};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of a local where ways meet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Bound {
    /// Not reached yet.
    Unknown,
    No,
    Yes,
    Maybe,
}

impl Bound {
    fn meet(self, other: Bound) -> Bound {
        match (self, other) {
            (Bound::Unknown, bound) | (bound, Bound::Unknown) => bound,
            (left, right) if left == right => left,
            _ => Bound::Maybe,
        }
    }
}

/// The head of a block of bytecode.
#[derive(Clone, Debug)]
pub(super) struct Head {
    /// Whether a later block jumps back to it.
    pub is_loop_head: bool,
    /// Whether several edges (or an exception) lead to it.
    pub is_join: bool,
    /// Which locals are bound there.
    pub bound: Vec<Bound>,
}

/// The blocks of a code object that can be reached from an offset.
#[derive(Debug)]
pub(super) struct Plan {
    /// Heads in reverse postorder.
    pub order: Vec<u32>,
    pub heads: BTreeMap<u32, Head>,
}

/// Where control goes after an instruction: targets, and whether the next instruction is one of them.
fn successors(code: &CodeFacts, index: usize) -> (Option<u32>, bool) {
    let instruction = &code.instructions[index].0;
    match instruction.op {
        Operation::JumpForward | Operation::JumpBackward | Operation::JumpBackwardNoInterrupt => (Some(instruction.argument), false),
        Operation::PopJumpIfTrue | Operation::PopJumpIfFalse | Operation::PopJumpIfNone | Operation::PopJumpIfNotNone => (Some(instruction.argument), true),
        Operation::ForIter => (Some(after_loop(code, instruction)), true),
        Operation::ReturnValue | Operation::RaiseVarargs | Operation::Reraise => (None, false),
        _ => (None, true),
    }
}

/// Where FOR_ITER goes at the iterator's end: behind END_FOR and POP_TOP (FOR_ITER in Python/bytecodes.c skips them).
pub(super) fn after_loop(code: &CodeFacts, instruction: &Bytecode) -> u32 {
    let mut index = code.instructions.partition_point(|(other, _)| other.offset < instruction.argument);
    let mut offset = instruction.argument;
    for expected in [Operation::EndFor, Operation::PopTop] {
        match code.instructions.get(index) {
            Some((other, _)) if other.op == expected => {
                offset = other.next;
                index += 1;
            }
            _ => break,
        }
    }
    offset
}

/// What an instruction does to which locals are bound. `restored` are slots that a comprehension saves while they may be empty: a later STORE_FAST may be the one that
/// puts the emptiness back (STORE_FAST_MAYBE_NULL in Python/compile.c).
fn apply(bound: &mut [Bound], restored: &mut [bool], code: &CodeFacts, instruction: &Bytecode) {
    let slot = instruction.argument as usize;
    match instruction.op {
        Operation::StoreFast => bound[slot] = if restored[slot] { Bound::Maybe } else { Bound::Yes },
        Operation::MakeCell => bound[slot] = Bound::Yes,
        Operation::DeleteFast => bound[slot] = Bound::No,
        Operation::LoadFastAndClear => {
            if bound[slot] != Bound::Yes {
                restored[slot] = true;
            }
            bound[slot] = Bound::No;
        }
        Operation::LoadFastCheck => bound[slot] = Bound::Yes,
        Operation::CopyFreeVars => {
            let count = code.slots.len();
            bound[count - slot..].fill(Bound::Yes);
        }
        _ => {}
    }
}

/// The blocks that can be reached from `start`, where the parameters (or, in a loop, `initial`) are bound.
pub(super) fn plan(facts: &Facts, code_ref: CodeRef, start: u32, with_handlers: bool, initial: Vec<Bound>) -> Result<Plan> {
    let code = &facts.codes[code_ref.index()];
    let index_of = |offset: u32| {
        let index = code.instructions.partition_point(|(instruction, _)| instruction.offset < offset);
        match code.instructions.get(index) {
            Some((instruction, _)) if instruction.offset == offset => Ok(index),
            _ => Err(BuildError::Malformed(format!("no instruction at {offset}"))),
        }
    };
    let mut leaders: BTreeSet<u32> = BTreeSet::from([start]);
    for (index, (instruction, _)) in code.instructions.iter().enumerate() {
        let (target, falls_through) = successors(code, index);
        if let Some(target) = target {
            leaders.insert(target);
            if falls_through {
                leaders.insert(instruction.next);
            }
        }
    }
    if with_handlers {
        leaders.extend(code.exception_table.iter().map(|entry| entry.target));
    }
    // Depth-first search over blocks, for reverse postorder and edges.
    let mut edges: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let mut handler_edges: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
    let mut postorder = Vec::new();
    let mut work = vec![(start, false)];
    let mut seen = BTreeSet::new();
    let mut on_path = BTreeSet::new();
    let mut loop_heads = BTreeSet::new();
    while let Some((head, finished)) = work.pop() {
        if finished {
            on_path.remove(&head);
            postorder.push(head);
            continue;
        }
        if !seen.insert(head) {
            continue;
        }
        on_path.insert(head);
        work.push((head, true));
        let mut out = Vec::new();
        let mut handlers = BTreeSet::new();
        let mut index = index_of(head)?;
        loop {
            let Some((instruction, _)) = code.instructions.get(index) else {
                return Err(BuildError::Malformed("bytecode runs off its end".into()));
            };
            if with_handlers && let Some(entry) = handler_entry(code, instruction.offset) {
                handlers.insert(entry.target);
            }
            let (target, falls_through) = successors(code, index);
            let is_superinstruction_part = code.instructions.get(index + 1).is_some_and(|(next, _)| !next.first_part);
            if let Some(target) = target {
                out.push(target);
            }
            if !falls_through {
                break;
            }
            if target.is_some() || (!is_superinstruction_part && leaders.contains(&instruction.next)) {
                out.push(instruction.next);
                break;
            }
            index += 1;
        }
        for &next in out.iter().chain(&handlers) {
            if on_path.contains(&next) {
                loop_heads.insert(next);
            } else {
                work.push((next, false));
            }
        }
        edges.insert(head, out);
        handler_edges.insert(head, handlers);
    }
    let order: Vec<u32> = postorder.into_iter().rev().collect();
    // A retreating edge of the chosen order makes its target a loop head.
    let position: BTreeMap<u32, usize> = order.iter().enumerate().map(|(position, &head)| (head, position)).collect();
    let mut incoming: BTreeMap<u32, usize> = BTreeMap::new();
    for (&head, out) in &edges {
        for next in out {
            *incoming.entry(*next).or_default() += 1;
            if position[next] <= position[&head] {
                loop_heads.insert(*next);
            }
        }
        for next in &handler_edges[&head] {
            *incoming.entry(*next).or_default() += 2;
            if position[next] <= position[&head] {
                loop_heads.insert(*next);
            }
        }
    }
    let bound = bound_at_heads(code, start, &order, &edges, initial, with_handlers);
    let heads = order
        .iter()
        .map(|&head| {
            let is_loop_head = loop_heads.contains(&head);
            let is_join = is_loop_head || incoming.get(&head).copied().unwrap_or(0) > 1;
            (head, Head { is_loop_head, is_join, bound: bound[&head].clone() })
        })
        .collect();
    Ok(Plan { order, heads })
}

/// Which locals are bound at each head: a forward analysis to a fixed point.
fn bound_at_heads(
    code: &CodeFacts,
    start: u32,
    order: &[u32],
    edges: &BTreeMap<u32, Vec<u32>>,
    initial: Vec<Bound>,
    with_handlers: bool,
) -> BTreeMap<u32, Vec<Bound>> {
    let count = code.slots.len();
    let mut bound: BTreeMap<u32, Vec<Bound>> = order.iter().map(|&head| (head, vec![Bound::Unknown; count])).collect();
    bound.insert(start, initial);
    let mut restored = vec![false; count];
    if start != 0 {
        // A loop can be entered inside a comprehension, with what it saved on the stack.
        for (instruction, _) in &code.instructions {
            if instruction.op == Operation::LoadFastAndClear {
                restored[instruction.argument as usize] = true;
            }
        }
    }
    let mut changed = true;
    while changed {
        changed = false;
        let restored_before = restored.clone();
        let mut flow = |bound: &mut BTreeMap<u32, Vec<Bound>>, target: u32, state: &[Bound]| {
            if let Some(at_target) = bound.get_mut(&target) {
                for (old, new) in at_target.iter_mut().zip(state) {
                    let met = old.meet(*new);
                    if met != *old {
                        *old = met;
                        changed = true;
                    }
                }
            }
        };
        for &head in order {
            let mut state = bound[&head].clone();
            let first = code.instructions.partition_point(|(instruction, _)| instruction.offset < head);
            let out = &edges[&head];
            for index in first..code.instructions.len() {
                let (instruction, _) = &code.instructions[index];
                if with_handlers && let Some(entry) = handler_entry(code, instruction.offset) {
                    flow(&mut bound, entry.target, &state);
                }
                apply(&mut state, &mut restored, code, instruction);
                if with_handlers && let Some(entry) = handler_entry(code, instruction.offset) {
                    flow(&mut bound, entry.target, &state);
                }
                let (target, falls_through) = successors(code, index);
                let more_parts = code.instructions.get(index + 1).is_some_and(|(next, _)| !next.first_part);
                if !falls_through || target.is_some() || (!more_parts && out.contains(&instruction.next) && order.contains(&instruction.next)) {
                    break;
                }
            }
            for &next in out {
                flow(&mut bound, next, &state);
            }
        }
        changed |= restored != restored_before;
    }
    bound
}

/// The innermost exception table entry that protects an offset.
pub(super) fn handler_entry(code: &CodeFacts, offset: u32) -> Option<&coachwhip_bytecode::ExceptionTableEntry> {
    code.exception_table.iter().find(|entry| entry.start <= offset && offset < entry.end)
}

/// Which slots are bound at the start of a function: its parameters.
pub(super) fn bound_at_start(code: &CodeFacts) -> Vec<Bound> {
    let parameters = code.parameter_count() as usize;
    (0..code.slots.len()).map(|slot| if slot < parameters { Bound::Yes } else { Bound::No }).collect()
}

/// Which slots are certainly bound when control reaches an offset in the interpreter.
pub(super) fn definitely_bound(facts: &Facts, code_ref: CodeRef, offset: u32) -> Vec<bool> {
    let code = &facts.codes[code_ref.index()];
    match plan(facts, code_ref, 0, true, bound_at_start(code)) {
        Ok(plan) => match plan.heads.get(&offset) {
            Some(head) => head.bound.iter().map(|bound| *bound == Bound::Yes).collect(),
            None => Vec::new(),
        },
        Err(_) => Vec::new(),
    }
}

impl Builder<'_> {
    /// The block for an offset, and the values of its parameters as the state is now.
    pub(super) fn edge_to(&mut self, offset: u32) -> Result<(Block, Vec<Value>)> {
        let Some(head) = self.frame.plans.get(&offset).cloned() else {
            return Err(BuildError::Malformed(format!("no block at {offset}")));
        };
        if !head.is_join {
            let block = self.function.add_block();
            let entry = BlockEntry { block, locals: self.frame.locals.clone(), stack: self.frame.stack.clone(), is_built: false };
            self.frame.blocks.insert(offset, entry);
            return Ok((block, Vec::new()));
        }
        if !self.frame.blocks.contains_key(&offset) {
            self.open_join(offset, &head);
        }
        let entry = self.frame.blocks[&offset].clone();
        if entry.stack.len() != self.frame.stack.len() {
            return Err(BuildError::Malformed(format!("stack depths differ at {offset}")));
        }
        let mut arguments = Vec::new();
        let locals = entry.locals.iter().zip(self.frame.locals.clone());
        let stack = entry.stack.iter().zip(self.frame.stack.clone());
        let pairs: Vec<_> = locals.chain(stack).map(|(parameter, value)| (*parameter, value)).collect();
        for (slot, (parameter, value)) in pairs.into_iter().enumerate() {
            match (parameter, value) {
                (None, None) => {}
                (None, Some(_)) => return Err(BuildError::Malformed(format!("a slot is filled that was empty at {offset}"))),
                (Some(parameter), value) => {
                    let value = self.or_null(value);
                    let (old, new) = (self.ty(parameter), self.ty(value));
                    if head.is_loop_head {
                        if new.classes.may_be_null() && !old.classes.may_be_null() {
                            self.found_empty = Some((offset, slot));
                            return Err(BuildError::Malformed(format!("a slot may be empty at {offset}")));
                        }
                        if !new.classes.is_subset(old.classes) {
                            return Err(BuildError::Malformed(format!("an assumption about the loop at {offset} is wrong")));
                        }
                    } else if entry.is_built {
                        if !new.is_subtype(old) {
                            return Err(BuildError::Malformed(format!("a way to {offset} was found late")));
                        }
                    } else {
                        self.function.values[parameter.index()].ty = if old.classes.is_empty() { new } else { old.join(new) };
                    }
                    arguments.push(value);
                }
            }
        }
        Ok((entry.block, arguments))
    }

    /// Makes the block of a join, with parameters for all that is or may be there.
    fn open_join(&mut self, offset: u32, head: &super::blocks::Head) {
        let block = self.function.add_block();
        let outermost = self.frame.inlined.is_none();
        let mut locals = Vec::with_capacity(self.frame.locals.len());
        // Types of forward joins grow with each edge; loop heads assume nothing, as their back-edges are not known yet.
        let empty = Type::object(coachwhip_ir::ClassSet::EMPTY);
        for (slot, bound) in head.bound.iter().enumerate() {
            let ty = match (bound, head.is_loop_head) {
                (Bound::No, _) => {
                    locals.push(None);
                    continue;
                }
                (_, false) => empty,
                (Bound::Yes, true) if !self.may_be_empty.contains(&(offset, slot)) => self.assumed_type(offset, slot, Type::OBJECT),
                (_, true) => self.assumed_type(offset, slot, Type::OBJECT_OR_NULL),
            };
            let local = outermost.then(|| u32::try_from(slot).expect("few slots"));
            let parameter = self.function.add_parameter(block, ty, local);
            if head.is_loop_head && outermost {
                self.loop_parameters.push((offset, slot, parameter));
            }
            locals.push(Some(parameter));
        }
        let stack = self.frame.stack.clone();
        let stack = stack
            .into_iter()
            .enumerate()
            .map(|(position, slot)| {
                // At a forward join a NULL of this edge may be an object on another.
                let slot = slot.or_else(|| (!head.is_loop_head).then(|| self.null()));
                slot.map(|value| {
                    let may_be_null = self.ty(value).classes.may_be_null() || self.may_be_empty.contains(&(offset, head.bound.len() + position));
                    let ty = match (head.is_loop_head, may_be_null) {
                        (false, _) => empty,
                        (true, false) => self.assumed_type(offset, head.bound.len() + position, Type::OBJECT),
                        (true, true) => self.assumed_type(offset, head.bound.len() + position, Type::OBJECT_OR_NULL),
                    };
                    let parameter = self.function.add_parameter(block, ty, None);
                    if head.is_loop_head && outermost {
                        self.loop_parameters.push((offset, head.bound.len() + position, parameter));
                    }
                    parameter
                })
            })
            .collect();
        self.frame.blocks.insert(offset, BlockEntry { block, locals, stack, is_built: false });
    }

    /// The type of a parameter of a loop's head: what is assumed, or anything.
    fn assumed_type(&self, offset: u32, slot: usize, anything: Type) -> Type {
        let assumed = if self.frame.inlined.is_none() { self.assumed.get(&(offset, slot)).copied() } else { None };
        assumed.filter(|assumed| assumed.is_subtype(anything)).unwrap_or(anything)
    }

    /// Ends the current block with a jump to the block of an offset.
    pub(super) fn jump_to_offset(&mut self, offset: u32) -> Result<()> {
        let (block, arguments) = self.edge_to(offset)?;
        self.terminate(Op::Jump, &[], &[], &[(block, arguments)], None);
        Ok(())
    }

    /// Which slots are bound where the frame's bytecode starts to be interpreted.
    pub(super) fn bound_now(&self) -> Vec<Bound> {
        self.frame
            .locals
            .iter()
            .map(|local| match local {
                None => Bound::No,
                Some(value) if self.ty(*value).classes.may_be_null() => Bound::Maybe,
                Some(_) => Bound::Yes,
            })
            .collect()
    }
}

/// Removes block parameters that have one value only (or themselves) on all edges.
pub(super) fn remove_trivial_parameters(function: &mut Function) {
    let mut replacement: Vec<Option<Value>> = vec![None; function.values.len()];
    let resolve = |replacement: &[Option<Value>], mut value: Value| {
        while let Some(next) = replacement[value.index()] {
            value = next;
        }
        value
    };
    loop {
        // The one value of each parameter, as far as seen.
        let mut single: BTreeMap<Value, Option<Value>> = BTreeMap::new();
        for block in function.block_ids() {
            for target in function.successors(block) {
                let parameters = &function.blocks[target.block.index()].parameters;
                for (&parameter, &argument) in parameters.iter().zip(&target.arguments) {
                    if replacement[parameter.index()].is_some() {
                        continue;
                    }
                    let argument = resolve(&replacement, argument);
                    if argument == parameter {
                        continue;
                    }
                    single
                        .entry(parameter)
                        .and_modify(|seen| {
                            if *seen != Some(argument) {
                                *seen = None
                            }
                        })
                        .or_insert(Some(argument));
                }
            }
        }
        let mut changed = false;
        for (parameter, value) in single {
            // Values found in this round may have been replaced in it.
            if let Some(value) = value {
                let value = resolve(&replacement, value);
                if value != parameter {
                    replacement[parameter.index()] = Some(value);
                    changed = true;
                }
            }
        }
        if !changed {
            break;
        }
    }
    for block in 0..function.blocks.len() {
        let kept: Vec<bool> = function.blocks[block].parameters.iter().map(|parameter| replacement[parameter.index()].is_none()).collect();
        let mut position = 0;
        function.blocks[block].parameters.retain(|_| {
            position += 1;
            kept[position - 1]
        });
        for (position, &parameter) in function.blocks[block].parameters.clone().iter().enumerate() {
            let position = u32::try_from(position).expect("few parameters");
            function.values[parameter.index()].definition = coachwhip_ir::Definition::Parameter(Block::from_index(block), position);
        }
        // Edges into this block lose the same arguments.
        for instruction in &mut function.instructions {
            for target in instruction.targets.iter_mut().filter(|target| target.block.index() == block) {
                let mut position = 0;
                target.arguments.retain(|_| {
                    position += 1;
                    kept[position - 1]
                });
            }
        }
    }
    for instruction in &mut function.instructions {
        for operand in &mut instruction.operands {
            *operand = resolve(&replacement, *operand);
        }
        for target in &mut instruction.targets {
            for argument in &mut target.arguments {
                *argument = resolve(&replacement, *argument);
            }
        }
    }
    for snapshot in &mut function.snapshots {
        for value in snapshot.values_mut() {
            *value = resolve(&replacement, *value);
        }
    }
}

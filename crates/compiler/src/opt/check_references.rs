//! Checks what [`references`](super::references) placed: follows every path through a function and counts, root by root, the references that it owns.
//!
//! It finds references that are given back twice or never, that are used after they are gone (borrowed values whose owner died or whose heap was written included),
//! and lists of owned values that do not say what is owned. The paths agree on what is owned where they meet, so one visit to each block is enough.

use super::ownership::{Ownership, can_run_code, lender, needs_reference, ownership_by_definition, snapshot_values};
use coachwhip_ir::{Block, ControlFlow, Function, Instruction, Leaves, Op, Value, Yield};
use smallvec::SmallVec;
use std::collections::{BTreeMap, BTreeSet};

/// How many references the function owns, by root; none is 0.
type Counts = BTreeMap<Value, u32>;

/// Checks that each owned reference is consumed exactly once on every path and that nothing is used after its death.
pub fn check_references(function: &Function) -> Result<(), String> {
    let flow = ControlFlow::new(function);
    let mut at_start: Vec<Option<(Counts, BTreeSet<Value>)>> = vec![None; function.blocks.len()];
    at_start[Function::ENTRY.index()] = Some((Counts::new(), BTreeSet::new()));
    let mut queue = vec![Function::ENTRY];
    while let Some(block) = queue.pop() {
        let (counts, valid) = at_start[block.index()].clone().expect("queued with a state");
        let mut walk = Walk { function, counts, valid, place: (block, 0) };
        for (target, counts) in walk.block(block)? {
            match &at_start[target.index()] {
                None => {
                    // Code on an edge still sees what was borrowed before it.
                    let valid = if flow.predecessors(target).len() == 1 { walk.valid.clone() } else { BTreeSet::new() };
                    at_start[target.index()] = Some((counts, valid));
                    queue.push(target);
                }
                Some((known, _)) if *known == counts => {}
                Some((known, _)) => return Err(format!("{target}: owned references differ between its predecessors: {known:?} and, from {block}, {counts:?}")),
            }
        }
    }
    Ok(())
}

struct Walk<'f> {
    function: &'f Function,
    counts: Counts,
    /// Borrowed roots whose lender still lives.
    valid: BTreeSet<Value>,
    /// The block and the position of the instruction that is checked.
    place: (Block, usize),
}

impl Walk<'_> {
    fn ownership(&self, root: Value) -> Ownership {
        ownership_by_definition(self.function, root)
    }

    fn count(&self, root: Value) -> u32 {
        self.counts.get(&root).copied().unwrap_or(0)
    }

    fn fail<T>(&self, text: &str) -> Result<T, String> {
        let (block, position) = self.place;
        let id = self.function.blocks[block.index()].instructions[position];
        Err(format!("{block}, instruction {position} ({}): {text}", self.function.instruction(id).op.info().name))
    }

    fn is_alive(&self, root: Value) -> bool {
        match self.ownership(root) {
            Ownership::Uncounted | Ownership::Kept => true,
            Ownership::Borrowed => self.count(root) > 0 || self.valid.contains(&root),
            Ownership::Owned => self.count(root) > 0,
        }
    }

    fn take(&mut self, root: Value) {
        *self.counts.entry(root).or_insert(0) += 1;
    }

    /// Gives a reference away; the object may live on by others, but not for us.
    fn give(&mut self, root: Value) -> Result<(), String> {
        match self.counts.get_mut(&root) {
            None => self.fail(&format!("no reference to {root} is owned")),
            Some(1) => {
                self.counts.remove(&root);
                if !self.is_alive(root) {
                    self.end(root);
                }
                Ok(())
            }
            Some(count) => {
                *count -= 1;
                Ok(())
            }
        }
    }

    /// A root is gone: so is what was borrowed from it.
    fn end(&mut self, root: Value) {
        let lost: Vec<Value> = self.valid.iter().copied().filter(|&value| lender(self.function, value).1 == Some(root)).collect();
        for value in lost {
            self.valid.remove(&value);
            if self.count(value) == 0 {
                self.end(value);
            }
        }
    }

    /// Heaps were written: what was read from them is gone.
    fn written(&mut self, instruction: &Instruction) {
        let lost: Vec<Value> = self.valid.iter().copied().filter(|&value| lender(self.function, value).0.intersects(instruction.writes())).collect();
        for value in lost {
            self.valid.remove(&value);
            if self.count(value) == 0 {
                self.end(value);
            }
        }
    }

    fn block(&mut self, block: Block) -> Result<Vec<(Block, Counts)>, String> {
        let data = &self.function.blocks[block.index()];
        for (position, &id) in data.instructions.iter().enumerate() {
            let instruction = self.function.instruction(id);
            self.place = (block, position);
            match instruction.op {
                Op::Increment => {
                    let root = self.function.root(instruction.operands[0]);
                    if !self.is_alive(root) {
                        return self.fail(&format!("{root} is dead"));
                    }
                    self.take(root);
                }
                Op::Decrement => {
                    let root = self.function.root(instruction.operands[0]);
                    self.give(root)?;
                    if can_run_code(self.function.ty(instruction.operands[0])) {
                        self.written(instruction);
                    }
                }
                _ => self.instruction(instruction)?,
            }
            if instruction.is_terminator() {
                return instruction
                    .targets
                    .iter()
                    .enumerate()
                    .map(|(number, target)| {
                        let raised = instruction.op == Op::BranchRaised && number == 1;
                        Ok((target.block, self.edge(instruction, target, raised)?))
                    })
                    .collect();
            }
        }
        Ok(Vec::new())
    }

    fn instruction(&mut self, instruction: &Instruction) -> Result<(), String> {
        let function = self.function;
        let mut needed: Vec<Value> = Vec::new();
        for (position, &operand) in instruction.operands.iter().enumerate() {
            let root = function.root(operand);
            if !needs_reference(function.ty(root)) {
                continue;
            }
            if !self.is_alive(root) {
                return self.fail(&format!("operand {root} is dead"));
            }
            if instruction.steals(position) {
                self.give(root)?;
            } else {
                needed.push(root);
            }
        }
        if instruction.op != Op::Return {
            snapshot_values(function, instruction, &mut |value| needed.push(function.root(value)));
        }
        for &root in &needed {
            if !self.is_alive(root) {
                return self.fail(&format!("{root} is dead while it is needed"));
            }
        }
        if instruction.leaves() != Leaves::Never || instruction.op == Op::Return {
            self.check_owned(instruction)?;
        }
        self.written(instruction);
        for &root in &needed {
            if !self.is_alive(root) {
                return self.fail(&format!("{root} may die while the instruction runs"));
            }
        }
        if let Some(result) = instruction.result
            && function.root(result) == result
            && needs_reference(function.ty(result))
        {
            match instruction.yields() {
                Yield::New(_) => self.take(result),
                Yield::Borrowed(_) => {
                    self.valid.insert(result);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Compares what is owned with what the instruction says.
    fn check_owned(&self, instruction: &Instruction) -> Result<(), String> {
        let mut listed: SmallVec<[Value; 16]> = instruction.owned.iter().copied().collect();
        listed.sort_unstable();
        if listed.windows(2).any(|pair| pair[0] == pair[1]) {
            return self.fail("a value is listed twice as owned");
        }
        if !self.counts.keys().eq(&listed) {
            return self.fail(&format!("listed as owned: {listed:?}, owned: {:?}", self.counts.keys().collect::<Vec<_>>()));
        }
        match self.counts.iter().find(|row| *row.1 != 1) {
            Some((root, count)) => self.fail(&format!("{count} references to {root} are owned")),
            None => Ok(()),
        }
    }

    fn edge(&self, end: &Instruction, target: &coachwhip_ir::Target, raised: bool) -> Result<Counts, String> {
        let function = self.function;
        let mut walk = Walk { function, counts: self.counts.clone(), valid: self.valid.clone(), place: self.place };
        if raised {
            walk.counts.remove(&function.root(end.operands[0]));
        }
        let parameters = &function.blocks[target.block.index()].parameters;
        let mut given = Vec::new();
        for (&parameter, &argument) in parameters.iter().zip(&target.arguments) {
            let root = function.root(argument);
            // An alias that a guard found to be immortal or kept outlives our reference to its root.
            if function.ty(argument).is_counted() && !self.is_alive(root) {
                return self.fail(&format!("argument {root} is dead"));
            }
            if walk.ownership(parameter) == Ownership::Owned {
                given.push((parameter, root));
            }
        }
        for &(parameter, root) in given.iter().filter(|row| needs_reference(function.ty(row.1))) {
            if walk.count(root) == 0 {
                return self.fail(&format!("no reference to {root} is owned for {parameter} of {}", target.block));
            }
            walk.give(root)?;
        }
        for &(parameter, _) in &given {
            if walk.count(parameter) != 0 {
                return self.fail(&format!("the last turn's {parameter} of {} is still owned", target.block));
            }
            walk.take(parameter);
        }
        if let Some((root, count)) = walk.counts.iter().find(|row| *row.1 != 1) {
            return self.fail(&format!("{count} references to {root} are owned on the way to {}", target.block));
        }
        Ok(walk.counts)
    }
}

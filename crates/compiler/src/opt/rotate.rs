//! Turns loops around: the test at the head of a loop is copied before the loop, and the loop tests at its end.
//!
//! **Why.** Behind the first test the loop's body runs at least once, so that what is hoisted before it is not wasted; what the test binds (the variable of a `for`) has a
//! value in every later turn, so that it can stay unboxed; and there is one jump less in each turn.
//!
//! **How.** The head's instructions are copied to a new block for the edges that enter the loop. Values of the head that others use come in two forms then: both
//! targets of the test get parameters for them, and so does each block further down where the two meet.
//!
//! **Invariants.** Only heads that write nothing are copied: the state before the test is also a state from which the interpreter can go on after it, so that the new
//! head of the loop (the first block of the body) has an entry snapshot, too.
//!
//! ```text
//! block0: jump -> block1(v1)                      block0: jump -> block4(v1)
//! block1(v2): v3 = test v2                        block4(v5): v6 = test v5; branch v6 -> block2(v5), block3(v5)
//!             branch v3 -> block2, block3   =>    block2(v7): v4 = body v7; jump -> block1(v4)
//! block2: v4 = body v2; jump -> block1(v4)        block1(v2): v3 = test v2; branch v3 -> block2(v2), block3(v2)
//! block3: return v2                               block3(v8): return v8
//! ```

use super::PassContext;
use super::locals::assign_locals;
use coachwhip_ir::liveness::snapshot_values;
use coachwhip_ir::maps::HashMap;
use coachwhip_ir::{Block, ControlFlow, Dominators, Edge, Function, Instruction, Loops, Op, Snapshot, SnapshotId, Value};

/// Heads of more instructions are not copied.
const LIMIT: usize = 40;

/// The pass.
pub fn run(function: &mut Function, context: &mut PassContext<'_>) {
    function.remove_unreachable_blocks();
    let heads: Vec<Block> = {
        let flow = ControlFlow::new(function);
        let dominators = Dominators::new(function, &flow);
        Loops::new(function, &flow, &dominators).loops.iter().map(|looped| looped.header).collect()
    };
    let mut changed = false;
    for head in heads {
        changed |= rotate(function, head, context);
    }
    if changed {
        assign_locals(function);
    }
}

/// Turns one loop around, if that is of use; whether it was.
fn rotate(function: &mut Function, head: Block, context: &mut PassContext<'_>) -> bool {
    let flow = ControlFlow::new(function);
    let dominators = Dominators::new(function, &flow);
    let loops = Loops::new(function, &flow, &dominators);
    let Some(looped) = loops.of_header(head) else { return false };
    let Some(end) = function.terminator(head).filter(|end| end.op == Op::Branch) else { return false };
    let inside: Vec<usize> = (0..2).filter(|&target| looped.blocks.contains(end.targets[target].block)).collect();
    let [inside] = inside[..] else { return false };
    if end.targets[inside].block == head || !can_be_copied(function, head) || !context.spend() {
        return false;
    }
    let entries = looped.entries(&flow);
    // Both targets of the test get parameters, which other predecessors know nothing of.
    let mut targets = [head; 2];
    for (number, target) in targets.iter_mut().enumerate() {
        let next = function.successors(head).nth(number).expect("a branch has two targets").block;
        *target = if flow.predecessors(next).len() == 1 { next } else { function.split_edge(Edge { from: head, target: number }) };
    }
    let copies = copy_head(function, head, &entries);
    let entry_snapshot = function.block_mut(head).entry_snapshot.take();
    let flow = ControlFlow::new(function);
    let mut repair = Repair { head, copy: copies.block, targets, copies: copies.values, at_start: HashMap::default(), flow };
    repair.run(function);
    if let Some(snapshot) = entry_snapshot {
        let body = targets[inside];
        let moved = repair.snapshot(function, body, snapshot, &mut HashMap::default());
        function.block_mut(body).entry_snapshot = Some(moved);
    }
    true
}

/// Whether a head can be copied: small, and nothing that it does is noticed if the interpreter does it again.
fn can_be_copied(function: &Function, head: Block) -> bool {
    let instructions = &function.block(head).instructions;
    instructions.len() <= LIMIT
        && instructions.iter().all(|&id| {
            let instruction = function.instruction(id);
            instruction.writes().is_none() && !instruction.caught
        })
}

/// The copy of a head, and its form of each of the head's values.
struct Copies {
    block: Block,
    values: HashMap<Value, Value>,
}

fn copy_head(function: &mut Function, head: Block, entries: &[Edge]) -> Copies {
    let block = function.add_block();
    function.block_mut(block).cold = function.block(head).cold;
    let mut values = HashMap::default();
    for parameter in function.block(head).parameters.clone() {
        let data = function.values[parameter.index()];
        values.insert(parameter, function.add_parameter(block, data.ty, data.local));
    }
    let mut snapshots: HashMap<SnapshotId, SnapshotId> = HashMap::default();
    for id in function.block(head).instructions.clone() {
        let mut copy: Instruction = function.instruction(id).clone();
        let arguments = copy.targets.iter_mut().flat_map(|target| &mut target.arguments);
        for value in copy.operands.iter_mut().chain(arguments) {
            *value = values.get(value).copied().unwrap_or(*value);
        }
        copy.snapshot =
            copy.snapshot.map(|snapshot| map_snapshot(function, snapshot, &mut snapshots, &mut |value| values.get(&value).copied().unwrap_or(value)));
        let ty = copy.result.map(|result| function.ty(result));
        if let (Some(old), Some(new)) = (copy.result.take(), function.append(block, copy, ty)) {
            values.insert(old, new);
        }
    }
    for &entry in entries {
        function.target_mut(entry).block = block;
    }
    Copies { block, values }
}

/// A copy of a snapshot and its callers' snapshots with other values.
fn map_snapshot(
    function: &mut Function,
    snapshot: SnapshotId,
    known: &mut HashMap<SnapshotId, SnapshotId>,
    map: &mut impl FnMut(Value) -> Value,
) -> SnapshotId {
    if let Some(&done) = known.get(&snapshot) {
        return done;
    }
    let mut copy: Snapshot = function.snapshots[snapshot.index()].clone();
    copy.parent = copy.parent.map(|parent| map_snapshot(function, parent, known, map));
    for value in copy.values_mut() {
        *value = map(*value);
    }
    let done = function.add_snapshot(copy);
    known.insert(snapshot, done);
    done
}

/// Puts the right form of the head's values into the blocks below it.
struct Repair {
    head: Block,
    copy: Block,
    /// The two targets of the test, where both forms meet.
    targets: [Block; 2],
    /// The form of each value at the start of each block, as far as asked for.
    at_start: HashMap<(Block, Value), Value>,
    flow: ControlFlow,
    /// The copy's form of each of the head's values.
    copies: HashMap<Value, Value>,
}

impl Repair {
    fn run(&mut self, function: &mut Function) {
        for block in self.flow.reverse_postorder.clone() {
            if block == self.head || block == self.copy {
                continue;
            }
            self.block(function, block);
        }
    }

    fn is_own(&self, value: Value) -> bool {
        self.copies.contains_key(&value)
    }

    fn block(&mut self, function: &mut Function, block: Block) {
        let mut snapshots = HashMap::default();
        for id in function.block(block).instructions.clone() {
            for position in 0..function.instruction(id).operands.len() {
                let value = function.instruction(id).operands[position];
                if self.is_own(value) {
                    let form = self.at_start(function, block, value);
                    function.instruction_mut(id).operands[position] = form;
                }
            }
            for target in 0..function.instruction(id).targets.len() {
                for position in 0..function.instruction(id).targets[target].arguments.len() {
                    let value = function.instruction(id).targets[target].arguments[position];
                    if self.is_own(value) {
                        let form = self.at_start(function, block, value);
                        function.instruction_mut(id).targets[target].arguments[position] = form;
                    }
                }
            }
            if let Some(snapshot) = function.instruction(id).snapshot {
                let moved = self.snapshot(function, block, snapshot, &mut snapshots);
                function.instruction_mut(id).snapshot = Some(moved);
            }
        }
        if let Some(snapshot) = function.block(block).entry_snapshot {
            let moved = self.snapshot(function, block, snapshot, &mut snapshots);
            function.block_mut(block).entry_snapshot = Some(moved);
        }
    }

    /// A snapshot as it must be in a block.
    fn snapshot(&mut self, function: &mut Function, block: Block, snapshot: SnapshotId, known: &mut HashMap<SnapshotId, SnapshotId>) -> SnapshotId {
        let own: Vec<Value> = snapshot_values(function, snapshot).filter(|&value| self.is_own(value)).collect();
        if own.is_empty() {
            return snapshot;
        }
        let forms: HashMap<Value, Value> = own.into_iter().map(|value| (value, self.at_start(function, block, value))).collect();
        map_snapshot(function, snapshot, known, &mut |value| forms.get(&value).copied().unwrap_or(value))
    }

    /// The form of one of the head's values at the start of a block below it.
    fn at_start(&mut self, function: &mut Function, block: Block, value: Value) -> Value {
        // Straight lines first, so that long ones need no recursion.
        let mut block = block;
        while !self.targets.contains(&block)
            && let [edge] = *self.flow.predecessors(block)
        {
            block = edge.from;
        }
        if let Some(&form) = self.at_start.get(&(block, value)) {
            return form;
        }
        let data = function.values[value.index()];
        let form = function.add_parameter(block, data.ty, None);
        self.at_start.insert((block, value), form);
        for edge in self.flow.predecessors(block).to_vec() {
            let argument = if edge.from == self.head {
                value
            } else if edge.from == self.copy {
                self.copies[&value]
            } else {
                self.at_start(function, edge.from, value)
            };
            function.target_mut(edge).arguments.push(argument);
        }
        form
    }
}

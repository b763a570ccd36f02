//! Places reference counts: the last pass of all. No other pass knows of counts.
//!
//! **Why.** CPython's interpreter takes and gives back a reference for each push and pop. Here a value of the IR owns at most one reference, from its definition to
//! its last use, where snapshots are uses, too. Since snapshots name what the interpreter would hold, objects die where the interpreter drops them.
//!
//! **How.** Ownership belongs to the *root* of a value ([`Function::root`]), since guards yield the reference that they were given:
//!
//! - `Yield::New` is owned from its definition, and so are block parameters of counted types: each edge gives them a reference.
//! - `Yield::Borrowed` needs none while nothing can end what it was borrowed from: all its uses lie in its block, before any write to the heaps that it was read from,
//!   before any destructor that can run other code, and before the death of the object that it was read out of. Else it takes a reference right after it was read.
//! - `Yield::Kept` is never counted; only who steals it or passes it to a block parameter needs a reference.
//!
//! Then, in one walk over each block: a stolen operand hands its reference over if nobody needs it afterwards, else one is taken before; what has its last use at an
//! instruction is given back right after it, operands from left to right; what dies on an edge is given back at its end (critical edges are split). `Instruction::owned`
//! becomes the list of references that the function holds at each place where control can leave.
//!
//! **Invariant** ([`check_references`](super::check_references::check_references)): along each path each owned reference is consumed exactly once.
//!
//! ```text
//! v2 = list_get v0, v1                  v2 = list_get v0, v1
//! v3 = call_object v2, v9, v0     =>    increment v2
//! return v3                             increment v0
//!                                       v3 = call_object v2, v9, v0   owned [v0]
//!                                       return v3                     owned [v0]
//! ```

use super::frame_state::{FrameState, FrameStates};
use super::ownership::{Ownership, Ownerships, can_run_code, snapshot_values, unwound};
use coachwhip_ir::maps::HashMap;
use coachwhip_ir::{Block, Dominators, Edge, EntitySet, Function, Instruction, InstructionId, Leaves, Op, Value, Yield};
use smallvec::SmallVec;

/// The pass.
pub fn run(function: &mut Function, _context: &mut super::PassContext<'_>) {
    place_references(function);
}

/// Takes and gives back references, and fills in [`Instruction::owned`].
pub fn place_references(function: &mut Function) {
    let ownerships = Ownerships::new(function);
    let mut aliases: HashMap<Value, Vec<Value>> = HashMap::default();
    for index in 0..function.values.len() {
        let value = Value::from_index(index);
        if ownerships.root(value) != value {
            aliases.entry(ownerships.root(value)).or_default().push(value);
        }
    }
    Placement { ownerships, aliases }.place(function);
}

/// The decisions, and how they are carried out.
struct Placement {
    ownerships: Ownerships,
    /// By root: the other forms of its value.
    aliases: HashMap<Value, Vec<Value>>,
}

impl std::ops::Deref for Placement {
    type Target = Ownerships;
    fn deref(&self) -> &Ownerships {
        &self.ownerships
    }
}

impl Placement {
    /// Puts the increments and decrements in.
    fn place(&self, function: &mut Function) {
        let mut states = FrameStates::new(function, Dominators::new(function, &self.flow));
        // What dies on the edge to a block with one predecessor, which comes before it in this order.
        let mut prologues: Vec<Vec<InstructionId>> = vec![Vec::new(); function.blocks.len()];
        for &block in &self.flow.reverse_postorder {
            let prologue = std::mem::take(&mut prologues[block.index()]);
            let (held, state) = self.place_in_block(function, block, prologue, &mut states);
            self.place_on_edges(function, block, held, state, &mut states, &mut prologues);
        }
    }

    /// Handles all instructions of a block; returns the roots whose references the function holds at its end, and the frame's state there.
    fn place_in_block(&self, function: &mut Function, block: Block, prologue: Vec<InstructionId>, states: &mut FrameStates) -> (EntitySet<Value>, FrameState) {
        let deaths = self.deaths(function, block);
        let old = std::mem::take(&mut function.blocks[block.index()].instructions);
        let mut new = Vec::with_capacity(old.len() + old.len() / 2);
        let mut held = EntitySet::with_capacity(function.values.len());
        let alive = self.liveness.live_in(block).iter().chain(function.block(block).parameters.iter().copied());
        for root in alive.filter(|&root| self.is_owned(root)) {
            held.insert(root);
        }
        let mut state = states.at_start(function, block, &self.flow, &old);
        // The forms of roots that were seen in this block: their types say more.
        let mut closest: Vec<(Value, Value)> = Vec::new();
        // Before the first instruction, but after a `catch`, which must stay the first.
        let start = usize::from(old.first().is_some_and(|&first| function.instruction(first).op == Op::Catch));
        for (position, &id) in old.iter().enumerate() {
            let instruction = function.instruction(id).clone();
            if position == start {
                new.extend_from_slice(&prologue);
                for &root in &deaths.at_start {
                    held.remove(root);
                    new.push(decrement(function, root, instruction.offset, block, &state, states));
                }
            }
            let dying = &deaths.after[position];
            let mut moved: SmallVec<[Value; 4]> = SmallVec::new();
            for (root, times) in self.stolen(&instruction) {
                let hands_over =
                    self.is_owned(root) && dying.contains(&root) && (instruction.op == Op::Return || !self.needs_during(function, &instruction, root));
                if hands_over {
                    moved.push(root);
                }
                for _ in 0..times - u32::from(hands_over) {
                    new.push(increment(function, root, instruction.offset));
                }
            }
            if instruction.leaves() != Leaves::Never || instruction.op == Op::Return {
                function.instruction_mut(id).owned = self.owned_list(function, &instruction, &held, &moved);
            }
            for &root in &moved {
                held.remove(root);
            }
            new.push(id);
            state.pass(function, &instruction);
            for &operand in instruction.operands.iter().chain(&instruction.result) {
                let root = self.root(operand);
                if self.is_owned(root) {
                    note_alias(function, &mut closest, root, operand);
                }
            }
            if let Some(result) = instruction.result.filter(|&result| self.root(result) == result && self.is_owned(result)) {
                held.insert(result);
                if matches!(instruction.yields(), Yield::Borrowed(_)) {
                    new.push(increment(function, result, instruction.offset));
                }
            }
            // Nothing may stand between a caught instruction and the end of its block; what dies there is still held and is given back on the edges.
            if instruction.caught || instruction.is_terminator() {
                continue;
            }
            for &root in dying {
                if held.remove(root) {
                    let alias = closest.iter().find(|row| row.0 == root).map_or(root, |row| row.1);
                    let alias = self.closest_above(function, alias, block, states);
                    new.push(decrement(function, alias, instruction.offset, block, &state, states));
                }
            }
        }
        function.block_mut(block).instructions = new;
        states.set_end(block, state.clone());
        (held, state)
    }

    fn owned_list(&self, function: &Function, instruction: &Instruction, held: &EntitySet<Value>, moved: &[Value]) -> Vec<Value> {
        let mut left: Vec<Value> = held.iter().filter(|root| !moved.contains(root)).collect();
        if instruction.op != Op::Return {
            return left;
        }
        // The locals die in the order of their slots.
        let mut ordered = Vec::with_capacity(left.len());
        snapshot_values(function, instruction, &mut |value| {
            let root = self.root(value);
            if let Some(position) = left.iter().position(|&other| other == root) {
                ordered.push(left.remove(position));
            }
        });
        ordered.append(&mut left);
        ordered
    }

    /// Gives parameters of successors their references, and gives back what they do not use.
    fn place_on_edges(
        &self,
        function: &mut Function,
        block: Block,
        held: EntitySet<Value>,
        state: FrameState,
        states: &mut FrameStates,
        prologues: &mut [Vec<InstructionId>],
    ) {
        let Some(end) = function.terminator(block).cloned() else { return };
        let order = self.edge_order(function, block, &held);
        for (number, target) in end.targets.iter().enumerate() {
            let raised = end.op == Op::BranchRaised && number == 1;
            let outcome = end.operands.first().map(|&outcome| self.root(outcome)).filter(|_| raised);
            let live_in = self.liveness.live_in(target.block);
            let mut left: Vec<Value> = order.iter().copied().filter(|&root| outcome != Some(root) && !live_in.contains(root)).collect();
            let mut code = Vec::new();
            let parameters = function.block(target.block).parameters.clone();
            for (&parameter, &argument) in parameters.iter().zip(&target.arguments) {
                let root = self.root(argument);
                if !self.is_owned(parameter) || self.ownership(root) == Ownership::Uncounted {
                    continue;
                }
                match left.iter().position(|&other| other == root) {
                    Some(position) => {
                        left.remove(position);
                    }
                    None => code.push(increment(function, argument, end.offset)),
                }
            }
            let must_come_before_target = !code.is_empty();
            // After the increments: what dies may be the only owner of what was borrowed.
            for root in left {
                let alias = self.closest_above(function, root, block, states);
                code.push(decrement(function, alias, end.offset, block, &state, states));
            }
            if code.is_empty() {
                continue;
            }
            if end.targets.len() == 1 {
                let instructions = &mut function.block_mut(block).instructions;
                let at = instructions.len() - 1;
                instructions.splice(at..at, code);
            } else if self.flow.predecessors(target.block).len() == 1 && !must_come_before_target {
                prologues[target.block.index()] = code;
            } else {
                let between = function.split_edge(Edge { from: block, target: number });
                function.block_mut(between).instructions.splice(0..0, code);
            }
        }
    }

    /// The form of a value, among those of blocks above, of which most is known: a decrement of it can be cheaper.
    fn closest_above(&self, function: &Function, value: Value, block: Block, states: &FrameStates) -> Value {
        let mut best = value;
        for &alias in self.aliases.get(&self.root(value)).into_iter().flatten() {
            let ty = function.ty(alias);
            if ty.is_counted() && ty != function.ty(best) && ty.is_subtype(function.ty(best)) && states.is_above(alias, block) {
                best = alias;
            }
        }
        best
    }

    /// The held roots in the order in which they die on edges: operands of a caught instruction first, then what is on the stack, newest first (`exception_unwind` in
    /// Python/ceval.c), from the innermost frame on, then by number.
    fn edge_order(&self, function: &Function, block: Block, held: &EntitySet<Value>) -> Vec<Value> {
        let mut order = Vec::new();
        if let [.., caught, _] = function.block(block).instructions[..]
            && function.instruction(caught).caught
        {
            let instruction = function.instruction(caught);
            let mut add = |root: Value| {
                if held.contains(root) && !order.contains(&root) {
                    order.push(root);
                }
            };
            let mut on_stack: SmallVec<[Value; 8]> = SmallVec::new();
            unwound(function, instruction, &mut |value| on_stack.push(self.root(value)));
            let operands: SmallVec<[Value; 8]> = instruction.operands.iter().map(|&operand| self.root(operand)).collect();
            self.uses(function, instruction).into_iter().filter(|root| operands.contains(root) && !on_stack.contains(root)).for_each(&mut add);
            on_stack.into_iter().for_each(&mut add);
            self.uses(function, instruction).into_iter().for_each(&mut add);
        }
        let rest: Vec<Value> = held.iter().filter(|root| !order.contains(root)).collect();
        order.extend(rest);
        order
    }
}

/// Remembers an alias of a root, if its type says more and a decrement of it is as good as one of the root.
fn note_alias(function: &Function, closest: &mut Vec<(Value, Value)>, root: Value, alias: Value) {
    let ty = function.ty(alias);
    let known = match closest.iter_mut().find(|row| row.0 == root) {
        Some(row) => row,
        None => {
            closest.push((root, root));
            closest.last_mut().expect("just pushed")
        }
    };
    if ty.is_counted() && ty.is_subtype(function.ty(known.1)) {
        known.1 = alias;
    }
}

fn increment(function: &mut Function, value: Value, offset: u32) -> InstructionId {
    function.add_instruction(Instruction::new(Op::Increment, &[value]).at(offset), None)
}

fn decrement(function: &mut Function, value: Value, offset: u32, block: Block, state: &FrameState, states: &mut FrameStates) -> InstructionId {
    let mut instruction = Instruction::new(Op::Decrement, &[value]).at(offset);
    if can_run_code(function.ty(value)) {
        instruction.snapshot = states.snapshot(function, block, state, offset);
    }
    function.add_instruction(instruction, None)
}

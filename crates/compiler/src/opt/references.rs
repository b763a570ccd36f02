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
//! return v3                             v3 = call_object v2, v9, v0   owned [v0, v2]
//!                                       decrement v2
//!                                       return v3                     owned [v0]
//! ```

use super::frame_state::{FrameState, FrameStates};
use coachwhip_ir::{
    Block, ControlFlow, Definition, Dominators, Edge, EntitySet, Flavour, Function, Heaps, Instruction, InstructionId, Leaves, Liveness, Op, Type, Value, Yield,
};
use smallvec::SmallVec;

/// What a root needs by way of references.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ownership {
    /// It is no object, or all its objects are immortal.
    Uncounted,
    /// Somebody holds it for as long as the function runs.
    Kept,
    /// This function reads it out of an object that owns it.
    Borrowed,
    /// This function owns a reference to it.
    Owned,
}

/// What the definition of a root says, before any borrowed value takes a reference of its own.
pub(super) fn ownership_by_definition(function: &Function, root: Value) -> Ownership {
    let ty = function.ty(root);
    if !needs_reference(ty) {
        return Ownership::Uncounted;
    }
    match function.values[root.index()].definition {
        Definition::Parameter(..) if ty.is_counted() => Ownership::Owned,
        Definition::Parameter(..) => Ownership::Kept,
        Definition::Result(id) => match function.instruction(id).yields() {
            Yield::New(_) => Ownership::Owned,
            Yield::Borrowed(_) => Ownership::Borrowed,
            _ => Ownership::Kept,
        },
    }
}

/// Whether who takes over a value of this type must be given a reference: an object that can be mortal, be it a constant or not.
pub(super) fn needs_reference(ty: Type) -> bool {
    ty.is_object() && !ty.classes.is_immortal()
}

/// Whether giving back the last reference to a value of this type can run other code.
pub(super) fn can_run_code(ty: Type) -> bool {
    !ty.classes.is_trivial()
}

/// The heaps that must stay unchanged for a borrowed value to live, and the root of the object that it was read out of.
pub(super) fn lender(function: &Function, borrowed: Value) -> (Heaps, Option<Value>) {
    let instruction = function.defining(borrowed).expect("parameters are never borrowed");
    let owner = instruction.operands.first().map(|&owner| function.root(owner)).filter(|&owner| function.ty(owner).is_object());
    (instruction.reads(), owner)
}

/// The pass.
pub fn run(function: &mut Function, _context: &mut super::PassContext<'_>) {
    place_references(function);
}

/// Takes and gives back references, and fills in [`Instruction::owned`].
pub fn place_references(function: &mut Function) {
    let roots: Vec<Value> = (0..function.values.len()).map(|index| function.root(Value::from_index(index))).collect();
    let ownership = roots
        .iter()
        .enumerate()
        .map(|(index, &root)| if root.index() == index { ownership_by_definition(function, root) } else { Ownership::Uncounted })
        .collect();
    let flow = ControlFlow::new(function);
    let liveness = Liveness::new(function, &flow, Flavour::Roots);
    let mut placement = Placement { roots, ownership, liveness, flow };
    placement.promote_borrowed(function);
    placement.place(function);
}

/// Roots that each instruction uses for the last time, by position in its block.
struct Deaths {
    at_start: Vec<Value>,
    after: Vec<SmallVec<[Value; 2]>>,
}

struct Placement {
    /// The root of each value.
    roots: Vec<Value>,
    /// By root.
    ownership: Vec<Ownership>,
    /// Of roots; snapshots are uses.
    liveness: Liveness,
    flow: ControlFlow,
}

/// References that an instruction takes over, by root.
type Stolen = SmallVec<[(Value, u32); 4]>;

impl Placement {
    fn root(&self, value: Value) -> Value {
        self.roots[value.index()]
    }

    fn ownership(&self, root: Value) -> Ownership {
        self.ownership[root.index()]
    }

    fn is_owned(&self, root: Value) -> bool {
        self.ownership(root) == Ownership::Owned
    }

    /// Whether deaths of a root matter.
    fn is_followed(&self, root: Value) -> bool {
        matches!(self.ownership(root), Ownership::Owned | Ownership::Borrowed)
    }

    /// The followed roots that an instruction uses, in the order in which they die: operands, then what snapshots name, then arguments of targets. May repeat.
    fn uses(&self, function: &Function, instruction: &Instruction) -> SmallVec<[Value; 16]> {
        let mut uses = SmallVec::new();
        let mut add = |value: Value| {
            let root = self.root(value);
            if self.is_followed(root) {
                uses.push(root);
            }
        };
        match death_order(instruction) {
            Some(order) => order.iter().for_each(|&position| add(instruction.operands[position])),
            None => instruction.operands.iter().copied().for_each(&mut add),
        }
        snapshot_values(function, instruction, &mut add);
        instruction.targets.iter().flat_map(|target| &target.arguments).copied().for_each(&mut add);
        uses
    }

    /// Where the followed roots of a block have their last uses, if that is in the block. What has none dies at its definition.
    fn deaths(&self, function: &Function, block: Block) -> Deaths {
        let data = &function.blocks[block.index()];
        let mut alive = self.liveness.live_out(block).clone();
        let mut after = vec![SmallVec::new(); data.instructions.len()];
        for (position, &id) in data.instructions.iter().enumerate().rev() {
            let instruction = function.instruction(id);
            let dying: &mut SmallVec<[Value; 2]> = &mut after[position];
            for root in self.uses(function, instruction) {
                if alive.insert(root) {
                    dying.push(root);
                }
            }
            if let Some(result) = instruction.result {
                let root = self.root(result);
                if root == result && self.is_followed(root) && !alive.contains(root) {
                    // The interpreter gives back the old content of a slot before the operands.
                    let first = matches!(
                        instruction.op,
                        Op::ExchangeField | Op::ListExchange | Op::InlineValueExchange | Op::SlotExchange | Op::CellExchange
                    );
                    if first { dying.insert(0, root) } else { dying.push(root) }
                }
            }
        }
        let at_start = data.parameters.iter().copied().filter(|parameter| self.is_followed(*parameter) && !alive.contains(*parameter)).collect();
        Deaths { at_start, after }
    }

    /// Decides which borrowed values take a reference of their own.
    fn promote_borrowed(&mut self, function: &Function) {
        let mut borrowed_in: Vec<Vec<(usize, Value)>> = vec![Vec::new(); function.blocks.len()];
        for block in function.block_ids() {
            for (position, &id) in function.blocks[block.index()].instructions.iter().enumerate() {
                let Some(result) = function.instruction(id).result else { continue };
                if self.root(result) == result && self.ownership(result) == Ownership::Borrowed {
                    if self.liveness.live_out(block).contains(result) {
                        self.ownership[result.index()] = Ownership::Owned;
                    } else {
                        borrowed_in[block.index()].push((position, result));
                    }
                }
            }
        }
        for (block, mut borrowed) in function.block_ids().zip(borrowed_in) {
            if borrowed.is_empty() {
                continue;
            }
            let deaths = self.deaths(function, block);
            // A value that takes a reference gives it back later, which can end what others borrow: repeat.
            loop {
                let before = borrowed.len();
                borrowed.retain(|&(position, value)| {
                    let keep = self.outlives_uses(function, block, &deaths, position, value);
                    if !keep {
                        self.ownership[value.index()] = Ownership::Owned;
                    }
                    keep
                });
                if borrowed.len() == before {
                    break;
                }
            }
        }
    }

    /// Whether a borrowed value, defined at a position of a block, is surely alive until its last use.
    fn outlives_uses(&self, function: &Function, block: Block, deaths: &Deaths, defined: usize, value: Value) -> bool {
        // The heaps that keep it and the borrowed objects around it alive, and the owned object at the end of that chain.
        let (mut heaps, mut owner) = lender(function, value);
        while let Some(root) = owner
            && self.ownership(root) == Ownership::Borrowed
        {
            let (more, next) = lender(function, root);
            heaps = heaps.union(more);
            owner = next;
        }
        let instructions = &function.blocks[block.index()].instructions;
        for (position, &id) in instructions.iter().enumerate().skip(defined) {
            let instruction = function.instruction(id);
            let last = deaths.after[position].contains(&value);
            if position > defined {
                let moved = owner.is_some_and(|owner| deaths.after[position].contains(&owner) && self.takes_over(instruction, owner));
                if (instruction.writes().intersects(heaps) || moved) && (!last || self.needs_during(function, instruction, value)) {
                    return false;
                }
            }
            if last {
                return true;
            }
            for &dying in &deaths.after[position] {
                if owner == Some(dying) || (self.is_owned(dying) && can_run_code(function.ty(dying)) && !heaps.is_none()) {
                    return false;
                }
            }
        }
        unreachable!("a borrowed value that dies in its block has a last use there");
    }

    /// Whether an instruction steals a reference to a root.
    fn takes_over(&self, instruction: &Instruction, root: Value) -> bool {
        instruction.operands.iter().enumerate().any(|(position, &operand)| self.root(operand) == root && instruction.steals(position))
    }

    /// Whether a root must stay alive while an instruction runs: it is an operand that is not stolen, or the snapshot names it.
    fn needs_during(&self, function: &Function, instruction: &Instruction, root: Value) -> bool {
        let mut needed = instruction.operands.iter().enumerate().any(|(position, &operand)| self.root(operand) == root && !instruction.steals(position));
        snapshot_values(function, instruction, &mut |value| needed |= self.root(value) == root);
        needed
    }

    fn stolen(&self, instruction: &Instruction) -> Stolen {
        let mut stolen = Stolen::new();
        for (position, &operand) in instruction.operands.iter().enumerate() {
            let root = self.root(operand);
            if !instruction.steals(position) || self.ownership(root) == Ownership::Uncounted {
                continue;
            }
            match stolen.iter_mut().find(|row| row.0 == root) {
                Some(row) => row.1 += 1,
                None => stolen.push((root, 1)),
            }
        }
        stolen
    }

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
    fn place_in_block(
        &self,
        function: &mut Function,
        block: Block,
        prologue: Vec<InstructionId>,
        states: &mut FrameStates,
    ) -> (EntitySet<Value>, FrameState) {
        let deaths = self.deaths(function, block);
        let old = std::mem::take(&mut function.blocks[block.index()].instructions);
        let mut new = Vec::with_capacity(old.len() + old.len() / 2);
        let mut held = EntitySet::with_capacity(function.values.len());
        let alive = self.liveness.live_in(block).iter().chain(function.block(block).parameters.iter().copied());
        for root in alive.filter(|&root| self.is_owned(root)) {
            held.insert(root);
        }
        let mut state = states.at_start(function, block, &self.flow, &old);
        // The alias of each root that was seen last in this block: its type says more.
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
                let hands_over = self.is_owned(root)
                    && dying.contains(&root)
                    && (instruction.op == Op::Return || !self.needs_during(function, &instruction, root));
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
            state.pass(&instruction);
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
    fn place_on_edges(&self, function: &mut Function, block: Block, held: EntitySet<Value>, state: FrameState, states: &mut FrameStates, prologues: &mut [Vec<InstructionId>]) {
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
                code.push(decrement(function, root, end.offset, block, &state, states));
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

    /// The held roots in the order in which they die on edges: operands of a caught instruction first, then by number.
    fn edge_order(&self, function: &Function, block: Block, held: &EntitySet<Value>) -> Vec<Value> {
        let mut order = Vec::new();
        if let [.., caught, _] = function.block(block).instructions[..]
            && function.instruction(caught).caught
        {
            for root in self.uses(function, function.instruction(caught)) {
                if held.contains(root) && !order.contains(&root) {
                    order.push(root);
                }
            }
        }
        let rest: Vec<Value> = held.iter().filter(|root| !order.contains(root)).collect();
        order.extend(rest);
        order
    }
}

/// In which order the interpreter gives back the operands of an instruction, where it is not from left to right: STORE_SUBSCR and STORE_ATTR drop the value first
/// (`DECREF_INPUTS` in Python/bytecodes.c goes by the order of the stack).
fn death_order(instruction: &Instruction) -> Option<&'static [usize]> {
    use coachwhip_ir::{Helper, Immediate};
    match instruction.immediates.first() {
        Some(Immediate::Helper(Helper::SetItem)) if instruction.operands.len() == 3 => Some(&[2, 0, 1]),
        Some(Immediate::Helper(Helper::StoreAttribute)) if instruction.operands.len() == 4 => Some(&[2, 0, 1, 3]),
        _ => None,
    }
}

/// Calls `visit` with each value that the snapshot of an instruction and those of its callers name.
pub(super) fn snapshot_values(function: &Function, instruction: &Instruction, visit: &mut impl FnMut(Value)) {
    if let Some(snapshot) = instruction.snapshot {
        for id in function.snapshot_chain(snapshot) {
            function.snapshots[id.index()].values().for_each(&mut *visit);
        }
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

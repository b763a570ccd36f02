//! Who owns which object: what the placement of reference counts decides, and what other passes must know of it before it runs.
//!
//! An object can die, and its destructor run any code, wherever a value has its last use ([`Ownerships::deaths`]). Passes that carry knowledge of memory past such
//! a point ask [`Endings`].

use coachwhip_ir::maps::HashMap;
use coachwhip_ir::{Block, ControlFlow, Definition, Flavour, Function, Heaps, Instruction, InstructionId, Liveness, Op, Type, Value, Yield};
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

/// Roots that each instruction uses for the last time, by position in its block.
pub(super) struct Deaths {
    /// Parameters that nobody uses.
    pub(super) at_start: Vec<Value>,
    /// By position.
    pub(super) after: Vec<SmallVec<[Value; 2]>>,
}

pub(super) struct Ownerships {
    /// The root of each value.
    roots: Vec<Value>,
    /// By root.
    ownership: Vec<Ownership>,
    /// Of roots; snapshots are uses.
    pub(super) liveness: Liveness,
    pub(super) flow: ControlFlow,
}

/// References that an instruction takes over, by root.
pub(super) type Stolen = SmallVec<[(Value, u32); 4]>;

impl Ownerships {
    /// Decides for all values of a function.
    pub(super) fn new(function: &Function) -> Ownerships {
        let roots: Vec<Value> = (0..function.values.len()).map(|index| function.root(Value::from_index(index))).collect();
        let ownership = roots
            .iter()
            .enumerate()
            .map(|(index, &root)| if root.index() == index { ownership_by_definition(function, root) } else { Ownership::Uncounted })
            .collect();
        let flow = ControlFlow::new(function);
        let liveness = Liveness::new(function, &flow, Flavour::Roots);
        let mut ownerships = Ownerships { roots, ownership, liveness, flow };
        ownerships.promote_borrowed(function);
        ownerships
    }

    pub(super) fn root(&self, value: Value) -> Value {
        self.roots[value.index()]
    }

    pub(super) fn ownership(&self, root: Value) -> Ownership {
        self.ownership[root.index()]
    }

    pub(super) fn is_owned(&self, root: Value) -> bool {
        self.ownership(root) == Ownership::Owned
    }

    /// Whether deaths of a root matter.
    pub(super) fn is_followed(&self, root: Value) -> bool {
        matches!(self.ownership(root), Ownership::Owned | Ownership::Borrowed)
    }

    /// The followed roots that an instruction uses, in the order in which they die: operands, then what snapshots name, then arguments of targets. May repeat.
    pub(super) fn uses(&self, function: &Function, instruction: &Instruction) -> SmallVec<[Value; 16]> {
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
        if instruction.op == Op::Catch {
            unwound(function, instruction, &mut add);
        }
        snapshot_values(function, instruction, &mut add);
        instruction.targets.iter().flat_map(|target| &target.arguments).copied().for_each(&mut add);
        uses
    }

    /// Where the followed roots of a block have their last uses, if that is in the block. What has none dies at its definition.
    pub(super) fn deaths(&self, function: &Function, block: Block) -> Deaths {
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
                    let first = matches!(instruction.op, Op::ExchangeField | Op::ListExchange | Op::InlineValueExchange | Op::SlotExchange | Op::CellExchange);
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
    pub(super) fn needs_during(&self, function: &Function, instruction: &Instruction, root: Value) -> bool {
        let mut needed = instruction.operands.iter().enumerate().any(|(position, &operand)| self.root(operand) == root && !instruction.steals(position));
        snapshot_values(function, instruction, &mut |value| needed |= self.root(value) == root);
        needed
    }

    pub(super) fn stolen(&self, instruction: &Instruction) -> Stolen {
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
}

/// In which order the interpreter gives back the operands of an instruction, where it is not from left to right: STORE_SUBSCR and STORE_ATTR drop the value first,
/// CONTAINS_OP the item (`DECREF_INPUTS` in Python/bytecodes.c goes by the order of the stack); bounds of slices go with the slice (BINARY_SLICE, STORE_SLICE).
fn death_order(instruction: &Instruction) -> Option<&'static [usize]> {
    use coachwhip_ir::{Helper, Immediate};
    match instruction.immediates.first() {
        Some(Immediate::Helper(Helper::SetItem)) if instruction.operands.len() == 3 => Some(&[2, 0, 1]),
        Some(Immediate::Helper(Helper::StoreAttribute)) if instruction.operands.len() == 4 => Some(&[2, 0, 1, 3]),
        Some(Immediate::Helper(Helper::Contains)) if instruction.operands.len() == 2 => Some(&[1, 0]),
        Some(Immediate::Helper(Helper::GetSlice)) if instruction.operands.len() == 3 => Some(&[1, 2, 0]),
        Some(Immediate::Helper(Helper::SetSlice)) if instruction.operands.len() == 4 => Some(&[1, 2, 3, 0]),
        _ => None,
    }
}

/// Calls `visit` with the values that a handler's frame gives up, in the interpreter's order: the stack, newest first (`exception_unwind` in Python/ceval.c), from the
/// innermost frame on, whose locals follow if it is an inlined one.
pub(super) fn unwound(function: &Function, instruction: &Instruction, visit: &mut impl FnMut(Value)) {
    for id in instruction.snapshot.into_iter().flat_map(|snapshot| function.snapshot_chain(snapshot)) {
        let snapshot = &function.snapshots[id.index()];
        snapshot.stack.iter().rev().flatten().copied().for_each(&mut *visit);
        if snapshot.function.is_some() {
            snapshot.locals.iter().flatten().copied().for_each(&mut *visit);
        }
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

/// Where objects whose end can be noticed may end.
pub(super) struct Endings {
    after: HashMap<InstructionId, SmallVec<[Value; 2]>>,
    on_edges_to: Vec<SmallVec<[Value; 2]>>,
}

impl Endings {
    /// Of a function.
    pub(super) fn new(function: &Function) -> Endings {
        let ownerships = Ownerships::new(function);
        let mut endings = Endings { after: HashMap::default(), on_edges_to: vec![SmallVec::new(); function.blocks.len()] };
        let matters = |root: Value| ownerships.is_owned(root) && can_run_code(function.ty(root));
        for &block in &ownerships.flow.reverse_postorder {
            let deaths = ownerships.deaths(function, block);
            endings.on_edges_to[block.index()].extend(deaths.at_start.iter().copied().filter(|&root| matters(root)));
            let mut at_end: SmallVec<[Value; 4]> = SmallVec::new();
            for (&id, dying) in function.block(block).instructions.iter().zip(&deaths.after) {
                let instruction = function.instruction(id);
                let ending = dying
                    .iter()
                    .copied()
                    .filter(|&root| matters(root) && (!ownerships.takes_over(instruction, root) || ownerships.needs_during(function, instruction, root)));
                if instruction.caught || instruction.is_terminator() {
                    at_end.extend(ending);
                } else {
                    let ending: SmallVec<[Value; 2]> = ending.collect();
                    if !ending.is_empty() {
                        endings.after.insert(id, ending);
                    }
                }
            }
            for target in function.successors(block) {
                let live_in = ownerships.liveness.live_in(target.block);
                let left = ownerships.liveness.live_out(block).iter_without(live_in).filter(|&root| matters(root));
                for root in left.chain(at_end.iter().copied()) {
                    let moves = target.arguments.iter().any(|&argument| ownerships.root(argument) == root);
                    if !live_in.contains(root) && !moves {
                        endings.on_edges_to[target.block.index()].push(root);
                    }
                }
            }
        }
        endings
    }

    /// Roots that may end right after an instruction.
    pub(super) fn after(&self, id: InstructionId) -> &[Value] {
        self.after.get(&id).map_or(&[], |roots| roots)
    }

    /// Roots that may end on the ways to a block, or at its start.
    pub(super) fn at_start(&self, block: Block) -> &[Value] {
        &self.on_edges_to[block.index()]
    }
}

//! Moves out of loops what is the same in every turn: guards, unboxed values, loads, arithmetic.
//!
//! **Why.** A loop over `n` guards the class of `n` and unboxes it in each turn, though neither can change.
//!
//! **How.** For each loop, inner ones first: an instruction whose operands come from outside and whose memory nobody in the loop writes moves to the end of the block before
//! the loop. What can leave gets the loop's entry snapshot (with what the entry gives the head's parameters), so that the interpreter then runs the loop from its start.
//!
//! **Invariants.** Only what runs in every turn may leave early, and not where the interpreter has refuted it. A load whose address only holds by the guards before it
//! moves only if it stands in the head itself and all guards before it have moved. The ends of objects count as writes of anything if their destructors can run code.
//!
//! ```text
//! block0: jump -> block1(v2)                         block0: v4 = guard_class[Int] v1 snap0'
//! block1(v3): entry snap0                     =>             jump -> block1(v2)
//!     v4 = guard_class[Int] v1 snap7                 block1(v3): entry snap0
//! ```

use super::PassContext;
use super::locals;
use super::loop_entry::{entry_snapshot, may_guard_before};
use super::memory::{self, Place};
use super::ownership::{Endings, can_run_code};
use coachwhip_abi::facts::Facts;
use coachwhip_ir::{
    Block, ControlFlow, Definition, Dominators, EntitySet, Function, Heaps, Immediate, Instruction, InstructionId, Leaves, Loop, Loops, Op, SnapshotId, Value,
    Yield,
};

/// Functions of more loops than this are left alone, for compiling them would take too long.
const MOST_LOOPS: usize = 100;

/// The pass.
pub fn run(function: &mut Function, context: &mut PassContext<'_>) {
    function.remove_unreachable_blocks();
    let heads: Vec<Block> = {
        let flow = ControlFlow::new(function);
        let dominators = Dominators::new(function, &flow);
        Loops::new(function, &flow, &dominators).loops.iter().rev().map(|looped| looped.header).collect()
    };
    if heads.len() > MOST_LOOPS {
        return;
    }
    for head in heads {
        hoist(function, head, context);
    }
}

/// Moves out of one loop what can be moved.
fn hoist(function: &mut Function, head: Block, context: &mut PassContext<'_>) {
    let flow = ControlFlow::new(function);
    let dominators = Dominators::new(function, &flow);
    let loops = Loops::new(function, &flow, &dominators);
    let Some(looped) = loops.of_header(head) else { return };
    let mut mover = Mover::new(function, looped, &dominators, context.facts);
    let mut found: Vec<(Block, InstructionId)> = Vec::new();
    for &block in flow.reverse_postorder.iter().filter(|block| looped.blocks.contains(**block)) {
        if function.block(block).cold {
            continue;
        }
        for &id in &function.block(block).instructions {
            if mover.can_move(function, block, id) && context.spend() {
                mover.note(function, id);
                found.push((block, id));
            }
        }
    }
    if found.is_empty() {
        return;
    }
    let before = function.make_preheader(looped, &flow);
    let arguments = function.successors(before).find(|target| target.block == head).map(|target| target.arguments.clone()).unwrap_or_default();
    let snapshot = entry_snapshot(function, head, &arguments);
    // Who passes the moved guards passes the clearing of slots, too: until then they hold what the snapshot says.
    let guards = found.iter().any(|&(_, id)| function.instruction(id).snapshot.is_some());
    let Some(clearing) = snapshot.filter(|_| guards).map_or(Some(Vec::new()), |snapshot| take_clearing(function, before, snapshot)) else { return };
    let offset = function.terminator(before).map_or(0, |end| end.offset);
    let end = function.block(before).instructions.len() - 1;
    let mut moved: Vec<InstructionId> = Vec::new();
    for (block, id) in found {
        // Constants in the loop are made anew.
        for position in 0..function.instruction(id).operands.len() {
            let operand = function.instruction(id).operands[position];
            if let Some(constant) = constant_inside(function, looped, &mover, operand) {
                let ty = function.ty(operand);
                let copy = function.add_instruction(Instruction { result: None, offset, ..constant }, Some(ty));
                moved.push(copy);
                function.instruction_mut(id).operands[position] = function.instruction(copy).result.expect("constants have values");
            }
        }
        function.remove_instruction(block, id);
        let instruction = function.instruction_mut(id);
        instruction.offset = offset;
        if instruction.snapshot.is_some() {
            instruction.snapshot = snapshot;
        }
        moved.push(id);
    }
    moved.extend(clearing);
    function.block_mut(before).instructions.splice(end..end, moved);
}

/// Takes out of a block what clears slots that the snapshot needs; `None` if that is not where they are cleared, and nothing is taken then.
fn take_clearing(function: &mut Function, before: Block, snapshot: SnapshotId) -> Option<Vec<InstructionId>> {
    let slots = locals::emptied_slots(function, before, snapshot);
    let mut clearing = Vec::new();
    for &slot in &slots {
        let wanted = function.snapshots[snapshot.index()].locals[slot].map(|value| function.root(value));
        let last = function.block(before).instructions.iter().rev().copied().find(|&id| {
            let instruction = function.instruction(id);
            matches!(instruction.op, Op::SetLocal | Op::ClearLocal) && instruction.immediates.first() == Some(&Immediate::Int(slot as i64))
        })?;
        let instruction = function.instruction(last);
        let holds_it = instruction.op == Op::ClearLocal && instruction.operands.iter().any(|&old| Some(function.root(old)) == wanted);
        clearing.push(holds_it.then_some(last)?);
    }
    function.block_mut(before).instructions.retain(|id| !clearing.contains(id));
    Some(clearing)
}

/// A constant that is made in the loop.
fn constant_inside(function: &Function, looped: &Loop, mover: &Mover, value: Value) -> Option<Instruction> {
    let instruction = function.defining(value).filter(|instruction| is_constant(instruction))?;
    let Definition::Result(id) = function.values[value.index()].definition else { return None };
    mover.places[id.index()].is_some_and(|block| looped.blocks.contains(block)).then(|| instruction.clone())
}

fn is_constant(instruction: &Instruction) -> bool {
    matches!(instruction.op, Op::ConstInt | Op::ConstFloat | Op::ConstBool | Op::ConstObject | Op::Null | Op::CurrentFunction)
}

/// What is known of a loop while its instructions are looked at.
struct Mover {
    /// The block of each instruction.
    places: Vec<Option<Block>>,
    blocks: EntitySet<Block>,
    head: Block,
    /// Blocks that run in each turn.
    always: EntitySet<Block>,
    /// Heaps and places that the loop writes.
    heaps: Heaps,
    stored: Vec<Place>,
    /// Values that move out.
    moved: EntitySet<Value>,
    /// Whether guards can be placed before the loop.
    may_guard: bool,
    /// Whether a guard stayed behind: what comes after it may hold only because of it.
    guard_stays: bool,
}

impl Mover {
    fn new(function: &Function, looped: &Loop, dominators: &Dominators, facts: &Facts) -> Mover {
        let endings = Endings::new(function);
        let mut heaps = Heaps::NONE;
        let mut stored = Vec::new();
        let noticed = |roots: &[Value]| roots.iter().any(|&root| can_run_code(function.ty(root)));
        for block in looped.blocks.iter() {
            if noticed(endings.at_start(block)) {
                heaps = Heaps::ANY;
            }
            for &id in &function.block(block).instructions {
                let instruction = function.instruction(id);
                heaps = heaps.union(memory::written_heaps(instruction));
                stored.extend(memory::stored_place(instruction));
                if noticed(endings.after(id)) {
                    heaps = Heaps::ANY;
                }
            }
        }
        let runs_always = |block: &Block| looped.back_edges.iter().all(|edge| dominators.dominates(*block, edge.from));
        Mover {
            places: function.instruction_blocks(),
            blocks: looped.blocks.clone(),
            head: looped.header,
            always: looped.blocks.iter().filter(runs_always).collect(),
            heaps,
            stored,
            moved: EntitySet::default(),
            may_guard: may_guard_before(function, facts, looped.header),
            guard_stays: false,
        }
    }

    fn is_outside(&self, function: &Function, value: Value) -> bool {
        if self.moved.contains(value) || function.defining(value).is_some_and(is_constant) {
            return true;
        }
        match function.values[value.index()].definition {
            Definition::Parameter(block, _) => !self.blocks.contains(block),
            Definition::Result(id) => !self.places[id.index()].is_some_and(|block| self.blocks.contains(block)),
        }
    }

    /// Whether an instruction can move; if it is a guard and cannot, what follows knows.
    fn can_move(&mut self, function: &Function, block: Block, id: InstructionId) -> bool {
        let instruction = function.instruction(id);
        let moves = self.is_same_in_every_turn(function, block, instruction);
        if !moves && instruction.leaves() != Leaves::Never {
            self.guard_stays = true;
        }
        moves
    }

    fn is_same_in_every_turn(&self, function: &Function, block: Block, instruction: &Instruction) -> bool {
        let info = instruction.op.info();
        if is_constant(instruction)
            || !instruction.writes().is_none()
            || instruction.is_terminator()
            || instruction.caught
            || matches!(instruction.op, Op::CallHelper | Op::CheckFrame | Op::CheckException | Op::KeepAlive | Op::CacheCell)
            || matches!(instruction.yields(), Yield::New(_))
        {
            return false;
        }
        if !instruction.operands.iter().all(|&operand| self.is_outside(function, operand)) {
            return false;
        }
        let is_written = instruction.reads().intersects(self.heaps) || memory::loaded_place(instruction).is_some_and(|place| self.stored.contains(&place));
        if is_written {
            return false;
        }
        match instruction.leaves() {
            Leaves::Exit => self.may_guard && self.always.contains(block),
            Leaves::Never if !info.removable => false,
            Leaves::Never => is_safe(function, instruction) || (block == self.head && !self.guard_stays),
            _ => false,
        }
    }

    fn note(&mut self, function: &Function, id: InstructionId) {
        if let Some(result) = function.instruction(id).result {
            self.moved.insert(result);
        }
    }
}

/// Whether an instruction can be computed anywhere its operands are there: what it loads is where its operand's type says.
fn is_safe(function: &Function, instruction: &Instruction) -> bool {
    match instruction.op {
        Op::LoadField | Op::LoadIntField => function.ty(instruction.operands[0]).classes.single().is_some(),
        Op::CellGet => true,
        Op::ListGet | Op::TupleGet | Op::ArrayGetFloat | Op::ArrayGetInt | Op::InlineValueGet | Op::SlotGet | Op::DictEntryGet | Op::ManagedDictGet => false,
        // The class holds because of a guard, which is where the operand comes from.
        Op::UnboxFloat | Op::UnboxBool => true,
        _ => true,
    }
}

//! Simplifies: folds constants, forwards boxed values to who unboxes them, drops guards and loads whose outcome is known, narrows types, and tidies the control flow.
//!
//! **Why.** The builder emits each bytecode instruction by itself: it guards, unboxes, computes and boxes again. This pass removes what the instruction before has done.
//!
//! **How.** One walk over the dominator tree. Each instruction is first folded by rules of its own ([`fold`]); then looked up among those that were computed on every
//! way to it (value numbering; guards yield the value that the earlier one yielded). What reads memory is the same only while that memory is surely unchanged
//! ([`memory`](super::memory)); a store tells what the next load finds. Loads of objects are forwarded within a block only: beyond it a value would need a reference of its own,
//! which costs more than the load.
//!
//! **Invariants.** Where the last use of an object goes away and its end can be noticed, a `keep_alive` stays: it dies where the interpreter drops it. What `guard_type`
//! says holds until something can assign to `__class__`; what `guard_class` says holds for ever, as no built-in class of the table lets its instances change class.
//!
//! ```text
//! v3: Int = box_int v2
//! v4: Int = guard_class[Int] v3 snap1         v3: Int = box_int v2
//! v5: i64 = unbox_int v4 snap1         =>     v6: i64 = int_add v2, v1 snap1
//! v6: i64 = int_add v5, v1 snap1
//! ```

mod flow;
mod fold;

use super::PassContext;
use super::memory::{self, Clock, Memory, Versions, Writes};
use super::ownership::{Endings, can_run_code};
use super::types;
use coachwhip_ir::maps::HashMap;
use coachwhip_ir::{
    Block, ControlFlow, Dominators, Function, Heaps, Identity, Immediate, Instruction, InstructionId, Leaves, Op, Substitution, Target, Type, Value, Yield,
};
use fold::{Outcome, Rules};
use smallvec::SmallVec;

/// The pass.
pub fn run(function: &mut Function, context: &mut PassContext<'_>) {
    function.remove_unreachable_blocks();
    types::narrow(function);
    flow::remove_constant_parameters(function, context);
    flow::merge_blocks(function, context);
    function.remove_unreachable_blocks();
    let flow = ControlFlow::new(function);
    let dominators = Dominators::new(function, &flow);
    let endings = Endings::new(function);
    let writes = memory::writes_of_blocks(function, &endings);
    let ends = vec![None; function.blocks.len()];
    let mut walker = Walker {
        function,
        context,
        flow,
        dominators,
        endings,
        writes,
        substitution: Substitution::default(),
        table: HashMap::default(),
        aliases: HashMap::default(),
        tests: HashMap::default(),
        log: Vec::new(),
        ends,
        clock: Clock::default(),
    };
    walker.walk();
    let substitution = std::mem::take(&mut walker.substitution);
    substitution.apply(function);
    function.remove_unreachable_blocks();
    flow::remove_constant_parameters(function, context);
    flow::merge_blocks(function, context);
    types::narrow(function);
    types::cut_impossible(function);
    function.remove_unreachable_blocks();
}

/// An operand in a key: constants by what they are, objects by their root.
type KeyOperand = (u8, u64);

/// What makes two instructions the same.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Key {
    op: Op,
    operands: SmallVec<[KeyOperand; 3]>,
    immediates: SmallVec<[(u8, u64); 2]>,
    versions: Versions,
}

/// An instruction that was computed already.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// What it yielded, if anything.
    value: Option<Value>,
    /// Where.
    block: Block,
}

/// How to forget what was learnt below a block of the dominator tree.
enum Undo {
    Table(Key, Option<Known>),
    Alias(Value, Option<Value>),
    Test(Value, Option<bool>),
}

struct Walker<'f, 'c, 'p> {
    function: &'f mut Function,
    context: &'c mut PassContext<'p>,
    flow: ControlFlow,
    dominators: Dominators,
    endings: Endings,
    writes: Vec<Writes>,
    substitution: Substitution,
    table: HashMap<Key, Known>,
    /// For each root: the form of it of which most is known.
    aliases: HashMap<Value, Value>,
    /// Tests whose outcome is known.
    tests: HashMap<Value, bool>,
    log: Vec<Undo>,
    /// The memory at the end of each block.
    ends: Vec<Option<Memory>>,
    clock: Clock,
}

impl Walker<'_, '_, '_> {
    fn walk(&mut self) {
        // A block with the length of the log before it; `None`: it has to be entered yet.
        let mut stack: Vec<(Block, Option<usize>)> = vec![(Function::ENTRY, None)];
        while let Some((block, mark)) = stack.pop() {
            match mark {
                Some(mark) => self.forget(mark),
                None => {
                    stack.push((block, Some(self.log.len())));
                    self.block(block);
                    stack.extend(self.dominators.children(block).iter().rev().map(|&child| (child, None)));
                }
            }
        }
    }

    fn forget(&mut self, mark: usize) {
        while self.log.len() > mark {
            match self.log.pop() {
                Some(Undo::Table(key, Some(known))) => {
                    self.table.insert(key, known);
                }
                Some(Undo::Table(key, None)) => {
                    self.table.remove(&key);
                }
                Some(Undo::Alias(root, Some(alias))) => {
                    self.aliases.insert(root, alias);
                }
                Some(Undo::Alias(root, None)) => {
                    self.aliases.remove(&root);
                }
                Some(Undo::Test(test, Some(known))) => {
                    self.tests.insert(test, known);
                }
                Some(Undo::Test(test, None)) => {
                    self.tests.remove(&test);
                }
                None => {}
            }
        }
    }

    fn learn(&mut self, key: Key, known: Known) {
        let old = self.table.insert(key.clone(), known);
        self.log.push(Undo::Table(key, old));
    }

    fn learn_test(&mut self, test: Value, known: bool) {
        let old = self.tests.insert(test, known);
        self.log.push(Undo::Test(test, old));
        if let Some(inner) = self.function.defining(test).filter(|test| test.op == Op::BoolNot).map(|test| test.operands[0]) {
            self.learn_test(inner, !known);
        }
    }

    /// The memory at the start of a block.
    fn memory_at(&mut self, block: Block) -> Memory {
        let edges = self.flow.predecessors(block);
        let mut memory = match (edges, self.dominators.immediate(block)) {
            ([edge], _) => self.ends[edge.from.index()].clone().unwrap_or_default(),
            (_, Some(above)) => {
                let mut memory = self.ends[above.index()].clone().unwrap_or_default();
                let writes = memory::writes_before(block, &self.flow, &self.dominators, &self.writes);
                memory.write_all(&writes, &mut self.clock);
                memory
            }
            _ => Memory::default(),
        };
        if self.endings.at_start(block).iter().any(|&root| self.is_noticed(root)) {
            memory.write(Heaps::ANY, &mut self.clock);
        }
        memory
    }

    /// Whether the end of a root can run code, by all that is known of it here.
    fn is_noticed(&self, root: Value) -> bool {
        let alias = self.aliases.get(&root).copied().unwrap_or(root);
        can_run_code(self.function.ty(alias))
    }

    fn block(&mut self, block: Block) {
        let mut memory = self.memory_at(block);
        if let [edge] = *self.flow.predecessors(block)
            && let Some(end) = self.function.terminator(edge.from)
            && end.op == Op::Branch
        {
            // The branch may have been turned around since.
            let holds = end.targets[0].block == block;
            let test = self.substitution.resolve(end.operands[0]);
            self.learn_test(test, holds);
        }
        let old = std::mem::take(&mut self.function.block_mut(block).instructions);
        let mut new = Vec::with_capacity(old.len());
        self.constant_parameters(block);
        for &id in &old {
            let instruction = self.resolve(id);
            if let Some(exit) = types::always_fails(self.function, &instruction) {
                // Nothing behind it is ever reached.
                new.push(self.function.add_instruction(exit, None));
                break;
            }
            let stays = self.simplify(block, id, &mut memory);
            if stays {
                new.push(id);
                self.effects(block, id, &mut memory, &mut new);
            }
            let ending: SmallVec<[Value; 2]> = self.endings.after(id).iter().copied().filter(|&root| self.is_noticed(root)).collect();
            if !ending.is_empty() {
                if !stays || self.function.instruction(id).operands.is_empty() {
                    let roots: SmallVec<[Value; 2]> = ending.iter().map(|&root| self.substitution.resolve(root)).collect();
                    let keep = Instruction::new(Op::KeepAlive, &roots).at(instruction.offset);
                    new.push(self.function.add_instruction(keep, None));
                }
                memory.write(Heaps::ANY, &mut self.clock);
            }
        }
        self.function.block_mut(block).instructions = new;
        self.ends[block.index()] = Some(memory);
    }

    /// Makes constants of parameters that are known to be one object. They stand above the block, for its entry snapshot may name them.
    fn constant_parameters(&mut self, block: Block) {
        let Some(above) = self.dominators.immediate(block) else { return };
        for parameter in self.function.block(block).parameters.clone() {
            let ty = self.function.ty(parameter);
            if let Identity::Constant(object) = ty.identity
                && !ty.classes.may_be_null()
                && self.context.spend()
            {
                let (id, value) = self.constant(object, ty, 0);
                self.substitution.replace(parameter, value);
                let instructions = &self.function.block(above).instructions;
                let tail = instructions.iter().rev().take_while(|&&id| {
                    let instruction = self.function.instruction(id);
                    instruction.is_terminator() || instruction.caught
                });
                let position = instructions.len() - tail.count();
                self.function.block_mut(above).instructions.insert(position, id);
            }
        }
    }

    fn constant(&mut self, object: coachwhip_ir::ObjectRef, ty: Type, offset: u32) -> (InstructionId, Value) {
        let instruction = Instruction::new(Op::ConstObject, &[]).with_immediate(Immediate::Object(object)).at(offset);
        let id = self.function.add_instruction(instruction, Some(ty));
        (id, self.function.instruction(id).result.expect("it has a type"))
    }

    /// Puts what stands for its operands now into an instruction, each in the form of which most is known.
    fn resolve(&mut self, id: InstructionId) -> Instruction {
        let mut instruction = self.function.instruction(id).clone();
        for operand in &mut instruction.operands {
            *operand = self.substitution.resolve(*operand);
        }
        for argument in instruction.targets.iter_mut().flat_map(|target| &mut target.arguments) {
            *argument = self.substitution.resolve(*argument);
        }
        let shown = match instruction.op {
            Op::KeepAlive | Op::ClearLocal => 0,
            Op::SetLocal => 1,
            _ => instruction.operands.len(),
        };
        let targets = instruction.targets.iter_mut().flat_map(|target| &mut target.arguments);
        for value in instruction.operands.iter_mut().take(shown).chain(targets) {
            if let Some(alias) = self.better_alias(*value) {
                *value = alias;
            }
        }
        *self.function.instruction_mut(id) = instruction.clone();
        instruction
    }

    fn better_alias(&self, value: Value) -> Option<Value> {
        let ty = self.function.ty(value);
        if !ty.is_object() {
            return None;
        }
        let alias = *self.aliases.get(&self.function.root(value))?;
        let known = self.function.ty(alias);
        (known != ty && known.is_subtype(ty)).then_some(alias)
    }

    /// Folds an instruction or finds that it was computed before; whether it stays.
    fn simplify(&mut self, block: Block, id: InstructionId, memory: &mut Memory) -> bool {
        // A rewritten instruction may fold again.
        for _ in 0..4 {
            let instruction = self.function.instruction(id);
            if instruction.op == Op::Branch {
                self.simplify_branch(id);
                return true;
            }
            let (tests, facts) = (&self.tests, self.context.facts);
            let known = |test: Value| tests.get(&test).copied();
            let rules = Rules { function: self.function, facts, tests: &known };
            match rules.fold(instruction) {
                Outcome::Keep => break,
                Outcome::Replace(value) => {
                    let Some(result) = instruction.result else { break };
                    if !self.function.ty(value).is_subtype(self.function.ty(result)) || !self.context.spend() {
                        break;
                    }
                    self.substitution.replace(result, value);
                    return false;
                }
                Outcome::Remove => {
                    if !self.context.spend() {
                        break;
                    }
                    return false;
                }
                Outcome::Rewrite(op, operands, immediates) => {
                    if !self.context.spend() {
                        break;
                    }
                    let instruction = self.function.instruction_mut(id);
                    instruction.op = op;
                    instruction.operands = SmallVec::from_vec(operands);
                    instruction.immediates = SmallVec::from_vec(immediates);
                    if op.info().leaves == Leaves::Never {
                        instruction.snapshot = None;
                    }
                }
            }
        }
        self.number(block, id, memory)
    }

    fn simplify_branch(&mut self, id: InstructionId) {
        let instruction = self.function.instruction(id);
        let test = instruction.operands[0];
        let known = {
            let tests = &self.tests;
            let known = |test: Value| tests.get(&test).copied();
            Rules { function: self.function, facts: self.context.facts, tests: &known }.bool(test)
        };
        let inverted = self.function.defining(test).filter(|test| test.op == Op::BoolNot).map(|test| test.operands[0]);
        let same = instruction.targets[0] == instruction.targets[1];
        let taken = known.map(|known| usize::from(!known)).or(same.then_some(0));
        if let Some(taken) = taken {
            if self.context.spend() {
                let instruction = self.function.instruction_mut(id);
                let target: Target = instruction.targets[taken].clone();
                instruction.op = Op::Jump;
                instruction.operands.clear();
                instruction.targets = SmallVec::from_iter([target]);
            }
        } else if let Some(inner) = inverted
            && self.context.spend()
        {
            let instruction = self.function.instruction_mut(id);
            instruction.operands[0] = inner;
            instruction.targets.swap(0, 1);
        }
    }

    /// Looks for the same instruction; whether this one stays.
    fn number(&mut self, block: Block, id: InstructionId, memory: &Memory) -> bool {
        let instruction = self.function.instruction(id);
        let Some(scope) = scope(instruction) else { return true };
        let key = self.key(instruction, memory);
        if let Some(known) = self.table.get(&key).copied().filter(|known| scope == Scope::Below || known.block == block) {
            match (instruction.result, known.value) {
                (Some(result), Some(value)) => {
                    if self.function.ty(value).is_subtype(self.function.ty(result)) && self.context.spend() {
                        self.substitution.replace(result, value);
                        return false;
                    }
                }
                (None, _) => {
                    if self.context.spend() {
                        return false;
                    }
                }
                (Some(_), None) => {}
            }
            return true;
        }
        let value = instruction.result;
        self.learn(key, Known { value, block });
        true
    }

    fn key(&self, instruction: &Instruction, memory: &Memory) -> Key {
        let mut operands: SmallVec<[KeyOperand; 3]> = instruction.operands.iter().map(|&operand| self.key_operand(operand)).collect();
        if is_commutative(instruction) {
            operands.sort_unstable();
        }
        Key {
            op: instruction.op,
            operands,
            immediates: instruction.immediates.iter().map(|&immediate| key_immediate(immediate)).collect(),
            versions: memory.versions(instruction),
        }
    }

    fn key_operand(&self, value: Value) -> KeyOperand {
        let root = self.function.root(value);
        if let Some(constant) = self.function.defining(root)
            && matches!(constant.op, Op::ConstInt | Op::ConstFloat | Op::ConstBool | Op::ConstObject)
        {
            let (tag, bits) = key_immediate(constant.immediates[0]);
            return (if constant.op == Op::ConstBool { 32 } else { 16 } + tag, bits);
        }
        (0, u64::from(root.0))
    }

    /// What an instruction that stays does to memory and to what is known.
    fn effects(&mut self, block: Block, id: InstructionId, memory: &mut Memory, new: &mut Vec<InstructionId>) {
        let instruction = self.function.instruction(id).clone();
        if let Some(load) = load_of(&instruction) {
            // What was there before, and so the class of what comes out.
            let key = self.key(&load, memory);
            let before = self.table.get(&key).and_then(|known| known.value);
            if let (Some(result), Some(before)) = (instruction.result, before) {
                let before = self.better_alias(before).unwrap_or(before);
                let (known, declared) = (self.function.ty(before), self.function.ty(result));
                let narrowed = Type { classes: known.classes.intersection(declared.classes), ..declared };
                if !narrowed.classes.is_empty() {
                    self.function.values[result.index()].ty = narrowed;
                }
            }
        }
        if let Some(place) = memory::stored_place(&instruction) {
            memory.write_place(place, &mut self.clock);
        }
        memory.write(memory::written_heaps(&instruction), &mut self.clock);
        if let Some(load) = load_of(&instruction) {
            let stored = match instruction.op {
                Op::ListExchange | Op::ArraySetFloat | Op::ArraySetInt => instruction.operands[2],
                _ => instruction.operands[1],
            };
            let key = self.key(&load, memory);
            self.learn(key, Known { value: Some(stored), block });
        }
        match (instruction.op, instruction.result) {
            (Op::GuardClass | Op::GuardNotNull, Some(result)) => self.learn_alias(result),
            (Op::GuardIs, Some(result)) => {
                let ty = self.function.ty(result);
                if let Some(&Immediate::Object(object)) = instruction.immediates.first()
                    && self.context.spend()
                {
                    let (constant, value) = self.constant(object, ty, instruction.offset);
                    new.push(constant);
                    self.substitution.replace(result, value);
                    self.learn_alias(result);
                }
            }
            (Op::GuardTrue, _) => self.learn_test(instruction.operands[0], true),
            (Op::GuardFalse, _) => self.learn_test(instruction.operands[0], false),
            _ => {}
        }
    }

    fn learn_alias(&mut self, alias: Value) {
        let root = self.function.root(alias);
        let old = self.aliases.get(&root).copied();
        let (ty, known) = (self.function.ty(alias), self.function.ty(old.unwrap_or(root)));
        if ty != known && ty.is_subtype(known) && !matches!(ty.identity, Identity::Exact(_)) {
            let alias = self.substitution.resolve(alias);
            self.aliases.insert(root, alias);
            self.log.push(Undo::Alias(root, old));
        }
    }
}

/// How far the outcome of an instruction can be used again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Scope {
    /// Wherever it dominates.
    Below,
    /// In its block: a constant costs nothing, and a borrowed object would need a reference elsewhere.
    Block,
}

/// Whether, and how far, two such instructions with the same operands are one.
fn scope(instruction: &Instruction) -> Option<Scope> {
    let info = instruction.op.info();
    if !instruction.writes().is_none() || instruction.is_terminator() || instruction.caught {
        return None;
    }
    match instruction.op {
        Op::ConstInt | Op::ConstFloat | Op::ConstBool | Op::ConstObject | Op::Null | Op::CurrentFunction | Op::CacheCell => Some(Scope::Block),
        Op::Argument | Op::EntrySlot | Op::KeepAlive | Op::CheckException | Op::PushFrame | Op::PopFrame | Op::Increment | Op::Decrement => None,
        Op::CallHelper => {
            let pure = instruction.helper().is_some_and(|helper| !helper.raises && matches!(helper.yields, Yield::Int | Yield::Float | Yield::Bool));
            pure.then_some(Scope::Below)
        }
        _ => match instruction.yields() {
            // Each one is a new object.
            Yield::New(_) => None,
            Yield::Borrowed(_) => Some(Scope::Block),
            _ => (info.removable || info.leaves == Leaves::Exit).then_some(Scope::Below),
        },
    }
}

fn is_commutative(instruction: &Instruction) -> bool {
    match instruction.op {
        Op::IntAdd | Op::IntAddWrapping | Op::IntMultiply | Op::IntAnd | Op::IntOr | Op::IntXor | Op::FloatAdd | Op::FloatMultiply | Op::IsSame => true,
        Op::IntCompare | Op::FloatCompare => {
            matches!(instruction.immediates.first(), Some(Immediate::Condition(coachwhip_ir::Condition::Equal | coachwhip_ir::Condition::NotEqual)))
        }
        _ => false,
    }
}

fn key_immediate(immediate: Immediate) -> (u8, u64) {
    match immediate {
        Immediate::Int(value) => (0, value.cast_unsigned()),
        Immediate::Float(bits) => (1, bits),
        Immediate::Class(class) => (2, class as u64),
        Immediate::ClassRef(class) => (3, u64::from(class.0)),
        Immediate::Object(object) => (4, u64::from(object.0)),
        Immediate::Code(code) => (5, u64::from(code.0)),
        Immediate::Field(field) => (6, field as u64),
        Immediate::Helper(helper) => (7, helper as u64),
        // Why a guard leaves makes no difference to what it claims.
        Immediate::Reason(_) => (8, 0),
        Immediate::Condition(condition) => (9, condition as u64),
        Immediate::Convention(convention) => (10, convention as u64),
    }
}

/// The load that would find what an instruction stores.
fn load_of(instruction: &Instruction) -> Option<Instruction> {
    let (op, operands) = match instruction.op {
        Op::InlineValueExchange => (Op::InlineValueGet, 1),
        Op::SlotExchange => (Op::SlotGet, 1),
        Op::CellExchange => (Op::CellGet, 1),
        Op::ListExchange => (Op::ListGet, 2),
        Op::ArraySetFloat => (Op::ArrayGetFloat, 2),
        Op::ArraySetInt => (Op::ArrayGetInt, 2),
        Op::ExchangeField => (Op::LoadField, 1),
        Op::StoreIntField => (Op::LoadIntField, 1),
        _ => return None,
    };
    let mut load = Instruction::new(op, &instruction.operands[..operands]);
    load.immediates.clone_from(&instruction.immediates);
    Some(load)
}

//! Ways out: recipes, the cold blocks that store what they name, sites of the activation record, and returns.

use crate::CodegenError;
use crate::lower::{FLAGS, Lowering, Record, bug};
use crate::stress;
use coachwhip_abi::environment::frame_state;
use coachwhip_abi::facts::code_flags;
use coachwhip_abi::recipe::{FrameRecipe, LeaveKind, Recipe, Site, Source};
use coachwhip_ir as ir;
use coachwhip_ir::maps::HashMap;
use coachwhip_ir::{ClassSet, EntryKind, Identity, Instruction, Reason, Representation, SnapshotId};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, InstBuilder, Value, types};
use std::mem::offset_of;

/// Which cold block a way out needs.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Way {
    /// A guard failed.
    Exit,
    /// A guard is made to fail.
    Stress,
    /// An exception is set.
    Raise,
}

/// Instructions with the same key share a block.
#[derive(PartialEq, Eq, Hash, Clone)]
struct Key {
    snapshot: SnapshotId,
    owned: Vec<ir::Value>,
    way: Way,
}

/// The cold blocks asked for so far; their code is written at the end, when every value is known.
#[derive(Default)]
pub(crate) struct LeaveBlocks {
    made: HashMap<Key, Block>,
    pending: Vec<(Block, Key, Reason)>,
    /// The ends that exits and raises share: `(recipe number) -> return`.
    tails: HashMap<&'static str, Block>,
}

/// The words of an exit's buffer while a recipe is made.
#[derive(Default)]
struct Buffer {
    words: Vec<ir::Value>,
    numbers: HashMap<ir::Value, u32>,
    /// First word that may be used.
    first: u32,
}

impl Buffer {
    fn word(&mut self, value: ir::Value) -> u32 {
        *self.numbers.entry(value).or_insert_with(|| {
            self.words.push(value);
            self.first + self.words.len() as u32 - 1
        })
    }
}

/// References that the function owns where it leaves, by the value's root.
struct Owned {
    values: Vec<ir::Value>,
}

impl Owned {
    fn take(&mut self, root: ir::Value) -> bool {
        match self.values.iter().position(|&value| value == root) {
            Some(position) => {
                self.values.remove(position);
                true
            }
            None => false,
        }
    }
}

impl Lowering<'_> {
    /// Whether the function was entered in the middle of a loop.
    pub(crate) fn is_loop(&self) -> bool {
        matches!(self.function.entry_kind, EntryKind::Loop { .. })
    }

    /// The block that leaves at an instruction's snapshot because a guard failed.
    pub(crate) fn exit_block(&mut self, instruction: &Instruction, reason: Reason) -> Result<Block, CodegenError> {
        self.way_block(instruction, Way::Exit, reason)
    }

    /// The block that leaves at an instruction's snapshot because an exception is set.
    pub(crate) fn raise_block(&mut self, instruction: &Instruction) -> Result<Block, CodegenError> {
        self.way_block(instruction, Way::Raise, Reason::Handler)
    }

    fn way_block(&mut self, instruction: &Instruction, way: Way, reason: Reason) -> Result<Block, CodegenError> {
        let snapshot = instruction.snapshot.ok_or_else(|| bug(format!("{} leaves without a snapshot", instruction.op.info().name)))?;
        let key = Key { snapshot, owned: instruction.owned.clone(), way };
        if let Some(&block) = self.leaves.made.get(&key) {
            return Ok(block);
        }
        let block = self.cold_block();
        self.leaves.made.insert(key.clone(), block);
        self.leaves.pending.push((block, key, reason));
        Ok(block)
    }

    /// Leaves if the test is true.
    pub(crate) fn exit_if(&mut self, instruction: &Instruction, test: Value, reason: Reason) -> Result<(), CodegenError> {
        self.stress(instruction)?;
        let block = self.exit_block(instruction, reason)?;
        self.leave_if(test, block);
        Ok(())
    }

    /// Leaves unless the test is true.
    pub(crate) fn exit_unless(&mut self, instruction: &Instruction, test: Value, reason: Reason) -> Result<(), CodegenError> {
        self.stress(instruction)?;
        let block = self.exit_block(instruction, reason)?;
        self.leave_unless(test, block);
        Ok(())
    }

    /// Counts down to a failure on purpose.
    fn stress(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        if self.options.stress_exits == 0 {
            return Ok(());
        }
        let words = std::ptr::from_ref(stress::words(self.options.stress_exits, self.options.seed)).addr();
        let address = self.address(words);
        let countdown = offset_of!(stress::Words, countdown) as i32;
        let left = self.load(types::I64, address, countdown);
        let one = self.int(1);
        let left = self.builder.ins().isub(left, one);
        self.store(left, address, countdown);
        let fail = self.compare(IntCC::SignedLessThanOrEqual, left, 0);
        let block = self.way_block(instruction, Way::Stress, Reason::Stress)?;
        self.leave_if(fail, block);
        Ok(())
    }

    /// Writes the cold blocks that were asked for.
    pub(crate) fn leave_blocks(&mut self) -> Result<(), CodegenError> {
        for (block, key, reason) in std::mem::take(&mut self.leaves.pending) {
            self.builder.switch_to_block(block);
            if key.way == Way::Stress {
                self.refill_stress();
            }
            let kind = if key.way == Way::Raise { LeaveKind::Raise } else { LeaveKind::Exit };
            let (number, buffer) = self.recipe(kind, reason, key.snapshot, &key.owned, 0)?;
            self.store_buffer(&buffer)?;
            let tail = self.tail(match (kind, self.is_loop()) {
                (LeaveKind::Raise, false) => "raise",
                (LeaveKind::Raise, true) => "raise_loop",
                (_, false) => "exit",
                (_, true) => "exit_loop",
            });
            let number = self.int(i64::from(number));
            self.builder.ins().jump(tail, &[number.into()]);
        }
        let mut tails: Vec<_> = self.leaves.tails.drain().collect();
        tails.sort_unstable_by_key(|row| row.0);
        for (name, block) in tails {
            self.builder.switch_to_block(block);
            let routines = &self.environment.routines;
            let routine = match name {
                "raise" => routines.raise,
                "raise_loop" => routines.raise_loop,
                "exit" => routines.exit,
                "exit_loop" => routines.exit_loop,
                _ => routines.return_slow,
            };
            let number = self.builder.block_params(block)[0];
            let header = self.address(self.options.header);
            let buffer = self.scratch(1);
            let outcome = self.call_routine(name, routine, &[self.tstate, self.frame, header, number, buffer])?;
            self.builder.ins().return_(&[outcome]);
        }
        Ok(())
    }

    fn tail(&mut self, name: &'static str) -> Block {
        if let Some(&block) = self.leaves.tails.get(name) {
            return block;
        }
        let block = self.cold_block();
        self.builder.append_block_param(block, types::I64);
        self.leaves.tails.insert(name, block);
        block
    }

    fn refill_stress(&mut self) {
        let words = std::ptr::from_ref(stress::words(self.options.stress_exits, self.options.seed)).addr();
        let address = self.address(words);
        let (countdown, state) = (offset_of!(stress::Words, countdown) as i32, offset_of!(stress::Words, state) as i32);
        let old = self.load(types::I64, address, state);
        let multiplier = self.int(stress::MULTIPLIER.cast_signed());
        let increment = self.int(stress::INCREMENT.cast_signed());
        let new = self.builder.ins().imul(old, multiplier);
        let new = self.builder.ins().iadd(new, increment);
        self.store(new, address, state);
        // The high half of the product with twice the interval is even between 0 and that.
        let range = self.int(self.options.stress_exits.saturating_mul(2).cast_signed());
        let next = self.builder.ins().umulhi(new, range);
        let one = self.int(1);
        let next = self.builder.ins().iadd(next, one);
        self.store(next, address, countdown);
    }

    // ---- Recipes ----

    /// Makes a recipe; returns its number and what its buffer holds. `first`: words of the buffer that are taken already.
    fn recipe(&mut self, kind: LeaveKind, reason: Reason, snapshot: SnapshotId, owned: &[ir::Value], first: u32) -> Result<(u32, Buffer), CodegenError> {
        let mut owned = Owned { values: owned.iter().map(|&value| self.function.root(value)).collect() };
        let mut buffer = Buffer { first, ..Buffer::default() };
        let chain: Vec<SnapshotId> = self.function.snapshot_chain(snapshot).collect();
        let mut frames = Vec::with_capacity(chain.len());
        for (depth, &id) in chain.iter().rev().enumerate() {
            let snapshot = &self.function.snapshots[id.index()];
            let code = self.code_facts(snapshot.code)?;
            if snapshot.locals.len() != code.slots.len() {
                return Err(bug(format!("{id} has {} locals, {} has {}", snapshot.locals.len(), snapshot.code, code.slots.len())));
            }
            let outermost = depth == 0;
            let function = match snapshot.function {
                Some(function) if !outermost => Some(self.source(function, false, &mut owned, &mut buffer)?),
                Some(_) => None,
                None if outermost => None,
                None => return Err(bug(format!("{id} is inlined and names no function"))),
            };
            let mut locals = Vec::with_capacity(snapshot.locals.len());
            for &local in &snapshot.locals {
                locals.push(match local {
                    Some(value) => self.source(value, outermost, &mut owned, &mut buffer)?,
                    None => Source::Null,
                });
            }
            let mut stack = Vec::with_capacity(snapshot.stack.len());
            for &slot in &snapshot.stack {
                stack.push(match slot {
                    Some(value) => self.source(value, false, &mut owned, &mut buffer)?,
                    None => Source::Null,
                });
            }
            let (offset, constructs) = (snapshot.offset, snapshot.constructs);
            frames.push(FrameRecipe { code: code.address, function, offset, locals, stack, pushed: outermost, constructs });
        }
        // What no slot names dies when the frames are written.
        let releases = owned
            .values
            .iter()
            .filter(|&&value| self.function.ty(value).is_object() && self.function.ty(value).classes != ClassSet::NULL)
            .map(|&value| buffer.word(value))
            .collect();
        let number = u32::try_from(self.recipes.len()).map_err(|_| CodegenError::TooBig)?;
        self.recipes.push(Recipe { kind, reason, frames, releases });
        Ok((number, buffer))
    }

    /// Where a slot gets a value from. `shown`: the slot is a local of the outermost frame, which shows objects already.
    fn source(&self, value: ir::Value, shown: bool, owned: &mut Owned, buffer: &mut Buffer) -> Result<Source, CodegenError> {
        let ty = self.function.ty(value);
        Ok(match ty.representation {
            Representation::Int => Source::Int(buffer.word(value)),
            Representation::Float => Source::Float(buffer.word(value)),
            Representation::Bool => Source::Bool(buffer.word(value)),
            Representation::Pointer => return Err(bug(format!("{value} is an address in a snapshot"))),
            Representation::Object => {
                if ty.classes == ClassSet::NULL {
                    return Ok(Source::Null);
                }
                let root = self.function.root(value);
                let takes = owned.take(root);
                match (shown, takes, ty.identity) {
                    (true, true, _) => Source::InPlaceOwned,
                    (true, false, _) => Source::InPlaceBorrowed,
                    (false, true, _) => Source::Owned(buffer.word(root)),
                    (false, false, Identity::Constant(object)) => Source::Constant(self.object_address(object)?),
                    (false, false, _) => Source::Borrowed(buffer.word(root)),
                }
            }
        })
    }

    fn store_buffer(&mut self, buffer: &Buffer) -> Result<(), CodegenError> {
        if buffer.words.is_empty() {
            return Ok(());
        }
        let address = self.scratch(buffer.first + buffer.words.len() as u32);
        for (index, &value) in buffer.words.iter().enumerate() {
            let raw = self.raw_word(value)?;
            self.builder.ins().store(FLAGS, raw, address, 8 * (buffer.first as i32 + index as i32));
        }
        Ok(())
    }

    /// A value as a word of memory holds it.
    fn raw_word(&mut self, value: ir::Value) -> Result<Value, CodegenError> {
        let made = self.value(value)?;
        Ok(if self.function.ty(value).representation == Representation::Bool { self.builder.ins().uextend(types::I64, made) } else { made })
    }

    // ---- Sites ----

    /// Decides whether the function needs an activation record: some local is unboxed while other code runs.
    pub(crate) fn make_record(&mut self, order: &[ir::Block]) {
        if self.facts.codes[0].flags & code_flags::OPTIMIZED == 0 {
            return;
        }
        let mut words = HashMap::default();
        for block in order {
            for id in &self.function.blocks[block.index()].instructions {
                let instruction = self.function.instruction(*id);
                if !instruction.runs_any_code() || instruction.op == ir::Op::Return {
                    continue;
                }
                for (slot, _) in self.unboxed_locals(instruction) {
                    let next = 2 + words.len() as u32;
                    words.entry(slot).or_insert(next);
                }
            }
        }
        if !words.is_empty() {
            let slot = (!self.options.detachable).then(|| self.record_slot(2 + words.len() as u32));
            self.record = Some(Record { slot, words, numbers: HashMap::default() });
        }
    }

    /// The unboxed locals of the outermost frame at an instruction.
    fn unboxed_locals(&self, instruction: &Instruction) -> Vec<(u32, ir::Value)> {
        let Some(snapshot) = self.outermost(instruction) else { return Vec::new() };
        let locals = self.function.snapshots[snapshot.index()].locals.iter().enumerate();
        locals.filter_map(|(slot, value)| Some((slot as u32, (*value)?))).filter(|row| !self.function.ty(row.1).is_object()).collect()
    }

    /// The snapshot of the outermost frame.
    fn outermost(&self, instruction: &Instruction) -> Option<SnapshotId> {
        self.function.snapshot_chain(instruction.snapshot?).last()
    }

    /// Makes the frame fit to be looked at: before an instruction that may run any Python code.
    pub(crate) fn frame_is_visible(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        self.show_place(instruction)?;
        if self.record.is_some() {
            self.store_site(instruction)?;
        }
        Ok(())
    }

    /// Stores where the frame is.
    pub(crate) fn show_place(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let outermost = self.outermost(instruction);
        // Of an inlined callee's instructions the frame shows the call.
        let (code, offset) = match outermost {
            Some(id) if Some(id) != instruction.snapshot => {
                let snapshot = &self.function.snapshots[id.index()];
                (snapshot.code, snapshot.offset)
            }
            Some(id) => (self.function.snapshots[id.index()].code, instruction.offset),
            None => (ir::CodeRef(0), instruction.offset),
        };
        let instr_ptr = self.address(self.code_facts(code)?.first_unit + 2 * offset as usize);
        self.store(instr_ptr, self.frame, self.environment.layout.frame_instr_ptr);
        Ok(())
    }

    fn store_site(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        let unboxed = self.unboxed_locals(instruction);
        let shape: Vec<_> = unboxed.iter().map(|&(slot, value)| (slot, self.function.ty(value).representation)).collect();
        let number = if unboxed.is_empty() { 0 } else { self.site_number(instruction, &shape)? };
        let Some(record) = &self.record else { return Ok(()) };
        let places: Vec<_> = unboxed.iter().map(|&(slot, value)| (record.words.get(&slot).copied(), value)).collect();
        let address = self.record_address();
        for (word, value) in places {
            let word = word.ok_or_else(|| bug("an unboxed local without a word in the record"))?;
            let raw = self.raw_word(value)?;
            self.store(raw, address, 8 * word as i32);
        }
        let number = self.int(i64::from(number));
        self.store(number, address, 8);
        Ok(())
    }

    /// Words of the activation record, if it lies on the data stack.
    pub(crate) fn detached_record_words(&self) -> u32 {
        self.record.as_ref().filter(|record| record.slot.is_none()).map_or(0, |record| 2 + record.words.len() as u32)
    }

    /// Where the activation record is, once the prologue has linked it.
    pub(crate) fn record_address(&mut self) -> Value {
        match self.record.as_ref().and_then(|record| record.slot) {
            Some(slot) => self.builder.ins().stack_addr(types::I64, slot, 0),
            None => self.load(types::I64, self.frame, self.environment.layout.frame_locals),
        }
    }

    fn site_number(&mut self, instruction: &Instruction, shape: &[(u32, Representation)]) -> Result<u32, CodegenError> {
        let snapshot = self.outermost(instruction).ok_or_else(|| bug("a site without a snapshot"))?;
        let Some(record) = &mut self.record else { return Ok(0) };
        if let Some(&number) = record.numbers.get(shape) {
            return Ok(number);
        }
        let mut locals = vec![Source::InPlaceBorrowed; self.function.snapshots[snapshot.index()].locals.len()];
        for &(slot, representation) in shape {
            let word = record.words.get(&slot).copied().ok_or_else(|| bug("an unboxed local without a word in the record"))?;
            locals[slot as usize] = match representation {
                Representation::Int => Source::Int(word),
                Representation::Float => Source::Float(word),
                Representation::Bool => Source::Bool(word),
                Representation::Object | Representation::Pointer => return Err(bug("a site with an address")),
            };
        }
        self.sites.push(Site { locals });
        let number = u32::try_from(self.sites.len()).map_err(|_| CodegenError::TooBig)?;
        record.numbers.insert(shape.to_vec(), number);
        Ok(number)
    }

    // ---- Returns ----

    /// `return`: unlinks the frame, gives the locals back, gives the frame's memory back (Python/ceval.c, `_PyEval_FrameClearAndPop`).
    pub(crate) fn return_value(&mut self, instruction: &Instruction) -> Result<(), CodegenError> {
        if self.is_loop() {
            return Err(bug("return in a function that was entered in a loop"));
        }
        let layout = &self.environment.layout;
        let value = self.operand(instruction, 0)?;
        let snapshot = instruction.snapshot.ok_or_else(|| bug("return without a snapshot"))?;

        let slow = self.cold_block();
        let frame_object = self.load(types::I64, self.frame, layout.frame_object);
        self.leave_if(frame_object, slow);
        let state = self.load(types::I8, self.frame, layout.frame_state);
        let plain = self.compare(IntCC::Equal, state, i64::from(frame_state::COMPILED.cast_signed()));
        self.leave_unless(plain, slow);

        let previous = self.load(types::I64, self.frame, layout.frame_previous);
        self.store(previous, self.tstate, layout.thread_current_frame);
        let remaining = self.load(types::I32, self.tstate, layout.thread_py_recursion_remaining);
        let one = self.builder.ins().iconst(types::I32, 1);
        let more = self.builder.ins().iadd(remaining, one);
        self.store(more, self.tstate, layout.thread_py_recursion_remaining);
        for dying in self.dying_at_return(instruction, snapshot) {
            let object = self.value(dying)?;
            self.give_back(self.function.ty(dying), object, None)?;
        }
        let none = self.builder.ins().iconst(types::I8, 0);
        self.store(none, self.frame, layout.frame_state);
        self.store(self.frame, self.tstate, layout.thread_datastack_top);
        self.builder.ins().return_(&[value]);

        self.builder.switch_to_block(slow);
        let (number, buffer) = self.recipe(LeaveKind::Return, Reason::LoopReturn, snapshot, &instruction.owned, 1)?;
        let address = self.scratch(1);
        self.store(value, address, 0);
        self.store_buffer(&buffer)?;
        let tail = self.tail("return_slow");
        let number = self.int(i64::from(number));
        self.builder.ins().jump(tail, &[number.into()]);
        Ok(())
    }

    /// The references that the frame gives up at its end: locals in the order of their slots, then the rest.
    fn dying_at_return(&self, instruction: &Instruction, snapshot: SnapshotId) -> Vec<ir::Value> {
        let mut owned = Owned { values: instruction.owned.iter().map(|&value| self.function.root(value)).collect() };
        let mut dying = Vec::new();
        for &local in self.function.snapshots[snapshot.index()].locals.iter().flatten() {
            if owned.take(self.function.root(local)) {
                dying.push(local);
            }
        }
        dying.extend(owned.values);
        dying
    }
}

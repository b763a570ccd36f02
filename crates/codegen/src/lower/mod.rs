//! From the IR to Cranelift's IR: the walk over blocks, the dispatch over operations, and what every family of instructions uses.

mod calls;
mod constants;
mod control;
mod floats;
mod frame;
mod guards;
mod integers;
mod memory;
mod references;

use crate::entry::{direct_signature, stack_slot};
use crate::leave::LeaveBlocks;
use crate::{CodegenError, GenerateOptions, quiet};
use coachwhip_abi::environment::Environment;
use coachwhip_abi::facts::{CodeFacts, Facts};
use coachwhip_abi::recipe::{Recipe, Site};
use coachwhip_ir as ir;
use coachwhip_ir::maps::HashMap;
use coachwhip_ir::{EntryKind, Immediate, Instruction, Op, Representation};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{AbiParam, Block, InstBuilder, MemFlagsData, SigRef, Signature, SourceLoc, StackSlot, Type, UserFuncName, Value, types};
use cranelift_codegen::isa::{CallConv, TargetIsa};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use std::cell::RefCell;
use std::collections::BTreeSet;

/// All our accesses are aligned and to memory that is there.
pub(crate) const FLAGS: MemFlagsData = MemFlagsData::trusted();

/// What lowering makes beside Cranelift's IR.
pub(crate) struct Tables {
    pub(crate) recipes: Vec<Recipe>,
    pub(crate) sites: Vec<Site>,
    pub(crate) detached_record_words: u32,
    /// `MachineCode::objects`
    pub(crate) objects: Vec<usize>,
}

/// The activation record of a function: its place on the machine stack (none if it lies behind the frame on the data stack), and the word of each local that is ever unboxed while other code runs.
pub(crate) struct Record {
    pub(crate) slot: Option<StackSlot>,
    /// By local: its word.
    pub(crate) words: HashMap<u32, u32>,
    /// By the locals that are unboxed, as their sources: the number of the site.
    pub(crate) numbers: HashMap<Vec<(u32, Representation)>, u32>,
}

/// A function on its way to Cranelift's IR.
pub(crate) struct Lowering<'a> {
    pub(crate) function: &'a ir::Function,
    pub(crate) facts: &'a Facts,
    pub(crate) environment: &'a Environment,
    pub(crate) options: &'a GenerateOptions,
    pub(crate) builder: FunctionBuilder<'a>,
    /// By value of the IR.
    values: Vec<Option<Value>>,
    /// By block of the IR, those that can be reached.
    blocks: Vec<Option<Block>>,
    /// The thread state.
    pub(crate) tstate: Value,
    /// The frame.
    pub(crate) frame: Value,
    /// The function object that runs, where it is a parameter.
    pub(crate) callee: Option<Value>,
    /// The parameters of a direct entry.
    pub(crate) arguments: Vec<Value>,
    /// Room on the machine stack for argument arrays and exit buffers: one for all, as they are never needed at the same time.
    scratch: StackSlot,
    scratch_words: u32,
    pub(crate) record: Option<Record>,
    signatures: HashMap<(Vec<Type>, Option<Type>), SigRef>,
    pub(crate) leaves: LeaveBlocks,
    pub(crate) recipes: Vec<Recipe>,
    pub(crate) sites: Vec<Site>,
    /// Addresses of objects and classes that the machine code or a recipe names.
    pub(crate) named: RefCell<BTreeSet<usize>>,
    /// Whether the caught instruction before a `branch_raised` raised: a test (8 bits).
    pub(crate) raised: Option<Value>,
    /// Where an allocation that failed ends, made at first use.
    trap: Option<Block>,
    /// The block on the machine stack that quiet calls use, and their signature.
    quiet_block: Option<StackSlot>,
    quiet_signature: Option<SigRef>,
    /// Whether the function has values in floating-point registers.
    has_floats: bool,
    /// By block of the IR: how many loops are around it.
    pub(crate) depths: Vec<u32>,
    /// By block of the IR: the instruction that stands for the loop that it leads into, if that calls nothing.
    loops_ahead: HashMap<ir::Block, &'a Instruction>,
}

/// Lowers a function into `target`.
pub(crate) fn lower(
    function: &ir::Function,
    facts: &Facts,
    environment: &Environment,
    options: &GenerateOptions,
    target: &mut cranelift_codegen::ir::Function,
    builder_context: &mut FunctionBuilderContext,
    isa: &dyn TargetIsa,
) -> Result<Tables, CodegenError> {
    if facts.codes.is_empty() {
        return Err(bug("facts without code0"));
    }
    target.name = UserFuncName::user(0, 0);
    target.signature = match function.entry_kind {
        EntryKind::Call { parameters } => direct_signature(parameters),
        EntryKind::Loop { .. } => direct_signature(0),
    };
    let mut builder = FunctionBuilder::new(target, builder_context);
    let scratch = builder.create_sized_stack_slot(stack_slot(1));
    let entry = builder.create_block();
    builder.append_block_params_for_function_params(entry);
    builder.switch_to_block(entry);
    let nothing = Value::from_u32(0);
    let (depths, loops_ahead) = loops_of(function);
    let mut lowering = Lowering {
        function,
        facts,
        environment,
        options,
        builder,
        values: vec![None; function.values.len()],
        blocks: vec![None; function.blocks.len()],
        tstate: nothing,
        frame: nothing,
        callee: None,
        arguments: Vec::new(),
        scratch,
        scratch_words: 1,
        record: None,
        signatures: HashMap::default(),
        leaves: LeaveBlocks::default(),
        recipes: Vec::new(),
        sites: Vec::new(),
        named: RefCell::default(),
        raised: None,
        trap: None,
        quiet_block: None,
        quiet_signature: None,
        has_floats: function.values.iter().any(|value| value.ty.representation == Representation::Float),
        depths,
        loops_ahead,
    };
    let order = reverse_postorder(function);
    lowering.make_record(&order);
    match function.entry_kind {
        EntryKind::Call { parameters } => lowering.call_prologue(entry, parameters)?,
        EntryKind::Loop { .. } => lowering.loop_prologue(entry),
    }
    lowering.body(&order)?;
    lowering.leave_blocks()?;
    if let Some(trap) = lowering.trap {
        lowering.builder.switch_to_block(trap);
        lowering.builder.ins().trap(cranelift_codegen::ir::TrapCode::unwrap_user(1));
    }
    let detached_record_words = lowering.detached_record_words();
    let Lowering { mut builder, recipes, sites, named, scratch_words, .. } = lowering;
    builder.func.sized_stack_slots[scratch].size = scratch_words * 8;
    builder.seal_all_blocks();
    builder.finalize(isa.frontend_config());
    Ok(Tables { recipes, sites, detached_record_words, objects: named.into_inner().into_iter().collect() })
}

/// Blocks that can be reached, every one after those that dominate it.
fn reverse_postorder(function: &ir::Function) -> Vec<ir::Block> {
    let mut seen = vec![false; function.blocks.len()];
    let mut order = Vec::with_capacity(function.blocks.len());
    // A block, and how many of its successors were visited.
    let mut stack = vec![(ir::Function::ENTRY, 0)];
    seen[ir::Function::ENTRY.index()] = true;
    while let Some((block, next)) = stack.last_mut() {
        match function.terminator(*block).and_then(|last| last.targets.get(*next)) {
            Some(target) => {
                *next += 1;
                if !seen[target.block.index()] {
                    seen[target.block.index()] = true;
                    stack.push((target.block, 0));
                }
            }
            None => {
                order.push(*block);
                stack.pop();
            }
        }
    }
    order.reverse();
    order
}

/// By block: how many loops are around it, and what stands for the loop that it leads into: the check at the end of its turn, if nothing in the loop is called.
fn loops_of(function: &ir::Function) -> (Vec<u32>, HashMap<ir::Block, &Instruction>) {
    let flow = ir::ControlFlow::new(function);
    let loops = ir::Loops::new(function, &flow, &ir::Dominators::new(function, &flow));
    let mut ahead = HashMap::default();
    for candidate in &loops.loops {
        let instructions = || {
            let blocks = candidate.blocks.iter().map(|block| &function.blocks[block.index()]).filter(|block| !block.cold);
            blocks.flat_map(|block| &block.instructions).map(|id| &function.instructions[id.index()])
        };
        let calls = instructions().any(|row| matches!(row.op, Op::CallHelper | Op::CallDirect | Op::CallObject | Op::CallC) && row.runs_any_code());
        if let Some(check) = instructions().find(|row| row.op == Op::CheckEvalBreaker).filter(|_| !calls) {
            ahead.extend(candidate.entries(&flow).iter().map(|edge| (edge.from, check)));
        }
    }
    (function.block_ids().map(|block| loops.depth(block)).collect(), ahead)
}

/// A mistake in the IR.
pub(crate) fn bug(what: impl Into<String>) -> CodegenError {
    CodegenError::Bug(what.into())
}

/// Something without code.
pub(crate) fn unsupported(what: impl Into<String>) -> CodegenError {
    CodegenError::Unsupported(what.into())
}

/// How Cranelift holds a value.
pub(crate) fn machine_type(representation: Representation) -> Type {
    match representation {
        Representation::Object | Representation::Pointer | Representation::Int => types::I64,
        Representation::Float => types::F64,
        Representation::Bool => types::I8,
    }
}

impl<'a> Lowering<'a> {
    fn body(&mut self, order: &[ir::Block]) -> Result<(), CodegenError> {
        for &block in order {
            if block == ir::Function::ENTRY {
                if !self.function.blocks[block.index()].parameters.is_empty() {
                    return Err(bug("parameters of the entry block"));
                }
                continue;
            }
            let made = self.builder.create_block();
            if self.function.blocks[block.index()].cold {
                self.builder.set_cold_block(made);
            }
            for &parameter in &self.function.blocks[block.index()].parameters {
                let value = self.builder.append_block_param(made, machine_type(self.function.ty(parameter).representation));
                self.values[parameter.index()] = Some(value);
            }
            self.blocks[block.index()] = Some(made);
        }
        for &block in order {
            // The entry block goes on where the prologue ended.
            if let Some(made) = self.blocks[block.index()] {
                self.builder.switch_to_block(made);
            }
            self.raised = None;
            if self.function.terminator(block).is_none() {
                return Err(bug(format!("{block} has no end")));
            }
            for &id in &self.function.blocks[block.index()].instructions {
                let instruction = &self.function.instructions[id.index()];
                self.builder.set_srcloc(SourceLoc::new(instruction.offset));
                if !instruction.targets.is_empty()
                    && let Some(&check) = self.loops_ahead.get(&block)
                {
                    // Tools that look from outside find the loop: nothing in it says where it is.
                    self.show_place(check)?;
                }
                self.instruction(instruction)?;
            }
            self.builder.set_srcloc(SourceLoc::default());
        }
        Ok(())
    }

    /// Lowers one instruction.
    fn instruction(&mut self, instruction: &'a Instruction) -> Result<(), CodegenError> {
        match instruction.op {
            Op::ConstObject => self.const_object(instruction),
            Op::ConstInt => self.const_int(instruction),
            Op::ConstFloat => self.const_float(instruction),
            Op::ConstBool => self.const_bool(instruction),
            Op::Null => self.null(instruction),
            Op::Argument => self.argument(instruction),
            Op::EntrySlot => self.entry_slot(instruction),
            Op::CurrentFunction => self.current_function(instruction),

            Op::SetLocal => self.set_local(instruction),
            Op::ClearLocal => self.clear_local(instruction),
            Op::KeepAlive => Ok(()),
            Op::PushFrame => Err(unsupported("push_frame")),
            Op::PopFrame => Err(unsupported("pop_frame")),

            Op::GuardClass => self.guard_class(instruction),
            Op::GuardType => self.guard_type(instruction),
            Op::Refine => {
                let object = self.operand(instruction, 0)?;
                self.define(instruction, object)
            }
            Op::GuardIs => self.guard_is(instruction),
            Op::GuardNotNull => self.guard_not_null(instruction),
            Op::GuardTrue => self.guard_test(instruction, true),
            Op::GuardFalse => self.guard_test(instruction, false),
            Op::GuardDictEntry => self.guard_dict_entry(instruction),
            Op::GuardInlineValues => self.guard_inline_values(instruction),
            Op::GuardKeysVersion => self.guard_keys_version(instruction),
            Op::GuardDictKeysVersion => self.guard_dict_keys_version(instruction),

            Op::UnboxInt => self.unbox_int(instruction),
            Op::BoxInt => self.box_int(instruction),
            Op::UnboxFloat => self.unbox_float(instruction),
            Op::BoxFloat => self.box_float(instruction),
            Op::UnboxBool => self.unbox_bool(instruction),
            Op::BoxBool => self.box_bool(instruction),
            Op::NumberToFloat => self.number_to_float(instruction),
            Op::IntToFloat => self.int_to_float(instruction),
            Op::BoolToInt => self.bool_to_int(instruction),

            Op::IntAdd | Op::IntSubtract | Op::IntMultiply => self.int_overflowing(instruction),
            Op::IntFloorDivide => self.int_floor_divide(instruction),
            Op::IntRemainder => self.int_remainder(instruction),
            Op::IntShiftLeft => self.int_shift_left(instruction),
            Op::IntShiftRight => self.int_shift_right(instruction),
            Op::IntAnd | Op::IntOr | Op::IntXor | Op::IntAddWrapping | Op::IntSubtractWrapping => self.int_plain(instruction),
            Op::IntNegate => self.int_negate(instruction),
            Op::IntInvert => self.int_invert(instruction),
            Op::IntCompare => self.int_compare(instruction),

            Op::FloatAdd | Op::FloatSubtract | Op::FloatMultiply => self.float_binary(instruction),
            Op::FloatDivide => self.float_divide(instruction),
            Op::FloatNegate | Op::FloatAbsolute => self.float_unary(instruction),
            Op::FloatSquareRoot => self.float_square_root(instruction),
            Op::FloatCompare => self.float_compare(instruction),

            Op::BoolNot => self.bool_not(instruction),
            Op::IsSame => self.is_same(instruction),
            Op::IsNull => self.is_null(instruction),
            Op::IsClass => self.is_class(instruction),
            Op::IsType => self.is_type(instruction),

            Op::LoadField => self.load_field(instruction),
            Op::LoadIntField => self.load_int_field(instruction),
            Op::StoreIntField => self.store_int_field(instruction),
            Op::ExchangeField => self.exchange_field(instruction),
            Op::ListGet => self.list_get(instruction),
            Op::ListExchange => self.list_exchange(instruction),
            Op::TupleGet => self.tuple_get(instruction),
            Op::ArrayGetFloat | Op::ArrayGetInt => self.array_get(instruction),
            Op::ArraySetFloat | Op::ArraySetInt => self.array_set(instruction),
            Op::InlineValueGet => self.inline_value_get(instruction),
            Op::InlineValueExchange => self.inline_value_exchange(instruction),
            Op::SlotGet => self.slot_get(instruction),
            Op::SlotExchange => self.slot_exchange(instruction),
            Op::CellGet => self.cell_get(instruction),
            Op::CellExchange => self.cell_exchange(instruction),
            Op::DictEntryGet => self.dict_entry_get(instruction),
            Op::ManagedDictGet => self.managed_dict_get(instruction),

            Op::CacheCell => self.cache_cell(instruction),
            Op::CallHelper => self.call_helper(instruction),
            Op::CallDirect => self.call_direct(instruction),
            Op::CallObject => self.call_object(instruction),
            Op::CallC => self.call_c(instruction),
            Op::CheckEvalBreaker => self.check_eval_breaker(instruction),
            Op::CheckFrame => self.check_frame(instruction),
            Op::CheckException => self.check_exception(instruction),

            Op::Increment => self.increment(instruction),
            Op::Decrement => self.decrement(instruction),

            Op::Jump => self.jump(instruction),
            Op::Branch => self.branch(instruction),
            Op::BranchRaised => self.branch_raised(instruction),
            Op::Return => self.return_value(instruction),
            Op::Exit => self.exit(instruction),
            Op::Unreachable => self.unreachable(),

            Op::Catch => self.catch(instruction),
        }
    }

    // ---- Values ----

    /// What Cranelift calls a value of the IR.
    pub(crate) fn value(&self, value: ir::Value) -> Result<Value, CodegenError> {
        self.values.get(value.index()).copied().flatten().ok_or_else(|| bug(format!("{value} is used before it is there")))
    }

    /// An operand.
    pub(crate) fn operand(&self, instruction: &Instruction, position: usize) -> Result<Value, CodegenError> {
        let value = instruction.operands.get(position).ok_or_else(|| bug(format!("{}: operand {position} is missing", instruction.op.info().name)))?;
        self.value(*value)
    }

    /// Names the result of an instruction.
    pub(crate) fn define(&mut self, instruction: &Instruction, value: Value) -> Result<(), CodegenError> {
        let Some(result) = instruction.result else { return Ok(()) };
        let expected = machine_type(self.function.ty(result).representation);
        let found = self.builder.func.dfg.value_type(value);
        if expected != found {
            return Err(bug(format!("{result} = {} is {found}, its type says {expected}", instruction.op.info().name)));
        }
        self.values[result.index()] = Some(value);
        Ok(())
    }

    /// The integer that a value is known to be.
    pub(crate) fn known_int(&self, value: ir::Value) -> Option<i64> {
        let instruction = self.function.defining(value)?;
        match (instruction.op, instruction.immediates.first()) {
            (Op::ConstInt, Some(Immediate::Int(known))) => Some(*known),
            _ => None,
        }
    }

    /// The address of an object of the facts.
    pub(crate) fn object_address(&self, object: ir::ObjectRef) -> Result<usize, CodegenError> {
        let address = self.facts.objects.get(object.index()).map(|facts| facts.address).ok_or_else(|| bug(format!("no facts of {object}")))?;
        self.named.borrow_mut().insert(address);
        Ok(address)
    }

    /// A code object of the facts.
    pub(crate) fn code_facts(&self, code: ir::CodeRef) -> Result<&'a CodeFacts, CodegenError> {
        self.facts.codes.get(code.index()).ok_or_else(|| bug(format!("no facts of {code}")))
    }

    // ---- Short forms ----

    pub(crate) fn int(&mut self, value: i64) -> Value {
        self.builder.ins().iconst(types::I64, value)
    }

    pub(crate) fn address(&mut self, address: usize) -> Value {
        self.int((address as u64).cast_signed())
    }

    pub(crate) fn load(&mut self, ty: Type, base: Value, offset: i32) -> Value {
        self.builder.ins().load(ty, FLAGS, base, offset)
    }

    pub(crate) fn store(&mut self, value: Value, base: Value, offset: i32) {
        self.builder.ins().store(FLAGS, value, base, offset);
    }

    /// Loads from a fixed address.
    pub(crate) fn load_absolute(&mut self, ty: Type, address: usize) -> Result<Value, CodegenError> {
        if address == 0 {
            return Err(unsupported("an environment with missing addresses"));
        }
        let base = self.address(address);
        Ok(self.load(ty, base, 0))
    }

    /// Where a slot of `localsplus` is in the frame.
    pub(crate) fn local_offset(&self, slot: u32) -> i32 {
        self.environment.layout.frame_localsplus + 8 * slot as i32
    }

    /// A block that goes on from the current one: as cold as that.
    pub(crate) fn next_block(&mut self) -> Block {
        let cold = self.builder.current_block().is_some_and(|current| self.builder.func.layout.is_cold(current));
        if cold { self.cold_block() } else { self.builder.create_block() }
    }

    /// A block that is hardly ever reached.
    pub(crate) fn cold_block(&mut self) -> Block {
        let block = self.builder.create_block();
        self.builder.set_cold_block(block);
        block
    }

    /// Goes to `target` if the test is not 0, else on.
    pub(crate) fn leave_if(&mut self, test: Value, target: Block) {
        let next = self.next_block();
        self.builder.ins().brif(test, target, &[], next, &[]);
        self.builder.switch_to_block(next);
    }

    /// Goes to `target` if the test is 0, else on.
    pub(crate) fn leave_unless(&mut self, test: Value, target: Block) {
        let next = self.next_block();
        self.builder.ins().brif(test, next, &[], target, &[]);
        self.builder.switch_to_block(next);
    }

    /// The address of so many words on the machine stack, good until the next use.
    pub(crate) fn scratch(&mut self, words: u32) -> Value {
        self.scratch_words = self.scratch_words.max(words);
        self.builder.ins().stack_addr(types::I64, self.scratch, 0)
    }

    /// Compares an integer with a constant.
    pub(crate) fn compare(&mut self, condition: IntCC, value: Value, constant: i64) -> Value {
        let ty = self.builder.func.dfg.value_type(value);
        let constant = self.builder.ins().iconst(ty, constant);
        self.builder.ins().icmp(condition, value, constant)
    }

    /// The signature of a C function with these parameters.
    fn signature(&mut self, parameters: Vec<Type>, outcome: Option<Type>) -> SigRef {
        if let Some(&known) = self.signatures.get(&(parameters.clone(), outcome)) {
            return known;
        }
        let mut signature = Signature::new(CallConv::SystemV);
        signature.params.extend(parameters.iter().map(|&ty| AbiParam::new(ty)));
        signature.returns.extend(outcome.map(AbiParam::new));
        let made = self.builder.import_signature(signature);
        self.signatures.insert((parameters, outcome), made);
        made
    }

    /// Calls what is at a computed address.
    pub(crate) fn call_value(&mut self, target: Value, arguments: &[Value], outcome: Option<Type>) -> Option<Value> {
        let parameters = arguments.iter().map(|&argument| self.builder.func.dfg.value_type(argument)).collect();
        let signature = self.signature(parameters, outcome);
        let call = self.builder.ins().call_indirect(signature, target, arguments);
        self.builder.inst_results(call).first().copied()
    }

    /// Calls a C function at a fixed address.
    pub(crate) fn call_address(&mut self, name: &str, address: usize, arguments: &[Value], outcome: Option<Type>) -> Result<Option<Value>, CodegenError> {
        if address == 0 {
            return Err(unsupported(format!("an environment without {name}")));
        }
        let target = self.address(address);
        Ok(self.call_value(target, arguments, outcome))
    }

    /// Calls a routine that returns a word.
    pub(crate) fn call_routine(&mut self, name: &str, address: usize, arguments: &[Value]) -> Result<Value, CodegenError> {
        self.call_address(name, address, arguments, Some(types::I64))?.ok_or_else(|| bug("a call without a result"))
    }

    /// Calls a routine from a cold path, keeping every register; the result is a word. Only for routines that take up to [`quiet::ARGUMENTS`] integers
    /// or one float.
    pub(crate) fn quiet_call(&mut self, name: &str, address: usize, arguments: &[Value]) -> Result<Value, CodegenError> {
        let Some(between) = quiet::routine(self.has_floats) else { return self.call_routine(name, address, arguments) };
        if address == 0 {
            return Err(unsupported(format!("an environment without {name}")));
        }
        if arguments.len() > quiet::ARGUMENTS {
            return Err(bug(format!("{name} has too many arguments for a quiet call")));
        }
        let slot = match self.quiet_block {
            Some(slot) => slot,
            None => {
                let slot = self.builder.create_sized_stack_slot(stack_slot(quiet::WORDS));
                self.quiet_block = Some(slot);
                slot
            }
        };
        let block = self.builder.ins().stack_addr(types::I64, slot, 0);
        let target = self.address(address);
        self.store(target, block, 0);
        for (index, &argument) in arguments.iter().enumerate() {
            self.store(argument, block, 8 + 8 * index as i32);
        }
        self.call_keeping_registers(between, block);
        let block = self.builder.ins().stack_addr(types::I64, slot, 0);
        Ok(self.load(types::I64, block, 0))
    }

    /// Destroys an object, keeping every register.
    pub(crate) fn deallocate(&mut self, object: Value) -> Result<(), CodegenError> {
        let routines = &self.environment.routines;
        let quiet = routines.deallocate_quietly[usize::from(self.has_floats)];
        if quiet == 0 {
            let address = routines.deallocate;
            self.call_address("deallocate", address, &[object], None)?;
        } else {
            self.call_keeping_registers(quiet, object);
        }
        Ok(())
    }

    /// Calls a routine of `coachwhip_abi::quiet`.
    fn call_keeping_registers(&mut self, routine: usize, argument: Value) {
        let signature = match self.quiet_signature {
            Some(signature) => signature,
            None => {
                let mut signature = Signature::new(CallConv::PreserveAll);
                signature.params.push(AbiParam::new(types::I64));
                let signature = self.builder.import_signature(signature);
                self.quiet_signature = Some(signature);
                signature
            }
        };
        let routine = self.address(routine);
        self.builder.ins().call_indirect(signature, routine, &[argument]);
    }

    /// Where an allocation that cannot be reported goes if it fails.
    pub(crate) fn trap_block(&mut self) -> Block {
        if let Some(block) = self.trap {
            return block;
        }
        let block = self.cold_block();
        self.trap = Some(block);
        block
    }

    /// The stack slot of the activation record.
    pub(crate) fn record_slot(&mut self, words: u32) -> StackSlot {
        self.builder.create_sized_stack_slot(stack_slot(words))
    }
}

/// An immediate of the expected kind, or a mistake in the IR.
macro_rules! immediate {
    ($instruction:expr, $position:expr, $variant:ident) => {
        match $instruction.immediates.get($position) {
            Some(coachwhip_ir::Immediate::$variant(value)) => Ok(*value),
            _ => Err($crate::lower::bug(format!("{}: immediate {} should be {}", $instruction.op.info().name, $position, stringify!($variant)))),
        }
    };
}
pub(crate) use immediate;

//! From bytecode to IR: interprets each bytecode instruction abstractly, over SSA values instead of objects.
//!
//! The builder is naive on purpose: each instruction guards its operands, works on unboxed values and boxes its outcome; passes remove what is not needed.
//! Where to find what: `blocks` cuts bytecode into blocks, `state` holds locals and stack, `emit` makes instructions and snapshots, and each family of bytecode
//! instructions has a file of its own.

mod arithmetic;
mod attributes;
mod blocks;
mod calls;
mod compare;
mod control;
mod displays;
mod emit;
mod exceptions;
mod iteration;
mod locals;
mod names;
mod polymorphic;
mod state;
mod subscripts;

use coachwhip_abi::facts::{CodeFacts, Facts, Feedback, ObjectValue, code_flags};
use coachwhip_bytecode::{Instruction as Bytecode, Op as Operation};
use coachwhip_ir::maps::{HashMap, HashSet};
use coachwhip_ir::{Block, CodeRef, EntryKind, Function, Op, Type, Value};
use std::fmt;

/// Why a function is not compiled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BuildError {
    /// It contains something that is left to the interpreter: an operation's name, or a few words.
    Unsupported(String),
    /// The bytecode or the facts are not what the builder relies on.
    Malformed(String),
}

impl fmt::Display for BuildError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::Unsupported(what) => write!(formatter, "unsupported: {what}"),
            BuildError::Malformed(what) => write!(formatter, "malformed: {what}"),
        }
    }
}

impl std::error::Error for BuildError {}

pub(crate) type Result<T> = std::result::Result<T, BuildError>;

/// What the builder may do.
#[derive(Clone, Copy, Debug, Default)]
pub struct BuildOptions {
    /// Whether instructions that have never run become exits (instead of their generic form).
    pub exit_where_cold: bool,
    /// Whether calls of small functions are inlined.
    pub inline: bool,
}

/// Whether instructions name slots of the frame that there are: code that was made by `code.replace(co_code=...)` need not.
fn check_slots(code: &CodeFacts) -> Result<()> {
    let count = code.slots.len();
    for (instruction, _) in &code.instructions {
        let slot = instruction.argument as usize;
        let fits = match instruction.op {
            Operation::LoadFast
            | Operation::LoadFastCheck
            | Operation::LoadFastAndClear
            | Operation::StoreFast
            | Operation::DeleteFast
            | Operation::MakeCell
            | Operation::LoadDeref
            | Operation::StoreDeref
            | Operation::DeleteDeref
            | Operation::LoadFromDictOrDeref => slot < count,
            Operation::CopyFreeVars => slot <= count,
            _ => true,
        };
        if !fits {
            return Err(BuildError::Malformed(format!("{} names slot {slot} of {count}", instruction.op.name())));
        }
    }
    Ok(())
}

/// Builds the IR of `code0`.
///
/// # Errors
/// [`BuildError`] says why the function is left to the interpreter.
pub fn build(facts: &Facts, kind: EntryKind, options: BuildOptions) -> Result<Function> {
    let code = facts.codes.first().ok_or_else(|| BuildError::Malformed("no code".into()))?;
    if code.flags & code_flags::GENERATOR != 0 {
        return Err(BuildError::Unsupported("generators and coroutines".into()));
    }
    if let EntryKind::Call { .. } = kind
        && code.flags & code_flags::OPTIMIZED == 0
    {
        return Err(BuildError::Unsupported("class bodies and modules run once".into()));
    }
    facts.codes.iter().try_for_each(check_slots)?;
    let mut assumed = HashMap::default();
    // A slot that is filled on the first way to a loop's head may be empty on the way back: then it is built again, with that in mind.
    let mut may_be_empty = HashSet::default();
    let mut builder = loop {
        let mut builder = Builder::new(facts, kind, options);
        builder.may_be_empty.clone_from(&may_be_empty);
        match (builder.build_outermost(), builder.found_empty) {
            (Ok(()), _) => break builder,
            (Err(_), Some(slot)) if may_be_empty.insert(slot) => {}
            (Err(error), _) => return Err(error),
        }
    };
    let mut function = builder.function;
    // The first time nothing is assumed of what goes around loops. What turns out to be so is assumed the next time, and checked on each edge: by induction it holds.
    for _ in 0..MOST_ASSUMPTIONS {
        let found = loop_types(&mut function, &builder.loop_parameters);
        if found.is_empty() || found == assumed {
            break;
        }
        assumed = found;
        builder = Builder::new(facts, kind, options);
        builder.assumed.clone_from(&assumed);
        builder.may_be_empty.clone_from(&may_be_empty);
        if builder.build_outermost().is_err() {
            break;
        }
        function = std::mem::replace(&mut builder.function, Function::new(String::new(), kind));
    }
    blocks::remove_trivial_parameters(&mut function);
    Ok(function)
}

/// So often a function is built again, knowing more of its loops.
const MOST_ASSUMPTIONS: u32 = 2;

/// What is known of a slot (locals, then the stack) at the head of a loop, by the offset of the head.
type LoopTypes = HashMap<(u32, usize), Type>;

/// The classes of what goes around the loops of a function, where that is less than anything.
fn loop_types(function: &mut Function, parameters: &[(u32, usize, Value)]) -> LoopTypes {
    crate::opt::narrow_types(function);
    let known = parameters.iter().map(|&(offset, slot, parameter)| ((offset, slot), Type::object(function.ty(parameter).classes)));
    known.filter(|(_, ty)| !ty.classes.is_empty() && !Type::OBJECT.is_subtype(*ty) && ty.classes != coachwhip_ir::ClassSet::NULL).collect()
}

/// The state of a build.
pub(crate) struct Builder<'facts> {
    facts: &'facts Facts,
    options: BuildOptions,
    function: Function,
    /// The block that instructions are added to; `None` after its end.
    current: Option<Block>,
    /// The frame whose bytecode is being interpreted.
    frame: state::Frame,
    /// The bytecode instruction being interpreted.
    bytecode: Bytecode,
    /// The evaluation stack as it was before that instruction: exits execute it again.
    stack_before: Vec<Option<Value>>,
    /// The snapshot of the state before that instruction, if one was needed.
    snapshot_before: Option<coachwhip_ir::SnapshotId>,
    /// The parameters of loop heads: offset of the head, slot, parameter.
    loop_parameters: Vec<(u32, usize, Value)>,
    /// What is assumed of them.
    assumed: LoopTypes,
    /// Slots that may be empty at the heads of loops, by offset and slot, though they are filled on the first way there.
    may_be_empty: HashSet<(u32, usize)>,
    /// Such a slot that was not among them.
    found_empty: Option<(u32, usize)>,
    /// Whether that instruction may have run any code.
    ran_any_code: bool,
    /// Whether it was a call, after which the interpreter looks at eval_breaker.
    was_call: bool,
    /// Values that are one of several methods.
    candidates: HashMap<Value, Vec<polymorphic::Candidate>>,
}

impl<'facts> Builder<'facts> {
    fn new(facts: &'facts Facts, kind: EntryKind, options: BuildOptions) -> Self {
        let code = &facts.codes[0];
        let bytecode = Bytecode { offset: 0, opcode_offset: 0, next: 0, op: Operation::Nop, argument: 0, first_part: true };
        Builder {
            facts,
            options,
            function: Function::new(code.qualname.clone(), kind),
            current: Some(Function::ENTRY),
            frame: state::Frame::new(facts, CodeRef(0)),
            bytecode,
            stack_before: Vec::new(),
            snapshot_before: None,
            loop_parameters: Vec::new(),
            assumed: HashMap::default(),
            may_be_empty: HashSet::default(),
            found_empty: None,
            ran_any_code: false,
            was_call: false,
            candidates: HashMap::default(),
        }
    }

    /// The code being interpreted.
    fn code(&self) -> &'facts CodeFacts {
        &self.facts.codes[self.frame.code.index()]
    }

    fn build_outermost(&mut self) -> Result<()> {
        let start = match self.function.entry_kind {
            EntryKind::Call { parameters } => {
                for index in 0..parameters {
                    let value = self.emit_value(Op::Argument, &[], &[coachwhip_ir::Immediate::Int(i64::from(index))], Type::OBJECT);
                    self.frame.locals[index as usize] = Some(value);
                }
                0
            }
            EntryKind::Loop { offset, stack_depth } => {
                self.enter_loop(offset, stack_depth)?;
                offset
            }
        };
        self.build_body(start)
    }

    /// At on-stack replacement: takes the values out of the interpreter's frame.
    fn enter_loop(&mut self, offset: u32, stack_depth: u32) -> Result<()> {
        let bound = blocks::definitely_bound(self.facts, self.frame.code, offset);
        let local_count = self.frame.locals.len();
        for index in 0..local_count + stack_depth as usize {
            let is_bound = bound.get(index).copied().unwrap_or(false);
            let ty = if is_bound { Type::OBJECT } else { Type::OBJECT_OR_NULL };
            let slot = i64::try_from(index).map_err(|_| BuildError::Malformed("too many slots".into()))?;
            let value = self.emit_value(Op::EntrySlot, &[], &[coachwhip_ir::Immediate::Int(slot)], ty);
            if index < local_count {
                self.frame.locals[index] = Some(value);
            } else {
                self.frame.stack.push(Some(value));
            }
        }
        self.bytecode.offset = offset;
        self.bytecode.opcode_offset = offset;
        self.begin_instruction();
        // What the frame held when the loop got hot says whether a slot is filled; another frame must agree. Once that went wrong, locals may be either.
        let refuted = self.is_refuted();
        // What a comprehension has saved on the stack may be there when an outer loop comes back.
        let saves = self.code().instructions.iter().any(|(instruction, _)| instruction.op == Operation::LoadFastAndClear);
        for index in 0..local_count + stack_depth as usize {
            if bound.get(index).copied().unwrap_or(false) || (refuted && index < local_count) {
                continue;
            }
            let filled = self.facts.slots.get(index).copied().flatten().is_some();
            if saves && !filled && index >= local_count {
                continue;
            }
            let value = if index < local_count { self.frame.locals[index] } else { self.frame.stack[index - local_count] };
            let Some(value) = value else { continue };
            let refined = if filled {
                Some(self.guard_not_null(value, coachwhip_ir::Reason::Missing))
            } else {
                let is_null = self.emit_value(Op::IsNull, &[value], &[], Type::BOOL);
                self.guard_true(is_null, coachwhip_ir::Reason::Missing);
                None
            };
            if index < local_count {
                self.frame.locals[index] = refined;
            } else {
                self.frame.stack[index - local_count] = refined;
            }
        }
        Ok(())
    }

    /// Interprets the frame's bytecode from an offset, block by block, in reverse postorder.
    fn build_body(&mut self, start: u32) -> Result<()> {
        // Compiled code owns fewer references than the interpreter's stack: who counts them gets the interpreter's numbers.
        let facts = self.facts;
        let counts = |name: &coachwhip_ir::ObjectRef| matches!(&facts.objects[name.index()].value, ObjectValue::Str(name) if name == "getrefcount");
        if self.code().names.iter().any(counts) {
            return Err(BuildError::Unsupported("sys.getrefcount".into()));
        }
        let bound = self.bound_now();
        let plan = blocks::plan(self.facts, self.frame.code, start, self.handlers_compiled(), bound)?;
        self.frame.blocks.clear();
        for &head in &plan.order {
            self.frame.plans.insert(head, plan.heads[&head].clone());
        }
        self.jump_to_offset(start)?;
        // A loop that was entered in its middle can reach the head of one around it by a jump back alone, when other ways there ended before: once more, then.
        loop {
            let mut is_done = true;
            for &head in &plan.order {
                // If it is not there every way to it ended before: a folded branch.
                let Some(entry) = self.frame.blocks.get_mut(&head) else { continue };
                if !std::mem::replace(&mut entry.is_built, true) {
                    let entry = entry.clone();
                    self.build_block(head, &plan, &entry)?;
                    is_done = false;
                }
            }
            if is_done {
                return Ok(());
            }
        }
    }

    fn build_block(&mut self, head: u32, plan: &blocks::Plan, entry: &state::BlockEntry) -> Result<()> {
        self.current = Some(entry.block);
        self.frame.locals = entry.locals.clone();
        self.frame.stack = entry.stack.clone();
        for slot in self.frame.stack.iter_mut().chain(&mut self.frame.locals) {
            if slot.is_some_and(|value| self.function.ty(value).classes == coachwhip_ir::ClassSet::NULL) {
                *slot = None;
            }
        }
        let code = self.code();
        let first = code.instructions.partition_point(|(instruction, _)| instruction.offset < head);
        if plan.heads[&head].is_loop_head {
            self.bytecode = Bytecode { offset: head, opcode_offset: head, ..self.bytecode };
            self.begin_instruction();
            let snapshot = self.snapshot_before();
            let block = self.current.expect("a block is being built");
            self.function.blocks[block.index()].entry_snapshot = Some(snapshot);
        }
        for (index, (instruction, feedback)) in code.instructions.iter().enumerate().skip(first) {
            if instruction.offset != head && instruction.first_part && plan.heads.contains_key(&instruction.offset) {
                return self.jump_to_offset(instruction.offset);
            }
            self.bytecode = *instruction;
            if instruction.first_part {
                self.begin_instruction();
            }
            self.interpret(index, *instruction, feedback)?;
            if self.current.is_none() {
                return Ok(());
            }
            self.finish_instruction();
        }
        Err(BuildError::Malformed("bytecode runs off its end".into()))
    }

    fn begin_instruction(&mut self) {
        self.stack_before.clone_from(&self.frame.stack);
        self.snapshot_before = None;
        self.ran_any_code = false;
        self.was_call = false;
    }

    /// After an instruction that may have run any code: the frame may have been inspected, its code invalidated, tracing switched on.
    fn finish_instruction(&mut self) {
        if !self.ran_any_code {
            return;
        }
        self.ran_any_code = false;
        let snapshot = self.snapshot_at(self.bytecode.next);
        self.emit_checked(Op::CheckFrame, &[], &[], None, snapshot);
        if self.was_call {
            self.emit_checked(Op::CheckEvalBreaker, &[], &[], None, snapshot);
        }
    }

    /// Interprets one instruction. Each family is in a file of its own.
    fn interpret(&mut self, index: usize, instruction: Bytecode, feedback: &'facts Feedback) -> Result<()> {
        let argument = instruction.argument;
        if self.options.exit_where_cold && *feedback == Feedback::Cold && self.is_never_reached(instruction.op) {
            return self.exit(coachwhip_ir::Reason::NeverTaken);
        }
        match instruction.op {
            Operation::Nop | Operation::Resume => Ok(()),
            Operation::PopTop | Operation::EndFor => self.pop_top(),
            Operation::PushNull => self.push_null(),
            Operation::Copy => self.copy(argument),
            Operation::Swap => self.swap(argument),
            Operation::LoadConst => self.load_const(argument),
            Operation::LoadFast => self.load_fast(argument),
            Operation::LoadFastCheck => self.load_fast_check(argument),
            Operation::LoadFastAndClear => self.load_fast_and_clear(argument),
            Operation::StoreFast => self.store_fast(argument),
            Operation::DeleteFast => self.delete_fast(argument),
            Operation::MakeCell => self.make_cell(argument),
            Operation::CopyFreeVars => self.copy_free_vars(argument),
            Operation::LoadDeref => self.load_deref(argument),
            Operation::StoreDeref => self.store_deref(argument),
            Operation::DeleteDeref => self.delete_deref(argument),
            Operation::LoadFromDictOrDeref => self.load_from_dict_or_deref(argument),
            Operation::LoadFromDictOrGlobals => self.load_from_dict_or_globals(argument),
            Operation::LoadLocals => self.load_locals(),
            Operation::LoadGlobal => self.load_global(argument, feedback),
            Operation::StoreGlobal => self.store_global(argument),
            Operation::DeleteGlobal => self.delete_global(argument),
            Operation::LoadName => self.load_name(argument),
            Operation::StoreName => self.store_name(argument),
            Operation::DeleteName => self.delete_name(argument),
            Operation::SetupAnnotations => self.setup_annotations(),
            Operation::LoadBuildClass => self.load_build_class(),
            Operation::LoadAssertionError => self.load_assertion_error(),
            Operation::ImportName => self.import_name(argument),
            Operation::ImportFrom => self.import_from(argument),
            Operation::LoadAttr => self.load_attr(argument, feedback),
            Operation::LoadSuperAttr => self.load_super_attr(argument),
            Operation::StoreAttr => self.store_attr(argument, feedback),
            Operation::DeleteAttr => self.delete_attr(argument),
            Operation::BinaryOp => self.binary_op(index, argument, feedback),
            Operation::UnaryNegative => self.unary_negative(),
            Operation::UnaryInvert => self.unary_invert(),
            Operation::UnaryNot => self.unary_not(),
            Operation::ToBool => self.to_bool(feedback),
            Operation::CompareOp => self.compare_op(argument, feedback),
            Operation::ContainsOp => self.contains_op(argument),
            Operation::IsOp => self.is_op(argument),
            Operation::BinarySubscr => self.binary_subscr(feedback),
            Operation::StoreSubscr => self.store_subscr(feedback),
            Operation::DeleteSubscr => self.delete_subscr(),
            Operation::BinarySlice => self.binary_slice(),
            Operation::StoreSlice => self.store_slice(),
            Operation::PopJumpIfTrue => self.pop_jump_if(argument, true, feedback),
            Operation::PopJumpIfFalse => self.pop_jump_if(argument, false, feedback),
            Operation::PopJumpIfNone => self.pop_jump_if_none(argument, true, feedback),
            Operation::PopJumpIfNotNone => self.pop_jump_if_none(argument, false, feedback),
            Operation::JumpForward => self.jump_to_offset(argument),
            Operation::JumpBackward => self.jump_backward(argument, true),
            Operation::JumpBackwardNoInterrupt => self.jump_backward(argument, false),
            Operation::ReturnValue => self.return_value(),
            Operation::GetIter => self.get_iter(index),
            Operation::ForIter => self.for_iter(index, argument, feedback),
            Operation::UnpackSequence => self.unpack_sequence(argument, feedback),
            Operation::UnpackEx => self.unpack_ex(argument),
            Operation::BuildList => self.build_display(coachwhip_ir::Helper::BuildList, argument),
            Operation::BuildTuple => self.build_display(coachwhip_ir::Helper::BuildTuple, argument),
            Operation::BuildSet => self.build_display(coachwhip_ir::Helper::BuildSet, argument),
            Operation::BuildMap => self.build_display(coachwhip_ir::Helper::BuildMap, 2 * argument),
            Operation::BuildString => self.build_display(coachwhip_ir::Helper::BuildString, argument),
            Operation::BuildConstKeyMap => self.build_const_key_map(argument),
            Operation::BuildSlice => self.build_slice(argument),
            Operation::ListAppend => self.list_append(argument),
            Operation::ListExtend => self.update_display(coachwhip_ir::Helper::ListExtend, argument),
            Operation::SetAdd => self.update_display(coachwhip_ir::Helper::SetAdd, argument),
            Operation::SetUpdate => self.update_display(coachwhip_ir::Helper::SetUpdate, argument),
            Operation::DictUpdate => self.update_display(coachwhip_ir::Helper::DictUpdate, argument),
            Operation::DictMerge => self.dict_merge(argument),
            Operation::MapAdd => self.map_add(argument),
            Operation::FormatSimple => self.format_simple(),
            Operation::FormatWithSpec => self.format_with_spec(),
            Operation::ConvertValue => self.convert_value(argument),
            Operation::Call => self.call(argument, None, feedback),
            Operation::CallKw => self.call_kw(argument, feedback),
            Operation::CallFunctionEx => self.call_function_ex(argument),
            Operation::CallIntrinsic1 => self.call_intrinsic_1(argument),
            Operation::CallIntrinsic2 => self.call_intrinsic_2(argument),
            Operation::MakeFunction => self.make_function(),
            Operation::SetFunctionAttribute => self.set_function_attribute(argument),
            Operation::GetLen => self.get_len(),
            Operation::MatchMapping => self.match_flags(1 << 6),
            Operation::MatchSequence => self.match_flags(1 << 5),
            Operation::MatchKeys => self.match_keys(),
            Operation::MatchClass => self.match_class(argument),
            Operation::RaiseVarargs => self.raise_varargs(argument),
            Operation::Reraise => self.reraise(argument),
            Operation::PushExcInfo => self.push_exc_info(),
            Operation::PopExcept => self.pop_except(),
            Operation::CheckExcMatch => self.check_exc_match(),
            Operation::CheckEgMatch => self.check_eg_match(),
            Operation::BeforeWith => self.before_with(),
            Operation::WithExceptStart => self.with_except_start(),
            Operation::ReturnGenerator
            | Operation::YieldValue
            | Operation::Send
            | Operation::EndSend
            | Operation::CleanupThrow
            | Operation::GetAwaitable
            | Operation::GetAiter
            | Operation::GetAnext
            | Operation::EndAsyncFor
            | Operation::BeforeAsyncWith
            | Operation::GetYieldFromIter
            | Operation::ExitInitCheck
            | Operation::InterpreterExit
            | Operation::Reserved => Err(BuildError::Unsupported(instruction.op.name().into())),
        }
    }

    /// Whether an instruction that has never run is one whose cache would show it if it had.
    fn is_never_reached(&self, operation: Operation) -> bool {
        let tells = matches!(
            operation,
            Operation::LoadAttr
                | Operation::LoadGlobal
                | Operation::StoreAttr
                | Operation::BinaryOp
                | Operation::BinarySubscr
                | Operation::StoreSubscr
                | Operation::CompareOp
                | Operation::ContainsOp
                | Operation::Call
                | Operation::ForIter
                | Operation::UnpackSequence
                | Operation::ToBool
        );
        tells && self.refuted_row().is_none()
    }

    /// What is known of guesses that went wrong at this instruction.
    pub(crate) fn refuted_row(&self) -> Option<&'facts coachwhip_abi::facts::Refuted> {
        let address = self.code().address;
        self.facts.refuted.iter().find(|refuted| refuted.code_address == address && refuted.offset == self.bytecode.offset)
    }

    /// What a local variable that has this value held when its loop got hot. (Not in inlined callees: their locals are others.)
    pub(crate) fn slot_facts(&self, value: Value) -> Option<coachwhip_abi::facts::SlotFacts> {
        let facts = if self.facts.slots.is_empty() { &self.facts.arguments } else { &self.facts.slots };
        if facts.is_empty() || self.frame.inlined.is_some() {
            return None;
        }
        let root = self.function.root(value);
        let slot = self.frame.locals.iter().position(|local| local.is_some_and(|local| self.function.root(local) == root))?;
        facts.get(slot).copied().flatten()
    }

    /// The value, guarded to be of the built-in class that its local variable held when its loop got hot, unless that went wrong.
    pub(crate) fn guard_slot_class(&mut self, value: Value) -> Value {
        match self.slot_facts(value) {
            Some(slot)
                if slot.class != coachwhip_ir::Class::Other && self.known_class(value).is_none() && !self.is_refuted() && self.may_be(value, slot.class) =>
            {
                self.guard_class(value, slot.class)
            }
            _ => value,
        }
    }

    /// Whether a guess at this instruction went wrong too often.
    pub(crate) fn is_refuted(&self) -> bool {
        self.refuted_row().is_some_and(|refuted| !refuted.reached_only)
    }
}

//! Ways in: the direct entry's prologue, the loop entry's, and the array entry's trampoline.

use crate::CodegenError;
use crate::lower::{FLAGS, Lowering};
use coachwhip_abi::bytecode;
use coachwhip_abi::environment::{STACK_RANGE, frame_state};
use coachwhip_abi::facts::code_flags;
use coachwhip_ir::maps::HashMap;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    AbiParam, Block, ExtFuncData, ExternalName, Function, InstBuilder, Signature, StackSlotData, StackSlotKind, UserExternalName, UserFuncName, types,
};
use cranelift_codegen::isa::{CallConv, TargetIsa};
use cranelift_codegen::{Context, FinalizedRelocTarget};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use std::mem::offset_of;
use std::sync::Mutex;

/// More parameters than this are passed by nobody's hot code.
const PARAMETER_LIMIT: u32 = 64;

/// The signature of a direct entry.
pub(crate) fn direct_signature(parameters: u32) -> Signature {
    let mut signature = Signature::new(CallConv::SystemV);
    signature.params.extend((0..parameters + 2).map(|_| AbiParam::new(types::I64)));
    signature.returns.push(AbiParam::new(types::I64));
    signature
}

impl Lowering<'_> {
    /// The prologue of a direct entry: tests, frame, `localsplus`. Leaves the builder where the body starts.
    pub(crate) fn call_prologue(&mut self, entry: Block, parameters: u32) -> Result<(), CodegenError> {
        if parameters > PARAMETER_LIMIT {
            return Err(CodegenError::Unsupported(format!("{parameters} parameters")));
        }
        let header = self.options.header;
        let layout = &self.environment.layout;
        let code = &self.facts.codes[0];
        let arguments = self.builder.block_params(entry).to_vec();
        self.tstate = arguments[0];
        self.callee = Some(arguments[1]);
        self.arguments = arguments[2..].to_vec();

        let slow = self.cold_block();
        let enter = self.builder.create_block();
        let frame = self.builder.append_block_param(enter, types::I64);

        // 1. May this function be entered at all?
        let header_address = self.address(header);
        let expected = self.load_absolute(types::I64, self.environment.eval_breaker_expected)?;
        let breaker = self.load(types::I64, self.tstate, layout.thread_eval_breaker);
        let differs = self.builder.ins().icmp(IntCC::NotEqual, expected, breaker);
        self.leave_if(differs, slow);
        let valid = self.load(types::I64, header_address, offset_of!(coachwhip_abi::environment::CodeHeader, valid) as i32);
        self.leave_unless(valid, slow);
        let remaining = self.load(types::I32, self.tstate, layout.thread_py_recursion_remaining);
        let zero = self.builder.ins().iconst(types::I32, 0);
        let exhausted = self.builder.ins().icmp(IntCC::SignedLessThanOrEqual, remaining, zero);
        self.leave_if(exhausted, slow);
        let stack_pointer = self.builder.ins().get_stack_pointer(types::I64);
        let stack_limit = self.load(types::I64, self.tstate, layout.thread_stack_limit);
        let room = self.builder.ins().isub(stack_pointer, stack_limit);
        let low = self.compare(IntCC::UnsignedGreaterThanOrEqual, room, STACK_RANGE);
        self.leave_if(low, slow);
        let top = self.load(types::I64, self.tstate, layout.thread_datastack_top);
        let limit = self.load(types::I64, self.tstate, layout.thread_datastack_limit);
        let frame_bytes = i64::from(code.framesize) * 8;
        let room = self.builder.ins().isub(limit, top);
        let needed = self.int(frame_bytes + 8 * i64::from(self.detached_record_words()));
        let full = self.builder.ins().icmp(IntCC::SignedLessThanOrEqual, room, needed);
        self.leave_if(full, slow);

        let callee = arguments[1];
        let globals = self.load(types::I64, callee, layout.function_globals);
        let builtins = self.load(types::I64, callee, layout.function_builtins);
        if let Some((own_globals, own_builtins)) = self.options.namespaces {
            // Another function over the same code may see other names.
            let (own_globals, own_builtins) = (self.address(own_globals), self.address(own_builtins));
            let first = self.builder.ins().bxor(globals, own_globals);
            let second = self.builder.ins().bxor(builtins, own_builtins);
            let differs = self.builder.ins().bor(first, second);
            self.leave_if(differs, slow);
        }

        // 2. Push the frame (pycore_frame.h, _PyFrame_PushUnchecked and _PyFrame_Initialize).
        let code_address = self.address(code.address);
        self.store(code_address, top, layout.frame_executable);
        self.store(callee, top, layout.frame_function);
        self.store(globals, top, layout.frame_globals);
        self.store(builtins, top, layout.frame_builtins);
        if self.record.is_none() {
            let null = self.int(0);
            self.store(null, top, layout.frame_locals);
        }
        let null = self.int(0);
        self.store(null, top, layout.frame_object);
        let resume = code.instructions.iter().find(|row| row.0.op == bytecode::Op::Resume).map_or(0, |row| row.0.opcode_offset);
        let instr_ptr = self.address(code.first_unit + 2 * resume as usize);
        self.store(instr_ptr, top, layout.frame_instr_ptr);
        let previous = self.load(types::I64, self.tstate, layout.thread_current_frame);
        self.store(previous, top, layout.frame_previous);
        // stacktop, return_offset = 0, owner = 0 (FRAME_OWNED_BY_THREAD) and the state are one word.
        if layout.frame_state != layout.frame_stacktop + 7 {
            return Err(CodegenError::Unsupported("this layout of frames".to_owned()));
        }
        let word = self.int((code.slots.len() as u64 | u64::from(frame_state::COMPILED) << 56).cast_signed());
        self.store(word, top, layout.frame_stacktop);
        let new_top = self.builder.ins().iadd(top, needed);
        self.store(new_top, self.tstate, layout.thread_datastack_top);
        self.store(top, self.tstate, layout.thread_current_frame);
        let one = self.builder.ins().iconst(types::I32, 1);
        let fewer = self.builder.ins().isub(remaining, one);
        self.store(fewer, self.tstate, layout.thread_py_recursion_remaining);
        let entries = offset_of!(coachwhip_abi::environment::CodeHeader, entries) as i32;
        let header_address = self.address(header);
        let count = self.load(types::I64, header_address, entries);
        let one = self.int(1);
        let count = self.builder.ins().iadd(count, one);
        self.store(count, header_address, entries);
        self.builder.ins().jump(enter, &[top.into()]);

        // The slow way: the runtime pushes the frame, or does the whole call.
        self.builder.switch_to_block(slow);
        let buffer = self.scratch(parameters.max(1));
        for (index, &argument) in arguments[2..].iter().enumerate() {
            self.store(argument, buffer, 8 * index as i32);
        }
        let count = self.int(i64::from(parameters));
        let header_address = self.address(header);
        let pushed = self.quiet_call("enter_slow", self.environment.routines.enter_slow, &[self.tstate, callee, buffer, count, header_address])?;
        let over = self.cold_block();
        self.builder.ins().brif(pushed, enter, &[pushed.into()], over, &[]);
        self.builder.switch_to_block(over);
        let buffer = self.scratch(1);
        let outcome = self.load(types::I64, buffer, 0);
        self.builder.ins().return_(&[outcome]);

        // 3. localsplus.
        self.builder.switch_to_block(enter);
        self.frame = frame;
        for (index, &argument) in arguments[2..].iter().enumerate() {
            self.store(argument, frame, self.local_offset(index as u32));
        }
        let null = self.int(0);
        for index in parameters as usize..code.slots.len() {
            self.store(null, frame, self.local_offset(index as u32));
        }
        self.link_record();
        Ok(())
    }

    /// The prologue of a loop entry: the interpreter's frame becomes a compiled one.
    pub(crate) fn loop_prologue(&mut self, entry: Block) {
        let layout = &self.environment.layout;
        let parameters = self.builder.block_params(entry).to_vec();
        self.tstate = parameters[0];
        self.frame = parameters[1];
        let state = self.builder.ins().iconst(types::I8, i64::from(frame_state::COMPILED));
        self.store(state, self.frame, layout.frame_state);
        if self.facts.codes[0].flags & code_flags::OPTIMIZED != 0 {
            if self.record.is_none() {
                let null = self.int(0);
                self.store(null, self.frame, layout.frame_locals);
            }
            self.link_record();
        }
    }

    /// Fills in the head of the activation record and hangs it on the frame.
    fn link_record(&mut self) {
        let Some(record) = &self.record else { return };
        let on_machine_stack = record.slot.is_some();
        let address = if on_machine_stack || self.is_loop() {
            // Of a loop, the runtime has made room on the data stack.
            self.record_address()
        } else {
            let frame_bytes = self.int(i64::from(self.facts.codes[0].framesize) * 8);
            self.builder.ins().iadd(self.frame, frame_bytes)
        };
        let header = self.address(self.options.header);
        self.builder.ins().store(FLAGS, header, address, 0);
        let none = self.int(0);
        self.builder.ins().store(FLAGS, none, address, 8);
        if on_machine_stack || !self.is_loop() {
            self.store(address, self.frame, self.environment.layout.frame_locals);
        }
    }
}

/// A trampoline's code, and where in it the distance to the direct entry goes.
#[derive(Clone)]
pub(crate) struct Trampoline {
    code: Vec<u8>,
    /// `(offset, addend)` of a 32-bit distance relative to its own place.
    distance: (usize, i64),
}

/// Appends the array entry `(tstate, function, *arguments) -> object`; returns its offset.
pub(crate) fn append_array_entry(code: &mut Vec<u8>, parameters: u32, isa: &dyn TargetIsa) -> Result<u32, CodegenError> {
    // There are few different numbers of parameters, and each trampoline is the same but for one distance.
    static CACHE: Mutex<Option<HashMap<u32, Trampoline>>> = Mutex::new(None);
    let mut cache = CACHE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let cache = cache.get_or_insert_default();
    let trampoline = match cache.get(&parameters) {
        Some(trampoline) => trampoline,
        None => coachwhip_heap::outside_zone(|| make_trampoline(parameters, isa).map(|made| &*cache.entry(parameters).or_insert(made)))?,
    };
    code.resize(code.len().next_multiple_of(16), 0xCC);
    let start = code.len();
    code.extend_from_slice(&trampoline.code);
    let place = start + trampoline.distance.0;
    let distance = i32::try_from(trampoline.distance.1 - place as i64).map_err(|_| CodegenError::TooBig)?;
    code[place..place + 4].copy_from_slice(&distance.to_le_bytes());
    u32::try_from(start).map_err(|_| CodegenError::TooBig)
}

pub(crate) fn make_trampoline(parameters: u32, isa: &dyn TargetIsa) -> Result<Trampoline, CodegenError> {
    let mut signature = Signature::new(CallConv::SystemV);
    signature.params.extend((0..3).map(|_| AbiParam::new(types::I64)));
    signature.returns.push(AbiParam::new(types::I64));
    let mut context = Context::for_function(Function::with_name_signature(UserFuncName::user(0, 1), signature));
    let mut builder_context = FunctionBuilderContext::new();
    {
        let mut builder = FunctionBuilder::new(&mut context.func, &mut builder_context);
        let target = builder.import_signature(direct_signature(parameters));
        let name = builder.func.declare_imported_user_function(UserExternalName::new(0, 0));
        let target = builder.import_function(ExtFuncData { name: ExternalName::user(name), signature: target, colocated: true, patchable: false });
        let block = builder.create_block();
        builder.append_block_params_for_function_params(block);
        builder.switch_to_block(block);
        let entry = builder.block_params(block).to_vec();
        let mut arguments = vec![entry[0], entry[1]];
        for index in 0..parameters {
            arguments.push(builder.ins().load(types::I64, FLAGS, entry[2], 8 * index as i32));
        }
        let call = builder.ins().call(target, &arguments);
        let outcome = builder.inst_results(call)[0];
        builder.ins().return_(&[outcome]);
        builder.seal_all_blocks();
        builder.finalize(isa.frontend_config());
    }
    context.compile(isa, &mut ControlPlane::default()).map_err(|error| crate::host::compile_error(&error.inner, ""))?;
    let compiled = context.take_compiled_code().ok_or_else(|| CodegenError::Bug("no code".to_owned()))?;
    match compiled.buffer.relocs() {
        [relocation] if matches!(relocation.target, FinalizedRelocTarget::ExternalName(_)) => {
            Ok(Trampoline { code: compiled.code_buffer().to_vec(), distance: (relocation.offset as usize, relocation.addend) })
        }
        other => Err(CodegenError::Bug(format!("relocations of the array entry: {other:?}"))),
    }
}

/// A slot on the machine stack of so many words.
pub(crate) fn stack_slot(words: u32) -> StackSlotData {
    StackSlotData::new(StackSlotKind::ExplicitSlot, words * 8, 3)
}

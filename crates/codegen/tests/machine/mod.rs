//! A machine without Python: a thread state, a data stack and objects as plain memory, routines that write down how they were called.

#![allow(dead_code)]

use coachwhip_abi::environment::{CodeHeader, Environment, Layout, Routines, frame_state};
use coachwhip_abi::facts::{CodeFacts, Facts, ObjectFacts, ObjectValue, SlotName};
use coachwhip_abi::ir::{Block, Class, EntryKind, Function, Helper, Immediate, Instruction, ObjectRef, Op, Snapshot, SnapshotId, Target, Type, Value};
use coachwhip_abi::recipe::MachineCode;
use coachwhip_codegen::{GenerateOptions, generate};
use std::cell::{Cell, RefCell};
use std::time::Duration;

/// What a routine was called with.
#[derive(Clone, PartialEq, Debug)]
pub enum Call {
    Exit { recipe: usize, buffer: Vec<u64> },
    Raise { recipe: usize, buffer: Vec<u64> },
    Return { recipe: usize, buffer: Vec<u64> },
    EnterSlow(Vec<u64>),
    EvalBreaker,
    Deallocate(usize),
    Helper(Vec<u64>),
    Site { number: u64, words: Vec<u64> },
}

thread_local! {
    pub static CALLS: RefCell<Vec<Call>> = const { RefCell::new(Vec::new()) };
    /// What the next fallible routine answers.
    pub static ANSWER: Cell<i64> = const { Cell::new(0) };
}

fn note(call: Call) {
    CALLS.with_borrow_mut(|calls| calls.push(call));
}

pub fn calls() -> Vec<Call> {
    CALLS.take()
}

pub fn answer(value: i64) {
    ANSWER.set(value);
}

/// More words than any test's buffer has: what is behind them is the stack frame of the code under test.
const WORDS: usize = 6;

unsafe fn words(buffer: *const u64, count: usize) -> Vec<u64> {
    // SAFETY: the caller says that there are so many words.
    unsafe { std::slice::from_raw_parts(buffer, count) }.to_vec()
}

unsafe extern "C" fn exit(_tstate: usize, _frame: usize, _header: usize, recipe: usize, buffer: *const u64) -> usize {
    // SAFETY: the machine stack goes on behind the buffer.
    note(Call::Exit { recipe, buffer: unsafe { words(buffer, WORDS) } });
    0xE
}

unsafe extern "C" fn raise(_tstate: usize, _frame: usize, _header: usize, recipe: usize, buffer: *const u64) -> usize {
    // SAFETY: the machine stack goes on behind the buffer.
    note(Call::Raise { recipe, buffer: unsafe { words(buffer, WORDS) } });
    0
}

unsafe extern "C" fn return_slow(_tstate: usize, _frame: usize, _header: usize, recipe: usize, buffer: *const u64) -> u64 {
    // SAFETY: the machine stack goes on behind the buffer.
    let buffer = unsafe { words(buffer, WORDS) };
    let value = buffer[0];
    note(Call::Return { recipe, buffer });
    value
}

unsafe extern "C" fn enter_slow(_tstate: usize, _function: usize, arguments: *mut u64, count: usize, _header: usize) -> usize {
    // SAFETY: there are `count` arguments, and room for one word at least.
    unsafe {
        note(Call::EnterSlow(words(arguments, count)));
        *arguments = 0x5105;
    }
    0
}

unsafe extern "C" fn handle_eval_breaker(_tstate: usize, _frame: usize) -> i32 {
    note(Call::EvalBreaker);
    ANSWER.get() as i32
}

unsafe extern "C" fn deallocate(object: usize) {
    note(Call::Deallocate(object));
}

unsafe extern "C" fn box_int(value: i64) -> *mut Object {
    Box::leak(Object::int(value))
}

unsafe extern "C" fn box_float(value: f64) -> *mut Object {
    Box::leak(Object::float(value))
}

unsafe extern "C" fn unbox_big_int(object: *const Object, status: *mut i32) -> i64 {
    // SAFETY: the code under test passes an object and room for the status.
    unsafe {
        *status = i32::from((*object).tag >> 3 > 2);
        ((*object).value | (*object).more << 30).cast_signed() * (1 - ((*object).tag & 3).cast_signed())
    }
}

unsafe extern "C" fn catch(_tstate: usize, _frame: usize, instr_ptr: usize) -> usize {
    note(Call::Helper(vec![instr_ptr as u64]));
    0xCA7C
}

unsafe extern "C" fn call_object(_tstate: usize, callable: u64, arguments: *mut u64, count: usize, names: u64) -> i64 {
    // SAFETY: the protocol has a free word before the arguments.
    unsafe {
        *arguments.sub(1) = 0;
        let mut all = vec![callable, names];
        all.extend(words(arguments, count));
        note(Call::Helper(all));
    }
    ANSWER.get()
}

/// Stands for every helper: notes the first three words after the thread state.
unsafe extern "C" fn any_helper(tstate: *const Thread, first: u64, second: u64, third: u64) -> i64 {
    note(Call::Helper(vec![first, second, third]));
    // SAFETY: the thread state is the machine's.
    unsafe {
        let record = (*(*tstate).current_frame.cast::<Frame>()).locals as *const u64;
        if !record.is_null() {
            note(Call::Site { number: *record.add(1), words: words(record.add(2), 3) });
        }
    }
    ANSWER.get()
}

/// An object with room for an int of up to three digits or a float.
#[repr(C)]
#[derive(Clone, Debug)]
pub struct Object {
    pub count: u64,
    pub class: usize,
    pub tag: u64,
    pub value: u64,
    pub more: u64,
}

pub const FLOAT_CLASS: usize = 0xF10A7;
pub const INT_CLASS: usize = 0x1217;
pub const LIST_CLASS: usize = 0x1157;

impl Object {
    pub fn int(value: i64) -> Box<Object> {
        let (sign, size) = match value {
            0 => (1, 0),
            1.. => (0, 1 + u64::from(value >= 1 << 30)),
            _ => (2, 1 + u64::from(value <= -(1 << 30))),
        };
        let digits = value.unsigned_abs();
        Box::new(Object { count: 1, class: INT_CLASS, tag: size << 3 | sign, value: digits & ((1 << 30) - 1), more: digits >> 30 })
    }

    pub fn float(value: f64) -> Box<Object> {
        Box::new(Object { count: 1, class: FLOAT_CLASS, tag: value.to_bits(), value: 0, more: 0 })
    }

    pub fn plain() -> Box<Object> {
        Box::new(Object { count: 1, class: LIST_CLASS, tag: 0, value: 0, more: 0 })
    }

    pub fn address(&self) -> u64 {
        std::ptr::from_ref(self).addr() as u64
    }
}

#[repr(C)]
#[derive(Debug)]
pub struct Thread {
    pub eval_breaker: u64,
    pub current_frame: *mut u64,
    pub remaining: i32,
    pub padding: i32,
    pub top: *mut u64,
    pub limit: *mut u64,
    pub exception: u64,
    /// The lowest address for the machine stack.
    pub stack: u64,
}

#[repr(C)]
#[derive(Debug)]
pub struct Frame {
    pub executable: u64,
    pub previous: u64,
    pub function: u64,
    pub globals: u64,
    pub builtins: u64,
    pub locals: u64,
    pub object: u64,
    pub instr_ptr: u64,
    pub stacktop: u64,
    pub localsplus: [u64; 8],
}

/// Everything a test needs.
pub struct Machine {
    pub environment: Environment,
    pub facts: Facts,
    pub header: Box<CodeHeader>,
    pub thread: Box<Thread>,
    pub stack: Box<[u64; 512]>,
    pub expected: Box<u64>,
    pub cell: Box<u64>,
    pub small_ints: Box<[Object; 262]>,
    pub function_object: Box<[u64; 20]>,
    pub options: GenerateOptions,
}

pub const FIRST_UNIT: usize = 0xC0DE00;

impl Machine {
    /// An address that the machine stack is above.
    pub fn stack_limit() -> u64 {
        let here = 0_u8;
        std::ptr::from_ref(&here).addr() as u64 - (1 << 24)
    }

    pub fn new(slots: usize, parameters: u32) -> Machine {
        let mut stack = Box::new([0_u64; 512]);
        let top = stack.as_mut_ptr();
        let mut header = Box::new(CodeHeader { valid: 1, caches: std::ptr::null_mut(), entries: 0, runtime: std::ptr::null_mut() });
        let expected = Box::new(0x500_u64);
        let cell = Box::new(0_u64);
        let small_ints: Box<[Object; 262]> = Box::new(std::array::from_fn(|index| {
            let mut object = *Object::int(index as i64 - 5);
            object.count = u64::from(u32::MAX);
            object
        }));
        let mut classes = vec![0; Class::ALL.len()];
        classes[Class::Int as usize] = INT_CLASS;
        classes[Class::Float as usize] = FLOAT_CLASS;
        classes[Class::List as usize] = LIST_CLASS;
        let environment = Environment {
            layout: Layout {
                fields: vec![16; coachwhip_abi::ir::Field::ALL.len()],
                object_type: 8,
                long_tag: 16,
                long_digits: 24,
                float_value: 16,
                list_items: 24,
                tuple_items: 24,
                thread_eval_breaker: 0,
                thread_current_frame: 8,
                thread_py_recursion_remaining: 16,
                thread_datastack_top: 24,
                thread_datastack_limit: 32,
                thread_current_exception: 40,
                thread_stack_limit: 48,
                frame_executable: 0,
                frame_previous: 8,
                frame_function: 16,
                frame_globals: 24,
                frame_builtins: 32,
                frame_locals: 40,
                frame_object: 48,
                frame_instr_ptr: 56,
                frame_stacktop: 64,
                frame_state: 71,
                frame_localsplus: 72,
                function_globals: 16,
                function_builtins: 24,
                ..Layout::default()
            },
            classes,
            true_object: 0x7121,
            false_object: 0xFA15,
            small_int_zero: std::ptr::from_ref(&small_ints[5]).addr(),
            small_int_size: size_of::<Object>(),
            helpers: vec![any_helper as *const () as usize; Helper::ALL.len()],
            routines: Routines {
                exit: exit as *const () as usize,
                exit_loop: exit as *const () as usize,
                raise: raise as *const () as usize,
                raise_loop: raise as *const () as usize,
                return_slow: return_slow as *const () as usize,
                enter_slow: enter_slow as *const () as usize,
                handle_eval_breaker: handle_eval_breaker as *const () as usize,
                deallocate: deallocate as *const () as usize,
                deallocate_quietly: coachwhip_abi::quiet_routines!(deallocate),
                box_int: box_int as *const () as usize,
                box_float: box_float as *const () as usize,
                unbox_big_int: unbox_big_int as *const () as usize,
                push_inlined_frame: 0,
                catch: catch as *const () as usize,
                call_object: call_object as *const () as usize,
            },
            eval_breaker_expected: std::ptr::from_ref(&*expected).addr(),
            float_free_list: 0,
            ..Environment::default()
        };
        let code = CodeFacts {
            address: 0xC0DE,
            first_unit: FIRST_UNIT,
            entry_cell: std::ptr::from_ref(&*cell).addr(),
            qualname: "test".to_owned(),
            filename: "test.py".to_owned(),
            first_line: 1,
            flags: 1,
            argcount: parameters,
            posonlyargcount: 0,
            kwonlyargcount: 0,
            stacksize: 4,
            framesize: 9 + slots as u32 + 4,
            slots: (0..slots).map(|index| SlotName { name: format!("local{index}"), is_local: true, is_cell: false, is_free: false }).collect(),
            consts: Vec::new(),
            names: Vec::new(),
            instructions: Vec::new(),
            exception_table: Vec::new(),
            lines: Vec::new(),
        };
        let thread = Box::new(Thread {
            eval_breaker: 0x500,
            current_frame: std::ptr::null_mut(),
            remaining: 100,
            padding: 0,
            top,
            // SAFETY: the end of the stack's own memory.
            limit: unsafe { top.add(512) },
            exception: 0,
            stack: Machine::stack_limit(),
        });
        let options = GenerateOptions { header: std::ptr::from_mut(&mut *header).addr(), want_clif: true, ..GenerateOptions::default() };
        Machine {
            environment,
            facts: Facts { codes: vec![code], ..Facts::default() },
            header,
            thread,
            stack,
            expected,
            cell,
            small_ints,
            function_object: Box::new([0; 20]),
            options,
        }
    }

    /// Adds an object to the facts.
    pub fn object(&mut self, address: u64, class: Class) -> ObjectRef {
        self.facts.objects.push(ObjectFacts { address: address as usize, class, immortal: false, value: ObjectValue::Opaque, text: "object".to_owned() });
        ObjectRef::from_index(self.facts.objects.len() - 1)
    }

    /// Makes code of a function and prints what it took.
    pub fn compile(&self, function: &Function) -> Code {
        let start = processor_time();
        let code = generate(function, &self.facts, &self.environment, &self.options).unwrap_or_else(|error| panic!("{error}"));
        println!(
            "{}: {} instructions of the IR, {} bytes, {} bytes of stack, {} recipes, {:?}",
            function.name,
            function.instructions.len(),
            code.code.len(),
            code.stack_bytes,
            code.recipes.len(),
            processor_time() - start
        );
        if std::env::var_os("SHOW_CODE").is_some() {
            println!("{}", code.clif.as_deref().unwrap_or_default());
            println!("{}", coachwhip_codegen::disassemble(&code, &|_| None));
        }
        Code::map(code)
    }

    /// Calls through the array entry.
    pub fn call(&mut self, code: &Code, arguments: &[u64]) -> u64 {
        CALLS.take();
        let entry: unsafe extern "C" fn(*mut Thread, *mut u64, *const u64) -> u64 =
            // SAFETY: the array entry has this signature.
            unsafe { std::mem::transmute(code.at(code.machine.array_entry.expect("a function that is called"))) };
        // SAFETY: the code is made for this machine.
        unsafe { entry(&mut *self.thread, self.function_object.as_mut_ptr(), arguments.as_ptr()) }
    }

    /// The state of the one thread.
    pub fn thread(&self) -> *const Thread {
        &raw const *self.thread
    }

    /// Whether the call has left the thread as it was.
    pub fn is_clean(&self) -> bool {
        self.thread.current_frame.is_null() && self.thread.top.cast_const() == self.stack.as_ptr() && self.thread.remaining == 100
    }

    /// The bottom frame of the data stack.
    pub fn frame(&mut self) -> &mut Frame {
        // SAFETY: the stack is larger than a frame and aligned.
        unsafe { &mut *self.stack.as_mut_ptr().cast::<Frame>() }
    }

    /// Takes the frame off as an exit would.
    pub fn pop(&mut self) {
        self.thread.current_frame = std::ptr::null_mut();
        self.thread.top = self.stack.as_mut_ptr();
        self.thread.remaining = 100;
    }
}

/// What this thread has used: other processes do not count.
fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: room for the answer.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Code in executable memory.
pub struct Code {
    pub machine: MachineCode,
    memory: *mut libc::c_void,
    size: usize,
}

impl Code {
    pub fn map(machine: MachineCode) -> Code {
        let size = machine.code.len().next_multiple_of(4096);
        // SAFETY: fresh memory, filled before it becomes executable.
        let memory = unsafe {
            let memory = libc::mmap(std::ptr::null_mut(), size, libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0);
            assert_ne!(memory, libc::MAP_FAILED);
            std::ptr::copy_nonoverlapping(machine.code.as_ptr(), memory.cast(), machine.code.len());
            assert_eq!(libc::mprotect(memory, size, libc::PROT_READ | libc::PROT_EXEC), 0);
            memory
        };
        Code { machine, memory, size }
    }

    pub fn at(&self, offset: u32) -> *const u8 {
        // SAFETY: an offset in the code.
        unsafe { self.memory.cast::<u8>().add(offset as usize) }
    }
}

impl Drop for Code {
    fn drop(&mut self) {
        // SAFETY: mapped by `map`.
        unsafe { libc::munmap(self.memory, self.size) };
    }
}

/// Builds functions of the IR.
pub struct Builder {
    pub function: Function,
    pub block: Block,
    pub snapshot: Option<SnapshotId>,
    pub owned: Vec<Value>,
    pub offset: u32,
}

impl Builder {
    pub fn new(name: &str, parameters: u32) -> Builder {
        Builder::of(name, EntryKind::Call { parameters })
    }

    pub fn of(name: &str, kind: EntryKind) -> Builder {
        Builder { function: Function::new(name.to_owned(), kind), block: Function::ENTRY, snapshot: None, owned: Vec::new(), offset: 0 }
    }

    /// The state at a bytecode, for the instructions that follow.
    pub fn state(&mut self, offset: u32, locals: &[Option<Value>], stack: &[Option<Value>]) {
        self.offset = offset;
        let snapshot = Snapshot {
            parent: None,
            code: coachwhip_abi::ir::CodeRef(0),
            offset,
            locals: locals.to_vec(),
            stack: stack.to_vec(),
            function: None,
            constructs: false,
        };
        self.snapshot = Some(self.function.add_snapshot(snapshot));
    }

    pub fn add(&mut self, op: Op, operands: &[Value], immediates: &[Immediate], ty: Option<Type>) -> Option<Value> {
        self.full(op, operands, immediates, &[], ty, false)
    }

    pub fn full(&mut self, op: Op, operands: &[Value], immediates: &[Immediate], targets: &[Target], ty: Option<Type>, caught: bool) -> Option<Value> {
        let instruction = Instruction {
            op,
            operands: operands.iter().copied().collect(),
            immediates: immediates.iter().copied().collect(),
            targets: targets.iter().cloned().collect(),
            snapshot: self.snapshot,
            result: None,
            caught,
            owned: self.owned.clone(),
            offset: self.offset,
        };
        let id = self.function.add_instruction(instruction, ty);
        self.function.blocks[self.block.index()].instructions.push(id);
        self.function.instruction(id).result
    }

    pub fn value(&mut self, op: Op, operands: &[Value], immediates: &[Immediate], ty: Type) -> Value {
        self.add(op, operands, immediates, Some(ty)).expect("a result")
    }

    pub fn argument(&mut self, index: i64) -> Value {
        self.value(Op::Argument, &[], &[Immediate::Int(index)], Type::OBJECT)
    }

    pub fn int(&mut self, value: i64) -> Value {
        self.value(Op::ConstInt, &[], &[Immediate::Int(value)], Type::INT)
    }

    pub fn unboxed_argument(&mut self, index: i64) -> Value {
        let object = self.argument(index);
        let object = self.value(Op::GuardClass, &[object], &[Immediate::Class(Class::Int)], Type::of(Class::Int));
        self.value(Op::UnboxInt, &[object], &[], Type::INT)
    }

    pub fn goto(&mut self, block: Block, arguments: &[Value]) {
        self.full(Op::Jump, &[], &[], &[Target { block, arguments: arguments.to_vec() }], None, false);
    }

    pub fn branch(&mut self, test: Value, then: (Block, &[Value]), other: (Block, &[Value])) {
        let targets = [Target { block: then.0, arguments: then.1.to_vec() }, Target { block: other.0, arguments: other.1.to_vec() }];
        self.full(Op::Branch, &[test], &[], &targets, None, false);
    }

    pub fn returns(&mut self, value: Value) {
        self.add(Op::Return, &[value], &[], None);
    }
}

/// The state byte of a frame that runs compiled code.
pub const COMPILED: u64 = (frame_state::COMPILED as u64) << 56;

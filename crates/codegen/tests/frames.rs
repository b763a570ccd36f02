//! Entries, frames, exits, raises, returns, calls, loops: what the runtime sees of compiled code.

mod machine;

use coachwhip_abi::environment::frame_state;
use coachwhip_abi::ir::{Class, Condition, EntryKind, Helper, Immediate, Op, Reason, Target, Type, Value};
use coachwhip_abi::recipe::{LeaveKind, Source};
use machine::{Builder, COMPILED, Call, FIRST_UNIT, Machine, Object, answer, calls};

/// `def f(a): return a`, with a second local.
fn identity() -> Builder {
    let mut builder = Builder::new("identity", 1);
    let value = builder.argument(0);
    builder.state(2, &[Some(value), None], &[]);
    builder.returns(value);
    builder
}

#[test]
fn a_call_leaves_nothing_behind() {
    let mut machine = Machine::new(2, 1);
    let code = machine.compile(&identity().function);
    let object = Object::plain();
    machine.stack[10] = 77;
    assert_eq!(machine.call(&code, &[object.address()]), object.address());
    assert!(calls().is_empty() && machine.is_clean());
    assert_eq!(machine.header.entries, 1);
    let function = machine.function_object.as_ptr().addr() as u64;
    let frame = machine.frame();
    assert_eq!((frame.executable, frame.function, frame.object, frame.locals), (0xC0DE, function, 0, 0));
    assert_eq!(frame.localsplus[..2], [object.address(), 0]);
    assert_eq!(frame.stacktop, 2, "the state is gone");
    assert_eq!(frame.instr_ptr, FIRST_UNIT as u64);
}

#[test]
fn every_check_of_the_entry_leads_to_the_slow_way() {
    let mut machine = Machine::new(2, 1);
    let code = machine.compile(&identity().function);
    let spoil: [fn(&mut Machine); 6] = [
        |machine| machine.thread.eval_breaker = 0x501,
        |machine| machine.header.valid = 0,
        |machine| machine.thread.remaining = 0,
        |machine| machine.thread.stack = 0,
        |machine| machine.thread.stack = u64::MAX,
        // The frame takes 9 + 2 + 4 words.
        |machine| machine.thread.limit = machine.thread.top.wrapping_add(15),
    ];
    for spoil in spoil {
        machine.thread.eval_breaker = 0x500;
        machine.header.valid = 1;
        machine.thread.remaining = 100;
        machine.thread.stack = Machine::stack_limit();
        machine.thread.limit = machine.thread.top.wrapping_add(512);
        assert_eq!(machine.call(&code, &[42]), 42);
        spoil(&mut machine);
        assert_eq!(machine.call(&code, &[42]), 0x5105);
        assert_eq!(calls(), [Call::EnterSlow(vec![42])]);
    }
}

#[test]
fn many_parameters_go_on_the_stack() {
    let mut builder = Builder::new("many", 8);
    let values: Vec<Value> = (0..8).map(|index| builder.argument(index)).collect();
    let locals: Vec<Option<Value>> = values.iter().copied().map(Some).collect();
    builder.state(2, &locals, &[]);
    builder.returns(values[7]);
    let mut machine = Machine::new(8, 8);
    let code = machine.compile(&builder.function);
    let arguments: Vec<u64> = (100..108).collect();
    assert_eq!(machine.call(&code, &arguments), 107);
    assert_eq!(machine.frame().localsplus[..], arguments);
}

#[test]
fn returns_give_locals_back_in_order() {
    let mut builder = Builder::new("locals", 2);
    let (first, second) = (builder.argument(0), builder.argument(1));
    builder.state(2, &[Some(first), Some(second)], &[]);
    let value = builder.int(7);
    let value = builder.value(Op::BoxInt, &[value], &[], Type::of(Class::Int));
    builder.owned = vec![second, first];
    builder.returns(value);
    let mut machine = Machine::new(2, 2);
    let code = machine.compile(&builder.function);
    let (mut one, mut two) = (Object::plain(), Object::plain());
    two.count = 2;
    machine.call(&code, &[one.address(), two.address()]);
    assert_eq!(calls(), [Call::Deallocate(one.address() as usize)]);
    assert_eq!((one.count, two.count), (0, 1));
    (one.count, two.count) = (1, 1);
    machine.call(&code, &[one.address(), two.address()]);
    assert_eq!(calls(), [Call::Deallocate(one.address() as usize), Call::Deallocate(two.address() as usize)]);
    one.count = u64::from(u32::MAX);
    two.count = u64::from(u32::MAX);
    machine.call(&code, &[one.address(), two.address()]);
    assert!(calls().is_empty());
    assert_eq!(one.count, u64::from(u32::MAX));
}

/// A helper that spoils the frame on the way: the return sees it.
#[test]
fn a_frame_that_was_looked_at_returns_slowly() {
    let mut builder = Builder::new("slow_return", 1);
    let value = builder.argument(0);
    let three = builder.int(3);
    builder.state(5, &[Some(value), Some(three)], &[]);
    builder.owned = vec![value];
    let result = builder.full(Op::CallHelper, &[value], &[Immediate::Helper(Helper::GetIter)], &[], Some(Type::OBJECT), false).expect("a result");
    builder.returns(result);
    let mut machine = Machine::new(2, 1);
    machine.environment.helpers[Helper::GetIter as usize] = spoil as *const () as usize;
    let code = machine.compile(&builder.function);
    assert_eq!(machine.call(&code, &[42]), 42);
    let made = calls();
    let [Call::Return { recipe, buffer }] = &made[..] else { panic!("{made:?}") };
    assert_eq!(buffer[..2], [42, 3]);
    let recipe = &code.machine.recipes[*recipe];
    assert_eq!((recipe.kind, &recipe.frames[0].locals[..]), (LeaveKind::Return, &[Source::InPlaceOwned, Source::Int(1)][..]));
}

unsafe extern "C" fn spoil(tstate: *mut machine::Thread, value: u64) -> u64 {
    // SAFETY: compiled code has pushed a frame.
    unsafe { (*(*tstate).current_frame.cast::<machine::Frame>()).stacktop |= u64::from(frame_state::LEAVE) << 56 };
    value
}

/// Guards of one snapshot share a block; the recipe says which slot takes which reference.
#[test]
fn recipes() {
    let mut builder = Builder::new("recipes", 3);
    let arguments: Vec<Value> = (0..3).map(|index| builder.argument(index)).collect();
    let mut machine = Machine::new(4, 3);
    let constant = machine.object(0xC057, Class::Str);
    let number = builder.int(-9);
    let float = builder.value(Op::ConstFloat, &[], &[Immediate::Float(2.5_f64.to_bits())], Type::FLOAT);
    let truth = builder.value(Op::ConstBool, &[], &[Immediate::Int(1)], Type::BOOL);
    let object = builder.value(Op::ConstObject, &[], &[Immediate::Object(constant)], Type::constant(Class::Str, constant));
    let null = builder.value(Op::Null, &[], &[], Type::NULL);
    // The second argument is in no local any more and twice on the stack; the third is owned and nowhere.
    builder.state(
        9,
        &[Some(arguments[0]), None, Some(number), Some(truth)],
        &[Some(arguments[1]), Some(float), Some(object), Some(arguments[1]), Some(null), None],
    );
    builder.owned = vec![arguments[1], arguments[2]];
    let test = builder.value(Op::IsSame, &[arguments[0], arguments[1]], &[], Type::BOOL);
    builder.add(Op::GuardTrue, &[test], &[Immediate::Reason(Reason::Index)], None);
    builder.add(Op::GuardFalse, &[test], &[Immediate::Reason(Reason::Length)], None);
    builder.add(Op::Exit, &[], &[Immediate::Reason(Reason::Unsupported)], None);
    let code = machine.compile(&builder.function);
    assert_eq!(code.machine.recipes.len(), 1);
    assert_eq!(machine.call(&code, &[11, 12, 13]), 0xE);
    let made = calls();
    let [Call::Exit { recipe: 0, buffer }] = &made[..] else { panic!("{made:?}") };
    let recipe = &code.machine.recipes[0];
    assert_eq!((recipe.kind, recipe.reason), (LeaveKind::Exit, Reason::Index));
    let frame = &recipe.frames[0];
    assert_eq!((frame.code, frame.offset, frame.pushed), (0xC0DE, 9, true));
    assert_eq!(frame.locals, [Source::InPlaceBorrowed, Source::Null, Source::Int(0), Source::Bool(1)]);
    assert_eq!(frame.stack, [Source::Owned(2), Source::Float(3), Source::Constant(0xC057), Source::Borrowed(2), Source::Null, Source::Null]);
    assert_eq!(recipe.releases, [4]);
    assert_eq!(buffer[..5], [(-9_i64).cast_unsigned(), 1, 12, 2.5_f64.to_bits(), 13]);
    assert_eq!(machine.frame().stacktop, 4 | COMPILED);
}

/// Frames of inlined callees are rebuilt from the outermost on.
#[test]
fn recipes_of_inlined_frames() {
    let mut builder = Builder::new("inlined", 1);
    let value = builder.argument(0);
    let mut machine = Machine::new(1, 1);
    machine.facts.codes.push(machine.facts.codes[0].clone());
    machine.facts.codes[1].address = 0xCA11EE;
    let constant = machine.object(0xF0, Class::Function);
    let function = builder.value(Op::ConstObject, &[], &[Immediate::Object(constant)], Type::constant(Class::Function, constant));
    builder.state(6, &[Some(value)], &[]);
    let parent = builder.snapshot;
    builder.state(1, &[Some(value)], &[]);
    let inner = builder.snapshot.expect("just made");
    let inner = &mut builder.function.snapshots[inner.index()];
    inner.parent = parent;
    inner.code = coachwhip_abi::ir::CodeRef(1);
    inner.function = Some(function);
    builder.owned = vec![value];
    builder.add(Op::Exit, &[], &[Immediate::Reason(Reason::Unsupported)], None);
    let code = machine.compile(&builder.function);
    machine.call(&code, &[11]);
    let frames = &code.machine.recipes[0].frames;
    assert_eq!((frames[0].code, frames[0].offset, &frames[0].function, frames[0].pushed), (0xC0DE, 6, &None, true));
    assert_eq!((frames[1].code, frames[1].offset, frames[1].pushed), (0xCA11EE, 1, false));
    assert_eq!(frames[1].function, Some(Source::Constant(0xF0)));
    assert_eq!((&frames[0].locals[..], &frames[1].locals[..]), (&[Source::InPlaceOwned][..], &[Source::Borrowed(0)][..]));
}

/// A helper sees `instr_ptr` and, in the activation record, the unboxed locals; NULL leaves by a raise.
#[test]
fn calls_of_helpers() {
    let mut builder = Builder::new("helper", 2);
    let (left, right) = (builder.argument(0), builder.argument(1));
    let three = builder.int(3);
    let half = builder.value(Op::ConstFloat, &[], &[Immediate::Float(0.5_f64.to_bits())], Type::FLOAT);
    builder.state(20, &[Some(left), Some(three), Some(half)], &[]);
    builder.owned = vec![left, right];
    let result = builder.value(Op::CallHelper, &[left, right, three], &[Immediate::Helper(Helper::BinaryOperation)], Type::OBJECT);
    builder.state(22, &[Some(left), None, Some(half)], &[]);
    let again = builder.value(Op::CallHelper, &[result], &[Immediate::Helper(Helper::IsTrue)], Type::BOOL);
    let boxed = builder.value(Op::BoxBool, &[again], &[], Type::of(Class::Bool));
    builder.owned = Vec::new();
    builder.state(24, &[Some(left), None, None], &[]);
    builder.returns(boxed);
    let mut machine = Machine::new(3, 2);
    let code = machine.compile(&builder.function);
    answer(1);
    assert_eq!(machine.call(&code, &[11, 12]), 0x7121);
    let made = calls();
    let half_bits = 0.5_f64.to_bits();
    assert_eq!(made.len(), 4);
    assert_eq!(made[0], Call::Helper(vec![11, 12, 3]));
    assert!(matches!(&made[1], Call::Site { number: 1, words } if words[..2] == [3, half_bits]), "{made:?}");
    assert!(matches!(&made[3], Call::Site { number: 2, words } if words[1] == half_bits), "{made:?}");
    let sites = &code.machine.sites;
    assert_eq!(sites[0].locals, [Source::InPlaceBorrowed, Source::Int(2), Source::Float(3)]);
    assert_eq!(sites[1].locals, [Source::InPlaceBorrowed, Source::InPlaceBorrowed, Source::Float(3)]);
    assert_eq!(machine.frame().instr_ptr, FIRST_UNIT as u64 + 44);

    answer(0);
    assert_eq!(machine.call(&code, &[11, 12]), 0);
    let made = calls();
    let Some(Call::Raise { recipe, buffer }) = made.last() else { panic!("{made:?}") };
    let recipe = &code.machine.recipes[*recipe];
    assert_eq!((recipe.kind, recipe.frames[0].offset), (LeaveKind::Raise, 20));
    assert_eq!(recipe.frames[0].locals, [Source::InPlaceOwned, Source::Int(0), Source::Float(1)]);
    assert_eq!(recipe.releases, [2]);
    assert_eq!(buffer[..3], [3, half_bits, 12]);
}

/// `try: h(x) except: return the exception`: for an object, an int and a bool result, and the check of the eval breaker.
#[test]
fn caught_exceptions() {
    for (helper, ty, good, bad) in [(Helper::GetIter, Type::OBJECT, 5, 0), (Helper::Length, Type::INT, 1 << 40, -1), (Helper::IsTrue, Type::BOOL, 1, -1)] {
        let mut builder = Builder::new("caught", 1);
        let value = builder.argument(0);
        builder.state(7, &[Some(value)], &[]);
        builder.owned = vec![value];
        let success = builder.function.add_block();
        let handler = builder.function.add_block();
        let outcome = builder.full(Op::CallHelper, &[value], &[Immediate::Helper(helper)], &[], Some(ty), true).expect("a result");
        let targets = [success, handler].map(|block| Target { block, arguments: Vec::new() });
        builder.full(Op::BranchRaised, &[outcome], &[], &targets, None, false);
        builder.block = success;
        let result = match ty {
            Type::INT => builder.value(Op::BoxInt, &[outcome], &[], Type::of(Class::Int)),
            Type::BOOL => builder.value(Op::BoxBool, &[outcome], &[], Type::of(Class::Bool)),
            _ => outcome,
        };
        builder.owned = Vec::new();
        builder.returns(result);
        builder.block = handler;
        let exception = builder.value(Op::Catch, &[], &[], Type::OBJECT);
        builder.returns(exception);
        let mut machine = Machine::new(1, 1);
        let code = machine.compile(&builder.function);
        answer(good);
        let result = machine.call(&code, &[11]);
        match ty {
            // SAFETY: an int object was made.
            Type::INT => assert_eq!(unsafe { (*(result as *const Object)).more }, 1 << 10),
            Type::BOOL => assert_eq!(result, 0x7121),
            _ => assert_eq!(result, 5),
        }
        answer(bad);
        assert_eq!(machine.call(&code, &[11]), 0xCA7C);
        assert_eq!(calls().last(), Some(&Call::Helper(vec![FIRST_UNIT as u64 + 14])));
    }
}

#[test]
fn the_eval_breaker() {
    for caught in [false, true] {
        let mut builder = Builder::new("breaker", 1);
        let value = builder.argument(0);
        builder.state(7, &[Some(value)], &[]);
        builder.owned = vec![value];
        let after = builder.function.add_block();
        let handler = builder.function.add_block();
        let targets = [after, handler].map(|block| Target { block, arguments: Vec::new() });
        // The breaker changes after the entry.
        builder.value(Op::CallHelper, &[value], &[Immediate::Helper(Helper::GetIter)], Type::OBJECT);
        builder.full(Op::CheckEvalBreaker, &[], &[], &[], None, caught);
        if caught {
            builder.full(Op::BranchRaised, &[value], &[], &targets, None, false);
        } else {
            builder.goto(after, &[]);
        }
        builder.owned = Vec::new();
        builder.block = after;
        builder.returns(value);
        builder.block = handler;
        let exception = builder.value(Op::Catch, &[], &[], Type::OBJECT);
        builder.returns(exception);
        let mut machine = Machine::new(1, 1);
        machine.environment.helpers[Helper::GetIter as usize] = interrupt as *const () as usize;
        let code = machine.compile(&builder.function);
        for (said, expected) in [(0, 11), (1, 0xE), (-1, if caught { 0xCA7C } else { 0 })] {
            machine.thread.eval_breaker = 0x500;
            machine.pop();
            answer(said);
            assert_eq!(machine.call(&code, &[11]), expected);
            assert_eq!(calls()[0], Call::EvalBreaker);
        }
    }
}

unsafe extern "C" fn interrupt(tstate: *mut machine::Thread, value: u64) -> u64 {
    // SAFETY: the machine's thread state.
    unsafe { (*tstate).eval_breaker = 0x502 };
    value
}

/// Calls through an entry cell, by vectorcall, and what `check_frame` sees.
#[test]
fn calls_of_functions() {
    let mut machine = Machine::new(1, 1);
    let identity = {
        let mut builder = Builder::new("callee", 1);
        let value = builder.argument(0);
        builder.state(2, &[Some(value)], &[]);
        builder.returns(value);
        machine.compile(&builder.function)
    };
    *machine.cell = identity.at(identity.machine.entry).addr() as u64;
    let mut builder = Builder::new("caller", 1);
    let value = builder.argument(0);
    builder.state(4, &[Some(value)], &[]);
    let function = builder.value(Op::CurrentFunction, &[], &[], Type::of(Class::Function));
    let result = builder.value(Op::CallDirect, &[function, value], &[Immediate::Code(coachwhip_abi::ir::CodeRef(0))], Type::OBJECT);
    builder.state(6, &[Some(value)], &[Some(result)]);
    builder.add(Op::CheckFrame, &[], &[], None);
    let null = builder.value(Op::Null, &[], &[], Type::NULL);
    let object = builder.value(Op::CallObject, &[result, null, value, result], &[], Type::OBJECT);
    builder.returns(object);
    let code = machine.compile(&builder.function);
    answer(99);
    let (function, argument) = (machine.function_object.as_ptr().addr() as u64, 21);
    assert_eq!(machine.call(&code, &[argument]), 99);
    assert_eq!(calls(), [Call::Helper(vec![argument, 0, argument, argument])]);
    assert_eq!(machine.frame().function, function);
    assert!(machine.is_clean());
    answer(0);
    assert_eq!(machine.call(&code, &[argument]), 0);
    assert!(matches!(calls()[..], [Call::Helper(_), Call::Raise { .. }]));
}

/// A call without a receiver: the first argument is NULL.
#[test]
fn calls_leave_a_missing_receiver_out() {
    let mut builder = Builder::new("method", 2);
    let receiver = builder.value(Op::Argument, &[], &[Immediate::Int(0)], Type::OBJECT_OR_NULL);
    let value = builder.argument(1);
    builder.state(4, &[None, Some(value)], &[]);
    let null = builder.value(Op::Null, &[], &[], Type::NULL);
    let object = builder.value(Op::CallObject, &[value, null, receiver, value], &[], Type::OBJECT);
    builder.returns(object);
    let mut machine = Machine::new(2, 2);
    let code = machine.compile(&builder.function);
    answer(99);
    machine.call(&code, &[7, 8]);
    assert_eq!(calls(), [Call::Helper(vec![8, 0, 7, 8])]);
    machine.call(&code, &[0, 8]);
    assert_eq!(calls(), [Call::Helper(vec![8, 0, 8])]);
}

/// `for i in range(n): s += i`, with the sum unboxed, until it overflows.
#[test]
fn a_loop() {
    let mut builder = Builder::new("loop", 1);
    let argument = builder.argument(0);
    builder.state(1, &[Some(argument), None], &[]);
    builder.owned = vec![argument];
    let limit = builder.unboxed_argument(0);
    let zero = builder.int(0);
    let head = builder.function.add_block();
    let body = builder.function.add_block();
    let end = builder.function.add_block();
    builder.goto(head, &[zero, zero]);
    builder.block = head;
    let index = builder.function.add_parameter(head, Type::INT, None);
    let sum = builder.function.add_parameter(head, Type::INT, Some(1));
    builder.state(5, &[Some(argument), Some(sum)], &[]);
    let test = builder.value(Op::IntCompare, &[index, limit], &[Immediate::Condition(Condition::Less)], Type::BOOL);
    builder.branch(test, (body, &[]), (end, &[]));
    builder.block = body;
    let more = builder.value(Op::IntAdd, &[sum, index], &[], Type::INT);
    let one = builder.int(1);
    let next = builder.value(Op::IntAddWrapping, &[index, one], &[], Type::INT);
    builder.add(Op::CheckEvalBreaker, &[], &[], None);
    builder.goto(head, &[next, more]);
    builder.block = end;
    let boxed = builder.value(Op::BoxInt, &[sum], &[], Type::of(Class::Int));
    builder.returns(boxed);
    let mut machine = Machine::new(2, 1);
    let code = machine.compile(&builder.function);
    let limit = Object::int(1_000_000);
    let start = std::time::Instant::now();
    let result = machine.call(&code, &[limit.address()]);
    println!("a step takes {:?}", start.elapsed() / 1_000_000);
    // SAFETY: an int object was made.
    let result = unsafe { &*(result as *const Object) };
    assert_eq!(result.value | result.more << 30, 499_999_500_000);
}

/// A loop entry takes over the interpreter's frame: locals stay in place, slots of the stack are emptied; it leaves with a status.
#[test]
fn loop_entries() {
    let mut builder = Builder::of("osr", EntryKind::Loop { offset: 8, stack_depth: 1 });
    let local = builder.value(Op::EntrySlot, &[], &[Immediate::Int(0)], Type::OBJECT);
    let stack = builder.value(Op::EntrySlot, &[], &[Immediate::Int(2)], Type::OBJECT);
    builder.state(8, &[Some(local), None], &[Some(stack)]);
    builder.owned = vec![local, stack];
    builder.add(Op::Exit, &[], &[Immediate::Reason(Reason::LoopReturn)], None);
    let mut machine = Machine::new(2, 0);
    let code = machine.compile(&builder.function);
    assert_eq!(code.machine.array_entry, None);
    machine.frame().localsplus[..3].copy_from_slice(&[31, 0, 33]);
    machine.frame().locals = 5;
    // SAFETY: a loop entry has this signature, and the code is made for this machine.
    let status = unsafe {
        let entry: unsafe extern "C" fn(*mut machine::Thread, *mut u64) -> u64 = std::mem::transmute(code.at(code.machine.entry));
        entry(&mut *machine.thread, machine.stack.as_mut_ptr())
    };
    assert_eq!(status, 0xE);
    assert_eq!(machine.frame().localsplus[..3], [31, 0, 0]);
    assert_eq!((machine.frame().locals, machine.frame().stacktop), (0, COMPILED));
    let made = calls();
    let [Call::Exit { recipe: 0, buffer }] = &made[..] else { panic!("{made:?}") };
    assert_eq!(buffer[0], 33);
    let frame = &code.machine.recipes[0].frames[0];
    assert_eq!((&frame.locals[..], &frame.stack[..]), (&[Source::InPlaceOwned, Source::Null][..], &[Source::Owned(0)][..]));
}

/// With stress testing each guard fails now and then, with a recipe that says so.
#[test]
fn stress() {
    let mut builder = Builder::new("stress", 1);
    let argument = builder.argument(0);
    builder.state(1, &[Some(argument)], &[]);
    builder.owned = vec![argument];
    let value = builder.value(Op::GuardClass, &[argument], &[Immediate::Class(Class::Int)], Type::of(Class::Int));
    builder.owned = Vec::new();
    builder.returns(value);
    let mut machine = Machine::new(1, 1);
    machine.options.stress_exits = 10;
    machine.options.seed = 3;
    let code = machine.compile(&builder.function);
    let object = Object::int(5);
    let mut exits = 0;
    for _ in 0..1000 {
        if machine.call(&code, &[object.address()]) == 0xE {
            let made = calls();
            let [Call::Exit { recipe, .. }] = &made[..] else { panic!("{made:?}") };
            assert_eq!(code.machine.recipes[*recipe].reason, Reason::Stress);
            exits += 1;
            machine.pop();
        }
    }
    assert!((50..200).contains(&exits), "{exits} of 1000");
}

/// Locals are written through; an unboxed one has an empty slot; old values die after the slot has changed.
#[test]
fn locals_are_shown() {
    let mut builder = Builder::new("set_local", 2);
    let (first, second) = (builder.argument(0), builder.argument(1));
    builder.state(3, &[Some(first), Some(second)], &[]);
    builder.add(Op::SetLocal, &[second, first], &[Immediate::Int(0)], None);
    builder.add(Op::Increment, &[second], &[], None);
    builder.add(Op::Decrement, &[first], &[], None);
    let number = builder.int(4);
    builder.add(Op::SetLocal, &[number, second], &[Immediate::Int(1)], None);
    builder.state(5, &[Some(second), Some(number)], &[]);
    builder.owned = vec![second];
    builder.add(Op::Exit, &[], &[Immediate::Reason(Reason::Unsupported)], None);
    let mut machine = Machine::new(2, 2);
    let code = machine.compile(&builder.function);
    let (one, two) = (Object::plain(), Object::plain());
    machine.call(&code, &[one.address(), two.address()]);
    assert!(matches!(calls()[..], [Call::Deallocate(dead), Call::Exit { .. }] if dead == one.address() as usize));
    assert_eq!(two.count, 2);
    assert_eq!(machine.frame().localsplus[..2], [two.address(), 0]);
    assert_eq!(machine.frame().instr_ptr, FIRST_UNIT as u64 + 6, "a destructor sees the bytecode");
}

/// What cannot be done is an error with a name.
#[test]
fn errors() {
    let mut builder = Builder::new("errors", 1);
    let value = builder.argument(0);
    builder.state(3, &[Some(value)], &[]);
    builder.add(Op::PopFrame, &[], &[], None);
    builder.returns(value);
    let machine = Machine::new(1, 1);
    let generate = |builder: &Builder| coachwhip_codegen::generate(&builder.function, &machine.facts, &machine.environment, &machine.options);
    assert_eq!(generate(&builder).unwrap_err().to_string(), "no code for pop_frame");
    let mut builder = Builder::new("errors", 1);
    let value = builder.argument(0);
    builder.add(Op::Increment, &[value], &[], None);
    assert!(matches!(generate(&builder), Err(coachwhip_codegen::CodegenError::Bug(_))));
}

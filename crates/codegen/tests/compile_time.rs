//! What code generation takes: run with `--release -- --ignored --nocapture`.

mod machine;

use coachwhip_abi::ir::{Class, Helper, Immediate, Op, Type, Value};
use machine::{Builder, Machine};

/// Additions of unboxed ints, each with a snapshot of its own that names eight live values.
fn additions(count: u32) -> Builder {
    let mut builder = Builder::new(&format!("{count} additions"), 8);
    let arguments: Vec<Value> = (0..8).map(|index| builder.argument(index)).collect();
    let mut locals: Vec<Option<Value>> = arguments.iter().copied().map(Some).collect();
    builder.state(0, &locals, &[]);
    builder.owned.clone_from(&arguments);
    let mut values: Vec<Value> = arguments
        .iter()
        .map(|&argument| {
            let object = builder.value(Op::GuardClass, &[argument], &[Immediate::Class(Class::Int)], Type::of(Class::Int));
            builder.value(Op::UnboxInt, &[object], &[], Type::INT)
        })
        .collect();
    for number in 0..count as usize {
        for (local, &value) in locals.iter_mut().zip(&values) {
            *local = Some(value);
        }
        builder.state(2 * number as u32, &locals, &[]);
        values[number % 8] = builder.value(Op::IntAdd, &[values[number % 8], values[(number + 1) % 8]], &[], Type::INT);
    }
    let boxed = builder.value(Op::BoxInt, &[values[0]], &[], Type::of(Class::Int));
    builder.returns(boxed);
    builder
}

/// Calls of helpers with their references, as unoptimised code has them.
fn calls(count: u32) -> Builder {
    let mut builder = Builder::new(&format!("{count} calls"), 8);
    let arguments: Vec<Value> = (0..8).map(|index| builder.argument(index)).collect();
    let locals: Vec<Option<Value>> = arguments.iter().copied().map(Some).collect();
    builder.owned.clone_from(&arguments);
    for number in 0..count {
        builder.state(2 * number, &locals, &[]);
        let operands = [arguments[number as usize % 8], arguments[(number as usize + 1) % 8]];
        let value = builder.value(Op::CallHelper, &operands, &[Immediate::Helper(Helper::GetItem)], Type::OBJECT);
        builder.add(Op::CheckFrame, &[], &[], None);
        builder.add(Op::CheckEvalBreaker, &[], &[], None);
        builder.add(Op::Decrement, &[value], &[], None);
    }
    builder.owned = arguments[1..].to_vec();
    builder.returns(arguments[0]);
    builder
}

#[test]
#[ignore = "a measurement"]
fn compile_time() {
    let mut machine = Machine::new(8, 8);
    machine.options.want_clif = false;
    machine.compile(&additions(1).function);
    for count in [10, 100, 300, 1000, 3000] {
        machine.compile(&additions(count).function);
    }
    for count in [10, 100, 300, 1000] {
        machine.compile(&calls(count).function);
    }
}

/// The same small function again and again, for a profiler.
#[test]
#[ignore = "a measurement"]
fn small_functions() {
    let mut machine = Machine::new(8, 8);
    let builder = additions(10);
    machine.options.want_clif = true;
    let listing = machine.compile(&builder.function).machine.clif.clone().expect("asked for");
    let blocks = listing.lines().filter(|line| line.trim_start().starts_with("block")).count();
    println!("{blocks} blocks, {} lines", listing.lines().count());
    machine.options.want_clif = false;
    for _ in 0..500 {
        machine.compile(&builder.function);
    }
}

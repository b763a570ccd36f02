//! Integers and floats: each operation's outcome or exit, for edge cases.

mod machine;

use coachwhip_abi::ir::{Class, Condition, Immediate, Op, Reason, Type};
use coachwhip_abi::recipe::Source;
use machine::{Builder, Call, Machine, Object, calls};

/// A function of two ints that applies an operation and boxes the outcome.
fn binary(op: Op, immediates: &[Immediate], ty: Type) -> Builder {
    let mut builder = Builder::new(op.info().name, 2);
    let (left, right) = (builder.argument(0), builder.argument(1));
    builder.state(3, &[Some(left), Some(right)], &[]);
    builder.owned = vec![left, right];
    let mut sides = [left, right];
    for side in &mut sides {
        let object = builder.value(Op::GuardClass, &[*side], &[Immediate::Class(Class::Int)], Type::of(Class::Int));
        *side = builder.value(Op::UnboxInt, &[object], &[], Type::INT);
    }
    let value = builder.value(op, &sides, immediates, ty);
    let boxed = if ty == Type::BOOL {
        builder.value(Op::BoxBool, &[value], &[], Type::of(Class::Bool))
    } else {
        builder.value(Op::BoxInt, &[value], &[], Type::of(Class::Int))
    };
    builder.returns(boxed);
    builder
}

/// The outcome for two ints, `None` for an exit with its reason checked.
fn outcome(machine: &mut Machine, code: &machine::Code, left: i64, right: i64) -> Option<i64> {
    let (left, right) = (Object::int(left), Object::int(right));
    let result = machine.call(code, &[left.address(), right.address()]);
    for call in calls() {
        if let Call::Exit { recipe, .. } = call {
            assert_eq!(result, 0xE);
            let recipe = &code.machine.recipes[recipe];
            assert_eq!(recipe.frames[0].locals, [Source::InPlaceOwned, Source::InPlaceOwned]);
            assert_eq!(recipe.frames[0].offset, 3);
            assert_eq!(machine.frame().localsplus[..2], [left.address(), right.address()]);
            machine.pop();
            return None;
        }
    }
    assert!(machine.is_clean());
    match result {
        0x7121 => return Some(1),
        0xFA15 => return Some(0),
        _ => {}
    }
    // SAFETY: the function returns an int object.
    let object = unsafe { &*(result as *const Object) };
    let digits = (object.value | object.more << 30).cast_signed();
    Some(digits.wrapping_mul(1 - (object.tag & 3).cast_signed()))
}

const EDGES: &[i64] =
    &[0, 1, -1, 2, -2, 3, -3, 7, -7, 62, 63, 64, 256, 257, -5, -6, 1 << 29, 1 << 30, 1 << 31, 1 << 53, (1 << 60) - 1, -(1 << 60) + 1, 1 << 59];

fn check(op: Op, expected: impl Fn(i64, i64) -> Option<i64>) {
    let builder = binary(op, &[], Type::INT);
    let mut machine = Machine::new(2, 2);
    let code = machine.compile(&builder.function);
    for &left in EDGES {
        for &right in EDGES {
            assert_eq!(outcome(&mut machine, &code, left, right), expected(left, right), "{left} {} {right}", op.info().name);
        }
    }
}

#[test]
fn integer_operations() {
    check(Op::IntAdd, i64::checked_add);
    check(Op::IntSubtract, i64::checked_sub);
    check(Op::IntMultiply, i64::checked_mul);
    check(Op::IntAnd, |left, right| Some(left & right));
    check(Op::IntOr, |left, right| Some(left | right));
    check(Op::IntXor, |left, right| Some(left ^ right));
    check(Op::IntFloorDivide, |left, right| {
        (right != 0).then(|| {
            let quotient = left / right;
            if left % right != 0 && (left < 0) != (right < 0) { quotient - 1 } else { quotient }
        })
    });
    check(Op::IntRemainder, |left, right| {
        (right != 0).then(|| {
            let rest = left % right;
            if rest != 0 && (rest < 0) != (right < 0) { rest + right } else { rest }
        })
    });
    check(Op::IntShiftLeft, |left, right| {
        if !(0..=63).contains(&right) {
            return None;
        }
        (left << right >> right == left).then(|| left << right)
    });
    check(Op::IntShiftRight, |left, right| (right >= 0).then(|| left >> right.min(63)));
}

#[test]
fn integer_comparisons() {
    for &(condition, name) in Condition::ROWS {
        let builder = binary(Op::IntCompare, &[Immediate::Condition(condition)], Type::BOOL);
        let mut machine = Machine::new(2, 2);
        let code = machine.compile(&builder.function);
        for &left in EDGES {
            for &right in EDGES {
                let expected = match condition {
                    Condition::Equal => left == right,
                    Condition::NotEqual => left != right,
                    Condition::Less => left < right,
                    Condition::LessOrEqual => left <= right,
                    Condition::Greater => left > right,
                    Condition::GreaterOrEqual => left >= right,
                    Condition::UnsignedLess => left.cast_unsigned() < right.cast_unsigned(),
                };
                assert_eq!(outcome(&mut machine, &code, left, right), Some(i64::from(expected)), "{left} {name} {right}");
            }
        }
    }
}

/// Division by constants, which need no test for zero.
#[test]
fn division_by_constants() {
    for divisor in [1, 2, 8, 10, -1, -3, -8] {
        for op in [Op::IntFloorDivide, Op::IntRemainder] {
            let mut builder = Builder::new("by_constant", 2);
            let (left, right) = (builder.argument(0), builder.argument(1));
            builder.state(3, &[Some(left), Some(right)], &[]);
            builder.owned = vec![left, right];
            let unboxed = builder.value(Op::UnboxInt, &[left], &[], Type::INT);
            let by = builder.int(divisor);
            let value = builder.value(op, &[unboxed, by], &[], Type::INT);
            let boxed = builder.value(Op::BoxInt, &[value], &[], Type::of(Class::Int));
            builder.returns(boxed);
            let mut machine = Machine::new(2, 2);
            let code = machine.compile(&builder.function);
            for &left in EDGES {
                let (mut quotient, mut rest) = (left / divisor, left % divisor);
                if rest != 0 && (rest < 0) != (divisor < 0) {
                    quotient -= 1;
                    rest += divisor;
                }
                let expected = if op == Op::IntRemainder { rest } else { quotient };
                assert_eq!(outcome(&mut machine, &code, left, 0), Some(expected), "{left} {} {divisor}", op.info().name);
            }
        }
    }
}

/// A class that was not guessed leaves with its reason, and an int of more than two digits does not fit.
#[test]
fn guards_leave() {
    let builder = binary(Op::IntAdd, &[], Type::INT);
    let mut machine = Machine::new(2, 2);
    let code = machine.compile(&builder.function);
    let (int, float) = (Object::int(1), Object::float(1.0));
    machine.call(&code, &[int.address(), float.address()]);
    let made = calls();
    let Some(Call::Exit { recipe, .. }) = made.first() else { panic!("{made:?}") };
    assert_eq!(code.machine.recipes[*recipe].reason, Reason::Class);
    machine.pop();
    let mut big = Object::int(1);
    big.tag = 5 << 3;
    machine.call(&code, &[big.address(), int.address()]);
    assert!(matches!(calls()[..], [Call::Exit { .. }]));
}

#[test]
fn floats() {
    let values = [0.0, -0.0, 1.5, -2.25, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1e300];
    for op in [Op::FloatAdd, Op::FloatSubtract, Op::FloatMultiply, Op::FloatDivide] {
        let mut builder = Builder::new(op.info().name, 2);
        let (left, right) = (builder.argument(0), builder.argument(1));
        builder.state(3, &[Some(left), Some(right)], &[]);
        builder.owned = vec![left, right];
        let sides = [left, right].map(|side| builder.value(Op::UnboxFloat, &[side], &[], Type::FLOAT));
        let value = builder.value(op, &sides, &[], Type::FLOAT);
        let boxed = builder.value(Op::BoxFloat, &[value], &[], Type::of(Class::Float));
        builder.returns(boxed);
        let mut machine = Machine::new(2, 2);
        // A free list with one item, then the routine.
        let mut free = Object::float(0.0);
        free.class = 0;
        let mut list = Box::new([1_u64, free.address()]);
        machine.environment.float_free_list = std::ptr::from_mut(&mut *list).addr();
        let code = machine.compile(&builder.function);
        for (index, &left) in values.iter().enumerate() {
            for (other, &right) in values.iter().enumerate() {
                let (left_object, right_object) = (Object::float(left), Object::float(right));
                let result = machine.call(&code, &[left_object.address(), right_object.address()]);
                if op == Op::FloatDivide && right == 0.0 {
                    assert_eq!(result, 0xE);
                    machine.pop();
                    continue;
                }
                if op == Op::FloatAdd && (index, other) == (0, 0) {
                    assert_eq!(result, free.address());
                    assert_eq!(list[..], [0, 0]);
                }
                // SAFETY: the function returns a float object.
                let object = unsafe { &*(result as *const Object) };
                assert_eq!((object.count, object.class), (1, machine::FLOAT_CLASS));
                let expected = match op {
                    Op::FloatAdd => left + right,
                    Op::FloatSubtract => left - right,
                    Op::FloatMultiply => left * right,
                    _ => left / right,
                };
                let found = f64::from_bits(object.tag);
                assert!(found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan(), "{left} {} {right}", op.info().name);
            }
        }
    }
    for &(condition, name) in Condition::ROWS {
        if condition == Condition::UnsignedLess {
            continue;
        }
        let mut builder = Builder::new("float_compare", 2);
        let (left, right) = (builder.argument(0), builder.argument(1));
        builder.state(3, &[Some(left), Some(right)], &[]);
        builder.owned = vec![left, right];
        let sides = [left, right].map(|side| builder.value(Op::UnboxFloat, &[side], &[], Type::FLOAT));
        let value = builder.value(Op::FloatCompare, &sides, &[Immediate::Condition(condition)], Type::BOOL);
        let boxed = builder.value(Op::BoxBool, &[value], &[], Type::of(Class::Bool));
        builder.returns(boxed);
        let mut machine = Machine::new(2, 2);
        let code = machine.compile(&builder.function);
        for left in values {
            for right in values {
                let expected = match condition {
                    Condition::Equal => left == right,
                    Condition::NotEqual => left != right,
                    Condition::Less => left < right,
                    Condition::LessOrEqual => left <= right,
                    Condition::Greater => left > right,
                    Condition::GreaterOrEqual => left >= right,
                    Condition::UnsignedLess => unreachable!(),
                };
                let (left_object, right_object) = (Object::float(left), Object::float(right));
                let result = machine.call(&code, &[left_object.address(), right_object.address()]);
                assert_eq!(result, if expected { 0x7121 } else { 0xFA15 }, "{left} {name} {right}");
            }
        }
    }
}

/// `+` and `-` of a known operand tell an overflow by a comparison.
#[test]
fn sums_with_constants() {
    let edges = [0, 1, -1, 5, -5, i64::MAX, i64::MIN, 1 << 59, (1 << 60) - 1, -(1 << 60) + 1];
    for known in edges {
        for op in [Op::IntAdd, Op::IntSubtract] {
            let mut builder = Builder::new("sum", 2);
            let (left, right) = (builder.argument(0), builder.argument(1));
            builder.state(3, &[Some(left), Some(right)], &[]);
            builder.owned = vec![left, right];
            let unboxed = builder.value(Op::UnboxInt, &[left], &[], Type::INT);
            // Up to the edges of 64 bits, which no object of the test reaches.
            let factor = builder.int(8);
            let unboxed = builder.value(Op::IntMultiply, &[unboxed, factor], &[], Type::INT);
            let by = builder.int(known);
            let value = builder.value(op, &[unboxed, by], &[], Type::INT);
            let boxed = builder.value(Op::BoxInt, &[value], &[], Type::of(Class::Int));
            builder.returns(boxed);
            let mut machine = Machine::new(2, 2);
            let code = machine.compile(&builder.function);
            for &left in EDGES {
                let expected = left.checked_mul(8).and_then(|left| if op == Op::IntAdd { left.checked_add(known) } else { left.checked_sub(known) });
                assert_eq!(outcome(&mut machine, &code, left, 0).is_some(), expected.is_some(), "{left} {} {known}", op.info().name);
            }
        }
    }
}

/// A float that dies goes to the free list while there is room.
#[test]
fn floats_are_freed() {
    let mut builder = Builder::new("free_float", 1);
    let value = builder.argument(0);
    builder.state(3, &[None], &[]);
    let float = builder.value(Op::GuardClass, &[value], &[Immediate::Class(Class::Float)], Type::of(Class::Float));
    builder.add(Op::Decrement, &[float], &[], None);
    let number = builder.int(7);
    let boxed = builder.value(Op::BoxInt, &[number], &[], Type::of(Class::Int));
    builder.returns(boxed);
    let mut machine = Machine::new(1, 1);
    let mut list = Box::new([99_u64, 0xF1]);
    machine.environment.float_free_list = std::ptr::from_mut(&mut *list).addr();
    let code = machine.compile(&builder.function);
    let (one, two) = (Object::float(1.0), Object::float(2.0));
    machine.call(&code, &[one.address()]);
    assert!(calls().is_empty());
    assert_eq!((list[..].to_vec(), one.class), (vec![100, one.address()], 0xF1));
    machine.call(&code, &[two.address()]);
    assert_eq!(calls(), [Call::Deallocate(two.address() as usize)]);
    let mut shared = Object::float(3.0);
    shared.count = 2;
    machine.call(&code, &[shared.address()]);
    assert_eq!((shared.count, calls()), (1, vec![]));
}

/// Floats and ints of one digit become floats; bigger ints and other objects leave.
#[test]
fn numbers_to_floats() {
    let mut builder = Builder::new("number", 1);
    let argument = builder.argument(0);
    builder.state(3, &[Some(argument)], &[]);
    builder.owned = vec![argument];
    let value = builder.value(Op::NumberToFloat, &[argument], &[], Type::FLOAT);
    let one = builder.value(Op::ConstFloat, &[], &[Immediate::Float(1.0_f64.to_bits())], Type::FLOAT);
    let sum = builder.value(Op::FloatAdd, &[value, one], &[], Type::FLOAT);
    let boxed = builder.value(Op::BoxFloat, &[sum], &[], Type::of(Class::Float));
    builder.returns(boxed);
    let mut machine = Machine::new(1, 1);
    let code = machine.compile(&builder.function);
    let largest = (1_i64 << 30) - 1;
    let cases = [
        (Object::float(2.5), Some(3.5)),
        (Object::float(-0.0), Some(1.0)),
        (Object::int(0), Some(1.0)),
        (Object::int(41), Some(42.0)),
        (Object::int(-3), Some(-2.0)),
        (Object::int(largest), Some(1_073_741_824.0)),
        (Object::int(-largest), Some(-1_073_741_822.0)),
        (Object::int(largest + 1), None),
        (Object::int(-largest - 1), None),
        (Object::plain(), None),
    ];
    for (object, expected) in cases {
        let result = machine.call(&code, &[object.address()]);
        let left = calls().iter().any(|call| matches!(call, Call::Exit { .. }));
        assert_eq!(left, expected.is_none(), "{expected:?}");
        match expected {
            // SAFETY: the function returns a float object.
            Some(expected) => assert_eq!(f64::from_bits(unsafe { &*(result as *const Object) }.tag).to_bits(), f64::to_bits(expected)),
            None => machine.pop(),
        }
    }
}

//! Any bytecode: the decoder and the whole way to optimised IR answer with code or with an error, and never panic. The interpreter makes no such bytecode, but
//! `code.replace(co_code=...)` does; and what is written here with its stack kept whole goes deep into the builder and the passes.

use coachwhip_abi::facts::{AttributeFeedback, CallFeedback, Facts, Feedback, SlotFacts, StoreAttributeFeedback};
use coachwhip_bytecode::v3_13::{TABLE, number};
use coachwhip_bytecode::{ExceptionTableEntry, decode, exception_table, flow, line_table};
use coachwhip_compiler::build::BuildOptions;
use coachwhip_compiler::opt::PassOptions;
use coachwhip_compiler::pipeline::{CompileError, compile};
use coachwhip_ir::{Class, ClassRef, EntryKind, ObjectRef};
use proptest::collection::vec;
use proptest::prelude::*;

/// Instructions with what they do to the stack: needed values, left values.
const WRITTEN: [(u8, usize, usize); 34] = [
    (number::LOAD_FAST, 0, 1),
    (number::LOAD_FAST, 0, 1),
    (number::LOAD_FAST, 0, 1),
    (number::LOAD_FAST_LOAD_FAST, 0, 2),
    (number::LOAD_CONST, 0, 1),
    (number::LOAD_CONST, 0, 1),
    (number::LOAD_FAST_CHECK, 0, 1),
    (number::STORE_FAST, 1, 0),
    (number::STORE_FAST, 1, 0),
    (number::STORE_FAST, 1, 0),
    (number::STORE_FAST_LOAD_FAST, 1, 1),
    (number::BINARY_OP, 2, 1),
    (number::BINARY_OP, 2, 1),
    (number::BINARY_OP, 2, 1),
    (number::COMPARE_OP, 2, 1),
    (number::COMPARE_OP, 2, 1),
    (number::BINARY_SUBSCR, 2, 1),
    (number::STORE_SUBSCR, 3, 0),
    (number::CONTAINS_OP, 2, 1),
    (number::IS_OP, 2, 1),
    (number::UNARY_NEGATIVE, 1, 1),
    (number::UNARY_NOT, 1, 1),
    (number::UNARY_INVERT, 1, 1),
    (number::TO_BOOL, 1, 1),
    (number::POP_TOP, 1, 0),
    (number::LOAD_ATTR, 1, 1),
    (number::STORE_ATTR, 2, 0),
    (number::POP_JUMP_IF_FALSE, 1, 0),
    (number::POP_JUMP_IF_TRUE, 1, 0),
    (number::POP_JUMP_IF_NONE, 1, 0),
    (number::JUMP_BACKWARD, 0, 0),
    (number::GET_ITER, 1, 1),
    (number::DELETE_FAST, 0, 0),
    (number::NOP, 0, 0),
];

fn units_of(opcode: u8, argument: u8) -> Vec<u16> {
    let caches = TABLE.get(opcode).map_or(0, |row| row.caches);
    let mut units = vec![u16::from_le_bytes([opcode, argument])];
    units.extend(std::iter::repeat_n(0, usize::from(caches)));
    units
}

/// Code that keeps its stack whole where control flows straight on; jumps go where the stack is as high.
fn written(numbers: &[(u16, u8)]) -> Vec<u16> {
    let mut units = units_of(number::RESUME, 0);
    let mut depth = 0;
    // Where the stack is empty: jumps backward go there.
    let mut empty = vec![units.len()];
    for &(choice, argument) in numbers {
        let (opcode, needs, leaves) = WRITTEN[usize::from(choice) % WRITTEN.len()];
        while depth < needs {
            units.extend(units_of(number::LOAD_FAST, argument % 3));
            depth += 1;
        }
        // CPython's compiler sees to it that these find a bool.
        if matches!(opcode, number::POP_JUMP_IF_FALSE | number::POP_JUMP_IF_TRUE | number::UNARY_NOT) {
            units.extend(units_of(number::TO_BOOL, 0));
        }
        let is_jump = matches!(opcode, number::POP_JUMP_IF_FALSE | number::POP_JUMP_IF_TRUE | number::POP_JUMP_IF_NONE | number::JUMP_BACKWARD);
        let argument = match opcode {
            number::LOAD_FAST | number::LOAD_FAST_CHECK | number::STORE_FAST | number::DELETE_FAST => argument % 3,
            number::LOAD_FAST_LOAD_FAST | number::STORE_FAST_LOAD_FAST => argument % 3 << 4 | argument / 16 % 3,
            number::LOAD_CONST => argument % 5,
            number::BINARY_OP => argument % 26,
            number::COMPARE_OP => argument % 6 << 5 | argument & 16 | 1 << (argument % 4),
            number::CONTAINS_OP | number::IS_OP => argument % 2,
            number::LOAD_ATTR => argument % 2 << 1,
            number::STORE_ATTR => argument % 2,
            _ => argument,
        };
        if is_jump {
            while depth > needs {
                if needs > 0 {
                    units.extend(units_of(number::SWAP, 2));
                }
                units.extend(units_of(number::POP_TOP, 0));
                depth -= 1;
            }
        }
        match opcode {
            number::JUMP_BACKWARD => {
                // Under a condition, or all behind it would be dead.
                let target = empty[usize::from(argument) % empty.len()];
                units.extend(units_of(number::LOAD_FAST, argument % 3));
                units.extend(units_of(number::TO_BOOL, 0));
                units.extend(units_of(number::POP_JUMP_IF_FALSE, 2));
                let back = units.len() + 2 - target;
                let Ok(back) = u8::try_from(back) else { continue };
                units.extend(units_of(opcode, back));
            }
            _ if is_jump => {
                // Over one assignment.
                units.extend(units_of(opcode, 2));
                units.extend(units_of(number::LOAD_CONST, argument % 5));
                units.extend(units_of(number::STORE_FAST, argument % 3));
            }
            _ => units.extend(units_of(opcode, argument)),
        }
        depth = depth - needs + leaves;
        if depth == 0 {
            empty.push(units.len());
        }
    }
    if depth == 0 {
        units.extend(units_of(number::LOAD_FAST, 0));
    }
    units.extend(units_of(number::RETURN_VALUE, 0));
    units
}

fn class(choice: u16) -> Class {
    Class::ALL[usize::from(choice) % Class::ALL.len()]
}

/// Any feedback, whether it suits the instruction or not.
fn feedback(choice: u16) -> Feedback {
    let detail = choice / 16;
    match choice % 16 {
        0 | 1 => Feedback::None,
        2 => Feedback::Cold,
        3 => Feedback::Generic,
        4..=6 => Feedback::Operands([Class::Int, Class::Float, Class::Str, class(detail)][usize::from(detail) % 4]),
        7 => Feedback::Subscript([Class::List, Class::Tuple, Class::Dict, Class::Str][usize::from(detail) % 4]),
        8 => Feedback::Truth([Class::Bool, Class::Int, Class::List, Class::NoneType, Class::Str][usize::from(detail) % 5]),
        9 => Feedback::AlwaysTrue(ClassRef(0)),
        10 => Feedback::Attribute(AttributeFeedback::InstanceValue { class: ClassRef(0), index: u32::from(detail % 3) }),
        11 => Feedback::StoreAttribute(StoreAttributeFeedback::InstanceValue { class: ClassRef(0), index: u32::from(detail % 3) }),
        12 => Feedback::Iterator([Class::RangeIterator, Class::ListIterator, Class::TupleIterator][usize::from(detail) % 3]),
        13 => Feedback::Branch(detail),
        14 => Feedback::Call([CallFeedback::Len, CallFeedback::Type1, CallFeedback::Builtin, CallFeedback::Other][usize::from(detail) % 4]),
        _ => Feedback::Global(ObjectRef(u32::from(detail % 5))),
    }
}

/// Facts about code of these units; an error if they do not decode.
fn facts(units: &[u16], feedbacks: &[u16], exceptions: &[(u8, u8, u8, u8)]) -> Result<Facts, String> {
    let mut facts = Facts::default();
    for text in ["None", "1", "2.5", "\"a\"", "True"] {
        coachwhip_filetests::facts::add(&mut facts, "object", text)?;
    }
    coachwhip_filetests::facts::add(&mut facts, "class", "Point Other")?;
    coachwhip_filetests::facts::add(&mut facts, "code", "any 3 a b c d")?;
    let instructions = decode(units, &TABLE)?;
    let feedbacks = feedbacks.iter().copied().chain(std::iter::repeat(0));
    let code = &mut facts.codes[0];
    code.instructions = instructions.into_iter().zip(feedbacks.map(feedback)).collect();
    code.consts = (0..5).map(ObjectRef).collect();
    code.names = vec![ObjectRef(3), ObjectRef(3)];
    code.exception_table = exceptions
        .iter()
        .map(|&(start, length, target, depth)| ExceptionTableEntry {
            start: u32::from(start),
            end: u32::from(start) + u32::from(length),
            target: u32::from(target),
            depth: u32::from(depth % 4),
            push_lasti: depth & 64 != 0,
        })
        .collect();
    facts.arguments = arguments(u16::try_from(facts.codes[0].instructions.len() % 64).unwrap_or(0));
    Ok(facts)
}

/// Classes that the parameters are said to have had.
fn arguments(seed: u16) -> Vec<Option<SlotFacts>> {
    (0..3).map(|index| (seed >> index & 1 == 1).then(|| SlotFacts { class: class(seed + index), type_address: 0x70_0000 })).collect()
}

/// Compiles for calls and for each loop head. Only panics fail; valid code must not be called a mistake of ours.
fn compile_all(facts: &Facts, cold: bool) -> Vec<Result<(), CompileError>> {
    let instructions: Vec<_> = facts.codes[0].instructions.iter().map(|row| row.0).collect();
    let mut entries = vec![EntryKind::Call { parameters: 3 }];
    entries.extend(flow::loop_heads(&instructions).into_iter().map(|offset| EntryKind::Loop { offset, stack_depth: 0 }));
    entries
        .into_iter()
        .map(|entry| {
            let mut facts = facts.clone();
            if let EntryKind::Loop { .. } = entry {
                facts.arguments.clear();
                facts.slots = (0..4).map(|index| (index < 3).then_some(SlotFacts { class: Class::Int, type_address: 0x70_0000 })).collect();
            }
            let options = BuildOptions { exit_where_cold: cold, inline: true };
            let mut passes = PassOptions { verify: true, ..PassOptions::default() };
            compile(&facts, entry, options, &mut passes).map(|_| ())
        })
        .collect()
}

/// What mistakes of ours there are in the compilation of code that is valid, with the code.
fn mistakes(facts: &Facts, cold: bool) -> Result<(), String> {
    for outcome in compile_all(facts, cold) {
        // A guess that what is known excludes: the verifier names it, `simplify` makes an exit of it. Feedback of earlier runs can be like that.
        let excluded = |what: &str| what.contains("the result can only be ");
        if let Err(CompileError::Bug(what)) = outcome
            && !excluded(&what)
        {
            let listing: Vec<String> =
                facts.codes[0].instructions.iter().map(|row| format!("{} {} {} {:?}", row.0.offset, row.0.op.name(), row.0.argument, row.1)).collect();
            return Err(format!("{what}\n{}", listing.join("\n")));
        }
    }
    Ok(())
}

/// `del a`, and in a loop `a = a`: a guard that can never hold, and what it yields goes around the loop.
#[test]
fn an_impossible_value_goes_around_a_loop() {
    let body = [(number::LOAD_FAST, 0), (number::STORE_FAST, 0), (number::LOAD_FAST, 1), (number::TO_BOOL, 0), (number::POP_JUMP_IF_FALSE, 2)];
    let body: Vec<u16> = body.into_iter().flat_map(|(opcode, argument)| units_of(opcode, argument)).collect();
    let back = u8::try_from(body.len() + 2).expect("short");
    let before = [(number::RESUME, 0), (number::DELETE_FAST, 0)].into_iter().flat_map(|(opcode, argument)| units_of(opcode, argument));
    let behind = [(number::JUMP_BACKWARD, back), (number::LOAD_FAST, 0), (number::RETURN_VALUE, 0)]
        .into_iter()
        .flat_map(|(opcode, argument)| units_of(opcode, argument));
    let units: Vec<u16> = before.chain(body).chain(behind).collect();
    let facts = facts(&units, &[], &[]).expect("it decodes");
    assert_eq!(mistakes(&facts, false), Ok(()));
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, max_shrink_iters: 4000, ..ProptestConfig::with_cases(cases) }
}

proptest! {
    #![proptest_config(config(128))]

    /// Bytes of any kind, and tables of any kind.
    #[test]
    fn any_bytes_decode_or_are_refused(units in vec(any::<u16>(), 0..60), table in vec(any::<u8>(), 0..60)) {
        _ = decode(&units, &TABLE);
        _ = exception_table(&table);
        _ = line_table(&table, 1);
    }

    /// Any instructions, without regard for the stack.
    #[test]
    fn any_instructions_compile_or_are_refused(
        numbers in vec((any::<u8>(), any::<u8>()), 0..40),
        feedbacks in vec(any::<u16>(), 40),
        exceptions in vec((0..40u8, 0..20u8, 0..60u8, any::<u8>()), 0..3),
        cold in any::<bool>(),
    ) {
        let mut units = units_of(number::RESUME, 0);
        for (opcode, argument) in numbers {
            if TABLE.get(opcode).is_some() {
                units.extend(units_of(opcode, argument));
            }
        }
        if let Ok(facts) = facts(&units, &feedbacks, &exceptions) {
            _ = compile_all(&facts, cold);
        }
    }

    /// Code whose stack is whole, with any feedback: it compiles, or is refused for a reason that is no mistake of ours.
    #[test]
    fn written_code_compiles(numbers in vec((any::<u16>(), any::<u8>()), 1..40), feedbacks in vec(any::<u16>(), 120), cold in any::<bool>()) {
        let units = written(&numbers);
        let facts = facts(&units, &feedbacks, &[]).map_err(TestCaseError::fail)?;
        mistakes(&facts, cold).map_err(TestCaseError::fail)?;
    }

    /// The same with some bytes changed and handlers anywhere.
    #[test]
    fn damaged_code_compiles_or_is_refused(
        numbers in vec((any::<u16>(), any::<u8>()), 1..40),
        feedbacks in vec(any::<u16>(), 120),
        damage in vec((any::<usize>(), any::<u16>()), 1..4),
        exceptions in vec((0..60u8, 0..30u8, 0..90u8, any::<u8>()), 0..3),
        cold in any::<bool>(),
    ) {
        let mut units = written(&numbers);
        for (position, unit) in damage {
            let position = position % units.len();
            units[position] = unit;
        }
        if let Ok(facts) = facts(&units, &feedbacks, &exceptions) {
            _ = compile_all(&facts, cold);
        }
    }
}

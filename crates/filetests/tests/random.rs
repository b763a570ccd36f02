//! Random functions: printing and reading them back changes nothing, and passes change nothing that can be noticed.

use coachwhip_abi::facts::Facts;
use coachwhip_compiler::opt::{PASSES, PassOptions, optimize, run_pass};
use coachwhip_filetests::{MAY_LEAVE_EARLIER, agrees, generate, run};
use coachwhip_ir::evaluate::{Concrete, End};
use coachwhip_ir::{Function, parse, verify, verify_to_text};
use proptest::collection::vec;
use proptest::prelude::*;

fn numbers() -> impl Strategy<Value = Vec<u32>> {
    vec(0..10_000u32, 0..400)
}

/// Arguments of several kinds for one function.
fn many_arguments() -> impl Strategy<Value = Vec<Vec<Concrete>>> {
    vec(vec(0..400u32, 3), 4).prop_map(|runs| runs.iter().map(|numbers| generate::arguments(numbers)).collect())
}

/// Facts that suit what the generator names.
fn facts() -> Facts {
    let mut facts = Facts::default();
    for text in ["\"a\"", "\"b\"", "\"c\"", "\"d\""] {
        coachwhip_filetests::facts::add(&mut facts, "object", text).expect("a str");
    }
    coachwhip_filetests::facts::add(&mut facts, "code", "generated 3 a b c i f o").expect("a code object");
    facts
}

/// Runs both functions on all arguments; an error says how they differ.
fn compare(before: &Function, after: &Function, arguments: &[Vec<Concrete>], passes: &[&str]) -> Result<(), TestCaseError> {
    let may_leave_earlier = passes.iter().any(|pass| MAY_LEAVE_EARLIER.contains(pass));
    for arguments in arguments {
        let one = run(before, arguments).map_err(TestCaseError::fail)?;
        let other = run(after, arguments).map_err(|message| TestCaseError::fail(format!("{passes:?}: {message} in\n{after}")))?;
        prop_assert!(
            agrees(&one, &other, may_leave_earlier),
            "{:?} with {:?}: was\n{:?}\nis\n{:?}\nmade\n{}of\n{}",
            passes,
            arguments,
            one,
            other,
            after,
            before
        );
    }
    Ok(())
}

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn generated_functions_are_valid(numbers in numbers(), arguments in many_arguments()) {
        let function = generate::function(&numbers);
        verify_to_text(&function).map_err(TestCaseError::fail)?;
        for arguments in &arguments {
            let outcome = run(&function, arguments).map_err(|message| TestCaseError::fail(format!("{message}\n{function}")))?;
            prop_assert!(outcome.end != End::OutOfSteps, "{}", function);
        }
    }

    #[test]
    fn printed_functions_read_back(numbers in numbers()) {
        let function = generate::function(&numbers);
        let printed = function.to_string();
        let read = parse(&printed).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(&printed, &read.to_string());
        prop_assert_eq!(function.values.len(), read.values.len());
        for block in function.block_ids() {
            let (left, right) = (function.block(block), read.block(block));
            prop_assert_eq!(&left.parameters, &right.parameters);
            prop_assert_eq!((left.cold, left.entry_snapshot), (right.cold, right.entry_snapshot));
            let instructions = left.instructions.iter().zip(&right.instructions);
            prop_assert_eq!(left.instructions.len(), right.instructions.len());
            for (&left, &right) in instructions {
                prop_assert_eq!(function.instruction(left), read.instruction(right));
            }
        }
    }

    /// Neither the parser nor the verifier falls over what is wrong.
    #[test]
    fn damaged_texts_are_refused(numbers in vec(0..10_000u32, 0..80), damage in vec((0..10_000usize, "[a-z0-9 ,:=\\[\\]()?|@]{0,4}", 0..4usize), 1..4)) {
        let mut text = generate::function(&numbers).to_string();
        for (position, insert, length) in damage {
            let start = position % text.len().max(1);
            let end = (start + length).min(text.len());
            text.replace_range(start..end, &insert);
        }
        if let Ok(function) = parse(&text) {
            _ = verify(&function);
            _ = function.to_string();
        }
    }

    #[test]
    fn each_pass_keeps_the_meaning(numbers in numbers(), arguments in many_arguments()) {
        let function = generate::function(&numbers);
        for pass in PASSES {
            let mut changed = function.clone();
            run_pass(pass.name, &mut changed, &facts()).map_err(TestCaseError::fail)?;
            compare(&function, &changed, &arguments, &[pass.name])?;
        }
    }

    #[test]
    fn references_before_the_first_snapshot(numbers in numbers()) {
        let mut function = generate::function_without_early_snapshot(&numbers);
        run_pass("references", &mut function, &facts()).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn the_pipeline_keeps_the_meaning(numbers in numbers(), arguments in many_arguments()) {
        let function = generate::function(&numbers);
        let mut changed = function.clone();
        let mut options = PassOptions { verify: true, ..PassOptions::default() };
        optimize(&mut changed, &facts(), &mut options).map_err(TestCaseError::fail)?;
        let passes: Vec<&str> = PASSES.iter().map(|pass| pass.name).collect();
        compare(&function, &changed, &arguments, &passes)?;
    }
}

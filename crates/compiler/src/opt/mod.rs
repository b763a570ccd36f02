//! Optimisation: passes over the IR, and the pipeline that runs them.
//!
//! Each pass is a file and a row of the table below. A pass changes a function in place, keeps what the verifier checks, and can be run alone by its name
//! ([`run_pass`]). Compiling is a pure function of the IR and the facts: no pass touches a Python object.

pub mod check_references;
pub mod dead_code;
mod frame_state;
pub mod hoist;
mod locals;
mod loop_entry;
mod memory;
mod ownership;
pub mod references;
pub mod rotate;
pub mod simplify;
pub mod slots;
mod types;
pub mod unbox;

pub use check_references::check_references;

use coachwhip_abi::facts::Facts;
use coachwhip_ir::{Function, verify_to_text};
use std::time::{Duration, Instant};

/// What a pass may look at besides the function, and how much it may change.
pub struct PassContext<'f> {
    /// What is known of live objects.
    pub facts: &'f Facts,
    /// How many more changes optional passes may make; `None` for any number.
    fuel: Option<u64>,
    changes: u64,
}

impl<'f> PassContext<'f> {
    /// Any number of changes.
    #[must_use]
    pub fn new(facts: &'f Facts) -> PassContext<'f> {
        PassContext { facts, fuel: None, changes: 0 }
    }

    /// Asks for leave to make one change, and counts it. Each pass that is not needed for correctness asks before each change.
    pub fn spend(&mut self) -> bool {
        match &mut self.fuel {
            Some(0) => return false,
            Some(fuel) => *fuel -= 1,
            None => {}
        }
        self.changes += 1;
        true
    }

    /// How many changes were made so far.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }
}

/// A row of the table of passes.
#[derive(Clone, Copy)]
pub struct PassInfo {
    /// Its name: in options, dumps and file tests.
    pub name: &'static str,
    /// What it does.
    pub doc: &'static str,
    /// Whether correct code can be made without it.
    pub optional: bool,
    /// Whether it finds nothing more to do until another pass has made a change.
    pub idempotent: bool,
    run: fn(&mut Function, &mut PassContext<'_>),
}

macro_rules! passes {
    ($($(#[doc = $doc:literal])+ $name:literal $run:path, $kind:ident;)*) => {
        /// Every pass.
        pub const PASSES: &[PassInfo] = &[$(PassInfo { name: $name, doc: concat!($($doc,)+), optional: passes!(@ $kind), idempotent: passes!(@@ $kind), run: $run },)*];
    };
    (@ optional) => { true };
    (@ idempotent) => { true };
    (@ needed) => { false };
    (@@ idempotent) => { true };
    (@@ $kind:ident) => { false };
}

passes! {
    /// Folds constants, forwards what is known, drops guards and loads that are, narrows types, tidies the control flow.
    "simplify" simplify::run, idempotent;
    /// Turns loops around: the test at the head is copied before the loop, and the loop tests at its end.
    "rotate" rotate::run, optional;
    /// Keeps ints, floats and bools unboxed: through block parameters, in locals and in snapshots.
    "unbox" unbox::run, optional;
    /// Moves out of loops what is the same in every turn: guards, unboxed values, loads, arithmetic.
    "hoist" hoist::run, optional;
    /// Takes out what nobody needs: instructions, block parameters, blocks.
    "dead_code" dead_code::run, optional;
    /// Places reference counts, when everything else is done.
    "references" references::run, needed;
    /// Drops stores that clear slots of the frame that are empty already; after `references`.
    "slots" slots::run, optional;
}

/// The order in which passes run. A pass can stand here several times; an idempotent one runs again only if others have changed something since.
const PIPELINE: &[&str] = &["rotate", "simplify", "dead_code", "unbox", "simplify", "hoist", "simplify", "dead_code", "references", "slots"];

/// What to do besides running the passes.
#[derive(Default)]
pub struct PassOptions<'o> {
    /// Names of optional passes to leave out; `all` for every one.
    pub disabled: Vec<String>,
    /// How many changes the optional passes may make altogether; `None` for any number.
    pub fuel: Option<u64>,
    /// Whether to check the function after each pass.
    pub verify: bool,
    /// Called after each pass with its name.
    pub dump: Option<&'o mut dyn FnMut(&str, &Function)>,
}

/// What the pipeline did.
#[derive(Clone, Debug, Default)]
pub struct PassReport {
    /// Each pass that ran, in order, with the time it took and the changes it made.
    pub passes: Vec<(&'static str, Duration, u64)>,
}

/// Runs one pass alone.
///
/// # Errors
/// There is no such pass, or the function does not pass the verifier afterwards.
pub fn run_pass(name: &str, function: &mut Function, facts: &Facts) -> Result<(), String> {
    let pass = find(name).ok_or_else(|| format!("there is no pass named {name}"))?;
    (pass.run)(function, &mut PassContext::new(facts));
    check(pass, function)
}

/// Runs the pipeline.
///
/// # Errors
/// With [`PassOptions::verify`]: which pass broke which rule.
pub fn optimize(function: &mut Function, facts: &Facts, options: &mut PassOptions<'_>) -> Result<PassReport, String> {
    let mut report = PassReport::default();
    let mut context = PassContext { facts, fuel: options.fuel, changes: 0 };
    for name in PIPELINE {
        let pass = find(name).expect("the pipeline names passes of the table");
        if pass.optional && options.disabled.iter().any(|disabled| disabled == name || disabled == "all") {
            continue;
        }
        let again = report.passes.iter().rposition(|row| row.0 == pass.name);
        if pass.idempotent && again.is_some_and(|last| report.passes[last + 1..].iter().all(|row| row.2 == 0)) {
            continue;
        }
        let (start, before) = (Instant::now(), context.changes);
        (pass.run)(function, &mut context);
        report.passes.push((pass.name, start.elapsed(), context.changes - before));
        if let Some(dump) = &mut options.dump {
            dump(pass.name, function);
        }
        if options.verify {
            check(pass, function)?;
        } else if pass.name == "references" {
            // Always: a function whose references do not add up must not run.
            check_references(function).map_err(|problem| format!("after the pass {}: {problem}", pass.name))?;
        }
    }
    Ok(report)
}

/// Narrows the types of block parameters and of what guards yield.
pub(crate) fn narrow_types(function: &mut Function) {
    types::narrow(function);
}

fn find(name: &str) -> Option<&'static PassInfo> {
    PASSES.iter().find(|pass| pass.name == name)
}

fn check(pass: &PassInfo, function: &Function) -> Result<(), String> {
    let mut outcome = verify_to_text(function);
    if outcome.is_ok() && pass.name == "references" {
        outcome = check_references(function).map_err(|problem| format!("{problem}\nin\n{function}"));
    }
    outcome.map_err(|problem| format!("after the pass {}: {problem}", pass.name))
}

//! From facts to IR that is ready for code generation: build, check, optimise.

use crate::build::{BuildError, BuildOptions, build};
use crate::opt::{PassOptions, PassReport, optimize};
use coachwhip_abi::facts::Facts;
use coachwhip_ir::{EntryKind, Function, verify_to_text};

/// Why there is no IR.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CompileError {
    /// Something is left to the interpreter.
    Unsupported(String),
    /// A mistake of ours: the interpreter runs the function, and the message is worth a report.
    Bug(String),
}

impl std::fmt::Display for CompileError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CompileError::Unsupported(what) => write!(formatter, "unsupported: {what}"),
            CompileError::Bug(what) => write!(formatter, "internal error: {what}"),
        }
    }
}

/// Builds and optimises the IR of `code0` of the facts.
///
/// # Errors
/// [`CompileError`] says why the function is left to the interpreter.
pub fn compile(facts: &Facts, kind: EntryKind, options: BuildOptions, passes: &mut PassOptions<'_>) -> Result<(Function, PassReport), CompileError> {
    let mut function = build(facts, kind, options).map_err(|error| match error {
        BuildError::Unsupported(what) => CompileError::Unsupported(what),
        BuildError::Malformed(what) => CompileError::Bug(what),
    })?;
    if let Some(dump) = &mut passes.dump {
        dump("build", &function);
    }
    if passes.verify {
        verify_to_text(&function).map_err(|problem| CompileError::Bug(format!("after building: {problem}")))?;
    }
    let report = optimize(&mut function, facts, passes).map_err(CompileError::Bug)?;
    Ok((function, report))
}

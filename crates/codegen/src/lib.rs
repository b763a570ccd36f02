//! Code generation: a function of the IR, after the last pass, becomes Cranelift's IR and then machine code with its recipes.
//!
//! The contract with the runtime is `docs/design/frames.md`. Everything about the process (offsets, addresses) comes as numbers in
//! [`Environment`]; nothing here touches a Python object, so that code is made on any thread.

mod disassemble;
mod entry;
mod host;
mod leave;
mod lower;
mod quiet;
mod stress;

use coachwhip_abi::environment::Environment;
use coachwhip_abi::facts::Facts;
use coachwhip_abi::recipe::MachineCode;
use coachwhip_ir as ir;
use cranelift_codegen::Context;
use cranelift_codegen::control::ControlPlane;
use cranelift_frontend::FunctionBuilderContext;
use std::fmt;

pub use disassemble::disassemble;

/// What code generation is asked for beside the function.
#[derive(Clone, Debug, Default)]
pub struct GenerateOptions {
    /// The address of the `CodeHeader` that the code will belong to.
    pub header: usize,
    /// The globals and builtins that functions must have to be entered, by address; none if any will do.
    pub namespaces: Option<(usize, usize)>,
    /// Whether to keep a listing of Cranelift's IR.
    pub want_clif: bool,
    /// Frames can be put aside while the function waits in a call (by greenlets), where nobody can mark them, and the machine stack with them.
    pub detachable: bool,
    /// Stress testing: each guard fails on purpose once in about this many times; 0 never.
    pub stress_exits: u64,
    /// The seed of stress testing.
    pub seed: u64,
}

/// Why no code was made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CodegenError {
    /// Something that code generation does not know how to do (yet), named.
    Unsupported(String),
    /// The function is too large.
    TooBig,
    /// The IR is malformed, or Cranelift rejects what was made of it: a mistake of ours.
    Bug(String),
}

impl fmt::Display for CodegenError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CodegenError::Unsupported(what) => write!(formatter, "no code for {what}"),
            CodegenError::TooBig => formatter.write_str("the function is too large"),
            CodegenError::Bug(what) => write!(formatter, "bug in code generation: {what}"),
        }
    }
}

impl std::error::Error for CodegenError {}

/// More instructions of the IR than this are too many for one function: time and memory of register allocation.
const INSTRUCTION_LIMIT: usize = 60_000;
/// The same of Cranelift's IR: with many locals each exit stores many words (300 exits of 600 words took 20 seconds).
const CLIF_LIMIT: usize = 100_000;
/// More bytes on the machine stack than this would outrun the margin of `Environment::stack_limit`.
const FRAME_LIMIT: u32 = 64 * 1024;

/// Makes machine code of a function.
///
/// # Errors
/// See [`CodegenError`]; nothing is left behind.
pub fn generate(function: &ir::Function, facts: &Facts, environment: &Environment, options: &GenerateOptions) -> Result<MachineCode, CodegenError> {
    if function.blocks.iter().map(|block| block.instructions.len()).sum::<usize>() > INSTRUCTION_LIMIT {
        return Err(CodegenError::TooBig);
    }
    let isa = host::isa()?;
    let mut context = Context::new();
    let mut builder_context = FunctionBuilderContext::new();
    let tables = lower::lower(function, facts, environment, options, &mut context.func, &mut builder_context, isa)?;
    if context.func.dfg.num_insts() > CLIF_LIMIT {
        return Err(CodegenError::TooBig);
    }
    let clif = options.want_clif.then(|| context.func.display().to_string());
    context.compile(isa, &mut ControlPlane::default()).map_err(|error| host::compile_error(&error.inner, &context_text(error.func)))?;
    let compiled = context.take_compiled_code().ok_or_else(|| CodegenError::Bug("no code".to_owned()))?;
    if let Some(relocation) = compiled.buffer.relocs().first() {
        return Err(CodegenError::Bug(format!("relocation {:?}", relocation.target)));
    }
    let mut code = compiled.code_buffer().to_vec();
    let array_entry = match function.entry_kind {
        ir::EntryKind::Call { parameters } => Some(entry::append_array_entry(&mut code, parameters, isa)?),
        ir::EntryKind::Loop { .. } => None,
    };
    let offsets = compiled.buffer.get_srclocs_sorted().iter().filter(|row| !row.loc.is_default()).map(|row| (row.start, row.loc.bits())).collect();
    // What the frame layout counts from the stack pointer up to the frame pointer, then the saved frame pointer and the return address.
    let stack_bytes = compiled.buffer.frame_layout().map_or(0, |layout| layout.frame_to_fp_offset) + 16;
    if stack_bytes > FRAME_LIMIT {
        return Err(CodegenError::TooBig);
    }
    let unwind = host::unwind_information(&compiled, isa)?;
    Ok(MachineCode {
        code,
        entry: 0,
        array_entry,
        recipes: tables.recipes,
        sites: tables.sites,
        objects: tables.objects,
        cache_cells: function.cache_cells,
        offsets,
        unwind,
        stack_bytes,
        detachable: options.detachable,
        detached_record_words: tables.detached_record_words,
        clif,
    })
}

/// The text of Cranelift's IR for an error message, only where developers look at it.
fn context_text(function: &cranelift_codegen::ir::Function) -> String {
    if cfg!(debug_assertions) { function.display().to_string() } else { String::new() }
}

//! What compiler, code generator and runtime agree on: facts, recipes, the layout of CPython's structures, addresses, counters, options.

pub mod counters;
pub mod environment;
pub mod facts;
pub mod facts_text;
pub mod options;
pub mod quiet;
pub mod recipe;

pub use coachwhip_bytecode as bytecode;
pub use coachwhip_ir as ir;

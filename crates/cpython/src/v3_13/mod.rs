//! CPython 3.13.

pub mod arrays;
pub mod capture;
pub mod environment;
pub mod instrumentation;
pub mod layout;
mod probes;
pub mod structs;
pub mod symbols;
pub mod wrong;

/// The minor version that this module is for.
pub const VERSION: (u32, u32) = (3, 13);

/// The opcode table of this version.
pub use coachwhip_bytecode::v3_13::TABLE as OPCODES;

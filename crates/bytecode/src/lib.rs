//! CPython's bytecode as data: canonical operations, the opcode tables of the supported versions, the decoder, the exception table.
//! It knows nothing of live objects; everything here can be tested on any machine.

pub mod decode;
pub mod flow;
pub mod op;
pub mod table;
pub mod tables;
pub mod v3_13;

pub use decode::decode;
pub use op::{Op, Support};
pub use table::{Opcode, Table};
pub use tables::{exception_table, handler, line_table};

/// One canonical instruction. A superinstruction decodes into several with one offset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Instruction {
    /// Where it starts, in code units from the first; EXTENDED_ARG prefixes included (an exit goes on here).
    pub offset: u32,
    /// Where its own opcode is: `offset` plus the EXTENDED_ARG prefixes. The interpreter's `instr_ptr` while it runs.
    pub opcode_offset: u32,
    /// Where the next instruction starts, inline caches skipped.
    pub next: u32,
    /// What it does.
    pub op: Op,
    /// Its argument, prefixes applied; for jumps the target's offset in code units.
    pub argument: u32,
    /// Whether it is the first part of its bytecode instruction (always, but for the later parts of a superinstruction).
    pub first_part: bool,
}

/// A row of the exception table (Objects/exception_handling_notes.txt), offsets in code units.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExceptionTableEntry {
    /// First protected offset.
    pub start: u32,
    /// First offset that is not protected any more.
    pub end: u32,
    /// Where the handler starts.
    pub target: u32,
    /// How deep the evaluation stack is when the handler starts, before anything is pushed.
    pub depth: u32,
    /// Whether the offset of the raising instruction is pushed below the exception.
    pub push_lasti: bool,
}

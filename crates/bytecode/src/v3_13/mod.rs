//! CPython 3.13's opcodes.

mod opcodes;

pub use opcodes::{TABLE, number};

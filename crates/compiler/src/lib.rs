//! The compiler: builds IR from bytecode and facts, and optimises it. Compiling is a pure function: no Python object is touched here.
#![forbid(unsafe_code)]

pub mod build;
mod intrinsics;
pub mod opt;
pub mod pipeline;

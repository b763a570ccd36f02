//! Everything that depends on CPython's version: layouts of its structures, its internal symbols, the check of the running interpreter, and the capture of
//! facts about live objects. The rest of Coachwhip says [`current`] and never asks which version that is.

#[cfg(Py_3_13)]
pub mod v3_13;

#[cfg(Py_3_13)]
pub use v3_13 as current;

pub use current::{capture, environment, instrumentation, layout, structs, symbols, wrong};

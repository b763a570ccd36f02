//! The routines that compiled code calls, one function for each row of `ir/src/helpers.rs`, with the meaning of CPython's instruction of that name
//! (Python/bytecodes.c) and the same error messages.
//!
//! The contract of every function here, which the `SAFETY` comments refer to as "contract of helpers":
//! * `tstate` is the running thread's state, the GIL is held, no exception is set on entry (but for `iter_next`'s callers, see there);
//! * `tstate->current_frame` is the frame of the code that calls, with the fields that `docs/design/frames.md` names;
//! * object arguments are live; parameters of kind `Stolen` and `StolenOrNull` give up one reference, whatever happens; all others are borrowed for the time of the call;
//! * arrays (`items`, `count`) hold `count` live objects;
//! * object results are new references; NULL (or -1 of integers) means that an exception is set.
//!
//! Integer and bool results are returned as 64 bits, sign-extended, so that a caller may look at as many low bits as it likes.

#![allow(clippy::missing_safety_doc)] // One contract for all, above.

use coachwhip_cpython::structs::ThreadState;
use pyo3_ffi::PyObject;

mod attribute_caches;
pub mod attributes;
pub mod calls;
pub mod cells;
pub mod displays;
pub mod exceptions;
pub mod ffi;
pub mod imports;
pub mod iteration;
pub mod matching;
pub mod names;
pub mod operators;
pub mod subscripts;
pub mod with_statement;

use attributes::*;
use calls::*;
use cells::*;
use displays::*;
use exceptions::*;
use imports::*;
use iteration::*;
use matching::*;
use names::*;
use operators::*;
use subscripts::*;
use with_statement::*;

/// A `PyObject *`.
pub(crate) type Object = *mut PyObject;
/// A `PyThreadState *`.
pub(crate) type Thread = *mut ThreadState;

/// NULL.
pub(crate) const NULL: Object = std::ptr::null_mut();

macro_rules! table {
    ($($variant:ident $name:ident,)*) => {
        /// The addresses of all helpers, in the order of `ir::Helper`.
        #[must_use]
        pub fn addresses() -> Vec<usize> {
            vec![$($name as *const () as usize,)*]
        }
    };
}

coachwhip_abi::ir::for_each_helper!(table);

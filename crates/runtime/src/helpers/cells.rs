//! Cells.

use super::{Object, Thread};
use pyo3_ffi::PyCell_New;

/// MAKE_CELL: the cell takes a reference of its own.
pub unsafe extern "C" fn make_cell(_tstate: Thread, value: Object) -> Object {
    // SAFETY: contract of helpers.
    unsafe { PyCell_New(value) }
}

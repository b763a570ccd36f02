//! The extension module `coachwhip._coachwhip`: the Python API, the options, and the engine that ties compiler, code generation and runtime together.
//!
//! [`api`] is what Python sees, [`options`] reads the environment, [`engine`] does the work. Nothing here knows CPython's layouts: that is the `cpython` crate.

pub mod api;
pub mod engine;
pub mod options;

use pyo3::prelude::*;

#[global_allocator]
static HEAP: coachwhip_heap::Heap = coachwhip_heap::Heap;

/// The Rust half of the package `coachwhip`.
#[pymodule(name = "_coachwhip")]
mod module {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::api::{
        Pause, check_environment, compile, describe_options, describe_passes, disable, dump, enable, explain, is_compiled, is_enabled, never, pause, stats,
    };

    #[pymodule_init]
    fn initialise(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}

/// Writes one line on `sys.stderr` as Python does its own messages, so that redirections in Python hold; on the process's stderr while there is none.
pub(crate) fn complain(py: Python<'_>, message: &str) {
    let line = format!("coachwhip: {message}\n");
    let written = py.import("sys").and_then(|sys| sys.getattr("stderr")).and_then(|stream| {
        if stream.is_none() {
            return Ok(());
        }
        stream.call_method1("write", (line.as_str(),)).map(drop)
    });
    if written.is_err() {
        eprint!("{line}");
    }
}

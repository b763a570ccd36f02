//! The engine's front door. This is a stand-in: the engine is not wired yet, so it stays off and says so.

use coachwhip_abi::options::Options;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

const NOT_WIRED: &str = "the engine is not wired yet";

/// Starts (or starts again, with other options) counting and compiling. The error says in one line why Coachwhip stays off.
///
/// # Errors
/// If the interpreter cannot be served.
pub fn enable(_py: Python<'_>, _options: &Options) -> Result<(), String> {
    Err(NOT_WIRED.to_owned())
}

/// Stops counting and compiling; what is compiled is handed back.
pub fn disable(_py: Python<'_>) {}

/// Whether [`enable`] succeeded and [`disable`] was not called since.
#[must_use]
pub fn is_enabled(_py: Python<'_>) -> bool {
    false
}

/// No compilation starts and no compiled code is entered until the matching [`resume`]; calls nest.
pub fn pause(_py: Python<'_>) {}

/// Ends a [`pause`].
pub fn resume(_py: Python<'_>) {}

/// Compiles a function (or code object) now, in the foreground; `false` if that is not possible ([`explain`] says why).
///
/// # Errors
/// Unexpected Python exceptions.
pub fn compile(
    _py: Python<'_>,
    _function: &Bound<'_, PyAny>,
    _options: &Options,
) -> PyResult<bool> {
    Ok(false)
}

/// Keeps a function (or code object) interpreted for good.
///
/// # Errors
/// Unexpected Python exceptions.
pub fn never(_py: Python<'_>, _function: &Bound<'_, PyAny>) -> PyResult<()> {
    Ok(())
}

/// Whether calls of a function (or code object) run compiled code.
#[must_use]
pub fn is_compiled(_py: Python<'_>, _function: &Bound<'_, PyAny>) -> bool {
    false
}

/// Adds to the dict that `stats()` returns what is more than a counter.
///
/// # Errors
/// Unexpected Python exceptions.
pub fn stats(_py: Python<'_>, _into: &Bound<'_, PyDict>) -> PyResult<()> {
    Ok(())
}

/// A text: was the function compiled, why not, where does it leave compiled code and how often.
///
/// # Errors
/// Unexpected Python exceptions.
pub fn explain(_py: Python<'_>, _function: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(NOT_WIRED.to_owned())
}

/// One stage of a function's compilation as text.
///
/// # Errors
/// `RuntimeError` if there is nothing to show.
pub fn dump(_py: Python<'_>, _function: &Bound<'_, PyAny>, _what: &str) -> PyResult<String> {
    Err(PyRuntimeError::new_err(NOT_WIRED))
}

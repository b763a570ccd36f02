//! What `import coachwhip` offers, as thin calls into the engine: arguments are checked and unwrapped here, mistakes become Python exceptions here.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use coachwhip_abi::counters::Counter;
use coachwhip_abi::options::{OPTIONS, OptionKind, Options};
use coachwhip_compiler::opt::PASSES;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyCode, PyDict, PyFunction, PyList};

use crate::{complain, engine, options};

/// The reasons for staying off that were told already: each is told once.
static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Whether `atexit` calls [`end`].
static AT_EXIT: AtomicBool = AtomicBool::new(false);

/// Switch Coachwhip on for the whole process and say whether it is on.
///
/// Keywords are options, by the names that ``python -m coachwhip --help`` lists; they win over environment variables.
/// On an interpreter that Coachwhip does not know it stays off, says why in one line on stderr, and the program runs as ever.
/// With ``COACHWHIP=0`` in the environment it stays off silently.
#[pyfunction]
#[pyo3(signature = (**keywords))]
pub fn enable(py: Python<'_>, keywords: Option<&Bound<'_, PyDict>>) -> PyResult<bool> {
    let mut chosen = options::from_environment(|line| complain(py, line)).clone();
    if let Some(keywords) = keywords {
        for (name, value) in keywords {
            set(&mut chosen, &name.extract::<String>()?, &value)?;
        }
    }
    if options::forbidden() {
        return Ok(false);
    }
    match engine::enable(py, &chosen) {
        Ok(()) => {
            let first = !AT_EXIT.swap(true, Ordering::Relaxed);
            if first {
                py.import("atexit")?.call_method1("register", (pyo3::wrap_pyfunction!(end, py)?,))?;
            }
            if chosen.stats {
                print_summary_at_exit(py)?;
            }
            Ok(true)
        }
        Err(reason) => {
            let mut told = TOLD.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if !told.contains(&reason) {
                complain(py, &format!("off: {reason}"));
                told.push(reason);
            }
            Ok(false)
        }
    }
}

/// Called by `atexit`, after the handlers that the program has registered.
#[pyfunction]
fn end(py: Python<'_>) {
    engine::end(py);
}

/// Look for mistakes in the environment's ``COACHWHIP_...`` variables: one line on stderr for each.
#[pyfunction]
pub fn check_environment(py: Python<'_>) {
    options::from_environment(|line| complain(py, line));
}

/// Sets one option from a keyword of `enable`.
fn set(chosen: &mut Options, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let Some(row) = OPTIONS.iter().find(|row| row.name == name && row.name != "enabled") else {
        let hint = options::nearest(name, OPTIONS.iter().map(|row| row.name).filter(|&name| name != "enabled"))
            .map_or(String::new(), |near| format!(". Did you mean '{near}'?"));
        return Err(PyTypeError::new_err(format!("enable() got an unexpected keyword argument '{name}'{hint}")));
    };
    let text = match value.cast::<PyBool>() {
        Ok(flag) => u8::from(flag.is_true()).to_string(),
        Err(_) => value.str()?.to_string(),
    };
    if chosen.set(row.name, &text) { Ok(()) } else { Err(PyValueError::new_err(format!("{name}={text} is not {}", options::expected(row.kind)))) }
}

/// `atexit` runs last what was registered first, so the summary comes after the program's own handlers.
fn print_summary_at_exit(py: Python<'_>) -> PyResult<()> {
    let summary = py.import("coachwhip._report")?.getattr("print_summary")?;
    let atexit = py.import("atexit")?;
    atexit.call_method1("unregister", (&summary,))?;
    atexit.call_method1("register", (&summary,))?;
    Ok(())
}

/// Switch Coachwhip off: nothing more is compiled, and functions run in the interpreter again.
#[pyfunction]
pub fn disable(py: Python<'_>) {
    engine::disable(py);
}

/// Whether Coachwhip is on.
#[pyfunction]
#[must_use]
pub fn is_enabled(py: Python<'_>) -> bool {
    engine::is_enabled(py)
}

/// A context manager: inside ``with coachwhip.pause():`` nothing is compiled and no compiled code is entered.
#[pyfunction]
#[must_use]
pub fn pause() -> Pause {
    Pause { depth: 0 }
}

/// The context manager that ``pause()`` returns.
#[pyclass(module = "coachwhip")]
#[derive(Debug)]
pub struct Pause {
    depth: usize,
}

#[pymethods]
impl Pause {
    fn __enter__(mut slf: PyRefMut<'_, Self>) -> PyRefMut<'_, Self> {
        engine::pause(slf.py());
        slf.depth += 1;
        slf
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&mut self, py: Python<'_>, _exception: &Bound<'_, PyAny>) -> bool {
        if self.depth > 0 {
            self.depth -= 1;
            engine::resume(py);
        }
        false
    }
}

/// The Python function or code object inside what a user has in hand: methods, static and class methods, cached functions, property getters.
fn unwrap<'py>(what: &str, given: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let mut object = given.clone();
    // A bound against objects that wrap themselves.
    for _ in 0..32 {
        if object.is_exact_instance_of::<PyFunction>() || object.is_exact_instance_of::<PyCode>() {
            return Ok(object);
        }
        let inner = ["__func__", "fget", "__wrapped__", "func"].iter().find_map(|name| object.getattr(*name).ok());
        match inner {
            Some(inner) => object = inner,
            None => break,
        }
    }
    Err(PyTypeError::new_err(format!("{what}() takes a Python function, not {}", given.repr()?)))
}

/// Compile a function now, and return it: usable as a decorator.
///
/// What the function's code has seen while it ran decides how good the machine code is, so call it a few times before.
/// ``is_compiled(f)`` tells whether it worked, ``explain(f)`` why not.
#[pyfunction]
pub fn compile<'py>(py: Python<'py>, function: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let inner = unwrap("compile", &function)?;
    let chosen = options::from_environment(|line| complain(py, line));
    if !options::forbidden() {
        engine::compile(py, &inner, chosen)?;
    }
    Ok(function)
}

/// Never compile this function, and return it: usable as a decorator.
#[pyfunction]
pub fn never<'py>(py: Python<'py>, function: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    engine::never(py, &unwrap("never", &function)?)?;
    Ok(function)
}

/// Whether calls of this function run machine code.
#[pyfunction]
pub fn is_compiled(py: Python<'_>, function: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(engine::is_compiled(py, &unwrap("is_compiled", function)?))
}

/// The counters as a dict, and what was left to the interpreter, and why.
#[pyfunction]
pub fn stats(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let result = PyDict::new(py);
    for counter in Counter::ALL {
        result.set_item(counter.name(), counter.value())?;
    }
    engine::stats(py, &result)?;
    Ok(result)
}

/// A text about one function: was it compiled, why not, where does it leave compiled code, and how often.
#[pyfunction]
pub fn explain(py: Python<'_>, function: &Bound<'_, PyAny>) -> PyResult<String> {
    engine::explain(py, &unwrap("explain", function)?)
}

/// One stage of a function's compilation as text: ``"bytecode"``, ``"facts"``, ``"ir"``, ``"ir:PASS"``, ``"clif"``, ``"asm"`` or ``"recipes"``.
#[pyfunction]
#[pyo3(signature = (function, what = "ir"))]
pub fn dump(py: Python<'_>, function: &Bound<'_, PyAny>, what: &str) -> PyResult<String> {
    engine::dump(py, &unwrap("dump", function)?, what)
}

/// The table of passes, a dict for each row: ``name``, ``optional`` and ``doc``.
#[pyfunction]
pub fn describe_passes(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    let rows = PyList::empty(py);
    for row in PASSES {
        let entry = PyDict::new(py);
        entry.set_item("name", row.name)?;
        entry.set_item("optional", row.optional)?;
        entry.set_item("doc", row.doc.trim())?;
        rows.append(entry)?;
    }
    Ok(rows)
}

/// The table of options, a dict for each row: ``name``, ``variable``, ``kind`` ("flag", "number" or "text"), ``default`` and ``doc``.
#[pyfunction]
pub fn describe_options(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    let rows = PyList::empty(py);
    for row in OPTIONS {
        let entry = PyDict::new(py);
        entry.set_item("name", row.name)?;
        entry.set_item("variable", row.variable)?;
        entry.set_item(
            "kind",
            match row.kind {
                OptionKind::Flag => "flag",
                OptionKind::Number => "number",
                OptionKind::Text => "text",
            },
        )?;
        entry.set_item("default", row.default)?;
        entry.set_item("doc", row.doc.split_whitespace().collect::<Vec<_>>().join(" "))?;
        rows.append(entry)?;
    }
    Ok(rows)
}

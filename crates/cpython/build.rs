//! Sets `cfg(Py_3_13)` and its like from the Python that the extension is built for, and refuses versions without a layout.

fn main() {
    pyo3_build_config::use_pyo3_cfgs();
    let version = pyo3_build_config::get().version();
    assert!((version.major, version.minor) == (3, 13), "Coachwhip has layouts for CPython 3.13 only; PYO3_PYTHON is {version}");
}

//! Sets `cfg(Py_3_13)` and its like from the Python that the extension is built for, and refuses versions without a layout. Has that Python compile the source of the probes.

use std::path::Path;
use std::process::Command;

/// Prints the magic number of bytecode and the code of a source, as a compiled module has them.
const COMPILE: &str = "
import importlib.util, marshal, sys
with open(sys.argv[1], encoding='utf-8') as file:
    code = compile(file.read(), '<coachwhip probe>', 'exec', dont_inherit=True, optimize=0)
with open(sys.argv[2], 'wb') as file:
    file.write(importlib.util.MAGIC_NUMBER + marshal.dumps(code))
";

fn main() {
    pyo3_build_config::use_pyo3_cfgs();
    let config = pyo3_build_config::get();
    let version = config.version();
    assert!((version.major, version.minor) == (3, 13), "Coachwhip has layouts for CPython 3.13 only; PYO3_PYTHON is {version}");

    let source = format!("src/v{}_{}/probes.py", version.major, version.minor);
    println!("cargo::rerun-if-changed={source}");
    println!("cargo::rerun-if-changed=build.rs");
    let compiled = Path::new(&std::env::var_os("OUT_DIR").expect("cargo sets it")).join("probes.marshal");
    // Without an interpreter (a build for another machine) the probes compile their source when they run.
    let done = config
        .executable()
        .is_some_and(|python| Command::new(python).args(["-I", "-c", COMPILE, &source]).arg(&compiled).status().is_ok_and(|status| status.success()));
    if !done {
        std::fs::write(&compiled, []).expect("the build's folder can be written");
    }
}

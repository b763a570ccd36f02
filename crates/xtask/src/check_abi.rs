//! `check-abi PYTHON...`: whether the checked-in opcode table and layouts are what these interpreters and their headers say. Run it for several micro releases.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Prints the directory of the interpreter's headers: where sysconfig says, or where a relocated system keeps them.
const FIND_HEADERS: &str = r#"
import os, sys, sysconfig
folders = [sysconfig.get_path("include"), os.path.join(sys.base_prefix, "usr", "include", "python%d.%d" % sys.version_info[:2])]
print(next((folder for folder in folders if os.path.isdir(os.path.join(folder, "internal"))), ""))
"#;

fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    Err(format!("{command:?} failed\n{}", String::from_utf8_lossy(&output.stderr)))
}

/// Checks against each of the interpreters.
///
/// # Errors
/// What differs, or what could not be run.
pub fn check(root: &Path, pythons: &[&str]) -> Result<String, String> {
    for python in pythons {
        run(Command::new(python).arg(root.join("crates/bytecode/tools/opcodes.py")).arg("--check"))
            .map_err(|error| format!("the opcode table is stale: {error}"))?;
        let headers = PathBuf::from(run(Command::new(python).args(["-c", FIND_HEADERS]))?);
        if headers.as_os_str().is_empty() {
            return Err(format!("{python} has no internal headers"));
        }
        run(Command::new(python).arg(root.join("crates/cpython/tools/layout.py")).arg("--check").arg(headers))?;
    }
    Ok(format!("opcodes and layouts agree with {} interpreters", pythons.len()))
}

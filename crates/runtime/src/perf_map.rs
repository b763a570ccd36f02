//! `/tmp/perf-PID.map`, where `perf report` looks for the names of code that is in no file (tools/perf/Documentation/jit-interface.txt in Linux's source): a line
//! of address, size and name for each piece of compiled code, in the style of CPython's own (`py::qualname:file`, Python/perf_trampoline.c).

use std::cell::Cell;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;

use crate::compiled::{Compiled, Kind};
use crate::ffi::Code;
use crate::{RUNTIME, python, watchers};

/// Whether the file is wanted, and whose it is.
#[derive(Debug)]
pub(crate) struct PerfMap {
    pub(crate) wanted: Cell<bool>,
    /// The process that has written last.
    process: Cell<u32>,
}

impl PerfMap {
    pub(crate) const fn new() -> PerfMap {
        PerfMap { wanted: Cell::new(false), process: Cell::new(0) }
    }
}

/// Notes a new piece of code, if the file is wanted. Failures to write are nobody's business.
///
/// # Safety
/// The piece is installed; the GIL is held.
pub(crate) unsafe fn record(compiled: &Compiled) {
    if RUNTIME.perf_map.wanted.get() {
        // SAFETY: the caller's promise.
        unsafe {
            write(&[line(compiled)]);
            RUNTIME.perf_map.process.set(std::process::id());
        }
    }
}

/// A forked child runs the code of its parent under a number of its own.
///
/// # Safety
/// The GIL is held.
pub(crate) unsafe fn after_fork() {
    if !RUNTIME.perf_map.wanted.get() {
        return;
    }
    let process = std::process::id();
    if RUNTIME.perf_map.process.replace(process) != process {
        // SAFETY: installed code is not freed.
        let lines: Vec<String> = watchers::installed().into_iter().map(|compiled| unsafe { line(&*compiled) }).collect();
        write(&lines);
    }
}

unsafe fn line(compiled: &Compiled) -> String {
    let bytes = compiled.memory.bytes();
    // SAFETY: the code object lives while its code is installed.
    format!("{:x} {:x} {}\n", bytes.as_ptr() as usize, bytes.len(), unsafe { name(compiled.code, compiled.kind) })
}

/// What `perf` and debuggers call a piece of code.
///
/// # Safety
/// `code` is a live code object; the GIL is held.
pub(crate) unsafe fn name(code: *mut Code, kind: Kind) -> String {
    // SAFETY: the caller's promise.
    let (name, file, first) = unsafe { (python::string((*code).co_qualname), python::string((*code).co_filename), (*code).co_firstlineno) };
    let place = match kind {
        Kind::Call => String::new(),
        Kind::Loop { offset } => format!(":loop@{offset}"),
    };
    format!("py::{name}:{file}:{first}{place}")
}

fn write(lines: &[String]) {
    let path = format!("/tmp/perf-{}.map", std::process::id());
    // Anybody can make a link in /tmp.
    if let Ok(mut file) = OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(libc::O_NOFOLLOW).open(path) {
        let _ = file.write_all(lines.concat().as_bytes());
    }
}

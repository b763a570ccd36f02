//! The crash-loop guard. When the process dies of a fault while compiled code runs, a note is left; the next start of the same program finds it, takes it away,
//! and runs without compiled code. So a program that a supervisor starts again and again serves at least every other time.
//!
//! The handler leaves the fault to whoever had the signal before (`faulthandler`, the default), so cores and messages are as ever. It calls nothing but what
//! signal-safety(7) allows; what it writes was prepared before.

use std::cell::UnsafeCell;
use std::ffi::{CString, OsString, c_int, c_void};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::ffi::{self, Frame, PyObject};
use crate::{code_memory, frames, python};

/// Faults, and what a fatal error of the interpreter or a panic ends in.
const SIGNALS: [c_int; 5] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGABRT];
/// Bytes for the handler when the thread's own stack is used up; what faulthandler takes (`SIGSTKSZ`, Modules/faulthandler.c) and more.
const STACK: usize = 64 << 10;
/// The most of a str that goes into a note, in bytes.
const MOST_TEXT: isize = 300;

struct Guard {
    /// `~/.cache`, `~/.cache/coachwhip`, the note.
    folders: [CString; 2],
    note: CString,
    /// What the handlers were before.
    previous: [UnsafeCell<libc::sigaction>; SIGNALS.len()],
}

// SAFETY: `previous` is written before the handler of that signal is in place, and only read afterwards.
unsafe impl Sync for Guard {}
// SAFETY: as above.
unsafe impl Send for Guard {}

static GUARD: OnceLock<Guard> = OnceLock::new();
static NOTED: AtomicBool = AtomicBool::new(false);
/// Why this process runs without compiled code.
static REFUSAL: OnceLock<Option<String>> = OnceLock::new();

/// What tells this program from others: the script or module in `sys.orig_argv`; `None` for `-c`, standard input and the prompt.
fn program(words: &[OsString]) -> Option<OsString> {
    let mut words = words.iter().skip(1);
    while let Some(word) = words.next() {
        let bytes = word.as_bytes();
        match bytes {
            b"-" | b"--help" => return None,
            b"--check-hash-based-pycs" => drop(words.next()),
            [b'-', b'-', ..] => {}
            [b'-', letters @ ..] => {
                // Of a word of short options the first that takes a value ends it (Python/getopt.c): -Im module, -Wignore, -X dev.
                if let Some(position) = letters.iter().position(|letter| b"cmWX".contains(letter)) {
                    let rest = &letters[position + 1..];
                    let value = if rest.is_empty() { words.next().cloned() } else { Some(OsString::from_vec(rest.to_vec())) };
                    match letters[position] {
                        b'c' => return None,
                        b'm' => return value.map(|module| OsString::from_vec([b"-m ", module.as_bytes()].concat())),
                        _ => {}
                    }
                }
            }
            _ => return std::path::absolute(word).ok().map(PathBuf::into_os_string),
        }
    }
    None
}

/// The folder for notes: `$XDG_CACHE_HOME` or `~/.cache`.
fn cache() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))
}

/// Whether the last run of this program crashed in compiled code: then why Coachwhip stays off in this one. Else makes ready to note a crash.
///
/// # Safety
/// The GIL is held.
pub(crate) unsafe fn start() -> Result<(), String> {
    let refusal = REFUSAL.get_or_init(|| {
        // SAFETY: the caller's promise.
        let program = unsafe { program(&original_arguments()) }?;
        let folder = cache()?;
        let mut hasher = DefaultHasher::new();
        (env!("CARGO_PKG_VERSION"), std::env::current_exe().ok(), &program).hash(&mut hasher);
        let own = folder.join("coachwhip");
        let note = own.join(format!("crash-{:016x}", hasher.finish()));
        let found = take(&note);
        if found.is_none() {
            let text = |path: &Path| CString::new(path.as_os_str().as_bytes()).ok();
            let (Some(folder), Some(own), Some(note)) = (text(&folder), text(&own), text(&note)) else { return None };
            // SAFETY: all zero is a valid `sigaction`.
            let previous = std::array::from_fn(|_| UnsafeCell::new(unsafe { std::mem::zeroed() }));
            if GUARD.set(Guard { folders: [folder, own], note, previous }).is_ok() {
                install();
            }
        }
        found
    });
    refusal.clone().map_or(Ok(()), Err)
}

/// Reads a note and takes it away. One that cannot be taken away does not count: it would hold for ever.
fn take(note: &Path) -> Option<String> {
    let text = std::fs::read(note).ok()?;
    std::fs::remove_file(note).ok()?;
    let text = String::from_utf8_lossy(&text[..text.len().min(2048)]).trim().to_owned();
    Some(format!(
        "for this run only, because the last run of this program crashed while compiled code ran ({text}); `python -m coachwhip bisect` finds the cause"
    ))
}

unsafe fn original_arguments() -> Vec<OsString> {
    // SAFETY: the GIL is held; borrowed references are used at once.
    unsafe {
        let list = pyo3_ffi::PySys_GetObject(c"orig_argv".as_ptr());
        if list.is_null() || pyo3_ffi::PyList_Check(list) == 0 {
            return Vec::new();
        }
        (0..pyo3_ffi::PyList_GET_SIZE(list)).map(|index| python::string(pyo3_ffi::PyList_GET_ITEM(list, index)).into()).collect()
    }
}

fn install() {
    let Some(guard) = GUARD.get() else { return };
    // SAFETY: the handler is safe to be called at any time; the alternate stack stays mapped for ever.
    unsafe {
        let mut current: libc::stack_t = std::mem::zeroed();
        if libc::sigaltstack(std::ptr::null(), &raw mut current) == 0 && current.ss_flags & libc::SS_DISABLE != 0 {
            let memory = libc::mmap(std::ptr::null_mut(), STACK, libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0);
            if memory != libc::MAP_FAILED {
                let stack = libc::stack_t { ss_sp: memory, ss_flags: 0, ss_size: STACK };
                libc::sigaltstack(&raw const stack, std::ptr::null_mut());
            }
        }
        for (&signal, previous) in SIGNALS.iter().zip(&guard.previous) {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_signal as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            libc::sigemptyset(&raw mut action.sa_mask);
            if libc::sigaction(signal, std::ptr::null(), previous.get()) == 0 {
                libc::sigaction(signal, &raw const action, std::ptr::null_mut());
            }
        }
    }
}

unsafe extern "C" fn on_signal(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: what the kernel gives to a handler with SA_SIGINFO. Everything called is async-signal-safe. A fault in here ends the process, as it should.
    unsafe {
        let error = *libc::__errno_location();
        let sent = (*info).si_code <= 0;
        let own = !sent || (*info).si_pid() == libc::getpid();
        if let Some(guard) = GUARD.get() {
            if own && !NOTED.swap(true, Ordering::Relaxed) {
                note_crash(guard, signal, context.cast());
            }
            if let Some(position) = SIGNALS.iter().position(|&other| other == signal) {
                libc::sigaction(signal, guard.previous[position].get(), std::ptr::null_mut());
            }
        }
        if sent {
            // Blocked in here: it comes again when the handler returns. A fault comes again by itself.
            libc::raise(signal);
        }
        *libc::__errno_location() = error;
    }
}

/// Leaves the note, if compiled code is where the signal came, or the innermost frame of Python.
unsafe fn note_crash(guard: &Guard, signal: c_int, context: *const libc::ucontext_t) {
    // SAFETY: as above. The thread state and its frames may be in any state: a fault in reading them ends the process.
    unsafe {
        let position = usize::try_from((*context).uc_mcontext.gregs[libc::REG_RIP as usize]).unwrap_or(0);
        let tstate = ffi::thread_state();
        let frame = if tstate.is_null() { std::ptr::null_mut() } else { (*tstate).current_frame };
        let compiled_frame = !frame.is_null() && frames::is_compiled(frame);
        if !compiled_frame && !code_memory::may_contain(position) {
            return;
        }
        for folder in &guard.folders {
            libc::mkdir(folder.as_ptr(), 0o700);
        }
        let file = libc::open(guard.note.as_ptr(), libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC | libc::O_CLOEXEC, 0o600);
        if file < 0 {
            return;
        }
        let digits = [b'0' + (signal / 10 % 10) as u8, b'0' + (signal % 10) as u8];
        for text in [b"signal ".as_slice(), &digits] {
            libc::write(file, text.as_ptr().cast(), text.len());
        }
        if compiled_frame {
            let code = Frame::code(frame);
            for (before, object) in [(b" in ".as_slice(), (*code).co_qualname), (b", ", (*code).co_filename)] {
                libc::write(file, before.as_ptr().cast(), before.len());
                write_ascii(file, object);
            }
        }
        libc::close(file);
    }
}

/// Writes a str as it lies in memory, if it is ASCII.
unsafe fn write_ascii(file: c_int, text: *mut PyObject) {
    // SAFETY: the code object is alive while its frame is.
    unsafe {
        if pyo3_ffi::PyUnicode_CheckExact(text) != 0 && pyo3_ffi::PyUnicode_IS_COMPACT_ASCII(text) != 0 {
            let length = pyo3_ffi::PyUnicode_GET_LENGTH(text).clamp(0, MOST_TEXT);
            libc::write(file, pyo3_ffi::PyUnicode_1BYTE_DATA(text).cast(), length.unsigned_abs());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(words: &[&str]) -> Option<String> {
        let words: Vec<OsString> = std::iter::once("python").chain(words.iter().copied()).map(OsString::from).collect();
        program(&words).map(|name| name.into_string().expect("text"))
    }

    #[test]
    fn programs_are_told_apart() {
        assert_eq!(named(&["/a/app.py", "x"]).as_deref(), Some("/a/app.py"));
        assert_eq!(named(&["-W", "ignore", "-Xdev", "/a/app.py"]).as_deref(), Some("/a/app.py"));
        assert_eq!(named(&["-Im", "package", "x"]).as_deref(), Some("-m package"));
        assert_eq!(named(&["-mpackage"]).as_deref(), Some("-m package"));
        assert_eq!(named(&["-Bc", "pass", "x"]), None);
        assert_eq!(named(&[]), None);
        assert_eq!(named(&["-"]), None);
        assert_ne!(named(&["app.py"]).as_deref(), Some("app.py"));
    }
}

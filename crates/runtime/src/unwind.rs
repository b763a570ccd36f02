//! Exceptions that leave compiled code: traceback entries, the exception table, handlers that the interpreter runs. The interpreter's own unwinding
//! (`throwflag`) is not used: it looks the handler up at the wrong instruction and sends events (see `_PyEval_EvalFrameDefault`, `resume_with_error`).

use coachwhip_abi::bytecode::Op;
use coachwhip_abi::bytecode::table::Kind;
use coachwhip_abi::environment::frame_state;

use crate::exits::{self, LOOP_CONTINUE, LOOP_ERROR};
use crate::ffi::{self, Code, CodeQueries, Frame, PyObject, ThreadState};
use crate::monitoring::{self, event};

pub(crate) use crate::helpers::exceptions::take_suppress_traceback as take_no_traceback;

/// Adds a traceback entry for the current frame to the exception that is set.
///
/// # Safety
/// The current frame is complete; an exception is set.
pub(crate) unsafe fn add_traceback(tstate: *mut ThreadState) {
    // SAFETY: the caller's promise. Without memory for a frame object MemoryError takes the exception's place, as in CPython (`_PyFrame_MakeAndSetFrameObject`).
    unsafe {
        let object = ffi::PyThreadState_GetFrame(tstate);
        if object.is_null() {
            pyo3_ffi::PyErr_NoMemory();
        } else {
            ffi::PyTraceBack_Here(object);
            ffi::Py_DECREF(object);
        }
    }
}

/// A row of the exception table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Handler {
    /// Where it starts, in code units.
    pub target: usize,
    /// The depth of the stack there.
    pub depth: usize,
    /// Whether the raising offset is pushed.
    pub push_lasti: bool,
}

/// The handler of an offset in a table (`get_exception_handler` in Python/ceval.c; Objects/exception_handling_notes.txt).
pub(crate) fn find_handler(table: &[u8], offset: usize) -> Option<Handler> {
    let mut bytes = table.iter().copied();
    // The first byte of a row has bit 7 set; bit 6 says that the number goes on.
    let mut number = || -> Option<usize> {
        let mut byte = bytes.next()?;
        let mut value = usize::from(byte & 63);
        while byte & 64 != 0 {
            byte = bytes.next()?;
            value = value << 6 | usize::from(byte & 63);
        }
        Some(value)
    };
    loop {
        let (start, size, target, depth_and_lasti) = (number()?, number()?, number()?, number()?);
        if start > offset {
            return None;
        }
        if offset < start + size {
            return Some(Handler { target, depth: depth_and_lasti >> 1, push_lasti: depth_and_lasti & 1 != 0 });
        }
    }
}

/// The exception table of a code object.
///
/// # Safety
/// `code` is a live code object, and stays so while the slice is used.
unsafe fn table_of<'a>(code: *mut Code) -> &'a [u8] {
    // SAFETY: `co_exceptiontable` is a bytes object.
    unsafe {
        let table = (*code).co_exceptiontable;
        std::slice::from_raw_parts(pyo3_ffi::PyBytes_AS_STRING(table).cast::<u8>(), pyo3_ffi::Py_SIZE(table) as usize)
    }
}

/// Takes everything above a depth off a frame's stack, newest first.
unsafe fn cut_stack(frame: *mut Frame, depth: usize) {
    // SAFETY: the slots up to `stacktop` are complete.
    unsafe {
        let keep = (*Frame::code(frame)).slot_count() + depth;
        while (*frame).stacktop as usize > keep {
            (*frame).stacktop -= 1;
            ffi::Py_XDECREF(*Frame::slot(frame, (*frame).stacktop as usize));
        }
    }
}

unsafe fn push(frame: *mut Frame, object: *mut PyObject) {
    // SAFETY: the compiler of the bytecode has counted this slot.
    unsafe {
        *Frame::slot(frame, (*frame).stacktop as usize) = object;
        (*frame).stacktop += 1;
    }
}

/// Unwinds the exception that is set in a frame that the interpreter owns. True: the frame is ready to go on at a handler. False: there is none, the stack is
/// empty, the exception is still set.
///
/// # Safety
/// `frame` is the current frame, complete. May run any Python code.
pub(crate) unsafe fn dispatch(tstate: *mut ThreadState, frame: *mut Frame, offset: usize, no_traceback: bool) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        let code = Frame::code(frame);
        if !no_traceback {
            (*frame).instr_ptr = Code::units(code).add(offset);
            add_traceback(tstate);
        }
        let traced = monitoring::foreign_tools(tstate);
        if traced {
            monitoring::send(if no_traceback { event::RERAISE } else { event::RAISE }, frame, offset);
        }
        let Some(handler) = find_handler(table_of(code), offset) else {
            cut_stack(frame, 0);
            if traced {
                monitoring::send(event::PY_UNWIND, frame, offset);
            }
            return false;
        };
        cut_stack(frame, handler.depth);
        if handler.push_lasti {
            push(frame, lasti(frame));
        }
        if traced {
            monitoring::send(event::EXCEPTION_HANDLED, frame, handler.target);
        }
        push(frame, ffi::PyErr_GetRaisedException());
        (*frame).instr_ptr = Code::units(code).add(handler.target);
        true
    }
}

/// A tracer or another tool was switched on by the call that raised: what the interpreter would send for an exception that compiled code catches. The frame
/// leaves compiled code at the handler.
///
/// # Safety
/// `frame` is the current frame, which runs compiled; an exception is set. May run any Python code.
#[cold]
pub(crate) unsafe fn catch_traced(frame: *mut Frame, no_traceback: bool) {
    // SAFETY: the caller's promise.
    unsafe {
        let offset = Frame::instruction_offset(frame) as usize;
        monitoring::send(if no_traceback { event::RERAISE } else { event::RAISE }, frame, offset);
        if let Some(handler) = find_handler(table_of(Frame::code(frame)), offset) {
            monitoring::send(event::EXCEPTION_HANDLED, frame, handler.target);
        }
        (*frame).state |= frame_state::LEAVE;
    }
}

/// The offset of the instruction that runs, as an int object.
unsafe fn lasti(frame: *mut Frame) -> *mut PyObject {
    // SAFETY: `frame` is a live frame; an exception that is set comes back.
    unsafe {
        let exception = ffi::PyErr_GetRaisedException();
        let object = exits::box_int(Frame::instruction_offset(frame) as i64);
        ffi::PyErr_SetRaisedException(exception);
        object
    }
}

/// The same for a frame whose interpreter waits in the callback of a JUMP event. Returning an error from there would look for the handler at the wrong
/// instruction (`INSTRUMENTED_JUMP`, Python/ceval_macros.h), so where there is no handler the frame goes on at a RERAISE that no row of the table covers;
/// code without a table may report the error.
///
/// # Safety
/// As for [`dispatch`].
pub(crate) unsafe fn dispatch_loop(tstate: *mut ThreadState, frame: *mut Frame, offset: usize, no_traceback: bool) -> usize {
    // SAFETY: as `dispatch`.
    unsafe {
        let code = Frame::code(frame);
        let table = table_of(code);
        if table.is_empty() {
            cut_stack(frame, 0);
            // The interpreter adds the traceback entry.
            (*frame).instr_ptr = Code::units(code).add(offset);
            return LOOP_ERROR;
        }
        if dispatch(tstate, frame, offset, no_traceback) {
            return LOOP_CONTINUE;
        }
        match uncovered_reraise(code, table) {
            Some((target, argument)) => {
                let exception = ffi::PyErr_GetRaisedException();
                if argument > 0 {
                    push(frame, lasti(frame));
                    for _ in 1..argument {
                        push(frame, ffi::new_reference(pyo3_ffi::Py_None()));
                    }
                }
                push(frame, exception);
                (*frame).instr_ptr = Code::units(code).add(target);
                LOOP_CONTINUE
            }
            None => LOOP_ERROR,
        }
    }
}

/// A RERAISE outside the table, and its argument: the compiler of the bytecode ends every outermost handler with one.
unsafe fn uncovered_reraise(code: *mut Code, table: &[u8]) -> Option<(usize, usize)> {
    // SAFETY: a new bytes object with the code units as they were compiled.
    unsafe {
        let exception = ffi::PyErr_GetRaisedException();
        let bytes = ffi::PyCode_GetCode(code);
        ffi::PyErr_SetRaisedException(exception);
        if bytes.is_null() {
            return None;
        }
        let units = std::slice::from_raw_parts(pyo3_ffi::PyBytes_AS_STRING(bytes).cast::<u8>(), pyo3_ffi::Py_SIZE(bytes) as usize);
        let mut found = None;
        let mut offset = 0;
        while offset * 2 + 1 < units.len() {
            let (opcode, argument) = (units[offset * 2], usize::from(units[offset * 2 + 1]));
            if is_reraise(opcode) && find_handler(table, offset).is_none() && argument + 1 <= (*code).co_stacksize as usize {
                found = Some((offset, argument));
                break;
            }
            offset += 1 + cache_units(opcode);
        }
        ffi::Py_DECREF(bytes);
        found
    }
}

fn is_reraise(opcode: u8) -> bool {
    ffi::OPCODES.get(opcode).is_some_and(|row| row.kind == Kind::Operation(Op::Reraise))
}

fn cache_units(opcode: u8) -> usize {
    ffi::OPCODES.get(opcode).map_or(0, |row| row.caches.into())
}

/// How many code units an instruction takes, caches included.
///
/// # Safety
/// `code` is a live code object with an instruction there.
pub(crate) unsafe fn instruction_length(code: *mut Code, offset: usize) -> usize {
    // SAFETY: a new bytes object with the code units as they were compiled.
    unsafe {
        let exception = ffi::PyErr_GetRaisedException();
        let bytes = ffi::PyCode_GetCode(code);
        ffi::PyErr_SetRaisedException(exception);
        if bytes.is_null() {
            // Without memory: what stands there now is as long, specialised or not.
            return 1 + cache_units(*Code::units(code).cast::<u8>().add(offset * 2));
        }
        let opcode = *pyo3_ffi::PyBytes_AS_STRING(bytes).cast::<u8>().add(offset * 2);
        ffi::Py_DECREF(bytes);
        1 + cache_units(opcode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handlers_are_found_by_offset() {
        // (start 2, size 3, target 10, depth 1 with lasti), (start 6, size 70, target 100, depth 0)
        let table = [0x80 | 2, 3, 10, 3, 0x80 | 6, 64 | 1, 6, 64 | 1, 36, 0];
        assert_eq!(find_handler(&table, 1), None);
        assert_eq!(find_handler(&table, 2), Some(Handler { target: 10, depth: 1, push_lasti: true }));
        assert_eq!(find_handler(&table, 5), None);
        assert_eq!(find_handler(&table, 75), Some(Handler { target: 100, depth: 0, push_lasti: false }));
        assert_eq!(find_handler(&table, 76), None);
        assert_eq!(find_handler(&[], 0), None);
    }
}

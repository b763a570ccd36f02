//! The ways out of compiled code (`docs/design/frames.md`, "Leaving"), and small routines that code generation calls.

use std::ffi::c_int;

use coachwhip_abi::counters::Counter;
use coachwhip_abi::environment::CodeHeader;
use coachwhip_abi::recipe::{FrameRecipe, Recipe};

use crate::compiled::{Busy, Compiled};
use crate::ffi::{self, Code, CodeQueries, Frame, PyObject, ThreadState};
use crate::{entry, frames, monitoring, policy, reserve, unwind, watchers};

/// How a frame goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    /// At `instr_ptr`.
    Resume,
    /// With the exception that is set, raised at this offset.
    Raise { offset: usize, no_traceback: bool },
}

/// Status of a loop entry: the interpreter goes on at `instr_ptr`.
pub(crate) const LOOP_CONTINUE: usize = 0;
/// Status of a loop entry: the callback reports an exception.
pub(crate) const LOOP_ERROR: usize = 1;

/// Runs a frame that the interpreter owns, from its `instr_ptr`.
///
/// # Safety
/// `frame` is the current frame, complete, and counted in `py_recursion_remaining`.
pub(crate) unsafe fn run(tstate: *mut ThreadState, frame: *mut Frame) -> *mut PyObject {
    // SAFETY: `_PyEval_EvalFrameDefault` links the frame again and counts it again (Python/ceval.c).
    unsafe {
        (*tstate).current_frame = (*frame).previous;
        (*tstate).py_recursion_remaining += 1;
        ffi::_PyEval_EvalFrameDefault(tstate, frame, 0)
    }
}

/// Unlinks a frame that the interpreter owns, clears and pops it (the end of `_PyEval_EvalFrameDefault`).
///
/// # Safety
/// As for [`run`]. May run any Python code.
pub(crate) unsafe fn pop_frame(tstate: *mut ThreadState, frame: *mut Frame) {
    // SAFETY: the caller's promise.
    unsafe {
        (*tstate).py_recursion_remaining += 1;
        (*tstate).current_frame = (*frame).previous;
        ffi::_PyEval_FrameClearAndPop(tstate, frame);
    }
}

/// Writes the frames of a recipe; outermost first. Inlined frames that nobody has pushed are made and linked now.
unsafe fn materialise(tstate: *mut ThreadState, outermost: *mut Frame, recipe: &Recipe, buffer: *const u64, is_loop: bool) -> Vec<*mut Frame> {
    // SAFETY: the recipe was made for the code that stored the buffer; the frames of the chain are its own.
    unsafe {
        let mut garbage = Vec::new();
        let mut chain = vec![outermost];
        if recipe.frames.len() > 1 {
            let mut pushed = Vec::new();
            let mut frame = (*tstate).current_frame;
            while frame != outermost && !frame.is_null() {
                pushed.push(frame);
                frame = (*frame).previous;
            }
            for row in &recipe.frames[1..] {
                let code = row.code as *mut Code;
                if row.pushed
                    && let Some(frame) = pushed.pop()
                {
                    chain.push(frame);
                    continue;
                }
                let function = row.function.map_or(std::ptr::null_mut(), |source| frames::function_of(source, buffer)).cast();
                let frame = entry::push_space_at_any_rate(tstate, (*code).co_framesize as usize);
                if frame.is_null() {
                    ffi::Py_FatalError(c"coachwhip: out of memory while leaving compiled code".as_ptr());
                }
                entry::initialise_frame(frame, function, ffi::new_reference(code), std::ptr::null(), 0);
                (*frame).previous = (*tstate).current_frame;
                (*tstate).current_frame = frame;
                (*tstate).py_recursion_remaining -= 1;
                chain.push(frame);
            }
        }
        for (index, (&frame, row)) in chain.iter().zip(&recipe.frames).enumerate() {
            frames::write(frame, row, buffer, &mut garbage);
            (*frame).instr_ptr = Code::units(row.code as *mut Code).add(row.offset as usize);
            if index == 0 && is_loop {
                frames::release_state(frame);
            } else if index == 0 || row.pushed {
                frames::claim(frame);
            }
        }
        for &number in &recipe.releases {
            garbage.push(*buffer.add(number as usize) as *mut PyObject);
        }
        frames::drop_all(garbage);
        chain
    }
}

/// Runs one frame to its end.
unsafe fn finish(tstate: *mut ThreadState, frame: *mut Frame, start: Start) -> *mut PyObject {
    // SAFETY: the frame is current, complete, and the interpreter's.
    unsafe {
        if let Start::Raise { offset, no_traceback } = start
            && !unwind::dispatch(tstate, frame, offset, no_traceback)
        {
            pop_frame(tstate, frame);
            return std::ptr::null_mut();
        }
        let result = run(tstate, frame);
        monitoring::notice_evaluator(tstate);
        result
    }
}

/// The inlined callee returned (or raised): how its caller goes on.
unsafe fn after_call(frame: *mut Frame, recipe: &FrameRecipe, result: *mut PyObject) -> Start {
    // SAFETY: the caller's `instr_ptr` is its CALL, whose operands are not on its stack any more; there is room for the result.
    unsafe {
        let offset = Frame::instruction_offset(frame) as usize;
        if result.is_null() {
            return Start::Raise { offset, no_traceback: false };
        }
        if recipe.constructs {
            // EXIT_INIT_CHECK
            let is_none = result == pyo3_ffi::Py_None();
            if !is_none {
                let name = (*pyo3_ffi::Py_TYPE(result)).tp_name;
                pyo3_ffi::PyErr_Format(pyo3_ffi::PyExc_TypeError, c"__init__() should return None, not '%.200s'".as_ptr(), name);
            }
            ffi::Py_DECREF(result);
            if !is_none {
                return Start::Raise { offset, no_traceback: false };
            }
        } else {
            *Frame::slot(frame, (*frame).stacktop as usize) = result;
            (*frame).stacktop += 1;
        }
        (*frame).instr_ptr = (*frame).instr_ptr.add(unwind::instruction_length(Frame::code(frame), offset));
        Start::Resume
    }
}

/// Runs the frames from the innermost to the second one; how the first one goes on.
unsafe fn finish_inlined(tstate: *mut ThreadState, chain: &[*mut Frame], recipe: &Recipe, mut start: Start) -> Start {
    // SAFETY: the chain is linked and complete.
    unsafe {
        for (index, pair) in chain.windows(2).enumerate().rev() {
            let result = finish(tstate, pair[1], start);
            start = after_call(pair[0], &recipe.frames[index], result);
        }
    }
    start
}

/// `Routines::exit`
///
/// # Safety
/// Called by compiled code as the contract says.
pub unsafe extern "C" fn exit(tstate: *mut ThreadState, frame: *mut Frame, header: *const CodeHeader, number: usize, buffer: *const u64) -> *mut PyObject {
    // SAFETY: the contract.
    unsafe {
        let compiled = Compiled::of_header(header);
        let _busy = Busy::new(compiled);
        let recipe = &compiled.tables.recipes[number & 0xFFFF_FFFF];
        let chain = materialise(tstate, frame, recipe, buffer, false);
        policy::count_exit(compiled, number & 0xFFFF_FFFF, recipe, frame, chain[chain.len() - 1]);
        watchers::sweep_fresh();
        let start = finish_inlined(tstate, &chain, recipe, Start::Resume);
        finish(tstate, frame, start)
    }
}

/// `Routines::raise`
///
/// # Safety
/// Called by compiled code as the contract says.
pub unsafe extern "C" fn raise(tstate: *mut ThreadState, frame: *mut Frame, header: *const CodeHeader, number: usize, buffer: *const u64) -> *mut PyObject {
    // SAFETY: the contract.
    unsafe {
        let compiled = Compiled::of_header(header);
        let _busy = Busy::new(compiled);
        let recipe = &compiled.tables.recipes[number & 0xFFFF_FFFF];
        Counter::Raises.add(1);
        let (chain, start) = materialise_raise(tstate, frame, recipe, buffer, false);
        let start = finish_inlined(tstate, &chain, recipe, start);
        finish(tstate, frame, start)
    }
}

unsafe fn materialise_raise(tstate: *mut ThreadState, frame: *mut Frame, recipe: &Recipe, buffer: *const u64, is_loop: bool) -> (Vec<*mut Frame>, Start) {
    // SAFETY: as `materialise`. Giving references back may run code that must not see the exception.
    unsafe {
        let no_traceback = unwind::take_no_traceback();
        let lasti = (*(*tstate).current_frame).instr_ptr;
        let exception = ffi::PyErr_GetRaisedException();
        let chain = materialise(tstate, frame, recipe, buffer, is_loop);
        ffi::PyErr_SetRaisedException(exception);
        let innermost = chain[chain.len() - 1];
        if no_traceback {
            // RERAISE has put it where `lasti` says.
            (*innermost).instr_ptr = lasti;
        }
        let offset = recipe.frames[recipe.frames.len() - 1].offset as usize;
        (chain, Start::Raise { offset, no_traceback })
    }
}

/// `Routines::exit_loop`
///
/// # Safety
/// Called by compiled code as the contract says.
pub unsafe extern "C" fn exit_loop(tstate: *mut ThreadState, frame: *mut Frame, header: *const CodeHeader, number: usize, buffer: *const u64) -> usize {
    // SAFETY: the contract.
    unsafe {
        let compiled = Compiled::of_header(header);
        let _busy = Busy::new(compiled);
        let recipe = &compiled.tables.recipes[number & 0xFFFF_FFFF];
        let chain = materialise(tstate, frame, recipe, buffer, true);
        policy::count_exit(compiled, number & 0xFFFF_FFFF, recipe, frame, chain[chain.len() - 1]);
        watchers::sweep_fresh();
        let start = finish_inlined(tstate, &chain, recipe, Start::Resume);
        finish_loop(tstate, frame, start)
    }
}

/// `Routines::raise_loop`
///
/// # Safety
/// Called by compiled code as the contract says.
pub unsafe extern "C" fn raise_loop(tstate: *mut ThreadState, frame: *mut Frame, header: *const CodeHeader, number: usize, buffer: *const u64) -> usize {
    // SAFETY: the contract.
    unsafe {
        let compiled = Compiled::of_header(header);
        let _busy = Busy::new(compiled);
        let recipe = &compiled.tables.recipes[number & 0xFFFF_FFFF];
        Counter::Raises.add(1);
        let (chain, start) = materialise_raise(tstate, frame, recipe, buffer, true);
        let start = finish_inlined(tstate, &chain, recipe, start);
        finish_loop(tstate, frame, start)
    }
}

unsafe fn finish_loop(tstate: *mut ThreadState, frame: *mut Frame, start: Start) -> usize {
    match start {
        Start::Resume => LOOP_CONTINUE,
        // SAFETY: the frame is complete; the interpreter waits in the callback.
        Start::Raise { offset, no_traceback } => unsafe { unwind::dispatch_loop(tstate, frame, offset, no_traceback) },
    }
}

/// `Routines::return_slow`
///
/// # Safety
/// Called by compiled code as the contract says.
pub unsafe extern "C" fn return_slow(
    tstate: *mut ThreadState,
    frame: *mut Frame,
    header: *const CodeHeader,
    number: usize,
    buffer: *const u64,
) -> *mut PyObject {
    // SAFETY: the contract; word 0 is the value, owned.
    unsafe {
        let compiled = Compiled::of_header(header);
        let _busy = Busy::new(compiled);
        let recipe = &compiled.tables.recipes[number & 0xFFFF_FFFF];
        let mut garbage = Vec::new();
        frames::write(frame, &recipe.frames[0], buffer, &mut garbage);
        frames::claim(frame);
        for &number in &recipe.releases {
            garbage.push(*buffer.add(number as usize) as *mut PyObject);
        }
        pop_frame(tstate, frame);
        frames::drop_all(garbage);
        watchers::sweep_fresh();
        *buffer as *mut PyObject
    }
}

/// `Routines::catch`
///
/// # Safety
/// Called by compiled code with an exception set.
pub unsafe extern "C" fn catch(tstate: *mut ThreadState, frame: *mut Frame, instr_ptr: *mut ffi::CodeUnit) -> *mut PyObject {
    // SAFETY: the contract.
    unsafe {
        let no_traceback = unwind::take_no_traceback();
        if !no_traceback {
            (*frame).instr_ptr = instr_ptr;
            unwind::add_traceback(tstate);
        }
        if monitoring::foreign_tools(tstate) {
            unwind::catch_traced(frame, no_traceback);
        }
        ffi::PyErr_GetRaisedException()
    }
}

/// `Routines::handle_eval_breaker`
///
/// # Safety
/// Called by compiled code with its frame fit to be looked at.
pub unsafe extern "C" fn handle_eval_breaker(tstate: *mut ThreadState, frame: *mut Frame) -> c_int {
    // SAFETY: the contract.
    unsafe {
        if reserve::is_out_of_memory() {
            pyo3_ffi::PyErr_NoMemory();
            return -1;
        }
        if (*tstate).eval_breaker() & ffi::EVENTS_MASK != 0 && ffi::_Py_HandlePending(tstate) != 0 {
            return -1;
        }
        c_int::from(monitoring::foreign_tools(tstate) || (*frame).state & coachwhip_abi::environment::frame_state::LEAVE != 0)
    }
}

/// `Routines::deallocate`
///
/// # Safety
/// `object` has no reference left.
pub unsafe extern "C" fn deallocate(object: *mut PyObject) {
    // SAFETY: the contract. The counter keeps code from being freed whose frame is unlinked already.
    unsafe {
        let depth = &crate::RUNTIME.deallocations;
        depth.set(depth.get() + 1);
        ffi::_Py_Dealloc(object);
        depth.set(depth.get() - 1);
    }
}

/// `Routines::box_int`
///
/// # Safety
/// The GIL is held.
pub unsafe extern "C" fn box_int(value: i64) -> *mut PyObject {
    // SAFETY: no other precondition.
    unsafe {
        let object = ffi::PyLong_FromLongLong(value);
        if object.is_null() { from_reserve(|| reserve::int(value)) } else { object }
    }
}

/// `Routines::box_float`
///
/// # Safety
/// The GIL is held.
pub unsafe extern "C" fn box_float(value: f64) -> *mut PyObject {
    // SAFETY: no other precondition.
    unsafe {
        let object = ffi::PyFloat_FromDouble(value);
        if object.is_null() { from_reserve(|| reserve::float(value)) } else { object }
    }
}

/// Boxing cannot fail in compiled code: nothing there could report it. The error that is set now is raised at the next place that can, if there still is no memory.
#[cold]
unsafe fn from_reserve(take: impl FnOnce() -> *mut PyObject) -> *mut PyObject {
    // SAFETY: the GIL is held. An exception that was set before stays lost: boxing runs where none is.
    unsafe {
        ffi::PyErr_Clear();
        let object = take();
        if object.is_null() {
            ffi::Py_FatalError(c"coachwhip: out of memory for a number".as_ptr());
        }
        object
    }
}

/// `Routines::unbox_big_int`
///
/// # Safety
/// `object` is an int; `status` may be written.
pub unsafe extern "C" fn unbox_big_int(object: *mut PyObject, status: *mut i32) -> i64 {
    // SAFETY: the contract; an int never makes it raise.
    unsafe {
        let mut overflow = 0;
        let value = ffi::PyLong_AsLongLongAndOverflow(object, &raw mut overflow);
        *status = i32::from(overflow != 0);
        value
    }
}

/// `Routines::push_inlined_frame`: frames of inlined callees are made when compiled code leaves.
///
/// # Safety
/// Never called.
pub unsafe extern "C" fn push_inlined_frame(
    tstate: *mut ThreadState,
    frame: *mut Frame,
    header: *const CodeHeader,
    number: usize,
    buffer: *const u64,
) -> *mut Frame {
    // SAFETY: as for `exit`: the last frame of the recipe becomes a compiled frame whose slots show its arguments.
    unsafe {
        let compiled = Compiled::of_header(header);
        let row = compiled.tables.recipes[number & 0xFFFF_FFFF].frames.last().expect("a recipe has frames");
        let code = row.code as *mut Code;
        let function = row.function.map_or(std::ptr::null_mut(), |source| frames::function_of(source, buffer));
        ffi::Py_XDECREF(function);
        let (pushed, first) = entry::push_space(tstate, (*code).co_framesize as usize);
        if pushed.is_null() {
            return std::ptr::null_mut();
        }
        entry::initialise_frame(pushed, function.cast(), code, std::ptr::null(), 0);
        let state = coachwhip_abi::environment::frame_state::COMPILED;
        (*pushed).state = state | if first { coachwhip_abi::environment::frame_state::SLOW_RETURN } else { 0 };
        (*pushed).previous = frame;
        (*tstate).current_frame = pushed;
        (*tstate).py_recursion_remaining -= 1;
        debug_assert!((*code).slot_count() >= row.locals.len());
        pushed
    }
}

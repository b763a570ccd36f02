//! The ways into compiled code: the vectorcall function of hooked functions, calls that the interpreter has to run, and the slow way into a function whose
//! entry check failed.

use std::ffi::c_void;
use std::mem::MaybeUninit;

use coachwhip_abi::counters::Counter;
use coachwhip_abi::environment::{CodeHeader, frame_state};
use coachwhip_cpython::instrumentation::is_listened_to;

use crate::compiled::{Busy, Compiled, code_state, existing_state};
use crate::ffi::{self, Code, CodeQueries, Frame, Function, InterpreterState, MethodObject, PyObject, ThreadState};
use crate::spread::Lender;
use crate::{RUNTIME, arguments, exits, frames, monitoring, reserve, unwind};

/// The most arguments that the fast ways of binding copy.
const MOST_COPIED: usize = 32;

type ArrayEntry = unsafe extern "C" fn(*mut ThreadState, *mut Function, *mut *mut PyObject) -> *mut PyObject;

/// The vectorcall function of hooked functions.
///
/// # Safety
/// Called by CPython with a Python function, by the vectorcall protocol.
pub unsafe extern "C" fn vectorcall(callable: *mut PyObject, arguments: *const *mut PyObject, count_and_flag: usize, names: *mut PyObject) -> *mut PyObject {
    let tstate = ffi::thread_state();
    let count = count_and_flag & !ffi::ARGUMENTS_OFFSET;
    // SAFETY: a call by the vectorcall protocol; the references that are taken are handed on.
    unsafe {
        let total = count + arguments::names_count(names);
        if total > MOST_COPIED {
            let mut taken = vec![std::ptr::null_mut::<PyObject>(); total];
            let lender = arguments::take(tstate, callable, arguments, total, names, taken.as_mut_ptr());
            return call_owned(tstate, callable.cast(), taken.as_mut_ptr(), count, names, lender);
        }
        let mut taken = [const { MaybeUninit::<*mut PyObject>::uninit() }; MOST_COPIED];
        let taken = taken.as_mut_ptr().cast::<*mut PyObject>();
        let lender = arguments::take(tstate, callable, arguments, total, names, taken);
        call_owned(tstate, callable.cast(), taken, count, names, lender)
    }
}

/// Calls a hooked function; the references to the arguments are taken over, and whoever has references to them besides gives them back once they are bound.
unsafe fn call_owned(
    tstate: *mut ThreadState,
    function: *mut Function,
    arguments: *mut *mut PyObject,
    count: usize,
    names: *mut PyObject,
    lender: Lender,
) -> *mut PyObject {
    // SAFETY: a live function, kept alive by the caller; the state belongs to its code.
    unsafe {
        let code = (*function).func_code;
        let compiled = match existing_state(code) {
            Some(state) => state.call.get(),
            None => std::ptr::null_mut(),
        };
        if compiled.is_null() || !(*compiled).is_valid() {
            return interpret_call(tstate, function, arguments, count, names, lender);
        }
        if InterpreterState::evaluator((*tstate).interp).is_some() {
            // Another extension evaluates frames, perhaps since a moment ago: compiled code must learn of it.
            let _ = monitoring::foreign_tools(tstate);
            return interpret_call(tstate, function, arguments, count, names, lender);
        }
        if (*tstate).c_recursion_remaining < RUNTIME.c_recursion_low.get() {
            return unhooked(tstate, function, || interpret_call(tstate, function, arguments, count, names, lender));
        }
        let array_entry: ArrayEntry = std::mem::transmute::<usize, ArrayEntry>((*compiled).array_entry);
        let wanted = (*code).co_argcount as usize;
        if names.is_null() && (*code).is_simple() && count <= wanted {
            if count == wanted {
                lender.give_back();
                return array_entry(tstate, function, arguments);
            }
            let defaults = (*function).func_defaults;
            let defaults_count = if defaults.is_null() { 0 } else { pyo3_ffi::PyTuple_GET_SIZE(defaults) as usize };
            if count + defaults_count >= wanted && wanted <= MOST_COPIED {
                let mut bound = [const { MaybeUninit::<*mut PyObject>::uninit() }; MOST_COPIED];
                let bound = bound.as_mut_ptr().cast::<*mut PyObject>();
                bound.copy_from_nonoverlapping(arguments, count);
                for index in count..wanted {
                    *bound.add(index) = ffi::new_reference(pyo3_ffi::PyTuple_GET_ITEM(defaults, (index + defaults_count - wanted) as ffi::Py_ssize_t));
                }
                lender.give_back();
                return array_entry(tstate, function, bound);
            }
        }
        bind_and_call(tstate, function, code, array_entry, arguments, count, names, lender)
    }
}

/// Binds the arguments as `_PyEvalFramePushAndInit` does it, errors included, takes them out of that frame and calls.
#[cold]
#[allow(clippy::too_many_arguments)]
unsafe fn bind_and_call(
    tstate: *mut ThreadState,
    function: *mut Function,
    code: *mut Code,
    array_entry: ArrayEntry,
    arguments: *const *mut PyObject,
    count: usize,
    names: *mut PyObject,
    lender: Lender,
) -> *mut PyObject {
    // SAFETY: as for `call_owned`.
    unsafe {
        let frame = push_call(tstate, function, arguments, count, names);
        if frame.is_null() {
            lender.keep();
            return std::ptr::null_mut();
        }
        lender.give_back();
        let parameters = (*code).parameter_count();
        let mut few = [std::ptr::null_mut::<PyObject>(); MOST_COPIED];
        let mut many = Vec::new();
        let bound = if parameters <= MOST_COPIED {
            few.as_mut_ptr()
        } else {
            many.resize(parameters, std::ptr::null_mut());
            many.as_mut_ptr()
        };
        for index in 0..parameters {
            *bound.add(index) = *Frame::slot(frame, index);
        }
        // The frame is not linked and holds nothing but its code and function, which the caller keeps alive.
        ffi::Py_DECREF((*frame).f_executable);
        ffi::Py_DECREF((*frame).f_funcobj);
        ffi::_PyThreadState_PopFrame(tstate, frame);
        array_entry(tstate, function, bound)
    }
}

/// Binds the arguments of a call, whose references are taken over, as the interpreter does: a frame that is not linked, or NULL with the error set.
unsafe fn push_call(tstate: *mut ThreadState, function: *mut Function, arguments: *const *mut PyObject, count: usize, names: *mut PyObject) -> *mut Frame {
    // SAFETY: `_PyEvalFramePushAndInit` consumes the references to function and arguments (Python/ceval.c, `_PyEval_Vector`).
    unsafe { ffi::_PyEvalFramePushAndInit(tstate, ffi::new_reference(function), std::ptr::null_mut(), arguments, count, names) }
}

/// Calls a function in the interpreter (`_PyFunction_Vectorcall`, Objects/call.c); the references to the arguments are taken over.
unsafe fn interpret_call(
    tstate: *mut ThreadState,
    function: *mut Function,
    arguments: *mut *mut PyObject,
    count: usize,
    names: *mut PyObject,
    lender: Lender,
) -> *mut PyObject {
    // SAFETY: a live function, kept alive by the caller.
    unsafe {
        if (*(*function).func_code).flag_bits() & ffi::OPTIMIZED == 0 || InterpreterState::evaluator((*tstate).interp).is_some() {
            let original = RUNTIME.original_vectorcall.get().expect("the runtime was started");
            let result = original(function.cast(), arguments, count, names);
            arguments::drop(arguments, count + arguments::names_count(names));
            lender.keep();
            return result;
        }
        let frame = push_call(tstate, function, arguments, count, names);
        if frame.is_null() {
            lender.keep();
            return std::ptr::null_mut();
        }
        lender.give_back();
        ffi::_PyEval_EvalFrameDefault(tstate, frame, 0)
    }
}

/// `Routines::call_object`: as CALL calls (Python/bytecodes.c), Python functions own their arguments, C functions do not.
///
/// # Safety
/// The contract: the vectorcall protocol, `count` includes the arguments that have names; `arguments[-1]` may be written; the references to callable and arguments
/// are taken over.
pub unsafe extern "C" fn call_object(
    tstate: *mut ThreadState,
    mut callable: *mut PyObject,
    mut arguments: *mut *mut PyObject,
    mut count: usize,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the contract; a bound method is alive, and with it its function and object.
    unsafe {
        let named = arguments::names_count(names);
        let mut flag = ffi::ARGUMENTS_OFFSET;
        if pyo3_ffi::Py_TYPE(callable) == &raw mut ffi::PyMethod_Type {
            // The place before the arguments is in use from now on.
            flag = 0;
            arguments = arguments.sub(1);
            let method = callable.cast::<MethodObject>();
            *arguments = ffi::new_reference((*method).im_self);
            count += 1;
            callable = ffi::new_reference((*method).im_func);
            ffi::Py_DECREF(method.cast());
        }
        if pyo3_ffi::Py_TYPE(callable) == &raw mut pyo3_ffi::PyFunction_Type {
            let function = callable.cast::<Function>();
            let result = if is_hooked(function) {
                Some(call_owned(tstate, function, arguments, count - named, names, Lender::Nobody))
            } else if is_interpreted(function) {
                Some(interpret_call(tstate, function, arguments, count - named, names, Lender::Nobody))
            } else {
                None
            };
            if let Some(result) = result {
                ffi::Py_DECREF(callable);
                monitoring::notice_evaluator(tstate);
                return result;
            }
        }
        let result = ffi::PyObject_Vectorcall(callable, arguments, (count - named) | flag, names);
        ffi::Py_DECREF(callable);
        arguments::drop(arguments, count);
        monitoring::notice_evaluator(tstate);
        result
    }
}

/// Whether a callable is a Python function whose calls are ours or the interpreter's own: then it owns its arguments.
///
/// # Safety
/// `callable` is a live object; `tstate` is the running thread's state.
pub(crate) unsafe fn owns_arguments(tstate: *mut ThreadState, callable: *mut PyObject) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        pyo3_ffi::Py_TYPE(callable) == &raw mut pyo3_ffi::PyFunction_Type
            && InterpreterState::evaluator((*tstate).interp).is_none()
            && (is_hooked(callable.cast()) || is_interpreted(callable.cast()))
    }
}

/// Calls a function with the items of a tuple and of a dict (or NULL), whose references are taken over and given back before the function starts
/// (`_PyEvalFramePushAndInit_Ex`, Python/ceval.c).
///
/// # Safety
/// The callable [owns its arguments](owns_arguments); `args` is an exact tuple, `keywords` an exact dict or NULL. Runs any code.
pub(crate) unsafe fn call_spread(tstate: *mut ThreadState, callable: *mut PyObject, args: *mut PyObject, keywords: *mut PyObject) -> *mut PyObject {
    let function = callable.cast::<Function>();
    // SAFETY: the caller's promise; each object that is put into the array has a reference of its own, which the call takes over.
    unsafe {
        let count = pyo3_ffi::PyTuple_GET_SIZE(args) as usize;
        let named = if keywords.is_null() { 0 } else { pyo3_ffi::PyDict_Size(keywords) as usize };
        let mut few = [const { MaybeUninit::<*mut PyObject>::uninit() }; MOST_COPIED];
        let mut many = Vec::new();
        let bound = if count + named <= MOST_COPIED {
            few.as_mut_ptr().cast::<*mut PyObject>()
        } else {
            many.resize(count + named, std::ptr::null_mut());
            many.as_mut_ptr()
        };
        for index in 0..count {
            *bound.add(index) = ffi::new_reference(pyo3_ffi::PyTuple_GET_ITEM(args, index as ffi::Py_ssize_t));
        }
        let names = if named == 0 { std::ptr::null_mut() } else { arguments::spread_dict(keywords, named, bound.add(count)) };
        let failed = named != 0 && names.is_null();
        if failed {
            let error = ffi::PyErr_GetRaisedException();
            arguments::drop(bound, count);
            ffi::Py_DECREF(args);
            ffi::Py_XDECREF(keywords);
            ffi::PyErr_SetRaisedException(error);
            return std::ptr::null_mut();
        }
        let lender = Lender::Both { args, keywords };
        let result = if is_hooked(function) {
            call_owned(tstate, function, bound, count, names, lender)
        } else {
            interpret_call(tstate, function, bound, count, names, lender)
        };
        ffi::Py_XDECREF(names);
        result
    }
}

/// Runs a call while its function is not hooked, so that the interpreter's calls of it stay on heap frames: for deep recursion.
unsafe fn unhooked(tstate: *mut ThreadState, function: *mut Function, call: impl FnOnce() -> *mut PyObject) -> *mut PyObject {
    Counter::InterpretedCalls.add(1);
    // SAFETY: a live function, kept alive over the call.
    unsafe {
        let code = (*function).func_code;
        let was_hooked = is_hooked(function);
        ffi::Py_INCREF(function.cast());
        if was_hooked {
            unhook(function);
        }
        let result = call();
        // An exception may be set: hooking touches none.
        let wanted = existing_state(code).is_some_and(|state| state.valid_call().is_some());
        if was_hooked && wanted && (*function).func_code == code && !is_deep(tstate) {
            install(function);
        }
        ffi::Py_DECREF(function.cast());
        result
    }
}

/// Whether a function's vectorcall is ours.
///
/// # Safety
/// `function` is a live function.
#[must_use]
pub unsafe fn is_hooked(function: *mut Function) -> bool {
    // SAFETY: the caller's promise.
    unsafe { (*function).vectorcall.is_some_and(|current| current as usize == vectorcall as *const () as usize) }
}

/// Whether a function's vectorcall is CPython's own.
unsafe fn is_interpreted(function: *mut Function) -> bool {
    let own = RUNTIME.original_vectorcall.get().map(|original| original as usize);
    // SAFETY: a live function.
    unsafe { (*function).vectorcall.map(|current| current as usize) == own }
}

/// Hooks a function over compiled code, if its vectorcall is CPython's own. Tells whether it is hooked now.
///
/// # Safety
/// `function` is a live function; the GIL is held.
pub unsafe fn install(function: *mut Function) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        if is_hooked(function) {
            return true;
        }
        if !is_interpreted(function) {
            return false;
        }
        let state = code_state((*function).func_code);
        if state.valid_call().is_some_and(|compiled| !compiled.dependencies.suits((*function).func_globals, (*function).func_builtins)) {
            return false;
        }
        state.functions.borrow_mut().insert(function as usize);
        // Its own, for it is not hooked.
        RUNTIME.listed_functions.borrow_mut().insert(function as usize, (*function).func_version);
        if RUNTIME.monitoring.unhooked.get() {
            return false;
        }
        ffi::PyFunction_SetVectorcall(function, vectorcall);
        true
    }
}

/// Takes a function out of its code object's list, if it is there.
///
/// # Safety
/// `function` is a live function with code; the GIL is held.
pub unsafe fn forget(function: *mut Function) {
    if RUNTIME.listed_functions.borrow_mut().remove(&(function as usize)).is_some() {
        // SAFETY: the caller's promise.
        if let Some(state) = unsafe { existing_state((*function).func_code) } {
            state.functions.borrow_mut().remove(&(function as usize));
        }
    }
}

/// Gives a function back to the interpreter.
///
/// # Safety
/// `function` is a live function; the GIL is held.
pub unsafe fn uninstall(function: *mut Function) {
    // SAFETY: the caller's promise.
    unsafe {
        if is_hooked(function) {
            unhook(function);
        }
        forget(function);
    }
}

/// The version that a hooked function had says nothing of it any more: its code or defaults are changed.
pub(crate) fn forget_version(function: *mut Function) {
    if let Some(version) = RUNTIME.listed_functions.borrow_mut().get_mut(&(function as usize)) {
        *version = 0;
    }
}

/// Puts CPython's vectorcall back, and the version that the function had, so that call sites specialise again.
unsafe fn unhook(function: *mut Function) {
    // SAFETY: a live function.
    unsafe {
        (*function).vectorcall = RUNTIME.original_vectorcall.get();
        let version = RUNTIME.listed_functions.borrow().get(&(function as usize)).copied().unwrap_or(0);
        if version != 0 {
            ffi::_PyFunction_SetVersion(function, version);
        }
    }
}

/// Puts CPython's vectorcall back while compiled code must not be entered; the function stays known as hooked.
///
/// # Safety
/// `function` is a live function; the GIL is held.
pub(crate) unsafe fn unhook_for_pause(function: *mut Function) {
    // SAFETY: the caller's promise.
    unsafe {
        if is_hooked(function) {
            unhook(function);
        }
    }
}

/// Pushes an empty frame on the data stack (`_PyThreadState_PushFrame`, Python/pystate.c). NULL without memory, with no exception set; true if it is the first of a new chunk.
///
/// # Safety
/// `tstate` is the running thread's state; the GIL is held.
pub(crate) unsafe fn push_space(tstate: *mut ThreadState, words: usize) -> (*mut Frame, bool) {
    // SAFETY: as `_PyThreadState_HasStackSpace` and `push_chunk`.
    unsafe {
        let top = (*tstate).datastack_top;
        if !top.is_null() && (words as isize) < (*tstate).datastack_limit.offset_from(top) {
            (*tstate).datastack_top = top.add(words);
            return (top.cast(), false);
        }
        // DATA_STACK_CHUNK_SIZE, MINIMUM_OVERHEAD
        let mut size = 16 * 1024_usize;
        while size < size_of::<usize>() * (words + 1000) {
            size *= 2;
        }
        let chunk = allocate_chunk(size);
        if chunk.is_null() { (std::ptr::null_mut(), false) } else { push_chunk(tstate, chunk, size, words) }
    }
}

/// The same where there must be a frame: without memory it lies in the reserve. NULL if that is used up, too.
///
/// # Safety
/// As for [`push_space`].
pub(crate) unsafe fn push_space_at_any_rate(tstate: *mut ThreadState, words: usize) -> *mut Frame {
    // SAFETY: the caller's promise.
    unsafe {
        let (frame, _) = push_space(tstate, words);
        if !frame.is_null() {
            return frame;
        }
        match reserve::chunk(size_of::<usize>() * (words + 1000)) {
            Some((chunk, size)) => push_chunk(tstate, chunk, size, words).0,
            None => std::ptr::null_mut(),
        }
    }
}

/// Memory for a chunk of the data stack (`_PyObject_VirtualAlloc`), or NULL.
///
/// # Safety
/// The GIL is held.
pub(crate) unsafe fn allocate_chunk(size: usize) -> *mut ffi::StackChunk {
    // SAFETY: the allocator is called as CPython calls it.
    unsafe {
        let mut arena = std::mem::zeroed::<pyo3_ffi::PyObjectArenaAllocator>();
        pyo3_ffi::PyObject_GetArenaAllocator(&raw mut arena);
        arena.alloc.map_or(std::ptr::null_mut(), |allocate| allocate(arena.ctx, size).cast())
    }
}

/// Continues the data stack in a new chunk (`push_chunk`, Python/pystate.c), with a frame at its start.
unsafe fn push_chunk(tstate: *mut ThreadState, chunk: *mut ffi::StackChunk, size: usize, words: usize) -> (*mut Frame, bool) {
    // SAFETY: the chunk is new and has the size.
    unsafe {
        let top = (*tstate).datastack_top;
        let previous = (*tstate).datastack_chunk;
        (*chunk).previous = previous;
        (*chunk).size = size;
        (*chunk).top = 0;
        if !previous.is_null() {
            (*previous).top = top.offset_from((&raw const (*previous).data).cast()) as usize;
        }
        (*tstate).datastack_chunk = chunk;
        (*tstate).datastack_limit = chunk.cast::<u8>().add(size).cast();
        let first = (&raw mut (*chunk).data).cast::<*mut PyObject>().add(usize::from(previous.is_null()));
        (*tstate).datastack_top = first.add(words);
        (first.cast(), !previous.is_null())
    }
}

/// Fills in a frame as `_PyFrame_Initialize` (pycore_frame.h), without taking references; arguments in the first slots, NULL in the others.
///
/// # Safety
/// `frame` has room for a frame of `code`; `arguments` has `count` objects.
pub(crate) unsafe fn initialise_frame(frame: *mut Frame, function: *mut Function, code: *mut Code, arguments: *const *mut PyObject, count: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        (*frame).f_executable = code.cast();
        (*frame).f_funcobj = function.cast();
        (*frame).f_builtins = (*function).func_builtins;
        (*frame).f_globals = (*function).func_globals;
        (*frame).f_locals = std::ptr::null_mut();
        (*frame).frame_obj = std::ptr::null_mut();
        (*frame).instr_ptr = Code::units(code);
        (*frame).stacktop = (*code).co_nlocalsplus;
        (*frame).return_offset = 0;
        (*frame).owner = ffi::OWNED_BY_THREAD;
        (*frame).state = 0;
        for index in 0..(*code).slot_count() {
            *Frame::slot(frame, index) = if index < count { *arguments.add(index) } else { std::ptr::null_mut() };
        }
    }
}

/// Runs a call with bound arguments (one for each parameter slot, whose references are taken over) in the interpreter.
///
/// # Safety
/// `function` is a live function, kept alive by the caller; the GIL is held.
pub(crate) unsafe fn interpret(tstate: *mut ThreadState, function: *mut Function, arguments: *mut *mut PyObject, count: usize) -> *mut PyObject {
    // SAFETY: the caller's promise.
    unsafe {
        let code = (*function).func_code;
        let result = if (*code).parameter_count() == count && (*code).flag_bits() & ffi::GENERATOR == 0 {
            interpret_code(tstate, function, code, arguments, count)
        } else {
            // The function got another code since the call was compiled.
            interpret_call(tstate, function, arguments, count, std::ptr::null_mut(), Lender::Nobody)
        };
        monitoring::notice_evaluator(tstate);
        result
    }
}

/// The same for a code object that is known to fit.
unsafe fn interpret_code(tstate: *mut ThreadState, function: *mut Function, code: *mut Code, arguments: *mut *mut PyObject, count: usize) -> *mut PyObject {
    // SAFETY: as `interpret`; the frame's owner is the interpreter from `_PyEval_EvalFrameDefault` on.
    unsafe {
        let (frame, _) = push_space(tstate, (*code).co_framesize as usize);
        if frame.is_null() {
            for index in 0..count {
                ffi::Py_XDECREF(*arguments.add(index));
            }
            return pyo3_ffi::PyErr_NoMemory();
        }
        initialise_frame(frame, ffi::new_reference(function), ffi::new_reference(code), arguments, count);
        match InterpreterState::evaluator((*tstate).interp) {
            Some(evaluate) => evaluate(tstate, frame, 0),
            None => ffi::_PyEval_EvalFrameDefault(tstate, frame, 0),
        }
    }
}

/// How much of a stack is left to C: what needs depth runs in the interpreter, whose frames need none.
fn limit_within(low: usize, size: usize) -> usize {
    low + size / 8 * 5
}

/// The lowest address that compiled code may use of the running thread's machine stack. The thread state keeps it, where the entries of compiled code look.
///
/// # Safety
/// `tstate` is the running thread's state.
pub(crate) unsafe fn stack_limit(tstate: *mut ThreadState) -> usize {
    // SAFETY: the caller's promise; the word is ours. pthread_getattr_np initialises the attributes, which are destroyed.
    unsafe {
        let known = (*tstate).stack_limit;
        if known != 0 {
            return known;
        }
        let mut attributes = std::mem::zeroed::<libc::pthread_attr_t>();
        // Without an answer: out of reach, so that the C recursion limit alone counts.
        let mut limit = stack_pointer() - (coachwhip_abi::environment::STACK_RANGE / 2) as usize;
        if libc::pthread_getattr_np(libc::pthread_self(), &raw mut attributes) == 0 {
            let mut low = std::ptr::null_mut::<c_void>();
            let mut size = 0;
            let failed = libc::pthread_attr_getstack(&raw const attributes, &raw mut low, &raw mut size);
            libc::pthread_attr_destroy(&raw mut attributes);
            if failed == 0 {
                // The main thread's stack may be said to have no limit.
                let used = size.min(MOST_STACK);
                limit = limit_within(low as usize + size - used, used);
            }
        }
        (*tstate).stack_limit = limit;
        limit
    }
}

/// More of a stack is not used.
const MOST_STACK: usize = coachwhip_abi::environment::STACK_RANGE as usize;

#[inline(never)]
fn stack_pointer() -> usize {
    let here = 0_u8;
    std::hint::black_box(&raw const here) as usize
}

/// Whether so little machine stack is left that calls belong to the interpreter.
///
/// # Safety
/// `tstate` is the running thread's state.
#[must_use]
pub(crate) unsafe fn is_deep(tstate: *mut ThreadState) -> bool {
    /// Once given back, functions stay so until there is this much room again.
    const SLACK: usize = 64 * 1024;
    // SAFETY: the caller's promise.
    unsafe { (*tstate).c_recursion_remaining < RUNTIME.c_recursion_low.get() + 100 || stack_pointer() < stack_limit(tstate) + SLACK }
}

/// The entry check of compiled code failed: `abi::environment::Routines::enter_slow`.
///
/// # Safety
/// Called by compiled code as the contract says.
pub unsafe extern "C" fn enter_slow(
    tstate: *mut ThreadState,
    function: *mut Function,
    arguments: *mut *mut PyObject,
    count: usize,
    header: *const CodeHeader,
) -> *mut Frame {
    // SAFETY: the contract of `enter_slow`: live function and header, owned arguments.
    unsafe {
        if reserve::is_out_of_memory() {
            arguments::drop(arguments, count);
            *arguments = pyo3_ffi::PyErr_NoMemory();
            return std::ptr::null_mut();
        }
        let compiled = Compiled::of_header(header);
        let code = compiled.code;
        let deep = stack_pointer() < stack_limit(tstate);
        let suits = compiled.dependencies.suits((*function).func_globals, (*function).func_builtins);
        if !suits {
            uninstall(function);
        }
        if !deep && suits && compiled.is_valid() && (*tstate).py_recursion_remaining > 0 && !monitoring::foreign_tools(tstate) && !is_listened_to(code) {
            let words = (*code).co_framesize as usize + compiled.tables.detached_record_words as usize;
            let (frame, first_of_chunk) = push_space(tstate, words);
            if !frame.is_null() {
                initialise_frame(frame, function, code, arguments, count);
                (*frame).instr_ptr = Code::units(code).add((*code).co_firsttraceable as usize);
                (*frame).state = frame_state::COMPILED | if first_of_chunk { frame_state::SLOW_RETURN } else { 0 };
                (*frame).previous = (*tstate).current_frame;
                (*tstate).current_frame = frame;
                (*tstate).py_recursion_remaining -= 1;
                (*header.cast_mut()).entries += 1;
                if (*tstate).eval_breaker() & ffi::EVENTS_MASK == 0 || handle_events_at_entry(tstate, frame, compiled, arguments) {
                    return frame;
                }
                return std::ptr::null_mut();
            }
        }
        let _busy = Busy::new(compiled);
        let result = if deep {
            unhooked(tstate, function, || interpret_code(tstate, function, code, arguments, count))
        } else {
            Counter::InterpretedCalls.add(1);
            interpret_code(tstate, function, code, arguments, count)
        };
        *arguments = result;
        std::ptr::null_mut()
    }
}

/// Handles signals and the like with the new frame in place, as RESUME does. False if the call is over; its outcome is in `arguments[0]`.
#[cold]
unsafe fn handle_events_at_entry(tstate: *mut ThreadState, frame: *mut Frame, compiled: &Compiled, arguments: *mut *mut PyObject) -> bool {
    // SAFETY: the frame is linked and complete; its slots own the arguments if the interpreter takes over.
    unsafe {
        let _busy = Busy::new(compiled);
        let failed = ffi::_Py_HandlePending(tstate) != 0;
        let untouched = (*frame).state & (frame_state::LEAVE | frame_state::OWNS_SLOTS) == 0;
        if !failed && untouched && compiled.is_valid() && !monitoring::foreign_tools(tstate) {
            return true;
        }
        frames::give_to_interpreter(frame);
        *arguments = if failed {
            unwind::add_traceback(tstate);
            exits::pop_frame(tstate, frame);
            std::ptr::null_mut()
        } else {
            // From the start: cells are not made yet.
            (*frame).instr_ptr = Code::units(compiled.code);
            exits::run(tstate, frame)
        };
        false
    }
}

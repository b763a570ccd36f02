//! Frames of functions that run compiled: telling them, handing them to the interpreter, and showing their locals to those who ask.

use coachwhip_abi::environment::{CodeHeader, frame_state};
use coachwhip_abi::recipe::{FrameRecipe, Source};

use crate::RUNTIME;
use crate::compiled::Compiled;
use crate::exits;
use crate::ffi::{self, Code, CodeQueries, Frame, PyObject, ThreadState};

/// The bits of the state byte that say nothing about whether the frame is compiled.
const DETAILS: u8 = frame_state::LEAVE | frame_state::SLOW_RETURN | frame_state::OWNS_SLOTS;

/// Whether compiled code runs a frame. The byte is padding to CPython: frames of its own may have what was there before, which is never this
/// (the top byte of a pointer, or 0), but only frames of the data stack are ever compiled.
///
/// # Safety
/// `frame` is a live frame.
#[must_use]
#[inline]
pub unsafe fn is_compiled(frame: *const Frame) -> bool {
    // SAFETY: the caller's promise.
    unsafe { (*frame).owner == ffi::OWNED_BY_THREAD && (*frame).state & !DETAILS == frame_state::COMPILED }
}

/// What is kept of a frame whose locals were handed out, until it leaves compiled code.
#[derive(Debug, Default)]
pub(crate) struct Inspection {
    /// The objects that the slots showed: their references belong to the compiled function's values.
    shown: Vec<*mut PyObject>,
    /// The objects that the slots own from now on.
    owned: Vec<*mut PyObject>,
    /// Slots that were written through a `FrameLocalsProxy`.
    written: Vec<bool>,
}

/// The value of a recipe's entry, as an owned reference (or NULL).
///
/// # Safety
/// The buffer has the words that the recipe names; `slot` is the entry's own.
unsafe fn value(source: Source, slot: *mut *mut PyObject, buffer: *const u64) -> *mut PyObject {
    // SAFETY: the contract of recipes (`abi::recipe::Source`).
    unsafe {
        let word = |number: u32| *buffer.add(number as usize);
        let borrowed = |object: *mut PyObject| {
            ffi::Py_XINCREF(object);
            object
        };
        match source {
            Source::Null => std::ptr::null_mut(),
            Source::InPlaceOwned => *slot,
            Source::InPlaceBorrowed => borrowed(*slot),
            Source::Owned(number) => word(number) as *mut PyObject,
            Source::Borrowed(number) => borrowed(word(number) as *mut PyObject),
            Source::Int(number) => exits::box_int(word(number).cast_signed()),
            Source::Float(number) => exits::box_float(f64::from_bits(word(number))),
            Source::Bool(number) => borrowed(if word(number) & 0xFF == 0 { pyo3_ffi::Py_False() } else { pyo3_ffi::Py_True() }),
            Source::Constant(address) => borrowed(address as *mut PyObject),
        }
    }
}

/// The function object of an inlined frame, as an owned reference.
///
/// # Safety
/// As for [`write`].
pub(crate) unsafe fn function_of(source: Source, buffer: *const u64) -> *mut PyObject {
    let mut none = std::ptr::null_mut();
    // SAFETY: the contract of recipes; functions of inlined frames are never in place.
    unsafe { value(source, &raw mut none, buffer) }
}

/// Writes a frame's slots as a recipe says: the slots own what they hold from now on. References that are to be given back go to `garbage`.
///
/// # Safety
/// `frame` is the recipe's frame, `buffer` what the machine code stored for it.
pub(crate) unsafe fn write(frame: *mut Frame, recipe: &FrameRecipe, buffer: *const u64, garbage: &mut Vec<*mut PyObject>) {
    // SAFETY: the frame has room for `co_nlocalsplus + co_stacksize` slots, the recipe names no more.
    unsafe {
        if is_compiled(frame) && (*frame).state & frame_state::OWNS_SLOTS != 0 {
            write_inspected_locals(frame, recipe, buffer, garbage);
        } else {
            for (index, &source) in recipe.locals.iter().enumerate() {
                let slot = Frame::slot(frame, index);
                *slot = value(source, slot, buffer);
            }
        }
        for (index, &source) in recipe.stack.iter().enumerate() {
            let slot = Frame::slot(frame, recipe.locals.len() + index);
            *slot = value(source, slot, buffer);
        }
        (*frame).stacktop = (recipe.locals.len() + recipe.stack.len()) as i32;
    }
}

/// The locals of a frame that was inspected. A slot that was written through a proxy keeps what was written; for all others the compiled function's value counts.
#[cold]
unsafe fn write_inspected_locals(frame: *mut Frame, recipe: &FrameRecipe, buffer: *const u64, garbage: &mut Vec<*mut PyObject>) {
    let inspection = RUNTIME.inspections.borrow_mut().remove(&(frame as usize)).unwrap_or_default();
    // SAFETY: as `write`; the words named `Owned` hold references that belong to the compiled function.
    unsafe {
        for (index, &source) in recipe.locals.iter().enumerate() {
            let slot = Frame::slot(frame, index);
            let owned = inspection.owned.get(index).copied().unwrap_or_default();
            if inspection.written.get(index) == Some(&true) && *slot == owned {
                match source {
                    Source::Owned(number) => garbage.push(*buffer.add(number as usize) as *mut PyObject),
                    Source::InPlaceOwned => garbage.push(inspection.shown[index]),
                    _ => {}
                }
            } else {
                *slot = value(source, slot, buffer);
                garbage.push(owned);
            }
        }
    }
}

/// Makes a compiled frame the interpreter's: takes the references that it does not own, clears the state and the activation record.
/// Its slots must be complete and owned.
///
/// # Safety
/// `frame` is a frame that compiled code pushed.
pub(crate) unsafe fn claim(frame: *mut Frame) {
    // SAFETY: the caller's promise.
    unsafe {
        ffi::Py_INCREF((*frame).f_executable);
        ffi::Py_INCREF((*frame).f_funcobj);
        release_state(frame);
    }
}

/// Clears the state byte and the activation record.
///
/// # Safety
/// `frame` is a frame that runs compiled.
pub(crate) unsafe fn release_state(frame: *mut Frame) {
    // SAFETY: the caller's promise.
    unsafe {
        (*frame).state = 0;
        if (*Frame::code(frame)).flag_bits() & ffi::OPTIMIZED != 0 {
            (*frame).f_locals = std::ptr::null_mut();
        }
    }
}

/// Gives a frame back at the start of its function, when its slots hold the arguments, which it owns.
///
/// # Safety
/// `frame` is a frame that `enter_slow` pushed, just so.
pub(crate) unsafe fn give_to_interpreter(frame: *mut Frame) {
    // SAFETY: the caller's promise.
    unsafe {
        let code = Frame::code(frame);
        let recipe = FrameRecipe {
            code: code as usize,
            function: None,
            offset: 0,
            locals: vec![Source::InPlaceOwned; (*code).slot_count()],
            stack: Vec::new(),
            pushed: true,
            constructs: false,
        };
        let mut garbage = Vec::new();
        write(frame, &recipe, std::ptr::null(), &mut garbage);
        claim(frame);
        drop_all(garbage);
    }
}

/// Gives references back.
///
/// # Safety
/// The references are owned; the GIL is held. May run any Python code.
pub(crate) unsafe fn drop_all(garbage: Vec<*mut PyObject>) {
    for object in garbage {
        // SAFETY: the caller's promise.
        unsafe { ffi::Py_XDECREF(object) };
    }
}

/// Completes the locals of a compiled frame for somebody who reads or writes its slots from now on, and has the function leave compiled code when control comes back to it.
///
/// # Safety
/// `frame` is a live frame; the GIL is held.
pub unsafe fn expose(frame: *mut Frame) {
    // SAFETY: the caller's promise; the activation record is as `docs/design/frames.md` says.
    unsafe {
        if !is_compiled(frame) || (*frame).state & frame_state::OWNS_SLOTS != 0 {
            return;
        }
        let code = Frame::code(frame);
        let count = (*code).slot_count();
        let mut inspection = Inspection { shown: (0..count).map(|index| *Frame::slot(frame, index)).collect(), owned: Vec::new(), written: vec![false; count] };
        if (*code).flag_bits() & ffi::OPTIMIZED != 0 && !(*frame).f_locals.is_null() {
            let record = (*frame).f_locals.cast::<u64>();
            let site = *record.add(1) as usize;
            if site != 0 {
                let compiled = Compiled::of_header(*record as *const CodeHeader);
                if let Some(site) = compiled.tables.sites.get(site - 1) {
                    for (index, &source) in site.locals.iter().enumerate() {
                        if matches!(source, Source::Int(_) | Source::Float(_) | Source::Bool(_)) {
                            let slot = Frame::slot(frame, index);
                            *slot = value(source, slot, record);
                            inspection.owned.push(*slot);
                            continue;
                        }
                        let shown = *Frame::slot(frame, index);
                        ffi::Py_XINCREF(shown);
                        inspection.owned.push(shown);
                    }
                }
            }
        }
        for index in inspection.owned.len()..count {
            let shown = *Frame::slot(frame, index);
            ffi::Py_XINCREF(shown);
            inspection.owned.push(shown);
        }
        (*frame).state |= frame_state::LEAVE | frame_state::OWNS_SLOTS;
        RUNTIME.inspections.borrow_mut().insert(frame as usize, inspection);
    }
}

/// A `FrameLocalsProxy` has written to an exposed frame: slots that changed are owned and count from now on.
///
/// # Safety
/// `frame` is a live frame; the GIL is held.
pub(crate) unsafe fn note_writes(frame: *mut Frame) {
    if let Some(inspection) = RUNTIME.inspections.borrow_mut().get_mut(&(frame as usize)) {
        for (index, owned) in inspection.owned.iter_mut().enumerate() {
            // SAFETY: an inspection has one entry for each slot before the stack.
            let now = unsafe { *Frame::slot(frame, index) };
            if now != *owned {
                *owned = now;
                inspection.written[index] = true;
            }
        }
    }
}

/// Calls something for each frame of each thread of the main interpreter.
pub(crate) fn for_each_frame(mut visit: impl FnMut(*mut Frame)) {
    // SAFETY: the GIL is held, so that neither threads nor frames change.
    unsafe {
        let mut tstate: *mut ThreadState = ffi::PyInterpreterState_ThreadHead(ffi::PyInterpreterState_Main());
        while !tstate.is_null() {
            let mut frame = (*tstate).current_frame;
            while !frame.is_null() {
                if (*frame).owner != ffi::OWNED_BY_CSTACK {
                    visit(frame);
                }
                frame = (*frame).previous;
            }
            tstate = ffi::PyThreadState_Next(tstate);
        }
    }
}

/// The frame that a frame object stands for.
///
/// # Safety
/// `object` is a live frame object.
pub(crate) unsafe fn of_object(object: *mut PyObject) -> *mut Frame {
    // SAFETY: the caller's promise.
    unsafe { (*object.cast::<ffi::FrameObject>()).f_frame }
}

/// The code object of a frame, for messages.
///
/// # Safety
/// `frame` is a live frame that is not the C stack's.
#[must_use]
pub unsafe fn code_of(frame: *const Frame) -> *mut Code {
    // SAFETY: the caller's promise.
    unsafe { Frame::code(frame) }
}

//! When compiled code is not good enough: exits are counted by recipe; a guess that fails too often is refuted and the code compiled again without it,
//! a bounded number of times; loops whose entries are hardly worth the way are handed back.

use coachwhip_abi::counters::Counter;
use coachwhip_abi::facts::{Refuted, SeenClasses};
use coachwhip_abi::ir::Reason;
use coachwhip_abi::recipe::Recipe;

use crate::compiled::{CodeState, Compiled, Kind, LoopState, Status, code_state, existing_state};
use crate::ffi::{Code, CodeQueries, Frame};
use crate::monitoring::Verdict;
use crate::{RUNTIME, discard, watchers};

/// So many exits of a function that cannot be compiled better are a reason to ask whether it profits.
const MANY_EXITS: u64 = 1000;

/// Whether compiling again without the guess could help.
fn is_guess(reason: Reason) -> bool {
    !matches!(reason, Reason::Unsupported | Reason::Invalidated | Reason::Inspected | Reason::LoopReturn | Reason::Handler | Reason::Recursion | Reason::Stress)
}

/// So many exits are enough where each may lose a whole loop.
const FEW_EXITS: u64 = 4;

/// Whether at least every other call leaves at this place, and what is left to the interpreter may be long: the function has loops that ran often.
fn loses_a_loop(compiled: &Compiled, exits: u64) -> bool {
    // SAFETY: the code lives as long as its compiled code is entered; the GIL is held.
    let state = unsafe { existing_state(compiled.code) };
    compiled.kind == Kind::Call && exits * 2 >= compiled.entries() && state.is_some_and(|state| !state.loops.borrow().is_empty())
}

/// Counts an exit. `frame` is the innermost frame, which is the interpreter's now; `outermost` is the compiled function's.
///
/// # Safety
/// Both frames are complete; the GIL is held.
pub(crate) unsafe fn count_exit(compiled: &Compiled, number: usize, recipe: &Recipe, outermost: *mut Frame, frame: *mut Frame) {
    Counter::Exits.add(1);
    let count = compiled.exits[number].get() + 1;
    compiled.exits[number].set(count);
    if recipe.reason == Reason::Type {
        // SAFETY: the caller's promise.
        unsafe { note_class(compiled, frame) };
    }
    let limit = RUNTIME.exit_limit.get();
    let is_over = (count >= limit && count % limit == 0) || (count == FEW_EXITS.min(limit) && loses_a_loop(compiled, count));
    if is_over && is_guess(recipe.reason) && compiled.is_valid() {
        // SAFETY: the caller's promise.
        unsafe { refute(compiled, recipe.reason, outermost, frame) };
    }
    // SAFETY: the caller's promise; whoever calls this keeps the code from being freed.
    unsafe { discard::tick() };
}

#[cold]
unsafe fn refute(compiled: &Compiled, reason: Reason, outermost: *mut Frame, frame: *mut Frame) {
    // SAFETY: `count_exit`'s caller's promise.
    unsafe {
        let Some(state) = existing_state(compiled.code) else { return };
        if compiled.kind == Kind::Call && state.recompiling.get() {
            return;
        }
        if state.recompilations.get() >= RUNTIME.recompilation_limit.get() {
            // Nothing more to be learnt: code that hardly ever comes to its end is given back.
            let exits: u64 = compiled.exits.iter().map(std::cell::Cell::get).sum();
            if compiled.kind == Kind::Call && exits >= MANY_EXITS && exits > compiled.entries() / 4 && !RUNTIME.discards.are_on() {
                hand_back(compiled.code, "it left compiled code too often");
            }
            return;
        }
        let inner = Frame::code(frame);
        let offset = u32::try_from(Frame::instruction_offset(frame)).unwrap_or(0);
        note(state, inner, offset, reason, operands_of(frame));
        note_others(compiled, state, inner, offset);
        state.recompilations.set(state.recompilations.get() + 1);
        Counter::Recompilations.add(1);
        let Some(engine) = RUNTIME.engine() else { return };
        match compiled.kind {
            Kind::Call => {
                let function = (*outermost).f_funcobj;
                match engine.hot_function(function, compiled.code.cast()) {
                    // The old code serves until the new one is there.
                    Verdict::Queued => state.recompiling.set(true),
                    Verdict::Installed => {}
                    Verdict::Refused(reason) => *state.reason.borrow_mut() = reason,
                }
            }
            Kind::Loop { offset } => {
                // The next turn asks the compiler again, with the frame at the head of the loop.
                let row = state.loop_state(offset);
                let old = row.compiled.replace(std::ptr::null_mut());
                row.status.set(Status::Cold);
                row.turns.set(u64::MAX / 2);
                if !old.is_null() {
                    watchers::retire(old);
                }
            }
        }
    }
}

/// One compilation for all guesses that are on their way to being refuted: those with a quarter of the exits that the limit allows. Only reasons that need no look
/// at the operands.
fn note_others(compiled: &Compiled, state: &CodeState, code: *mut Code, offset: u32) {
    let limit = RUNTIME.exit_limit.get();
    let mut noted = vec![(code as usize, offset)];
    for (count, recipe) in compiled.exits.iter().zip(&compiled.tables.recipes) {
        let is_other = matches!(recipe.reason, Reason::Type | Reason::NeverTaken);
        let Some(frame) = recipe.frames.last().filter(|_| is_other && count.get() > 1 && count.get() >= limit / 4) else { continue };
        if !noted.contains(&(frame.code, frame.offset)) {
            noted.push((frame.code, frame.offset));
            note(state, frame.code as *mut Code, frame.offset, recipe.reason, None);
        }
    }
}

/// More places than this are not told apart in one function.
const MOST_PLACES: usize = 200;

/// Remembers the class of the topmost slot's object for the place where a frame goes on: it is what an attribute was to be loaded from or stored in.
unsafe fn note_class(compiled: &Compiled, frame: *mut Frame) {
    // SAFETY: `count_exit`'s caller's promise.
    unsafe {
        let Some(state) = existing_state(compiled.code) else { return };
        let code = Frame::code(frame);
        let Some(object) = ((*frame).stacktop as usize).checked_sub(1).filter(|&top| top >= (*code).slot_count()).map(|top| *Frame::slot(frame, top)) else {
            return;
        };
        let (Ok(offset), false) = (u32::try_from(Frame::instruction_offset(frame)), object.is_null()) else { return };
        let version = (*pyo3_ffi::Py_TYPE(object)).tp_version_tag;
        let mut seen = state.seen.borrow_mut();
        let place = seen.iter().position(|row| row.code_address == code as usize && row.offset == offset);
        let row = match place {
            Some(place) => &mut seen[place],
            None if seen.len() >= MOST_PLACES => return,
            None => {
                seen.push(SeenClasses { code_address: code as usize, offset, versions: [0; SeenClasses::MOST], more: false });
                seen.last_mut().expect("just pushed")
            }
        };
        if version == 0 || row.versions.contains(&version) {
            return;
        }
        match row.versions.iter_mut().find(|slot| **slot == 0) {
            Some(slot) => *slot = version,
            None => row.more = true,
        }
    }
}

/// Classes that came by where another was expected.
///
/// # Safety
/// `code` is a live code object; the GIL is held.
#[must_use]
pub unsafe fn seen_classes(code: *mut Code) -> Vec<SeenClasses> {
    // SAFETY: the caller's promise.
    unsafe { existing_state(code) }.map(|state| state.seen.borrow().clone()).unwrap_or_default()
}

/// The two topmost objects of a frame's stack: their classes, and the addresses of these.
type Operands = Option<[(coachwhip_abi::ir::Class, usize); 2]>;

unsafe fn operands_of(frame: *mut Frame) -> Operands {
    // SAFETY: the frame is complete up to `stacktop`.
    unsafe {
        let depth = ((*frame).stacktop as usize).checked_sub((*Frame::code(frame)).slot_count())?;
        if depth < 2 {
            return None;
        }
        let class = |back: usize| {
            let object = *Frame::slot(frame, (*frame).stacktop as usize - back);
            (!object.is_null()).then(|| (coachwhip_cpython::environment::class_of(object), pyo3_ffi::Py_TYPE(object) as usize))
        };
        Some([class(2)?, class(1)?])
    }
}

fn note(state: &CodeState, code: *mut Code, offset: u32, reason: Reason, operands: Operands) {
    let reached_only = reason == Reason::NeverTaken;
    let (operands, operand_types) = (operands.map(|[one, other]| (one.0, other.0)), operands.map(|[one, other]| (one.1, other.1)));
    let mut refuted = state.refuted.borrow_mut();
    match refuted.iter_mut().find(|row| row.code_address == code as usize && row.offset == offset) {
        Some(row) => {
            row.times = if row.reached_only { 1 } else { row.times + 1 };
            row.reached_only = row.reached_only && reached_only;
            row.reason = reason;
            row.operands = operands;
            row.operand_types = operand_types;
        }
        None => refuted.push(Refuted { code_address: code as usize, offset, times: 1, reached_only, reason, operands, operand_types }),
    }
}

/// The guesses about a code object that went wrong too often.
///
/// # Safety
/// `code` is a live code object; the GIL is held.
#[must_use]
pub unsafe fn refuted(code: *mut Code) -> Vec<Refuted> {
    // SAFETY: the caller's promise.
    unsafe { existing_state(code) }.map(|state| state.refuted.borrow().clone()).unwrap_or_default()
}

/// Entries of a loop are judged in groups of so many.
const JUDGED_ENTRIES: u64 = 1000;
/// An entry that comes back within so many cycles did no work that was worth it.
const WASTED_CYCLES: u64 = 600;

/// The processor's clock; 0 where there is none that is cheap.
#[inline]
pub(crate) fn cycles() -> u64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 processor has it.
    unsafe {
        core::arch::x86_64::_rdtsc()
    }
    #[cfg(not(target_arch = "x86_64"))]
    0
}

/// A loop's code was left again. False: it is handed back for good.
pub(crate) fn judge_loop(row: &LoopState, spent: u64) -> bool {
    let entries = row.entries.get() + 1;
    row.entries.set(entries);
    if spent < WASTED_CYCLES && cfg!(target_arch = "x86_64") {
        row.wasted.set(row.wasted.get() + 1);
    }
    if entries % JUDGED_ENTRIES != 0 {
        return true;
    }
    let hopeless = row.wasted.replace(0) > JUDGED_ENTRIES / 10 * 9 && !RUNTIME.discards.are_on();
    !hopeless
}

/// Gives a function and its loops back to the interpreter for good.
///
/// # Safety
/// `code` is a live code object; the GIL is held.
pub unsafe fn hand_back(code: *mut Code, reason: &str) {
    // SAFETY: the caller's promise.
    unsafe {
        let state = code_state(code);
        Counter::HandedBack.add(1);
        watchers::drop_code(state);
        state.status.set(Status::HandedBack);
        for row in state.loops.borrow().iter() {
            row.status.set(Status::HandedBack);
        }
        *state.reason.borrow_mut() = reason.to_owned();
    }
}

/// Keeps a code object interpreted for good.
///
/// # Safety
/// `code` is a live code object; the GIL is held.
pub unsafe fn never(code: *mut Code) {
    // SAFETY: the caller's promise.
    unsafe {
        hand_back(code, "never() was called for it");
        Counter::HandedBack.subtract(1);
        let state = code_state(code);
        state.status.set(Status::Never);
        for row in state.loops.borrow().iter() {
            row.status.set(Status::Never);
        }
    }
}

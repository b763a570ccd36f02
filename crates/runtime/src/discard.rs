//! Stress testing: compiled code is thrown away at random, as if something that it relied upon had changed, and may be compiled again. What runs at the moment is thrown
//! away above all: the code that has just left, its callers, loops that are in the middle of a turn. The numbers follow from the seed; in a program of one thread that
//! compiles in the foreground the same code goes at the same places each time.

use std::cell::Cell;

use coachwhip_abi::counters::Counter;

use crate::compiled::{Compiled, existing_state};
use crate::ffi::{self, Code, Frame};
use crate::{RUNTIME, watchers};

/// So many frames of the running thread may lose their code.
const MOST_FRAMES: usize = 32;

/// The generator.
#[derive(Debug)]
pub(crate) struct Discards {
    /// About so many occasions lie between two; 0 for never.
    interval: Cell<u64>,
    countdown: Cell<u64>,
    state: Cell<u64>,
}

impl Discards {
    pub(crate) const fn new() -> Discards {
        Discards { interval: Cell::new(0), countdown: Cell::new(0), state: Cell::new(0) }
    }

    pub(crate) fn set(&self, interval: u64, seed: u64) {
        self.interval.set(interval);
        self.countdown.set(interval);
        self.state.set(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    }

    /// Whether code is thrown away at random: then exits say nothing about what code is worth.
    pub(crate) fn are_on(&self) -> bool {
        self.interval.get() != 0
    }

    /// A pseudo-random number below a limit (xorshift64*).
    fn below(&self, limit: u64) -> u64 {
        let mut state = self.state.get();
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        self.state.set(state);
        ((u128::from(state.wrapping_mul(0x2545_F491_4F6C_DD1D)) * u128::from(limit)) >> 64) as u64
    }
}

/// An occasion.
///
/// # Safety
/// The GIL is held; the frames of the running thread may be looked at.
#[inline]
pub(crate) unsafe fn tick() {
    if RUNTIME.discards.are_on() {
        // SAFETY: the caller's promise.
        unsafe { count() };
    }
}

#[cold]
unsafe fn count() {
    let discards = &RUNTIME.discards;
    let left = discards.countdown.get().saturating_sub(1);
    discards.countdown.set(left);
    if left != 0 {
        return;
    }
    discards.countdown.set(1 + discards.below(discards.interval.get().saturating_mul(2)));
    // SAFETY: the caller's promise; nothing is freed before the next sweep.
    unsafe {
        let mut found: Vec<*mut Compiled> = Vec::new();
        let mut frame = (*ffi::thread_state()).current_frame;
        for _ in 0..MOST_FRAMES {
            if frame.is_null() {
                break;
            }
            if (*frame).owner != ffi::OWNED_BY_CSTACK {
                pieces_of(Frame::code(frame), &mut found);
            }
            frame = (*frame).previous;
        }
        found.dedup();
        if !found.is_empty() {
            Counter::Discards.add(1);
            watchers::discard(found[discards.below(found.len() as u64) as usize]);
        }
    }
}

/// The compiled code that a code object has, for calls and for loops.
unsafe fn pieces_of(code: *mut Code, found: &mut Vec<*mut Compiled>) {
    // SAFETY: a live code object.
    unsafe {
        let Some(state) = existing_state(code) else { return };
        found.push(state.call.get());
        found.extend(state.loops.borrow().iter().map(|row| row.compiled.get()));
        found.retain(|compiled| compiled.as_ref().is_some_and(Compiled::is_valid));
    }
}

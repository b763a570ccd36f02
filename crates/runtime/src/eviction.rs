//! The cap on machine code: when new code would exceed it, the code that was entered least since the last time is taken out of use and freed. Its functions are
//! interpreted and counted again, and must be twice as hot each time, so that no two pieces of code push each other out for ever.

use coachwhip_abi::counters::Counter;

use crate::compiled::{Compiled, Kind, existing_state};
use crate::{RUNTIME, Set, code_memory, ffi, frames, new_set, watchers};

/// Makes room for new code of a size, if there is need; a quarter of the cap at least, because looking for it takes time.
///
/// # Safety
/// The GIL is held. May run any Python code.
pub(crate) unsafe fn make_room(bytes: usize) {
    if code_memory::has_room(bytes) {
        return;
    }
    // SAFETY: the caller's promise; installed code is not freed before `sweep`.
    unsafe {
        // Code that is out of use already may be all it takes.
        watchers::sweep();
        if code_memory::has_room(bytes) || RUNTIME.detached.is_possible() {
            // What is taken out of use would not be freed.
            return;
        }
        let mut running: Set<usize> = new_set();
        frames::for_each_frame(|frame| {
            if frames::is_compiled(frame) {
                running.insert(ffi::Frame::code(frame) as usize);
            }
        });
        let mut candidates: Vec<(u64, *mut Compiled)> = Vec::new();
        for compiled in watchers::installed() {
            let entries = entries_of(&*compiled);
            // New code has had no time to show what it is good for.
            let recent = (*compiled).entries_seen.replace(Some(entries)).map_or(u64::MAX, |seen| entries - seen);
            if !(*compiled).is_busy() && !running.contains(&((*compiled).code as usize)) {
                candidates.push((recent, compiled));
            }
        }
        candidates.sort_by_key(|&(recent, compiled)| (recent, (*compiled).memory.mapped()));
        let mut wanted = code_memory::excess(bytes);
        for (_, compiled) in candidates {
            if wanted == 0 {
                break;
            }
            wanted = wanted.saturating_sub((*compiled).memory.mapped());
            watchers::evict(compiled);
            Counter::Evictions.add(1);
        }
        watchers::sweep();
    }
}

/// How often a piece of code was entered.
unsafe fn entries_of(compiled: &Compiled) -> u64 {
    match compiled.kind {
        Kind::Call => compiled.entries(),
        // SAFETY: the code object lives as long as its code is installed.
        Kind::Loop { offset } => unsafe { existing_state(compiled.code) }.map_or(0, |state| state.loop_state(offset).entries.get()),
    }
}

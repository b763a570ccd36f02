//! What our own events leave in the bytecode that a program can look at.

use coachwhip_bytecode::v3_13::{TABLE, number};

use super::structs::CodeObject;

/// Undoes in a copy of a code object's units what the PY_START and JUMP events of one tool have changed there: the units are as they would be if nobody had
/// listened. Nothing happens if another tool has events in this code, too: then it is not ours to say what stands there.
///
/// A start that was instrumented was executed, and RESUME becomes RESUME_CHECK when it is executed (Python/bytecodes.c); so does one whose event was disabled.
///
/// # Safety
/// `code` is a live code object, `units` a copy of its units.
pub unsafe fn hide_events(code: *const CodeObject, tool: u8, units: &mut [u8]) {
    // SAFETY: the caller's promise; `_co_monitoring` lives as long as the code.
    let alone = unsafe {
        let data = (*code).co_monitoring;
        !data.is_null() && (*data).active_monitors.iter().all(|tools| tools & !(1 << tool) == 0)
    };
    if !alone {
        return;
    }
    let mut position = 0;
    while position + 1 < units.len() {
        let (opcode, argument) = (units[position], units[position + 1]);
        units[position] = match opcode {
            number::INSTRUMENTED_RESUME => number::RESUME_CHECK,
            number::RESUME if argument == 0 => number::RESUME_CHECK,
            number::INSTRUMENTED_JUMP_BACKWARD => number::JUMP_BACKWARD,
            number::INSTRUMENTED_JUMP_FORWARD => number::JUMP_FORWARD,
            other => other,
        };
        position += 2 + 2 * TABLE.get(opcode).map_or(0, |row| usize::from(row.caches));
    }
}

//! What our own events leave in the bytecode that a program can look at.

use coachwhip_bytecode::v3_13::{TABLE, number};

use super::structs::CodeObject;

/// Tools that programs can use: all but OPTIMIZER_ID and those behind `sys.setprofile` and `sys.settrace`, which listen to single code objects only beside all code.
const TOOLS: u8 = 0b1_1111;

/// Whether some tool listens to events of this very code object (`sys.monitoring.set_local_events`).
///
/// # Safety
/// `code` is a live code object; the GIL is held.
#[must_use]
pub unsafe fn is_listened_to(code: *const CodeObject) -> bool {
    // SAFETY: the caller's promise; `_co_monitoring` lives as long as the code.
    unsafe {
        let data = (*code).co_monitoring;
        !data.is_null() && (*data).local_monitors.iter().any(|tools| tools & TOOLS != 0)
    }
}

/// Whether some tool listens to its CALL events (which bring C_RETURN and C_RAISE).
///
/// # Safety
/// As for [`is_listened_to`].
#[must_use]
pub unsafe fn is_told_of_calls(code: *const CodeObject) -> bool {
    /// `PY_MONITORING_EVENT_CALL`
    const CALL: usize = 4;
    // SAFETY: as above.
    unsafe {
        let data = (*code).co_monitoring;
        !data.is_null() && (*data).local_monitors[CALL] & TOOLS != 0
    }
}

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

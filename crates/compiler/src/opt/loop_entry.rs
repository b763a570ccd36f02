//! Guards before loops: whether they may be placed there, and the interpreter's state that they leave with.

use coachwhip_abi::facts::Facts;
use coachwhip_ir::{Block, Function, SnapshotId, Value};

/// Whether guards may be placed before the loop with this head: it has an entry snapshot, and none was refuted there.
pub(super) fn may_guard_before(function: &Function, facts: &Facts, head: Block) -> bool {
    let Some(snapshot) = function.block(head).entry_snapshot else { return false };
    let snapshot = &function.snapshots[snapshot.index()];
    let Some(code) = facts.codes.get(snapshot.code.index()) else { return true };
    !facts.refuted.iter().any(|refuted| refuted.code_address == code.address && refuted.offset == snapshot.offset)
}

/// The state before a loop, on an edge that enters it: its entry snapshot with the edge's arguments in place of the head's parameters.
pub(super) fn entry_snapshot(function: &mut Function, head: Block, arguments: &[Value]) -> Option<SnapshotId> {
    let snapshot = function.block(head).entry_snapshot?;
    let parameters = function.block(head).parameters.clone();
    let mut copy = function.snapshots[snapshot.index()].clone();
    for slot in copy.locals.iter_mut().chain(&mut copy.stack) {
        if let Some(value) = *slot
            && let Some(position) = parameters.iter().position(|&parameter| parameter == value)
        {
            *slot = arguments.get(position).copied().filter(|&argument| !is_null(function, argument));
        }
    }
    Some(function.add_snapshot(copy))
}

/// Whether a value is surely no object at all.
pub(super) fn is_null(function: &Function, value: Value) -> bool {
    let ty = function.ty(value);
    ty.is_object() && ty.classes.may_be_null() && ty.classes.without_null().is_empty()
}

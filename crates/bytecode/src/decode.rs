//! From code units to canonical instructions.

use crate::table::{Kind, Table};
use crate::{Instruction, Op};

/// Decodes code units, which may be specialised and instrumented (as they stand in a live code object). Units that hide another instruction (ENTER_EXECUTOR,
/// INSTRUMENTED_LINE, INSTRUMENTED_INSTRUCTION) must have been replaced by what they hide: where that is kept only a live code object knows.
///
/// Arguments are raw but for jumps, whose argument is the target's offset:
/// - COMPARE_OP: bits 5.. `Py_LT` ... `Py_GE`, bit 4 "the outcome becomes a bool" (the interpreter's specialised forms go by the lower four bits).
/// - LOAD_GLOBAL, LOAD_ATTR: bit 0 "push NULL, too" or "as a method", the name's index above. LOAD_SUPER_ATTR: bit 0 method, bit 1 two arguments, index above.
/// - FOR_ITER: the target is the END_FOR. When the iterator is exhausted the interpreter drops it and goes on behind END_FOR and the POP_TOP after it,
///   which are executed only by generic instrumented paths.
/// - SEND: the target is the END_SEND, with the outcome in the place of the value that was to be sent.
///
/// # Errors
/// One sentence if the units are no bytecode of this version.
pub fn decode(units: &[u16], table: &Table) -> Result<Vec<Instruction>, String> {
    let mut instructions = Vec::with_capacity(units.len() / 2);
    let mut position = 0;
    while position < units.len() {
        let start = position;
        let mut argument = 0u32;
        let (opcode, row) = loop {
            let unit = *units.get(position).ok_or("the bytecode ends in an EXTENDED_ARG")?;
            let [opcode, low] = unit.to_le_bytes();
            let row = table.get(opcode).ok_or_else(|| format!("unknown opcode {opcode} at offset {position}"))?;
            argument = argument << 8 | u32::from(low);
            if row.kind != Kind::ExtendedArg {
                break (opcode, row);
            }
            position += 1;
        };
        let next = position + 1 + usize::from(row.caches);
        if next > units.len() {
            return Err(format!("{} at offset {position} has no room for its inline cache", row.name));
        }
        let instruction =
            |op, argument, first_part| Instruction { offset: narrow(start), opcode_offset: narrow(position), next: narrow(next), op, argument, first_part };
        match row.kind {
            Kind::Operation(op) => {
                let argument = match jump(op) {
                    Jump::None => argument,
                    Jump::Forward => narrow(next).checked_add(argument).filter(|&target| target as usize <= units.len()).ok_or_else(|| outside(position))?,
                    Jump::Backward => narrow(next).checked_sub(argument).ok_or_else(|| outside(position))?,
                };
                instructions.push(instruction(op, argument, true));
            }
            Kind::Superinstruction(superinstruction) => {
                let [first, second] = superinstruction.parts(argument);
                instructions.push(instruction(first.0, first.1, true));
                instructions.push(instruction(second.0, second.1, false));
            }
            Kind::Cache | Kind::Hidden | Kind::ExtendedArg => {
                return Err(format!("{} at offset {position} is no instruction", table.name(opcode)));
            }
        }
        position = next;
    }
    Ok(instructions)
}

fn outside(position: usize) -> String {
    format!("the jump at offset {position} leaves the code")
}

fn narrow(offset: usize) -> u32 {
    u32::try_from(offset).expect("code has fewer than 2^32 units")
}

/// How the argument of an operation names a target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Jump {
    None,
    Forward,
    Backward,
}

fn jump(op: Op) -> Jump {
    match op {
        Op::ForIter | Op::Send | Op::JumpForward | Op::PopJumpIfTrue | Op::PopJumpIfFalse | Op::PopJumpIfNone | Op::PopJumpIfNotNone => Jump::Forward,
        Op::JumpBackward | Op::JumpBackwardNoInterrupt => Jump::Backward,
        _ => Jump::None,
    }
}

/// Whether the argument of an operation is the offset of a target.
#[must_use]
pub fn is_jump(op: Op) -> bool {
    jump(op) != Jump::None
}

/// Whether the instruction after an operation is never reached from it.
#[must_use]
pub fn is_unconditional(op: Op) -> bool {
    matches!(op, Op::JumpForward | Op::JumpBackward | Op::JumpBackwardNoInterrupt | Op::ReturnValue | Op::RaiseVarargs | Op::Reraise | Op::InterpreterExit)
}

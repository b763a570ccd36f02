//! Listings of machine code for developers.

use coachwhip_abi::recipe::MachineCode;
use iced_x86::{Decoder, DecoderOptions, Formatter, Instruction, IntelFormatter, OpKind};
use std::fmt::Write;

/// The listing of a piece of code, from address 0, with the bytecode offset where it changes and the names of the addresses that it uses.
/// `name` says what is at an absolute address, if it is known.
#[must_use]
pub fn disassemble(code: &MachineCode, name: &dyn Fn(u64) -> Option<String>) -> String {
    let mut text = String::new();
    let mut decoder = Decoder::with_ip(64, &code.code, 0, DecoderOptions::NONE);
    let mut formatter = IntelFormatter::new();
    formatter.options_mut().set_branch_leading_zeros(false);
    let mut rows = code.offsets.iter().peekable();
    let mut instruction = Instruction::default();
    while decoder.can_decode() {
        decoder.decode_out(&mut instruction);
        let at = instruction.ip() as u32;
        if Some(at) == code.array_entry {
            text.push_str("                      ; array entry\n");
        }
        while let Some(&&(start, offset)) = rows.peek().filter(|row| row.0 <= at) {
            rows.next();
            if start == at {
                let _ = writeln!(text, "                      ; bytecode {offset}");
            }
        }
        let _ = write!(text, "{at:6x}  ");
        let mut line = String::new();
        formatter.format(&instruction, &mut line);
        text.push_str(&line);
        if let Some(comment) = (0..instruction.op_count()).find_map(|operand| match instruction.op_kind(operand) {
            OpKind::Immediate64 => name(instruction.immediate64()),
            OpKind::Immediate32 => name(u64::from(instruction.immediate32())),
            _ => None,
        }) {
            let _ = write!(text, "  ; {comment}");
        }
        text.push('\n');
    }
    text
}

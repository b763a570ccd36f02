//! The decoder and the tables: hand-made bytes, and everything that `dis` says of a part of the standard library, if a Python 3.13 is at hand.

use coachwhip_bytecode::v3_13::{TABLE, number};
use coachwhip_bytecode::{ExceptionTableEntry, Op, decode, exception_table, flow, handler, line_table};
use std::process::Command;

fn unit(opcode: u8, argument: u8) -> u16 {
    u16::from_le_bytes([opcode, argument])
}

#[test]
fn superinstructions_have_parts() {
    let units = [unit(number::LOAD_FAST_LOAD_FAST, 0x21), unit(number::STORE_FAST_STORE_FAST, 0x34), unit(number::RETURN_CONST, 7)];
    let instructions = decode(&units, &TABLE).unwrap();
    let parts: Vec<_> = instructions.iter().map(|part| (part.offset, part.op, part.argument, part.first_part)).collect();
    assert_eq!(
        parts,
        [
            (0, Op::LoadFast, 2, true),
            (0, Op::LoadFast, 1, false),
            (1, Op::StoreFast, 3, true),
            (1, Op::StoreFast, 4, false),
            (2, Op::LoadConst, 7, true),
            (2, Op::ReturnValue, 0, false),
        ]
    );
}

#[test]
fn prefixes_caches_and_targets() {
    let mut units = vec![unit(number::EXTENDED_ARG, 1), unit(number::INSTRUMENTED_FOR_ITER, 2), 0];
    units.resize(3 + 256 + 2, unit(number::NOP, 0));
    units.extend([unit(number::END_FOR, 0), unit(number::EXTENDED_ARG, 1), unit(number::JUMP_BACKWARD, 9), 0]);
    let instructions = decode(&units, &TABLE).unwrap();
    let first = instructions[0];
    assert_eq!((first.offset, first.opcode_offset, first.next, first.op, first.argument), (0, 1, 3, Op::ForIter, 261));
    assert_eq!(instructions.last().unwrap().argument, 265 - 265);
    assert_eq!(flow::loop_heads(&instructions).into_iter().collect::<Vec<_>>(), [0]);
    assert_eq!(flow::instruction_at(&instructions, 261).map(|index| instructions[index].op), Some(Op::EndFor));
}

#[test]
fn bad_bytes_are_errors() {
    for units in
        [vec![unit(number::CACHE, 0)], vec![unit(number::EXTENDED_ARG, 1)], vec![unit(200, 0)], vec![unit(130, 0)], vec![unit(number::ENTER_EXECUTOR, 0)]]
    {
        assert!(decode(&units, &TABLE).is_err(), "{units:?}");
    }
    let backward = [unit(number::JUMP_BACKWARD, 9), 0];
    assert!(decode(&backward, &TABLE).unwrap_err().contains("leaves the code"));
}

#[test]
fn exception_tables() {
    // start 20, length 4, target 100 (two bytes), depth 3 with lasti.
    let entries = exception_table(&[0x80 | 20, 4, 64 | 1, 36, 7]);
    assert_eq!(entries, [ExceptionTableEntry { start: 20, end: 24, target: 100, depth: 3, push_lasti: true }]);
    assert!(handler(&entries, 23).is_some() && handler(&entries, 24).is_none());
}

#[test]
fn line_tables() {
    // Two units on the first line (short form), one a line further, one without a line.
    assert_eq!(line_table(&[0x80 | 1, 0, 0x80 | 11 << 3, 0, 0, 0x80 | 15 << 3], 5), [(0, 5), (2, 6), (3, 0)]);
}

/// Prints of every code object: units, tables, and what `dis` makes of them.
const SCRIPT: &str = r#"
import dis, sys, types, importlib, _opcode_metadata
if sys.version_info[:2] != (3, 13): sys.exit(77)
def walk(code):
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType): yield from walk(constant)
for name in ["argparse", "asyncio.base_events", "dataclasses", "inspect", "json.decoder", "contextlib", "typing", "zipfile", "tarfile", "difflib"]:
    module = importlib.import_module(name)
    source = open(module.__file__, encoding="utf-8").read()
    for code in walk(compile(source, name, "exec")):
        rows = [f"{i.start_offset // 2},{i.offset // 2},{i.opname},{i.jump_target // 2 if i.jump_target is not None else i.arg or 0}"
                for i in dis.get_instructions(code) if i.opname != "EXTENDED_ARG"]
        entries = [f"{e.start // 2},{e.end // 2},{e.target // 2},{e.depth},{int(e.lasti)}" for e in dis._parse_exception_table(code)]
        lines = [f"{start // 2},{end // 2},{line or 0}" for start, end, line in code.co_lines()]
        print("|".join([code.co_code.hex(), code.co_exceptiontable.hex(), code.co_linetable.hex(), str(code.co_firstlineno),
                        " ".join(rows), " ".join(entries), " ".join(lines)]))
"#;

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|position| u8::from_str_radix(&hex[position..position + 2], 16).unwrap()).collect()
}

fn numbers(text: &str) -> Vec<u32> {
    text.split(',').filter_map(|number| number.parse().ok()).collect()
}

#[test]
fn agrees_with_dis() {
    let python = std::env::var("PYO3_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let Ok(output) = Command::new(&python).args(["-c", SCRIPT]).output() else { return };
    if output.status.code() == Some(77) {
        eprintln!("{python} is not 3.13: nothing compared");
        return;
    }
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().count() > 1000);
    for line in text.lines() {
        let fields: Vec<_> = line.split('|').collect();
        let units: Vec<u16> = bytes(fields[0]).chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        let instructions = decode(&units, &TABLE).unwrap();
        let ours: Vec<_> = instructions.iter().filter(|part| part.first_part).collect();
        let theirs: Vec<_> = fields[4].split(' ').collect();
        assert_eq!(ours.len(), theirs.len());
        for (instruction, row) in ours.into_iter().zip(theirs) {
            let name = row.split(',').nth(2).unwrap();
            let row = numbers(row);
            assert_eq!((instruction.offset, instruction.opcode_offset), (row[0], row[1]));
            if let Some(op) = Op::from_name(name) {
                assert_eq!((instruction.op, instruction.argument), (op, row[2]), "{line}");
            }
        }
        let entries = exception_table(&bytes(fields[1]));
        let theirs: Vec<_> = fields[5].split(' ').filter(|row| !row.is_empty()).map(numbers).collect();
        let ours: Vec<_> = entries.iter().map(|entry| vec![entry.start, entry.end, entry.target, entry.depth, entry.push_lasti.into()]).collect();
        assert_eq!(ours, theirs);
        let rows = line_table(&bytes(fields[2]), fields[3].parse().unwrap());
        for row in fields[6].split(' ').map(numbers) {
            for offset in row[0]..row[1] {
                assert_eq!(rows[rows.partition_point(|ours| ours.0 <= offset) - 1].1, row[2], "{line}");
            }
        }
    }
}

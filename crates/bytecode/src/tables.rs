//! The exception table and the line table of a code object.

use crate::ExceptionTableEntry;

/// Reads a varint of the exception table: six bits a byte, most significant first, bit 6 says that more follow.
fn exception_varint(bytes: &mut std::slice::Iter<'_, u8>) -> Option<u32> {
    let mut byte = *bytes.next()?;
    let mut value = u32::from(byte & 63);
    while byte & 64 != 0 {
        byte = *bytes.next()?;
        value = value << 6 | u32::from(byte & 63);
    }
    Some(value)
}

/// Parses `co_exceptiontable` (Objects/exception_handling_notes.txt, `parse_varint` and `get_exception_handler` of Python/ceval.c), in the table's order:
/// ascending by start, no two rows overlap.
#[must_use]
pub fn exception_table(bytes: &[u8]) -> Vec<ExceptionTableEntry> {
    let mut bytes = bytes.iter();
    let mut entries = Vec::new();
    while let Some(start) = exception_varint(&mut bytes) {
        let mut next = || exception_varint(&mut bytes);
        let (Some(length), Some(target), Some(depth_and_lasti)) = (next(), next(), next()) else { break };
        entries.push(ExceptionTableEntry {
            start,
            end: start.saturating_add(length),
            target,
            depth: depth_and_lasti >> 1,
            push_lasti: depth_and_lasti & 1 != 0,
        });
    }
    entries
}

/// The row that protects an offset (in code units).
#[must_use]
pub fn handler(entries: &[ExceptionTableEntry], offset: u32) -> Option<&ExceptionTableEntry> {
    entries.iter().find(|entry| (entry.start..entry.end).contains(&offset))
}

/// Reads a varint of the line table: six bits a byte, least significant first, bit 6 says that more follow.
fn line_varint(bytes: &mut std::slice::Iter<'_, u8>) -> Option<u32> {
    let (mut value, mut shift) = (0u32, 0);
    loop {
        let byte = *bytes.next()?;
        value |= u32::from(byte & 63).checked_shl(shift)?;
        if byte & 64 == 0 {
            return Some(value);
        }
        shift += 6;
    }
}

fn signed_line_varint(bytes: &mut std::slice::Iter<'_, u8>) -> Option<i64> {
    let value = line_varint(bytes)?;
    Some(if value & 1 != 0 { -i64::from(value >> 1) } else { i64::from(value >> 1) })
}

/// Parses `co_linetable` (Objects/locations.md) to `(offset in code units, line)`, ascending by offset, one row wherever the line changes; 0 for no line.
#[must_use]
pub fn line_table(bytes: &[u8], first_line: u32) -> Vec<(u32, u32)> {
    let mut bytes = bytes.iter();
    let mut rows: Vec<(u32, u32)> = Vec::new();
    let (mut offset, mut line) = (0u32, i64::from(first_line));
    while let Some(&head) = bytes.next() {
        let code = head >> 3 & 15;
        let mut next = || -> Option<u32> {
            Some(match code {
                // No location.
                15 => return Some(0),
                // Long form: line, end line, column, end column.
                14 => {
                    line += signed_line_varint(&mut bytes)?;
                    for _ in 0..3 {
                        line_varint(&mut bytes)?;
                    }
                    to_line(line)
                }
                // No columns.
                13 => {
                    line += signed_line_varint(&mut bytes)?;
                    to_line(line)
                }
                // One line, 0 to 2 lines further, two bytes of columns.
                10..=12 => {
                    line += i64::from(code) - 10;
                    bytes.nth(1)?;
                    to_line(line)
                }
                // The same line, one byte of columns.
                _ => {
                    bytes.next()?;
                    to_line(line)
                }
            })
        };
        let Some(here) = next() else { break };
        if rows.last().is_none_or(|row| row.1 != here) {
            rows.push((offset, here));
        }
        offset += u32::from(head & 7) + 1;
    }
    rows
}

fn to_line(line: i64) -> u32 {
    u32::try_from(line).unwrap_or(0)
}

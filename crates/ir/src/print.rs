//! The text form of the IR. `parse.rs` reads it back; the grammar is described in `docs/reference/ir.md`.
//!
//! Values, blocks and snapshots keep their numbers; instructions are written in the order of their blocks and have no names of their own.
//! Snapshots that nothing names are left out.

use crate::entity::{Block, InstructionId, SnapshotId, Value};
use crate::function::{EntryKind, Function, Immediate};
use std::fmt;

/// What separates the items of a list.
fn list<T: fmt::Display>(formatter: &mut fmt::Formatter<'_>, items: impl IntoIterator<Item = T>, separator: &str) -> fmt::Result {
    let mut before = "";
    for item in items {
        write!(formatter, "{before}{item}")?;
        before = separator;
    }
    Ok(())
}

impl fmt::Display for Immediate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Immediate::Int(value) => write!(formatter, "{value}"),
            Immediate::Float(bits) => {
                let value = f64::from_bits(bits);
                // Every NaN keeps its bits; all other doubles have a shortest text that reads back to the same bits.
                if value.is_nan() { write!(formatter, "nan:{bits:#x}") } else { write!(formatter, "{value:?}") }
            }
            Immediate::Class(class) => write!(formatter, "{class:?}"),
            Immediate::ClassRef(class) => write!(formatter, "{class}"),
            Immediate::Object(object) => write!(formatter, "{object}"),
            Immediate::Code(code) => write!(formatter, "{code}"),
            Immediate::Field(field) => formatter.write_str(field.name()),
            Immediate::Helper(helper) => formatter.write_str(helper.info().name),
            Immediate::Reason(reason) => formatter.write_str(reason.name()),
            Immediate::Condition(condition) => formatter.write_str(condition.name()),
            Immediate::Convention(convention) => formatter.write_str(convention.name()),
        }
    }
}

/// One instruction as a line of text, without indentation.
pub struct InstructionText<'a>(pub &'a Function, pub InstructionId);

impl fmt::Display for InstructionText<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let InstructionText(function, id) = *self;
        let instruction = function.instruction(id);
        if let Some(result) = instruction.result {
            match function.values.get(result.index()) {
                Some(data) => write!(formatter, "{result}: {} = ", data.ty)?,
                None => write!(formatter, "{result} = ")?,
            }
        }
        formatter.write_str(instruction.op.info().name)?;
        if !instruction.immediates.is_empty() {
            formatter.write_str("[")?;
            list(formatter, &instruction.immediates, ", ")?;
            formatter.write_str("]")?;
        }
        if !instruction.operands.is_empty() {
            formatter.write_str(" ")?;
            list(formatter, &instruction.operands, ", ")?;
        }
        for (position, target) in instruction.targets.iter().enumerate() {
            let separator = if position == 0 { " ->" } else { "," };
            write!(formatter, "{separator} {}", target.block)?;
            if !target.arguments.is_empty() {
                formatter.write_str("(")?;
                list(formatter, &target.arguments, ", ")?;
                formatter.write_str(")")?;
            }
        }
        if let Some(snapshot) = instruction.snapshot {
            write!(formatter, " {snapshot}")?;
        }
        if instruction.caught {
            formatter.write_str(" caught")?;
        }
        if !instruction.owned.is_empty() {
            formatter.write_str(" owned[")?;
            list(formatter, &instruction.owned, " ")?;
            formatter.write_str("]")?;
        }
        write!(formatter, " @{}", instruction.offset)
    }
}

/// The head of a block as a line of text.
pub struct BlockText<'a>(pub &'a Function, pub Block);

impl fmt::Display for BlockText<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BlockText(function, block) = *self;
        let data = &function.blocks[block.index()];
        write!(formatter, "{block}")?;
        if !data.parameters.is_empty() {
            formatter.write_str("(")?;
            for (position, &value) in data.parameters.iter().enumerate() {
                let separator = if position == 0 { "" } else { ", " };
                write!(formatter, "{separator}{value}")?;
                if let Some(known) = function.values.get(value.index()) {
                    write!(formatter, ": {}", known.ty)?;
                    if let Some(local) = known.local {
                        write!(formatter, " local{local}")?;
                    }
                }
            }
            formatter.write_str(")")?;
        }
        formatter.write_str(":")?;
        if data.cold {
            formatter.write_str(" cold")?;
        }
        if let Some(snapshot) = data.entry_snapshot {
            write!(formatter, " entry {snapshot}")?;
        }
        Ok(())
    }
}

/// One snapshot as a line of text, without indentation.
pub struct SnapshotText<'a>(pub &'a Function, pub SnapshotId);

impl fmt::Display for SnapshotText<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SnapshotText(function, id) = *self;
        let snapshot = &function.snapshots[id.index()];
        let slots = |formatter: &mut fmt::Formatter<'_>, slots: &[Option<Value>], empty: &str| {
            let texts = slots.iter().map(|slot| slot.map_or_else(|| empty.to_owned(), |value| value.to_string()));
            list(formatter, texts, " ")
        };
        write!(formatter, "{id} = {} +{} locals[", snapshot.code, snapshot.offset)?;
        slots(formatter, &snapshot.locals, "_")?;
        formatter.write_str("] stack[")?;
        slots(formatter, &snapshot.stack, "null")?;
        formatter.write_str("]")?;
        if let Some(parent) = snapshot.parent {
            write!(formatter, " parent {parent}")?;
        }
        if let Some(value) = snapshot.function {
            write!(formatter, " function {value}")?;
        }
        if snapshot.constructs {
            formatter.write_str(" constructs")?;
        }
        Ok(())
    }
}

impl Function {
    /// Which snapshots instructions in blocks, heads of loops, and other such snapshots name.
    #[must_use]
    pub fn used_snapshots(&self) -> Vec<bool> {
        let mut used = vec![false; self.snapshots.len()];
        for block in &self.blocks {
            let named = block.instructions.iter().filter_map(|&id| self.instruction(id).snapshot);
            for snapshot in named.chain(block.entry_snapshot) {
                let mut next = Some(snapshot);
                // Stops at what was seen before, so that even a wrong table with a cycle can be printed.
                while let Some(id) = next.filter(|id| used.get(id.index()) == Some(&false)) {
                    used[id.index()] = true;
                    next = self.snapshots[id.index()].parent;
                }
            }
        }
        used
    }
}

impl fmt::Display for Function {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "function {:?} ", self.name)?;
        match self.entry_kind {
            EntryKind::Call { parameters } => write!(formatter, "call {parameters}")?,
            EntryKind::Loop { offset, stack_depth } => write!(formatter, "loop +{offset} depth {stack_depth}")?,
        }
        if self.cache_cells != 0 {
            write!(formatter, " caches {}", self.cache_cells)?;
        }
        writeln!(formatter)?;
        for block in self.block_ids() {
            writeln!(formatter, "{}", BlockText(self, block))?;
            for &id in &self.blocks[block.index()].instructions {
                writeln!(formatter, "    {}", InstructionText(self, id))?;
            }
        }
        let used = self.used_snapshots();
        if used.contains(&true) {
            writeln!(formatter, "snapshots:")?;
            for (index, _) in used.iter().enumerate().filter(|(_, used)| **used) {
                writeln!(formatter, "    {}", SnapshotText(self, SnapshotId::from_index(index)))?;
            }
        }
        Ok(())
    }
}

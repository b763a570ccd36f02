//! What an opcode table of one CPython version says.

use crate::Op;

/// What an opcode is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A canonical operation (also specialised and instrumented forms of it).
    Operation(Op),
    /// Several canonical operations at once.
    Superinstruction(Superinstruction),
    /// The upper bits of the argument of the instruction that follows.
    ExtendedArg,
    /// An inline cache: never where an instruction starts.
    Cache,
    /// It stands in the place of another instruction, which is kept elsewhere (ENTER_EXECUTOR, INSTRUMENTED_LINE, INSTRUMENTED_INSTRUCTION).
    Hidden,
}

/// Several operations in one instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Superinstruction {
    /// Loads two locals; their slots in the upper and lower four bits of the argument.
    LoadFastLoadFast,
    /// Stores a local, then loads another.
    StoreFastLoadFast,
    /// Stores the value on top, then the one below.
    StoreFastStoreFast,
    /// Returns a constant.
    ReturnConst,
}

impl Superinstruction {
    /// Its parts with their arguments, in the order in which they happen.
    #[must_use]
    pub const fn parts(self, argument: u32) -> [(Op, u32); 2] {
        let (first, second) = (argument >> 4, argument & 15);
        match self {
            Superinstruction::LoadFastLoadFast => [(Op::LoadFast, first), (Op::LoadFast, second)],
            Superinstruction::StoreFastLoadFast => [(Op::StoreFast, first), (Op::LoadFast, second)],
            Superinstruction::StoreFastStoreFast => [(Op::StoreFast, first), (Op::StoreFast, second)],
            Superinstruction::ReturnConst => [(Op::LoadConst, argument), (Op::ReturnValue, 0)],
        }
    }
}

/// An opcode.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Opcode {
    /// CPython's name.
    pub name: &'static str,
    /// The opcode it is a specialised or instrumented form of; else itself.
    pub base: u8,
    /// How many code units of inline cache follow.
    pub caches: u8,
    /// What it does.
    pub kind: Kind,
}

impl Opcode {
    /// Whether it is an instrumented form.
    #[must_use]
    pub const fn is_instrumented(&self) -> bool {
        let prefix = "INSTRUMENTED_".as_bytes();
        let name = self.name.as_bytes();
        let mut index = 0;
        while index < prefix.len() {
            if index >= name.len() || name[index] != prefix[index] {
                return false;
            }
            index += 1;
        }
        true
    }
}

/// The opcodes of one CPython version.
#[derive(Debug)]
pub struct Table {
    /// The version.
    pub version: (u8, u8),
    /// By number.
    pub opcodes: [Option<Opcode>; 256],
}

impl Table {
    /// The row of an opcode.
    #[must_use]
    pub const fn get(&self, opcode: u8) -> Option<&Opcode> {
        self.opcodes[opcode as usize].as_ref()
    }

    /// The name of an opcode, for messages.
    #[must_use]
    pub fn name(&self, opcode: u8) -> &'static str {
        self.get(opcode).map_or("an unknown opcode", |row| row.name)
    }
}

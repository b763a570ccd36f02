//! Typed indexes into the tables of a [`Function`](crate::Function): a `Value` can never be used where a `Block` is meant.

/// Declares a `u32` index type that prints as a prefix and a number (`v7`, `block3`).
macro_rules! entity {
    ($(#[$meta:meta])* $name:ident, $prefix:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// The text before the number in printed IR.
            pub const PREFIX: &'static str = $prefix;

            /// The position in its table.
            #[must_use]
            #[inline]
            pub const fn index(self) -> usize {
                self.0 as usize
            }

            /// The entity at a position of its table.
            #[must_use]
            #[inline]
            pub fn from_index(index: usize) -> Self {
                Self(u32::try_from(index).expect("an IR table holds fewer than 2^32 rows"))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, concat!($prefix, "{}"), self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, formatter)
            }
        }
    };
}

entity!(
    /// An SSA value: the result of an instruction or a parameter of a block.
    Value, "v"
);
entity!(
    /// A basic block.
    Block, "block"
);
entity!(
    /// An instruction.
    InstructionId, "inst"
);
entity!(
    /// A description of the interpreter's state at one bytecode.
    SnapshotId, "snap"
);
entity!(
    /// A live object described in the facts of a compilation (`Facts::objects`).
    ObjectRef, "obj"
);
entity!(
    /// A class described in the facts of a compilation (`Facts::classes`).
    ClassRef, "class"
);
entity!(
    /// A code object described in the facts of a compilation (`Facts::codes`); `code0` is the one being compiled.
    CodeRef, "code"
);

//! The intermediate representation: a control-flow graph of basic blocks with parameters; typed SSA values; instructions, helpers, fields, classes,
//! heaps and exit reasons from one table each. It knows nothing of CPython's memory and nothing of machine code.

pub mod bitset;
pub mod dominators;
pub mod edit;
pub mod effects;
pub mod entity;
pub mod evaluate;
pub mod fields;
pub mod function;
pub mod helpers;
pub mod instructions;
pub mod liveness;
pub mod loops;
pub mod maps;
pub mod parse;
pub mod print;
pub mod reasons;
pub mod snapshot;
pub mod types;
pub mod verify;

pub use bitset::EntitySet;
pub use dominators::{ControlFlow, Dominators, Edge};
pub use edit::Substitution;
pub use effects::Heaps;
pub use entity::{Block, ClassRef, CodeRef, InstructionId, ObjectRef, SnapshotId, Value};
pub use fields::{Field, FieldKind};
pub use function::{BlockData, Definition, EntryKind, Function, Immediate, Instruction, Target, ValueData};
pub use helpers::{Helper, HelperInfo, Parameter};
pub use instructions::{Condition, Convention, ImmediateKind, Info, Leaves, Op, Operand, Yield};
pub use liveness::{Flavour, Liveness};
pub use loops::{Loop, Loops};
pub use parse::{ParseError, parse};
pub use reasons::Reason;
pub use snapshot::Snapshot;
pub use types::{ArrayItem, Class, ClassSet, Identity, Representation, Type};
pub use verify::{verify, verify_to_text};

//! A function in the IR: a control-flow graph of basic blocks with parameters.

use crate::effects::Heaps;
use crate::entity::{Block, ClassRef, CodeRef, InstructionId, ObjectRef, SnapshotId, Value};
use crate::fields::Field;
use crate::helpers::{Helper, HelperInfo, Parameter};
use crate::instructions::{Condition, Convention, Leaves, Op, STEALS_REST, Yield};
use crate::reasons::Reason;
use crate::snapshot::Snapshot;
use crate::types::{Class, Type};
use smallvec::SmallVec;

/// A constant part of an instruction.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Immediate {
    /// A 64-bit integer.
    Int(i64),
    /// A double, as its bits.
    Float(u64),
    /// A built-in class.
    Class(Class),
    /// A class of the facts.
    ClassRef(ClassRef),
    /// An object of the facts.
    Object(ObjectRef),
    /// A code object of the facts.
    Code(CodeRef),
    /// A field of a C structure.
    Field(Field),
    /// A routine of the runtime.
    Helper(Helper),
    /// Why a guard leaves.
    Reason(Reason),
    /// A comparison.
    Condition(Condition),
    /// How a C function takes its arguments.
    Convention(Convention),
}

/// A block to go to, with a value for each of its parameters.
#[derive(Clone, PartialEq, Debug)]
pub struct Target {
    /// Where to go.
    pub block: Block,
    /// The values of the block's parameters.
    pub arguments: Vec<Value>,
}

/// One instruction.
#[derive(Clone, PartialEq, Debug)]
pub struct Instruction {
    /// What it does.
    pub op: Op,
    /// Its operands.
    pub operands: SmallVec<[Value; 3]>,
    /// Its immediates, in the order of its row.
    pub immediates: SmallVec<[Immediate; 2]>,
    /// Where it goes, if it ends its block.
    pub targets: SmallVec<[Target; 2]>,
    /// The interpreter's state, if it can leave or run other code.
    pub snapshot: Option<SnapshotId>,
    /// What it yields.
    pub result: Option<Value>,
    /// Whether a raise goes on at the `branch_raised` that follows, instead of leaving the function.
    pub caught: bool,
    /// References that this function owns when the instruction leaves; the last pass fills it in.
    pub owned: Vec<Value>,
    /// The bytecode it stems from: offset in code units, for listings and line tables.
    pub offset: u32,
}

impl Instruction {
    /// The row of the helper it calls, if it does.
    #[must_use]
    #[inline]
    pub fn helper(&self) -> Option<&'static HelperInfo> {
        match self.immediates.first() {
            Some(Immediate::Helper(helper)) if self.op == Op::CallHelper => Some(helper.info()),
            _ => None,
        }
    }

    /// The field it reads or writes, if it does.
    #[must_use]
    #[inline]
    pub fn field(&self) -> Option<Field> {
        match self.immediates.first() {
            Some(Immediate::Field(field)) => Some(*field),
            _ => None,
        }
    }

    /// Heaps it reads.
    #[must_use]
    #[inline]
    pub fn reads(&self) -> Heaps {
        match (self.helper(), self.op, self.field()) {
            (Some(helper), _, _) => helper.reads,
            (None, Op::LoadField | Op::LoadIntField | Op::ExchangeField, Some(field)) => field.heap(),
            (None, _, _) => self.op.info().reads,
        }
    }

    /// Heaps it writes.
    #[must_use]
    #[inline]
    pub fn writes(&self) -> Heaps {
        match (self.helper(), self.op, self.field()) {
            (Some(helper), _, _) => helper.writes,
            (None, Op::StoreIntField | Op::ExchangeField, Some(field)) => field.heap(),
            (None, _, _) => self.op.info().writes,
        }
    }

    /// What it yields, helpers resolved.
    #[must_use]
    #[inline]
    pub fn yields(&self) -> Yield {
        self.helper().map_or(self.op.info().yields, |helper| helper.yields)
    }

    /// How it can leave, helpers resolved.
    #[must_use]
    #[inline]
    pub fn leaves(&self) -> Leaves {
        match self.helper() {
            Some(helper) if helper.raises => Leaves::Raise,
            Some(_) => Leaves::Never,
            None => self.op.info().leaves,
        }
    }

    /// Whether it may run any Python code, so that its frame must be fit to be looked at.
    #[must_use]
    #[inline]
    pub fn runs_any_code(&self) -> bool {
        self.writes().is_any()
    }

    /// Whether it takes over the reference of the operand at a position.
    #[must_use]
    #[inline]
    pub fn steals(&self, position: usize) -> bool {
        if let Some(helper) = self.helper() {
            let parameter = helper.parameters.get(position).or(helper.rest.as_ref());
            return matches!(parameter, Some((_, Parameter::Stolen | Parameter::StolenOrNull)));
        }
        let info = self.op.info();
        if position < info.operands.len() { info.steals & (1 << position) != 0 } else { info.steals & STEALS_REST != 0 }
    }

    /// Whether it ends a block.
    #[must_use]
    #[inline]
    pub fn is_terminator(&self) -> bool {
        self.op.info().targets.is_some()
    }
}

/// A basic block.
#[derive(Clone, Debug, Default)]
pub struct BlockData {
    /// Its parameters.
    pub parameters: Vec<Value>,
    /// Its instructions; the last one ends it.
    pub instructions: Vec<InstructionId>,
    /// For the head of a loop: the interpreter's state at its start, in terms of its parameters. Passes use it to place guards before the loop.
    pub entry_snapshot: Option<SnapshotId>,
    /// Whether it is hardly ever reached (exception paths).
    pub cold: bool,
}

/// Where a value comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Definition {
    /// The result of an instruction.
    Result(InstructionId),
    /// A parameter of a block, by position.
    Parameter(Block, u32),
}

/// What is known of a value.
#[derive(Clone, Copy, Debug)]
pub struct ValueData {
    /// Its type.
    pub ty: Type,
    /// Where it comes from.
    pub definition: Definition,
    /// The local variable (slot of `localsplus` of the outermost frame) that a block's parameter stands for, if it does.
    pub local: Option<u32>,
}

/// How a compiled function is entered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EntryKind {
    /// By a call, with arguments in registers; it pushes its own frame.
    Call {
        /// The number of parameters: the first slots of `localsplus`.
        parameters: u32,
    },
    /// In the middle, at a back-edge: the interpreter's frame is there. It leaves by exits only.
    Loop {
        /// The head of the loop, in code units.
        offset: u32,
        /// The depth of the evaluation stack there.
        stack_depth: u32,
    },
}

/// A function in the IR.
#[derive(Clone, Debug)]
pub struct Function {
    /// The qualified name of the Python function.
    pub name: String,
    /// How it is entered.
    pub entry_kind: EntryKind,
    /// Blocks; the first is the entry and has no parameters and no predecessors.
    pub blocks: Vec<BlockData>,
    /// All instructions; blocks name those in use.
    pub instructions: Vec<Instruction>,
    /// All values.
    pub values: Vec<ValueData>,
    /// All snapshots; shared by instructions of one bytecode.
    pub snapshots: Vec<Snapshot>,
    /// How many inline-cache cells it uses (`cache_cell`).
    pub cache_cells: u32,
}

impl Function {
    /// An empty function with its entry block.
    #[must_use]
    #[inline]
    pub fn new(name: String, entry_kind: EntryKind) -> Function {
        Function { name, entry_kind, blocks: vec![BlockData::default()], instructions: Vec::new(), values: Vec::new(), snapshots: Vec::new(), cache_cells: 0 }
    }

    /// The entry block.
    pub const ENTRY: Block = Block(0);

    /// All blocks in order.
    #[inline]
    pub fn block_ids(&self) -> impl Iterator<Item = Block> + use<> {
        (0..self.blocks.len()).map(Block::from_index)
    }

    /// Adds an empty block.
    #[inline]
    pub fn add_block(&mut self) -> Block {
        self.blocks.push(BlockData::default());
        Block::from_index(self.blocks.len() - 1)
    }

    /// Adds a parameter to a block.
    #[inline]
    pub fn add_parameter(&mut self, block: Block, ty: Type, local: Option<u32>) -> Value {
        let position = u32::try_from(self.blocks[block.index()].parameters.len()).expect("few parameters");
        let value = Value::from_index(self.values.len());
        self.values.push(ValueData { ty, definition: Definition::Parameter(block, position), local });
        self.blocks[block.index()].parameters.push(value);
        value
    }

    /// Adds an instruction that is in no block yet; `ty` is the type of its result, if it has one.
    #[inline]
    pub fn add_instruction(&mut self, mut instruction: Instruction, ty: Option<Type>) -> InstructionId {
        let id = InstructionId::from_index(self.instructions.len());
        if let Some(ty) = ty {
            let value = Value::from_index(self.values.len());
            self.values.push(ValueData { ty, definition: Definition::Result(id), local: None });
            instruction.result = Some(value);
        }
        self.instructions.push(instruction);
        id
    }

    /// Adds a snapshot.
    #[inline]
    pub fn add_snapshot(&mut self, snapshot: Snapshot) -> SnapshotId {
        self.snapshots.push(snapshot);
        SnapshotId::from_index(self.snapshots.len() - 1)
    }

    /// An instruction.
    #[must_use]
    #[inline]
    pub fn instruction(&self, id: InstructionId) -> &Instruction {
        &self.instructions[id.index()]
    }

    /// A value's type.
    #[must_use]
    #[inline]
    pub fn ty(&self, value: Value) -> Type {
        self.values[value.index()].ty
    }

    /// The instruction that yields a value, if it is not a parameter.
    #[must_use]
    #[inline]
    pub fn defining(&self, value: Value) -> Option<&Instruction> {
        match self.values[value.index()].definition {
            Definition::Result(id) => Some(self.instruction(id)),
            Definition::Parameter(..) => None,
        }
    }

    /// The value whose reference this one is: follows instructions that yield their operand itself (`Yield::Same`).
    #[must_use]
    #[inline]
    pub fn root(&self, mut value: Value) -> Value {
        while let Some(instruction) = self.defining(value) {
            if instruction.yields() != Yield::Same {
                break;
            }
            value = instruction.operands[0];
        }
        value
    }

    /// The instruction that ends a block.
    #[must_use]
    #[inline]
    pub fn terminator(&self, block: Block) -> Option<&Instruction> {
        self.blocks[block.index()].instructions.last().map(|&id| self.instruction(id)).filter(|last| last.is_terminator())
    }

    /// The targets of a block's end.
    #[inline]
    pub fn successors(&self, block: Block) -> impl Iterator<Item = &Target> {
        self.terminator(block).into_iter().flat_map(|last| last.targets.iter())
    }

    /// The snapshot and its callers' snapshots, innermost first.
    #[inline]
    pub fn snapshot_chain(&self, snapshot: SnapshotId) -> impl Iterator<Item = SnapshotId> + '_ {
        std::iter::successors(Some(snapshot), |&id| self.snapshots[id.index()].parent)
    }
}

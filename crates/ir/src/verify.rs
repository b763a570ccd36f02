//! Checks that a function keeps the rules of the IR. Runs between passes in tests and with `COACHWHIP_VERIFY=1`; a failure is a bug of the pass before.
//!
//! - The entry block has no parameters and no predecessors. A block that is not empty ends with its only instruction that has targets. Blocks and instructions are in
//!   use once at most.
//! - Operands, immediates and targets are as many and of such kinds as the row of the instruction (or helper) says; NULL only where the row allows it.
//! - The result is there if the row yields something, with a type that the row allows.
//! - A use is dominated by its definition. The outcome of a `caught` instruction is defined on the way of success only.
//! - Arguments match the parameters of the target: representation and classes.
//! - `caught` stands on instructions that may raise and yield something; a `branch_raised` of the outcome follows. `catch` is the first of its block.
//! - An instruction that can leave or run any code has a snapshot (but not a `decrement` that can destroy only objects whose end nobody can notice).
//! - Snapshots name dominating values that are no pointers. Parents make no cycle; a frame with a parent has a function, the outermost has none and is `code0`.
//! - `argument` and `entry_slot` stand in the entry block and suit the kind of the entry.

use crate::dominators::{ControlFlow, Dominators};
use crate::entity::{Block, CodeRef, InstructionId, SnapshotId, Value};
use crate::fields::FieldKind;
use crate::function::{Definition, EntryKind, Function, Immediate, Instruction};
use crate::helpers::Parameter;
use crate::instructions::{ImmediateKind, Leaves, Op, Operand, Yield};
use crate::print::{BlockText, InstructionText, SnapshotText};
use crate::types::{ClassSet, Identity, Representation, Type};
use std::fmt;

/// What is wrong, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// What is wrong.
    pub message: String,
    /// The printed line that breaks the rule.
    pub line: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.message, self.line)
    }
}

/// Checks a function.
///
/// # Errors
/// Everything that is wrong.
pub fn verify(function: &Function) -> Result<(), Vec<Problem>> {
    let mut verifier = Verifier::new(function);
    if verifier.indexes_are_valid() {
        verifier.shape();
        verifier.snapshots();
        if verifier.problems.is_empty() {
            // Control flow and definitions can be trusted now.
            verifier.all_instructions();
        }
    }
    if verifier.problems.is_empty() { Ok(()) } else { Err(verifier.problems) }
}

/// As one text, for panics and logs.
///
/// # Errors
/// Everything that is wrong, one a line, and the whole function.
pub fn verify_to_text(function: &Function) -> Result<(), String> {
    verify(function).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
        format!("{}\nin\n{function}", lines.join("\n"))
    })
}

/// Where a value is used: in a block, before the instruction at a position.
#[derive(Clone, Copy)]
struct Point {
    block: Block,
    position: usize,
}

struct Verifier<'a> {
    function: &'a Function,
    problems: Vec<Problem>,
    /// Where each instruction is.
    places: Vec<Option<Point>>,
    /// Blocks of which each value is a parameter, by the blocks' own lists.
    parameter_of: Vec<Option<Block>>,
    flow: ControlFlow,
    dominators: Dominators,
    /// Snapshots with a sound chain of parents.
    sound: Vec<bool>,
}

impl<'a> Verifier<'a> {
    fn new(function: &'a Function) -> Self {
        // The analyses need targets that exist; they are made after that was checked.
        let empty = Function::new(String::new(), function.entry_kind);
        let flow = ControlFlow::new(&empty);
        let dominators = Dominators::new(&empty, &flow);
        Verifier {
            function,
            problems: Vec::new(),
            places: vec![None; function.instructions.len()],
            parameter_of: vec![None; function.values.len()],
            flow,
            dominators,
            sound: Vec::new(),
        }
    }

    fn at_block(&mut self, block: Block, message: impl Into<String>) {
        self.problems.push(Problem { message: message.into(), line: BlockText(self.function, block).to_string() });
    }

    fn at(&mut self, id: InstructionId, message: impl Into<String>) {
        self.problems.push(Problem { message: message.into(), line: InstructionText(self.function, id).to_string() });
    }

    fn at_snapshot(&mut self, id: SnapshotId, message: impl Into<String>) {
        self.problems.push(Problem { message: message.into(), line: SnapshotText(self.function, id).to_string() });
    }

    /// Every entity that is named exists. The other checks would panic otherwise.
    fn indexes_are_valid(&mut self) -> bool {
        let function = self.function;
        let value_exists = |value: &Value| value.index() < function.values.len();
        let snapshot_exists = |id: &SnapshotId| id.index() < function.snapshots.len();
        if function.blocks.is_empty() {
            self.problems.push(Problem { message: "there is no entry block".into(), line: function.name.clone() });
            return false;
        }
        for block in function.block_ids() {
            let data = function.block(block);
            if !data.parameters.iter().all(value_exists) {
                self.at_block(block, "a parameter does not exist");
            }
            if !data.entry_snapshot.iter().all(snapshot_exists) {
                self.at_block(block, "the entry snapshot does not exist");
            }
            for &id in &data.instructions {
                let Some(instruction) = function.instructions.get(id.index()) else {
                    self.at_block(block, format!("{id} does not exist"));
                    continue;
                };
                let arguments = instruction.targets.iter().flat_map(|target| &target.arguments);
                let values = instruction.operands.iter().chain(arguments).chain(&instruction.owned).chain(&instruction.result);
                for value in values.filter(|value| !value_exists(value)) {
                    self.at(id, format!("{value} does not exist"));
                }
                if !instruction.targets.iter().all(|target| target.block.index() < function.blocks.len()) {
                    self.at(id, "a target does not exist");
                }
                if !instruction.snapshot.iter().all(snapshot_exists) {
                    self.at(id, "the snapshot does not exist");
                }
            }
        }
        for index in 0..function.snapshots.len() {
            let snapshot = &function.snapshots[index];
            if !snapshot.values().all(|value| value_exists(&value)) || !snapshot.parent.iter().all(snapshot_exists) {
                self.at_snapshot(SnapshotId::from_index(index), "the snapshot names something that does not exist");
            }
        }
        self.problems.is_empty()
    }

    /// Blocks, ends of blocks, places of definitions.
    fn shape(&mut self) {
        let function = self.function;
        for block in function.block_ids() {
            let data = function.block(block);
            for (index, &value) in data.parameters.iter().enumerate() {
                let expected = Definition::Parameter(block, u32::try_from(index).unwrap_or(u32::MAX));
                if function.values[value.index()].definition != expected {
                    self.at_block(block, format!("{value} is defined elsewhere"));
                }
                self.parameter_of[value.index()] = Some(block);
            }
            for (position, &id) in data.instructions.iter().enumerate() {
                if self.places[id.index()].replace(Point { block, position }).is_some() {
                    self.at(id, "the instruction is in use twice");
                }
                let instruction = function.instruction(id);
                if let Some(result) = instruction.result
                    && function.values[result.index()].definition != Definition::Result(id)
                {
                    self.at(id, format!("{result} is defined elsewhere"));
                }
                let last = position + 1 == data.instructions.len();
                if instruction.is_terminator() != last {
                    self.at(id, if last { "the last instruction does not end the block" } else { "the block goes on after its end" });
                }
                let targets = usize::from(instruction.op.info().targets.unwrap_or(0));
                if instruction.targets.len() != targets {
                    self.at(id, format!("{targets} targets are needed"));
                }
            }
        }
        if !function.block(Function::ENTRY).parameters.is_empty() {
            self.at_block(Function::ENTRY, "the entry has parameters");
        }
        if self.problems.is_empty() {
            self.flow = ControlFlow::new(function);
            self.dominators = Dominators::new(function, &self.flow);
            if !self.flow.predecessors(Function::ENTRY).is_empty() {
                self.at_block(Function::ENTRY, "the entry has a predecessor");
            }
            for block in function.block_ids() {
                if self.flow.is_reachable(block) && function.block(block).instructions.is_empty() {
                    self.at_block(block, "a block that can be reached is empty");
                }
            }
        }
    }

    /// Parents and functions of snapshots in use.
    fn snapshots(&mut self) {
        let function = self.function;
        self.sound = vec![false; function.snapshots.len()];
        let mut lengths: Vec<(CodeRef, usize)> = Vec::new();
        for (index, _) in function.used_snapshots().iter().enumerate().filter(|(_, used)| **used) {
            let id = SnapshotId::from_index(index);
            let snapshot = &function.snapshots[index];
            if function.snapshot_chain(id).take(function.snapshots.len() + 1).count() > function.snapshots.len() {
                self.at_snapshot(id, "the parents make a cycle");
                continue;
            }
            self.sound[index] = true;
            if snapshot.parent.is_some() != snapshot.function.is_some() {
                self.at_snapshot(id, "inlined frames, and only they, have a parent and a function");
            }
            if snapshot.parent.is_none() && snapshot.code != CodeRef(0) {
                self.at_snapshot(id, "the outermost frame is that of code0");
            }
            match lengths.iter().find(|(code, _)| *code == snapshot.code) {
                Some(&(_, length)) if length != snapshot.locals.len() => {
                    self.at_snapshot(id, format!("other snapshots of this code have {length} locals"));
                }
                Some(_) => {}
                None => lengths.push((snapshot.code, snapshot.locals.len())),
            }
            for value in snapshot.values() {
                if function.ty(value).representation == Representation::Pointer {
                    self.at_snapshot(id, format!("{value} is a pointer"));
                }
            }
        }
    }

    fn all_instructions(&mut self) {
        let function = self.function;
        for block in function.block_ids() {
            if let Some(snapshot) = function.block(block).entry_snapshot {
                self.snapshot_is_defined(Point { block, position: 0 }, snapshot, |verifier, message| verifier.at_block(block, message));
            }
            for (position, &id) in function.block(block).instructions.iter().enumerate() {
                let point = Point { block, position };
                self.definitions(point, id);
                self.operands(id);
                self.immediates(id);
                self.result(id);
                self.targets(id);
                self.leaving(point, id);
                self.places_of_entry(point, id);
            }
        }
    }

    /// Whether a value is there at a point.
    fn is_defined(&self, value: Value, point: Point) -> bool {
        if !self.flow.is_reachable(point.block) {
            return true;
        }
        match self.function.values[value.index()].definition {
            Definition::Parameter(block, _) => self.parameter_of[value.index()] == Some(block) && self.dominators.dominates(block, point.block),
            Definition::Result(id) => {
                let Some(place) = self.places[id.index()] else { return false };
                let instruction = self.function.instruction(id);
                if instruction.result != Some(value) {
                    false
                } else if place.block == point.block {
                    // Only a turn of a loop could bring it to an earlier place, through a parameter.
                    place.position < point.position
                } else if instruction.caught {
                    self.success_dominates(place.block, point.block)
                } else {
                    self.dominators.dominates(place.block, point.block)
                }
            }
        }
    }

    /// Whether every way to a block leads over the success edge at the end of `from`.
    fn success_dominates(&self, from: Block, below: Block) -> bool {
        let Some(success) = self.function.successors(from).next() else { return false };
        let success = success.block;
        self.dominators.dominates(success, below)
            && self.flow.predecessors(success).iter().all(
                |edge| {
                    if edge.from == from { edge.target == 0 } else { self.dominators.dominates(success, edge.from) }
                },
            )
    }

    fn definitions(&mut self, point: Point, id: InstructionId) {
        let instruction = self.function.instruction(id);
        let operands = instruction.operands.iter().chain(&instruction.owned);
        let mut missing: Vec<Value> = operands.copied().filter(|&value| !self.is_defined(value, point)).collect();
        for (position, target) in instruction.targets.iter().enumerate() {
            for &value in &target.arguments {
                let raised = instruction.op == Op::BranchRaised && position == 1 && instruction.operands.first() == Some(&value);
                if raised || !self.is_defined(value, point) {
                    missing.push(value);
                }
            }
        }
        for value in missing {
            self.at(id, format!("{value} is not defined here"));
        }
        if let Some(snapshot) = instruction.snapshot {
            self.snapshot_is_defined(point, snapshot, |verifier, message| verifier.at(id, message));
        }
    }

    fn snapshot_is_defined(&mut self, point: Point, snapshot: SnapshotId, report: impl Fn(&mut Self, String)) {
        if !self.sound[snapshot.index()] {
            return;
        }
        let function = self.function;
        for id in function.snapshot_chain(snapshot) {
            for value in function.snapshots[id.index()].values() {
                // The parameters of a loop's head are there at its start.
                if !self.is_defined(value, point) {
                    report(self, format!("{value} of {id} is not defined here"));
                }
            }
        }
    }

    fn operands(&mut self, id: InstructionId) {
        let function = self.function;
        let instruction = function.instruction(id);
        let count = instruction.operands.len();
        let info = instruction.op.info();
        let check = |verifier: &mut Self, name: &str, kind: Operand, value: Value| {
            if !suits(function.ty(value), kind) {
                verifier.at(id, format!("operand {name} must be {}, {value} is {}", describe(kind), function.ty(value)));
            }
        };
        if let Some(helper) = instruction.helper() {
            if count < helper.parameters.len() || (helper.rest.is_none() && count > helper.parameters.len()) {
                self.at(id, format!("the helper has {} parameters", helper.parameters.len()));
            }
            for (position, &value) in instruction.operands.iter().enumerate() {
                if let Some(&(name, parameter)) = helper.parameters.get(position).or(helper.rest.as_ref()) {
                    let kind = match parameter {
                        Parameter::Object | Parameter::Stolen => Operand::Object,
                        Parameter::ObjectOrNull | Parameter::StolenOrNull => Operand::ObjectOrNull,
                        Parameter::Int => Operand::Int,
                        Parameter::Float => Operand::Float,
                        Parameter::Pointer => Operand::Pointer,
                    };
                    check(self, name, kind, value);
                }
            }
            return;
        }
        if count < info.operands.len() || (info.rest.is_none() && count > info.operands.len()) {
            self.at(id, format!("{} operands are needed", info.operands.len()));
        }
        for (position, &value) in instruction.operands.iter().enumerate() {
            if let Some(&(name, kind)) = info.operands.get(position).or(info.rest.as_ref()) {
                check(self, name, kind, value);
            }
        }
        let is_pointer = |&value: &Value| function.ty(value).representation == Representation::Pointer;
        if instruction.op == Op::SetLocal && instruction.operands.first().is_some_and(is_pointer) {
            self.at(id, "a local cannot be a pointer");
        }
    }

    fn immediates(&mut self, id: InstructionId) {
        let instruction = self.function.instruction(id);
        let kinds = instruction.op.info().immediates;
        if instruction.immediates.len() != kinds.len() {
            self.at(id, format!("{} immediates are needed", kinds.len()));
        }
        for (&immediate, &(name, kind)) in instruction.immediates.iter().zip(kinds) {
            if immediate_kind(immediate) != kind {
                self.at(id, format!("immediate {name} must be of kind {kind:?}"));
            }
        }
        let problem = match (instruction.op, instruction.immediates.first()) {
            (Op::ConstBool, Some(Immediate::Int(value))) if !(0..=1).contains(value) => Some("a bool is 0 or 1"),
            (Op::LoadField | Op::ExchangeField, Some(Immediate::Field(field))) if !matches!(field.kind(), FieldKind::Object(_)) => {
                Some("the field holds no object")
            }
            (Op::LoadIntField | Op::StoreIntField, Some(Immediate::Field(field))) if matches!(field.kind(), FieldKind::Object(_)) => {
                Some("the field holds no integer")
            }
            (Op::StoreIntField | Op::ExchangeField, Some(Immediate::Field(field))) if field.heap().is_none() => Some("the field never changes"),
            (Op::CacheCell, Some(&Immediate::Int(index))) if !(0..i64::from(self.function.cache_cells)).contains(&index) => {
                Some("the function has no such cache cell")
            }
            _ => None,
        };
        if let Some(problem) = problem {
            self.at(id, problem);
        }
    }

    fn result(&mut self, id: InstructionId) {
        let function = self.function;
        let instruction = function.instruction(id);
        let yields = instruction.yields();
        let Some(result) = instruction.result else {
            if yields != Yield::Nothing {
                self.at(id, "the result is missing");
            }
            return;
        };
        let ty = function.ty(result);
        let problem = match yields {
            Yield::Nothing => Some("it yields nothing".to_owned()),
            Yield::Helper => Some("the helper is missing".to_owned()),
            Yield::Int => expect(ty, Type::INT),
            Yield::Float => expect(ty, Type::FLOAT),
            Yield::Bool => expect(ty, Type::BOOL),
            Yield::Pointer => expect(ty, Type::POINTER),
            Yield::New(classes) | Yield::Borrowed(classes) | Yield::Kept(classes) => {
                let classes = match (instruction.op, instruction.field().map(|field| field.kind())) {
                    (Op::LoadField, Some(FieldKind::Object(classes))) => classes,
                    _ => classes,
                };
                expect_object(ty, classes)
            }
            Yield::Same => instruction.operands.first().and_then(|&operand| same_type(instruction, ty, function.ty(operand))),
        };
        if let Some(problem) = problem {
            self.at(id, problem);
        }
    }

    fn targets(&mut self, id: InstructionId) {
        let function = self.function;
        for target in &function.instruction(id).targets {
            let parameters = &function.block(target.block).parameters;
            if parameters.len() != target.arguments.len() {
                self.at(id, format!("{} has {} parameters", target.block, parameters.len()));
            }
            for (&argument, &parameter) in target.arguments.iter().zip(parameters) {
                let (given, wanted) = (function.ty(argument), function.ty(parameter));
                if !given.is_subtype(wanted) {
                    self.at(id, format!("{argument} is {given}, but {parameter} of {} is {wanted}", target.block));
                }
            }
        }
    }

    /// Snapshots, raises and what follows them.
    fn leaving(&mut self, point: Point, id: InstructionId) {
        let function = self.function;
        let instruction = function.instruction(id);
        if instruction.snapshot.is_none() && needs_snapshot(function, instruction) {
            self.at(id, "the snapshot is missing");
        }
        let block = &function.block(point.block).instructions;
        let next = block.get(point.position + 1).map(|&next| function.instruction(next));
        if instruction.caught {
            if instruction.leaves() != Leaves::Raise || instruction.result.is_none() {
                self.at(id, "only what may raise and yields something can be caught");
            }
            let follows = |next: &Instruction| next.op == Op::BranchRaised && next.operands.first().copied() == instruction.result;
            if !next.is_some_and(follows) {
                self.at(id, "a caught instruction is followed by branch_raised of its result");
            }
        }
        if instruction.op == Op::BranchRaised {
            let before = point.position.checked_sub(1).map(|before| function.instruction(block[before]));
            if !before.is_some_and(|before| before.caught) {
                self.at(id, "branch_raised follows a caught instruction");
            }
        }
        if instruction.op == Op::Catch && point.position != 0 {
            self.at(id, "catch is the first of its block");
        }
    }

    fn places_of_entry(&mut self, point: Point, id: InstructionId) {
        let instruction = self.function.instruction(id);
        let problem = match (instruction.op, self.function.entry_kind, instruction.immediates.first()) {
            (Op::Argument | Op::EntrySlot, _, _) if point.block != Function::ENTRY => Some("it stands outside the entry block"),
            (Op::Argument, EntryKind::Loop { .. }, _) => Some("a loop entry has no arguments"),
            (Op::EntrySlot, EntryKind::Call { .. }, _) => Some("a call entry has no slots"),
            (Op::Argument, EntryKind::Call { parameters }, Some(&Immediate::Int(index))) if !(0..i64::from(parameters)).contains(&index) => {
                Some("there is no such argument")
            }
            _ => None,
        };
        if let Some(problem) = problem {
            self.at(id, problem);
        }
    }
}

/// Whether an instruction must have a snapshot.
#[must_use]
pub fn needs_snapshot(function: &Function, instruction: &Instruction) -> bool {
    if instruction.op == Op::Decrement {
        // Nobody can notice the end of such an object.
        return !instruction.operands.iter().all(|&value| function.ty(value).classes.is_trivial());
    }
    instruction.leaves() != Leaves::Never || instruction.runs_any_code() || instruction.op == Op::Catch
}

/// The kind of an immediate.
#[must_use]
pub fn immediate_kind(immediate: Immediate) -> ImmediateKind {
    match immediate {
        Immediate::Int(_) => ImmediateKind::Int,
        Immediate::Float(_) => ImmediateKind::Float,
        Immediate::Class(_) => ImmediateKind::Class,
        Immediate::ClassRef(_) => ImmediateKind::ClassRef,
        Immediate::Object(_) => ImmediateKind::Object,
        Immediate::Code(_) => ImmediateKind::Code,
        Immediate::Field(_) => ImmediateKind::Field,
        Immediate::Helper(_) => ImmediateKind::Helper,
        Immediate::Reason(_) => ImmediateKind::Reason,
        Immediate::Condition(_) => ImmediateKind::Condition,
        Immediate::Convention(_) => ImmediateKind::Convention,
    }
}

fn suits(ty: Type, kind: Operand) -> bool {
    match kind {
        Operand::Object => ty.is_object() && !ty.classes.may_be_null(),
        Operand::ObjectOrNull => ty.is_object(),
        Operand::Int => ty.representation == Representation::Int,
        Operand::Float => ty.representation == Representation::Float,
        Operand::Bool => ty.representation == Representation::Bool,
        Operand::Pointer => ty.representation == Representation::Pointer,
        Operand::Any => true,
    }
}

fn describe(kind: Operand) -> &'static str {
    match kind {
        Operand::Object => "an object that is not NULL",
        Operand::ObjectOrNull => "an object or NULL",
        Operand::Int => "an i64",
        Operand::Float => "an f64",
        Operand::Bool => "an i1",
        Operand::Pointer => "a pointer",
        Operand::Any => "any value",
    }
}

fn expect(found: Type, wanted: Type) -> Option<String> {
    (found != wanted).then(|| format!("the result must be {wanted}"))
}

fn expect_object(found: Type, classes: ClassSet) -> Option<String> {
    if !found.is_object() {
        Some("the result must be an object".to_owned())
    } else if !found.classes.is_subset(classes) {
        Some(format!("the result can only be {classes}"))
    } else {
        None
    }
}

/// The rules for guards, which yield their operand with a narrower type.
fn same_type(instruction: &Instruction, result: Type, operand: Type) -> Option<String> {
    let mut classes = operand.classes;
    match (instruction.op, instruction.immediates.first()) {
        (Op::GuardClass, Some(&Immediate::Class(class))) => classes = classes.intersection(ClassSet::of(class)),
        (Op::GuardNotNull | Op::GuardIs, _) => classes = classes.without_null(),
        _ => {}
    }
    let identity_is_wrong = match (instruction.op, instruction.immediates.first(), result.identity) {
        (_, _, Identity::Unknown) => false,
        (Op::GuardType | Op::Refine, Some(&Immediate::ClassRef(class)), identity) if identity == Identity::Exact(class) => false,
        (Op::GuardIs, Some(&Immediate::Object(object)), identity) if identity == Identity::Constant(object) => false,
        (_, _, identity) => identity != operand.identity,
    };
    if identity_is_wrong {
        return Some("nothing says that the result is this object or of this class".to_owned());
    }
    // A guard that can never hold, because a guess contradicts what is known: it always leaves, and nothing can be said of what is behind it.
    let possible = if matches!(instruction.op, Op::GuardType | Op::Refine) { classes.intersection(result.classes) } else { classes };
    if possible.is_empty() {
        return None;
    }
    expect_object(result, classes)
}

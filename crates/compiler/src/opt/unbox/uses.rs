//! Who uses each object, by its root, and how.

use super::Kind;
use coachwhip_ir::liveness::snapshot_values;
use coachwhip_ir::maps::HashMap;
use coachwhip_ir::{Block, ControlFlow, Edge, Function, Immediate, Instruction, Loops, Op, Value};

/// A use of an object.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Use {
    /// Somebody wants the unboxed value, or to know that it is of this kind.
    Unboxed(Kind, Block),
    /// A snapshot names it.
    Snapshot,
    /// It is stored in a local.
    Stored,
    /// It only has to live until then.
    Kept,
    /// It goes to a parameter over an edge.
    Passed(Value, Edge),
    /// It must be an object.
    Object(Block),
}

/// All uses, by root.
pub(super) struct Uses {
    by_root: HashMap<Value, Vec<Use>>,
}

impl Uses {
    pub(super) fn new(function: &Function, flow: &ControlFlow) -> Uses {
        let mut uses = Uses { by_root: HashMap::default() };
        for &block in &flow.reverse_postorder {
            // A head's own parameters in its entry snapshot stand for what they get on the edges that enter the loop.
            for value in function.block(block).entry_snapshot.into_iter().flat_map(|snapshot| snapshot_values(function, snapshot)) {
                if !function.block(block).parameters.contains(&value) {
                    uses.add(function, value, Some(Use::Snapshot));
                }
            }
            for &id in &function.block(block).instructions {
                let instruction = function.instruction(id);
                for (position, &operand) in instruction.operands.iter().enumerate() {
                    uses.add(function, operand, operand_use(instruction, position, block));
                }
                if let Some(snapshot) = instruction.snapshot {
                    for value in snapshot_values(function, snapshot) {
                        uses.add(function, value, Some(Use::Snapshot));
                    }
                }
                for (number, target) in instruction.targets.iter().enumerate() {
                    let edge = Edge { from: block, target: number };
                    for (&parameter, &argument) in function.block(target.block).parameters.iter().zip(&target.arguments) {
                        uses.add(function, argument, Some(Use::Passed(parameter, edge)));
                    }
                }
            }
        }
        uses
    }

    fn add(&mut self, function: &Function, value: Value, found: Option<Use>) {
        if let Some(found) = found
            && function.ty(value).is_object()
        {
            self.by_root.entry(function.root(value)).or_default().push(found);
        }
    }

    pub(super) fn of(&self, root: Value) -> &[Use] {
        self.by_root.get(&root).map_or(&[], |uses| uses)
    }
}

/// What an instruction wants with an operand; nothing for guards, whose outcome is looked at instead.
fn operand_use(instruction: &Instruction, position: usize, block: Block) -> Option<Use> {
    match (instruction.op, instruction.immediates.first()) {
        (Op::UnboxInt, _) => Some(Use::Unboxed(Kind::Int, block)),
        (Op::UnboxFloat, _) => Some(Use::Unboxed(Kind::Float, block)),
        (Op::UnboxBool, _) => Some(Use::Unboxed(Kind::Bool, block)),
        (Op::GuardClass, Some(&Immediate::Class(class))) => match Kind::of_class(class) {
            Some(kind) => Some(Use::Unboxed(kind, block)),
            None => Some(Use::Object(block)),
        },
        (Op::SetLocal, _) if position == 0 => Some(Use::Stored),
        (Op::SetLocal | Op::ClearLocal | Op::KeepAlive, _) => Some(Use::Kept),
        _ => Some(Use::Object(block)),
    }
}

/// How often blocks and edges are taken, as a guess.
pub(super) struct Weights {
    blocks: Vec<f64>,
}

/// How many turns a loop is taken to have.
const TURNS: f64 = 8.0;
/// How much rarer a cold block is.
const COLD: f64 = 0.02;

impl Weights {
    pub(super) fn new(function: &Function, loops: &Loops) -> Weights {
        let weight = |block: Block| {
            let depth = i32::try_from(loops.depth(block)).unwrap_or(8).min(8);
            TURNS.powi(depth) * if function.block(block).cold { COLD } else { 1.0 }
        };
        Weights { blocks: function.block_ids().map(weight).collect() }
    }

    pub(super) fn block(&self, block: Block) -> f64 {
        self.blocks[block.index()]
    }

    pub(super) fn edge(&self, function: &Function, edge: Edge) -> f64 {
        let to = function.successors(edge.from).nth(edge.target).map_or(edge.from, |target| target.block);
        self.block(edge.from).min(self.block(to))
    }
}

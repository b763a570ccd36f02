//! Carries out what was decided.

use super::Kind;
use super::plan::{Incoming, Plan};
use crate::opt::loop_entry::{entry_snapshot, is_null};
use coachwhip_ir::maps::HashMap;
use coachwhip_ir::{Block, ControlFlow, Edge, Function, Immediate, Instruction, InstructionId, Op, SnapshotId, Substitution, Type, Value};

pub(super) fn apply(function: &mut Function, plan: &Plan) {
    let flow = ControlFlow::new(function);
    let mut unboxed: HashMap<Value, (Kind, Value)> = plan.boxes.iter().map(|(&value, &held)| (value, held)).collect();
    let mut parameters: Vec<(Value, Kind)> = plan.parameters.iter().map(|(&parameter, &kind)| (parameter, kind)).collect();
    parameters.sort_unstable_by_key(|row| row.0);
    // Old and new parameters of each block, in the order in which arguments are added.
    let mut added: HashMap<Block, Vec<(Value, Value)>> = HashMap::default();
    for (parameter, kind) in parameters {
        let coachwhip_ir::Definition::Parameter(block, _) = function.values[parameter.index()].definition else { continue };
        let new = function.add_parameter(block, kind.ty(), function.values[parameter.index()].local);
        unboxed.insert(parameter, (kind, new));
        added.entry(block).or_default().push((parameter, new));
    }
    let mut rewriter = Rewriter { plan, unboxed, substitution: Substitution::default() };
    let blocks = flow.reverse_postorder.clone();
    for &block in &blocks {
        let added = added.remove(&block).unwrap_or_default();
        for &edge in flow.predecessors(block) {
            rewriter.edge(function, block, edge, &added);
        }
    }
    for &block in &blocks {
        rewriter.block(function, block);
    }
    rewriter.snapshots(function);
    let mut gone: Vec<Value> = plan.parameters.keys().chain(plan.dropped.keys()).copied().collect();
    gone.sort_unstable();
    for parameter in gone {
        if let coachwhip_ir::Definition::Parameter(block, position) = function.values[parameter.index()].definition {
            function.remove_parameter(block, position as usize);
        }
    }
    rewriter.substitution.apply(function);
}

struct Rewriter<'p> {
    plan: &'p Plan,
    /// By root: what is held instead.
    unboxed: HashMap<Value, (Kind, Value)>,
    /// Results of instructions that are gone.
    substitution: Substitution,
}

/// Code on an edge.
struct EdgeCode {
    offset: u32,
    instructions: Vec<InstructionId>,
}

impl EdgeCode {
    fn add(&mut self, function: &mut Function, instruction: Instruction, ty: Option<Type>) -> Option<Value> {
        let id = function.add_instruction(instruction.at(self.offset), ty);
        self.instructions.push(id);
        function.instruction(id).result
    }

    fn value(&mut self, function: &mut Function, instruction: Instruction, ty: Type) -> Value {
        self.add(function, instruction, Some(ty)).expect("it has a type")
    }
}

impl Rewriter<'_> {
    fn held(&self, function: &Function, value: Value) -> Option<(Kind, Value)> {
        if !function.ty(value).is_object() {
            return None;
        }
        self.unboxed.get(&function.root(value)).copied()
    }

    /// Gives the new parameters of a block their values, and those that stay objects their boxes.
    fn edge(&self, function: &mut Function, block: Block, edge: Edge, added: &[(Value, Value)]) {
        let offset = function.terminator(edge.from).map_or(0, |end| end.offset);
        let mut code = EdgeCode { offset, instructions: Vec::new() };
        let mut arguments = function.target_mut(edge).arguments.clone();
        let parameters = function.block(block).parameters.clone();
        let mut entry: Option<SnapshotId> = None;
        let mut new = Vec::new();
        for &(parameter, _) in added {
            let position = parameters.iter().position(|&other| other == parameter).expect("its own parameter");
            let argument = arguments[position];
            new.push(self.incoming(function, block, edge, parameter, argument, &arguments, &mut entry, &mut code));
        }
        // Slots are cleared when all guards have passed.
        for (&(parameter, _), &value) in added.iter().zip(&new) {
            let position = parameters.iter().position(|&other| other == parameter).expect("its own parameter");
            let argument = arguments[position];
            if let Some(slot) = function.values[parameter.index()].local
                && !self.is_cleared(function, edge.from, argument, slot)
            {
                let mut operands = vec![value];
                operands.extend(self.held(function, argument).is_none().then_some(argument));
                code.add(function, Instruction::new(Op::SetLocal, &operands).with_immediate(Immediate::Int(i64::from(slot))), None);
            }
        }
        let mut boxes: Vec<(Value, Value)> = Vec::new();
        for (position, &parameter) in parameters.iter().enumerate() {
            let Some(&argument) = arguments.get(position) else { break };
            if self.plan.parameters.contains_key(&parameter) {
                continue;
            }
            let held = self.held(function, argument);
            if self.plan.dropped.contains_key(&parameter) {
                // What it would have kept alive ends here, and its slot with it.
                if let Some(slot) = function.values[parameter.index()].local
                    && held.is_none()
                    && function.ty(argument).is_counted()
                    && !self.plan.dropped.contains_key(&function.root(argument))
                {
                    code.add(function, Instruction::new(Op::ClearLocal, &[argument]).with_immediate(Immediate::Int(i64::from(slot))), None);
                }
                continue;
            }
            let Some((kind, value)) = held else { continue };
            let boxed = match boxes.iter().find(|row| row.0 == value) {
                Some(row) => row.1,
                None => {
                    let boxed = code.value(function, Instruction::new(kind.boxing(), &[value]), Type::of(kind.class()));
                    boxes.push((value, boxed));
                    boxed
                }
            };
            if let Some(slot) = function.values[parameter.index()].local {
                code.add(function, Instruction::new(Op::SetLocal, &[boxed]).with_immediate(Immediate::Int(i64::from(slot))), None);
            }
            arguments[position] = boxed;
        }
        arguments.extend(new);
        let place = if code.instructions.is_empty() {
            edge
        } else if function.successors(edge.from).count() == 1 {
            let instructions = &mut function.block_mut(edge.from).instructions;
            let end = instructions.len() - 1;
            instructions.splice(end..end, code.instructions);
            edge
        } else {
            let between = function.split_edge(edge);
            function.block_mut(between).instructions.splice(0..0, code.instructions);
            Edge { from: between, target: 0 }
        };
        function.target_mut(place).arguments = arguments;
    }

    /// The value that an unboxed parameter gets over an edge.
    #[allow(clippy::too_many_arguments)]
    fn incoming(
        &self,
        function: &mut Function,
        block: Block,
        edge: Edge,
        parameter: Value,
        argument: Value,
        arguments: &[Value],
        entry: &mut Option<SnapshotId>,
        code: &mut EdgeCode,
    ) -> Value {
        let kind = self.plan.parameters[&parameter];
        let incoming = self.plan.incoming[&(edge, parameter)];
        match incoming {
            Incoming::Boxed(_, value) | Incoming::Known(_, value) => return value,
            Incoming::Constant(kind, immediate) => {
                let op = match kind {
                    Kind::Int => Op::ConstInt,
                    Kind::Float => Op::ConstFloat,
                    Kind::Bool => Op::ConstBool,
                };
                return code.value(function, Instruction::new(op, &[]).with_immediate(immediate), kind.ty());
            }
            Incoming::Parameter(other, _, known) => {
                if let Some(&(_, value)) = self.unboxed.get(&other) {
                    return value;
                }
                if let Some(value) = known {
                    return value;
                }
            }
            Incoming::Exact(_) | Incoming::Checked | Incoming::Any(_) | Incoming::Unfit => {}
        }
        let mut object = argument;
        let mut snapshot = None;
        if matches!(incoming, Incoming::Any(_) | Incoming::Checked) {
            let before =
                *entry.get_or_insert_with(|| entry_snapshot(function, block, arguments).expect("only loops with an entry snapshot are guarded before"));
            snapshot = Some(before);
            if !function.ty(argument).is(kind.class()) {
                let guard = Instruction::new(Op::GuardClass, &[argument]).with_immediate(Immediate::Class(kind.class())).with_snapshot(before);
                object = code.value(function, guard, Type::of(kind.class()));
            }
        }
        let mut unboxing = Instruction::new(kind.unboxing(), &[object]);
        unboxing.snapshot = snapshot.filter(|_| kind == Kind::Int);
        code.value(function, unboxing, kind.ty())
    }

    /// Whether a local's slot is empty at the end of a block, because an unboxed value was stored there last or came there unboxed.
    fn is_cleared(&self, function: &Function, block: Block, argument: Value, slot: u32) -> bool {
        for &id in function.block(block).instructions.iter().rev() {
            let instruction = function.instruction(id);
            if instruction.op == Op::SetLocal && instruction.immediates.first() == Some(&Immediate::Int(i64::from(slot))) {
                let value = instruction.operands[0];
                return !function.ty(value).is_object() || self.held(function, value).is_some();
            }
        }
        // A parameter that stood for the local is unboxed, too.
        let root = function.root(argument);
        self.plan.parameters.contains_key(&root) && function.values[root.index()].local == Some(slot)
    }

    fn block(&mut self, function: &mut Function, block: Block) {
        let old = std::mem::take(&mut function.block_mut(block).instructions);
        let mut new = Vec::with_capacity(old.len());
        let mut boxes: HashMap<Value, Value> = HashMap::default();
        for id in old {
            let mut instruction = function.instruction(id).clone();
            let offset = instruction.offset;
            // Who unboxes gets what is held.
            if let (Some(&operand), Some(result)) = (instruction.operands.first(), instruction.result)
                && let Some((kind, value)) = self.held(function, operand)
            {
                if instruction.op == kind.unboxing() {
                    self.substitution.replace(result, value);
                    continue;
                }
                if instruction.op == Op::GuardClass && instruction.immediates.first() == Some(&Immediate::Class(kind.class())) {
                    // Its users ask for the root.
                    continue;
                }
            }
            let keeps_from = match instruction.op {
                Op::SetLocal => 1,
                Op::ClearLocal | Op::KeepAlive => 0,
                _ => usize::MAX,
            };
            let mut operands = Vec::with_capacity(instruction.operands.len());
            for (position, &operand) in instruction.operands.iter().enumerate() {
                let is_dropped = function.ty(operand).is_object() && self.plan.dropped.contains_key(&function.root(operand));
                match self.held(function, operand) {
                    None if is_dropped && position >= keeps_from => {}
                    None => operands.push(operand),
                    Some(_) if position >= keeps_from => {}
                    Some((_, value)) if instruction.op == Op::SetLocal => operands.push(value),
                    Some((kind, value)) => {
                        let boxed = *boxes.entry(value).or_insert_with(|| {
                            let boxing = Instruction::new(kind.boxing(), &[value]).at(offset);
                            let id = function.add_instruction(boxing, Some(Type::of(kind.class())));
                            new.push(id);
                            function.instruction(id).result.expect("it has a type")
                        });
                        operands.push(boxed);
                    }
                }
            }
            if instruction.op == Op::KeepAlive && operands.is_empty() {
                continue;
            }
            instruction.operands = operands.into();
            *function.instruction_mut(id) = instruction;
            new.push(id);
        }
        function.block_mut(block).instructions = new;
    }

    /// Snapshots name what is held.
    fn snapshots(&self, function: &mut Function) {
        let forms: Vec<Option<Value>> = (0..function.values.len()).map(|index| self.held(function, Value::from_index(index)).map(|(_, value)| value)).collect();
        let mut snapshots = std::mem::take(&mut function.snapshots);
        for snapshot in &mut snapshots {
            // Only entry snapshots name dropped parameters, and are asked for on the edges that enter the loop only.
            for slot in snapshot.locals.iter_mut().chain(&mut snapshot.stack) {
                if let Some(value) = *slot
                    && let Some(&instead) = self.plan.dropped.get(&value)
                {
                    *slot = instead.filter(|&instead| !is_null(function, instead));
                }
            }
            for value in snapshot.values_mut() {
                if let Some(form) = forms[value.index()] {
                    *value = form;
                }
            }
        }
        function.snapshots = snapshots;
    }
}

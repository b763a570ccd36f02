//! Recomputes what is known of objects that meet at block parameters and go through guards: the least that fits, assuming at first that nothing gets anywhere.
//!
//! The builder assumes nothing of the parameters of loops, as it sees the back-edges last. A parameter that only ever gets ints is an int.

use coachwhip_ir::{ClassSet, ControlFlow, Function, Identity, Immediate, Instruction, Op, Reason, Type, Value, Yield};

/// Narrows the types of block parameters and of what guards yield.
pub(super) fn narrow(function: &mut Function) {
    let flow = ControlFlow::new(function);
    // `None`: nothing has got there yet.
    let mut types: Vec<Option<Type>> = vec![None; function.values.len()];
    for &block in &flow.reverse_postorder {
        for &id in &function.block(block).instructions {
            let instruction = function.instruction(id);
            if let Some(result) = instruction.result.filter(|_| instruction.yields() != Yield::Same) {
                types[result.index()] = Some(function.ty(result));
            }
        }
    }
    let mut changed = true;
    while changed {
        changed = false;
        for &block in &flow.reverse_postorder {
            let data = function.block(block);
            for (position, &parameter) in data.parameters.iter().enumerate() {
                let mut joined: Option<Type> = None;
                for edge in flow.predecessors(block) {
                    let argument = function.successors(edge.from).nth(edge.target).map(|target| target.arguments[position]);
                    let ty = argument.and_then(|argument| types[argument.index()]);
                    joined = match (joined, ty) {
                        (None, ty) | (ty, None) => ty,
                        (Some(one), Some(other)) => Some(one.join(other)),
                    };
                }
                changed |= update(&mut types, parameter, joined.map(lasting));
            }
            for &id in &data.instructions {
                let instruction = function.instruction(id);
                if let Some(result) = instruction.result.filter(|_| instruction.yields() == Yield::Same) {
                    let ty = types[instruction.operands[0].index()].map(|operand| guarded(instruction, operand, function.ty(result)));
                    changed |= update(&mut types, result, ty);
                }
            }
        }
    }
    for (index, ty) in types.into_iter().enumerate() {
        let old = function.values[index].ty;
        if let Some(ty) = ty
            && old.is_object()
            && ty != old
            && ty.is_subtype(old)
            && !ty.classes.is_empty()
        {
            function.values[index].ty = ty;
        }
    }
}

fn update(types: &mut [Option<Type>], value: Value, ty: Option<Type>) -> bool {
    let changed = types[value.index()] != ty;
    types[value.index()] = ty;
    changed
}

/// What stays true of a value for as long as it lives: an object's class can be assigned to, so that only a guard right before says what it is.
fn lasting(ty: Type) -> Type {
    match ty.identity {
        Identity::Exact(_) => Type { identity: Identity::Unknown, ..ty },
        _ => ty,
    }
}

/// What a guard yields for an operand. If it can never hold, what it was said to yield: that stays so, and its value may go around a loop.
fn guarded(instruction: &Instruction, operand: Type, declared: Type) -> Type {
    let classes = operand.classes.without_null();
    let narrowed = match (instruction.op, instruction.immediates.first()) {
        (Op::GuardClass, Some(&Immediate::Class(class))) => Type { classes: classes.intersection(ClassSet::of(class)), ..lasting(operand) },
        (Op::GuardNotNull, _) => Type { classes, ..operand },
        _ => Type { classes: classes.intersection(declared.classes), ..declared },
    };
    if narrowed.classes.is_empty() { declared } else { narrowed }
}

/// The exit in place of a guard that can never hold, as its operand is of other classes: its result would contradict the operand.
pub(super) fn always_fails(function: &Function, instruction: &Instruction) -> Option<Instruction> {
    if instruction.yields() != Yield::Same {
        return None;
    }
    let operand = function.ty(instruction.operands[0]).classes.without_null();
    let result = instruction.result.map_or(ClassSet::ANY, |result| function.ty(result).classes);
    let (possible, reason) = match (instruction.op, instruction.immediates.first()) {
        (Op::GuardClass, Some(&Immediate::Class(class))) => (operand.intersection(ClassSet::of(class)), Reason::Class),
        (Op::GuardNotNull, Some(&Immediate::Reason(reason))) => (operand, reason),
        (Op::GuardType, _) => (operand.intersection(result), Reason::Type),
        (Op::GuardIs, _) => (operand.intersection(result), Reason::Identity),
        _ => return None,
    };
    let mut exit = Instruction::new(Op::Exit, &[]).with_immediate(Immediate::Reason(reason)).at(instruction.offset);
    exit.snapshot = instruction.snapshot;
    possible.is_empty().then_some(exit)
}

/// Ends blocks at guards that can never hold.
pub(super) fn cut_impossible(function: &mut Function) {
    for block in function.block_ids() {
        let instructions = &function.block(block).instructions;
        let found = instructions.iter().enumerate().find_map(|(position, &id)| Some((position, always_fails(function, function.instruction(id))?)));
        if let Some((position, exit)) = found {
            function.block_mut(block).instructions.truncate(position);
            function.append(block, exit, None);
        }
    }
}

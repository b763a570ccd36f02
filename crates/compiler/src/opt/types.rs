//! Recomputes what is known of objects that meet at block parameters and go through guards: the least that fits, assuming at first that nothing gets anywhere.
//!
//! The builder assumes nothing of the parameters of loops, as it sees the back-edges last. A parameter that only ever gets ints is an int.

use coachwhip_ir::{ClassSet, ControlFlow, Function, Identity, Immediate, Instruction, Op, Type, Value, Yield};

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

/// What a guard yields for an operand.
fn guarded(instruction: &Instruction, operand: Type, declared: Type) -> Type {
    let classes = operand.classes.without_null();
    match (instruction.op, instruction.immediates.first()) {
        (Op::GuardClass, Some(&Immediate::Class(class))) => Type { classes: classes.intersection(ClassSet::of(class)), ..lasting(operand) },
        (Op::GuardNotNull, _) => Type { classes, ..operand },
        _ => Type { classes: classes.intersection(declared.classes), ..declared },
    }
}

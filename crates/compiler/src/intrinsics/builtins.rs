//! Intrinsics of the `builtins` and `math` modules and of built-in classes.

use super::Intrinsic;
use crate::build::{Builder, Result};
use coachwhip_abi::facts::ObjectValue;
use coachwhip_ir::{Class, ClassSet, Field, Helper, Identity, Immediate, Op, Type, Value};

pub(super) const ROWS: &[Intrinsic] = &[
    Intrinsic { name: "len", arity: 1, expand: len },
    Intrinsic { name: "isinstance", arity: 2, expand: isinstance },
    Intrinsic { name: "abs", arity: 1, expand: abs },
    Intrinsic { name: "list.append", arity: 2, expand: list_append },
    Intrinsic { name: "math.sqrt", arity: 1, expand: sqrt },
    Intrinsic { name: "class type", arity: 1, expand: type_of },
    Intrinsic { name: "class float", arity: 1, expand: float },
    Intrinsic { name: "class int", arity: 1, expand: int },
];

fn len(builder: &mut Builder<'_>, arguments: &[Value]) -> Result<Option<Value>> {
    let object = arguments[0];
    let field = match builder.known_class(object) {
        Some(Class::List) => Some(Field::ListSize),
        Some(Class::Tuple) => Some(Field::TupleSize),
        Some(Class::Str) => Some(Field::StrLength),
        Some(Class::Dict) => Some(Field::DictUsed),
        Some(Class::Bytes) => Some(Field::BytesSize),
        Some(class) if class.array_item().is_some() => Some(Field::ArraySize),
        _ => None,
    };
    let length = match field {
        Some(field) => builder.emit_value(Op::LoadIntField, &[object], &[Immediate::Field(field)], Type::INT),
        None => builder.call_helper_value(Helper::Length, &[object])?,
    };
    Ok(Some(builder.box_int(length)))
}

fn isinstance(builder: &mut Builder<'_>, arguments: &[Value]) -> Result<Option<Value>> {
    let (object, class) = (arguments[0], arguments[1]);
    if let Some(class_object) = builder.constant_of(class)
        && let ObjectValue::Class(class_ref) = builder.object(class_object).value
        && builder.ty(object).identity == Identity::Exact(class_ref)
    {
        let yes = builder.emit_value(Op::ConstBool, &[], &[Immediate::Int(1)], Type::BOOL);
        return Ok(Some(builder.box_bool(yes)));
    }
    if let Some(class_object) = builder.constant_of(class)
        && let ObjectValue::Class(class_ref) = builder.object(class_object).value
        && let Some(known) = builder.known_class(object)
        && let Some(holds) = is_subclass(known, builder.class(class_ref).class)
    {
        let outcome = builder.emit_value(Op::ConstBool, &[], &[Immediate::Int(i64::from(holds))], Type::BOOL);
        return Ok(Some(builder.box_bool(outcome)));
    }
    let test = builder.call_helper_value(Helper::IsInstance, &[object, class])?;
    Ok(Some(builder.box_bool(test)))
}

/// Whether instances of a built-in class are instances of another: both are immutable and their metaclass is `type`, so that the bases decide
/// (`object_recursive_isinstance`, Objects/abstract.c). `None` if that is not known.
fn is_subclass(class: Class, of: Class) -> Option<bool> {
    match (class, of) {
        (_, Class::Other) | (Class::Other, _) => None,
        (Class::Bool, Class::Int) => Some(true),
        _ => Some(class == of),
    }
}

fn abs(builder: &mut Builder<'_>, arguments: &[Value]) -> Result<Option<Value>> {
    match builder.known_class(arguments[0]) {
        Some(Class::Float) => {
            let value = builder.unbox_float(arguments[0]);
            let result = builder.emit_value(Op::FloatAbsolute, &[value], &[], Type::FLOAT);
            Ok(Some(builder.box_float(result)))
        }
        _ => Ok(None),
    }
}

fn list_append(builder: &mut Builder<'_>, arguments: &[Value]) -> Result<Option<Value>> {
    builder.call_helper(Helper::ListAppend, arguments)?;
    builder.none().map(Some)
}

fn sqrt(builder: &mut Builder<'_>, arguments: &[Value]) -> Result<Option<Value>> {
    let value = match builder.known_class(arguments[0]) {
        Some(class @ (Class::Float | Class::Int)) if !builder.is_refuted() => builder.as_float(arguments[0], class),
        _ => return Ok(None),
    };
    let result = builder.emit_guarded(Op::FloatSquareRoot, &[value], &[], Type::FLOAT);
    Ok(Some(builder.box_float(result)))
}

fn type_of(builder: &mut Builder<'_>, arguments: &[Value]) -> Result<Option<Value>> {
    // A class whose metaclass is not `type` is no exact type.
    let ty = Type::object(ClassSet::of(Class::Type).union(ClassSet::of(Class::Other)));
    Ok(Some(builder.emit_value(Op::LoadField, arguments, &[Immediate::Field(Field::ObjectType)], ty)))
}

fn float(builder: &mut Builder<'_>, arguments: &[Value]) -> Result<Option<Value>> {
    match builder.known_class(arguments[0]) {
        Some(Class::Float) => Ok(Some(arguments[0])),
        Some(Class::Int) if !builder.is_refuted() => {
            let value = builder.as_float(arguments[0], Class::Int);
            Ok(Some(builder.box_float(value)))
        }
        _ => Ok(None),
    }
}

fn int(builder: &mut Builder<'_>, arguments: &[Value]) -> Result<Option<Value>> {
    match builder.known_class(arguments[0]) {
        Some(Class::Int) => Ok(Some(arguments[0])),
        Some(Class::Bool) => {
            let value = builder.unbox_bool(arguments[0]);
            let number = builder.emit_value(Op::BoolToInt, &[value], &[], Type::INT);
            Ok(Some(builder.box_int(number)))
        }
        _ => Ok(None),
    }
}

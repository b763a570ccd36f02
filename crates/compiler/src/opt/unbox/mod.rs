//! Keeps ints, floats and bools unboxed: through block parameters, in locals, and in snapshots.
//!
//! **Why.** The builder boxes each outcome, for locals and the stack hold objects. Most boxes are only passed on to the next turn of a loop, shown in the frame, or named by
//! snapshots, which can hold an unboxed value as well (the runtime boxes it if the interpreter ever needs it).
//!
//! **How.** First it is decided ([`plan`]), then everything is changed at once ([`rewrite`]):
//!
//! - A block parameter that only ever gets boxes, constants and other such parameters of one kind becomes an unboxed parameter. A loop's parameter whose turns all give it such
//!   values, but whose first value is any object, does so, too: the class is guarded and the value unboxed before the loop, with the loop's entry snapshot.
//! - A box without a use as an object that is as hot as itself is not made: snapshots and `set_local` take the unboxed value, other uses box it where they are.
//! - A parameter that only keeps the old value of a local alive until it is overwritten is dropped, if that value is no object any more.
//!
//! **Invariants.** A local that is held unboxed has NULL in its slot: where a parameter that stands for a local becomes unboxed, the edges clear the slot; where an unboxed
//! value flows to a parameter that stays an object, the edge boxes it and shows it in the slot. For each value it is all snapshots and all `set_local`, or none.
//!
//! ```text
//! block1(v1: Object local1): entry snap0          block1(v9: i64 local1): entry snap0
//! v2: Int = guard_class[Int] v1 snap0             v4: i64 = int_add v9, v0 snap0
//! v3: i64 = unbox_int v2 snap0              =>    set_local[1] v4
//! v4: i64 = int_add v3, v0 snap0                  jump -> block1(v4)
//! v5: Int = box_int v4
//! set_local[1] v5, v1
//! jump -> block1(v5)
//! ```

mod plan;
mod rewrite;
mod uses;

use super::PassContext;
use super::locals::assign_locals;
use super::types;
use coachwhip_ir::{Class, Function, Op, Type};

/// The pass.
pub fn run(function: &mut Function, context: &mut PassContext<'_>) {
    function.remove_unreachable_blocks();
    assign_locals(function);
    let plan = plan::decide(function, context);
    if !plan.is_empty() {
        rewrite::apply(function, &plan);
        types::narrow(function);
        types::cut_impossible(function);
        function.remove_unreachable_blocks();
    }
}

/// A kind of value that can be held unboxed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Kind {
    Int,
    Float,
    Bool,
}

impl Kind {
    fn ty(self) -> Type {
        match self {
            Kind::Int => Type::INT,
            Kind::Float => Type::FLOAT,
            Kind::Bool => Type::BOOL,
        }
    }

    fn class(self) -> Class {
        match self {
            Kind::Int => Class::Int,
            Kind::Float => Class::Float,
            Kind::Bool => Class::Bool,
        }
    }

    fn boxing(self) -> Op {
        match self {
            Kind::Int => Op::BoxInt,
            Kind::Float => Op::BoxFloat,
            Kind::Bool => Op::BoxBool,
        }
    }

    fn unboxing(self) -> Op {
        match self {
            Kind::Int => Op::UnboxInt,
            Kind::Float => Op::UnboxFloat,
            Kind::Bool => Op::UnboxBool,
        }
    }

    fn of_boxing(op: Op) -> Option<Kind> {
        [Kind::Int, Kind::Float, Kind::Bool].into_iter().find(|kind| kind.boxing() == op)
    }

    fn of_class(class: Class) -> Option<Kind> {
        [Kind::Int, Kind::Float, Kind::Bool].into_iter().find(|kind| kind.class() == class)
    }
}

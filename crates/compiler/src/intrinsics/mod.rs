//! Intrinsics: built-in functions, methods and classes whose calls become IR. One row each: the qualified name, how many arguments (the receiver of a method
//! included), and a function that emits the IR, or answers `None` when the argument types are not the ones it is for (then the call is an ordinary one).

mod builtins;

use crate::build::{Builder, Result};
use coachwhip_ir::Value;

/// Emits the IR of a call. The operands are popped already; guards execute the call again.
pub(crate) type Expand = for<'facts> fn(&mut Builder<'facts>, &[Value]) -> Result<Option<Value>>;

/// One row.
pub(crate) struct Intrinsic {
    /// `len`, `list.append`, `math.sqrt`; `class int` for a call of the class.
    pub name: &'static str,
    /// The number of arguments.
    pub arity: usize,
    /// Emits the IR.
    pub expand: Expand,
}

/// The rows of all modules.
fn rows() -> impl Iterator<Item = &'static Intrinsic> {
    builtins::ROWS.iter()
}

/// The intrinsic of a callable, `builtins.` left out.
pub(crate) fn find(qualname: &str, arity: usize) -> Option<&'static Intrinsic> {
    let name = qualname.strip_prefix("builtins.").unwrap_or(qualname);
    rows().find(|row| row.name == name && row.arity == arity)
}

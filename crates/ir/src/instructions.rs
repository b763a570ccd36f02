//! The instruction table: each instruction of the IR is defined here, once. The enum, the printer, the parser, the verifier, the effects
//! that passes ask for, and `docs/reference/ir.md` follow from its rows.

use crate::effects::Heaps;
use crate::types::{Class, ClassSet};

/// What an operand must be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operand {
    /// A `PyObject *` that is not NULL.
    Object,
    /// A `PyObject *` or NULL.
    ObjectOrNull,
    /// An unboxed integer.
    Int,
    /// An unboxed float.
    Float,
    /// An unboxed bool.
    Bool,
    /// An address that is no object.
    Pointer,
    /// A value of any representation.
    Any,
}

/// What an immediate is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ImmediateKind {
    /// A 64-bit integer.
    Int,
    /// A double.
    Float,
    /// A built-in class.
    Class,
    /// A class of the facts.
    ClassRef,
    /// An object of the facts.
    Object,
    /// A code object of the facts.
    Code,
    /// A field of a C structure (`fields.rs`).
    Field,
    /// A routine of the runtime (`helpers.rs`).
    Helper,
    /// Why a guard leaves (`reasons.rs`).
    Reason,
    /// A comparison.
    Condition,
    /// How a C function takes its arguments.
    Convention,
}

/// What an instruction yields.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Yield {
    /// Nothing.
    Nothing,
    /// An unboxed integer.
    Int,
    /// An unboxed float.
    Float,
    /// An unboxed bool.
    Bool,
    /// An address that is no object.
    Pointer,
    /// A new reference, owned by whoever uses the value; classes as in the set, or fewer.
    New(ClassSet),
    /// A reference that lives only while the heaps that the instruction reads stay unchanged.
    Borrowed(ClassSet),
    /// A reference that somebody holds for as long as the function runs: constants, the function itself.
    Kept(ClassSet),
    /// The first operand itself, of which more is known now: the same reference, not a second one.
    Same,
    /// As the row of the helper says.
    Helper,
}

/// How an instruction can fail to go on to the next one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Leaves {
    /// Never.
    Never,
    /// By an exit: the snapshot is the state before the bytecode, which the interpreter executes again.
    Exit,
    /// By an exception: the snapshot is the state with the operands popped, which the unwinder cuts to the handler's depth.
    Raise,
    /// As the row of the helper says.
    Helper,
}

/// Comparison conditions of integers and floats.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Condition {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<` of integers taken as unsigned: `0 <= index < size` in one comparison.
    UnsignedLess,
}

impl Condition {
    /// Every condition with its printed name.
    pub const ROWS: &'static [(Condition, &'static str)] = &[
        (Condition::Equal, "eq"),
        (Condition::NotEqual, "ne"),
        (Condition::Less, "lt"),
        (Condition::LessOrEqual, "le"),
        (Condition::Greater, "gt"),
        (Condition::GreaterOrEqual, "ge"),
        (Condition::UnsignedLess, "ult"),
    ];

    /// The printed name.
    #[must_use]
    #[inline]
    pub fn name(self) -> &'static str {
        Self::ROWS.iter().find(|row| row.0 == self).map_or("?", |row| row.1)
    }
}

/// How a C function takes its arguments (`PyMethodDef.ml_flags`, Include/methodobject.h).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Convention {
    /// `f(self)`: METH_NOARGS
    NoArguments,
    /// `f(self, argument)`: METH_O
    OneArgument,
    /// `f(self, args, n)`: METH_FASTCALL
    Fast,
    /// `f(self, args, n, NULL)`: METH_FASTCALL | METH_KEYWORDS without keywords
    FastWithKeywords,
}

impl Convention {
    /// Every convention with its printed name.
    pub const ROWS: &'static [(Convention, &'static str)] = &[
        (Convention::NoArguments, "no_arguments"),
        (Convention::OneArgument, "one_argument"),
        (Convention::Fast, "fast"),
        (Convention::FastWithKeywords, "fast_with_keywords"),
    ];

    /// The printed name.
    #[must_use]
    #[inline]
    pub fn name(self) -> &'static str {
        Self::ROWS.iter().find(|row| row.0 == self).map_or("?", |row| row.1)
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Info {
    /// The printed name.
    pub name: &'static str,
    /// What it does.
    pub doc: &'static str,
    /// Fixed operands.
    pub operands: &'static [(&'static str, Operand)],
    /// Further operands of any number, after the fixed ones.
    pub rest: Option<(&'static str, Operand)>,
    /// Immediates.
    pub immediates: &'static [(&'static str, ImmediateKind)],
    /// What it yields.
    pub yields: Yield,
    /// Which fixed operands' references it takes over, as bits; `STEALS_REST` for all of `rest`.
    pub steals: u32,
    /// Heaps it reads.
    pub reads: Heaps,
    /// Heaps it writes; `Heaps::ANY` means that it may run any Python code.
    pub writes: Heaps,
    /// How it can leave.
    pub leaves: Leaves,
    /// How many blocks it names, if it ends a block.
    pub targets: Option<u8>,
    /// Whether it may be dropped when nobody uses its value (guards may not: they protect what follows).
    pub removable: bool,
}

/// In [`Info::steals`]: all of the `rest` operands.
pub const STEALS_REST: u32 = 1 << 31;

impl Info {
    const DEFAULT: Info = Info {
        name: "",
        doc: "",
        operands: &[],
        rest: None,
        immediates: &[],
        yields: Yield::Nothing,
        steals: 0,
        reads: Heaps::NONE,
        writes: Heaps::NONE,
        leaves: Leaves::Never,
        targets: None,
        removable: false,
    };
}

macro_rules! instructions {
    ($(
        $(#[doc = $doc:literal])+
        $variant:ident $name:ident ( $($operand:ident : $kind:ident),* $(; .. $rest:ident : $restkind:ident)? )
            $([ $($immediate:ident : $immediatekind:ident),* ])? $(-> $yields:expr)? , { $($key:ident : $value:expr),* }
    )*) => {
        /// An instruction's operation.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum Op { $($(#[doc = $doc])+ $variant,)* }

        impl Op {
            /// Every operation, in the order of the table.
            pub const ALL: &'static [Op] = &[$(Op::$variant,)*];

            const INFO: &'static [Info] = &[$(Info {
                name: stringify!($name),
                doc: concat!($($doc, "\n",)+),
                operands: &[$((stringify!($operand), Operand::$kind),)*],
                $(rest: Some((stringify!($rest), Operand::$restkind)),)?
                $(immediates: &[$((stringify!($immediate), ImmediateKind::$immediatekind),)*],)?
                $(yields: $yields,)?
                $($key: $value,)*
                ..Info::DEFAULT
            },)*];

            /// Its row.
            #[must_use]
            #[inline]
            pub const fn info(self) -> &'static Info {
                &Self::INFO[self as usize]
            }

            /// The operation of a printed name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Op> {
                Op::ALL.iter().copied().find(|op| op.info().name == name)
            }
        }
    };
}

const OBJECT: ClassSet = ClassSet::ANY;
const OBJECT_OR_NULL: ClassSet = ClassSet::ANY_OR_NULL;
const INT: ClassSet = ClassSet::of(Class::Int);
const FLOAT: ClassSet = ClassSet::of(Class::Float);
const BOOL: ClassSet = ClassSet::of(Class::Bool);

instructions! {
    // ---- Constants and what is there at entry ----

    /// A live object of the facts; the compiled code holds a reference to it.
    ConstObject const_object() [object: Object] -> Yield::Kept(OBJECT), { removable: true }
    /// An unboxed integer.
    ConstInt const_int() [value: Int] -> Yield::Int, { removable: true }
    /// An unboxed float.
    ConstFloat const_float() [value: Float] -> Yield::Float, { removable: true }
    /// An unboxed bool: 0 or 1.
    ConstBool const_bool() [value: Int] -> Yield::Bool, { removable: true }
    /// No object.
    Null null() -> Yield::Kept(ClassSet::NULL), { removable: true }
    /// A parameter of the function: the callee owns its arguments.
    Argument argument() [index: Int] -> Yield::New(OBJECT_OR_NULL), {}
    /// A slot of the interpreter's frame at on-stack replacement, by its index in `localsplus` (locals, cells, free variables, then the stack).
    /// The reference moves from the slot to the value; slots of the stack are emptied, others keep a copy (see `set_local`).
    EntrySlot entry_slot() [slot: Int] -> Yield::New(OBJECT_OR_NULL), {}
    /// The function object that runs.
    CurrentFunction current_function() -> Yield::Kept(ClassSet::of(Class::Function)), { removable: true }

    // ---- The frame ----

    /// Writes a local variable through to its slot in the frame. The slot does not own what it shows: the value's owner stays who it was.
    /// An unboxed value clears the slot. `old` keeps what the slot showed before alive until here.
    SetLocal set_local(value: Any; .. old: Any) [slot: Int], { writes: Heaps::LOCALS }
    /// Clears a local variable's slot.
    ClearLocal clear_local(; .. old: Any) [slot: Int], { writes: Heaps::LOCALS }
    /// Keeps values alive until here; no code.
    KeepAlive keep_alive(; .. values: Any), {}
    /// Pushes the frame of an inlined callee whose body has points where other code can look: function, arguments by slot.
    /// Its snapshot is the caller's state at the call.
    PushFrame push_frame(function: Object) [code: Code], { writes: Heaps::LOCALS, leaves: Leaves::Exit }
    /// Pops the frame of an inlined callee; `values` are its locals, which die right after.
    PopFrame pop_frame(; .. values: Any), { writes: Heaps::LOCALS }

    // ---- Guards: leave by an exit if what they claim is not so ----

    /// The object's class is exactly this built-in class.
    GuardClass guard_class(object: Object) [class: Class] -> Yield::Same, { leaves: Leaves::Exit }
    /// The object's `ob_type` is exactly this class of the facts, whose attributes a watcher protects.
    GuardType guard_type(object: Object) [class: ClassRef] -> Yield::Same, { reads: Heaps::CLASSES, leaves: Leaves::Exit }
    /// The object's class is this one of the facts, as a branch on `is_type` has shown: the same object with that type.
    Refine refine(object: Object) [class: ClassRef] -> Yield::Same, { reads: Heaps::CLASSES }
    /// It is this very object.
    GuardIs guard_is(object: ObjectOrNull) [object: Object] -> Yield::Same, { leaves: Leaves::Exit }
    /// There is an object.
    GuardNotNull guard_not_null(object: ObjectOrNull) [reason: Reason] -> Yield::Same, { leaves: Leaves::Exit }
    /// The test came out true.
    GuardTrue guard_true(test: Bool) [reason: Reason], { leaves: Leaves::Exit }
    /// The test came out false.
    GuardFalse guard_false(test: Bool) [reason: Reason], { leaves: Leaves::Exit }
    /// The instance still keeps its attributes in inline values (pycore_object.h, `_PyObject_InlineValues`).
    GuardInlineValues guard_inline_values(object: Object), { reads: Heaps::FIELDS, leaves: Leaves::Exit }
    /// The shared keys of the class have this version: no instance hides the class's attributes that the facts speak of.
    GuardKeysVersion guard_keys_version() [class: ClassRef, version: Int], { reads: Heaps::CLASSES, leaves: Leaves::Exit }
    /// The dict's keys object has this version (`dk_version`).
    GuardDictKeysVersion guard_dict_keys_version(dict: Object) [version: Int], { reads: Heaps::DICTS, leaves: Leaves::Exit }
    /// Entry `index` of an exact dict is of this interned name. All keys of the dict are strs; its value may be NULL.
    GuardDictEntry guard_dict_entry(dict: Object, name: Object) [index: Int], { reads: Heaps::DICTS, leaves: Leaves::Exit }

    // ---- Representations ----

    /// The value of an exact int; leaves if it does not fit 64 bits.
    UnboxInt unbox_int(object: Object) -> Yield::Int, { leaves: Leaves::Exit }
    /// A new int object (small ones are immortal and shared).
    BoxInt box_int(value: Int) -> Yield::New(INT), { removable: true }
    /// The value of an exact float.
    UnboxFloat unbox_float(object: Object) -> Yield::Float, { removable: true }
    /// A new float object.
    BoxFloat box_float(value: Float) -> Yield::New(FLOAT), { removable: true }
    /// The value of a bool.
    UnboxBool unbox_bool(object: Object) -> Yield::Bool, { removable: true }
    /// True or False.
    BoxBool box_bool(value: Bool) -> Yield::Kept(BOOL), { removable: true }
    /// The integer as a float; leaves if it is beyond 2^53, where Python rounds half to even by its own routine.
    IntToFloat int_to_float(value: Int) -> Yield::Float, { leaves: Leaves::Exit }
    /// The value of an exact float, or of an exact int of one digit; leaves for any other object.
    NumberToFloat number_to_float(object: Object) -> Yield::Float, { leaves: Leaves::Exit }
    /// 0 or 1.
    BoolToInt bool_to_int(value: Bool) -> Yield::Int, { removable: true }

    // ---- Integers: Python's meaning; leave if the outcome does not fit 64 bits ----

    /// `left + right`
    IntAdd int_add(left: Int, right: Int) -> Yield::Int, { leaves: Leaves::Exit }
    /// `left - right`
    IntSubtract int_subtract(left: Int, right: Int) -> Yield::Int, { leaves: Leaves::Exit }
    /// `left * right`
    IntMultiply int_multiply(left: Int, right: Int) -> Yield::Int, { leaves: Leaves::Exit }
    /// `left // right`, rounding down; leaves if `right` is zero.
    IntFloorDivide int_floor_divide(left: Int, right: Int) -> Yield::Int, { leaves: Leaves::Exit }
    /// `left % right`, with the sign of `right`; leaves if `right` is zero.
    IntRemainder int_remainder(left: Int, right: Int) -> Yield::Int, { leaves: Leaves::Exit }
    /// `left << right`; leaves if bits get lost or `right` is negative.
    IntShiftLeft int_shift_left(left: Int, right: Int) -> Yield::Int, { leaves: Leaves::Exit }
    /// `left >> right`, arithmetic; leaves if `right` is negative.
    IntShiftRight int_shift_right(left: Int, right: Int) -> Yield::Int, { leaves: Leaves::Exit }
    /// `left & right`
    IntAnd int_and(left: Int, right: Int) -> Yield::Int, { removable: true }
    /// `left | right`
    IntOr int_or(left: Int, right: Int) -> Yield::Int, { removable: true }
    /// `left ^ right`
    IntXor int_xor(left: Int, right: Int) -> Yield::Int, { removable: true }
    /// `-value`
    IntNegate int_negate(value: Int) -> Yield::Int, { leaves: Leaves::Exit }
    /// `~value`
    IntInvert int_invert(value: Int) -> Yield::Int, { removable: true }
    /// Compares two integers.
    IntCompare int_compare(left: Int, right: Int) [condition: Condition] -> Yield::Bool, { removable: true }
    /// `left + right` where the sum is known to fit.
    IntAddWrapping int_add_wrapping(left: Int, right: Int) -> Yield::Int, { removable: true }
    /// `left - right` where the difference is known to fit.
    IntSubtractWrapping int_subtract_wrapping(left: Int, right: Int) -> Yield::Int, { removable: true }

    // ---- Floats: IEEE 754 doubles ----

    /// `left + right`
    FloatAdd float_add(left: Float, right: Float) -> Yield::Float, { removable: true }
    /// `left - right`
    FloatSubtract float_subtract(left: Float, right: Float) -> Yield::Float, { removable: true }
    /// `left * right`
    FloatMultiply float_multiply(left: Float, right: Float) -> Yield::Float, { removable: true }
    /// `left / right`; leaves if `right` is zero.
    FloatDivide float_divide(left: Float, right: Float) -> Yield::Float, { leaves: Leaves::Exit }
    /// `-value`
    FloatNegate float_negate(value: Float) -> Yield::Float, { removable: true }
    /// `abs(value)`
    FloatAbsolute float_absolute(value: Float) -> Yield::Float, { removable: true }
    /// The square root; leaves if the value is negative or not a number.
    FloatSquareRoot float_square_root(value: Float) -> Yield::Float, { leaves: Leaves::Exit }
    /// Compares two floats; every condition but `ne` is false if one is not a number.
    FloatCompare float_compare(left: Float, right: Float) [condition: Condition] -> Yield::Bool, { removable: true }

    // ---- Bools and identity ----

    /// `not value`
    BoolNot bool_not(value: Bool) -> Yield::Bool, { removable: true }
    /// Whether both are the same object.
    IsSame is_same(left: ObjectOrNull, right: ObjectOrNull) -> Yield::Bool, { removable: true }
    /// Whether there is no object.
    IsNull is_null(object: ObjectOrNull) -> Yield::Bool, { removable: true }
    /// Whether the object's class is exactly this built-in class.
    IsClass is_class(object: Object) [class: Class] -> Yield::Bool, { removable: true }
    /// Whether the object's `ob_type` is this class of the facts.
    IsType is_type(object: Object) [class: ClassRef] -> Yield::Bool, { reads: Heaps::CLASSES, removable: true }

    // ---- Memory ----

    /// An object in a field of a C structure. The row of the field names its heap.
    LoadField load_field(object: Object) [field: Field] -> Yield::Borrowed(OBJECT_OR_NULL), { reads: Heaps::ANY, removable: true }
    /// An integer in a field of a C structure, widened to 64 bits as its row says.
    LoadIntField load_int_field(object: Object) [field: Field] -> Yield::Int, { reads: Heaps::ANY, removable: true }
    /// Stores an integer in a field of a C structure. The row of the field names its heap.
    StoreIntField store_int_field(object: Object, value: Int) [field: Field], { writes: Heaps::ITERATORS }
    /// Stores an object in a field, whose row names its heap; yields the reference that was there.
    ExchangeField exchange_field(object: Object, value: ObjectOrNull) [field: Field] -> Yield::New(OBJECT_OR_NULL), { steals: 0b10, writes: Heaps::FIELDS }
    /// The item of a list at an index that is known to be in range.
    ListGet list_get(list: Object, index: Int) -> Yield::Borrowed(OBJECT), { reads: Heaps::LISTS, removable: true }
    /// Replaces the item of a list at an index that is known to be in range; yields the old item.
    ListExchange list_exchange(list: Object, index: Int, value: Object) -> Yield::New(OBJECT), { steals: 0b100, reads: Heaps::LISTS, writes: Heaps::LISTS }
    /// The item of an array of doubles at an index that is known to be in range.
    ArrayGetFloat array_get_float(array: Object, index: Int) [class: Class] -> Yield::Float, { reads: Heaps::REST, removable: true }
    /// The item of an array of integers at an index that is known to be in range.
    ArrayGetInt array_get_int(array: Object, index: Int) [class: Class] -> Yield::Int, { reads: Heaps::REST, removable: true }
    /// Replaces an item of an array of doubles at an index that is known to be in range.
    ArraySetFloat array_set_float(array: Object, index: Int, value: Float) [class: Class], { writes: Heaps::REST }
    /// Replaces an item of an array of integers at an index that is known to be in range; so is the value.
    ArraySetInt array_set_int(array: Object, index: Int, value: Int) [class: Class], { writes: Heaps::REST }
    /// The item of a tuple at an index that is known to be in range.
    TupleGet tuple_get(tuple: Object, index: Int) -> Yield::Borrowed(OBJECT), { removable: true }
    /// An attribute in the inline values of an instance (valid ones: `guard_inline_values`), by its index; NULL if not set.
    InlineValueGet inline_value_get(object: Object) [index: Int] -> Yield::Borrowed(OBJECT_OR_NULL), { reads: Heaps::FIELDS, removable: true }
    /// Sets an attribute in the inline values, keeping the order of insertion; yields the old value, if any.
    InlineValueExchange inline_value_exchange(object: Object, value: Object) [index: Int] -> Yield::New(OBJECT_OR_NULL), { steals: 0b10, reads: Heaps::FIELDS, writes: Heaps::FIELDS }
    /// An object at a byte offset of an instance (`__slots__`); NULL if not set.
    SlotGet slot_get(object: Object) [offset: Int] -> Yield::Borrowed(OBJECT_OR_NULL), { reads: Heaps::FIELDS, removable: true }
    /// Replaces the object at a byte offset of an instance; yields the old one, if any.
    SlotExchange slot_exchange(object: Object, value: Object) [offset: Int] -> Yield::New(OBJECT_OR_NULL), { steals: 0b10, reads: Heaps::FIELDS, writes: Heaps::FIELDS }
    /// The contents of a cell; NULL if empty.
    CellGet cell_get(cell: Object) -> Yield::Borrowed(OBJECT_OR_NULL), { reads: Heaps::CELLS, removable: true }
    /// Replaces the contents of a cell; yields the old contents, if any.
    CellExchange cell_exchange(cell: Object, value: ObjectOrNull) -> Yield::New(OBJECT_OR_NULL), { steals: 0b10, reads: Heaps::CELLS, writes: Heaps::CELLS }
    /// The value at an index of a dict's unicode entries, after `guard_dict_keys_version` or `guard_dict_entry`.
    DictEntryGet dict_entry_get(dict: Object) [index: Int] -> Yield::Borrowed(OBJECT_OR_NULL), { reads: Heaps::DICTS, removable: true }
    /// The managed dict of an instance; NULL if it has none (pycore_object.h, `_PyObject_ManagedDictPointer`).
    ManagedDictGet managed_dict_get(object: Object) -> Yield::Borrowed(OBJECT_OR_NULL), { reads: Heaps::FIELDS, removable: true }

    // ---- Calls ----

    /// The address of an inline cache of this function, by number.
    CacheCell cache_cell() [index: Int] -> Yield::Pointer, { removable: true }
    /// Calls a routine of the runtime; its row says everything else.
    CallHelper call_helper(; .. arguments: Any) [helper: Helper] -> Yield::Helper, { reads: Heaps::ANY, writes: Heaps::ANY, leaves: Leaves::Helper }
    /// Calls a Python function through the entry cell of its code: one argument for each parameter, in the order of `localsplus`.
    /// The callee owns its arguments.
    CallDirect call_direct(function: Object; .. arguments: ObjectOrNull) [code: Code] -> Yield::New(OBJECT), { steals: STEALS_REST, reads: Heaps::ANY, writes: Heaps::ANY, leaves: Leaves::Raise }
    /// Calls any object by the vectorcall protocol; the last arguments are keyword arguments if `names` (a tuple, or NULL) is there.
    /// The first argument may be NULL: then it is left out (a method call whose receiver is not one). A Python function owns its arguments,
    /// and what is called dies before the arguments of a C function do.
    CallObject call_object(callable: Object, names: ObjectOrNull; .. arguments: ObjectOrNull) -> Yield::New(OBJECT), { steals: STEALS_REST | 1, reads: Heaps::ANY, writes: Heaps::ANY, leaves: Leaves::Raise }
    /// Calls a C function directly, by its own convention; `function` is a constant PyCFunction or method descriptor.
    /// The first of the arguments is `self` for a method descriptor.
    CallC call_c(; .. arguments: Object) [function: Object, convention: Convention] -> Yield::New(OBJECT), { reads: Heaps::ANY, writes: Heaps::ANY, leaves: Leaves::Raise }
    /// At a back-edge or after a call: handles signals, GIL requests and pending calls; leaves if tracing or instrumentation came on.
    CheckEvalBreaker check_eval_breaker(), { reads: Heaps::ANY, writes: Heaps::ANY, leaves: Leaves::Exit }
    /// After a call that may have run any code: leaves if this frame was inspected or its code was invalidated meanwhile.
    CheckFrame check_frame(), { leaves: Leaves::Exit }
    /// After an iterator's end: raises if an exception is set. Yields 0; only a `branch_raised` looks at it.
    CheckException check_exception() -> Yield::Int, { leaves: Leaves::Raise }

    // ---- References: placed by the last pass only ----

    /// Takes one more reference.
    Increment increment(object: ObjectOrNull), {}
    /// Gives one reference back; the last one destroys the object, which may run any code.
    Decrement decrement(object: ObjectOrNull), { writes: Heaps::ANY }

    // ---- Ends of blocks ----

    /// Goes on in another block.
    Jump jump(), { targets: Some(1) }
    /// Goes to the first block if the test is true, else to the second.
    Branch branch(test: Bool), { targets: Some(2) }
    /// Follows a `caught` instruction: to the first block with its outcome, or to the second if it raised.
    BranchRaised branch_raised(outcome: Any), { targets: Some(2) }
    /// Leaves the function with a value. The snapshot holds the locals, which die after the frame has gone, in their order.
    Return return(value: Object), { steals: 0b1, writes: Heaps::ANY, leaves: Leaves::Never, targets: Some(0) }
    /// Leaves to the interpreter, which goes on at the snapshot.
    Exit exit() [reason: Reason], { leaves: Leaves::Exit, targets: Some(0) }
    /// Cannot be reached.
    Unreachable unreachable(), { targets: Some(0) }

    // ---- Exceptions ----

    /// At the start of a block that a raise leads to: adds the traceback entry of the snapshot's bytecode and yields the exception, no longer set.
    /// (No entry after `reraise` and a bare `raise`.)
    Catch catch() -> Yield::New(OBJECT), { writes: Heaps::REST }
}

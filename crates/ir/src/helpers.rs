//! Routines of the runtime that compiled code calls: one row each. The numbering, the machine-level signatures, the address table and the effects
//! that passes ask for follow from the rows; `runtime/src/helpers/` implements them as `extern "C"` functions.
//!
//! Each function takes the thread state first, then its parameters in order; the rest, if any, as a pointer and a count.
//! How it reports an exception that it has set, if its row says `raises`: an object result by NULL, an integer or bool result (64 bits) by -1.

use crate::effects::Heaps;
use crate::instructions::Yield;
use crate::types::{Class, ClassSet};

/// A parameter of a helper.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Parameter {
    /// A borrowed `PyObject *`, not NULL.
    Object,
    /// A borrowed `PyObject *` or NULL.
    ObjectOrNull,
    /// A `PyObject *` whose reference the helper takes over, whether it succeeds or raises.
    Stolen,
    /// The same, or NULL.
    StolenOrNull,
    /// A 64-bit integer.
    Int,
    /// A double.
    Float,
    /// An address that is no object.
    Pointer,
}

/// The row of a helper.
#[derive(Clone, Copy, Debug)]
pub struct HelperInfo {
    /// The printed name, and the name of the function in `runtime/src/helpers/`.
    pub name: &'static str,
    /// What it does.
    pub doc: &'static str,
    /// Parameters after the thread state.
    pub parameters: &'static [(&'static str, Parameter)],
    /// Further parameters, passed as a pointer to an array and a count.
    pub rest: Option<(&'static str, Parameter)>,
    /// What it returns.
    pub yields: Yield,
    /// Whether it can set an exception.
    pub raises: bool,
    /// Heaps it reads.
    pub reads: Heaps,
    /// Heaps it writes; `Heaps::ANY`: it may run any Python code.
    pub writes: Heaps,
}

impl HelperInfo {
    const DEFAULT: HelperInfo =
        HelperInfo { name: "", doc: "", parameters: &[], rest: None, yields: Yield::Nothing, raises: true, reads: Heaps::ANY, writes: Heaps::ANY };
}

macro_rules! helpers {
    ($(
        $(#[doc = $doc:literal])+
        $variant:ident $name:ident ( $($parameter:ident : $kind:ident),* $(; .. $rest:ident : $restkind:ident)? )
            $(-> $yields:expr)? , { $($key:ident : $value:expr),* }
    )*) => {
        /// A routine of the runtime.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u16)]
        pub enum Helper { $($(#[doc = $doc])+ $variant,)* }

        impl Helper {
            /// Every helper, in the order of the table.
            pub const ALL: &'static [Helper] = &[$(Helper::$variant,)*];

            const INFO: &'static [HelperInfo] = &[$(HelperInfo {
                name: stringify!($name),
                doc: concat!($($doc, "\n",)+),
                parameters: &[$((stringify!($parameter), Parameter::$kind),)*],
                $(rest: Some((stringify!($rest), Parameter::$restkind)),)?
                $(yields: $yields,)?
                $($key: $value,)*
                ..HelperInfo::DEFAULT
            },)*];

            /// Its row.
            #[must_use]
            #[inline]
            pub const fn info(self) -> &'static HelperInfo {
                &Self::INFO[self as usize]
            }

            /// The helper of a printed name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Helper> {
                Helper::ALL.iter().copied().find(|helper| helper.info().name == name)
            }
        }

        /// Calls `$callback! { name, name, ... }` with the names of all helpers, for the address table.
        #[macro_export]
        macro_rules! for_each_helper {
            ($callback:ident) => { $callback! { $($variant $name,)* } };
        }
    };
}

const NEW: Yield = Yield::New(ClassSet::ANY);
const NEW_OR_NULL: Yield = Yield::New(ClassSet::ANY_OR_NULL);
const fn new(class: Class) -> Yield {
    Yield::New(ClassSet::of(class))
}

/// Where the attributes of instances are.
const INSTANCE_HEAPS: Heaps = Heaps::FIELDS.union(Heaps::DICTS).union(Heaps::CLASSES);

helpers! {
    // ---- Operators ----

    /// `left <operator> right` for any objects; `operator` is the oparg of BINARY_OP (NB_ADD ... NB_INPLACE_XOR).
    BinaryOperation binary_operation(left: Object, right: Object, operator: Int) -> NEW, {}
    /// `left + right` of two exact ints of any size.
    LongAdd long_add(left: Object, right: Object) -> new(Class::Int), { writes: Heaps::NONE }
    /// `left - right` of two exact ints of any size.
    LongSubtract long_subtract(left: Object, right: Object) -> new(Class::Int), { writes: Heaps::NONE }
    /// `left * right` of two exact ints of any size.
    LongMultiply long_multiply(left: Object, right: Object) -> new(Class::Int), { writes: Heaps::NONE }
    /// Compares two exact ints of any size; `operator` is Py_LT ... Py_GE.
    LongCompare long_compare(left: Object, right: Object, operator: Int) -> Yield::Bool, { raises: false, writes: Heaps::NONE }
    /// `left % right` of floats; `right` is not zero.
    FloatRemainder float_remainder(left: Float, right: Float) -> Yield::Float, { raises: false, writes: Heaps::NONE }
    /// `left // right` of floats; `right` is not zero.
    FloatFloorDivide float_floor_divide(left: Float, right: Float) -> Yield::Float, { raises: false, writes: Heaps::NONE }
    /// `left ** right` where the outcome is a float as C `pow` gives it: callers have checked the cases that Python treats by itself, and leave if it is infinite (OverflowError).
    FloatPower float_power(left: Float, right: Float) -> Yield::Float, { raises: false, writes: Heaps::NONE }
    /// `-value`
    UnaryNegative unary_negative(value: Object) -> NEW, {}
    /// `~value`
    UnaryInvert unary_invert(value: Object) -> NEW, {}
    /// The truth of any object.
    IsTrue is_true(value: Object) -> Yield::Bool, {}
    /// `left <operator> right`, any outcome; `operator` is Py_LT ... Py_GE.
    RichCompare rich_compare(left: Object, right: Object, operator: Int) -> NEW, {}
    /// The truth of `left <operator> right`.
    RichCompareBool rich_compare_bool(left: Object, right: Object, operator: Int) -> Yield::Bool, {}
    /// Whether two exact strs are equal.
    StrEqual str_equal(left: Object, right: Object) -> Yield::Bool, { raises: false, writes: Heaps::NONE }
    /// Compares two exact strs; `operator` is Py_LT ... Py_GE.
    StrCompare str_compare(left: Object, right: Object, operator: Int) -> Yield::Bool, { raises: false, writes: Heaps::NONE }
    /// `left + right` of two exact strs.
    StrConcatenate str_concatenate(left: Object, right: Object) -> new(Class::Str), { writes: Heaps::NONE }
    /// `left + right` of two exact strs, in place if `left` has no other owner (PyUnicode_Append).
    StrAppend str_append(left: Stolen, right: Object) -> new(Class::Str), { writes: Heaps::NONE }
    /// `str[index]`, `0 <= index < len`.
    StrGet str_get(str: Object, index: Int) -> new(Class::Str), { writes: Heaps::NONE }
    /// `item in container`
    Contains contains(container: Object, item: Object) -> Yield::Bool, {}

    // ---- Subscripts ----

    /// `container[key]`
    GetItem get_item(container: Object, key: Object) -> NEW, {}
    /// `container[key] = value`
    SetItem set_item(container: Object, key: Object, value: Object) -> Yield::Int, {}
    /// `del container[key]`
    DeleteItem delete_item(container: Object, key: Object) -> Yield::Int, {}
    /// `dict[key]` of an exact dict; KeyError if it is not there.
    DictGetItem dict_get_item(dict: Object, key: Object) -> NEW, {}
    /// `dict[key] = value` of an exact dict.
    DictSetItem dict_set_item(dict: Object, key: Object, value: Object) -> Yield::Int, {}
    /// `container[start:stop]`
    GetSlice get_slice(container: Object, start: Object, stop: Object) -> NEW, {}
    /// `container[start:stop] = value`
    SetSlice set_slice(container: Object, start: Object, stop: Object, value: Object) -> Yield::Int, {}
    /// `list.append(item)` of an exact list.
    ListAppend list_append(list: Object, item: Stolen) -> Yield::Int, { writes: Heaps::LISTS }

    // ---- Attributes and names ----

    /// `object.name`, remembering classes in a cache cell.
    LoadAttribute load_attribute(object: Object, name: Object, cache: Pointer) -> NEW, {}
    /// The first half of a method call `object.name(...)`: the function if it takes the object as its first argument, else the attribute.
    /// `method_receiver` tells which.
    LoadMethod load_method(object: Object, name: Object, cache: Pointer) -> NEW, {}
    /// Right after `load_method` on the same thread: a new reference to `object` if the method takes it, else NULL.
    MethodReceiver method_receiver(object: Object) -> NEW_OR_NULL, { raises: false, writes: Heaps::NONE }
    /// `object.name = value`, remembering classes in a cache cell.
    StoreAttribute store_attribute(object: Object, name: Object, value: Object, cache: Pointer) -> Yield::Int, {}
    /// Whether an instance of a class with managed dicts has no attribute `name` of its own; false if that takes more than a look.
    InstanceLacks instance_lacks(object: Object, name: Object) -> Yield::Bool, { raises: false, reads: INSTANCE_HEAPS, writes: Heaps::NONE }
    /// `del object.name`
    DeleteAttribute delete_attribute(object: Object, name: Object) -> Yield::Int, {}
    /// `super(class, self).name` as LOAD_SUPER_ATTR does it; `flags`: bit 0 a method call (then see `method_receiver`), bit 1 two-argument form.
    LoadSuperAttribute load_super_attribute(super_object: Object, class: Object, receiver: Object, name: Object, flags: Int) -> NEW, {}
    /// A global or built-in of the function that runs.
    LoadGlobal load_global(name: Object) -> NEW, {}
    /// `global name; name = value`
    StoreGlobal store_global(name: Object, value: Object) -> Yield::Int, {}
    /// `global name; del name`
    DeleteGlobal delete_global(name: Object) -> Yield::Int, {}
    /// A name of a class body or module.
    LoadName load_name(name: Object) -> NEW, {}
    /// `name = value` in a class body or module.
    StoreName store_name(name: Object, value: Object) -> Yield::Int, {}
    /// `del name` in a class body or module.
    DeleteName delete_name(name: Object) -> Yield::Int, {}
    /// The namespace of a class body or module (LOAD_LOCALS).
    LoadLocals load_locals() -> NEW, {}
    /// LOAD_FROM_DICT_OR_GLOBALS
    LoadFromDictOrGlobals load_from_dict_or_globals(namespace: Object, name: Object) -> NEW, {}
    /// LOAD_FROM_DICT_OR_DEREF: `cell` and its name.
    LoadFromDictOrDeref load_from_dict_or_deref(namespace: Object, cell: Object, slot: Int) -> NEW, {}
    /// `__build_class__` (LOAD_BUILD_CLASS)
    LoadBuildClass load_build_class() -> NEW, {}
    /// Raises UnboundLocalError or NameError for the variable in a slot of `localsplus`.
    RaiseUnbound raise_unbound(slot: Int) -> Yield::Int, { writes: Heaps::REST }

    // ---- Calls ----

    /// `callable(*args, **keywords)`. Python functions own their arguments, so tuple and dict go before they start.
    CallFunctionEx call_function_ex(callable: Stolen, args: Stolen, keywords: StolenOrNull) -> NEW, {}
    /// CALL_INTRINSIC_1
    CallIntrinsic1 call_intrinsic_1(value: Object, number: Int) -> NEW, {}
    /// CALL_INTRINSIC_2
    CallIntrinsic2 call_intrinsic_2(first: Object, second: Object, number: Int) -> NEW, {}
    /// A new function over a code object, with the globals of the one that runs (MAKE_FUNCTION).
    MakeFunction make_function(code: Object) -> NEW, {}
    /// SET_FUNCTION_ATTRIBUTE: the attribute is taken over; `which` as the oparg.
    SetFunctionAttribute set_function_attribute(function: Object, attribute: Stolen, which: Int), { raises: false, writes: Heaps::REST }
    /// `import name`
    ImportName import_name(name: Object, from_list: Object, level: Object) -> NEW, {}
    /// `from module import name`
    ImportFrom import_from(module: Object, name: Object) -> NEW, {}
    /// A new instance of a class whose `__new__` is object's: `tp_alloc(class, 0)`.
    AllocateInstance allocate_instance(class: Object) -> NEW, { writes: Heaps::NONE }
    /// Raises TypeError if what `__init__` returned is not None (EXIT_INIT_CHECK).
    CheckInit check_init(outcome: Object) -> Yield::Int, { writes: Heaps::REST }
    /// `len(object)` as an object
    Length length(object: Object) -> Yield::Int, {}
    /// `isinstance(object, class)`
    IsInstance is_instance(object: Object, class: Object) -> Yield::Bool, {}

    // ---- Displays and formatting ----

    /// `[items]`
    BuildList build_list(; .. items: Stolen) -> new(Class::List), { writes: Heaps::NONE }
    /// `(items)`
    BuildTuple build_tuple(; .. items: Stolen) -> new(Class::Tuple), { writes: Heaps::NONE }
    /// `{items}`
    BuildSet build_set(; .. items: Object) -> new(Class::Set), {}
    /// `{key: value, ...}`: keys and values in turn.
    BuildMap build_map(; .. items: Object) -> new(Class::Dict), {}
    /// A dict of a tuple of keys and the values (BUILD_CONST_KEY_MAP).
    BuildConstKeyMap build_const_key_map(keys: Object; .. values: Object) -> new(Class::Dict), {}
    /// The pieces of an f-string joined.
    BuildString build_string(; .. pieces: Object) -> new(Class::Str), { writes: Heaps::NONE }
    /// `slice(start, stop, step)`
    BuildSlice build_slice(start: Object, stop: Object, step: Object) -> new(Class::Slice), { writes: Heaps::NONE }
    /// LIST_EXTEND
    ListExtend list_extend(list: Object, iterable: Object) -> Yield::Int, {}
    /// SET_UPDATE
    SetUpdate set_update(set: Object, iterable: Object) -> Yield::Int, {}
    /// SET_ADD
    SetAdd set_add(set: Object, item: Object) -> Yield::Int, {}
    /// DICT_UPDATE
    DictUpdate dict_update(dict: Object, update: Object) -> Yield::Int, {}
    /// DICT_MERGE; `callable` for the error message.
    DictMerge dict_merge(dict: Object, update: Object, callable: Object) -> Yield::Int, {}
    /// MAP_ADD: key and value are taken over.
    MapAdd map_add(dict: Object, key: Stolen, value: Stolen) -> Yield::Int, {}
    /// FORMAT_SIMPLE
    FormatSimple format_simple(value: Object) -> NEW, {}
    /// FORMAT_WITH_SPEC
    FormatWithSpec format_with_spec(value: Object, specification: Object) -> NEW, {}
    /// CONVERT_VALUE: `!s`, `!r`, `!a` as the oparg.
    ConvertValue convert_value(value: Object, conversion: Int) -> NEW, {}

    // ---- Iteration and unpacking ----

    /// `iter(object)`
    GetIter get_iter(object: Object) -> NEW, {}
    /// The next item; NULL at the end or with an exception set (`check_exception` tells).
    IterNext iter_next(iterator: Object) -> NEW_OR_NULL, { raises: false }
    /// The items of an iterable as a tuple of exactly `count` (UNPACK_SEQUENCE).
    UnpackSequence unpack_sequence(sequence: Object, count: Int) -> new(Class::Tuple), {}
    /// UNPACK_EX: a tuple of the items before, the list of the middle, and the items after.
    UnpackEx unpack_ex(sequence: Object, before: Int, after: Int) -> new(Class::Tuple), {}

    // ---- Pattern matching ----

    /// Whether the class of the subject has the given bit of `tp_flags` (MATCH_MAPPING, MATCH_SEQUENCE).
    MatchFlags match_flags(subject: Object, flags: Int) -> Yield::Bool, { raises: false, writes: Heaps::NONE }
    /// MATCH_KEYS: a tuple of values or None.
    MatchKeys match_keys(subject: Object, keys: Object) -> NEW, {}
    /// MATCH_CLASS: a tuple of attributes or None.
    MatchClass match_class(subject: Object, class: Object, names: Object, count: Int) -> NEW, {}
    /// GET_LEN
    GetLen get_len(subject: Object) -> NEW, {}

    // ---- Exceptions and with ----

    /// Sets the exception that `raise`, `raise exception` or `raise exception from cause` asks for; always returns -1.
    /// A bare `raise` also tells the thread that no traceback entry is to be added (`do_raise` in Python/ceval.c).
    Raise raise(exception: ObjectOrNull, cause: ObjectOrNull) -> Yield::Int, {}
    /// RERAISE: sets the exception again, always returns -1; tells the thread that no traceback entry is to be added. If `lasti` (an int object) is there,
    /// the frame's `instr_ptr` becomes that instruction.
    Reraise reraise(exception: Stolen, lasti: ObjectOrNull) -> Yield::Int, { writes: Heaps::REST }
    /// PUSH_EXC_INFO: makes the exception the handled one and yields the one before (None if there was none).
    PushExcInfo push_exc_info(exception: Object) -> NEW, { raises: false, writes: Heaps::REST }
    /// POP_EXCEPT: takes back what `push_exc_info` yielded.
    PopExcept pop_except(previous: Stolen), { raises: false }
    /// CHECK_EXC_MATCH
    CheckExcMatch check_exc_match(exception: Object, class: Object) -> Yield::Bool, {}
    /// CHECK_EG_MATCH: a tuple (rest, match).
    CheckEgMatch check_eg_match(group: Object, class: Object) -> new(Class::Tuple), {}
    /// BEFORE_WITH: a tuple (bound `__exit__`, outcome of `__enter__`).
    BeforeWith before_with(manager: Object) -> new(Class::Tuple), {}
    /// WITH_EXCEPT_START
    WithExceptStart with_except_start(exit: Object, exception: Object) -> NEW, {}
    /// AssertionError (LOAD_ASSERTION_ERROR)
    AssertionError assertion_error() -> NEW, { raises: false, writes: Heaps::NONE }
    /// SETUP_ANNOTATIONS
    SetupAnnotations setup_annotations() -> Yield::Int, {}

    // ---- Cells ----

    /// A new cell around a value (with a reference of its own), or an empty one.
    MakeCell make_cell(value: ObjectOrNull) -> new(Class::Cell), { writes: Heaps::NONE }
}

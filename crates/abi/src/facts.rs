//! Facts: all that the compiler may know about live objects, captured with the GIL held. They own what they describe (the installed code keeps
//! references to every object), can be sent to another thread, and no Python object is touched while compiling.

use coachwhip_bytecode::{ExceptionTableEntry, Instruction};
use coachwhip_ir::{Class, ClassRef, ClassSet, CodeRef, Convention, ObjectRef, Reason};

/// The facts of one compilation.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Code objects; `code0` is the one being compiled, others are callees that it may call directly or inline.
    pub codes: Vec<CodeFacts>,
    /// Objects: constants, globals, functions, methods.
    pub objects: Vec<ObjectFacts>,
    /// Classes that inline caches speak of.
    pub classes: Vec<ClassFacts>,
    /// At a loop entry: the class of what each slot of `localsplus` held (locals, then the stack), `None` for empty slots. Empty for calls.
    pub slots: Vec<Option<SlotFacts>>,
    /// At a call that was seen: the class of what each parameter held when the function got hot, `None` for none. Empty if no call was seen.
    pub arguments: Vec<Option<SlotFacts>>,
    /// The class `array.array`, if its module has been imported.
    pub arrays: Option<ArrayFacts>,
    /// Exits that were taken too often: no speculation by this reason at this bytecode.
    pub refuted: Vec<Refuted>,
}

/// The class `array.array`, and how its instances tell what they hold.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ArrayFacts {
    /// The address of the class.
    pub class: usize,
    /// `arrayobject.ob_descr` of each kind of array.
    pub descriptors: Vec<(Class, usize)>,
}

/// What a slot of the frame held when its loop or its function got hot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SlotFacts {
    /// Its built-in class.
    pub class: Class,
    /// The address of its class: to be compared with, no more.
    pub type_address: usize,
}

impl Facts {
    /// The built-in classes that instances of a class of the facts can have.
    #[must_use]
    pub fn classes_of(&self, class: ClassRef) -> ClassSet {
        let facts = &self.classes[class.index()];
        if self.arrays.as_ref().is_some_and(|arrays| arrays.class == facts.address) { ClassSet::any_array() } else { ClassSet::of(facts.class) }
    }
}

/// A guess that went wrong too often.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refuted {
    /// The code, by address.
    pub code_address: usize,
    /// The bytecode, in code units.
    pub offset: u32,
    /// How often a guess there was given up: after the first time the builder may guess again, by what was seen.
    pub times: u32,
    /// Only the guess that the bytecode is never reached was wrong.
    pub reached_only: bool,
    /// Why the last of them was given up.
    pub reason: Reason,
    /// The classes of the two topmost stack slots (second, topmost) at the last exit.
    pub operands: Option<(Class, Class)>,
    /// The addresses of their classes: to be compared with, no more.
    pub operand_types: Option<(usize, usize)>,
}

/// Classes that came by where another was expected: by what `LOAD_ATTR` or `STORE_ATTR` was executed on, when it left compiled code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SeenClasses {
    /// The code, by address.
    pub code_address: usize,
    /// The bytecode, in code units.
    pub offset: u32,
    /// Their version tags; 0 for none.
    pub versions: [u32; SeenClasses::MOST],
    /// There were more than these.
    pub more: bool,
}

impl SeenClasses {
    /// So many classes are told apart.
    pub const MOST: usize = 4;
}

/// For `keys_version`: nothing is known of the class's shared keys; look whether the instance has the attribute.
pub const LOOK: u32 = u32::MAX;

/// A code object.
#[derive(Clone, Debug)]
pub struct CodeFacts {
    /// Its address.
    pub address: usize,
    /// Address of the first code unit (`co_code_adaptive`).
    pub first_unit: usize,
    /// The address of the cell that holds the machine entry of this code: `call_direct` jumps through it.
    /// 0 if it cannot be called directly (generators, too many parameters).
    pub entry_cell: usize,
    /// `co_qualname`
    pub qualname: String,
    /// `co_filename`
    pub filename: String,
    /// `co_firstlineno`
    pub first_line: u32,
    /// `co_flags`
    pub flags: u32,
    /// `co_argcount`
    pub argcount: u32,
    /// `co_posonlyargcount`
    pub posonlyargcount: u32,
    /// `co_kwonlyargcount`
    pub kwonlyargcount: u32,
    /// `co_stacksize`
    pub stacksize: u32,
    /// `co_framesize`, in words
    pub framesize: u32,
    /// Names of the slots of `localsplus`; their kinds beside.
    pub slots: Vec<SlotName>,
    /// `co_consts`
    pub consts: Vec<ObjectRef>,
    /// `co_names`
    pub names: Vec<ObjectRef>,
    /// Decoded instructions with what the interpreter's inline caches know. Empty if only calls are of interest.
    pub instructions: Vec<(Instruction, Feedback)>,
    /// The exception table, innermost entry last to match.
    pub exception_table: Vec<ExceptionTableEntry>,
    /// `(offset in code units, line)`, ascending by offset.
    pub lines: Vec<(u32, u32)>,
}

/// A slot of `localsplus` (pycore_code.h, `_PyLocals_Kind`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SlotName {
    /// The variable's name.
    pub name: String,
    /// Whether it is a plain local (perhaps also a cell).
    pub is_local: bool,
    /// Whether it is a cell that MAKE_CELL makes.
    pub is_cell: bool,
    /// Whether it is a free variable.
    pub is_free: bool,
}

/// `co_flags` bits that the compiler asks for (Include/cpython/code.h).
pub mod code_flags {
    /// Locals live in slots, not in a dict.
    pub const OPTIMIZED: u32 = 0x1;
    /// `*args`
    pub const VARARGS: u32 = 0x4;
    /// `**keywords`
    pub const VARKEYWORDS: u32 = 0x8;
    /// Generator, coroutine or asynchronous generator.
    pub const GENERATOR: u32 = 0x20 | 0x80 | 0x200;
}

impl CodeFacts {
    /// The number of parameters, each a slot at the start of `localsplus`: positional, keyword-only, `*args`, `**keywords`.
    #[must_use]
    pub fn parameter_count(&self) -> u32 {
        self.argcount + self.kwonlyargcount + u32::from(self.flags & code_flags::VARARGS != 0) + u32::from(self.flags & code_flags::VARKEYWORDS != 0)
    }

    /// The line of a bytecode, 0 if it has none.
    #[must_use]
    pub fn line(&self, offset: u32) -> u32 {
        match self.lines.partition_point(|row| row.0 <= offset) {
            0 => 0,
            after => self.lines[after - 1].1,
        }
    }
}

/// An object.
#[derive(Clone, Debug)]
pub struct ObjectFacts {
    /// Its address. The installed code holds a reference to it.
    pub address: usize,
    /// Its built-in class, `Other` if it has none with a row.
    pub class: Class,
    /// Whether it is immortal.
    pub immortal: bool,
    /// What it is.
    pub value: ObjectValue,
    /// How it prints in dumps: a short text without addresses.
    pub text: String,
}

/// What is known of an object's value; all of it immutable or watched.
#[derive(Clone, Debug)]
pub enum ObjectValue {
    /// Nothing more.
    Opaque,
    /// An exact int that fits 64 bits.
    Int(i64),
    /// An exact float.
    Float(f64),
    /// True or False.
    Bool(bool),
    /// None
    None,
    /// An exact str, if short.
    Str(String),
    /// An exact tuple.
    Tuple(Vec<ObjectRef>),
    /// A Python function, watched for changes of its code and defaults.
    Function(FunctionFacts),
    /// A class.
    Class(ClassRef),
    /// A built-in function or a method bound to its object at creation.
    BuiltinFunction {
        /// The qualified name: `builtins.len`, `math.sqrt`. Intrinsics are found by it and by the address of the C function.
        qualname: String,
        /// The C function.
        address: usize,
        /// How it takes its arguments, if `call_c` can call it.
        convention: Option<Convention>,
        /// Its `self` (the module, or the bound object); NULL as `None`.
        receiver: Option<ObjectRef>,
    },
    /// A method descriptor of a built-in class.
    MethodDescriptor {
        /// The qualified name: `list.append`.
        qualname: String,
        /// The C function.
        address: usize,
        /// How it takes its arguments after `self`, if `call_c` can call it.
        convention: Option<Convention>,
        /// The class that `self` must be an instance of (exactly so for the fast path).
        class: ClassRef,
    },
    /// A code object (a constant of MAKE_FUNCTION).
    Code,
    /// A module with this namespace.
    Module(ObjectRef),
}

/// A Python function.
#[derive(Clone, Debug)]
pub struct FunctionFacts {
    /// Its code, if captured.
    pub code: Option<CodeRef>,
    /// `__defaults__`
    pub defaults: Vec<ObjectRef>,
    /// `__kwdefaults__` by name.
    pub keyword_defaults: Vec<(String, ObjectRef)>,
    /// Whether it has a closure.
    pub has_closure: bool,
    /// Whether its globals and builtins are those of `code0`'s function, so that its body can be inlined with them.
    pub same_globals: bool,
}

/// A class.
#[derive(Clone, Debug)]
pub struct ClassFacts {
    /// Its address. Type watchers protect what inline caches say of it.
    pub address: usize,
    /// `__qualname__`
    pub name: String,
    /// Its built-in class, if its instances are of one (exactly this type); `Other` if not.
    pub class: Class,
    /// `tp_version_tag` at capture, never 0.
    pub version: u32,
    /// The address of its shared keys (`ht_cached_keys`), 0 if it has none.
    pub cached_keys: usize,
    /// Whether instances have inline values.
    pub inline_values: bool,
    /// `tp_basicsize`
    pub basicsize: usize,
    /// Whether `__init__` is a Python function that a call of the class can enter directly: plain `type.__call__`, `object.__new__`, no `__new__` of its own.
    pub init: Option<ObjectRef>,
    /// Whether destroying an instance runs no Python code beyond its attributes' destruction: no `__del__`, no `tp_finalize`. Callbacks of weak references are not
    /// considered: only an object that nothing else has seen can be sure to have none.
    pub plain_destructor: bool,
    /// Whether the truth of an instance is always True (neither `__bool__` nor `__len__`).
    pub always_true: bool,
}

/// What the interpreter's inline cache at an instruction knows.
#[derive(Clone, Debug, PartialEq)]
pub enum Feedback {
    /// Nothing: the instruction has no cache.
    None,
    /// The instruction has a cache and has never (or hardly) run.
    Cold,
    /// It has run and is not specialised: many classes, or nothing that the interpreter specialises for.
    Generic,
    /// BINARY_OP, COMPARE_OP: both operands are exactly of this class (Int, Float, Str). In-place str concatenation is `Str`, too.
    Operands(Class),
    /// BINARY_SUBSCR, STORE_SUBSCR with an int index into a list, tuple or str, or any key of a dict.
    Subscript(Class),
    /// BINARY_SUBSCR of a user class with a Python `__getitem__`: one of these classes, with its `__getitem__`.
    SubscriptFunctions {
        /// The classes, with their functions.
        candidates: Vec<(ClassRef, ObjectRef)>,
        /// Whether the interpreter is not specialised here (it gives `__getitem__`s up that run compiled): it may as well be something else.
        generic: bool,
    },
    /// TO_BOOL of this class (Bool, Int, List, NoneType, Str).
    Truth(Class),
    /// TO_BOOL of a class without `__bool__` and `__len__`.
    AlwaysTrue(ClassRef),
    /// LOAD_ATTR
    Attribute(AttributeFeedback),
    /// LOAD_ATTR of several classes.
    Attributes(Vec<AttributeFeedback>),
    /// STORE_ATTR
    StoreAttribute(StoreAttributeFeedback),
    /// STORE_ATTR of several classes.
    StoreAttributes(Vec<StoreAttributeFeedback>),
    /// LOAD_GLOBAL, LOAD_NAME: this object, watched.
    Global(ObjectRef),
    /// LOAD_SUPER_ATTR was specialised: `super` is the built-in; true for a method call.
    Super(bool),
    /// CALL: what kind of callable it was; what exactly is told by the callable's own value.
    Call(CallFeedback),
    /// FOR_ITER over this kind of iterator (RangeIterator, ListIterator, TupleIterator, Generator).
    Iterator(Class),
    /// UNPACK_SEQUENCE of a tuple or list.
    Unpack(Class),
    /// CONTAINS_OP in a dict or set.
    Contains(Class),
    /// Conditional jumps: the last 16 outcomes, newest in bit 0, 1 where the jump was taken.
    Branch(u16),
}

/// LOAD_ATTR's cache. Unless said otherwise the class is guarded by identity and its attributes by a type watcher.
#[derive(Clone, Debug, PartialEq)]
pub enum AttributeFeedback {
    /// In the inline values, at an index.
    InstanceValue { class: ClassRef, index: u32 },
    /// In the instance's dict, at an index of its entries if nothing changed.
    WithHint { class: ClassRef, index: u32 },
    /// In a slot, at a byte offset.
    Slot { class: ClassRef, offset: u32 },
    /// An attribute of the module that has this namespace: this object, watched.
    Module { namespace: ObjectRef, value: ObjectRef },
    /// An attribute of this very class object (the operand is the class).
    Class { class: ClassRef, value: ObjectRef },
    /// A method (a function or descriptor that takes the instance); `keys_version` guards against instance attributes of the name if not 0;
    /// [`LOOK`]: the instance is looked at each time.
    Method { class: ClassRef, value: ObjectRef, keys_version: u32 },
    /// A method where the instance has a managed dict that must be absent.
    MethodLazyDict { class: ClassRef, value: ObjectRef },
    /// A class attribute that is no descriptor; `keys_version` as for methods.
    ClassAttribute { class: ClassRef, value: ObjectRef, keys_version: u32 },
    /// A property with a Python getter.
    Property { class: ClassRef, getter: ObjectRef },
}

impl AttributeFeedback {
    /// The class whose instances it is about; none for modules and classes as objects.
    #[must_use]
    pub fn class(&self) -> Option<ClassRef> {
        match *self {
            AttributeFeedback::InstanceValue { class, .. }
            | AttributeFeedback::WithHint { class, .. }
            | AttributeFeedback::Slot { class, .. }
            | AttributeFeedback::Method { class, .. }
            | AttributeFeedback::MethodLazyDict { class, .. }
            | AttributeFeedback::ClassAttribute { class, .. }
            | AttributeFeedback::Property { class, .. } => Some(class),
            AttributeFeedback::Module { .. } | AttributeFeedback::Class { .. } => None,
        }
    }

    /// The method, if it is one.
    #[must_use]
    pub fn method(&self) -> Option<ObjectRef> {
        match *self {
            AttributeFeedback::Method { value, .. } | AttributeFeedback::MethodLazyDict { value, .. } => Some(value),
            _ => None,
        }
    }
}

/// STORE_ATTR's cache.
#[derive(Clone, Debug, PartialEq)]
pub enum StoreAttributeFeedback {
    /// In the inline values, at an index.
    InstanceValue { class: ClassRef, index: u32 },
    /// In the instance's dict.
    WithHint { class: ClassRef, index: u32 },
    /// In a slot, at a byte offset.
    Slot { class: ClassRef, offset: u32 },
}

impl StoreAttributeFeedback {
    /// The class whose instances it is about.
    #[must_use]
    pub fn class(&self) -> ClassRef {
        match *self {
            StoreAttributeFeedback::InstanceValue { class, .. }
            | StoreAttributeFeedback::WithHint { class, .. }
            | StoreAttributeFeedback::Slot { class, .. } => class,
        }
    }
}

/// CALL's cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallFeedback {
    /// A Python function.
    Python,
    /// A bound method of a Python function.
    BoundMethod,
    /// A class with a Python `__init__`.
    ClassWithInit,
    /// A built-in class.
    BuiltinClass,
    /// `type(x)`, `str(x)`, `tuple(x)` with one argument.
    Type1,
    /// `str(x)`
    Str1,
    /// `tuple(x)`
    Tuple1,
    /// `len(x)`
    Len,
    /// `isinstance(x, c)`
    IsInstance,
    /// `list.append(x)` with the result dropped: the POP_TOP that follows is skipped.
    ListAppend,
    /// A built-in function, by whatever convention.
    Builtin,
    /// A method descriptor of a built-in class.
    MethodDescriptor,
    /// Something else.
    Other,
}

//! What is known of a value: how the machine holds it and, if it is an object, which classes it can have.

use crate::entity::{ClassRef, ObjectRef};
use std::fmt;

/// Declares the built-in classes that the compiler knows by name: one row each.
///
/// `trivial` classes have destructors that run no other code: no finaliser, no weak references, no contained objects.
/// `immortal` classes have only immortal instances, which are never counted.
macro_rules! classes {
    ($($(#[$meta:meta])* $name:ident $text:literal { trivial: $trivial:literal, immortal: $immortal:literal },)*) => {
        /// A built-in class, matched exactly (subclasses are not it). `Other` stands for every class without a row.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum Class { $($(#[$meta])* $name,)* }

        impl Class {
            /// Every class, in the order of the table.
            pub const ALL: &'static [Class] = &[$(Class::$name,)*];

            /// Python's name of the class.
            #[must_use]
            #[inline]
            pub const fn name(self) -> &'static str {
                match self { $(Class::$name => $text,)* }
            }

            /// Whether destroying an instance runs no code that a program can notice.
            #[must_use]
            #[inline]
            pub const fn is_trivial(self) -> bool {
                match self { $(Class::$name => $trivial,)* }
            }

            /// Whether every instance is immortal.
            #[must_use]
            #[inline]
            pub const fn is_immortal(self) -> bool {
                match self { $(Class::$name => $immortal,)* }
            }
        }
    };
}

classes! {
    Int "int" { trivial: true, immortal: false },
    Float "float" { trivial: true, immortal: false },
    Bool "bool" { trivial: true, immortal: true },
    NoneType "NoneType" { trivial: true, immortal: true },
    Ellipsis "ellipsis" { trivial: true, immortal: true },
    Str "str" { trivial: true, immortal: false },
    Bytes "bytes" { trivial: true, immortal: false },
    Complex "complex" { trivial: true, immortal: false },
    List "list" { trivial: false, immortal: false },
    Tuple "tuple" { trivial: false, immortal: false },
    Dict "dict" { trivial: false, immortal: false },
    Set "set" { trivial: false, immortal: false },
    FrozenSet "frozenset" { trivial: false, immortal: false },
    ByteArray "bytearray" { trivial: true, immortal: false },
    Range "range" { trivial: true, immortal: false },
    Slice "slice" { trivial: false, immortal: false },
    Function "function" { trivial: false, immortal: false },
    Method "method" { trivial: false, immortal: false },
    BuiltinFunction "builtin_function_or_method" { trivial: false, immortal: false },
    MethodDescriptor "method_descriptor" { trivial: false, immortal: false },
    Type "type" { trivial: false, immortal: false },
    Module "module" { trivial: false, immortal: false },
    Cell "cell" { trivial: false, immortal: false },
    Code "code" { trivial: false, immortal: false },
    Generator "generator" { trivial: false, immortal: false },
    RangeIterator "range_iterator" { trivial: true, immortal: false },
    ListIterator "list_iterator" { trivial: false, immortal: false },
    TupleIterator "tuple_iterator" { trivial: false, immortal: false },
    /// Arrays of the module `array`, by their type code: the class and what it holds.
    SignedCharArray "array.array('b')" { trivial: false, immortal: false },
    UnsignedCharArray "array.array('B')" { trivial: false, immortal: false },
    ShortArray "array.array('h')" { trivial: false, immortal: false },
    UnsignedShortArray "array.array('H')" { trivial: false, immortal: false },
    IntArray "array.array('i')" { trivial: false, immortal: false },
    UnsignedIntArray "array.array('I')" { trivial: false, immortal: false },
    LongArray "array.array('l')" { trivial: false, immortal: false },
    LongLongArray "array.array('q')" { trivial: false, immortal: false },
    DoubleArray "array.array('d')" { trivial: false, immortal: false },
    /// Any class without a row of its own: user classes, extension types, subclasses of the above.
    Other "object" { trivial: false, immortal: false },
}

/// An item of an array of the module `array`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ArrayItem {
    /// A C integer of so many bytes, all of whose values fit 64 signed bits.
    Int {
        /// 1, 2, 4 or 8.
        bytes: u8,
        /// Whether it can be negative.
        signed: bool,
    },
    /// A C double.
    Double,
}

impl ArrayItem {
    /// The least and the greatest integer that it can hold.
    #[must_use]
    #[inline]
    pub const fn range(self) -> Option<(i64, i64)> {
        match self {
            ArrayItem::Int { bytes: 8, .. } => Some((i64::MIN, i64::MAX)),
            ArrayItem::Int { bytes, signed: true } => Some((-1 << (8 * bytes - 1), (1 << (8 * bytes - 1)) - 1)),
            ArrayItem::Int { bytes, signed: false } => Some((0, (1 << (8 * bytes)) - 1)),
            ArrayItem::Double => None,
        }
    }
}

impl Class {
    /// The arrays of the module `array`, with their type codes and items. They share one type object and differ by `ob_descr`.
    pub const ARRAYS: &'static [(Class, u8, ArrayItem)] = &[
        (Class::SignedCharArray, b'b', ArrayItem::Int { bytes: 1, signed: true }),
        (Class::UnsignedCharArray, b'B', ArrayItem::Int { bytes: 1, signed: false }),
        (Class::ShortArray, b'h', ArrayItem::Int { bytes: 2, signed: true }),
        (Class::UnsignedShortArray, b'H', ArrayItem::Int { bytes: 2, signed: false }),
        (Class::IntArray, b'i', ArrayItem::Int { bytes: 4, signed: true }),
        (Class::UnsignedIntArray, b'I', ArrayItem::Int { bytes: 4, signed: false }),
        (Class::LongArray, b'l', ArrayItem::Int { bytes: 8, signed: true }),
        (Class::LongLongArray, b'q', ArrayItem::Int { bytes: 8, signed: true }),
        (Class::DoubleArray, b'd', ArrayItem::Double),
    ];

    /// What an array of this class holds; `None` if it is none.
    #[must_use]
    #[inline]
    pub fn array_item(self) -> Option<ArrayItem> {
        Class::ARRAYS.iter().find(|row| row.0 == self).map(|row| row.2)
    }
}

/// A set of classes that an object can have; `null` says that there may be no object at all (an unbound local).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClassSet(u64);

impl ClassSet {
    const NULL_BIT: u64 = 1 << 63;
    /// No class: a value that cannot exist.
    pub const EMPTY: ClassSet = ClassSet(0);
    /// Only the absence of an object.
    pub const NULL: ClassSet = ClassSet(Self::NULL_BIT);
    /// Any object, never NULL.
    pub const ANY: ClassSet = ClassSet((1 << (Class::Other as u64 + 1)) - 1);
    /// Any object or NULL.
    pub const ANY_OR_NULL: ClassSet = ClassSet(Self::ANY.0 | Self::NULL_BIT);

    /// The set with one class.
    #[must_use]
    #[inline]
    pub const fn of(class: Class) -> ClassSet {
        ClassSet(1 << class as u64)
    }

    /// The set of all arrays, those of type codes without a row included.
    #[must_use]
    #[inline]
    pub fn any_array() -> ClassSet {
        Class::ARRAYS.iter().fold(ClassSet::of(Class::Other), |set, row| set.union(ClassSet::of(row.0)))
    }

    /// All classes of either set.
    #[must_use]
    #[inline]
    pub const fn union(self, other: ClassSet) -> ClassSet {
        ClassSet(self.0 | other.0)
    }

    /// The classes in both sets.
    #[must_use]
    #[inline]
    pub const fn intersection(self, other: ClassSet) -> ClassSet {
        ClassSet(self.0 & other.0)
    }

    /// Whether every class here is in `other`.
    #[must_use]
    #[inline]
    pub const fn is_subset(self, other: ClassSet) -> bool {
        self.0 & !other.0 == 0
    }

    /// Whether the value may be NULL.
    #[must_use]
    #[inline]
    pub const fn may_be_null(self) -> bool {
        self.0 & Self::NULL_BIT != 0
    }

    /// The same without NULL.
    #[must_use]
    #[inline]
    pub const fn without_null(self) -> ClassSet {
        ClassSet(self.0 & !Self::NULL_BIT)
    }

    /// Whether there is no class at all.
    #[must_use]
    #[inline]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The one class of the set, if it has exactly one and cannot be NULL.
    #[must_use]
    #[inline]
    pub fn single(self) -> Option<Class> {
        (self.0.count_ones() == 1 && !self.may_be_null()).then(|| Class::ALL[self.0.trailing_zeros() as usize])
    }

    /// The classes in the order of their table (NULL is not one).
    #[inline]
    pub fn iter(self) -> impl Iterator<Item = Class> {
        Class::ALL.iter().copied().filter(move |&class| self.0 & (1 << class as u64) != 0)
    }

    /// Whether destroying any object of the set runs no code that a program can notice.
    #[must_use]
    #[inline]
    pub fn is_trivial(self) -> bool {
        self.iter().all(Class::is_trivial)
    }

    /// Whether objects of the set are never counted.
    #[must_use]
    #[inline]
    pub fn is_immortal(self) -> bool {
        self.iter().all(Class::is_immortal)
    }
}

impl fmt::Debug for ClassSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl fmt::Display for ClassSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.without_null().0 == Self::ANY.0 {
            formatter.write_str("Object")?;
        } else {
            let mut separator = "";
            for class in self.iter() {
                write!(formatter, "{separator}{class:?}")?;
                separator = "|";
            }
            if self.without_null().is_empty() && !self.may_be_null() {
                formatter.write_str("Empty")?;
            }
        }
        if self.may_be_null() { formatter.write_str("?") } else { Ok(()) }
    }
}

/// How the machine holds a value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Representation {
    /// A `PyObject *`, counted as its ownership says; NULL only if the class set allows it.
    Object,
    /// A 64-bit signed integer: a Python int without its object.
    Int,
    /// A double: a Python float without its object.
    Float,
    /// 0 or 1 in 8 bits: a Python bool without its object, or the outcome of a test.
    Bool,
    /// An address that is no object (never in a snapshot).
    Pointer,
}

/// What is known beyond the class set.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Identity {
    /// Nothing.
    Unknown,
    /// Its `ob_type` is exactly this class (a user class; facts hold its address).
    Exact(ClassRef),
    /// It is this object.
    Constant(ObjectRef),
}

/// The type of a value.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Type {
    /// How it is held.
    pub representation: Representation,
    /// Its classes; for `Int`, `Float` and `Bool` representations the class that boxing makes; `EMPTY` for pointers.
    pub classes: ClassSet,
    /// A closer identity, if known; objects only.
    pub identity: Identity,
}

impl Type {
    /// Any object, not NULL.
    pub const OBJECT: Type = Type::object(ClassSet::ANY);
    /// Any object or NULL.
    pub const OBJECT_OR_NULL: Type = Type::object(ClassSet::ANY_OR_NULL);
    /// The absence of an object.
    pub const NULL: Type = Type::object(ClassSet::NULL);
    /// An unboxed integer.
    pub const INT: Type = Type { representation: Representation::Int, classes: ClassSet::of(Class::Int), identity: Identity::Unknown };
    /// An unboxed float.
    pub const FLOAT: Type = Type { representation: Representation::Float, classes: ClassSet::of(Class::Float), identity: Identity::Unknown };
    /// An unboxed bool.
    pub const BOOL: Type = Type { representation: Representation::Bool, classes: ClassSet::of(Class::Bool), identity: Identity::Unknown };
    /// An address that is no object.
    pub const POINTER: Type = Type { representation: Representation::Pointer, classes: ClassSet::EMPTY, identity: Identity::Unknown };

    /// An object of one of `classes`.
    #[must_use]
    #[inline]
    pub const fn object(classes: ClassSet) -> Type {
        Type { representation: Representation::Object, classes, identity: Identity::Unknown }
    }

    /// An object of exactly one built-in class.
    #[must_use]
    #[inline]
    pub const fn of(class: Class) -> Type {
        Type::object(ClassSet::of(class))
    }

    /// An instance of exactly this class of the facts, whose built-in class is `class` (`Other` for user classes).
    #[must_use]
    #[inline]
    pub const fn exact(class: Class, exact: ClassRef) -> Type {
        Type { representation: Representation::Object, classes: ClassSet::of(class), identity: Identity::Exact(exact) }
    }

    /// The object `constant`, an instance of `class`.
    #[must_use]
    #[inline]
    pub const fn constant(class: Class, constant: ObjectRef) -> Type {
        Type { representation: Representation::Object, classes: ClassSet::of(class), identity: Identity::Constant(constant) }
    }

    /// Whether it is held as an object.
    #[must_use]
    #[inline]
    pub fn is_object(self) -> bool {
        self.representation == Representation::Object
    }

    /// Whether reference counts apply: an object that is not known to be immortal or NULL.
    #[must_use]
    #[inline]
    pub fn is_counted(self) -> bool {
        self.is_object() && !self.classes.is_immortal() && !matches!(self.identity, Identity::Constant(_))
    }

    /// Whether it is an object of exactly this built-in class.
    #[must_use]
    #[inline]
    pub fn is(self, class: Class) -> bool {
        self.is_object() && self.classes.single() == Some(class)
    }

    /// What is known when a value may be either.  Both must have one representation.
    #[must_use]
    #[inline]
    pub fn join(self, other: Type) -> Type {
        assert_eq!(self.representation, other.representation, "joined values have one representation");
        Type {
            representation: self.representation,
            classes: self.classes.union(other.classes),
            identity: if self.identity == other.identity { self.identity } else { Identity::Unknown },
        }
    }

    /// Whether every value of this type is also of type `other`.
    #[must_use]
    #[inline]
    pub fn is_subtype(self, other: Type) -> bool {
        self.representation == other.representation
            && self.classes.is_subset(other.classes)
            && (other.identity == Identity::Unknown || self.identity == other.identity)
    }
}

impl fmt::Debug for Type {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.representation {
            Representation::Int => formatter.write_str("i64"),
            Representation::Float => formatter.write_str("f64"),
            Representation::Bool => formatter.write_str("i1"),
            Representation::Pointer => formatter.write_str("ptr"),
            Representation::Object => {
                write!(formatter, "{}", self.classes)?;
                match self.identity {
                    Identity::Unknown => Ok(()),
                    Identity::Exact(class) => write!(formatter, "[{class}]"),
                    Identity::Constant(object) => write!(formatter, "[{object}]"),
                }
            }
        }
    }
}

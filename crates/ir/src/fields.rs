//! Fields of CPython's C structures that compiled code reads and writes. Where they are is said per version, in the `cpython` crate.

use crate::effects::Heaps;
use crate::types::{Class, ClassSet};

/// How a field lies in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FieldKind {
    /// A `PyObject *`; NULL only if the set allows it.
    Object(ClassSet),
    /// A signed 64-bit integer.
    Int64,
    /// A signed 32-bit integer.
    Int32,
    /// An unsigned 32-bit integer.
    Unsigned32,
    /// An unsigned byte.
    Unsigned8,
}

macro_rules! fields {
    ($($(#[doc = $doc:literal])+ $variant:ident $name:literal : $kind:expr, $heap:ident;)*) => {
        /// A field of a C structure.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum Field { $($(#[doc = $doc])+ $variant,)* }

        impl Field {
            /// Every field, in the order of the table.
            pub const ALL: &'static [Field] = &[$(Field::$variant,)*];

            /// The printed name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Field::$variant => $name,)* }
            }

            /// How it lies in memory.
            #[must_use]
            pub const fn kind(self) -> FieldKind {
                match self { $(Field::$variant => $kind,)* }
            }

            /// The heap it belongs to; none if it never changes.
            #[must_use]
            pub const fn heap(self) -> Heaps {
                match self { $(Field::$variant => Heaps::$heap,)* }
            }

            /// The field of a printed name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Field> {
                Field::ALL.iter().copied().find(|field| field.name() == name)
            }
        }
    };
}

const OBJECT: FieldKind = FieldKind::Object(ClassSet::ANY);
const OBJECT_OR_NULL: FieldKind = FieldKind::Object(ClassSet::ANY_OR_NULL);

fields! {
    /// The size of a list.
    ListSize "list.ob_size": FieldKind::Int64, LISTS;
    /// The size of a tuple.
    TupleSize "tuple.ob_size": FieldKind::Int64, NONE;
    /// The number of items of an array.
    ArraySize "array.ob_size": FieldKind::Int64, REST;
    /// The number of code points of a str.
    StrLength "str.length": FieldKind::Int64, NONE;
    /// The number of items of a dict.
    DictUsed "dict.ma_used": FieldKind::Int64, DICTS;
    /// The number of items of a set.
    SetUsed "set.used": FieldKind::Int64, REST;
    /// The size of a bytes object.
    BytesSize "bytes.ob_size": FieldKind::Int64, NONE;
    /// The next value of a range iterator.
    RangeIteratorStart "range_iterator.start": FieldKind::Int64, ITERATORS;
    /// The step of a range iterator.
    RangeIteratorStep "range_iterator.step": FieldKind::Int64, NONE;
    /// How many values a range iterator has left.
    RangeIteratorLength "range_iterator.len": FieldKind::Int64, ITERATORS;
    /// The position of a list iterator.
    ListIteratorIndex "list_iterator.it_index": FieldKind::Int64, ITERATORS;
    /// The list of a list iterator; NULL when exhausted.
    ListIteratorList "list_iterator.it_seq": FieldKind::Object(ClassSet::of(Class::List).union(ClassSet::NULL)), ITERATORS;
    /// The position of a tuple iterator.
    TupleIteratorIndex "tuple_iterator.it_index": FieldKind::Int64, ITERATORS;
    /// The tuple of a tuple iterator; NULL when exhausted.
    TupleIteratorTuple "tuple_iterator.it_seq": FieldKind::Object(ClassSet::of(Class::Tuple).union(ClassSet::NULL)), ITERATORS;
    /// `range.start`
    RangeStart "range.start": OBJECT, NONE;
    /// `range.stop`
    RangeStop "range.stop": OBJECT, NONE;
    /// `range.step`
    RangeStep "range.step": OBJECT, NONE;
    /// `slice.start`
    SliceStart "slice.start": OBJECT, NONE;
    /// `slice.stop`
    SliceStop "slice.stop": OBJECT, NONE;
    /// `slice.step`
    SliceStep "slice.step": OBJECT, NONE;
    /// The function of a bound method.
    MethodFunction "method.im_func": OBJECT, NONE;
    /// The instance of a bound method.
    MethodSelf "method.im_self": OBJECT, NONE;
    /// The namespace of a module; NULL when the collector has cleared it.
    ModuleDict "module.md_dict": OBJECT_OR_NULL, REST;
    /// The code of a function.
    FunctionCode "function.func_code": OBJECT, REST;
    /// The closure of a function: a tuple of cells.
    FunctionClosure "function.func_closure": OBJECT_OR_NULL, REST;
    /// The class of an object.
    ObjectType "object.ob_type": FieldKind::Object(ClassSet::of(Class::Type).union(ClassSet::of(Class::Other))), CLASSES;
}

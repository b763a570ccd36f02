//! What an instruction may read and change, as sets of heaps.

use std::fmt;

/// Declares the heaps (disjoint kinds of memory that a program can change): one row each.
macro_rules! heaps {
    ($($(#[$meta:meta])* $name:ident $text:literal = $bit:literal,)*) => {
        /// A set of heaps.
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct Heaps(u32);

        impl Heaps {
            $($(#[$meta])* pub const $name: Heaps = Heaps(1 << $bit);)*
            const ROWS: &'static [(&'static str, Heaps)] = &[$(($text, Heaps::$name),)*];
        }
    };
}

heaps! {
    /// The slots of this function's frame.
    LOCALS "locals" = 0,
    /// Attributes in inline values and in slots of instances.
    FIELDS "fields" = 1,
    /// Items and sizes of lists.
    LISTS "lists" = 2,
    /// Contents of dicts, instance dicts and module namespaces included.
    DICTS "dicts" = 3,
    /// Contents of cells.
    CELLS "cells" = 4,
    /// The positions of iterators.
    ITERATORS "iterators" = 5,
    /// Attributes of classes, `__class__` of instances, globals and built-ins: what watchers look after.
    CLASSES "classes" = 6,
    /// The rest: contents of sets and of objects that nothing above names.
    REST "rest" = 7,
}

impl Heaps {
    /// No heap.
    pub const NONE: Heaps = Heaps(0);
    /// Every heap. An instruction that writes it may run any Python code: the frame must be fit to be looked at.
    pub const ANY: Heaps = Heaps((1 << 8) - 1);

    /// All heaps of either set.
    #[must_use]
    #[inline]
    pub const fn union(self, other: Heaps) -> Heaps {
        Heaps(self.0 | other.0)
    }

    /// Whether the sets have a heap in common.
    #[must_use]
    #[inline]
    pub const fn intersects(self, other: Heaps) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether there is no heap in it.
    #[must_use]
    #[inline]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Whether it is every heap.
    #[must_use]
    #[inline]
    pub const fn is_any(self) -> bool {
        self.0 == Self::ANY.0
    }
}

impl fmt::Debug for Heaps {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl fmt::Display for Heaps {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_any() {
            return formatter.write_str("any");
        }
        let mut separator = "";
        for (name, heap) in Self::ROWS {
            if self.intersects(*heap) {
                write!(formatter, "{separator}{name}")?;
                separator = "|";
            }
        }
        if self.is_none() { formatter.write_str("none") } else { Ok(()) }
    }
}

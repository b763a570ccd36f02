//! Why compiled code leaves to the interpreter: one row each; counters and reports follow from it.

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident $text:literal,)*) => {
        /// Why compiled code leaves to the interpreter.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum Reason { $($(#[doc = $doc])+ $name,)* }

        impl Reason {
            /// Every reason, in the order of the table.
            pub const ALL: &'static [Reason] = &[$(Reason::$name,)*];

            /// The printed name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Reason::$name => $text,)* }
            }

            /// What it means.
            #[must_use]
            pub const fn doc(self) -> &'static str {
                match self { $(Reason::$name => concat!($($doc,)+),)* }
            }

            /// The reason of a printed name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Reason> {
                Reason::ALL.iter().copied().find(|reason| reason.name() == name)
            }
        }
    };
}

reasons! {
    /// An object had another built-in class than the guess.
    Class "class",
    /// An object had another class (or the class has changed) than the inline cache remembered.
    Type "type",
    /// Another object than the constant that was expected.
    Identity "identity",
    /// An unbound local, an unset attribute, an empty cell.
    Missing "missing",
    /// An attribute is not in the inline values any more.
    InlineValues "inline_values",
    /// The keys of a dict or of a class's instances have changed.
    KeysVersion "keys_version",
    /// An int does not fit 64 bits.
    IntTooBig "int_too_big",
    /// The outcome of integer arithmetic does not fit 64 bits.
    Overflow "overflow",
    /// A division by zero, which the interpreter raises.
    ZeroDivision "zero_division",
    /// A negative or too large count of bits to shift.
    ShiftCount "shift_count",
    /// A math function outside its domain.
    Domain "domain",
    /// An index out of range.
    Index "index",
    /// A length other than the guess (unpacking).
    Length "length",
    /// A branch that had never been taken.
    NeverTaken "never_taken",
    /// A bytecode that is left to the interpreter.
    Unsupported "unsupported",
    /// Tracing or instrumentation came on, or something the code relied upon changed.
    Invalidated "invalidated",
    /// The frame was inspected while its function was calling.
    Inspected "inspected",
    /// The end of a function that was entered in the middle of a loop.
    LoopReturn "loop_return",
    /// An exception goes to a handler that is not compiled.
    Handler "handler",
    /// No room for another frame, or the recursion limit.
    Recursion "recursion",
    /// Stress testing made a guard fail on purpose.
    Stress "stress",
}

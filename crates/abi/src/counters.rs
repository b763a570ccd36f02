//! Counters: one row each. `coachwhip.stats()` and the summary at exit follow from the rows.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $variant:ident $name:literal,)*) => {
        /// A counter.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(usize)]
        pub enum Counter { $($(#[doc = $doc])+ $variant,)* }

        impl Counter {
            /// Every counter, in the order of the table.
            pub const ALL: &'static [Counter] = &[$(Counter::$variant,)*];

            /// Its key in `coachwhip.stats()`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Counter::$variant => $name,)* }
            }

            /// What it counts.
            #[must_use]
            pub const fn doc(self) -> &'static str {
                match self { $(Counter::$variant => concat!($($doc,)+),)* }
            }
        }
    };
}

counters! {
    /// Functions compiled for calls.
    CompiledFunctions "compiled_functions",
    /// Loops compiled for on-stack replacement.
    CompiledLoops "compiled_loops",
    /// Compilations given up because something is unsupported.
    Unsupported "unsupported",
    /// Compilations again after too many exits.
    Recompilations "recompilations",
    /// Calls that entered compiled code from the interpreter or from C.
    Entries "entries",
    /// Loops entered by on-stack replacement.
    LoopEntries "loop_entries",
    /// Exits to the interpreter.
    Exits "exits",
    /// Exceptions that left compiled code or went to an interpreted handler.
    Raises "raises",
    /// Calls given to the interpreter because the entry check failed.
    InterpretedCalls "interpreted_calls",
    /// Compiled code thrown away because something it relied upon changed.
    Invalidations "invalidations",
    /// Compiled code thrown away because the cap on machine code was reached.
    Evictions "evictions",
    /// Compiled code thrown away at random, for stress testing.
    Discards "discards",
    /// Functions handed back to the interpreter for good.
    HandedBack "handed_back",
    /// Bytes of machine code in use.
    CodeBytes "code_bytes",
    /// Nanoseconds spent on compiling.
    CompileNanoseconds "compile_nanoseconds",
}

static VALUES: [AtomicU64; Counter::ALL.len()] = [const { AtomicU64::new(0) }; Counter::ALL.len()];

impl Counter {
    /// Adds to it.
    pub fn add(self, amount: u64) {
        VALUES[self as usize].fetch_add(amount, Ordering::Relaxed);
    }

    /// Takes off it.
    pub fn subtract(self, amount: u64) {
        VALUES[self as usize].fetch_sub(amount, Ordering::Relaxed);
    }

    /// Its value.
    #[must_use]
    pub fn value(self) -> u64 {
        VALUES[self as usize].load(Ordering::Relaxed)
    }
}

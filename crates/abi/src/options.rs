//! Options: one row each. The environment variables, the API's keywords, `python -m coachwhip --help` and `docs/reference/options.md` follow from the rows.

/// What an option's value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OptionKind {
    /// 0 or 1.
    Flag,
    /// A whole number from 0.
    Number,
    /// A text: names, patterns, a path.
    Text,
}

/// An option's row.
#[derive(Clone, Copy, Debug)]
pub struct OptionInfo {
    /// The environment variable.
    pub variable: &'static str,
    /// The field and keyword.
    pub name: &'static str,
    /// What its value is.
    pub kind: OptionKind,
    /// The default, as one would write it.
    pub default: &'static str,
    /// What it does.
    pub doc: &'static str,
}

/// A value that an option can hold.
pub trait OptionValue: Sized {
    /// What it is.
    const KIND: OptionKind;
    /// Reads it; `None` if the text is no such value.
    fn parse(text: &str) -> Option<Self>;
}

impl OptionValue for bool {
    const KIND: OptionKind = OptionKind::Flag;
    fn parse(text: &str) -> Option<bool> {
        match text {
            "0" => Some(false),
            "1" => Some(true),
            _ => None,
        }
    }
}

impl OptionValue for u64 {
    const KIND: OptionKind = OptionKind::Number;
    fn parse(text: &str) -> Option<u64> {
        text.parse().ok()
    }
}

impl OptionValue for String {
    const KIND: OptionKind = OptionKind::Text;
    fn parse(text: &str) -> Option<String> {
        Some(text.to_owned())
    }
}

macro_rules! options {
    ($($(#[doc = $doc:literal])+ $name:ident $variable:literal : $ty:ty = $default:literal,)*) => {
        /// The values of all options.
        #[derive(Clone, Debug)]
        pub struct Options { $($(#[doc = $doc])+ pub $name: $ty,)* }

        /// The rows of the table.
        pub const OPTIONS: &[OptionInfo] = &[$(OptionInfo {
            variable: $variable,
            name: stringify!($name),
            kind: <$ty as OptionValue>::KIND,
            default: $default,
            doc: concat!($($doc, "\n",)+),
        },)*];

        impl Default for Options {
            fn default() -> Options {
                Options { $($name: <$ty as OptionValue>::parse($default).expect("defaults are valid"),)* }
            }
        }

        impl Options {
            /// Sets an option by its name; `false` if the text is no value for it or there is no such option.
            pub fn set(&mut self, name: &str, text: &str) -> bool {
                match name {
                    $(stringify!($name) => match <$ty as OptionValue>::parse(text) {
                        Some(value) => { self.$name = value; true }
                        None => false,
                    },)*
                    _ => false,
                }
            }
        }
    };
}

options! {
    /// 1 switches the JIT on at start-up, 0 keeps it off whatever the program says.
    enabled "COACHWHIP": bool = "0",
    /// How many calls make a function hot. With 1 everything is compiled at its first call.
    threshold "COACHWHIP_THRESHOLD": u64 = "1000",
    /// How many turns make a loop hot.
    loop_threshold "COACHWHIP_LOOP_THRESHOLD": u64 = "2000",
    /// For so many milliseconds of its processor time a process counts only code that samples find running: short programs pay nothing. 0 counts all from the start.
    warm_up "COACHWHIP_WARM_UP": u64 = "250",
    /// 1 compiles on a background thread, 0 in the foreground, at the moment a function gets hot.
    background "COACHWHIP_BACKGROUND": bool = "1",
    /// How many exits by one guess are too many, and the code is compiled again without it.
    exit_limit "COACHWHIP_EXIT_LIMIT": u64 = "50",
    /// How often a function may be compiled again before it keeps what it has.
    recompilation_limit "COACHWHIP_RECOMPILATION_LIMIT": u64 = "20",
    /// The most machine code, in mebibytes; cold code is dropped beyond it.
    code_cap "COACHWHIP_CODE_CAP": u64 = "64",
    /// Functions of more bytecode instructions than this stay interpreted.
    size_limit "COACHWHIP_SIZE_LIMIT": u64 = "5000",
    /// 1: when a program crashes while compiled code runs, its next start stays without, once, and says so.
    crash_guard "COACHWHIP_CRASH_GUARD": bool = "1",
    /// 1 prints a short summary on stderr at exit.
    stats "COACHWHIP_STATS": bool = "0",
    /// 1 writes /tmp/perf-PID.map for `perf report`.
    perf "COACHWHIP_PERF": bool = "0",
    /// What to print on stderr of each compilation: any of facts, ir, ir:PASS, clif, asm, recipes, separated by commas.
    dump "COACHWHIP_DUMP": String = "",
    /// Compile (and dump) only functions whose qualified name matches this pattern (`*` and `?` as in a shell).
    filter "COACHWHIP_FILTER": String = "",
    /// Compile only the functions listed in this file, one `file:line:name` a line, as COACHWHIP_LOG_COMPILED prints them.
    allow "COACHWHIP_ALLOW": String = "",
    /// 1 prints `file:line:name` on stderr for each compilation.
    log_compiled "COACHWHIP_LOG_COMPILED": bool = "0",
    /// Passes to leave out, separated by commas; `all` for every optional one.
    disable_passes "COACHWHIP_DISABLE_PASSES": String = "",
    /// How many changes the optional passes may make altogether, to find the one that breaks something; 0 for any number.
    fuel "COACHWHIP_FUEL": u64 = "0",
    /// 1 runs the IR verifier after each pass.
    verify "COACHWHIP_VERIFY": bool = "0",
    /// Stress testing: each guard fails on purpose once in this many times; 0 never.
    stress_exits "COACHWHIP_STRESS_EXITS": u64 = "0",
    /// Stress testing: compiled code is thrown away once in so many exits, starts and loop turns in the interpreter, as if something it relied upon had changed; code is
    /// not given back for good then. 0 never.
    stress_discard "COACHWHIP_STRESS_DISCARD": u64 = "0",
    /// For tests of the self-test at the start: it finds this field of CPython's structures so many bytes off, as in `frame::PREVIOUS:8`, and is to notice.
    wrong_layout "COACHWHIP_WRONG_LAYOUT": String = "",
    /// The seed of stress testing.
    seed "COACHWHIP_SEED": u64 = "1",
}

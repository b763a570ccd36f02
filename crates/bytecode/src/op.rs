//! The canonical operations: one row for each meaning that a bytecode instruction of any supported version can have, with how far Coachwhip compiles it.
//! `docs/reference/opcodes.md` is made from these rows.

/// How far an operation is compiled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Support {
    /// To instructions of the IR, from the interpreter's feedback, with a generic form through a helper.
    Compiled,
    /// To a call of a runtime helper.
    Helper,
    /// Compiled code leaves to the interpreter here, or the whole function stays interpreted.
    Leaves,
}

macro_rules! ops {
    ($($variant:ident $name:literal $support:ident $note:literal,)*) => {
        /// A canonical operation. Names are those of CPython's instructions; superinstructions are decoded into their parts.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum Op { $(#[doc = concat!("`", $name, "` ", $note)] $variant,)* }

        impl Op {
            /// Every operation, in the order of the table.
            pub const ALL: &'static [Op] = &[$(Op::$variant,)*];

            /// CPython's name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Op::$variant => $name,)* }
            }

            /// How far it is compiled.
            #[must_use]
            pub const fn support(self) -> Support {
                match self { $(Op::$variant => Support::$support,)* }
            }

            /// How, or why not.
            #[must_use]
            pub const fn note(self) -> &'static str {
                match self { $(Op::$variant => $note,)* }
            }

            /// The operation of a name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Op> {
                Op::ALL.iter().copied().find(|op| op.name() == name)
            }
        }
    };
}

ops! {
    Nop "NOP" Compiled "nothing",
    Resume "RESUME" Compiled "start of the function; the entry checks eval_breaker",
    PopTop "POP_TOP" Compiled "",
    PushNull "PUSH_NULL" Compiled "",
    Copy "COPY" Compiled "",
    Swap "SWAP" Compiled "",
    EndFor "END_FOR" Compiled "pops the exhausted iterator",
    LoadConst "LOAD_CONST" Compiled "",
    LoadFast "LOAD_FAST" Compiled "",
    LoadFastCheck "LOAD_FAST_CHECK" Compiled "raises UnboundLocalError through a helper",
    LoadFastAndClear "LOAD_FAST_AND_CLEAR" Compiled "",
    StoreFast "STORE_FAST" Compiled "",
    DeleteFast "DELETE_FAST" Compiled "",
    MakeCell "MAKE_CELL" Compiled "",
    CopyFreeVars "COPY_FREE_VARS" Compiled "",
    LoadDeref "LOAD_DEREF" Compiled "",
    StoreDeref "STORE_DEREF" Compiled "",
    DeleteDeref "DELETE_DEREF" Compiled "",
    LoadFromDictOrDeref "LOAD_FROM_DICT_OR_DEREF" Helper "class bodies",
    LoadFromDictOrGlobals "LOAD_FROM_DICT_OR_GLOBALS" Helper "class bodies",
    LoadLocals "LOAD_LOCALS" Helper "class bodies",
    LoadGlobal "LOAD_GLOBAL" Compiled "a constant under a watcher",
    StoreGlobal "STORE_GLOBAL" Helper "",
    DeleteGlobal "DELETE_GLOBAL" Helper "",
    LoadName "LOAD_NAME" Helper "modules and class bodies",
    StoreName "STORE_NAME" Helper "modules and class bodies",
    DeleteName "DELETE_NAME" Helper "modules and class bodies",
    LoadAttr "LOAD_ATTR" Compiled "by the inline cache; generic sites remember classes in a cell",
    LoadSuperAttr "LOAD_SUPER_ATTR" Helper "",
    StoreAttr "STORE_ATTR" Compiled "by the inline cache",
    DeleteAttr "DELETE_ATTR" Helper "",
    BinaryOp "BINARY_OP" Compiled "int, float and str by feedback",
    BinarySubscr "BINARY_SUBSCR" Compiled "list, tuple, dict and str by feedback",
    StoreSubscr "STORE_SUBSCR" Compiled "list and dict by feedback",
    DeleteSubscr "DELETE_SUBSCR" Helper "",
    BinarySlice "BINARY_SLICE" Helper "",
    StoreSlice "STORE_SLICE" Helper "",
    UnaryNegative "UNARY_NEGATIVE" Compiled "",
    UnaryInvert "UNARY_INVERT" Compiled "",
    UnaryNot "UNARY_NOT" Compiled "",
    ToBool "TO_BOOL" Compiled "",
    CompareOp "COMPARE_OP" Compiled "int, float and str by feedback",
    ContainsOp "CONTAINS_OP" Helper "",
    IsOp "IS_OP" Compiled "",
    PopJumpIfTrue "POP_JUMP_IF_TRUE" Compiled "",
    PopJumpIfFalse "POP_JUMP_IF_FALSE" Compiled "",
    PopJumpIfNone "POP_JUMP_IF_NONE" Compiled "",
    PopJumpIfNotNone "POP_JUMP_IF_NOT_NONE" Compiled "",
    JumpForward "JUMP_FORWARD" Compiled "",
    JumpBackward "JUMP_BACKWARD" Compiled "checks eval_breaker",
    JumpBackwardNoInterrupt "JUMP_BACKWARD_NO_INTERRUPT" Compiled "",
    ReturnValue "RETURN_VALUE" Compiled "",
    GetIter "GET_ITER" Compiled "",
    ForIter "FOR_ITER" Compiled "range, list and tuple by feedback",
    UnpackSequence "UNPACK_SEQUENCE" Compiled "tuples and lists by feedback",
    UnpackEx "UNPACK_EX" Helper "",
    BuildList "BUILD_LIST" Helper "",
    BuildTuple "BUILD_TUPLE" Helper "",
    BuildSet "BUILD_SET" Helper "",
    BuildMap "BUILD_MAP" Helper "",
    BuildConstKeyMap "BUILD_CONST_KEY_MAP" Helper "",
    BuildString "BUILD_STRING" Helper "",
    BuildSlice "BUILD_SLICE" Helper "",
    ListAppend "LIST_APPEND" Compiled "",
    ListExtend "LIST_EXTEND" Helper "",
    SetAdd "SET_ADD" Helper "",
    SetUpdate "SET_UPDATE" Helper "",
    MapAdd "MAP_ADD" Helper "",
    DictUpdate "DICT_UPDATE" Helper "",
    DictMerge "DICT_MERGE" Helper "",
    FormatSimple "FORMAT_SIMPLE" Helper "",
    FormatWithSpec "FORMAT_WITH_SPEC" Helper "",
    ConvertValue "CONVERT_VALUE" Helper "",
    Call "CALL" Compiled "Python functions directly, C functions by their own convention",
    CallKw "CALL_KW" Compiled "",
    CallFunctionEx "CALL_FUNCTION_EX" Helper "",
    CallIntrinsic1 "CALL_INTRINSIC_1" Helper "",
    CallIntrinsic2 "CALL_INTRINSIC_2" Helper "",
    MakeFunction "MAKE_FUNCTION" Helper "",
    SetFunctionAttribute "SET_FUNCTION_ATTRIBUTE" Helper "",
    LoadBuildClass "LOAD_BUILD_CLASS" Helper "",
    LoadAssertionError "LOAD_ASSERTION_ERROR" Helper "",
    ImportName "IMPORT_NAME" Helper "",
    ImportFrom "IMPORT_FROM" Helper "",
    GetLen "GET_LEN" Helper "",
    MatchMapping "MATCH_MAPPING" Helper "",
    MatchSequence "MATCH_SEQUENCE" Helper "",
    MatchKeys "MATCH_KEYS" Helper "",
    MatchClass "MATCH_CLASS" Helper "",
    RaiseVarargs "RAISE_VARARGS" Helper "",
    Reraise "RERAISE" Compiled "",
    PushExcInfo "PUSH_EXC_INFO" Helper "",
    PopExcept "POP_EXCEPT" Helper "",
    CheckExcMatch "CHECK_EXC_MATCH" Helper "",
    CheckEgMatch "CHECK_EG_MATCH" Helper "",
    BeforeWith "BEFORE_WITH" Helper "",
    WithExceptStart "WITH_EXCEPT_START" Helper "",
    SetupAnnotations "SETUP_ANNOTATIONS" Helper "modules and class bodies",
    ReturnGenerator "RETURN_GENERATOR" Leaves "generators and coroutines stay interpreted; calls to them are compiled",
    YieldValue "YIELD_VALUE" Leaves "generators and coroutines stay interpreted",
    Send "SEND" Leaves "generators and coroutines stay interpreted",
    EndSend "END_SEND" Leaves "generators and coroutines stay interpreted",
    CleanupThrow "CLEANUP_THROW" Leaves "generators and coroutines stay interpreted",
    GetAwaitable "GET_AWAITABLE" Leaves "coroutines stay interpreted",
    GetAiter "GET_AITER" Leaves "coroutines stay interpreted",
    GetAnext "GET_ANEXT" Leaves "coroutines stay interpreted",
    EndAsyncFor "END_ASYNC_FOR" Leaves "coroutines stay interpreted",
    BeforeAsyncWith "BEFORE_ASYNC_WITH" Leaves "coroutines stay interpreted",
    GetYieldFromIter "GET_YIELD_FROM_ITER" Leaves "generators stay interpreted",
    ExitInitCheck "EXIT_INIT_CHECK" Leaves "only in the interpreter's own shim frames",
    InterpreterExit "INTERPRETER_EXIT" Leaves "only in the interpreter's own shim frames",
    Reserved "RESERVED" Leaves "not an instruction",
}

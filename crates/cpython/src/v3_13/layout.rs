//! Offsets, sizes and bits of CPython 3.13's structures. Made by `crates/cpython/tools/layout.py`; do not edit.

/// `PyObject`
pub mod object {
    /// `ob_refcnt`
    pub const OB_REFCNT: usize = 0;
    /// `ob_type`
    pub const OB_TYPE: usize = 8;
    /// `ob_size`
    pub const OB_SIZE: usize = 16;
    /// `sizeof`
    pub const SIZE: usize = 16;
}

/// `PyLongObject`
pub mod long {
    /// `long_value.lv_tag`
    pub const LV_TAG: usize = 16;
    /// `long_value.ob_digit`
    pub const OB_DIGIT: usize = 24;
    /// `PyLong_SHIFT`
    pub const SHIFT: usize = 30;
    /// `NON_SIZE_BITS`
    pub const NON_SIZE_BITS: usize = 3;
    /// `SIGN_MASK`
    pub const SIGN_MASK: usize = 3;
    /// `sizeof`
    pub const SIZE: usize = 32;
}

/// `PyFloatObject`
pub mod float {
    /// `ob_fval`
    pub const OB_FVAL: usize = 16;
    /// `sizeof`
    pub const SIZE: usize = 24;
}

/// `PyListObject`
pub mod list {
    /// `ob_item`
    pub const OB_ITEM: usize = 24;
    /// `allocated`
    pub const ALLOCATED: usize = 32;
}

/// `PyTupleObject`
pub mod tuple {
    /// `ob_item`
    pub const OB_ITEM: usize = 24;
}

/// `PyBytesObject`
pub mod bytes {
    /// `ob_sval`
    pub const OB_SVAL: usize = 32;
}

/// `PyASCIIObject`
pub mod unicode {
    /// `length`
    pub const LENGTH: usize = 16;
    /// `hash`
    pub const HASH: usize = 24;
    /// `state`
    pub const STATE: usize = 32;
    /// `sizeof`
    pub const SIZE: usize = 40;
}

/// `PySetObject`
pub mod set {
    /// `fill`
    pub const FILL: usize = 16;
    /// `used`
    pub const USED: usize = 24;
}

/// `PySliceObject`
pub mod slice {
    /// `start`
    pub const START: usize = 16;
    /// `stop`
    pub const STOP: usize = 24;
    /// `step`
    pub const STEP: usize = 32;
}

/// `PyCellObject`
pub mod cell {
    /// `ob_ref`
    pub const OB_REF: usize = 16;
}

/// `PyMethodObject`
pub mod method {
    /// `im_func`
    pub const IM_FUNC: usize = 16;
    /// `im_self`
    pub const IM_SELF: usize = 24;
}

/// `_PyRangeIterObject`
pub mod range_iterator {
    /// `start`
    pub const START: usize = 16;
    /// `step`
    pub const STEP: usize = 24;
    /// `len`
    pub const LEN: usize = 32;
}

/// `_PyListIterObject`
pub mod list_iterator {
    /// `it_index`
    pub const IT_INDEX: usize = 16;
    /// `it_seq`
    pub const IT_SEQ: usize = 24;
}

/// `_PyTupleIterObject`
pub mod tuple_iterator {
    /// `it_index`
    pub const IT_INDEX: usize = 16;
    /// `it_seq`
    pub const IT_SEQ: usize = 24;
}

/// `PyDictObject`
pub mod dict {
    /// `ma_used`
    pub const MA_USED: usize = 16;
    /// `ma_version_tag`
    pub const MA_VERSION_TAG: usize = 24;
    /// `ma_keys`
    pub const MA_KEYS: usize = 32;
    /// `ma_values`
    pub const MA_VALUES: usize = 40;
    /// `sizeof`
    pub const SIZE: usize = 48;
}

/// `PyDictKeysObject`
pub mod dict_keys {
    /// `dk_refcnt`
    pub const DK_REFCNT: usize = 0;
    /// `dk_log2_size`
    pub const DK_LOG2_SIZE: usize = 8;
    /// `dk_log2_index_bytes`
    pub const DK_LOG2_INDEX_BYTES: usize = 9;
    /// `dk_kind`
    pub const DK_KIND: usize = 10;
    /// `dk_version`
    pub const DK_VERSION: usize = 12;
    /// `dk_usable`
    pub const DK_USABLE: usize = 16;
    /// `dk_nentries`
    pub const DK_NENTRIES: usize = 24;
    /// `dk_indices`
    pub const DK_INDICES: usize = 32;
    /// `DICT_KEYS_GENERAL`
    pub const KIND_GENERAL: usize = 0;
    /// `DICT_KEYS_UNICODE`
    pub const KIND_UNICODE: usize = 1;
    /// `DICT_KEYS_SPLIT`
    pub const KIND_SPLIT: usize = 2;
}

/// `PyDictKeyEntry`
pub mod dict_entry {
    /// `me_hash`
    pub const ME_HASH: usize = 0;
    /// `me_key`
    pub const ME_KEY: usize = 8;
    /// `me_value`
    pub const ME_VALUE: usize = 16;
    /// `sizeof`
    pub const SIZE: usize = 24;
}

/// `PyDictUnicodeEntry`
pub mod dict_unicode_entry {
    /// `me_key`
    pub const ME_KEY: usize = 0;
    /// `me_value`
    pub const ME_VALUE: usize = 8;
    /// `sizeof`
    pub const SIZE: usize = 16;
}

/// `PyDictValues`
pub mod dict_values {
    /// `capacity`
    pub const CAPACITY: usize = 0;
    /// `size`
    pub const USED: usize = 1;
    /// `embedded`
    pub const EMBEDDED: usize = 2;
    /// `valid`
    pub const VALID: usize = 3;
    /// `values`
    pub const VALUES: usize = 8;
}

/// `what stands before objects with managed dicts and weak references (pycore_object.h); subtract from the object's address`
pub mod managed {
    /// `MANAGED_DICT_OFFSET, negated`
    pub const DICT: usize = 24;
    /// `MANAGED_WEAKREF_OFFSET, negated`
    pub const WEAKREF: usize = 32;
}

/// `PyModuleObject`
pub mod module {
    /// `md_dict`
    pub const MD_DICT: usize = 16;
}

/// `PyFunctionObject`
pub mod function {
    /// `func_globals`
    pub const FUNC_GLOBALS: usize = 16;
    /// `func_builtins`
    pub const FUNC_BUILTINS: usize = 24;
    /// `func_name`
    pub const FUNC_NAME: usize = 32;
    /// `func_qualname`
    pub const FUNC_QUALNAME: usize = 40;
    /// `func_code`
    pub const FUNC_CODE: usize = 48;
    /// `func_defaults`
    pub const FUNC_DEFAULTS: usize = 56;
    /// `func_kwdefaults`
    pub const FUNC_KWDEFAULTS: usize = 64;
    /// `func_closure`
    pub const FUNC_CLOSURE: usize = 72;
    /// `vectorcall`
    pub const VECTORCALL: usize = 128;
    /// `func_version`
    pub const FUNC_VERSION: usize = 136;
    /// `sizeof`
    pub const SIZE: usize = 144;
}

/// `PyCodeObject`
pub mod code {
    /// `co_consts`
    pub const CO_CONSTS: usize = 24;
    /// `co_names`
    pub const CO_NAMES: usize = 32;
    /// `co_exceptiontable`
    pub const CO_EXCEPTIONTABLE: usize = 40;
    /// `co_flags`
    pub const CO_FLAGS: usize = 48;
    /// `co_argcount`
    pub const CO_ARGCOUNT: usize = 52;
    /// `co_posonlyargcount`
    pub const CO_POSONLYARGCOUNT: usize = 56;
    /// `co_kwonlyargcount`
    pub const CO_KWONLYARGCOUNT: usize = 60;
    /// `co_stacksize`
    pub const CO_STACKSIZE: usize = 64;
    /// `co_firstlineno`
    pub const CO_FIRSTLINENO: usize = 68;
    /// `co_nlocalsplus`
    pub const CO_NLOCALSPLUS: usize = 72;
    /// `co_framesize`
    pub const CO_FRAMESIZE: usize = 76;
    /// `co_nlocals`
    pub const CO_NLOCALS: usize = 80;
    /// `co_ncellvars`
    pub const CO_NCELLVARS: usize = 84;
    /// `co_nfreevars`
    pub const CO_NFREEVARS: usize = 88;
    /// `co_version`
    pub const CO_VERSION: usize = 92;
    /// `co_localsplusnames`
    pub const CO_LOCALSPLUSNAMES: usize = 96;
    /// `co_localspluskinds`
    pub const CO_LOCALSPLUSKINDS: usize = 104;
    /// `co_filename`
    pub const CO_FILENAME: usize = 112;
    /// `co_name`
    pub const CO_NAME: usize = 120;
    /// `co_qualname`
    pub const CO_QUALNAME: usize = 128;
    /// `co_linetable`
    pub const CO_LINETABLE: usize = 136;
    /// `co_executors`
    pub const CO_EXECUTORS: usize = 152;
    /// `_co_instrumentation_version`
    pub const CO_INSTRUMENTATION_VERSION: usize = 168;
    /// `_co_monitoring`
    pub const CO_MONITORING: usize = 176;
    /// `_co_firsttraceable`
    pub const CO_FIRSTTRACEABLE: usize = 184;
    /// `co_extra`
    pub const CO_EXTRA: usize = 192;
    /// `co_code_adaptive`
    pub const CO_CODE_ADAPTIVE: usize = 200;
    /// `CO_FAST_LOCAL`
    pub const FAST_LOCAL: usize = 32;
    /// `CO_FAST_CELL`
    pub const FAST_CELL: usize = 64;
    /// `CO_FAST_FREE`
    pub const FAST_FREE: usize = 128;
    /// `CO_FAST_HIDDEN`
    pub const FAST_HIDDEN: usize = 16;
}

/// `_PyCoMonitoringData`
pub mod monitoring_data {
    /// `local_monitors`
    pub const LOCAL_MONITORS: usize = 0;
    /// `active_monitors`
    pub const ACTIVE_MONITORS: usize = 10;
    /// `tools`
    pub const TOOLS: usize = 24;
    /// `lines`
    pub const LINES: usize = 32;
    /// `line_tools`
    pub const LINE_TOOLS: usize = 40;
    /// `per_instruction_opcodes`
    pub const PER_INSTRUCTION_OPCODES: usize = 48;
    /// `per_instruction_tools`
    pub const PER_INSTRUCTION_TOOLS: usize = 56;
    /// `sizeof(_Py_LocalMonitors)`
    pub const MONITORS: usize = 10;
    /// `sizeof`
    pub const SIZE: usize = 64;
}

/// `_PyExecutorArray`
pub mod executor_array {
    /// `size`
    pub const LENGTH: usize = 0;
    /// `executors`
    pub const EXECUTORS: usize = 8;
    /// `vm_data.opcode`
    pub const EXECUTOR_OPCODE: usize = 32;
    /// `vm_data.oparg`
    pub const EXECUTOR_OPARG: usize = 33;
}

/// `PyThreadState`
pub mod thread_state {
    /// `interp`
    pub const INTERP: usize = 16;
    /// `eval_breaker`
    pub const EVAL_BREAKER: usize = 24;
    /// `py_recursion_remaining`
    pub const PY_RECURSION_REMAINING: usize = 44;
    /// `py_recursion_limit`
    pub const PY_RECURSION_LIMIT: usize = 48;
    /// `c_recursion_remaining`
    pub const C_RECURSION_REMAINING: usize = 52;
    /// `recursion_headroom`
    pub const RECURSION_HEADROOM: usize = 56;
    /// `tracing`
    pub const TRACING: usize = 60;
    /// `what_event`
    pub const WHAT_EVENT: usize = 64;
    /// `current_frame`
    pub const CURRENT_FRAME: usize = 72;
    /// `c_profilefunc`
    pub const C_PROFILEFUNC: usize = 80;
    /// `c_tracefunc`
    pub const C_TRACEFUNC: usize = 88;
    /// `current_exception`
    pub const CURRENT_EXCEPTION: usize = 112;
    /// `exc_info`
    pub const EXC_INFO: usize = 120;
    /// `datastack_chunk`
    pub const DATASTACK_CHUNK: usize = 232;
    /// `datastack_top`
    pub const DATASTACK_TOP: usize = 240;
    /// `datastack_limit`
    pub const DATASTACK_LIMIT: usize = 248;
    /// `previous_executor`
    pub const PREVIOUS_EXECUTOR: usize = 272;
    /// `dict_global_version`: a word that only builds without the GIL use (pycore_dict.h, `dict_next_version`), 0 otherwise (Python/pystate.c, `init_threadstate`).
    pub const DICT_GLOBAL_VERSION: usize = 280;
}

/// `_PyStackChunk`
pub mod stack_chunk {
    /// `previous`
    pub const PREVIOUS: usize = 0;
    /// `data`
    pub const DATA: usize = 24;
}

/// `_PyErr_StackItem`
pub mod err_stack_item {
    /// `exc_value`
    pub const EXC_VALUE: usize = 0;
    /// `previous_item`
    pub const PREVIOUS_ITEM: usize = 8;
    /// `sizeof`
    pub const SIZE: usize = 16;
}

/// `_PyInterpreterFrame`
pub mod frame {
    /// `f_executable`
    pub const F_EXECUTABLE: usize = 0;
    /// `previous`
    pub const PREVIOUS: usize = 8;
    /// `f_funcobj`
    pub const F_FUNCOBJ: usize = 16;
    /// `f_globals`
    pub const F_GLOBALS: usize = 24;
    /// `f_builtins`
    pub const F_BUILTINS: usize = 32;
    /// `f_locals`
    pub const F_LOCALS: usize = 40;
    /// `frame_obj`
    pub const FRAME_OBJ: usize = 48;
    /// `instr_ptr`
    pub const INSTR_PTR: usize = 56;
    /// `stacktop`
    pub const STACKTOP: usize = 64;
    /// `return_offset`
    pub const RETURN_OFFSET: usize = 68;
    /// `owner`
    pub const OWNER: usize = 70;
    /// `the padding byte after owner`
    pub const STATE: usize = 71;
    /// `localsplus`
    pub const LOCALSPLUS: usize = 72;
    /// `FRAME_SPECIALS_SIZE, in words`
    pub const SPECIALS_SIZE: usize = 9;
    /// `FRAME_OWNED_BY_THREAD`
    pub const OWNED_BY_THREAD: usize = 0;
    /// `FRAME_OWNED_BY_GENERATOR`
    pub const OWNED_BY_GENERATOR: usize = 1;
    /// `FRAME_OWNED_BY_FRAME_OBJECT`
    pub const OWNED_BY_FRAME_OBJECT: usize = 2;
    /// `FRAME_OWNED_BY_CSTACK`
    pub const OWNED_BY_CSTACK: usize = 3;
    /// `sizeof`
    pub const SIZE: usize = 80;
}

/// `PyFrameObject`
pub mod frame_object {
    /// `f_back`
    pub const F_BACK: usize = 16;
    /// `f_frame`
    pub const F_FRAME: usize = 24;
    /// `f_trace`
    pub const F_TRACE: usize = 32;
    /// `f_lineno`
    pub const F_LINENO: usize = 40;
    /// `f_trace_lines`
    pub const F_TRACE_LINES: usize = 44;
    /// `f_trace_opcodes`
    pub const F_TRACE_OPCODES: usize = 45;
    /// `f_extra_locals`
    pub const F_EXTRA_LOCALS: usize = 48;
    /// `f_locals_cache`
    pub const F_LOCALS_CACHE: usize = 56;
    /// `_f_frame_data`
    pub const F_FRAME_DATA: usize = 64;
}

/// `PyGenObject`
pub mod generator {
    /// `gi_exc_state`
    pub const GI_EXC_STATE: usize = 40;
    /// `gi_frame_state`
    pub const GI_FRAME_STATE: usize = 67;
    /// `gi_iframe`
    pub const GI_IFRAME: usize = 72;
}

/// `PyTypeObject and PyHeapTypeObject`
pub mod type_object {
    /// `tp_name`
    pub const TP_NAME: usize = 24;
    /// `tp_basicsize`
    pub const TP_BASICSIZE: usize = 32;
    /// `tp_itemsize`
    pub const TP_ITEMSIZE: usize = 40;
    /// `tp_flags`
    pub const TP_FLAGS: usize = 168;
    /// `tp_dict`
    pub const TP_DICT: usize = 264;
    /// `tp_dictoffset`
    pub const TP_DICTOFFSET: usize = 288;
    /// `tp_mro`
    pub const TP_MRO: usize = 344;
    /// `tp_version_tag`
    pub const TP_VERSION_TAG: usize = 384;
    /// `tp_vectorcall`
    pub const TP_VECTORCALL: usize = 400;
    /// `tp_watched`
    pub const TP_WATCHED: usize = 408;
    /// `tp_versions_used`
    pub const TP_VERSIONS_USED: usize = 410;
    /// `ht_qualname`
    pub const HT_QUALNAME: usize = 872;
    /// `ht_cached_keys`
    pub const HT_CACHED_KEYS: usize = 880;
    /// `_spec_cache.getitem`
    pub const SPEC_CACHE_GETITEM: usize = 904;
    /// `_spec_cache.getitem_version`
    pub const SPEC_CACHE_GETITEM_VERSION: usize = 912;
    /// `_spec_cache.init`
    pub const SPEC_CACHE_INIT: usize = 920;
    /// `Py_TPFLAGS_INLINE_VALUES`
    pub const FLAG_INLINE_VALUES: usize = 4;
    /// `Py_TPFLAGS_MANAGED_WEAKREF`
    pub const FLAG_MANAGED_WEAKREF: usize = 8;
    /// `Py_TPFLAGS_MANAGED_DICT`
    pub const FLAG_MANAGED_DICT: usize = 16;
    /// `Py_TPFLAGS_HEAPTYPE`
    pub const FLAG_HEAPTYPE: usize = 512;
    /// `Py_TPFLAGS_IMMUTABLETYPE`
    pub const FLAG_IMMUTABLETYPE: usize = 256;
    /// `Py_TPFLAGS_METHOD_DESCRIPTOR`
    pub const FLAG_METHOD_DESCRIPTOR: usize = 131072;
    /// `Py_TPFLAGS_HAVE_GC`
    pub const FLAG_HAVE_GC: usize = 16384;
    /// `_Py_TPFLAGS_STATIC_BUILTIN`
    pub const STATIC_BUILTIN: usize = 2;
}

/// `propertyobject (Objects/descrobject.c; _PyProperty in pycore_descrobject.h)`
pub mod property {
    /// `prop_get`
    pub const PROP_GET: usize = 16;
    /// `prop_set`
    pub const PROP_SET: usize = 24;
}

/// `PyMethodDescrObject`
pub mod method_descriptor {
    /// `d_common.d_type`
    pub const D_TYPE: usize = 16;
    /// `d_common.d_name`
    pub const D_NAME: usize = 24;
    /// `d_method`
    pub const D_METHOD: usize = 40;
    /// `vectorcall`
    pub const VECTORCALL: usize = 48;
}

/// `PyMemberDescrObject`
pub mod member_descriptor {
    /// `d_member`
    pub const D_MEMBER: usize = 40;
}

/// `PyCFunctionObject`
pub mod builtin_function {
    /// `m_ml`
    pub const M_ML: usize = 16;
    /// `m_self`
    pub const M_SELF: usize = 24;
    /// `m_module`
    pub const M_MODULE: usize = 32;
    /// `vectorcall`
    pub const VECTORCALL: usize = 48;
}

/// `PyInterpreterState (these can move between micro releases: verified at start-up)`
pub mod interpreter {
    /// `ceval.instrumentation_version`
    pub const CEVAL_INSTRUMENTATION_VERSION: usize = 0;
    /// `threads.head`
    pub const THREADS_HEAD: usize = 7344;
    /// `eval_frame`
    pub const EVAL_FRAME: usize = 8472;
    /// `object_state.freelists.floats`
    pub const FLOAT_FREE_LIST: usize = 10952;
    /// `object_state.freelists.floats.items`
    pub const FLOAT_FREE_LIST_ITEMS: usize = 10960;
    /// `object_state.freelists.tuples`
    pub const TUPLE_FREE_LIST: usize = 10968;
    /// `object_state.freelists.lists`
    pub const LIST_FREE_LIST: usize = 11208;
    /// `monitors`
    pub const MONITORS: usize = 193136;
}

/// `_PyRuntime.static_objects.singletons.small_ints (its offset moves between micro releases)`
pub mod small_ints {
    /// `_PY_NSMALLNEGINTS`
    pub const SMALL_NEGATIVE_INTS: usize = 5;
    /// `_PY_NSMALLPOSINTS`
    pub const SMALL_POSITIVE_INTS: usize = 257;
}

/// `_Py_DebugOffsets, the head of _PyRuntime`
pub mod debug_offsets {
    /// `cookie`
    pub const COOKIE: usize = 0;
    /// `version`
    pub const VERSION: usize = 8;
    /// `free_threaded`
    pub const FREE_THREADED: usize = 16;
    /// `runtime_state`
    pub const RUNTIME_STATE: usize = 24;
    /// `interpreter_state`
    pub const INTERPRETER_STATE: usize = 48;
    /// `thread_state.interp`
    pub const THREAD_STATE_INTERP: usize = 176;
    /// `thread_state.current_frame`
    pub const THREAD_STATE_CURRENT_FRAME: usize = 184;
    /// `thread_state.datastack_chunk`
    pub const THREAD_STATE_DATASTACK_CHUNK: usize = 208;
    /// `interpreter_frame.size`
    pub const INTERPRETER_FRAME_SIZE: usize = 224;
    /// `interpreter_frame.previous`
    pub const INTERPRETER_FRAME_PREVIOUS: usize = 232;
    /// `interpreter_frame.executable`
    pub const INTERPRETER_FRAME_EXECUTABLE: usize = 240;
    /// `interpreter_frame.instr_ptr`
    pub const INTERPRETER_FRAME_INSTR_PTR: usize = 248;
    /// `interpreter_frame.localsplus`
    pub const INTERPRETER_FRAME_LOCALSPLUS: usize = 256;
    /// `interpreter_frame.owner`
    pub const INTERPRETER_FRAME_OWNER: usize = 264;
    /// `code_object.filename`
    pub const CODE_OBJECT_FILENAME: usize = 280;
    /// `code_object.qualname`
    pub const CODE_OBJECT_QUALNAME: usize = 296;
    /// `code_object.linetable`
    pub const CODE_OBJECT_LINETABLE: usize = 304;
    /// `code_object.firstlineno`
    pub const CODE_OBJECT_FIRSTLINENO: usize = 312;
    /// `code_object.argcount`
    pub const CODE_OBJECT_ARGCOUNT: usize = 320;
    /// `code_object.localsplusnames`
    pub const CODE_OBJECT_LOCALSPLUSNAMES: usize = 328;
    /// `code_object.localspluskinds`
    pub const CODE_OBJECT_LOCALSPLUSKINDS: usize = 336;
    /// `code_object.co_code_adaptive`
    pub const CODE_OBJECT_CO_CODE_ADAPTIVE: usize = 344;
    /// `pyobject.ob_type`
    pub const PYOBJECT_OB_TYPE: usize = 360;
    /// `type_object.tp_flags`
    pub const TYPE_OBJECT_TP_FLAGS: usize = 392;
    /// `tuple_object.ob_item`
    pub const TUPLE_OBJECT_OB_ITEM: usize = 408;
    /// `tuple_object.ob_size`
    pub const TUPLE_OBJECT_OB_SIZE: usize = 416;
    /// `list_object.ob_item`
    pub const LIST_OBJECT_OB_ITEM: usize = 432;
    /// `dict_object.ma_keys`
    pub const DICT_OBJECT_MA_KEYS: usize = 456;
    /// `dict_object.ma_values`
    pub const DICT_OBJECT_MA_VALUES: usize = 464;
    /// `float_object.ob_fval`
    pub const FLOAT_OBJECT_OB_FVAL: usize = 480;
    /// `long_object.lv_tag`
    pub const LONG_OBJECT_LV_TAG: usize = 496;
    /// `long_object.ob_digit`
    pub const LONG_OBJECT_OB_DIGIT: usize = 504;
    /// `bytes_object.ob_sval`
    pub const BYTES_OBJECT_OB_SVAL: usize = 528;
    /// `unicode_object.length`
    pub const UNICODE_OBJECT_LENGTH: usize = 552;
    /// `unicode_object.state`
    pub const UNICODE_OBJECT_STATE: usize = 544;
    /// `sizeof`
    pub const SIZE: usize = 584;
}

/// `counters of inline caches (pycore_backoff.h)`
pub mod backoff {
    /// `BACKOFF_BITS`
    pub const BITS: usize = 4;
    /// `adaptive_counter_warmup()`
    pub const ADAPTIVE_WARMUP: usize = 17;
}

/// `bits of eval_breaker (pycore_ceval.h)`
pub mod breaker {
    /// `_PY_EVAL_EVENTS_BITS`
    pub const EVENTS_BITS: usize = 8;
}

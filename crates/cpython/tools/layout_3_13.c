/* Prints src/v3_13/layout.rs: offsets, sizes and bits of CPython 3.13's structures, as its own headers define them.
 * Run by layout.py, which also checks that every installed 3.13.x gives the same text. */

#include <stddef.h>
#include <stdio.h>
#include "Python.h"
#include "internal/pycore_backoff.h"
#include "internal/pycore_ceval_state.h"
#include "internal/pycore_code.h"
#include "internal/pycore_descrobject.h"
#include "internal/pycore_dict.h"
#include "internal/pycore_frame.h"
#include "internal/pycore_function.h"
#include "internal/pycore_interp.h"
#include "internal/pycore_list.h"
#include "internal/pycore_long.h"
#include "internal/pycore_moduleobject.h"
#include "internal/pycore_range.h"
#include "internal/pycore_runtime.h"
#include "internal/pycore_tuple.h"

#define OPEN(NAME, WHAT) printf("\n/// `%s`\npub mod %s {\n", WHAT, NAME)
#define CLOSE() printf("}\n")
#define VALUE(NAME, WHAT, VALUE) printf("    /// `%s`\n    pub const %s: usize = %zu;\n", WHAT, NAME, (size_t)(VALUE))
#define OFFSET(NAME, STRUCT, FIELD) VALUE(NAME, #FIELD, offsetof(STRUCT, FIELD))
#define SIZE(STRUCT) VALUE("SIZE", "sizeof", sizeof(STRUCT))

int main(void)
{
    printf("//! Offsets, sizes and bits of CPython 3.13's structures. Made by `crates/cpython/tools/layout.py`; do not edit.\n");

    OPEN("object", "PyObject");
    OFFSET("OB_REFCNT", PyObject, ob_refcnt);
    OFFSET("OB_TYPE", PyObject, ob_type);
    OFFSET("OB_SIZE", PyVarObject, ob_size);
    SIZE(PyObject);
    CLOSE();

    OPEN("long", "PyLongObject");
    OFFSET("LV_TAG", PyLongObject, long_value.lv_tag);
    OFFSET("OB_DIGIT", PyLongObject, long_value.ob_digit);
    VALUE("SHIFT", "PyLong_SHIFT", PyLong_SHIFT);
    VALUE("NON_SIZE_BITS", "NON_SIZE_BITS", NON_SIZE_BITS);
    VALUE("SIGN_MASK", "SIGN_MASK", SIGN_MASK);
    SIZE(PyLongObject);
    CLOSE();

    OPEN("float", "PyFloatObject");
    OFFSET("OB_FVAL", PyFloatObject, ob_fval);
    SIZE(PyFloatObject);
    CLOSE();

    OPEN("list", "PyListObject");
    OFFSET("OB_ITEM", PyListObject, ob_item);
    OFFSET("ALLOCATED", PyListObject, allocated);
    CLOSE();

    OPEN("tuple", "PyTupleObject");
    OFFSET("OB_ITEM", PyTupleObject, ob_item);
    CLOSE();

    OPEN("bytes", "PyBytesObject");
    OFFSET("OB_SVAL", PyBytesObject, ob_sval);
    CLOSE();

    OPEN("unicode", "PyASCIIObject");
    OFFSET("LENGTH", PyASCIIObject, length);
    OFFSET("HASH", PyASCIIObject, hash);
    OFFSET("STATE", PyASCIIObject, state);
    SIZE(PyASCIIObject);
    CLOSE();

    OPEN("set", "PySetObject");
    OFFSET("FILL", PySetObject, fill);
    OFFSET("USED", PySetObject, used);
    CLOSE();

    OPEN("slice", "PySliceObject");
    OFFSET("START", PySliceObject, start);
    OFFSET("STOP", PySliceObject, stop);
    OFFSET("STEP", PySliceObject, step);
    CLOSE();

    OPEN("cell", "PyCellObject");
    OFFSET("OB_REF", PyCellObject, ob_ref);
    CLOSE();

    OPEN("method", "PyMethodObject");
    OFFSET("IM_FUNC", PyMethodObject, im_func);
    OFFSET("IM_SELF", PyMethodObject, im_self);
    CLOSE();

    OPEN("range_iterator", "_PyRangeIterObject");
    OFFSET("START", _PyRangeIterObject, start);
    OFFSET("STEP", _PyRangeIterObject, step);
    OFFSET("LEN", _PyRangeIterObject, len);
    CLOSE();

    OPEN("list_iterator", "_PyListIterObject");
    OFFSET("IT_INDEX", _PyListIterObject, it_index);
    OFFSET("IT_SEQ", _PyListIterObject, it_seq);
    CLOSE();

    OPEN("tuple_iterator", "_PyTupleIterObject");
    OFFSET("IT_INDEX", _PyTupleIterObject, it_index);
    OFFSET("IT_SEQ", _PyTupleIterObject, it_seq);
    CLOSE();

    OPEN("dict", "PyDictObject");
    OFFSET("MA_USED", PyDictObject, ma_used);
    OFFSET("MA_VERSION_TAG", PyDictObject, ma_version_tag);
    OFFSET("MA_KEYS", PyDictObject, ma_keys);
    OFFSET("MA_VALUES", PyDictObject, ma_values);
    SIZE(PyDictObject);
    CLOSE();

    OPEN("dict_keys", "PyDictKeysObject");
    OFFSET("DK_REFCNT", struct _dictkeysobject, dk_refcnt);
    OFFSET("DK_LOG2_SIZE", struct _dictkeysobject, dk_log2_size);
    OFFSET("DK_LOG2_INDEX_BYTES", struct _dictkeysobject, dk_log2_index_bytes);
    OFFSET("DK_KIND", struct _dictkeysobject, dk_kind);
    OFFSET("DK_VERSION", struct _dictkeysobject, dk_version);
    OFFSET("DK_USABLE", struct _dictkeysobject, dk_usable);
    OFFSET("DK_NENTRIES", struct _dictkeysobject, dk_nentries);
    OFFSET("DK_INDICES", struct _dictkeysobject, dk_indices);
    VALUE("KIND_GENERAL", "DICT_KEYS_GENERAL", DICT_KEYS_GENERAL);
    VALUE("KIND_UNICODE", "DICT_KEYS_UNICODE", DICT_KEYS_UNICODE);
    VALUE("KIND_SPLIT", "DICT_KEYS_SPLIT", DICT_KEYS_SPLIT);
    CLOSE();

    OPEN("dict_entry", "PyDictKeyEntry");
    OFFSET("ME_HASH", PyDictKeyEntry, me_hash);
    OFFSET("ME_KEY", PyDictKeyEntry, me_key);
    OFFSET("ME_VALUE", PyDictKeyEntry, me_value);
    SIZE(PyDictKeyEntry);
    CLOSE();

    OPEN("dict_unicode_entry", "PyDictUnicodeEntry");
    OFFSET("ME_KEY", PyDictUnicodeEntry, me_key);
    OFFSET("ME_VALUE", PyDictUnicodeEntry, me_value);
    SIZE(PyDictUnicodeEntry);
    CLOSE();

    OPEN("dict_values", "PyDictValues");
    OFFSET("CAPACITY", struct _dictvalues, capacity);
    OFFSET("USED", struct _dictvalues, size);
    OFFSET("EMBEDDED", struct _dictvalues, embedded);
    OFFSET("VALID", struct _dictvalues, valid);
    OFFSET("VALUES", struct _dictvalues, values);
    CLOSE();

    OPEN("managed", "what stands before objects with managed dicts and weak references (pycore_object.h); subtract from the object's address");
    VALUE("DICT", "MANAGED_DICT_OFFSET, negated", -MANAGED_DICT_OFFSET * (int)1);
    VALUE("WEAKREF", "MANAGED_WEAKREF_OFFSET, negated", -MANAGED_WEAKREF_OFFSET * (int)1);
    CLOSE();

    OPEN("module", "PyModuleObject");
    OFFSET("MD_DICT", PyModuleObject, md_dict);
    CLOSE();

    OPEN("function", "PyFunctionObject");
    OFFSET("FUNC_GLOBALS", PyFunctionObject, func_globals);
    OFFSET("FUNC_BUILTINS", PyFunctionObject, func_builtins);
    OFFSET("FUNC_NAME", PyFunctionObject, func_name);
    OFFSET("FUNC_QUALNAME", PyFunctionObject, func_qualname);
    OFFSET("FUNC_CODE", PyFunctionObject, func_code);
    OFFSET("FUNC_DEFAULTS", PyFunctionObject, func_defaults);
    OFFSET("FUNC_KWDEFAULTS", PyFunctionObject, func_kwdefaults);
    OFFSET("FUNC_CLOSURE", PyFunctionObject, func_closure);
    OFFSET("VECTORCALL", PyFunctionObject, vectorcall);
    OFFSET("FUNC_VERSION", PyFunctionObject, func_version);
    SIZE(PyFunctionObject);
    CLOSE();

    OPEN("code", "PyCodeObject");
    OFFSET("CO_CONSTS", PyCodeObject, co_consts);
    OFFSET("CO_NAMES", PyCodeObject, co_names);
    OFFSET("CO_EXCEPTIONTABLE", PyCodeObject, co_exceptiontable);
    OFFSET("CO_FLAGS", PyCodeObject, co_flags);
    OFFSET("CO_ARGCOUNT", PyCodeObject, co_argcount);
    OFFSET("CO_POSONLYARGCOUNT", PyCodeObject, co_posonlyargcount);
    OFFSET("CO_KWONLYARGCOUNT", PyCodeObject, co_kwonlyargcount);
    OFFSET("CO_STACKSIZE", PyCodeObject, co_stacksize);
    OFFSET("CO_FIRSTLINENO", PyCodeObject, co_firstlineno);
    OFFSET("CO_NLOCALSPLUS", PyCodeObject, co_nlocalsplus);
    OFFSET("CO_FRAMESIZE", PyCodeObject, co_framesize);
    OFFSET("CO_NLOCALS", PyCodeObject, co_nlocals);
    OFFSET("CO_NCELLVARS", PyCodeObject, co_ncellvars);
    OFFSET("CO_NFREEVARS", PyCodeObject, co_nfreevars);
    OFFSET("CO_VERSION", PyCodeObject, co_version);
    OFFSET("CO_LOCALSPLUSNAMES", PyCodeObject, co_localsplusnames);
    OFFSET("CO_LOCALSPLUSKINDS", PyCodeObject, co_localspluskinds);
    OFFSET("CO_FILENAME", PyCodeObject, co_filename);
    OFFSET("CO_NAME", PyCodeObject, co_name);
    OFFSET("CO_QUALNAME", PyCodeObject, co_qualname);
    OFFSET("CO_LINETABLE", PyCodeObject, co_linetable);
    OFFSET("CO_EXECUTORS", PyCodeObject, co_executors);
    OFFSET("CO_INSTRUMENTATION_VERSION", PyCodeObject, _co_instrumentation_version);
    OFFSET("CO_MONITORING", PyCodeObject, _co_monitoring);
    OFFSET("CO_FIRSTTRACEABLE", PyCodeObject, _co_firsttraceable);
    OFFSET("CO_EXTRA", PyCodeObject, co_extra);
    OFFSET("CO_CODE_ADAPTIVE", PyCodeObject, co_code_adaptive);
    VALUE("FAST_LOCAL", "CO_FAST_LOCAL", CO_FAST_LOCAL);
    VALUE("FAST_CELL", "CO_FAST_CELL", CO_FAST_CELL);
    VALUE("FAST_FREE", "CO_FAST_FREE", CO_FAST_FREE);
    VALUE("FAST_HIDDEN", "CO_FAST_HIDDEN", CO_FAST_HIDDEN);
    CLOSE();

    OPEN("monitoring_data", "_PyCoMonitoringData");
    OFFSET("LOCAL_MONITORS", _PyCoMonitoringData, local_monitors);
    OFFSET("ACTIVE_MONITORS", _PyCoMonitoringData, active_monitors);
    OFFSET("TOOLS", _PyCoMonitoringData, tools);
    OFFSET("LINES", _PyCoMonitoringData, lines);
    OFFSET("LINE_TOOLS", _PyCoMonitoringData, line_tools);
    OFFSET("PER_INSTRUCTION_OPCODES", _PyCoMonitoringData, per_instruction_opcodes);
    OFFSET("PER_INSTRUCTION_TOOLS", _PyCoMonitoringData, per_instruction_tools);
    VALUE("MONITORS", "sizeof(_Py_LocalMonitors)", sizeof(_Py_LocalMonitors));
    SIZE(_PyCoMonitoringData);
    CLOSE();

    OPEN("executor_array", "_PyExecutorArray");
    OFFSET("LENGTH", _PyExecutorArray, size);
    OFFSET("EXECUTORS", _PyExecutorArray, executors);
    OFFSET("EXECUTOR_OPCODE", struct _PyExecutorObject, vm_data.opcode);
    OFFSET("EXECUTOR_OPARG", struct _PyExecutorObject, vm_data.oparg);
    CLOSE();

    OPEN("thread_state", "PyThreadState");
    OFFSET("INTERP", PyThreadState, interp);
    OFFSET("EVAL_BREAKER", PyThreadState, eval_breaker);
    OFFSET("PY_RECURSION_REMAINING", PyThreadState, py_recursion_remaining);
    OFFSET("PY_RECURSION_LIMIT", PyThreadState, py_recursion_limit);
    OFFSET("C_RECURSION_REMAINING", PyThreadState, c_recursion_remaining);
    OFFSET("RECURSION_HEADROOM", PyThreadState, recursion_headroom);
    OFFSET("TRACING", PyThreadState, tracing);
    OFFSET("WHAT_EVENT", PyThreadState, what_event);
    OFFSET("CURRENT_FRAME", PyThreadState, current_frame);
    OFFSET("C_PROFILEFUNC", PyThreadState, c_profilefunc);
    OFFSET("C_TRACEFUNC", PyThreadState, c_tracefunc);
    OFFSET("CURRENT_EXCEPTION", PyThreadState, current_exception);
    OFFSET("EXC_INFO", PyThreadState, exc_info);
    OFFSET("DATASTACK_CHUNK", PyThreadState, datastack_chunk);
    OFFSET("DATASTACK_TOP", PyThreadState, datastack_top);
    OFFSET("DATASTACK_LIMIT", PyThreadState, datastack_limit);
    OFFSET("PREVIOUS_EXECUTOR", PyThreadState, previous_executor);
    CLOSE();

    OPEN("stack_chunk", "_PyStackChunk");
    OFFSET("PREVIOUS", _PyStackChunk, previous);
    OFFSET("DATA", _PyStackChunk, data);
    CLOSE();

    OPEN("err_stack_item", "_PyErr_StackItem");
    OFFSET("EXC_VALUE", _PyErr_StackItem, exc_value);
    OFFSET("PREVIOUS_ITEM", _PyErr_StackItem, previous_item);
    SIZE(_PyErr_StackItem);
    CLOSE();

    OPEN("frame", "_PyInterpreterFrame");
    OFFSET("F_EXECUTABLE", _PyInterpreterFrame, f_executable);
    OFFSET("PREVIOUS", _PyInterpreterFrame, previous);
    OFFSET("F_FUNCOBJ", _PyInterpreterFrame, f_funcobj);
    OFFSET("F_GLOBALS", _PyInterpreterFrame, f_globals);
    OFFSET("F_BUILTINS", _PyInterpreterFrame, f_builtins);
    OFFSET("F_LOCALS", _PyInterpreterFrame, f_locals);
    OFFSET("FRAME_OBJ", _PyInterpreterFrame, frame_obj);
    OFFSET("INSTR_PTR", _PyInterpreterFrame, instr_ptr);
    OFFSET("STACKTOP", _PyInterpreterFrame, stacktop);
    OFFSET("RETURN_OFFSET", _PyInterpreterFrame, return_offset);
    OFFSET("OWNER", _PyInterpreterFrame, owner);
    VALUE("STATE", "the padding byte after owner", offsetof(_PyInterpreterFrame, owner) + 1);
    OFFSET("LOCALSPLUS", _PyInterpreterFrame, localsplus);
    VALUE("SPECIALS_SIZE", "FRAME_SPECIALS_SIZE, in words", FRAME_SPECIALS_SIZE);
    VALUE("OWNED_BY_THREAD", "FRAME_OWNED_BY_THREAD", FRAME_OWNED_BY_THREAD);
    VALUE("OWNED_BY_GENERATOR", "FRAME_OWNED_BY_GENERATOR", FRAME_OWNED_BY_GENERATOR);
    VALUE("OWNED_BY_FRAME_OBJECT", "FRAME_OWNED_BY_FRAME_OBJECT", FRAME_OWNED_BY_FRAME_OBJECT);
    VALUE("OWNED_BY_CSTACK", "FRAME_OWNED_BY_CSTACK", FRAME_OWNED_BY_CSTACK);
    SIZE(_PyInterpreterFrame);
    CLOSE();

    OPEN("frame_object", "PyFrameObject");
    OFFSET("F_BACK", struct _frame, f_back);
    OFFSET("F_FRAME", struct _frame, f_frame);
    OFFSET("F_TRACE", struct _frame, f_trace);
    OFFSET("F_LINENO", struct _frame, f_lineno);
    OFFSET("F_TRACE_LINES", struct _frame, f_trace_lines);
    OFFSET("F_TRACE_OPCODES", struct _frame, f_trace_opcodes);
    OFFSET("F_EXTRA_LOCALS", struct _frame, f_extra_locals);
    OFFSET("F_LOCALS_CACHE", struct _frame, f_locals_cache);
    OFFSET("F_FRAME_DATA", struct _frame, _f_frame_data);
    CLOSE();

    OPEN("generator", "PyGenObject");
    OFFSET("GI_EXC_STATE", PyGenObject, gi_exc_state);
    OFFSET("GI_FRAME_STATE", PyGenObject, gi_frame_state);
    OFFSET("GI_IFRAME", PyGenObject, gi_iframe);
    CLOSE();

    OPEN("type_object", "PyTypeObject and PyHeapTypeObject");
    OFFSET("TP_NAME", PyTypeObject, tp_name);
    OFFSET("TP_BASICSIZE", PyTypeObject, tp_basicsize);
    OFFSET("TP_ITEMSIZE", PyTypeObject, tp_itemsize);
    OFFSET("TP_FLAGS", PyTypeObject, tp_flags);
    OFFSET("TP_DICT", PyTypeObject, tp_dict);
    OFFSET("TP_DICTOFFSET", PyTypeObject, tp_dictoffset);
    OFFSET("TP_MRO", PyTypeObject, tp_mro);
    OFFSET("TP_VERSION_TAG", PyTypeObject, tp_version_tag);
    OFFSET("TP_VECTORCALL", PyTypeObject, tp_vectorcall);
    OFFSET("TP_WATCHED", PyTypeObject, tp_watched);
    OFFSET("TP_VERSIONS_USED", PyTypeObject, tp_versions_used);
    OFFSET("HT_QUALNAME", PyHeapTypeObject, ht_qualname);
    OFFSET("HT_CACHED_KEYS", PyHeapTypeObject, ht_cached_keys);
    OFFSET("SPEC_CACHE_GETITEM", PyHeapTypeObject, _spec_cache.getitem);
    OFFSET("SPEC_CACHE_GETITEM_VERSION", PyHeapTypeObject, _spec_cache.getitem_version);
    OFFSET("SPEC_CACHE_INIT", PyHeapTypeObject, _spec_cache.init);
    VALUE("FLAG_INLINE_VALUES", "Py_TPFLAGS_INLINE_VALUES", Py_TPFLAGS_INLINE_VALUES);
    VALUE("FLAG_MANAGED_WEAKREF", "Py_TPFLAGS_MANAGED_WEAKREF", Py_TPFLAGS_MANAGED_WEAKREF);
    VALUE("FLAG_MANAGED_DICT", "Py_TPFLAGS_MANAGED_DICT", Py_TPFLAGS_MANAGED_DICT);
    VALUE("FLAG_HEAPTYPE", "Py_TPFLAGS_HEAPTYPE", Py_TPFLAGS_HEAPTYPE);
    VALUE("FLAG_IMMUTABLETYPE", "Py_TPFLAGS_IMMUTABLETYPE", Py_TPFLAGS_IMMUTABLETYPE);
    VALUE("FLAG_METHOD_DESCRIPTOR", "Py_TPFLAGS_METHOD_DESCRIPTOR", Py_TPFLAGS_METHOD_DESCRIPTOR);
    VALUE("FLAG_HAVE_GC", "Py_TPFLAGS_HAVE_GC", Py_TPFLAGS_HAVE_GC);
    VALUE("STATIC_BUILTIN", "_Py_TPFLAGS_STATIC_BUILTIN", _Py_TPFLAGS_STATIC_BUILTIN);
    CLOSE();

    OPEN("property", "propertyobject (Objects/descrobject.c; _PyProperty in pycore_descrobject.h)");
    OFFSET("PROP_GET", propertyobject, prop_get);
    OFFSET("PROP_SET", propertyobject, prop_set);
    CLOSE();

    OPEN("method_descriptor", "PyMethodDescrObject");
    OFFSET("D_TYPE", PyMethodDescrObject, d_common.d_type);
    OFFSET("D_NAME", PyMethodDescrObject, d_common.d_name);
    OFFSET("D_METHOD", PyMethodDescrObject, d_method);
    OFFSET("VECTORCALL", PyMethodDescrObject, vectorcall);
    CLOSE();

    OPEN("member_descriptor", "PyMemberDescrObject");
    OFFSET("D_MEMBER", PyMemberDescrObject, d_member);
    CLOSE();

    OPEN("builtin_function", "PyCFunctionObject");
    OFFSET("M_ML", PyCFunctionObject, m_ml);
    OFFSET("M_SELF", PyCFunctionObject, m_self);
    OFFSET("M_MODULE", PyCFunctionObject, m_module);
    OFFSET("VECTORCALL", PyCFunctionObject, vectorcall);
    CLOSE();

    OPEN("interpreter", "PyInterpreterState (these can move between micro releases: verified at start-up)");
    OFFSET("CEVAL_INSTRUMENTATION_VERSION", PyInterpreterState, ceval.instrumentation_version);
    OFFSET("THREADS_HEAD", PyInterpreterState, threads.head);
    OFFSET("EVAL_FRAME", PyInterpreterState, eval_frame);
    OFFSET("FLOAT_FREE_LIST", PyInterpreterState, object_state.freelists.floats);
    OFFSET("FLOAT_FREE_LIST_ITEMS", PyInterpreterState, object_state.freelists.floats.items);
    OFFSET("TUPLE_FREE_LIST", PyInterpreterState, object_state.freelists.tuples);
    OFFSET("LIST_FREE_LIST", PyInterpreterState, object_state.freelists.lists);
    OFFSET("MONITORS", PyInterpreterState, monitors);
    CLOSE();

    OPEN("small_ints", "_PyRuntime.static_objects.singletons.small_ints (its offset moves between micro releases)");
    VALUE("SMALL_NEGATIVE_INTS", "_PY_NSMALLNEGINTS", _PY_NSMALLNEGINTS);
    VALUE("SMALL_POSITIVE_INTS", "_PY_NSMALLPOSINTS", _PY_NSMALLPOSINTS);
    CLOSE();

    OPEN("debug_offsets", "_Py_DebugOffsets, the head of _PyRuntime");
    OFFSET("COOKIE", _Py_DebugOffsets, cookie);
    OFFSET("VERSION", _Py_DebugOffsets, version);
    OFFSET("FREE_THREADED", _Py_DebugOffsets, free_threaded);
    OFFSET("RUNTIME_STATE", _Py_DebugOffsets, runtime_state);
    OFFSET("INTERPRETER_STATE", _Py_DebugOffsets, interpreter_state);
    OFFSET("THREAD_STATE_INTERP", _Py_DebugOffsets, thread_state.interp);
    OFFSET("THREAD_STATE_CURRENT_FRAME", _Py_DebugOffsets, thread_state.current_frame);
    OFFSET("THREAD_STATE_DATASTACK_CHUNK", _Py_DebugOffsets, thread_state.datastack_chunk);
    OFFSET("INTERPRETER_FRAME_SIZE", _Py_DebugOffsets, interpreter_frame.size);
    OFFSET("INTERPRETER_FRAME_PREVIOUS", _Py_DebugOffsets, interpreter_frame.previous);
    OFFSET("INTERPRETER_FRAME_EXECUTABLE", _Py_DebugOffsets, interpreter_frame.executable);
    OFFSET("INTERPRETER_FRAME_INSTR_PTR", _Py_DebugOffsets, interpreter_frame.instr_ptr);
    OFFSET("INTERPRETER_FRAME_LOCALSPLUS", _Py_DebugOffsets, interpreter_frame.localsplus);
    OFFSET("INTERPRETER_FRAME_OWNER", _Py_DebugOffsets, interpreter_frame.owner);
    OFFSET("CODE_OBJECT_FILENAME", _Py_DebugOffsets, code_object.filename);
    OFFSET("CODE_OBJECT_QUALNAME", _Py_DebugOffsets, code_object.qualname);
    OFFSET("CODE_OBJECT_LINETABLE", _Py_DebugOffsets, code_object.linetable);
    OFFSET("CODE_OBJECT_FIRSTLINENO", _Py_DebugOffsets, code_object.firstlineno);
    OFFSET("CODE_OBJECT_ARGCOUNT", _Py_DebugOffsets, code_object.argcount);
    OFFSET("CODE_OBJECT_LOCALSPLUSNAMES", _Py_DebugOffsets, code_object.localsplusnames);
    OFFSET("CODE_OBJECT_LOCALSPLUSKINDS", _Py_DebugOffsets, code_object.localspluskinds);
    OFFSET("CODE_OBJECT_CO_CODE_ADAPTIVE", _Py_DebugOffsets, code_object.co_code_adaptive);
    OFFSET("PYOBJECT_OB_TYPE", _Py_DebugOffsets, pyobject.ob_type);
    OFFSET("TYPE_OBJECT_TP_FLAGS", _Py_DebugOffsets, type_object.tp_flags);
    OFFSET("TUPLE_OBJECT_OB_ITEM", _Py_DebugOffsets, tuple_object.ob_item);
    OFFSET("TUPLE_OBJECT_OB_SIZE", _Py_DebugOffsets, tuple_object.ob_size);
    OFFSET("LIST_OBJECT_OB_ITEM", _Py_DebugOffsets, list_object.ob_item);
    OFFSET("DICT_OBJECT_MA_KEYS", _Py_DebugOffsets, dict_object.ma_keys);
    OFFSET("DICT_OBJECT_MA_VALUES", _Py_DebugOffsets, dict_object.ma_values);
    OFFSET("FLOAT_OBJECT_OB_FVAL", _Py_DebugOffsets, float_object.ob_fval);
    OFFSET("LONG_OBJECT_LV_TAG", _Py_DebugOffsets, long_object.lv_tag);
    OFFSET("LONG_OBJECT_OB_DIGIT", _Py_DebugOffsets, long_object.ob_digit);
    OFFSET("BYTES_OBJECT_OB_SVAL", _Py_DebugOffsets, bytes_object.ob_sval);
    OFFSET("UNICODE_OBJECT_LENGTH", _Py_DebugOffsets, unicode_object.length);
    OFFSET("UNICODE_OBJECT_STATE", _Py_DebugOffsets, unicode_object.state);
    SIZE(_Py_DebugOffsets);
    CLOSE();

    OPEN("backoff", "counters of inline caches (pycore_backoff.h)");
    VALUE("BITS", "BACKOFF_BITS", 4);
    VALUE("ADAPTIVE_WARMUP", "adaptive_counter_warmup()", adaptive_counter_warmup().as_counter);
    CLOSE();

    OPEN("breaker", "bits of eval_breaker (pycore_ceval.h)");
    VALUE("EVENTS_BITS", "_PY_EVAL_EVENTS_BITS", 8);
    CLOSE();
    return 0;
}

//! What code generation needs to know of the process it makes code for: offsets in CPython's structures, addresses of well-known objects, classes and
//! runtime routines. Plain numbers, filled in by the `cpython` crate (offsets, objects) and the `runtime` crate (routines): code generation never names a symbol.

use coachwhip_ir::{Class, Field, Helper};

/// Offsets in bytes, of the running interpreter's version.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// Offset of each [`Field`], by its number.
    pub fields: Vec<i32>,
    /// `PyObject.ob_type`
    pub object_type: i32,
    /// `PyLongObject.long_value.lv_tag`
    pub long_tag: i32,
    /// `PyLongObject.long_value.ob_digit`
    pub long_digits: i32,
    /// `PyFloatObject.ob_fval`
    pub float_value: i32,
    /// `PyListObject.ob_item`
    pub list_items: i32,
    /// `PyTupleObject.ob_item`
    pub tuple_items: i32,
    /// `arrayobject.ob_item` (Modules/arraymodule.c)
    pub array_items: i32,
    /// `arrayobject.ob_descr`
    pub array_descriptor: i32,
    /// `PyCellObject.ob_ref`
    pub cell_contents: i32,
    /// `PyDictObject.ma_keys`
    pub dict_keys: i32,
    /// `PyDictKeysObject.dk_version`
    pub keys_version: i32,
    /// `PyDictKeysObject.dk_log2_index_bytes`
    pub keys_log2_index_bytes: i32,
    /// `PyDictKeysObject.dk_indices`: the entries start behind 2^log2_index_bytes bytes
    pub keys_indices: i32,
    /// `PyDictKeysObject.dk_kind`: 0 for entries of keys of any class
    pub keys_kind: i32,
    /// `PyDictKeysObject.dk_nentries`
    pub keys_count: i32,
    /// `PyDictUnicodeEntry.me_key`
    pub unicode_entry_key: i32,
    /// `PyDictUnicodeEntry.me_value`
    pub unicode_entry_value: i32,
    /// `sizeof(PyDictUnicodeEntry)`
    pub unicode_entry_size: i32,
    /// The managed dict pointer, from the object (negative).
    pub managed_dict: i32,
    /// In `PyDictValues`: `capacity`, `size`, `valid`, `values[0]`
    pub values_capacity: i32,
    /// `PyDictValues.size`
    pub values_size: i32,
    /// `PyDictValues.valid`
    pub values_valid: i32,
    /// `PyDictValues.values`
    pub values_values: i32,
    /// `PyThreadState.eval_breaker`
    pub thread_eval_breaker: i32,
    /// `PyThreadState.current_frame`
    pub thread_current_frame: i32,
    /// `PyThreadState.py_recursion_remaining` (32 bits)
    pub thread_py_recursion_remaining: i32,
    /// `PyThreadState.datastack_top`
    pub thread_datastack_top: i32,
    /// `PyThreadState.datastack_limit`
    pub thread_datastack_limit: i32,
    /// `PyThreadState.current_exception`
    pub thread_current_exception: i32,
    /// A 64-bit word of each thread state that is the runtime's: the address from which compiled code may use [`STACK_RANGE`] bytes of the thread's machine stack,
    /// 0 while that is not known.
    pub thread_stack_limit: i32,
    /// `_PyInterpreterFrame.f_executable`
    pub frame_executable: i32,
    /// `_PyInterpreterFrame.previous`
    pub frame_previous: i32,
    /// `_PyInterpreterFrame.f_funcobj`
    pub frame_function: i32,
    /// `_PyInterpreterFrame.f_globals`
    pub frame_globals: i32,
    /// `_PyInterpreterFrame.f_builtins`
    pub frame_builtins: i32,
    /// `_PyInterpreterFrame.f_locals`: of a compiled frame, its activation record or NULL (`docs/design/frames.md`)
    pub frame_locals: i32,
    /// `_PyInterpreterFrame.frame_obj`
    pub frame_object: i32,
    /// `_PyInterpreterFrame.instr_ptr`
    pub frame_instr_ptr: i32,
    /// `_PyInterpreterFrame.stacktop` (32 bits), then `return_offset` (16), `owner` (8), then the padding byte that holds the state of a compiled frame
    pub frame_stacktop: i32,
    /// That padding byte: see [`frame_state`].
    pub frame_state: i32,
    /// `_PyInterpreterFrame.localsplus`
    pub frame_localsplus: i32,
    /// `PyFunctionObject.func_globals`
    pub function_globals: i32,
    /// `PyFunctionObject.func_builtins`
    pub function_builtins: i32,
    /// `PyFunctionObject.func_closure`
    pub function_closure: i32,
    /// `PyFunctionObject.vectorcall`
    pub function_vectorcall: i32,
}

/// Bits of the state byte of a frame whose function runs compiled.
pub mod frame_state {
    /// The frame runs compiled code: the byte is exactly this when nothing else is to be said.
    pub const COMPILED: u8 = 0xC1;
    /// Compiled code must leave when control comes back to it: the frame was inspected, or its code was invalidated.
    pub const LEAVE: u8 = 0x02;
    /// The frame needs the slow way out (it is the first of its chunk of the data stack).
    pub const SLOW_RETURN: u8 = 0x04;
    /// The runtime's own: the frame was inspected, its slots own what they show beside the values (always together with `LEAVE`).
    pub const OWNS_SLOTS: u8 = 0x08;
}

/// Addresses of routines that are not helpers of the IR: the ways in and out of compiled code. Signatures in `docs/design/frames.md`.
#[derive(Clone, Debug, Default)]
pub struct Routines {
    /// `(tstate, frame, header, recipe number, buffer) -> object`: leaves to the interpreter (Call entries).
    pub exit: usize,
    /// The same for loop entries: writes the frame and returns the status that the loop entry returns.
    pub exit_loop: usize,
    /// `(tstate, frame, header, recipe number, buffer) -> object`: an exception is set; goes to a handler or leaves the frame.
    pub raise: usize,
    /// The same for loop entries.
    pub raise_loop: usize,
    /// `(tstate, frame, header, recipe number, buffer) -> object`: the slow way of returning.
    pub return_slow: usize,
    /// `(tstate, function, *arguments, count, header) -> frame`: the entry check failed (tracing is on, the code is not valid, the recursion limit is near, the
    /// C stack is low, the chunk of the data stack is full). Either pushes and links a frame, for which the caller fills in `localsplus` alone, or returns
    /// NULL: the call is over, the arguments' references are gone, and the outcome (an object or NULL) is in `arguments[0]` (there is room for it always).
    pub enter_slow: usize,
    /// `(tstate, frame) -> int`: eval_breaker differs from what it should be: 0 go on, 1 leave, -1 exception.
    pub handle_eval_breaker: usize,
    /// `(object)`: destroys an object whose count fell to 0.
    pub deallocate: usize,
    /// The same, keeping integer registers, and keeping all registers ([`crate::quiet`]); 0 on machines for which there are none. Most cold paths of compiled code are these.
    pub deallocate_quietly: [usize; 2],
    /// `(value) -> object`: a new int object.
    pub box_int: usize,
    /// `(value) -> object`: a new float object.
    pub box_float: usize,
    /// `(object, *status) -> value`: the value of an int object that is not compact; status 1 if it does not fit.
    pub unbox_big_int: usize,
    /// `(tstate, frame, header, recipe number, buffer) -> frame`: unused in loop code; pushes an inlined callee's frame.
    pub push_inlined_frame: usize,
    /// `(tstate, frame, instr_ptr) -> exception`, new reference: `Op::Catch`.
    pub catch: usize,
    /// `(tstate, callable, *arguments, count, names) -> object`: `Op::CallObject`. `count` is the number of all arguments, those named by `names` (a tuple
    /// or NULL) included; their references are taken over, and `arguments[-1]` may be written.
    pub call_object: usize,
}

/// Everything about the process.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// Offsets.
    pub layout: Layout,
    /// Addresses of the built-in classes' type objects, by [`Class`]; 0 for `Other`.
    pub classes: Vec<usize>,
    /// Address of True.
    pub true_object: usize,
    /// Address of False.
    pub false_object: usize,
    /// Address of the object for the small int 0; others follow at `small_int_size` bytes each, from -5 to 256.
    pub small_int_zero: usize,
    /// Size of a small int object in its array.
    pub small_int_size: usize,
    /// Addresses of the helpers, by [`Helper`].
    pub helpers: Vec<usize>,
    /// Ways in and out.
    pub routines: Routines,
    /// Address of the 64-bit word that `eval_breaker` equals while no event is pending and no foreign tool is active.
    pub eval_breaker_expected: usize,
    /// Address of the interpreter's `eval_frame`, which is not 0 while another extension evaluates frames (PEP 523); 0 if unknown.
    pub frame_evaluator: usize,
    /// Address of the interpreter's float free list (`{int numfree; PyFloatObject *items}` in 3.13), 0 if unknown.
    pub float_free_list: usize,
}

impl Environment {
    /// The offset of a field.
    #[must_use]
    pub fn field(&self, field: Field) -> i32 {
        self.layout.fields[field as usize]
    }

    /// The address of a built-in class's type object.
    #[must_use]
    pub fn class(&self, class: Class) -> usize {
        self.classes[class as usize]
    }

    /// The address of a helper.
    #[must_use]
    pub fn helper(&self, helper: Helper) -> usize {
        self.helpers[helper as usize]
    }
}

/// The head of an installed piece of compiled code, at an address that never changes while the code lives. Machine code names it by address.
#[repr(C)]
#[derive(Debug)]
pub struct CodeHeader {
    /// Not 0 while the code may be entered.
    pub valid: u64,
    /// Inline-cache cells, 64 bytes each.
    pub caches: *mut [u64; 8],
    /// How often it was entered (approximate: counted without synchronisation).
    pub entries: u64,
    /// The rest belongs to the runtime.
    pub runtime: *mut std::ffi::c_void,
}

/// A machine stack pointer is high enough if it is less than this above the word at [`Layout::thread_stack_limit`]. More of a stack is not used, and no address is that small.
pub const STACK_RANGE: i64 = 1 << 26;

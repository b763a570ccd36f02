//! Capture: reads live objects into [`Facts`], an owned description that a compilation on another thread can use. The GIL is held and no Python code runs: dicts
//! are asked for str keys only where all their keys are strs, and attributes are found with `_PyType_Lookup`, never with `getattr`.
//!
//! What an inline cache says is not believed but looked up again: a type version is mapped to the live class that has it now (`types.rs`), and the attribute is
//! found anew by its name. So facts are true at the moment of capture, and [`Dependencies`] says what must stay as it is for them to remain true.

mod dependencies;
mod feedback;
mod objects;
mod owned;
mod types;

pub use dependencies::{ClassDependency, Dependencies, FunctionDependency, NameDependency};
pub use owned::OwnedReferences;

use super::environment::class_of;
use super::instrumentation::is_listened_to;
use super::structs::{CellObject, CodeObject, DictKeys, DictObject, FunctionObject, InterpreterFrame};
use super::{OPCODES, layout, symbols};
use coachwhip_abi::facts::{ClassFacts, CodeFacts, Facts, Feedback, ObjectFacts, Refuted, SeenClasses, SlotFacts, SlotName, code_flags};
use coachwhip_abi::ir::{Class, ClassRef, CodeRef, ObjectRef};
use coachwhip_bytecode::{Op, decode, exception_table, line_table, v3_13::number};
use pyo3_ffi::{self as ffi, PyObject};
use std::collections::{HashMap, HashSet, VecDeque};

/// Code of at most so many units is captured with its instructions when it is a callee: it may be inlined.
const INLINE_UNITS: usize = 200;
/// So deep in chains of callees.
const INLINE_DEPTH: u32 = 3;
/// All callees' instructions together, in units.
const INLINE_BUDGET: usize = 6000;

/// What the runtime knows and capture asks for. All calls are made with the GIL held.
pub trait EntryCells {
    /// The address of the entry cell of a code object, made if there is none yet; 0 if it cannot be called directly.
    fn entry_cell(&self, code: *mut PyObject) -> usize;

    /// Whether a name of a namespace has changed so often that its value is not to be relied on.
    fn is_unstable(&self, _dict: usize, _name: &str) -> bool {
        false
    }

    /// Whether a class has changed so often that what it is now is not to be relied on.
    fn is_unstable_class(&self, _class: usize) -> bool {
        false
    }

    /// Whether some function named `__getitem__` has been compiled.
    fn has_hooked_getitem(&self) -> bool {
        false
    }

    /// Whether a `tp_alloc` is the runtime's own, which does what `PyType_GenericAlloc` does.
    fn is_own_allocator(&self, _address: usize) -> bool {
        false
    }
}

/// How the compiled code will be entered.
#[derive(Clone, Copy, Debug)]
pub enum Entry {
    /// By calls of the function.
    Call,
    /// The same, when a frame of the function has just started (a PY_START callback): its arguments tell classes (`Facts::arguments`).
    CallFrom(*mut InterpreterFrame),
    /// In the middle of a loop of a frame that waits in a monitoring callback (so that `stacktop` is valid).
    Loop(*mut InterpreterFrame),
}

/// What to capture.
#[derive(Debug)]
pub struct CaptureRequest {
    /// A function object. For loops of modules and class bodies that of the frame (`f_funcobj`).
    pub function: *mut PyObject,
    /// How it will be entered.
    pub entry: Entry,
    /// Guesses that went wrong too often; handed on.
    pub refuted: Vec<Refuted>,
    /// Classes that came by where the inline cache had told another.
    pub seen: Vec<SeenClasses>,
}

/// Facts, what keeps them alive, and what keeps them true.
#[derive(Debug, Default)]
pub struct CapturedFacts {
    /// The facts.
    pub facts: Facts,
    /// References to every object, class and code object that the facts name.
    pub owned: OwnedReferences,
    /// What watchers must protect, and [`Dependencies::still_hold`] checks when the code is installed.
    pub dependencies: Dependencies,
}

/// Captures the facts for compiling a function.
///
/// # Errors
/// One sentence that names what is unsupported.
///
/// # Safety
/// The GIL is held; the request's pointers are live.
pub unsafe fn capture(request: &CaptureRequest, lookup: &dyn EntryCells) -> Result<CapturedFacts, String> {
    // SAFETY: the caller's promises. An exception that is set is put aside, because the C API must not be called with one.
    unsafe {
        let exception = ffi::PyErr_GetRaisedException();
        let result = capture_facts(request, lookup);
        ffi::PyErr_SetRaisedException(exception);
        result
    }
}

unsafe fn capture_facts(request: &CaptureRequest, lookup: &dyn EntryCells) -> Result<CapturedFacts, String> {
    // SAFETY: as above.
    unsafe {
        if class_of(request.function) != Class::Function {
            return Err("only Python functions are compiled".to_owned());
        }
        let function = request.function.cast::<FunctionObject>();
        let (code, globals, builtins) = match request.entry {
            Entry::Call | Entry::CallFrom(_) => ((*function).func_code, (*function).func_globals, (*function).func_builtins),
            Entry::Loop(frame) => (InterpreterFrame::code(frame), (*frame).f_globals, (*frame).f_builtins),
        };
        let mut capture = Capture::new(lookup, globals, builtins);
        capture.facts.arrays = super::arrays::find().cloned();
        capture.seen.clone_from(&request.seen);
        capture.own(request.function);
        // Bytecode makes None out of nothing (a slice without a step), so it is always there.
        capture.object(ffi::Py_None());
        let root = capture.code(code, globals, builtins, 0).ok_or("the code cannot be captured")?;
        // The compiler needs it without being asked: what a call of a method without a result yields, a slice without a step.
        capture.object(ffi::Py_None());
        debug_assert_eq!(root.0, 0);
        while let Some(pending) = capture.queue.pop_front() {
            let result = capture.fill_code(&pending);
            // Callees are only called then; the code itself must be whole.
            if pending.code == root {
                result?;
            }
        }
        capture.forget_changing_globals();
        match request.entry {
            Entry::Call => {}
            Entry::CallFrom(frame) if InterpreterFrame::code(frame) == code => {
                let count = capture.facts.codes[root.index()].parameter_count() as usize;
                capture.facts.arguments = (0..count).map(|index| slot_facts(contents(*InterpreterFrame::slot(frame, index)))).collect();
            }
            Entry::CallFrom(_) => {}
            Entry::Loop(frame) => {
                let depth = usize::try_from((*frame).stacktop).map_err(|_| "the frame's stack is not to be seen")?;
                capture.facts.slots = (0..depth).map(|index| slot_facts(*InterpreterFrame::slot(frame, index))).collect();
            }
        }
        capture.facts.refuted.clone_from(&request.refuted);
        let Capture { facts, owned, mut dependencies, .. } = capture;
        let reads_names = facts.codes.iter().flat_map(|code| &code.instructions).any(|row| matches!(row.0.op, Op::LoadGlobal | Op::LoadName));
        dependencies.namespaces = reads_names.then_some((globals as usize, builtins as usize));
        Ok(CapturedFacts { facts, owned, dependencies })
    }
}

/// The class of what a slot holds.
unsafe fn slot_facts(value: *mut PyObject) -> Option<SlotFacts> {
    // SAFETY: NULL or a live object.
    (!value.is_null()).then(|| unsafe { SlotFacts { class: class_of(value), type_address: ffi::Py_TYPE(value) as usize } })
}

/// What a parameter's slot holds: MAKE_CELL has moved some into cells.
unsafe fn contents(value: *mut PyObject) -> *mut PyObject {
    // SAFETY: NULL or a live object. A cell that is an argument itself is looked into, too: then the guess is wrong, no more.
    unsafe { if !value.is_null() && class_of(value) == Class::Cell { (*value.cast::<CellObject>()).ob_ref } else { value } }
}

/// A code object whose facts are to be filled in.
#[derive(Clone, Copy, Debug)]
struct Pending {
    code: CodeRef,
    address: *mut CodeObject,
    globals: *mut PyObject,
    builtins: *mut PyObject,
    depth: u32,
}

/// A capture under way.
struct Capture<'a> {
    lookup: &'a dyn EntryCells,
    facts: Facts,
    owned: OwnedReferences,
    owned_addresses: HashSet<usize>,
    dependencies: Dependencies,
    objects: HashMap<usize, ObjectRef>,
    classes: HashMap<usize, Option<ClassRef>>,
    codes: HashMap<usize, Option<(CodeRef, usize)>>,
    queue: VecDeque<Pending>,
    /// Namespaces of `code0`.
    root_globals: *mut PyObject,
    root_builtins: *mut PyObject,
    /// How deep the code is that is being looked at: what it names is one deeper.
    depth: u32,
    /// How deep `object` calls itself.
    nesting: u32,
    /// Units that callees' instructions may still take.
    budget: usize,
    /// Names that some captured code stores: `(globals, name)`.
    stored_globals: HashSet<(usize, String)>,
    /// What each captured LOAD_GLOBAL, and LOAD_ATTR of a module, read: code, position in its instructions, namespace, name.
    loaded_globals: Vec<(CodeRef, usize, usize, String)>,
    /// Classes that came by where the inline cache had told another.
    seen: Vec<SeenClasses>,
    versions: types::Versions,
}

impl<'a> Capture<'a> {
    fn new(lookup: &'a dyn EntryCells, globals: *mut PyObject, builtins: *mut PyObject) -> Capture<'a> {
        Capture {
            lookup,
            facts: Facts::default(),
            owned: OwnedReferences::default(),
            owned_addresses: HashSet::new(),
            dependencies: Dependencies::default(),
            objects: HashMap::new(),
            classes: HashMap::new(),
            codes: HashMap::new(),
            queue: VecDeque::new(),
            root_globals: globals,
            root_builtins: builtins,
            depth: 0,
            nesting: 0,
            budget: INLINE_BUDGET,
            stored_globals: HashSet::new(),
            loaded_globals: Vec::new(),
            seen: Vec::new(),
            versions: types::Versions::default(),
        }
    }

    /// Keeps an object alive for as long as the facts are used.
    unsafe fn own(&mut self, object: *mut PyObject) {
        if self.owned_addresses.insert(object as usize) {
            // SAFETY: a live object, the GIL is held.
            unsafe { self.owned.add(object) };
        }
    }

    /// The facts of a code object, filled in later; `None` if it was met with other globals before (its feedback speaks of those).
    unsafe fn code(&mut self, code: *mut CodeObject, globals: *mut PyObject, builtins: *mut PyObject, depth: u32) -> Option<CodeRef> {
        if let Some(known) = self.codes.get(&(code as usize)) {
            return known.filter(|known| known.1 == globals as usize).map(|known| known.0);
        }
        // SAFETY: a live code object.
        unsafe {
            let reference = CodeRef::from_index(self.facts.codes.len());
            self.codes.insert(code as usize, Some((reference, globals as usize)));
            self.own(code.cast());
            let fields = &*code;
            let flags = fields.co_flags.cast_unsigned();
            let direct = flags & code_flags::GENERATOR == 0 && flags & code_flags::OPTIMIZED != 0;
            let entry_cell = if direct { self.lookup.entry_cell(code.cast()) } else { 0 };
            self.facts.codes.push(CodeFacts {
                address: code as usize,
                first_unit: CodeObject::units(code) as usize,
                entry_cell,
                qualname: objects::text_of_str(fields.co_qualname),
                filename: objects::text_of_str(fields.co_filename),
                first_line: unsigned(fields.co_firstlineno),
                flags,
                argcount: unsigned(fields.co_argcount),
                posonlyargcount: unsigned(fields.co_posonlyargcount),
                kwonlyargcount: unsigned(fields.co_kwonlyargcount),
                stacksize: unsigned(fields.co_stacksize),
                framesize: unsigned(fields.co_framesize),
                slots: slot_names(fields),
                consts: Vec::new(),
                names: Vec::new(),
                instructions: Vec::new(),
                exception_table: Vec::new(),
                lines: Vec::new(),
            });
            self.queue.push_back(Pending { code: reference, address: code, globals, builtins, depth });
            Some(reference)
        }
    }

    /// Fills in instructions, constants and names, if the code is the compiled one or small enough to be inlined.
    unsafe fn fill_code(&mut self, pending: &Pending) -> Result<(), String> {
        // SAFETY: the code is live: it is owned.
        unsafe {
            let code = pending.address;
            let count = CodeObject::unit_count(code);
            if pending.depth > 0 {
                let generator = (*code).co_flags.cast_unsigned() & code_flags::GENERATOR != 0;
                if pending.depth > INLINE_DEPTH || count > INLINE_UNITS || count > self.budget || generator {
                    return Ok(());
                }
                if is_listened_to(code) {
                    self.dependencies.listened_to.push(code as usize);
                    return Ok(());
                }
                self.dependencies.callees.push(code as usize);
                self.budget -= count;
            }
            let units = live_units(code)?;
            let instructions = decode(&units, &OPCODES)?;
            self.depth = pending.depth;
            let names = tuple_items((*code).co_names);
            let consts = tuple_items((*code).co_consts).to_vec();
            let consts = consts.into_iter().map(|object| self.object(object)).collect();
            let name_refs = names.iter().map(|&object| self.object(object)).collect();
            let feedback = feedback::Reader::new(self, &units, names, pending, &instructions).read_all();
            let fields = &*code;
            let facts = &mut self.facts.codes[pending.code.index()];
            facts.consts = consts;
            facts.names = name_refs;
            facts.exception_table = exception_table(bytes_of(fields.co_exceptiontable));
            facts.lines = line_table(bytes_of(fields.co_linetable), unsigned(fields.co_firstlineno));
            facts.instructions = instructions.into_iter().zip(feedback).collect();
            Ok(())
        }
    }

    /// A global that some captured code stores is no constant.
    fn forget_changing_globals(&mut self) {
        let loaded = std::mem::take(&mut self.loaded_globals);
        for (code, position, globals, name) in loaded {
            let key = (globals, name);
            if self.stored_globals.contains(&key) {
                self.facts.codes[code.index()].instructions[position].1 = Feedback::Generic;
                self.dependencies.names.retain(|dependency| dependency.dict != key.0 || dependency.name != key.1);
            }
        }
    }

    /// A new row for an object.
    fn push_object(&mut self, facts: ObjectFacts) -> ObjectRef {
        let reference = ObjectRef::from_index(self.facts.objects.len());
        self.objects.insert(facts.address, reference);
        self.facts.objects.push(facts);
        reference
    }

    /// A new row for a class.
    fn push_class(&mut self, facts: ClassFacts) -> ClassRef {
        let reference = ClassRef::from_index(self.facts.classes.len());
        self.classes.insert(facts.address, Some(reference));
        self.facts.classes.push(facts);
        reference
    }
}

/// A C `int` that is never negative.
fn unsigned(value: i32) -> u32 {
    u32::try_from(value).unwrap_or(0)
}

/// The names and kinds of `localsplus` (pycore_code.h, `_PyLocals_Kind`).
unsafe fn slot_names(code: &CodeObject) -> Vec<SlotName> {
    // SAFETY: a live code object: a tuple of strs and bytes of the same length.
    unsafe {
        let kinds = bytes_of(code.co_localspluskinds);
        let names = tuple_items(code.co_localsplusnames);
        names
            .iter()
            .zip(kinds)
            .map(|(&name, &kind)| SlotName {
                name: objects::text_of_str(name),
                is_local: usize::from(kind) & layout::code::FAST_LOCAL != 0,
                is_cell: usize::from(kind) & layout::code::FAST_CELL != 0,
                is_free: usize::from(kind) & layout::code::FAST_FREE != 0,
            })
            .collect()
    }
}

/// The code units as they stand, but with what ENTER_EXECUTOR, INSTRUMENTED_LINE and INSTRUMENTED_INSTRUCTION hide. What the latter two hide is taken from
/// `PyCode_GetCode`, which loses its specialisation: where they keep the original opcode differs between micro releases (`_PyCoLineInstrumentationData`).
unsafe fn live_units(code: *mut CodeObject) -> Result<Vec<u16>, String> {
    // SAFETY: a live code object; `co_executors` holds an executor at each index that an ENTER_EXECUTOR names (Python/optimizer.c, insert_executor).
    unsafe {
        let mut units = std::slice::from_raw_parts(CodeObject::units(code), CodeObject::unit_count(code)).to_vec();
        let mut original: *mut PyObject = std::ptr::null_mut();
        let mut position = 0;
        while position < units.len() {
            let [opcode, argument] = units[position].to_le_bytes();
            match opcode {
                number::ENTER_EXECUTOR => {
                    let executors = (*code).co_executors;
                    if executors.is_null() || i32::from(argument) >= (*executors).size {
                        return Err("ENTER_EXECUTOR without its executor".to_owned());
                    }
                    let array = executors.cast::<u8>().add(layout::executor_array::EXECUTORS).cast::<*mut u8>();
                    let executor = *array.add(usize::from(argument));
                    let opcode = *executor.add(layout::executor_array::EXECUTOR_OPCODE);
                    units[position] = u16::from_le_bytes([opcode, *executor.add(layout::executor_array::EXECUTOR_OPARG)]);
                }
                number::INSTRUMENTED_LINE | number::INSTRUMENTED_INSTRUCTION => {
                    if original.is_null() {
                        original = symbols::PyCode_GetCode(code);
                        if original.is_null() {
                            ffi::PyErr_Clear();
                            return Err("no memory for the code's units".to_owned());
                        }
                    }
                    units[position] = u16::from_le_bytes([bytes_of(original)[position * 2], argument]);
                }
                _ => {}
            }
            let [opcode, _] = units[position].to_le_bytes();
            position += 1 + OPCODES.get(opcode).map_or(0, |row| usize::from(row.caches));
        }
        ffi::Py_XDECREF(original);
        Ok(units)
    }
}

/// The items of a tuple.
unsafe fn tuple_items<'a>(tuple: *mut PyObject) -> &'a [*mut PyObject] {
    // SAFETY: a live tuple, which outlives the capture (a code object or an owned object holds it).
    unsafe {
        let size = usize::try_from(ffi::Py_SIZE(tuple)).unwrap_or(0);
        std::slice::from_raw_parts(tuple.cast::<u8>().add(layout::tuple::OB_ITEM).cast(), size)
    }
}

/// The bytes of a bytes object.
unsafe fn bytes_of<'a>(bytes: *mut PyObject) -> &'a [u8] {
    // SAFETY: a live bytes object, which outlives the capture.
    unsafe {
        let size = usize::try_from(ffi::Py_SIZE(bytes)).unwrap_or(0);
        std::slice::from_raw_parts(bytes.cast::<u8>().add(layout::bytes::OB_SVAL), size)
    }
}

/// The value of a str key in an exact dict whose keys are all strs; NULL if it is not there. `None` if it is no such dict.
unsafe fn dict_get(dict: *mut PyObject, name: *mut PyObject) -> Option<*mut PyObject> {
    // SAFETY: live objects. With str keys alone no `__eq__` of Python code can run.
    unsafe {
        if dict.is_null() || class_of(dict) != Class::Dict {
            return None;
        }
        let keys: *mut DictKeys = (*dict.cast::<DictObject>()).ma_keys;
        if !(*keys).is_unicode() || class_of(name) != Class::Str {
            return None;
        }
        let value = ffi::PyDict_GetItemWithError(dict, name);
        if value.is_null() && !ffi::PyErr_Occurred().is_null() {
            ffi::PyErr_Clear();
            return None;
        }
        Some(value)
    }
}

/// The index of the name that an operation stores or deletes among the globals.
fn stored_name(op: Op, argument: u32) -> Option<usize> {
    matches!(op, Op::StoreGlobal | Op::DeleteGlobal).then_some(argument as usize)
}

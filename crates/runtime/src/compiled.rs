//! Installed machine code, and what the runtime knows of each code object: counters, status, entries. Kept in the code object's own extra slot
//! (`PyUnstable_Code_SetExtra`), so that it is found with two loads and dies with the code object. Everything here is touched with the GIL held only.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;

use coachwhip_abi::counters::Counter;
use coachwhip_abi::environment::CodeHeader;
use coachwhip_abi::facts::{Refuted, SeenClasses};
use coachwhip_abi::recipe::MachineCode;

use crate::code_memory::CodeMemory;
use crate::debugger::Registration;
use crate::dense::{Count, Dense, Placed, Places};
use crate::ffi::{self, Code, CodeQueries, PyObject};
use crate::spread::Positional;
use crate::watchers::Dependencies;
use crate::{RUNTIME, Set, collection, monitoring, perf_map, stubs, watchers};

/// Where compiled code is entered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// By calls.
    Call,
    /// In the middle of a running frame, at the head of a loop.
    Loop {
        /// The head, in code units.
        offset: u32,
    },
}

/// The header of compiled code and what else changes while it runs.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Header {
    /// What machine code names.
    pub code: CodeHeader,
    /// How many routines of the runtime that the machine code has called hold its fate in their hands: it must not be freed.
    pub busy: Cell<u32>,
}

impl Dense for Header {
    fn places() -> &'static Places {
        static PLACES: Places = Places::new();
        &PLACES
    }
}

/// A header whose address machine code may name, before the code is there.
#[derive(Debug)]
pub struct Reservation {
    header: Placed<Header>,
}

// SAFETY: nobody else knows of the header until it is installed.
unsafe impl Send for Reservation {}

impl Reservation {
    /// A new header.
    #[must_use]
    pub fn new() -> Reservation {
        let code = CodeHeader { valid: 0, caches: std::ptr::null_mut(), entries: 0, runtime: std::ptr::null_mut() };
        Reservation { header: Placed::new(Header { code, busy: Cell::new(0) }) }
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> usize {
        self.header.address()
    }
}

impl Default for Reservation {
    fn default() -> Self {
        Self::new()
    }
}

/// Installed machine code.
#[derive(Debug)]
pub struct Compiled {
    /// What machine code names.
    pub(crate) header: Placed<Header>,
    /// The code object.
    pub code: *mut Code,
    /// Where it is entered.
    pub kind: Kind,
    /// Recipes, sites and tables; the machine code itself is in `memory`.
    pub tables: MachineCode,
    /// What debuggers know of it.
    #[allow(dead_code)]
    pub(crate) registration: Registration,
    /// The machine code.
    pub memory: CodeMemory,
    /// The direct entry or loop entry.
    pub entry: usize,
    /// The array entry, 0 for loops.
    pub array_entry: usize,
    /// What it relies upon. It has references to `objects`, but for those that are `announced`.
    pub dependencies: Dependencies,
    /// Those of its objects of whose end it is told (`collection`).
    pub announced: Vec<usize>,
    /// The code object is gone.
    pub orphaned: Cell<bool>,
    /// Those of the announced ones to which it has taken references when it went out of use.
    pub taken: RefCell<Vec<usize>>,
    /// Whether it has no references any more.
    pub is_emptied: Cell<bool>,
    /// How often each recipe was used.
    pub exits: Vec<Cell<u64>>,
    /// How often it had been entered when the cap on machine code was reached last; none since it is installed.
    pub entries_seen: Cell<Option<u64>>,
    /// Inline caches: what `header.caches` points to.
    #[allow(dead_code)]
    pub caches: Box<[[u64; 8]]>,
}

/// Keeps compiled code from being freed while one of its routines runs.
pub(crate) struct Busy<'a>(&'a Compiled);

impl<'a> Busy<'a> {
    pub(crate) fn new(compiled: &'a Compiled) -> Busy<'a> {
        compiled.header.busy.set(compiled.header.busy.get() + 1);
        Busy(compiled)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.header.busy.set(self.0.header.busy.get() - 1);
    }
}

impl Compiled {
    /// The compiled code of a header.
    ///
    /// # Safety
    /// `header` is that of installed code that is not freed.
    #[inline]
    pub unsafe fn of_header<'a>(header: *const CodeHeader) -> &'a Compiled {
        // SAFETY: `runtime` is set at installation.
        unsafe { &*(*header).runtime.cast::<Compiled>() }
    }

    /// Whether it may be entered.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.header.code.valid != 0
    }

    /// Whether routines that its machine code has called are at work.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.header.busy.get() != 0
    }

    /// How often calls have entered it.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.header.code.entries
    }

    /// The objects to which it has references while it is valid.
    pub(crate) fn held(&self) -> impl Iterator<Item = &usize> {
        self.dependencies.objects.iter().filter(|object| self.announced.binary_search(object).is_err())
    }

    /// Makes it so that nobody enters it any more.
    pub fn invalidate_header(&self) {
        // SAFETY: the header is only read by machine code, under the GIL; it has a stable address.
        unsafe { (&raw const self.header.code.valid).cast_mut().write_volatile(0) };
    }

    /// Copies machine code to executable memory and links everything together. It is valid from now on.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn build(reservation: Reservation, code: *mut Code, kind: Kind, mut machine: MachineCode, dependencies: Dependencies) -> Result<*mut Compiled, String> {
        let memory = CodeMemory::new(&machine.code)?;
        machine.code = Vec::new();
        // SAFETY: the caller holds the GIL; the code object lives.
        let registration = unsafe { Registration::new(&perf_map::name(code, kind), &memory, &machine.unwind) };
        machine.unwind = Vec::new();
        let mut header = reservation.header;
        let mut caches = vec![[0_u64; 8]; machine.cache_cells as usize].into_boxed_slice();
        header.code.caches = caches.as_mut_ptr();
        header.code.valid = 1;
        let compiled = Box::into_raw(Box::new(Compiled {
            code,
            kind,
            entry: memory.address(machine.entry),
            array_entry: machine.array_entry.map_or(0, |offset| memory.address(offset)),
            memory,
            registration,
            exits: machine.recipes.iter().map(|_| Cell::new(0)).collect(),
            tables: machine,
            // SAFETY: the caller keeps all objects alive.
            announced: unsafe { collection::announced(&dependencies) },
            orphaned: Cell::new(false),
            taken: RefCell::default(),
            is_emptied: Cell::new(false),
            dependencies,
            entries_seen: Cell::new(None),
            caches,
            header,
        }));
        // SAFETY: just made; nobody else has it.
        unsafe {
            (&mut (*compiled).header).code.runtime = compiled.cast();
            for &object in (*compiled).held() {
                ffi::Py_INCREF(object as *mut PyObject);
            }
        }
        Ok(compiled)
    }

    /// The references that it has, which are the caller's from now on.
    ///
    /// # Safety
    /// It is out of use, and no frame runs it.
    pub(crate) unsafe fn take_references(&self) -> Vec<usize> {
        let mut objects = self.taken.take();
        if !self.is_emptied.replace(true) {
            objects.extend(self.held());
        }
        objects
    }

    /// Frees it.
    ///
    /// # Safety
    /// Nothing runs in it, nobody has a pointer to it, its references are given back.
    pub unsafe fn free(compiled: *mut Compiled) {
        // SAFETY: the caller's promise.
        drop(unsafe { Box::from_raw(compiled) });
    }
}

/// How far a function or loop has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// Counted.
    Cold,
    /// Waits for the compiler.
    Queued,
    /// There is compiled code.
    Compiled,
    /// The compiler does not do it; `CodeState::reason` says why.
    Refused,
    /// It did not profit.
    HandedBack,
    /// It is not to be compiled: a generator, or the user says so.
    Never,
}

/// A loop of a code object.
#[derive(Debug)]
pub struct LoopState {
    /// Its head, in code units.
    pub offset: u32,
    /// How many turns were counted.
    pub(crate) turns: Count,
    /// How far it has come.
    pub status: Cell<Status>,
    /// Its compiled code or NULL.
    pub compiled: Cell<*mut Compiled>,
    /// How often it was entered.
    pub(crate) entries: Count,
    /// How many of the last entries did hardly any work.
    pub(crate) wasted: Count,
}

/// What the runtime knows of a code object.
#[derive(Debug)]
#[repr(C)]
pub struct CodeState {
    /// The direct entry: of the compiled code, or a stub. 0 if the code cannot be called directly.
    pub entry_cell: Cell<usize>,
    /// The compiled code for calls, or NULL.
    pub call: Cell<*mut Compiled>,
    /// The code object.
    pub code: *mut Code,
    /// How often it was started in the interpreter.
    pub(crate) starts: Count,
    /// How far it has come.
    pub status: Cell<Status>,
    /// Its loops, by what was seen.
    pub loops: RefCell<Vec<Box<LoopState>>>,
    /// Functions over this code whose vectorcall is ours.
    pub functions: RefCell<Set<usize>>,
    /// Guesses that went wrong too often.
    pub refuted: RefCell<Vec<Refuted>>,
    /// Classes that came by where another was expected.
    pub seen: RefCell<Vec<SeenClasses>>,
    /// How often it was compiled again (calls and loops).
    pub recompilations: Cell<u64>,
    /// The compiler is at work on better code for calls: what goes wrong meanwhile is no news.
    pub recompiling: Cell<bool>,
    /// Why it is not compiled.
    pub reason: RefCell<String>,
    /// How often PY_START came though the code is compiled.
    pub bypasses: Cell<u64>,
    /// How often something that its compiled code relied upon has changed.
    pub invalidations: Cell<u64>,
    /// Whether another tool listened to it when one has changed its events last.
    pub listened_to: Cell<bool>,
    /// Whether it is among `Hooks::called_code`.
    told_of_calls: Cell<bool>,
    /// How often that somebody listened has changed.
    pub tool_changes: Cell<u64>,
    /// How often its compiled code had to make room for other code.
    pub evictions: Cell<u32>,
    /// Its events are on though those of all code are not (`warm_up`).
    pub counted: Cell<bool>,
    /// What is known of its calls `callable(*arguments, **keywords)`, by offset.
    pub(crate) spreads: RefCell<Vec<(u32, Positional)>>,
}

impl CodeState {
    /// Whether compiled code of any kind is there.
    #[must_use]
    pub fn has_compiled(&self) -> bool {
        !self.call.get().is_null() || self.loops.borrow().iter().any(|row| !row.compiled.get().is_null())
    }

    /// The state of the loop at an offset, made if it is new.
    ///
    /// The reference is good for as long as the code object lives.
    #[must_use]
    pub fn loop_state(&self, offset: u32) -> &LoopState {
        let mut loops = self.loops.borrow_mut();
        let position = loops.iter().position(|row| row.offset == offset).unwrap_or_else(|| {
            // What was said of the function holds for loops that are met later, too.
            let status = match self.status.get() {
                status @ (Status::Never | Status::HandedBack) => status,
                _ => Status::Cold,
            };
            loops.push(Box::new(LoopState {
                offset,
                turns: Count::new(),
                status: Cell::new(status),
                compiled: Cell::new(std::ptr::null_mut()),
                entries: Count::new(),
                wasted: Count::new(),
            }));
            loops.len() - 1
        });
        // SAFETY: boxed rows are never removed while the state lives.
        unsafe { &*std::ptr::from_ref::<LoopState>(&loops[position]) }
    }

    /// Whether another tool listens to events of this very code: then it is interpreted.
    #[must_use]
    pub fn is_listened_to(&self) -> bool {
        // SAFETY: the code object lives as long as its state.
        unsafe { coachwhip_cpython::instrumentation::is_listened_to(self.code) }
    }

    /// Notes whether another tool listens to its calls.
    pub(crate) fn note_calls(&self) {
        // SAFETY: the code object lives as long as its state.
        self.count_calls(unsafe { coachwhip_cpython::instrumentation::is_told_of_calls(self.code) });
    }

    fn count_calls(&self, calls: bool) {
        if self.told_of_calls.replace(calls) != calls {
            let count = &RUNTIME.monitoring.called_code;
            count.set(if calls { count.get() + 1 } else { count.get() - 1 });
            monitoring::update_functions();
        }
    }

    /// The compiled code that is valid for calls.
    #[must_use]
    pub fn valid_call(&self) -> Option<&Compiled> {
        // SAFETY: the pointer is NULL or to code that is not freed while the state names it.
        unsafe { self.call.get().as_ref() }.filter(|compiled| compiled.is_valid())
    }

    /// The stub for direct calls.
    #[must_use]
    pub fn stub(&self) -> usize {
        // SAFETY: the code object lives as long as its state.
        let code = unsafe { &*self.code };
        if code.flag_bits() & (ffi::GENERATOR | ffi::ITERABLE_COROUTINE) != 0 || code.flag_bits() & ffi::OPTIMIZED == 0 {
            return 0;
        }
        stubs::address(code.parameter_count())
    }
}

/// The state of a code object if it has one.
///
/// # Safety
/// `code` is a live code object; the GIL is held.
#[must_use]
#[inline]
pub unsafe fn existing_state<'a>(code: *mut Code) -> Option<&'a CodeState> {
    // SAFETY: `co_extra` as in Objects/codeobject.c, PyUnstable_Code_GetExtra.
    unsafe {
        let extra = (*code).co_extra.cast::<ffi::CodeExtra>();
        let index = RUNTIME.extra_index.get();
        if extra.is_null() || index < 0 || index >= (*extra).size {
            return None;
        }
        let slots = (&raw const (*extra).extras).cast::<*mut CodeState>();
        (*slots.offset(index)).as_ref()
    }
}

/// The state of a code object.
///
/// # Safety
/// `code` is a live code object; the GIL is held; the runtime has been started.
#[must_use]
#[inline]
pub unsafe fn code_state<'a>(code: *mut Code) -> &'a CodeState {
    // SAFETY: the caller's promises.
    unsafe {
        match existing_state(code) {
            Some(state) => state,
            None => new_state(code),
        }
    }
}

#[cold]
unsafe fn new_state<'a>(code: *mut Code) -> &'a CodeState {
    let state = Box::into_raw(Box::new(CodeState {
        entry_cell: Cell::new(0),
        call: Cell::new(std::ptr::null_mut()),
        code,
        starts: Count::new(),
        status: Cell::new(Status::Cold),
        loops: RefCell::default(),
        functions: RefCell::default(),
        refuted: RefCell::default(),
        seen: RefCell::default(),
        recompilations: Cell::new(0),
        recompiling: Cell::new(false),
        reason: RefCell::default(),
        bypasses: Cell::new(0),
        invalidations: Cell::new(0),
        listened_to: Cell::new(false),
        told_of_calls: Cell::new(false),
        tool_changes: Cell::new(0),
        evictions: Cell::new(0),
        counted: Cell::new(false),
        spreads: RefCell::default(),
    }));
    // SAFETY: `code` is a live code object and the index is ours; the state is new.
    unsafe {
        (*state).entry_cell.set((*state).stub());
        let index = RUNTIME.extra_index.get();
        let is_first = (*code).co_extra.is_null();
        if ffi::PyUnstable_Code_SetExtra(code, index, state.cast()) != 0 {
            // Without memory. This state stays nobody's; the next one may be the code's.
            ffi::PyErr_Clear();
            (*state).status.set(Status::Never);
            return &*state;
        }
        if is_first {
            // The slots of those who registered after us do not exist until they set them: their functions would be called with NULL when the code dies
            // (`code_dealloc`, Objects/codeobject.c), for code objects that they have never seen.
            let extra = (*code).co_extra.cast::<ffi::CodeExtra>();
            (*extra).size = (*extra).size.min(index + 1);
        }
        RUNTIME.states.borrow_mut().insert(state as usize);
        (*state).listened_to.set((*state).is_listened_to());
        (*state).note_calls();
        &*state
    }
}

/// Called by CPython when a code object dies (`code_dealloc`, Objects/codeobject.c).
pub(crate) unsafe extern "C" fn free_state(state: *mut c_void) {
    let state = state.cast::<CodeState>();
    if state.is_null() {
        return;
    }
    RUNTIME.states.borrow_mut().remove(&(state as usize));
    // SAFETY: the code object dies, nobody else knows the state.
    let state = unsafe { Box::from_raw(state) };
    state.count_calls(false);
    let calls = std::iter::once(state.call.get());
    let loops = state.loops.borrow().iter().map(|row| row.compiled.get()).collect::<Vec<_>>();
    for compiled in calls.chain(loops).filter(|compiled| !compiled.is_null()) {
        // SAFETY: only the state named it; machine code that still runs keeps it in the graveyard.
        unsafe { watchers::retire(compiled) };
    }
    if RUNTIME.detached.is_possible() {
        watchers::orphan(state.code);
    }
}

/// Counts the kinds of installed code.
pub(crate) fn count_installed(kind: Kind) {
    match kind {
        Kind::Call => Counter::CompiledFunctions.add(1),
        Kind::Loop { .. } => Counter::CompiledLoops.add(1),
    }
}

//! Recipes: what compiled code leaves behind for the runtime, so that an exit, a raise, or somebody who looks at a frame finds the interpreter's state.
//! The machine code stores raw values in a buffer and names a recipe by its number; everything else is static.

use coachwhip_ir::Reason;

/// Where one slot of a frame gets its value from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// The slot is empty (NULL).
    Null,
    /// What stands in the frame's slot already; the reference is owned and moves to the slot.
    InPlaceOwned,
    /// What stands in the frame's slot already; the slot gets a reference of its own.
    InPlaceBorrowed,
    /// The object in a word of the buffer (NULL allowed), whose reference moves to the slot.
    Owned(u32),
    /// The object in a word of the buffer (NULL allowed); the slot gets a reference of its own.
    Borrowed(u32),
    /// An int object made from a word of the buffer.
    Int(u32),
    /// A float object made from a word of the buffer.
    Float(u32),
    /// True or False, by a word of the buffer.
    Bool(u32),
    /// The object at an address, which the compiled code keeps alive; the slot gets a reference of its own.
    Constant(usize),
}

/// One frame of the interpreter.
#[derive(Clone, Debug)]
pub struct FrameRecipe {
    /// The code object's address.
    pub code: usize,
    /// The function object: `None` for the outermost frame, which exists already.
    pub function: Option<Source>,
    /// The bytecode, in code units: of the next instruction to execute (exits), of the raising instruction (raises), of the CALL (callers of inlined frames).
    pub offset: u32,
    /// One entry for each slot of `localsplus` before the stack.
    pub locals: Vec<Source>,
    /// The evaluation stack from its bottom.
    pub stack: Vec<Source>,
    /// Whether this frame is really in the thread's chain (inlined frames may be left out).
    pub pushed: bool,
    /// Of a caller: the frame inside is an `__init__` that a call of its class enters. The instance is on top of this stack, and what `__init__` returns is
    /// dropped (it must be None).
    pub constructs: bool,
}

/// How compiled code leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LeaveKind {
    /// To the interpreter, which goes on at the innermost frame's offset.
    Exit,
    /// An exception is set; the innermost frame's offset raised it.
    Raise,
    /// The function returns, but its frame outlives it (a frame object exists) or needs care: word 0 of the buffer is the value, owned.
    Return,
}

/// One way out of compiled code.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// How it leaves.
    pub kind: LeaveKind,
    /// Why, for exits.
    pub reason: Reason,
    /// The frames, outermost first: one unless calls were inlined.
    pub frames: Vec<FrameRecipe>,
    /// Words of the buffer whose references are owned and named by no slot: given back after the frames are written.
    pub releases: Vec<u32>,
}

/// A place where unboxed locals live while other code runs (see `docs/design/frames.md`): for the readers of `f_locals`.
#[derive(Clone, Debug)]
pub struct Site {
    /// For each slot of `localsplus` before the stack: `Int(n)`, `Float(n)` or `Bool(n)` for word n of the activation record, else `InPlaceBorrowed` or `Null`.
    pub locals: Vec<Source>,
}

/// What code generation makes of a function.
#[derive(Clone, Debug, Default)]
pub struct MachineCode {
    /// The machine code; position-independent.
    pub code: Vec<u8>,
    /// Offset of the direct entry: `(tstate, function, arguments...) -> object`, or of the loop entry: `(tstate, frame) -> object`.
    pub entry: u32,
    /// Offset of the array entry: `(tstate, function, *arguments) -> object`; none for loops.
    pub array_entry: Option<u32>,
    /// Ways out, by number.
    pub recipes: Vec<Recipe>,
    /// Places where unboxed locals live, by number from 1.
    pub sites: Vec<Site>,
    /// Objects and classes that the machine code and the recipes name, by address, ascending.
    pub objects: Vec<usize>,
    /// How many inline-cache cells it uses, at `CodeHeader::caches`.
    pub cache_cells: u32,
    /// `(offset in the machine code, bytecode offset)`, ascending, for listings and profilers.
    pub offsets: Vec<(u32, u32)>,
    /// Unwind information of the host's format for the code (System V: DWARF call frame information), if asked for.
    pub unwind: Vec<u8>,
    /// Frame size in bytes on the machine stack, for the stack check.
    pub stack_bytes: u32,
    /// Whether it was made for frames that can be put aside, where nobody marks them.
    pub detachable: bool,
    /// Words of the activation record that lies on the data stack, behind the frame; 0 if there is none there.
    pub detached_record_words: u32,
    /// The listing of Cranelift's IR, if asked for.
    pub clif: Option<String>,
}

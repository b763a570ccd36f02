//! `callable(*arguments, **keywords)` of an interpreted frame whose callee is hooked. The interpreter takes tuple and dict apart, drops them, and the callee owns its
//! arguments (`_PyEvalFramePushAndInit_Ex`, Python/ceval.c). Through a vectorcall the tuple, the dict and an array with references of its own
//! (`_PyStack_UnpackDict`, Objects/call.c) would live on until the call is over: they are emptied here.

use coachwhip_abi::bytecode::flow::jump_targets;
use coachwhip_abi::bytecode::table::Kind;
use coachwhip_abi::bytecode::{self, Op};

use crate::compiled::code_state;
use crate::ffi::{self, Code, CodeQueries, Frame, PyObject, ThreadState};

/// CALL_FUNCTION_EX that is not instrumented: an instrumented one keeps the tuple until the call is over.
static SPREADS: [bool; 256] = {
    let mut spreads = [false; 256];
    let mut opcode = 0;
    while opcode < 256 {
        if let Some(row) = &ffi::OPCODES.opcodes[opcode] {
            spreads[opcode] = matches!(row.kind, Kind::Operation(Op::CallFunctionEx)) && !row.is_instrumented();
        }
        opcode += 1;
    }
    spreads
};

/// What is known of the positional arguments of a call with keywords. Those that are no tuple may have died when one was made of them, while their slot still
/// names them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Positional {
    /// It is a tuple.
    Tuple,
    /// It is a new list.
    List,
    /// It is what this local held when it was pushed.
    Local(u32),
    /// It may be anything.
    Unknown,
}

/// The interpreted frame whose running instruction spreads arguments, with keywords or without.
unsafe fn spreading_frame(tstate: *mut ThreadState, with_keywords: bool) -> Option<*mut Frame> {
    // SAFETY: the running thread's state. The stack pointer of a frame that the interpreter runs is -1.
    unsafe {
        let frame = (*tstate).current_frame;
        if frame.is_null() || (*frame).stacktop != -1 || (*frame).owner == ffi::OWNED_BY_CSTACK {
            return None;
        }
        let [opcode, argument] = (*(*frame).instr_ptr).to_le_bytes();
        (SPREADS[usize::from(opcode)] && (argument & 1 != 0) == with_keywords).then_some(frame)
    }
}

/// The slots of a frame's evaluation stack, from the lowest one. Where it ends is not known: those behind its end hold what was there before.
unsafe fn stack_slots(frame: *mut Frame) -> &'static [*mut PyObject] {
    // SAFETY: the frame has room for `co_framesize` words.
    unsafe {
        let code = Frame::code(frame);
        let start = Frame::slot(frame, (*code).slot_count());
        let end = frame.cast::<*mut PyObject>().add((*code).co_framesize as usize);
        std::slice::from_raw_parts(start, end.offset_from(start).max(0).cast_unsigned())
    }
}

/// Who has references to a call's arguments besides the call itself, and gives them back once they are bound.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lender {
    /// Nobody; or somebody who keeps them until the call is over, as C functions do.
    Nobody,
    /// The interpreter, in a tuple that nobody else has.
    Tuple {
        /// The items.
        items: *mut *mut PyObject,
        /// How many.
        count: usize,
    },
    /// The interpreter, in a tuple, a dict, and the array of the vectorcall.
    Array {
        /// The array.
        arguments: *mut *mut PyObject,
        /// How many of them are in the tuple.
        positional: usize,
        /// How many are in the dict.
        named: usize,
        tuple: *mut PyObject,
        dict: *mut PyObject,
    },
    /// Compiled code, which has given a tuple and a dict (or NULL) away.
    Both { args: *mut PyObject, keywords: *mut PyObject },
}

/// Replaces references by such to None, of which there is no end. They are not the last ones: the call has its own.
unsafe fn empty(items: *mut *mut PyObject, count: usize) {
    for index in 0..count {
        // SAFETY: `count` owned references.
        unsafe { ffi::Py_DECREF(items.add(index).replace(pyo3_ffi::Py_None())) };
    }
}

impl Lender {
    /// The arguments are bound.
    ///
    /// # Safety
    /// Once for each call, while the call has references of its own. May run any code.
    pub(crate) unsafe fn give_back(self) {
        // SAFETY: who has lent from the interpreter's frame drops what it finds: None.
        unsafe {
            match self {
                Lender::Nobody => {}
                Lender::Tuple { items, count } => empty(items, count),
                Lender::Array { arguments, positional, named, tuple, dict } => {
                    empty(arguments, positional + named);
                    if pyo3_ffi::Py_REFCNT(tuple) == 1 {
                        empty(tuple.byte_add(coachwhip_cpython::layout::tuple::OB_ITEM).cast(), positional);
                    }
                    if pyo3_ffi::Py_REFCNT(dict) == 1 {
                        pyo3_ffi::PyDict_Clear(dict);
                    }
                }
                Lender::Both { .. } => self.keep(),
            }
        }
    }

    /// They could not be bound, or the call is over: the interpreter does what is left to be done.
    ///
    /// # Safety
    /// As for [`Lender::give_back`].
    pub(crate) unsafe fn keep(self) {
        if let Lender::Both { args, keywords } = self {
            // SAFETY: the references were taken over.
            unsafe {
                ffi::Py_DECREF(args);
                ffi::Py_XDECREF(keywords);
            }
        }
    }
}

/// Who lends the arguments of a vectorcall: the interpreter, if they come from the running instruction `callable(*arguments, **keywords)` of an interpreted frame
/// and somebody could notice when they die.
///
/// # Safety
/// `arguments` has `count` objects, to each of which the call has taken a reference; the last `named` of them have names; `tstate` is the running thread's state.
pub(crate) unsafe fn lender(tstate: *mut ThreadState, callable: *mut PyObject, arguments: *const *mut PyObject, count: usize, named: usize) -> Lender {
    // SAFETY: the caller's promise; see `is_own_tuple` and `find`.
    unsafe {
        let Some(frame) = (if count == 0 { None } else { spreading_frame(tstate, named != 0) }) else { return Lender::Nobody };
        // The call has one reference, the tuple or dict another one, the array of a call with keywords a third.
        let most = if named == 0 { 2 } else { 3 };
        if !(0..count).any(|index| pyo3_ffi::Py_REFCNT(*arguments.add(index)) <= most && is_noticed(*arguments.add(index))) {
            return Lender::Nobody;
        }
        let items = arguments.cast_mut();
        if named == 0 {
            return if is_own_tuple(frame, callable, arguments, count) { Lender::Tuple { items, count } } else { Lender::Nobody };
        }
        let positional = count - named;
        match find(frame, callable, positional, named) {
            Some((tuple, dict)) => Lender::Array { arguments: items, positional, named, tuple, dict },
            None => Lender::Nobody,
        }
    }
}

/// Whether a call's arguments are the items of a tuple that nobody has but the running instruction.
unsafe fn is_own_tuple(frame: *mut Frame, callable: *mut PyObject, arguments: *const *mut PyObject, count: usize) -> bool {
    // SAFETY: slots are compared, and the tuple is only looked at when one of them has told that it is there, or when the instruction has made it of a list, which
    // runs no code: then it calls nobody else. The stack of such a call is `callable, NULL, tuple` (CALL_FUNCTION_EX, Python/bytecodes.c).
    unsafe {
        let tuple = arguments.byte_sub(coachwhip_cpython::layout::tuple::OB_ITEM).cast_mut().cast::<PyObject>();
        let mut is_called = false;
        let is_there = stack_slots(frame).windows(3).any(|slots| {
            let is_callee = slots[0] == callable && slots[1].is_null();
            is_called |= is_callee;
            is_callee && slots[2] == tuple
        });
        let is_made =
            || is_called && u32::try_from(Frame::instruction_offset(frame)).is_ok_and(|offset| positional_of(Frame::code(frame), offset) == Positional::List);
        (is_there || is_made())
            && pyo3_ffi::PyTuple_CheckExact(tuple) != 0
            && pyo3_ffi::Py_REFCNT(tuple) == 1
            && pyo3_ffi::PyTuple_GET_SIZE(tuple) as usize == count
    }
}

/// Whether the end of an object can be noticed: numbers and texts end in silence.
unsafe fn is_noticed(object: *mut PyObject) -> bool {
    // SAFETY: a live object.
    unsafe { pyo3_ffi::PyLong_CheckExact(object) == 0 && pyo3_ffi::PyFloat_CheckExact(object) == 0 && pyo3_ffi::PyUnicode_CheckExact(object) == 0 }
}

/// The tuple and the dict of the running call.
unsafe fn find(frame: *mut Frame, callable: *mut PyObject, positional: usize, named: usize) -> Option<(*mut PyObject, *mut PyObject)> {
    // SAFETY: the stack of such a call is `callable, NULL, tuple, dict`. Candidates come from below, where all is alive, up to the call's own, which is one if the
    // positional arguments are known to be a tuple. If they are a local's it must still be there, and the first candidate decides.
    unsafe {
        let known = positional_of(Frame::code(frame), u32::try_from(Frame::instruction_offset(frame)).ok()?);
        if !matches!(known, Positional::Tuple | Positional::Local(_)) {
            return None;
        }
        for slots in stack_slots(frame).windows(4) {
            let [first, null, tuple, dict] = *slots else { return None };
            if first != callable || !null.is_null() || tuple.is_null() || dict.is_null() {
                continue;
            }
            if let Positional::Local(slot) = known
                && tuple != *Frame::slot(frame, slot as usize)
            {
                return None;
            }
            let fits = pyo3_ffi::PyTuple_CheckExact(tuple) != 0
                && pyo3_ffi::PyTuple_GET_SIZE(tuple) as usize == positional
                && pyo3_ffi::PyDict_CheckExact(dict) != 0
                && pyo3_ffi::PyDict_Size(dict) as usize == named;
            if fits {
                return Some((tuple, dict));
            }
            if known != Positional::Tuple {
                return None;
            }
        }
        None
    }
}

/// What a call's positional arguments are known to be; found once for each place.
unsafe fn positional_of(code: *mut Code, offset: u32) -> Positional {
    // SAFETY: a live code object; its state lives as long.
    unsafe {
        let state = code_state(code);
        if let Some(row) = state.spreads.borrow().iter().find(|row| row.0 == offset) {
            return row.1;
        }
        let known = look_back(code, offset).unwrap_or(Positional::Unknown);
        state.spreads.borrow_mut().push((offset, known));
        known
    }
}

unsafe extern "C" {
    fn PyCompile_OpcodeStackEffect(opcode: std::ffi::c_int, argument: std::ffi::c_int) -> std::ffi::c_int;
}

/// Goes back from a call over instructions that push the keywords, without a jump in or out, to the one that has pushed the positional arguments.
unsafe fn look_back(code: *mut Code, offset: u32) -> Option<Positional> {
    // SAFETY: a live code object's units and constants.
    unsafe {
        let units = std::slice::from_raw_parts(Code::units(code), Code::unit_count(code));
        let instructions = bytecode::decode(units, &ffi::OPCODES).ok()?;
        let targets = jump_targets(&instructions);
        let call = instructions.iter().position(|instruction| instruction.opcode_offset == offset && instruction.op == Op::CallFunctionEx)?;
        // How high the stack is after an instruction, compared with its height at the call, where the dict is on top if there is one.
        let mut level = 0;
        let wanted = if instructions[call].argument & 1 == 0 { 0 } else { -1 };
        for index in (0..call).rev() {
            let instruction = &instructions[index];
            if targets.contains(&instructions[index + 1].offset)
                || bytecode::decode::is_jump(instruction.op)
                || bytecode::decode::is_unconditional(instruction.op)
            {
                return None;
            }
            if level == wanted {
                return Some(match instruction.op {
                    Op::BuildTuple => Positional::Tuple,
                    // INTRINSIC_LIST_TO_TUPLE
                    Op::CallIntrinsic1 if instruction.argument == 6 => Positional::Tuple,
                    Op::LoadConst => {
                        let constant = pyo3_ffi::PyTuple_GET_ITEM((*code).co_consts, instruction.argument as ffi::Py_ssize_t);
                        if pyo3_ffi::PyTuple_CheckExact(constant) != 0 { Positional::Tuple } else { Positional::Unknown }
                    }
                    Op::BuildList | Op::ListExtend => Positional::List,
                    Op::LoadFast => Positional::Local(instruction.argument),
                    _ => Positional::Unknown,
                });
            }
            level -= effect(units, instruction)?;
        }
        None
    }
}

/// How many more objects are on the stack after an instruction.
unsafe fn effect(units: &[u16], instruction: &bytecode::Instruction) -> Option<i32> {
    let row = ffi::OPCODES.get(units.get(instruction.opcode_offset as usize)?.to_le_bytes()[0])?;
    if let Kind::Superinstruction(_) = row.kind {
        return match instruction.op {
            Op::LoadFast => Some(1),
            Op::StoreFast => Some(-1),
            _ => None,
        };
    }
    // SAFETY: no precondition. Invalid opcodes have `PY_INVALID_STACK_EFFECT`.
    let effect = unsafe { PyCompile_OpcodeStackEffect(i32::from(row.base), i32::try_from(instruction.argument).ok()?) };
    (effect != i32::MAX).then_some(effect)
}

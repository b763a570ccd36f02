//! Who owns the arguments of a call. A Python function owns them, and decides when they die; a C function borrows them. Hooked functions are called by the
//! vectorcall protocol, which lends; what an interpreted caller lends from its stack they take.

use coachwhip_abi::bytecode::Op;
use coachwhip_abi::bytecode::table::Kind;

use crate::ffi::{self, CodeQueries, Frame, PyObject, ThreadState};
use crate::spread::{self, Lender};

/// How many arguments of a call have names.
///
/// # Safety
/// `names` is a live tuple or NULL.
pub(crate) unsafe fn names_count(names: *mut PyObject) -> usize {
    // SAFETY: the caller's promise.
    if names.is_null() { 0 } else { unsafe { pyo3_ffi::PyTuple_GET_SIZE(names) as usize } }
}

/// Gives up references.
///
/// # Safety
/// `arguments` has `count` owned references or NULLs. Runs any code.
pub(crate) unsafe fn drop(arguments: *mut *mut PyObject, count: usize) {
    for index in 0..count {
        // SAFETY: the caller's promise.
        unsafe { ffi::Py_XDECREF(*arguments.add(index)) };
    }
}

/// Takes references to the `count` arguments of a vectorcall of `callable`: those on the stack of a frame that the interpreter runs if it is its running
/// instruction that calls, for it hands them over to a Python function that it runs itself, too; else new ones. Tells who has others that must go before the
/// function starts.
///
/// # Safety
/// `arguments` has `count` live objects and `taken` room for them; `names` is a tuple or NULL; `tstate` is the running thread's state.
pub(crate) unsafe fn take(
    tstate: *mut ThreadState,
    callable: *mut PyObject,
    arguments: *const *mut PyObject,
    count: usize,
    names: *mut PyObject,
    taken: *mut *mut PyObject,
) -> Lender {
    // SAFETY: the caller's promise. Nobody but the calling instruction looks at the stack of a frame that the interpreter runs, and that drops what it finds
    // there: None, of which there is no end.
    unsafe {
        if are_on_stack(tstate, callable, arguments, count) {
            for index in 0..count {
                *taken.add(index) = arguments.cast_mut().add(index).replace(pyo3_ffi::Py_None());
            }
            return Lender::Nobody;
        }
        for index in 0..count {
            *taken.add(index) = ffi::new_reference(*arguments.add(index));
        }
        spread::lender(tstate, callable, arguments, count, names_count(names))
    }
}

/// The instructions that drop the arguments of a call through a vectorcall without having looked at them again. (Instrumented calls report the first one.)
static DROPS_ARGUMENTS: [bool; 256] = {
    let mut drops = [false; 256];
    let mut opcode = 0;
    while opcode < 256 {
        if let Some(row) = &ffi::OPCODES.opcodes[opcode] {
            drops[opcode] = matches!(row.kind, Kind::Operation(Op::Call | Op::CallKw)) && !row.is_instrumented();
        }
        opcode += 1;
    }
    drops
};

/// Whether a call's arguments lie on the evaluation stack of an interpreted frame whose running instruction is just this call. No C function stands between
/// them then: one that passes its own arguments on would have other things before them, or fewer arguments.
unsafe fn are_on_stack(tstate: *mut ThreadState, callable: *mut PyObject, arguments: *const *mut PyObject, count: usize) -> bool {
    // SAFETY: the running thread's state; only slots of its frame are read. The stack of a call is `callable, self or NULL, arguments` (CALL and CALL_KW,
    // Python/bytecodes.c); a bound method is replaced by its function and object. The stack pointer of a frame that the interpreter runs is -1.
    unsafe {
        let frame = (*tstate).current_frame;
        if frame.is_null() || (*frame).stacktop != -1 || (*frame).owner == ffi::OWNED_BY_CSTACK {
            return false;
        }
        let code = Frame::code(frame);
        let stack = Frame::slot(frame, (*code).slot_count()).cast_const();
        let end = frame.cast::<*mut PyObject>().add((*code).co_framesize as usize).cast_const();
        if arguments <= stack || arguments > end {
            return false;
        }
        let [opcode, argument] = (*(*frame).instr_ptr).to_le_bytes();
        let before = *arguments.sub(1);
        DROPS_ARGUMENTS[usize::from(opcode)]
            && if before.is_null() {
                count == usize::from(argument) && arguments > stack.add(1) && *arguments.sub(2) == callable
            } else {
                count == usize::from(argument) + 1 && before == callable
            }
    }
}

/// Puts new references to the `count` values of a dict into an array; the names, a new tuple, or NULL with the error set and the array empty
/// (`_PyStack_UnpackDict`, Objects/call.c).
///
/// # Safety
/// `keywords` is an exact dict of that size, `values` has room for as many.
pub(crate) unsafe fn spread_dict(keywords: *mut PyObject, count: usize, values: *mut *mut PyObject) -> *mut PyObject {
    // SAFETY: the caller's promise; nothing that runs here changes the dict.
    unsafe {
        let names = pyo3_ffi::PyTuple_New(count as ffi::Py_ssize_t);
        if names.is_null() {
            return names;
        }
        let (mut position, mut key, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
        let (mut index, mut are_strs) = (0, true);
        while pyo3_ffi::PyDict_Next(keywords, &raw mut position, &raw mut key, &raw mut value) != 0 {
            are_strs &= pyo3_ffi::PyUnicode_Check(key) != 0;
            pyo3_ffi::PyTuple_SET_ITEM(names, index as ffi::Py_ssize_t, ffi::new_reference(key));
            *values.add(index) = ffi::new_reference(value);
            index += 1;
        }
        if are_strs {
            return names;
        }
        pyo3_ffi::PyErr_SetString(pyo3_ffi::PyExc_TypeError, c"keywords must be strings".as_ptr());
        let error = ffi::PyErr_GetRaisedException();
        drop(values, count);
        ffi::Py_DECREF(names);
        ffi::PyErr_SetRaisedException(error);
        std::ptr::null_mut()
    }
}

//! What is kept for the time when there is no memory: numbers that compiled code boxes and frames that it leaves to cannot wait for a place where MemoryError may be raised.
//! They come from here then, and the next entry, call or loop turn of compiled code fills the reserve up again or raises.

use std::cell::{Cell, RefCell};

use coachwhip_cpython::layout;

use crate::RUNTIME;
use crate::ffi::{self, PyObject, StackChunk};
use crate::monitoring;

/// So many numbers of each kind. Between two places where MemoryError can be raised a piece of code boxes far fewer.
const NUMBERS: usize = 512;
/// Bytes of the chunk for frames of inlined functions.
const CHUNK: usize = 64 * 1024;

/// The reserve.
#[derive(Debug)]
pub(crate) struct Reserve {
    ints: RefCell<Vec<*mut PyObject>>,
    floats: RefCell<Vec<*mut PyObject>>,
    chunk: Cell<*mut StackChunk>,
    /// Something was taken from it since it was full.
    tapped: Cell<bool>,
    filled: Cell<bool>,
}

impl Reserve {
    pub(crate) const fn new() -> Reserve {
        Reserve {
            ints: RefCell::new(Vec::new()),
            floats: RefCell::new(Vec::new()),
            chunk: Cell::new(std::ptr::null_mut()),
            tapped: Cell::new(false),
            filled: Cell::new(false),
        }
    }

    /// Whether something was taken since it was full.
    pub(crate) fn is_tapped(&self) -> bool {
        self.tapped.get()
    }

    fn tap(&self) {
        self.tapped.set(true);
        // Sends compiled code to the runtime at its next check.
        monitoring::expect_nothing();
    }
}

/// Makes the reserve full if it is not. False if there is no memory; no exception is set then.
///
/// # Safety
/// The GIL is held; no exception is set.
unsafe fn fill() -> bool {
    let reserve = &RUNTIME.reserve;
    if reserve.filled.get() && !reserve.tapped.get() {
        return true;
    }
    // SAFETY: new objects, and a chunk as `_PyObject_VirtualAlloc` makes them (Python/pystate.c, `allocate_chunk`).
    unsafe {
        let full = |pool: &RefCell<Vec<*mut PyObject>>, make: &dyn Fn() -> *mut PyObject| {
            let mut pool = pool.borrow_mut();
            let missing = NUMBERS - pool.len();
            pool.reserve_exact(missing);
            while pool.len() < NUMBERS {
                let object = make();
                if object.is_null() {
                    ffi::PyErr_Clear();
                    return false;
                }
                pool.push(object);
            }
            true
        };
        // As many digits as any number of 64 bits has.
        if !full(&reserve.ints, &|| ffi::PyLong_FromLongLong(i64::MIN)) || !full(&reserve.floats, &|| ffi::PyFloat_FromDouble(0.5)) {
            return false;
        }
        if reserve.chunk.get().is_null() {
            reserve.chunk.set(crate::entry::allocate_chunk(CHUNK));
        }
        if reserve.chunk.get().is_null() {
            return false;
        }
    }
    reserve.filled.set(true);
    reserve.tapped.set(false);
    true
}

/// Fills the reserve before compiled code runs for the first time.
///
/// # Errors
/// If there is no memory for it.
///
/// # Safety
/// As for [`is_out_of_memory`]; no exception is set.
pub(crate) unsafe fn prepare() -> Result<(), String> {
    // SAFETY: the caller's promise.
    if unsafe { fill() } { Ok(()) } else { Err("there is no memory for it".to_owned()) }
}

/// At a place where MemoryError may be raised: whether the reserve was needed and there still is no memory.
///
/// # Safety
/// The GIL is held.
#[inline]
pub(crate) unsafe fn is_out_of_memory() -> bool {
    // SAFETY: the caller's promise; an exception that is set comes back.
    RUNTIME.reserve.tapped.get()
        && unsafe {
            let exception = ffi::PyErr_GetRaisedException();
            let filled = fill();
            ffi::PyErr_SetRaisedException(exception);
            !filled
        }
}

/// An int without new memory; NULL if the reserve is empty, too.
///
/// # Safety
/// The GIL is held.
pub(crate) unsafe fn int(value: i64) -> *mut PyObject {
    let Some(object) = RUNTIME.reserve.ints.borrow_mut().pop() else { return std::ptr::null_mut() };
    RUNTIME.reserve.tap();
    // SAFETY: an object with room for three digits that nobody else has; the tag is as in pycore_long.h (sign 0, or 2 for negative).
    unsafe {
        let digits = object.cast::<u8>().add(layout::long::OB_DIGIT).cast::<u32>();
        let mut rest = value.unsigned_abs();
        let mut count = 0;
        while rest != 0 || count == 0 {
            digits.add(count).write((rest & ((1 << layout::long::SHIFT) - 1)) as u32);
            rest >>= layout::long::SHIFT;
            count += 1;
        }
        let sign = if value < 0 { 2 } else { usize::from(value == 0) };
        let count = if value == 0 { 0 } else { count };
        object.cast::<u8>().add(layout::long::LV_TAG).cast::<usize>().write(count << layout::long::NON_SIZE_BITS | sign);
    }
    object
}

/// A float without new memory; NULL if the reserve is empty, too.
///
/// # Safety
/// The GIL is held.
pub(crate) unsafe fn float(value: f64) -> *mut PyObject {
    let Some(object) = RUNTIME.reserve.floats.borrow_mut().pop() else { return std::ptr::null_mut() };
    RUNTIME.reserve.tap();
    // SAFETY: a float that nobody else has.
    unsafe { object.cast::<u8>().add(layout::float::OB_FVAL).cast::<f64>().write(value) };
    object
}

/// A chunk of the data stack of at least so many bytes, and its size, without new memory.
pub(crate) fn chunk(bytes: usize) -> Option<(*mut StackChunk, usize)> {
    if bytes > CHUNK || RUNTIME.reserve.chunk.get().is_null() {
        return None;
    }
    RUNTIME.reserve.tap();
    Some((RUNTIME.reserve.chunk.replace(std::ptr::null_mut()), CHUNK))
}

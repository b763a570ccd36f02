//! Owned references that travel with facts to other threads and are given back under the GIL.

use pyo3_ffi::{self as ffi, PyObject};

/// Strong references. Dropping them without the GIL leaks them: nothing better is possible then.
#[derive(Debug, Default)]
pub struct OwnedReferences {
    objects: Vec<*mut PyObject>,
}

// SAFETY: the pointers are only followed under the GIL.
unsafe impl Send for OwnedReferences {}
// SAFETY: nothing can be reached through a shared reference.
unsafe impl Sync for OwnedReferences {}

impl OwnedReferences {
    /// Takes a reference of its own.
    ///
    /// # Safety
    /// `object` is live and the GIL is held.
    pub unsafe fn add(&mut self, object: *mut PyObject) {
        // SAFETY: the caller's promise.
        unsafe { ffi::Py_INCREF(object) };
        self.objects.push(object);
    }

    /// The addresses of the objects.
    #[must_use]
    pub fn addresses(&self) -> Vec<usize> {
        self.objects.iter().map(|&object| object as usize).collect()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }
}

impl Drop for OwnedReferences {
    fn drop(&mut self) {
        if self.objects.is_empty() {
            return;
        }
        // SAFETY: asks whether this thread holds the GIL; then the references are given back.
        unsafe {
            if ffi::PyGILState_Check() == 0 {
                return;
            }
            for object in std::mem::take(&mut self.objects) {
                ffi::Py_DECREF(object);
            }
        }
    }
}

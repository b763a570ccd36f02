//! The hooks for those who look at frames: the getter of `frame.f_locals`, `locals()` and its relatives, writes through a `FrameLocalsProxy`; and for those
//! who listen to events of one code object (`sys.monitoring.set_local_events`), which nothing else would tell us of; and for those who look at bytecode.
//!
//! CPython has no hooks for any of these, so the C function pointers in its (writable, static) definitions are replaced and the old ones called.

use std::cell::Cell;
use std::ffi::{CStr, c_int, c_void};

use pyo3_ffi::PyMethodDef;

use crate::ffi::{self, GetSetDescriptor, PyObject, PyTypeObject};
use crate::{RUNTIME, frames, monitoring, python, watchers};

type Getter = unsafe extern "C" fn(*mut PyObject, *mut c_void) -> *mut PyObject;
type TwoArguments = unsafe extern "C" fn(*mut PyObject, *mut PyObject) -> *mut PyObject;
type Fast = unsafe extern "C" fn(*mut PyObject, *const *mut PyObject, ffi::Py_ssize_t) -> *mut PyObject;
type FastWithKeywords = unsafe extern "C" fn(*mut PyObject, *const *mut PyObject, ffi::Py_ssize_t, *mut PyObject) -> *mut PyObject;
type Allocate = unsafe extern "C" fn(*mut PyTypeObject, ffi::Py_ssize_t) -> *mut PyObject;
type SetItem = unsafe extern "C" fn(*mut PyObject, *mut PyObject, *mut PyObject) -> c_int;

/// The C functions that were replaced.
#[derive(Debug)]
pub(crate) struct Originals {
    f_locals: Cell<Option<Getter>>,
    locals: Cell<Option<TwoArguments>>,
    vars: Cell<Option<TwoArguments>>,
    dir: Cell<Option<TwoArguments>>,
    eval: Cell<Option<FastWithKeywords>>,
    exec: Cell<Option<FastWithKeywords>>,
    set_local_events: Cell<Option<Fast>>,
    set_events: Cell<Option<Fast>>,
    settrace: Cell<Option<TwoArguments>>,
    setprofile: Cell<Option<TwoArguments>>,
    settraceallthreads: Cell<Option<TwoArguments>>,
    setprofileallthreads: Cell<Option<TwoArguments>>,
    get_events: Cell<Option<TwoArguments>>,
    all_events: Cell<Option<TwoArguments>>,
    proxy_set_item: Cell<Option<SetItem>>,
    proxy_update: Cell<Option<TwoArguments>>,
    proxy_set_default: Cell<Option<Fast>>,
    proxy_inplace_or: Cell<Option<TwoArguments>>,
    proxy_allocate: Cell<Option<Allocate>>,
    /// The frame that is about to get a proxy is complete.
    exposed: Cell<bool>,
    code_adaptive: Cell<Option<Getter>>,
    start_tracing_memory: Cell<Option<Fast>>,
    stop_tracing_memory: Cell<Option<TwoArguments>>,
}

impl Originals {
    pub(crate) const fn new() -> Originals {
        Originals {
            f_locals: Cell::new(None),
            locals: Cell::new(None),
            vars: Cell::new(None),
            dir: Cell::new(None),
            eval: Cell::new(None),
            exec: Cell::new(None),
            set_local_events: Cell::new(None),
            set_events: Cell::new(None),
            settrace: Cell::new(None),
            setprofile: Cell::new(None),
            settraceallthreads: Cell::new(None),
            setprofileallthreads: Cell::new(None),
            get_events: Cell::new(None),
            all_events: Cell::new(None),
            proxy_set_item: Cell::new(None),
            proxy_update: Cell::new(None),
            proxy_set_default: Cell::new(None),
            proxy_inplace_or: Cell::new(None),
            proxy_allocate: Cell::new(None),
            exposed: Cell::new(false),
            code_adaptive: Cell::new(None),
            start_tracing_memory: Cell::new(None),
            stop_tracing_memory: Cell::new(None),
        }
    }
}

/// `frame.f_locals`
unsafe extern "C" fn f_locals(object: *mut PyObject, closure: *mut c_void) -> *mut PyObject {
    // SAFETY: CPython calls it with a frame object; the original was there when it was replaced.
    unsafe {
        let original = RUNTIME.originals.f_locals.get().expect("replaced");
        with_exposed(frames::of_object(object), || original(object, closure))
    }
}

/// `code._co_code_adaptive`, which `dis` shows with `adaptive=True`: the instrumentation for our own events is not in it.
unsafe extern "C" fn code_adaptive(object: *mut PyObject, closure: *mut c_void) -> *mut PyObject {
    // SAFETY: CPython calls it with a code object; the original was there when it was replaced, and its result is new bytes of the code's units, seen by nobody.
    unsafe {
        let original = RUNTIME.originals.code_adaptive.get().expect("replaced");
        let bytes = original(object, closure);
        if !bytes.is_null() && pyo3_ffi::Py_REFCNT(bytes) == 1 {
            let count = usize::try_from(pyo3_ffi::Py_SIZE(bytes)).unwrap_or(0);
            let units = std::slice::from_raw_parts_mut(pyo3_ffi::PyBytes_AsString(bytes).cast::<u8>(), count);
            coachwhip_cpython::instrumentation::hide_events(object.cast(), monitoring::TOOL, units);
        }
        bytes
    }
}

/// The frame that calls a built-in function is about to have its locals read.
unsafe fn expose_caller() {
    // SAFETY: the GIL is held.
    unsafe {
        let frame = (*ffi::thread_state()).current_frame;
        if !frame.is_null() {
            frames::expose(frame);
        }
    }
}

unsafe extern "C" fn locals(module: *mut PyObject, nothing: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython calls it (METH_NOARGS); the original was there when it was replaced.
    unsafe {
        let original = RUNTIME.originals.locals.get().expect("replaced");
        with_exposed((*ffi::thread_state()).current_frame, || original(module, nothing))
    }
}

unsafe extern "C" fn vars(module: *mut PyObject, arguments: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython calls it (METH_VARARGS); the original was there when it was replaced.
    unsafe {
        let original = RUNTIME.originals.vars.get().expect("replaced");
        if pyo3_ffi::PyTuple_GET_SIZE(arguments) == 0 {
            return with_exposed((*ffi::thread_state()).current_frame, || original(module, arguments));
        }
        original(module, arguments)
    }
}

unsafe extern "C" fn dir(module: *mut PyObject, arguments: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython calls it (METH_VARARGS); the original was there when it was replaced.
    unsafe {
        let original = RUNTIME.originals.dir.get().expect("replaced");
        if pyo3_ffi::PyTuple_GET_SIZE(arguments) == 0 {
            return with_exposed((*ffi::thread_state()).current_frame, || original(module, arguments));
        }
        original(module, arguments)
    }
}

unsafe extern "C" fn eval(module: *mut PyObject, arguments: *const *mut PyObject, count: ffi::Py_ssize_t, names: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython calls it (METH_FASTCALL | METH_KEYWORDS); the original was there when it was replaced.
    unsafe {
        expose_caller();
        let original = RUNTIME.originals.eval.get().expect("replaced");
        original(module, arguments, count, names)
    }
}

unsafe extern "C" fn exec(module: *mut PyObject, arguments: *const *mut PyObject, count: ffi::Py_ssize_t, names: *mut PyObject) -> *mut PyObject {
    // SAFETY: as `eval`.
    unsafe {
        expose_caller();
        let original = RUNTIME.originals.exec.get().expect("replaced");
        original(module, arguments, count, names)
    }
}

/// `tp_alloc` of `FrameLocalsProxy`: whoever reads locals through the C API (`PyFrame_GetLocals`, `PyEval_GetLocals`, `PyEval_GetFrameLocals`) makes one. It does not
/// say of which frame, but that has a frame object (`framelocalsproxy_new`, Objects/frameobject.c).
unsafe extern "C" fn proxy_allocate(class: *mut PyTypeObject, count: ffi::Py_ssize_t) -> *mut PyObject {
    let originals = &RUNTIME.originals;
    // SAFETY: the caller has a thread state.
    if unsafe { is_ours() } && !originals.exposed.get() {
        // SAFETY: frames of all threads, under the GIL.
        frames::for_each_frame(|frame| unsafe {
            if !(*frame).frame_obj.is_null() {
                frames::expose(frame);
            }
        });
    }
    // SAFETY: CPython's own call; the original was there when it was replaced.
    unsafe { originals.proxy_allocate.get().expect("replaced")(class, count) }
}

/// Has the original make a proxy for a frame that is complete.
unsafe fn with_exposed<T>(frame: *mut ffi::Frame, original: impl FnOnce() -> T) -> T {
    let exposed = &RUNTIME.originals.exposed;
    // SAFETY: the caller's promise: a live frame or NULL.
    unsafe {
        if !frame.is_null() {
            frames::expose(frame);
        }
    }
    let before = exposed.replace(true);
    let result = original();
    exposed.set(before);
    result
}

/// A `FrameLocalsProxy` may have been written to.
unsafe fn note_writes(proxy: *mut PyObject) {
    // SAFETY: a PyFrameLocalsProxyObject: the header, then the frame object.
    unsafe {
        let object = *proxy.cast::<*mut PyObject>().add(2);
        if !object.is_null() {
            let frame = frames::of_object(object);
            if frames::is_compiled(frame) {
                frames::note_writes(frame);
            }
        }
    }
}

/// `FrameLocalsProxy.__setitem__`
unsafe extern "C" fn proxy_set_item(proxy: *mut PyObject, key: *mut PyObject, value: *mut PyObject) -> c_int {
    // SAFETY: CPython calls it with a proxy; the original was there when it was replaced.
    unsafe {
        let original = RUNTIME.originals.proxy_set_item.get().expect("replaced");
        let result = original(proxy, key, value);
        note_writes(proxy);
        result
    }
}

/// `FrameLocalsProxy.update`, which does not go through `__setitem__`.
unsafe extern "C" fn proxy_update(proxy: *mut PyObject, other: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython calls it (METH_O) with a proxy; the original was there when it was replaced.
    unsafe {
        let original = RUNTIME.originals.proxy_update.get().expect("replaced");
        let result = original(proxy, other);
        note_writes(proxy);
        result
    }
}

/// `FrameLocalsProxy.setdefault`, which sets locals without a value.
unsafe extern "C" fn proxy_set_default(proxy: *mut PyObject, arguments: *const *mut PyObject, count: ffi::Py_ssize_t) -> *mut PyObject {
    // SAFETY: CPython calls it (METH_FASTCALL) with a proxy; the original was there when it was replaced.
    unsafe {
        let original = RUNTIME.originals.proxy_set_default.get().expect("replaced");
        let result = original(proxy, arguments, count);
        note_writes(proxy);
        result
    }
}

/// `FrameLocalsProxy.__ior__`
unsafe extern "C" fn proxy_inplace_or(proxy: *mut PyObject, other: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython calls it with a proxy on the left; the original was there when it was replaced.
    unsafe {
        let original = RUNTIME.originals.proxy_inplace_or.get().expect("replaced");
        let result = original(proxy, other);
        note_writes(proxy);
        result
    }
}

/// Hooks every way to write through a `FrameLocalsProxy` (Objects/frameobject.c): the slots of the class, the methods of these names, which have the slots' functions in them,
/// and two methods of its own. A way that is not there or looks otherwise is left alone.
unsafe fn hook_proxy() {
    let originals = &RUNTIME.originals;
    // SAFETY: a static class of CPython's; its slots and method definitions are writable static memory. Descriptors are live while their class is.
    unsafe {
        let class = libc::dlsym(libc::RTLD_DEFAULT, c"PyFrameLocalsProxy_Type".as_ptr()).cast::<ffi::PyTypeObject>();
        if class.is_null() || originals.proxy_set_item.get().is_some() {
            return;
        }
        let Ok(dict) = python::Owned::new(pyo3_ffi::PyType_GetDict(class)) else { return };
        let descriptor = |name: &CStr, class: *mut ffi::PyTypeObject| {
            let found = pyo3_ffi::PyDict_GetItemString(dict.get(), name.as_ptr());
            (!found.is_null() && pyo3_ffi::Py_TYPE(found) == class).then(|| found.cast::<Descriptor>())
        };
        let wrapper = |name: &CStr, old: *mut c_void, new: *mut c_void| {
            if let Some(found) = descriptor(name, &raw mut pyo3_ffi::PyWrapperDescr_Type)
                && (*found).wrapped == old
            {
                (*found).wrapped = new;
            }
        };
        if let Some(slots) = (*class).tp_as_mapping.as_mut()
            && let Some(original) = slots.mp_ass_subscript
        {
            originals.proxy_set_item.set(Some(original));
            slots.mp_ass_subscript = Some(proxy_set_item);
            for name in [c"__setitem__", c"__delitem__"] {
                wrapper(name, original as *mut c_void, proxy_set_item as *mut c_void);
            }
        }
        originals.proxy_allocate.set((*class).tp_alloc);
        (*class).tp_alloc = Some(proxy_allocate);
        if let Some(slots) = (*class).tp_as_number.as_mut()
            && let Some(original) = slots.nb_inplace_or
        {
            originals.proxy_inplace_or.set(Some(original));
            slots.nb_inplace_or = Some(proxy_inplace_or);
            wrapper(c"__ior__", original as *mut c_void, proxy_inplace_or as *mut c_void);
        }
        let method = |name: &CStr, flags: c_int, new: *mut c_void| {
            let definition = (*descriptor(name, &raw mut pyo3_ffi::PyMethodDescr_Type)?).definition;
            if (*definition).ml_flags != flags {
                return None;
            }
            Some((&raw mut (*definition).ml_meth).cast::<*mut c_void>().replace(new))
        };
        if let Some(old) = method(c"update", pyo3_ffi::METH_O, proxy_update as *mut c_void) {
            originals.proxy_update.set(Some(std::mem::transmute::<*mut c_void, TwoArguments>(old)));
        }
        if let Some(old) = method(c"setdefault", pyo3_ffi::METH_FASTCALL, proxy_set_default as *mut c_void) {
            originals.proxy_set_default.set(Some(std::mem::transmute::<*mut c_void, Fast>(old)));
        }
    }
}

/// PyMethodDescrObject, and PyWrapperDescrObject, which has another word in the place of the definition (Include/cpython/descrobject.h).
#[repr(C)]
struct Descriptor {
    header: pyo3_ffi::PyObject,
    class: *mut ffi::PyTypeObject,
    name: *mut PyObject,
    qualname: *mut PyObject,
    definition: *mut PyMethodDef,
    /// What the functions of slots are called with; of methods their vectorcall.
    wrapped: *mut c_void,
}

/// Whether Coachwhip is at work in the interpreter that calls. The definitions that are replaced are shared with subinterpreters, which may even run at the same time.
unsafe fn is_ours() -> bool {
    // SAFETY: the caller has a thread state; `interp` of it never changes.
    unsafe { pyo3_ffi::PyInterpreterState_Get().cast() == ffi::PyInterpreterState_Main() && RUNTIME.running.get() }
}

/// `sys.monitoring.set_local_events(tool, code, events)`
unsafe extern "C" fn set_local_events(module: *mut PyObject, arguments: *const *mut PyObject, count: ffi::Py_ssize_t) -> *mut PyObject {
    // SAFETY: CPython calls it (METH_FASTCALL); the original was there when it was replaced.
    unsafe {
        let original = RUNTIME.originals.set_local_events.get().expect("replaced");
        let result = original(module, arguments, count);
        if is_ours()
            && let Some(code) = monitoring::is_foreign_local(arguments, count)
        {
            watchers::events_changed(code);
        }
        result
    }
}

/// `sys.monitoring.set_events(tool, events)`
unsafe extern "C" fn set_events(module: *mut PyObject, arguments: *const *mut PyObject, count: ffi::Py_ssize_t) -> *mut PyObject {
    // SAFETY: CPython calls it (METH_FASTCALL); the original was there when it was replaced.
    unsafe {
        let original = RUNTIME.originals.set_events.get().expect("replaced");
        if !is_ours() || count != 2 || monitoring::is_own_tool(*arguments) {
            return original(module, arguments, count);
        }
        monitoring::step_aside();
        let result = original(module, arguments, count);
        monitoring::step_back();
        result
    }
}

/// `sys.settrace` and its like.
unsafe fn change_tracing(original: &Cell<Option<TwoArguments>>, module: *mut PyObject, function: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython calls it (METH_O); the original was there when it was replaced.
    unsafe {
        if !is_ours() {
            return original.get().expect("replaced")(module, function);
        }
        if function != pyo3_ffi::Py_None() {
            monitoring::step_aside();
        }
        let result = original.get().expect("replaced")(module, function);
        monitoring::step_back();
        result
    }
}

unsafe extern "C" fn settrace(module: *mut PyObject, function: *mut PyObject) -> *mut PyObject {
    // SAFETY: the caller's promise.
    unsafe { change_tracing(&RUNTIME.originals.settrace, module, function) }
}

unsafe extern "C" fn setprofile(module: *mut PyObject, function: *mut PyObject) -> *mut PyObject {
    // SAFETY: the caller's promise.
    unsafe { change_tracing(&RUNTIME.originals.setprofile, module, function) }
}

unsafe extern "C" fn settraceallthreads(module: *mut PyObject, function: *mut PyObject) -> *mut PyObject {
    // SAFETY: the caller's promise.
    unsafe { change_tracing(&RUNTIME.originals.settraceallthreads, module, function) }
}

unsafe extern "C" fn setprofileallthreads(module: *mut PyObject, function: *mut PyObject) -> *mut PyObject {
    // SAFETY: the caller's promise.
    unsafe { change_tracing(&RUNTIME.originals.setprofileallthreads, module, function) }
}

/// `tracemalloc.start(number_of_frames)`
unsafe extern "C" fn start_tracing_memory(module: *mut PyObject, arguments: *const *mut PyObject, count: ffi::Py_ssize_t) -> *mut PyObject {
    // SAFETY: CPython calls it (METH_FASTCALL); the original was there when it was replaced.
    unsafe {
        let original = RUNTIME.originals.start_tracing_memory.get().expect("replaced");
        if !is_ours() {
            return original(module, arguments, count);
        }
        monitoring::step_aside();
        let result = original(module, arguments, count);
        if result.is_null() {
            monitoring::step_back();
        } else {
            monitoring::set_memory_tracing(true);
        }
        result
    }
}

/// `tracemalloc.stop()`
unsafe extern "C" fn stop_tracing_memory(module: *mut PyObject, nothing: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython calls it (METH_NOARGS); the original was there when it was replaced.
    unsafe {
        let original = RUNTIME.originals.stop_tracing_memory.get().expect("replaced");
        let result = original(module, nothing);
        if !result.is_null() && is_ours() {
            monitoring::set_memory_tracing(false);
            monitoring::step_back();
        }
        result
    }
}

/// `sys.monitoring.get_events(tool)`: that we listen is nobody's business; programs ask in order to find tools that were left on.
unsafe extern "C" fn get_events(module: *mut PyObject, tool: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython calls it (METH_O); the original was there when it was replaced.
    unsafe {
        if is_ours() && monitoring::is_own_tool(tool) {
            return ffi::PyLong_FromLong(0);
        }
        let original = RUNTIME.originals.get_events.get().expect("replaced");
        original(module, tool)
    }
}

/// `sys.monitoring._all_events()`: a dict of the events that somebody listens to, and the bits of the tools.
unsafe extern "C" fn all_events(module: *mut PyObject, nothing: *mut PyObject) -> *mut PyObject {
    // SAFETY: CPython calls it (METH_NOARGS); the original was there when it was replaced. The dict is new, of strs and ints.
    unsafe {
        let original = RUNTIME.originals.all_events.get().expect("replaced");
        let events = original(module, nothing);
        if events.is_null() || !is_ours() {
            return events;
        }
        let others = pyo3_ffi::PyDict_New();
        let (mut position, mut name, mut tools) = (0, std::ptr::null_mut(), std::ptr::null_mut());
        while !others.is_null() && pyo3_ffi::PyDict_Next(events, &raw mut position, &raw mut name, &raw mut tools) != 0 {
            let left = ffi::PyLong_AsLong(tools) & !monitoring::TOOL_BIT;
            if left == 0 {
                continue;
            }
            let left = ffi::PyLong_FromLongLong(left);
            let failed = left.is_null() || pyo3_ffi::PyDict_SetItem(others, name, left) != 0;
            ffi::Py_XDECREF(left);
            if failed {
                ffi::Py_DECREF(others);
                ffi::Py_DECREF(events);
                return std::ptr::null_mut();
            }
        }
        ffi::Py_DECREF(events);
        others
    }
}

/// Replaces the C function of a built-in function object; yields the old one. Nothing happens if it does not take its arguments as expected.
unsafe fn replace(module: &CStr, path: &[&CStr], flags: c_int, new: *mut c_void) -> Result<Option<*mut c_void>, String> {
    // SAFETY: PyCFunctionObject: the header, then the definition.
    unsafe {
        let mut object = python::module(module)?;
        for name in path {
            object = python::attribute(object.get(), name)?;
        }
        if pyo3_ffi::PyCFunction_CheckExact(object.get()) == 0 {
            return Ok(None);
        }
        let definition = *object.get().cast::<*mut PyMethodDef>().add(2);
        if (*definition).ml_flags != flags {
            return Ok(None);
        }
        let slot = (&raw mut (*definition).ml_meth).cast::<*mut c_void>();
        let old = *slot;
        if old != new {
            *slot = new;
            return Ok(Some(old));
        }
        Ok(None)
    }
}

macro_rules! replace {
    ($originals:expr, $field:ident : $ty:ty, $module:literal, [$($path:literal),*], $flags:expr) => {
        if $originals.$field.get().is_none()
            && let Some(old) = replace($module, &[$($path),*], $flags, $field as *mut c_void)?
        {
            $originals.$field.set(Some(std::mem::transmute::<*mut c_void, $ty>(old)));
        }
    };
}

/// Replaces the getter of a built-in class's attribute, if that has not been done.
unsafe fn replace_getter(original: &Cell<Option<Getter>>, class: *mut pyo3_ffi::PyTypeObject, name: &CStr, new: Getter) -> Result<(), String> {
    // SAFETY: a static class of CPython's, whose getset definitions are writable static memory.
    unsafe {
        if original.get().is_none() {
            let dict = python::Owned::new(pyo3_ffi::PyType_GetDict(class))?;
            let descriptor = pyo3_ffi::PyDict_GetItemString(dict.get(), name.as_ptr());
            if descriptor.is_null() || pyo3_ffi::Py_TYPE(descriptor) != &raw mut pyo3_ffi::PyGetSetDescr_Type {
                return Err(format!("the attribute {} is not what it was in CPython 3.13", name.to_string_lossy()));
            }
            let definition = (*descriptor.cast::<GetSetDescriptor>()).definition;
            original.set((*definition).get);
            (*definition).get = Some(new);
        }
        Ok(())
    }
}

/// Puts the hooks in place; they stay for the life of the process.
///
/// # Errors
/// If Python's own modules cannot be imported.
///
/// # Safety
/// The GIL is held.
pub(crate) unsafe fn start() -> Result<(), String> {
    let originals = &RUNTIME.originals;
    // SAFETY: the replaced functions have the signatures that their flags say; definitions of built-in types and functions are writable static memory.
    unsafe {
        replace!(originals, locals: TwoArguments, c"builtins", [c"locals"], pyo3_ffi::METH_NOARGS);
        replace!(originals, vars: TwoArguments, c"builtins", [c"vars"], pyo3_ffi::METH_VARARGS);
        replace!(originals, dir: TwoArguments, c"builtins", [c"dir"], pyo3_ffi::METH_VARARGS);
        replace!(originals, eval: FastWithKeywords, c"builtins", [c"eval"], pyo3_ffi::METH_FASTCALL | pyo3_ffi::METH_KEYWORDS);
        replace!(originals, exec: FastWithKeywords, c"builtins", [c"exec"], pyo3_ffi::METH_FASTCALL | pyo3_ffi::METH_KEYWORDS);
        replace!(originals, set_local_events: Fast, c"sys", [c"monitoring", c"set_local_events"], pyo3_ffi::METH_FASTCALL);
        replace!(originals, set_events: Fast, c"sys", [c"monitoring", c"set_events"], pyo3_ffi::METH_FASTCALL);
        replace!(originals, settrace: TwoArguments, c"sys", [c"settrace"], pyo3_ffi::METH_O);
        replace!(originals, setprofile: TwoArguments, c"sys", [c"setprofile"], pyo3_ffi::METH_O);
        replace!(originals, settraceallthreads: TwoArguments, c"sys", [c"_settraceallthreads"], pyo3_ffi::METH_O);
        replace!(originals, setprofileallthreads: TwoArguments, c"sys", [c"_setprofileallthreads"], pyo3_ffi::METH_O);
        replace!(originals, get_events: TwoArguments, c"sys", [c"monitoring", c"get_events"], pyo3_ffi::METH_O);
        replace!(originals, all_events: TwoArguments, c"sys", [c"monitoring", c"_all_events"], pyo3_ffi::METH_NOARGS);
        replace!(originals, start_tracing_memory: Fast, c"_tracemalloc", [c"start"], pyo3_ffi::METH_FASTCALL);
        replace!(originals, stop_tracing_memory: TwoArguments, c"_tracemalloc", [c"stop"], pyo3_ffi::METH_NOARGS);
        let is_tracing = python::call(python::module(c"_tracemalloc")?.get(), c"is_tracing", &[])?;
        monitoring::set_memory_tracing(is_tracing.get() == pyo3_ffi::Py_True());
        replace_getter(&originals.f_locals, &raw mut pyo3_ffi::PyFrame_Type, c"f_locals", f_locals)?;
        replace_getter(&originals.code_adaptive, &raw mut pyo3_ffi::PyCode_Type, c"_co_code_adaptive", code_adaptive)?;
        hook_proxy();
    }
    Ok(())
}

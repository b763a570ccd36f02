//! `import`.

use super::ffi::{Name, PyLong_AsInt, PyMapping_GetOptionalItem, PyObject_Vectorcall, current_builtins, current_globals, current_namespace};
use super::operators::{is_exactly, new_reference, release};
use super::{NULL, Object, Thread};
use pyo3_ffi::*;
use std::ffi::{CStr, c_char};

static DUNDER_IMPORT: Name = Name::new(c"__import__");
static DUNDER_NAME: Name = Name::new(c"__name__");
static DUNDER_SPEC: Name = Name::new(c"__spec__");
static DUNDER_FILE: Name = Name::new(c"__file__");

/// Whether a function is CPython's own `builtins.__import__` (`_PyImport_IsDefaultImportFunc`, which is not exported).
///
/// # Safety
/// It is a live object.
unsafe fn is_default_import(function: Object) -> bool {
    // SAFETY: as above; `m_self` of a function of a module is the module.
    unsafe {
        if !is_exactly(function, &raw mut PyCFunction_Type) {
            return false;
        }
        let fields = function.cast::<PyCFunctionObject>();
        let module = (*fields).m_self;
        !module.is_null()
            && is_exactly(module, &raw mut PyModule_Type)
            && CStr::from_ptr((*(*fields).m_ml).ml_name) == c"__import__"
            && !(*fields).m_module.is_null()
            && PyUnicode_Check((*fields).m_module) != 0
            && PyUnicode_CompareWithASCIIString((*fields).m_module, c"builtins".as_ptr()) == 0
    }
}

/// IMPORT_NAME (`import_name`, Python/ceval.c)
pub unsafe extern "C" fn import_name(tstate: Thread, name: Object, from_list: Object, level: Object) -> Object {
    // SAFETY: contract of helpers.
    unsafe {
        let mut function = NULL;
        match PyMapping_GetOptionalItem(current_builtins(tstate), DUNDER_IMPORT.get(), &raw mut function) {
            1 => {}
            0 => {
                PyErr_SetString(PyExc_ImportError, c"__import__ not found".as_ptr());
                return NULL;
            }
            _ => return NULL,
        }
        let globals = current_globals(tstate);
        let mut locals = current_namespace(tstate);
        if locals.is_null() {
            locals = Py_None();
        }
        if is_default_import(function) {
            Py_DECREF(function);
            let level = PyLong_AsInt(level);
            if level == -1 && !PyErr_Occurred().is_null() {
                return NULL;
            }
            return PyImport_ImportModuleLevelObject(name, globals, locals, from_list, level);
        }
        let arguments = [name, globals, locals, from_list, level];
        let module = PyObject_Vectorcall(function, arguments.as_ptr(), 5, NULL);
        Py_DECREF(function);
        module
    }
}

/// IMPORT_FROM (`import_from`, Python/ceval.c)
pub unsafe extern "C" fn import_from(_tstate: Thread, module: Object, name: Object) -> Object {
    // SAFETY: contract of helpers.
    unsafe {
        let mut value = NULL;
        if PyObject_GetOptionalAttr(module, name, &raw mut value) != 0 {
            return value;
        }
        // A circular import: the module may be in sys.modules already.
        let mut module_name = NULL;
        if PyObject_GetOptionalAttr(module, DUNDER_NAME.get(), &raw mut module_name) < 0 {
            return NULL;
        }
        if !module_name.is_null() && PyUnicode_Check(module_name) != 0 {
            let full_name = PyUnicode_FromFormat(c"%U.%U".as_ptr(), module_name, name);
            if full_name.is_null() {
                Py_DECREF(module_name);
                return NULL;
            }
            let value = PyImport_GetModule(full_name);
            Py_DECREF(full_name);
            if !value.is_null() || !PyErr_Occurred().is_null() {
                Py_DECREF(module_name);
                return value;
            }
        }
        raise_import_error(module, module_name, name);
        release(module_name);
        NULL
    }
}

/// Yields the object that it is bound to, whatever the arguments.
unsafe extern "C" fn yield_self(this: Object, _arguments: *mut Object, _count: Py_ssize_t) -> Object {
    // SAFETY: CPython calls it with a live object.
    unsafe { new_reference(this) }
}

/// Raises the ImportError for a name that is not in a module. Its text depends on `__spec__` and `__file__` by rules that differ between releases and by
/// functions that are not exported: let the interpreter import the name from a plain module that has the same and nothing else.
///
/// # Safety
/// Contract of helpers; `module_name` may be NULL.
#[cold]
unsafe fn raise_import_error(module: Object, module_name: Object, name: Object) {
    // SAFETY: contract of helpers.
    unsafe {
        let mut spec = NULL;
        if PyObject_GetOptionalAttr(module, DUNDER_SPEC.get(), &raw mut spec) < 0 {
            return;
        }
        let stand_in = make_stand_in(module, module_name, spec);
        release(spec);
        if !stand_in.is_null() {
            import_in_vain(stand_in, name);
            Py_DECREF(stand_in);
        }
    }
}

/// A module (or, if `module` is none, an object that is no module) with the given name and specification, and the file of `module`.
///
/// # Safety
/// Contract of helpers; `module_name` and `spec` may be NULL.
unsafe fn make_stand_in(module: Object, module_name: Object, spec: Object) -> Object {
    // SAFETY: contract of helpers.
    unsafe {
        let is_module = PyModule_Check(module) != 0;
        let stand_in = if is_module {
            PyModule_NewObject(DUNDER_NAME.get())
        } else {
            // An instance of a new class, which takes any attribute.
            let class = PyObject_CallFunction((&raw mut PyType_Type).cast(), c"s(){}".as_ptr(), c"module".as_ptr());
            if class.is_null() {
                return NULL;
            }
            let instance = PyObject_CallNoArgs(class);
            Py_DECREF(class);
            instance
        };
        if stand_in.is_null() {
            return NULL;
        }
        if is_module {
            PyDict_Clear(super::ffi::module_dict(stand_in));
        }
        let mut file = NULL;
        if is_module && !super::ffi::module_dict(module).is_null() {
            file = PyDict_GetItemWithError(super::ffi::module_dict(module), DUNDER_FILE.get());
        }
        for (attribute, value) in [(&DUNDER_NAME, module_name), (&DUNDER_SPEC, spec), (&DUNDER_FILE, file)] {
            if !value.is_null() && PyObject_SetAttr(stand_in, attribute.get(), value) < 0 {
                Py_DECREF(stand_in);
                return NULL;
            }
        }
        stand_in
    }
}

/// Executes `from stand_in import name`, which fails, and takes the interpreter's traceback away.
///
/// # Safety
/// Contract of helpers.
unsafe fn import_in_vain(stand_in: Object, name: Object) {
    struct Definition(PyMethodDef);
    // SAFETY: never changed.
    unsafe impl Sync for Definition {}
    static DEFINITION: Definition = Definition(PyMethodDef {
        ml_name: c"__import__".as_ptr(),
        ml_meth: PyMethodDefPointer { PyCFunctionFast: yield_self },
        ml_flags: METH_FASTCALL,
        ml_doc: std::ptr::null(),
    });
    // SAFETY: contract of helpers.
    unsafe {
        let import = PyCFunction_New((&raw const DEFINITION.0).cast_mut(), stand_in);
        let globals = PyDict_New();
        let builtins = PyDict_New();
        let source = PyUnicode_FromFormat(c"from m import %U".as_ptr(), name);
        if !import.is_null()
            && !globals.is_null()
            && !builtins.is_null()
            && !source.is_null()
            && PyDict_SetItem(builtins, DUNDER_IMPORT.get(), import) == 0
            && PyDict_SetItemString(globals, c"__builtins__".as_ptr(), builtins) == 0
        {
            let text: *const c_char = PyUnicode_AsUTF8AndSize(source, std::ptr::null_mut());
            let code = if text.is_null() { NULL } else { Py_CompileString(text, c"<import>".as_ptr(), Py_file_input) };
            if !code.is_null() {
                let result = PyEval_EvalCode(code, globals, globals);
                if result.is_null() {
                    let error = PyErr_GetRaisedException();
                    PyException_SetTraceback(error, Py_None());
                    PyErr_SetRaisedException(error);
                } else {
                    Py_DECREF(result);
                    PyErr_Format(PyExc_ImportError, c"cannot import name %R".as_ptr(), name);
                }
                Py_DECREF(code);
            }
        }
        for object in [import, globals, builtins, source] {
            release(object);
        }
    }
}

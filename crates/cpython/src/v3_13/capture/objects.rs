//! Objects: what is known of their values.

use super::super::environment::class_of;
use super::super::structs::FunctionObject;
use super::super::{layout, structs};
use super::types::{class_name, flags};
use super::{Capture, FunctionDependency, NameDependency, bytes_of, tuple_items};
use coachwhip_abi::facts::{FunctionFacts, ObjectFacts, ObjectValue};
use coachwhip_abi::ir::{Class, Convention, ObjectRef};
use pyo3_ffi::{self as ffi, PyObject, PyTypeObject};

/// Strings of at most so many code points are captured.
const STR_LENGTH: isize = 200;
/// Tuples of at most so many items.
const TUPLE_SIZE: isize = 64;
/// How deep objects within objects are looked at.
const NESTING: u32 = 8;

/// The text of a str object; lone surrogates become question marks.
pub(super) unsafe fn text_of_str(object: *mut PyObject) -> String {
    // SAFETY: a live object.
    unsafe { str_value(object).unwrap_or_else(|| "?".to_owned()) }
}

/// The text of an exact str, `None` if it has no UTF-8 form or is no exact str.
unsafe fn str_value(object: *mut PyObject) -> Option<String> {
    // SAFETY: a live object. PyUnicode_AsUTF8 would keep the UTF-8 form within the str, where sys.getsizeof shows it.
    unsafe {
        if class_of(object) != Class::Str {
            return None;
        }
        let encoded = ffi::PyUnicode_AsUTF8String(object);
        if encoded.is_null() {
            ffi::PyErr_Clear();
            return None;
        }
        let text = String::from_utf8_lossy(bytes_of(encoded)).into_owned();
        ffi::Py_DECREF(encoded);
        Some(text)
    }
}

/// How a C function takes its arguments, if compiled code can call it so.
fn convention(method_flags: i32) -> Option<Convention> {
    // METH_CLASS, METH_STATIC and METH_COEXIST say where a function lives, not how it is called.
    match method_flags & !(ffi::METH_CLASS | ffi::METH_STATIC | ffi::METH_COEXIST) {
        ffi::METH_NOARGS => Some(Convention::NoArguments),
        ffi::METH_O => Some(Convention::OneArgument),
        ffi::METH_FASTCALL => Some(Convention::Fast),
        flags if flags == ffi::METH_FASTCALL | ffi::METH_KEYWORDS => Some(Convention::FastWithKeywords),
        _ => None,
    }
}

/// A pointer field of an object.
unsafe fn pointer<T>(object: *mut PyObject, offset: usize) -> *mut T {
    // SAFETY: the caller names a pointer field of the object's structure.
    unsafe { object.cast::<u8>().add(offset).cast::<*mut T>().read() }
}

unsafe fn method_name(definition: *mut ffi::PyMethodDef) -> String {
    // SAFETY: a live method definition.
    unsafe { std::ffi::CStr::from_ptr((*definition).ml_name).to_string_lossy().into_owned() }
}

unsafe fn method_address(definition: *mut ffi::PyMethodDef) -> usize {
    // SAFETY: a live method definition; all members of the union are function pointers.
    unsafe { (&raw const (*definition).ml_meth).cast::<usize>().read() }
}

impl Capture<'_> {
    /// What is known of an object. One row for each address.
    pub(super) unsafe fn object(&mut self, object: *mut PyObject) -> ObjectRef {
        if let Some(&known) = self.objects.get(&(object as usize)) {
            return known;
        }
        // SAFETY: a live object, owned from here on.
        unsafe {
            self.own(object);
            let class = class_of(object);
            let reference = self.push_object(ObjectFacts {
                address: object as usize,
                class,
                immortal: is_immortal(object),
                value: ObjectValue::Opaque,
                text: String::new(),
            });
            self.nesting += 1;
            let (value, text) = if self.nesting > NESTING { (ObjectValue::Opaque, opaque_text(object)) } else { self.value(object, class) };
            self.nesting -= 1;
            let facts = &mut self.facts.objects[reference.index()];
            facts.value = value;
            facts.text = text;
            reference
        }
    }

    unsafe fn value(&mut self, object: *mut PyObject, class: Class) -> (ObjectValue, String) {
        // SAFETY: a live object of that class.
        unsafe {
            match class {
                Class::Int => {
                    let mut overflow = 0;
                    let value = ffi::PyLong_AsLongLongAndOverflow(object, &raw mut overflow);
                    if overflow == 0 { (ObjectValue::Int(value), value.to_string()) } else { (ObjectValue::Opaque, "a big int".to_owned()) }
                }
                Class::Float => {
                    let value = ffi::PyFloat_AsDouble(object);
                    (ObjectValue::Float(value), format!("{value:?}"))
                }
                Class::Bool => {
                    let value = object == ffi::Py_True();
                    (ObjectValue::Bool(value), if value { "True" } else { "False" }.to_owned())
                }
                Class::NoneType => (ObjectValue::None, "None".to_owned()),
                Class::Ellipsis => (ObjectValue::Opaque, "...".to_owned()),
                Class::Str if ffi::PyUnicode_GetLength(object) <= STR_LENGTH => match str_value(object) {
                    Some(text) => (ObjectValue::Str(text.clone()), format!("{text:?}")),
                    None => (ObjectValue::Opaque, opaque_text(object)),
                },
                Class::Tuple if ffi::Py_SIZE(object) <= TUPLE_SIZE => {
                    let items: Vec<ObjectRef> = tuple_items(object).iter().map(|&item| self.object(item)).collect();
                    let texts: Vec<&str> = items.iter().map(|item| self.facts.objects[item.index()].text.as_str()).collect();
                    let text = format!("({}{})", texts.join(", "), if texts.len() == 1 { "," } else { "" });
                    (ObjectValue::Tuple(items), shortened(text))
                }
                Class::Function => self.function(object),
                Class::BuiltinFunction => self.builtin_function(object),
                Class::MethodDescriptor => self.method_descriptor(object),
                Class::Code => (ObjectValue::Code, format!("code {}", text_of_str((*object.cast::<structs::CodeObject>()).co_qualname))),
                Class::Module => {
                    let dict: *mut PyObject = pointer(object, layout::module::MD_DICT);
                    let value = if dict.is_null() { ObjectValue::Opaque } else { ObjectValue::Module(self.object(dict)) };
                    (value, module_text(object))
                }
                _ if ffi::PyType_Check(object) != 0 => {
                    let text = format!("class {}", class_name(object.cast()));
                    match self.class(object.cast()) {
                        Some(class) => (ObjectValue::Class(class), text),
                        None => (ObjectValue::Opaque, text),
                    }
                }
                _ => (ObjectValue::Opaque, opaque_text(object)),
            }
        }
    }

    unsafe fn function(&mut self, object: *mut PyObject) -> (ObjectValue, String) {
        // SAFETY: a live function.
        unsafe {
            let fields = &*object.cast::<FunctionObject>();
            let text = format!("function {}", text_of_str(fields.func_qualname));
            self.dependencies.functions.push(FunctionDependency {
                function: object as usize,
                code: fields.func_code as usize,
                defaults: fields.func_defaults as usize,
                keyword_defaults: fields.func_kwdefaults as usize,
            });
            let code = self.code(fields.func_code, fields.func_globals, fields.func_builtins, self.depth + 1);
            let defaults =
                if fields.func_defaults.is_null() { Vec::new() } else { tuple_items(fields.func_defaults).iter().map(|&item| self.object(item)).collect() };
            let mut keyword_defaults = Vec::new();
            if !fields.func_kwdefaults.is_null() {
                let (mut position, mut key, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
                while ffi::PyDict_Next(fields.func_kwdefaults, &raw mut position, &raw mut key, &raw mut value) != 0 {
                    let name = text_of_str(key);
                    self.own(key);
                    // Changes inside the dict cause no event of the function watcher.
                    self.own(fields.func_kwdefaults);
                    self.dependencies.add_name(NameDependency {
                        dict: fields.func_kwdefaults as usize,
                        key: key as usize,
                        name: name.clone(),
                        value: value as usize,
                    });
                    keyword_defaults.push((name, self.object(value)));
                }
            }
            let facts = FunctionFacts {
                code,
                defaults,
                keyword_defaults,
                has_closure: !fields.func_closure.is_null(),
                same_globals: fields.func_globals == self.root_globals && fields.func_builtins == self.root_builtins,
            };
            (ObjectValue::Function(facts), text)
        }
    }

    unsafe fn builtin_function(&mut self, object: *mut PyObject) -> (ObjectValue, String) {
        // SAFETY: a live built-in function.
        unsafe {
            let definition: *mut ffi::PyMethodDef = pointer(object, layout::builtin_function::M_ML);
            let receiver: *mut PyObject = pointer(object, layout::builtin_function::M_SELF);
            let module: *mut PyObject = pointer(object, layout::builtin_function::M_MODULE);
            let name = method_name(definition);
            // As `meth_get__qualname__` (Objects/methodobject.c), with the module's name before functions of modules.
            let qualname = if receiver.is_null() || class_of(receiver) == Class::Module {
                match if module.is_null() { None } else { str_value(module) } {
                    Some(module) => format!("{module}.{name}"),
                    None => name,
                }
            } else if ffi::PyType_Check(receiver) != 0 {
                format!("{}.{name}", class_name(receiver.cast()))
            } else {
                format!("{}.{name}", class_name(ffi::Py_TYPE(receiver)))
            };
            let text = format!("built-in {qualname}");
            let receiver = if receiver.is_null() { None } else { Some(self.object(receiver)) };
            let value =
                ObjectValue::BuiltinFunction { qualname, address: method_address(definition), convention: convention((*definition).ml_flags), receiver };
            (value, text)
        }
    }

    unsafe fn method_descriptor(&mut self, object: *mut PyObject) -> (ObjectValue, String) {
        // SAFETY: a live method descriptor.
        unsafe {
            let definition: *mut ffi::PyMethodDef = pointer(object, layout::method_descriptor::D_METHOD);
            let class: *mut PyTypeObject = pointer(object, layout::method_descriptor::D_TYPE);
            let qualname = format!("{}.{}", class_name(class), method_name(definition));
            let text = format!("method {qualname}");
            let Some(class) = self.class(class) else { return (ObjectValue::Opaque, text) };
            let value = ObjectValue::MethodDescriptor { qualname, address: method_address(definition), convention: convention((*definition).ml_flags), class };
            (value, text)
        }
    }
}

/// `_Py_IsImmortal` (Include/object.h): the lower 32 bits of the count are negative.
unsafe fn is_immortal(object: *mut PyObject) -> bool {
    // SAFETY: a live object.
    unsafe { object.cast::<u8>().add(layout::object::OB_REFCNT).cast::<i32>().read() < 0 }
}

fn shortened(text: String) -> String {
    if text.chars().count() <= 80 { text } else { text.chars().take(77).chain("...".chars()).collect() }
}

unsafe fn module_text(module: *mut PyObject) -> String {
    // SAFETY: a live module.
    unsafe {
        let name = ffi::PyModule_GetNameObject(module);
        if name.is_null() {
            ffi::PyErr_Clear();
            return "a module".to_owned();
        }
        let text = format!("module {}", text_of_str(name));
        ffi::Py_DECREF(name);
        text
    }
}

unsafe fn opaque_text(object: *mut PyObject) -> String {
    // SAFETY: a live object.
    unsafe { format!("an object of {}", class_name(ffi::Py_TYPE(object))) }
}

/// Whether an attribute of a class is a method in the sense of `Py_TPFLAGS_METHOD_DESCRIPTOR`: it takes the instance when called.
pub(super) unsafe fn is_method(attribute: *mut PyObject) -> bool {
    // SAFETY: a live object.
    unsafe { flags(ffi::Py_TYPE(attribute)) & layout::type_object::FLAG_METHOD_DESCRIPTOR != 0 }
}

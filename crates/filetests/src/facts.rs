//! Facts and argument values from the header lines of a test file.

use coachwhip_abi::facts::{ClassFacts, CodeFacts, Facts, ObjectFacts, ObjectValue, SlotName, code_flags};
use coachwhip_ir::evaluate::Concrete;
use coachwhip_ir::{Class, ClassRef, ObjectRef};

fn class(name: &str) -> Result<Class, String> {
    let found = Class::ALL.iter().copied().find(|class| format!("{class:?}") == name);
    found.ok_or_else(|| format!("there is no class `{name}`"))
}

/// Adds what a header line says.
///
/// # Errors
/// A line that is not understood.
pub fn add(facts: &mut Facts, word: &str, rest: &str) -> Result<(), String> {
    match word {
        "object" => {
            // Addresses only have to differ.
            let address = 0x10_0000 + 16 * facts.objects.len();
            facts.objects.push(object(rest.trim(), address)?);
        }
        "class" => {
            let mut words = rest.split_whitespace();
            let name = words.next().ok_or("a class has a name")?.to_owned();
            let class = class(words.next().unwrap_or("Other"))?;
            let number = facts.classes.len();
            facts.classes.push(ClassFacts {
                address: 0x20_0000 + 1024 * number,
                name,
                class,
                version: u32::try_from(number).unwrap_or(0) + 100,
                cached_keys: 0x30_0000 + 1024 * number,
                inline_values: class == Class::Other,
                basicsize: 16,
                init: None,
                plain_destructor: true,
                always_true: true,
            });
        }
        _ => {
            let mut words = rest.split_whitespace();
            let name = words.next().ok_or("a code object has a name")?.to_owned();
            let parameters = words.next().and_then(|word| word.parse().ok()).ok_or("a code object has a number of parameters")?;
            facts.codes.push(code(name, parameters, words, facts.codes.len()));
        }
    }
    Ok(())
}

fn object(text: &str, address: usize) -> Result<ObjectFacts, String> {
    let (class, value) = match text {
        "True" => (Class::Bool, ObjectValue::Bool(true)),
        "False" => (Class::Bool, ObjectValue::Bool(false)),
        "None" => (Class::NoneType, ObjectValue::None),
        _ => {
            if let Ok(value) = text.parse() {
                (Class::Int, ObjectValue::Int(value))
            } else if let Ok(value) = text.parse() {
                (Class::Float, ObjectValue::Float(value))
            } else if let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
                (Class::Str, ObjectValue::Str(inner.to_owned()))
            } else {
                (class(text)?, ObjectValue::Opaque)
            }
        }
    };
    let small = matches!(value, ObjectValue::Int(-5..=256));
    Ok(ObjectFacts { address, class, immortal: class.is_immortal() || small, value, text: text.to_owned() })
}

fn code<'a>(qualname: String, parameters: u32, slots: impl Iterator<Item = &'a str>, number: usize) -> CodeFacts {
    let slots: Vec<SlotName> = slots.map(|name| SlotName { name: name.to_owned(), is_local: true, is_cell: false, is_free: false }).collect();
    let stacksize = 16;
    CodeFacts {
        address: 0x40_0000 + 4096 * number,
        first_unit: 0x40_0000 + 4096 * number + 200,
        entry_cell: 0x50_0000 + 8 * number,
        qualname,
        filename: "test.py".to_owned(),
        first_line: 1,
        flags: code_flags::OPTIMIZED,
        argcount: parameters,
        posonlyargcount: 0,
        kwonlyargcount: 0,
        stacksize,
        framesize: u32::try_from(slots.len()).unwrap_or(0) + stacksize + 9,
        slots,
        consts: Vec::new(),
        names: Vec::new(),
        instructions: Vec::new(),
        exception_table: Vec::new(),
        lines: Vec::new(),
    }
}

/// A value to run a function with: `5`, `1.5`, `true`, `null`, `obj3`, `Str`, `class2`.
///
/// # Errors
/// A word that is not understood.
pub fn concrete(word: &str) -> Result<Concrete, String> {
    let numbered = |prefix: &str| word.strip_prefix(prefix).and_then(|digits| digits.parse().ok());
    Ok(match word {
        "true" => Concrete::Bool(true),
        "false" => Concrete::Bool(false),
        "null" => Concrete::Null,
        _ => {
            if let Ok(value) = word.parse() {
                Concrete::Int(value)
            } else if let Ok(value) = word.parse() {
                Concrete::Float(value)
            } else if let Some(number) = numbered("obj") {
                Concrete::Constant(ObjectRef(number), None)
            } else if let Some(number) = numbered("class") {
                Concrete::Opaque { id: number, class: Class::Other, exact: Some(ClassRef(number)) }
            } else {
                let class = class(word)?;
                Concrete::Opaque { id: class as u32, class, exact: None }
            }
        }
    })
}

//! Facts as text, for `dump(f, "facts")`. Made to be read by people; tests of the compiler have a format of their own.

use crate::facts::{AttributeFeedback, ClassFacts, CodeFacts, Facts, Feedback, ObjectFacts, ObjectValue, StoreAttributeFeedback};
use coachwhip_bytecode::decode::is_jump;
use std::fmt::Write;

/// All facts of a compilation.
#[must_use]
pub fn facts_text(facts: &Facts) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write_facts(&mut text, facts);
    text
}

fn write_facts(text: &mut String, facts: &Facts) -> std::fmt::Result {
    for (index, code) in facts.codes.iter().enumerate() {
        write_code(text, index, code, facts)?;
    }
    for (index, object) in facts.objects.iter().enumerate() {
        write_object(text, index, object)?;
    }
    for (index, class) in facts.classes.iter().enumerate() {
        write_class(text, index, class)?;
    }
    for (name, slots) in [("slots", &facts.slots), ("arguments", &facts.arguments)] {
        if slots.is_empty() {
            continue;
        }
        write!(text, "{name}:")?;
        for slot in slots {
            match slot {
                Some(slot) => write!(text, " {:?}", slot.class)?,
                None => write!(text, " -")?,
            }
        }
        writeln!(text)?;
    }
    for refuted in &facts.refuted {
        let code = facts.codes.iter().position(|code| code.address == refuted.code_address);
        writeln!(text, "refuted: code{} at {}: {}", code.map_or_else(|| "?".to_owned(), |index| index.to_string()), refuted.offset, refuted.reason.name())?;
    }
    Ok(())
}

fn write_code(text: &mut String, index: usize, code: &CodeFacts, facts: &Facts) -> std::fmt::Result {
    writeln!(
        text,
        "code{index} {} ({}:{}) flags {:#x}, arguments {}+{} ({} positional only), stack {}, frame {}, {}",
        code.qualname,
        code.filename,
        code.first_line,
        code.flags,
        code.argcount,
        code.kwonlyargcount,
        code.posonlyargcount,
        code.stacksize,
        code.framesize,
        if code.entry_cell == 0 { "no direct entry" } else { "direct entry" },
    )?;
    if code.instructions.is_empty() {
        return Ok(());
    }
    write!(text, "    slots:")?;
    for slot in &code.slots {
        let kind = match (slot.is_free, slot.is_cell, slot.is_local) {
            (true, _, _) => " (free)",
            (_, true, true) => " (local cell)",
            (_, true, false) => " (cell)",
            _ => "",
        };
        write!(text, " {}{kind}", slot.name)?;
    }
    writeln!(text)?;
    let mut line = u32::MAX;
    for (instruction, feedback) in &code.instructions {
        let here = code.line(instruction.offset);
        if here != line {
            line = here;
            writeln!(text, "  line {line}")?;
        }
        let arrow = if is_jump(instruction.op) { "-> " } else { "" };
        let part = if instruction.first_part { " " } else { "+" };
        write!(text, "   {part}{:4} {:24} {arrow}{}", instruction.offset, instruction.op.name(), instruction.argument)?;
        if *feedback != Feedback::None {
            write!(text, "    {}", feedback_text(feedback, facts))?;
        }
        writeln!(text)?;
    }
    for entry in &code.exception_table {
        let lasti = if entry.push_lasti { ", lasti" } else { "" };
        writeln!(text, "    {}..{} -> {} depth {}{lasti}", entry.start, entry.end, entry.target, entry.depth)?;
    }
    Ok(())
}

fn object_name(reference: coachwhip_ir::ObjectRef, facts: &Facts) -> String {
    format!("{reference} {}", facts.objects.get(reference.index()).map_or("?", |object| object.text.as_str()))
}

fn class_name(reference: coachwhip_ir::ClassRef, facts: &Facts) -> String {
    format!("{reference} {}", facts.classes.get(reference.index()).map_or("?", |class| class.name.as_str()))
}

/// What a cache knows, in one line.
#[must_use]
pub fn feedback_text(feedback: &Feedback, facts: &Facts) -> String {
    let object = |reference| object_name(reference, facts);
    let class = |reference| class_name(reference, facts);
    match feedback {
        Feedback::None => String::new(),
        Feedback::Cold => "cold".to_owned(),
        Feedback::Generic => "generic".to_owned(),
        Feedback::SubscriptFunctions { candidates, generic } => {
            let mut texts: Vec<String> = candidates.iter().map(|&(of, function)| format!("subscript of {} by {}", class(of), object(function))).collect();
            texts.extend(generic.then(|| "generic".to_owned()));
            texts.join(" or ")
        }
        Feedback::AlwaysTrue(of) => format!("always true: {}", class(*of)),
        Feedback::Global(value) => format!("global {}", object(*value)),
        Feedback::Branch(history) => format!("branch {history:016b}"),
        Feedback::Attributes(all) => all.iter().map(|one| attribute_text(one, facts)).collect::<Vec<_>>().join(" | "),
        Feedback::StoreAttributes(all) => all.iter().map(|one| store_attribute_text(one, facts)).collect::<Vec<_>>().join(" | "),
        Feedback::Attribute(attribute) => attribute_text(attribute, facts),
        Feedback::StoreAttribute(attribute) => store_attribute_text(attribute, facts),
        Feedback::Operands(_)
        | Feedback::Subscript(_)
        | Feedback::Truth(_)
        | Feedback::Super(_)
        | Feedback::Call(_)
        | Feedback::Iterator(_)
        | Feedback::Unpack(_)
        | Feedback::Contains(_) => format!("{feedback:?}"),
    }
}

fn attribute_text(attribute: &AttributeFeedback, facts: &Facts) -> String {
    let object = |reference| object_name(reference, facts);
    let class = |reference| class_name(reference, facts);
    match attribute {
        AttributeFeedback::InstanceValue { class: of, index } => format!("inline value {index} of {}", class(*of)),
        AttributeFeedback::WithHint { class: of, index } => format!("dict entry {index} of {}", class(*of)),
        AttributeFeedback::Slot { class: of, offset } => format!("slot at {offset} of {}", class(*of)),
        AttributeFeedback::Module { namespace, value } => format!("{} of a module with {}", object(*value), object(*namespace)),
        AttributeFeedback::Class { class: of, value } => format!("{} of the class object {}", object(*value), class(*of)),
        AttributeFeedback::Method { class: of, value, keys_version } => {
            format!("method {} of {}, keys {keys_version}", object(*value), class(*of))
        }
        AttributeFeedback::MethodLazyDict { class: of, value } => format!("method {} of {} without dict", object(*value), class(*of)),
        AttributeFeedback::ClassAttribute { class: of, value, keys_version } => {
            format!("class attribute {} of {}, keys {keys_version}", object(*value), class(*of))
        }
        AttributeFeedback::Property { class: of, getter } => format!("property {} of {}", object(*getter), class(*of)),
    }
}

fn store_attribute_text(attribute: &StoreAttributeFeedback, facts: &Facts) -> String {
    let class = |reference| class_name(reference, facts);
    match attribute {
        StoreAttributeFeedback::InstanceValue { class: of, index } => format!("inline value {index} of {}", class(*of)),
        StoreAttributeFeedback::WithHint { class: of, index } => format!("dict entry {index} of {}", class(*of)),
        StoreAttributeFeedback::Slot { class: of, offset } => format!("slot at {offset} of {}", class(*of)),
    }
}

fn write_object(text: &mut String, index: usize, object: &ObjectFacts) -> std::fmt::Result {
    write!(text, "obj{index} {:?} {}", object.class, object.text)?;
    match &object.value {
        ObjectValue::Function(function) => {
            match function.code {
                Some(code) => write!(text, ": {code}")?,
                None => write!(text, ": code not captured")?,
            }
            if !function.defaults.is_empty() {
                write!(text, ", defaults {:?}", function.defaults)?;
            }
            for (name, value) in &function.keyword_defaults {
                write!(text, ", {name}={value}")?;
            }
            if function.has_closure {
                write!(text, ", closure")?;
            }
            if !function.same_globals {
                write!(text, ", other globals")?;
            }
        }
        ObjectValue::Class(class) => write!(text, ": {class}")?,
        ObjectValue::BuiltinFunction { convention, .. } | ObjectValue::MethodDescriptor { convention, .. } => {
            write!(text, ": {}", convention.map_or("no direct convention", coachwhip_ir::Convention::name))?;
        }
        _ => {}
    }
    writeln!(text)
}

fn write_class(text: &mut String, index: usize, class: &ClassFacts) -> std::fmt::Result {
    write!(text, "class{index} {} {:?} version {}, size {}", class.name, class.class, class.version, class.basicsize)?;
    if let Some(init) = class.init {
        write!(text, ", init {init}")?;
    }
    for (has, what) in [
        (class.inline_values, "inline values"),
        (class.cached_keys != 0, "shared keys"),
        (class.plain_destructor, "plain destructor"),
        (class.always_true, "always true"),
    ] {
        if has {
            write!(text, ", {what}")?;
        }
    }
    writeln!(text)
}

//! The pages of `docs/reference`, from the tables that the code itself uses.

use coachwhip_abi::counters::Counter;
use coachwhip_abi::options::{OPTIONS, OptionKind};
use coachwhip_bytecode::{Op as Bytecode, Support};
use coachwhip_compiler::opt::PASSES;
use coachwhip_ir::helpers::Parameter;
use coachwhip_ir::instructions::STEALS_REST;
use coachwhip_ir::{Class, Condition, Convention, Field, FieldKind, Heaps, Helper, HelperInfo, Info, Leaves, Op, Operand, Reason, Yield};
use std::fmt::Write;
use std::fs;
use std::path::Path;

const NOTE: &str = "<!-- Written by `cargo run -p coachwhip-xtask -- docs`. Change the table that it comes from instead. -->\n\n";

/// Every page: its name and its text.
fn pages() -> Vec<(&'static str, String)> {
    vec![
        ("ir.md", ir()),
        ("helpers.md", helpers()),
        ("options.md", options()),
        ("reasons.md", reasons()),
        ("opcodes.md", opcodes()),
        ("counters.md", counters()),
        ("passes.md", passes()),
    ]
}

/// Writes the pages.
pub fn write(root: &Path) -> Result<String, String> {
    let folder = root.join("docs/reference");
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let mut written = Vec::new();
    for (name, text) in pages() {
        let path = folder.join(name);
        if fs::read_to_string(&path).is_ok_and(|old| old == text) {
            continue;
        }
        fs::write(&path, text).map_err(|error| format!("{name}: {error}"))?;
        written.push(name);
    }
    Ok(if written.is_empty() { "nothing to write".to_owned() } else { format!("written: {}", written.join(", ")) })
}

/// Whether the pages are as they should be.
pub fn check(root: &Path) -> Result<String, String> {
    let folder = root.join("docs/reference");
    let is_stale = |page: &(&str, String)| !fs::read_to_string(folder.join(page.0)).is_ok_and(|old| old == page.1);
    let stale: Vec<&str> = pages().iter().filter(|page| is_stale(page)).map(|page| page.0).collect();
    if stale.is_empty() {
        Ok("up to date".to_owned())
    } else {
        Err(format!("stale, `cargo run -p coachwhip-xtask -- docs` writes them anew: {}", stale.join(", ")))
    }
}

/// A doc comment as one line for a cell of a table.
fn cell(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

fn page(title: &str, introduction: &str) -> String {
    format!("{NOTE}# {title}\n\n{introduction}\n")
}

fn table(text: &mut String, columns: &[&str]) {
    _ = writeln!(text, "\n| {} |\n|{}", columns.join(" | "), "---|".repeat(columns.len()));
}

fn row(text: &mut String, cells: &[String]) {
    _ = writeln!(text, "| {} |", cells.join(" | "));
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn heaps(heaps: Heaps) -> String {
    if heaps.is_none() { String::new() } else { cell(&heaps.to_string()) }
}

fn operand(kind: Operand) -> &'static str {
    match kind {
        Operand::Object => "Object",
        Operand::ObjectOrNull => "Object?",
        Operand::Int => "i64",
        Operand::Float => "f64",
        Operand::Bool => "i1",
        Operand::Pointer => "ptr",
        Operand::Any => "any",
    }
}

fn parameter(kind: Parameter) -> &'static str {
    match kind {
        Parameter::Object => "Object",
        Parameter::ObjectOrNull => "Object?",
        Parameter::Stolen => "stolen Object",
        Parameter::StolenOrNull => "stolen Object?",
        Parameter::Int => "i64",
        Parameter::Float => "f64",
        Parameter::Pointer => "ptr",
    }
}

fn yields(yields: Yield) -> String {
    match yields {
        Yield::Nothing => String::new(),
        Yield::Int => "i64".to_owned(),
        Yield::Float => "f64".to_owned(),
        Yield::Bool => "i1".to_owned(),
        Yield::Pointer => "ptr".to_owned(),
        Yield::New(classes) => format!("new {classes}"),
        Yield::Borrowed(classes) => format!("borrowed {classes}"),
        Yield::Kept(classes) => format!("kept {classes}"),
        Yield::Same => "the operand".to_owned(),
        Yield::Helper => "as the helper".to_owned(),
    }
}

fn signature(info: &Info) -> String {
    let mut operands: Vec<String> = Vec::new();
    for (position, (name, kind)) in info.operands.iter().enumerate() {
        let stolen = if info.steals & (1 << position) != 0 { "stolen " } else { "" };
        operands.push(format!("{name}: {stolen}{}", operand(*kind)));
    }
    if let Some((name, kind)) = info.rest {
        let stolen = if info.steals & STEALS_REST != 0 { "stolen " } else { "" };
        operands.push(format!("{name}...: {stolen}{}", operand(kind)));
    }
    let immediates: Vec<String> = info.immediates.iter().map(|(name, kind)| format!("{name}: {kind:?}")).collect();
    let immediates = if immediates.is_empty() { String::new() } else { format!("[{}]", immediates.join(", ")) };
    let operands = if operands.is_empty() { String::new() } else { format!(" {}", operands.join(", ")) };
    let targets = match info.targets {
        None | Some(0) => "",
        Some(1) => " -> block",
        Some(_) => " -> block, block",
    };
    cell(&format!("`{}{immediates}{operands}{targets}`", info.name))
}

/// Headings before the first instruction of each group.
const GROUPS: &[(Op, &str)] = &[
    (Op::ConstObject, "Constants and what is there at entry"),
    (Op::SetLocal, "The frame"),
    (Op::GuardClass, "Guards"),
    (Op::UnboxInt, "Representations"),
    (Op::IntAdd, "Integers"),
    (Op::FloatAdd, "Floats"),
    (Op::BoolNot, "Bools and identity"),
    (Op::LoadField, "Memory"),
    (Op::CacheCell, "Calls"),
    (Op::Increment, "References"),
    (Op::Jump, "Ends of blocks"),
    (Op::Catch, "Exceptions"),
];

const IR_INTRODUCTION: &str = "The instructions that functions consist of between bytecode and machine code. The rows are in `crates/ir/src/instructions.rs`; the rules that a
function keeps are listed in `crates/ir/src/verify.rs`; `docs/contributing/add-an-instruction.md` says how to add one.

## Text form

`print.rs` writes it, `parse.rs` reads it, `coachwhip-util` (crate `coachwhip-filetests`) does both for files.

    function \"name\" call 2 caches 1          ; or: loop +24 depth 1 (offset of the head, depth of the stack)
    block0:
        v0: Object? = argument[0] @0          ; value: type = instruction[immediates] operands @offset of the bytecode
        v1: Int = guard_class[Int] v0 snap0 @2
        v2: i64 = unbox_int v1 snap0 @2
        jump -> block1(v2) @2                 ; targets with arguments for the block's parameters
    block1(v3: i64 local0): cold entry snap1  ; the parameter stands for a local; the state at the head of a loop
        v4: Object = call_helper[get_iter] v1 snap0 caught owned[v1] @4
        branch_raised v4 -> block2(v4), block3 @4
    snapshots:
        snap0 = code0 +2 locals[v0 _] stack[v1 null] parent snap1 function v5

- Types: `i64`, `f64`, `i1`, `ptr`; objects by their classes: `Object` (any), `Int|Float`, with `?` if NULL is possible, `?` alone for NULL, with `[class3]` or
  `[obj5]` if the class of the facts or the very object is known.
- Immediates: numbers, `nan:0x7ff8000000000000`, names of classes, fields, helpers, reasons, conditions, conventions, `class3`, `obj5`, `code1`.
- A snapshot's `locals` are the slots of `localsplus` before the stack, `_` where there is nothing; `null` is a NULL on the stack. `parent` and `function` stand on frames
  of inlined calls.
- `caught`: a raise goes on at the `branch_raised` that follows. `owned[...]`: references that the function owns when the instruction leaves.
- `;` starts a comment. Numbers of values, blocks and snapshots are kept; instructions have no names.

## Instructions

*New* references belong to whoever uses the value; *borrowed* ones live only while what the instruction reads stays unchanged; *kept* ones live as long as the function runs.
*Stolen* operands give up their reference. Instructions that write `any` may run any Python code. Marks: `r` may be dropped if nobody uses the value.";

fn ir() -> String {
    let mut text = page("The intermediate representation", IR_INTRODUCTION);
    for op in Op::ALL {
        if let Some((_, title)) = GROUPS.iter().find(|(first, _)| first == op) {
            _ = writeln!(text, "\n### {title}");
            table(&mut text, &["instruction", "yields", "leaves by", "reads", "writes", "", "meaning"]);
        }
        let info = op.info();
        let leaves = match info.leaves {
            Leaves::Never => "",
            Leaves::Exit => "exit",
            Leaves::Raise => "raise",
            Leaves::Helper => "as the helper",
        };
        row(
            &mut text,
            &[
                signature(info),
                cell(&yields(info.yields)),
                leaves.to_owned(),
                heaps(info.reads),
                heaps(info.writes),
                if info.removable { "r" } else { "" }.to_owned(),
                cell(info.doc),
            ],
        );
    }
    text.push_str(
        "\n## Classes\n\nDestroying an object of a *trivial* class runs no code that can be noticed; objects of *immortal* classes are never counted.\n",
    );
    table(&mut text, &["class", "Python's name", ""]);
    for &class in Class::ALL {
        let marks = match (class.is_trivial(), class.is_immortal()) {
            (_, true) => "trivial, immortal",
            (true, false) => "trivial",
            (false, false) => "",
        };
        row(&mut text, &[code(&format!("{class:?}")), code(class.name()), marks.to_owned()]);
    }
    text.push_str("\n## Fields\n");
    table(&mut text, &["field", "kind", "heap"]);
    for &field in Field::ALL {
        let kind = match field.kind() {
            FieldKind::Object(classes) => classes.to_string(),
            FieldKind::Int64 => "64 bits, signed".to_owned(),
            FieldKind::Int32 => "32 bits, signed".to_owned(),
            FieldKind::Unsigned32 => "32 bits, unsigned".to_owned(),
            FieldKind::Unsigned8 => "8 bits, unsigned".to_owned(),
        };
        let heap = if field.heap().is_none() { "never changes".to_owned() } else { heaps(field.heap()) };
        row(&mut text, &[code(field.name()), cell(&kind), heap]);
    }
    let names = |names: Vec<&str>| names.iter().map(|name| code(name)).collect::<Vec<_>>().join(", ");
    _ = writeln!(text, "\nConditions: {}.", names(Condition::ROWS.iter().map(|row| row.1).collect()));
    _ = writeln!(text, "\nConventions of C functions: {}.", names(Convention::ROWS.iter().map(|row| row.1).collect()));
    text
}

fn helper_signature(info: &HelperInfo) -> String {
    let mut parameters: Vec<String> = info.parameters.iter().map(|(name, kind)| format!("{name}: {}", parameter(*kind))).collect();
    if let Some((name, kind)) = info.rest {
        parameters.push(format!("{name}...: {}", parameter(kind)));
    }
    cell(&format!("`{}({})`", info.name, parameters.join(", ")))
}

fn helpers() -> String {
    let mut text = page(
        "Helpers",
        "Routines of the runtime that compiled code calls by `call_helper`. The rows are in `crates/ir/src/helpers.rs`, the functions in `crates/runtime/src/helpers/`.
Each takes the thread state first; further parameters of any number (`...`) come as a pointer and a count. *Stolen* references are taken over, also when it raises.
Helpers that write `any` may run any Python code.",
    );
    table(&mut text, &["helper", "yields", "raises", "writes", "meaning"]);
    for helper in Helper::ALL {
        let info = helper.info();
        let raises = if info.raises { "yes" } else { "" };
        row(&mut text, &[helper_signature(info), cell(&yields(info.yields)), raises.to_owned(), heaps(info.writes), cell(info.doc)]);
    }
    text
}

fn options() -> String {
    let mut text = page("Options", "Environment variables, and keywords of `coachwhip.enable()`. The rows are in `crates/abi/src/options.rs`.");
    table(&mut text, &["variable", "keyword", "value", "default", "meaning"]);
    for option in OPTIONS {
        let kind = match option.kind {
            OptionKind::Flag => "0 or 1",
            OptionKind::Number => "number",
            OptionKind::Text => "text",
        };
        let default = if option.default.is_empty() { String::new() } else { code(option.default) };
        row(&mut text, &[code(option.variable), code(option.name), kind.to_owned(), default, cell(option.doc)]);
    }
    text
}

fn reasons() -> String {
    let mut text = page(
        "Reasons for leaving",
        "Why compiled code went back to the interpreter, as `coachwhip.explain()` and the report name it. The rows are in `crates/ir/src/reasons.rs`.",
    );
    table(&mut text, &["reason", "meaning"]);
    for reason in Reason::ALL {
        row(&mut text, &[code(reason.name()), cell(reason.doc())]);
    }
    text
}

fn opcodes() -> String {
    let mut text = page(
        "Bytecode",
        "What becomes of each bytecode instruction. The rows are in `crates/bytecode/src/op.rs`; superinstructions are decoded into their parts.

- *compiled*: to instructions of the IR, from what the interpreter's inline caches know, with a generic form.
- *helper*: to a call of a routine of the runtime.
- *leaves*: compiled code leaves to the interpreter here, or the whole function stays interpreted.",
    );
    table(&mut text, &["instruction", "support", "how"]);
    for op in Bytecode::ALL {
        let support = match op.support() {
            Support::Compiled => "compiled",
            Support::Helper => "helper",
            Support::Leaves => "leaves",
        };
        row(&mut text, &[code(op.name()), support.to_owned(), cell(op.note())]);
    }
    text
}

fn counters() -> String {
    let mut text = page("Counters", "The keys of `coachwhip.stats()`. The rows are in `crates/abi/src/counters.rs`.");
    table(&mut text, &["counter", "what it counts"]);
    for counter in Counter::ALL {
        row(&mut text, &[code(counter.name()), cell(counter.doc())]);
    }
    text
}

fn passes() -> String {
    let mut text = page(
        "Passes",
        "What the optimiser consists of: names for `COACHWHIP_DISABLE_PASSES`, `COACHWHIP_DUMP=ir:PASS` and file tests. The rows are in `crates/compiler/src/opt/mod.rs`.",
    );
    table(&mut text, &["pass", "", "what it does"]);
    for pass in PASSES {
        let kind = if pass.optional { "optional" } else { "needed" };
        row(&mut text, &[code(pass.name), kind.to_owned(), cell(pass.doc)]);
    }
    text
}

#[cfg(test)]
mod tests {
    /// Keeps the pages from going stale unnoticed.
    #[test]
    fn pages_are_up_to_date() {
        super::check(&crate::root()).unwrap();
    }
}

"""Makes src/v3_13/opcodes.rs from the metadata of the interpreter that runs this script (it must be CPython 3.13)."""

import _opcode_metadata as metadata
import opcode
import pathlib
import sys

SUPERINSTRUCTIONS = {
    "LOAD_FAST_LOAD_FAST": "LoadFastLoadFast",
    "STORE_FAST_LOAD_FAST": "StoreFastLoadFast",
    "STORE_FAST_STORE_FAST": "StoreFastStoreFast",
    "RETURN_CONST": "ReturnConst",
}
SPECIAL = {
    "CACHE": "Kind::Cache",
    "EXTENDED_ARG": "Kind::ExtendedArg",
    "ENTER_EXECUTOR": "Kind::Hidden",
    "INSTRUMENTED_LINE": "Kind::Hidden",
    "INSTRUMENTED_INSTRUCTION": "Kind::Hidden",
}


def camel(name):
    return "".join(part.capitalize() for part in name.split("_"))


def rows():
    """number -> (name, base name) of all real opcodes."""
    bases = {name: base for base, names in metadata._specializations.items() for name in names}
    # The stores and loads that Python/bytecodes.c specialises without listing them as a family.
    numbers = dict(metadata.opmap) | dict(metadata._specialized_opmap)
    for name, number in numbers.items():
        if number > 255:
            continue  # pseudo-instructions of the compiler
        base = bases.get(name, name)
        if name.startswith("INSTRUMENTED_") and name not in SPECIAL:
            base = name.removeprefix("INSTRUMENTED_")
            assert base in metadata.opmap, name
        yield number, name, base


def main():
    assert sys.version_info[:2] == (3, 13) and sys.implementation.name == "cpython"
    numbers = {name: number for number, name, _ in rows()}
    lines = [
        "//! The opcodes of CPython 3.13. Made by `crates/bytecode/tools/opcodes.py` from the interpreter's own metadata; do not edit.",
        "",
        "use crate::Op;",
        "use crate::table::{Kind, Opcode, Superinstruction, Table};",
        "",
        "/// The numbers of opcodes.",
        "pub mod number {",
    ]
    for number, name, _ in sorted(rows()):
        lines.append(f"    #[doc = \"`{name}`\"]\n    pub const {name}: u8 = {number};")
    lines += [
        "}",
        "",
        "const fn row(name: &'static str, base: u8, caches: u8, kind: Kind) -> Option<Opcode> {",
        "    Some(Opcode { name, base, caches, kind })",
        "}",
        "",
        "/// The table, by number.",
        "pub static TABLE: Table = Table {",
        "    version: (3, 13),",
        "    opcodes: {",
        "        let mut table = [None; 256];",
    ]
    for number, name, base in sorted(rows()):
        kind = SPECIAL.get(name)
        if base in SUPERINSTRUCTIONS:
            kind = f"Kind::Superinstruction(Superinstruction::{SUPERINSTRUCTIONS[base]})"
        kind = kind or f"Kind::Operation(Op::{camel(base)})"
        caches = opcode._inline_cache_entries.get(base, 0)
        lines.append(f"        table[{number}] = row(\"{name}\", {numbers[base]}, {caches}, {kind});")
    lines += ["        table", "    },", "};", ""]
    path = pathlib.Path(__file__).resolve().parent.parent / "src" / "v3_13" / "opcodes.rs"
    text = "\n".join(lines)
    if "--check" in sys.argv:
        sys.exit(path.read_text() != text)
    path.write_text(text)


if __name__ == "__main__":
    main()

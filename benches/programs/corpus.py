"""The input of the programs: sources and texts that every CPython 3.13 ships. Not a program itself."""

import ast
import os

LIBRARY = os.path.dirname(os.__file__)


def source(name):
    """The text of one of the standard library's files."""
    with open(os.path.join(LIBRARY, name), encoding="utf-8") as file:
        return file.read()


def docstrings(names):
    """The docstrings of some files, in their order."""
    texts = []
    for name in names:
        for node in ast.walk(ast.parse(source(name))):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                text = ast.get_docstring(node, clean=False)
                if text:
                    texts.append(text)
    return texts


class Checksum:
    """A small checksum over texts, so that a program's output is short and still depends on everything that it made."""

    def __init__(self):
        self.value = 1
        self.count = 0

    def add(self, text):
        self.value = (self.value * 1_000_003 + hash_text(text)) % (1 << 61)
        self.count += 1

    def __str__(self):
        return f"{self.count} items, checksum {self.value:016x}"


def hash_text(text):
    """A hash that does not change from process to process."""
    import zlib

    return zlib.crc32(text.encode("utf-8", "surrogatepass"))

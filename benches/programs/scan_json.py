"""json: the decoder that is written in Python (its C scanner left out) reads trees of the standard library's sources."""

import ast
import json
import json.decoder
import json.scanner

from corpus import Checksum, source

FILES = ["argparse.py", "heapq.py", "difflib.py", "tarfile.py"]
ROUNDS = 6


class PythonDecoder(json.JSONDecoder):
    """A JSONDecoder with the scanner and the string reader that are written in Python."""

    def __init__(self):
        super().__init__()
        self.parse_string = json.decoder.py_scanstring
        self.scan_once = json.scanner.py_make_scanner(self)


def tree(node):
    """A syntax tree as dicts and lists."""
    if isinstance(node, ast.AST):
        result = {"type": type(node).__name__}
        for name, value in ast.iter_fields(node):
            result[name] = tree(value)
        return result
    if isinstance(node, list):
        return [tree(item) for item in node]
    if isinstance(node, (str, int, float, bool)) or node is None:
        return node
    return repr(node)


def count(value, counts):
    """How often each kind of value occurs."""
    kind = type(value).__name__
    counts[kind] = counts.get(kind, 0) + 1
    if isinstance(value, dict):
        for item in value.values():
            count(item, counts)
    elif isinstance(value, list):
        for item in value:
            count(item, counts)


def main():
    checksum = Checksum()
    counts = {}
    for name in FILES:
        document = json.dumps(tree(ast.parse(source(name))), indent=1)
        for _ in range(ROUNDS):
            value = PythonDecoder().decode(document)
            count(value, counts)
        checksum.add(json.dumps(value, sort_keys=True))
    for name in sorted(counts):
        print(name, counts[name])
    print(checksum)


if __name__ == "__main__":
    main()

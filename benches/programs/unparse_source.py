"""ast: parses files of the standard library and writes them again from their trees with ast.unparse."""

import ast

from corpus import Checksum, source

FILES = ["argparse.py", "inspect.py", "typing.py", "tarfile.py", "_pydecimal.py", "subprocess.py", "difflib.py"]
ROUNDS = 7


def main():
    checksum = Checksum()
    for _ in range(ROUNDS):
        for name in FILES:
            checksum.add(ast.unparse(ast.parse(source(name))))
    print(checksum)


if __name__ == "__main__":
    main()

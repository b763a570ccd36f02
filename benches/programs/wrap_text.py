"""textwrap: sets the standard library's docstrings in columns of several widths."""

import textwrap

from corpus import Checksum, docstrings

FILES = ["argparse.py", "inspect.py", "typing.py", "tarfile.py", "_pydecimal.py", "subprocess.py", "difflib.py", "heapq.py", "statistics.py"]
WIDTHS = range(24, 100, 4)


def main():
    checksum = Checksum()
    for text in docstrings(FILES):
        plain = textwrap.dedent(text)
        for width in WIDTHS:
            lines = textwrap.wrap(plain, width, initial_indent="* ", subsequent_indent="  ")
            checksum.add("\n".join(lines))
        checksum.add(textwrap.indent(textwrap.fill(plain, 60), "> "))
        checksum.add(textwrap.shorten(plain, 80))
    print(checksum)


if __name__ == "__main__":
    main()

"""difflib: compares files of the standard library, line by line and character by character."""

import difflib

from corpus import Checksum, source

PAIRS = [("_pydecimal.py", "fractions.py"), ("json/decoder.py", "json/encoder.py"), ("typing.py", "types.py"), ("inspect.py", "dis.py"), ("heapq.py", "bisect.py")]
CLOSE = 250
ROUNDS = 3


def edited(lines, start=0):
    """The same text with every seventh line changed, every eleventh dropped and every thirteenth doubled; `start` moves them."""
    result = []
    for number, line in enumerate(lines, start):
        if number % 11 == 10:
            continue
        result.append(line.replace("self", "this", 1) if number % 7 == 6 else line)
        if number % 13 == 12:
            result.append(line)
    return result


def main():
    checksum = Checksum()
    for left, right in PAIRS:
        before = source(left).splitlines(keepends=True)
        for line in difflib.unified_diff(before, source(right).splitlines(keepends=True), left, right):
            checksum.add(line)
        for start in range(ROUNDS):
            for line in difflib.unified_diff(before, edited(before, start), left, "edited"):
                checksum.add(line)
    before = source("heapq.py").splitlines(keepends=True)[:CLOSE]
    for start in range(ROUNDS):
        for line in difflib.ndiff(before, edited(before, start)):
            checksum.add(line)
    words = sorted(set(source("argparse.py").split()))
    for word in words[:: 30 // ROUNDS]:
        checksum.add(" ".join(difflib.get_close_matches(word, words, n=3)))
    print(checksum)


if __name__ == "__main__":
    main()

"""tokenize: splits files of the standard library into tokens and puts them together again."""

import io
import tokenize

from corpus import Checksum, source

FILES = ["argparse.py", "inspect.py", "typing.py", "tarfile.py", "_pydecimal.py", "subprocess.py"]
ROUNDS = 9


def round_trip(text, counts):
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    for token in tokens:
        name = tokenize.tok_name[token.exact_type]
        counts[name] = counts.get(name, 0) + 1
    return tokenize.untokenize(tokens)


def main():
    checksum = Checksum()
    counts = {}
    for _ in range(ROUNDS):
        for name in FILES:
            again = round_trip(source(name), counts)
            checksum.add(again)
    for name in sorted(counts):
        print(name, counts[name])
    print(checksum)


if __name__ == "__main__":
    main()

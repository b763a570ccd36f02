"""html.parser: writes sources as HTML pages and reads them back: text, links and nesting."""

import html
import re
from html.parser import HTMLParser

from corpus import Checksum, source

FILES = ["argparse.py", "inspect.py", "typing.py", "tarfile.py", "subprocess.py"]
ROUNDS = 3


def page(title, text):
    """A source as a page with a table of lines, names as links and words marked."""
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        escaped = html.escape(line)
        marked = re.sub(r"\b(def|class|return|if|for)\b", r'<b class="word">\1</b>', escaped)
        linked = re.sub(r"\bself\.(\w+)", r'self.<a href="#\1" title="see \1">\1</a>', marked)
        rows.append(f'<tr id="L{number}"><td class=number>{number}</td><td><code>{linked}</code></td></tr>')
    return f"<!DOCTYPE html><html><head><title>{html.escape(title)}</title></head><body><!-- {title} --><table>{''.join(rows)}</table><br/></body></html>"


class Reader(HTMLParser):
    """Collects what a page says."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open = []
        self.deepest = 0
        self.links = {}
        self.text = []
        self.words = 0

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        self.deepest = max(self.deepest, len(self.open))
        for name, value in attributes:
            if name == "href":
                self.links[value] = self.links.get(value, 0) + 1
            elif name == "class" and value == "word":
                self.words += 1

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        self.text.append(data)

    def handle_startendtag(self, tag, attributes):
        self.text.append("\n")


def main():
    checksum = Checksum()
    for _ in range(ROUNDS):
        for name in FILES:
            reader = Reader()
            reader.feed(page(name, source(name)))
            reader.close()
            checksum.add("".join(reader.text))
            print(name, reader.deepest, reader.words, len(reader.links), sum(reader.links.values()))
    print(checksum)


if __name__ == "__main__":
    main()

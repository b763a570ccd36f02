"""Binary trees that are built, walked and dropped: allocation, recursion, garbage."""

DEEPEST = 16
SHALLOW = 4


class Node:
    """A node with two branches or none."""

    __slots__ = ("left", "right")

    def __init__(self, left, right):
        self.left = left
        self.right = right

    def count(self):
        if self.left is None:
            return 1
        return 1 + self.left.count() + self.right.count()


def grow(depth):
    if depth == 0:
        return Node(None, None)
    return Node(grow(depth - 1), grow(depth - 1))


def main():
    print("large", grow(DEEPEST + 1).count())
    kept = grow(DEEPEST)
    for depth in range(SHALLOW, DEEPEST + 1, 3):
        trees = 1 << (DEEPEST - depth + SHALLOW)
        total = 0
        for _ in range(trees):
            total += grow(depth).count()
        print(trees, "of depth", depth, total)
    print("kept", kept.count())


if __name__ == "__main__":
    main()

"""Queens on a board that do not attack each other: recursion, lists of flags, and the same once more with bits of an int."""

SIZE = 10
BITS = 13


class Board:
    """Counts solutions with lists."""

    def __init__(self, size):
        self.size = size
        self.columns = [False] * size
        self.rising = [False] * (2 * size)
        self.falling = [False] * (2 * size)
        self.solutions = 0
        self.places = []
        self.first = None

    def solve(self, row):
        size = self.size
        if row == size:
            self.solutions += 1
            if self.first is None:
                self.first = tuple(self.places)
            return
        columns, rising, falling = self.columns, self.rising, self.falling
        for column in range(size):
            up, down = row + column, row - column + size
            if columns[column] or rising[up] or falling[down]:
                continue
            columns[column] = rising[up] = falling[down] = True
            self.places.append(column)
            self.solve(row + 1)
            self.places.pop()
            columns[column] = rising[up] = falling[down] = False


def count(full, columns, left, right):
    """Counts solutions with bits."""
    if columns == full:
        return 1
    total = 0
    free = full & ~(columns | left | right)
    while free:
        bit = free & -free
        free ^= bit
        total += count(full, columns | bit, (left | bit) << 1, (right | bit) >> 1)
    return total


def main():
    for size in (6, SIZE, SIZE + 1):
        board = Board(size)
        board.solve(0)
        print(size, board.solutions, board.first)
    print(BITS, count((1 << BITS) - 1, 0, 0, 0))


if __name__ == "__main__":
    main()

"""The spectral norm of an infinite matrix, by the power method: small functions, ints that become floats, comprehensions."""

SIZE = 520
STEPS = 10


def element(row, column):
    diagonal = row + column
    return 1.0 / (diagonal * (diagonal + 1) // 2 + row + 1)


def times(vector):
    size = len(vector)
    result = []
    for row in range(size):
        total = 0.0
        for column in range(size):
            total += element(row, column) * vector[column]
        result.append(total)
    return result


def transposed_times(vector):
    size = len(vector)
    result = []
    for row in range(size):
        total = 0.0
        for column in range(size):
            total += element(column, row) * vector[column]
        result.append(total)
    return result


def main():
    left = [1.0] * SIZE
    for _ in range(STEPS):
        right = transposed_times(times(left))
        left = transposed_times(times(right))
    products = sum(a * b for a, b in zip(left, right))
    squares = sum(a * a for a in right)
    print(f"{(products / squares) ** 0.5:.9f}")


if __name__ == "__main__":
    main()

"""A picture of the Mandelbrot set in letters: a tight loop over floats."""

WIDTH, HEIGHT = 600, 300
LIMIT = 400
LETTERS = " .:-=+*#%@"


def steps(x, y, limit):
    re = im = 0.0
    for step in range(limit):
        re_square = re * re
        im_square = im * im
        if re_square + im_square > 4.0:
            return step
        im = 2.0 * re * im + y
        re = re_square - im_square + x
    return limit


def main():
    for row in range(HEIGHT):
        y = (row - HEIGHT / 2) * 2.4 / HEIGHT
        line = []
        for column in range(WIDTH):
            x = (column - WIDTH * 0.7) * 3.0 / WIDTH
            count = steps(x, y, LIMIT)
            line.append("@" if count == LIMIT else LETTERS[count % 9])
        print("".join(line))


if __name__ == "__main__":
    main()

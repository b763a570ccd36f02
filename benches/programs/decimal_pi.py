"""_pydecimal: digits of pi, square roots and logarithms with the decimal arithmetic that is written in Python."""

from _pydecimal import Context, Decimal, setcontext

DIGITS = 900
ROOTS = 900
STEPS = 100_000


def pi():
    """The recipe of the decimal module's documentation."""
    three = Decimal(3)
    last_sum, term, total, n, na, d, da = 0, three, 3, 1, 0, 0, 24
    while total != last_sum:
        last_sum = total
        n, na = n + na, na + 8
        d, da = d + da, da + 32
        term = (term * n) / d
        total += term
    return +total


def interest(steps):
    """Money that grows, rounded to cents each month."""
    balance = Decimal("1000.00")
    rate = Decimal("0.0025")
    cent = Decimal("0.01")
    for month in range(steps):
        balance += (balance * rate).quantize(cent)
        if month % 12 == 11:
            balance -= Decimal("22.95")
        if balance > 100_000 or balance < 0:
            balance = (balance / 7).copy_abs().quantize(cent)
    return balance


def main():
    setcontext(Context(prec=DIGITS))
    print(pi())
    setcontext(Context(prec=50))
    total = Decimal(0)
    for number in range(2, 2 + ROOTS):
        total += Decimal(number).sqrt() * Decimal(number).ln()
    print(total)
    setcontext(Context(prec=28))
    print(interest(STEPS))


if __name__ == "__main__":
    main()

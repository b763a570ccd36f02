"""Prime numbers: a sieve in a list, then factors and gaps. Module-level loops, ints, subscripts."""

LIMIT = 4_000_000
FACTORS = 15_000

prime = [True] * (LIMIT + 1)
prime[0] = prime[1] = False
number = 2
while number * number <= LIMIT:
    if prime[number]:
        multiple = number * number
        while multiple <= LIMIT:
            prime[multiple] = False
            multiple += number
    number += 1

count = 0
last = 0
gaps = {}
for number in range(LIMIT + 1):
    if prime[number]:
        count += 1
        gap = number - last
        gaps[gap] = gaps.get(gap, 0) + 1
        last = number
print(count, last)
print(sorted(gaps.items()))


def factors(number):
    """The prime factors of a number, ascending."""
    found = []
    divisor = 2
    while divisor * divisor <= number:
        while number % divisor == 0:
            found.append(divisor)
            number //= divisor
        divisor += 1
    if number > 1:
        found.append(number)
    return found


total = 0
for number in range(LIMIT - FACTORS, LIMIT):
    total += sum(factors(number))
print(total)
